"""From folders to an index, a check and a training run that uses both."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tests.unit.data.layouts import write_s2naip_pair

Run = Callable[..., "CompletedProcess[str]"]


@pytest.mark.slow
def test_training_uses_the_index_and_what_the_check_excluded(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    for tile in ("1_1", "2_2", "3_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    (tmp_path / "sentinel2" / "2_2" / "tci.png").write_bytes(b"broken")
    data = {"type": "s2naip", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2, "index": "index.parquet"}
    options = {
        "name": "tiny",
        "model": {"type": "srcnn", "n_revisits": 2, "n_features": 16},
        "train_data": data,
        "training": {"n_steps": 3, "batch_size": 2},
    }
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(options))
    absent = run("train", "tiny.yml")
    assert absent.returncode == 2
    assert "ssr data index" in absent.stderr
    index = run("data", "index", "tiny.yml")
    assert (index.returncode, index.stderr) == (0, "")
    check = run("data", "check", "tiny.yml")
    assert (check.returncode, check.stderr) == (0, "")
    assert "1 of 3 samples are of no use: 1 corrupt" in check.stdout
    broken = run("train", "tiny.yml")
    assert broken.returncode == 2
    assert "2_2/tci.png" in broken.stderr
    data["exclude"] = "exclude.txt"
    options["name"] = "sound"
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(options))
    trained = run("train", "tiny.yml")
    assert (trained.returncode, trained.stderr) == (0, "")

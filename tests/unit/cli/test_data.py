"""Do `data index`, `data check` and `data pack` say what they found, and refuse what has nothing to find?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from ssr.errors import ConfigError
from tests.unit.data.layouts import IMAGE, write_s2naip_pair

Invoke = Callable[..., Result]


@pytest.fixture
def options(tmp_path: Path) -> Path:
    for tile in ("1_1", "2_2"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    write_s2naip_pair(tmp_path, "3_3", n_dates=1)
    return write_options(tmp_path, {"type": "s2naip", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2})


def write_options(folder: Path, data: dict[str, object]) -> Path:
    model = {"type": "srcnn", "n_revisits": 2, "n_features": 16}
    content = {"name": "a", "model": model, "train_data": data, "training": {"n_steps": 1}}
    (folder / "train.yml").write_text(yaml.safe_dump(content))
    return folder / "train.yml"


def test_check_counts_flaws_and_writes_both_files(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    shown = invoke("data", "check", options)
    assert shown.exit_code == 0, shown.exception
    assert "1 of 3 samples are of no use: 1 short" in shown.stdout
    assert (tmp_path / "exclude.txt").read_text() == f"{IMAGE}/3_3\n"
    assert json.loads((tmp_path / "data-check.json").read_text())["kinds"] == {"short": 1}


def test_check_speaks_json(invoke: Invoke, options: Path) -> None:
    shown = invoke("data", "check", options, "--json", "--threads", 1, "--exclude", "a/b.txt", "--report", "a/c.json")
    assert json.loads(shown.stdout) == {
        "report": "a/c.json",
        "exclude": "a/b.txt",
        "n_samples": 3,
        "n_flawed": 1,
        "kinds": {"short": 1},
    }


def test_index_is_written_where_it_is_asked_for(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    shown = invoke("data", "index", options, "-o", "index.parquet")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout == "wrote index.parquet: 3 samples of 1 images, current layout\n"
    assert (tmp_path / "index.parquet").is_file()
    assert json.loads(invoke("data", "index", options, "-o", "b.parquet", "--json").stdout)["n_samples"] == 3


def test_index_without_a_file_to_write_and_absent_data_are_refused(invoke: Invoke, options: Path) -> None:
    refused = invoke("data", "index", options)
    assert isinstance(refused.exception, ConfigError)
    assert "--output" in str(refused.exception)
    refused = invoke("data", "check", options, "--of", "validation")
    assert isinstance(refused.exception, ConfigError)
    assert "validation_data" in str(refused.exception)


def test_pack_names_what_it_left_out(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    shown = invoke("data", "pack", options, "-o", "pack")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout == "wrote pack: 2 samples in 1 files; name it in the options as packed\n"
    assert f"left out: {IMAGE}/3_3" in shown.stderr
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == ["00000.tar", "index.parquet"]


@pytest.mark.parametrize("command", [("index", "-o", "a.parquet"), ("check",), ("pack", "-o", "a")])
def test_simulated_data_have_nothing_to_find(command: tuple[str, ...], invoke: Invoke, tmp_path: Path) -> None:
    options = write_options(tmp_path, {"type": "simulated", "imagery": [{"folder": "a"}], "n_revisits": [2]})
    name, *arguments = command
    refused = invoke("data", name, options, *arguments)
    assert isinstance(refused.exception, ConfigError)
    assert "simulated" in str(refused.exception)

"""From published archives to folders, and from folders to an index, a check and a training run that uses both."""

import io
import json
import signal
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess, Popen

import pytest
import yaml

from tests.integration.conftest import files_below
from tests.support.bad_server import BadServer, bad_server
from tests.unit.data.archives import cut, tar_entry
from tests.unit.data.layouts import write_s2naip_pair

Run = Callable[..., "CompletedProcess[str]"]
Start = Callable[..., "Popen[str]"]
N_FILES = 5_000
"""Files of an archive that takes a while to extract."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadServer]:
    with bad_server() as serving:
        monkeypatch.setenv("SSR_DATA_URL", serving.url)
        yield serving


def wait_until(is_so: Callable[[], bool], process: "Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_download_killed_in_its_second_part_goes_on_there(
    how: signal.Signals, run: Run, start: Start, server: BadServer, tmp_path: Path
) -> None:
    whole = tmp_path / "train_urban_set.tar"
    with tarfile.open(whole, "w") as archive:
        archive.addfile(tar_entry("sentinel2/1_1/tci.png", size=300_000), io.BytesIO(bytes(range(250)) * 1200))
    parts = cut(whole, whole.read_bytes(), 3, (".aa", ".ab", ".ac"))
    names = [part.name for part in parts]
    for part in parts:
        server.serve(part.name, part.read_bytes(), block_bytes=20_000, pauses_s=0.5 if part == parts[1] else 0.0)
    asking = ("data", "get", "train_urban_set", "-o", "out", "--parts", ",".join(names))
    process = start(*asking)
    kept = tmp_path / "out" / "train_urban_set.parts"
    wait_until(lambda: any(part.stat().st_size for part in kept.glob(f"*/.{names[1]}.part")), process)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[how]
    (part,) = kept.glob(f"*/.{names[1]}.part")
    n_kept = part.stat().st_size
    server.files[f"/{names[1]}"].pauses_s = 0.0
    server.asked.clear()
    done = run(*asking)
    assert done.returncode == 0, done.stderr
    assert [(asked.path, asked.range) for asked in server.asked] == [
        (f"/{names[1]}", f"bytes={n_kept}-"),
        (f"/{names[2]}", None),
    ]
    extracted = tmp_path / "out" / "train_urban_set" / "sentinel2"
    assert (extracted / "1_1" / "tci.png").read_bytes() == bytes(range(250)) * 1200
    assert "sentinel2: out/train_urban_set/sentinel2" in done.stdout


@pytest.fixture
def many_files(tmp_path: Path) -> Path:
    """A tar of many files of few bytes."""
    path = tmp_path / "val_set.tar"
    with tarfile.open(path, "w") as archive:
        for k in range(N_FILES):
            archive.addfile(tar_entry(f"naip/a/{k % 100}/{k}.png", size=2), io.BytesIO(b"xy"))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_extraction_leaves_no_folder_that_looks_whole(
    how: signal.Signals, run: Run, start: Start, many_files: Path, tmp_path: Path
) -> None:
    asking = ("data", "get", "val_set", "-o", "out", "--url", many_files)
    process = start(*asking)
    out = tmp_path / "out"
    wait_until(lambda: (out / ".val_set.extracting" / "naip").is_dir(), process)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (out / "val_set").exists()
    if how != signal.SIGKILL:
        assert files_below(out) == {".val_set.lock"}
    done = run(*asking)
    assert done.returncode == 0, done.stderr
    assert len(files_below(out / "val_set")) == N_FILES
    assert not (out / ".val_set.extracting").exists()


@pytest.mark.slow
def test_of_two_at_once_one_does_the_work(start: Start, server: BadServer, many_files: Path, tmp_path: Path) -> None:
    url = server.serve("v.tar", many_files.read_bytes())
    both = [start("data", "get", "val_set", "-o", "out", "--url", url, "--json") for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    gotten = [json.loads(out) for out, _ in told]
    assert sorted(each["was_here"] for each in gotten) == [False, True]
    assert len(server.asked) == 1
    assert len(files_below(tmp_path / "out" / "val_set")) == N_FILES


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

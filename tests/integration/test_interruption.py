"""Is a result whole or absent, whatever happens to the process?"""

import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rio_cogeo.cogeo import cog_validate

from tests.integration.conftest import command, files_below
from tests.support.scenes import textured, write_series

Start = Callable[..., "subprocess.Popen[str]"]


N_PX = 900
"""Several rows of windows."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_series(tmp_path / "dates", textured(1, N_PX, N_PX).repeat(4, 0))
    return tmp_path


def wait_for(process: "subprocess.Popen[str]", folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 90
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def at_work(start: Start, folder: Path) -> "subprocess.Popen[str]":
    """A run amid a scene, before its first row is finished."""
    process = start("scene", "dates", "-o", "new/out.tif")
    wait_for(process, folder, "new/.*")
    return process


@pytest.fixture
def a_row_on(start: Start, folder: Path) -> "subprocess.Popen[str]":
    """A run that has finished a row of windows, or more."""
    process = start("scene", "dates", "-o", "new/out.tif")
    wait_for(process, folder, "new/.*/00000.npy")
    return process


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_stopped_before_its_first_row_leaves_no_files_and_says_so(
    at_work: "subprocess.Popen[str]", folder: Path, sent: signal.Signals, code: int
) -> None:
    at_work.send_signal(sent)
    _, told = at_work.communicate(timeout=60)
    assert at_work.returncode == code
    assert files_below(folder / "new") == set()
    assert told == "interrupted; nothing half-written is left behind\n"


@pytest.mark.slow
@pytest.mark.parametrize(("room_mb", "fits"), [(5, False), (20, True)], ids=["a row does not fit", "the result"])
def test_a_full_disk_is_told_and_what_was_finished_serves_later(
    start: Start, folder: Path, room_mb: int, fits: bool
) -> None:
    """A row of the windows that so much memory allows takes about 13 MB, the result more."""
    room = room_mb * 2**20
    wanted = ("scene", "dates", "-o", "new/out.tif", "--model", "bicubic", "--memory", "1200MB")
    done = subprocess.run(
        command(*wanted),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 2
    assert "\nerror: new/out.tif: cannot be written" in f"\n{done.stderr}", done.stderr
    assert ("rows are kept" in done.stderr) == fits
    assert not (folder / "new" / "out.tif").exists()
    assert bool(files_below(folder / "new")) == fits
    again = start(*wanted)
    _, told = again.communicate(timeout=120)
    assert again.returncode == 0, told
    assert ("finished 100% of this" in told) == fits
    assert files_below(folder / "new") == {"out.tif"}


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_what_is_stopped_later_goes_on_to_the_same_bytes(
    a_row_on: "subprocess.Popen[str]", start: Start, folder: Path, sent: signal.Signals, code: int
) -> None:
    a_row_on.send_signal(sent)
    _, told = a_row_on.communicate(timeout=60)
    assert a_row_on.returncode == code
    assert not (folder / "new" / "out.tif").exists()
    assert all(name.startswith(".out.tif.unfinished/") for name in files_below(folder / "new"))
    if sent != signal.SIGKILL:
        assert "run the same again to go on" in told
    again = start("scene", "dates", "-o", "new/out.tif")
    assert "gone on from there" in again.communicate(timeout=120)[1]
    undisturbed = start("scene", "dates", "-o", "whole/out.tif")
    assert undisturbed.wait(timeout=120) == 0
    assert (folder / "new" / "out.tif").read_bytes() == (folder / "whole" / "out.tif").read_bytes()
    assert files_below(folder / "new") == {"out.tif"}


def test_of_two_runs_to_one_result_one_writes_and_the_other_says_so(
    at_work: "subprocess.Popen[str]", start: Start, folder: Path
) -> None:
    second = start("scene", "dates", "-o", "new/out.tif")
    _, told = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "another run is writing it" in told
    assert at_work.wait(timeout=120) == 0
    assert files_below(folder / "new") == {"out.tif"}
    assert cog_validate(folder / "new" / "out.tif", strict=True)[0]

"""Is a result whole or absent, whatever happens to the process?"""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rio_cogeo.cogeo import cog_validate

from tests.integration.conftest import files_below
from tests.support.scenes import textured, write_series

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def at_work(start: Start, tmp_path: Path) -> "subprocess.Popen[str]":
    """A run that is amid a scene too large to finish soon."""
    write_series(tmp_path / "dates", textured(1, 900, 900).repeat(4, 0))
    process = start("scene", "dates", "-o", "new/out.tif")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("new/.*")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_an_interrupt_leaves_no_files_and_says_so(at_work: "subprocess.Popen[str]", tmp_path: Path) -> None:
    at_work.send_signal(signal.SIGINT)
    _, told = at_work.communicate(timeout=60)
    assert at_work.returncode == 130
    assert files_below(tmp_path / "new") == set()
    assert told == "interrupted; nothing half-written is left behind\n"


def test_a_killed_run_leaves_no_result(at_work: "subprocess.Popen[str]", tmp_path: Path) -> None:
    at_work.kill()
    at_work.communicate(timeout=60)
    assert not (tmp_path / "new" / "out.tif").exists()
    assert all(name.startswith(".") for name in files_below(tmp_path / "new"))


def test_two_runs_to_one_result_leave_one_whole_file(start: Start, dates: Path, tmp_path: Path) -> None:
    both = [start("scene", dates, "-o", "new/out.tif", "--overwrite") for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert files_below(tmp_path / "new") == {"out.tif"}
    assert cog_validate(tmp_path / "new" / "out.tif", strict=True)[0]

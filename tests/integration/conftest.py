"""Commands run as a user runs them: in a process of their own."""

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scenes import textured, write_series

SSR = Path(sysconfig.get_path("scripts")) / "ssr"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command(*arguments: object) -> list[str]:
    """`ssr …`, or `python -m ssr.… …` when the first word names a module."""
    words = [str(argument) for argument in arguments]
    return [sys.executable, "-m", *words] if words[0].startswith("ssr.") else [str(SSR), *words]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in the test's folder and return its exit code and words."""

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(*arguments), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a command in the test's folder; whatever still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command(*arguments), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def dates(tmp_path: Path) -> Path:
    """A folder of three small georeferenced dates."""
    write_series(tmp_path / "dates", textured(3, 24, 31))
    return tmp_path / "dates"


def files_below(folder: Path) -> set[str]:
    """Every file, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

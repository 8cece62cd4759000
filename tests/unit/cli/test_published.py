"""Are the original's flags understood?"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssr.cli import published
from ssr.config.files import Changes
from ssr.errors import ConfigError
from tests.support.scenes import read_pixels, textured, write_chip

PROGRAMS = [published.infer, published.infer_grid, published.train]


def call(monkeypatch: pytest.MonkeyPatch, program: Callable[[], None], *flags: str) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *flags])
    program()


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_option_file_is_required(monkeypatch: pytest.MonkeyPatch, program: Callable[[], None]) -> None:
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, program)
    assert ended.value.code == 2


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_absent_option_file_is_named(monkeypatch: pytest.MonkeyPatch, program: Callable[[], None]) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yml: no such option file"):
        call(monkeypatch, program, "-opt", "absent.yml")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `python -m ssr.train` hands to the training run, which does not start."""
    taken: dict[str, Any] = {}
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(published, "run_training", lambda path, changes, **rest: taken.update(rest, changes=changes))
    return taken


def test_slurm_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"--launcher slurm is not supported; start torchrun"):
        call(monkeypatch, published.train, "-opt", "a.yml", "--launcher", "slurm")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], Changes()),
        (["--debug"], Changes(debugs=True)),
        (["--strict"], Changes(strict=True)),
        (["--force_yml", "a:b=1", "c=2"], Changes(forced=("a:b=1", "c=2"))),
        (["--force_yml", "a:b=1", "--force_yml", "c=2"], Changes(forced=("a:b=1", "c=2"))),
        (["--launcher", "pytorch"], Changes()),
        (["--local-rank", "1", "--launcher=pytorch"], Changes()),
        (["--local_rank=1"], Changes()),
        (["--local-rank=0"], Changes()),
    ],
)
def test_published_flags_of_training(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], flags: list[str], expected: Changes
) -> None:
    call(monkeypatch, published.train, "-opt", "a.yml", *flags)
    assert (asked["changes"], asked["resume"]) == (expected, False)


def test_the_number_of_processes_is_torchrun_s(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    call(monkeypatch, published.train, "-opt", "a.yml", "--auto_resume")
    assert (asked["changes"], asked["resume"]) == (Changes(n_processes=4), True)


@pytest.mark.parametrize("flags", [["--force_yml"], ["--launcher", "mpi"], ["--local-rank", "first"], ["--typo"]])
def test_flags_that_nobody_knows_are_refused(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], flags: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, published.train, "-opt", "a.yml", *flags)
    assert (ended.value.code, asked) == (2, {})


def test_a_folder_in_place_of_an_option_file_uses_the_bundled_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = textured(8, 32, 32)
    write_chip(tmp_path / "chips" / "a.png", frames)
    call(monkeypatch, published.infer, "-opt", "chips")
    assert capsys.readouterr().err == "note: chips is a folder: its chips are used with the bundled model\n"
    np.testing.assert_array_equal(read_pixels(tmp_path / "results/0/lr.png"), frames[0].transpose(1, 2, 0))

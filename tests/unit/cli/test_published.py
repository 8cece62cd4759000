"""Are the original's flags understood?"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssr.cli import published
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


def test_more_than_one_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, published.train, "-opt", "a.yml", "--launcher", "slurm")
    assert ended.value.code == 2


def test_a_folder_in_place_of_an_option_file_uses_the_bundled_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = textured(8, 32, 32)
    write_chip(tmp_path / "chips" / "a.png", frames)
    call(monkeypatch, published.infer, "-opt", "chips")
    assert capsys.readouterr().err == "note: chips is a folder: its chips are used with the bundled model\n"
    np.testing.assert_array_equal(read_pixels(tmp_path / "results/0/lr.png"), frames[0].transpose(1, 2, 0))

"""Are arguments understood, and wrong ones refused before anything is read?"""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from ssr.errors import ConfigError, InputError
from tests.support.scenes import textured, write_chip, write_tiff


@pytest.mark.parametrize("bands", ["r,g,b", "0,1,2", "-1,2,3", "1;2;3", "", "1.0,2,3"])
def test_bands_are_numbers_from_one(invoke: Callable[..., Result], bands: str) -> None:
    error = invoke("scene", "x", "-o", "y", "--bands", bands).exception
    assert isinstance(error, ConfigError)
    assert "--bands" in str(error)


@pytest.mark.parametrize("bands", ["3,2,1", " 3, 2 ,1 "])
def test_blanks_between_bands_do_no_harm(invoke: Callable[..., Result], bands: str) -> None:
    write_tiff(Path("a.tif"), textured(1, 8, 8)[0])
    assert invoke("scene", "a.tif", "-o", "out.tif", "--bands", bands).exit_code == 0


@pytest.mark.parametrize(
    ("option", "value"), [("--precision", "fp8"), ("--device", "gpu"), ("--device", "cpu:x"), ("--device", "")]
)
@pytest.mark.parametrize("command", ["scene", "infer", "infer-grid"])
def test_unknown_devices_and_precisions_are_refused(
    invoke: Callable[..., Result], command: str, option: str, value: str
) -> None:
    error = invoke(command, "x", "-o", "y", option, value).exception
    assert isinstance(error, ConfigError)
    assert repr(value) in str(error)


def test_a_scene_is_told_in_words(invoke: Callable[..., Result]) -> None:
    write_tiff(Path("a.tif"), textured(1, 8, 9)[0])
    shown = invoke("scene", "a.tif", "-o", "out.tif", "--device", "cpu", "--precision", "fp32")
    lines = shown.stdout.splitlines()
    assert lines[0] == "read    1 date(s), 9×8 px, EPSG:32633, origin (500000, 5000000); used a.tif"
    assert lines[1].startswith("model   compact-8 on cpu fp32")
    assert lines[2] == "engine  torch: the fastest measured for compact-8"
    assert lines[3] == "wrote   out.tif: 36×32 px, EPSG:32633, origin (500000, 5000000)"
    assert lines[4].startswith("item    none: no date says when it was taken")
    assert lines[5].startswith("took ")
    assert lines[5].endswith("% of its time")


def test_chips_are_told_in_words(invoke: Callable[..., Result]) -> None:
    write_chip(Path("chips/a.png"), textured(1, 32, 32))
    shown = invoke("infer", "chips", "-o", "out", "--n-revisits", "1")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0] == "engine  torch: the fastest measured for compact-8"
    assert shown.stdout.splitlines()[1].startswith("1 done in ")
    assert shown.stdout.endswith(": out\n")


@pytest.mark.parametrize("command", ["infer", "infer-grid"])
def test_a_source_that_is_not_there_is_named(invoke: Callable[..., Result], command: str) -> None:
    error = invoke(command, "nowhere").exception
    assert isinstance(error, ConfigError | InputError)
    assert "nowhere" in str(error)


def test_the_demo_of_an_own_series_draws_a_picture(invoke: Callable[..., Result]) -> None:
    write_tiff(Path("mine/a.tif"), textured(1, 12, 12)[0])
    shown = invoke("demo", "--input", "mine", "-o", "demo")
    assert shown.exit_code == 0, shown.exception
    assert sorted(path.name for path in Path("demo/mine").iterdir()) == ["comparison.png", "super_resolved.tif"]

"""Do a result and what belongs beside it come about together, whenever the process is killed, and alone?"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssr.errors import OutputError, SeriesError
from ssr.workflows.scene import SceneResult, super_resolve_scene
from tests.integration.conftest import Run, files_below
from tests.support.scenes import FP32, textured, write_tiff

KILLED_AT_A_NAME = """
import os, signal, sys
from pathlib import Path

folder, n_left = Path(sys.argv[1]).resolve(), int(sys.argv[2])

def killing(rename):
    def rename_or_die(source, target, **options):
        global n_left
        if Path(target).absolute().parent == folder:
            if not n_left:
                os.kill(os.getpid(), signal.SIGKILL)
            n_left -= 1
        return rename(source, target, **options)
    return rename_or_die

os.rename, os.replace = killing(os.rename), killing(os.replace)
sys.argv = ["ssr", *sys.argv[3:]]
from ssr.cli.main import main
main()
"""
"""The command `ssr`, killed before the file takes its name that comes after so many others."""
WITH_ALL = ("--model", "bicubic", "--trust", "--explain")
ALL = ["out.trust.tif", "out.tif", "out.dates.json", "out.dates.tif", "out.stac.json"]
"""In the order in which they take their names."""


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Dates that say when they were taken."""
    for day, pixels in enumerate(textured(3, 24, 31), start=1):
        write_tiff(tmp_path / "dates" / f"2021-06-0{day}.tif", pixels)
    return tmp_path / "dates"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for day, pixels in enumerate(textured(3, 24, 31), start=1):
        write_tiff(folder / "dates" / f"2021-06-0{day}.tif", pixels)
    options = ["scene", "dates", "-o", "new/out.tif", *WITH_ALL]
    subprocess.run([sys.executable, "-c", KILLED_AT_A_NAME, "new", "99", *options], cwd=folder, check=True, timeout=120)
    return folder / "new"


def kill(folder: Path, n_names: int, *options: str) -> None:
    """Run a command that writes into `new` and is killed after so many files have their names."""
    words = [sys.executable, "-c", KILLED_AT_A_NAME, "new", str(n_names), "scene", "dates", *options]
    assert subprocess.run(words, cwd=folder, check=False, timeout=120, capture_output=True).returncode == -9


def write(series: Path, out: Path, **options: bool) -> SceneResult:
    return super_resolve_scene([series], out, model="bicubic", compute=FP32, **options)


@pytest.mark.slow
@pytest.mark.parametrize("n_names", range(len(ALL)), ids=[f"before {name}" for name in ALL])
def test_the_same_command_finishes_what_was_killed_amid_its_publication(
    run: Run, series: Path, tmp_path: Path, undisturbed: Path, n_names: int
) -> None:
    options = ["-o", "new/out.tif", *WITH_ALL]
    kill(tmp_path, n_names, *options)
    there = {path.name for path in (tmp_path / "new").iterdir() if not path.name.startswith(".")}
    assert there == set(ALL[:n_names])
    again = run("scene", "dates", *options)
    assert again.returncode == 0, again.stderr
    assert "finished 100% of this" in again.stderr
    assert files_below(tmp_path / "new") == set(ALL)
    for name in ALL[:4]:
        assert (tmp_path / "new" / name).read_bytes() == (undisturbed / name).read_bytes(), name


@pytest.mark.slow
def test_another_command_than_the_killed_one_replaces_nothing_unasked(run: Run, series: Path, tmp_path: Path) -> None:
    kill(tmp_path, 1, "-o", "new/out.tif", *WITH_ALL)
    before = files_below(tmp_path / "new")
    refused = run("scene", "dates", "-o", "new/out.tif", "--model", "bicubic", "--json")
    assert refused.returncode == 2
    assert "out.trust.tif: exists already; pass --overwrite" in refused.stderr
    assert files_below(tmp_path / "new") == before
    asked = run("scene", "dates", "-o", "new/out.tif", "--model", "bicubic", "--overwrite")
    assert asked.returncode == 0, asked.stderr
    assert files_below(tmp_path / "new") == {"out.tif", "out.stac.json"}


@pytest.mark.slow
def test_an_older_result_is_whole_until_the_new_one_is_there(series: Path, tmp_path: Path) -> None:
    write(series, tmp_path / "new" / "out.tif", with_trust=True, with_explanation=True)
    before = {name: (tmp_path / "new" / name).read_bytes() for name in ALL}
    kill(tmp_path, 0, "-o", "new/out.tif", "--model", "bicubic", "--fidelity", "1", "--overwrite")
    assert {name: (tmp_path / "new" / name).read_bytes() for name in ALL} == before


@pytest.mark.slow
@pytest.mark.parametrize("n_names", [0, 1, 2], ids=["old in its place", "old aside", "new in its place"])
def test_a_zarr_store_that_was_killed_amid_its_publication_is_finished_too(
    run: Run, series: Path, tmp_path: Path, n_names: int
) -> None:
    pytest.importorskip("zarr")
    options = ["-o", "new/out.zarr", "--model", "bicubic", "--overwrite"]
    assert run("scene", "dates", *options).returncode == 0
    kill(tmp_path, n_names, *options)
    again = run("scene", "dates", *options)
    assert again.returncode == 0, again.stderr
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"out.zarr", "out.stac.json"}


def test_what_killed_runs_left_is_gone_after_the_next(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.tif"
    for name in ("out.7.part.tif", "out.trust.7.part.tif", "out.7.part.tif.ovr.tmp", "out.stac.7.part.json"):
        out.parent.mkdir(exist_ok=True)
        (out.parent / f".{name}").touch()
    write(series, out)
    assert files_below(out.parent) == {"out.tif", "out.stac.json"}


def test_companions_of_an_older_result_go_with_it_and_this_is_said(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.tif"
    write(series, out, with_trust=True, with_explanation=True)
    assert files_below(out.parent) == set(ALL)
    told = write(series, out, overwrite=True).notes
    assert told == ("removed what an older result had beside it: out.trust.tif, out.dates.json, out.dates.tif",)
    assert files_below(out.parent) == {"out.tif", "out.stac.json"}


def test_the_item_of_an_older_result_goes_where_none_can_be_written(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.tif"
    write(series, out)
    for k, path in enumerate(sorted(series.iterdir())):
        path.rename(series / f"undated_{k}.tif")
    assert write(series, out, overwrite=True).item is None
    assert files_below(out.parent) == {"out.tif"}


def test_a_run_that_fails_removes_nothing(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.tif"
    write(series, out, with_trust=True, with_explanation=True)
    with pytest.raises(SeriesError):
        super_resolve_scene([series], out, model="bicubic", overwrite=True, period="1999-01-01/1999-12-31")
    assert files_below(out.parent) == set(ALL)


def test_a_run_does_not_replace_its_own_input(tmp_path: Path) -> None:
    source = write_tiff(tmp_path / "same.tif", textured(1, 24, 31)[0])
    before = source.read_bytes()
    with pytest.raises(OutputError, match=r"same\.tif: is an input"):
        write(source, source, overwrite=True)
    assert source.read_bytes() == before
    assert files_below(tmp_path) == {"same.tif"}

"""Are files that cannot even be opened left out like those that cannot be decoded?"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import ImageReadError, InputError
from ssr.scenes.series import open_series
from tests.support.scenes import textured, truncate, write_series
from tests.support.sentinel2 import write_safe, zipped

FEW = ("B02", "B03", "B04")


def empty(folder: Path) -> Path:
    (folder / "date_1.tif").write_bytes(b"")
    return folder / "date_1.tif"


def no_image(folder: Path) -> Path:
    (folder / "date_1.tif").write_bytes(b"no image")
    return folder / "date_1.tif"


def cut_zip(folder: Path) -> Path:
    return truncate(zipped(write_safe(folder.parent / "safe", bands=FEW)).rename(folder / "cut.zip"))


def damaged_metadata(folder: Path) -> Path:
    safe = write_safe(folder.parent / "safe", bands=FEW).rename(folder / "S2A_cut.SAFE")
    (safe / "MTD_MSIL1C.xml").write_text("<a><b>")
    return safe


def cut_cube(folder: Path) -> Path:
    pytest.importorskip("h5netcdf")
    xr = pytest.importorskip("xarray")
    path = folder / "cut.nc"
    xr.Dataset({"B02": (("t", "y", "x"), np.ones((1, 9, 9), np.int16))}).to_netcdf(path, engine="h5netcdf")
    return truncate(path)


DAMAGES: list[Callable[[Path], Path]] = [empty, no_image, cut_zip, damaged_metadata, cut_cube]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("by_name", [True, False], ids=["named", "in a folder"])
def test_what_cannot_be_opened_is_left_out(tmp_path: Path, damage: Callable[[Path], Path], by_name: bool) -> None:
    folder = tmp_path / "dates"
    paths = write_series(folder, textured(3, 40, 44))
    paths[1].unlink()
    path = damage(folder)
    with open_series([paths[0], path, paths[2]] if by_name else [folder]) as series:
        assert series.names == ("date_0.tif", "date_2.tif")
        assert any(note.startswith(f"{path.name}: left out (") for note in series.notes)


@pytest.mark.parametrize("damage", DAMAGES)
def test_alone_it_is_an_error_that_names_it(tmp_path: Path, damage: Callable[[Path], Path]) -> None:
    (tmp_path / "dates").mkdir()
    path = damage(tmp_path / "dates")
    with pytest.raises(ImageReadError, match=path.name):
        open_series([path])


def test_what_is_not_there_stays_an_error(tmp_path: Path) -> None:
    paths = write_series(tmp_path, textured(2, 40, 44))
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        open_series([*paths, tmp_path / "nowhere"])

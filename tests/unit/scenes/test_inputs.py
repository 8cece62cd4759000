"""Is what a user gives taken as dates, is what is no date left out, and are secrets of addresses kept?"""

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.errors import ImageReadError, InputError, SSRError
from ssr.scenes.acquisition import Bands, Picture
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from tests.support.range_server import range_server
from tests.support.scenes import textured, write_series, write_tiff

KEY = "?sv=1&sig=hush"


def test_the_name_and_the_date_of_an_address_are_those_of_its_file(tmp_path: Path) -> None:
    write_tiff(tmp_path / "2021-06-01.tif", textured(1, 8, 8)[0])
    with range_server(tmp_path) as server, ExitStack() as opened:
        (date,) = find_acquisitions([f"{server}2021-06-01.tif{KEY}"], rules=Rules(), opened=opened)
    assert date.name == "2021-06-01.tif"
    assert date.sensed is not None
    assert date.sensed.isoformat() == "2021-06-01T00:00:00+00:00"
    assert date.pieces == (Picture(f"{server}2021-06-01.tif?…", f"{server}2021-06-01.tif{KEY}"),)


def test_bands_on_the_web_that_have_names_are_known_by_them(tmp_path: Path) -> None:
    write_tiff(tmp_path / "S2_L2A.tif", textured(1, 8, 8)[0].astype(np.uint16), photometric="MINISBLACK")
    with range_server(tmp_path) as server, ExitStack() as opened:
        names = ("B02", "B03", "B04")
        given = [f"{server}S2_L2A.tif{KEY}"]
        (date,) = find_acquisitions(given, rules=Rules(level="L2A"), opened=opened, band_names=names)
        (piece,) = date.pieces
        assert isinstance(piece, Bands)
        assert {band: source.indexes for band, source in piece.sources.items()} == {
            "b02": (1,),
            "b03": (2,),
            "b04": (3,),
        }
        with pytest.raises(InputError, match=r"S2_L2A\.tif\?…: has 3 band\(s\), 4 are named") as caught:
            find_acquisitions(given, rules=Rules(level="L2A"), opened=opened, band_names=(*names, "B08"))
    assert "hush" not in str(caught.value)


def test_an_address_that_is_not_there_is_named_without_its_secrets(tmp_path: Path) -> None:
    refused = pytest.raises(ImageReadError, match=r"none\.tif\?…: cannot be opened.*404")
    with range_server(tmp_path) as server, ExitStack() as opened, refused as caught:
        find_acquisitions([f"{server}none.tif{KEY}"], rules=Rules(), opened=opened)
    assert "hush" not in str(caught.value)


def marked(path: Path, **tags: str) -> Path:
    """A raster that says what results say."""
    write_tiff(path, textured(1, 8, 8)[0])
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**(tags or {"SSR_MODEL": "bicubic"}))
    return path


def marked_store(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / ".zattrs").write_text('{"SSR_MODEL": "bicubic"}')
    return path


def test_results_in_a_folder_are_no_dates_and_a_note_names_them(tmp_path: Path) -> None:
    dates = write_series(tmp_path, textured(2, 8, 8))
    marked(tmp_path / "out.tif")
    marked(tmp_path / "out.dates.tif", SSR_EXPLAINS="out.tif")
    marked_store(tmp_path / "out.zarr")
    marked(tmp_path / "new.tif")
    with open_series([tmp_path], leave_out=[tmp_path / "new.tif"]) as series:
        assert series.names == tuple(path.name for path in dates)
        (note,) = series.notes
    assert note == f"{tmp_path}: results of this program are no dates and left out: out.dates.tif, out.tif, out.zarr"


def test_a_folder_of_results_alone_says_so(tmp_path: Path) -> None:
    marked(tmp_path / "out.tif")
    with pytest.raises(InputError, match=r"no images; .*results of this program are no dates.*: out\.tif"):
        open_series([tmp_path])


@pytest.mark.parametrize(("make", "name"), [(marked, "out.tif"), (marked_store, "out.zarr")])
def test_a_result_that_is_named_itself_is_refused(tmp_path: Path, make: Callable[[Path], Path], name: str) -> None:
    dates = write_series(tmp_path, textured(2, 8, 8))
    with pytest.raises(InputError, match=rf"{name}: is a result of this program, expected an image"):
        open_series([*dates, make(tmp_path / name)])


def test_a_damaged_file_is_not_taken_for_a_result(tmp_path: Path) -> None:
    write_series(tmp_path, textured(2, 8, 8))
    (tmp_path / "broken.tif").write_bytes(b"II*\0 no image")
    with open_series([tmp_path]) as series:
        assert series.notes[0].startswith("broken.tif: left out (")


def test_subfolders_that_are_not_read_are_named(tmp_path: Path) -> None:
    for folder in ("b", "a"):
        write_series(tmp_path / "tiles" / folder, textured(1, 8, 8))
    told = r"tiles: only what lies directly in a folder is read, .* \(a, b\); name those .* such as \S*tiles/a"
    with pytest.raises(InputError, match=f"no images; .*{told}"):
        open_series([tmp_path / "tiles"])
    write_series(tmp_path / "tiles", textured(1, 8, 8))
    with open_series([tmp_path / "tiles"]) as series:
        assert re.search(told, " ".join(series.notes))
        assert series.n_dates == 1


def test_a_pattern_that_the_shell_left_as_it_was_is_recognised(tmp_path: Path) -> None:
    write_series(tmp_path, textured(1, 8, 8))
    with pytest.raises(InputError, match=r"\*\.tif: no such file or folder; the shell .* quotes"):
        open_series([tmp_path / "*.tif"])
    with pytest.raises(InputError, match=r"none\.tif: no such file or folder$"):
        open_series([tmp_path / "none.tif"])


@pytest.mark.parametrize("white_dn", [None, 3558.0])
def test_of_more_than_four_bands_without_names_none_is_taken_for_red(tmp_path: Path, white_dn: float | None) -> None:
    """The first of twelve is B01, and a white alone would make it red."""
    stored = np.stack([np.full((4, 5), 1000 + 100 * band) for band in range(12)]).astype(np.int16)
    path = write_tiff(tmp_path / "a.tif", stored)
    with pytest.raises(InputError, match=r"a\.tif: has 12 bands .* --band-names, such as B01.* --bands") as caught:
        open_series([path], rules=Rules(white_dn=white_dn))
    assert "L1C" not in str(caught.value)
    with open_series([path], rules=Rules(white_dn=2000, picture_bands=(4, 3, 2))) as series:
        found = series.read(slice(0, 1), slice(0, 1), [0])[0, :, 0, 0]
    np.testing.assert_allclose(found, [0.65, 0.6, 0.55], rtol=1e-6)


@pytest.mark.parametrize("bands", [None, (1,)])
def test_one_band_is_no_true_colour_and_what_is_is_said(tmp_path: Path, bands: tuple[int, ...] | None) -> None:
    path = write_tiff(tmp_path / "2021-06-01_B04.tif", textured(1, 8, 8)[0, :1])
    with pytest.raises(SSRError, match=r"has 1 band\(s\), which alone are no true colour, .*_B02\.tif") as caught:
        open_series([path], rules=Rules(picture_bands=bands))
    assert "--bands" not in str(caught.value)


def test_one_band_is_seen_three_times_where_a_user_says_so(tmp_path: Path) -> None:
    grey = textured(1, 8, 8)[0, :1]
    with open_series([write_tiff(tmp_path / "a.tif", grey)], rules=Rules(picture_bands=(1, 1, 1))) as series:
        found = series.read(slice(0, 8), slice(0, 8), [0])[0]
    np.testing.assert_array_equal(found, np.repeat(grey, 3, 0).astype(np.float32) / np.float32(255))

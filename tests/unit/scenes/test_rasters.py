"""Are the images of a series found in order, and is other ground refused by name?"""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from ssr.errors import ImageReadError, InputError, SeriesError
from ssr.scenes.rasters import RasterSeries, find_images
from tests.support.scenes import TEN_METRES, textured, unit, write_image, write_series, write_tiff

FRAMES = textured(3, 14, 19)


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_images_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    images = ["a.TIF", "b.tiff", "c.png", "d.jp2", "e.vrt", "f.jpg", "g.JPEG"]
    touch(tmp_path, *reversed(images), "notes.txt", "a.tif.aux.xml", ".hidden.tif", "weights.pth")
    touch(tmp_path / "deeper", "z.tif")
    assert [path.name for path in find_images([tmp_path])] == images


def test_a_folder_with_an_image_suffix_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path / "folder.tif", "inside.png")
    touch(tmp_path, "a.png")
    assert [path.name for path in find_images([tmp_path])] == ["a.png"]


def test_dates_stand_in_the_order_of_their_names_however_they_were_given(tmp_path: Path) -> None:
    touch(tmp_path / "folder", "b.tif", "a.tif")
    touch(tmp_path, "z.tif", "odd.dat")
    given = [tmp_path / "z.tif", tmp_path / "folder", tmp_path / "odd.dat"]
    assert [path.name for path in find_images(given)] == ["a.tif", "b.tif", "odd.dat", "z.tif"]


def test_no_images_and_no_such_folder_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "empty", "notes.txt")
    with pytest.raises(InputError, match=r"empty: no images.*\.jp2"):
        find_images([tmp_path / "empty"])
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        find_images([tmp_path / "nowhere"])


def test_dates_are_read_in_the_order_asked_for_and_may_repeat(tmp_path: Path) -> None:
    with RasterSeries(write_series(tmp_path, FRAMES)) as series:
        assert (series.n_dates, series.shape_hw) == (3, (14, 19))
        window = series.read(slice(2, 9), slice(5, 19), [2, 0, 2])
    np.testing.assert_array_equal(window, unit(FRAMES)[[2, 0, 2], :, 2:9, 5:19])


@pytest.mark.parametrize(
    ("shape_hw", "place"),
    [
        ((14, 20), {}),
        ((14, 19), {"crs": "EPSG:32634"}),
        ((14, 19), {"crs": None}),
        ((14, 19), {"transform": TEN_METRES @ Affine.translation(0, 1)}),
        ((14, 19), {"transform": Affine(20, 0, 500_000, 0, -20, 5_000_000)}),
    ],
    ids=["size", "zone", "no zone", "shifted origin", "pixel size"],
)
def test_other_ground_is_refused_by_name(tmp_path: Path, shape_hw: tuple[int, int], place: dict[str, object]) -> None:
    good = write_series(tmp_path, FRAMES)
    other = write_tiff(tmp_path / "other.tif", textured(1, *shape_hw)[0], **place)
    with pytest.raises(SeriesError, match=r"other\.tif: shows other ground than date_0\.tif"):
        RasterSeries([*good, other])


def test_a_drop_of_rounding_in_the_origin_is_the_same_ground(tmp_path: Path) -> None:
    moved = TEN_METRES @ Affine.translation(1e-6, 0)
    paths = [write_tiff(tmp_path / "a.tif", FRAMES[0]), write_tiff(tmp_path / "b.tif", FRAMES[1], transform=moved)]
    with RasterSeries(paths) as series:
        assert series.n_dates == 2


def test_a_wrong_last_file_leaves_none_open(tmp_path: Path) -> None:
    """Opening for writing would be refused or torn if a reader still held the file."""
    paths = write_series(tmp_path, FRAMES)
    (tmp_path / "bad.tif").write_bytes(b"no image")
    with pytest.raises(ImageReadError, match=r"bad\.tif"):
        RasterSeries([*paths, tmp_path / "bad.tif"])
    open_files = {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()}
    assert not open_files & set(paths)


@pytest.mark.parametrize(("height", "width", "step"), [(5, 9, 1), (512, 3, 1), (514, 4, 2), (6, 1500, 3)])
def test_preview_shows_one_pixel_of_every_square(tmp_path: Path, height: int, width: int, step: int) -> None:
    thin = textured(2, height // step, width // step)
    frames = thin.repeat(step, 2).repeat(step, 3)[:, :, :height, :width]
    with RasterSeries(write_series(tmp_path, frames)) as series:
        shown = series.preview()
    np.testing.assert_array_equal(shown, unit(thin)[:, :, : shown.shape[2], : shown.shape[3]])
    assert max(shown.shape) <= 512


def test_pictures_without_a_place_make_a_series(tmp_path: Path) -> None:
    with RasterSeries([write_image(tmp_path / f"{k}.png", frame) for k, frame in enumerate(FRAMES)]) as series:
        assert series.grid.crs is None
        np.testing.assert_array_equal(series.read(slice(0, 14), slice(0, 19), range(3)), unit(FRAMES))

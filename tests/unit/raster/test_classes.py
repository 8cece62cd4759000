from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from ssr.errors import ImageReadError
from ssr.raster.classes import read_classes
from ssr.raster.grid import Grid
from tests.support.scenes import TEN_METRES, UTM33, truncate, write_tiff

SCL = np.random.default_rng(0).integers(1, 12, (1, 30, 34), dtype=np.uint8)
TWENTY_METRES = TEN_METRES @ Affine.scale(2)


def on(height: int, width: int, *, scale: float = 1.0, row: float = 0, column: float = 0, crs: str = UTM33) -> Grid:
    transform = TWENTY_METRES @ Affine.translation(column, row) @ Affine.scale(scale)
    return Grid(CRS.from_string(crs), transform, (height, width))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_tiff(tmp_path / "a_SCL_20m.tif", SCL, transform=TWENTY_METRES)


def test_its_own_pixels_are_read_as_they_are_and_nothing_outside(path: Path) -> None:
    assert np.array_equal(read_classes(str(path), on(30, 34)), SCL[0])
    moved = read_classes(str(path), on(30, 34, row=-3, column=5))
    expected = np.zeros((30, 34), np.uint8)
    expected[3:, :29] = SCL[0, :27, 5:]
    assert np.array_equal(moved, expected)
    assert not read_classes(str(path), on(4, 4, row=400)).any()


def test_finer_pixels_take_the_class_they_lie_in(path: Path) -> None:
    found = read_classes(str(path), on(60, 68, scale=0.5))
    assert np.array_equal(found, SCL[0].repeat(2, 0).repeat(2, 1))


def test_coarser_pixels_take_the_most_frequent_class_never_a_mean(tmp_path: Path) -> None:
    classes = np.full((1, 30, 30), 4, np.uint8)
    classes[:, :, ::3] = 9  # a third of each
    path = write_tiff(tmp_path / "a.tif", classes, transform=TWENTY_METRES)
    assert (read_classes(str(path), on(10, 10, scale=3)) == 4).all()


def test_another_coordinate_system_is_brought_over(path: Path) -> None:
    """A pixel that lies within one of the file shows its class."""
    other = "EPSG:32632"
    (x,), (y,) = transform(UTM33, other, [TWENTY_METRES.c + 300], [TWENTY_METRES.f - 300])
    side, n = 4, 40
    found = read_classes(str(path), Grid(CRS.from_string(other), Affine(side, 0, x, 0, -side, y), (n, n)))
    edges = np.arange(n + 1) * side
    xs, ys = np.meshgrid(x + edges, y - edges)
    back = transform(other, UTM33, xs.ravel(), ys.ravel())
    places = np.array([~TWENTY_METRES @ place for place in zip(*back, strict=True)]).reshape(n + 1, n + 1, 2)
    corners = np.floor(np.stack([places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:]])).astype(int)
    is_within = (corners == corners[0]).all((0, 3))
    expected = SCL[0, corners[0, ..., 1], corners[0, ..., 0]]
    assert is_within.mean() > 0.5
    assert np.array_equal(found[is_within], expected[is_within])


def test_overviews_which_may_hold_averages_are_not_used(tmp_path: Path) -> None:
    import rasterio
    from rasterio.enums import Resampling

    classes = np.tile(np.array([[4, 9, 4, 4]], np.uint8), (1, 64, 16))
    path = write_tiff(tmp_path / "a.tif", classes, transform=TWENTY_METRES)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([4], Resampling.average)
    assert (read_classes(str(path), on(16, 16, scale=4)) == 4).all()


def test_without_coordinate_systems_pixels_lie_where_their_transform_says(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", SCL, crs=None, transform=TWENTY_METRES)
    grid = Grid(None, TWENTY_METRES, (30, 34))
    assert np.array_equal(read_classes(str(path), grid), SCL[0])
    with pytest.raises(ImageReadError, match=r"a\.tif: only one of it and the series has a coordinate system"):
        read_classes(str(path), on(30, 34))


def test_damaged_files_are_named(path: Path) -> None:
    truncate(path, 0.6)
    with pytest.raises(ImageReadError, match=r"a_SCL_20m\.tif: cannot be read, truncated or damaged"):
        read_classes(str(path), on(30, 34))
    path.write_bytes(b"")
    with pytest.raises(ImageReadError, match=r"the date SCL: cannot be read"):
        read_classes(str(path), on(30, 34), label="the date SCL")

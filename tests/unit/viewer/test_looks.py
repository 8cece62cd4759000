"""Which colours do numbers have?"""

from pathlib import Path

import numpy as np
import rasterio

from ssr.sentinel2.radiometry import true_colour
from ssr.viewer.looks import look_of
from ssr.viewer.pixels import Raster
from tests.support.scenes import write_tiff


def named(path: Path, names: tuple[str, ...], scale: float = 1.0) -> Raster:
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
        dataset.scales = (scale,) * len(names)
    return Raster(path)


def test_bytes_stay_bytes(tmp_path: Path) -> None:
    held = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)
    look = look_of(Raster(write_tiff(tmp_path / "a.tif", held)))
    assert look.bands == (1, 2, 3)
    np.testing.assert_array_equal(look.to_bytes(held), held)


def test_bands_are_found_by_their_names(tmp_path: Path) -> None:
    held = np.ones((4, 4, 4), np.uint8)
    assert look_of(named(write_tiff(tmp_path / "a.tif", held), ("B02", "B03", "B04", "B08"))).bands == (3, 2, 1)


def test_reflectance_is_shown_as_true_colour(tmp_path: Path) -> None:
    held = np.array([0, 1271, 3558, 9000], np.uint16).reshape(1, 2, 2).repeat(3, 0)
    look = look_of(named(write_tiff(tmp_path / "a.tif", held), ("red", "green", "blue"), 1e-4))
    expected = np.rint(true_colour((held / 1e4).astype(np.float32)) * 255)
    np.testing.assert_array_equal(look.to_bytes(held), expected)


def test_other_numbers_are_stretched_and_that_is_said(tmp_path: Path) -> None:
    held = np.linspace(5, 9, 10_000).reshape(1, 100, 100).astype(np.float32)
    held[0, 0, 0] = np.nan
    look = look_of(Raster(write_tiff(tmp_path / "a.tif", held)))
    assert look.told == "band 1, stretched from 5.08 … 8.92"
    found = look.to_bytes(np.array([[[5.08, 6.04, 8.92, np.nan, 100, -100]]], np.float32))
    assert found.tolist() == [[[0, 64, 255, 0, 255, 0]]]


def test_a_raster_without_data_can_be_shown(tmp_path: Path) -> None:
    look = look_of(Raster(write_tiff(tmp_path / "a.tif", np.zeros((1, 4, 4), np.float32))))
    assert look.to_bytes(np.zeros((1, 1, 1), np.float32)).tolist() == [[[0]]]


def test_palettes_are_looked_up(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.array([[[0, 1]]], np.uint8), photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (1, 2, 3, 255), 1: (4, 5, 6, 255)})
    look = look_of(Raster(path))
    assert look.to_bytes(np.array([[[0, 1]]], np.uint8)).tolist() == [[[1, 4]], [[2, 5]], [[3, 6]]]

"""Do tiles show what the files hold, to the pixel?"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from affine import Affine
from PIL import Image

from ssr.errors import ImageReadError
from ssr.models.bicubic import enlarge
from ssr.viewer.finding import find_places, parse_path
from ssr.viewer.looks import look_of
from ssr.viewer.pixels import Raster
from ssr.viewer.places import Place
from ssr.viewer.tiles import TILE_PX, Address, RasterSource, Tile, picture_of
from tests.support.scenes import truncate, write_tiff

Read = Callable[[Path], np.ndarray]


def decoded(tile: Tile | None) -> np.ndarray:
    assert tile is not None
    with Image.open(io.BytesIO(tile.content)) as image:
        found = np.asarray(image)
    return found if found.ndim == 2 else np.moveaxis(found, -1, 0)


def source(path: Path, scale: float = 1.0) -> RasterSource:
    raster = Raster(path)
    return RasterSource(raster, Affine.scale(1 / scale), look=look_of(raster))


@pytest.fixture
def place(scene: Path) -> Place:
    return find_places([parse_path(str(scene)), parse_path(str(scene.parent / "dates"))])[0]


def test_the_finest_tiles_are_the_file(place: Place, scene: Path, pixels: Read) -> None:
    held = pixels(scene)
    tile = decoded(place.layers[0].source.tile(Address(0, 1, 1), smooth=False))
    np.testing.assert_array_equal(tile[:3, : 320 - 256, : 400 - 256], held[:, 256:, 256:])
    assert (tile[3] > 0).sum() == (320 - 256) * (400 - 256)  # beside the raster it is transparent


def test_tiles_of_a_date_are_its_own_pixels_four_times_fewer(place: Place, scene: Path, pixels: Read) -> None:
    date = next(layer for layer in place.layers if layer.name == "date_1")
    held = pixels(scene.parent / "dates" / "date_1.tif")
    tile = decoded(date.source.tile(Address(0, 0, 0), smooth=False))
    np.testing.assert_array_equal(tile, held[:, :64, :64])


def test_interpolated_tiles_join_to_the_bicubic_of_the_whole(place: Place, scene: Path, pixels: Read) -> None:
    date = next(layer for layer in place.layers if layer.name == "date_2")
    held = torch.from_numpy(pixels(scene.parent / "dates" / "date_2.tif").astype(np.float32))
    expected = enlarge(held[None], 4)[0].clamp(0, 255).numpy()
    found = picture_of(date.source, (0, 0, 400, 320), smooth=True)
    assert np.abs(np.moveaxis(found, -1, 0) - expected).max() <= 0.501  # rounded to bytes


def test_coarser_tiles_are_means(tmp_path: Path) -> None:
    held = np.random.default_rng(0).integers(1, 256, (3, 512, 512)).astype(np.uint8)
    tile = decoded(source(write_tiff(tmp_path / "a.tif", held)).tile(Address(1, 0, 0), smooth=False))
    expected = held.reshape(3, 256, 2, 256, 2).mean((2, 4))
    assert np.abs(tile - expected).max() <= 1


def test_overlay_tiles_hold_the_numbers_of_their_band(place: Place, scene: Path, pixels: Read) -> None:
    held = pixels(scene.with_suffix(".trust.tif"))
    for number, over in enumerate(place.overlays):
        tile = decoded(over.source.tile(Address(0, 0, 0), smooth=False))
        np.testing.assert_array_equal(tile, held[number, :256, :256])


@pytest.mark.parametrize("at", [Address(0, 7, 0), Address(0, 0, 9), Address(12, 3, 3)])
def test_beside_the_raster_there_is_no_tile(place: Place, at: Address) -> None:
    for layer in place.layers:
        assert layer.source.tile(at, smooth=False) is None
        assert layer.source.tile(at, smooth=True) is None


def test_zeros_of_a_file_without_a_mask_are_transparent(tmp_path: Path) -> None:
    held = np.full((3, 300, 300), 9, np.uint8)
    held[:, :10] = 0
    held[0, 20] = 0  # one dark channel is not missing data
    tile = decoded(source(write_tiff(tmp_path / "a.tif", held)).tile(Address(0, 0, 0), smooth=False))
    assert (tile[3] == 0).sum() == 10 * 256


def test_no_data_is_not_mixed_into_what_is_interpolated(tmp_path: Path) -> None:
    held = np.full((3, 64, 64), 200, np.uint8)
    held[:, :, :32] = 0
    tile = decoded(source(write_tiff(tmp_path / "a.tif", held, nodata=0), scale=4).tile(Address(0, 0, 0), smooth=True))
    assert set(np.unique(tile[:3][:, tile[3] > 0])) == {200}
    assert abs((tile[3] > 0).mean() - 0.5) < 0.02


def test_a_raster_on_another_lattice_takes_the_pixel_below_each_centre(tmp_path: Path) -> None:
    held = np.random.default_rng(0).integers(1, 256, (3, 70, 70)).astype(np.uint8)
    raster = Raster(write_tiff(tmp_path / "a.tif", held))
    shifted = RasterSource(raster, Affine.translation(0.4, -0.3) @ Affine.scale(0.25), look=look_of(raster))
    tile = decoded(shifted.tile(Address(0, 0, 0), smooth=False))
    rows, columns = (np.floor((np.arange(TILE_PX) + 0.5) / 4 + shift).astype(int) for shift in (-0.3, 0.4))
    expected = held[:, rows.clip(0)][:, :, columns]
    inside = rows >= 0
    np.testing.assert_array_equal(tile[:3, inside], expected[:, inside])
    assert (tile[3, ~inside] == 0).all()


def test_values_are_those_of_the_file(place: Place, scene: Path, pixels: Read) -> None:
    found = place.values(130, 257)
    assert found["layers"]["l0"] == pixels(scene)[:, 130, 257].tolist()
    assert found["layers"]["l1"] == pixels(scene.parent / "dates" / "date_0.tif")[:, 32, 64].tolist()
    assert found["overlays"] == {"o1": 257 % 101, "o2": 3}
    assert place.values(9999, 0)["layers"]["l0"] is None


def test_a_file_that_is_damaged_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(1, 256, (3, 600, 600)).astype(np.uint8)
    layer = source(truncate(write_tiff(tmp_path / "a.tif", noise, tiled=True, compress="deflate"), 0.5))
    with pytest.raises(ImageReadError, match=r"a\.tif: cannot be decoded, truncated or damaged"):
        picture_of(layer, (0, 0, 600, 600))

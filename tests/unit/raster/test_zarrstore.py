"""Is a Zarr store the raster it was made of, to xarray and to GDAL?"""

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from ssr.errors import MissingExtraError, OutputError
from ssr.raster.described import describe_raster
from ssr.raster.grid import Grid
from ssr.raster.layout import picture_layout
from ssr.raster.strips import Strips
from ssr.raster.zarrstore import ARRAY, publish_zarr
from tests.support.scenes import TEN_METRES, UTM33, write_tiff

xarray = pytest.importorskip("xarray")
ROTATED = Affine.translation(300_000, 4_000_000) @ Affine.rotation(30) @ Affine.scale(2.5, -2.5)


def reflectance(height: int = 70, width: int = 90, bands: int = 3) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(1, 12_000, (bands, height, width)).astype(np.uint16)
    pixels[:, :, : width // 9] = 0
    return pixels


def source(path: Path, pixels: np.ndarray, **how) -> Path:
    names, scales, tags = how.pop("names", ()), how.pop("scales", None), how.pop("tags", {})
    write_tiff(path, pixels, nodata=how.pop("nodata", 0), **how)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names or (None,) * len(pixels)
        if scales:
            dataset.scales = scales
        dataset.update_tags(**tags)
    return path


def rgb(path: Path, pixels: np.ndarray | None = None, **how) -> Path:
    pixels = reflectance() if pixels is None else pixels
    return source(path, pixels, names=("red", "green", "blue"), scales=(1e-4,) * 3, **how)


unplaced = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@unplaced
@pytest.mark.parametrize(("height", "width", "chunk_px"), [(1, 1, 32), (70, 90, 32), (64, 64, 32), (33, 65, 1024)])
def test_gdal_reads_the_numbers_and_the_place_that_were_written(tmp_path, height, width, chunk_px):
    pixels = reflectance(height, width)
    publish_zarr(rgb(tmp_path / "a.tif", pixels), tmp_path / "a.zarr", chunk_px=chunk_px)
    name = f"ZARR:{tmp_path}/a.zarr:/{ARRAY}"
    with rasterio.open(name) as found:
        np.testing.assert_array_equal(found.read(), pixels)
        assert (found.nodata, found.scales) == (0, (1e-4,) * 3)
        if min(height, width) > 1:  # one pixel alone has no distance to a next
            assert (found.crs, found.transform) == (CRS.from_string(UTM33), TEN_METRES)


def test_xarray_reads_reflectance_and_where_there_is_none(tmp_path):
    pixels = reflectance()
    publish_zarr(rgb(tmp_path / "a.tif", pixels, tags={"SSR_MODEL": "some"}), tmp_path / "a.zarr", chunk_px=32)
    with xarray.open_zarr(tmp_path / "a.zarr") as found:
        array = found[ARRAY]
        expected = np.where(pixels == 0, np.nan, pixels * 1e-4)
        np.testing.assert_allclose(array.values, expected, rtol=1e-12)
        assert array.dims == ("band", "y", "x")
        assert list(found.band.values) == ["red", "green", "blue"]
        assert found.attrs["SSR_MODEL"] == "some"
        assert array.encoding["_FillValue"] == 0


def test_coordinates_are_pixel_centres_and_the_place_is_told_as_rioxarray_reads_it(tmp_path):
    publish_zarr(rgb(tmp_path / "a.tif"), tmp_path / "a.zarr")
    with xarray.open_zarr(tmp_path / "a.zarr") as found:
        np.testing.assert_allclose(found.x.values[:2], [500_005, 500_015])
        np.testing.assert_allclose(found.y.values[:2], [4_999_995, 4_999_985])
        place = found.spatial_ref.attrs
        assert CRS.from_wkt(place["crs_wkt"]) == CRS.from_string(UTM33)
        assert Affine.from_gdal(*map(float, place["GeoTransform"].split())) == TEN_METRES
        assert found[ARRAY].attrs["grid_mapping"] == "spatial_ref"


def test_a_rotated_raster_has_a_transform_and_no_coordinates_that_would_lie(tmp_path):
    publish_zarr(rgb(tmp_path / "a.tif", transform=ROTATED), tmp_path / "a.zarr")
    with xarray.open_zarr(tmp_path / "a.zarr") as found:
        assert not {"x", "y"} & set(found.coords)
        told = tuple(map(float, found.spatial_ref.attrs["GeoTransform"].split()))
        assert told == pytest.approx(ROTATED.to_gdal())


@unplaced
def test_a_raster_without_a_place_gets_none(tmp_path):
    publish_zarr(rgb(tmp_path / "a.tif", crs=None, transform=None), tmp_path / "a.zarr")
    with xarray.open_zarr(tmp_path / "a.zarr") as found:
        assert "crs_wkt" not in found.spatial_ref.attrs
        assert found[ARRAY].shape == (3, 70, 90)


def test_bands_with_scales_of_their_own_become_arrays_of_their_own(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 101, (2, 40, 50)).astype(np.uint8)
    path = source(tmp_path / "a.tif", pixels, names=("trust", "n dates"), scales=(0.01, 1.0), nodata=255)
    publish_zarr(path, tmp_path / "a.trust.zarr")
    with xarray.open_zarr(tmp_path / "a.trust.zarr") as found:
        np.testing.assert_allclose(found.trust.values, pixels[0] * 0.01, rtol=1e-6)
        np.testing.assert_array_equal(found.n_dates.values, pixels[1])
    described = describe_raster(tmp_path / "a.trust.zarr")
    assert [(band.name, band.scale, band.no_data) for band in described.bands] == [
        ("n dates", 1.0, 255.0),
        ("trust", 0.01, 255.0),
    ]
    assert described.grid == Grid(CRS.from_string(UTM33), TEN_METRES, (40, 50))


def test_a_mosaic_of_strips_is_a_source(tmp_path):
    pixels = reflectance(60, 40)
    place = Grid(CRS.from_string(UTM33), TEN_METRES, (60, 40))
    strips = Strips(tmp_path, "picture", place, picture_layout(("red", "green", "blue"), "uint16"), target=tmp_path)
    spans = [slice(0, 24), slice(24, 60)]
    for number, rows in enumerate(spans):
        with strips.writing(number, rows) as strip:
            strip.write(rows, slice(0, 40), pixels[:, rows])
    publish_zarr(strips.mosaic(spans, {"SSR_MODEL": "m"}), tmp_path / "out.zarr", chunk_px=16)
    with rasterio.open(f"ZARR:{tmp_path}/out.zarr:/{ARRAY}") as found:
        np.testing.assert_array_equal(found.read(), pixels)


def test_chunks_without_data_take_no_room(tmp_path):
    pixels = np.zeros((3, 64, 64), np.uint16)
    pixels[:, :32, :32] = 7
    publish_zarr(rgb(tmp_path / "a.tif", pixels), tmp_path / "a.zarr", chunk_px=32)
    chunks = [path.name for path in (tmp_path / "a.zarr" / ARRAY).iterdir() if not path.name.startswith(".")]
    assert sorted(chunks) == ["0.0.0", "1.0.0", "2.0.0"]


def test_nothing_is_overwritten_unasked_and_nothing_but_a_store_ever(tmp_path):
    path, target = rgb(tmp_path / "a.tif"), tmp_path / "out.zarr"
    publish_zarr(path, target)
    with pytest.raises(OutputError, match="exists already"):
        publish_zarr(path, target)
    other = rgb(tmp_path / "b.tif", np.full((3, 8, 8), 9, np.uint16))
    publish_zarr(other, target, overwrite=True)
    assert describe_raster(target).grid.shape_hw == (8, 8)
    holiday = tmp_path / "photos.zarr"
    holiday.mkdir()
    (holiday / "beach.jpg").write_bytes(b"sand")
    with pytest.raises(OutputError, match="no Zarr store"):
        publish_zarr(path, holiday, overwrite=True)
    assert (holiday / "beach.jpg").read_bytes() == b"sand"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tif", "b.tif", "out.zarr", "photos.zarr"]


def test_a_source_that_breaks_off_leaves_nothing(tmp_path):
    path = rgb(tmp_path / "a.tif", reflectance(300, 300))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OutputError, match=r"out\.zarr: cannot be written"):
        publish_zarr(path, tmp_path / "out.zarr", chunk_px=32)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]


def test_without_zarr_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtraError, match=r"\[cubes\]"):
        publish_zarr(rgb(tmp_path / "a.tif"), tmp_path / "out.zarr")

"""Does the reader give unit range, and zero exactly where data are missing?"""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from ssr.errors import ImageReadError, SSRError
from ssr.raster.gdal import CACHE_BYTES, gdal_name, is_web_address
from ssr.raster.grid import Grid
from ssr.raster.reader import RasterReader
from tests.support.range_server import range_server
from tests.support.scenes import TEN_METRES, UTM33, textured, truncate, unit, write_image, write_tiff

FRAME = textured(1, 12, 17)[0]
WHOLE = slice(0, 12), slice(0, 17)
GAP = np.zeros((12, 17), bool)
GAP[2:5, 3:9] = True


def read(path: Path, rows: slice = WHOLE[0], columns: slice = WHOLE[1], **arguments: object) -> np.ndarray:
    with RasterReader(path, **arguments) as reader:
        return reader.read(rows, columns)


def with_gap(frame: np.ndarray, value: int) -> np.ndarray:
    return np.where(GAP, frame.dtype.type(value), frame)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_bytes_become_unit_range(tmp_path: Path, suffix: str) -> None:
    path = write_tiff(tmp_path / "a.tif", FRAME) if suffix == ".tif" else write_image(tmp_path / "a.png", FRAME)
    pixels = read(path)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, unit(FRAME))


def test_place_is_read(tmp_path: Path) -> None:
    with RasterReader(write_tiff(tmp_path / "a.tif", FRAME)) as reader:
        assert (reader.grid.crs.to_epsg(), reader.grid.transform, reader.grid.shape_hw) == (32633, TEN_METRES, (12, 17))


def test_a_png_has_no_place(tmp_path: Path) -> None:
    with RasterReader(write_image(tmp_path / "a.png", FRAME)) as reader:
        assert reader.grid.crs is None
        assert reader.grid.transform.is_identity


def test_transparent_pixels_are_zero_in_every_channel(tmp_path: Path) -> None:
    alpha = np.where(GAP, 0, 255).astype(np.uint8)
    rgba = np.concatenate([FRAME, alpha[None]])
    path = write_tiff(tmp_path / "a.tif", rgba, photometric="RGB", alpha="YES")
    np.testing.assert_array_equal(read(path), unit(with_gap(FRAME, 0)))


@pytest.mark.parametrize("nodata", [0, 7, 255])
def test_no_data_value_is_zero_in_every_channel(tmp_path: Path, nodata: int) -> None:
    path = write_tiff(tmp_path / "a.tif", with_gap(FRAME, nodata), nodata=nodata)
    np.testing.assert_array_equal(read(path), unit(with_gap(FRAME, 0)))


def test_no_data_value_in_one_channel_alone_is_data(tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame[0] = 255
    np.testing.assert_array_equal(read(write_tiff(tmp_path / "a.tif", frame, nodata=255)), unit(frame))


def test_internal_mask_is_zero_in_every_channel(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", FRAME)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~GAP)
    np.testing.assert_array_equal(read(path), unit(with_gap(FRAME, 0)))


def test_black_ground_with_data_is_not_taken_for_missing(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", with_gap(FRAME, 0), nodata=255)
    assert (read(path)[:, GAP] > 0).any(0).all()


@pytest.mark.parametrize("white_dn", [3558, 10000])
def test_sixteen_bit_numbers_are_divided_by_white(tmp_path: Path, white_dn: int) -> None:
    frame = FRAME.astype(np.uint16) * 40
    path = write_tiff(tmp_path / "a.tif", frame)
    np.testing.assert_allclose(read(path, white_dn=white_dn), np.minimum(frame / white_dn, 1), atol=1e-7)


def test_sixteen_bit_numbers_need_a_white(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "deep.tif", FRAME.astype(np.uint16))
    with pytest.raises(ImageReadError, match=r"deep\.tif.*uint16.*--white-dn"):
        RasterReader(path)


def test_negative_numbers_become_zero(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", FRAME.astype(np.int16) - 100)
    assert read(path, white_dn=100).min() == 0


@pytest.mark.parametrize("with_nodata", [True, False])
def test_numbers_that_are_not_finite_are_missing(tmp_path: Path, with_nodata: bool) -> None:
    frame = np.where(GAP, np.float32(np.nan), unit(FRAME))
    path = write_tiff(tmp_path / "a.tif", frame, **({"nodata": np.nan} if with_nodata else {}))
    np.testing.assert_array_equal(read(path, white_dn=1), np.where(GAP, 0, unit(FRAME)))


@pytest.mark.parametrize("white_dn", [0, -1, np.nan, np.inf])
def test_a_white_that_is_no_positive_number_is_refused(tmp_path: Path, white_dn: float) -> None:
    path = write_tiff(tmp_path / "a.tif", FRAME)
    with pytest.raises(SSRError, match="white"):
        read(path, white_dn=white_dn)


@pytest.mark.parametrize("bands", [(3, 2, 1), (4, 3, 2), (1, 1, 1)])
def test_bands_are_read_in_the_order_asked_for(tmp_path: Path, bands: tuple[int, ...]) -> None:
    four = np.concatenate([FRAME, FRAME[:1] // 2])
    path = write_tiff(tmp_path / "a.tif", four, photometric="MINISBLACK")
    np.testing.assert_array_equal(read(path, bands=bands), unit(four[[band - 1 for band in bands]]))


@pytest.mark.parametrize("window", [(0, 1, 0, 1), (3, 9, 5, 17), (11, 12, 0, 17)])
def test_a_window_is_that_part_of_the_whole(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = window
    path = write_tiff(tmp_path / "a.tif", with_gap(FRAME, 9), nodata=9)
    rows, columns = slice(top, bottom), slice(left, right)
    np.testing.assert_array_equal(read(path, rows, columns), read(path)[:, rows, columns])


@pytest.mark.parametrize("n_bands", [1, 2])
def test_too_few_bands_name_the_file(tmp_path: Path, n_bands: int) -> None:
    path = write_tiff(tmp_path / "grey.tif", FRAME[:n_bands])
    with pytest.raises(ImageReadError, match=rf"grey\.tif: has {n_bands} band.*all of them") as caught:
        RasterReader(path)
    assert "--bands" not in str(caught.value), "no band can be named that is not there"


def test_bands_that_are_elsewhere_in_a_file_can_be_named(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", FRAME)
    with pytest.raises(ImageReadError, match=r"has 3 band.*in bands 4, 3, 2; name them with --bands"):
        RasterReader(path, bands=(4, 3, 2))


def test_what_to_do_with_sixteen_bits_names_the_bands_first_and_white_for_either_level(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "deep.tif", FRAME.astype(np.int16))
    with pytest.raises(ImageReadError, match=r"int16.*--band-names.*--white-dn.*3558 in L1C, 2000 in L2A"):
        RasterReader(path)


@pytest.mark.parametrize("n_rows", [1, 96], ids=["row by row", "at once"])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".jp2"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str, n_rows: int) -> None:
    frame = textured(1, 96, 96)[0]
    path = tmp_path / f"cut{suffix}"
    if suffix == ".tif":
        write_tiff(path, frame)
    else:
        write_image(path, frame)
    truncate(path, 0.6)
    with pytest.raises(ImageReadError, match=rf"cut\{suffix}"), RasterReader(path) as reader:  # noqa: PT012
        for y in range(0, 96, n_rows):
            reader.read(slice(y, y + n_rows), slice(0, 96))


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"odd\.png") as raised:
        read(path)
    assert "\n" not in str(raised.value)


def placed(row: float, column: float, height: int = 12, width: int = 17, crs: str = UTM33) -> Grid:
    return Grid(CRS.from_string(crs), TEN_METRES @ Affine.translation(column, row), (height, width))


@pytest.mark.parametrize("window", [(0, 12, 0, 17), (0, 1, 0, 1), (11, 12, 5, 9)])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (-3, -5), (40, 0), (0, -40), (-2, 4)])
def test_on_a_grid_of_the_same_pixels_they_are_read_as_they_are_and_zero_outside(
    tmp_path: Path, row: int, column: int, window: tuple[int, int, int, int]
) -> None:
    around = np.zeros((3, 112, 117), np.float32)
    around[:, 50:62, 50:67] = unit(FRAME)
    expected = around[:, 50 + row : 62 + row, 50 + column : 67 + column]
    rows, columns = slice(*window[:2]), slice(*window[2:])
    found = read(write_tiff(tmp_path / "a.tif", FRAME), rows, columns, on=placed(row, column))
    np.testing.assert_array_equal(found, expected[:, rows, columns])


@pytest.mark.parametrize(("row", "column"), [(0, 0), (4, 6), (-5, -7), (90, 0)])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_thinned_view_of_a_shifted_grid_shows_the_same_ground(
    tmp_path: Path, row: int, column: int, step: int
) -> None:
    flat = np.broadcast_to(np.arange(40, 70, dtype=np.uint8)[:, None], (3, 30, 40))
    with RasterReader(write_tiff(tmp_path / "a.tif", flat), on=placed(row, column, 30, 40)) as reader:
        thin = reader.read_thinned(step)[0] * 255
    assert thin.shape == (30 // step, 40 // step)
    for y in range(thin.shape[0]):
        first = y * step + row
        seen = set(np.rint(np.unique(thin[y])).astype(int)) - {0}
        assert seen <= set(range(40 + first, 40 + first + step))
        assert seen or first < 0 or first + step > 30


@pytest.mark.parametrize("how", [{}, {"nodata": 7}, {"photometric": "RGB", "alpha": "YES"}])
def test_warped_pixels_do_not_mix_with_what_is_missing(tmp_path: Path, how: dict[str, object]) -> None:
    missing = how.get("nodata", 0)
    frame = with_gap(np.full((3, 12, 17), 120, np.uint8), missing)
    if "alpha" in how:
        frame = np.concatenate([np.full((3, 12, 17), 120, np.uint8), np.where(GAP, 0, 255).astype(np.uint8)[None]])
    found = read(write_tiff(tmp_path / "a.tif", frame, **how), on=placed(0.5, 0.5))
    assert set(np.rint(np.unique(found * 255)).astype(int)) == {0, 120}
    assert not found[:, 3:4, 4:8].any()


def test_an_internal_mask_survives_warping(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.full((3, 12, 17), 120, np.uint8))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~GAP)
    found = read(path, on=placed(0.5, 0.5))
    assert not found[:, 3:4, 4:8].any()
    assert (found[:, 7:11, 2:14] > 0).all()


def test_without_a_place_nothing_can_be_moved(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", FRAME)
    with pytest.raises(ImageReadError, match=r"a\.png: is 17×12 px, no coordinate system and cannot be brought to"):
        RasterReader(path, on=placed(0, 0))


def test_the_cache_is_megabytes_and_not_bytes(tmp_path: Path) -> None:
    with RasterReader(write_tiff(tmp_path / "a.tif", FRAME)) as reader:
        assert 10 * 2**20 <= reader.cache_bytes == CACHE_BYTES
        assert reader.block_row_bytes == reader.dataset.block_shapes[0][0] * 17 * 3


def test_a_file_on_the_web_is_read_where_its_address_is_given(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", FRAME)
    with range_server(tmp_path) as address:
        np.testing.assert_array_equal(read(address + "a.tif"), unit(FRAME))
        with pytest.raises(ImageReadError, match=r"http://.*/nothing\.tif: cannot be opened"):
            read(address + "nothing.tif")


@pytest.mark.parametrize(
    ("name", "gdal"),
    [("https://a.org/b.tif", "/vsicurl/https://a.org/b.tif"), ("s3://bucket/b.tif", "/vsis3/bucket/b.tif"),
     ("/a/b.tif", "/a/b.tif"), ("HTTP://a.org/b.tif", "/vsicurl/http://a.org/b.tif")],
)  # fmt: skip
def test_addresses_become_what_gdal_calls_them(name: str, gdal: str) -> None:
    assert gdal_name(name) == gdal
    assert is_web_address(name) == (name != gdal)

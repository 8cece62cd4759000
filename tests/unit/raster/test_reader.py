"""Does the reader give unit range, and zero exactly where data are missing?"""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.errors import ImageReadError, SSRError
from ssr.raster.reader import RasterReader
from tests.support.scenes import TEN_METRES, textured, truncate, unit, write_image, write_tiff

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
    with pytest.raises(ImageReadError, match=rf"grey\.tif: has {n_bands} band.*--bands"):
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

"""Are plain rasters read in the order that is said, each band by its own scale, and is nothing said in vain?"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from ssr.errors import ImageReadError, InputError
from ssr.inference.encoding import Encoding
from ssr.mapping.sources import from_json, to_json
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from tests.support.scenes import write_tiff

NAMES = ("B08", "B02", "B03", "B04")
"""Stored in this order, so that any reading by position shows."""

RGBN = ("tci", "b08")
DEEP = {"B04": 1271, "B03": 1779, "B02": 3558, "B08": 2456}
BYTES = {"B04": 91, "B03": 128, "B02": 255, "B08": 76}
EXACT = {"rtol": 0, "atol": 1e-7}


def stored(folder: Path, numbers: dict[str, int], kind: str, *, described: bool = False, name: str = "a.tif") -> Path:
    pixels = np.stack([np.full((4, 5), numbers[band]) for band in NAMES]).astype(kind)
    path = write_tiff(folder / name, pixels, photometric="MINISBLACK")
    if described:
        with rasterio.open(path, "r+") as dataset:
            dataset.descriptions = NAMES
    return path


def read(path: Path, *, names: tuple[str, ...] | None = None, **rules: Any) -> tuple[np.ndarray, str]:
    """One pixel of the only date, and the notes."""
    with open_series([path], rules=Rules(**rules), band_names=names) as series:
        window = series.read(slice(0, 4), slice(0, 5), [0])[0]
        assert (window == window[:, :1, :1]).all()
        return window[:, 0, 0], " ".join(series.notes)


@pytest.mark.parametrize("described", [False, True])
def test_names_order_bytes_and_b08_is_read_as_the_models_were_trained(tmp_path: Path, described: bool) -> None:
    path = stored(tmp_path, BYTES, "uint8", described=described)
    found, notes = read(path, names=None if described else NAMES, channels=RGBN)
    np.testing.assert_allclose(found, np.array([91, 128, 255, 76]) / 255, **EXACT)
    assert "bytes of B08 are taken for reflectance × 10000 / 32" in notes
    assert "bytes of B04, B03 and B02 are taken for true colour as ESA renders L1C" in notes
    np.testing.assert_allclose(read(path, names=None if described else NAMES)[0], found[:3], **EXACT)


@pytest.mark.parametrize("said", [{"names": NAMES}, {"picture_bands": (4, 3, 2, 1)}])
def test_white_is_of_the_colours_and_b08_keeps_its_scale(tmp_path: Path, said: dict[str, Any]) -> None:
    """The docs' worked example: B08 of 2456 is 76 of 255."""
    found, notes = read(stored(tmp_path, DEEP, "uint16"), channels=RGBN, white_dn=3558, **said)
    np.testing.assert_allclose(found, [1271 / 3558, 0.5, 1, 76 / 255], **EXACT)
    assert "--white-dn is of red, green and blue; B08 is read as reflectance × 10000, where 8160 is 1" in notes


@pytest.mark.parametrize("white_dn", [2000, 3000, 5000])
def test_another_white_changes_the_colours_alone(tmp_path: Path, white_dn: float) -> None:
    found, _ = read(stored(tmp_path, DEEP, "uint16"), names=NAMES, channels=RGBN, white_dn=white_dn)
    np.testing.assert_allclose(found, [*np.minimum(np.array([1271, 1779, 3558]) / white_dn, 1), 76 / 255], **EXACT)


def test_an_offset_is_added_to_every_band_before_its_scale(tmp_path: Path) -> None:
    shifted = {band: number + 1000 for band, number in DEEP.items()}
    path = stored(tmp_path, shifted, "uint16")
    found, _ = read(path, names=NAMES, channels=RGBN, white_dn=3558, offset_dn=-1000)
    np.testing.assert_allclose(found, [1271 / 3558, 0.5, 1, 76 / 255], **EXACT)


def test_missing_pixels_stay_missing_in_every_band(tmp_path: Path) -> None:
    for offset in (None, -1000.0):
        path = stored(tmp_path, dict.fromkeys(NAMES, 0), "uint16")
        found, _ = read(path, names=NAMES, channels=RGBN, white_dn=3558, offset_dn=offset)
        assert not found.any()


def test_names_that_a_file_tells_order_it_under_white_too_and_positions_overrule_them(tmp_path: Path) -> None:
    path = stored(tmp_path, DEEP, "uint16", described=True)
    np.testing.assert_allclose(read(path, white_dn=3558)[0], [1271 / 3558, 0.5, 1], **EXACT)
    np.testing.assert_allclose(read(path, white_dn=3558, picture_bands=(2, 3, 4))[0], [1, 0.5, 1271 / 3558], **EXACT)


def test_white_of_bytes_is_of_the_colours_too(tmp_path: Path) -> None:
    found, _ = read(stored(tmp_path, BYTES, "uint8"), names=NAMES, channels=RGBN, white_dn=182)
    np.testing.assert_allclose(found, [0.5, 128 / 182, 1, 76 / 255], **EXACT)


def test_sixteen_bits_written_are_the_inverse_of_bytes_read(tmp_path: Path) -> None:
    """Reflectance of true colour is (byte − 1) · 0.3558 / 254, of B08 byte · 32 / 10000."""
    found, _ = read(stored(tmp_path, BYTES, "uint8"), names=NAMES, channels=RGBN)
    encoding = Encoding(("red", "green", "blue", "B08"), "uint16")
    wanted = [*np.rint((np.array([91, 128, 255]) - 1) * 3558 / 254), 76 * 32]
    assert encoding.encode(found[:, None, None])[:, 0, 0].tolist() == wanted


def test_a_map_remembers_the_order(tmp_path: Path) -> None:
    with ExitStack() as opened:
        path = stored(tmp_path, BYTES, "uint8")
        (date,) = find_acquisitions([path], rules=Rules(), opened=opened, band_names=NAMES)
    assert from_json(to_json(date)) == date


@pytest.mark.parametrize(
    ("kind", "said", "message"),
    [
        (
            "uint16",
            {"names": NAMES, "picture_bands": (4, 3, 2)},
            r"--bands 4,3,2 and --band-names B08,B02,B03,B04 both",
        ),
        (
            "uint16",
            {"names": ("N", "B", "G", "R")},
            r"--band-names N,B,G,R: lacks B04, B03, B02, expected names such as",
        ),
        ("uint8", {"names": (*NAMES[:3], "B03")}, r"names B03 more than once"),
        ("uint8", {"names": NAMES[1:]}, r"has 4 band\(s\), 3 are named with --band-names"),
        ("uint8", {"names": ("QA", *NAMES[1:]), "channels": RGBN}, r"has no B08 among its named bands.*it has RGB"),
        ("uint8", {"white_dn": 3558}, r"holds 8-bit numbers, which end at 255, and --white-dn says 3558"),
        ("uint16", {"white_dn": 255, "channels": RGBN}, r"nothing tells what the numbers of B08 mean .* is 255"),
        ("uint16", {"names": NAMES, "white_dn": 1, "channels": RGBN}, r"nothing tells what the numbers of B08 mean"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(tmp_path: Path, kind: str, said: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(stored(tmp_path, BYTES, kind), **said)


@pytest.mark.parametrize("said", [{}, {"channels": RGBN}])
def test_sixteen_bits_without_names_and_white_are_refused_as_before(tmp_path: Path, said: dict[str, Any]) -> None:
    with pytest.raises(ImageReadError, match="holds uint16 numbers, expected 8-bit true colour"):
        read(stored(tmp_path, DEEP, "uint16"), **said)


@pytest.mark.parametrize("said", [{"names": NAMES}, {"picture_bands": (1,)}, {"white_dn": 3558}])
def test_what_is_said_of_plain_images_needs_one(tmp_path: Path, said: dict[str, Any]) -> None:
    write_tiff(tmp_path / "T33UUU_20200601T100031_TCI.tif", np.full((3, 4, 5), 9, np.uint8))
    with pytest.raises(InputError, match=r"holds no plain image, and --(bands|band-names|white-dn) can say"):
        read(tmp_path, **said)


def test_level_and_offset_that_have_no_effect_are_said(tmp_path: Path) -> None:
    path = stored(tmp_path, BYTES, "uint8")
    plain, _ = read(path, names=NAMES)
    found, notes = read(path, names=NAMES, level="L2A", offset_dn=-1000)
    np.testing.assert_array_equal(found, plain)
    assert "--level is not used" in notes
    assert "--offset-dn is not added to true colour" in notes
    told = stored(tmp_path, DEEP, "uint16", name="L1C_2020-06-01.tif")
    assert "is L1C as it tells itself; --level L2A is not used" in read(told, names=NAMES, level="L2A")[1]

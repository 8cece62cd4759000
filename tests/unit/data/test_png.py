"""Does the quick decoder see what Pillow sees, and let nothing damaged through?"""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from ssr.data import png
from ssr.data.png import read_grey, read_grey16, read_rgb
from ssr.errors import ImageReadError

NOISE = np.random.default_rng(0).integers(0, 256, (40, 33, 3), dtype=np.uint8)


def pixels_of(mode: str) -> Image.Image:
    return Image.fromarray(NOISE).convert(mode)


@pytest.fixture(params=["quick", "patient"], autouse=True)
def decoder(request, monkeypatch):
    if request.param == "patient":
        monkeypatch.setattr(png, "pyspng", None)  # as where it is not installed
    elif png.pyspng is None:
        pytest.skip("the extra 'train' is not installed")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1"])
def test_every_picture_of_bytes_becomes_rgb(mode, tmp_path):
    pixels_of(mode).save(tmp_path / "a.png")
    assert np.array_equal(read_rgb(tmp_path / "a.png"), np.asarray(pixels_of(mode).convert("RGB")))


def test_grey_stays_grey(tmp_path):
    for mode in ("L", "1"):
        pixels_of(mode).save(tmp_path / "a.png")
        assert np.array_equal(read_grey(tmp_path / "a.png"), np.asarray(pixels_of(mode).convert("L")))


def test_sixteen_bits_keep_their_numbers(tmp_path):
    stored = (NOISE[..., 0].astype(np.uint16) << 8) + NOISE[..., 1]
    Image.fromarray(stored).save(tmp_path / "a.png")
    assert np.array_equal(read_grey16(tmp_path / "a.png"), stored)
    assert read_grey16(tmp_path / "a.png").dtype == np.uint16


@pytest.mark.parametrize(
    ("read", "mode"), [(read_grey, "RGB"), (read_grey16, "L"), (read_rgb, "I;16"), (read_grey, "I;16")]
)
def test_another_kind_of_pixels_is_named_not_converted(read, mode, tmp_path):
    image = Image.fromarray(NOISE[..., 0].astype(np.uint16)) if mode == "I;16" else pixels_of(mode)
    image.save(tmp_path / "a.png")
    with pytest.raises(ImageReadError, match=r"a\.png.*pixels, expected"):
        read(tmp_path / "a.png")


def whole() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, "png")
    return buffer.getvalue()


def changed(at: int) -> bytes:
    data = bytearray(whole())
    data[at] ^= 0x55
    return bytes(data)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        whole()[:8],
        whole()[:30],
        whole()[:-1],
        whole()[: len(whole()) // 2],
        whole()[: len(whole()) // 2] + whole()[-12:],
        changed(len(whole()) // 2),
        changed(len(whole()) - 20),
        whole()[:16] + struct.pack(">II", 1 << 20, 1 << 20) + whole()[24:],
    ],
)
def test_damage_is_named(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageReadError, match=r"a\.png"):
        read_rgb(tmp_path / "a.png")


def test_absent_file_is_named_and_told_apart(tmp_path):
    with pytest.raises(ImageReadError, match=r"a\.png") as caught:
        read_rgb(tmp_path / "a.png")
    assert isinstance(caught.value.__cause__, FileNotFoundError)

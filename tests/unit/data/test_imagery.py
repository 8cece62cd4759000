import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from ssr.data.imagery import Folder, Picture, draw_chips, read_folder, read_picture
from ssr.errors import ImageReadError, InputError
from tests.unit.data.layouts import write_picture

ALL = {"include": ("*.png", "*.jpg"), "exclude": (), "share": 1.0, "min_side_px": 8}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def folder_of(*values: int, share: float = 1.0, side_px: int = 12) -> Folder:
    """Pictures of one value each, named by it."""
    pictures = (Picture(str(v), np.full((side_px, side_px, 3), v, np.uint8)) for v in values)
    return Folder(tuple(pictures), share)


def test_pictures_are_read_in_the_order_of_their_names(tmp_path):
    written = {name: write_picture(tmp_path / name, side_px=9, seed=k) for k, name in enumerate(("b.png", "a.png"))}
    pictures = read_folder(tmp_path, **ALL).pictures
    assert [p.name for p in pictures] == ["a.png", "b.png"]
    assert all(np.array_equal(p.pixels, written[p.name]) for p in pictures)


def test_patterns_choose_and_leave_out(tmp_path):
    for name in ("city_1.png", "city_2.png", "village_1.png"):
        write_picture(tmp_path / name, side_px=9)
    chosen = read_folder(tmp_path, **ALL | {"include": ("*_1.png", "city_*"), "exclude": ("village*",)})
    assert [p.name for p in chosen.pictures] == ["city_1.png", "city_2.png"]


def test_small_pictures_are_left_out(tmp_path):
    write_picture(tmp_path / "small.png", side_px=7)
    write_picture(tmp_path / "just.png", side_px=8)
    assert [p.name for p in read_folder(tmp_path, **ALL).pictures] == ["just.png"]


@pytest.mark.parametrize("side_px", [None, 7])
def test_folder_without_a_fitting_picture_is_named(side_px, tmp_path):
    if side_px:
        write_picture(tmp_path / "small.png", side_px=side_px)
    with pytest.raises(InputError, match=f"{tmp_path.name}.*8 px"):
        read_folder(tmp_path, **ALL)


def test_absent_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="absent"):
        read_folder(tmp_path / "absent", **ALL)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_every_colour_mode_becomes_rgb_bytes(mode, tmp_path):
    Image.new("RGB", (5, 4), (255, 255, 255)).convert(mode).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.pixels.shape == (4, 5, 3)
    assert picture.pixels.dtype == np.uint8
    assert (picture.pixels == 255).all()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        png_of_size(4, 4),
        png_of_size(60_000, 60_000),
        b"\xff\xd8\xff\xe0" + bytes(9),
    ],
    ids=["empty", "text", "no header", "no pixels", "too large to decode", "broken JPEG"],
)
def test_file_that_is_no_picture_is_named(content, tmp_path):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ImageReadError, match=r"broken\.png"):
        read_picture(tmp_path / "broken.png")


def test_truncated_picture_is_named(tmp_path):
    write_picture(tmp_path / "a.png", side_px=40)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageReadError, match=r"a\.png"):
        read_picture(tmp_path / "a.png")


def test_chips_are_turned_pieces_of_their_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    chips, names = draw_chips([Folder((Picture("a", pixels),), 1.0)], n=60, side_px=6, generator=generator())
    assert chips.shape == (60, 3, 6, 6)
    whole = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    seen = set()
    for chip, name in zip(chips, names, strict=True):
        x, y = (int(v) for v in name.removeprefix("a@").split(","))
        piece = whole[:, y : y + 6, x : x + 6]
        turns = [torch.rot90(p, k, (1, 2)) for p in (piece, piece.flip(2)) for k in range(4)]
        matches = [k for k, turned in enumerate(turns) if torch.equal(turned, chip)]
        assert len(matches) == 1
        seen.update(matches)
    assert seen == set(range(8))


def test_chip_may_be_the_whole_picture():
    chips, names = draw_chips([folder_of(7)], n=2, side_px=12, generator=generator())
    assert chips.shape == (2, 3, 12, 12)
    assert names == ("7@0,0", "7@0,0")


def test_folders_are_drawn_by_their_share():
    folders = [folder_of(0, share=3.0), folder_of(255, share=1.0)]
    chips, _ = draw_chips(folders, n=2000, side_px=1, generator=generator())
    assert chips.mean().item() == pytest.approx(0.25, abs=0.04)  # four standard deviations


def test_pictures_are_drawn_by_their_area():
    small, large = (Picture(str(v), np.full((n, n, 3), v, np.uint8)) for v, n in ((255, 10), (0, 20)))
    chips, _ = draw_chips([Folder((small, large), 1.0)], n=2000, side_px=1, generator=generator())
    assert chips.mean().item() == pytest.approx(0.2, abs=0.04)


def test_draws_come_from_the_generator_alone():
    first, again, other = (draw_chips([folder_of(1, 2, 3)], n=5, side_px=4, generator=generator(s)) for s in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert first[1] == again[1] != other[1]

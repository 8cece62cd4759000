import struct
import warnings
import zlib

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from PIL import Image

from ssr.data.imagery import Folder, Picture, RasterPicture, Reading, draw_chips, read_folder, read_picture
from ssr.errors import ImageReadError, InputError
from ssr.raster.reader import RasterReader
from tests.support.tolerances import FLOAT32
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


def write_geotiff(path, bands, *, gsd_m=2.5, crs="EPSG:32633", nodata=None, turn=0.0):
    count, height, width = bands.shape
    place = Affine.translation(500_000, 4_000_000) @ Affine.rotation(turn) @ Affine.scale(gsd_m, -gsd_m)
    profile = {"count": count, "height": height, "width": width, "dtype": bands.dtype, "nodata": nodata}
    if crs is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path, "w", driver="GTiff", **profile) as dataset:
                dataset.write(bands)
        return
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=place, **profile) as dataset:
        dataset.write(bands)


def noise(count=3, height=40, width=40, dtype=np.uint8, high=256):
    return np.random.default_rng(1).integers(1, high, (count, height, width)).astype(dtype)


TIFF = ALL | {"include": ("*.tif",)}
MERIDIAN_SCALE = 0.9996
"""Metres of UTM on its central meridian are longer on the ground by one in so much."""


def whole(picture):
    height, width = picture.shape_hw
    return picture.read(slice(0, height), slice(0, width))


def test_a_geotiff_gives_the_chips_that_a_png_of_its_pixels_does(tmp_path):
    bands = noise()
    write_geotiff(tmp_path / "a.tif", bands)
    Image.fromarray(bands.transpose(1, 2, 0)).save(tmp_path / "a.png")
    raster, png = read_folder(tmp_path, **TIFF), read_folder(tmp_path, **ALL)
    for seed in range(3):
        ours, _ = draw_chips([raster], n=2, side_px=8, generator=generator(seed))
        theirs, _ = draw_chips([png], n=2, side_px=8, generator=generator(seed))
        assert torch.equal(ours, theirs)


def test_bands_are_chosen_and_sixteen_bits_need_a_white(tmp_path):
    bands = noise(5, dtype=np.uint16, high=4000)
    write_geotiff(tmp_path / "a.tif", bands)
    with pytest.raises(ImageReadError, match="white"):
        read_folder(tmp_path, **TIFF)
    reading = Reading(bands=(5, 1, 2), white_dn=2000.0)
    (picture,) = read_folder(tmp_path, **TIFF, reading=reading).pictures
    expected = (bands[[4, 0, 1]] / 2000).clip(0, 1).transpose(1, 2, 0)
    assert np.abs(whole(picture) - expected).max() <= FLOAT32
    with pytest.raises(ImageReadError, match=r"has 5 band\(s\)"):
        read_folder(tmp_path, **TIFF, reading=Reading(bands=(1, 2, 6), white_dn=1.0))


@pytest.mark.parametrize(("gsd_m", "ratio"), [(0.625, 4), (1.25, 2)])
def test_a_finer_geotiff_is_averaged_to_the_wanted_ground_distance(gsd_m, ratio, tmp_path):
    bands = noise()
    write_geotiff(tmp_path / "a.tif", bands, gsd_m=gsd_m * MERIDIAN_SCALE)
    (picture,) = read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5)).pictures
    side = 40 // ratio
    assert picture.shape_hw == (side, side)
    means = (bands / 255).reshape(3, side, ratio, side, ratio).mean((2, 4)).transpose(1, 2, 0)
    # The ground distance is known to about 1e-7 of itself, which moves pixels by as much.
    assert np.abs(whole(picture) - means).max() <= 1e-4
    window = picture.read(slice(3, 8), slice(1, 9))
    assert np.abs(window - whole(picture)[3:8, 1:9]).max() <= FLOAT32


def test_pictures_without_a_place_take_the_declared_ground_distance(tmp_path):
    pixels = write_picture(tmp_path / "a.png", side_px=40)
    write_geotiff(tmp_path / "b.tif", pixels.transpose(2, 0, 1), crs=None)
    reading = Reading(gsd_m=0.5, target_gsd_m=2.5)
    pictures = read_folder(tmp_path, **ALL | {"include": ("*.png", "*.tif")}, reading=reading).pictures
    means = (pixels / 255).reshape(8, 5, 8, 5, 3).mean((1, 3))
    for picture in pictures:
        assert np.abs(whole(picture) - means).max() <= FLOAT32
    with pytest.raises(InputError, match=r"a\.png.*say it with gsd_m"):
        read_folder(tmp_path, **ALL, reading=Reading(target_gsd_m=2.5))
    with pytest.raises(InputError, match=r"b\.tif.*say it with gsd_m"):
        read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5))


def test_pictures_of_the_wanted_ground_distance_are_taken_as_they_are(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise(), gsd_m=2.5)
    write_picture(tmp_path / "a.png", side_px=9)
    (raster,) = read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5)).pictures
    assert isinstance(raster, RasterPicture)
    (png,) = read_folder(tmp_path, **ALL, reading=Reading(target_gsd_m=2.5, gsd_m=2.51)).pictures
    assert isinstance(png, Picture)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gsd_m": 3.0}, "too coarse.*max_upsampling"),
        ({"gsd_m": 0.03}, "64 times finer"),
        ({"turn": 10.0, "gsd_m": 1.0}, "rotated"),
    ],
)
def test_what_cannot_be_brought_to_the_ground_distance_is_named(options, told, tmp_path):
    write_geotiff(tmp_path / "a.tif", noise(), **options)
    with pytest.raises(InputError, match=rf"a\.tif: .*{told}"):
        read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5))
    assert len(read_folder(tmp_path, **TIFF).pictures) == 1


def test_upsampling_happens_where_it_is_allowed(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise(), gsd_m=3.0)
    reading = Reading(target_gsd_m=2.5, max_upsampling=1.25)
    (picture,) = read_folder(tmp_path, **TIFF, reading=reading).pictures
    assert picture.shape_hw == (48, 48)


def test_a_declared_ground_distance_may_not_contradict_the_file(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise(), gsd_m=1.0)
    with pytest.raises(InputError, match=r"gsd_m says 0\.5"):
        read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5, gsd_m=0.5))


def test_pictures_that_become_too_small_are_left_out(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise(), gsd_m=0.4)
    with pytest.raises(InputError, match=r"8 px wide and high at 2\.5 m"):
        read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5))


def test_places_without_data_are_not_drawn(tmp_path):
    bands = noise()
    bands[:, :, :28] = 0
    write_geotiff(tmp_path / "a.tif", bands, nodata=0)
    chips, _ = draw_chips([read_folder(tmp_path, **TIFF)], n=8, side_px=8, generator=generator())
    assert (chips.sum(1) > 0).all()
    bands[:] = 0
    write_geotiff(tmp_path / "a.tif", bands, nodata=0)
    with pytest.raises(InputError, match=r"a\.tif: 32 places .*exclude"):
        draw_chips([read_folder(tmp_path, **TIFF)], n=1, side_px=8, generator=generator())


def test_a_gap_stays_a_gap_when_it_is_averaged(tmp_path):
    bands = noise()
    bands[:, 5, 5] = 0
    write_geotiff(tmp_path / "a.tif", bands, gsd_m=1.25 * MERIDIAN_SCALE, nodata=0)
    (picture,) = read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5)).pictures
    gaps = (whole(picture) == 0).all(-1)
    assert gaps[2, 2]
    assert gaps.sum() <= 4


def test_no_more_of_a_large_geotiff_is_read_than_is_drawn(tmp_path, monkeypatch):
    write_geotiff(tmp_path / "a.tif", noise(3, 400, 400), gsd_m=0.5)
    seen = []
    read = RasterReader.read
    monkeypatch.setattr(
        RasterReader,
        "read",
        lambda self, rows, columns: (
            seen.append((rows.stop - rows.start, columns.stop - columns.start)) or read(self, rows, columns)
        ),
    )
    folder = read_folder(tmp_path, **TIFF, reading=Reading(target_gsd_m=2.5))
    assert seen == []
    draw_chips([folder], n=4, side_px=8, generator=generator())
    assert max(max(pair) for pair in seen) <= 8 * 5 + 2


def test_a_folder_of_geotiff_says_how_to_include_them(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise())
    with pytest.raises(InputError, match=r"it holds \.tif: name them in include"):
        read_folder(tmp_path, **ALL)


def test_a_damaged_geotiff_is_named(tmp_path):
    write_geotiff(tmp_path / "a.tif", noise())
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:3000])
    with pytest.raises(ImageReadError, match=r"a\.tif"):
        draw_chips([read_folder(tmp_path, **TIFF)], n=1, side_px=40, generator=generator())


def write_infrared(folder, name, *, side_px, value=77):
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.full((side_px, side_px), value, np.uint8)).save(folder / name)


def test_near_infrared_of_the_same_name_is_the_fourth_channel(tmp_path):
    visible = {name: write_picture(tmp_path / name, side_px=9, seed=k) for k, name in enumerate(("a.png", "b.png"))}
    for k, name in enumerate(visible):
        write_infrared(tmp_path / "nir", name, side_px=9, value=10 + k)
    folder = read_folder(tmp_path, **ALL, reading=Reading(nir_folder=tmp_path / "nir"))
    for k, picture in enumerate(folder.pictures):
        assert np.array_equal(picture.pixels[..., :3], visible[picture.name])
        assert (picture.pixels[..., 3] == 10 + k).all()
    chips, _ = draw_chips([folder], n=3, side_px=4, generator=generator())
    assert chips.shape == (3, 4, 4, 4)


def test_near_infrared_is_rescaled_with_its_picture(tmp_path):
    write_picture(tmp_path / "a.png", side_px=20)
    write_infrared(tmp_path / "nir", "a.png", side_px=20)
    reading = Reading(gsd_m=1.25, target_gsd_m=2.5, nir_folder=tmp_path / "nir")
    (picture,) = read_folder(tmp_path, **ALL, reading=reading).pictures
    pixels = picture.read(slice(0, 10), slice(0, 10))
    assert pixels.shape == (10, 10, 4)
    np.testing.assert_allclose(pixels[..., 3], 77 / 255, atol=FLOAT32)


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (lambda path: path.unlink(), InputError, "no such file, the near infrared of a.png"),
        (lambda path: Image.new("L", (9, 8)).save(path), InputError, "9×8 px, a.png is 9×9 px"),
        (lambda path: Image.new("RGB", (9, 9)).save(path), InputError, "has bands R, G, B"),
        (lambda path: Image.new("I;16", (9, 9)).save(path), InputError, "expected one grey band of 8 bits"),
        (lambda path: path.write_bytes(b""), ImageReadError, "cannot be decoded"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), ImageReadError, "cannot be decoded"),
    ],
    ids=["absent", "other size", "three bands", "16 bits", "empty", "truncated"],
)
def test_near_infrared_that_does_not_fit_is_named(spoil, error, told, tmp_path):
    write_picture(tmp_path / "a.png", side_px=9)
    write_infrared(tmp_path / "nir", "a.png", side_px=9)
    spoil(tmp_path / "nir" / "a.png")
    with pytest.raises(error, match=told) as caught:
        read_folder(tmp_path, **ALL, reading=Reading(nir_folder=tmp_path / "nir"))
    assert str(tmp_path / "nir" / "a.png") in str(caught.value)


def test_near_infrared_of_a_geotiff_is_refused(tmp_path):
    (tmp_path / "a.tif").touch()
    with pytest.raises(InputError, match=r"a\.tif.*PNG and JPEG only"):
        read_folder(tmp_path, **TIFF, reading=Reading(nir_folder=tmp_path))

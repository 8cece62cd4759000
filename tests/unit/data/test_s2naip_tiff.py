"""Is the later S2-NAIP read with its bands in order, and its truth on the same ground?"""

import re

import numpy as np
import pytest
import torch

from ssr.data.s2naip_tiff import S2NaipTiffPairs, find_dates, find_truths
from ssr.data.samples import Flaw, flaw_of
from ssr.errors import InputError, SeriesError
from tests.support.tolerances import FLOAT32
from tests.unit.data.layouts import S2NAIP_TIFF_TILE as TILE
from tests.unit.data.layouts import save, write_s2naip_tiff_tile, write_tiff


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs(root, *, bands=("tci",), n_revisits=2, chip_px=32, scale=4):
    return S2NaipTiffPairs(
        root / "sentinel2", root / "naip", bands=bands, n_revisits=n_revisits, chip_px=chip_px, scale=scale
    )


def test_bands_are_stacked_as_named_and_true_colour_is_red_green_blue(tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=1)
    bands = ("tci", "b08", "b05", "b12", "b01", "b10", "b04")
    sample = pairs(tmp_path, bands=bands, n_revisits=1).draw(0, generator())
    red, green, blue = (value / 3558 for value in (120, 110, 100))
    rest = [value / 8160 for value in (130, 100, 150, 100, 120, 120)]
    assert sample.low_res.shape == (1, 9, 32, 32)
    expected = np.array([red, green, blue, *rest], np.float32)[None, :, None, None]
    assert np.abs(sample.low_res - expected).max() <= FLOAT32


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("chip_px", [32, 64, 21])
def test_the_truth_is_the_mean_of_naip_over_the_same_ground(scale, chip_px, tmp_path):
    truth = write_s2naip_tiff_tile(tmp_path, n_dates=2).astype(np.float64) / 255
    mark = np.zeros((2, 4, 64, 64), np.uint16)
    mark[:] = np.arange(1, 64 * 64 + 1, dtype=np.uint16).reshape(64, 64)
    write_tiff(tmp_path / "sentinel2" / "32612" / f"{TILE}_8.tif", mark.reshape(-1, 64, 64))
    sample = pairs(tmp_path, chip_px=chip_px, scale=scale, bands=("b02",)).draw(0, generator(3))
    y, x = divmod(round(float(sample.low_res[0, 0, 0, 0]) * 8160) - 1, 64)
    side = 8 // scale
    cut = truth[y * 8 : (y + chip_px) * 8, x * 8 : (x + chip_px) * 8]
    expected = cut.reshape(chip_px * scale, side, chip_px * scale, side, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(sample.high_res - expected).max() <= FLOAT32


def test_bands_of_coarser_grids_lie_on_the_same_ground(tmp_path):
    """A ramp of the ground is the same ramp on every grid."""
    write_s2naip_tiff_tile(tmp_path, n_dates=1)
    for span, n_bands in ((8, 4), (16, 6), (32, 3)):
        side = 512 // span
        ramp = np.round((np.arange(side) + 0.5) * span * 8).astype(np.uint16)
        write_tiff(
            tmp_path / "sentinel2" / "32612" / f"{TILE}_{span}.tif",
            np.broadcast_to(ramp, (n_bands, side, side)).copy(),
        )
    sample = pairs(tmp_path, bands=("b08", "b05", "b01"), n_revisits=1, chip_px=64).draw(0, generator())
    fine, middle, coarse = sample.low_res[0][:, :, 2:-2]
    assert np.abs(middle - fine).max() <= FLOAT32
    assert np.abs(coarse - fine).max() <= FLOAT32


def test_dates_without_a_gap_come_first_and_the_seed_decides(tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=6, gaps=(0, 2, 3, 4))
    samples = pairs(tmp_path, chip_px=64, bands=("b02",))
    for seed in range(5):
        dates = np.round(samples.draw(0, generator(seed)).low_res[:, 0, 9, 9] * 8160 / 100).astype(int) - 1
        assert set(dates) == {1, 5}
    drawn = [pairs(tmp_path).draw(0, generator(seed)).high_res.tobytes() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_bright_numbers_are_cut_at_white(tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=1)
    write_tiff(tmp_path / "sentinel2" / "32612" / f"{TILE}_8.tif", np.full((4, 64, 64), 9000, np.uint16))
    assert pairs(tmp_path, n_revisits=1).draw(0, generator()).low_res.max() == 1


def test_black_truth_is_avoided_or_a_flaw(tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=2)
    truth = np.full((512, 512, 4), 9, np.uint8)
    truth[:, 256:] = 0
    save(tmp_path / "naip" / f"{TILE}.png", truth)
    assert (pairs(tmp_path).draw(0, generator()).high_res > 0).all()
    truth[:, 255:] = 0
    save(tmp_path / "naip" / f"{TILE}.png", truth)
    assert flaw_of(pairs(tmp_path), 0).kind == "black"


def test_every_kind_of_flaw_is_told_apart(tmp_path):
    write_s2naip_tiff_tile(tmp_path, "32612_1_1", n_dates=1)
    write_s2naip_tiff_tile(tmp_path, "32612_1_2", n_dates=2)
    write_s2naip_tiff_tile(tmp_path, "32612_1_3", n_dates=2)
    (tmp_path / "sentinel2" / "32612" / "32612_1_3_8.tif").write_bytes(b"II*\0 broken")
    write_s2naip_tiff_tile(tmp_path, "32612_1_4", n_dates=2, spans=(8,))
    write_s2naip_tiff_tile(tmp_path, "32612_1_5", n_dates=2)
    write_s2naip_tiff_tile(tmp_path, "32612_1_5", n_dates=3, spans=(16,))
    write_s2naip_tiff_tile(tmp_path, "32612_1_6", n_dates=2)
    save(tmp_path / "naip" / "32612_1_6.png", np.ones((256, 256, 4), np.uint8))
    write_s2naip_tiff_tile(tmp_path, "32612_1_7", n_dates=2, spans=())
    samples = pairs(tmp_path, bands=("b02", "b05"))
    kinds = {samples.name(k)[-1]: getattr(flaw_of(samples, k), "kind", None) for k in range(len(samples))}
    assert kinds == {
        "1": "short",
        "2": None,
        "3": "corrupt",
        "4": "missing",
        "5": "misaligned",
        "6": "misaligned",
        "7": "missing",
    }


@pytest.mark.parametrize("bands", [np.ones((7, 64, 64), np.uint16), np.ones((8, 64, 64), np.float32)])
def test_files_of_another_kind_are_refused(bands, tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=2)
    write_tiff(tmp_path / "sentinel2" / "32612" / f"{TILE}_8.tif", bands)
    with pytest.raises(SeriesError, match="expected a multiple of 4 bands of uint16: b02, b03, b04, b08"):
        pairs(tmp_path).draw(0, generator())


def test_tiles_smaller_than_chips_are_refused(tmp_path):
    write_s2naip_tiff_tile(tmp_path, n_dates=2, tile_px=16)
    with pytest.raises(SeriesError, match="smaller than chips of 32 px"):
        pairs(tmp_path).draw(0, generator())
    assert not isinstance(pairs(tmp_path, chip_px=16).draw(0, generator()), Flaw)


def test_other_names_are_shown_beside_what_is_expected(tmp_path):
    for name in ("32612_960_-6049.tar", "readme.txt"):
        save_text = tmp_path / "naip" / name
        save_text.parent.mkdir(exist_ok=True)
        save_text.write_text("")
    with pytest.raises(InputError, match=re.escape("such as 32612_960_-6049.png; found 32612_960_-6049.tar, readme")):
        find_truths(tmp_path / "naip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"_8\.tif; found no file"):
        find_dates(tmp_path / "empty")
    with pytest.raises(InputError, match="absent: no such folder"):
        find_dates(tmp_path / "absent")


def test_a_tile_that_is_there_twice_is_refused(tmp_path):
    for folder in ("a", "b"):
        save(tmp_path / "naip" / folder / f"{TILE}.png", np.ones((8, 8, 4), np.uint8))
    with pytest.raises(InputError, match="twice"):
        find_truths(tmp_path / "naip")

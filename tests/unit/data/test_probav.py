"""Is PROBA-V read with its fourteen bits and its masks?"""

import numpy as np
import pytest
import torch

from ssr.data.probav import PROBAVPairs
from ssr.data.samples import Flaw, flaw_of
from ssr.errors import ImageReadError, InputError, SeriesError
from tests.support.tolerances import FLOAT32
from tests.unit.data.layouts import dn_of, mask_of, ramp, save, write_probav_scene

DN = 1 / 16383


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs(root, *, split="train", band="NIR", n_revisits=3, chip_px=40):
    return PROBAVPairs(root, split, band=band, n_revisits=n_revisits, chip_px=chip_px)


def scene(root, name="imgset0001", band="NIR"):
    return root / "train" / band / name


@pytest.mark.parametrize("seed", range(5))
def test_crops_lie_on_the_same_ground_with_all_their_bits(seed, tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=3)
    sample = pairs(tmp_path).draw(0, generator(seed))
    assert sample.low_res.shape == (3, 3, 40, 40)
    assert sample.high_res.shape == (3, 120, 120)
    averaged = sample.high_res.reshape(3, 40, 3, 40, 3).mean((2, 4))
    offsets = sorted(float((averaged - date).mean()) / DN for date in sample.low_res)
    assert offsets == pytest.approx([0, 1, 2], abs=0.1)  # numbers, not bytes: dates differ by one of 16383
    in_bytes = sample.high_res * 255
    assert (abs(in_bytes - in_bytes.round()) > 0.1).mean() > 0.5  # of 14 bits, not of 8
    assert (sample.low_res[:, 0] == sample.low_res[:, 2]).all()


def test_dates_that_are_clear_come_first(tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=5, clouded={0: slice(None), 2: slice(None)})
    for seed in range(10):
        assert (pairs(tmp_path).draw(0, generator(seed)).low_res > 0).all()


def test_what_a_mask_hides_is_no_data(tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=3, clouded={1: slice(0, 64)})
    sample = pairs(tmp_path, chip_px=128).draw(0, generator())
    hidden = [date for date in sample.low_res if (date == 0).any()]
    assert len(hidden) == 1
    assert (hidden[0][:, :64] == 0).all()
    assert (hidden[0][:, 64:] > 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_crops_lie_where_the_truth_is_clear(seed, tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=3, truth_gap=slice(0, 384 - 3 * 41))
    sample = pairs(tmp_path).draw(0, generator(seed))
    assert sample.high_res.min() >= ramp(384)[384 - 3 * 41].min() - FLOAT32 - DN


def test_truth_without_a_clear_crop_and_too_few_dates_are_flaws(tmp_path):
    write_probav_scene(scene(tmp_path, "a"), n_dates=3, truth_gap=slice(100, 300))
    write_probav_scene(scene(tmp_path, "b"), n_dates=2)
    samples = pairs(tmp_path)
    assert [flaw_of(samples, k).kind for k in range(2)] == ["black", "short"]
    assert isinstance(samples.draw(0, generator()), Flaw)


def test_dark_ground_that_is_clear_is_not_missing(tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=3)
    for k in range(3):
        save(scene(tmp_path) / f"LR00{k}.png", np.zeros((128, 128), np.uint16))
    assert (pairs(tmp_path).draw(0, generator()).low_res > 0).all()


def test_splits_and_bands_lie_in_folders_of_their_own(tmp_path):
    write_probav_scene(scene(tmp_path, "a"), n_dates=1)
    write_probav_scene(scene(tmp_path, "val/b"), n_dates=1)
    write_probav_scene(scene(tmp_path, "c", "RED"), n_dates=1)
    assert [pairs(tmp_path).name(0), len(pairs(tmp_path))] == ["a", 1]
    assert pairs(tmp_path, split="val").name(0) == "b"
    assert pairs(tmp_path, band="RED").name(0) == "c"
    with pytest.raises(InputError, match="RED/val"):
        pairs(tmp_path, band="RED", split="val")


@pytest.mark.parametrize(
    ("file", "pixels", "error", "kind"),
    [
        ("LR001.png", np.zeros((128, 128), np.uint8), ImageReadError, "corrupt"),
        ("LR001.png", np.full((128, 128), 16384, np.uint16), ImageReadError, "corrupt"),
        ("LR001.png", dn_of(ramp(127)), SeriesError, "misaligned"),
        ("HR.png", dn_of(ramp(383)), SeriesError, "misaligned"),
        ("QM001.png", mask_of(127, None), SeriesError, "misaligned"),
        ("SM.png", mask_of(128, None), SeriesError, "misaligned"),
    ],
    ids=["8 bits", "15 bits", "small date", "small truth", "small mask", "small truth's mask"],
)
def test_image_of_another_kind_or_size_is_named(file, pixels, error, kind, tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=3)
    save(scene(tmp_path) / file, pixels)
    with pytest.raises(error, match=file.replace(".", r"\.")):
        pairs(tmp_path).draw(0, generator())
    assert flaw_of(pairs(tmp_path), 0).kind == kind


def test_broken_revisit_is_found_even_when_it_is_not_drawn(tmp_path):
    write_probav_scene(scene(tmp_path), n_dates=30)
    (scene(tmp_path) / "LR017.png").write_bytes(b"broken")
    assert "LR017" in flaw_of(pairs(tmp_path, n_revisits=1), 0).told

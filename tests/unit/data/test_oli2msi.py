"""Is OLI2MSI read as the reflectance it is, with crops on the same ground?"""

import numpy as np
import pytest
import torch

from ssr.data.oli2msi import OLI2MSIPairs
from ssr.data.samples import flaw_of
from ssr.errors import ImageReadError, InputError, SeriesError
from tests.support.tolerances import FLOAT32
from tests.unit.data.layouts import ramp, write_oli2msi_scene, write_tiff


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_crops_of_both_lie_on_the_same_ground_in_their_own_values(seed, tmp_path):
    write_oli2msi_scene(tmp_path, "a.TIF")
    sample = OLI2MSIPairs(tmp_path, "train", chip_px=40).draw(0, generator(seed))
    assert sample.low_res.shape == (1, 3, 40, 40)
    assert sample.high_res.shape == (3, 120, 120)
    averaged = sample.high_res.reshape(3, 40, 3, 40, 3).mean((2, 4))
    assert np.abs(averaged - sample.low_res[0]).max() <= FLOAT32
    assert sample.low_res[0, 2].max() / sample.low_res[0, 0].max() == pytest.approx(0.9 / 0.5, abs=FLOAT32)
    assert sample.low_res[0, 0].min() >= 0.2 * 0.5


def test_scenes_are_those_of_the_split_with_both_images(tmp_path):
    for name in ("b.TIF", "a.tif"):
        write_oli2msi_scene(tmp_path, name, low_res_px=8)
    write_oli2msi_scene(tmp_path, "c.TIF", split="test", low_res_px=8)
    write_tiff(tmp_path / "train_lr" / "alone.TIF", np.ones((3, 8, 8), np.float32))
    samples = OLI2MSIPairs(tmp_path, "train", chip_px=8)
    assert [samples.name(k) for k in range(len(samples))] == ["a.tif", "b.TIF"]


@pytest.mark.parametrize("seed", range(10))
def test_crops_avoid_gaps(seed, tmp_path):
    write_oli2msi_scene(tmp_path, "a.TIF", low_res_px=20, gap=True)
    sample = OLI2MSIPairs(tmp_path, "train", chip_px=9).draw(0, generator(seed))
    assert (sample.high_res > 0).all()


def test_scene_that_is_all_gap_is_a_flaw(tmp_path):
    write_oli2msi_scene(tmp_path, "a.TIF", low_res_px=20, gap=True)
    assert flaw_of(OLI2MSIPairs(tmp_path, "train", chip_px=20), 0).kind == "black"


def test_images_that_are_not_three_times_each_other_are_named(tmp_path):
    write_oli2msi_scene(tmp_path, "a.TIF", low_res_px=8)
    write_tiff(tmp_path / "train_hr" / "a.TIF", np.stack([ramp(25)] * 3))
    samples = OLI2MSIPairs(tmp_path, "train", chip_px=8)
    with pytest.raises(SeriesError, match=r"train_hr/a\.TIF"):
        samples.draw(0, generator())
    assert flaw_of(samples, 0).kind == "misaligned"


def test_too_few_bands_and_absent_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="train_lr"):
        OLI2MSIPairs(tmp_path, "train", chip_px=8)
    for folder in ("train_lr", "train_hr"):
        write_tiff(tmp_path / folder / "a.TIF", np.ones((2, 8, 8), np.float32))
    with pytest.raises(ImageReadError, match=r"a\.TIF"):
        OLI2MSIPairs(tmp_path, "train", chip_px=8).draw(0, generator())
    (tmp_path / "train_hr" / "a.TIF").rename(tmp_path / "train_hr" / "b.TIF")
    with pytest.raises(InputError, match="train_lr"):
        OLI2MSIPairs(tmp_path, "train", chip_px=8)

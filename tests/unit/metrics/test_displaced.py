"""Against the recorded values of the original, trials of every displacement by definition, and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.errors import InputError
from ssr.metrics.displaced import cpsnr, cpsnr_original
from ssr.metrics.pixelwise import psnr
from tests.support.tolerances import METRIC
from tests.unit.metrics.photographs import RECORDED, crop, degraded


def by_definition(image, truth, starts, lost, clear=None):
    """Best of all windows whose starts in image and truth are given, in NumPy; `c H W` each."""
    a, b = image.double().numpy(), truth.double().numpy()
    counts = np.ones(a.shape[1:], bool) if clear is None else clear.numpy()
    h, w = a.shape[1] - lost, a.shape[2] - lost
    best = -math.inf
    for ya, yb in starts:
        for xa, xb in starts:
            seen = counts[yb : yb + h, xb : xb + w]
            difference = (b[:, yb : yb + h, xb : xb + w] - a[:, ya : ya + h, xa : xa + w])[:, seen]
            if seen.any():
                square = np.mean((difference - difference.mean(1, keepdims=True)) ** 2)
                best = max(best, math.inf if square < 1e-30 else -10 * math.log10(square))
    return best


CORRECTED, ORIGINAL = [(3, 3 + d) for d in range(-3, 4)], [(r, 8 - r) for r in range(9)]


@pytest.mark.parametrize("border_px", [0, 4])
def test_original_equals_what_was_recorded_in_one_batch(border_px):
    images = torch.cat([degraded(row["reference"], row["degradation"]) for row in RECORDED])
    truth = torch.cat([crop(row["reference"]) for row in RECORDED])
    expected = [row[f"cpsnr_border{border_px}"] for row in RECORDED]
    for dtype in (torch.float64, torch.float32):
        scores = cpsnr_original(images.to(dtype), truth.to(dtype), border_px=border_px)
        assert scores.tolist() == pytest.approx(expected, rel=0, abs=METRIC)


@pytest.mark.parametrize("kind", ["box4", "noise", "shift_noise"])
def test_corrected_is_the_best_of_all_trials(kind):
    a, b = crop("chelsea"), degraded("chelsea", kind)
    assert cpsnr(b, a).item() == pytest.approx(by_definition(b[0], a[0], CORRECTED, 6), abs=METRIC)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), h=st.integers(9, 45), w=st.integers(9, 45), n_channels=st.sampled_from([1, 3, 4]))
def test_any_size_gives_the_best_of_all_trials(seed, h, w, n_channels):
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (2, 1, n_channels, h, w), generator=generator)
    a, b = levels.double() / 255
    assert cpsnr(a, b).item() == pytest.approx(by_definition(a[0], b[0], CORRECTED, 6), abs=METRIC)
    assert cpsnr_original(a, b).item() == pytest.approx(by_definition(a[0], b[0], ORIGINAL, 8), abs=METRIC)


def test_original_is_exact_beyond_what_float32_holds():
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 2, (2, 1, 1, 1100, 20), generator=generator) * 255  # more rows than MOST_EXACT_TERMS
    a, b = levels.double() / 255
    assert cpsnr_original(a, b).item() == pytest.approx(by_definition(a[0], b[0], ORIGINAL, 8), abs=METRIC)


@pytest.mark.parametrize("dy", range(-3, 4))
@pytest.mark.parametrize("dx", range(-3, 4))
def test_every_displacement_up_to_three_pixels_is_found(dy, dx):
    a = crop("coffee")[..., :40, :44]
    assert cpsnr(a.roll((dy, dx), (2, 3)), a).item() == math.inf


@pytest.mark.parametrize(("shift", "is_found"), [(0, True), (3, False), (4, True), (8, True), (10, False)])
def test_original_finds_even_displacements_alone(shift, is_found):
    a = crop("coffee")[..., :40, :44]
    assert (cpsnr_original(a.roll(shift, 3), a).item() == math.inf) == is_found


def test_displacement_beyond_the_limit_is_not_found():
    a = crop("coffee")[..., :40, :44]
    moved = a.roll(4, 3)
    assert cpsnr(moved, a).item() < 40
    assert cpsnr(moved, a, max_shift_px=4).item() == math.inf


@pytest.mark.parametrize("bias", [(10, 0, 0), (-4, 9, 3)])
def test_bias_of_a_channel_does_not_change_the_score(bias):
    a, b = crop("chelsea")[..., :48, :48], crop("astronaut")[..., :48, :48]
    brighter = a + torch.tensor(bias).view(3, 1, 1) / 255
    assert cpsnr(brighter, b).item() == pytest.approx(cpsnr(a, b).item(), abs=METRIC)


def test_without_displacement_it_is_psnr_of_unbiased_images():
    a, b = crop("chelsea")[..., :48, :48], crop("coffee")[..., :48, :48]
    unbiased = a - (a - b).mean((2, 3), keepdim=True)
    assert cpsnr(a, b, max_shift_px=0).item() == pytest.approx(psnr(unbiased, b).item(), abs=METRIC)


def test_only_clear_pixels_count_and_clouds_move_with_the_truth():
    truth, image = crop("coffee")[..., :40, :44], degraded("coffee", "noise")[..., :40, :44]
    clear = torch.ones(1, 1, 40, 44, dtype=torch.bool)
    clear[..., 5:20, 8:30] = False
    clouded = torch.where(clear, truth, 1.0)
    expected = by_definition(image[0], truth[0], CORRECTED, 6, clear[0, 0])
    assert cpsnr(image, clouded, clear=clear).item() == pytest.approx(expected, abs=METRIC)
    assert cpsnr(truth.roll((2, -1), (2, 3)), clouded, clear=clear).item() > 200  # equal but for rounding
    assert cpsnr(image, truth, clear=torch.ones_like(clear)).item() == pytest.approx(cpsnr(image, truth).item())


def test_image_that_is_nowhere_clear_has_no_score():
    truth = crop("coffee")[..., :20, :20]
    assert cpsnr(truth, truth, clear=torch.zeros(1, 1, 20, 20, dtype=torch.bool)).isnan().all()
    corner = torch.zeros(1, 1, 20, 20, dtype=torch.bool)
    corner[..., 0, 0] = True  # seen by one window alone
    assert not cpsnr(truth, truth, clear=corner).isnan().any()


@pytest.mark.parametrize("measure", [cpsnr, cpsnr_original])
def test_images_of_a_batch_do_not_mix(measure):
    images = torch.cat([degraded("coffee", "noise"), crop("coffee")])
    truth = torch.cat([crop("coffee"), degraded("coffee", "box4")])
    alone = [measure(a[None], b[None]).item() for a, b in zip(images, truth, strict=True)]
    assert measure(images, truth).tolist() == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize(("measure", "side"), [(cpsnr, 6), (cpsnr_original, 8)])
def test_image_too_small_to_displace_is_an_error(measure, side):
    with pytest.raises(InputError, match="too small to displace"):
        measure(torch.zeros(1, 3, side, side), torch.zeros(1, 3, side, side))


@pytest.mark.parametrize("measure", [cpsnr, cpsnr_original])
def test_images_of_different_size_are_an_error(measure):
    with pytest.raises(InputError, match="expected one size"):
        measure(torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 28))

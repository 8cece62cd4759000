import pytest
import torch

from ssr.models.alignment import align, moved
from ssr.models.registration import register
from tests.support.tolerances import FLOAT32
from tests.unit.models.test_registration import SHIFTS, photographed, rms

RMS_PX = 0.03
"""Asked of the alignment on dates that differ by displacement alone."""


def aligned(low_res: torch.Tensor):
    return align(low_res, (low_res != 0).any(2, keepdim=True).float())


def inner_error(shift_px: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    error = shift_px[0, :, :, 16:-16, 16:-16] - known[..., None, None]
    return error - error.mean(0)


@pytest.mark.parametrize("gain", [1.0, 0.8])
@pytest.mark.parametrize("bias", [0.0, 0.06])
def test_known_displacements_are_recovered_whatever_the_brightness(gain, bias):
    low_res = photographed(SHIFTS)
    low_res[:, 1:3] = gain * low_res[:, 1:3] + bias
    assert rms(inner_error(aligned(low_res).shift_px, SHIFTS)) < RMS_PX


def test_alignment_is_nearer_than_the_first_estimate():
    low_res = photographed(SHIFTS)
    first = register(low_res, torch.ones(1, 5, 1, 72, 72)).shift_px
    assert rms(inner_error(aligned(low_res).shift_px, SHIFTS)) < 0.5 * rms(inner_error(first, SHIFTS))


def test_common_grid_lies_at_the_mean_place_of_the_dates():
    shift_px = aligned(photographed(SHIFTS)).shift_px
    torch.testing.assert_close(shift_px.mean(1), torch.zeros_like(shift_px[:, 0]), atol=0.01, rtol=0)


def test_aligned_dates_are_nearer_to_each_other_than_the_dates():
    low_res = photographed(SHIFTS)
    spread = aligned(low_res).aligned.std(1)[..., 16:-16, 16:-16].mean()
    assert spread < 0.15 * low_res.std(1)[..., 16:-16, 16:-16].mean()


def test_mean_moved_back_shows_what_a_date_shows():
    low_res = photographed(SHIFTS)
    seen = aligned(low_res)
    error = (seen.expected - seen.harmonised)[..., 16:-16, 16:-16].abs().mean()
    assert error < 0.15 * (low_res - low_res.mean(1, keepdim=True))[..., 16:-16, 16:-16].abs().mean()


def test_cloud_over_one_date_does_not_spoil_the_others():
    low_res = photographed(SHIFTS)
    low_res[:, 4, :, 20:52, 20:52] = 0.98
    assert rms(inner_error(aligned(low_res).shift_px[:, :4], SHIFTS[:4])) < 2 * RMS_PX


def test_date_without_data_moves_nothing():
    low_res = photographed(SHIFTS)
    padded = torch.cat([low_res, torch.zeros_like(low_res[:, :1])], 1)
    seen, alone = aligned(padded), aligned(low_res)
    torch.testing.assert_close(seen.shift_px[:, :5], alone.shift_px, atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.mean, alone.mean, atol=1e-4, rtol=0)
    assert seen.weight[:, 5].eq(0).all()


def test_flat_ground_has_no_displacement():
    shift_px = aligned(torch.full((1, 3, 3, 30, 30), 0.4)).shift_px
    torch.testing.assert_close(shift_px, torch.zeros_like(shift_px), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("n_dates", [1, 2, 3])
def test_without_any_data_everything_is_finite(n_dates):
    assert all(part.isfinite().all() for part in aligned(torch.zeros(1, n_dates, 3, 20, 20)))


def test_images_move_by_whole_pixels_exactly():
    image = torch.rand(1, 1, 2, 9, 11, generator=torch.Generator().manual_seed(0))
    shift_px = torch.tensor([1.0, -1.0]).view(1, 1, 2, 1, 1).expand(1, 1, 2, 9, 11)
    torch.testing.assert_close(moved(image, shift_px)[..., 1:, :-1], image[..., :-1, 1:], atol=FLOAT32, rtol=0)

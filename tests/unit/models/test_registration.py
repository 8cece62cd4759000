import pytest
import torch

from ssr.data.simulate import sampling_matrix
from ssr.models.registration import BOX_PX, masked_median, register
from tests.support.tolerances import FLOAT32

RMS_PX = 0.15
"""Asked of the registration on dates that differ by displacement alone."""


def ground(side: int = 288) -> torch.Tensor:
    """A smooth texture in [0.2, 0.8], wavelengths from 3 to 12 coarse pixels at scale 4."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(side) / 4, torch.arange(side) / 4, indexing="ij")
    total = torch.zeros(side, side)
    for _ in range(40):
        fx, fy, phase = (torch.rand(3, generator=generator) * torch.tensor([2.0, 2.0, 6.28])).tolist()
        total += torch.sin((fx - 1) * x + (fy - 1) * y + phase)
    return (0.5 + 0.3 * total / total.abs().max()).expand(1, 3, side, side)


def photographed(shift_px: torch.Tensor) -> torch.Tensor:
    """Dates of the ground, displaced by `t 2` (x, y) coarse pixels."""
    place, sigma = ground(), torch.full((len(shift_px),), 0.5)
    rows, columns = (sampling_matrix(place.shape[-1], 4, shift_px[:, axis], sigma) for axis in (1, 0))
    return rows[:, None] @ place.unsqueeze(1) @ columns[:, None].mT


def estimated(low_res: torch.Tensor) -> torch.Tensor:
    valid = (low_res != 0).any(2, keepdim=True).float()
    return register(low_res, valid).shift_px


SHIFTS = torch.tensor([[0.0, 0.0], [0.4, -0.3], [-0.5, 0.2], [0.25, 0.45], [-0.15, -0.35]])


def rms(error: torch.Tensor) -> float:
    return error.square().mean().sqrt().item()


@pytest.mark.parametrize("gain", [1.0, 0.8])
@pytest.mark.parametrize("bias", [0.0, 0.06])
def test_known_displacements_are_recovered_whatever_the_brightness(gain, bias):
    low_res = photographed(SHIFTS)
    low_res[:, 1:3] = gain * low_res[:, 1:3] + bias
    inner = estimated(low_res)[0, :, :, 16:-16, 16:-16]
    error = inner - SHIFTS[..., None, None]
    assert rms(error - error.mean(0)) < RMS_PX  # the common part is the place of the median, which no date fixes
    assert error.mean(0).abs().mean() < RMS_PX


def test_displacement_has_the_sign_of_its_definition():
    """date(p) ≈ reference(p + shift): of two equal dates and one displaced, the displaced one alone has a shift."""
    shift_px = torch.tensor([[0.0, 0.0], [0.3, 0.0], [0.0, 0.0]])
    x, y = estimated(photographed(shift_px))[0, 1, :, 20:-20, 20:-20].mean((1, 2)).tolist()
    assert x == pytest.approx(0.3, abs=0.05)
    assert y == pytest.approx(0.0, abs=0.05)


def test_cloud_over_one_date_does_not_spoil_the_others():
    low_res = photographed(SHIFTS)
    low_res[:, 4, :, 20:52, 20:52] = 0.98
    clear = estimated(low_res)[0, :4, :, 16:-16, 16:-16]
    error = clear - SHIFTS[:4, :, None, None]
    assert rms(error - error.mean(0)) < RMS_PX


def test_flat_ground_has_no_displacement():
    torch.testing.assert_close(estimated(torch.full((1, 3, 3, 30, 30), 0.4)), torch.zeros(1, 3, 2, 30, 30))


def test_equal_dates_agree_fully():
    date = photographed(SHIFTS[:1])
    registration = register(date.expand(-1, 3, -1, -1, -1), torch.ones(1, 3, 1, 72, 72))
    torch.testing.assert_close(registration.shift_px, torch.zeros_like(registration.shift_px), atol=1e-3, rtol=0)
    torch.testing.assert_close(registration.weight, torch.ones_like(registration.weight), atol=1e-3, rtol=0)
    torch.testing.assert_close(registration.harmonised[:, 0], date[:, 0], atol=1e-3, rtol=0)


def test_brightness_of_a_date_is_brought_to_the_reference():
    low_res = photographed(torch.zeros(3, 2))
    low_res[:, 2] = 0.7 * low_res[:, 2] + 0.1
    harmonised = register(low_res, torch.ones(1, 3, 1, 72, 72)).harmonised
    torch.testing.assert_close(harmonised[:, 2], low_res[:, 0], atol=5e-3, rtol=0)


def test_pixels_without_data_weigh_nothing():
    low_res = photographed(SHIFTS)
    low_res[:, 2, :, :, :30] = 0
    registration = register(low_res, (low_res != 0).any(2, keepdim=True).float())
    assert registration.weight[:, 2, :, :, :30].eq(0).all()
    assert all(part.isfinite().all() for part in registration)


def test_box_is_centred():
    assert BOX_PX % 2 == 1


@pytest.mark.parametrize(
    ("values", "expected"), [((0.1, 0.5, 0.9), 0.5), ((0.0, 0.7, 0.0), 0.7), ((0.0, 0.0, 0.0), 0.0)]
)
def test_median_is_over_dates_with_data(values, expected):
    low_res = torch.tensor(values).view(1, 3, 1, 1, 1)
    median = masked_median(low_res, (low_res != 0).float())
    assert median.item() == pytest.approx(expected, abs=FLOAT32)

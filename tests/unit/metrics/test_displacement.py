import math

import pytest
import torch
from skimage.registration import phase_cross_correlation

from ssr.metrics.displacement import displacement, moved
from tests.support.tolerances import FLOAT32
from tests.support.triplets import scene


@pytest.fixture(scope="module")
def ground():
    return scene("displacement", 96)


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-4, 1), (3, 4)])
def test_an_integer_displacement_is_found_exactly(ground, shift):
    found = displacement(ground, ground.roll(shift, (2, 3)))
    torch.testing.assert_close(found, -torch.tensor([shift], dtype=torch.float32), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size_hw", [(64, 64), (63, 50), (33, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_displacements_equal_those_of_scikit_image(ground, size_hw, dtype):
    h, w = size_hw
    a = ground[..., 10 : 10 + h, 10 : 10 + w].to(dtype)
    b = moved(ground.to(dtype), torch.tensor([[1.37, -2.61]], dtype=dtype))[..., 10 : 10 + h, 10 : 10 + w]
    found = displacement(a, b)[0]
    expected = phase_cross_correlation(a[0].mean(0).numpy(), b[0].mean(0).numpy(), upsample_factor=50)[0]
    assert found.tolist() == pytest.approx(expected.tolist(), rel=0, abs=1e-6)
    assert found.tolist() == pytest.approx([-1.37, 2.61], rel=0, abs=0.2)  # bilinear, and edges do not wrap


def test_images_of_a_batch_are_displaced_on_their_own(ground):
    shifts = [(2, -3), (0, 0), (-1, 4)]
    batch = torch.cat([ground.roll(s, (2, 3)) for s in shifts])
    found = displacement(ground.expand_as(batch), batch)
    torch.testing.assert_close(found, -torch.tensor(shifts, dtype=torch.float32), rtol=0, atol=1e-6)


def test_what_is_too_far_away_is_not_a_displacement(ground):
    assert displacement(ground, ground.roll(6, 3)).isnan().all()
    assert displacement(ground, ground.roll(6, 3), max_shift_px=6.5)[0].tolist() == pytest.approx([0, -6], abs=1e-6)


def test_an_image_that_is_not_finite_has_no_displacement_and_spoils_no_other(ground):
    batch = torch.cat([ground, ground.roll(2, 2)])
    batch[0, 0, 5, 5] = math.nan
    found = displacement(ground.expand_as(batch), batch)
    assert found[0].isnan().all()
    assert found[1].tolist() == pytest.approx([-2, 0], abs=1e-6)


def test_moving_goes_down_and_right_and_repeats_edges():
    image = torch.arange(12.0).view(1, 1, 3, 4)
    found = moved(image, torch.tensor([[1.0, -1.0]]))
    assert found[0, 0].tolist() == [[1, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]]


def test_moving_by_part_of_a_pixel_is_bilinear():
    ramp = torch.arange(40.0).view(1, 1, 5, 8)
    found = moved(ramp, torch.tensor([[0.25, -0.5]]))
    expected = ramp - 0.25 * 8 + 0.5
    torch.testing.assert_close(found[..., 1:, :-1], expected[..., 1:, :-1], rtol=FLOAT32, atol=0)


def test_an_unknown_displacement_moves_nothing(ground):
    assert torch.equal(moved(ground, torch.full((1, 2), math.nan)), ground)

"""Sampling on the instrument's grid and interpolation onto the map's, against what splines and Gaussians must do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.instrument import cubic_b_spline, product_matrix, sampling_matrix
from tests.support.tolerances import FLOAT32

scalar = torch.tensor


def matrix(n_fine=96, *, shift=0.0, sigma=0.45, phase=0.0, pitch=1.0):
    return product_matrix(
        n_fine, 4, scalar(shift), scalar(sigma), phase_px=scalar(phase), pitch_px=scalar(pitch)
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    n_coarse=st.integers(4, 20),
    scale=st.integers(1, 5),
    shift=st.floats(-1, 1),
    sigma=st.floats(0.3, 0.8),
    phase=st.floats(-0.5, 0.5),
    pitch=st.floats(0.9, 1.1),
)
def test_rows_sum_to_one(n_coarse, scale, shift, sigma, phase, pitch):
    rows = product_matrix(
        n_coarse * scale, scale, scalar(shift), scalar(sigma), phase_px=scalar(phase), pitch_px=scalar(pitch)
    )
    assert rows.shape == (n_coarse, n_coarse * scale)
    torch.testing.assert_close(rows.sum(1), torch.ones(n_coarse), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_native_samples_on_the_grid_of_the_map_stay_as_they_are(shift):
    """An interpolating spline passes through its samples."""
    expected = sampling_matrix(96, 4, scalar(shift), scalar(0.45))
    torch.testing.assert_close(matrix(shift=shift), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("phase", [-0.5, 0.2])
@pytest.mark.parametrize("pitch", [0.95, 1.0, 1.04])
def test_a_ramp_is_seen_where_the_date_lies_whatever_the_native_grid(phase, pitch):
    ramp = (torch.arange(96) + 0.5) / 4
    seen = matrix(shift=0.25, phase=phase, pitch=pitch) @ ramp
    expected = torch.arange(24) + 0.5 + 0.25
    torch.testing.assert_close(seen[5:-5], expected[5:-5], atol=5e-3, rtol=0)  # the edge goes on flat: 0.27 a pixel


@pytest.mark.parametrize(("phase", "pitch"), [(0.5, 1.0), (-0.3, 1.05), (0.1, 0.94)])
def test_smooth_ground_does_not_show_that_it_was_resampled(phase, pitch):
    wave = torch.sin(2 * torch.pi * (torch.arange(160) + 0.5) / 4 / 8)  # eight pixels a period
    plain = sampling_matrix(160, 4, scalar(0.0), scalar(0.45)) @ wave
    resampled = matrix(160, phase=phase, pitch=pitch) @ wave
    torch.testing.assert_close(resampled[6:-6], plain[6:-6], atol=0.01, rtol=0)


def test_detail_near_the_nyquist_frequency_fades_between_samples():
    """Half a pixel off, samples of alternating sign average out; on the samples they stay."""
    wave = torch.cos(torch.pi * (torch.arange(160) + 0.5 - 2) / 4)  # two pixels a period, peaks in pixel centres
    on, off = (matrix(160, phase=phase) @ wave for phase in (0.0, 0.5))
    assert on[8:-8].abs().min() > 0.3
    assert off[8:-8].abs().max() < 0.01


def test_dates_and_channels_are_computed_at_once_as_one_by_one():
    phase, pitch = torch.tensor([[0.2], [-0.4]]), torch.tensor([[1.02], [0.97]])
    shift, sigma = torch.tensor([[0.1, 0.0], [-0.2, 0.3]]), torch.tensor([[0.4, 0.5], [0.45, 0.42]])
    together = product_matrix(64, 4, shift, sigma, phase_px=phase, pitch_px=pitch)
    for i in range(2):
        for j in range(2):
            alone = product_matrix(64, 4, shift[i, j], sigma[i, j], phase_px=phase[i, 0], pitch_px=pitch[i, 0])
            torch.testing.assert_close(together[i, j], alone, atol=1e-4, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.5, 0.5))
def test_b_splines_sum_to_one_everywhere(offset):
    total = cubic_b_spline(torch.arange(-4, 5).double() + offset).sum()
    assert float(total) == pytest.approx(1, abs=FLOAT32)
    assert np.allclose(cubic_b_spline(torch.tensor([0.0, 1.0, 2.0])), [2 / 3, 1 / 6, 0], atol=FLOAT32)

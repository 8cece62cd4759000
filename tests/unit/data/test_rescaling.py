"""Are coarser pixels the means of what they cover, in windows as in whole pictures?"""

import numpy as np
import pytest
from affine import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject

from ssr.data.rescaling import axis_weights, weighted
from tests.support.tolerances import FLOAT32

RATIOS = [1.0, 2.0, 4.0, 1.25, 2.5, 3.3, 0.8, 0.5]


def rescaled(pixels, ratio, rows=None, columns=None):
    shape = [int(n / ratio) for n in pixels.shape[:2]]
    chosen = [part or slice(0, n) for part, n in zip((rows, columns), shape, strict=True)]
    (source_rows, row_weights), (source_columns, column_weights) = (
        axis_weights(part, ratio, n) for part, n in zip(chosen, pixels.shape[:2], strict=True)
    )
    return weighted(pixels[source_rows, source_columns], row_weights, column_weights)


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((40, 30, 3), np.float32)


@pytest.mark.parametrize("ratio", [2, 5, 10])
def test_whole_ratios_are_means_of_blocks(ratio, noise):
    blocks = noise.reshape(40 // ratio, ratio, 30 // ratio, ratio, 3).mean((1, 3))
    assert np.abs(rescaled(noise, float(ratio)) - blocks).max() <= FLOAT32


@pytest.mark.parametrize("ratio", [1.25, 2.5, 4.0])
def test_fractions_are_those_of_gdals_average(ratio, noise):
    ours = rescaled(noise, ratio)
    theirs = np.zeros((3, *ours.shape[:2]), np.float32)
    place = {"src_crs": "EPSG:32631", "dst_crs": "EPSG:32631", "resampling": Resampling.average}
    reproject(
        np.ascontiguousarray(noise.transpose(2, 0, 1)),
        theirs,
        src_transform=Affine(1, 0, 500_000, 0, -1, 4_000_000),
        dst_transform=Affine(ratio, 0, 500_000, 0, -ratio, 4_000_000),
        **place,
    )
    assert np.abs(ours.transpose(2, 0, 1) - theirs).max() <= 1e-5


@pytest.mark.parametrize("ratio", RATIOS)
def test_windows_are_parts_of_the_whole(ratio, noise):
    whole = rescaled(noise, ratio)
    height, width = whole.shape[:2]
    for rows, columns in ((slice(0, 3), slice(2, 7)), (slice(height - 4, height), slice(width - 1, width))):
        window = rescaled(noise, ratio, rows, columns)
        assert np.abs(window - whole[rows, columns]).max() <= FLOAT32


@pytest.mark.parametrize("ratio", RATIOS)
def test_one_value_stays_and_a_ramp_stays_in_place(ratio):
    assert np.abs(rescaled(np.full((20, 20, 1), 0.3, np.float32), ratio) - 0.3).max() <= FLOAT32
    ramp = np.broadcast_to(((np.arange(40) + 0.5) / 40)[:, None, None], (40, 8, 1)).astype(np.float32)
    scaled = rescaled(ramp, ratio)[:, 0, 0]
    expected = (np.arange(len(scaled)) + 0.5) * ratio / 40
    inside = slice(1, -1)
    # Within a fine pixel a mean of constants lies off a ramp by at most half of a pixel's step.
    tolerance = FLOAT32 if ratio < 1 or ratio.is_integer() else 0.5 / 40
    assert np.abs(scaled[inside] - expected[inside]).max() <= tolerance


def test_upsampling_by_two_is_torchs_linear_interpolation(noise):
    import torch

    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(noise.transpose(2, 0, 1))[None], scale_factor=2, mode="bilinear"
    )
    assert np.abs(rescaled(noise, 0.5).transpose(2, 0, 1) - theirs[0].numpy()).max() <= FLOAT32

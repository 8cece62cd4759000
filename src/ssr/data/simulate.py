"""What would Sentinel-2 have seen of this ground, on several dates?

High-resolution imagery becomes a series of low-resolution revisits: a sub-pixel displacement per date, the
instrument's blur, sampling four times coarser, the atmosphere and sun of the day, clouds with their shadows, things
that are there once, missing swaths, noise, eight bits. Every draw comes from the generator that is passed in.

The displacements of the dates that are used sum to zero, so the truth lies in the frame of the series' mean: no date
is special, and any order of dates describes the same place.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ssr.data.instrument import product_matrix
from ssr.data.instrument import sampling_matrix as sampling_matrix

RED_GREEN_BLUE = 3
"""Channels beyond these are near infrared."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Ranges that one series is drawn from, around what real Sentinel-2 shows (docs/degradation.md).

    Lengths in low-resolution pixels, values in unit range. Channels are red, green, blue and near infrared.

    blur_sigma_px: the point spread before resampling, as a Gaussian. With resampling it gives the roll-off of L1C
        spectra and edges (0.49 to 0.57 in all).
    channel_blur: of red, green, blue and near infrared relative to that: blue is sharpest.
    resampling_probability: series whose native samples were interpolated onto the map's grid; L1C always is.
    pitch_spread: how far the native grid's pitch, seen along an axis of the map, departs from a pixel.
    shift_sigma_px: displacement per axis between dates: 0.2 to 0.3 in Venice, ESA reports about 0.3.
    parallax_sigma_px: displacement of one channel against the others: 0.02 to 0.07 on clear ground.
    gain_sigma, channel_gain_sigma, bias_sigma: the sun and air of a date against the series'.
    noise_floor, noise_slope: variance = floor² + slope × value, from the darkest homogeneous patches of L1C.
    noise_factor: of that, per date: the patches are the quietest, and ESA's noise model says up to twice as much.
    look_gain, look_gamma, look_veil: contrast, curve and veil that turn aerial imagery into true colour.
    look_tilt: how much more contrast red keeps than green, and green than blue.
    """

    scale: int = 4
    blur_sigma_px: tuple[float, float] = (0.38, 0.52)
    channel_blur: tuple[float, float, float, float] = (1.05, 1.0, 0.96, 1.06)
    resampling_probability: float = 1.0
    pitch_spread: float = 0.06
    shift_sigma_px: float = 0.30
    max_shift_px: float = 0.9
    parallax_sigma_px: float = 0.05
    gain_sigma: float = 0.08
    channel_gain_sigma: float = 0.03
    bias_sigma: float = 0.015
    haze_probability: float = 0.25
    max_haze: float = 0.5
    noise_floor: float = 0.0012
    noise_slope: float = 1.1e-5
    noise_factor: tuple[float, float] = (0.7, 1.6)
    cloud_probability: float = 0.2
    shadow_depth: float = 0.6
    no_data_probability: float = 0.05
    transient_probability: float = 0.5
    look_probability: float = 0.85
    look_gain: tuple[float, float] = (0.45, 1.2)
    look_gamma: tuple[float, float] = (0.8, 1.35)
    look_veil: tuple[float, float] = (0.0, 0.22)
    look_tilt: tuple[float, float] = (0.0, 0.25)


class SimulatedSeries(NamedTuple):
    """Shapes: low_res `b t c h w`, high_res `b c H W` (the truth), shift_px `b t 2` (x, y), clear `b t h w`.

    `clear` is true where a date has data and neither cloud nor shadow.
    """

    low_res: Tensor
    high_res: Tensor
    shift_px: Tensor
    clear: Tensor


def simulate_series(
    ground: Tensor, *, n_revisits: int, generator: Generator, ranges: Degradation | None = None, margin_px: int = 2
) -> SimulatedSeries:
    """Photograph `ground` on `n_revisits` dates.

    Args:
        ground: `b c H W` in [0, 1]; H and W multiples of the scale.
        margin_px: low-resolution pixels cut from every side after sampling, so that blur and displacement have real
            ground around them.
    """
    ranges = ranges or Degradation()
    b, _, height, width = ground.shape
    h, w = height // ranges.scale, width // ranges.scale
    draw = _Draw(generator)
    truth = _dress(ground, ranges, draw)
    shift_px = _centred_shifts(b, n_revisits, ranges, draw)
    seen = _photograph(truth, shift_px, ranges, draw)
    seen = _add_transients(seen, ranges, draw)
    seen = _atmosphere_and_sun(seen, ranges, draw)
    seen, clear = _add_clouds(seen, ranges, draw)
    seen = _add_noise(seen, ranges, draw)
    seen = (seen * 255).round().clamp(1, 255) / 255  # 0 means no data in a true-colour image
    seen, clear = _cut_swaths(seen, clear, ranges, draw)
    inner_rows, inner_columns = slice(margin_px, h - margin_px), slice(margin_px, w - margin_px)
    m = margin_px * ranges.scale
    return SimulatedSeries(
        seen[..., inner_rows, inner_columns],
        truth[..., m : height - m, m : width - m],
        shift_px,
        clear[..., inner_rows, inner_columns],
    )


class _Draw:
    """Random tensors from one generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def uniform(self, n: int, m: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, m, generator=self.generator)

    def chance(self, probability: float, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=self.generator) < probability).float()

    def smooth_field(self, n: int, height: int, width: int, cells: tuple[int, ...]) -> Tensor:
        """Sum of enlarged noise grids, coarse to fine, unit variance: `n height width`."""
        field = torch.zeros(n, height, width)
        for k, side in enumerate(cells):
            field += _enlarging(side, height) @ self.normal(n, side, side) @ _enlarging(side, width).mT / 2**k
        return (field - field.mean((1, 2), keepdim=True)) / (field.std((1, 2), keepdim=True) + 1e-6)


def _enlarging(n_coarse: int, n_fine: int) -> Tensor:
    """Bicubic enlargement along one axis: `n_fine n_coarse`."""
    rows = torch.eye(n_coarse).view(1, n_coarse, n_coarse, 1)
    return F.interpolate(rows, size=(n_fine, 1), mode="bicubic", align_corners=False)[0, ..., 0].mT


def _photograph(truth: Tensor, shift_px: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Blur, displacement, the native samples and their interpolation, every channel on its own: `b t c h w`."""
    (b, c, *shape_hw), t = truth.shape, shift_px.shape[1]
    of_channel = torch.tensor([ranges.channel_blur[min(k, len(ranges.channel_blur) - 1)] for k in range(c)])
    sigma_px = draw.uniform(b, 1, *ranges.blur_sigma_px) * (1 + 0.05 * draw.normal(b, t))
    sigma_px = sigma_px[..., None] * of_channel
    parallax_px = ranges.parallax_sigma_px * draw.normal(b, t, c, 2)
    shift_px = shift_px[..., None, :] + parallax_px - parallax_px.mean(2, keepdim=True)
    phase_px = draw.uniform(b, 2 * t, -0.5, 0.5).view(b, t, 1, 2)
    pitch_px = 1 + draw.uniform(b, 2 * t, -ranges.pitch_spread, ranges.pitch_spread).view(b, t, 1, 2)
    is_resampled = draw.chance(ranges.resampling_probability, b).bool().view(b, 1, 1, 1, 1)
    matrices = []
    for n_fine, axis in zip(shape_hw, (1, 0), strict=True):
        where = n_fine, ranges.scale, shift_px[..., axis], sigma_px
        matrix = product_matrix(*where, phase_px=phase_px[..., axis], pitch_px=pitch_px[..., axis])
        if not is_resampled.all():
            matrix = torch.where(is_resampled, matrix, sampling_matrix(*where))
        matrices.append(matrix)
    rows, columns = matrices
    stacked = rows.transpose(1, 2).flatten(2, 3) @ truth  # b c (t h) W: the ground is read once for all dates
    return stacked.unflatten(2, (t, -1)).transpose(1, 2) @ columns.mT


def _add_noise(seen: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Photons and electronics: the variance grows with the light."""
    b, t = seen.shape[:2]
    factor = draw.uniform(b, t, *ranges.noise_factor)[..., None, None, None]
    sigma = (ranges.noise_floor**2 + ranges.noise_slope * seen).sqrt()
    return seen + factor * sigma * draw.normal(*seen.shape)


def _dress(ground: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Give aerial imagery the look of top-of-atmosphere true colour: less contrast, least in blue, and a blue veil.

    Near infrared has a gain of its own and next to no veil.
    """
    b, c = ground.shape[:2]
    gain = draw.uniform(b, 1, *ranges.look_gain) * (1 + 0.08 * draw.normal(b, c))
    gain = gain * (1 + draw.uniform(b, 1, *ranges.look_tilt) * _by_colour(c, red=1.0, blue=-1.0, infrared=0.0))
    gain = torch.cat([gain[:, :RED_GREEN_BLUE], draw.uniform(b, c, 0.5, 1.2)[:, RED_GREEN_BLUE:]], 1)
    gamma = draw.uniform(b, 1, *ranges.look_gamma)
    veil = draw.uniform(b, 1, *ranges.look_veil) * _by_colour(c, red=0.5, blue=1.4, infrared=0.1)
    dressed = veil[..., None, None] + gain[..., None, None] * ground.clamp_min(1e-4) ** gamma[..., None, None]
    use = draw.chance(ranges.look_probability, b, 1, 1, 1)
    return (use * dressed + (1 - use) * ground).clamp(1 / 255, 1)


def _by_colour(n_channels: int, *, red: float, blue: float, infrared: float) -> Tensor:
    """From red over green to blue in equal steps, then near infrared."""
    visible = torch.linspace(red, blue, RED_GREEN_BLUE)
    return torch.cat([visible, visible.new_full((max(n_channels - RED_GREEN_BLUE, 0),), infrared)])[:n_channels]


def _centred_shifts(b: int, t: int, ranges: Degradation, draw: _Draw) -> Tensor:
    drawn = (draw.normal(b, t, 2) * ranges.shift_sigma_px).clamp(-ranges.max_shift_px, ranges.max_shift_px)
    return _centred(drawn)


def _centred(drawn: Tensor) -> Tensor:
    return drawn - drawn.mean(1, keepdim=True)


def _at_most_half(chosen: Tensor) -> Tensor:
    """Keep the first choices of each series, no more than half of its dates: `b t` of 0 and 1."""
    return chosen * (chosen.cumsum(1) <= chosen.shape[1] // 2)


def _add_transients(seen: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Ships, cars, swimming-pool covers: one small bright or dark spot in one date of some series."""
    b, t, _, h, w = seen.shape
    spot_y = _bump(h, draw.uniform(b, t, 0, h), draw.uniform(b, t, 0.4, 1.2))
    spot_x = _bump(w, draw.uniform(b, t, 0, w), draw.uniform(b, t, 0.4, 1.2))
    strength = draw.uniform(b, t, -0.4, 0.7) * draw.chance(ranges.transient_probability / max(t, 1), b, t)
    if t == 1:
        return seen
    spot = strength[..., None, None] * spot_y[..., :, None] * spot_x[..., None, :]
    return (seen + spot.unsqueeze(2)).clamp(0, 1)


def _bump(n: int, centre: Tensor, sigma: Tensor) -> Tensor:
    return torch.exp(-0.5 * ((torch.arange(n) + 0.5 - centre[..., None]) / sigma[..., None]) ** 2)


def _atmosphere_and_sun(seen: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Gain and bias of the day, haze towards a bluish white, and a slow change across the scene (growth, sun angle).

    Gain and bias average out over the dates and haze lies over at most half of them, so the truth has the colours
    of the series' typical date.
    """
    b, t, c, h, w = seen.shape
    gain = 1 + _centred(ranges.gain_sigma * draw.normal(b, t, 1) + ranges.channel_gain_sigma * draw.normal(b, t, c))
    bias = _centred(ranges.bias_sigma * draw.normal(b, t, 1))
    slow = 1 + 0.03 * draw.smooth_field(b * t, h, w, (2, 3)).view(b, t, 1, h, w)
    haze = draw.uniform(b, t, 0.0, ranges.max_haze) * _at_most_half(draw.chance(ranges.haze_probability, b, t))
    uneven = 1 + 0.2 * draw.smooth_field(b * t, h, w, (2, 4)).view(b, t, 1, h, w)
    opacity = _by_colour(c, red=0.8, blue=1.2, infrared=0.6)[:, None, None]
    haze_field = (haze[..., None, None, None] * uneven * opacity).clamp(0, 1)
    whiteness = draw.uniform(b, t, 0.85, 1.15)[..., None, None, None]
    haze_colour = whiteness * _by_colour(c, red=0.55, blue=0.8, infrared=0.5)[:, None, None]
    lit = seen * gain[..., None, None] * slow + bias[..., None, None]
    return (lit * (1 - haze_field) + haze_field * haze_colour).clamp(0, 1)


def _add_clouds(seen: Tensor, ranges: Degradation, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Clouds over at most half of the dates of a series, each casting a shadow on the ground."""
    b, t, _, h, w = seen.shape
    cloudy = _at_most_half(draw.chance(ranges.cloud_probability, b, t))
    threshold = draw.uniform(b, t, -1.0, 1.5)[..., None, None]
    field = draw.smooth_field(b * t, h, w, (2, 4, 8, 16)).view(b, t, h, w)
    opacity = torch.sigmoid((field - threshold) * 6) * cloudy[..., None, None]
    away_y, away_x = (int(v) for v in (3 + 6 * torch.rand(2, generator=draw.generator)).tolist())
    shadow = torch.roll(opacity, (away_y, away_x), (2, 3)) * ranges.shadow_depth
    brightness = draw.uniform(b, t, 0.8, 1.05)[..., None, None, None]
    veiled = seen * (1 - shadow.unsqueeze(2))
    covered = veiled * (1 - opacity.unsqueeze(2)) + brightness * opacity.unsqueeze(2)
    return covered.clamp(0, 1), (opacity < 0.1) & (shadow < 0.1)


def _cut_swaths(seen: Tensor, clear: Tensor, ranges: Degradation, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Zero one side of a slanted line in some dates; the first date is always whole."""
    b, t, _, h, w = seen.shape
    angle = draw.uniform(b, t, 0.0, 2 * math.pi)[..., None, None]
    distance = draw.uniform(b, t, -0.4, 0.5)[..., None, None] * min(h, w)
    y = (torch.arange(h) - h / 2)[:, None]
    x = (torch.arange(w) - w / 2)[None, :]
    outside = torch.cos(angle) * x + torch.sin(angle) * y > distance
    cut = draw.chance(ranges.no_data_probability, b, t)
    cut[:, 0] = 0
    outside = outside & (cut[..., None, None] > 0)
    return seen.masked_fill(outside.unsqueeze(2), 0.0), clear & ~outside

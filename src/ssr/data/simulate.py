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


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Ranges that one series is drawn from. Lengths in low-resolution pixels, values in unit range.

    blur_sigma_px: the point spread as a Gaussian. Sentinel-2's modulation transfer of 0.15 to 0.30 at the Nyquist
        frequency (ESA, S2 MSI performance reports) means 0.49 to 0.62; resampling on the ground adds to it.
    shift_sigma_px: displacement per axis. ESA reports about 0.3 px between dates after geometric refinement.
    """

    scale: int = 4
    blur_sigma_px: tuple[float, float] = (0.42, 0.62)
    shift_sigma_px: float = 0.30
    max_shift_px: float = 0.9
    gain_sigma: float = 0.06
    channel_gain_sigma: float = 0.02
    bias_sigma: float = 0.015
    haze_probability: float = 0.25
    max_haze: float = 0.45
    noise_sigma: tuple[float, float] = (0.0015, 0.006)
    cloud_probability: float = 0.2
    shadow_depth: float = 0.6
    no_data_probability: float = 0.05
    transient_probability: float = 0.5
    look_probability: float = 0.8


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
    sigma_px = draw.uniform(b, 1, *ranges.blur_sigma_px) * (1 + 0.05 * draw.normal(b, n_revisits))
    rows = sampling_matrix(height, ranges.scale, shift_px[..., 1], sigma_px)
    columns = sampling_matrix(width, ranges.scale, shift_px[..., 0], sigma_px)
    seen = torch.einsum("btih,bchw,btjw->btcij", rows, truth, columns)
    seen = _add_transients(seen, ranges, draw)
    seen = _atmosphere_and_sun(seen, ranges, draw)
    seen, clear = _add_clouds(seen, ranges, draw)
    seen = seen + draw.normal(*seen.shape) * draw.uniform(b, n_revisits, *ranges.noise_sigma)[..., None, None, None]
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


def sampling_matrix(n_fine: int, scale: int, shift_px: Tensor, sigma_px: Tensor) -> Tensor:
    """One axis of blur, displacement and sampling: `… n_fine/scale n_fine`, each row a Gaussian that sums to one.

    Coarse pixel i of a date displaced by s looks at the ground around (i + 1/2 + s) coarse pixels.
    """
    coarse_centre = torch.arange(n_fine // scale) + 0.5
    fine_centre = (torch.arange(n_fine) + 0.5) / scale
    offset = (coarse_centre + shift_px[..., None])[..., None] - fine_centre
    weight = torch.exp(-0.5 * (offset / sigma_px[..., None, None]) ** 2)
    return weight / weight.sum(-1, keepdim=True)


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
        total = torch.zeros(n, 1, height, width)
        for k, side in enumerate(cells):
            grid = self.normal(n, 1, side, side)
            total += F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False) / 2**k
        field = total.squeeze(1)
        return (field - field.mean((1, 2), keepdim=True)) / (field.std((1, 2), keepdim=True) + 1e-6)


def _dress(ground: Tensor, ranges: Degradation, draw: _Draw) -> Tensor:
    """Give aerial imagery the look of top-of-atmosphere true colour: less contrast, a veil that is bluest."""
    b, c = ground.shape[:2]
    gain = draw.uniform(b, 1, 0.45, 1.1) * (1 + 0.08 * draw.normal(b, c))
    gamma = draw.uniform(b, 1, 0.8, 1.3)
    veil = draw.uniform(b, 1, 0.0, 0.2) * torch.linspace(0.6, 1.4, c)
    dressed = veil[..., None, None] + gain[..., None, None] * ground.clamp_min(1e-4) ** gamma[..., None, None]
    use = draw.chance(ranges.look_probability, b, 1, 1, 1)
    return (use * dressed + (1 - use) * ground).clamp(1 / 255, 1)


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
    haze_field = (haze[..., None, None, None] * uneven).clamp(0, 1)
    haze_colour = torch.linspace(0.55, 0.75, c)[:, None, None]
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

"""What does the instrument make of a fine image, and which fine image makes up for a difference?

Blur and sampling as one separable filter per axis, `see`, its transpose `spread`, and the inverse of `see` after
`spread`, so that `see(image + spread(solve(difference)))` is `see(image) + difference`. Images continue beyond their
edges as in a mirror that stands on the edge: both grids share their edges, so the relations hold up to there.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.sentinel2.bands import MTF_AT_NYQUIST

NEGLIGIBLE = 1e-4
"""Weights of the Gaussian, and of the inverse, below this share of their largest are left out."""
N_INVERSE = 256
"""Length of the circle on which the inverse is computed: far longer than the inverse itself."""


def sentinel2_sigma_px() -> float:
    """Width of Sentinel-2's point spread in 10 m pixels, as a Gaussian, mean of the true-colour bands.

    A Gaussian of width σ px leaves exp(-π² σ² / 2) of the contrast at the Nyquist frequency.
    """
    mtf = sum(MTF_AT_NYQUIST[band] for band in ("B02", "B03", "B04")) / 3
    return math.sqrt(-2 * math.log(mtf)) / math.pi


class PointSpread:
    """A Gaussian point spread, or the plain mean over each coarse pixel.

    Args:
        scale: fine pixels in a coarse one, per axis. At scale 1 the grid is too coarse to hold the Gaussian: sampled on
            it, twice as much contrast is left at the Nyquist frequency.
        sigma_px: width of the Gaussian in coarse pixels; None for the mean over the coarse pixel's area.
    """

    def __init__(self, scale: int, sigma_px: float | None) -> None:
        self.scale = scale
        self.filter = _area(scale) if sigma_px is None else _gaussian(scale, sigma_px)
        self.reach = (len(self.filter) - scale) // 2
        self.inverse = _inverse(self.filter, scale)

    @property
    def radius_px(self) -> int:
        """Coarse pixels around a pixel that `spread(solve(…))` reads."""
        return len(self.inverse) // 2 + -(-self.reach // self.scale)

    def see(self, fine: Tensor) -> Tensor:
        """`b c H W` to `b c H/scale W/scale`."""
        for axis in (-2, -1):
            fine = _along(axis, self._see_columns, fine)
        return fine

    def spread(self, coarse: Tensor) -> Tensor:
        """The transpose of `see`: `b c h w` to `b c scale·h scale·w`."""
        for axis in (-2, -1):
            coarse = _along(axis, self._spread_columns, coarse)
        return coarse

    def solve(self, difference: Tensor) -> Tensor:
        """What `see` of `spread` turns into the difference: `b c h w` each."""
        for axis in (-2, -1):
            difference = _along(axis, self._solve_columns, difference)
        return difference

    def _see_columns(self, lines: Tensor) -> Tensor:
        weight = self.filter.to(lines).view(1, 1, -1)
        return F.conv1d(mirrored(lines, self.reach), weight, stride=self.scale)

    def _spread_columns(self, lines: Tensor) -> Tensor:
        margin = -(-self.reach // self.scale)
        weight = self.filter.to(lines).view(1, 1, -1)
        wide = F.conv_transpose1d(mirrored(lines, margin), weight, stride=self.scale)
        start = self.reach + margin * self.scale
        return wide[..., start : start + lines.shape[-1] * self.scale]

    def _solve_columns(self, lines: Tensor) -> Tensor:
        return F.conv1d(mirrored(lines, len(self.inverse) // 2), self.inverse.to(lines).view(1, 1, -1))


def blurred(fine: Tensor, sigma_px: float) -> Tensor:
    """A Gaussian blur on one grid, its own transpose: `b c H W`, sigma in pixels of that grid."""
    weight = _gaussian(1, sigma_px).to(fine).view(1, 1, -1)
    for axis in (-2, -1):
        fine = _along(axis, lambda lines: F.conv1d(mirrored(lines, weight.shape[-1] // 2), weight), fine)
    return fine


def mirrored(lines: Tensor, margin: int) -> Tensor:
    """Continue the last axis on both sides as in a mirror on its edge, as often as needed."""
    n = lines.shape[-1]
    place = torch.arange(-margin, n + margin, device=lines.device).remainder(2 * n)
    return lines.index_select(-1, torch.minimum(place, 2 * n - 1 - place))


def _along(axis: int, function: Callable[[Tensor], Tensor], maps: Tensor) -> Tensor:
    lines = maps.transpose(axis, -1)
    shape = lines.shape
    done = function(lines.reshape(-1, 1, shape[-1]))
    return done.view(*shape[:-1], -1).transpose(axis, -1)


def _area(scale: int) -> Tensor:
    return torch.full((scale,), 1 / scale, dtype=torch.float64)


def _gaussian(scale: int, sigma_px: float) -> Tensor:
    """Weights of the fine pixels around the centre of a coarse one; as many on each side, their sum is one."""
    reach = math.ceil(scale * (sigma_px * math.sqrt(-2 * math.log(NEGLIGIBLE)) - 0.5))
    offset_px = (torch.arange(scale + 2 * reach, dtype=torch.float64) - reach + 0.5) / scale - 0.5
    weight = torch.exp(-0.5 * (offset_px / sigma_px) ** 2)
    return weight / weight.sum()


def _inverse(weight: Tensor, scale: int) -> Tensor:
    """The filter on the coarse grid that undoes spreading and seeing, symmetric, cut where it is negligible."""
    n = len(weight)
    both = torch.zeros(N_INVERSE, dtype=torch.float64)
    for shift in range(-(n // scale), n // scale + 1):
        overlap = n - abs(shift) * scale
        if overlap > 0:
            both[shift] = (weight[:overlap] * weight[n - overlap :]).sum()
    inverse = torch.fft.ifft(1 / torch.fft.fft(both)).real
    kept = torch.nonzero(inverse[: N_INVERSE // 2].abs() > NEGLIGIBLE * inverse[0].abs()).max().item()
    return torch.cat([inverse[1 : int(kept) + 1].flip(0), inverse[: int(kept) + 1]])

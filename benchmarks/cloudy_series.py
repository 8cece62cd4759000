"""What would a place of any size look like on several dates, each under clouds of its own?

The ground is a real picture of 2.5 m, mirrored at its edges on and on. A date has a sub-pixel displacement of its own,
brightness, haze that varies slowly, clouds over 20 to 60 % with their shadows, noise and eight bits. Rows are made a
stripe at a time, so a whole granule fits in memory, and every draw is a function of the seed, the date and the stripe.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.data.simulate import sampling_matrix

SCALE = 4
STRIPE_PX = 256
BLUR_SIGMA_PX = 0.52
MARGIN_PX = 4
CLOUD_CELLS_PX = (320.0, 150.0, 70.0, 30.0)
HAZE_CELLS_PX = (1500.0, 600.0)
EDGE_SHARPNESS = 7.0
SHADOW_AWAY_PX = (9, 14)
SHADOW_DEPTH = 0.55
NOISE = 0.004
HAZE_COLOUR = np.array([0.58, 0.63, 0.70], np.float32)[:, None, None]
LEAST_CLOUD, MOST_CLOUD = 0.2, 0.6


@dataclass(frozen=True)
class Day:
    """What a date differs by. gain and bias: `c 1 1`."""

    shift_px: tuple[float, float]
    gain: NDArray[np.float32]
    bias: float
    haze: float
    cloud_share: float


class CloudySeries:
    """Dates of a made-up place, `c h w` bytes.

    Args:
        picture: `H W 3` bytes.
        is_clear: leave clouds and shadows out.
    """

    def __init__(
        self,
        picture: NDArray[np.uint8],
        shape_hw: tuple[int, int],
        *,
        n_dates: int = 8,
        seed: int = 0,
        is_clear: bool = False,
    ) -> None:
        self.picture, self.shape_hw, self.n_dates = picture, shape_hw, n_dates
        self.seed, self.is_clear = seed, is_clear
        rng = np.random.default_rng([seed, 1])
        shifts = rng.normal(0, 0.3, (n_dates, 2)).clip(-0.9, 0.9)
        shifts -= shifts.mean(0)
        shares = rng.permutation(np.linspace(LEAST_CLOUD, MOST_CLOUD, n_dates))
        self.days = [
            Day(
                (float(x), float(y)),
                (1 + rng.normal(0, 0.07) + rng.normal(0, 0.02, (3, 1, 1))).astype(np.float32),
                float(rng.normal(0, 0.015)),
                float(rng.uniform(0, 0.25)),
                float(share),
            )
            for (x, y), share in zip(shifts, shares, strict=True)
        ]

    def stripes(self, date: int) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
        """A date from top to bottom: rows and their pixels."""
        day, ground = self.days[date], self.ground(date)
        height, width = self.shape_hw
        clouds = _Noise(CLOUD_CELLS_PX, self.shape_hw, [self.seed, 2, date])
        haze = _Noise(HAZE_CELLS_PX, self.shape_hw, [self.seed, 3, date])
        threshold = clouds.quantile(1 - day.cloud_share)
        columns = np.arange(width)
        of_tile = columns % ground.shape[2]
        for start in range(0, height, STRIPE_PX):
            rows = np.arange(start, min(height, start + STRIPE_PX))
            seen = ground[:, rows % ground.shape[1]][:, :, of_tile] * day.gain + day.bias
            veil = np.clip(day.haze * (1 + 0.5 * haze.at(rows, columns)), 0, 0.6)
            seen = seen * (1 - veil) + HAZE_COLOUR * veil
            if not self.is_clear:
                seen = _clouded(seen, clouds, rows, columns, threshold)
            drawn = np.random.default_rng([self.seed, 4, date, start]).standard_normal(seen.shape, np.float32)
            seen = (seen + NOISE * drawn) * 255
            yield slice(start, int(rows[-1]) + 1), np.rint(seen).clip(1, 255).astype(np.uint8)

    def date(self, date: int) -> NDArray[np.uint8]:
        """A whole date, `c h w`."""
        return np.concatenate([pixels for _, pixels in self.stripes(date)], 1)

    def ground(self, date: int | None = None) -> NDArray[np.float32]:
        """One period of the ground as the instrument sees it, displaced as on a date: `c h w`."""
        shift = (0.0, 0.0) if date is None else self.days[date].shift_px
        height, width = (side // SCALE * SCALE for side in self.picture.shape[:2])
        fine = torch.from_numpy(self.picture[:height, :width].copy()).permute(2, 0, 1).float() / 255
        fine = torch.cat([fine, fine.flip(1)], 1)
        fine = torch.cat([fine, fine.flip(2)], 2)
        rows, columns = (_periodic(side, s) for side, s in zip(fine.shape[1:], reversed(shift), strict=True))
        return (0.06 + 0.62 * (rows @ fine @ columns.T)).numpy()


def _periodic(n_fine: int, shift_px: float) -> torch.Tensor:
    """One axis of blur, displacement and sampling of what repeats: `n_fine/scale n_fine`."""
    margin = MARGIN_PX * SCALE
    open_ended = sampling_matrix(n_fine + 2 * margin, SCALE, torch.tensor(shift_px), torch.tensor(BLUR_SIGMA_PX))
    inner = open_ended[MARGIN_PX:-MARGIN_PX]
    wrapped = inner[:, margin:-margin].clone()
    wrapped[:, -margin:] += inner[:, :margin]
    wrapped[:, :margin] += inner[:, -margin:]
    return wrapped


def _clouded(
    seen: NDArray[np.float32], clouds: "_Noise", rows: NDArray, columns: NDArray, threshold: float
) -> NDArray[np.float32]:
    down, right = SHADOW_AWAY_PX
    opacity = _opacity(clouds.at(rows, columns), threshold)
    shadow = _opacity(clouds.at(np.maximum(rows - down, 0), np.maximum(columns - right, 0)), threshold)
    brightness = 0.80 + 0.05 * clouds.at(rows, columns)
    return seen * (1 - SHADOW_DEPTH * shadow) * (1 - opacity) + np.clip(brightness, 0.6, 1) * opacity


def _opacity(field: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    return 1 / (1 + np.exp(-EDGE_SHARPNESS * (field - threshold)))


class _Noise:
    """A smooth random field of about unit variance that can be asked anywhere."""

    def __init__(self, cells_px: tuple[float, ...], shape_hw: tuple[int, int], seed: list[int]) -> None:
        rng = np.random.default_rng(seed)
        self.shape_hw = shape_hw
        self.layers = []
        for k, cell in enumerate(cells_px):
            shape = tuple(int(side / cell) + 3 for side in shape_hw)
            self.layers.append((cell, rng.standard_normal(shape).astype(np.float32) / 1.6**k, rng.uniform(0, 1, 2)))

    def at(self, rows: NDArray, columns: NDArray) -> NDArray[np.float32]:
        total = np.zeros((len(rows), len(columns)), np.float32)
        for cell, nodes, (y, x) in self.layers:
            total += _between(rows / cell + y, nodes.shape[0]) @ nodes @ _between(columns / cell + x, nodes.shape[1]).T
        return total

    def quantile(self, share: float) -> float:
        rows, columns = (np.linspace(0, side - 1, 400) for side in self.shape_hw)
        return float(np.quantile(self.at(rows, columns), share))


def _between(places: NDArray, n_nodes: int) -> NDArray[np.float32]:
    """Weights `places nodes` of a smooth step from node to node."""
    left = np.floor(places).astype(int)
    share = places - left
    share = share * share * (3 - 2 * share)
    weights = np.zeros((len(places), n_nodes), np.float32)
    index = np.arange(len(places))
    weights[index, left] = 1 - share
    weights[index, left + 1] = share
    return weights

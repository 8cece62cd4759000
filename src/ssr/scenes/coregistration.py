"""How far does each date lie beside the others, and how is it brought back?

Products of one place are displaced against one another by up to a pixel, older ones by more. Displacement is measured
in windows spread over the scene: phase correlation finds it to the pixel, robust least squares on the same pixels to
some hundredths (Foroosh et al. 2002; Lucas & Kanade 1981). What cloud hides says nothing and what fits badly is not
believed: there the surroundings answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ssr.scenes.lattice import Lattice
from ssr.sentinel2.radiometry import is_no_data

WINDOW_PX = 192
MAX_WINDOWS_A_SIDE = 8
MAX_SHIFT_PX = 4.0
ALIGNED_PX = 0.1
"""Dates whose displacement is nowhere larger are left as they are: resampling would cost more than it mends."""
WHOLE_PX_FROM = 0.5
"""Networks that make up for this much by themselves get dates moved by whole pixels: their samples stay what was
measured, and what lies between the pixels of other dates is what such networks live on."""
LEAST_USABLE = 0.25
"""Share of a window in which both dates show ground, below which it is not asked."""
LEAST_AGREEMENT = 0.5
"""Correlation of the aligned windows below which a displacement is not believed."""
DETAIL_PX = 15
"""Brightness over larger distances (haze, season) is taken out before anything is compared."""
N_REFINEMENTS = 8
SETTLED_PX = 0.003
OUTLIER_SIGMAS = 2.5
MARGIN_PX = 8
"""Read around a window so that a displaced date fills it."""

Window = tuple[slice, slice]
ReadDate = Callable[[slice, slice, int], NDArray[np.float32]]
"""Rows, columns and the number of a date to `c h w`."""


class Displacement(NamedTuple):
    """What a date's window shows lies (y, x) pixels further down and right than in the reference.

    agreement: correlation of both once aligned, of their detail.
    """

    y_px: float
    x_px: float
    agreement: float


def measure_displacement(
    date: NDArray[np.floating], reference: NDArray[np.floating], usable: NDArray[np.bool_] | None = None
) -> Displacement | None:
    """Of two windows `c h w` of the same ground; None where they cannot be compared.

    Args:
        usable: `h w`, where both show ground.
    """
    shown = ~(is_no_data(date, 0) | is_no_data(reference, 0))
    mask = torch.from_numpy(shown if usable is None else shown & usable)
    if float(mask.float().mean()) < LEAST_USABLE:
        return None
    moved, fixed = (
        _detail(torch.from_numpy(np.ascontiguousarray(i)).double().mean(0), mask) for i in (date, reference)
    )
    if not (float(moved.std()) and float(fixed.std())):
        return None
    start = _whole_pixels(moved, fixed)
    y, x, agreement = _refined(moved, fixed, mask, start)
    if agreement < LEAST_AGREEMENT or max(abs(y), abs(x)) > MAX_SHIFT_PX:
        return None
    return Displacement(y, x, agreement)


@dataclass(frozen=True)
class DateAlignment:
    """Where a date lies against the reference: displacements `2 rows columns` (y, x) on a lattice, None if aligned.

    largest_px: of the believed displacements, 0 where none was believed.
    n_asked, n_believed: windows.
    """

    lattice: Lattice
    field: NDArray[np.float32] | None
    largest_px: float
    n_asked: int
    n_believed: int

    def told(self) -> str:
        """For people."""
        if not self.n_believed:
            return f"displacement not known ({self.n_asked} windows asked, none believed)"
        done = "as it is" if self.field is None else "brought back"
        return f"displaced by up to {self.largest_px:.2f} px ({self.n_believed} of {self.n_asked} windows), {done}"


def align(
    read: ReadDate,
    shape_hw: tuple[int, int],
    *,
    date: int,
    reference: int,
    is_usable: Callable[[Window], NDArray[np.bool_]],
    tolerated_px: float = 0.0,
) -> DateAlignment:
    """Measure one date against another over the whole scene.

    Args:
        is_usable: of a window, `h w`: where both dates show ground.
        tolerated_px: displacement that the network makes up for by itself.
    """
    lattice = Lattice.over(shape_hw, spacing_px=WINDOW_PX, at_most=MAX_WINDOWS_A_SIDE)
    found = np.full((2, *lattice.shape), np.nan, np.float32)
    n_believed = 0
    for i, j in np.ndindex(*lattice.shape):
        rows, columns = lattice.window(i, j, WINDOW_PX)
        usable = is_usable((rows, columns))
        if usable.mean() < LEAST_USABLE:
            continue
        displacement = measure_displacement(read(rows, columns, date), read(rows, columns, reference), usable)
        if displacement is not None:
            found[:, i, j] = displacement.y_px, displacement.x_px
            n_believed += 1
    n_asked = found[0].size
    if not n_believed:
        return DateAlignment(lattice, None, 0.0, n_asked, 0)
    field = _filled(found)
    largest = float(np.hypot(*field).max())
    moves: NDArray[np.float32] | None = field
    if largest <= max(ALIGNED_PX, tolerated_px):
        moves = None
    elif tolerated_px >= WHOLE_PX_FROM:
        moves = np.broadcast_to(np.round(np.median(field, axis=(1, 2), keepdims=True)), field.shape)
    return DateAlignment(lattice, moves, largest, n_asked, n_believed)


def read_aligned(
    read: ReadDate, shape_hw: tuple[int, int], rows: slice, columns: slice, date: int, alignment: DateAlignment
) -> NDArray[np.float32]:
    """A window of a date, brought back to where the reference has it: `c h w`, no data where it would be made up."""
    if alignment.field is None:
        return read(rows, columns, date)
    height, width = shape_hw
    outer_rows = slice(max(0, rows.start - MARGIN_PX), min(height, rows.stop + MARGIN_PX))
    outer_columns = slice(max(0, columns.start - MARGIN_PX), min(width, columns.stop + MARGIN_PX))
    pixels = read(outer_rows, outer_columns, date)
    shift_y, shift_x = alignment.lattice.values(alignment.field, rows, columns)
    y = np.arange(rows.start, rows.stop)[:, None] - outer_rows.start + shift_y
    x = np.arange(columns.start, columns.stop)[None] - outer_columns.start + shift_x
    return _sampled(pixels, y, x)


def _sampled(pixels: NDArray[np.float32], y: NDArray, x: NDArray) -> NDArray[np.float32]:
    """Bicubic values at rows `y` and columns `x` (`h w`)."""
    image = torch.from_numpy(pixels)[None]
    places = torch.from_numpy(np.stack([_to_grid(x, pixels.shape[2]), _to_grid(y, pixels.shape[1])], -1)).float()[None]
    values = F.grid_sample(image, places, mode="bicubic", padding_mode="border", align_corners=True)[0].clamp(0, 1)
    lacks = torch.from_numpy(is_no_data(pixels, 0)).float()[None, None]
    near_gap = F.grid_sample(
        F.max_pool2d(lacks, 3, stride=1, padding=1), places, mode="nearest", padding_mode="zeros", align_corners=True
    )[0, 0]
    outside = (places[0].abs() > 1).any(-1)
    values = values.clamp_min(1 / 255)
    values[:, (near_gap > 0) | outside] = 0
    return values.numpy()


def _to_grid(place: NDArray, n: int) -> NDArray:
    return 2 * place / max(n - 1, 1) - 1


def _detail(image: Tensor, mask: Tensor) -> Tensor:
    """Difference to the surroundings that show ground, 0 where none is shown."""
    weight = mask.double()
    half = DETAIL_PX // 2

    def around(values: Tensor) -> Tensor:
        by_row = F.avg_pool1d(values[None], DETAIL_PX, stride=1, padding=half, count_include_pad=False)[0]
        return F.avg_pool1d(by_row.T[None], DETAIL_PX, stride=1, padding=half, count_include_pad=False)[0].T

    mean = around(image * weight) / around(weight).clamp_min(1e-6)
    return (image - mean) * weight


def _whole_pixels(moved: Tensor, fixed: Tensor) -> tuple[float, float]:
    height, width = moved.shape
    taper = torch.outer(torch.hann_window(height, dtype=torch.float64), torch.hann_window(width, dtype=torch.float64))
    product = torch.fft.rfft2(moved * taper) * torch.fft.rfft2(fixed * taper).conj()
    surface = torch.fft.irfft2(product / product.abs().clamp_min(1e-12), s=(height, width))
    reach = int(MAX_SHIFT_PX) + 1
    near = torch.roll(surface, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    smooth = F.avg_pool2d(near[None, None], 3, stride=1, padding=1)[0, 0]  # a half-pixel shift has two peaks
    y, x = divmod(int(smooth.argmax()), 2 * reach + 1)
    return float(y - reach), float(x - reach)


def _refined(moved: Tensor, fixed: Tensor, mask: Tensor, start: tuple[float, float]) -> tuple[float, float, float]:
    """Least squares on gain and displacement, without the pixels that fit worst; the correlation in the end."""
    height, width = fixed.shape
    rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width)
    columns = torch.arange(width, dtype=torch.float64)[None].expand(height, width)
    inner = torch.zeros_like(mask)
    edge = int(MAX_SHIFT_PX) + 2
    inner[edge:-edge, edge:-edge] = mask[edge:-edge, edge:-edge]
    fixed_y, fixed_x = _slopes(fixed)
    y, x = start
    agreement = 0.0
    for _ in range(N_REFINEMENTS):
        places = torch.stack([2 * (columns + x) / (width - 1) - 1, 2 * (rows + y) / (height - 1) - 1], -1)[None]
        sampled = F.grid_sample(moved[None, None], places, mode="bicubic", padding_mode="border", align_corners=True)
        slope_y, slope_x = _slopes(sampled[0, 0])
        used = inner
        for _ in range(2):  # once with all, once without outliers
            a, b = sampled[0, 0][used], fixed[used]
            if len(a) < 16:
                return y, x, 0.0
            gain = float((a * b).sum() / b.square().sum().clamp_min(1e-12))
            error = (sampled[0, 0] - gain * fixed).abs()
            limit = OUTLIER_SIGMAS * 1.4826 * error[inner].median()
            used = inner & (error <= limit)
        if gain <= 0:
            return y, x, 0.0
        agreement = float(torch.corrcoef(torch.stack([a, b]))[0, 1])
        # Slopes of both, halved: those of one alone are weakened by its noise, which biases the step.
        gy, gx = ((s + gain * f)[used] / 2 for s, f in ((slope_y, fixed_y), (slope_x, fixed_x)))
        residual = (gain * fixed - sampled[0, 0])[used]
        normal = torch.stack([torch.stack([gy @ gy, gy @ gx]), torch.stack([gy @ gx, gx @ gx])])
        if float(torch.linalg.det(normal)) <= 1e-12 * float(normal.trace()) ** 2:
            return y, x, 0.0
        step = torch.linalg.solve(normal, torch.stack([gy @ residual, gx @ residual])).clamp(-1, 1)
        y, x = y + float(step[0]), x + float(step[1])
        if float(step.abs().max()) < SETTLED_PX:
            break
    return y, x, agreement


def _slopes(image: Tensor) -> tuple[Tensor, Tensor]:
    slope_y, slope_x = torch.gradient(image)
    return slope_y, slope_x


def _filled(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lone outliers and gaps take the median of their surroundings, or of all."""
    middle = np.nanmedian(found, axis=(1, 2))
    filled = found.copy()
    for i, j in np.ndindex(*found.shape[1:]):
        around = found[:, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].reshape(2, -1)
        known = around[:, ~np.isnan(around[0])]
        local = np.median(known, 1) if known.shape[1] else middle
        lone = not np.isnan(found[0, i, j]) and np.hypot(*(found[:, i, j] - local)) > 0.5
        if np.isnan(found[0, i, j]) or lone:
            filled[:, i, j] = local
    return filled

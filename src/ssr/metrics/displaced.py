"""How far are two images apart once displaced and brightened to fit each other?

Images are `b c H W` in [0, 1]; every measure gives one float64 number an image, `b`, in dB.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.errors import InputError
from ssr.metrics.pixelwise import decibel, double, inner_pair

ORIGINAL_SHIFT_PX = 8
MOST_EXACT_TERMS = 1024
"""Products of centred bytes, 128² at most, whose sum is exact in float32."""
BLOCK_PX = 28
FLOAT32_ERROR = 1e-5
"""Of a correlation, relative to the product of the norms; generous."""


def cpsnr(
    image: Tensor, truth: Tensor, *, clear: Tensor | None = None, border_px: int = 0, max_shift_px: int = 3
) -> Tensor:
    """PSNR at the best displacement by whole pixels, without the mean difference of each channel.

    The image less `max_shift_px` at each edge is held against every window of the truth (Märtens et al. 2019,
    "Super-resolution of PROBA-V images using convolutional neural networks"; here with one bias per channel). Windows
    that may be the best are found by correlation, their scores are computed by definition.

    Args:
        clear: `b 1 H W`; only these pixels of the truth count, and every window is tried by definition. NaN where no
            window has any.
    """
    a, b = inner_pair(image, truth, border_px)
    h, w = _inner_size(a, 2 * max_shift_px)
    centre = a[..., max_shift_px : max_shift_px + h, max_shift_px : max_shift_px + w]
    if clear is None:
        squares = [_least_square(double(x), double(y)) for x, y in zip(centre, b, strict=True)]
    else:
        counts = double(inner_pair(clear, clear, border_px)[0])
        squares = [
            _least_clear_square(double(x), double(y), seen) for x, y, seen in zip(centre, b, counts, strict=True)
        ]
    return decibel(torch.stack(squares))  # one image at a time stays in the processor's cache


def cpsnr_original(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """CPSNR of images in 8 bits as Satlas Super Resolution computes it.

    Image and truth move apart by a pixel each, so of all displacements up to 8 px only the even ones are tried.
    """
    a, b = inner_pair(image, truth, border_px)
    h, w = _inner_size(a, ORIGINAL_SHIFT_PX)
    squares = [_least_square_original(double(x), double(y), h, w) for x, y in zip(a, b, strict=True)]
    return decibel(torch.stack(squares))


def _least_square(centre: Tensor, truth: Tensor) -> Tensor:
    """Mean square difference without bias at the window where it is least; of one image, `c h w` and `c H W`."""
    h, w = centre.shape[1:]
    squares = []
    for top, left in _likely_starts(centre, truth):
        difference = truth[:, top : top + h, left : left + w] - centre
        squares.append(difference.sub_(difference.mean((1, 2), keepdim=True)).square_().mean())
    return torch.stack(squares).amin(0)


def _likely_starts(centre: Tensor, truth: Tensor) -> list[list[int]]:
    """Windows that may be the best: as good as it but for the error of float32, in which they are correlated."""
    h, w = centre.shape[1:]
    size = truth.shape[1:]
    level = centre.mean((1, 2), keepdim=True)
    a, b = (centre - level).float(), truth - level
    spectrum = torch.linalg.vecdot(torch.fft.rfft2(a, s=size), torch.fft.rfft2(b.float()), dim=0)
    powers = b.square().sum(0)
    every = _window_sums(torch.cat([b, powers[None]]), h, w)
    n_rows, n_columns = every.shape[1:]
    products = torch.fft.irfft2(spectrum, s=size)[:n_rows, :n_columns].double()
    varying = every[-1] - 2 * products - every[:-1].square().sum(0) / (h * w)
    margin = FLOAT32_ERROR * a.norm() * powers.sum().sqrt()
    if not margin.isfinite():
        return [[0, 0]]  # whatever is tried, the result is NaN
    return (varying <= varying.amin() + margin).nonzero().tolist()


def _least_clear_square(centre: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """The same where only some pixels of the truth count; of one image."""
    h, w = centre.shape[1:]
    windows = torch.cat([truth, counts]).unfold(1, h, 1).unfold(2, w, 1).flatten(1, 2).unbind(1)
    squares = []
    for window in windows:
        clear = window[-1:] / window[-1:].sum()
        difference = window[:-1] - centre
        bias = (difference * clear).sum((1, 2), keepdim=True)
        squares.append(((difference - bias).square() * clear).sum((1, 2)).mean())
    each = torch.stack(squares)
    least = each.nan_to_num(torch.inf).amin()
    return torch.where(each.isnan().all(), torch.nan, least)


def _least_square_original(image: Tensor, truth: Tensor, h: int, w: int) -> Tensor:
    """Mean square difference without bias where it is least; of one image, in whole numbers and so exact."""
    a, b = ((255 * x).round_().clamp_(0, 255).sub_(128) for x in (image, truth))
    n_pixels = h * w
    sums = _window_sums(a, h, w) - _window_sums(b, h, w).flip(1, 2)
    squares = _window_sums(a.square().sum(0), h, w) + _window_sums(b.square().sum(0), h, w).flip(0, 1)
    variances = n_pixels * (squares - 2 * _products(a, b, h, w)) - sums.square().sum(0)
    return variances.amin() / (n_pixels**2 * len(a) * 255**2)


def _products(a: Tensor, b: Tensor, h: int, w: int) -> Tensor:
    """Sums of products over windows that start at r, c of `a` and at 8 - r, 8 - c of `b`: `9 9`.

    For every r, columns of both are multiplied by each other in blocks, as matrices; what a displacement needs lies on
    a diagonal.
    """
    lost, n_channels = ORIGINAL_SHIFT_PX, len(a)
    is_exact = a.device.type == "cpu" and n_channels * h <= MOST_EXACT_TERMS
    dtype = torch.float32 if is_exact else torch.float64
    side = BLOCK_PX + lost
    left, right = (_blocks(x.to(dtype), w, side) for x in (a, b))
    rows = []
    for r in range(lost + 1):
        first = left[:, r * n_channels : (r + h) * n_channels]
        second = right[:, (lost - r) * n_channels : (lost - r + h) * n_channels]
        everything = first.transpose(1, 2) @ second
        diagonals = everything.as_strided(
            (lost + 1, len(left), BLOCK_PX), (side - 1, side * side, side + 1), storage_offset=lost
        )
        rows.append(diagonals.flatten(1)[:, :w].sum(1, dtype=torch.float64))
    return torch.stack(rows)


def _blocks(image: Tensor, w: int, side: int) -> Tensor:
    """`c H W` cut into overlapping columns of blocks: `blocks (H c) side`."""
    n_blocks = -(-w // BLOCK_PX)
    padded = F.pad(image, (0, n_blocks * BLOCK_PX - w))
    return padded.unfold(2, side, BLOCK_PX).permute(2, 1, 0, 3).flatten(1, 2).contiguous()


def _window_sums(images: Tensor, h: int, w: int) -> Tensor:
    """Sums over every window of `h w`: first down the columns, then along the rows."""
    return _run_sums(_run_sums(images, h, -2), w, -1)


def _run_sums(images: Tensor, length: int, axis: int) -> Tensor:
    """Sums over every run along an axis; few, so the first is followed by what comes in and goes out."""
    n_more = images.shape[axis] - length
    first = images.narrow(axis, 0, length).sum(axis, keepdim=True)
    changes = images.narrow(axis, length, n_more) - images.narrow(axis, 0, n_more)
    return torch.cat([first, first + changes.cumsum(axis)], axis)


def _inner_size(images: Tensor, lost_px: int) -> tuple[int, int]:
    h, w = images.shape[-2:]
    if min(h, w) <= lost_px:
        raise InputError(f"images of {h}×{w} px are too small to displace by {lost_px} px")
    return h - lost_px, w - lost_px

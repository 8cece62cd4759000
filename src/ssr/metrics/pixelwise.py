"""How far are two images apart, pixel by pixel?

Images are `b c H W` in [0, 1], so the peak is 1; every measure gives one float64 number an image, `b`.
"""

import torch
from torch import Tensor

from ssr.errors import InputError

LUMA_WEIGHTS = (65.481, 128.553, 24.966)
"""Of red, green and blue in BT.601's studio swing, whose black is 16 of 255."""


def psnr(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Peak signal-to-noise ratio in dB; infinite for equal images."""
    return decibel(_mean_square(image, truth, border_px))


def rmse(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Root of the mean square difference."""
    return _mean_square(image, truth, border_px).sqrt()


def mae(image: Tensor, truth: Tensor, *, border_px: int = 0) -> Tensor:
    """Mean absolute difference."""
    a, b = pair(image, truth, border_px)
    return (a - b).abs().mean((1, 2, 3))


def luma(image: Tensor) -> Tensor:
    """BT.601 studio-swing luma of the first three channels, `b 1 H W`, from 16/255 to 235/255."""
    if image.shape[1] < 3:
        raise InputError(f"luma is that of red, green and blue; found images of {image.shape[1]} channels")
    weights = torch.tensor(LUMA_WEIGHTS, dtype=torch.float64) / 255
    exact = double(image[:, :3])
    return torch.einsum("bchw,c->bhw", exact, weights.to(exact.device))[:, None] + 16 / 255


def rounded_to_bytes(image: Tensor) -> Tensor:
    """What is left of an image in 8 bits a channel, still in [0, 1], float64."""
    return (double(image).clamp(0, 1) * 255).round() / 255


def decibel(mean_square: Tensor) -> Tensor:
    """Of the peak over a mean square difference."""
    return -10 * mean_square.log10()


def pair(image: Tensor, truth: Tensor, border_px: int) -> tuple[Tensor, Tensor]:
    """Both in float64, without their border.

    Raises:
        InputError: they differ in size, or nothing would be left.
    """
    a, b = inner_pair(image, truth, border_px)
    return double(a), double(b)


def inner_pair(image: Tensor, truth: Tensor, border_px: int) -> tuple[Tensor, Tensor]:
    """Both as they are, without their border.

    Raises:
        InputError: they differ in size, or nothing would be left.
    """
    if image.shape != truth.shape or image.ndim != 4:
        raise InputError(f"found images of {tuple(image.shape)} and {tuple(truth.shape)}, expected one size, `b c H W`")
    h, w = image.shape[-2:]
    if min(h, w) <= 2 * border_px:
        raise InputError(f"images of {h}×{w} px are too small to leave {border_px} px out at each edge")
    inner = (..., slice(border_px, h - border_px), slice(border_px, w - border_px))
    return image[inner], truth[inner]


def double(image: Tensor) -> Tensor:
    """Float64, on the CPU where the device has no such numbers."""
    return (image.cpu() if image.device.type == "mps" else image).double()


def _mean_square(image: Tensor, truth: Tensor, border_px: int) -> Tensor:
    a, b = pair(image, truth, border_px)
    return (a - b).square().mean((1, 2, 3))

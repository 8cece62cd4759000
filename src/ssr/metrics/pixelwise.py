"""How far are two images apart, pixel by pixel?

Images are arrays `H W c` or tensors' NumPy views with a peak of 255 unless said otherwise; all sums in float64.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

PEAK = 255.0


def psnr(image: Pixels, truth: Pixels, *, border_px: int = 0) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal images."""
    a, b = _cropped(image, border_px), _cropped(truth, border_px)
    return _decibel(float(np.mean((a - b) ** 2)))


def ssim(image: Pixels, truth: Pixels, *, border_px: int = 0) -> float:
    """Structural similarity (Wang et al. 2004): 11×11 Gaussian of σ 1.5, valid region, mean over channels."""
    a, b = _cropped(image, border_px), _cropped(truth, border_px)
    return float(np.mean([_ssim_channel(a[..., k], b[..., k]) for k in range(a.shape[2])]))


def cpsnr(image: Pixels, truth: Pixels, *, border_px: int = 0, max_shift_px: int = 3) -> float:
    """PSNR after the best integer displacement up to `max_shift_px` and without the mean bias of each channel.

    The centre of the truth is compared with every displaced window of the image (Märtens et al. 2019,
    "Super-resolution of PROBA-V images using CNNs", with one bias per channel).
    """
    m = max_shift_px
    starts = [(m + d, m) for d in range(-m, m + 1)]
    return _best_unbiased_psnr(_cropped(image, border_px), _cropped(truth, border_px), starts, 2 * m)


def cpsnr_original(image: Pixels, truth: Pixels, *, border_px: int = 0) -> float:
    """CPSNR as Satlas Super Resolution computes it: image and truth move apart, so only even displacements -8…8."""
    starts = [(r, 8 - r) for r in range(9)]
    return _best_unbiased_psnr(_cropped(image, border_px), _cropped(truth, border_px), starts, 8)


def luma(image: Pixels) -> Pixels:
    """BT.601 studio-swing luma, 16…235, of an RGB image with peak 255: `H W 1`."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return np.asarray(image, np.float64)[..., :3] @ weights[:, None] + 16.0


def _best_unbiased_psnr(a: Pixels, b: Pixels, starts: list[tuple[int, int]], lost: int) -> float:
    """Best score over pairs of window starts (one for each image), the same pairs for rows and columns."""
    h, w = a.shape[0] - lost, a.shape[1] - lost
    if h < 1 or w < 1:
        raise ValueError(f"images of {a.shape[0]}×{a.shape[1]} px are too small to displace by {lost} px")
    return max(
        _unbiased_psnr(a[ay : ay + h, ax : ax + w], b[by : by + h, bx : bx + w])
        for ay, by in starts
        for ax, bx in starts
    )


def _unbiased_psnr(a: Pixels, b: Pixels) -> float:
    difference = b - a
    return _decibel(float(np.mean(np.var(difference, axis=(0, 1)))))


def _ssim_channel(a: Pixels, b: Pixels) -> float:
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    variance_a = _window_mean(a * a) - mean_a**2
    variance_b = _window_mean(b * b) - mean_b**2
    covariance = _window_mean(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    return float(similarity.mean())


def _window_mean(channel: Pixels) -> Pixels:
    """Gaussian-weighted mean over 11×11, valid positions only."""
    x = np.arange(11) - 5
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    rows = np.lib.stride_tricks.sliding_window_view(channel, 11, axis=0) @ kernel
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ kernel)


def _cropped(image: Pixels, border_px: int) -> Pixels:
    """Float64, `H W c`, without its border."""
    array = np.asarray(image, np.float64)
    array = array[..., None] if array.ndim == 2 else array
    stop = (array.shape[0] - border_px, array.shape[1] - border_px)
    return array[border_px : stop[0], border_px : stop[1]]


def _decibel(mean_square: float) -> float:
    return float("inf") if mean_square == 0 else float(10 * np.log10(PEAK**2 / mean_square))

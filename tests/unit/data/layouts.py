"""Small data sets on disk, in the layouts that the readers expect."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_picture(path: Path, *, side_px: int, seed: int = 0) -> np.ndarray:
    """A picture of noise without a black pixel; its pixels."""
    pixels = np.random.default_rng(seed).integers(1, 256, (side_px, side_px, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def write_s2naip_pair(
    root: Path, tile: str, *, n_dates: int, black_dates: tuple[int, ...] = (), has_black_truth: bool = False
) -> np.ndarray:
    """One sample; every pixel of date k is k + 1, black dates have one black pixel. The high-resolution pixels."""
    frames = np.repeat(np.arange(1, n_dates + 1, dtype=np.uint8), 32 * 32 * 3).reshape(n_dates, 32, 32, 3)
    frames[list(black_dates), 5, 7] = 0
    series = root / "sentinel2" / tile / "tci.png"
    series.parent.mkdir(parents=True)
    Image.fromarray(frames.reshape(-1, 32, 3)).save(series)
    path = root / "naip" / "m_2608053_sw_17_060_20191203" / tile / "rgb.png"
    truth = write_picture(path, side_px=128)
    if has_black_truth:
        truth[3, 4] = 0
        Image.fromarray(truth).save(path)
    return truth

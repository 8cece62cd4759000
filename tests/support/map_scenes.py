"""Made-up overflights of one ground, cut into overlapping granules of two UTM zones, each date with its own light."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform

from tests.support.scenes import write_tiff

MERCATOR = "EPSG:3857"
GSD_M = 10.0


@dataclass(frozen=True)
class Granule:
    """A square in a UTM zone: its first corner and its side in pixels."""

    epsg: int
    left: float
    top: float
    side_px: int


@dataclass(frozen=True)
class Light:
    """How a date differs from others.

    Attributes:
        gain, bias: by channel.
        clouds: where they are (Mercator metres, radius).
        moved_m: how far east and north the ground appears to lie.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: float = 0.0
    clouds: tuple[tuple[float, float, float], ...] = ()
    moved_m: tuple[float, float] = (0.0, 0.0)


def ground_at(x: NDArray[np.float64], y: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    """Reflection of the ground at places in Mercator metres, `3 h w` from 0.15 to 0.55: edges and slopes."""
    rng = np.random.default_rng(seed)
    ground = np.zeros((3, *x.shape))
    for _ in range(14):
        angle, period, phase = rng.uniform(0, 2 * np.pi), rng.uniform(40, 900), rng.uniform(0, 2 * np.pi)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period + phase)
        ground += rng.uniform(0.2, 1, (3, 1, 1)) * np.where(wave > 0.3, 1.0, wave)
    return np.asarray(0.15 + 0.4 * (ground + 9) / 20).clip(0.1, 0.7)


def seen(
    granule: Granule, light: Light, *, seed: int = 0, noise: float = 0.004, noise_seed: int = 0
) -> NDArray[np.uint8]:
    """What a granule shows on a date, `3 h w`."""
    side = np.arange(granule.side_px) + 0.5
    east, north = np.meshgrid(granule.left + side * GSD_M, granule.top - side * GSD_M)
    xs, ys = transform(f"EPSG:{granule.epsg}", MERCATOR, east.ravel(), north.ravel())
    x, y = np.reshape(xs, east.shape), np.reshape(ys, east.shape)
    image = ground_at(x - light.moved_m[0], y - light.moved_m[1], seed=seed)
    image = image * np.array(light.gain)[:, None, None] + light.bias
    for cx, cy, radius in light.clouds:
        distance = np.hypot(x - cx, y - cy)
        veil = np.clip((1.15 - distance / radius) / 0.3, 0, 1)
        image = image * (1 - veil) + 0.92 * veil
    image = image + np.random.default_rng(noise_seed).normal(0, noise, image.shape)
    return np.rint(image * 255).clip(1, 255).astype(np.uint8)


def write_overflights(
    folder: Path, granules: Sequence[Sequence[Granule]], lights: Sequence[Light], *, seed: int = 0
) -> list[Path]:
    """`2021-06-<date>_<granule>.tif` of every date's granules."""
    written = []
    for date, (pieces, light) in enumerate(zip(granules, lights, strict=True)):
        for k, granule in enumerate(pieces):
            pixels = seen(granule, light, seed=seed, noise_seed=100 * date + k)
            path = folder / f"2021-06-{date + 1:02d}_{granule.epsg}_{k}.tif"
            place = Affine(GSD_M, 0, granule.left, 0, -GSD_M, granule.top)
            written.append(write_tiff(path, pixels, crs=f"EPSG:{granule.epsg}", transform=place))
    return written

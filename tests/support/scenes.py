"""Tiny series, chips, networks and option files on disk, made from a seed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import rasterio
import torch
import yaml
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from ssr.device import Compute
from ssr.models.datefusion import DateFusion
from ssr.models.esrgan import RRDBNet

N = TypeVar("N", bound=nn.Module)
UTM33 = "EPSG:32633"
TEN_METRES = Affine(10, 0, 500_000, 0, -10, 5_000_000)
FP32 = Compute(torch.device("cpu"), "fp32")
BF16 = Compute(torch.device("cpu"), "bf16")


def textured(n_dates: int, height: int, width: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Dates of one ground with edges and smooth slopes, each a little brighter or noisier: `t 3 h w` from 20 to 235."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    ground = np.zeros((3, height, width))
    for _ in range(12):
        angle, period, phase = rng.uniform(0, 2 * np.pi), rng.uniform(3, 40), rng.uniform(0, 2 * np.pi)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period + phase)
        ground += rng.uniform(0.2, 1, (3, 1, 1)) * np.where(wave > 0.3, 1.0, wave)
    ground = (ground - ground.min()) / (np.ptp(ground) or 1.0)
    gains = rng.uniform(0.85, 1.0, (n_dates, 1, 1, 1))
    noise = rng.normal(0, 0.01, (n_dates, 3, height, width))
    return (40 + 180 * (gains * ground + noise)).clip(20, 235).astype(np.uint8)


def unit(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes to unit range."""
    return frames.astype(np.float32) / 255


def write_tiff(
    path: Path,
    pixels: NDArray[np.generic],
    *,
    crs: str | None = UTM33,
    transform: Affine | None = TEN_METRES,
    **profile: Any,
) -> Path:
    """Write `c h w` as a GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    size = {"count": count, "height": height, "width": width, "dtype": pixels.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **size, **profile) as dataset:
        dataset.write(pixels)
    return path


def write_series(folder: Path, frames: NDArray[np.generic], **profile: Any) -> list[Path]:
    """Write each date as `date_<k>.tif`."""
    return [write_tiff(folder / f"date_{k}.tif", pixels, **profile) for k, pixels in enumerate(frames)]


def write_image(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write `3 h w` by its suffix, without a place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(path)
    return path


def write_chip(path: Path, frames: NDArray[np.uint8]) -> Path:
    """Write dates below each other in one PNG."""
    return write_image(path, np.concatenate(list(frames), axis=1))


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """A picture as `h w c`."""
    with Image.open(path) as image:
        return np.asarray(image)


def truncate(path: Path, share: float = 0.5) -> Path:
    """Keep only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def with_seed(network: N, seed: int = 0) -> N:
    """Give every parameter a value that keeps activations of unit size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = math.prod(parameter.shape[1:]) if parameter.ndim > 1 else 100
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(fan_in))
    return network.eval()


def tiny_date_fusion(**arguments: Any) -> DateFusion:
    return with_seed(DateFusion(**{"n_features": 8, "n_date_features": 8, "n_blocks": 1} | arguments))


def tiny_rrdbnet(**arguments: Any) -> RRDBNet:
    return with_seed(RRDBNet(**{"n_revisits": 2, "n_features": 8, "n_blocks": 1, "n_growth": 4} | arguments))


def write_weights(path: Path, network: nn.Module) -> Path:
    """Write `{params_ema}`, as published."""
    torch.save({"params_ema": network.state_dict()}, path)
    return path


def write_yaml(path: Path, options: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(options)), encoding="utf-8")
    return path


def rrdbnet_options(n_revisits: int, **changes: Any) -> dict[str, Any]:
    """`network_g` of `tiny_rrdbnet` in the original's words."""
    sizes = {"num_in_ch": 3 * n_revisits, "num_out_ch": 3, "num_feat": 8, "num_block": 1, "num_grow_ch": 4}
    return {"type": "SSR_RRDBNet", **sizes} | changes

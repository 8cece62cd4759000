"""Crops of photographs and what is done to them, as `tests/golden/README.md` says; `1 3 H W` in [0, 1], float64."""

import json
from pathlib import Path

import numpy as np
import skimage.data
import torch

RECORDED = json.loads((Path(__file__).resolve().parents[2] / "golden" / "metrics.json").read_text())
CROPS = {
    "astronaut": (slice(64, 192), slice(160, 288)),
    "coffee": (slice(100, 228), slice(200, 328)),
    "chelsea": (slice(80, 208), slice(120, 248)),
}


def crop(name: str) -> torch.Tensor:
    return unit(_bytes(name))


def degraded(name: str, kind: str) -> torch.Tensor:
    a = _bytes(name)
    k = np.arange(1, a.size + 1).reshape(a.shape)
    noise = (k * 0.6180339887498949) % 1 - 0.5
    match kind:
        case "box4":
            blocks = a.reshape(a.shape[0] // 4, 4, a.shape[1] // 4, 4, 3).mean((1, 3))
            b = np.floor(blocks + 0.5).repeat(4, 0).repeat(4, 1)
        case "noise":
            b = np.floor(a + noise * 40 + 0.5)
        case "shift":
            b = np.roll(a, (3, -2), (0, 1))
        case "bias":
            b = a + np.array([12.0, -7.0, 5.0])
        case "shift_noise":
            b = np.roll(np.floor(a + noise * 20 + 0.5).clip(0, 255), (2, 4), (0, 1))
    return unit(np.clip(b, 0, 255))


def unit(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float64)).permute(2, 0, 1)[None] / 255


def as_array(image: torch.Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


def _bytes(name: str) -> np.ndarray:
    return getattr(skimage.data, name)()[CROPS[name]]

"""The numbers that golden values were recorded with (`tests/golden/README.md`)."""

import zlib

import numpy as np
import torch
from numpy.typing import NDArray


def uniform(name: str, n: int) -> NDArray[np.float64]:
    bits = np.random.PCG64(zlib.crc32(name.encode("utf-8"))).random_raw(n)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def golden_input(name: str, shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(uniform(name, int(np.prod(shape))).reshape(shape).astype(np.float32))


def golden_parameter(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Value of a parameter that is not a spectral-norm vector."""
    u = uniform(name, int(np.prod(shape)))
    if name == "o_conv4.bias":
        values = np.full(u.shape, 2.0)
    elif len(shape) <= 1:
        values = (u - 0.5) * 0.2 if name.endswith("bias") else 0.1 + 0.3 * u
    else:
        values = (2 * u - 1) * np.sqrt(6 / max(1, np.prod(shape[1:])))
    return torch.from_numpy(values.reshape(shape).astype(np.float32))


def golden_state(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """Every tensor of a network by its published name."""
    state = {
        name: golden_parameter(name, tuple(shape))
        for name, shape in shapes.items()
        if not name.endswith(("weight_u", "weight_v"))
    }
    for name in [n for n in shapes if n.endswith("weight_u")]:
        weight = state[name.replace("weight_u", "weight_orig")].double().numpy()
        left, _, right = np.linalg.svd(weight.reshape(len(weight), -1), full_matrices=False)
        sign = np.sign(left[np.abs(left[:, 0]).argmax(), 0])
        state[name] = torch.from_numpy((left[:, 0] * sign).astype(np.float32))
        state[name.replace("weight_u", "weight_v")] = torch.from_numpy((right[0] * sign).astype(np.float32))
    return state

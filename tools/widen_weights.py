"""How do weights for true colour become a start for four bands? `python tools/widen_weights.py RGB.safetensors OUT`.

For `date_fusion` alone. What sees the fourth band starts at zero, so that features are as they were; what makes it
starts as what makes red, whose edges are the likest.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

N_KNOWN = 3
RED = 0


def widen(state: dict[str, Tensor], scale: int = 4) -> dict[str, Tensor]:
    """Differences and reference of a band enter the encoder, its enlarged mean the fusion; the last layer makes it."""
    wider = dict(state)
    first, merge = state["encoder.first.weight"], state["merge.weight"]
    difference, reference, rest = first.split([N_KNOWN, N_KNOWN, first.shape[1] - 2 * N_KNOWN], 1)
    wider["encoder.first.weight"] = torch.cat([difference, unseen(first), reference, unseen(first), rest], 1)
    wider["merge.weight"] = torch.cat([merge, unseen(merge)], 1)
    for name in ("to_pixels.weight", "to_pixels.bias"):
        of_red = state[name][RED * scale**2 : (RED + 1) * scale**2]
        wider[name] = torch.cat([state[name], of_red])
    return {name: tensor.contiguous() for name, tensor in wider.items()}


def unseen(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight[:, :1])


if __name__ == "__main__":
    save_file(widen(load_file(Path(sys.argv[1]))), sys.argv[2])

"""Which network do the tensors of a weight file belong to, and which of them does the live network need?

Published SRCNN and HighResNet files hold shared tensors under several names and tensors that never take part: the
mask encoder (one weight is of size zero) and, in HighResNet, the fusing modules inherited from SRCNN. SR3 files hold
the noise schedule beside the U-Net, or the U-Net alone without its prefix. They are read and left out; every other
difference is an error.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ssr.checkpoints.files import StateDict
from ssr.errors import WeightsError

Architecture = Literal["esrgan", "srcnn", "highresnet", "sr3", "date_fusion", "grid_fusion", "unet_sn"]

REDUNDANT_SRCNN = re.compile(r"mask_encoder\.|fusion\.\d")
SR3_PREFIX = "denoise_fn."
REDUNDANT_HIGHRESNET = re.compile(r"mask_encoder\.|doubleconv2d\.|residualblocks\.|fusion\.fusion\.[1-9]")


@dataclass(frozen=True)
class Recognised:
    """A network's architecture and constructor arguments, read from tensor shapes alone.

    n_stacked: input channels of all dates together, where the architecture stacks them.
    """

    architecture: Architecture
    arguments: dict[str, Any]
    n_stacked: int | None = None

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.arguments.items())
        return f"{self.architecture} ({values})"


def recognise(state: StateDict) -> Recognised | None:
    """The network that these tensors fit, or None."""
    try:
        return _recognise(state)
    except (KeyError, IndexError, ValueError, ZeroDivisionError):  # names of one network, shapes of none
        return None


def _recognise(state: StateDict) -> Recognised | None:
    if "conv_first.weight" in state and "conv_body.weight" in state:
        return _recognise_esrgan(state)
    if "conv0.weight" in state and "conv9.weight" in state:
        n_features, n_channels = state["conv0.weight"].shape[:2]
        objects = "o_conv1.weight" in state
        return Recognised(
            "unet_sn", {"n_channels": n_channels, "n_features": n_features, "judges_objects": objects}, n_channels
        )
    if "downs.0.weight" in state or f"{SR3_PREFIX}downs.0.weight" in state:
        return _recognise_sr3(needed_tensors(state), betas=state.get("betas"))
    if "to_pixels.weight" in state and "encoder.first.weight" in state:
        return _recognise_fusion(state, "date_fusion", encoder="encoder", maps_per_channel=2, other_maps=2)
    if "to_pixels.weight" in state and "date_encoder.first.weight" in state:
        return _recognise_fusion(state, "grid_fusion", encoder="date_encoder", maps_per_channel=3, other_maps=4)
    if "encoder.doubleconv2d.0.weight" in state and "sr.upsample.1.weight" in state:
        return _recognise_worldstrat(state)
    return None


def needed_tensors(state: StateDict) -> StateDict:
    """Without the redundant tensors of published SRCNN, HighResNet and SR3 files."""
    if f"{SR3_PREFIX}downs.0.weight" in state:
        return {name: tensor for name, tensor in state.items() if name.startswith(SR3_PREFIX)}
    if "downs.0.weight" in state and "noise_level_mlp.1.weight" in state:
        return {SR3_PREFIX + name: tensor for name, tensor in state.items()}
    if "encoder.doubleconv2d.0.weight" not in state:
        return state
    redundant = REDUNDANT_HIGHRESNET if _is_highresnet(state) else REDUNDANT_SRCNN
    return {name: tensor for name, tensor in state.items() if not redundant.match(name)}


def load_strictly(network: nn.Module, state: StateDict, *, source: Path | str) -> None:
    """Give the network its tensors; every name and shape must fit.

    Raises:
        WeightsError: names the first difference and the network that the file does fit.
    """
    difference = _first_difference(network.state_dict(), needed_tensors(state))
    if difference:
        asked = type(network).__name__
        raise WeightsError(f"{source}: does not fit the {asked} asked for: {difference}; {_advice(state)}")
    network.load_state_dict(needed_tensors(state))


def load_what_fits(network: nn.Module, state: StateDict, *, source: Path | str) -> list[str]:
    """Give the network every tensor of its own name and shape: a start from related weights.

    Returns:
        What was loaded, then one line per tensor that was skipped or is missing, with the reason.

    Raises:
        WeightsError: not a single tensor fits.
    """
    own, given = network.state_dict(), needed_tensors(state)
    fitting = {n: t for n, t in given.items() if n in own and own[n].shape == t.shape}
    if not fitting:
        raise WeightsError(f"{source}: no tensor fits the {type(network).__name__}; {_advice(state)}")
    network.load_state_dict(fitting, strict=False)
    share = sum(t.numel() for t in fitting.values()) / sum(t.numel() for t in own.values())
    notes = [f"{source}: loaded {len(fitting)} of the network's {len(own)} tensors, {share:.1%} of its numbers"]
    notes += [f"{name}: kept as initialised, not in the file" for name in own if name not in given]
    for name, tensor in given.items():
        if name not in own:
            notes.append(f"{name}: skipped, the network has no such tensor")
        elif name not in fitting:
            notes.append(f"{name}: skipped, {tuple(tensor.shape)} in the file, {tuple(own[name].shape)} in the network")
    return notes


def _advice(state: StateDict) -> str:
    fits = recognise(state)
    return f"the file fits {fits}" if fits else "the file fits no network known here"


def _first_difference(own: StateDict, given: StateDict) -> str | None:
    for name, tensor in own.items():
        if name not in given:
            return f"'{name}' is missing"
        if given[name].shape != tensor.shape:
            return f"'{name}' is {tuple(given[name].shape)}, expected {tuple(tensor.shape)}"
    extra = [name for name in given if name not in own]
    return f"'{extra[0]}' is not part of it" if extra else None


def _recognise_esrgan(state: StateDict) -> Recognised:
    n_features, n_in = state["conv_first.weight"].shape[:2]
    n_doublings = sum(f"conv_up{k}.weight" in state for k in (1, 2, 3, 4))
    arguments: dict[str, Any] = {
        "n_out_channels": state["conv_last.weight"].shape[0],
        "n_features": n_features,
        "n_blocks": _count(state, r"body\.(\d+)\."),
        "n_growth": state["body.0.rdb1.conv1.weight"].shape[0],
        # Scales 1 and 2 have the same tensors as 4 but 16 and 4 times the input channels: not told apart by shape.
        "scale": 2**n_doublings if "conv_up1.weight" in state else 3,
    }
    return Recognised("esrgan", arguments, n_in)


def _recognise_sr3(state: StateDict, *, betas: Tensor | None) -> Recognised:
    """Widths and attention of each level, and the noise schedule where the file holds it; groups and dropout leave no
    trace.
    """
    downs = f"{SR3_PREFIX}downs."
    n_features, n_in = state[f"{downs}0.weight"].shape[:2]
    n_out = state[f"{SR3_PREFIX}final_conv.block.3.weight"].shape[0]
    widths: list[list[int]] = [[]]
    attention_levels = set()
    for k in range(1, _count(state, re.escape(downs) + r"(\d+)\.")):
        if f"{downs}{k}.conv.weight" in state:
            widths.append([])
            continue
        widths[-1].append(state[f"{downs}{k}.res_block.block1.block.3.weight"].shape[0])
        if f"{downs}{k}.attn.qkv.weight" in state:
            attention_levels.add(len(widths) - 1)
    arguments: dict[str, Any] = {
        "n_out_channels": n_out,
        "n_features": n_features,
        "multipliers": tuple(level[0] // n_features for level in widths),
        "n_res_blocks": len(widths[0]),
        "attention_levels": tuple(sorted(attention_levels)),
    }
    if betas is not None:
        arguments |= _linear_schedule(betas)
    return Recognised("sr3", arguments, n_in - n_out)


def _linear_schedule(betas: Tensor) -> dict[str, Any]:
    start, end = float(betas[0]), float(betas[-1])
    if not torch.allclose(betas.double(), torch.linspace(start, end, len(betas), dtype=torch.float64), rtol=1e-4):
        raise ValueError("the noise schedule in the file is not linear")
    return {"n_noise_levels": len(betas), "beta_start": start, "beta_end": end}


def _recognise_fusion(
    state: StateDict, architecture: Architecture, *, encoder: str, maps_per_channel: int, other_maps: int
) -> Recognised:
    """A network of ours; the maps are those that the encoder of a date sees, so many for each channel and others."""
    n_date_features, n_seen = state[f"{encoder}.first.weight"].shape[:2]
    n_channels = (n_seen - other_maps) // maps_per_channel
    arguments: dict[str, Any] = {
        "n_channels": n_channels,
        "n_features": state["merge.weight"].shape[0],
        "n_date_features": n_date_features,
        "n_blocks": _count(state, r"trunk\.(\d+)\."),
        "scale": math.isqrt(state["to_pixels.weight"].shape[0] // n_channels),
    }
    return Recognised(architecture, arguments)


def _recognise_worldstrat(state: StateDict) -> Recognised:
    n_features, n_seen = state["encoder.doubleconv2d.0.weight"].shape[:2]
    n_out = state["sr.upsample.4.weight"].shape[0]
    n_fine = state["sr.upsample.1.weight"].shape[0]
    arguments: dict[str, Any] = {
        "n_channels": n_out,
        "n_out_channels": n_out,
        "n_features": n_features,
        "kernel_size": state["encoder.doubleconv2d.0.weight"].shape[-1],
        "shuffle_kernel_size": state["sr.upsample.1.weight"].shape[-1],
        "scale": math.isqrt(n_features // n_fine),
        "sees_reference": n_seen == 2 * n_out,
    }
    if _is_highresnet(state):
        return Recognised("highresnet", arguments | _revisits_of_highresnet(state, n_features))
    n_revisits = state["doubleconv2d.doubleconv2d.0.weight"].shape[1] // n_features
    n_blocks = _count(state, r"residualblocks\.(\d+)\.")
    return Recognised("srcnn", arguments | {"n_revisits": n_revisits, "n_residual_blocks": n_blocks})


def _is_highresnet(state: StateDict) -> bool:
    """It fuses recursively, or (one date) carries SRCNN's modules without using them, or has none to fuse with."""
    fuses = any(name.startswith("fusion.fusion.") for name in state)
    is_published = any(name.startswith("mask_encoder.") for name in state)
    stacks = any(name.startswith("fusion.0.") for name in state)
    return fuses or (is_published and not stacks) or not any(name.startswith("doubleconv2d.") for name in state)


def _revisits_of_highresnet(state: StateDict, n_features: int) -> dict[str, int]:
    """Published files tell the number of dates by their unused modules; without them any number will do."""
    if "doubleconv2d.doubleconv2d.0.weight" in state:
        return {"n_revisits": state["doubleconv2d.doubleconv2d.0.weight"].shape[1] // n_features}
    return {} if any(name.startswith("fusion.") for name in state) else {"n_revisits": 1}


def _count(state: StateDict, pattern: str) -> int:
    """Number of repeated blocks: the highest index that the pattern captures, plus one."""
    matches = (re.match(pattern, name) for name in state)
    return 1 + max((int(match[1]) for match in matches if match), default=-1)

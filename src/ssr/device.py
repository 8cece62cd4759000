"""Where and how precisely does a network run? Decided once, here."""

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ssr.allocation import keep_freed_memory
from ssr.errors import ConfigError

PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
UNKNOWN_DEVICE = "device {!r} is not known; expected auto, cpu, cuda, cuda:N or mps"


@dataclass(frozen=True)
class Compute:
    """A device and the precision of its convolutions."""

    device: torch.device
    precision: Literal["fp32", "bf16", "fp16"]

    @property
    def needs_scaled_gradients(self) -> bool:
        """Whether small gradients would vanish: half precision knows nothing below 6e-8."""
        return self.precision == "fp16"

    def autocast(self) -> AbstractContextManager[object]:
        """Run convolutions in 16 bits where that was chosen; sums, registration and colours stay in float32."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16 if self.precision == "bf16" else torch.float16)

    def __str__(self) -> str:
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{self.device.type} {self.precision}{threads}"


def choose_compute(device: str = "auto", precision: PrecisionName = "auto") -> Compute:
    """Take the accelerator if there is one, bfloat16 where the hardware multiplies it natively."""
    if precision not in ("auto", "fp32", "bf16", "fp16"):
        raise ConfigError(f"precision {precision!r} is not known; expected auto, fp32, bf16 or fp16")
    chosen = _choose_device(device)
    if chosen.type == "cpu":
        torch.set_num_threads(available_cores())
        keep_freed_memory()
    if precision == "auto":
        precision = "bf16" if _multiplies_bfloat16(chosen) else "fp32"
    return Compute(chosen, precision)


def available_cores() -> int:
    """Cores this process may use: its affinity, not the machine's, and no more than OMP_NUM_THREADS says."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(n_cores, max(1, int(asked))) if asked.isdecimal() else n_cores


def processor_name() -> str:
    """What the processor calls itself, and which build of that name it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    details = [f"{key} {found[key]}" for key in ("cpu family", "model", "stepping") if key in found]
    name = found.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(details)})" if details else name


def _choose_device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(UNKNOWN_DEVICE.format(name)) from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(UNKNOWN_DEVICE.format(name))
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r} was asked for, but torch finds no CUDA device; use --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device 'mps' was asked for, but torch finds none; use --device cpu")
    return device


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type != "cpu":
        return False
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported()) or bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())

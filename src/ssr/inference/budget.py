"""Which windows keep the most pixels a second within the memory?

What a window computes beyond its core is waste, so windows should be large; but memory ends. A network of plain
convolutions can see the scene row by row instead and wastes nothing.
"""

import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ssr.device import Compute
from ssr.errors import ConfigError
from ssr.inference.engines.operations import bytes_a_pixel
from ssr.inference.engines.rowwise import bytes_by_row, may_go_row_by_row
from ssr.inference.predictor import DEFAULT_CORE_PX, DEFAULT_OVERLAP_PX, batch_size_for
from ssr.inference.windows import WindowPlan, kept_share, plan_rows, plan_windows
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver

LEAST_CORE_PX, MOST_CORE_PX = 64, 640
"""Larger ones keep little more, while their memory grows with the square (docs/performance.md)."""
PROGRAM_BYTES = 1_000_000_000
"""All but windows: PyTorch (600 MB after import), decoded blocks of the input, rows on their way to the disk."""
SHARE_OF_MACHINE = 0.5
CACHED_SIDE_PX = 336
SLOWER_A_DOUBLING = 0.03
"""Of the raw rate that every doubling of a window's side beyond that costs (the bundled model, 336 to 752 px)."""
SPEED_BY_ROW = 0.75
"""Raw rate row by row against that of windows of a good size (docs/performance.md)."""
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class Budget:
    """Windows that were chosen, and what is expected of them.

    Attributes:
        kept: share of the computed pixels that are kept.
        n_bytes: peak memory of the program, estimated.
        memory_bytes: what was allowed.
        n_together: windows in a batch.
        core_px: what a window owns at most.
    """

    plan: WindowPlan
    kept: float
    n_bytes: int
    memory_bytes: int
    n_together: int
    core_px: int

    @property
    def n_pixels(self) -> int:
        """Low-resolution pixels that the network will compute, context included."""
        plan = self.plan
        return round(plan.rows[-1].core_stop * plan.columns[-1].core_stop / self.kept)

    def __str__(self) -> str:
        row, column = self.plan.rows[0], self.plan.columns[0]
        memory = f"about {self.n_bytes / 1e9:.1f} of {self.memory_bytes / 1e9:.1f} GB"
        if self.plan.by_rows:
            return f"row by row over the whole width: nothing computed twice, {memory}"
        height, width = row.read_stop - row.read_start, column.read_stop - column.read_start
        return (
            f"{len(self.plan)} of {height}×{width} px, {self.n_together} at a time; "
            f"{self.kept:.0%} of what is computed is kept, {memory}"
        )


def parse_memory(text: str) -> int:
    """Bytes of `2GB`, `1500M` or `3e9`.

    Raises:
        ConfigError: it is none of these.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text.lower())
    n_bytes = round(float(found[1]) * UNITS[found[2]]) if found else 0
    if n_bytes <= 0:
        raise ConfigError(f"--memory: expected a size such as 2GB or 1500MB, found {text!r}")
    return n_bytes


def default_memory() -> int:
    """Half of what this machine, or this container, has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 8 * 10**9
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    return round(SHARE_OF_MACHINE * min(total, int(limit) if limit.isdecimal() else total))


def plan_within(
    network: SuperResolver,
    shape_hw: tuple[int, int],
    compute: Compute,
    *,
    n_dates: int,
    memory_bytes: int | None = None,
    may_stream: bool = False,
) -> Budget:
    """The windows with the best useful rate whose memory fits; the smallest ones where none do.

    Args:
        memory_bytes: for the whole program; by default half of the machine's.
        may_stream: the network will be seen by PyTorch as it is, so that it may go row by row.
    """
    memory = default_memory() if memory_bytes is None else memory_bytes
    each = bytes_a_pixel(network, n_dates, is_16_bit=compute.precision != "fp32")
    cores = _cores_px(shape_hw, network.halo_px + DEFAULT_OVERLAP_PX)
    budgets = [_windows(network, shape_hw, core_px, each, memory) for core_px in cores]
    fitting = [budget for budget in budgets if budget.n_bytes <= memory] or budgets[:1]
    best = max(fitting, key=_useful)
    if may_stream and isinstance(network, RRDBNet) and may_go_row_by_row(network):
        n_bytes = PROGRAM_BYTES + bytes_by_row(network, shape_hw[1], is_16_bit=compute.precision != "fp32")
        n_bytes += n_dates * network.n_channels * shape_hw[1] * 4 * 3 * DEFAULT_CORE_PX
        n_bytes += shape_hw[1] * DEFAULT_CORE_PX * network.scale**2 * network.n_channels * 4 * 4
        if n_bytes <= memory and _useful(best) < SPEED_BY_ROW:
            return Budget(plan_rows(shape_hw, core_px=DEFAULT_CORE_PX), 1.0, n_bytes, memory, 1, DEFAULT_CORE_PX)
    return best


def _cores_px(shape_hw: tuple[int, int], margin_px: int) -> list[int]:
    """Sides of cores, smallest first: for every number of windows along a side the least that does."""
    inner = [max(0, side - 2 * margin_px) for side in shape_hw]
    parts = {
        math.ceil(side / n)
        for side in inner
        for n in range(max(1, math.ceil(side / MOST_CORE_PX)), side // LEAST_CORE_PX + 1)
    }
    return sorted(parts | {LEAST_CORE_PX})


def _windows(network: SuperResolver, shape_hw: tuple[int, int], core_px: int, each: float, memory: int) -> Budget:
    plan = plan_windows(
        shape_hw,
        core_px=core_px,
        halo_px=network.halo_px,
        overlap_px=DEFAULT_OVERLAP_PX,
        multiple=network.size_multiple,
    )
    one = each * _side(plan) ** 2
    n_fitting = max(1, math.floor((memory - PROGRAM_BYTES) / one))
    n_together = min(len(plan.columns), batch_size_for(plan), n_fitting)
    n_bytes = PROGRAM_BYTES + round(one * n_together)
    return Budget(replace(plan, n_together=n_together), kept_share(plan), n_bytes, memory, n_together, core_px)


def _useful(budget: Budget) -> float:
    """Useful rate against the raw rate of windows of a good size."""
    doublings = math.log2(max(1.0, _side(budget.plan) / CACHED_SIDE_PX))
    return budget.kept * max(0.2, 1 - SLOWER_A_DOUBLING * doublings)


def _side(plan: WindowPlan) -> float:
    row, column = plan.rows[0], plan.columns[0]
    return math.sqrt((row.read_stop - row.read_start) * (column.read_stop - column.read_start))

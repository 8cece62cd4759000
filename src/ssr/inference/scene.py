"""How does a series on disk become a super-resolved GeoTIFF, in memory that does not grow with the scene?"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError
from ssr.inference.predictor import (
    DEFAULT_CORE_PX,
    DEFAULT_OVERLAP_PX,
    Predictor,
    Progress,
    Series,
)
from ssr.inference.trust import TrustPlan, to_trust_bytes, trust_path
from ssr.inference.windows import plan_windows
from ssr.raster.grid import Grid
from ssr.raster.writer import CogWriter
from ssr.sentinel2.radiometry import TCI_PEAK_DN

N_CHANNELS = 3


class SeriesOnDisk(Protocol):
    """Windows of some dates of a series, `t c h w` in unit range."""

    @property
    def shape_hw(self) -> tuple[int, int]: ...
    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> Series: ...


def write_scene(
    predictor: Predictor,
    series: SeriesOnDisk,
    dates: Sequence[int],
    out: Path,
    *,
    grid: Grid,
    tags: Mapping[str, str],
    overwrite: bool,
    trust: TrustPlan | None = None,
    core_px: int = DEFAULT_CORE_PX,
    overlap_px: int = DEFAULT_OVERLAP_PX,
    halo_px: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Super-resolve a series window by window into a Cloud-Optimised GeoTIFF.

    Args:
        dates: which dates the network sees, in its order; a date may stand more than once.
        grid: the place of the low-resolution pixels.
        trust: what the channels beyond the result mean; they go to `trust_path(out)`.
    """
    network = predictor.network
    halo_px = network.halo_px if halo_px is None else halo_px
    plan = plan_windows(
        series.shape_hw,
        core_px=core_px,
        halo_px=halo_px,
        overlap_px=overlap_px,
        multiple=network.size_multiple,
    )
    fine = grid.finer(network.scale)
    n_further = len(trust.layers.names) if trust else 0
    with ExitStack() as files:
        picture = files.enter_context(CogWriter(out, fine, tags=tags, overwrite=overwrite))
        if trust:
            path, meaning = trust_path(out), {**tags, **trust.tags}
            beside = files.enter_context(
                CogWriter(path, fine, tags=meaning, overwrite=overwrite, bands=trust.bands)
            )  # entered last, so published first: a result whose trust could not be written does not appear
        for block in predictor.run(plan, lambda r, c: series.read(r, c, dates), progress=progress):
            if len(block.pixels) != N_CHANNELS + n_further:
                raise InputError(
                    f"{predictor.name}: gives {len(block.pixels) - n_further} channel(s), a picture has red, green "
                    f"and blue"
                )
            picture.write(block.rows, block.columns, to_bytes(block.pixels[:N_CHANNELS]))
            if trust:
                beside.write(block.rows, block.columns, to_trust_bytes(block.pixels[N_CHANNELS:], trust.layers))


def to_bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Unit range to bytes, rounded; the predictor's zeros stay no data."""
    return np.rint(unit * TCI_PEAK_DN).astype(np.uint8)

"""How does a series on disk become a super-resolved raster, in memory that does not grow with the scene?

Rows of windows are finished one after the other and kept, so that a run that ends early goes on where it ended.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

import numpy as np

from ssr.atomic import sweep
from ssr.errors import InputError
from ssr.inference.blending import Block, final_spans
from ssr.inference.encoding import Encoding, band_names
from ssr.inference.predictor import DEFAULT_CORE_PX, DEFAULT_OVERLAP_PX, Predictor, Progress, Series
from ssr.inference.trust import TrustPlan, to_trust_bytes, trust_path
from ssr.inference.windows import WindowPlan, plan_windows
from ssr.raster.grid import Grid
from ssr.raster.layout import Stored
from ssr.raster.publishing import check_publishable, publish
from ssr.raster.strips import Strips, n_bands_of
from ssr.raster.unfinished import UnfinishedWork, is_half_published


class SeriesOnDisk(Protocol):
    """Windows of some dates of a series, `t c h w` in unit range."""

    @property
    def shape_hw(self) -> tuple[int, int]: ...
    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> Series: ...


@dataclass(frozen=True, kw_only=True)
class Result:
    """What is to be written.

    Attributes:
        out: the file; `.zarr` makes a Zarr store of it, all else a Cloud-Optimised GeoTIFF.
        grid: the place of the low-resolution pixels.
        channels: what a date shows, `tci` and names of other bands.
        stored: bytes of true colour, or reflectance × 10000 in 16 bits.
        job: text that differs wherever pixels could; work left by another job is not gone on with.
        companions: all files that may stand beside it, whether this run writes them or not.
    """

    out: Path
    grid: Grid
    tags: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ("tci",)
    stored: Stored = "uint8"
    overwrite: bool = False
    job: str = ""
    companions: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Account:
    """How the work went.

    Attributes:
        rows_taken_up: share of the scene that an earlier run had finished.
        was_other: an earlier run with other input or options had left something, which was of no use.
    """

    rows_taken_up: float
    was_other: bool


def write_scene(
    predictor: Predictor,
    series: SeriesOnDisk,
    dates: Sequence[int],
    result: Result,
    *,
    trust: TrustPlan | None = None,
    core_px: int = DEFAULT_CORE_PX,
    overlap_px: int = DEFAULT_OVERLAP_PX,
    halo_px: int | None = None,
    plan: WindowPlan | None = None,
    complete: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> Account:
    """Super-resolve a series window by window.

    Args:
        dates: which dates the network sees, in its order; a date may stand more than once.
        trust: what the channels beyond the result mean; they go to `trust_path(out)`.
        plan: the windows; by default made of `core_px`, `overlap_px` and `halo_px`.
        complete: does what is left once the rasters have their names; should it fail, the same job does it again.
    """
    network = predictor.network
    plan = plan or plan_windows(
        series.shape_hw,
        core_px=core_px,
        halo_px=network.halo_px if halo_px is None else halo_px,
        overlap_px=overlap_px,
        multiple=network.size_multiple,
    )
    rasters = [result.out, *([trust_path(result.out)] if trust else [])]
    paths = list(dict.fromkeys([*rasters, *result.companions]))
    finals = final_spans(plan.rows, plan.overlap_px, network.scale)
    job = repr((result.job, result.stored, plan, list(dates), trust.bands if trust else None))
    result = replace(result, overwrite=result.overwrite or is_half_published(result.out, job=job))
    for path in paths:
        check_publishable(path, overwrite=result.overwrite)
    with UnfinishedWork(result.out, job=job, n_rows=len(finals)) as work:
        share_taken_up = work.n_found / len(finals)
        for path in paths:
            sweep(path)  # of runs that were killed
        if work.is_published(rasters):
            share_taken_up = 1.0
        else:
            files = _Files(work, result, trust, result.grid.finer(network.scale), predictor.name)
            _finish_rows(predictor, series, dates, plan, finals, work, files, progress)
            with work.publishing():
                files.publish(finals)
        if complete:
            complete()
        for path in paths:
            sweep(path, "former")
        return Account(share_taken_up, work.was_other)


def _finish_rows(
    predictor: Predictor,
    series: SeriesOnDisk,
    dates: Sequence[int],
    plan: WindowPlan,
    finals: Sequence[slice],
    work: UnfinishedWork,
    files: "_Files",
    progress: Progress | None,
) -> None:
    first = work.n_finished
    if first == len(finals):
        return
    blocks = predictor.run(
        plan,
        lambda rows, columns: series.read(rows, columns, dates),
        first_row=first,
        edge=work.edge() if first else None,
        progress=progress,
    )
    for number in range(first, len(finals)):
        row = islice(blocks, len(plan.columns))
        work.finish(number, files.write_row(number, finals[number], row))


class _Files:
    """The rasters that come of one run: the picture and perhaps the trust in it."""

    def __init__(self, work: UnfinishedWork, result: Result, trust: TrustPlan | None, fine: Grid, model: str) -> None:
        self.work, self.result, self.trust, self.fine, self.model = work, result, trust, fine, model

    def write_row(self, number: int, rows: slice, blocks: Iterator[Block]) -> np.ndarray:
        """Write a row of blocks; returns their edges side by side."""
        first = next(blocks)
        encoding = self._encoding(len(first.pixels) - self._n_further)
        n_channels = len(encoding.names)
        edges = []
        with ExitStack() as opened:
            picture = opened.enter_context(self._picture(encoding).writing(number, rows))
            beside = opened.enter_context(self._beside().writing(number, rows)) if self.trust else None
            for block in chain([first], blocks):
                picture.write(block.rows, block.columns, encoding.encode(block.pixels[:n_channels]))
                if beside and self.trust:
                    further = to_trust_bytes(block.pixels[n_channels:], self.trust.layers)
                    beside.write(block.rows, block.columns, further)
                edges.append(block.edge)
        return np.concatenate(edges, axis=2)

    def publish(self, strips: Sequence[slice]) -> None:
        """The trust comes first: a result whose trust could not be written does not appear."""
        if self.trust:
            beside = self._beside()
            tags = {**self.result.tags, **self.trust.tags}
            self._publish(beside, strips, tags)
        picture = self._picture(self._encoding(n_bands_of(self.work.folder, "picture")))
        self._publish(picture, strips, self.result.tags)

    def _publish(self, strips: Strips, rows: Sequence[slice], tags: Mapping[str, str]) -> None:
        publish(strips.mosaic(rows, tags), strips.target, strips.layout, overwrite=self.result.overwrite)

    @property
    def _n_further(self) -> int:
        return len(self.trust.layers.names) if self.trust else 0

    def _encoding(self, n_channels: int) -> Encoding:
        names = band_names(n_channels, self.result.channels)
        if names is None:
            raise InputError(
                f"{self.model}: gives {n_channels} channel(s); a picture has red, green and blue, or the channels of "
                f"a date"
            )
        return Encoding(names, self.result.stored)

    def _picture(self, encoding: Encoding) -> Strips:
        return Strips(self.work.folder, "picture", self.fine, encoding.layout, target=self.result.out)

    def _beside(self) -> Strips:
        assert self.trust
        return Strips(self.work.folder, "trust", self.fine, self.trust.bands, target=trust_path(self.result.out))

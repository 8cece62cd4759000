"""How does a network see many windows, fast and always the same?"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ssr.device import Compute, choose_compute
from ssr.errors import InputError
from ssr.inference.blending import Block, stitch
from ssr.inference.engines.bands import Bands
from ssr.inference.engines.rowwise import RowWise, lag_px, row_strips, rows_of_a_strip
from ssr.inference.engines.torch_engine import TorchEngine
from ssr.inference.windows import Span, WindowPlan, plan_windows
from ssr.models.esrgan import RRDBNet
from ssr.models.protocol import SuperResolver
from ssr.models.subsets import SubsetAverage
from ssr.scenes.ranking import DatePlan, MoreDates, plan_dates, rank_dates
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data

Series = NDArray[np.float32]
Progress = Callable[[int, int], None]
T = TypeVar("T")
R = TypeVar("R")

MIN_SIDE_PX = 8
"""Smaller inputs are extended by repeating their edge: reflecting convolutions need something to reflect."""
DEFAULT_CORE_PX = 256
DEFAULT_OVERLAP_PX = 8
READ_ROWS = 128
"""Read at a time where the network sees strips of fewer rows: files are kept in blocks."""
BATCH_PIXELS = 128 * 1024
"""Low-resolution pixels predicted together: enough to keep two cores busy, few enough to stay in memory."""


class WindowReader(Protocol):
    """Reads a window of a series in unit range, `t c h w`."""

    def __call__(self, rows: slice, columns: slice) -> Series: ...


@dataclass
class Seconds:
    """What the thread of the network did: compute, or wait for windows and for room to leave its results."""

    predicting: float = 0.0
    waiting: float = 0.0

    @property
    def waiting_share(self) -> float:
        total = self.predicting + self.waiting
        return self.waiting / total if total else 0.0


class Predictor:
    """A network on a device; equal windows give equal results in any order.

    Args:
        network: any SuperResolver.
        name: what to call it in messages, such as its weight file.
    """

    def __init__(self, network: SuperResolver, compute: Compute | None = None, *, name: str = "the network") -> None:
        self.network = network
        self.name = name
        self.compute = compute or choose_compute()
        self.seconds = Seconds()
        self.engine = TorchEngine(network, self.compute, name=name)

    @torch.inference_mode()
    def predict(self, windows: Series, origins: Sequence[tuple[int, int]] | None = None) -> NDArray[np.float32]:
        """`b t c h w` in [0, 1] to `b c H W` in [0, 1]: zero where no date has data, elsewhere at least 1/255.

        Args:
            origins: row and column of each window's first pixel in the scene; by default (0, 0).

        Raises:
            InputError: the network returned numbers that are not finite.
        """
        self._check(windows)
        low_res = torch.from_numpy(windows)
        padded, (height, width) = self._pad(low_res)
        super_res = self.engine(padded, torch.tensor(origins) if origins else None)
        scale = self.network.scale
        return self._settle(super_res[..., : height * scale, : width * scale], is_no_data(low_res, 2).all(1))

    def _settle(self, result: Tensor, unseen: Tensor) -> NDArray[np.float32]:
        """Within [0, 1], finite, and zero where no date has data and only there.

        Args:
            result: `b c H W`.
            unseen: `b h w`.
        """
        if not bool(torch.isfinite(result).all()):
            raise InputError(
                f"{self.name}: returned numbers that are not finite; its weights are damaged or do not fit"
            )
        scale = self.network.scale
        fine = unseen.unsqueeze(1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        return np.asarray(result.clamp(1 / TCI_PEAK_DN, 1).masked_fill_(fine, 0).numpy())

    def _check(self, windows: Series) -> None:
        """Say which numbers of dates and channels do not fit before the network stumbles over them."""
        n_dates, n_channels = windows.shape[1:3]
        wanted, wanted_channels = self.network.n_revisits, self.network.n_channels
        if wanted is not None and n_dates != wanted:
            raise InputError(
                f"{self.name}: takes {wanted} dates, the series has {n_dates}; choose or repeat dates first"
            )
        if n_channels != wanted_channels:
            raise InputError(f"{self.name}: takes {wanted_channels} channels a date, the series has {n_channels}")

    def _pad(self, low_res: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Repeat the lower and right edge up to a size that the network takes."""
        height, width = low_res.shape[-2:]
        multiple = self.network.size_multiple
        missing = [-(-max(side, MIN_SIDE_PX) // multiple) * multiple - side for side in (height, width)]
        if not any(missing):
            return low_res, (height, width)
        flat = F.pad(low_res.flatten(0, 1), (0, missing[1], 0, missing[0]), mode="replicate")
        return flat.unflatten(0, low_res.shape[:2]), (height, width)

    def run(
        self,
        plan: WindowPlan,
        read: WindowReader,
        *,
        first_row: int = 0,
        edge: NDArray[np.float32] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Block]:
        """Read, predict and blend every window; blocks leave as soon as they are final.

        Reading, predicting and what the caller does with blocks each have a thread of their own, one step apart.

        Args:
            first_row: of windows; those above are done, and `edge` is what they left (`blending.stitch`).
        """
        source = self._predict_rows if plan.by_rows else self._predict_all
        patches = ahead(source(plan, read, first_row, progress))
        return stitch(plan, patches, self.network.scale, first_row=first_row, edge=edge)

    def _predict_all(
        self, plan: WindowPlan, read: WindowReader, first_row: int, progress: Progress | None
    ) -> Iterator[NDArray[np.float32]]:
        """No batch holds windows of two rows, so that a row is the same wherever the work began."""
        size = batch_size_for(plan)
        batches = (
            batch for row in plan.rows[first_row:] for batch in _in_batches([(row, c) for c in plan.columns], size)
        )
        n_done = first_row * len(plan.columns)
        began = time.monotonic()
        for origins, windows in read_ahead(batches, lambda spans: (_origins(spans), _read_batch(spans, read))):
            self.seconds.waiting += time.monotonic() - began
            began = time.monotonic()
            predicted = self.predict(windows, origins)
            self.seconds.predicting += time.monotonic() - began
            n_done += len(predicted)
            if progress:
                progress(n_done, len(plan))
            began = time.monotonic()
            yield from predicted

    def _predict_rows(
        self, plan: WindowPlan, read: WindowReader, first_row: int, progress: Progress | None
    ) -> Iterator[NDArray[np.float32]]:
        """Bands of the plan from a network that sees the raster row by row (`engines.rowwise`)."""
        network, scale = self.network, self.network.scale
        assert isinstance(network, RRDBNet)
        height, width = plan.rows[-1].core_stop, plan.columns[-1].core_stop
        n_rows = rows_of_a_strip(width)
        stream = RowWise(network, self.compute, (height, width), n_rows)
        begun = max(0, plan.rows[first_row].core_start - lag_px(network))
        strips = _strips(read, begun, (height, width), n_rows, lag_px(network))
        bands = Bands([(row.core_start, row.core_stop) for row in plan.rows[first_row:]], scale, width)
        n_done = first_row
        began = time.monotonic()
        for start, strip in ahead(strips):
            self.seconds.waiting += time.monotonic() - began
            began = time.monotonic()
            low_res = torch.from_numpy(strip)
            bands.note(start, is_no_data(low_res, 1).all(0))
            fine = stream.push(low_res.flatten(0, 1).unsqueeze(0).to(self.compute.device), start)
            finished = [self._settle(*band) for band in bands.take(fine.maps.float().cpu(), fine.start)]
            self.seconds.predicting += time.monotonic() - began
            for band in finished:
                n_done += 1
                if progress:
                    progress(n_done, len(plan))
                yield band[0]
            began = time.monotonic()


def super_resolve_array(
    network: SuperResolver,
    series: Series,
    *,
    compute: Compute | None = None,
    core_px: int = DEFAULT_CORE_PX,
    overlap_px: int = DEFAULT_OVERLAP_PX,
    halo_px: int | None = None,
    more_dates: MoreDates = "best",
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Super-resolve a series in memory, window by window.

    Args:
        series: `t c h w` in [0, 1]; every channel of a missing pixel is zero. Where the network takes another number
            of dates, the rule of `ssr.scenes.ranking` chooses or repeats them.
        more_dates: of more dates than the network takes, see the `best`, or all and `average`.
        halo_px: context around each window; by default what the network asks for.

    Returns:
        `c scale·h scale·w` in [0, 1], zero where no date has data.
    """
    height, width = series.shape[-2:]
    if network.n_revisits not in (None, len(series)):
        plan_of_dates = plan_dates(rank_dates(series), network.n_revisits, more=more_dates)
        series, network = series[plan_of_dates.dates], in_passes(network, plan_of_dates)
    halo_px = network.halo_px if halo_px is None else halo_px
    plan = plan_windows(
        (height, width),
        core_px=core_px,
        halo_px=halo_px,
        overlap_px=overlap_px,
        multiple=network.size_multiple,
    )
    scale = network.scale
    result: NDArray[np.float32] | None = None
    blocks = Predictor(network, compute).run(plan, lambda r, c: series[:, :, r, c], progress=progress)
    for block in blocks:
        if result is None:  # only the network knows how many channels come out
            result = np.empty((len(block.pixels), height * scale, width * scale), np.float32)
        result[:, block.rows, block.columns] = block.pixels
    assert result is not None
    return result


def in_passes(network: SuperResolver, plan: DatePlan) -> SuperResolver:
    """The network as it sees the dates of a plan: itself, or averaged over several passes."""
    return network if len(plan.passes) == 1 else SubsetAverage(network, plan.passes)


def batch_size_for(plan: WindowPlan) -> int:
    """Windows predicted together: as planned, or from their size alone."""
    if plan.n_together:
        return plan.n_together
    row, column = plan.rows[0], plan.columns[0]
    n_pixels = (row.read_stop - row.read_start) * (column.read_stop - column.read_start)
    return max(1, BATCH_PIXELS // n_pixels)


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made in a second thread, one item ahead of the caller."""
    end = object()
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending = pool.submit(next, items, end)
        while (item := pending.result()) is not end:
            pending = pool.submit(next, items, end)
            yield cast(T, item)


def read_ahead(items: Iterable[T], read: Callable[[T], R]) -> Iterator[R]:
    """Apply `read` to each item in a second thread, one item ahead of the caller."""
    return ahead(map(read, items))


def _strips(
    read: WindowReader, first: int, shape_hw: tuple[int, int], n_rows: int, lag: int
) -> Iterator[tuple[int, Series]]:
    """Strips of equal height with their first row, zero below the raster; several are read at a time."""
    height, width = shape_hw
    start, held = -1, np.empty((0, 0, 0, 0), np.float32)
    shape: tuple[int, ...] = ()
    for at in row_strips(height, n_rows, first, lag):
        if at < height and (start < 0 or at >= start + held.shape[2]):
            start = at
            held = read(slice(at, min(height, at + n_rows * -(-READ_ROWS // n_rows))), slice(0, width))
            shape = (*held.shape[:2], n_rows, width)
        strip = np.zeros(shape, np.float32)
        if at < height:
            seen = held[:, :, at - start : at - start + n_rows]
            strip[:, :, : seen.shape[2]] = seen
        yield at, strip


def _in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _origins(spans: Iterable[tuple[Span, Span]]) -> list[tuple[int, int]]:
    return [(row.read_start, column.read_start) for row, column in spans]


def _read_batch(spans: Iterable[tuple[Span, Span]], read: WindowReader) -> Series:
    """Windows of one size; where the reader gives less, at the raster's end, the edge is repeated."""
    windows = []
    for row, column in spans:
        window = read(slice(row.read_start, row.read_stop), slice(column.read_start, column.read_stop))
        missing = [s.read_stop - s.read_start - n for s, n in zip((row, column), window.shape[-2:], strict=True)]
        windows.append(
            np.pad(window, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])), "edge") if any(missing) else window
        )
    return np.stack(windows)

"""How do chips and grids of chips become super-resolved PNG files in the published layout?"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.atomic import refuse_existing
from ssr.inference.encoding import to_bytes
from ssr.inference.predictor import DEFAULT_CORE_PX, DEFAULT_OVERLAP_PX, Predictor, Progress, read_ahead
from ssr.inference.windows import plan_windows
from ssr.raster.writer import write_png
from ssr.scenes.chips import CHIP_PX, GRID_CHIPS, ChipGrid, read_chip, read_grid
from ssr.scenes.ranking import choose_dates, rank_dates, repeated_note
from ssr.sentinel2.radiometry import TCI_PEAK_DN

CHIPS_PER_BATCH = 16


class _Chip(NamedTuple):
    low_res: NDArray[np.float32]
    n_used: int
    first_date: NDArray[np.uint8]


def write_chips(
    predictor: Predictor,
    paths: Sequence[Path],
    save_path: Path,
    *,
    n_revisits: int,
    overwrite: bool,
    progress: Progress | None = None,
) -> list[str]:
    """Super-resolve each chip to `<save_path>/<i>/lr.png` and `sr.png`, `i` counting the sorted paths from 0.

    Every chip is checked before anything is written. The best `n_revisits` dates of each are used, repeated where the
    network takes more.

    Returns:
        One note per chip whose dates had to be repeated.
    """
    for i in range(len(paths)):
        refuse_existing(save_path / str(i) / "sr.png", overwrite=overwrite)
    for path in paths:  # a damaged chip must be known before the first result is written; decoding one is cheap
        read_chip(path)
    notes: list[str] = []
    n_done, n_wanted = 0, predictor.network.n_revisits or n_revisits
    batches = [paths[k : k + CHIPS_PER_BATCH] for k in range(0, len(paths), CHIPS_PER_BATCH)]
    for chips in read_ahead(batches, lambda batch: [_load(path, n_revisits, n_wanted) for path in batch]):
        results = predictor.predict(np.stack([chip.low_res for chip in chips]))
        for chip, result in zip(chips, results, strict=True):
            if chip.n_used < n_wanted:
                notes.append(repeated_note(paths[n_done], chip.n_used, n_wanted))
            folder = save_path / str(n_done)
            write_png(folder / "lr.png", chip.first_date.transpose(1, 2, 0))
            write_png(folder / "sr.png", to_bytes(result).transpose(1, 2, 0))
            n_done += 1
        if progress:
            progress(n_done, len(paths))
    return notes


def write_grid(
    predictor: Predictor,
    grid: ChipGrid,
    save_path: Path,
    *,
    n_revisits: int,
    progress: Progress | None = None,
) -> list[str]:
    """Super-resolve a grid as one raster to `<save_path>/<tile>/`: `<row>_<column>.png`, `stitched_{sr,s2}.png`.

    Returns:
        Notes on absent chips and repeated dates.
    """
    stitched = stitched_path(save_path, grid)
    frames = read_grid(grid)
    series = frames.astype(np.float32) / np.float32(TCI_PEAK_DN)
    n_wanted = predictor.network.n_revisits or n_revisits
    dates = choose_dates(rank_dates(series), n_wanted, at_most=n_revisits)
    low_res, scale = series[dates], predictor.network.scale
    plan = plan_windows(
        low_res.shape[-2:],
        core_px=DEFAULT_CORE_PX,
        halo_px=predictor.network.halo_px,
        overlap_px=DEFAULT_OVERLAP_PX,
        multiple=predictor.network.size_multiple,
    )
    side = low_res.shape[-1] * scale
    whole = np.zeros((side, side, 3), np.uint8)
    for block in predictor.run(plan, lambda r, c: low_res[:, :, r, c], progress=progress):
        whole[block.rows, block.columns] = to_bytes(block.pixels).transpose(1, 2, 0)
    fine_px = CHIP_PX * scale
    for row, column in sorted(grid.chips):
        y, x = row * fine_px, column * fine_px
        write_png(stitched.parent / f"{row}_{column}.png", whole[y : y + fine_px, x : x + fine_px])
    write_png(stitched.parent / "stitched_s2.png", frames[dates[0]].transpose(1, 2, 0))
    write_png(stitched, whole)
    return _grid_notes(grid, min(len(frames), n_revisits), n_wanted)


def stitched_path(save_path: Path, grid: ChipGrid) -> Path:
    """Where the whole super-resolved grid goes; it is written last."""
    return save_path / grid.tile / "stitched_sr.png"


def _grid_notes(grid: ChipGrid, n_used: int, n_wanted: int) -> list[str]:
    notes = [repeated_note(f"grid {grid.tile}", n_used, n_wanted)] if n_used < n_wanted else []
    n_absent = GRID_CHIPS**2 - len(grid.chips)
    if n_absent:
        notes.append(f"grid {grid.tile}: {n_absent} of {GRID_CHIPS**2} chips are absent and left black")
    return notes


def _load(path: Path, n_revisits: int, n_wanted: int) -> _Chip:
    frames = read_chip(path)
    unit = frames.astype(np.float32) / np.float32(TCI_PEAK_DN)
    dates = choose_dates(rank_dates(unit), n_wanted, at_most=n_revisits)
    return _Chip(unit[dates], min(len(frames), n_revisits), frames[dates[0]])

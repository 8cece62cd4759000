"""What do `infer` and `infer-grid` do, from chips to pictures?"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from ssr.atomic import refuse_existing
from ssr.build.networks import build_unlearned, bundled_model, load_weights
from ssr.checkpoints.bundled import DEFAULT
from ssr.config.schema import InferConfig
from ssr.device import Compute, choose_compute
from ssr.inference.chips import stitched_path, write_chips, write_grid
from ssr.inference.engines.choice import Placement, place
from ssr.inference.engines.placed import EngineChoice
from ssr.inference.predictor import Predictor, Progress
from ssr.models.fidelity import held_to_input
from ssr.scenes.chips import CHIP_PX, GRID_CHIPS, find_chips, find_grids


@dataclass(frozen=True)
class ChipsResult:
    """What became of a folder of chips or grids."""

    save_path: Path
    model: str
    n_done: int
    compute: str
    seconds: float
    notes: tuple[str, ...] = field(default=())
    engine: str = "torch"
    engine_reason: str = ""


def super_resolve_chips(
    config: InferConfig,
    *,
    overwrite: bool = False,
    compute: Compute | None = None,
    engine: EngineChoice = "auto",
    progress: Progress | None = None,
) -> ChipsResult:
    """Every PNG chip below `data_dir` to `<save_path>/<i>/lr.png` and `sr.png`."""
    started = time.monotonic()
    paths = find_chips(config.data_dir, leave_out=config.save_path)
    predictor, name, notes, placement = _predictor(config, compute, engine, n_pixels=len(paths) * CHIP_PX**2)
    notes += write_chips(
        predictor,
        paths,
        config.save_path,
        n_revisits=config.n_revisits,
        overwrite=overwrite,
        progress=progress,
    )
    return _chips_result(config, name, len(paths), predictor, started, notes, placement)


def super_resolve_grids(
    config: InferConfig,
    *,
    overwrite: bool = False,
    compute: Compute | None = None,
    engine: EngineChoice = "auto",
    progress: Progress | None = None,
) -> ChipsResult:
    """Every grid of chips below `data_dir` to `<save_path>/<tile>/`, each as one seamless raster."""
    started = time.monotonic()
    grids = find_grids(config.data_dir, leave_out=config.save_path)
    for grid in grids:
        refuse_existing(stitched_path(config.save_path, grid), overwrite=overwrite)
    n_pixels = len(grids) * (GRID_CHIPS * CHIP_PX) ** 2
    predictor, name, notes, placement = _predictor(config, compute, engine, n_pixels=n_pixels)
    for grid in grids:
        notes += write_grid(
            predictor,
            grid,
            config.save_path,
            n_revisits=config.n_revisits,
            progress=progress,
        )
    return _chips_result(config, name, len(grids), predictor, started, notes, placement)


def _predictor(
    config: InferConfig, compute: Compute | None, engine: EngineChoice, *, n_pixels: int
) -> tuple[Predictor, str, list[str], Placement]:
    """The network of an inference config on its engine, the bundled one when it names none; its name; notes on its
    weights.
    """
    notes: list[str] = []
    if config.weights is not None:
        network, notes = load_weights(config.weights, config.model)
        name, label = config.weights.path.stem, str(config.weights.path)
    elif config.model is None:
        network, name, label = bundled_model(), DEFAULT, DEFAULT
    else:
        network, name, label = build_unlearned(config.model), config.model.type, config.model.type
    compute = compute or choose_compute()
    placement = place(network, compute, engine, n_dates=config.n_revisits, n_pixels=n_pixels, name=name)
    held = held_to_input(placement.network, strength=config.fidelity, reference=config.fidelity_to)
    return Predictor(held, placement.compute, name=label), name, notes, placement


def _chips_result(
    config: InferConfig,
    name: str,
    n_done: int,
    predictor: Predictor,
    started: float,
    notes: list[str],
    placement: Placement,
) -> ChipsResult:
    seconds = round(time.monotonic() - started, 2)
    return ChipsResult(
        config.save_path,
        name,
        n_done,
        str(predictor.compute),
        seconds,
        tuple(notes),
        engine=placement.engine,
        engine_reason=placement.reason,
    )

"""What do `scene`, `infer` and `infer-grid` do, from files to files?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssr import __version__
from ssr.atomic import refuse_existing
from ssr.build.networks import build_unlearned, bundled_model, load_weights
from ssr.checkpoints.bundled import DEFAULT
from ssr.config.schema import InferConfig
from ssr.device import Compute
from ssr.inference.chips import stitched_path, write_chips, write_grid
from ssr.inference.predictor import Predictor, Progress, in_passes
from ssr.inference.scene import write_scene
from ssr.models.fidelity import Reference, held_to_input
from ssr.raster.grid import Grid
from ssr.scenes.chips import find_chips, find_grids
from ssr.scenes.ranking import DatePlan, MoreDates, plan_dates, rank_dates, repeated_note
from ssr.scenes.rasters import RasterSeries, find_images
from ssr.workflows.models import NamedModel, open_model

DEFAULT_MAX_DATES = 8
"""The bundled model is trained on one to eight dates."""


@dataclass(frozen=True)
class SceneResult:
    """What became of a series.

    dates: file names of the dates that were used, in the order the network saw them.
    best_date: the one of them with the least missing, cloud and haze.
    """

    output: Path
    model: str
    n_dates_found: int
    dates: tuple[str, ...]
    best_date: str
    low_res: str
    super_res: str
    compute: str
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ChipsResult:
    """What became of a folder of chips or grids."""

    save_path: Path
    model: str
    n_done: int
    compute: str
    seconds: float
    notes: tuple[str, ...] = field(default=())


def super_resolve_scene(
    inputs: Sequence[Path],
    out: Path,
    *,
    model: str | Path | NamedModel = DEFAULT,
    max_dates: int | None = None,
    more_dates: MoreDates = "best",
    fidelity: float = 0.0,
    fidelity_to: Reference = "mean",
    bands: tuple[int, ...] = (1, 2, 3),
    white_dn: float | None = None,
    overwrite: bool = False,
    compute: Compute | None = None,
    progress: Progress | None = None,
) -> SceneResult:
    """Super-resolve a series of image files, one per date, into a Cloud-Optimised GeoTIFF.

    Args:
        inputs: files, or folders whose images are the dates.
        model: what `open_model` takes, or what it gave.
        max_dates: use no more than the best so many; by default 8 where the model takes any number, else all.
        more_dates: of more dates than the model takes, see the `best`, or all in several passes and `average`.
        fidelity: how far the result is held to the input (`models.fidelity`), from 0 (not) to 1.
        fidelity_to: what it is held to: the `mean` of the dates or their `median`.
        bands: which bands of each file are red, green and blue, from 1.
        white_dn: the stored number that means white; by default 255 for 8-bit images.
    """
    started = time.monotonic()
    refuse_existing(out, overwrite=overwrite)
    with RasterSeries(find_images(inputs, leave_out=out), bands=bands, white_dn=white_dn) as series:
        opened = model if isinstance(model, NamedModel) else open_model(model)
        wanted = opened.network.n_revisits
        ranked = rank_dates(series.preview())
        limit = DEFAULT_MAX_DATES if max_dates is None and wanted is None else max_dates
        plan = plan_dates(ranked, wanted, at_most=limit, more=more_dates)
        network = held_to_input(in_passes(opened.network, plan), strength=fidelity, reference=fidelity_to)
        predictor = Predictor(network, compute, name=opened.given)
        dates = plan.dates
        names = tuple(series.readers[k].path.name for k in dates)
        write_scene(
            predictor,
            series,
            dates,
            out,
            grid=series.grid,
            tags=_provenance(opened, names, predictor.compute) | _held_tags(fidelity, fidelity_to),
            overwrite=overwrite,
            progress=progress,
        )
        notes = _scene_notes(inputs, series, plan, wanted)
        fine: Grid = series.grid.finer(opened.network.scale)
        return SceneResult(
            output=out,
            model=opened.name,
            n_dates_found=series.n_dates,
            dates=names,
            best_date=series.readers[ranked[0]].path.name,
            low_res=str(series.grid),
            super_res=str(fine),
            compute=str(predictor.compute),
            seconds=round(time.monotonic() - started, 2),
            notes=notes,
        )


def super_resolve_chips(
    config: InferConfig, *, overwrite: bool = False, compute: Compute | None = None, progress: Progress | None = None
) -> ChipsResult:
    """Every PNG chip below `data_dir` to `<save_path>/<i>/lr.png` and `sr.png`."""
    started = time.monotonic()
    paths = find_chips(config.data_dir, leave_out=config.save_path)
    predictor, name, notes = _predictor(config, compute)
    notes += write_chips(
        predictor,
        paths,
        config.save_path,
        n_revisits=config.n_revisits,
        overwrite=overwrite,
        progress=progress,
    )
    return _chips_result(config, name, len(paths), predictor, started, notes)


def super_resolve_grids(
    config: InferConfig, *, overwrite: bool = False, compute: Compute | None = None, progress: Progress | None = None
) -> ChipsResult:
    """Every grid of chips below `data_dir` to `<save_path>/<tile>/`, each as one seamless raster."""
    started = time.monotonic()
    grids = find_grids(config.data_dir, leave_out=config.save_path)
    for grid in grids:
        refuse_existing(stitched_path(config.save_path, grid), overwrite=overwrite)
    predictor, name, notes = _predictor(config, compute)
    for grid in grids:
        notes += write_grid(
            predictor,
            grid,
            config.save_path,
            n_revisits=config.n_revisits,
            progress=progress,
        )
    return _chips_result(config, name, len(grids), predictor, started, notes)


def _predictor(config: InferConfig, compute: Compute | None) -> tuple[Predictor, str, list[str]]:
    """The network of an inference config, the bundled one when it names none; its name; notes on its weights."""
    notes: list[str] = []
    if config.weights is not None:
        network, notes = load_weights(config.weights, config.model)
        name, label = config.weights.path.stem, str(config.weights.path)
    elif config.model is None:
        network, name, label = bundled_model(), DEFAULT, DEFAULT
    else:
        network, name, label = build_unlearned(config.model), config.model.type, config.model.type
    held = held_to_input(network, strength=config.fidelity, reference=config.fidelity_to)
    return Predictor(held, compute, name=label), name, notes


def _chips_result(
    config: InferConfig, name: str, n_done: int, predictor: Predictor, started: float, notes: list[str]
) -> ChipsResult:
    seconds = round(time.monotonic() - started, 2)
    return ChipsResult(config.save_path, name, n_done, str(predictor.compute), seconds, tuple(notes))


def _provenance(model: NamedModel, dates: tuple[str, ...], compute: Compute) -> dict[str, str]:
    return {
        "TIFFTAG_SOFTWARE": f"ssr {__version__}",
        "SSR_MODEL": model.name,
        "SSR_MODEL_SHA256": model.sha256,
        "SSR_DATES": ",".join(dates),
        "SSR_PRECISION": compute.precision,
    }


def _held_tags(fidelity: float, reference: Reference) -> dict[str, str]:
    return {"SSR_FIDELITY": f"{fidelity:g} to the {reference}"} if fidelity else {}


def _scene_notes(inputs: Sequence[Path], series: RasterSeries, plan: DatePlan, wanted: int | None) -> tuple[str, ...]:
    notes = []
    n_used = len(set(plan.dates))
    if wanted is not None and n_used < wanted:
        notes.append(repeated_note(", ".join(map(str, inputs)), n_used, wanted))
    if len(plan.passes) > 1:
        notes.append(f"{n_used} dates seen in {len(plan.passes)} passes of {wanted}, results averaged")
    if series.grid.crs is None:
        notes.append("the input has no coordinate system, so the output has none either")
    return tuple(notes)

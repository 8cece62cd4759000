"""What does `map plan` do, from an area to a plan and what it will take?"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ssr.checkpoints.bundled import DEFAULT
from ssr.device import choose_compute
from ssr.errors import ConfigError, InputError
from ssr.inference.predictor import Predictor
from ssr.mapping.areas import Area, parse_area
from ssr.mapping.cells import SATLAS_CELL_PX, UTM_CELL_PX, GridName
from ssr.mapping.estimate import DEVICES, Estimate, Rate, estimate, measure_rate, operations_a_pixel
from ssr.mapping.finding import in_catalogue, in_folders, in_index
from ssr.mapping.plan import Plan, finish_plan, plan_cells, recipe_hash, write_plan
from ssr.mapping.schedule import Schedule, simulate
from ssr.mapping.sources import Source, Sources
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.stac import StacQuery
from ssr.workflows.mapcells import MapOptions, Recipe, network_as_seen, recipe_for
from ssr.workflows.models import NamedModel, open_model

SourceKind = Literal["folder", "stac", "index", "none"]
THIS = "this"
DISPATCH_S = 0.002
"""What one process needs to hand out a cell and hear that it is done (docs/map.md, measured)."""


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What an estimate supposes.

    Attributes:
        device: `this` machine, a name of `estimate.DEVICES`, or operations a second.
        price_per_hour: of a worker.
        n_workers: play the map through on so many; None: do not.
        bytes_per_s: of the store, for all of them together.
        mean_hours_to_failure, slow_share: as `Schedule` has it.
        seed: of what happens by chance.
    """

    device: str = THIS
    price_per_hour: float | None = None
    n_workers: int | None = None
    bytes_per_s: float = 1e10
    mean_hours_to_failure: float | None = None
    slow_share: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class PlanResult:
    """What was planned. told: `plan.json`."""

    folder: Path
    told: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def plan_map(
    folder: Path,
    *,
    area: str,
    grid: GridName = "satlas",
    source: SourceKind = "folder",
    inputs: Sequence[str | Path] = (),
    stac: StacQuery | None = None,
    period: str | None = None,
    model: str = DEFAULT,
    options: MapOptions | None = None,
    store: str | None = None,
    assumed: Assumptions | None = None,
    overwrite: bool = False,
    offline: bool = False,
) -> PlanResult:
    """Write the plan of a map: its cells, and the dates of each.

    Args:
        area: `west,south,east,north`, a GeoJSON or GeoPackage file, or `land`.
        source: where dates come from: `folder` (files and folders of `inputs`), `stac` (a catalogue), `index`
            (`sources.parquet` of another plan), or `none`, to see what a map would take.
        store: where the work goes: a folder or such as `s3://bucket/folder`; by default beside the plan.
    """
    options, assumed = options or MapOptions(), assumed or Assumptions()
    opened = open_model(model, offline=offline)
    ground = parse_area(area)
    recipe = recipe_for(opened, grid, options)
    margin_px = recipe.reading.margin_px
    found = _found(source, inputs, stac, ground, grid, recipe.rules, period, options)
    told: dict[str, Any] = {
        "grid": grid,
        "area": area,
        "period": period,
        "model": {"name": opened.name, "given": model, "sha256": opened.sha256},
        "store": _placed(store),
        "margin_px": margin_px,
        "recipe": recipe.told,
        "recipe_hash": recipe_hash(recipe.told),
    }
    counts = write_plan(
        folder,
        told,
        plan_cells(grid, ground, Sources(found), margin_px=margin_px),
        found,
        overwrite=overwrite,
    )
    takes = _estimate(opened, recipe, dataclasses.asdict(counts), margin_px, assumed)
    told |= {
        "n_sources": len(found),
        "counts": dataclasses.asdict(counts),
        "estimate": dataclasses.asdict(takes),
        "simulated": None if assumed.n_workers is None else _simulated(takes, assumed),
    }
    plan = finish_plan(folder, told)
    return PlanResult(folder, plan.told, tuple(_notes(plan, source, assumed)))


def _placed(store: str | None) -> str | None:
    """A folder by its whole path: workers may run elsewhere."""
    return store if store is None or "://" in store else str(Path(store).resolve())


def _notes(plan: Plan, source: SourceKind, assumed: Assumptions) -> Iterator[str]:
    told = plan.told
    if not told["counts"]["n_with_dates"] and source != "none":
        yield "no cell has a date; look at --area and --date"
    if not told["estimate"]["operations"] and assumed.device != THIS:
        yield (
            f"{told['model']['name']}: has no operations that are counted, so --device {assumed.device} says nothing "
            f"of its time; leave --device out to measure it here"
        )
    n_runs = _n_runs(told)
    if n_runs > 1:
        yield (
            f"a run has one process that hands out cells, and that is too slow for so many workers; divide them "
            f"between {n_runs} runs of the plan: ssr map run {plan.folder} --part 1/{n_runs}, 2/{n_runs}, …"
        )


def _n_runs(told: Mapping[str, Any]) -> int:
    """Among how many runs a plan is best divided: so many that handing out cells is not what takes longest."""
    played = told["simulated"]
    if played is None or played["bottleneck"] != "dispatch":
        return 1
    others = max(hours for name, hours in played["hours_of"].items() if name != "dispatch")
    most = min(played["n_workers"], told["counts"]["n_partitions"])
    return min(most, math.ceil(played["hours_of"]["dispatch"] / others)) if others else int(most)


def _found(
    source: SourceKind,
    inputs: Sequence[str | Path],
    stac: StacQuery | None,
    area: Area,
    grid: GridName,
    rules: Rules,
    period: str | None,
    options: MapOptions,
) -> list[Source]:
    within = parse_period(period) if period else None
    if source in ("stac", "none") and (options.bands or options.band_names or options.white_dn is not None):
        raise InputError(
            f"--source {source}: --bands, --band-names and --white-dn say something of plain images, and none is read; "
            f"leave them out"
        )
    if source == "none":
        return []
    if source == "stac":
        if stac is None:
            raise InputError("--source stac: needs --stac URL and --collection NAME")
        return in_catalogue(stac, area, grid, rules=rules, period=within)
    if not inputs:
        raise InputError(f"--source {source}: needs files; name them with --input")
    if source == "index":
        return [one for path in inputs for one in in_index(Path(path), within)]
    return in_folders(inputs, rules=rules, period=within, band_names=options.band_names)


def _estimate(
    opened: NamedModel, recipe: Recipe, counts: Mapping[str, Any], margin_px: int, assumed: Assumptions
) -> Estimate:
    n_channels = opened.network.n_channels
    seen = network_as_seen(opened, recipe.options, recipe.n_slots)[0]
    a_pixel = operations_a_pixel(seen, recipe.n_slots, n_channels)
    return estimate(
        counts,
        recipe.told,
        side_px=SATLAS_CELL_PX if recipe.told["grid"] == "satlas" else UTM_CELL_PX,
        margin_px=margin_px,
        windows=recipe.windows,
        a_pixel=a_pixel,
        rate=_rate(Predictor(seen, choose_compute(), name=opened.given), recipe.n_slots, n_channels, a_pixel, assumed),
        n_dates=recipe.n_slots,
        price_per_hour=assumed.price_per_hour,
    )


def _rate(predictor: Predictor, n_dates: int, n_channels: int, a_pixel: float, assumed: Assumptions) -> Rate:
    if assumed.device == THIS:
        return measure_rate(predictor, n_dates, n_channels, a_pixel)
    if assumed.device in DEVICES:
        return Rate(*DEVICES[assumed.device])
    try:
        rate = float(assumed.device)
    except ValueError as error:
        names = ", ".join((THIS, *DEVICES))
        raise ConfigError(
            f"--device {assumed.device}: expected {names}, or operations a second such as 4e13"
        ) from error
    if not 0 < rate < float("inf"):
        raise ConfigError(f"--device {assumed.device}: expected a number above 0")
    return Rate(rate, "as given")


def _simulated(takes: Estimate, assumed: Assumptions) -> dict[str, Any]:
    assert assumed.n_workers is not None
    plan = Schedule(
        n_cells=takes.n_cells,
        n_workers=assumed.n_workers,
        predict_s=takes.worker_hours * 3600 / takes.n_cells,
        read_bytes=takes.gigabytes_in * 1e9 / takes.n_cells,
        write_bytes=takes.gigabytes_out * 1e9 / takes.n_cells,
        read_bytes_per_s=assumed.bytes_per_s,
        write_bytes_per_s=assumed.bytes_per_s,
        dispatch_s=DISPATCH_S,
        mean_hours_to_failure=assumed.mean_hours_to_failure,
        slow_share=assumed.slow_share,
    )
    played = simulate(plan, np.random.default_rng(assumed.seed))
    return {"n_workers": assumed.n_workers, **dataclasses.asdict(played)}

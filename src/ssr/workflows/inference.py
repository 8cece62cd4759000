"""What do `scene`, `infer` and `infer-grid` do, from files to files?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssr import __version__
from ssr.atomic import refuse_existing
from ssr.build import build_model, bundled_model, load_model
from ssr.checkpoints.bundled import DEFAULT
from ssr.config.schema import InferConfig
from ssr.device import Compute
from ssr.errors import ConfigError, WeightsError
from ssr.inference.chips import stitched_path, write_chips, write_grid
from ssr.inference.predictor import Predictor, Progress
from ssr.inference.scene import write_scene
from ssr.models.protocol import SuperResolver
from ssr.raster.grid import Grid
from ssr.scenes.chips import find_chips, find_grids
from ssr.scenes.ranking import choose_dates, rank_dates, repeated_note
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
    model: str | Path = DEFAULT,
    max_dates: int = DEFAULT_MAX_DATES,
    bands: tuple[int, ...] = (1, 2, 3),
    white_dn: float | None = None,
    overwrite: bool = False,
    compute: Compute | None = None,
    progress: Progress | None = None,
) -> SceneResult:
    """Super-resolve a series of image files, one per date, into a Cloud-Optimised GeoTIFF.

    Args:
        inputs: files, or folders whose images are the dates.
        max_dates: where the model takes any number, use no more than the best so many.
        bands: which bands of each file are red, green and blue, from 1.
        white_dn: the stored number that means white; by default 255 for 8-bit images.
    """
    started = time.monotonic()
    refuse_existing(out, overwrite=overwrite)
    with RasterSeries(find_images(inputs, leave_out=out), bands=bands, white_dn=white_dn) as series:
        opened = open_model(model)
        predictor = Predictor(opened.network, compute, name=str(model))
        wanted = opened.network.n_revisits
        ranked = rank_dates(series.preview())
        dates = choose_dates(ranked, wanted, at_most=max_dates)
        names = tuple(series.readers[k].path.name for k in dates)
        write_scene(
            predictor,
            series,
            dates,
            out,
            grid=series.grid,
            tags=_provenance(opened, names, predictor.compute),
            overwrite=overwrite,
            progress=progress,
        )
        notes = _scene_notes(inputs, series, wanted)
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
    predictor, name = _predictor(config, compute)
    notes = write_chips(
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
    predictor, name = _predictor(config, compute)
    notes: list[str] = []
    for grid in grids:
        notes += write_grid(
            predictor,
            grid,
            config.save_path,
            n_revisits=config.n_revisits,
            progress=progress,
        )
    return _chips_result(config, name, len(grids), predictor, started, notes)


def _predictor(config: InferConfig, compute: Compute | None) -> tuple[Predictor, str]:
    """The network of an inference config; the bundled one when it names none."""
    if config.weights is None:
        if config.model is not None and config.model.type != "bicubic":
            raise ConfigError("the network is given but no weights; set path.pretrain_network_g (or weights.path)")
        network = bundled_model() if config.model is None else build_model(config.model)
        assert isinstance(network, SuperResolver)
        name = DEFAULT if config.model is None else config.model.type
        return Predictor(network, compute, name=name), name
    network = load_model(config.weights, config.model)
    if network.n_revisits not in (None, config.n_revisits):
        raise WeightsError(
            f"{config.weights.path}: takes {network.n_revisits} dates, but {config.n_revisits} are asked for "
            f"(n_revisits or n_lr_images)"
        )
    return Predictor(network, compute, name=str(config.weights.path)), config.weights.path.stem


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


def _scene_notes(inputs: Sequence[Path], series: RasterSeries, wanted: int | None) -> tuple[str, ...]:
    notes = []
    if wanted is not None and series.n_dates < wanted:
        notes.append(repeated_note(", ".join(map(str, inputs)), series.n_dates, wanted))
    if series.grid.crs is None:
        notes.append("the input has no coordinate system, so the output has none either")
    return tuple(notes)

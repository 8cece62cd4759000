"""What does each command do, from config to files?"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ssr import __version__
from ssr.atomic import refuse_existing
from ssr.build import build_data, build_loss, build_model, build_schedule, bundled_model, load_model
from ssr.checkpoints.bundled import DEFAULT, bundled_names, bundled_weights
from ssr.checkpoints.files import read_weights, sha256_of
from ssr.checkpoints.published import load_strictly, load_what_fits
from ssr.config.schema import InferConfig, TrainConfig
from ssr.data.pairs import BatchSource
from ssr.device import Compute, choose_compute
from ssr.errors import ConfigError, OutputError, WeightsError
from ssr.evaluation.scores import score
from ssr.inference.chips import stitched_path, write_chips, write_grid
from ssr.inference.predictor import Predictor, Progress
from ssr.inference.scene import write_scene
from ssr.models.protocol import SuperResolver
from ssr.raster.grid import Grid
from ssr.scenes.chips import find_chips, find_grids
from ssr.scenes.ranking import choose_dates, rank_dates, repeated_note
from ssr.scenes.rasters import RasterSeries, find_images
from ssr.training.loop import RunFolder, run_loop
from ssr.training.regression import RegressionStep

TrainingProgress = Callable[[int, dict[str, float]], None]
DEFAULT_MAX_DATES = 8
"""The bundled model is trained on one to eight dates."""


@dataclass(frozen=True)
class NamedModel:
    """A network, what to call it, and the hash of its weight file."""

    network: SuperResolver
    name: str
    sha256: str


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


def open_model(name_or_file: str | Path = DEFAULT) -> NamedModel:
    """A bundled model by its name, or any supported weight file by its path."""
    path = bundled_weights(str(name_or_file)) if str(name_or_file) in bundled_names() else Path(name_or_file)
    if not path.is_file():
        known = ", ".join(bundled_names())
        raise WeightsError(f"{name_or_file}: neither a weight file nor a bundled model ({known})")
    return NamedModel(load_model(path), path.stem, sha256_of(path))


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


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind."""

    folder: Path
    weights: Path
    n_steps: int
    figures: dict[str, float]
    notes: tuple[str, ...]


def train(
    config: TrainConfig,
    *,
    resume: bool = False,
    compute: Compute | None = None,
    progress: TrainingProgress = lambda _done, _losses: None,
) -> TrainResult:
    """Train a network and write `<experiments_root>/<name>/` in the published layout.

    Args:
        resume: continue from the newest training state; without one, start anew.

    Raises:
        OutputError: the run's folder holds results already and `resume` was not asked for.
    """
    compute = compute or choose_compute()
    folder = RunFolder(config.experiments_root, config.name)
    if not resume and folder.models.exists():
        raise OutputError(f"{folder.path}: holds a run already; resume it (--resume) or choose another name")
    network = _seeded_network(config)
    notes = _start_from_pretrained(config, network)
    step = RegressionStep(
        network,
        build_loss(config.loss),
        compute=compute,
        schedule=build_schedule(config.training),
        betas=config.training.betas,
        weight_decay=config.training.weight_decay,
        ema_decay=config.training.ema_decay,
        max_gradient_norm=config.training.max_gradient_norm,
    )
    state = folder.newest_state() if resume else None
    n_done = folder.resume(state, step) if state else 0
    batch_size, scale = config.training.batch_size, config.model.scale
    figures = run_loop(
        step,
        build_data(config.train_data, batch_size=batch_size, scale=scale),
        folder=folder,
        n_done=n_done,
        n_steps=config.training.n_steps,
        log_every=config.training.log_every,
        checkpoint_every=config.training.checkpoint_every,
        validate_every=config.training.validate_every,
        validate=_validation(config, step, compute),
        progress=progress,
    )
    return TrainResult(folder.path, folder.models / "net_g_latest.pth", config.training.n_steps, figures, tuple(notes))


def _seeded_network(config: TrainConfig) -> nn.Module:
    """Fresh parameters that depend on the seed alone, leaving the caller's random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        network = build_model(config.model)
    if not isinstance(network, nn.Module):
        raise ConfigError(f"model '{config.model.type}' has nothing to train")
    return network


def _start_from_pretrained(config: TrainConfig, network: nn.Module) -> list[str]:
    if config.pretrained is None:
        return []
    state = read_weights(config.pretrained.path, key=config.pretrained.key)
    if config.pretrained.strict:
        load_strictly(network, state, source=config.pretrained.path)
        return []
    return load_what_fits(network, state)


def _validation(config: TrainConfig, step: RegressionStep, compute: Compute) -> Callable[[], dict[str, float]] | None:
    """Scores of the averaged weights on the first validation batches, the same at every call."""
    if config.validation_data is None:
        return None
    source: BatchSource = build_data(config.validation_data, batch_size=8, scale=config.model.scale)
    batches = [source.batch(k) for k in range(config.n_validation_batches)]

    def validate() -> dict[str, float]:
        with torch.no_grad(), compute.autocast():
            images = [step.average.network(b.low_res.to(compute.device)).float().cpu() for b in batches]
        return score(torch.cat(images), torch.cat([b.high_res for b in batches])).as_dict()

    return validate


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

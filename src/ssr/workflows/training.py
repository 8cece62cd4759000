"""What does `train` do, from config to weights?"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ssr import __version__
from ssr.build.data import build_data
from ssr.build.networks import build_model
from ssr.build.training import build_recorders, build_schedule, build_step
from ssr.checkpoints.described import MODEL, VERSION
from ssr.checkpoints.files import read_weights
from ssr.checkpoints.published import load_strictly, load_what_fits
from ssr.config.schema import TrainConfig
from ssr.data.prefetch import prefetched
from ssr.device import Compute, choose_compute
from ssr.distributed import Team, joined_team
from ssr.errors import ConfigError, OutputError
from ssr.training.descent import Descent
from ssr.training.loop import Rhythm, run_loop
from ssr.training.recorder import Recorder
from ssr.training.runfolder import RunFolder
from ssr.training.stopping import Stop, listening
from ssr.workflows.validation import build_validation

N_DATA_THREADS = 1
"""Decoding holds the interpreter most of the time: a second thread brings nothing."""

LOG = logging.getLogger(__name__)

TrainingProgress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind.

    n_steps: done so far; fewer than wanted where somebody asked the run to stop.
    stopped_by: the name of the signal that asked, or None.
    """

    folder: Path
    weights: Path
    n_steps: int
    figures: dict[str, float]
    stopped_by: str | None
    notes: tuple[str, ...]


def train(
    config: TrainConfig,
    *,
    resume: bool = False,
    compute: Compute | None = None,
    progress: TrainingProgress = lambda _done, _losses: None,
    watchers: Sequence[Recorder] = (),
    tell: Callable[[str], None] = LOG.warning,
) -> TrainResult:
    """Train a network and write `<experiments_root>/<name>/` in the published layout.

    Under torchrun every process works on its share of each batch; the first writes and speaks.

    Args:
        resume: continue from the newest training state; without one, start anew.
        progress: called after each step with the steps done and, where they are logged, the losses.
        watchers: told of losses and validations beside the logs that the config asks for; the caller closes them.
        tell: receives what was loaded, skipped and why, before the first step.

    Raises:
        OutputError: the run's folder holds results already and `resume` was not asked for.
        MissingExtraError: a log is asked for whose package is not installed.
    """
    compute = compute or choose_compute()
    with joined_team(device_type=compute.device.type) as team, torch.random.fork_rng(devices=[]), listening() as stop:
        return _train(
            config,
            resume=resume,
            compute=compute,
            progress=progress,
            watchers=watchers,
            tell=tell,
            team=team,
            stop=stop,
        )


def _train(
    config: TrainConfig,
    *,
    resume: bool,
    compute: Compute,
    progress: TrainingProgress,
    watchers: Sequence[Recorder],
    tell: Callable[[str], None],
    team: Team,
    stop: Stop,
) -> TrainResult:
    training = config.training
    if training.batch_size % team.n_ranks:
        raise ConfigError(f"training.batch_size is {training.batch_size}, not a multiple of {team.n_ranks} processes")
    folder = RunFolder(
        config.experiments_root,
        config.name,
        n_kept=training.n_checkpoints_kept,
        description={VERSION: __version__, MODEL: config.model.model_dump_json()},
    )
    if not resume and folder.models.exists():
        raise OutputError(f"{folder.path}: holds a run already; resume it (--resume) or choose another name")
    team.wait()  # all have looked before the first writes
    network = _seeded_network(config)
    notes = _start_from_pretrained(config, network)
    for note in notes if team.is_first else ():
        tell(note)
    descent = Descent(
        network,
        compute=compute,
        schedule=build_schedule(training),
        betas=training.betas,
        weight_decay=training.weight_decay,
        ema_decay=training.ema_decay,
        ema_warms_up=training.ema_warms_up,
        max_gradient_norm=training.max_gradient_norm,
        team=team,
    )
    step = build_step(config, descent, compute=compute, tell=tell if team.is_first else _tell_nobody)
    state = folder.newest_state() if resume else None
    n_done = folder.resume(state, step) if state else 0
    rhythm = Rhythm(
        n_steps=training.n_steps,
        log_every=training.log_every,
        checkpoint_every=training.checkpoint_every,
        validate_every=training.validate_every,
    )
    source = build_data(config.train_data, batch_size=training.batch_size, scale=config.model.scale)
    with (
        prefetched(source, n_threads=N_DATA_THREADS, end=training.n_steps) as ahead,
        _recorders(config, folder, n_done=n_done, team=team) as recorders,
    ):
        end = run_loop(
            step,
            ahead,
            folder=folder,
            n_done=n_done,
            rhythm=rhythm,
            validate=build_validation(config, descent.average.network, compute=compute, team=team),
            progress=progress if team.is_first else _say_nothing,
            recorders=(*recorders, *watchers),
            team=team,
            stop=stop,
            seed=config.seed,
        )
    stopped_by = end.stopped_by.name if end.stopped_by else None
    return TrainResult(
        folder.path, folder.models / "net_g_latest.pth", end.n_done, end.figures, stopped_by, tuple(notes)
    )


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
    return load_what_fits(network, state, source=config.pretrained.path)


@contextmanager
def _recorders(config: TrainConfig, folder: RunFolder, *, n_done: int, team: Team) -> Iterator[list[Recorder]]:
    """The logs that the config asks for, closed at the end; the first process keeps them."""
    with ExitStack() as open_ones:
        found = build_recorders(config, folder.path, n_done=n_done) if team.is_first else iter(())
        yield [open_ones.enter_context(closing(recorder)) for recorder in found]


def _say_nothing(_done: int, _losses: dict[str, float]) -> None:
    pass


def _tell_nobody(_note: str) -> None:
    pass

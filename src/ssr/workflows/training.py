"""What does `train` do, from config to weights?"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ssr.build.data import build_data
from ssr.build.networks import build_model
from ssr.build.training import build_schedule, build_step
from ssr.checkpoints.files import read_weights
from ssr.checkpoints.published import load_strictly, load_what_fits
from ssr.config.schema import TrainConfig
from ssr.data.pairs import BatchSource
from ssr.device import Compute, choose_compute
from ssr.errors import ConfigError, OutputError
from ssr.evaluation.scores import score
from ssr.training.descent import Descent
from ssr.training.loop import RunFolder, run_loop

LOG = logging.getLogger(__name__)

TrainingProgress = Callable[[int, dict[str, float]], None]


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
    tell: Callable[[str], None] = LOG.warning,
) -> TrainResult:
    """Train a network and write `<experiments_root>/<name>/` in the published layout.

    Args:
        resume: continue from the newest training state; without one, start anew.
        tell: receives what was loaded, skipped and why, before the first step.

    Raises:
        OutputError: the run's folder holds results already and `resume` was not asked for.
    """
    compute = compute or choose_compute()
    folder = RunFolder(config.experiments_root, config.name)
    if not resume and folder.models.exists():
        raise OutputError(f"{folder.path}: holds a run already; resume it (--resume) or choose another name")
    network = _seeded_network(config)
    notes = _start_from_pretrained(config, network)
    for note in notes:
        tell(note)
    descent = Descent(
        network,
        compute=compute,
        schedule=build_schedule(config.training),
        betas=config.training.betas,
        weight_decay=config.training.weight_decay,
        ema_decay=config.training.ema_decay,
        max_gradient_norm=config.training.max_gradient_norm,
    )
    step = build_step(config, descent, compute=compute)
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
        validate=_validation(config, descent.average.network, compute),
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
    return load_what_fits(network, state, source=config.pretrained.path)


def _validation(config: TrainConfig, network: nn.Module, compute: Compute) -> Callable[[], dict[str, float]] | None:
    """Scores of the averaged weights on the first validation batches, the same at every call."""
    if config.validation_data is None:
        return None
    source: BatchSource = build_data(config.validation_data, batch_size=8, scale=config.model.scale)
    batches = [source.batch(k) for k in range(config.n_validation_batches)]

    def validate() -> dict[str, float]:
        with torch.no_grad(), compute.autocast():
            images = [network(b.low_res.to(compute.device)).float().cpu() for b in batches]
        return score(torch.cat(images), torch.cat([b.high_res for b in batches])).as_dict()

    return validate

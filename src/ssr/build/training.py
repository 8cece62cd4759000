"""How does a config become what training repeats at each step?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ssr.build.losses import build_loss
from ssr.build.networks import build_discriminator
from ssr.checkpoints.files import read_weights
from ssr.checkpoints.published import load_strictly, load_what_fits
from ssr.config.networks import SR3Model, UNetDiscriminator, Weights
from ssr.config.schema import TrainConfig
from ssr.config.training import Adversarial, ObjectAdversarial, Training
from ssr.device import Compute
from ssr.errors import ConfigError
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.training.adversarial import AdversarialStep, Judging, ObjectJudging
from ssr.training.boards import TensorBoard, WeightsAndBiases
from ssr.training.compiling import check_compiler, compile_calls
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.logbook import Logbook, Table
from ssr.training.recorder import Recorder
from ssr.training.regression import RegressionStep
from ssr.training.schedule import Schedule
from ssr.training.step import TrainingStep

DISCRIMINATOR_STREAM = 1
"""Added to the seed, so that the discriminator does not start from the generator's numbers."""


def build_step(
    config: TrainConfig,
    descent: Descent,
    *,
    compute: Compute,
    tell: Callable[[str], None] = lambda _note: None,
) -> TrainingStep:
    """What training repeats: diffusion for SR3; for other networks regression, or a step against a discriminator.

    Args:
        tell: receives what was loaded and skipped of a discriminator that need not fit strictly.

    Raises:
        ConfigError: SR3 is to face a discriminator, memory is to be saved in a network that cannot, or networks are to
            be compiled and there is no compiler.
    """
    n_parts = config.training.n_accumulated
    if config.training.saves_memory:
        _checkpoint_blocks(descent)
    if config.training.compiles:
        check_compiler(compute.device)
        compile_calls(descent.network)
    if isinstance(config.model, SR3Model):
        if config.adversarial is not None:
            raise ConfigError("adversarial: SR3 learns to estimate noise and gives no image to judge; take it out")
        return DiffusionStep(
            descent, compute=compute, p_no_condition=config.p_no_condition, seed=config.seed, n_parts=n_parts
        )
    loss = build_loss(config.loss, scale=config.model.scale, autocast=compute.autocast).to(compute.device)
    if config.adversarial is None:
        return RegressionStep(descent, loss, compute=compute, n_parts=n_parts)
    against = config.adversarial
    judge = build_judge(config, against)
    for note in _start_from_pretrained(judge, against.pretrained):
        tell(note)
    if config.training.compiles:
        compile_calls(judge)
    return AdversarialStep(
        descent,
        Descent(
            judge,
            compute=compute,
            schedule=build_schedule(config.training, peak=against.learning_rate),
            betas=against.betas,
            weight_decay=against.weight_decay,
            ema_decay=None,
            max_gradient_norm=config.training.max_gradient_norm,
            team=descent.team,
        ),
        loss,
        build_judging(against),
        compute=compute,
        seed=config.seed,
        n_parts=n_parts,
    )


def build_judge(config: TrainConfig, against: Adversarial) -> UNetDiscriminatorSN:
    """A discriminator for what it is to see; its fresh parameters depend on the seed alone."""
    network = UNetDiscriminator(
        n_channels=n_judged_channels(config, against),
        n_features=against.n_features,
        has_skips=against.has_skips,
        judges_objects=against.objects is not None,
        clips_object_logits=against.objects is not None and against.objects.clips_logits,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed + DISCRIMINATOR_STREAM)
        return build_discriminator(network)


def n_judged_channels(config: TrainConfig, against: Adversarial) -> int:
    """The image's, every date's, and those of an older image."""
    n_channels: int = getattr(config.model, "n_out_channels", config.model.n_channels)
    if against.sees_low_res:
        n_revisits = getattr(config.model, "n_revisits", None)
        if n_revisits is None:
            raise ConfigError(
                f"adversarial.sees_low_res: a discriminator sees a fixed number of dates, model '{config.model.type}' "
                "takes any; set sees_low_res: false"
            )
        n_channels += n_revisits * config.model.n_channels
    return n_channels + (TRUE_COLOUR_CHANNELS if against.sees_old_high_res else 0)


def build_judging(against: Adversarial) -> Judging:
    """What the discriminator is shown, and when who moves."""
    objects = against.objects
    return Judging(
        kind=against.kind,
        weight=against.weight,
        sees_low_res=against.sees_low_res,
        sees_old_high_res=against.sees_old_high_res,
        sharpens_target=against.sharpens_target,
        n_regression_steps=against.n_regression_steps,
        n_warmup_steps=against.n_warmup_steps,
        n_steps_between=against.n_steps_between,
        objects=None if objects is None else _build_objects(objects),
    )


def _build_objects(objects: ObjectAdversarial) -> ObjectJudging:
    return ObjectJudging(
        weight=objects.weight, n_objects=objects.n_objects, labels_fakes_as_real=objects.labels_fakes_as_real
    )


def build_schedule(config: Training, *, peak: float | None = None) -> Schedule:
    """The learning rate over time.

    Args:
        peak: of another network than the generator, whose final rate is lowered or raised in proportion.
    """
    factor = 1.0 if peak is None else peak / config.learning_rate
    return Schedule(
        kind=config.schedule,
        peak=config.learning_rate * factor,
        final=config.final_learning_rate * factor,
        n_steps=config.n_steps,
        n_warmup_steps=config.n_warmup_steps,
        milestones=config.milestones,
        gamma=config.gamma,
    )


def build_recorders(config: TrainConfig, folder: Path, *, n_done: int) -> Iterator[Recorder]:
    """Who is told what the run in this folder finds out from `n_done` steps on; each starts when its turn comes.

    Raises:
        MissingExtraError: a package that is asked for is not installed.
        ConfigError: Weights & Biases does not take the run.
    """
    logging = config.training.logging
    board = TensorBoard(folder, n_done=n_done) if logging.tensorboard else None  # it may refuse: before others write
    yield Logbook(folder, n_done=n_done)
    yield Table(folder, n_done=n_done)
    if board is not None:
        yield board
    if logging.wandb is not None:
        yield WeightsAndBiases(
            folder,
            name=config.name,
            project=logging.wandb.project,
            mode=logging.wandb.mode,
            resume_id=logging.wandb.resume_id,
            options=config.model_dump(mode="json"),
        )


def _checkpoint_blocks(descent: Descent) -> None:
    if not isinstance(descent.network, RRDBNet):
        raise ConfigError(f"training.saves_memory: for ESRGAN alone, not for {type(descent.network).__name__}")
    descent.network.checkpoints_blocks = True


def _start_from_pretrained(judge: UNetDiscriminatorSN, weights: Weights | None) -> list[str]:
    if weights is None:
        return []
    state = read_weights(weights.path, key=weights.key)
    if weights.strict:
        load_strictly(judge, state, source=Path(weights.path))
        return []
    return load_what_fits(judge, state, source=weights.path)

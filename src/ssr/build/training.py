"""How does a config become what training repeats at each step?"""

from ssr.config.networks import SR3Model
from ssr.config.schema import TrainConfig
from ssr.config.training import Loss, Training
from ssr.device import Compute
from ssr.errors import ConfigError
from ssr.losses.reconstruction import ReconstructionLoss
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.regression import RegressionStep
from ssr.training.schedule import Schedule
from ssr.training.step import TrainingStep


def build_step(config: TrainConfig, descent: Descent, *, compute: Compute) -> TrainingStep:
    """What training repeats: diffusion for SR3, regression for every other network.

    Raises:
        ConfigError: a loss or a discriminator that this version does not train with.
    """
    _refuse_what_is_not_there(config)
    if isinstance(config.model, SR3Model):
        return DiffusionStep(descent, compute=compute, p_no_condition=config.p_no_condition, seed=config.seed)
    return RegressionStep(descent, build_loss(config.loss), compute=compute)


def _refuse_what_is_not_there(config: TrainConfig) -> None:
    absent = {
        "adversarial": config.adversarial,
        "loss.perceptual": config.loss.perceptual,
        "loss.clip": config.loss.clip,
        "loss.shift_l1": config.loss.shift_l1,
        "loss.consistency": config.loss.consistency,
        "loss.spectral_angle": config.loss.spectral_angle,
        "loss.sharpened_targets": config.loss.sharpened_targets,
    }
    asked = [name for name, value in absent.items() if value]
    if asked:
        raise ConfigError(
            f"this version does not train with {', '.join(asked)}; to train with the pixel losses alone, translate the "
            f"file ('ssr config translate') and take them out"
        )
    if config.training.n_accumulated > 1:
        raise ConfigError("training.n_accumulated: this version passes each batch in one part")


def build_loss(config: Loss) -> ReconstructionLoss:
    """The regression loss."""
    return ReconstructionLoss(l1=config.l1, mse=config.mse, ssim=config.ssim, border_px=config.border_px)


def build_schedule(config: Training) -> Schedule:
    """The learning rate over time."""
    return Schedule(
        kind=config.schedule,
        peak=config.learning_rate,
        final=config.final_learning_rate,
        n_steps=config.n_steps,
        n_warmup_steps=config.n_warmup_steps,
        milestones=config.milestones,
        gamma=config.gamma,
    )

"""What may an option file say of losses, optimisers and time?"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ssr.config.networks import Weights
from ssr.config.options import Options, Share

Term = Literal["l1", "mse", "ssim", "shift_l1", "psnr_without_bias", "perceptual", "clip"]


class Perceptual(Options):
    """Distance of features of a classification network (Johnson et al. 2016).

    distance: `features` is the mean absolute difference of the weighted layers; `lpips` is that of Zhang et al. 2018,
        which has layers and weights of its own (VGG16 and SqueezeNet).
    weights: a local file with the network's tensors under torchvision's names; by default torchvision's own, cached.
    layers: weight of each layer, `conv3_4` of VGG, `conv1` and `fire2` to `fire9` of SqueezeNet, always before its
        ReLU; by default the last layer before each halving, weighted as in the original's VGG19.
    """

    network: Literal["vgg19", "vgg16", "squeezenet1_1"] = "vgg19"
    weights: Path | None = None
    layers: dict[str, PositiveFloat] | None = None
    distance: Literal["features", "lpips"] = "features"
    weight: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _lpips_has_its_own_layers(self) -> Self:
        if self.distance == "lpips" and (self.layers is not None or self.network == "vgg19"):
            raise ValueError("expected network vgg16 or squeezenet1_1 and no layers for distance lpips")
        return self


class Clip(Options):
    """Distance of image embeddings of a CLIP network (open_clip).

    weights: a local file, or the tag of published weights; by default the first that open_clip lists.
    """

    network: str = "ViT-B-16-SigLIP-256"
    weights: str | None = None
    weight: PositiveFloat = 1.0


class Loss(Options):
    """What the generator minimises beside realism: a weighted sum.

    shift_l1: mean absolute error at the best displacement up to 3 high-resolution pixels.
    psnr_without_bias: what PSNR lacks to 60 dB, each channel's mean difference taken out first.
    grid: mean size of what repeats itself from one input pixel to the next in the difference to the truth.
    consistency: mean absolute error of the result, seen through the point spread, against the series' mean.
    spectral_angle: mean angle between the channels of result and truth, radians.
    sharpened_targets: terms that see the unsharp-masked truth, as the original's ESRGAN does.
    """

    l1: NonNegativeFloat = 1.0
    mse: NonNegativeFloat = 0.0
    ssim: NonNegativeFloat = 0.0
    shift_l1: NonNegativeFloat = 0.0
    psnr_without_bias: NonNegativeFloat = 0.0
    grid: NonNegativeFloat = 0.0
    consistency: NonNegativeFloat = 0.0
    spectral_angle: NonNegativeFloat = 0.0
    perceptual: Perceptual | None = None
    clip: Clip | None = None
    sharpened_targets: tuple[Term, ...] = ()
    border_px: NonNegativeInt = 0

    @model_validator(mode="after")
    def _minimises_something(self) -> Self:
        weights = [value for _, value in self if isinstance(value, float)]
        if not sum(weights) and self.perceptual is None and self.clip is None:
            raise ValueError("every weight is 0, so there is nothing to minimise")
        return self


class ObjectAdversarial(Options):
    """Small crops around known objects are judged too (Wolters et al. 2023, supplement A.5.1).

    n_objects: crops of each image, drawn among its objects; images with fewer give all they have.
    clips_logits: the original's ReLU before the logistic loss, which hides every negative logit.
    labels_fakes_as_real: the original's label of generated crops in the discriminator's step.
    """

    weight: PositiveFloat = 0.3
    n_objects: PositiveInt = 1
    clips_logits: bool = False
    labels_fakes_as_real: bool = False


class Adversarial(Options):
    """A discriminator and how it is trained; how many channels it sees follows from what it is shown.

    weight: of realism in the generator's loss.
    sees_low_res: the dates, enlarged by repetition, stand beside the image.
    sees_old_high_res: an older high-resolution image stands beside it too.
    n_warmup_steps: steps before the generator moves, in which only the discriminator learns (`net_d_init_iters`).
    n_steps_between: the generator moves every so many steps (`net_d_iters`).
    n_regression_steps: steps of the generator without a discriminator before all this.
    """

    kind: Literal["vanilla", "lsgan", "wgan", "wgan_softplus", "hinge"] = "vanilla"
    weight: PositiveFloat = 0.1
    n_features: PositiveInt = 64
    has_skips: bool = True
    sees_low_res: bool = True
    sees_old_high_res: bool = False
    sharpens_target: bool = False
    objects: ObjectAdversarial | None = None
    learning_rate: PositiveFloat = 1e-4
    betas: tuple[Share, Share] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0
    n_warmup_steps: NonNegativeInt = 0
    n_steps_between: PositiveInt = 1
    n_regression_steps: NonNegativeInt = 0
    pretrained: Weights | None = None


class WandB(Options):
    """A run of Weights & Biases.

    mode: by default what WANDB_MODE says, else online; `offline` keeps the run in a folder for `wandb sync`.
    resume_id: of the run to go on with; by default the one that the run's folder remembers, else a new one.
    """

    project: Annotated[str, Field(min_length=1)]
    mode: Literal["online", "offline"] | None = None
    resume_id: Annotated[str, Field(min_length=1)] | None = None


class Logging(Options):
    """Who is told of losses, validations and pictures beside `log.jsonl` and `log.csv`, which are always written.

    tensorboard: event files in the run's folder.
    """

    tensorboard: bool = False
    wandb: WandB | None = None


class Training(Options):
    """Optimiser and time.

    batch_size: of all processes together.
    n_accumulated: each step's batch passes in so many parts, for memory.
    saves_memory: ESRGAN alone: the insides of its blocks are computed anew on the way back instead of kept.
    compiles: networks run as compiled code (torch.compile); the first steps take longer, the others less.
    ema_warms_up: shorten the decay of the moving average early on, so that a short run is not averaged with its random
        start; the original does not.
    n_checkpoints_kept: older ones are deleted; the best and the last always stay.
    """

    n_steps: PositiveInt
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = 1e-4
    final_learning_rate: NonNegativeFloat = 0.0
    schedule: Literal["cosine", "multistep"] = "cosine"
    milestones: tuple[PositiveInt, ...] = ()
    gamma: PositiveFloat = 0.5
    n_warmup_steps: NonNegativeInt = 0
    betas: tuple[Share, Share] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0
    max_gradient_norm: PositiveFloat | None = None
    ema_decay: Share = 0.999
    ema_warms_up: bool = True
    log_every: PositiveInt = 100
    validate_every: PositiveInt = 5000
    checkpoint_every: PositiveInt = 5000
    n_checkpoints_kept: PositiveInt | None = None
    n_accumulated: PositiveInt = 1
    saves_memory: bool = False
    compiles: bool = False
    logging: Logging = Logging()

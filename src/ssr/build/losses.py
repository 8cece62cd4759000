"""How does a config become what a network minimises?"""

from contextlib import nullcontext
from functools import partial

from ssr.build.judges import build_lpips
from ssr.checkpoints.backbones import load_backbone, load_image_encoder
from ssr.config.metrics import LpipsMeasure
from ssr.config.training import Clip, Loss, Perceptual
from ssr.errors import ConfigError
from ssr.losses.clip import ClipDistance
from ssr.losses.consistency import Consistency
from ssr.losses.perceptual import Autocast, LpipsDistance, PerceptualDistance
from ssr.losses.reconstruction import MEASURES, repeated_difference
from ssr.losses.total import Measure, Term, TotalLoss
from ssr.losses.trunks import DEFAULT_WEIGHTS, Trunk
from ssr.models.pointspread import PointSpread, sentinel2_sigma_px

LPIPS_OF: dict[str, LpipsMeasure] = {"vgg16": "lpips_vgg", "squeezenet1_1": "lpips_squeeze"}
"""By trunk."""


def build_loss(config: Loss, *, scale: int = 4, autocast: Autocast = nullcontext) -> TotalLoss:
    """Terms that weigh something, by their names in option files; weights of judging networks are fetched if need be.

    Args:
        autocast: under which judging networks run; all else is computed in float32.

    Raises:
        ConfigError: a layer that a network does not have.
        WeightsError: the weights of a judging network are not to be had.
    """
    weighed: dict[str, tuple[float, Measure]] = {}
    for name, measure in MEASURES.items():
        if weight := getattr(config, name):
            weighed[name] = (weight, measure)
    if config.grid:
        weighed["grid"] = (config.grid, partial(repeated_difference, period_px=scale))
    if config.perceptual is not None:
        weighed["perceptual"] = (config.perceptual.weight, _perceptual(config.perceptual, autocast))
    if config.clip is not None:
        weighed["clip"] = (config.clip.weight, _clip(config.clip))
    terms = {
        name: Term(weight, measure, "sharpened_truth" if name in config.sharpened_targets else "truth")
        for name, (weight, measure) in weighed.items()
    }
    if config.consistency:
        see = PointSpread(scale, sentinel2_sigma_px()).see
        terms["consistency"] = Term(
            config.consistency, Consistency(see, border_px=-(-config.border_px // scale)), "dates"
        )
    return TotalLoss(terms, border_px=config.border_px)


def _perceptual(config: Perceptual, autocast: Autocast) -> PerceptualDistance | LpipsDistance:
    if config.distance == "lpips":
        return LpipsDistance(build_lpips(LPIPS_OF[config.network], config.weights), autocast=autocast)
    weights = DEFAULT_WEIGHTS[config.network] if config.layers is None else config.layers
    try:
        trunk = Trunk(config.network, tuple(weights))
    except ValueError as error:
        raise ConfigError(f"loss.perceptual.layers: {error}") from error
    load_backbone(trunk, config.network, config.weights)
    return PerceptualDistance(trunk, weights, autocast=autocast)


def _clip(config: Clip) -> ClipDistance:
    encoder = load_image_encoder(config.network, config.weights)
    return ClipDistance(encoder.network, side_px=encoder.side_px, mean=encoder.mean, std=encoder.std)

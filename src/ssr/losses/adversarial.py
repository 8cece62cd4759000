"""How real does a discriminator find an image, as a loss of either side?

The formulas of BasicSR's `GANLoss`, as the original trains: the generator's side is the same with the label "real",
save for hinge, which has no margin there.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Kind = Literal["vanilla", "lsgan", "wgan", "wgan_softplus", "hinge"]


def judgement_loss(kind: Kind, logits: Tensor, *, is_real: bool) -> Tensor:
    """The discriminator's loss for images that are real, or not; mean over logits."""
    return JUDGEMENTS[kind](logits.float(), is_real).mean()


def realism_loss(kind: Kind, logits: Tensor) -> Tensor:
    """The generator's loss for what the discriminator says of its images; mean over logits."""
    return -logits.float().mean() if kind == "hinge" else judgement_loss(kind, logits, is_real=True)


def object_loss(logits: Tensor, *, is_real: bool, n_crops: float) -> Tensor:
    """Logistic loss of `n c h w` logits, their sum over crops divided by `n_crops`; 0 of none at all.

    Args:
        n_crops: so many as there are on average, where parts of a batch differ.
    """
    per_crop = logits[0].numel() if len(logits) else 1
    return _logistic(logits.float(), is_real).sum() / ((n_crops or 1) * per_crop)


def _logistic(logits: Tensor, is_real: bool) -> Tensor:
    """Goodfellow et al. 2014."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(is_real)), reduction="none")


def _least_squares(logits: Tensor, is_real: bool) -> Tensor:
    """Mao et al. 2017."""
    return (logits - float(is_real)).square()


def _wasserstein(logits: Tensor, is_real: bool) -> Tensor:
    """Arjovsky et al. 2017, without their clipping of weights: spectral norm bounds the slope."""
    return -logits if is_real else logits


def _softplus(logits: Tensor, is_real: bool) -> Tensor:
    """Karras et al. 2019 (StyleGAN)."""
    return F.softplus(-logits if is_real else logits)


def _hinge(logits: Tensor, is_real: bool) -> Tensor:
    """Lim & Ye 2017."""
    return F.relu(1 - logits if is_real else 1 + logits)


JUDGEMENTS: dict[Kind, Callable[[Tensor, bool], Tensor]] = {
    "vanilla": _logistic,
    "lsgan": _least_squares,
    "wgan": _wasserstein,
    "wgan_softplus": _softplus,
    "hinge": _hinge,
}

"""Against the formulas of the papers in double precision, on logits on both sides of every bend."""

import math

import numpy as np
import pytest
import torch

from ssr.losses.adversarial import JUDGEMENTS, judgement_loss, object_loss, realism_loss
from tests.support.tolerances import FLOAT32

LOGITS = [-3.0, -0.5, 0.0, 0.7, 2.5]


def mean_of(function):
    return float(np.mean([function(x) for x in LOGITS]))


REAL = {
    "vanilla": lambda x: -math.log(1 / (1 + math.exp(-x))),
    "lsgan": lambda x: (x - 1) ** 2,
    "wgan": lambda x: -x,
    "wgan_softplus": lambda x: math.log(1 + math.exp(-x)),
    "hinge": lambda x: max(0, 1 - x),
}
FAKE = {
    "vanilla": lambda x: -math.log(1 - 1 / (1 + math.exp(-x))),
    "lsgan": lambda x: x**2,
    "wgan": lambda x: x,
    "wgan_softplus": lambda x: math.log(1 + math.exp(x)),
    "hinge": lambda x: max(0, 1 + x),
}


def logits():
    return torch.tensor(LOGITS).view(1, 1, 1, 5)


@pytest.mark.parametrize("kind", JUDGEMENTS)
def test_judgement_is_that_of_its_paper(kind):
    assert judgement_loss(kind, logits(), is_real=True).item() == pytest.approx(mean_of(REAL[kind]), rel=FLOAT32)
    assert judgement_loss(kind, logits(), is_real=False).item() == pytest.approx(mean_of(FAKE[kind]), rel=FLOAT32)


@pytest.mark.parametrize("kind", JUDGEMENTS)
def test_generator_wants_its_images_to_count_as_real(kind):
    """Hinge has no margin on the generator's side (Lim & Ye 2017)."""
    formula = (lambda x: -x) if kind == "hinge" else REAL[kind]
    assert realism_loss(kind, logits()).item() == pytest.approx(mean_of(formula), rel=FLOAT32)


@pytest.mark.parametrize("kind", JUDGEMENTS)
def test_losses_of_half_precision_logits_are_single(kind):
    assert judgement_loss(kind, logits().bfloat16(), is_real=True).dtype == torch.float32
    assert realism_loss(kind, logits().bfloat16()).dtype == torch.float32


def test_extreme_logits_cost_finitely():
    """The logistic loss is linear there, not the logarithm of 0."""
    extreme = torch.tensor([[[[-200.0, 200.0]]]])
    assert judgement_loss("vanilla", extreme, is_real=True).item() == pytest.approx(100, rel=FLOAT32)
    assert judgement_loss("wgan_softplus", extreme, is_real=False).item() == pytest.approx(100, rel=FLOAT32)


def test_objects_of_parts_add_up_to_those_of_the_whole():
    crops = torch.linspace(-2, 2, 20).view(5, 1, 2, 2)
    whole = object_loss(crops, is_real=True, n_crops=5)
    assert whole.item() == pytest.approx(judgement_loss("vanilla", crops, is_real=True).item(), rel=FLOAT32)
    parts = [object_loss(part, is_real=True, n_crops=5) for part in (crops[:2], crops[2:])]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=FLOAT32)


def test_no_object_costs_nothing_but_has_a_gradient():
    none = torch.zeros(0, 1, 2, 2, requires_grad=True)
    loss = object_loss(none, is_real=True, n_crops=0)
    assert loss.item() == 0
    assert loss.requires_grad

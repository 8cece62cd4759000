import pytest
import torch
from torch import nn

from ssr.losses.reconstruction import MEASURES
from ssr.losses.sharpening import sharpened
from ssr.losses.total import Term, TotalLoss
from tests.support.tolerances import FLOAT32

DATES = torch.zeros(1, 2, 3, 5, 5)


def images(side=20):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, side, side, generator=generator), torch.rand(1, 3, side, side, generator=generator)


def test_terms_are_weighted():
    image, truth = images()
    loss = TotalLoss({name: Term(weight, MEASURES[name]) for name, weight in {"l1": 0.4, "mse": 0.3}.items()})
    terms = loss(image, truth, DATES)
    assert loss.weights == {"l1": 0.4, "mse": 0.3}
    assert terms["l1"].item() == pytest.approx(0.4 * (image - truth).abs().mean().item(), rel=FLOAT32)
    assert terms["mse"].item() == pytest.approx(0.3 * (image - truth).square().mean().item(), rel=FLOAT32)


def test_each_term_sees_what_it_is_compared_with():
    image, truth = images()
    seen = {}

    def measure(name):
        return lambda a, b: seen.setdefault(name, (a, b))[0].sum()

    against = ("truth", "sharpened_truth", "dates")
    TotalLoss({name: Term(1.0, measure(name), name) for name in against})(image, truth, DATES)
    assert all(torch.equal(seen[name][0], image) for name in against)
    assert torch.equal(seen["truth"][1], truth)
    assert torch.equal(seen["sharpened_truth"][1], sharpened(truth))
    assert not torch.equal(sharpened(truth), truth)
    assert torch.equal(seen["dates"][1], DATES)


@pytest.mark.parametrize(("border_px", "expected"), [(0, 1 - (6 / 10) ** 2), (1, 1 - (6 / 8) ** 2), (2, 0.0), (3, 0.0)])
def test_border_is_left_out(border_px, expected):
    truth = torch.zeros(1, 3, 10, 10)
    image = torch.ones_like(truth)
    image[..., 2:-2, 2:-2] = 0
    loss = TotalLoss({"l1": Term(1.0, MEASURES["l1"])}, border_px=border_px)
    assert loss(image, truth, DATES)["l1"].item() == pytest.approx(expected, abs=FLOAT32)


def test_networks_among_the_measures_move_with_the_loss():
    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()), requires_grad=False)

        def forward(self, a, b):
            return (self.weight * (a - b)).abs().mean()

    loss = TotalLoss({"judge": Term(1.0, Judge())}).double()
    assert [p.dtype for p in loss.parameters()] == [torch.float64]

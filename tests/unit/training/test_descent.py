"""One network down its gradient: against the formulas of AdamW, clipping and averaging."""

import math

import pytest
import torch
from torch import nn

from ssr.training.descent import Descent
from ssr.training.schedule import Schedule
from tests.support.tolerances import FLOAT32
from tests.unit.training.runs import CPU

SCHEDULE = Schedule(kind="cosine", peak=1e-2, final=1e-4, n_steps=8, n_warmup_steps=3, milestones=(), gamma=1.0)


class Line(nn.Module):
    """w · x + b, with numbers that are easy to follow."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.register_buffer("n_seen", torch.zeros(()))

    def forward(self, x):
        self.n_seen += 1
        return x @ self.w + self.b


def new_descent(**changes):
    settings = {"betas": (0.9, 0.99), "weight_decay": 0.1, "ema_decay": 0.9, "max_gradient_norm": None}
    return Descent(Line(), compute=CPU, schedule=SCHEDULE, **(settings | changes))


def loss_of(network, step):
    x = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
    return (network(x) - x.sum(1)).square().mean()


def descended(descent, steps):
    for k in steps:
        descent.descend(loss_of(descent.network, k), k)
    return descent


@pytest.mark.parametrize("limit", [None, 0.4])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_adamw(weight_decay, limit):
    """Loshchilov & Hutter 2019, algorithm 2, with Pascanu et al. 2013's clipping by the norm of all gradients."""
    descent, followed = new_descent(weight_decay=weight_decay, max_gradient_norm=limit), Line()
    beta_1, beta_2 = 0.9, 0.99
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in followed.named_parameters()}
    for k in range(8):
        descent.descend(loss_of(descent.network, k), k)
        gradients = torch.autograd.grad(loss_of(followed, k), list(followed.parameters()))
        norm = math.sqrt(sum(g.square().sum().item() for g in gradients))
        share = min(1.0, limit / (norm + 1e-6)) if limit else 1.0
        rate = SCHEDULE.rate(k)
        with torch.no_grad():
            for (name, p), g in zip(followed.named_parameters(), gradients, strict=True):
                first, second = moments[name]
                first.lerp_(g * share, 1 - beta_1)
                second.lerp_((g * share).square(), 1 - beta_2)
                p.mul_(1 - rate * weight_decay)
                mean, square = first / (1 - beta_1 ** (k + 1)), second / (1 - beta_2 ** (k + 1))
                p.sub_(rate * mean / (square.sqrt() + 1e-8))
        for ours, theirs in zip(descent.network.parameters(), followed.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


def test_short_gradients_are_left_as_they_are():
    clipped, free = (descended(new_descent(max_gradient_norm=limit), range(3)) for limit in (1e9, None))
    for a, b in zip(clipped.network.parameters(), free.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


def test_gradients_do_not_add_up_over_steps():
    descent = descended(new_descent(), range(2))
    loss = loss_of(descent.network, 5)
    expected = torch.autograd.grad(loss, descent.network.w, retain_graph=True)[0]
    descent.descend(loss, 5)
    torch.testing.assert_close(descent.network.w.grad, expected)


def test_average_follows_with_its_decay():
    """min(0.9, (1 + k) / (10 + k)) after k updates."""
    descent = new_descent()
    mean = descent.network.w.detach().clone()
    for k in range(6):
        descended(descent, [k])
        decay = min(0.9, (2 + k) / (11 + k))
        mean = decay * mean + (1 - decay) * descent.network.w.detach()
        torch.testing.assert_close(descent.average.network.w, mean, atol=FLOAT32, rtol=0)
    assert descent.average.network.n_seen == descent.network.n_seen


def test_network_trains_and_its_average_does_not():
    descent = new_descent()
    assert descent.network.training
    assert not descent.average.network.training
    assert not any(p.requires_grad for p in descent.average.network.parameters())


@pytest.mark.parametrize("stop", [1, 3, 7])
def test_resumed_descent_equals_an_uninterrupted_one_bit_for_bit(stop, tmp_path):
    whole, half = descended(new_descent(), range(8)), descended(new_descent(), range(stop))
    torch.save(half.state_dict(), tmp_path / "state")
    resumed = new_descent()
    resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))  # noqa: TID251 - what a file keeps
    descended(resumed, range(stop, 8))
    for part in ("network", "average"):
        a, b = (descent.state_dict()[part] for descent in (whole, resumed))
        assert all(torch.equal(a[name], b[name]) for name in a)
    assert resumed.average.n_updates == whole.average.n_updates == 8
    assert resumed.optimiser.param_groups[0]["lr"] == SCHEDULE.rate(7)


def test_rate_is_that_of_the_schedule_not_of_the_state():
    """A run that is taken further may ask for another schedule."""
    descent = descended(new_descent(), range(3))
    other = Schedule(kind="multistep", peak=5e-3, final=0.0, n_steps=9, n_warmup_steps=0, milestones=(), gamma=1.0)
    resumed = Descent(
        Line(), compute=CPU, schedule=other, betas=(0.9, 0.99), weight_decay=0.0, ema_decay=0.9, max_gradient_norm=None
    )
    resumed.load_state_dict(descent.state_dict())
    descended(resumed, [3])
    assert resumed.optimiser.param_groups[0]["lr"] == 5e-3


def test_frozen_parameters_stay():
    network = Line()
    network.b.requires_grad_(False)
    descent = Descent(
        network, compute=CPU, schedule=SCHEDULE, betas=(0.9, 0.99), weight_decay=0.1, ema_decay=0.9,
        max_gradient_norm=1.0,
    )  # fmt: skip
    descended(descent, range(3))
    assert network.b == 0.3
    assert network.w[0] != 0.5

"""fp16: gradients are those of the plain loss, overflow skips a step and lowers the scale, and too much of it ends."""

import copy

import pytest
import torch
from torch import nn

from ssr.device import Compute
from ssr.errors import SSRError
from ssr.training.descent import Descent
from ssr.training.runfolder import RunFolder
from ssr.training.schedule import Schedule
from tests.support.scenes import FP32
from tests.support.tolerances import FLOAT32
from tests.unit.training.runs import Noise, new_step, run

FP16 = Compute(torch.device("cpu"), "fp16")
FIRST_SCALE = 65536.0
LARGEST = 65504.0
"""The largest number of half precision."""


class Weighted(nn.Module):
    """w · x in single precision, so that only the scale can overflow."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.5, -1.0, 2.0]))

    def forward(self, x):
        return (self.w * x).sum()


def new_descent(compute=FP16, **changes):
    schedule = Schedule(kind="multistep", peak=1e-2, final=0.0, n_steps=9, n_warmup_steps=0, milestones=(), gamma=1.0)
    settings = {"betas": (0.9, 0.99), "weight_decay": 0.1, "ema_decay": 0.9, "max_gradient_norm": None}
    return Descent(Weighted(), compute=compute, schedule=schedule, **(settings | changes))


@pytest.mark.parametrize("max_gradient_norm", [None, 0.3])
def test_steps_are_those_of_single_precision(max_gradient_norm):
    """A scale that is a power of two changes no digit; clipping sees the gradient without it."""
    half, single = (new_descent(compute, max_gradient_norm=max_gradient_norm) for compute in (FP16, FP32))
    for k in range(4):
        x = torch.randn(3, generator=torch.Generator().manual_seed(k))
        for descent in (half, single):
            descent.begin(k)
            descent.add_gradient(0.25 * descent.network(x))
            descent.add_gradient(0.75 * descent.network(x))
            descent.finish()
        torch.testing.assert_close(half.network.w.grad, single.network.w.grad, atol=FLOAT32, rtol=0)
        torch.testing.assert_close(half.network.w, single.network.w, atol=FLOAT32, rtol=0)


def test_an_overflow_moves_nothing_but_halves_the_scale():
    descent = new_descent(max_gradient_norm=1.0)
    descent.descend(descent.network(torch.ones(3)), 0)
    before = copy.deepcopy((descent.network.state_dict(), descent.optimiser.state_dict()["state"]))
    descent.descend(descent.network(torch.tensor([1e38, 1.0, 1.0])), 1)  # 65536 times that is infinite
    after = (descent.network.state_dict(), descent.optimiser.state_dict()["state"])
    assert torch.equal(before[0]["w"], after[0]["w"])
    assert before[1][0].keys() == after[1][0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    for name, value in before[1][0].items():
        assert torch.equal(value, after[1][0][name])
    assert descent.pace() == {"learning_rate": 1e-2, "loss_scale": FIRST_SCALE / 2}
    descent.descend(descent.network(torch.ones(3)), 2)
    assert not torch.equal(before[0]["w"], descent.network.w)


def test_one_part_that_overflows_skips_the_whole_step():
    descent = new_descent()
    descent.begin(0)
    for x in (torch.ones(3), torch.tensor([1.0, 1e38, 1.0]), torch.ones(3)):
        descent.add_gradient(descent.network(x) / 3)
    descent.finish()
    assert torch.equal(descent.network.w, Weighted().w)


def test_the_scale_doubles_after_many_good_steps():
    descent = new_descent()
    descent.scaler.set_growth_interval(3)
    scales = []
    for k in range(6):
        descent.descend(descent.network(torch.ones(3)), k)
        scales.append(descent.pace()["loss_scale"] / FIRST_SCALE)
    assert scales == [1, 1, 2, 2, 2, 4]


def test_a_gradient_that_overflows_at_any_scale_stops_the_run():
    descent = new_descent()
    x = torch.tensor([torch.inf, 1.0, 1.0])
    for k in range(16):  # 65536 is 2 to the power of 16
        descent.descend(descent.network(x), k)
    with pytest.raises(SSRError, match=r"gradients of Weighted overflow in fp16 .* multiplied by 1; use --precision"):
        descent.descend(descent.network(x), 16)


@pytest.mark.parametrize("compute", [FP32, Compute(torch.device("cpu"), "bf16")], ids=str)
def test_other_precisions_know_no_scale(compute):
    descent = new_descent(compute)
    descent.descend(descent.network(torch.ones(3)), 0)
    assert descent.pace() == {"learning_rate": 1e-2}
    assert "scaler" not in descent.state_dict()


def half_step(**arguments):
    step = new_step(**arguments)
    descent = step.descent
    descent.scaler = torch.amp.GradScaler("cpu")
    step.compute = FP16
    return step


def test_a_network_in_half_precision_learns_nearly_what_it_learns_in_single():
    """Losses within the rounding of half precision, 2 to the power of -11, times what six steps make of it."""
    half, single = half_step(), new_step()
    for k in range(6):
        losses = [step(Noise().batch(k), k)["loss"].item() for step in (half, single)]
        assert losses[0] == pytest.approx(losses[1], rel=5e-3)


def test_a_gradient_that_overflows_does_not_stop_the_run_but_a_loss_does(tmp_path):
    """The loss is finite where its scaled gradient is not."""

    def loud(step):
        measured = step.loss
        step.loss = lambda *images: {name: 1e4 * value for name, value in measured(*images).items()}
        return step

    folder = RunFolder(tmp_path, "run")
    step = loud(half_step())
    run(folder, step)
    assert step.pace()["loss_scale"] < FIRST_SCALE

    class TooBright(Noise):
        def batch(self, step, *shard):
            batch = super().batch(step, *shard)
            return batch._replace(low_res=batch.low_res * 10 * LARGEST) if step == 2 else batch

    with pytest.raises(SSRError, match=r"the loss is not finite at step 3"):
        run(RunFolder(tmp_path, "bright"), half_step(), source=TooBright())

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.models.srcnn import SRCNN
from ssr.training.descent import Descent
from ssr.training.regression import RegressionStep
from ssr.training.schedule import Schedule
from tests.support.scenes import BF16, tiny_rrdbnet
from tests.support.tolerances import FLOAT32
from tests.support.uniform import golden_parameter, uniform
from tests.unit.training.runs import CPU, Noise, new_step, pixel_loss

GOLDEN = Path(__file__).resolve().parents[2] / "golden"

RECORDED_LOSS = 1e-4
RECORDED_STEP = 2e-3
"""Relative to the size of a step, as golden/README.md says."""
RECORDED_RARE_STEP = 4e-3
"""For one value in ten thousand: Adam divides a gradient by its own size, so where it is next to nothing the order of a
processor's sums decides. With AMX one of 18,432 departs by 2.2e-3."""


def recorded_bytes(name: str, *shape: int) -> torch.Tensor:
    values = np.floor(256 * uniform(f"train/srcnn/{name}", int(np.prod(shape))))
    return torch.from_numpy(values.reshape(shape)).float() / 255


def test_three_steps_equal_those_of_the_original():
    recorded = np.load(GOLDEN / "train_srcnn.npz")
    network = SRCNN(n_features=16, dropout=0.0)
    names = list(network.state_dict())
    start = {n: golden_parameter(f"train/srcnn/{n}", network.state_dict()[n].shape) for n in names}
    network.load_state_dict(start)
    rate = 1e-3
    schedule = Schedule(
        kind="multistep", peak=rate, final=0.0, n_steps=10, n_warmup_steps=0, milestones=(400_000,), gamma=0.5
    )
    descent = Descent(
        network,
        compute=CPU,
        schedule=schedule,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        ema_decay=0.0,
        max_gradient_norm=None,
    )
    step = RegressionStep(descent, pixel_loss(l1=0.4, mse=0.3, ssim=0.3), compute=CPU)
    for k, expected in enumerate(json.loads(str(recorded["log"])), start=1):
        low_res = recorded_bytes(f"low_res{k}", 2, 8, 3, 12, 12)
        losses = step(Batch(low_res, recorded_bytes(f"high_res{k}", 2, 3, 48, 48), ("a", "b")), k - 1)
        for name, key, weight in (("l1", "mae", 0.4), ("mse", "mse", 0.3), ("ssim", "ssim", 0.3)):
            assert losses[name].item() == pytest.approx(weight * expected[key], rel=RECORDED_LOSS)
        assert losses["loss"].item() == pytest.approx(expected["tot_loss"], rel=RECORDED_LOSS)
    for name, tensor in network.state_dict().items():
        expected = torch.from_numpy(recorded[f"network/{name}"])
        departs = (tensor - expected).abs() / (3 * rate)
        assert (departs > RECORDED_STEP).sum() <= len(departs.flatten()) // 10_000, name
        assert departs.max() <= RECORDED_RARE_STEP, name


def test_loss_is_the_sum_of_its_terms():
    losses = new_step()(Noise().batch(0), 0)
    assert set(losses) == {"l1", "mse", "loss"}
    assert losses["loss"].item() == pytest.approx((losses["l1"] + losses["mse"]).item(), rel=FLOAT32)
    assert not losses["loss"].requires_grad


def test_repeated_steps_on_one_batch_descend():
    step, batch = new_step(n_steps=10, weight_decay=0.0), Noise().batch(0)
    losses = [step(batch, k)["loss"].item() for k in range(10)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("k", [0, 1, 3])
def test_rate_of_the_optimiser_is_that_of_the_schedule(k):
    step = new_step()
    step(Noise().batch(k), k)
    assert [group["lr"] for group in step.descent.optimiser.param_groups] == [step.descent.schedule.rate(k)]


def test_first_adam_step_moves_every_reached_parameter_by_its_rate():
    """Kingma & Ba 2015: bias correction makes the first step rate · g / (|g| + ε)."""
    step = new_step(weight_decay=0.0, max_gradient_norm=None)
    before = step.descent.network.to_pixels.bias.detach().clone()
    step(Noise().batch(0), 0)
    moved = (step.descent.network.to_pixels.bias.detach() - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, step.descent.schedule.rate(0)), rtol=1e-2, atol=0)


def test_gradient_is_cut_to_the_norm_asked_for():
    step = new_step(max_gradient_norm=1e-3)
    step(Noise().batch(0), 0)
    norm = torch.stack([p.grad.norm() for p in step.descent.network.parameters() if p.grad is not None]).norm().item()
    assert norm == pytest.approx(1e-3, rel=1e-3)


def test_bfloat16_leaves_weights_and_losses_in_single_precision():
    step = new_step()
    step.compute = Compute(torch.device("cpu"), "bf16")
    losses = step(Noise().batch(0), 0)
    assert losses["loss"].dtype == torch.float32
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in step.descent.network.parameters())


def test_state_survives_a_round_trip():
    step, batch = new_step(), Noise().batch(0)
    step(batch, 0)
    other = new_step()
    other.load_state_dict(step.state_dict())
    assert other.descent.average.n_updates == 1
    a, b = (s(batch, 1)["loss"].item() for s in (step, other))
    assert a == b


def test_state_of_a_step_does_not_change_when_it_goes_on():
    """What is to be written must not be what the next step overwrites while it is being compared."""
    step = new_step()
    state = {name: tensor.clone() for name, tensor in step.state_dict()["network"].items()}
    step(Noise().batch(0), 0)
    assert not all(torch.equal(tensor, step.descent.network.state_dict()[name]) for name, tensor in state.items())


@pytest.mark.parametrize("n_parts", [2, 5])
def test_batch_in_parts_has_the_gradients_of_the_whole(n_parts):
    whole, parted = (new_step(max_gradient_norm=None, n_parts=n) for n in (1, n_parts))
    a, b = (step(Noise().batch(0), 0) for step in (whole, parted))
    assert all(b[name].item() == pytest.approx(value.item(), rel=FLOAT32) for name, value in a.items())
    for p, q in zip(whole.descent.network.parameters(), parted.descent.network.parameters(), strict=True):
        if p.grad is not None:
            torch.testing.assert_close(q.grad, p.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("compute", [CPU, BF16], ids=str)
def test_blocks_that_are_computed_anew_give_the_same_step(compute):
    steps = [new_step(network=tiny_rrdbnet(n_blocks=2, scale=2), max_gradient_norm=None) for _ in range(2)]
    steps[1].descent.network.checkpoints_blocks = True
    for step in steps:
        step.compute = compute
    a, b = (step(Noise().batch(0), 0) for step in steps)
    assert a["loss"] == b["loss"]
    for p, q in zip(*(step.descent.network.parameters() for step in steps), strict=True):
        torch.testing.assert_close(q.grad, p.grad, atol=1e-7, rtol=1e-5)


def test_blocks_that_are_computed_anew_keep_less():
    """What autograd holds between the way there and the way back."""

    def n_kept(checkpoints_blocks):
        network = tiny_rrdbnet(n_blocks=4, scale=2)
        network.requires_grad_(True).checkpoints_blocks = checkpoints_blocks
        kept = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: kept.update({t.data_ptr(): t.numel()}) or t, lambda t: t
        ):
            image = network(Noise().batch(0).low_res)
        assert image.requires_grad
        return sum(kept.values())

    assert n_kept(True) < 0.5 * n_kept(False)

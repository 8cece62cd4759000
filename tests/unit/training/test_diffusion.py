"""Steps of diffusion: what the network is shown, what it is asked for, and that every draw belongs to its step."""

import pytest
import torch
import torch.nn.functional as F

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.losses.denoising import denoising_loss
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.schedule import Schedule
from tests.support.networks import tiny_sr3
from tests.support.tolerances import FLOAT32
from tests.unit.training.runs import CPU

pytest.importorskip("diffusers")


class Chips:
    """Two smooth chips a step, drawn from the step alone."""

    def batch(self, step):
        coarse = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(step))
        high_res = F.interpolate(coarse, scale_factor=4, mode="bilinear")
        low_res = F.avg_pool2d(high_res, 4).unsqueeze(1).repeat(1, 2, 1, 1, 1)
        return Batch(low_res, high_res, (f"chip-{step}-a", f"chip-{step}-b"))


def new_step(*, seed=0, p_no_condition=0.0, n_steps=6, network=None, compute=CPU, **arguments):
    schedule = Schedule(
        kind="multistep", peak=3e-3, final=0.0, n_steps=n_steps, n_warmup_steps=0, milestones=(), gamma=1.0
    )
    descent = Descent(
        network or tiny_sr3(is_tame=False, **arguments),
        compute=compute,
        schedule=schedule,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        ema_decay=0.9,
        max_gradient_norm=1.0,
    )
    return DiffusionStep(descent, compute=compute, p_no_condition=p_no_condition, seed=seed)


def shown(step, k, batch=None):
    """What the U-Net gets in one step: image and level."""
    seen = []
    handle = step.network.denoise_fn.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs))
    step(batch or Chips().batch(k), k)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("data_range", ["unit", "signed"])
@pytest.mark.parametrize("upsampling", ["nearest", "bicubic"])
def test_network_sees_dates_and_noisy_image_and_is_asked_for_the_noise(data_range, upsampling):
    """x = a · image + sqrt(1 - a²) · ε, both in the range of the images; ε found back has the loss that is reported."""
    step, batch, seen = new_step(data_range=data_range, upsampling=upsampling), Chips().batch(3), []
    step.network.denoise_fn.register_forward_hook(lambda _module, inputs, output: seen.append((*inputs, output)))
    losses = step(batch, 3)
    image, level, estimate = seen[0]
    assert set(losses) == {"loss"}
    a = level[:, None, None, None]
    clean = batch.high_res if data_range == "unit" else 2 * batch.high_res - 1
    noise = (image[:, 6:] - a * clean) / (1 - a**2).sqrt()
    assert losses["loss"].item() == pytest.approx(denoising_loss(estimate.detach(), noise).item(), rel=1e-3)
    assert abs(noise.mean().item()) < 0.15
    assert abs(noise.std().item() - 1) < 0.1
    torch.testing.assert_close(image[:, :6], step.network.condition(batch.low_res), atol=FLOAT32, rtol=0)
    assert not losses["loss"].requires_grad


def test_levels_are_within_the_schedule():
    step = new_step()
    least = step.network.schedule.signal_levels()[-1]
    levels = torch.cat([shown(step, k)[1] for k in range(5)])
    assert (levels >= least).all()
    assert (levels <= 1).all()
    assert len(levels.unique()) == 10


@pytest.mark.parametrize("data_range", ["unit", "signed"])
def test_images_that_see_no_dates_see_what_guidance_shows(data_range):
    """Black, in the range of the images."""
    step = new_step(p_no_condition=1.0, data_range=data_range)
    image, _ = shown(step, 0)
    assert torch.equal(image[:, :6], torch.full_like(image[:, :6], step.network.data_range[0]))


def test_share_of_images_without_dates():
    step = new_step(p_no_condition=0.5)
    blind = [not date.any() for k in range(20) for date in shown(step, k)[0][:, :6]]
    assert 8 <= sum(blind) <= 32  # 40 throws of a coin: beyond 3.8 standard errors otherwise


def test_same_step_draws_the_same_whatever_torch_drew_before():
    first = shown(new_step(), 4)
    torch.rand(7)
    second = shown(new_step(), 4)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("other", [{"seed": 1, "k": 4}, {"seed": 0, "k": 5}], ids=str)
def test_other_steps_and_seeds_draw_differently(other):
    batch = Chips().batch(0)
    first, second = shown(new_step(), 4, batch), shown(new_step(seed=other["seed"]), other["k"], batch)
    assert not torch.equal(first[1], second[1])


def test_generator_of_torch_is_left_alone():
    """Without dropout; with it the loop seeds every step."""
    step, state = new_step(), torch.random.get_rng_state()
    first = step(Chips().batch(0), 0)["loss"]
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    assert torch.equal(new_step()(Chips().batch(0), 0)["loss"], first)


def stepped(step, steps):
    for k in steps:
        torch.default_generator.manual_seed(k)  # for dropout
        step(Chips().batch(k), k)
    return step


@pytest.mark.parametrize("context", ["window", "local"])
def test_loss_falls(context):
    """From that of no estimate, about sqrt(2 / π), on chips that repeat."""
    step = new_step(context=context, n_steps=40)
    losses = [step(Chips().batch(k % 4), k)["loss"].item() for k in range(40)]
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])


def test_average_samples_images_after_training():
    step = new_step()
    for k in range(2):
        step(Chips().batch(k), k)
    with torch.no_grad():
        image = step.descent.average.network(Chips().batch(0).low_res)
        again = step.descent.average.network(Chips().batch(0).low_res)
    assert torch.equal(image, again)
    assert image.shape == (2, 3, 16, 16)


def test_bfloat16_leaves_weights_and_losses_in_single_precision():
    step = new_step(compute=Compute(torch.device("cpu"), "bf16"))
    losses = step(Chips().batch(0), 0)
    assert losses["loss"].dtype == torch.float32
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in step.network.parameters())


def test_every_parameter_is_trained():
    step = new_step()
    before = {name: p.detach().clone() for name, p in step.network.named_parameters()}
    for k in range(3):
        step(Chips().batch(k), k)
    assert [name for name, p in step.network.named_parameters() if torch.equal(p, before[name])] == []


def test_state_survives_a_round_trip():
    step, other = new_step(), new_step(network=tiny_sr3(is_tame=False, seed=3))
    for k in range(2):
        step(Chips().batch(k), k)
    other.load_state_dict(step.state_dict())
    a, b = (s(Chips().batch(2), 2)["loss"] for s in (step, other))
    assert torch.equal(a, b)

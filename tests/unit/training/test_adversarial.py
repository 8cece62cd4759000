"""Steps against a discriminator: those of the original, who sees what, who moves when, and what is kept."""

import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.functional import softplus

from ssr.data.pairs import Batch
from ssr.distributed import ALONE, Team
from ssr.errors import InputError
from ssr.losses.adversarial import JUDGEMENTS
from ssr.losses.reconstruction import MEASURES
from ssr.losses.sharpening import sharpened
from ssr.losses.total import Term, TotalLoss
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.training.adversarial import AdversarialStep, Judging, ObjectJudging
from ssr.training.descent import Descent
from ssr.training.objects import cut_out, draw_objects
from ssr.training.regression import RegressionStep
from ssr.training.schedule import Schedule
from tests.support.scenes import BF16
from tests.support.tolerances import FLOAT32
from tests.support.uniform import golden_parameter, uniform
from tests.unit.training.runs import CPU

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
RATE = 1e-3
RECORDED_LOSS = 1e-4
RECORDED_STEP = 2e-3
"""Relative to the size of a step, as golden/README.md says."""
AVERAGE = 2e-7
"""Of numbers below 1 in float32, of which three steps move the average by up to 6e-6."""


def recorded_bytes(name, *shape):
    values = np.floor(256 * uniform(f"train/{name}", int(np.prod(shape))))
    return torch.from_numpy(values.reshape(shape)).float() / 255


def recorded_start(network, prefix):
    """As golden/README.md says: uniform numbers, singular vectors for spectral norm."""
    state = network.state_dict()
    start = {
        n: golden_parameter(prefix + n, t.shape) for n, t in state.items() if not n.endswith(("weight_u", "weight_v"))
    }
    for name in [n for n in state if n.endswith("weight_u")]:
        weight = start[name.replace("weight_u", "weight_orig")].double().numpy()
        left, _, right = np.linalg.svd(weight.reshape(len(weight), -1), full_matrices=False)
        sign = np.sign(left[np.abs(left[:, 0]).argmax(), 0])
        start[name] = torch.from_numpy((left[:, 0] * sign).astype(np.float32))
        start[name.replace("weight_u", "weight_v")] = torch.from_numpy((right[0] * sign).astype(np.float32))
    network.load_state_dict(start)
    return network


def descent_of(network, *, rate=RATE, **changes):
    schedule = Schedule(
        kind="multistep", peak=rate, final=0.0, n_steps=10, n_warmup_steps=0, milestones=(400_000,), gamma=0.5
    )
    settings = {"betas": (0.9, 0.99), "weight_decay": 0.0, "ema_decay": None, "max_gradient_norm": None}
    return Descent(network, compute=CPU, schedule=schedule, **(settings | changes))


def published_loss():
    sharp = "sharpened_truth"
    return TotalLoss({"l1": Term(1.0, MEASURES["l1"], sharp), "ssim": Term(0.1, MEASURES["ssim"], sharp)})


def test_three_steps_equal_those_of_the_original():
    recorded = np.load(GOLDEN / "train_esrgan.npz")
    generator = recorded_start(RRDBNet(n_features=8, n_blocks=1, n_growth=4), "train/g/")
    judge = recorded_start(UNetDiscriminatorSN(n_channels=27, n_features=4), "train/d/")
    descent = descent_of(generator, ema_decay=0.999, ema_warms_up=False)
    step = AdversarialStep(descent, descent_of(judge), published_loss(), Judging(), compute=CPU, seed=0)
    ours = {
        "l1": "l_g_pix", "ssim": "l_g_ssim", "realism": "l_g_gan", "d_real": "l_d_real", "d_fake": "l_d_fake",
        "d_logit_real": "out_d_real", "d_logit_fake": "out_d_fake",
    }  # fmt: skip
    for k, expected in enumerate(json.loads(str(recorded["log"])), start=1):
        low_res = recorded_bytes(f"low_res{k}", 2, 24, 16, 16).unflatten(1, (8, 3))
        high_res = recorded_bytes(f"high_res{k}", 2, 3, 64, 64)
        losses = step(Batch(low_res, high_res, ("a", "b")), k - 1)
        for name, theirs in ours.items():
            assert losses[name].item() == pytest.approx(expected[theirs], rel=RECORDED_LOSS)
    for prefix, network, tolerance in (
        ("generator", generator, RECORDED_STEP * RATE),
        ("discriminator", judge, RECORDED_STEP * RATE),
        ("ema", descent.average.network, AVERAGE),
    ):
        for name, tensor in network.state_dict().items():
            expected = torch.from_numpy(recorded[f"{prefix}/{name}"])
            torch.testing.assert_close(tensor, expected, atol=tolerance, rtol=0, msg=f"{prefix} {name}")


class Chips:
    """Two chips a step, drawn from the step alone, with older images and objects."""

    def batch(self, step, *, side=8, objects=(((0, 0, 9, 7), (4, 8, 20, 32)), ((30, 30, 32, 32),))):
        generator = torch.Generator().manual_seed(step)
        high_res = torch.rand(2, 3, 4 * side, 4 * side, generator=generator)
        low_res = torch.rand(2, 2, 3, side, side, generator=generator)
        old = torch.rand(2, 3, 4 * side, 4 * side, generator=generator)
        return Batch(low_res, high_res, ("a", "b"), old, objects)


ALL = {"sees_old_high_res": True, "objects": ObjectJudging(weight=0.3, n_objects=2)}


def new_step(*, compute=CPU, n_parts=1, network=None, clips_logits=False, rate=RATE, **judging):
    rules = Judging(**judging)
    n_channels = 3 + 6 * rules.sees_low_res + 3 * rules.sees_old_high_res
    judge = UNetDiscriminatorSN(
        n_channels=n_channels,
        n_features=4,
        judges_objects=rules.objects is not None,
        clips_object_logits=clips_logits,
    )
    recorded_start(judge, "train/d/")  # spectral norm at rest: more turns change nothing
    generator = network or recorded_start(RRDBNet(n_revisits=2, n_features=8, n_blocks=1, n_growth=4), "train/g/")
    average = {"ema_decay": 0.9, "rate": rate}
    return AdversarialStep(
        descent_of(generator, **average),
        descent_of(judge, rate=rate),
        published_loss(),
        rules,
        compute=compute,
        seed=0,
        n_parts=n_parts,
    )


def states(step):
    return copy.deepcopy((step.generator.network.state_dict(), step.judge.state_dict()))


def is_same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_loss_is_the_sum_of_what_the_generator_minimises():
    losses = new_step(**ALL)(Chips().batch(0), 0)
    total = sum(losses[name].item() for name in ("l1", "ssim", "realism", "realism_objects"))
    assert losses["loss"].item() == pytest.approx(total, rel=FLOAT32)
    assert not any(value.requires_grad for value in losses.values())


def test_discriminator_sees_image_dates_and_older_image_first_generated_then_real_then_generated():
    step, batch, seen = new_step(sees_old_high_res=True), Chips().batch(0), []
    step.judge.register_forward_pre_hook(
        lambda network, inputs: seen.append((inputs[0].detach().clone(), network.conv0.weight.requires_grad))
    )
    with torch.no_grad():
        fake = step.generator.network(batch.low_res)
    step(batch, 0)
    enlarged = batch.low_res.flatten(1, 2).repeat_interleave(4, -1).repeat_interleave(4, -2)
    shown = [torch.cat([image, enlarged, batch.old_high_res], 1) for image in (fake, batch.high_res, fake)]
    for (image, _), expected in zip(seen, shown, strict=True):
        torch.testing.assert_close(image, expected, atol=FLOAT32, rtol=0)
    assert [learns for _, learns in seen] == [False, True, True]


@pytest.mark.parametrize("sharpens", [False, True])
def test_real_images_are_sharpened_only_when_asked(sharpens):
    step, batch, seen = new_step(sees_low_res=False, sharpens_target=sharpens), Chips().batch(0), []
    step.judge.register_forward_pre_hook(lambda _network, inputs: seen.append(inputs[0].detach().clone()))
    step(batch, 0)
    assert torch.equal(seen[1], sharpened(batch.high_res) if sharpens else batch.high_res)


def test_gradient_of_the_generator_is_that_of_its_own_loss():
    """Neither the discriminator's turn nor earlier steps leave anything in it, and it keeps what it was given."""
    step, batch = new_step(**ALL), Chips().batch(0)
    generator, judge = copy.deepcopy(step.generator.network), copy.deepcopy(step.judge)
    fake = generator(batch.low_res)
    seen = torch.cat([fake, torch.nn.functional.interpolate(batch.low_res.flatten(1, 2), scale_factor=4)], 1)
    logits = judge(torch.cat([seen, batch.old_high_res], 1))
    crops = judge.judge_objects(cut_out(fake, batch.objects))
    loss = sum(published_loss()(fake, batch.high_res, batch.low_res).values())
    loss = loss + 0.1 * softplus(-logits).mean() + 0.03 * softplus(-crops).mean()
    expected = torch.autograd.grad(loss, list(generator.parameters()))
    step(batch, 0)
    for p, gradient in zip(step.generator.network.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient, atol=1e-6, rtol=1e-4)


def test_gradient_of_the_discriminator_is_that_of_its_own_loss():
    step, batch = new_step(sees_low_res=False, kind="lsgan"), Chips().batch(0)
    judge = copy.deepcopy(step.judge)
    with torch.no_grad():
        fake = step.generator.network(batch.low_res)
    loss = (judge(batch.high_res) - 1).square().mean() + judge(fake).square().mean()
    expected = torch.autograd.grad(loss, list(judge.parameters()))
    step(batch, 0)
    for p, gradient in zip(step.judge.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient, atol=1e-6, rtol=1e-4)


def test_first_steps_are_regression_where_asked():
    step, batch = new_step(n_regression_steps=2), Chips().batch(0)
    plain = RegressionStep(
        descent_of(copy.deepcopy(step.generator.network), ema_decay=0.9), published_loss(), compute=CPU
    )
    before = states(step)[1]
    for k in range(2):
        ours, theirs = step(batch, k), plain(batch, k)
        assert set(ours) == {"l1", "ssim", "loss"}
        assert ours["loss"] == theirs["loss"]
    assert is_same(plain.descent.network.state_dict(), states(step)[0])
    assert is_same(before, states(step)[1])
    assert "realism" in step(batch, 2)
    assert not is_same(before, states(step)[1])


@pytest.mark.parametrize(
    ("rules", "moved"),
    [
        ({}, [True] * 6),
        ({"n_warmup_steps": 2}, [False, False, True, True, True, True]),
        ({"n_steps_between": 3}, [False, False, True, False, False, True]),
        ({"n_warmup_steps": 2, "n_steps_between": 2}, [False, False, False, True, False, True]),
        ({"n_regression_steps": 1, "n_warmup_steps": 2}, [True, False, False, True, True, True]),
    ],
    ids=str,
)
def test_generator_moves_when_it_is_its_turn(rules, moved):
    """As `net_d_init_iters` and `net_d_iters` of BasicSR, whose steps count from 1."""
    step = new_step(**rules)
    found = []
    for k in range(6):
        before = states(step)
        losses = step(Chips().batch(k), k)
        found.append(not is_same(before[0], states(step)[0]))
        is_judged = k >= rules.get("n_regression_steps", 0)
        assert is_same(before[1], states(step)[1]) is not is_judged
        assert ("realism" in losses) is (found[-1] and is_judged)
        assert losses["loss"].isfinite()
        assert step.generator.average.n_updates == k + 1
    assert found == moved


def test_crops_are_the_boxes_resized():
    images = torch.zeros(2, 3, 64, 64)
    images[0, :, 10:20, 30:50], images[1, 0, :, 32:] = 0.7, 1.0
    crops = cut_out(images, (((30, 10, 50, 20),), ((0, 0, 64, 64), (32, 0, 40, 8))))
    assert crops.shape == (3, 3, 32, 32)
    torch.testing.assert_close(crops[0], torch.full((3, 32, 32), 0.7))
    torch.testing.assert_close(crops[1], images[1][:, ::2, ::2])
    torch.testing.assert_close(crops[2, 0], torch.ones(32, 32))


def test_objects_drawn_do_not_depend_on_who_else_is_in_the_batch():
    boxes = tuple((k, k, k + 4, k + 4) for k in range(20))
    batch = Chips().batch(0, objects=(boxes, boxes))
    both = draw_objects(batch, 3, seed=1, step=2)
    alone = draw_objects(batch._replace(names=("b",), objects=(boxes,)), 3, seed=1, step=2)
    assert alone.objects == both.objects[1:]
    assert both.objects[0] != both.objects[1]
    assert all(len(set(own)) == 3 and set(own) <= set(boxes) for own in both.objects)


def test_every_object_is_drawn_as_often():
    boxes = tuple((k, 0, k + 4, 4) for k in range(4))
    batch = Chips().batch(0, objects=(boxes, ()))
    drawn = [draw_objects(batch, 1, seed=0, step=k).objects[0][0][0] for k in range(2000)]
    for k in range(4):
        assert abs(drawn.count(k) / 2000 - 0.25) < 5 * (0.25 * 0.75 / 2000) ** 0.5


def judged_crops(step, batch, k=0):
    seen = []
    handle = step.judge.o_conv1.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].detach().clone()))
    losses = step(batch, k)
    handle.remove()
    return seen, losses


def test_objects_drawn_are_as_many_as_asked_for_or_all_there_are():
    boxes = (tuple((k, k, k + 4, k + 4) for k in range(5)), ((1, 1, 9, 9),))
    batch = Chips().batch(0, objects=boxes)
    step = new_step(objects=ObjectJudging(weight=0.3, n_objects=3))
    (fake, real, again), _ = judged_crops(step, batch)
    assert len(fake) == len(real) == 4
    assert torch.equal(fake, again)
    among = cut_out(batch.high_res, boxes)
    assert all(any(torch.equal(crop, one) for one in among) for crop in real)
    same = judged_crops(new_step(objects=ObjectJudging(weight=0.3, n_objects=3)), batch)[0][1]
    assert torch.equal(same, real)
    draws = [judged_crops(new_step(objects=ObjectJudging(weight=0.3)), batch, k)[0][1][0] for k in range(8)]
    assert any(not torch.equal(draw, draws[0]) for draw in draws)


@pytest.mark.parametrize("labels_fakes_as_real", [False, True])
def test_generated_crops_count_as_real_for_the_discriminator_only_when_asked(labels_fakes_as_real):
    objects = ObjectJudging(weight=0.3, n_objects=2, labels_fakes_as_real=labels_fakes_as_real)
    step, batch = new_step(objects=objects), Chips().batch(0)
    judge = copy.deepcopy(step.judge)
    (fake, real, _), losses = judged_crops(step, batch)
    with torch.no_grad():
        wrong = softplus(-judge.judge_objects(fake) if labels_fakes_as_real else judge.judge_objects(fake))
        right = softplus(-judge.judge_objects(real))
    assert losses["d_objects_fake"].item() == pytest.approx(0.3 * wrong.mean().item(), rel=10 * FLOAT32)
    assert losses["d_objects_real"].item() == pytest.approx(0.3 * right.mean().item(), rel=10 * FLOAT32)
    assert losses["realism_objects"].item() == pytest.approx(
        0.1 * 0.3 * softplus(-judge.judge_objects(fake)).mean().item(), rel=10 * FLOAT32
    )


def test_images_without_objects_leave_the_branch_a_gradient_of_nothing():
    """Processes of a team average the same parameters, whether their images have objects or not."""
    step = new_step(objects=ObjectJudging(weight=0.3))
    losses = step(Chips().batch(0, objects=((), ())), 0)
    assert losses["realism_objects"] == losses["d_objects_real"] == losses["d_objects_fake"] == 0
    assert all(p.grad is not None for p in step.judge.parameters())


@pytest.mark.parametrize("kind", JUDGEMENTS)
def test_every_kind_moves_both(kind):
    step = new_step(kind=kind)
    before = states(step)
    losses = step(Chips().batch(0), 0)
    assert all(value.isfinite() for value in losses.values())
    assert not is_same(before[0], states(step)[0])
    assert not is_same(before[1], states(step)[1])


def test_discriminator_learns_to_tell_images_apart():
    step = new_step(rate=3e-3, sees_low_res=False, n_warmup_steps=40)
    losses = [step(Chips().batch(0), k) for k in range(40)]
    assert losses[-1]["d_real"] + losses[-1]["d_fake"] < 0.5 * (losses[0]["d_real"] + losses[0]["d_fake"])
    assert losses[-1]["d_logit_real"] > losses[-1]["d_logit_fake"]


def test_batch_in_parts_has_the_gradients_of_the_whole():
    """Also of parts with unlike numbers of objects."""
    whole, parted = (new_step(n_parts=n, **ALL) for n in (1, 2))
    a, b = (step(Chips().batch(0), 0) for step in (whole, parted))
    assert set(a) == set(b)
    for name, value in a.items():
        assert b[name].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-6)
    for step_of in (lambda step: step.generator.network, lambda step: step.judge):
        for p, q in zip(step_of(whole).parameters(), step_of(parted).parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, atol=1e-5, rtol=1e-3)


def in_team(rank, n_ranks, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=n_ranks)
    torch.save(gradients_of(Team(rank, n_ranks)), f"{folder}/{rank}.pt")
    dist.barrier()
    os._exit(0)  # taking a gloo group down aborts the process now and then


def gradients_of(team):
    """After one step on this process's share of three chips, one of them without objects."""
    step, batch = new_step(**ALL), Chips().batch(0)
    step.generator.team = step.discriminator.team = team
    objects = (((0, 0, 9, 7), (4, 8, 20, 32), (1, 1, 9, 9)), (), ((3, 3, 30, 30),))
    whole = Batch(
        *(torch.cat([x, x[:1].flip(-1)]) for x in batch[:2]), ("a", "b", "c"), batch.old_high_res[[0, 1, 0]], objects
    )
    mine = slice(0, 2) if team.rank == 0 else slice(2, 3)
    mine = mine if team.n_ranks > 1 else slice(0, 3)
    step(whole._replace(**{name: getattr(whole, name)[mine] for name in whole._fields}), 0)
    return [p.grad for n in (step.generator.network, step.judge) for p in n.parameters()]


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path):
    """Of unlike numbers of images and objects."""
    mp.spawn(in_team, args=(2, str(tmp_path)), nprocs=2)
    expected = gradients_of(ALONE)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)  # noqa: TID251 - a file this test has made
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-3)


def test_bfloat16_leaves_weights_and_losses_in_single_precision():
    step = new_step(compute=BF16, **ALL)
    single = new_step(**ALL)(Chips().batch(0), 0)
    losses = step(Chips().batch(0), 0)
    for name, value in losses.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(single[name].item(), rel=0.03, abs=0.02)
    assert all(
        p.dtype == torch.float32 and p.isfinite().all()
        for n in (step.generator, step.discriminator)
        for p in n.network.parameters()
    )


def test_state_has_the_layout_of_runs_on_disk():
    state = new_step().state_dict()
    assert set(state) == {"network", "average", "n_updates", "optimiser", "discriminator"}
    assert set(state["discriminator"]) == {"network", "optimiser"}


def test_size_that_the_discriminator_cannot_judge_is_refused():
    with pytest.raises(InputError, match="a: is 36×36 pixels; a discriminator takes multiples of 8"):
        new_step()(Chips().batch(0, side=9), 0)

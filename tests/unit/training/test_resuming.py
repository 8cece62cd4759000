"""A run that is stopped after any of its steps and taken up by another process: is it the run in one piece?"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch

from ssr.checkpoints.files import read_training_state, read_weights
from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.device import Compute
from ssr.losses.reconstruction import MEASURES
from ssr.losses.total import Term, TotalLoss
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.srcnn import SRCNN
from ssr.training.adversarial import AdversarialStep, Judging, ObjectJudging
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.logbook import Logbook, Table
from ssr.training.loop import Rhythm, run_loop
from ssr.training.regression import RegressionStep
from ssr.training.runfolder import RunFolder
from ssr.training.schedule import Schedule
from ssr.training.step import TrainingStep
from ssr.training.stopping import Stop
from tests.support.networks import from_seed, tiny_sr3
from tests.support.scenes import FP32

N_STEPS = 6
FP16 = Compute(torch.device("cpu"), "fp16")
OVERFLOWING = 4.0
"""A weight of the loss with which some of the first gradients overflow at the scale that every run begins with."""


class Chips:
    """Two chips a step, drawn from the step alone, with objects."""

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        generator = torch.Generator().manual_seed(step)
        high_res = torch.rand(2, 3, 16, 16, generator=generator)
        low_res = torch.rand(2, 2, 3, 4, 4, generator=generator)
        boxes = (((0, 0, 9, 7), (4, 8, 12, 16)), ((14, 14, 16, 16),))
        return Batch(low_res, high_res, ("a", "b"), None, boxes)


def descent(network: torch.nn.Module, compute: Compute, *, ema_decay: float | None = 0.9) -> Descent:
    schedule = Schedule(
        kind="cosine", peak=3e-3, final=1e-4, n_steps=N_STEPS, n_warmup_steps=2, milestones=(), gamma=1.0
    )
    return Descent(
        network,
        compute=compute,
        schedule=schedule,
        betas=(0.9, 0.99),
        weight_decay=1e-3,
        ema_decay=ema_decay,
        max_gradient_norm=0.5,
    )


def generator(seed: int) -> SRCNN:
    """With dropout, so that what torch itself draws matters."""
    return from_seed(lambda: SRCNN(n_revisits=2, n_features=16, dropout=0.3), seed)


def regression(seed: int, compute: Compute = FP32, *, n_parts: int = 1, weight: float = 1.0) -> TrainingStep:
    loss = TotalLoss({"l1": Term(weight, MEASURES["l1"]), "mse": Term(weight, MEASURES["mse"])})
    return RegressionStep(descent(generator(seed), compute), loss, compute=compute, n_parts=n_parts)


def adversarial(seed: int, compute: Compute = FP32, *, n_parts: int = 1, weight: float = 1.0) -> TrainingStep:
    """One step of regression, one of the discriminator alone, then the generator at every second."""
    objects = ObjectJudging(weight=0.3, n_objects=1) if compute is FP32 else None  # in fp16 processors are slow
    judging = Judging(n_regression_steps=1, n_warmup_steps=1, n_steps_between=2, objects=objects)
    judge = from_seed(lambda: UNetDiscriminatorSN(n_channels=9, n_features=4, judges_objects=objects is not None), seed)
    return AdversarialStep(
        descent(generator(seed), compute),
        descent(judge, compute, ema_decay=None),
        TotalLoss({"l1": Term(weight, MEASURES["l1"])}),
        judging,
        compute=compute,
        seed=0,
        n_parts=n_parts,
    )


def diffusion(seed: int, compute: Compute = FP32) -> TrainingStep:
    network = from_seed(lambda: tiny_sr3(is_tame=False, dropout=0.3), seed)
    return DiffusionStep(descent(network, compute), compute=compute, p_no_condition=0.3, seed=0)


KINDS: dict[str, Callable[[int], TrainingStep]] = {
    "regression": regression,
    "regression in parts": lambda seed: regression(seed, n_parts=2),
    "regression in fp16": lambda seed: regression(seed, FP16, weight=OVERFLOWING),
    "adversarial": adversarial,
    "adversarial in parts": lambda seed: adversarial(seed, n_parts=2),
    "adversarial in fp16": lambda seed: adversarial(seed, FP16, n_parts=2, weight=2 * OVERFLOWING),
    "diffusion": diffusion,
    "diffusion in fp16": lambda seed: diffusion(seed, FP16),
}


def run(folder: RunFolder, step: TrainingStep, *, n_done: int = 0, stop_after: int | None = None) -> None:
    stop = Stop()

    def progress(done: int, _losses: dict[str, float]) -> None:
        if stop_after is not None and done == stop_after - 1:
            stop.ask(15, None)  # heard at the end of the next step, as a signal is

    if stop_after == 1:
        stop.ask(15, None)
    end = run_loop(
        step,
        Chips(),
        folder=folder,
        n_done=n_done,
        rhythm=Rhythm(n_steps=N_STEPS, log_every=1, checkpoint_every=100, validate_every=100),
        validate=None,
        progress=progress,
        recorders=[Logbook(folder.path, n_done=n_done), Table(folder.path, n_done=n_done)],
        stop=stop,
    )
    assert end.n_done == (stop_after or N_STEPS)


def left_by(folder: RunFolder) -> dict[str, Any]:
    """All that a run leaves: weights, state, log."""
    log = [json.loads(line) for line in (folder.path / "log.jsonl").read_text().splitlines()]
    return {
        "weights": {path.name: torch.load(path, weights_only=True) for path in folder.models.glob("*_latest.pth")},  # noqa: TID251 - as others will read it
        "state": read_training_state(folder.states / f"{N_STEPS}.state"),
        "log": [{name: value for name, value in line.items() if name != "seconds"} for line in log],
        "table": (folder.path / "log.csv").read_text(),
    }


@pytest.fixture(scope="module")
def in_one_piece(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    @cache
    def left(kind: str) -> dict[str, Any]:
        torch.set_num_threads(1)
        folder = RunFolder(tmp_path_factory.mktemp("whole"), "run")
        run(folder, KINDS[kind](0))
        return left_by(folder)

    return left


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """To the bit, whatever is nested in what."""
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for k, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{where}/{k}")
    else:
        assert a == b, where


@pytest.mark.parametrize("stop_after", range(1, N_STEPS))
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_after_any_step_and_resumed_a_run_equals_one_in_a_piece(kind, stop_after, in_one_piece, tmp_path):
    folder = RunFolder(tmp_path, "run")
    run(folder, KINDS[kind](0), stop_after=stop_after)
    torch.rand(7)  # whatever else draws in between
    resumed = KINDS[kind](1)
    n_done = folder.resume(folder.newest_state(), resumed)
    assert n_done == stop_after
    run(folder, resumed, n_done=n_done)
    assert_same(left_by(folder), in_one_piece(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_compared_is_all_that_a_step_holds(kind, in_one_piece):
    whole = in_one_piece(kind)
    assert [line["step"] for line in whole["log"]] == list(range(1, N_STEPS + 1))
    state = whole["state"]["step"]
    parts = {"network", "average", "n_updates", "optimiser"} | ({"scaler"} if "fp16" in kind else set())
    if "adversarial" in kind:
        assert set(state["discriminator"]) == parts - {"average", "n_updates"}
        assert {"net_g_latest.pth", "net_d_latest.pth"} == set(whole["weights"])
        assert ["d_real" in line for line in whole["log"]] == [False, *[True] * 5]
        assert ["realism" in line for line in whole["log"]] == [False, False, True, False, True, False]
        parts |= {"discriminator"}
    assert set(state) == parts
    if kind in ("regression in fp16", "adversarial in fp16"):
        scales = [line["loss_scale"] for line in whole["log"]]
        assert scales[0] < 65536, "no gradient has overflowed, so nothing was skipped"
        assert scales[-1] == scales[3], "every gradient has overflowed, so nothing was learnt"


def test_a_state_of_single_precision_goes_on_in_half_and_the_other_way_round(tmp_path):
    folder = RunFolder(tmp_path, "run")
    for n_done, compute in ((0, FP32), (2, FP16), (4, FP32)):
        step = regression(0, compute)
        assert n_done == 0 or folder.resume(folder.newest_state(), step) == n_done
        run(folder, step, n_done=n_done, stop_after=n_done + 2 if n_done < 4 else None)
        weights = read_weights(folder.models / "net_g_latest.pth", key="params")
        assert all(tensor.isfinite().all() for tensor in weights.values())

"""Runs of a few steps: what they leave on disk, how they resume, how they stop."""

import json
from itertools import pairwise

import pytest
import torch

from ssr.checkpoints.files import read_training_state, read_weights, write_torch
from ssr.data.pairs import WHOLE
from ssr.errors import SSRError, WeightsError
from ssr.models.datefusion import DateFusion
from ssr.models.srcnn import SRCNN
from ssr.training.recorder import Validation
from ssr.training.runfolder import RunFolder
from tests.support.tolerances import FLOAT32
from tests.unit.training.runs import Noise, NoiseWithHole, new_step, run


def log_of(folder, event="train"):
    lines = [json.loads(line) for line in (folder.path / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def same_state(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.values(), b.values(), strict=True))


def test_weights_lie_in_the_published_layout(tmp_path):
    folder, step = RunFolder(tmp_path, "run"), new_step()
    run(folder, step, n_steps=5, checkpoint_every=2)
    assert sorted(p.name for p in folder.models.iterdir()) == ["net_g_2.pth", "net_g_4.pth", "net_g_latest.pth"]
    assert sorted(p.name for p in folder.states.iterdir()) == ["2.state", "4.state", "5.state"]
    content = torch.load(folder.models / "net_g_latest.pth", weights_only=True)  # noqa: TID251 - as others will read it
    assert set(content) == {"params", "params_ema"}
    assert same_state(content["params"], step.descent.network.state_dict())
    assert same_state(content["params_ema"], step.descent.average.network.state_dict())
    assert not same_state(content["params"], content["params_ema"])


@pytest.mark.parametrize(("labels", "newest"), [((2, 10, 9), "10.state"), ((), None)])
def test_newest_state_is_that_of_the_most_steps(labels, newest, tmp_path):
    folder, step = RunFolder(tmp_path, "run"), new_step()
    for label in labels:
        folder.write(label, step, is_last=False)
    found = folder.newest_state()
    assert (found.name if found else None) == newest


def test_finished_run_can_be_taken_further(tmp_path):
    folder = RunFolder(tmp_path, "run")
    run(folder, new_step(), n_steps=3)
    assert folder.newest_state() is not None
    assert folder.resume(folder.newest_state(), new_step()) == 3


def test_resuming_beyond_the_end_is_refused_and_keeps_what_was_done(tmp_path):
    folder, step = RunFolder(tmp_path, "run"), new_step()
    run(folder, step, n_steps=4)
    with pytest.raises(SSRError, match="4 steps are done already, 2 are wanted"):
        run(folder, step, n_done=4, n_steps=2)
    assert folder.resume(folder.newest_state(), new_step()) == 4


def test_loss_that_is_not_finite_stops_the_run_with_its_step_and_chips(tmp_path):
    folder = RunFolder(tmp_path, "run")
    with pytest.raises(SSRError, match=r"not finite at step 3 .*chip-2-a, chip-2-b; saved .*dump_step_3\.pth"):
        run(folder, new_step(), source=NoiseWithHole(), checkpoint_every=1)
    dump = read_training_state(folder.path / "dump_step_3.pth")
    assert dump["batch"]["names"] == ["chip-2-a", "chip-2-b"]
    assert folder.newest_state().name == "2.state"
    assert not (folder.models / "net_g_latest.pth").exists()
    assert all(t.isfinite().all() for t in read_weights(folder.models / "net_g_2.pth").values())


@pytest.mark.parametrize(
    ("n_done", "log_every", "n_steps"), [(0, 2, 6), (0, 4, 6), (1, 4, 6), (3, 4, 6), (3, 5, 7), (5, 4, 6)]
)
def test_logged_losses_are_means_since_the_last_line(n_done, log_every, n_steps, tmp_path):
    folder, step, seen = RunFolder(tmp_path, "run"), new_step(n_steps=n_steps), []

    class Recorded:
        def __call__(self, batch, k):
            losses = step(batch, k)
            seen.append(losses["loss"].item())
            return losses

        def pace(self):
            return step.pace()

        def state_dict(self):
            return step.state_dict()

        def load_state_dict(self, state):
            step.load_state_dict(state)

    run(folder, Recorded(), n_done=n_done, n_steps=n_steps, log_every=log_every)
    lines = log_of(folder)
    edges = [n_done, *(k for k in range(n_done + 1, n_steps + 1) if k % log_every == 0 or k == n_steps)]
    assert [line["step"] for line in lines] == edges[1:]
    for line, (start, stop) in zip(lines, pairwise(edges), strict=True):
        mean = sum(seen[start - n_done : stop - n_done]) / (stop - start)
        assert line["loss"] == pytest.approx(mean, rel=FLOAT32)
        assert line["loss"] == pytest.approx(line["l1"] + line["mse"], rel=FLOAT32)


def test_validation_is_on_time_and_its_last_figures_are_returned(tmp_path):
    folder, calls = RunFolder(tmp_path, "run"), []

    def validate():
        calls.append(len(calls))
        return Validation({"psnr": float(len(calls))})

    figures = run(folder, new_step(), n_steps=5, validate_every=2, validate=validate)
    assert figures == {"psnr": 3.0}
    assert [line["step"] for line in log_of(folder, "validation")] == [2, 4, 5]


def test_progress_is_told_of_every_step(tmp_path):
    told = []
    run(RunFolder(tmp_path, "run"), new_step(), n_steps=3, log_every=2, progress=lambda k, m: told.append((k, bool(m))))
    assert told == [(1, False), (2, True), (3, True)]


def test_batches_are_asked_for_by_step(tmp_path):
    asked = []

    class Asked(Noise):
        def batch(self, step, shard=WHOLE):
            asked.append(step)
            return super().batch(step, shard)

    run(RunFolder(tmp_path, "run"), new_step(), n_done=2, n_steps=5, source=Asked())
    assert asked == [2, 3, 4]


@pytest.mark.parametrize(
    "content",
    [
        {"epoch": 1, "iter": 2, "optimizers": [], "schedulers": []},
        {"iter": 2, "step": {}},
        {"iter": 2, "step": {"network": {}, "average": {}, "n_updates": 1, "optimiser": {}}},
        {"iter": 2, "step": 5},
    ],
    ids=["of the original", "empty", "without tensors", "a number"],
)
def test_other_states_are_refused_by_name(content, tmp_path):
    path = tmp_path / "2.state"
    write_torch(path, content)
    with pytest.raises(WeightsError, match=r"2\.state"):
        RunFolder(tmp_path, "run").resume(path, new_step())


def test_state_of_another_network_is_refused_by_name(tmp_path):
    folder = RunFolder(tmp_path, "run")
    folder.write(1, new_step(), is_last=False)
    wider = new_step(network=DateFusion(n_features=8, n_date_features=4, n_blocks=1, scale=2))
    with pytest.raises(WeightsError, match=r"1\.state.*another network"):
        folder.resume(folder.newest_state(), wider)


class Scripted:
    """A step whose losses are given."""

    def __init__(self, losses):
        self.losses = losses

    def __call__(self, _batch, k):
        return {"loss": torch.tensor(self.losses[k])}

    def pace(self):
        return {}

    def state_dict(self):
        return {"network": {}, "average": {}}

    def load_state_dict(self, state):
        raise AssertionError


def test_loss_that_explodes_stops_the_run_once_it_has_settled(tmp_path):
    early = [2000.0, *[1.0] * 5]
    run(RunFolder(tmp_path, "early"), Scripted(early))
    losses = [*[1.0] * 110, 1100.0, 1.0]
    with pytest.raises(SSRError, match=r"explodes at step 111 \(1100\); chips: chip-110-a"):
        run(RunFolder(tmp_path, "late"), Scripted(losses), n_steps=112)


def test_dropout_draws_the_same_after_resuming_and_another_seed_draws_other_numbers(tmp_path):
    def new_dropping_step():
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(5)
            return new_step(network=SRCNN(n_revisits=2, n_features=4, scale=2, dropout=0.5))

    results = {}
    for name, seed in (("whole", 0), ("other", 1)):
        run(RunFolder(tmp_path, name), new_dropping_step(), n_steps=4, seed=seed)
    halves = RunFolder(tmp_path, "halves")
    run(halves, new_dropping_step(), n_steps=2)
    torch.rand(7)  # whatever else draws in between
    resumed = new_dropping_step()
    run(halves, resumed, n_done=halves.resume(halves.newest_state(), resumed), n_steps=4)
    for name in ("whole", "halves", "other"):
        results[name] = read_weights(tmp_path / name / "models" / "net_g_latest.pth", key="params")
    assert same_state(results["whole"], results["halves"])
    assert not same_state(results["whole"], results["other"])


def test_a_loss_of_some_steps_is_the_mean_over_those(tmp_path):
    class EveryOther(Scripted):
        def __call__(self, batch, k):
            return super().__call__(batch, k) | ({"realism": torch.tensor(4.0)} if k % 2 else {})

    run(RunFolder(tmp_path, "run"), EveryOther([1.0, 2.0, 3.0, 4.0]), n_steps=4)
    (line,) = log_of(RunFolder(tmp_path, "run"))
    assert (line["loss"], line["realism"]) == (2.5, 4.0)

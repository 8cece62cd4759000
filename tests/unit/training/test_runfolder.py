"""What a run keeps, forgets and saves of its accidents."""

import pytest
import torch

from ssr.checkpoints.files import read_training_state
from ssr.data.pairs import Batch
from ssr.training.recorder import Validation
from ssr.training.runfolder import RunFolder
from tests.unit.training.runs import Noise, new_step, run


def names(folder) -> set[str]:
    return {path.name for path in [*folder.models.iterdir(), *folder.states.iterdir()]}


def test_older_checkpoints_go_and_the_best_and_last_stay(tmp_path):
    folder, figures = RunFolder(tmp_path, "run", n_kept=2), iter([3.0, 1.0, 2.0, 0.0, 2.5, 1.5])
    run(folder, new_step(), checkpoint_every=1, validate_every=1, validate=lambda: Validation({"cpsnr": next(figures)}))
    assert names(folder) == {"net_g_5.pth", "net_g_latest.pth", "net_g_best.pth", "5.state", "6.state"}


def test_all_checkpoints_stay_where_no_number_is_given(tmp_path):
    folder = RunFolder(tmp_path, "run")
    run(folder, new_step(), n_steps=4, checkpoint_every=1)
    assert {f"{k}.state" for k in (1, 2, 3, 4)} <= names(folder)


def test_the_best_weights_are_those_of_the_best_validation_also_after_resuming(tmp_path):
    def figures(*values):
        source = iter(values)
        return lambda: Validation({"cpsnr": next(source)})

    folder, step = RunFolder(tmp_path, "run"), new_step()
    run(folder, step, n_steps=2, validate_every=1, validate=figures(5.0, 4.0))
    best = (folder.models / "net_g_best.pth").read_bytes()
    run(folder, step, n_done=2, n_steps=4, validate_every=1, validate=figures(4.5, 4.9))
    assert (folder.models / "net_g_best.pth").read_bytes() == best
    run(folder, step, n_done=4, n_steps=5, validate_every=1, validate=figures(5.1))
    assert (folder.models / "net_g_best.pth").read_bytes() != best


def test_a_dump_holds_the_batch_and_the_state(tmp_path):
    folder, step, batch = RunFolder(tmp_path, "run"), new_step(), Noise().batch(3)
    content = read_training_state(folder.write_dump(4, batch, step))
    assert content["iter"] == 4
    assert torch.equal(content["batch"]["low_res"], batch.low_res)
    assert content["batch"]["names"] == list(batch.names)
    assert content["step"].keys() == step.state_dict().keys()


def test_discriminators_are_written_beside_generators(tmp_path):
    class WithJudge:
        def __call__(self, _batch: Batch, _step: int) -> dict[str, torch.Tensor]:
            return {"loss": torch.tensor(1.0)}

        def state_dict(self):
            weights = {"w": torch.ones(1)}
            return {"network": weights, "average": weights, "discriminator": {"network": {"d": torch.zeros(2)}}}

        def load_state_dict(self, state):
            raise AssertionError

    folder = RunFolder(tmp_path, "run")
    folder.write(7, WithJudge(), is_last=False)
    assert names(folder) == {"net_g_7.pth", "net_d_7.pth", "7.state"}
    content = torch.load(folder.models / "net_d_7.pth", weights_only=True)  # noqa: TID251 - as others will read it
    assert torch.equal(content["params"]["d"], torch.zeros(2))


@pytest.mark.parametrize("stray", ["notes.state", ".5.123.part.state", "x"])
def test_stray_files_are_no_states(tmp_path, stray):
    folder = RunFolder(tmp_path, "run", n_kept=1)
    folder.write(1, new_step(), is_last=False)
    (folder.states / stray).touch()
    assert folder.newest_state().name == "1.state"
    folder.write(2, new_step(), is_last=False)
    assert (folder.states / stray).exists()

"""Do several processes of this machine agree?"""

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ssr.distributed import ALONE, Team, joined_team, local_rank
from ssr.errors import ConfigError
from tests.support.tolerances import FLOAT32


def in_team(rank: int, n_ranks: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=n_ranks)
    team = Team(rank, n_ranks)
    torch.save(told_by(team), f"{folder}/{rank}.pt")
    team.wait()
    os._exit(0)  # taking a gloo group down aborts the process now and then


def told_by(team: Team) -> dict[str, object]:
    parameters = [torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(4))]
    for k, parameter in enumerate(parameters):
        parameter.grad = torch.full_like(parameter, 1.0 + team.rank + 10 * k)
    team.average_gradients([*parameters, torch.nn.Parameter(torch.zeros(1))], weight=1 + 2 * team.rank)
    return {
        "gradients": [p.grad for p in parameters],
        "mean": team.weighted_mean({"a": float(team.rank), "b": 2.0}, weight=1 + 2 * team.rank),
        "any": (team.any(team.rank == 1), team.any(False)),
    }


@pytest.mark.slow
def test_means_count_each_process_by_its_weight(tmp_path: Path) -> None:
    """Ranks 0 and 1 with weights 1 and 3: the mean of values x₀, x₁ is (x₀ + 3 x₁) / 4."""
    mp.spawn(in_team, args=(2, str(tmp_path)), nprocs=2)
    for rank in range(2):
        told = torch.load(tmp_path / f"{rank}.pt", weights_only=True)  # noqa: TID251 - a file this test has made
        torch.testing.assert_close(told["gradients"][0], torch.full((2, 3), 1.75), atol=FLOAT32, rtol=0)
        torch.testing.assert_close(told["gradients"][1], torch.full((4,), 11.75), atol=FLOAT32, rtol=0)
        assert told["mean"] == pytest.approx({"a": 0.75, "b": 2.0})
        assert told["any"] == (True, False)


def test_alone_nothing_changes() -> None:
    told = told_by(ALONE)
    assert torch.equal(told["gradients"][0], torch.ones(2, 3))
    assert told["mean"] == {"a": 0.0, "b": 2.0}
    assert told["any"] == (False, False)
    ALONE.wait()


def test_without_torchrun_a_process_is_alone() -> None:
    with joined_team(device_type="cpu", environment={}) as team:
        assert (team, team.is_first) == (ALONE, True)
    assert (local_rank({}), local_rank({"LOCAL_RANK": "3"})) == (0, 3)


def test_half_an_environment_is_refused() -> None:
    with (
        pytest.raises(ConfigError, match=r"WORLD_SIZE is 2.*torchrun"),
        joined_team(device_type="cpu", environment={"WORLD_SIZE": "2"}),
    ):
        pass

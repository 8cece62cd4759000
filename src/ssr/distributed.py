"""Which of several processes is this, and how do they agree?

The only reader of the environment that torchrun sets (RANK, WORLD_SIZE, LOCAL_RANK). Alone, every function is the
identity, so callers need not ask.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ssr.errors import ConfigError


@dataclass(frozen=True)
class Team:
    """The processes of one run.

    rank: which of them this is, from 0; the first writes files and speaks.
    """

    rank: int = 0
    n_ranks: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.n_ranks > 1:
            dist.barrier()

    def any(self, yes: bool) -> bool:
        """Whether any process says yes."""
        if self.n_ranks == 1:
            return yes
        votes = torch.tensor([int(yes)])
        dist.all_reduce(votes, op=dist.ReduceOp.MAX)
        return bool(votes.item())

    def weighted_mean(self, figures: Mapping[str, float], weight: float) -> dict[str, float]:
        """Mean over the processes, each counted by its weight (number of samples); the same names everywhere."""
        if self.n_ranks == 1:
            return dict(figures)
        total = torch.tensor([weight, *(value * weight for value in figures.values())], dtype=torch.float64)
        dist.all_reduce(total)
        return {name: float(value / total[0]) for name, value in zip(figures, total[1:], strict=True)}

    def average_gradients(self, parameters: Iterable[Tensor], weight: float) -> None:
        """Replace each gradient by its mean over the processes, each counted by its weight: one message for all."""
        if self.n_ranks == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([*(g.flatten() * weight for g in gradients), gradients[0].new_tensor([weight])])
        dist.all_reduce(flat)
        mean = flat[:-1] / flat[-1]
        for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


ALONE = Team()


@contextmanager
def joined_team(*, device_type: str, environment: Mapping[str, str] = os.environ) -> Iterator[Team]:
    """Meet the other processes that torchrun started, and part at the end; alone where it started none.

    Raises:
        ConfigError: the environment is half set.
    """
    n_ranks = n_processes(environment)
    if n_ranks == 1:
        yield ALONE
        return
    if "RANK" not in environment or "MASTER_ADDR" not in environment:
        raise ConfigError(
            f"WORLD_SIZE is {n_ranks}, but RANK or MASTER_ADDR is not set; start with torchrun --nproc_per_node=N"
        )
    has_accelerator = device_type == "cuda"
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_accelerator else "gloo")  # figures stay on the CPU
    try:
        team = Team(dist.get_rank(), dist.get_world_size())
        yield team
        team.wait()
    finally:
        if has_accelerator:  # taking a gloo group down aborts the process now and then; it goes with the process
            dist.destroy_process_group()


def n_processes(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes torchrun started for this run."""
    return int(environment.get("WORLD_SIZE", "1"))


def is_first_process(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the process that speaks."""
    return environment.get("RANK", "0") == "0"


def local_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Which accelerator of this machine is this process's."""
    return int(environment.get("LOCAL_RANK", "0"))

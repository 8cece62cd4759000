"""One training step of a network on several processes of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def gradients_of_ranks(
    make: Callable[[], nn.Module], inputs: tuple[Tensor, ...], n_ranks: int, folder: Path
) -> dict[str, Tensor]:
    """Mean gradients of `mean(output²)` by parameter, each rank making the network and taking its share of the inputs.

    Raises what DistributedDataParallel raises for a network of which a parameter takes no part.
    """
    out = folder / "gradients.safetensors"
    mp.spawn(_rank, args=(n_ranks, make, inputs, folder, out), nprocs=n_ranks)
    return load_file(out)


def _rank(
    rank: int, n_ranks: int, make: Callable[[], nn.Module], inputs: tuple[Tensor, ...], folder: Path, out: Path
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=n_ranks)
    network = make()
    parallel = DistributedDataParallel(network)
    for _ in range(2):  # parameters without a gradient are noticed at the second step
        parallel.zero_grad()
        share = [x.chunk(n_ranks)[rank] for x in inputs]
        parallel(*share).square().mean().backward()
    if rank == 0:
        save_file({name: p.grad.contiguous() for name, p in network.named_parameters()}, out)
    dist.barrier()
    os._exit(0)  # taking a gloo group down aborts the process now and then

"""Do the networks train on several processes, with every parameter taking part?"""

import copy
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ssr.checkpoints.files import read_weights
from ssr.device import Compute
from ssr.distributed import Team
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.highresnet import HighResNet
from ssr.models.sr3_unet import UNet
from ssr.models.srcnn import SRCNN
from ssr.training.descent import Descent
from ssr.training.schedule import Schedule
from tests.support.ranks import gradients_of_ranks
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, with_seed, write_yaml
from tests.support.tolerances import FLOAT32
from tests.unit.data.layouts import write_s2naip_pair

SR3_UNET = {"n_in": 9, "n_out": 3, "n_features": 8, "multipliers": (1, 2), "n_res_blocks": 1, "attention_levels": (1,)}
SERIES = torch.rand(4, 2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(4, 9, 16, 16, generator=torch.Generator().manual_seed(0))
LEVELS = torch.linspace(0.1, 0.9, 4)

INPUTS = {"highresnet of one date": (SERIES[:, :1],), "sr3": (IMAGES, LEVELS), "local sr3": (IMAGES, LEVELS)}


def make_network(name: str) -> torch.nn.Module:
    match name:
        case "srcnn" | "srcnn with reference":
            return SRCNN(n_revisits=2, n_features=16, dropout=0.0, sees_reference=name.endswith("reference"))
        case "highresnet" | "highresnet of one date":
            return HighResNet(n_revisits=1 if "one" in name else None, n_features=16, dropout=0.0)
        case "esrgan":
            return tiny_rrdbnet()
        case "date fusion":
            return tiny_date_fusion()
        case "sr3" | "local sr3":
            return UNet(**SR3_UNET, n_groups=4, dropout=0.0, is_local=name == "local sr3")
        case "discriminator":
            return UNetDiscriminatorSN(n_channels=9, n_features=8)
    raise ValueError(name)


def seeded(name: str) -> torch.nn.Module:
    torch.default_generator.manual_seed(0)  # the vectors of spectral norm are no parameters
    return with_seed(make_network(name))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")  # a hint on speed, of torch
@pytest.mark.parametrize(
    "name",
    [
        "srcnn",
        "srcnn with reference",
        "highresnet",
        "highresnet of one date",
        "esrgan",
        "date fusion",
        "sr3",
        "local sr3",
        "discriminator",
    ],
)
def test_two_ranks_give_the_gradient_of_one_and_no_parameter_is_left_out(name, tmp_path):
    network = seeded(name)
    inputs = INPUTS.get(name, (IMAGES,) if name == "discriminator" else (SERIES,))
    network(*inputs).square().mean().backward()
    expected = {n: p.grad for n, p in network.named_parameters()}
    assert all(gradient is not None and gradient.numel() > 0 for gradient in expected.values())
    network.zero_grad()
    found = gradients_of_ranks(partial(seeded, name), inputs, 2, tmp_path)
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for parameter, gradient in expected.items():
        torch.testing.assert_close(found[parameter], gradient, atol=FLOAT32 * largest, rtol=0, msg=parameter)


@pytest.mark.slow
def test_two_processes_train_what_one_trains_with_the_same_batches(tmp_path: Path) -> None:
    """Within the rounding of sums: each process takes half of every batch and gradients are averaged."""
    for tile in ("10_0", "10_1", "10_2", "10_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    network = {"type": "date_fusion", "n_features": 8, "n_date_features": 8, "n_blocks": 1}
    options = {
        "model": network,
        "train_data": {"type": "s2naip", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2},
        "validation_data": {"type": "s2naip", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2},
        "n_validation_batches": 1,
        "training": {"n_steps": 3, "batch_size": 4, "log_every": 1},
    }
    weights, lines = {}, {}
    for name, launch in (("one", []), ("two", ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"])):
        write_yaml(tmp_path / f"{name}.yml", options | {"name": name})
        command = [sys.executable, "-m", *launch, "ssr.train", "-opt", f"{name}.yml"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240, env=environment
        )
        assert done.returncode == 0, done.stderr
        run = tmp_path / "experiments" / name
        lines[name] = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        weights[name] = read_weights(run / "models" / "net_g_latest.pth", key="params")
    assert [(line["event"], line["step"]) for line in lines["two"]] == [
        ("train", 1),
        ("train", 2),
        ("train", 3),
        ("validation", 3),
    ]
    for one, two in zip(lines["one"], lines["two"], strict=True):
        for figure in {"loss", "psnr", "cpsnr"} & one.keys():
            assert two[figure] == pytest.approx(one[figure], rel=1e-3)
    rate = 1e-4  # what a step of Adam moves a parameter by, whatever rounding does to a gradient near zero
    for name, tensor in weights["one"].items():
        torch.testing.assert_close(weights["two"][name], tensor, atol=3 * rate, rtol=0, msg=name)


OVERFLOWING_STEP = 1


def descend_in_half_precision(rank: int, folder: str) -> None:
    """Three steps of w · x; at one of them the gradient of the second process alone overflows."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    network = torch.nn.Linear(3, 1)
    torch.nn.init.constant_(network.weight, 0.5)
    torch.nn.init.zeros_(network.bias)
    schedule = Schedule(kind="multistep", peak=1e-2, final=0.0, n_steps=9, n_warmup_steps=0, milestones=(), gamma=1.0)
    descent = Descent(
        network,
        compute=Compute(torch.device("cpu"), "fp16"),
        schedule=schedule,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        ema_decay=0.9,
        max_gradient_norm=1.0,
        team=Team(rank, 2),
    )
    states = []
    for k in range(3):
        x = torch.full((1, 3), 1e36 if (k, rank) == (OVERFLOWING_STEP, 1) else 1.0 + k)
        descent.descend(network(x).sum(), k)
        states.append(copy.deepcopy(descent.state_dict()))
    torch.save(states, f"{folder}/{rank}.pt")
    dist.barrier()
    os._exit(0)  # taking a gloo group down aborts the process now and then


@pytest.mark.slow
def test_an_overflow_in_one_process_skips_the_step_in_all(tmp_path: Path) -> None:
    mp.spawn(descend_in_half_precision, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))  # noqa: TID251 - made here
    for ours, theirs in zip(first, second, strict=True):
        for name, tensor in ours["network"].items():
            assert torch.equal(tensor, theirs["network"][name])
        assert ours["scaler"] == theirs["scaler"]
    assert [state["scaler"]["scale"] for state in first] == [65536.0, 32768.0, 32768.0]
    weights = [state["network"]["weight"] for state in first]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])

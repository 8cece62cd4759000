"""Does every model family train? `python benchmarks/families.py IMAGERY -o OUT --trunk SQUEEZENET`.

IMAGERY is the folder that holds `train/`. Each family is trained by `ssr train` with its file of `configs/families`, in
OUT, where pairs are prepared first (`families_data`); a run that is there already is not repeated. Afterwards every
kept checkpoint is judged by the family's own loss on 92 chips of Claremont, a city that training never sees: the same
chips, dates and, for SR3, noise every time. Intervals are 95 % bootstrap intervals over chips. OUT receives
`results.json`, `table.md`, `training_curves.png` and `training_adversarial.png`.

SQUEEZENET is torchvision's weight file of SqueezeNet 1.1. `taskset -c 1` before the command keeps it to one core.
"""

import argparse
import contextlib
import functools
import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from families_data import prepare
from families_picture import draw_adversarial, draw_curves
from families_table import interval, summary, table
from numpy.typing import NDArray
from torch import Tensor, nn

from ssr.build.data import build_data
from ssr.build.losses import build_loss
from ssr.build.networks import build_model
from ssr.checkpoints.files import read_weights
from ssr.checkpoints.published import load_strictly
from ssr.config.files import Changes, load_config
from ssr.config.networks import SR3Model
from ssr.config.schema import TrainConfig
from ssr.config.training import Loss, Perceptual
from ssr.data.pairs import Batch
from ssr.device import Compute, choose_compute
from ssr.losses.denoising import Corruption, denoising_loss
from ssr.losses.total import TotalLoss
from ssr.models.bicubic import Bicubic
from ssr.models.sr3 import SR3

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "families"
FAMILIES = ("esrgan", "esrgan-adversarial", "esrgan-objects", "esrgan-old-naip", "srcnn", "highresnet", "sr3")
"""In this order: the second goes on from the first."""
TRUNK = "squeezenet1_1.pth"
CPU_SECONDS = "cpu_seconds"
N_CHIPS, CHIPS_TOGETHER = 92, 4
N_CHIPS_OF_IMAGES = 32
"""Fewer, since SR3 calls its network 25 times for an image."""
N_NOISES, NOISE_SEED = 2, 40_000

Judge = Callable[[nn.Module, Batch], dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, required=True, metavar="SQUEEZENET")
    parser.add_argument("--only", default=",".join(FAMILIES), help="families, with commas between")
    parser.add_argument("--steps", type=int, help="so many for each family, in place of those of its file")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := sorted(set(wanted) - set(FAMILIES)):
        parser.error(f"no family is called {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    furnish(given.out, imagery=given.imagery.resolve(), trunk=given.trunk.resolve())
    results = {}
    with contextlib.chdir(given.out):
        for name in (family for family in FAMILIES if family in wanted):
            config, _ = load_config(
                CONFIGS / f"{name}.yaml", TrainConfig, Changes(settings=settings(name, given.steps))
            )
            train(name, settings(name, given.steps))
            results[name] = judged(config)
            print(json.dumps({k: v for k, v in results[name].items() if k != "curve"}), flush=True)
        Path("results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        Path("table.md").write_text(table(results), encoding="utf-8")
        draw_curves(results, Path("training_curves.png"))
        draw_adversarial(results, Path("training_adversarial.png"))


def furnish(out: Path, *, imagery: Path, trunk: Path) -> None:
    """Everything that the option files name, below one folder."""
    out.mkdir(parents=True, exist_ok=True)
    for name, target in (("imagery", imagery), (TRUNK, trunk)):
        if not (out / name).exists():
            (out / name).symlink_to(target)
    if not (out / "s2naip").exists():
        print(json.dumps(prepare(imagery, out / "s2naip")), flush=True)


def settings(name: str, n_steps: int | None) -> tuple[str, ...]:
    """Options that make a run of another length, with as many checkpoints as ever."""
    if n_steps is None:
        return ()
    every = max(1, n_steps // 10)
    changed = [f"training.n_steps={n_steps}", f"training.checkpoint_every={every}", "training.log_every=1"]
    if name in ("esrgan-objects", "esrgan-old-naip"):
        changed += [f"adversarial.n_regression_steps={n_steps // 2}", f"training.milestones=[{n_steps // 2}]"]
    return tuple(changed)


def train(name: str, changed: tuple[str, ...]) -> None:
    """By the command that a user types."""
    if Path("experiments", name, "models", "net_g_latest.pth").exists():
        print(f"{name}: is trained already", flush=True)
        return
    command = [str(Path(sys.executable).with_name("ssr")), "train", str(CONFIGS / f"{name}.yaml")]
    for setting in changed:
        command += ["--set", setting]
    print(" ".join(command), flush=True)
    before = cpu_seconds_of_children()
    with Path(f"{name}.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)
    took = round(cpu_seconds_of_children() - before)
    Path("experiments", name, CPU_SECONDS).write_text(f"{took}\n", encoding="utf-8")


def cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judged(config: TrainConfig) -> dict[str, object]:
    """What `judge_run` finds, kept beside the run: judging takes minutes too."""
    path = Path(config.experiments_root, config.name, "judged.json")
    if not path.exists():
        path.write_text(json.dumps(judge_run(config)) + "\n", encoding="utf-8")
    return json.loads(path.read_text("utf-8"))


def judge_run(config: TrainConfig) -> dict[str, object]:
    """What is known of a run: its log, and every checkpoint judged on the held-out chips."""
    compute = choose_compute()
    folder = Path(config.experiments_root, config.name)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    source = build_data(config.validation_data, batch_size=CHIPS_TOGETHER, scale=config.model.scale)
    batches = [source.batch(k) for k in range(N_CHIPS // CHIPS_TOGETHER)]
    total = build_loss(config.loss, scale=config.model.scale)
    judge, judge_untrained = judges_of(config, total, compute)
    started = time.perf_counter()
    steps, values = [], []
    for step, network in networks(config, folder, n_done=max(line["step"] for line in log)):
        steps.append(step)
        values.append(gathered(judge(network.to(compute.device).eval(), batch) for batch in batches))
    reference = gathered(judge_untrained(network, batch) for batch in batches)
    some = batches[: N_CHIPS_OF_IMAGES // CHIPS_TOGETHER]
    images = gathered(image_measures(predict(network, batch, compute), batch) for batch in some)
    enlarged = gathered(image_measures(Bicubic()(batch.low_res), batch) for batch in some)
    return {
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "n_steps": steps[-1],
        "batch_size": config.training.batch_size,
        "minutes": round(seconds_of(log) / 60, 1),
        "cpu_minutes": round(json.loads((folder / CPU_SECONDS).read_text("utf-8")) / 60, 1),
        "n_chips": len(values[0]["loss"]),
        "measures": {name: summary([v[name] for v in values], reference[name]) for name in values[0]},
        "images": {name: interval(values) for name, values in images.items()},
        "bicubic": {name: interval(values) for name, values in enlarged.items()},
        "judging_seconds": round(time.perf_counter() - started),
        "curve": {
            "steps": steps,
            "validation": {name: [interval(v[name]) for v in values] for name in values[0]},
            "train": [line for line in log if line["event"] == "train"],
            "terms": list(total.terms),
        },
    }


def seconds_of(log: list[dict]) -> float:
    """Of a run that may have been resumed: every resumption counts from nought again."""
    seconds = [line["seconds"] for line in log]
    return seconds[-1] + sum(a for a, b in itertools.pairwise(seconds) if b < a)


@torch.no_grad()
def networks(config: TrainConfig, folder: Path, *, n_done: int) -> Iterator[tuple[int, nn.Module]]:
    """The averaged network before the first step, at every checkpoint and at the end."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        network = build_model(config.model)
    if config.pretrained:
        state = read_weights(config.pretrained.path, key=config.pretrained.key)
        load_strictly(network, state, source=config.pretrained.path)
    yield 0, network
    kept = {int(path.stem.removeprefix("net_g_")): path for path in folder.glob("models/net_g_[0-9]*.pth")}
    kept[n_done] = folder / "models" / "net_g_latest.pth"
    for step, path in sorted(kept.items()):
        load_strictly(network, read_weights(path, key="params_ema"), source=path)
        yield step, network


def judges_of(config: TrainConfig, total: TotalLoss, compute: Compute) -> tuple[Judge, Judge]:
    """The family's own loss of each chip, and what it is without training.

    That is the loss of the enlarged median of the dates, or for SR3 of the guess that there is no noise.
    """
    if isinstance(config.model, SR3Model):
        return (
            lambda network, batch: {"loss": noise_errors(network, batch, compute)},
            lambda network, batch: {"loss": noise_errors(network, batch, compute, guesses_zero=True)},
        )
    has_looks = config.adversarial is not None
    return (
        lambda network, batch: image_errors(predict(network, batch, compute), batch, total, has_looks=has_looks),
        lambda _, batch: image_errors(Bicubic()(batch.low_res), batch, total, has_looks=has_looks),
    )


@torch.no_grad()
def predict(network: nn.Module, batch: Batch, compute: Compute) -> Tensor:
    with compute.autocast():
        image: Tensor = network(batch.low_res.to(compute.device))
    return image.float().cpu()


@torch.no_grad()
def image_errors(images: Tensor, batch: Batch, total: TotalLoss, *, has_looks: bool) -> dict[str, list[float]]:
    """Of each chip; where looks are trained too, accuracy and looks apart."""
    parts = zip(images.split(1), batch.high_res.split(1), batch.low_res.split(1), strict=True)
    found = {"loss": [float(sum(total(*part).values())) for part in parts]}
    return found | image_measures(images, batch) if has_looks else found


@torch.no_grad()
def image_measures(images: Tensor, batch: Batch) -> dict[str, list[float]]:
    """Absolute error, peak signal-to-noise ratio and distance of SqueezeNet features of each chip in [0, 1]."""
    features = features_loss()
    images, truth = images.clamp(0, 1), batch.high_res
    error = images - truth
    parts = zip(images.split(1), truth.split(1), batch.low_res.split(1), strict=True)
    return {
        "l1": error.abs().mean((1, 2, 3)).tolist(),
        "psnr": (-10 * error.square().mean((1, 2, 3)).log10()).tolist(),
        "features": [float(features(*part)["perceptual"]) for part in parts],
    }


@functools.cache
def features_loss() -> nn.Module:
    return build_loss(Loss(l1=0.0, perceptual=Perceptual(network="squeezenet1_1", weights=Path(TRUNK), weight=0.01)))


@torch.no_grad()
def noise_errors(network: nn.Module, batch: Batch, compute: Compute, *, guesses_zero: bool = False) -> list[float]:
    """Mean absolute error of the estimated noise of each chip, at noise and levels that its name alone decides."""
    assert isinstance(network, SR3)
    corruption = Corruption(network.schedule.signal_levels())
    clean, condition = network.to_data_range(batch.high_res), network.condition(batch.low_res)
    errors = np.zeros((N_NOISES, len(batch.names)))
    for draw in range(N_NOISES):
        drawn = [corruption.draw(clean[:1].shape, noise_generator(name, draw)) for name in batch.names]
        signal, noise = torch.cat([d.signal for d in drawn]), torch.cat([d.noise for d in drawn])
        level = signal[:, None, None, None]
        noisy = clean * level + noise * (1 - level.square()).sqrt()
        with compute.autocast():
            estimated = torch.zeros_like(noise) if guesses_zero else network.denoise(condition, noisy, signal)
        errors[draw] = [float(denoising_loss(a, b)) for a, b in zip(estimated, noise, strict=True)]
    return errors.mean(0).tolist()


def noise_generator(name: str, draw: int) -> torch.Generator:
    return torch.Generator().manual_seed(NOISE_SEED + 1000 * draw + int(name.rsplit("/", 1)[1].split("_")[0]))


def gathered(parts: Iterator[dict[str, list[float]]]) -> dict[str, NDArray[np.float64]]:
    found: dict[str, list[float]] = {}
    for part in parts:
        for name, values in part.items():
            found.setdefault(name, []).extend(values)
    return {name: np.array(values) for name, values in found.items()}


if __name__ == "__main__":
    main()

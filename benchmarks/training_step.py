"""How much faster is a training step than the original's, and how much memory does it hold?

One process, the two in turn, the published ESRGAN (64 features, 23 blocks, growth 32) on the same random chips. The
original's way, in our words: float32, tensors as they come, Adam, a moving average parameter by parameter, targets
sharpened with a 51×51 filter. Ours: the steps of `ssr.training` in the precision this machine multiplies fastest,
channels last. Memory is the peak of a process that makes two of our steps, with blocks kept and with blocks computed
anew (`training.saves_memory`); `idle` is what torch, weights and averages take before the first.
"""

import json
import statistics
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.data.pairs import Batch
from ssr.device import Compute, choose_compute
from ssr.losses.reconstruction import MEASURES
from ssr.losses.total import Term, TotalLoss
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.training.adversarial import AdversarialStep, Judging
from ssr.training.descent import Descent
from ssr.training.regression import RegressionStep
from ssr.training.schedule import Schedule

N_CHIPS, N_DATES, CHIP_PX, N_ROUNDS = 8, 8, 32, 9
MODES = (
    "idle",
    *(
        f"{loss} {precision} {how}"
        for loss in ("l1", "gan")
        for precision in ("fp32", "bf16")
        for how in ("keep", "anew")
    ),
)
SCHEDULE = Schedule(kind="multistep", peak=1e-4, final=0.0, n_steps=100, n_warmup_steps=0, milestones=(), gamma=0.5)


def main(n_chips: int = N_CHIPS, n_rounds: int = N_ROUNDS) -> dict[str, object]:
    compute = choose_compute()
    figures: dict[str, object] = {
        "compute": str(compute),
        "n_chips": n_chips,
        "peak_mb": {mode: peak_mb(mode, n_chips) for mode in MODES},
    }
    batch = chips(n_chips)
    for name, has_judge in (("l1", False), ("gan", True)):
        figures[name] = compare(OriginalStep(has_judge), our_step(compute, has_judge), batch, n_rounds)
    return figures


def chips(n_chips: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    low_res = torch.rand(n_chips, N_DATES, 3, CHIP_PX, CHIP_PX, generator=generator)
    high_res = torch.rand(n_chips, 3, 4 * CHIP_PX, 4 * CHIP_PX, generator=generator)
    return Batch(low_res, high_res, tuple(map(str, range(n_chips))))


def compare(original: "OriginalStep", ours: object, batch: Batch, n_rounds: int) -> dict[str, float]:
    """Seconds of a step of both, medians over rounds; the ratio is the median of the rounds' ratios."""
    theirs_s, ours_s = [], []
    for k in range(n_rounds + 1):  # the first round warms up
        started = time.perf_counter()
        original(batch)
        middle = time.perf_counter()
        ours(batch, k)
        ended = time.perf_counter()
        if k:
            theirs_s.append(middle - started)
            ours_s.append(ended - middle)
    ratios = [a / b for a, b in zip(theirs_s, ours_s, strict=True)]
    return {
        "original_s": round(statistics.median(theirs_s), 2),
        "ours_s": round(statistics.median(ours_s), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
    }


def our_step(compute: Compute, has_judge: bool, *, saves_memory: bool = False) -> RegressionStep | AdversarialStep:
    loss = TotalLoss({"l1": Term(1.0, MEASURES["l1"], "sharpened_truth" if has_judge else "truth")})
    settings = {"compute": compute, "schedule": SCHEDULE, "betas": (0.9, 0.99), "weight_decay": 0.0}
    network = RRDBNet(n_revisits=N_DATES)
    network.checkpoints_blocks = saves_memory
    descent = Descent(network, ema_decay=0.999, max_gradient_norm=None, **settings)
    if not has_judge:
        return RegressionStep(descent, loss, compute=compute)
    judge = Descent(UNetDiscriminatorSN(n_channels=27), ema_decay=None, max_gradient_norm=None, **settings)
    return AdversarialStep(descent, judge, loss, Judging(), compute=compute, seed=0)


class OriginalStep:
    def __init__(self, has_judge: bool) -> None:
        self.generator = RRDBNet(n_revisits=N_DATES)
        self.average = deepcopy(self.generator)
        self.optimiser = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.9, 0.99))
        self.judge = UNetDiscriminatorSN(n_channels=27) if has_judge else None
        if self.judge:
            self.judge_optimiser = torch.optim.Adam(self.judge.parameters(), lr=1e-4, betas=(0.9, 0.99))

    def __call__(self, batch: Batch) -> None:
        truth = sharpened_by_square_filter(batch.high_res) if self.judge else batch.high_res
        self.optimiser.zero_grad()
        if self.judge:
            self.judge.requires_grad_(False)
        fake = self.generator(batch.low_res)
        loss = F.l1_loss(fake, truth)
        if self.judge:
            beside = F.interpolate(batch.low_res.flatten(1, 2), scale_factor=4)
            loss = loss + 0.1 * judged(self.judge(torch.cat([fake, beside], 1)), 1.0)
        loss.backward()
        self.optimiser.step()
        if self.judge:
            self.judge.requires_grad_(True)
            self.judge_optimiser.zero_grad()
            judged(self.judge(torch.cat([batch.high_res, beside], 1)), 1.0).backward()
            judged(self.judge(torch.cat([fake.detach(), beside], 1)), 0.0).backward()
            self.judge_optimiser.step()
        with torch.no_grad():
            own = dict(self.generator.named_parameters())
            for name, mean in self.average.named_parameters():
                mean.mul_(0.999).add_(own[name], alpha=0.001)


def judged(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def sharpened_by_square_filter(image: Tensor) -> Tensor:
    x = torch.arange(51.0) - 25
    line = torch.exp(-(x**2) / 128)
    line = line / line.sum()
    kernel = torch.outer(line, line)[None, None]

    def blurred(maps: Tensor) -> Tensor:
        padded = F.pad(maps, (25, 25, 25, 25), mode="reflect")
        return F.conv2d(padded.flatten(0, 1)[:, None], kernel).view_as(maps)

    residual = image - blurred(image)
    is_edge = blurred((residual.abs() * 255 > 10).float())
    return is_edge * (image + 0.5 * residual).clip(0, 1) + (1 - is_edge) * image


def peak_mb(mode: str, n_chips: int) -> int:
    """Peak resident memory of a process of its own."""
    command = [sys.executable, __file__, "--memory", mode, str(n_chips)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_memory(mode: str, n_chips: int) -> None:
    loss, precision, how = ("l1", "fp32", "keep") if mode == "idle" else mode.split()
    step = our_step(choose_compute(precision=precision), loss == "gan", saves_memory=how == "anew")
    for k in range(0 if mode == "idle" else 2):
        step(chips(n_chips), k)
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]  # ru_maxrss would count the parent's too
    print(int(status.split()[0]) // 1024)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        measure_memory(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(main(), indent=1))

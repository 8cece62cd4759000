"""What does each idea bring? `python benchmarks/ablation.py IMAGERY [--steps 600]`.

IMAGERY is the folder that holds `train/`. Small networks, since every variant is trained anew: the same steps on the
same simulated pairs, scored on the held-out city at 1, 2, 4 and 8 dates. The processor time that each took stands
beside.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from floors import PLAIN
from score_bundled import HELD_OUT, best_then_ranked, chips_of
from torch import Tensor, nn

import ssr.models.gridfusion as gridfusion
from ssr.data.imagery import read_folder
from ssr.data.simulate import Degradation, simulate_series
from ssr.data.simulated import SimulatedPairs
from ssr.evaluation.scores import best_single_date, predict
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.alignment import Alignment
from ssr.models.bicubic import enlarge
from ssr.models.datefusion import DateFusion, ResidualBlock
from ssr.models.gridfusion import GridFusion
from ssr.models.registration import register

N_DATES = 8
COUNTS = (1, 2, 4, 8)
PLACE = "city (Claremont 2020, 1.2 m)"
FOLDERS = (
    ("naip_california_1.2m", "*.png", ("claremont_*",), 0.50),
    ("naip_rural_2.5m", "naip_train_*.png", (), 0.15),
    ("south_africa_2.5m", "3420B_*.png", (), 0.15),
    ("naip_appalachia_1m", "*.png", (), 0.08),
    ("openaerialmap_1.2m", "*.png", (), 0.07),
    ("bellingham_1.2m", "*.png", (), 0.05),
)
CHIP_PX = 28
BATCH_SIZE = 8
N_FEATURES = 40
N_BLOCKS = 4
PEAK_RATE = 8e-4
ANY_NUMBER = (8, 8, 8, 16, 5, 4, 3, 2, 2, 1, 1, 1)


class Stacked(nn.Module):
    """Dates on the channel axis, as ESRGAN takes them: eight, repeated where there are fewer. Not registered."""

    def __init__(self) -> None:
        super().__init__()
        self.merge = nn.Conv2d(3 * N_DATES, N_FEATURES, 3, padding=1)
        self.trunk = nn.Sequential(*(ResidualBlock(N_FEATURES) for _ in range(N_BLOCKS)))
        self.to_pixels = nn.Conv2d(N_FEATURES, 48, 3, padding=1)
        nn.init.zeros_(self.to_pixels.weight)
        nn.init.zeros_(self.to_pixels.bias)

    def forward(self, low_res: Tensor) -> Tensor:
        dates = low_res[:, [k % low_res.shape[1] for k in range(N_DATES)]]
        features = self.merge(dates.flatten(1, 2).contiguous(memory_format=torch.channels_last))
        residual = self.to_pixels(features + self.trunk(features)).float()
        return enlarge(low_res.nanmedian(1).values, 4) + F.pixel_shuffle(residual, 4)


class Partial(nn.Module):
    """GridFusion with parts of it replaced while it runs."""

    def __init__(self, *, lays: bool, refines: bool) -> None:
        super().__init__()
        self.whole = laid()
        self.lays, self.refines = lays, refines

    def forward(self, low_res: Tensor) -> Tensor:
        kept = gridfusion.lay, gridfusion.align
        gridfusion.lay = kept[0] if self.lays else lay_nothing
        gridfusion.align = kept[1] if self.refines else register_only
        try:
            return self.whole(low_res)
        finally:
            gridfusion.lay, gridfusion.align = kept


def fused() -> DateFusion:
    return DateFusion(n_features=N_FEATURES, n_blocks=N_BLOCKS)


def laid() -> GridFusion:
    return GridFusion(n_features=N_FEATURES, n_blocks=N_BLOCKS)


def lay_nothing(values: Tensor, weight: Tensor, shift_px: Tensor, *, scale: int, sigma_px: Tensor):
    b, _, c, h, w = values.shape
    return values.new_zeros(b, c * scale**2, h, w) * sigma_px, values.new_zeros(b, scale**2, h, w)


def register_only(low_res: Tensor, valid: Tensor) -> Alignment:
    """The first estimate of displacements, and dates that are not moved."""
    first = register(low_res, valid)
    expected = first.reference.unsqueeze(1).expand_as(low_res)
    return Alignment(
        first.reference,
        first.harmonised,
        first.weight,
        first.harmonised,
        expected,
        first.shift_px - first.shift_px.mean(1, keepdim=True),
        first.weight,
    )


@dataclass(frozen=True)
class Variant:
    network: Callable[[], nn.Module]
    n_revisits: tuple[int, ...] = ANY_NUMBER
    ranges: Degradation | None = None


VARIANTS = {
    "dates stacked": Variant(Stacked),
    "dates registered, features averaged (DateFusion)": Variant(fused),
    "the same, trained on 8 dates only": Variant(fused, (8,)),
    "the same, trained on 1 date only": Variant(fused, (1,)),
    "the same, trained on dates with displacement, blur and 8 bits only": Variant(fused, ranges=PLAIN),
    "laid on the fine grid, registered once, dates not moved": Variant(lambda: Partial(lays=True, refines=False)),
    "aligned finely, not laid on the fine grid": Variant(lambda: Partial(lays=False, refines=True)),
    "aligned finely and laid (GridFusion)": Variant(laid),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--steps", type=int, default=600, help="of training, for each variant")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    series = held_out(given.imagery)
    rows = {}
    for name in given.only:
        variant = VARIANTS[name]
        started = time.process_time()
        network = trained(variant, given.imagery, given.steps)
        spent_s = time.process_time() - started
        size = sum(p.numel() for p in network.parameters())
        rows[name] = {"processor_s": round(spent_s), "parameters": size} | gains(network, series)
        print(json.dumps({name: rows[name]}), flush=True)
        if given.json:
            given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print_table(rows, given.steps)


def trained(variant: Variant, imagery: Path, n_steps: int) -> nn.Module:
    """The moving average of the weights at the end."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = variant.network().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimiser = torch.optim.Adam(network.parameters(), PEAK_RATE, betas=(0.9, 0.99))
    pairs = SimulatedPairs(
        [
            read_folder(imagery / "train" / name, include=(which,), exclude=but, share=share, min_side_px=128)
            for name, which, but, share in FOLDERS
        ],
        n_revisits=variant.n_revisits,
        chip_px=CHIP_PX,
        batch_size=BATCH_SIZE,
        seed=7,
        ranges=variant.ranges,
    )
    for step in range(n_steps):
        batch = pairs.batch(step)
        for group in optimiser.param_groups:
            group["lr"] = (
                PEAK_RATE * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / n_steps)))
            )
        super_res = network(batch.low_res)
        optimiser.zero_grad()
        F.l1_loss(super_res.float()[..., 4:-4, 4:-4], batch.high_res[..., 4:-4, 4:-4]).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimiser.step()
        average.update_parameters(network)
    return average.module.eval()


def held_out(imagery: Path) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Dates in the order in which they are added, truth, and bicubic of the best date; 16 chips each."""
    folder, pattern = HELD_OUT[PLACE]
    ground = torch.cat([chips_of(path) for path in sorted((imagery / folder).glob(pattern))])
    series = []
    for k, chips in enumerate(ground.split(16)):
        made = simulate_series(chips, n_revisits=N_DATES, generator=torch.Generator().manual_seed(20_000 + k))
        baseline, best = best_single_date(made.low_res, made.high_res, 4)
        ordered = torch.stack([best_then_ranked(s, int(b)) for s, b in zip(made.low_res, best, strict=True)])
        series.append((ordered, made.high_res, baseline))
    return series


def gains(network: nn.Module, series: list[tuple[Tensor, Tensor, Tensor]]) -> dict[str, float]:
    """cPSNR over bicubic of the best date, by number of dates."""
    truth = [rounded_to_bytes(high_res) for _, high_res, _ in series]
    floor = torch.cat([cpsnr(rounded_to_bytes(b), t, border_px=4) for (_, _, b), t in zip(series, truth, strict=True)])
    found = {}
    for n in COUNTS:
        images = [predict(network, low_res[:, :n]) for low_res, _, _ in series]
        scores = [cpsnr(rounded_to_bytes(i), t, border_px=4) for i, t in zip(images, truth, strict=True)]
        found[str(n)] = round(float((torch.cat(scores) - floor).mean()), 3)
    return found


def print_table(rows: dict[str, dict[str, float]], n_steps: int) -> None:
    print(f"\n{n_steps} steps each; dB of cPSNR over bicubic of the best date\n")
    print("| | parameters | processor time | 1 date | 2 | 4 | 8 |\n|---|--:|--:|--:|--:|--:|--:|")
    for name, row in rows.items():
        scores = " | ".join(f"{row[str(n)]:+.2f}" for n in COUNTS)
        print(f"| {name} | {row['parameters'] / 1e3:.0f} k | {row['processor_s']} s | {scores} |")


if __name__ == "__main__":
    main()

"""How good is a bundled model on places it never saw? `python benchmarks/score_bundled.py IMAGERY [--model NAME|FILE]`.

IMAGERY is the folder that holds `train/` and `pairs/`. Scores on simulated dates (truth known) and on real pairs are
separate tables: they measure different things. Intervals are 95 % bootstrap intervals over chips.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from ssr.data.imagery import read_picture
from ssr.data.simulate import simulate_series
from ssr.evaluation.scores import best_single_date, predict
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.bicubic import Bicubic, enlarge
from ssr.scenes.ranking import rank_dates
from ssr.workflows.models import open_model

CHIP_PX = 128
BORDER_PX = 4
N_DATES = 8
HELD_OUT = {
    "city (Claremont 2020, 1.2 m)": ("train/naip_california_1.2m", "claremont_2020_*.png"),
    "rural USA (2.5 m)": ("train/naip_rural_2.5m", "naip_eval*.png"),
    "South Africa (sheet 3320D, 2.5 m)": ("train/south_africa_2.5m", "3320D_*.png"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    opened = open_model(given.model)
    torch.set_num_threads(2)
    simulated = {name: score_simulated(opened.network, given.imagery / f, p) for name, (f, p) in HELD_OUT.items()}
    real = {
        "opensr-test, 18 pairs, 1 date": score_real(opened.network, opensr_pairs(given.imagery)),
        "S2-NAIP, 1 place, 6 dates": score_real(opened.network, s2_naip_pair(given.imagery)),
    }
    print_table("Simulated dates (cPSNR, dB)", simulated)
    print_table("Real pairs (cPSNR, dB)", real)
    if given.json:
        report = {"model": opened.name, "sha256": opened.sha256, "simulated": simulated, "real": real}
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def score_simulated(network, folder: Path, pattern: str) -> dict[str, dict[str, float]]:
    """Eight simulated dates per chip; the same chips with fewer: the date whose bicubic is best, then by the rule."""
    ground = torch.cat([chips_of(path) for path in sorted(folder.glob(pattern))])
    rows: dict[str, list[float]] = {}
    for k, chips in enumerate(ground.split(16)):
        generator = torch.Generator().manual_seed(20_000 + k)
        series = simulate_series(chips, n_revisits=N_DATES, generator=generator)
        baseline, best = best_single_date(series.low_res, series.high_res, 4)
        ordered = torch.stack([best_then_ranked(s, int(b)) for s, b in zip(series.low_res, best, strict=True)])
        add(rows, "bicubic, best date", baseline, series.high_res)
        add(rows, "bicubic, median of 8", predict(Bicubic(), series.low_res), series.high_res)
        for n in (1, 2, 4, 8):
            add(rows, f"{n} date{'s' * (n > 1)}", predict(network, ordered[:, :n]), series.high_res)
    return summarise(rows)


def best_then_ranked(series: torch.Tensor, best: int) -> torch.Tensor:
    return series[[best, *(k for k in rank_dates(series.numpy()) if k != best)]]


def score_real(network, pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, dict[str, float]]:
    """Real Sentinel-2 against real aerial images: colours differ, so only the bias per channel is forgiven."""
    rows: dict[str, list[float]] = {}
    for low_res, truth in pairs:
        target = truth.unsqueeze(0)
        add(rows, "bicubic, best date", best_single_date(low_res.unsqueeze(0), target, 4)[0], target)
        add(rows, f"{len(low_res)} date{'s' * (len(low_res) > 1)}", predict(network, low_res.unsqueeze(0)), target)
        add(rows, "bicubic of all, median", enlarge(predict_median(low_res), 4), target)
    return summarise(rows)


def predict_median(low_res: torch.Tensor) -> torch.Tensor:
    return low_res.median(0, keepdim=True).values


def add(rows: dict[str, list[float]], name: str, images: torch.Tensor, truth: torch.Tensor) -> None:
    values = cpsnr(rounded_to_bytes(images), rounded_to_bytes(truth), border_px=BORDER_PX)
    rows.setdefault(name, []).extend(values.tolist())


def summarise(rows: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Mean, gain over the best date's bicubic with its interval, number of chips."""
    reference = np.array(rows["bicubic, best date"])
    rng = np.random.default_rng(0)
    table = {}
    for name, values in rows.items():
        gain = np.array(values) - reference
        means = rng.choice(gain, (2000, len(gain))).mean(1)
        low, high = np.percentile(means, [2.5, 97.5])
        table[name] = {
            "cpsnr": round(float(np.mean(values)), 2),
            "gain": round(float(gain.mean()), 2),
            "low": round(float(low), 2),
            "high": round(float(high), 2),
            "n": len(values),
        }
    return table


def chips_of(path: Path) -> torch.Tensor:
    """A picture cut into 128-px chips without overlap, `n 3 128 128` in [0, 1]."""
    pixels = torch.from_numpy(read_picture(path).pixels.copy()).permute(2, 0, 1).float() / 255
    tiles = pixels.unfold(1, CHIP_PX, CHIP_PX).unfold(2, CHIP_PX, CHIP_PX)
    return tiles.permute(1, 2, 0, 3, 4).flatten(0, 1)


def opensr_pairs(imagery: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    folder = imagery / "pairs" / "opensr_test"
    return [
        (as_tensor(path).unsqueeze(0), as_tensor(path.with_name(path.name.replace("_lr", "_hr"))))
        for path in sorted(folder.glob("*_lr.png"))
    ]


def s2_naip_pair(imagery: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    folder = imagery / "pairs" / "s2_naip_a"
    return [(torch.stack([as_tensor(p) for p in sorted(folder.glob("s2_*.png"))]), as_tensor(folder / "naip.png"))]


def as_tensor(path: Path) -> torch.Tensor:
    return torch.from_numpy(read_picture(path).pixels.copy()).permute(2, 0, 1).float() / 255


def print_table(title: str, tables: dict[str, dict[str, dict[str, float]]]) -> None:
    print(f"\n## {title}\n")
    for place, rows in tables.items():
        n = next(iter(rows.values()))["n"]
        print(f"\n**{place}** ({n} chips)\n\n| | cPSNR | gain over bicubic of the best date (95 %) |\n|---|--:|--:|")
        for name, row in rows.items():
            print(f"| {name} | {row['cpsnr']:.2f} | {row['gain']:+.2f} ({row['low']:+.2f} … {row['high']:+.2f}) |")


if __name__ == "__main__":
    main()

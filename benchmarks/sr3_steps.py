"""How many network calls does an image of SR3 need? `python benchmarks/sr3_steps.py IMAGERY WEIGHTS [--squeezenet F]`.

IMAGERY is the folder that holds `train/`; WEIGHTS a safetensors file that says its architecture (`ssr weights
convert … --model CONFIG`). The first chip of some pictures of the held-out city, eight simulated dates. Two possible
images of each are drawn by every solver; cPSNR is that of one image and of the mean of two, *spread* the standard
deviation between the two, in steps of 255, LPIPS by SqueezeNet that of one. All chips go through the network at once.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from score_bundled import BORDER_PX, N_DATES, chips_of
from torch import Tensor

from ssr.build.judges import build_lpips
from ssr.build.networks import load_model
from ssr.data.simulate import simulate_series
from ssr.device import choose_compute
from ssr.evaluation.scores import best_single_date
from ssr.metrics.displaced import cpsnr
from ssr.metrics.lpips import Lpips
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.sampling import SamplerName

PICTURES = "train/naip_california_1.2m/claremont_2020_*.png"
STRIDE = 4
"""Of the city's pictures every fourth."""
WAYS: tuple[tuple[SamplerName, int, float], ...] = (
    ("dpm-solver++", 5, 0.3),
    ("dpm-solver++", 10, 0.3),
    ("dpm-solver++", 25, 0.3),
    ("dpm-solver++", 100, 0.3),
    ("ddim", 25, 0.3),
    ("ddpm", 25, 0.3),
    ("dpm-solver++", 25, 0.0),
    ("ddpm", 2000, 0.0),
)
"""Solver, network calls, signal at the start (0: pure noise, as published). The last is the original's way."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--squeezenet", type=Path)
    parser.add_argument("--most-calls", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    network = load_model(given.weights).eval().to(memory_format=torch.channels_last)
    compute = choose_compute()
    paths = sorted(given.imagery.glob(PICTURES))[::STRIDE]
    ground = torch.cat([chips_of(path)[:1] for path in paths])
    made = simulate_series(ground, n_revisits=N_DATES, generator=torch.Generator().manual_seed(20_000))
    judge = build_lpips("lpips_squeeze", given.squeezenet) if given.squeezenet else None
    bicubic, _ = best_single_date(made.low_res, made.high_res, network.scale)
    found = {"bicubic, best date": scores(bicubic[:, None], made.high_res, judge)}
    for kind, n_steps, start_signal in WAYS:
        if n_steps > given.most_calls:
            continue
        network.sampler = replace(network.sampler, kind=kind, n_steps=n_steps, start_signal=start_signal)
        began = time.perf_counter()
        with torch.inference_mode(), compute.autocast():
            images = network.sample(made.low_res, 2).float()
        seconds = (time.perf_counter() - began) / images[:, :, 0, 0, 0].numel()
        start = "noise" if start_signal == 0 else "enlargement"
        found[f"{kind}, {n_steps} calls, from {start}"] = {
            **scores(images, made.high_res, judge),
            "seconds an image": round(seconds, 2),
        }
        print(json.dumps({kind: n_steps, "from": start, "seconds": round(seconds, 2)}), flush=True)
    columns = list(found[f"{WAYS[0][0]}, {WAYS[0][1]} calls, from enlargement"])
    print(f"| {len(ground)} chips | {' | '.join(columns)} |\n|---|" + "--:|" * len(columns))
    for name, row in found.items():
        print(f"| {name} | {' | '.join(f'{row[c]:.3f}' if c in row else '–' for c in columns)} |")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def scores(images: Tensor, truth: Tensor, judge: Lpips | None) -> dict[str, float]:
    """Of `b n 3 H W` possible images."""
    first, mean = images[:, 0].clamp(0, 1), images.mean(1)
    found = {"cPSNR of one, dB": db(first, truth)}
    if images.shape[1] > 1:
        found |= {"of the mean of two": db(mean, truth), "spread of 255": 255 * float(images.std(1).mean())}
    if judge is not None:
        with torch.no_grad():
            found["LPIPS, SqueezeNet"] = float(judge(first, truth).mean())
    return found


def db(images: Tensor, truth: Tensor) -> float:
    return float(cpsnr(rounded_to_bytes(images), rounded_to_bytes(truth), border_px=BORDER_PX).mean())


if __name__ == "__main__":
    main()

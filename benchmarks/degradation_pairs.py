"""Why does a good model of simulated dates lose on real pairs? `python benchmarks/degradation_pairs.py IMAGERY`.

Analysis only: nothing may be fitted to these pairs, and no factor below is for use. What the model adds to bicubic
enlargement is scaled by a factor; where it is best below 1, the model sharpens more than the pairs bear out.
"""

import argparse
from pathlib import Path

import torch
from degradation import BEFORE
from score_bundled import CHIP_PX, HELD_OUT, chips_of, opensr_pairs

from ssr.data.instrument import product_matrix, sampling_matrix
from ssr.data.simulate import Degradation, simulate_series
from ssr.evaluation.scores import BORDER_PX, predict
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.bicubic import enlarge
from ssr.workflows.models import open_model

FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIGMA_PX = 0.42
NOISE = 0.002
N_CHIPS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--model", default="compact-8")
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = open_model(given.model).network
    print("\n| low resolution | " + " | ".join(f"{f:g}" for f in FACTORS) + " |\n|---|" + "--:|" * len(FACTORS))
    pairs = opensr_pairs(given.imagery)
    real, truth = (torch.stack(images) for images in zip(*pairs, strict=True))
    report("real", network, real, truth)
    report("from the truth, sampled", network, from_truth(truth, is_resampled=False), truth)
    report("from the truth, sampled and resampled", network, from_truth(truth, is_resampled=True), truth)
    for place, (folder, pattern) in HELD_OUT.items():
        ground = torch.cat([chips_of(p)[:6] for p in sorted((given.imagery / folder).glob(pattern))])[:N_CHIPS]
        for name, ranges in (("before", Degradation(**BEFORE)), ("now", Degradation())):
            for n_dates in (1, 8):
                generator = torch.Generator().manual_seed(1)
                series = simulate_series(ground, n_revisits=n_dates, generator=generator, ranges=ranges)
                report(f"{place}, {n_dates} date(s), {name}", network, series.low_res, series.high_res)


def from_truth(truth: torch.Tensor, *, is_resampled: bool) -> torch.Tensor:
    """Low resolution as the instrument would have made it of exactly this ground; native phases are drawn."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for image in truth:
        phase, pitch = (torch.rand(2, 2, generator=generator) - 0.5).unbind()
        matrices = [
            product_matrix(
                CHIP_PX, 4, torch.tensor(0.0), torch.tensor(SIGMA_PX), phase_px=phase[k], pitch_px=1 + 0.12 * pitch[k]
            )
            if is_resampled
            else sampling_matrix(CHIP_PX, 4, torch.tensor(0.0), torch.tensor(SIGMA_PX))
            for k in (0, 1)
        ]
        made.append(matrices[0] @ image @ matrices[1].mT)
    seen = torch.stack(made)
    seen = seen + NOISE * torch.randn(seen.shape, generator=generator)
    return rounded_to_bytes(seen.clamp(1 / 255, 1))[:, None]


def report(name: str, network, low_res: torch.Tensor, truth: torch.Tensor) -> None:
    plain = enlarge(low_res.median(1).values, 4).clamp(0, 1)
    added = predict(network, low_res) - plain
    scores = [
        cpsnr(rounded_to_bytes((plain + f * added).clamp(0, 1)), rounded_to_bytes(truth), border_px=BORDER_PX).mean()
        for f in FACTORS
    ]
    print(f"| {name} | " + " | ".join(f"{float(s):.2f}" for s in scores) + " |", flush=True)


if __name__ == "__main__":
    main()

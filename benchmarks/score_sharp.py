"""Does a perceptual model look nearer to the truth? `python benchmarks/score_sharp.py IMAGERY --vgg16 FILE …`.

IMAGERY is the folder that holds `train/` and `pairs/`; the two files are trunks of networks that judge likeness (LPIPS,
Zhang et al. 2018, with its published heads; the trunks are not the ones that the heads were fitted to, so the figures
compare with each other only). Lower is nearer. `reflectance` is the mean absolute difference between the result, made
small again, and the dates' mean; `grid` what repeats itself from one input pixel to the next, in steps of 255.
Simulated and real pairs apart.
"""

import argparse
import json
from pathlib import Path

import torch
from hallucination import pairs
from score_bundled import BORDER_PX, HELD_OUT, N_DATES, chips_of
from torch import Tensor

from ssr.build.judges import build_lpips
from ssr.data.simulate import simulate_series
from ssr.evaluation.scores import best_single_date, predict
from ssr.losses.reconstruction import repeated_difference
from ssr.metrics.consistency import consistency_measures
from ssr.metrics.displaced import cpsnr
from ssr.metrics.lpips import Lpips
from ssr.metrics.measure import Judged, Suite
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.fidelity import held_to_input
from ssr.models.protocol import SuperResolver
from ssr.workflows.models import open_model

SCALE = 4
MODELS = ("compact-8",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--vgg16", type=Path, required=True)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    judges = {
        "LPIPS, VGG16": build_lpips("lpips_vgg", given.vgg16),
        "LPIPS, SqueezeNet": build_lpips("lpips_squeeze", given.squeezenet),
    }
    networks = {open_model(name).name: open_model(name).network for name in given.models}
    networks |= {
        f"{name}, fidelity 1": held_to_input(network, strength=1.0, reference="median")
        for name, network in networks.items()
    }
    report = {
        "simulated, 8 dates (city)": averages(*simulated(given.imagery), networks, judges),
        "opensr-test, real, 1 date": averages(*pairs(given.imagery / "pairs" / "opensr_test"), networks, judges),
    }
    for place, rows in report.items():
        columns = next(iter(rows.values()))
        print(f"\n**{place}**\n\n| | {' | '.join(columns)} |\n|---|" + "--:|" * len(columns))
        for name, row in rows.items():
            print(f"| {name} | {' | '.join(f'{value:.4f}' for value in row.values())} |")
    if given.json:
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def simulated(imagery: Path) -> tuple[Tensor, Tensor]:
    """The first chip of every picture of the city, with eight dates."""
    folder, pattern = HELD_OUT["city (Claremont 2020, 1.2 m)"]
    ground = torch.cat([chips_of(path)[:1] for path in sorted((imagery / folder).glob(pattern))])
    made = simulate_series(ground, n_revisits=N_DATES, generator=torch.Generator().manual_seed(20_000))
    return made.low_res, made.high_res


def averages(
    low_res: Tensor, truth: Tensor, networks: dict[str, SuperResolver], judges: dict[str, Lpips]
) -> dict[str, dict[str, float]]:
    suite = Suite([m for m in consistency_measures(SCALE) if m.key == "reflectance"])
    results = {"bicubic, best date": best_single_date(low_res, truth, SCALE)[0]}
    results |= {name: predict(network, low_res) for name, network in networks.items()}
    return {
        name: {what: distance(image, truth, lpips) for what, lpips in judges.items()}
        | {
            "reflectance": float(suite(Judged(image, truth, low_res))["reflectance"].nanmean()),
            "grid of 255": 255 * float(repeated_difference(image, truth, period_px=SCALE)),
            "cPSNR, dB": float(cpsnr(rounded_to_bytes(image), rounded_to_bytes(truth), border_px=BORDER_PX).mean()),
        }
        for name, image in results.items()
    }


def distance(image: Tensor, truth: Tensor, lpips: Lpips) -> float:
    with torch.no_grad():
        parts = [lpips(a, b) for a, b in zip(image.clamp(0, 1).split(8), truth.split(8), strict=True)]
    return float(torch.cat(parts).mean())


if __name__ == "__main__":
    main()

"""What does a model invent on real pairs? `python benchmarks/hallucination.py IMAGERY [--model NAME|FILE] …`.

IMAGERY is the folder that holds `pairs/opensr_test/*_lr.png` and `*_hr.png`. Means with 95 % bootstrap intervals over
pairs, beside the reference interpolation and the truth itself. `--squeezenet` adds LPIPS by SqueezeNet (opensr-test's
is AlexNet's), `--package` the largest difference from the package opensr-test, where it is installed.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from ssr.build.judges import build_lpips
from ssr.data.imagery import read_picture
from ssr.evaluation.scores import predict
from ssr.metrics.consistency import consistency_measures
from ssr.metrics.hallucination import by_patch, hallucination_measures, normalised_difference
from ssr.metrics.measure import Judged, Suite
from ssr.models.bicubic import Bicubic
from ssr.workflows.models import open_model

SCALE = 4
N_DRAWS = 10_000
SAID_BY_PACKAGE = {
    "ha_metric": "hallucination_nd",
    "om_metric": "omission_nd",
    "im_metric": "improvement_nd",
    **{name: name for name in ("reflectance", "spectral", "spatial", "synthesis")},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--squeezenet", type=Path, help="torchvision's squeezenet1_1 weights")
    parser.add_argument("--package", action="store_true")
    given = parser.parse_args()
    opened = open_model(given.model)
    torch.set_num_threads(1)
    low_res, truth = pairs(given.imagery / "pairs" / "opensr_test")
    measures = consistency_measures(SCALE) + hallucination_measures("nd", normalised_difference, SCALE)
    if given.squeezenet:
        lpips = by_patch(build_lpips("lpips_squeeze", given.squeezenet), least_side_px=64, padding=0.5)
        measures += hallucination_measures("lpips", lpips, SCALE)
    suite = Suite(measures)
    results = {
        "bicubic": predict(Bicubic(), low_res),
        opened.name: predict(opened.network, low_res),
        "truth": truth,
    }
    found = {name: suite(Judged(image, truth, low_res)) for name, image in results.items()}
    print_table(measures, found, opened.name, len(truth))
    if given.package:
        print_differences(results, truth, low_res, found)


def pairs(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    paths = sorted(folder.glob("*_lr.png"))
    low_res = torch.stack([as_tensor(path) for path in paths])
    return low_res.unsqueeze(1), torch.stack(
        [as_tensor(path.with_name(path.name.replace("_lr", "_hr"))) for path in paths]
    )


def as_tensor(path: Path) -> torch.Tensor:
    return torch.from_numpy(read_picture(path).pixels.copy()).permute(2, 0, 1).float() / 255


def print_table(measures, found, model: str, n_pairs: int) -> None:
    print(f"| {n_pairs} pairs | better | bicubic | {model} | difference (95 %) | truth |\n|---|---|--:|--:|--:|--:|")
    for measure in measures:
        values = {name: rows[measure.key].numpy() for name, rows in found.items()}
        cells = [interval(values["bicubic"]), interval(values[model]), interval(values[model] - values["bicubic"], "+")]
        unit = f", {measure.unit}" if measure.unit else ""
        print(f"| `{measure.key}`{unit} | {measure.better} | {' | '.join(cells)} | {np.nanmean(values['truth']):.4f} |")


def interval(values, sign: str = "") -> str:
    kept = values[~np.isnan(values)]
    means = np.random.default_rng(0).choice(kept, (N_DRAWS, len(kept))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    lost = f", {len(values) - len(kept)} without" if len(kept) < len(values) else ""
    return f"{kept.mean():{sign}.4f} ({low:{sign}.4f} … {high:{sign}.4f}{lost})"


def print_differences(results, truth, low_res, found) -> None:
    """Largest absolute difference, over images and results, from what the package says of the same arrays."""
    import opensr_test

    largest = dict.fromkeys(SAID_BY_PACKAGE.values(), 0.0)
    for name, images in results.items():
        for k, image in enumerate(images):
            said = opensr_test.Metrics().compute(lr=low_res[k, 0], sr=image, hr=truth[k])
            for theirs, ours in SAID_BY_PACKAGE.items():
                a, b = said[theirs], found[name][ours][k].item()
                if np.isnan(a) != np.isnan(b):
                    raise SystemExit(f"{name}, pair {k}, {ours}: the package says {a}, we say {b}")
                if not np.isnan(a):
                    largest[ours] = max(largest[ours], abs(a - b))
    print("\nlargest difference from the package:", {name: float(f"{value:.2g}") for name, value in largest.items()})


if __name__ == "__main__":
    main()

"""How near is the vegetation index of a four-band model to the truth? `python benchmarks/score_rgbn.py IMAGERY MODEL`.

IMAGERY is the folder that holds `train/`. Eight simulated dates of the held-out city, with its near infrared. NDVI is
(infrared - red) / (infrared + red) of result and truth alike, in the units of the network.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from score_bundled import BORDER_PX, N_DATES, best_then_ranked
from torch import Tensor

from ssr.data.imagery import Reading, read_folder
from ssr.data.simulate import simulate_series
from ssr.evaluation.scores import best_single_date, predict
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.bicubic import Bicubic
from ssr.workflows.models import open_model

FOLDER = "train/naip_california_1.2m"
PATTERN = "claremont_2020_*.png"
SIDE_PX = 128
RED, INFRARED = 0, 3
DARKEST = 0.05
"""Where red and infrared together are darker, the index is noise and does not count."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("model")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    network = open_model(given.model).network
    rows: dict[str, dict[str, list[float]]] = {}
    for k, ground in enumerate(four_band_chips(given.imagery).split(16)):
        series = simulate_series(ground, n_revisits=N_DATES, generator=torch.Generator().manual_seed(20_000 + k))
        baseline, best = best_single_date(series.low_res, series.high_res, 4)
        ordered = torch.stack([best_then_ranked(s, int(b)) for s, b in zip(series.low_res, best, strict=True)])
        note(rows, "bicubic, best date", baseline, series.high_res)
        note(rows, "bicubic, median of 8", predict(Bicubic(n_channels=4), series.low_res), series.high_res)
        for n in (1, 2, 4, 8):
            note(rows, f"{n} date{'s' * (n > 1)}", predict(network, ordered[:, :n]), series.high_res)
    means = {name: {what: float(np.mean(values)) for what, values in row.items()} for name, row in rows.items()}
    print("| | NDVI, mean absolute error | NDVI, correlation | cPSNR |\n|---|--:|--:|--:|")
    for name, row in means.items():
        print(f"| {name} | {row['error']:.4f} | {row['correlation']:.3f} | {row['cpsnr']:.2f} |")
    if given.json:
        given.json.write_text(json.dumps(means, indent=2) + "\n", encoding="utf-8")


def four_band_chips(imagery: Path) -> Tensor:
    folder = imagery / FOLDER
    pictures = read_folder(
        folder,
        include=(PATTERN,),
        exclude=(),
        share=1.0,
        min_side_px=SIDE_PX,
        reading=Reading(nir_folder=folder.with_name(f"{folder.name}_nir")),
    ).pictures
    chips = [torch.from_numpy(p.read(slice(0, SIDE_PX), slice(0, SIDE_PX))) for p in pictures]
    return torch.stack(chips).permute(0, 3, 1, 2).contiguous()


def note(rows: dict[str, dict[str, list[float]]], name: str, images: Tensor, truth: Tensor) -> None:
    """Of every image: error and correlation of its index, where neither is too dark; cPSNR of all bands."""
    inner = slice(BORDER_PX, -BORDER_PX)
    made, wanted = images[..., inner, inner], truth[..., inner, inner]
    row = rows.setdefault(name, {"error": [], "correlation": [], "cpsnr": []})
    for a, b in zip(made, wanted, strict=True):
        seen = (b[RED] + b[INFRARED] > DARKEST) & (a[RED] + a[INFRARED] > DARKEST)
        pair = torch.stack([ndvi(a)[seen], ndvi(b)[seen]])
        row["error"].append(float((pair[0] - pair[1]).abs().mean()))
        row["correlation"].append(float(torch.corrcoef(pair)[0, 1]))
    row["cpsnr"].extend(cpsnr(rounded_to_bytes(images), rounded_to_bytes(truth), border_px=BORDER_PX).tolist())


def ndvi(image: Tensor) -> Tensor:
    return (image[INFRARED] - image[RED]) / (image[INFRARED] + image[RED]).clamp_min(DARKEST)


if __name__ == "__main__":
    main()

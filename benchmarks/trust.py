"""Does stated trust come true, and are things of one date found? `python benchmarks/trust.py IMAGERY [--write FILE]`.

IMAGERY is the folder that holds `train/`. A calibration is fitted on half of the places held out from training and
tested on the other half and on a country that takes no part in fitting. With `--write` it is kept; `--pictures` draws
reliability and sparsification; `--fitted FILE` tests an existing calibration instead of fitting one.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from ssr.atomic import whole_file
from ssr.data.imagery import read_picture
from ssr.data.simulate import Degradation, SimulatedSeries, simulate_series
from ssr.evaluation.calibration import (
    Samples,
    apply,
    feature_table,
    fit_calibration,
    measure_samples,
    rank_correlation,
    reliability,
    sparsification,
    sparsification_error,
)
from ssr.inference.trust import FOLLOWED
from ssr.models.agreement import DEPARTURE, SMOOTHING_PX, gather, views_of
from ssr.models.bicubic import Bicubic
from ssr.models.pointspread import blurred, sentinel2_sigma_px
from ssr.models.trust import Calibration, calibration_from
from ssr.scenes.ranking import plan_dates, rank_dates
from ssr.scenes.subsets import plan_subsets
from ssr.workflows.models import open_model

CHIP_PX = 128
GSD_M = 10.0
DATES = (8, 2, 5, 3, 7, 4, 6)
N_PIXELS = 1200


class Place(NamedTuple):
    """Pictures of a landscape; `part` 0 or 1 keeps every other picture, None all; `n_draws` series per chip."""

    folder: str
    pattern: str
    part: int | None
    n_draws: int


FIT = {
    "city": Place("naip_california_1.2m", "claremont_*.png", 0, 1),
    "rural": Place("naip_rural_2.5m", "naip_eval*.png", 0, 5),
}
TEST = {
    "city (other sites of Claremont)": Place("naip_california_1.2m", "claremont_2020_*.png", 1, 2),
    "rural USA (other places)": Place("naip_rural_2.5m", "naip_eval*.png", 1, 4),
    "South Africa (not in fitting)": Place("south_africa_2.5m", "3320D_*.png", None, 2),
}
COLOURS = ("#1b6ca8", "#2e8b57", "#c0392b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--fitted", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    opened = open_model(given.model)
    train = given.imagery / "train"
    if given.fitted:
        calibration = calibration_from(given.fitted.read_text(encoding="utf-8"), source=str(given.fitted))
    else:
        calibration = fit(opened.network, opened.sha256, train)
    if given.write:
        with whole_file(given.write) as part:
            part.write_text(calibration.to_text(), encoding="utf-8")
    report: dict[str, object] = {"model": opened.name, "sha256": opened.sha256}

    def tell(title: str, found: object) -> None:
        report[title] = found
        print(json.dumps({title: found}, indent=1), flush=True)
        if given.json:
            given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    tests = {name: collect(opened.network, train, place, seed=50_000) for name, place in TEST.items()}
    tell("reliability", {name: judge(calibration, samples) for name, samples in tests.items()})
    tell("evidence alone", {name: feature_table(samples) for name, samples in tests.items()})
    if given.pictures:
        draw(calibration, tests, given.pictures)
    for place in (CITY, ABROAD):
        tell(f"objects, {place}", objects(opened.network, train, TEST[place]))
    once = TEST[CITY]._replace(n_draws=1)
    for n in (2, 4, 8):
        samples = collect(opened.network, train, once, seed=51_000, dates=(n,))
        tell(f"{n} dates, city", judge(calibration, samples))
    tell("with fidelity 1, city", judge(calibration, collect(opened.network, train, once, seed=52_000, strength=1.0)))
    shared = {name: shared_error(opened.network, train, place) for name, place in TEST.items()}
    tell("correlation of the errors of two halves of 8 dates", shared)


CITY, _, ABROAD = TEST


def fit(network, sha256: str, train: Path) -> Calibration:
    parts = [collect(network, train, place, seed=40_000 + 1000 * k) for k, place in enumerate(FIT.values())]
    n_each = min(len(part.error) for part in parts)  # both landscapes count alike
    rng = np.random.default_rng(0)
    kept = [rng.permutation(len(part.error))[:n_each] for part in parts]
    samples = parts[0].__class__(
        np.concatenate([part.features[k] for part, k in zip(parts, kept, strict=True)]),
        np.concatenate([part.error[k] for part, k in zip(parts, kept, strict=True)]),
    )
    made_on = "NAIP Claremont 2016-2020 (1.2 m, every other site) and NAIP rural 2.5 m (every other place), USA"
    return fit_calibration(
        samples,
        n_dates=(min(DATES), max(DATES)),
        model_sha256=sha256,
        provenance={
            "made_on": made_on,
            "made_by": "python benchmarks/trust.py",
            "n_pixels": len(samples.error),
            "mean_error": round(float(samples.error.mean()), 5),
        },
    )


def collect(
    network, train: Path, place: Place, *, seed: int, dates: tuple[int, ...] = DATES, strength: float = 0.0
) -> Samples:
    held = []
    for k, chip in enumerate(chips(train, place)):
        for draw_ in range(place.n_draws):
            generator = torch.Generator().manual_seed(seed * 100 + k * place.n_draws + draw_)
            n = dates[(k * place.n_draws + draw_) % len(dates)]
            series = simulate_series(chip[None], n_revisits=n, generator=generator)
            held.append(
                measure_samples(
                    network,
                    series.low_res[0],
                    series.high_res[0],
                    n_pixels=N_PIXELS,
                    generator=generator,
                    strength=strength,
                )
            )
    return Samples(np.concatenate([s.features for s in held]), np.concatenate([s.error for s in held]))


def chips(train: Path, place: Place) -> Iterator[torch.Tensor]:
    """Squares of 128 px. Sites recur in other years under the same number, so parts go by that number."""
    paths = sorted((train / place.folder).glob(place.pattern))
    for k, path in enumerate(paths):
        number = path.stem.rpartition("_")[2]
        if place.part is not None and (int(number) if number.isdecimal() else k) % 2 != place.part:
            continue
        pixels = torch.from_numpy(read_picture(path).pixels.copy()).permute(2, 0, 1).float() / 255
        tiles = pixels.unfold(1, CHIP_PX, CHIP_PX).unfold(2, CHIP_PX, CHIP_PX)
        yield from tiles.permute(1, 2, 0, 3, 4).flatten(0, 1)


def judge(calibration: Calibration, samples: Samples) -> dict[str, float]:
    trust, expected = apply(calibration, samples.features)
    right = samples.error <= calibration.tolerance
    sure = trust >= 0.9
    return {
        "n_pixels": len(right),
        "mean trust": round(float(trust.mean()), 3),
        "share right": round(float(right.mean()), 3),
        "calibration error": round(reliability(trust, samples.error).calibration_error, 3),
        "mean expected error": round(float(expected.mean()), 4),
        "mean error": round(float(samples.error.mean()), 4),
        "rank correlation": round(rank_correlation(expected, samples.error), 3),
        "sparsification error": round(sparsification_error(expected, samples.error), 3),
        "share with trust of 0.9": round(float(sure.mean()), 3),
        "of these right": round(float(right[sure].mean()), 3),
        "of these off by 0.1": round(float((samples.error[sure] > 0.1).mean()), 4),
        "of the others off by 0.1": round(float((samples.error[~sure] > 0.1).mean()), 4),
    }


@torch.inference_mode()
def shared_error(network, train: Path, place: Place) -> float:
    """Correlation of the signed errors of two halves that share no date: what no agreement can reveal."""
    pairs = []
    for k, chip in enumerate(chips(train, place)):
        series = simulate_series(chip[None], n_revisits=8, generator=torch.Generator().manual_seed(60_000 + k))
        whole, views = views_for(network, series.low_res)
        errors = [view(series.low_res[:, whole.dates], None) - series.high_res for view in views.halves]
        pairs.append(torch.stack([e.mean(1)[..., 4:-4, 4:-4].flatten() for e in errors]))
    return round(float(torch.corrcoef(torch.cat(pairs, 1))[0, 1]), 3)


def views_for(network, low_res: torch.Tensor):
    ranked = rank_dates(low_res[0].numpy())
    whole = plan_dates(ranked, network.n_revisits)
    positions = [whole.dates.index(date) for date in ranked if date in whole.dates]
    return whole, views_of(network, whole, plan_subsets(positions, network.n_revisits))


SIZES_M = ((5, 5), (10, 10), (10, 20), (10, 40), (20, 60))
VISIBLE = 0.06
N_GROUNDS = 24
CALM = Degradation(transient_probability=0.0)


@torch.inference_mode()
def objects(network, train: Path, place: Place) -> dict[str, dict[str, float]]:
    """Rectangles, bright or dark, in one date or in all: how often flagged, how much of their contrast remains."""
    grounds = [chip for k, chip in enumerate(chips(train, place)) if k % 2 == 0][:N_GROUNDS]
    table: dict[str, dict[str, float]] = {}
    for n in (2, 4, 8):
        once: dict[str, list[Found]] = {}
        always: list[bool] = []
        alarms = []
        for k, chip in enumerate(grounds):
            generator = torch.Generator().manual_seed(70_000 + 10 * k + n)
            plain = simulate_series(chip[None], n_revisits=n, generator=generator, ranges=CALM)
            is_alone = alone(plain.low_res)
            alarms.append(is_alone[4:-4, 4:-4].float().mean().item())
            base = network(plain.low_res)[0]
            for size_m in SIZES_M:
                for value in (0.9, 0.02):
                    found = one_date(network, plain, base, is_alone, size_m, value, generator)
                    if found:
                        once.setdefault(f"{size_m[0]} × {size_m[1]} m", []).append(found)
            value, size_m = ((0.9, 0.02)[k % 2], SIZES_M[1 + k % 4])
            always.append(every_date(chip, n, size_m, value, seed=80_000 + k))
        for size, rows in once.items():
            flagged, remains, followed, by_chance = np.array(rows, float).T
            table[f"{n} dates, {size}"] = {
                "n": len(rows),
                "flagged": round(float(flagged.mean()), 2),
                "remains": round(float(np.median(remains)), 2),
                "flagged or less than a tenth remains": round(float(((flagged > 0) | (remains < 0.1)).mean()), 2),
                "of those flagged said to be followed": round(float(followed.sum() / max(1.0, flagged.sum())), 2),
                "same place flagged without it": round(float(by_chance.mean()), 2),
            }
        table[f"{n} dates, in every date"] = {"n": len(always), "flagged": round(float(np.mean(always)), 2)}
        table[f"{n} dates, nothing painted"] = {"share of pixels flagged": round(float(np.mean(alarms)), 4)}
    return table


class Found(NamedTuple):
    """Flagged or not, share of the contrast that remains, followed or not, flagged where nothing was painted."""

    flagged: bool
    remains: float
    followed: bool
    by_chance: bool


def alone(low_res: torch.Tensor) -> torch.Tensor:
    """Where something is there on one date only, `H W`: a matter of the dates, whichever network sees them."""
    _, views = views_for(Bicubic(), low_res)
    return (gather(views, low_res)[1].departure >= DEPARTURE)[0, 0]


def one_date(
    network,
    plain: SimulatedSeries,
    base: torch.Tensor,
    was_alone: torch.Tensor,
    size_m: tuple[int, int],
    value: float,
    generator: torch.Generator,
) -> Found | None:
    """Paint into one date; None if it is clouded there, or too small or faint to change any pixel by VISIBLE."""
    n, (h, w) = plain.low_res.shape[1], plain.low_res.shape[-2:]
    date = int(torch.randint(n, (1,), generator=generator))
    coverage, footprint = rectangle((h, w), size_m, generator)
    low_res = plain.low_res.clone()
    low_res[0, date] = low_res[0, date] * (1 - coverage) + value * coverage
    if not plain.clear[0, date][coverage > 0.05].all() or (low_res - plain.low_res).abs().max() < VISIBLE:
        return None
    result = network(low_res)[0]
    without = network(low_res[:, [k for k in range(n) if k != date]])[0]
    core = footprint > 0.5 * footprint.max()
    remains = (result - base).mean(0)[core].mean() / (value - base.mean(0)[core].mean())
    around = F.max_pool2d(footprint[None, None], 9, stride=1, padding=4)[0, 0] > 0
    flagged = alone(low_res) & around
    change = blurred((result - without).abs().mean(0)[None, None], SMOOTHING_PX)[0, 0]
    is_followed = bool((change >= FOLLOWED)[flagged].any())
    return Found(bool(flagged.any()), remains.item(), is_followed, bool(was_alone[around].any()))


def every_date(chip: torch.Tensor, n: int, size_m: tuple[int, int], value: float, *, seed: int) -> bool:
    """Whether an object that is always there is flagged, and its place would not be without it."""
    _, footprint = rectangle((CHIP_PX // 4, CHIP_PX // 4), size_m, torch.Generator().manual_seed(seed))
    there = chip * (1 - footprint) + value * footprint
    flags = []
    for ground in (there, chip):
        series = simulate_series(ground[None], n_revisits=n, generator=torch.Generator().manual_seed(seed), ranges=CALM)
        margin = (CHIP_PX - series.high_res.shape[-1]) // 2
        around = F.max_pool2d(footprint[None, None], 9, stride=1, padding=4)[0, 0] > 0
        flags.append(bool(alone(series.low_res)[around[margin:-margin, margin:-margin]].any()))
    return flags[0] and not flags[1]


def rectangle(
    shape_hw: tuple[int, int], size_m: tuple[int, int], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """An upright rectangle away from the edges: its share of each coarse pixel as seen, and of each fine pixel."""
    finer = 8
    place = [0.3 + 0.4 * torch.rand(1, generator=generator).item() for _ in range(2)]
    mask = torch.zeros(1, 1, shape_hw[0] * finer, shape_hw[1] * finer)
    top, left = (round(p * n * finer) for p, n in zip(place, shape_hw, strict=True))
    height, width = (max(1, round(side / GSD_M * finer)) for side in size_m)
    mask[..., top : top + height, left : left + width] = 1
    seen = blurred(mask, sentinel2_sigma_px() * finer)[..., finer // 2 :: finer, finer // 2 :: finer]
    return seen[0, 0], F.avg_pool2d(mask, finer // 4)[0, 0]


def draw(calibration: Calibration, tests: dict[str, Samples], path: Path) -> None:
    """Left: stated trust against the share found right. Right: mean error of the pixels kept, most trusted first."""
    sheet = Image.new("RGB", (1180, 580), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    left, right = Axes(pen, font, (70, 40), 460), Axes(pen, font, (660, 40), 460)
    left.frame("stated trust", f"share within {calibration.tolerance:g}", (0.4, 1), (0.4, 1), 0.1)
    left.line([0.4, 1], [0.4, 1], "#999999")
    shares = np.linspace(0.02, 1, 50)
    right.frame("share of pixels kept, most trusted first", "their mean error", (0, 1), (0, 0.05), 0.2)
    for k, ((name, samples), colour) in enumerate(zip(tests.items(), COLOURS, strict=True)):
        trust, expected = apply(calibration, samples.features)
        curve = reliability(trust, samples.error, tolerance=calibration.tolerance)
        enough = curve.counts >= 300
        left.line(curve.stated[enough], curve.found[enough], colour, dots=True)
        by_doubt, by_error = sparsification(expected, samples.error, shares)
        right.line(shares, by_doubt, colour)
        right.line(shares, by_error, colour, is_dashed=True)
        pen.text((80, 44 + 22 * k), name, fill=colour, font=font)
    pen.text((670, 44), "solid: by stated error; dashed: the best order there is", fill="black", font=font)
    with whole_file(path) as part:
        sheet.quantize(32).save(part, format="PNG", optimize=True)


class Axes:
    """A square diagram with straight axes."""

    def __init__(self, pen, font, corner: tuple[int, int], side: int) -> None:
        self.pen, self.font, self.corner, self.side = pen, font, corner, side

    def frame(self, x_label: str, y_label: str, x_range, y_range, step: float) -> None:
        self.x_range, self.y_range = x_range, y_range
        x, y = self.corner
        self.pen.rectangle((x, y, x + self.side, y + self.side), outline="black")
        self.pen.text((x, y - 26), y_label, fill="black", font=self.font)
        self.pen.text((x + 100, y + self.side + 30), x_label, fill="black", font=self.font)
        for k in range(round((x_range[1] - x_range[0]) / step) + 1):
            value = x_range[0] + k * step
            at = self.place(value, y_range[0])
            self.pen.text((at[0] - 10, at[1] + 6), f"{value:.1f}", fill="black", font=self.font)
        for k in range(6):
            value = y_range[0] + k * (y_range[1] - y_range[0]) / 5
            at = self.place(x_range[0], value)
            self.pen.text((at[0] - 46, at[1] - 9), f"{value:.2f}", fill="black", font=self.font)

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        up = (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        return self.corner[0] + across * self.side, self.corner[1] + (1 - up) * self.side

    def line(self, xs, ys, colour: str, *, dots: bool = False, is_dashed: bool = False) -> None:
        points = [self.place(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        pieces = list(pairwise(points))
        for piece in pieces[:: 2 if is_dashed else 1]:
            self.pen.line((*piece[0], *piece[1]), fill=colour, width=2)
        for x, y in points if dots else []:
            self.pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)


if __name__ == "__main__":
    main()

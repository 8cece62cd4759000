"""Can it be seen in a scene where windows met and where dates changed? `python benchmarks/scene_seams.py IMAGERY`

A made-up scene of 2,000² px and twelve dates, each under clouds of its own (`cloudy_series`), is written as GeoTIFFs
into `--folder` and super-resolved by `ssr scene`. Then, for columns and rows:

* `pixel`: the mean step across window borders over the mean step across the other borders of low-resolution pixels.
  Ground is not alike everywhere, so three numbers are given: the ratio, the standard deviation of the same ratio for
  lines moved by every other distance (what chance makes of it), and the share of those that lie below.
* `over_ground`: the same of steps over those to be expected from the ground itself across the same line.
* `same_lines`: the mean step across window borders over that across the very same lines where the network sees a window
  in whose middle they lie, at a sample of places along them; `strip` and `largest`, `mean` difference, in steps of 255,
  of all pixels where neighbours are blended. Chance has no part in this.
* `strip`: as `over_ground`, of all lines of the strips where neighbours are blended; `strip_edge`: where they begin.
* `tone`: across a border, the mean of what lies 8 to 24 px to either side, along pieces of 50 px, ground taken off,
  over the same elsewhere. A step of colour that blending has drawn out shows here and not in `pixel`.
* `nodes`, `between`: over the ground, across the lines of the lattice at whose nodes dates are chosen, and halfway.
* `where_dates_change`: steps over those of the ground itself where a slot changes its date between two nodes, over the
  same where none does, on the low-resolution grid. `tone_changed_of_255`, `tone_same_of_255`: the mean step of tone
  from node to node there.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from cloudy_series import SCALE, CloudySeries
from numpy.typing import NDArray
from PIL import Image
from rasterio.crs import CRS

from ssr.device import choose_compute
from ssr.inference.budget import plan_within
from ssr.inference.predictor import DEFAULT_OVERLAP_PX, Predictor, in_passes
from ssr.inference.windows import Span, WindowPlan
from ssr.models.protocol import registered_px
from ssr.raster.grid import Grid
from ssr.raster.writer import write_raster
from ssr.scenes.choice import Choice, choose
from ssr.scenes.lattice import Lattice
from ssr.scenes.series import open_series
from ssr.scenes.slots import MOST_NODES_A_SIDE, SPACING_PX
from ssr.workflows.models import open_model
from ssr.workflows.scene import DEFAULT_MAX_DATES

PICTURE = "train/south_africa_2.5m/3420B_2010_328_RGB_LATLNG.png"
PLACE = (CRS.from_string("EPSG:32633"), Affine(10, 0, 300_000, 0, -10, 5_700_000))
BESIDE_PX = (8, 24)
PIECE_PX = 50
ALONG_PX = 64
CHUNK_PX = 256
AXES = {"columns": 2, "rows": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="for the dates and the results")
    parser.add_argument("--shape", type=int, nargs=2, default=(2000, 2000), metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--clear", action="store_true", help="without clouds, so that no date stands in for another")
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--scene", default="", metavar="OPTIONS", help="for `ssr scene`, such as '--whole-dates'")
    parser.add_argument("--places", type=int, default=14, help="at which `same_lines` are drawn, 0 for none")
    parser.add_argument("--measure-only", type=Path, metavar="RESULT", help="a result that is there already")
    given = parser.parse_args()
    with Image.open(given.imagery / PICTURE) as opened:
        picture = np.asarray(opened.convert("RGB"))
    series = CloudySeries(picture, tuple(given.shape), n_dates=given.dates, is_clear=given.clear)
    network = open_model(given.model).network
    began = time.monotonic()
    out = given.measure_only or run(series, given)
    figures: dict[str, object] = {
        "model": given.model,
        "shape": list(given.shape),
        "dates": given.dates,
        "clear": given.clear,
        "scene": given.scene,
        "seconds": round(time.monotonic() - began),
    }
    image, low_res = read_result(out)
    off_ground = low_res - fitted_ground(series, low_res)
    n_dates = network.n_revisits or DEFAULT_MAX_DATES
    plan = plan_within(network, series.shape_hw, choose_compute(), n_dates=n_dates).plan
    lattice = Lattice.over(series.shape_hw, spacing_px=SPACING_PX, at_most=MOST_NODES_A_SIDE)
    for name, axis in AXES.items():
        spans = plan.columns if axis == 2 else plan.rows
        borders = np.array([span.core_start for span in spans[1:]], int)
        nodes = np.array(lattice.columns if axis == 2 else lattice.rows)
        by_line, of_ground = steps(image, axis)[SCALE - 1 :: SCALE], steps(whole_ground(series), axis)
        figures[name] = {
            **at_borders(by_line, of_ground, borders),
            **tone_at_borders(off_ground, axis, borders),
            **at_nodes(over_ground(by_line, of_ground), nodes),
        }
    if given.places:
        figures["same_lines"] = on_same_lines(image, plan, given)
    explained = out.with_name(f"{out.stem}.dates.tif")
    if explained.exists():
        with rasterio.open(explained) as opened:
            dates = opened.read()
        figures["dates_change"] = where_dates_change(series, low_res, off_ground, dates, lattice)
    print(json.dumps(figures), flush=True)


def run(series: CloudySeries, given: argparse.Namespace) -> Path:
    folder = dates_folder(given)
    for date in range(series.n_dates):
        path = folder / f"2021-06-{date + 1:02d}.tif"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_raster(path, series.date(date), Grid(*PLACE, series.shape_hw))
    label = f"{Path(given.model).stem}{given.scene.replace(' ', '')}"
    out = given.folder / f"{folder.name.removeprefix('dates-')}-{label}.tif"
    command = [str(Path(sys.executable).with_name("ssr")), "scene", str(folder), "-o", str(out), "--overwrite"]
    command += ["--explain", "--model", given.model, *shlex.split(given.scene)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return out


def dates_folder(given: argparse.Namespace) -> Path:
    height, width = given.shape
    return given.folder / f"dates-{height}x{width}-{given.dates}{'-clear' if given.clear else ''}"


def read_result(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The fine image, and its means over low-resolution pixels in steps of 255."""
    with rasterio.open(path) as opened:
        image = opened.read()
    c, height, width = image.shape
    low = np.empty((c, height // SCALE, width // SCALE), np.float32)
    for row in range(0, low.shape[1], CHUNK_PX):
        part = image[:, row * SCALE : (row + CHUNK_PX) * SCALE].astype(np.float32)
        low[:, row : row + CHUNK_PX] = part.reshape(c, -1, SCALE, low.shape[2], SCALE).mean((2, 4))
    return image, low


def fitted_ground(series: CloudySeries, low_res: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ground without any sky, brought to the result's contrast and tone as a whole."""
    ground = whole_ground(series)
    mean, spread = ground.mean((1, 2), keepdims=True), ground.std((1, 2), keepdims=True)
    return (ground - mean) / spread * low_res.std((1, 2), keepdims=True) + low_res.mean((1, 2), keepdims=True)


def whole_ground(series: CloudySeries) -> NDArray[np.float32]:
    tile = series.ground()
    rows, columns = (np.arange(n) % m for n, m in zip(series.shape_hw, tile.shape[1:], strict=True))
    return tile[:, rows][:, :, columns]


def steps(image: NDArray, axis: int) -> NDArray[np.float64]:
    """Mean absolute step across every line between pixels; the first is that before pixel 1."""
    total = np.zeros(image.shape[axis] - 1)
    for start in range(0, image.shape[3 - axis], CHUNK_PX):
        part = image[:, start : start + CHUNK_PX] if axis == 2 else image[:, :, start : start + CHUNK_PX]
        total += np.abs(np.diff(part.astype(np.float32), axis=axis)).sum((0, 3 - axis), dtype=np.float64)
    return total / image.shape[0] / image.shape[3 - axis]


def at_borders(by_line: NDArray[np.float64], of_ground: NDArray[np.float64], borders: NDArray) -> dict[str, object]:
    """Of steps across the borders of low-resolution pixels, and of those of the ground there."""
    if not len(borders):
        return {"n_borders": 0}
    overlap = DEFAULT_OVERLAP_PX
    relative = over_ground(by_line, of_ground)
    strip = list(range(-overlap, overlap + 1))
    return {
        "n_borders": len(borders),
        "pixel": against_chance(by_line, borders, [0]),
        "over_ground": against_chance(relative, borders, [0]),
        "strip": against_chance(relative, borders, strip),
        "strip_edge": against_chance(relative, borders, [-overlap, overlap]),
    }


def over_ground(by_line: NDArray[np.float64], of_ground: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps over what a straight line makes of those of the ground, which are none where it is mirrored."""
    slope, start = np.polyfit(of_ground, by_line, 1)
    return by_line / (start + slope * of_ground)


def against_chance(values: NDArray[np.float64], borders: NDArray, offsets: list[int], *, first: int = 1) -> list[float]:
    """Mean at the lines that lie so from the borders over the mean at others; and what becomes of it by chance.

    That is the standard deviation of the same for lines moved by other distances, and the share of these below.

    first: the line that the first value belongs to.
    """
    lines = np.arange(len(values)) + first
    apart = int(np.diff([0, *borders]).min())

    def ratio(moved: int) -> float:
        chosen = np.isin(lines, np.concatenate([borders + offset + moved for offset in offsets]))
        return float(values[chosen].mean() / values[~chosen].mean())

    clear_of = 2 * DEFAULT_OVERLAP_PX
    others = [ratio(moved) for moved in range(-apart // 2, apart // 2) if abs(moved) > clear_of]
    found = ratio(0)
    return [round(found, 4), round(float(np.std(others)), 4), round(float(np.mean(np.array(others) < found)), 2)]


def tone_at_borders(off_ground: NDArray[np.float32], axis: int, borders: NDArray) -> dict[str, object]:
    if not len(borders):
        return {}
    along = off_ground if axis == 2 else off_ground.transpose(0, 2, 1)
    c, length, width = along.shape
    n_pieces = max(1, length // PIECE_PX)
    piece = min(PIECE_PX, length)
    pieces = along[:, : n_pieces * piece].reshape(c, n_pieces, piece, width).mean(2)
    sums = np.concatenate([np.zeros((c, n_pieces, 1)), np.cumsum(pieces, 2, dtype=np.float64)], 2)
    near, far = BESIDE_PX
    lines = np.arange(far, width - far)
    before = (sums[..., lines - near] - sums[..., lines - far]) / (far - near)
    after = (sums[..., lines + far] - sums[..., lines + near]) / (far - near)
    step = np.abs(after - before).mean((0, 1))
    chosen = np.isin(lines, borders)
    return {
        "tone": against_chance(step, borders, [0], first=far),
        "tone_of_255": round(float(step[chosen].mean()), 3),
    }


def on_same_lines(image: NDArray[np.uint8], plan: WindowPlan, given: argparse.Namespace) -> dict[str, object]:
    """Read as `ssr scene` does, with no other options than `--whole-dates`."""
    opened = open_model(given.model)
    network = opened.network
    figures: dict[str, object] = {}
    with open_series([dates_folder(given)]) as series:
        choice = choose(
            series,
            n_wanted=network.n_revisits,
            at_most=DEFAULT_MAX_DATES if network.n_revisits is None else None,
            by_place="--whole-dates" not in given.scene,
            tolerated_px=registered_px(network),
        )
        predictor = Predictor(in_passes(network, choice.plan), name=opened.given)
        for name, axis in AXES.items():
            spans = plan.columns if axis == 2 else plan.rows
            found = [
                _at_place(image, predictor, choice, axis, *place)
                for place in _sampled(spans, image.shape[3 - axis] // SCALE, given.places)
            ]
            if found:
                tiled, untiled, in_strip, in_untiled, largest, mean = np.array(found).T
                figures[name] = {
                    "n_places": len(found),
                    "pixel": round(float(tiled.sum() / untiled.sum()), 4),
                    "strip": round(float(in_strip.sum() / in_untiled.sum()), 4),
                    "largest": round(float(largest.max()), 2),
                    "mean": round(float(mean.mean()), 4),
                }
    return figures


def _sampled(spans: Sequence[Span], length: int, n: int) -> list[tuple[int, slice]]:
    """Borders in turn, and pieces along them."""
    borders = [span.core_start for span in spans[1:]]
    side = min(ALONG_PX, length) // 8 * 8
    starts = np.random.default_rng(0).integers(0, (length - side) // 8 + 1, n) * 8
    return [(borders[k % len(borders)], slice(int(s), int(s) + side)) for k, s in enumerate(starts) if borders]


def _at_place(
    image: NDArray[np.uint8], predictor: Predictor, choice: Choice, axis: int, border: int, along: slice
) -> tuple[float, ...]:
    """Steps across the line of the tiled and untiled result, across all lines of the strip; differences."""
    halo, overlap = predictor.network.halo_px, DEFAULT_OVERLAP_PX
    height, width = choice.series.shape_hw
    inner = [along, slice(border - overlap - 1, border + overlap + 1)]
    inner = inner if axis == 2 else inner[::-1]
    read = [
        slice(max(0, part.start - halo) // 8 * 8, min(side, -(-(part.stop + halo) // 8) * 8))
        for part, side in zip(inner, (height, width), strict=True)
    ]
    window = choice.series.read(*read, choice.plan.dates)
    drawn = predictor.predict(window[None], [(read[0].start, read[1].start)])[0] * 255
    fine = [slice(part.start * SCALE, part.stop * SCALE) for part in inner]
    local = [slice((a.start - b.start) * SCALE, (a.stop - b.start) * SCALE) for a, b in zip(inner, read, strict=True)]
    tiled, untiled = image[:, *fine].astype(np.float32), np.rint(drawn[:, *local])
    line = (overlap + 1) * SCALE - 1
    steps_of = [np.abs(np.diff(part, axis=axis)).mean((0, 3 - axis)) for part in (tiled, untiled)]
    difference = np.abs(tiled - untiled)
    return (steps_of[0][line], steps_of[1][line], *(s.mean() for s in steps_of), difference.max(), difference.mean())


def at_nodes(values: NDArray[np.float64], nodes: NDArray[np.float64]) -> dict[str, list[float]]:
    """Of steps over those of the ground: at the lines nearest to nodes, and halfway between two."""
    figures = {}
    for name, places in (("nodes", nodes + 0.5), ("between", (nodes[:-1] + nodes[1:]) / 2 + 0.5)):
        lines = np.rint(places).astype(int)
        if len(lines):
            figures[name] = at_and_elsewhere(values, lines)
    return figures


def at_and_elsewhere(values: NDArray[np.float64], lines: NDArray) -> list[float]:
    """As `against_chance`, for lines that lie close together: chance is that of all other common displacements."""
    ratios = []
    for moved in range(-int(SPACING_PX) // 2, int(SPACING_PX) // 2):
        chosen = np.isin(np.arange(len(values)) + 1, lines + moved)
        ratios.append(float(values[chosen].mean() / values[~chosen].mean()))
    found = ratios[int(SPACING_PX) // 2]
    return [round(found, 4), round(float(np.std(ratios)), 4), round(float(np.mean(np.array(ratios) < found)), 2)]


def where_dates_change(
    series: CloudySeries,
    low_res: NDArray[np.float32],
    off_ground: NDArray[np.float32],
    dates: NDArray[np.integer],
    lattice: Lattice,
) -> dict[str, float]:
    """`dates`: `slot rows columns` of nodes."""
    ground = whole_ground(series)
    found: dict[str, list[NDArray]] = {"result": [], "ground": [], "tone": [], "changed": []}
    for axis in (1, 2):
        changed = (np.diff(dates.astype(int), axis=axis) != 0).any(0)
        own, other = (lattice.rows, lattice.columns) if axis == 1 else (lattice.columns, lattice.rows)
        maps = [m if axis == 2 else m.transpose(0, 2, 1) for m in (low_res, ground, off_ground)]
        changed = changed if axis == 2 else changed.T
        half = (other[1] - other[0]) / 2 if len(other) > 1 else maps[0].shape[1] / 2
        for i, j in np.ndindex(*changed.shape):
            rows = slice(max(0, round(other[i] - half)), round(other[i] + half))
            columns = slice(round(own[j]), round(own[j + 1]))
            for name, image in zip(("result", "ground"), maps, strict=False):
                found[name].append(np.abs(np.diff(image[:, rows, columns], axis=2)).mean())
            quarter = max(1, round((own[j + 1] - own[j]) / 4))
            left, right = (maps[2][:, rows, round(own[k]) - quarter : round(own[k]) + quarter] for k in (j, j + 1))
            found["tone"].append(np.abs(right.mean((1, 2)) - left.mean((1, 2))).mean())
            found["changed"].append(changed[i, j])
    result, truth, tone, mask = (np.array(found[name]) for name in ("result", "ground", "tone", "changed"))
    if mask.all() or not mask.any():
        return {"share": float(mask.mean())}
    relative = [result[m].sum() / truth[m].sum() for m in (mask, ~mask)]
    return {
        "share": round(float(mask.mean()), 3),
        "where_dates_change": round(float(relative[0] / relative[1]), 4),
        "tone_changed_of_255": round(float(tone[mask].mean()), 3),
        "tone_same_of_255": round(float(tone[~mask].mean()), 3),
    }


if __name__ == "__main__":
    main()

"""How far away can something change and still move a result?

`python benchmarks/receptive_field.py IMAGERY [NAME=FILE …]`. For every family: the distance in low-resolution pixels
beyond which the dates can be replaced by something else and the pixels in the middle move by less than 1/255 (a half,
a tenth of it). Replaced by other real ground, by black, by white as under cloud, by nothing (no data), and by the end
of the window, which is what a window of a scene sees there. The largest of the five counts, over several places of
real texture, as the predictor delivers it.

IMAGERY holds `train/`; the dates are simulated from a real picture of 2.5 m. NAME=FILE gives weights for `esrgan`,
`srcnn`, `highresnet` or `sr3`; without, `srcnn` and `highresnet` have random weights that keep signals of unit size,
the others those that training starts from. `--write` puts the table into docs/seams.md.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from ssr.build.networks import build_model, bundled_model, load_model
from ssr.config.files import load_config
from ssr.config.networks import ESRGANModel
from ssr.config.presets import PRESETS
from ssr.config.schema import TrainConfig
from ssr.data.simulate import Degradation, simulate_series
from ssr.device import Compute, PrecisionName, choose_compute
from ssr.inference.predictor import Predictor
from ssr.models.bicubic import Bicubic
from ssr.models.fidelity import Fidelity
from ssr.models.protocol import SuperResolver
from ssr.models.shiftandadd import ShiftAndAdd

PICTURE = "train/south_africa_2.5m/3420B_2010_328_RGB_LATLNG.png"
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "seams.md"
BEGIN, END = "<!-- field: benchmarks/receptive_field.py --write -->", "<!-- end of field -->"

MIDDLE_PX = 8
N_DATES = 8
STEPS_OF_255 = (1.0, 0.5, 0.1)
PRECISIONS: tuple[PrecisionName, ...] = ("fp32", "bf16")
CLEAN = Degradation(cloud_probability=0, no_data_probability=0)
MARGIN_PX = 2
OTHERS = ("ground", "black", "white", "no data", "window's end")
FEWER = ("ground", "white", "window's end")

Series = NDArray[np.float32]


@dataclass(frozen=True)
class Family:
    """A network and how it is looked at.

    reach_px: how far out things are replaced at most; the window ends there.
    step_px: between the distances that are tried.
    others: what takes the place of the dates; slow networks see fewer.
    """

    name: str
    make: Callable[[], SuperResolver]
    reach_px: int
    step_px: int = 1
    n_places: int = 3
    others: tuple[str, ...] = OTHERS


def families(weights: dict[str, Path]) -> list[Family]:
    def given_or(name: str, make: Callable[[], nn.Module]) -> Callable[[], SuperResolver]:
        if name in weights:
            return lambda: load_model(weights[name])
        return lambda: make().eval().requires_grad_(False)

    def named(label: str, name: str, otherwise: str) -> str:
        return f"{label}, {weights[name].stem if name in weights else otherwise}"

    def sr3() -> nn.Module:
        return build_model(load_config(ROOT / "configs" / "sr3-small.yaml", TrainConfig)[0].model)

    untrained, unit = "untrained", "random weights"
    return [
        Family("bicubic", Bicubic, 8),
        Family("shift_and_add", ShiftAndAdd, 64),
        Family("compact-8", bundled_model, 64),
        Family("compact-8, held to the input", lambda: Fidelity(bundled_model()), 80, 2),
        Family(
            named("SRCNN", "srcnn", unit),
            given_or("srcnn", lambda: with_unit_signals(build_model(PRESETS["srcnn_s2naip"]))),
            12,
        ),
        Family(
            named("HighResNet, 8 dates", "highresnet", unit),
            given_or("highresnet", lambda: with_unit_signals(build_model(PRESETS["highresnet_s2naip"]))),
            16,
        ),
        Family(named("SR3, sr3-small", "sr3", untrained), given_or("sr3", lambda: seeded(sr3)), 24, 2, 1, FEWER),
        Family("ESRGAN 64/6/32, untrained", lambda: untrained_esrgan(6), 96, 4, 1, FEWER),
        Family(
            named("ESRGAN 64/23/32", "esrgan", untrained),
            given_or("esrgan", lambda: untrained_esrgan(23)),
            96,
            4,
            1,
            FEWER,
        ),
    ]


def untrained_esrgan(n_blocks: int) -> nn.Module:
    return seeded(lambda: build_model(ESRGANModel(n_blocks=n_blocks))).eval().requires_grad_(False)


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """What `make` initialises, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return make()


def with_unit_signals(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                spread = math.prod(parameter.shape[1:]) ** -0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
    return network


def places(imagery: Path, n: int, side_px: int, n_dates: int) -> Iterator[tuple[Series, Series]]:
    """Series of a place and of another, `t c h w`."""
    picture = np.asarray(Image.open(imagery / PICTURE).convert("RGB"))
    fine = (side_px + 2 * MARGIN_PX) * 4
    if fine > min(picture.shape[:2]):
        raise SystemExit(f"{PICTURE} is too small for windows of {side_px} px")
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)

    def one() -> Series:
        row, column = (int(rng.integers(0, whole - fine + 1)) for whole in picture.shape[:2])
        part = torch.from_numpy(picture[row : row + fine, column : column + fine].copy())
        ground = part.permute(2, 0, 1)[None].float() / 255
        series = simulate_series(ground, n_revisits=n_dates, generator=generator, ranges=CLEAN, margin_px=MARGIN_PX)
        return series.low_res[0].numpy()

    for _ in range(n):
        yield one(), one()


class Field:
    """How much the middle of a window moves when what is farther away than some distance is replaced."""

    def __init__(self, predictor: Predictor, here: Series, there: Series) -> None:
        self.predictor, self.here, self.there = predictor, here, there
        self.side = here.shape[-1]
        self.reach_px = (self.side - MIDDLE_PX) // 2
        self.known: dict[tuple[int, str], float] = {}
        self.untouched = self._middle(here, 0)

    def moved(self, distance_px: int, other: str) -> float:
        """In steps of 255."""
        key = (distance_px, other)
        if key not in self.known:
            self.known[key] = float(np.abs(self._disturbed(distance_px, other) - self.untouched).max() * 255)
        return self.known[key]

    def _disturbed(self, distance_px: int, other: str) -> NDArray[np.float32]:
        start, stop = self.reach_px - distance_px, self.reach_px + MIDDLE_PX + distance_px
        inside = (slice(start, stop), slice(start, stop))
        if other == "window's end":
            multiple = self.predictor.network.size_multiple
            start = start // multiple * multiple
            stop = min(self.side, -(-stop // multiple) * multiple)
            return self._middle(np.ascontiguousarray(self.here[..., start:stop, start:stop]), start)
        values = {"black": 1 / 255, "white": 1.0, "no data": 0.0}
        changed = self.there.copy() if other == "ground" else np.full_like(self.here, values[other])
        changed[..., *inside] = self.here[..., *inside]
        return self._middle(changed, 0)

    def _middle(self, window: Series, origin: int) -> NDArray[np.float32]:
        scale = self.predictor.network.scale
        start = (self.reach_px - origin) * scale
        part = slice(start, start + MIDDLE_PX * scale)
        return self.predictor.predict(window[None], [(origin, origin)])[0][:, part, part]


def distance(field: Field, other: str, steps_of_255: float, step_px: int) -> int | None:
    """The distance from which on the middle moves by less; None if that is beyond reach.

    Halved again and again among multiples of `step_px`; larger than any distance tried at which it moved by more.
    """
    low, high = -1, field.reach_px // step_px
    if field.moved(high * step_px, other) >= steps_of_255:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if field.moved(middle * step_px, other) < steps_of_255 else (middle, high)
    tried = [d for (d, o), moved in field.known.items() if o == other and moved >= steps_of_255]
    return max([high * step_px, *(d + step_px for d in tried)])


def measure(family: Family, imagery: Path, precisions: tuple[PrecisionName, ...]) -> dict[str, object]:
    network = family.make()
    side = 2 * family.reach_px + MIDDLE_PX
    side = -(-side // network.size_multiple) * network.size_multiple
    row: dict[str, object] = {
        "name": family.name,
        "whole_field_px": getattr(network, "receptive_px", None),
        "halo_px": network.halo_px,
        "step_px": family.step_px,
        "reach_px": family.reach_px,
    }
    n_dates = network.n_revisits or N_DATES
    for precision in precisions:
        began = time.monotonic()
        predictor = Predictor(network, Compute(choose_compute("cpu").device, precision), name=family.name)
        found: dict[str, list[int | None]] = {}
        fields = [Field(predictor, *pair) for pair in places(imagery, family.n_places, side, n_dates)]
        for other in family.others:
            by_place = [[distance(f, other, t, family.step_px) for t in STEPS_OF_255] for f in fields]
            found[other] = [farthest(values) for values in zip(*by_place, strict=True)]
        row[precision] = {
            "px": [farthest(values) for values in zip(*found.values(), strict=True)],
            "by_other": found,
            "moved_beyond_halo": round(worst_beyond(fields, network.halo_px, family.others), 3),
            "seconds": round(time.monotonic() - began),
        }
    return row


def farthest(distances: tuple[int | None, ...] | list[int | None]) -> int | None:
    return None if None in distances else max(d for d in distances if d is not None)


def worst_beyond(fields: list[Field], halo_px: int, others: tuple[str, ...]) -> float:
    """The largest move, in steps of 255, when the window ends, or ground changes, beyond the halo."""
    return max(f.moved(min(halo_px, f.reach_px), other) for f in fields for other in others)


def table(rows: list[dict[str, object]]) -> str:
    names = [p for p in PRECISIONS if p in rows[0]]
    head = ["model", "whole field", *(f"{p}: 1, ½, ⅒" for p in names), "farthest, of", "`halo_px`"]
    head += [f"moved by what is beyond it, {p}" for p in names]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(names) + 1)}---|{'--:|' * (len(names) + 1)}"]
    for row in rows:
        first = row[names[0]]
        worst = max(
            first["by_other"], key=lambda o: math.inf if first["by_other"][o][0] is None else first["by_other"][o][0]
        )
        cells = [str(row["name"]), str(row["whole_field_px"] or "–")]
        for p in names:
            cells.append(", ".join(f"> {row['reach_px']}" if d is None else str(d) for d in row[p]["px"]))
        cells += [worst, str(row["halo_px"]), *(f"{row[p]['moved_beyond_halo']:.2f}" for p in names)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("weights", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--only", nargs="+", default=[], help="families whose names begin so")
    parser.add_argument("--precision", choices=PRECISIONS, help="one of the two")
    parser.add_argument("--known", nargs="*", type=Path, default=[], help="of earlier --json, not measured again")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    weights = {name: Path(path) for name, _, path in (text.partition("=") for text in given.weights)}
    precisions = (given.precision,) if given.precision else PRECISIONS
    rows = [row for path in given.known for row in json.loads(path.read_text("utf-8"))]
    known = {row["name"] for row in rows}
    for family in families(weights):
        if family.name in known:
            continue
        if given.only and not family.name.lower().startswith(tuple(o.lower() for o in given.only)):
            continue
        rows.append(measure(family, given.imagery, precisions))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    if given.write:
        head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()

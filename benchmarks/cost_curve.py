"""What do time and memory of a scene grow with: its side, its dates, its model?

The whole command `ssr scene`, one thread. Each command is a process of its own; seconds are the processor's.
`constant` is what a pixel costs beyond the start: the slope between the smallest and the largest scene.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import memory
import timing

SIDES_PX = (256, 512, 1024, 2048)
DATES = (1, 2, 4, 8, 16)
MODELS = ("bicubic", "shift_and_add", "compact-8")
SIDE_PX, N_DATES = 256, 2


def main(sides: tuple[int, ...] = SIDES_PX, dates: tuple[int, ...] = DATES) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_side = {str(side): run(folder, side, N_DATES, "compact-8") for side in sides}
        by_dates = {str(n): run(folder, SIDE_PX, n, "compact-8") for n in dates}
        by_model = {model: run(folder, SIDE_PX, N_DATES, model) for model in MODELS}
    first, last = by_side[str(sides[0])], by_side[str(sides[-1])]
    n_more = sides[-1] ** 2 - sides[0] ** 2
    return {
        "constant_us_per_px": round((last["core_s"] - first["core_s"]) / n_more * 1e6, 2),
        "start_core_s": round(first["core_s"] - (last["core_s"] - first["core_s"]) / n_more * sides[0] ** 2, 2),
        "by_side": by_side,
        "by_dates": by_dates,
        "by_model": by_model,
    }


def run(folder: Path, side: int, n_dates: int, model: str) -> dict[str, float]:
    series = folder / f"{side}-{n_dates}"
    if not series.exists():
        memory.make_series(series, side, n_dates=n_dates)
    out = folder / f"{side}-{n_dates}-{model}.tif"
    words = [str(Path(sys.executable).with_name("ssr")), "scene", str(series), "-o", str(out), "--overwrite"]
    words += ["--model", model, "--max-dates", str(n_dates), "--device", "cpu"]
    _, core_s, peak_mb = timing.run_child(words)
    out.unlink()
    print(f"{model} {side} px {n_dates} dates: {core_s:.1f} core s, {peak_mb:.0f} MB", file=sys.stderr, flush=True)
    return {"core_s": round(core_s, 2), "peak_mb": round(peak_mb), "px_per_core_s": round(side**2 / core_s)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES_PX)
    parser.add_argument("--dates", type=int, nargs="+", default=DATES)
    given = parser.parse_args()
    print(json.dumps(main(tuple(given.sides), tuple(given.dates)), indent=1))

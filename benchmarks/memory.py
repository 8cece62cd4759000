"""Does memory grow with the scene? Peak resident memory of `ssr scene` on 1,000² and 4,000² pixels."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import timing

from ssr.data.ground import draw_ground
from ssr.raster.grid import stand_in_grid
from ssr.raster.writer import write_raster

N_DATES = 2


def main(sides: tuple[int, ...] = (1000, 4000)) -> dict[str, float]:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in sides:
            dates = make_series(Path(folder) / str(side), side)
            seconds, peak_mb = run_scene(dates, Path(folder) / f"{side}.tif")
            figures[f"peak_mb_{side}"] = round(peak_mb)
            figures[f"px_per_s_{side}"] = round(side * side / seconds)
    figures["growth"] = round(figures[f"peak_mb_{sides[-1]}"] / figures[f"peak_mb_{sides[0]}"] - 1, 3)
    return figures


def make_series(folder: Path, side: int, *, n_dates: int = N_DATES) -> Path:
    tile = draw_ground(0, 500).transpose(2, 0, 1)
    n = -(-side // 500)
    scene = np.tile(tile, (1, n, n))[:, :side, :side]
    rng = np.random.default_rng(0)
    for k in range(n_dates):
        noisy = np.clip(scene + rng.integers(-3, 4, scene.shape), 1, 255).astype(np.uint8)
        write_raster(folder / f"{k}.tif", noisy, stand_in_grid((side, side), 10.0))
    return folder


def run_scene(dates: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of the whole command."""
    command = [str(Path(sys.executable).with_name("ssr")), "scene", str(dates), "-o", str(out), "--json"]
    seconds, _, peak_mb = timing.run_child(command)
    return seconds, peak_mb


if __name__ == "__main__":
    print(main())

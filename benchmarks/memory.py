"""Does memory grow with the scene? Peak resident memory of `ssr scene` on 1,000² and 4,000² pixels."""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

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


def make_series(folder: Path, side: int) -> Path:
    tile = draw_ground(0, 500).transpose(2, 0, 1)
    n = -(-side // 500)
    scene = np.tile(tile, (1, n, n))[:, :side, :side]
    rng = np.random.default_rng(0)
    for k in range(N_DATES):
        noisy = np.clip(scene + rng.integers(-3, 4, scene.shape), 1, 255).astype(np.uint8)
        write_raster(folder / f"{k}.tif", noisy, stand_in_grid((side, side), 10.0))
    return folder


def run_scene(dates: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of the whole command."""
    command = [str(Path(sys.executable).with_name("ssr")), "scene", str(dates), "-o", str(out), "--json"]
    started = time.monotonic()
    child = os.posix_spawn(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"ssr scene failed with status {status}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    print(main())

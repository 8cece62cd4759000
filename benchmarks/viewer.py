"""How soon is the viewer there, and how fast are tiles of a raster as wide as a granule in fine pixels?

    python benchmarks/viewer.py [--side 44000] [--file LARGE.tif]

Makes a Cloud-Optimised GeoTIFF of that side (a patch of texture repeated; about 1.3 GB at 44,000² px) in a temporary
folder, or takes the one that is given (and makes it where it is not there). Starts `ssr view` on it and asks for tiles
at random places of every level, each once. Prints medians and 95th percentiles as JSON: of the time until the first
page and the description of the layers were answered, and of a tile over HTTP from the same machine.
"""

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine

BLOCK_PX = 512
PATCH_PX = 2048
N_STARTS = 5
N_TILES = 40
SSR = Path(sysconfig.get_path("scripts")) / "ssr"


def write_large(path: Path, side: int) -> None:
    """Texture with a granule's place, in blocks, with overviews; written a row of patches at a time."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 215, (3, PATCH_PX // 32, PATCH_PX // 32)).repeat(32, 1).repeat(32, 2)
    patch = (coarse + rng.integers(0, 2, (PATCH_PX, PATCH_PX))).astype(np.uint8)
    wide = np.tile(patch, (1, 1, -(-side // PATCH_PX)))[:, :, :side]
    plain = path.with_suffix(".plain.tif")
    size = {"width": side, "height": side, "count": 3, "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(2.5, 0, 500_000, 0, -2.5, 5_000_000), "nodata": 0}
    layout = {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "interleave": "pixel", "bigtiff": "yes"}
    with rasterio.open(
        plain, "w", driver="GTiff", compress="zstd", zstd_level=1, predictor=2, **size, **place, **layout
    ) as dataset:
        for top in range(0, side, PATCH_PX):
            rows = min(PATCH_PX, side - top)
            dataset.write(wide[:, :rows], window=((top, top + rows), (0, side)))
    options = {"driver": "COG", "compress": "DEFLATE", "level": 1, "predictor": "YES", "blocksize": BLOCK_PX}
    rasterio.shutil.copy(plain, path, overview_resampling="AVERAGE", bigtiff="YES", num_threads="2", **options)
    plain.unlink()


def start(path: Path) -> tuple[subprocess.Popen[str], str, float]:
    """The process, its address, and how long it took until the first page was answered."""
    began = time.perf_counter()
    serving = subprocess.Popen([SSR, "view", path, "--no-open", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    address = serving.stdout.readline().split(" at ")[1].split()[0]
    httpx.get(address).raise_for_status()
    httpx.get(f"{address}api/0/place").raise_for_status()
    return serving, address, time.perf_counter() - began


def time_tiles(address: str, side: int) -> dict[str, list[float]]:
    """Milliseconds by level; no tile is asked for twice."""
    rng = np.random.default_rng(1)
    found: dict[str, list[float]] = {}
    with httpx.Client(base_url=address, timeout=120) as client:
        n_levels = client.get("/api/0/place").json()["levels"]
        for level in range(n_levels):
            n = max(1, side // (256 << level))
            places = rng.permutation(n * n)[:N_TILES]
            times = []
            for place in places:
                began = time.perf_counter()
                client.get(f"/api/0/tile/l0/stored/{level}/{place % n}/{place // n}").raise_for_status()
                times.append(1000 * (time.perf_counter() - began))
            found[str(level)] = times
    return found


def summary(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "n": len(ordered),
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=44_000)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    side = arguments.side
    folder = Path(tempfile.mkdtemp(prefix="ssr-viewer-"))
    try:
        path = (arguments.file or folder / "large.tif").resolve()
        began = time.perf_counter()
        if not path.exists():
            write_large(path, side)
        made_s = time.perf_counter() - began
        starts = []
        for k in range(N_STARTS):
            serving, address, seconds = start(path)
            starts.append(1000 * seconds)
            tiles = time_tiles(address, side) if k == N_STARTS - 1 else {}
            serving.send_signal(signal.SIGTERM)
            serving.wait(30)
        every = [one for times in tiles.values() for one in times]
        found = {
            "side_px": side,
            "file_gb": round(path.stat().st_size / 1e9, 2),
            "made_s": round(made_s, 1),
            "start_ms": summary(starts),
            "tile_ms": summary(every),
            "tile_ms_by_level": {level: summary(times) for level, times in tiles.items()},
        }
        json.dump(found, sys.stdout, indent=1)
        print()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

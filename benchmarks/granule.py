"""What does a whole granule take? Memory, time, rate from the first row to the last, and what a kill costs.

`python benchmarks/granule.py IMAGERY --folder FOLDER [--px 10980] [--dates 8] [--kill-at 0.5]`

IMAGERY holds `train/`. In FOLDER minimal `.SAFE` products are made first, L1C with true colour alone, as JPEG 2000 in
tiles of 1024×1024 like ESA's; every date lies elsewhere by a part of a pixel and has haze and clouds of its own. They
are kept: a second call, or one of another model, uses them again. Then `ssr scene` runs as a process of its own, and
its hidden folder is watched, in which finished rows of windows appear. With `--kill-at SHARE` a second run is killed
(-9) after that share of rows, taken up again, and its bytes are compared with the first's. `--only-make` makes the
products alone. Prints JSON.
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from cloudy_series import CloudySeries
from PIL import Image
from rasterio.crs import CRS

PICTURE = "train/south_africa_2.5m/3420B_2010_328_RGB_LATLNG.png"
FULL_PX = 10_980
TILE, CRS_NAME, ORIGIN_XY = "T33UUU", "EPSG:32633", (300_000.0, 5_700_000.0)
GSD_M, JP2_BLOCK_PX = 10.0, 1024
POLL_S = 0.5
KB_PER_MB = 1024


@dataclass
class Run:
    """What became of one call of `ssr scene`.

    rows: seconds after the start, and rows of windows that were finished by then.
    """

    status: int
    seconds: float
    peak_mb: float
    rows: list[tuple[float, int]] = field(default_factory=list)
    told: dict[str, object] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="for products and results; 2.5 GB for a granule")
    parser.add_argument("--px", type=int, default=FULL_PX)
    parser.add_argument("--dates", type=int, default=8)
    parser.add_argument("--quality", type=int, default=35, help="bytes of the JPEG 2000 over plain bytes, in percent")
    parser.add_argument("--lossless", action="store_true")
    parser.add_argument("--workers", type=int, default=1, help="dates that are made at once, 0.8 GB each")
    parser.add_argument("--only-make", action="store_true")
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--kill-at", type=float, metavar="SHARE")
    parser.add_argument("--keep", action="store_true", help="keep the results, some GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scene", default="", metavar="OPTIONS", help="for `ssr scene`, such as '--precision fp32'")
    given = parser.parse_args()
    products = make_products(given)
    if given.only_make:
        return
    figures = measure(products, given)
    text = json.dumps(figures, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


def make_products(given: argparse.Namespace) -> Path:
    """A folder of products of that size, those that are lacking made now."""
    folder = given.folder / f"granule-{given.px}"
    folder.mkdir(parents=True, exist_ok=True)
    how = {"REVERSIBLE": "YES", "QUALITY": "100"} if given.lossless else {"QUALITY": str(given.quality)}
    jobs = [(given.imagery / PICTURE, folder, given.px, given.dates, date, how) for date in range(given.dates)]
    if given.workers > 1:
        with ProcessPoolExecutor(given.workers) as pool:
            list(pool.map(_make_product, *zip(*jobs, strict=True)))
    else:
        for job in jobs:
            _make_product(*job)
    return folder


def _make_product(picture: Path, folder: Path, px: int, n_dates: int, date: int, how: dict[str, str]) -> None:
    stamp = f"2021{6 + date // 4:02d}{3 + 7 * (date % 4):02d}T100031"
    name = f"S2A_MSIL1C_{stamp}_N0301_R122_{TILE}_{stamp}"
    safe = folder / f"{name}.SAFE"
    if safe.exists():
        return
    began = time.monotonic()
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    granule = part / "GRANULE" / f"L1C_{TILE}_A000001_{stamp}"
    image = granule / "IMG_DATA" / f"{TILE}_{stamp}_TCI.jp2"
    image.parent.mkdir(parents=True)
    with Image.open(picture) as opened:
        series = CloudySeries(np.asarray(opened.convert("RGB")), (px, px), n_dates=n_dates)
    _write_jp2(image, series, date, how)
    share = series.days[date].cloud_share * 100
    (part / "MTD_MSIL1C.xml").write_text(_product_xml(stamp, share), encoding="utf-8")
    (granule / "MTD_TL.xml").write_text(_granule_xml(stamp, px, share), encoding="utf-8")
    size_mb = image.stat().st_size / 1e6
    part.rename(safe)
    print(f"{safe.name}: {size_mb:.0f} MB in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _write_jp2(path: Path, series: CloudySeries, date: int, how: dict[str, str]) -> None:
    """By way of a plain GeoTIFF, since the driver copies whole rasters only."""
    plain = path.with_suffix(".tif")
    height, width = series.shape_hw
    place = {"crs": CRS.from_string(CRS_NAME), "transform": Affine(GSD_M, 0, ORIGIN_XY[0], 0, -GSD_M, ORIGIN_XY[1])}
    with rasterio.open(
        plain, "w", driver="GTiff", height=height, width=width, count=3, dtype="uint8", interleave="band", **place
    ) as written:
        for rows, pixels in series.stripes(date):
            written.write(pixels, window=((rows.start, rows.stop), (0, width)))
    block = {"BLOCKXSIZE": str(JP2_BLOCK_PX), "BLOCKYSIZE": str(JP2_BLOCK_PX)} if width > JP2_BLOCK_PX else {}
    rasterio.shutil.copy(plain, path, driver="JP2OpenJPEG", YCBCR420="NO", **block, **how)
    plain.unlink()


def measure(products: Path, given: argparse.Namespace) -> dict[str, object]:
    results = Path(tempfile.mkdtemp(dir=given.folder, prefix="results-"))
    try:
        out = results / "whole.tif"
        command = [str(Path(sys.executable).with_name("ssr")), "scene", str(products), "--model", given.model]
        command += ["--json", *shlex.split(given.scene)]
        whole = run([*command, "-o", str(out)], out)
        if whole.status:
            raise SystemExit(f"ssr scene ended with status {whole.status}")
        figures: dict[str, object] = {
            "px": given.px,
            "dates": given.dates,
            "model": given.model,
            "compute": whole.told.get("compute"),
            "input_mb": round(sum(f.stat().st_size for f in products.rglob("*.jp2")) / 1e6),
            "output_mb": round(out.stat().st_size / 1e6),
            "seconds": round(whole.seconds, 1),
            "px_per_s": round(given.px**2 / whole.seconds),
            "peak_mb": round(whole.peak_mb),
            "waiting_share": whole.told.get("waiting_share"),
            "notes": whole.told.get("notes"),
            **_steadiness(whole),
        }
        if given.kill_at is not None:
            figures["killed"] = _killed(command, results, whole, out, given.kill_at)
        return figures
    finally:
        if not given.keep:
            shutil.rmtree(results)


def _killed(command: list[str], folder: Path, whole: Run, undisturbed: Path, share: float) -> dict[str, object]:
    out = folder / "resumed.tif"
    n_rows = whole.rows[-1][1]
    wanted = max(1, round(share * n_rows))
    first = run([*command, "-o", str(out)], out, kill_if=lambda n_done: n_done >= wanted)
    if first.status != -signal.SIGKILL:
        raise SystemExit(f"the run ended with status {first.status} before it could be killed")
    second = run([*command, "-o", str(out)], out)
    if second.status:
        raise SystemExit(f"the resumed run ended with status {second.status}")
    hashes = [_sha256(path) for path in (undisturbed, out)]
    return {
        "at_row": first.rows[-1][1],
        "of_rows": n_rows,
        "seconds_before": round(first.seconds, 1),
        "seconds_after": round(second.seconds, 1),
        "cost_s": round(first.seconds + second.seconds - whole.seconds, 1),
        "notes": second.told.get("notes"),
        "same_bytes": hashes[0] == hashes[1],
        "sha256": hashes,
    }


def run(command: list[str], out: Path, *, kill_if: Callable[[int], bool] | None = None) -> Run:
    """Start a command, watch the rows that it finishes, and wait for it or kill it."""
    answer = out.with_suffix(".json")
    unfinished = out.with_name(f".{out.name}.unfinished")
    began = time.monotonic()
    opened = [(os.POSIX_SPAWN_OPEN, 1, str(answer), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=opened)
    rows: list[tuple[float, int]] = []
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        n_done = len(list(unfinished.glob("*.npy")))
        if n_done and (not rows or n_done > rows[-1][1]):
            rows.append((time.monotonic() - began, n_done))
            if kill_if and kill_if(n_done):
                os.kill(child, signal.SIGKILL)
                kill_if = None
        time.sleep(POLL_S)
    code = os.waitstatus_to_exitcode(status)
    told = json.loads(answer.read_text("utf-8")) if code == 0 else {}
    return Run(code, time.monotonic() - began, usage.ru_maxrss / KB_PER_MB, rows, told)


def _steadiness(whole: Run) -> dict[str, object]:
    """Seconds until the first row, from the last row to the end, and rows a minute in each quarter between."""
    if len(whole.rows) < 2:
        return {"rows": whole.rows[-1][1] if whole.rows else 0}
    times, counts = (np.array(values, float) for values in zip(*whole.rows, strict=True))
    edges = np.interp(np.linspace(counts[0], counts[-1], 5), counts, times)
    quarters = (counts[-1] - counts[0]) / 4 / np.maximum(np.diff(edges), 1e-9) * 60
    return {
        "rows": int(counts[-1]),
        "seconds_to_first_row": round(float(times[0]), 1),
        "seconds_after_last_row": round(whole.seconds - float(times[-1]), 1),
        "rows_per_minute_by_quarter": [round(float(rate), 2) for rate in quarters],
        "slowest_quarter_over_fastest": round(float(quarters.min() / quarters.max()), 3),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _product_xml(stamp: str, cloud_percent: float) -> str:
    """The few elements that tell a product."""
    day = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T10:00:31.024Z"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Level-1C_User_Product><General_Info><Product_Info>
<PRODUCT_START_TIME>{day}</PRODUCT_START_TIME><PROCESSING_LEVEL>Level-1C</PROCESSING_LEVEL>
<PROCESSING_BASELINE>03.01</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="GS2A_{stamp}_000001_N03.01"><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>{day}</DATATAKE_SENSING_START><SENSING_ORBIT_NUMBER>122</SENSING_ORBIT_NUMBER></Datatake>
</Product_Info></General_Info>
<Quality_Indicators_Info><Cloud_Coverage_Assessment>{cloud_percent:.1f}</Cloud_Coverage_Assessment>
</Quality_Indicators_Info></Level-1C_User_Product>
"""


def _granule_xml(stamp: str, px: int, cloud_percent: float) -> str:
    x, y = ORIGIN_XY
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Tile><General_Info><TILE_ID>S2A_OPER_MSI_L1C_TL_EPAE_{stamp}_A000001_{TILE}_N03.01</TILE_ID></General_Info>
<Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>{CRS_NAME}</HORIZONTAL_CS_CODE>
<Size resolution="10"><NROWS>{px}</NROWS><NCOLS>{px}</NCOLS></Size>
<Geoposition resolution="10"><ULX>{x:.0f}</ULX><ULY>{y:.0f}</ULY></Geoposition></Tile_Geocoding></Geometric_Info>
<Quality_Indicators_Info><CLOUDY_PIXEL_PERCENTAGE>{cloud_percent:.1f}</CLOUDY_PIXEL_PERCENTAGE>
</Quality_Indicators_Info></Tile>
"""


if __name__ == "__main__":
    main()

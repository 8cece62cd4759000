"""Small data sets on disk, in the layouts that the readers expect."""

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

IMAGE = "m_2608053_sw_17_060_20191203"


def write_picture(path: Path, *, side_px: int, seed: int = 0) -> np.ndarray:
    """A picture of noise without a black pixel; its pixels."""
    pixels = np.random.default_rng(seed).integers(1, 256, (side_px, side_px, 3), dtype=np.uint8)
    save(path, pixels)
    return pixels


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def counted_dates(n_dates: int, *, first: int = 1, black_dates: tuple[int, ...] = ()) -> np.ndarray:
    """`t 32 32 3`: every pixel of date k is `first + k`; black dates have one black pixel."""
    frames = np.repeat(np.arange(first, first + n_dates, dtype=np.uint8), 32 * 32 * 3).reshape(n_dates, 32, 32, 3)
    frames[list(black_dates), 5, 7] = 0
    return frames


def write_s2naip_pair(
    root: Path,
    tile: str,
    *,
    n_dates: int,
    black_dates: tuple[int, ...] = (),
    has_black_truth: bool = False,
    bands: tuple[str, ...] = (),
    image: str = IMAGE,
    layout: str = "current",
) -> np.ndarray:
    """One sample; every pixel of date k is k + 1, in the n-th of other bands 50·n + k + 1. The truth's pixels."""
    x, y = (int(number) for number in tile.split("_"))
    chip = f"{y % 16}_{x % 16}.png"
    places = {
        "current": (f"{tile}/{{}}.png", f"{tile}/rgb.png"),
        "old": (f"{x // 16}_{y // 16}/{chip}", f"tci/{tile}.png"),
        "old_bands": (f"{x // 16}_{y // 16}/{{}}/{chip}", f"tci/{tile}.png"),
    }
    series, truth_path = places[layout]
    save(root / "sentinel2" / series.format("tci"), counted_dates(n_dates, black_dates=black_dates).reshape(-1, 32, 3))
    for k, band in enumerate(bands, start=1):
        pixels = counted_dates(n_dates, first=50 * k + 1)[..., 0].reshape(-1, 32)
        save(root / "sentinel2" / series.format(band), pixels)
    path = root / "naip" / image / truth_path
    truth = write_picture(path, side_px=128, seed=x * 1000 + y)
    if has_black_truth:
        truth[3, 4] = 0
        save(path, truth)
    return truth


def write_tiff(path: Path, bands: np.ndarray) -> None:
    """`c h w` of floats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    profile = {"count": count, "height": height, "width": width, "dtype": bands.dtype}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 4_000_000)}
    with rasterio.open(path, "w", driver="GTiff", **profile, **place) as dataset:
        dataset.write(bands)


S2NAIP_TIFF_TILE = "32612_960_-6049"


def write_s2naip_tiff_tile(
    root: Path,
    tile: str = S2NAIP_TIFF_TILE,
    *,
    n_dates: int,
    spans: tuple[int, ...] = (8, 16, 32),
    gaps: tuple[int, ...] = (),
    tile_px: int = 64,
) -> np.ndarray:
    """A tile of `allenai/s2-naip`: band b of date k is 100·(k + 1) + 10·b everywhere, but for the corner of dates with
    a gap; the truth, of which noise is returned, has infrared of zero, which is no gap."""
    n_bands = {8: 4, 16: 6, 32: 3}
    for span in spans:
        side = tile_px * 8 // span
        dates = np.empty((n_dates, n_bands[span], side, side), np.uint16)
        dates[:] = 100 * (np.arange(n_dates)[:, None] + 1)[..., None, None]
        dates += (10 * np.arange(n_bands[span], dtype=np.uint16))[None, :, None, None]
        dates[list(gaps), :, :2, :2] = 0
        write_tiff(root / "sentinel2" / "32612" / f"{tile}_{span}.tif", dates.reshape(-1, side, side))
    rng = np.random.default_rng(len(tile))
    truth = rng.integers(1, 256, (tile_px * 8, tile_px * 8, 4), dtype=np.uint8)
    truth[..., 3] = 0
    save(root / "naip" / f"{tile}.png", truth)
    return truth[..., :3]


def ramp(side_px: int) -> np.ndarray:
    """`side side`, from 0.2 to 0.8 by rows and columns; averaged down, it is the ramp of a smaller side."""
    steps = (np.arange(side_px) + 0.5) / side_px
    return (0.2 + 0.3 * (steps[:, None] + steps)).astype(np.float32)


def write_worldstrat_tile(root: Path, tile: str, *, n_dates: int, low_res_px: int = 160, truth_px: int = 640) -> None:
    """Band b of 13 (from 1) is b / 20 of a ramp at every date; red, green and blue of the truth are 4, 3 and 2 / 20."""
    for k in range(1, n_dates + 1):
        bands = np.stack([ramp(low_res_px) * (b + 1) / 20 for b in range(13)])
        write_tiff(root / "lr" / tile / "L1C" / f"{tile}-{k}-L1C_data.tiff", bands)
    truth = np.stack([ramp(truth_px) * (b + 1) / 20 for b in (3, 2, 1)], -1)
    alpha = np.full((truth_px, truth_px, 1), 255)
    save(root / "hr" / tile / f"{tile}_rgb.png", np.concatenate([np.round(truth * 255), alpha], -1).astype(np.uint8))


def write_oli2msi_scene(
    root: Path, name: str, *, split: str = "train", low_res_px: int = 160, gap: bool = False
) -> None:
    """Three bands of a ramp; a gap is one missing pixel of the truth, in its middle."""
    truth = np.stack([ramp(3 * low_res_px) * share for share in (0.5, 0.7, 0.9)])
    if gap:
        truth[:, 3 * low_res_px // 2, 3 * low_res_px // 2] = 0
    write_tiff(root / f"{split}_hr" / name, truth)
    write_tiff(root / f"{split}_lr" / name, np.stack([ramp(low_res_px) * share for share in (0.5, 0.7, 0.9)]))


def write_probav_scene(
    folder: Path, *, n_dates: int, clouded: dict[int, slice] | None = None, truth_gap: slice | None = None
) -> None:
    """A ramp of 14 bits, date k darker by k; rows of a date or of the truth may be hidden by its mask."""
    for k in range(n_dates):
        save(folder / f"LR{k:03}.png", dn_of(ramp(128)) - np.uint16(k))
        save(folder / f"QM{k:03}.png", mask_of(128, (clouded or {}).get(k)))
    save(folder / "HR.png", dn_of(ramp(384)))
    save(folder / "SM.png", mask_of(384, truth_gap))


def dn_of(unit: np.ndarray) -> np.ndarray:
    return np.round(unit * 16383).astype(np.uint16)


def mask_of(side_px: int, hidden_rows: slice | None) -> np.ndarray:
    mask = np.full((side_px, side_px), 255, np.uint8)
    if hidden_rows:
        mask[hidden_rows] = 0
    return mask

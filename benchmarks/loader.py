"""How much faster do we read S2-NAIP than the original's data set class, and how fast is a data set found?

One process, one thread, the same chips, the two in turn. The original's way, in our words: every band's file is
decoded whole with torchvision, every date is searched for black pixels on its own, dates are drawn with
`random.sample` and stacked, images become floats one by one and are collated. Chips are drawn landscapes with the
noise of real dates; files are in the page cache, so this measures work, not disks.
"""

import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ssr.data.catalogue import Catalogue
from ssr.data.chipfiles import ChipFiles
from ssr.data.drawn import DrawnPairs
from ssr.data.ground import draw_ground
from ssr.data.index import open_index, scan, write_index
from ssr.data.pack import PackedImages, pack
from ssr.data.png import pyspng
from ssr.data.s2naip import S2NaipPairs

N_PAIRS, N_DATES, N_REVISITS, BATCH_SIZE, N_ROUNDS = 128, 24, 8, 16, 7
BANDS = {"true colour": ("tci",), "all bands": ("tci", "b01", "b08", "b09", "b10", "b05", "b06", "b07", "b11", "b12")}
N_SCANNED_IMAGES, N_SCANNED_CHIPS, N_INDEXED = 20, 1000, 1_000_000
IMAGE = "m_2608053_sw_17_060_20191203"


def main() -> dict[str, object]:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pairs(root / "pairs")
        return {
            "decoder": "pyspng" if pyspng else "pillow",
            "n_dates_on_disk": N_DATES,
            **{f"{name}, {N_REVISITS} dates": compare(root / "pairs", bands) for name, bands in BANDS.items()},
            "finding": finding(root),
        }


def compare(root: Path, bands: tuple[str, ...]) -> dict[str, float]:
    """Samples a second of both, medians over rounds; the ratio is the median of the rounds' ratios."""
    catalogue = scan(root / "sentinel2", root / "naip")
    files = ChipFiles(root / "sentinel2", root / "naip", catalogue=catalogue)
    samples = S2NaipPairs(files, catalogue=catalogue, n_revisits=N_REVISITS, bands=bands)
    pack(samples, root / "-".join(bands), n_threads=1)
    packed = PackedImages(root / "-".join(bands))
    from_pack = S2NaipPairs(packed, catalogue=packed.catalogue, n_revisits=N_REVISITS, bands=bands)
    source, packed_source = (DrawnPairs(s, batch_size=BATCH_SIZE, seed=0) for s in (samples, from_pack))
    tiles = list(catalogue.tiles())
    n_steps = N_PAIRS // BATCH_SIZE
    original, ours, unpacked = [], [], []
    for round_ in range(N_ROUNDS + 1):  # the first round warms up
        started = time.perf_counter()
        for k in range(n_steps):
            original_batch(root, tiles[k * BATCH_SIZE : (k + 1) * BATCH_SIZE], bands)
        middle = time.perf_counter()
        for k in range(n_steps):
            source.batch(round_ * n_steps + k)
        ended = time.perf_counter()
        for k in range(n_steps):
            packed_source.batch(round_ * n_steps + k)
        last = time.perf_counter()
        if round_:
            original.append(N_PAIRS / (middle - started))
            ours.append(N_PAIRS / (ended - middle))
            unpacked.append(N_PAIRS / (last - ended))
    return {
        "original_samples_per_s": round(statistics.median(original), 1),
        "ours_samples_per_s": round(statistics.median(ours), 1),
        "ratio": ratio(original, ours),
        "packed_samples_per_s": round(statistics.median(unpacked), 1),
        "packed_ratio": ratio(original, unpacked),
    }


def ratio(slow: list[float], fast: list[float]) -> float:
    return round(statistics.median(b / a for a, b in zip(slow, fast, strict=True)), 2)


def original_batch(root: Path, tiles: list[str], bands: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [original_sample(root, tile, bands) for tile in tiles]
    low_res, high_res = (torch.utils.data.default_collate([pair[k] for pair in pairs]) for k in range(2))
    return low_res.float() / 255, high_res.float() / 255


def original_sample(root: Path, tile: str, bands: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    from torchvision.io import read_image

    truth = read_image(str(root / "naip" / IMAGE / tile / "rgb.png"))
    assert not is_black(truth)
    tci = dates_of(read_image(str(root / "sentinel2" / tile / "tci.png")))
    good = [k for k, date in enumerate(tci) if not is_black(date)]
    chosen = random.sample(good, N_REVISITS)
    stacked = [torch.stack([tci[k] for k in chosen])]
    for band in bands[1:]:
        dates = dates_of(read_image(str(root / "sentinel2" / tile / f"{band}.png")))
        stacked.append(torch.stack([dates[k] for k in chosen]))
    return torch.cat(stacked, 1), truth


def dates_of(stack: torch.Tensor) -> torch.Tensor:
    return stack.permute(1, 2, 0).reshape(-1, 32, 32, stack.shape[0]).permute(0, 3, 1, 2)


def is_black(image: torch.Tensor) -> bool:
    return bool((image.sum(0) == 0).any())


def finding(root: Path) -> dict[str, float]:
    """Chips a second while looking for them, and the time to open an index of a million."""
    for k in range(N_SCANNED_IMAGES):
        for n in range(N_SCANNED_CHIPS):
            for folder, name in ((f"naip/{k}/{k}_{n}", "rgb.png"), (f"sentinel2/{k}_{n}", "tci.png")):
                (root / "many" / folder).mkdir(parents=True)
                (root / "many" / folder / name).touch()
    started = time.perf_counter()
    n_found = len(scan(root / "many" / "sentinel2", root / "many" / "naip"))
    scanned_s = time.perf_counter() - started
    numbers = np.random.default_rng(0)
    images = tuple(f"{IMAGE}_{k}" for k in range(20_000))
    columns = (numbers.integers(0, n, N_INDEXED, dtype=np.int32) for n in (len(images), 1 << 17, 1 << 17))
    write_index(root / "index.parquet", Catalogue("current", images, *columns))
    started = time.perf_counter()
    open_index(root / "index.parquet")
    opened_s = time.perf_counter() - started
    return {"files_scanned_per_s": round(2 * n_found / scanned_s), "open_1M_s": round(opened_s, 3)}


def write_pairs(root: Path) -> None:
    noise = np.random.default_rng(0)
    ground = draw_ground(0, 1024)
    for k in range(N_PAIRS):
        y, x = noise.integers(0, 1024 - 128, 2)
        truth = np.clip(ground[y : y + 128, x : x + 128], 1, 255)
        coarse = truth.reshape(32, 4, 32, 4, 3).mean((1, 3))
        dates = np.clip(coarse + noise.normal(0, 3, (N_DATES, 32, 32, 3)), 1, 255).astype(np.uint8)
        save(root / "naip" / IMAGE / f"{k}_0" / "rgb.png", truth)
        save(root / "sentinel2" / f"{k}_0" / "tci.png", dates.reshape(-1, 32, 3))
        for band in BANDS["all bands"][1:]:
            save(root / "sentinel2" / f"{k}_0" / f"{band}.png", dates[..., 0].reshape(-1, 32))


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))

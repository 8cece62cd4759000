"""How do aerial chips of several years become S2-NAIP folders with older images and objects?

The layout is the published one, `naip/<image>/<X_Y>/rgb.png` and `sentinel2/<X_Y>/tci.png`; the dates are simulated.
An image is a city in a year, a tile `X_Y` the number of the site and the year.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ssr.data.imagery import read_picture
from ssr.data.simulate import simulate_series

CHIPS = "train/naip_california_1.2m"
VALIDATION_CITY, VALIDATION_YEAR = "claremont", 2020
N_DATES, CHIPS_TOGETHER, SEED = 8, 16, 30_000

BRIGHTEST_SHARE = 0.1
OBJECT_AREA_PX, OBJECT_SIDE_PX, OBJECT_FILL = (40, 900), (8, 48), 0.5
OBJECT_MARGIN_PX = 2


@dataclass(frozen=True)
class Site:
    """One chip: a place of a city in a year."""

    path: Path
    city: str
    year: int
    number: int

    @property
    def tile(self) -> str:
        return f"{self.number}_{self.year}"


def prepare(imagery: Path, folder: Path) -> dict[str, int]:
    """Write `train` and `validation` below `folder`; the counts of what was written."""
    sites = find_sites(imagery / CHIPS)
    train = [site for site in sites if site.city != VALIDATION_CITY]
    validation = [site for site in sites if (site.city, site.year) == (VALIDATION_CITY, VALIDATION_YEAR)]
    write_pairs(train, folder / "train", seed=SEED)
    write_pairs(validation, folder / "validation", seed=SEED + 1)
    n_old = write_older(train, folder / "train")
    boxes = write_objects(train, folder / "train")
    return {
        "train": len(train),
        "validation": len(validation),
        "with_older": n_old,
        "with_objects": len(boxes),
        "objects": sum(map(len, boxes.values())),
    }


def find_sites(folder: Path) -> list[Site]:
    """Chips named `city_year_site.png`; the same site of a city has the same number in every year."""
    named = [(path, *path.stem.rsplit("_", 2)) for path in sorted(folder.glob("*.png"))]
    places = sorted({(city, int(place)) for _, city, _, place in named})
    return [Site(path, city, int(year), places.index((city, int(place)))) for path, city, year, place in named]


def write_pairs(sites: list[Site], folder: Path, *, seed: int) -> None:
    """Truth and dates of every site."""
    for k in range(0, len(sites), CHIPS_TOGETHER):
        some = sites[k : k + CHIPS_TOGETHER]
        ground = np.stack([read_picture(site.path).pixels for site in some])
        series = simulate_series(
            torch.from_numpy(ground).permute(0, 3, 1, 2).float() / 255,
            n_revisits=N_DATES,
            generator=torch.Generator().manual_seed(seed + 1000 * k),
            margin_px=0,
        )
        for site, dates, truth in zip(some, series.low_res, series.high_res, strict=True):
            write_png(truth_path(folder, site), truth)
            write_png(folder / "sentinel2" / site.tile / "tci.png", torch.cat(list(dates), 1))


def write_older(sites: list[Site], folder: Path) -> int:
    """For every site that was seen before, its truth of the latest earlier year under its own tile's name."""
    n = 0
    for site in sites:
        earlier = [other for other in sites if other.number == site.number and other.year < site.year]
        if earlier:
            latest = max(earlier, key=lambda other: other.year)
            target = folder / "old_naip" / f"{site.tile}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(truth_path(folder, latest).read_bytes())
            n += 1
    return n


def write_objects(sites: list[Site], folder: Path) -> dict[str, list[list[int]]]:
    """Boxes of tiles that have any, in the published form."""
    boxes = {site.tile: find_objects(read_picture(truth_path(folder, site)).pixels) for site in sites}
    boxes = {tile: found for tile, found in boxes.items() if found}
    objects = {tile: {"bright": found} for tile, found in boxes.items()}
    (folder / "objects.json").write_text(json.dumps(objects), encoding="utf-8")
    return boxes


def find_objects(pixels: NDArray[np.uint8]) -> list[list[int]]:
    """Compact bright things: left, top, right, bottom.

    The brightest tenth of the pixels, its connected components of 40 to 900 pixels whose bounding box has sides of 8
    to 48 px and is at least half full, with 2 px around.
    """
    grey = pixels.mean(2)
    labels, _ = ndimage.label(grey > np.quantile(grey, 1 - BRIGHTEST_SHARE))
    boxes = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        area = int((labels[rows, columns] == number).sum())
        fits = OBJECT_AREA_PX[0] <= area <= OBJECT_AREA_PX[1] and area >= OBJECT_FILL * height * width
        if fits and all(OBJECT_SIDE_PX[0] <= side <= OBJECT_SIDE_PX[1] for side in (height, width)):
            m, side_px = OBJECT_MARGIN_PX, len(grey)
            boxes.append(
                [
                    max(columns.start - m, 0),
                    max(rows.start - m, 0),
                    min(columns.stop + m, side_px),
                    min(rows.stop + m, side_px),
                ]
            )
    return boxes


def truth_path(folder: Path, site: Site) -> Path:
    return folder / "naip" / f"{site.city}_{site.year}" / site.tile / "rgb.png"


def write_png(path: Path, image: torch.Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(path)

"""What does a written raster say of itself, and of the bytes it is made of?"""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid

COORDINATES = ("band", "x", "y", "spatial_ref")
"""Arrays of a Zarr store that are no bands."""


@dataclass(frozen=True)
class DescribedBand:
    """A band: name, type of its numbers, the one that means no data, and what a number means."""

    name: str
    dtype: str
    no_data: float | None
    scale: float
    offset: float


@dataclass(frozen=True)
class DescribedRaster:
    """A raster on disk."""

    grid: Grid
    bands: tuple[DescribedBand, ...]


def describe_raster(path: Path) -> DescribedRaster:
    """A raster file, or a Zarr store.

    Raises:
        ImageReadError: missing, damaged, or no raster.
    """
    try:
        with gdal_environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            described = [_describe(name) for name in _arrays(path)]
    except RasterioError as error:
        raise ImageReadError(f"{path}: cannot be opened as a raster ({one_line(error)})") from error
    return DescribedRaster(described[0].grid, tuple(band for one in described for band in one.bands))


def sha256_multihash(path: Path) -> str:
    """SHA-256 of a file as a multihash: what was hashed with, how long, and the hash."""
    with path.open("rb") as file:
        return f"1220{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _arrays(path: Path) -> list[str]:
    """What GDAL calls the parts that hold bands."""
    if not path.is_dir():
        return [str(path)]
    with rasterio.open(path) as store:
        found = [name for name in store.subdatasets if name.rpartition("/")[2] not in COORDINATES]
    return sorted(found) or [str(path)]


def _describe(name: str) -> DescribedRaster:
    with rasterio.open(name) as dataset:
        grid = Grid(dataset.crs or None, dataset.transform, (dataset.height, dataset.width))
        bands = zip(_names(dataset), dataset.dtypes, dataset.nodatavals, dataset.scales, dataset.offsets, strict=True)
        return DescribedRaster(grid, tuple(DescribedBand(*band) for band in bands))


def _names(dataset: DatasetReader) -> list[str]:
    told = [text or "" for text in dataset.descriptions]
    if not any(told):
        told = str(dataset.tags().get("long_name") or dataset.tags(1).get("long_name") or "").split(", ")
    if len(told) != dataset.count:
        told = [""] * dataset.count
    return [text or f"band {k}" for k, text in enumerate(told, start=1)]

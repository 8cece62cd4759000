"""Is a raster a result of this program, by what it says of itself?"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ssr.errors import ImageReadError
from ssr.raster.publishing import ZARR_SUFFIX
from ssr.raster.reader import RasterReader

MARK = "SSR_"
"""So begin the names of the tags that results carry, and no image of an instrument."""
GEOTIFF_SUFFIXES = (".tif", ".tiff")


def is_result(path: Path) -> bool:
    """Whether a GeoTIFF or Zarr store says that this program made it; what cannot be read says nothing."""
    suffix = path.suffix.lower()
    if suffix == ZARR_SUFFIX:
        return _is_marked(_attributes(path))
    return suffix in GEOTIFF_SUFFIXES and _is_marked(_tags(path))


def _is_marked(names: Iterable[str]) -> bool:
    return any(name.startswith(MARK) for name in names)


def _attributes(store: Path) -> Iterable[str]:
    """Of a store as this program writes it, in Zarr's format 2."""
    try:
        found = json.loads((store / ".zattrs").read_bytes())
    except (OSError, ValueError):
        return ()
    return found if isinstance(found, dict) else ()


def _tags(path: Path) -> Iterable[str]:
    try:
        with RasterReader(path, bands=(1,), to_unit=np.asarray) as reader:
            return list(reader.dataset.tags())
    except ImageReadError:
        return ()

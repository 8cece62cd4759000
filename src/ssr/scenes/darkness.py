"""How dark are the darkest pixels of each band? They tell whether numbers carry an offset."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ssr.errors import ImageReadError
from ssr.raster.reader import RasterReader
from ssr.scenes.acquisition import BandSource
from ssr.sentinel2.bands import CIRRUS_BAND, TRUE_COLOUR_BANDS
from ssr.sentinel2.offsets import DARK_PERCENTILE
from ssr.sentinel2.radiometry import NO_DATA_DN

TELLING_BANDS = (CIRRUS_BAND, "b12", *TRUE_COLOUR_BANDS, "b08")
"""Where the offset shows: those that are dark somewhere, small files first."""

SAMPLE_PX = 512
EDGE_PX = 2
"""So near to missing pixels a thinned view mixes zeros in."""


def dark_pixels(sources: Mapping[str, BandSource]) -> tuple[dict[str, float], list[str]]:
    """By band, the number that one in a hundred pixels with data is below; and why files could not be read."""
    by_file: dict[str, list[str]] = {}
    for band, source in sources.items():
        by_file.setdefault(source.name, []).append(band)
    found: dict[str, float] = {}
    errors = []
    for name, bands in by_file.items():
        indexes = tuple(sources[band].indexes[0] for band in bands)
        try:
            with RasterReader(name, bands=indexes, to_unit=np.asarray) as reader:
                stored = reader.read_thinned(max(1, -(-max(reader.grid.shape_hw) // SAMPLE_PX)))
        except ImageReadError as error:
            errors.append(str(error))
            continue
        for band, numbers in zip(bands, stored, strict=True):
            inner = numbers[_away_from_gaps(numbers != NO_DATA_DN)]
            if inner.size:
                found[band] = float(np.percentile(inner, DARK_PERCENTILE))
    return found, errors


def _away_from_gaps(has_data: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = has_data.shape
    inner = has_data.copy()
    for _ in range(EDGE_PX):
        padded = np.pad(inner, 1, constant_values=True)
        neighbours = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
        inner = np.logical_and.reduce(neighbours)
    return inner

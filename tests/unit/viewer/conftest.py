"""A result, its dates and its trust on disk, of which every number is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from tests.support.scenes import TEN_METRES, textured, write_series, write_tiff

FINE = TEN_METRES @ Affine.scale(0.25)
N_DATES, LOW_HW = 3, (80, 100)


def write_trust(path: Path, shape_hw: tuple[int, int], *, transform: Affine = FINE) -> Path:
    """`trust`, which grows from column to column, and `n_dates`; 255 in the first row."""
    bands = np.stack([np.arange(shape_hw[1])[None].repeat(shape_hw[0], 0) % 101, np.full(shape_hw, N_DATES)])
    bands[:, 0] = 255
    write_tiff(path, bands.astype(np.uint8), transform=transform, nodata=255)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("trust", "n_dates")
        dataset.scales = (0.01, 1.0)
        dataset.update_tags(SSR_TRUST_TRUST="per cent of pixels that were right", SSR_DATES="a,b,c")
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """`out.tif`, four times finer than the dates in `dates/`, with `out.trust.tif`."""
    write_series(tmp_path / "dates", textured(N_DATES, *LOW_HW), nodata=0)
    fine = tuple(4 * side for side in LOW_HW)
    out = write_tiff(tmp_path / "out.tif", textured(1, *fine, seed=1)[0], transform=FINE, nodata=0)
    with rasterio.open(out, "r+") as dataset:
        dataset.update_tags(
            SSR_MODEL="compact-8", SSR_DATES="date_0.tif,date_1.tif,date_2.tif", SSR_TIMES="2021-06-01T10:00:00+00:00,,"
        )
    write_trust(tmp_path / "out.trust.tif", fine)
    return out


@pytest.fixture
def pixels() -> Callable[[Path], np.ndarray]:
    def read(path: Path) -> np.ndarray:
        with rasterio.open(path) as dataset:
            return dataset.read()

    return read

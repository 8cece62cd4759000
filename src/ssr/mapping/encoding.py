"""How does a cell become the bytes of a Cloud-Optimised GeoTIFF?"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssr.raster.grid import Grid
from ssr.raster.layout import Layout
from ssr.raster.strips import Strips
from ssr.raster.writer import publish_cog


def cog_bytes(pixels: NDArray[np.generic], grid: Grid, layout: Layout, tags: Mapping[str, str]) -> bytes:
    """A file as `scene` writes it, of `c h w` numbers; equal pixels and tags give equal bytes.

    Raises:
        OutputError: there is no room for temporary files.
    """
    height, width = grid.shape_hw
    rows = slice(0, height)
    with tempfile.TemporaryDirectory(prefix="ssr-cell-") as folder:
        target = Path(folder) / "cell.tif"
        strips = Strips(Path(folder), "cell", grid, layout, target=target)
        with strips.writing(0, rows) as strip:
            strip.write(rows, slice(0, width), pixels)
        publish_cog(strips.mosaic([rows], tags), target, layout)
        return target.read_bytes()

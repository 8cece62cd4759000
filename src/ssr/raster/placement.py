"""How is a raster read on a grid that is not its own?"""

from contextlib import ExitStack
from typing import Any

import rasterio
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from ssr.raster.grid import Grid

PLACE_ERROR_PX = 1e-4
"""GDAL places pixels approximately, by default to an eighth of a pixel; then results depend on where a window lies."""


def warped(dataset: DatasetReader, target: Grid, *, missing_dn: float | None, opened: ExitStack) -> WarpedVRT:
    """A view of a dataset on another grid, bilinear; what lies outside has no data.

    Args:
        missing_dn: the number that means no data where the file does not say so itself (in all bands at once).
        opened: what closes the view.
    """
    how: dict[str, Any] = {}
    if dataset.nodata is not None:
        how = {"src_nodata": dataset.nodata, "nodata": dataset.nodata}
    elif ColorInterp.alpha in dataset.colorinterp:
        how = {}
    elif MaskFlags.all_valid not in dataset.mask_flag_enums[0]:
        how = {"add_alpha": True}
    elif missing_dn is not None:
        how = {"src_nodata": missing_dn, "nodata": missing_dn}
    height, width = target.shape_hw
    scale = 1 / pixel_ratio(dataset, target)  # GDAL would measure it anew in each window, a little differently
    view = WarpedVRT(
        dataset,
        crs=target.crs,
        transform=target.transform,
        height=height,
        width=width,
        resampling=Resampling.bilinear,
        tolerance=PLACE_ERROR_PX,
        UNIFIED_SRC_NODATA="YES",  # a pixel lacks data where all its bands do
        XSCALE=scale,
        YSCALE=scale,
        **how,
    )
    return opened.enter_context(view)


def overview_for(dataset: DatasetReader, ratio: float) -> int | None:
    """The coarsest overview that is still as fine as one pixel in `ratio`; None for the full resolution."""
    fitting = [level for level, factor in enumerate(dataset.overviews(1)) if factor <= ratio]
    return fitting[-1] if fitting else None


def pixel_ratio(dataset: DatasetReader, target: Grid) -> float:
    """How many pixels of a dataset go along the side of one of another grid."""
    if dataset.crs == target.crs:
        return target.pixel_size / float(abs(dataset.transform.determinant) ** 0.5)
    with WarpedVRT(dataset, crs=target.crs) as natural:
        return target.pixel_size / float(abs(natural.transform.determinant) ** 0.5)


def open_overview(dataset: DatasetReader, level: int | None) -> DatasetReader:
    """The same file at one of its overviews."""
    return rasterio.open(dataset.name) if level is None else rasterio.open(dataset.name, overview_level=level)

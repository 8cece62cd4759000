"""Where on one grid does a raster with another lie, and where on Earth is the grid?"""

import math
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points

from ssr.raster.extent import LON_LAT, lon_lat_bounds
from ssr.raster.grid import Grid

SAME_SHAPE_PX = 1.0
NODES = 17
"""Of a net over the view, between whose nodes places are interpolated."""


def way_to(grid: Grid, view: Grid) -> Affine | None:
    """From pixels of a view to those of another, upright grid; None where they have no ground in common so.

    Without a coordinate system on either side, a raster belongs to the view if it shows the same ground by its
    transform or, failing that, has the same shape but for its size.
    """
    if grid.crs is None and view.crs is None:
        return _without_place(grid, view)
    if grid.crs != view.crs:
        return None
    way = ~grid.transform @ view.transform
    is_upright = max(abs(way.b), abs(way.d)) * max(view.shape_hw) < 0.01 and way.a > 0 and way.e > 0
    return way if is_upright and _overlap(way, grid, view) else None


def can_be_warped(grid: Grid, view: Grid) -> bool:
    """Whether two grids of different systems show some ground in common."""
    if grid.crs is None or view.crs is None:
        return False
    one, other = lon_lat_bounds(grid), lon_lat_bounds(view)
    if one is None or other is None:
        return False
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def net_of(view: Grid, extent_px: tuple[int, ...]) -> dict[str, Any] | None:
    """Longitude and latitude at the nodes of a net over the view, and pixels of the view on one in Web Mercator."""
    if view.crs is None:
        return None
    left, top, right, bottom = extent_px
    columns, rows = np.meshgrid(np.linspace(left, right, NODES), np.linspace(top, bottom, NODES))
    try:
        xs, ys = _moved(view.transform, columns.ravel(), rows.ravel())
        lons, lats = (np.array(values) for values in transform_points(view.crs, LON_LAT, list(xs), list(ys)))
        if not (np.isfinite(lons).all() and np.isfinite(lats).all()) or np.abs(lats).max() > 85 or np.ptp(lons) > 180:
            return None
        u = (lons + 180) / 360
        v = 0.5 - np.log(np.tan(math.pi / 4 + np.radians(lats) / 2)) / (2 * math.pi)
        us, vs = np.meshgrid(np.linspace(u.min(), u.max(), NODES), np.linspace(v.min(), v.max(), NODES))
        degrees = np.degrees(2 * np.arctan(np.exp((0.5 - vs) * 2 * math.pi)) - math.pi / 2)
        back = transform_points(LON_LAT, view.crs, list((us * 360 - 180).ravel()), list(degrees.ravel()))
        x, y = _moved(~view.transform, np.array(back[0]), np.array(back[1]))
    except RasterioError:  # the system has no degrees, as that of a drawing
        return None
    return {
        "n": NODES,
        "lon": np.round(lons, 8).tolist(),
        "lat": np.round(lats, 8).tolist(),
        "mercator": [u.min(), v.min(), u.max(), v.max()],
        "x": np.round(x, 3).tolist(),
        "y": np.round(y, 3).tolist(),
    }


def _moved(way: Affine, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    return way.a * x + way.b * y + way.c, way.d * x + way.e * y + way.f


def _without_place(grid: Grid, view: Grid) -> Affine | None:
    way = ~grid.transform @ view.transform
    height, width = view.shape_hw
    right, bottom = way @ (width, height)
    near = abs(right - grid.shape_hw[1]) < SAME_SHAPE_PX and abs(bottom - grid.shape_hw[0]) < SAME_SHAPE_PX
    if near and way.a > 0 and way.e > 0 and abs(way.c) + abs(way.f) < SAME_SHAPE_PX:
        return way
    x, y = grid.shape_hw[1] / width, grid.shape_hw[0] / height
    is_same_shape = abs(x - y) * max(view.shape_hw) < SAME_SHAPE_PX
    return Affine.scale(x, y) if is_same_shape else None


def _overlap(way: Affine, grid: Grid, view: Grid) -> bool:
    (left, top), (right, bottom) = way @ (0, 0), way @ (view.shape_hw[1], view.shape_hw[0])
    return left < grid.shape_hw[1] and right > 0 and top < grid.shape_hw[0] and bottom > 0

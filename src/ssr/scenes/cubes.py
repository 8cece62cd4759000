"""How does a cube (NetCDF or Zarr, with a time axis) become dates?

Bands are variables named B02, B03, … or one variable with an axis of bands; the place comes from a `grid_mapping`, an
`epsg` or `crs` attribute and the x and y axes. A cube is held in memory date by date, for the bands that are wanted.
"""

import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.atomic import one_line
from ssr.errors import ImageReadError, InputError, MissingExtraError
from ssr.raster.classes import NO_CLASS
from ssr.raster.crs import parse_crs
from ssr.raster.grid import Grid
from ssr.raster.memory import memory_raster
from ssr.scenes.acquisition import Acquisition, Bands, BandSource
from ssr.scenes.classification import CLASSIFICATION
from ssr.scenes.darkness import TELLING_BANDS
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Rules
from ssr.sentinel2.bands import BANDS, TRUE_COLOUR_BANDS
from ssr.sentinel2.names import level_of
from ssr.sentinel2.radiometry import QUANTIFICATION

if TYPE_CHECKING:
    import xarray as xr

CUBE_SUFFIXES = (".nc", ".nc4", ".zarr")
TIME_NAMES = ("time", "t", "timestamp", "date", "datetime")
BAND_NAMES = ("band", "bands")
X_NAMES, Y_NAMES = ("x", "lon", "longitude", "easting"), ("y", "lat", "latitude", "northing")
BRIGHTEST_REFLECTANCE = 2.0
EVEN_STEP = 1e-3
"""Axes may deviate by this share of a pixel, no more."""


def open_cube(path: Path, *, rules: Rules, opened: ExitStack, period: Period | None = None) -> list[Acquisition]:
    """The dates of a cube.

    Raises:
        InputError: no bands, no time axis, uneven axes.
        ImageReadError: a damaged file.
        MissingExtraError: xarray is not installed.
    """
    try:
        import xarray as xr
    except ModuleNotFoundError as error:
        raise MissingExtraError("xarray", "cubes", f"the cube {path}") from error
    try:
        if path.suffix.lower() == ".zarr":
            cube = xr.open_zarr(path, mask_and_scale=False, consolidated=None, chunks=None)
        else:
            cube = xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False)
        with cube:
            return _dates(path, cube, rules, opened, period)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "h5netcdf", "cubes", f"the cube {path}") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ImageReadError(f"{path}: cannot be read as a cube, truncated or damaged ({one_line(error)})") from error


def _dates(path: Path, cube: "xr.Dataset", rules: Rules, opened: ExitStack, period: Period | None) -> list[Acquisition]:
    bands = _bands(path, cube)
    wanted = {band for name in rules.channels for band in (TRUE_COLOUR_BANDS if name == "tci" else (name,))}
    at_hand = wanted | {*TELLING_BANDS, *rules.also}
    kept = {band: array for band, array in bands.items() if band in at_hand}
    if not kept:
        raise InputError(f"{path}: has no band that is wanted ({', '.join(sorted(wanted))}); it has {', '.join(bands)}")
    first = next(iter(kept.values()))
    t, y, x = (_axis(path, first, names) for names in (TIME_NAMES, Y_NAMES, X_NAMES))
    grid = _grid(path, cube, first, y, x)
    level = level_of(path.stem) or rules.level
    offsets, quantification = _scaling(first, t)
    found = []
    for index, stamp in enumerate(first[t].values):
        moment = _moment(path, stamp)
        name = f"{path.name} {moment:%Y-%m-%dT%H%M%S}"
        if period is not None and not period.holds(moment):
            found.append(Acquisition(name, moment, ()))  # known to exist, but not read
            continue
        pixels = {band: np.asarray(array.isel({t: index}).transpose(y, x).values) for band, array in kept.items()}
        missing = {band: _missing(array) for band, array in kept.items()}
        classes = _classes(cube, first, t, index)
        if classes is not None:
            pixels[CLASSIFICATION], missing[CLASSIFICATION] = classes.transpose(y, x).values, NO_CLASS
        sources = _in_memory(pixels, missing, grid, opened)
        piece = Bands(name, sources, level=level, quantification=quantification, offsets_dn=offsets)
        found.append(Acquisition(name, moment, (piece,), level=level))
    return found


def _classes(cube: "xr.Dataset", band: "xr.DataArray", t: str, index: int) -> "xr.DataArray | None":
    """The scene classification of a date, if there is a variable of it with the axes of the bands."""
    for name, array in cube.data_vars.items():
        if str(name).lower() == CLASSIFICATION and set(array.dims) == set(band.dims):
            of_date = array.isel({t: index})
            return of_date.where(of_date > NO_CLASS, NO_CLASS).astype(np.uint8)
    return None


def _in_memory(
    pixels: dict[str, NDArray[np.generic]], missing: dict[str, float | None], grid: Grid, opened: ExitStack
) -> dict[str, BandSource]:
    """Bands as rasters; those of one kind of number and one missing value share one."""
    groups: dict[tuple[np.dtype, float | None], list[str]] = {}
    for band, numbers in pixels.items():
        groups.setdefault((numbers.dtype, missing[band]), []).append(band)
    sources: dict[str, BandSource] = {}
    for (_, nodata), bands in groups.items():
        stacked = np.stack([pixels[band] for band in bands])
        name = opened.enter_context(memory_raster(stacked, grid, nodata=nodata))
        sources |= {band: BandSource(name, (place,)) for place, band in enumerate(bands, start=1)}
    return sources


def _missing(array: "xr.DataArray") -> float | None:
    """The number that means no data."""
    value = array.attrs.get("_FillValue", array.encoding.get("_FillValue"))
    return None if value is None else float(np.ravel(value)[0])


def _bands(path: Path, cube: "xr.Dataset") -> "dict[str, xr.DataArray]":
    """By band such as b02; variables, or slices of one variable along its axis of bands."""
    found: dict[str, Any] = {}
    for name, array in cube.data_vars.items():
        band = _band(str(name))
        if band and array.ndim >= 2:
            found[band] = array
    if not found:
        for array in cube.data_vars.values():
            axis = next((str(dim) for dim in array.dims if str(dim).lower() in BAND_NAMES), None)
            if axis and axis in array.coords:
                names = [_band(str(label)) for label in array[axis].values]
                found |= {band: array.isel({axis: k}) for k, band in enumerate(names) if band}
    if not found:
        listed = ", ".join(map(str, cube.data_vars)) or "none"
        raise InputError(f"{path}: has no variables named B02, B03, … and no axis of such bands; it has {listed}")
    return found


def _band(name: str) -> str | None:
    match = re.match(r"^B0?(\d{1,2}A?)$", name, re.IGNORECASE)
    band = f"b{match[1].lower().rjust(2, '0')}" if match else ""
    return band if band in BANDS else None


def _axis(path: Path, array: "xr.DataArray", names: tuple[str, ...]) -> str:
    for dim in array.dims:
        if str(dim).lower() in names:
            return str(dim)
    raise InputError(f"{path}: {array.name} has axes {', '.join(map(str, array.dims))}, expected one named {names[0]}")


def _grid(path: Path, cube: "xr.Dataset", array: "xr.DataArray", y: str, x: str) -> Grid:
    steps, starts = [], []
    for axis in (x, y):
        places = np.asarray(array[axis].values, np.float64)
        gaps = np.diff(places)
        if len(places) < 2 or not np.all(np.abs(gaps - gaps.mean()) <= EVEN_STEP * abs(gaps.mean())):
            raise InputError(f"{path}: its {axis} axis is not even, expected the centres of pixels of one size")
        steps.append(float((places[-1] - places[0]) / (len(places) - 1)))
        starts.append(float(places[0]) - steps[-1] / 2)
    transform = Affine(steps[0], 0, starts[0], 0, steps[1], starts[1])
    return Grid(parse_crs(_crs_text(cube, array), what=str(path)), transform, (array.sizes[y], array.sizes[x]))


def _crs_text(cube: "xr.Dataset", array: "xr.DataArray") -> str | None:
    mapping = array.attrs.get("grid_mapping", array.encoding.get("grid_mapping"))
    holders = [cube[mapping].attrs] if mapping in cube.variables else []
    for attributes in [*holders, array.attrs, cube.attrs]:
        for key in ("crs_wkt", "spatial_ref", "crs", "epsg"):
            value = attributes.get(key)
            if value is not None and str(value).strip():
                text = value.decode() if isinstance(value, bytes) else str(value)
                return f"EPSG:{text}" if text.strip().isdecimal() else text.removeprefix("+init=").strip()
    return None


def _scaling(array: "xr.DataArray", t: str) -> tuple[dict[str, float] | None, float]:
    """Offset and quantification from `scale_factor` and `add_offset` of CF; those of ESA where there are none.

    Fractions that say no scale are reflectance already if their median is no more than that of a very bright ground.
    """
    attributes = array.encoding | array.attrs
    scale = attributes.get("scale_factor")
    if scale is None or not 0 < float(scale) < 1:
        if array.dtype.kind == "f":
            values = np.asarray(array.isel({t: 0}).values)
            finite = values[np.isfinite(values)]
            if finite.size and np.median(finite) <= BRIGHTEST_REFLECTANCE:
                return None, 1
        return None, QUANTIFICATION
    offset = attributes.get("add_offset")
    told = None if offset is None else dict.fromkeys(BANDS, float(offset) / float(scale))
    return told, 1 / float(scale)


def _moment(path: Path, stamp: Any) -> datetime:
    if not isinstance(stamp, np.datetime64) or np.isnat(stamp):
        raise InputError(f"{path}: its time axis holds {stamp!r}, expected dates with units such as 'days since …'")
    return datetime.fromtimestamp(float(stamp.astype("datetime64[ms]").astype(np.int64)) / 1000, UTC)

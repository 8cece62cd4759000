"""How does a cube (NetCDF, Zarr or xarray, with a time axis) become dates?

Bands are variables named B02, B03, … or one variable with an axis of bands; the place comes from a `grid_mapping`, an
`epsg` or `crs` attribute and the x and y axes. A cube is held in memory date by date, for the bands that are wanted.
Cubes of one place that were split by resolution or by band are joined where their times are equal.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.atomic import one_line
from ssr.errors import ImageReadError, InputError, MissingExtraError
from ssr.raster.classes import NO_CLASS
from ssr.raster.crs import parse_crs
from ssr.raster.extent import bounds_of
from ssr.raster.gdal import without_secrets
from ssr.raster.grid import Grid
from ssr.raster.memory import memory_raster
from ssr.scenes.acquisition import Acquisition, Bands, BandSource
from ssr.scenes.classification import CLASSIFICATION
from ssr.scenes.damage import Damage
from ssr.scenes.darkness import TELLING_BANDS
from ssr.scenes.notes import Note
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Rules
from ssr.sentinel2.bands import BANDS, TRUE_COLOUR_BANDS
from ssr.sentinel2.names import level_of
from ssr.sentinel2.radiometry import QUANTIFICATION, Level

if TYPE_CHECKING:
    import xarray as xr

Cube: TypeAlias = "Path | xr.Dataset | xr.DataArray"

CUBE_SUFFIXES = (".nc", ".nc4", ".zarr")
TIME_NAMES = ("time", "t", "timestamp", "date", "datetime")
BAND_NAMES = ("band", "bands")
X_NAMES, Y_NAMES = ("x", "lon", "longitude", "easting"), ("y", "lat", "latitude", "northing")
USUAL_GRID_MAPPING = "spatial_ref"
"""Where rioxarray and odc-geo write the coordinate system, and look for it if no band names another place."""
BRIGHTEST_REFLECTANCE = 2.0
EVEN_STEP = 1e-3
"""Axes may deviate by this share of a pixel, no more."""


class _Scaling(NamedTuple):
    """What the numbers of bands mean. offset_dn: what is said to be added to them; None where nothing is said."""

    quantification: float = QUANTIFICATION
    offset_dn: float | None = None

    def __str__(self) -> str:
        return f"reflectance × {self.quantification:g}" + (f", offset {self.offset_dn:g}" if self.offset_dn else "")


class _Unread(NamedTuple):
    """A band at one time, and where it lies."""

    array: "xr.DataArray"
    y: str
    x: str
    grid: Grid


@dataclass(frozen=True)
class _Step:
    """One time of a cube, or of several that complete one another, before its pixels are read.

    shown: what messages call the cube.
    grid: of its finest bands.
    bands: those that may be needed, with the scene classification.
    scaling: None where there are no bands beside the classification.
    has: every band of the cube.
    cubes: by number.
    """

    shown: str
    name: str
    moment: datetime
    grid: Grid
    level: Level | None
    scaling: _Scaling | None
    bands: Mapping[str, _Unread]
    has: tuple[str, ...]
    cubes: frozenset[int]
    is_local: bool


def open_cubes(
    cubes: Sequence[Cube],
    *,
    rules: Rules,
    opened: ExitStack,
    damage: Damage,
    period: Period | None = None,
) -> list[Acquisition]:
    """The dates of cubes, files or what xarray holds; those outside of a period are named, not read.

    Raises:
        InputError: no bands, no time axis, uneven axes.
        MissingExtraError: xarray is not installed.
    """
    wanted = {band for name in rules.channels for band in (TRUE_COLOUR_BANDS if name == "tci" else (name,))}
    at_hand = wanted | {*TELLING_BANDS, *rules.also, CLASSIFICATION}
    found, steps = [], []
    with ExitStack() as files:
        for number, cube in enumerate(cubes):
            is_file = isinstance(cube, Path)
            shown = str(cube) if isinstance(cube, Path) else name_of_cube(cube)
            with damage.leaves_out(Path(shown).name, is_local=is_file), _decoding(shown):
                dataset = files.enter_context(_open(cube)) if isinstance(cube, Path) else _as_dataset(cube)
                listed = _steps(dataset, shown, at_hand, rules.level)
                steps += [replace(step, cubes=frozenset([number]), is_local=is_file) for step in listed]
        joined = _joined(steps)
        completed = frozenset[int]().union(*(step.cubes for step in joined if len(step.cubes) > 1))
        for step in joined:
            absent = sorted(wanted - step.bands.keys())
            if period is not None and not period.holds(step.moment):
                found.append(Acquisition(step.name, step.moment, ()))  # known to exist, but not read
            elif absent and len(step.cubes) == 1 and step.cubes <= completed:
                names = ", ".join(map(str.upper, absent))
                damage.notes.append(Note(step.name, f"left out (no cube has {names} at its time)"))
            elif not step.bands:
                names = ", ".join(map(str.upper, absent))
                raise InputError(f"{step.shown}: has no band that is wanted ({names}); it has {', '.join(step.has)}")
            else:
                with damage.leaves_out(step.name, is_local=step.is_local), _decoding(step.shown):
                    found.append(_acquisition(step, opened))
    return found


def name_of_cube(cube: "xr.Dataset | xr.DataArray") -> str:
    """The file that xarray read it from, without its folder; else the name of an array."""
    import xarray as xr

    source = cube.encoding.get("source")
    if source:
        return Path(without_secrets(str(source)).removesuffix("?…")).name
    named = cube.name if isinstance(cube, xr.DataArray) else None
    return str(named or "dataset")


def _open(path: Path) -> "xr.Dataset":
    try:
        import xarray as xr
    except ModuleNotFoundError as error:
        raise MissingExtraError("xarray", "cubes", f"the cube {path}") from error
    if path.suffix.lower() == ".zarr":
        return xr.open_zarr(path, mask_and_scale=False, consolidated=None, chunks=None)
    return xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False)


def _as_dataset(cube: "xr.Dataset | xr.DataArray") -> "xr.Dataset":
    import xarray as xr

    return cube.to_dataset(name=cube.name or "cube") if isinstance(cube, xr.DataArray) else cube


@contextmanager
def _decoding(shown: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "h5netcdf", "cubes", f"the cube {shown}") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ImageReadError(f"{shown}: cannot be read as a cube, truncated or damaged ({one_line(error)})") from error


def _steps(cube: "xr.Dataset", shown: str, at_hand: set[str], level: Level | None) -> list[_Step]:
    bands = _bands(shown, cube)
    kept = {band: array for band, array in bands.items() if band in at_hand}
    first = next(iter((kept or bands).values()))
    t, y, x = (_axis(shown, first, names) for names in (TIME_NAMES, Y_NAMES, X_NAMES))
    if set(kept.get(CLASSIFICATION, first).dims) != set(first.dims):
        del kept[CLASSIFICATION]  # not by date
    grid = _grid(shown, cube, first, y, x)
    scaled = next((array for band, array in kept.items() if band != CLASSIFICATION), None)
    scaling = None if scaled is None else _scaling(scaled, t)
    steps = []
    for index, stamp in enumerate(first[t].values):
        moment = _moment(shown, stamp)
        steps.append(
            _Step(
                shown,
                f"{Path(shown).name} {moment:%Y-%m-%dT%H%M%S}",
                moment,
                grid,
                level_of(Path(shown).stem) or level,
                scaling,
                {band: _Unread(array.isel({t: index}), y, x, grid) for band, array in kept.items()},
                tuple(bands),
                frozenset(),
                is_local=True,
            )
        )
    return steps


def _joined(steps: Sequence[_Step]) -> list[_Step]:
    """Steps of one time and place that complete one another as one, in which the finest of each band serves."""
    joined: dict[datetime, list[_Step]] = {}
    for step in sorted(steps, key=lambda one: (round(one.grid.pixel_size, 6), one.name)):
        of_time = joined.setdefault(step.moment, [])
        for place, finer in enumerate(of_time):
            if _completes(step, finer):
                of_time[place] = _combined(finer, step)
                break
        else:
            of_time.append(step)
    return [step for of_time in joined.values() for step in of_time]


def _completes(coarse: _Step, fine: _Step) -> bool:
    """Whether it shows the ground of the other in other bands or larger pixels; a second copy does not."""
    if coarse.grid.crs != fine.grid.crs or len({coarse.level, fine.level} - {None}) > 1:
        return False
    slack = coarse.grid.pixel_size * (1 + EVEN_STEP)
    left, bottom, right, top = bounds_of(coarse.grid)
    of_left, of_bottom, of_right, of_top = bounds_of(fine.grid)
    covers = max(left - of_left, bottom - of_bottom, of_right - right, of_top - top) <= slack
    is_coarser = coarse.grid.pixel_size > (1 + EVEN_STEP) * fine.grid.pixel_size
    return covers and (is_coarser or not coarse.bands.keys() & fine.bands.keys())


def _combined(fine: _Step, coarse: _Step) -> _Step:
    added = {band: unread for band, unread in coarse.bands.items() if band not in fine.bands}
    scalings = {str(one.scaling): one.scaling for one in (fine, coarse) if one.scaling is not None}
    if len(scalings) > 1 and added.keys() - {CLASSIFICATION}:
        raise InputError(
            f"{fine.name} and {coarse.name}: are of one time and place, but their numbers mean "
            f"{' and '.join(scalings)}, expected one scale; store both cubes alike, or leave one out"
        )
    return replace(
        fine,
        level=fine.level or coarse.level,
        scaling=fine.scaling or coarse.scaling,
        bands={**fine.bands, **added},
        has=(*fine.has, *(band for band in coarse.has if band not in fine.has)),
        cubes=fine.cubes | coarse.cubes,
        is_local=fine.is_local and coarse.is_local,
    )


def _acquisition(step: _Step, opened: ExitStack) -> Acquisition:
    quantification, offset = step.scaling or _Scaling()
    piece = Bands(
        step.name,
        _in_memory(step.bands, opened),
        level=step.level,
        quantification=quantification,
        offsets_dn=None if offset is None else dict.fromkeys(BANDS, offset),
    )
    return Acquisition(step.name, step.moment, (piece,), level=step.level)


def _in_memory(bands: Mapping[str, _Unread], opened: ExitStack) -> dict[str, BandSource]:
    """Bands as rasters; those of one grid, one kind of number and one missing value share one."""
    groups: dict[tuple[Grid, np.dtype, float | None], dict[str, NDArray[np.generic]]] = {}
    for band, unread in bands.items():
        array = _as_stored(unread.array).transpose(unread.y, unread.x)
        missing = _missing(array)
        if band == CLASSIFICATION:
            array, missing = array.where(array > NO_CLASS, NO_CLASS).astype(np.uint8), NO_CLASS
        groups.setdefault((unread.grid, array.dtype, missing), {})[band] = array.values
    sources: dict[str, BandSource] = {}
    for (grid, _, nodata), pixels in groups.items():
        name = opened.enter_context(memory_raster(np.stack(list(pixels.values())), grid, nodata=nodata))
        sources |= {band: BandSource(name, (place,)) for place, band in enumerate(pixels, start=1)}
    return sources


def _as_stored(array: "xr.DataArray") -> "xr.DataArray":
    """The numbers that a file would hold: what xarray masked and scaled when it read one is undone."""
    import xarray as xr

    stored = xr.conventions.encode_cf_variable(array.variable)
    return xr.DataArray(stored.data, dims=stored.dims, attrs=stored.attrs)


def _missing(array: "xr.DataArray") -> float | None:
    """The number that means no data."""
    value = array.attrs.get("_FillValue")
    return None if value is None else float(np.ravel(value)[0])


def _bands(shown: str, cube: "xr.Dataset") -> "dict[str, xr.DataArray]":
    """By band such as b02; variables, or slices of one variable along its axis of bands."""
    found: dict[str, Any] = {}
    for name, array in cube.data_vars.items():
        band = _band(str(name))
        if band and array.ndim >= 2:
            found[band] = array
    if not found.keys() - {CLASSIFICATION}:
        for array in cube.data_vars.values():
            axis = next((str(dim) for dim in array.dims if str(dim).lower() in BAND_NAMES), None)
            if axis and axis in array.coords:
                names = [_band(str(label)) for label in array[axis].values]
                found = {band: array.isel({axis: k}) for k, band in enumerate(names) if band} | found
    if not found:
        listed = ", ".join(map(str, cube.data_vars)) or "none"
        raise InputError(f"{shown}: has no variables named B02, B03, … and no axis of such bands; it has {listed}")
    return found


def _band(name: str) -> str | None:
    if name.lower() == CLASSIFICATION:
        return CLASSIFICATION
    match = re.match(r"^B0?(\d{1,2}A?)$", name, re.IGNORECASE)
    band = f"b{match[1].lower().rjust(2, '0')}" if match else ""
    return band if band in BANDS else None


def _axis(shown: str, array: "xr.DataArray", names: tuple[str, ...]) -> str:
    for dim in array.dims:
        if str(dim).lower() in names:
            return str(dim)
    raise InputError(f"{shown}: {array.name} has axes {', '.join(map(str, array.dims))}, expected one named {names[0]}")


def _grid(shown: str, cube: "xr.Dataset", array: "xr.DataArray", y: str, x: str) -> Grid:
    steps, starts = [], []
    for axis in (x, y):
        places = np.asarray(array[axis].values, np.float64)
        gaps = np.diff(places)
        if len(places) < 2 or not np.all(np.abs(gaps - gaps.mean()) <= EVEN_STEP * abs(gaps.mean())):
            raise InputError(f"{shown}: its {axis} axis is not even, expected the centres of pixels of one size")
        steps.append(float((places[-1] - places[0]) / (len(places) - 1)))
        starts.append(float(places[0]) - steps[-1] / 2)
    transform = Affine(steps[0], 0, starts[0], 0, steps[1], starts[1])
    return Grid(parse_crs(_crs_text(cube, array), what=shown), transform, (array.sizes[y], array.sizes[x]))


def _crs_text(cube: "xr.Dataset", array: "xr.DataArray") -> str | None:
    named = array.attrs.get("grid_mapping", array.encoding.get("grid_mapping"))
    mapping, usual = ([cube[name].attrs] if name in cube.variables else [] for name in (named, USUAL_GRID_MAPPING))
    for attributes in [*mapping, array.attrs, cube.attrs, *usual]:
        for key in ("crs_wkt", "spatial_ref", "crs", "epsg"):
            value = attributes.get(key)
            if value is not None and str(value).strip():
                text = value.decode() if isinstance(value, bytes) else str(value)
                return f"EPSG:{text}" if text.strip().isdecimal() else text.removeprefix("+init=").strip()
    return None


def _scaling(array: "xr.DataArray", t: str) -> _Scaling:
    """Offset and quantification from `scale_factor` and `add_offset` of CF; those of ESA where there are none.

    Fractions that say no scale are reflectance already if their median is no more than that of a very bright ground.
    """
    for index in range(array.sizes[t]):
        stored = _as_stored(array.isel({t: index}))
        scale, offset = stored.attrs.get("scale_factor"), stored.attrs.get("add_offset")
        if scale is not None and 0 < float(scale) < 1:
            return _Scaling(1 / float(scale), None if offset is None else float(offset) / float(scale))
        if stored.dtype.kind != "f":
            break
        finite = stored.values[np.isfinite(stored.values)]
        if finite.size:
            return _Scaling(1) if np.median(finite) <= BRIGHTEST_REFLECTANCE else _Scaling()
    return _Scaling()


def _moment(shown: str, stamp: Any) -> datetime:
    if not isinstance(stamp, np.datetime64) or np.isnat(stamp):
        raise InputError(f"{shown}: its time axis holds {stamp!r}, expected dates with units such as 'days since …'")
    return datetime.fromtimestamp(float(stamp.astype("datetime64[ms]").astype(np.int64)) / 1000, UTC)

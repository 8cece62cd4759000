"""How does a raster become a Zarr store?

Format 2, deflated, with the coordinates and the `spatial_ref` that xarray, rioxarray and GDAL look for. An array has
one scale and one number for no data: bands that share them become one array `y x` or `band y x`, others one each.
"""

import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ssr.atomic import refuse_existing, temporary_name
from ssr.errors import MissingExtraError, OutputError
from ssr.raster.gdal import gdal_environment
from ssr.raster.strips import reporting

CHUNK_PX = 1024
ARRAY = "super_resolution"
PLACE = "spatial_ref"
DEFLATED = {"id": "zlib", "level": 6}
MARKS = (".zgroup", ".zarray", "zarr.json")
"""Files of which a Zarr store has one in its folder."""
NOT_A_TAG = ("AREA_OR_POINT",)


def publish_zarr(source: Path, target: Path, *, chunk_px: int = CHUNK_PX, overwrite: bool = False) -> None:
    """Copy a raster that GDAL reads into a Zarr store, a chunk at a time; the store appears by renaming.

    Args:
        chunk_px: side of a chunk of one band.
        overwrite: replace what is there, if that is a Zarr store.

    Raises:
        OutputError: the target exists, the disk is full, the folder cannot be written.
        MissingExtraError: zarr is not installed.
    """
    check_zarr(target, overwrite=overwrite)
    import zarr

    part = temporary_name(target)
    with gdal_environment(), reporting(target), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # what has no place on input has none on output
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with rasterio.open(source) as raster:
                attributes = {key: value for key, value in raster.tags().items() if key not in NOT_A_TAG}
                group = zarr.open_group(
                    part, mode="w-", zarr_format=2, attributes={**attributes, "Conventions": "CF-1.8"}
                )
                _write_place(group, raster)
                for name, bands in _arrays(raster):
                    _copy(raster, bands, _create(group, raster, name, bands, chunk_px), chunk_px)
            zarr.consolidate_metadata(part, zarr_format=2)
            _put(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def check_zarr(target: Path, *, overwrite: bool) -> None:
    """Raise what `publish_zarr` would, as far as can be known before."""
    try:
        import zarr  # noqa: F401  # needed at the end; better known before
    except ImportError as error:
        raise MissingExtraError("zarr", "cubes", f"writing the Zarr store {target}") from error
    refuse_existing(target, overwrite=overwrite)
    if target.exists() and not _is_store(target):
        raise OutputError(f"{target}: exists and is no Zarr store, so it is not replaced; choose another name")


def _is_store(path: Path) -> bool:
    return any((path / mark).is_file() for mark in MARKS)


def _arrays(raster: DatasetReader) -> list[tuple[str, list[int]]]:
    """Name and bands, from 1, of each array."""
    bands = list(raster.indexes)
    told = set(zip(raster.scales, raster.offsets, raster.nodatavals, strict=True))
    if len(told) == 1:
        return [(ARRAY, bands)]
    return [(name, [band]) for name, band in zip(_names(raster, bands), bands, strict=True)]


def _names(raster: DatasetReader, bands: list[int]) -> list[str]:
    """Of bands, fit to be names of arrays."""
    texts = [re.sub(r"\W+", "_", raster.descriptions[band - 1] or "").strip("_") for band in bands]
    are_names = all(texts) and len(set(texts)) == len(texts) and not {PLACE, "x", "y"} & set(texts)
    return texts if are_names else [f"band_{band}" for band in bands]


def _write_place(group: Any, raster: DatasetReader) -> None:
    """Coordinates of pixel centres where rows and columns run along the axes, and `spatial_ref`."""
    step = raster.transform
    words: dict[str, Any] = {"GeoTransform": " ".join(map(repr, step.to_gdal()))}
    if raster.crs:
        words["crs_wkt"] = words["spatial_ref"] = raster.crs.to_wkt()
    place = group.create_array(PLACE, shape=(), dtype="int64", chunks=(), attributes=_with_axes([], words))
    place[...] = 0
    if step.b or step.d or step.is_identity:
        return
    kinds = _axis_attributes(raster)
    for axis, first, size, n in (("x", step.c, step.a, raster.width), ("y", step.f, step.e, raster.height)):
        centres = first + size * (np.arange(n) + 0.5)
        coordinates = group.create_array(
            axis, shape=(n,), dtype="float64", chunks=(n,), attributes=_with_axes([axis], kinds[axis])
        )
        coordinates[:] = centres


def _axis_attributes(raster: DatasetReader) -> dict[str, dict[str, str]]:
    if raster.crs and raster.crs.is_geographic:
        return {
            "x": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
            "y": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
        }
    units = {"units": "m"} if raster.crs and raster.crs.linear_units_factor[1] == 1 else {}
    return {axis: {"standard_name": f"projection_{axis}_coordinate", "axis": axis.upper(), **units} for axis in "xy"}


def _create(group: Any, raster: DatasetReader, name: str, bands: list[int], chunk_px: int) -> Any:
    first = bands[0] - 1
    labels = [raster.descriptions[band - 1] or f"band {band}" for band in bands]
    axes = ["y", "x"] if len(bands) == 1 else ["band", "y", "x"]
    words: dict[str, Any] = {"grid_mapping": PLACE, "coordinates": PLACE, "long_name": ", ".join(labels)}
    if (raster.scales[first], raster.offsets[first]) != (1.0, 0.0):
        words |= {"scale_factor": raster.scales[first], "add_offset": raster.offsets[first]}
    chunk = (min(chunk_px, raster.height), min(chunk_px, raster.width))
    if "band" in axes:
        names = np.array(labels)
        group.create_array(
            "band", shape=names.shape, dtype=names.dtype, chunks=names.shape, attributes=_with_axes(["band"], {})
        )[:] = names
    return group.create_array(
        name,
        shape=(*[len(bands)] * (len(axes) - 2), raster.height, raster.width),
        dtype=raster.dtypes[first],
        chunks=(*[1] * (len(axes) - 2), *chunk),
        fill_value=raster.nodatavals[first],
        compressors=DEFLATED,
        attributes=_with_axes(axes, words),
    )


def _with_axes(axes: list[str], words: Mapping[str, Any]) -> dict[str, Any]:
    return {"_ARRAY_DIMENSIONS": axes, **words}


def _copy(raster: DatasetReader, bands: list[int], array: Any, chunk_px: int) -> None:
    for rows, columns in _blocks(raster.height, raster.width, chunk_px):
        pixels = raster.read(bands, window=Window.from_slices(rows, columns))
        array[..., rows, columns] = pixels if array.ndim == 3 else pixels[0]


def _blocks(height: int, width: int, side: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


def _put(part: Path, target: Path) -> None:
    """Give a finished store its name; what had that name is removed once the new one is there."""
    if not target.exists():
        part.rename(target)
        return
    former = temporary_name(target, "former")
    target.rename(former)
    try:
        part.rename(target)
    except OSError:
        former.rename(target)
        raise
    shutil.rmtree(former, ignore_errors=True)

"""Does Python get from arrays and xarray what `ssr scene` gets from files of the same content?"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from ssr import Grid, series_from_array, super_resolve_scene
from ssr.errors import InputError, SSRError
from ssr.scenes.series import open_series
from tests.support.scenes import textured, write_series

FRAMES = textured(3, 40, 44)
TIMES = [datetime(2021, 6, 1, 10) + timedelta(days=10 * k) for k in range(3)]
PLACE = Grid(CRS.from_epsg(32633), Affine(10, 0, 500_000, 0, -10, 5_000_000), (40, 44))


def cube() -> Any:
    """Three dates of B02, B03, B04 as reflectance in steps of 0.0001, and a scene classification."""
    xr = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    axes = ("time", "y", "x")
    told = {"scale_factor": 1e-4, "_FillValue": np.int16(0), "grid_mapping": "spatial_ref"}
    bands = {
        name: (axes, 300 + 10 * FRAMES[:, k].astype(np.int16), told) for k, name in enumerate(("B04", "B03", "B02"))
    }
    classes = np.full((3, 40, 44), 4, np.uint8)
    classes[1, :, :20] = 9
    coords = {
        "time": np.array(TIMES, "datetime64[ns]"),
        "y": 4_999_995.0 - 10 * np.arange(40),
        "x": 500_005.0 + 10 * np.arange(44),
        "spatial_ref": ((), 0, {"crs_wkt": CRS.from_epsg(32633).to_wkt()}),
    }
    return xr.Dataset({**bands, "SCL": (axes, classes)}, coords)


def results(given: Any, folder: Path, **options: Any) -> dict[str, bytes]:
    """Every file of a result, by name."""
    folder.mkdir()
    out = folder / "sharp.tif"
    super_resolve_scene(given, out, model="bicubic", with_trust=True, with_explanation=True, **options)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("is_decoded", [True, False], ids=["decoded", "as stored"])
def test_an_open_cube_gives_the_bytes_of_its_file(tmp_path: Path, is_decoded: bool) -> None:
    xr = pytest.importorskip("xarray")
    path = tmp_path / "S2_L2A_summer.nc"
    cube().to_netcdf(path, engine="h5netcdf")
    of_file = results([path], tmp_path / "file", period="2021-06")
    assert {"sharp.tif", "sharp.trust.tif", "sharp.stac.json", "sharp.dates.json"} <= of_file.keys()
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=is_decoded) as dataset:
        assert results(dataset, tmp_path / "dataset", period="2021-06") == of_file


def test_a_cube_made_in_memory_gives_the_pixels_of_its_file(tmp_path: Path) -> None:
    cube().to_netcdf(tmp_path / "summer.nc", engine="h5netcdf")
    of_memory = super_resolve_scene(cube(), tmp_path / "memory.tif", model="bicubic", level="L2A")
    of_file = super_resolve_scene(tmp_path / "summer.nc", tmp_path / "file.tif", model="bicubic", level="L2A")
    assert of_memory.item is not None
    assert [one.replace("dataset", "summer.nc") for one in of_memory.dates] == list(of_file.dates)
    with rasterio.open(of_memory.output) as one, rasterio.open(of_file.output) as other:
        assert np.array_equal(one.read(), other.read())


def test_an_array_with_its_place_gives_the_bytes_of_images_with_it(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "dates", FRAMES, crs="EPSG:32633", transform=PLACE.transform)
    array = series_from_array(FRAMES, grid=PLACE, names=[path.name for path in paths])
    for options in ({}, {"grid": "EPSG:32633@10", "max_dates": 2}):
        assert results(array, tmp_path / f"array {len(options)}", **options) == results(
            paths, tmp_path / f"files {len(options)}", **options
        )


def test_an_array_with_times_has_an_item_and_is_chosen_from_by_period(tmp_path: Path) -> None:
    array = series_from_array(FRAMES, grid=PLACE, times=TIMES)
    result = super_resolve_scene([array], tmp_path / "sharp.tif", model="bicubic", period="2021-06-05/..")
    assert result.dates == ("date 2", "date 3")
    assert result.item is not None
    assert "2021-06-21T10:00:00+00:00" in result.item.read_text("utf-8")


@pytest.mark.parametrize("options", [{"white_dn": 3000.0}, {"bands": (3, 2, 1)}])
def test_what_is_said_of_plain_images_is_refused_of_arrays(tmp_path: Path, options: Any) -> None:
    with pytest.raises(InputError, match="array of 3 dates: holds no plain image"):
        super_resolve_scene(series_from_array(FRAMES), tmp_path / "sharp.tif", model="bicubic", **options)


def test_more_channels_than_colours_are_those_of_the_array() -> None:
    from ssr.scenes.radiometry import Rules

    unit = np.random.default_rng(0).uniform(0.1, 1, (2, 4, 20, 20)).astype(np.float32)
    with open_series(series_from_array(unit), rules=Rules(channels=("tci", "b08"))) as series:
        assert np.array_equal(series.read(slice(0, 20), slice(0, 20), [0, 1]), unit)


@pytest.mark.parametrize("given", [FRAMES, 3, [None]])
def test_what_holds_no_dates_is_refused_in_one_sentence(tmp_path: Path, given: Any) -> None:
    with pytest.raises(SSRError, match="expected paths and addresses, an array with its place"):
        super_resolve_scene(given, tmp_path / "sharp.tif", model="bicubic")


@pytest.mark.parametrize("as_files", [True, False], ids=["a folder", "data sets"])
def test_cubes_split_by_resolution_are_one_series_whose_classification_tells(tmp_path: Path, as_files: bool) -> None:
    whole = cube()
    coarse = whole[["SCL"]].isel(y=slice(0, None, 2), x=slice(0, None, 2))
    coarse = coarse.assign_coords(y=4_999_990.0 - 20 * np.arange(20), x=500_010.0 + 20 * np.arange(22))
    given: Any = [whole.drop_vars("SCL"), coarse]
    if as_files:
        (tmp_path / "cubes").mkdir()
        for size, part in zip((10, 20), given, strict=True):
            part.to_netcdf(tmp_path / "cubes" / f"S2_L2A_{size}m.nc", engine="h5netcdf")
        given = tmp_path / "cubes"
    result = super_resolve_scene(given, tmp_path / "sharp.tif", model="bicubic", level="L2A")
    assert result.n_dates_found == 3
    assert {one.told_by for one in result.choice} == {"colours and scene classification"}
    assert result.choice[1].hidden > 0.4

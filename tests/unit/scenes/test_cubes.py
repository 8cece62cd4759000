"""Do cubes give the dates, numbers and place that they hold?"""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from ssr.errors import ImageReadError, InputError, MissingExtraError, SeriesError
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from tests.support.scenes import truncate

xr = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

L1C = Rules(level="L1C", values="reflectance")
DAYS = np.array(["2021-06-01T10:00:31", "2021-06-11T10:00:31"], "datetime64[ns]")


def cube(**changes: Any) -> Any:
    """Two dates of B02, B03, B04 on 12 × 15 pixels, reflectance × 10000, the second brighter."""
    y, x = np.mgrid[:12, :15]
    numbers = {
        band: (("t", "y", "x"), np.stack([300 + 10 * x + y + k, 1300 + 10 * x + y + k]).astype(np.int16))
        for k, band in enumerate(("B02", "B03", "B04"))
    }
    coords = {"t": DAYS, "y": 5_000_035.0 - 10 * np.arange(12), "x": 500_005.0 + 10 * np.arange(15)}
    made = xr.Dataset(numbers, coords, attrs={"epsg": 32633})
    return made.assign(**changes) if changes else made


def write(made: Any, path: Path) -> Path:
    if path.suffix == ".zarr":
        pytest.importorskip("zarr")
        made.to_zarr(path, zarr_format=2, consolidated=True)
    else:
        made.to_netcdf(path, engine="h5netcdf")
    return path


def expected(made: Any) -> np.ndarray:
    return np.stack([made[band].values for band in ("B04", "B03", "B02")], 1) / 10000


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_dates_numbers_and_place_are_read(tmp_path: Path, suffix: str) -> None:
    made = cube()
    with open_series([write(made, tmp_path / f"a{suffix}")], rules=L1C) as series:
        assert (series.n_dates, series.shape_hw, series.grid.crs.to_epsg()) == (2, (12, 15), 32633)
        assert series.grid.transform == Affine(10, 0, 500_000, 0, -10, 5_000_040)
        assert [moment.isoformat() for moment in series.times] == [
            "2021-06-01T10:00:31+00:00",
            "2021-06-11T10:00:31+00:00",
        ]
        found = series.read(slice(0, 12), slice(0, 15), [0, 1])
    np.testing.assert_allclose(found, expected(made), atol=1e-6)


def test_one_variable_with_an_axis_of_bands(tmp_path: Path) -> None:
    made = cube()
    stacked = made[["B02", "B03", "B04"]].to_dataarray("band").to_dataset(name="reflectance").assign_attrs(made.attrs)
    stacked = stacked.assign_coords(band=stacked.band.astype(str))
    with open_series([write(stacked.transpose("t", "band", "y", "x"), tmp_path / "a.nc")], rules=L1C) as series:
        np.testing.assert_allclose(series.read(slice(0, 12), slice(0, 15), [0, 1]), expected(made), atol=1e-6)


def test_missing_numbers_are_no_data(tmp_path: Path) -> None:
    made = cube()
    for band in ("B02", "B03", "B04"):
        made[band].values[0, :3] = -32768
        made[band].attrs["_FillValue"] = np.int16(-32768)
    with open_series([write(made, tmp_path / "a.nc")], rules=L1C) as series:
        found = series.read(slice(0, 12), slice(0, 15), [0])[0]
    assert not found[:, :3].any()
    assert found[:, 3:].all()


@pytest.mark.parametrize("scale", [1e-4, 5e-5])
def test_scale_and_offset_of_the_file_are_used(tmp_path: Path, scale: float) -> None:
    made = cube()
    stored = made.copy()
    for band in ("B02", "B03", "B04"):
        numbers = (made[band].values / 10000 + 0.1) / scale  # carries the offset of −0.1
        stored[band] = (("t", "y", "x"), np.rint(numbers).astype(np.int32), {"scale_factor": scale, "add_offset": -0.1})
    with open_series([write(stored, tmp_path / "a.nc")], rules=L1C) as series:
        np.testing.assert_allclose(series.read(slice(0, 12), slice(0, 15), [0, 1]), expected(made), atol=scale)


def test_fractions_are_reflectance_already(tmp_path: Path) -> None:
    made = cube()
    fractions = (made / 10000).astype(np.float32).assign_attrs(made.attrs)
    with open_series([write(fractions, tmp_path / "a.nc")], rules=L1C) as series:
        np.testing.assert_allclose(series.read(slice(0, 12), slice(0, 15), [0, 1]), expected(made), atol=1e-6)


def test_dates_are_chosen_and_absent_ones_named(tmp_path: Path) -> None:
    path = write(cube(), tmp_path / "a.nc")
    with open_series([path], rules=L1C, period=parse_period("2021-06-05/..")) as series:
        assert [moment.day for moment in series.times] == [11]
    with pytest.raises(SeriesError, match="the 2 found are of 2021-06-01 to 2021-06-11"):
        open_series([path], rules=L1C, period=parse_period("2022"))


def test_a_cube_is_brought_to_another_grid_and_joins_other_inputs(tmp_path: Path) -> None:
    made = cube()
    with open_series([write(made, tmp_path / "a.nc")], rules=L1C, grid="EPSG:32633@5") as series:
        assert series.shape_hw == (24, 30)
        centre = series.read(slice(8, 16), slice(8, 20), [0])[0]
    plane = (300 + 10 * (np.arange(8, 20) / 2 - 0.25) + (np.arange(8, 16) / 2 - 0.25)[:, None] + 2) / 10000
    np.testing.assert_allclose(centre[0], plane, atol=0.6e-4)  # GDAL rounds to whole numbers


def test_the_level_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not tell whether it is L1C or L2A; say so with --level"):
        open_series([write(cube(), tmp_path / "a.nc")])
    with open_series([write(cube(), tmp_path / "S2_L1C_a.nc")]) as series:
        assert series.n_dates == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.rename(B02="a", B03="b", B04="c"), "no variables named B02, B03"),
        (lambda c: c.drop_vars(["B04"]), "has no B04, expected TCI, or B04, B03 and B02"),
        (lambda c: c.rename(t="k"), "expected one named time"),
        (lambda c: c.assign_coords(t=[1, 2]), "expected dates with units"),
        (lambda c: c.assign_coords(x=c.x.values + np.arange(15) ** 2), "x axis is not even"),
        (lambda c: c.isel(x=[0]), "x axis is not even"),
        (lambda c: c.assign_attrs(epsg=9), "coordinate system 'EPSG:9' is not known"),
    ],
)
def test_what_is_no_series_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.nc.*{message}"):
        open_series([write(change(cube()), tmp_path / "a.nc")], rules=L1C)


@pytest.mark.parametrize("name", ["a.nc", "a.zarr"])
def test_damaged_cubes_are_named(tmp_path: Path, name: str) -> None:
    path = write(cube(), tmp_path / name)
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                file.unlink()
    else:
        truncate(path)
    with pytest.raises(ImageReadError, match=f"{name}: cannot be read as a cube"):
        open_series([path], rules=L1C)


def test_without_xarray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "xarray":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    path = write(cube(), tmp_path / "a.nc")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"\[cubes\]"):
        open_series([path], rules=L1C)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(("folder", "n_dates"), [("berlin_l2a", 2), ("belgium_l2a_72_dates", 72)])
def test_real_cubes_are_read(shared: Path, folder: str, n_dates: int) -> None:
    for path in sorted((shared / "imagery" / "scenes" / folder).glob("*.nc")):
        if "_20m_" in path.name:
            continue
        with open_series([path], rules=Rules(level="L2A")) as series:
            assert series.n_dates == n_dates
            assert series.grid.crs.to_epsg() in (32631, 32633)
            assert series.grid.transform.a == -series.grid.transform.e == 10


@pytest.mark.parametrize("name", ["SCL", "scl"])
def test_a_scene_classification_among_the_variables_is_found(tmp_path: Path, name: str) -> None:
    classes = np.random.default_rng(0).integers(0, 12, (2, 12, 15)).astype(np.uint8)
    made = cube(**{name: (("t", "y", "x"), classes)})
    with open_series([write(made, tmp_path / "a.nc")], rules=L1C) as series:
        for date in (0, 1):
            assert np.array_equal(series.classes(date), classes[date])


def test_a_classification_in_fractions_with_gaps_is_one_too(tmp_path: Path) -> None:
    classes = np.full((2, 15, 12), 4.0, np.float32)
    classes[1, :5] = np.nan
    made = cube(SCL=(("t", "x", "y"), classes))
    with open_series([write(made, tmp_path / "a.nc")], rules=L1C) as series:
        assert np.array_equal(series.classes(1), np.nan_to_num(classes[1]).T.astype(np.uint8))


def test_without_a_classification_there_is_none(tmp_path: Path) -> None:
    made = cube(SCL=(("y", "x"), np.full((12, 15), 4, np.uint8)))  # not by date
    with open_series([write(made, tmp_path / "a.nc")], rules=L1C) as series:
        assert series.classes(0) is None


def test_bands_beside_the_channels_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    swir = (("t", "y", "x"), np.full((2, 12, 15), 2100, np.int16))
    path = write(cube(B11=swir), tmp_path / "a.nc")
    with open_series([path], rules=Rules(level="L1C", also=("b11",))) as series:
        np.testing.assert_allclose(series.reflectance(0, ("b11",)), 0.21, atol=1e-6)
    with open_series([path], rules=L1C) as series, pytest.raises(InputError, match="has no B11"):
        series.reflectance(0, ("b11",))

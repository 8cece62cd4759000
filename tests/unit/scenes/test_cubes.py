"""Do cubes give the dates, numbers and place that they hold?"""

import builtins
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from ssr.errors import ImageReadError, InputError, MissingExtraError, SeriesError
from ssr.raster.grid import Grid
from ssr.scenes.acquisition import Acquisition, Bands
from ssr.scenes.classification import classes_of
from ssr.scenes.cubes import open_cubes
from ssr.scenes.damage import Damage
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


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def dates_of(opened: ExitStack, *cubes: Any, rules: Rules = L1C, damage: Damage | None = None) -> list[Acquisition]:
    return open_cubes(cubes, rules=rules, opened=opened, damage=damage or Damage())


def piece_of(date: Acquisition) -> Bands:
    (piece,) = date.pieces
    assert isinstance(piece, Bands)
    return piece


def stored(date: Acquisition, band: str) -> Any:
    """Numbers, their kind, what means no data, and where they lie."""
    source = piece_of(date).sources[band]
    with rasterio.open(source.name) as file:
        return file.read(source.indexes[0]), file.dtypes[0], file.nodata, file.crs, file.transform


def assert_same(found: list[Acquisition], wanted: list[Acquisition]) -> None:
    assert [(one.name, one.sensed, one.level) for one in found] == [(one.name, one.sensed, one.level) for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        mine, others = piece_of(one), piece_of(other)
        assert (mine.quantification, mine.offsets_dn) == (others.quantification, others.offsets_dn)
        assert mine.sources.keys() == others.sources.keys()
        for band in mine.sources:
            (numbers, *told), (expected_numbers, *expected_told) = stored(one, band), stored(other, band)
            assert np.array_equal(numbers, expected_numbers)
            assert told == expected_told


@pytest.mark.parametrize("is_decoded", [True, False], ids=["decoded", "as stored"])
def test_what_xarray_has_open_gives_the_dates_of_its_file(tmp_path: Path, opened: ExitStack, is_decoded: bool) -> None:
    made = cube(SCL=(("t", "y", "x"), np.arange(360, dtype=np.uint8).reshape(2, 12, 15) % 12))
    for band in ("B02", "B03", "B04"):
        made[band].values[0, :3] = -999
        made[band].attrs |= {"scale_factor": 1e-4, "add_offset": -0.1, "_FillValue": np.int16(-999)}
    path = write(made, tmp_path / "S2_L2A_a.nc")
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=is_decoded) as dataset:
        assert_same(dates_of(opened, dataset), dates_of(opened, path))


def test_a_data_set_made_in_memory_is_read_as_its_file_would_be(tmp_path: Path, opened: ExitStack) -> None:
    made = cube()
    found, wanted = dates_of(opened, made), dates_of(opened, write(made, tmp_path / "dataset.nc"))
    assert [one.name for one in found] == ["dataset 2021-06-01T100031", "dataset 2021-06-11T100031"]
    assert_same(found, [replace(one, name=one.name.replace(".nc", "")) for one in wanted])


def test_an_array_with_an_axis_of_bands_is_a_cube(opened: ExitStack) -> None:
    made = cube(SCL=(("t", "y", "x"), np.full((2, 12, 15), 4, np.int16)))
    stacked = made.to_dataarray("band", name="summer").assign_attrs(made.attrs)
    for lying in (stacked, stacked.transpose("y", "x", "t", "band")):
        found = dates_of(opened, lying)
        assert found[0].name == "summer 2021-06-01T100031"
        assert np.array_equal(stored(found[1], "b04")[0], made.B04.values[1])
        assert np.array_equal(stored(found[1], "scl")[0], made.SCL.values[1])


def test_the_usual_variable_of_the_place_is_found_though_no_band_names_it(opened: ExitStack) -> None:
    made = cube()
    del made.attrs["epsg"]
    place = xr.Variable((), 0, {"crs_wkt": rasterio.CRS.from_epsg(32633).to_wkt()})
    (first, _) = dates_of(opened, made.assign_coords(spatial_ref=place))
    assert stored(first, "b04")[3].to_epsg() == 32633


def test_fractions_are_known_by_the_first_date_that_shows_anything(opened: ExitStack) -> None:
    made = (cube() / 10000).assign_attrs(epsg=32633)
    made.B02.values[0] = np.nan
    assert {piece_of(date).quantification for date in dates_of(opened, made)} == {1}


def in_20_m(**changes: Any) -> Any:
    """The ground of `cube` and a little more in pixels of 20 m: B12 and a scene classification."""
    axes = ("t", "y", "x")
    classes = np.random.default_rng(0).integers(1, 12, (2, 6, 8)).astype(np.uint8)
    numbers = {"B12": (axes, np.full((2, 6, 8), 2100, np.int16)), "SCL": (axes, classes)}
    coords = {"t": DAYS, "y": 5_000_030.0 - 20 * np.arange(6), "x": 500_010.0 + 20 * np.arange(8)}
    return xr.Dataset(numbers, coords, attrs={"epsg": 32633}).assign(**changes)


@pytest.mark.parametrize("are_files", [True, False], ids=["files", "data sets"])
def test_cubes_split_by_resolution_are_one_date_for_each_time(
    tmp_path: Path, opened: ExitStack, are_files: bool
) -> None:
    fine, coarse = cube(), in_20_m()
    given = [coarse, fine]
    if are_files:
        given = [write(coarse, tmp_path / "a_20m.nc"), write(fine, tmp_path / "b_10m.nc")]
    for order in (given, given[::-1]):
        found = dates_of(opened, *order)
        assert [date.sensed.day for date in found if date.sensed] == [1, 11]
        assert np.array_equal(stored(found[1], "b04")[0], fine.B04.values[1])
        assert np.array_equal(stored(found[1], "b12")[0], coarse.B12.values[1])
        with rasterio.open(piece_of(found[1]).sources["scl"].name) as file:
            assert file.res == (20, 20)
        with rasterio.open(piece_of(found[1]).sources["b04"].name) as file:
            classes = classes_of(found[1], Grid(file.crs, file.transform, file.shape))
        assert np.array_equal(classes, coarse.SCL.values[1].repeat(2, 0).repeat(2, 1)[:, :15])


def test_a_cube_of_nothing_but_the_classification_completes_another(opened: ExitStack) -> None:
    found = dates_of(opened, cube(), in_20_m().drop_vars("B12"))
    assert [sorted(piece_of(date).sources) for date in found] == [["b02", "b03", "b04", "scl"]] * 2


def test_cubes_split_by_band_are_one_date_for_each_time(opened: ExitStack) -> None:
    made = cube()
    found = dates_of(opened, *(made[[band]] for band in ("B02", "B03", "B04")))
    assert [sorted(piece_of(date).sources) for date in found] == [["b02", "b03", "b04"]] * 2


def test_of_a_band_in_two_resolutions_the_finer_serves(opened: ExitStack) -> None:
    found = dates_of(opened, in_20_m(B04=in_20_m().B12), cube())
    assert np.array_equal(stored(found[0], "b04")[0], cube().B04.values[0])


@pytest.mark.parametrize(
    "other",
    [lambda: cube(), lambda: in_20_m().assign_coords(x=500_210.0 + 20 * np.arange(8))],
    ids=["a copy", "the place beside it"],
)
def test_other_cubes_stay_dates_of_their_own(opened: ExitStack, other: Any) -> None:
    assert len(dates_of(opened, cube(), other())) == 4


def test_a_time_without_its_counterpart_is_left_out_and_told(opened: ExitStack) -> None:
    damage = Damage()
    found = dates_of(opened, cube().isel(t=[0]), in_20_m(), damage=damage)
    assert [date.sensed.day for date in found if date.sensed] == [1]
    assert [note.text for note in damage.notes] == ["left out (no cube has B02, B03, B04 at its time)"]


def test_cubes_of_one_time_whose_numbers_mean_different_things_are_refused(opened: ExitStack) -> None:
    fractions = (cube() / 10000).assign_attrs(epsg=32633)
    with pytest.raises(InputError, match="their numbers mean reflectance × 1 and reflectance × 10000"):
        dates_of(opened, fractions, in_20_m())
    assert len(dates_of(opened, fractions, in_20_m().drop_vars("B12"))) == 2

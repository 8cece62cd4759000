"""Dates are found in folders and indexes, and kept in one order wherever they came from."""

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer

from ssr.errors import InputError
from ssr.mapping.areas import Boxes
from ssr.mapping.finding import box_of, in_catalogue, in_folders, in_index, in_order
from ssr.mapping.plan import finish_plan, plan_cells, write_plan
from ssr.mapping.sources import Sources
from ssr.raster.crs import parse_crs
from ssr.raster.grid import Grid
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.stac import StacQuery
from tests.support.scenes import write_tiff
from tests.support.stac_series import earth_search_item
from tests.support.stac_server import stac_server
from tests.unit.mapping.test_plan import BOX, TOLD

TO_DEGREES = Transformer.from_crs(32633, 4326, always_xy=True)
PIXELS = np.full((3, 16, 16), 100, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for day in (3, 1, 2):
        write_tiff(tmp_path / "dates" / f"2021-06-0{day}_a.tif", PIXELS)
    return tmp_path / "dates"


def found(folder, period=None):
    return in_folders([folder], rules=Rules(), period=period and parse_period(period), band_names=None)


def test_files_of_a_folder_become_dates_in_the_order_of_time_with_their_places(folder):
    sources = found(folder)
    assert [source.acquisition.sensed.day for source in sources] == [1, 2, 3]
    west, north = TO_DEGREES.transform(500_000, 5_000_000)
    east, south = TO_DEGREES.transform(500_160, 4_999_840)
    assert sources[0].box == pytest.approx((west, south, east, north), abs=1e-6)
    assert len({source.stamp for source in sources}) == 3


def test_a_period_leaves_out_what_lies_outside(folder):
    assert [source.acquisition.sensed.day for source in found(folder, "2021-06-02/2021-06-03")] == [2, 3]
    with pytest.raises(InputError, match="none lies within"):
        found(folder, "2022")


def test_a_date_that_is_not_known_cannot_be_chosen_by_a_period(folder):
    write_tiff(folder / "undated.tif", PIXELS)
    assert len(found(folder)) == 4
    with pytest.raises(InputError, match=r"2021-06-01_undated"):
        found(folder, "2021-06")


def test_a_file_without_a_place_is_no_part_of_a_map(tmp_path):
    write_tiff(tmp_path / "2021-06-01_a.tif", PIXELS, crs=None)
    with pytest.raises(InputError, match=r"no coordinate system"):
        found(tmp_path)


def test_an_index_gives_the_dates_that_were_planned(folder, tmp_path):
    sources = found(folder)
    write_plan(tmp_path / "p", TOLD, plan_cells("satlas", Boxes((BOX,)), Sources(sources), margin_px=0), sources)
    finish_plan(tmp_path / "p", TOLD)
    index = tmp_path / "p" / "sources.parquet"
    assert in_index(index, None) == sources
    assert in_index(index, parse_period("2021-06-02")) == sources[1:2]
    with pytest.raises(InputError, match="cannot be read"):
        in_index(tmp_path / "none.parquet", None)


def test_the_order_does_not_depend_on_where_dates_were_found(folder):
    sources = found(folder)
    assert in_order(sources[::-1]) == sources == in_order([sources[1], sources[2], sources[0]])


def test_the_box_of_a_granule_across_the_antimeridian_goes_beyond_180():
    grid = Grid(parse_crs("EPSG:32660", what="a test"), Affine(10, 0, 833_500, 0, -10, 100_000), (100, 100))
    west, _, east, _ = box_of([grid], "a")  # a kilometre; the zone ends 834 km from where its eastings begin
    assert 179.99 < west < 180 < east < 180.01
    beside = Grid(grid.crs, grid.transform @ Affine.translation(300, 0), (100, 100))  # 3 km further east
    for both in ([grid, beside], [beside, grid]):
        assert box_of(both, "a")[::2] == pytest.approx((west, west + 4 * (east - west)), abs=1e-3)
    with pytest.raises(InputError, match="no coordinate system"):
        box_of([Grid(None, Affine.identity(), (4, 4))], "a")


@pytest.mark.parametrize(("crs", "left", "pixel"), [(4326, 179.95, 1e-3), (4326, 185.0, 1e-3), (3857, 20_037_000, 10)])
def test_an_image_that_lies_beyond_the_end_of_its_coordinate_system_is_refused(crs, left, pixel):
    """Cells east of 180° would be planned with it, find nothing and count as done."""
    grid = Grid(parse_crs(f"EPSG:{crs}", what="a test"), Affine(pixel, 0, left, 0, -pixel, -17), (100, 100))
    with pytest.raises(InputError, match="2021-06-01_fiji: reaches across the antimeridian"):
        box_of([grid], "2021-06-01_fiji")


@pytest.mark.parametrize(("crs", "left", "pixel"), [(4326, 179.9, 1e-3), (4326, -180.0, 1e-3), (3832, 3_340_000, 10)])
def test_an_image_that_ends_at_the_antimeridian_or_whose_system_goes_on_is_taken(crs, left, pixel):
    grid = Grid(parse_crs(f"EPSG:{crs}", what="a test"), Affine(pixel, 0, left, 0, -pixel, -17), (100, 100))
    west, _, east, _ = box_of([grid], "a")
    assert east - west < 0.11


def test_a_catalogue_is_asked_on_both_sides_of_the_antimeridian(tmp_path):
    """An item counts where its pixels lie, whatever its own box says: many go round the whole Earth there."""
    pytest.importorskip("pystac_client")
    pytest.importorskip("odc.stac")
    (x,), (y,) = Transformer.from_crs(4326, 32760, always_xy=True).transform([179.98], [-16.99])
    with stac_server(tmp_path / "served") as server:
        item = earth_search_item(server.files, "S2A_60KZG_20200601_0_L2A", side_px=600, origin_xy=(x, y))
        item["properties"]["proj:epsg"] = 32760
        server.serve({**item, "bbox": [-180, -18, 180, -16]})
        query = StacQuery(server.url, "sentinel-2-l2a")
        area = Boxes(((179.99, -17.02, 180.02, -17.0),))
        (source,) = in_catalogue(query, area, "satlas", rules=Rules(channels=("tci",)), period=None)
    assert source.box[::2] == pytest.approx((179.98, 180.037), abs=2e-3)
    planned = {one.cell.name: one.sources for one in plan_cells("satlas", area, Sources([source]), margin_px=0)}
    assert {name.split("-")[1] for name in planned} == {"8191", "0"}
    assert set(planned.values()) == {(0,)}

"""Are items understood as the catalogues mean them?"""

from typing import Any

import pytest

from ssr.scenes.acquisition import Acquisition, Bands, BandSource
from ssr.scenes.stac_bands import UnusableItemError
from ssr.scenes.stac_items import acquisition_of
from tests.support.stac_series import FEW, L2A_BANDS, copernicus_item, earth_search_item, planetary_item

pystac = pytest.importorskip("pystac")
pytest.importorskip("odc.stac")

FILES = "https://data.example.org/33TWK/"
BASE = "https://api.example.org/v1/"
WANTED = frozenset({"b02", "b03", "b04"})
TAKEN_OUT = {"b02": 0.0, "b04": 0.0}


def understood(told: dict[str, Any], base: str = BASE) -> Acquisition:
    return acquisition_of(pystac.Item.from_dict(told), base=base, wanted=WANTED)


def piece_of(told: dict[str, Any], base: str = BASE) -> Bands:
    (piece,) = understood(told, base).pieces
    assert isinstance(piece, Bands)
    return piece


def offset_of(told: dict[str, Any]) -> float | None:
    offsets = piece_of(told).offsets_dn
    return None if offsets is None else offsets["b04"]


@pytest.mark.parametrize("told", [earth_search_item(FILES), planetary_item(FILES), copernicus_item()])
def test_made_up_items_are_valid_items(told: dict[str, Any]) -> None:
    """By the schema of the standard that pystac brings along; those of the extensions lie on the web."""
    pytest.importorskip("jsonschema")
    collection = {"rel": "collection", "href": f"{BASE}collections/sentinel-2-l2a", "type": "application/json"}
    item = pystac.Item.from_dict(told | {"stac_extensions": [], "links": [collection]})
    assert len(item.validate()) == 1
    assert item.to_dict()["assets"].keys() == told["assets"].keys()


def test_earth_search_names_bands_by_colour_and_the_better_file_is_taken() -> None:
    told = understood(earth_search_item(FILES, bands=L2A_BANDS))
    (piece,) = told.pieces
    assert isinstance(piece, Bands)
    assert piece.sources == {band.lower(): BandSource(f"{FILES}{band}.tif") for band in L2A_BANDS}
    assert (told.name, told.level, told.baseline) == ("S2A_33TWK_20200601_0_L2A", "L2A", "05.00")
    assert (told.satellite, told.cloud_percent) == ("Sentinel-2A", 1.5)
    assert told.sensed is not None
    assert told.sensed.isoformat() == "2020-06-01T10:04:00.100000+00:00"
    assert told.datatake == "L2A GS2A_20200601T100031_025812"
    assert (piece.quantification, piece.no_data_dn, piece.sun_zenith_deg) == (10000, 0, 30)


def test_the_planetary_computer_names_bands_by_number_and_has_a_picture_and_classes() -> None:
    told = understood(planetary_item(FILES, query="?sv=1&sig=hush"))
    (piece,) = told.pieces
    assert isinstance(piece, Bands)
    assert piece.sources == {band.lower(): BandSource(f"{FILES}{band}.tif?sv=1&sig=hush") for band in FEW} | {
        "tci": BandSource(f"{FILES}TCI.tif?sv=1&sig=hush", (1, 2, 3)),
        "scl": BandSource(f"{FILES}SCL.tif?sv=1&sig=hush"),
    }
    assert (told.level, told.baseline, told.satellite) == ("L2A", "02.12", "Sentinel-2A")
    assert piece.sun_zenith_deg == 30


def test_copernicus_has_bands_in_several_sizes_of_which_the_finest_is_taken() -> None:
    told = understood(copernicus_item())
    (piece,) = told.pieces
    assert isinstance(piece, Bands)
    assert {band: source.name for band, source in piece.sources.items()} == {
        "b02": "s3://eodata/B02_10m.tif", "b03": "s3://eodata/B03_10m.tif", "b04": "s3://eodata/B04_10m.tif",
        "b08": "s3://eodata/B08_10m.tif", "b12": "s3://eodata/B12_20m.tif",
    }  # fmt: skip
    assert (told.level, told.baseline, told.satellite) == ("L2A", "05.11", "Sentinel-2B")
    assert piece.offsets_dn is not None
    assert (piece.offsets_dn["b04"], piece.quantification) == (-1000, 10000)


@pytest.mark.parametrize(
    ("told", "offset_dn"),
    [
        (earth_search_item(FILES, baseline="05.00", taken_out=True), 0),  # whatever raster:bands say
        (earth_search_item(FILES, baseline="02.12", taken_out=False), 0),
        (earth_search_item(FILES, baseline="05.00", taken_out=None), -1000),  # by raster:bands
        (planetary_item(FILES, baseline="05.09"), -1000),
        (planetary_item(FILES, baseline="02.12"), 0),
        (planetary_item(FILES, baseline="none"), None),
    ],
)
def test_the_offset_is_what_the_item_says_of_it(told: dict[str, Any], offset_dn: float | None) -> None:
    assert offset_of(told) == offset_dn


def test_an_item_whose_offset_was_not_taken_out_has_that_of_its_baseline() -> None:
    assert offset_of(earth_search_item(FILES, baseline="05.00", taken_out=False)) == -1000


def test_the_offset_of_another_scale_is_counted_in_stored_numbers() -> None:
    told = earth_search_item(FILES, taken_out=None)
    for asset in told["assets"].values():
        for band in asset.get("raster:bands", []):
            band["scale"], band["offset"] = 0.00005, -0.1
    assert offset_of(told) == -2000
    assert piece_of(told).quantification == 20000


@pytest.mark.parametrize(
    ("changes", "collection", "level"),
    [({}, "sentinel-2-l1c", "L1C"), ({"processing:level": "L1C"}, "s2", "L1C"),
     ({"s2:product_type": "S2MSI1C"}, "s2", "L1C"), ({}, "sentinel-2-c1-l2a", "L2A"), ({}, "sentinel-2", None)],
)  # fmt: skip
def test_the_level_is_that_of_the_item_or_its_collection(
    changes: dict[str, str], collection: str, level: str | None
) -> None:
    told = planetary_item(FILES)
    told |= {"id": "33TWK_20200601", "collection": collection}
    del told["properties"]["s2:product_type"]
    told["properties"] |= changes
    assert understood(told).level == level


def test_items_of_one_overflight_are_known_by_datatake_product_or_orbit() -> None:
    by_orbit = copernicus_item()
    by_orbit["id"] = "33TWK"
    assert understood(copernicus_item()).datatake == "L2A GS2B_20240601T100031"
    assert understood(by_orbit).datatake == "L2A sentinel-2b orbit 25812"


def test_bands_inside_one_file_are_known_by_their_place() -> None:
    told = planetary_item(FILES, bands=())
    del told["assets"]["visual"], told["assets"]["SCL"]
    listed = [{"name": "B02"}, {"name": "x", "common_name": "green"}, {"name": "B04"}, {"name": "AOT"}]
    told["assets"]["data"] = {"href": "cube.tif", "type": "image/tiff", "roles": ["data"], "eo:bands": listed}
    told["links"] = [{"rel": "self", "href": "https://other.example.org/items/one.json"}]
    where = "https://other.example.org/items/cube.tif"
    assert piece_of(told).sources == {
        "b02": BandSource(where, (1,)),
        "b03": BandSource(where, (2,)),
        "b04": BandSource(where, (3,)),
    }


def test_relative_addresses_belong_to_the_api_where_an_item_names_no_other() -> None:
    told = planetary_item("")
    assert piece_of(told).sources["b04"].name == "https://api.example.org/v1/B04.tif"
    told["links"] = [{"rel": "self", "href": "/etc/items/one.json"}]
    assert piece_of(told).sources["b04"].name == "https://api.example.org/v1/B04.tif"


@pytest.mark.parametrize(
    "href",
    ["file:///etc/passwd", "FILE:///etc/x.tif", "ftp://a.org/x.tif", "C:\\x.tif", "https://a.org/x\x07.tif",
     "https://[a.org/x.tif", "gs://bucket/x.tif", "data:image/tiff;base64,AA=="],
)  # fmt: skip
def test_addresses_that_are_not_on_the_web_are_refused(href: str) -> None:
    told = planetary_item(FILES)
    told["assets"]["B04"]["href"] = href
    with pytest.raises(UnusableItemError, match="B04"):
        understood(told)


@pytest.mark.parametrize(
    "href", ["/vsimem/x.tif", "/etc/passwd", "../../../etc/passwd", "//a.org/x.tif", "https:///x.tif"]
)
def test_what_looks_like_a_path_is_one_of_the_server(href: str) -> None:
    told = planetary_item(FILES)
    told["assets"]["B04"]["href"] = href
    assert piece_of(told).sources["b04"].name.startswith("https://")


def test_a_refusal_tells_no_secret() -> None:
    told = planetary_item(FILES)
    told["assets"]["B04"]["href"] = "ftp://user:hush@a.org/x.tif?sig=hush"
    with pytest.raises(UnusableItemError) as caught:
        understood(told)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"scale": 0.001}, {"nodata": 7}, {"scale": -1}])
def test_bands_that_contradict_each_other_are_refused(changes: dict[str, float]) -> None:
    told = earth_search_item(FILES)
    told["assets"]["red"]["raster:bands"][0] |= changes
    with pytest.raises(UnusableItemError, match="its bands have the"):
        understood(told)


def test_an_item_without_bands_names_its_assets() -> None:
    told = planetary_item(FILES, bands=())
    del told["assets"]["visual"], told["assets"]["SCL"]
    with pytest.raises(UnusableItemError, match="its assets are product-metadata"):
        understood(told)
    told["assets"] = {}
    with pytest.raises(UnusableItemError, match="its assets are none"):
        understood(told)


def test_a_damaged_place_is_no_crash() -> None:
    told = planetary_item(FILES)
    told["assets"]["B04"]["proj:transform"] = [10, 0]
    with pytest.raises(UnusableItemError, match="cannot be understood"):
        understood(told)


def test_a_name_from_outside_cannot_break_lines_or_lists() -> None:
    told = earth_search_item(FILES)
    told["id"] = "a,b\nc" + "d" * 200
    assert understood(told).name.startswith("a_b_cd")
    assert len(understood(told).name) == 120

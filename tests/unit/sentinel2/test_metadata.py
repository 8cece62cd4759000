"""Are metadata read by what they say, and refused when they say nonsense or hide a bomb?"""

from datetime import UTC, datetime

import pytest

from ssr.errors import InputError
from ssr.sentinel2.metadata import granule_facts, product_facts
from ssr.sentinel2.safexml import parse_xml
from tests.support.sentinel2 import granule_xml, product_xml


def product(**changes):
    return product_facts(parse_xml(product_xml(**changes).encode(), "MTD.xml"), "MTD.xml")


def test_a_product_tells_all_that_is_known_of_it():
    facts = product(satellite="Sentinel-2A", cloud=12.25, images=("GRANULE/x/IMG_DATA/T33UUU_B01",))
    assert (facts.level, facts.satellite, facts.baseline, facts.relative_orbit) == ("L1C", "Sentinel-2A", "02.06", 122)
    assert facts.sensed == datetime(2020, 6, 1, 10, 0, 31, 24000, tzinfo=UTC)
    assert (facts.quantification, facts.no_data_dn, facts.saturated_dn, facts.cloud_percent) == (10000, 0, 65535, 12.25)
    assert facts.image_files == ("GRANULE/x/IMG_DATA/T33UUU_B01",)
    assert (set(facts.offsets_dn.values()), facts.offsets_listed) == ({0}, False)


@pytest.mark.parametrize("satellite", ["Sentinel-2B", "Sentinel-2C", "Sentinel-2D", "Sentinel-2Q"])
def test_no_satellite_is_unknown(satellite):
    assert product(satellite=satellite).satellite == satellite


@pytest.mark.parametrize(("level", "name"), [("1C", "L1C"), ("2A", "L2A")])
def test_listed_offsets_and_quantification_are_read_of_both_levels(level, name):
    facts = product(level=level, baseline="04.00", offset_dn=-1000, quantification=20000)
    assert (facts.level, facts.quantification, facts.offsets_listed) == (name, 20000, True)
    assert facts.offsets_dn == dict.fromkeys(facts.offsets_dn, -1000)
    assert len(facts.offsets_dn) == 13


def test_offsets_may_differ_between_bands():
    text = product_xml(baseline="04.00", offset_dn=-1000).replace('band_id="8">-1000', 'band_id="8">-900')
    facts = product_facts(parse_xml(text.encode(), "x"), "x")
    assert (facts.offsets_dn["b8a"], facts.offsets_dn["b09"]) == (-900, -1000)


def test_a_baseline_without_a_list_tells_the_offset():
    assert set(product(baseline="05.09").offsets_dn.values()) == {-1000}


def test_a_granule_tells_tile_grids_and_sun():
    facts = granule_facts(parse_xml(granule_xml().encode(), "x"), "x")
    assert (facts.tile, facts.level, facts.crs, facts.sun_zenith_deg, facts.cloud_percent) == (
        "33UUU", "L1C", "EPSG:32633", 30.0, 2.5)  # fmt: skip
    assert {gsd: grid.shape_hw for gsd, grid in facts.grids.items()} == {10: (48, 48), 20: (24, 24), 60: (8, 8)}
    assert facts.grids[10].upper_left_xy == (500_000, 5_000_040)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Level-1C", "Level-1B"), r"MTD\.xml: is of processing level 'Level-1B', expected Level-1C or Level-2A"),
        ((">10000<", ">0<"), "quantification value is 0"),
        ((">10000<", ">many<"), "QUANTIFICATION_VALUE is 'many', expected a number"),
        ((">122<", "><"), None),
    ],
)
def test_nonsense_is_refused(change, message):
    root = parse_xml(product_xml().replace(*change).encode(), "MTD.xml")
    if message is None:
        assert product_facts(root, "MTD.xml").relative_orbit is None
    else:
        with pytest.raises(InputError, match=message):
            product_facts(root, "MTD.xml")


def test_an_offset_of_a_band_that_does_not_exist_is_refused():
    text = product_xml(offset_dn=-1000).replace('band_id="12"', 'band_id="13"')
    with pytest.raises(InputError, match="band '13', expected 0…12"):
        product_facts(parse_xml(text.encode(), "x"), "x")


BILLION_LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {n} "{"&" + p + ";" * 1}">' for p, n in ("ab", "bc"))
    + "]><l>&c;</l>"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BILLION_LAUGHS.encode(), "document type or entities"),
        (BILLION_LAUGHS.encode("utf-16"), "document type or entities"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type or entities"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "http://example.org/">]><x>&e;</x>', "document type or entities"),
        (b"<a>" * 101 + b"</a>" * 101, "nested more than 100"),
        (b"<a><b></a>", "not whole XML"),
        (b"<a>", "not whole XML"),
        (b"", "not whole XML"),
        (b"\x00\x01", "not whole XML"),
    ],
)
def test_bombs_and_torsos_are_refused_in_one_line(content, message):
    with pytest.raises(InputError, match=f"^MTD.xml: .*{message}") as raised:
        parse_xml(content, "MTD.xml")
    assert "\n" not in str(raised.value)


def test_namespaces_do_not_matter():
    root = parse_xml(b'<n:a xmlns:n="u" n:k="v"><n:b>t</n:b></n:a>', "x")
    assert (root.tag, root.get("k"), root.findtext("b")) == ("a", "v", "t")

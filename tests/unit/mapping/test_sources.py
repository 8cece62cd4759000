"""Dates are written down so that any machine opens the same, and found by place."""

import os
from datetime import UTC, datetime

import pytest

from ssr.errors import InputError
from ssr.mapping.sources import Source, Sources, from_json, identity_of, stamp_of, to_json
from ssr.scenes.acquisition import Acquisition, Bands, BandSource, Picture

SENSED = datetime(2021, 6, 1, 10, 4, tzinfo=UTC)


def picture(name: str, file: str = "a.tif", *, datatake: str | None = None) -> Acquisition:
    return Acquisition(name, SENSED, (Picture(name, file),), datatake=datatake)


def product() -> Acquisition:
    sources = {"tci": BandSource("tci.jp2", (1, 2, 3)), "B08": BandSource("b8.jp2")}
    bands = Bands("33TWK", sources, "L2A", 10_000.0, {"B08": -1000.0}, 0, 40.5, 10_980)
    return Acquisition("S2A_1", SENSED, (bands,), "S2A", "L2A", "05.00", 3.5, "L2A GS2A_1")


@pytest.mark.parametrize("date", [product(), picture("p"), Acquisition("undated", None, (Picture("u", "u.tif"),))])
def test_what_is_written_down_is_read_again(date):
    assert from_json(to_json(date)) == date


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sensed": null, "pieces": [{"kind": "bands"}]}'])
def test_what_describes_no_date_is_refused(text):
    with pytest.raises(InputError, match="describes no date"):
        from_json(text)


def test_a_stamp_changes_with_its_file_and_with_nothing_else(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"12345")
    date = picture("a", str(path))
    first = stamp_of(date)
    assert stamp_of(date) == first
    path.write_bytes(b"123456")
    longer = stamp_of(date)
    os.utime(path, ns=(1, 1))
    assert len({first, longer, stamp_of(date)}) == 3
    assert stamp_of(picture("b", str(path))) != stamp_of(date)


def test_the_signature_of_an_address_is_no_part_of_its_stamp():
    one, other = (picture("a", f"https://x.org/a.tif?sig={sig}") for sig in ("early", "late"))
    assert stamp_of(one) == stamp_of(other)
    assert stamp_of(picture("a", "https://x.org/b.tif")) != stamp_of(one)


def test_what_only_this_process_holds_is_refused():
    with pytest.raises(InputError, match="held in memory"):
        stamp_of(picture("cube", "/vsimem/cube.tif"))


def test_granules_of_an_overflight_have_one_identity():
    assert identity_of(picture("a", datatake="L1C G1")) == identity_of(picture("b", datatake="L1C G1"))
    assert identity_of(picture("a")) != identity_of(picture("b"))
    assert identity_of(Acquisition("u", None, (Picture("u", "u.tif"),))).day == 0


def test_dates_are_found_where_they_lie_on_either_side_of_the_antimeridian():
    boxes = [(10, 40, 11, 41), (179, 0, 181, 1), (-180, 0, -179, 1), (11, 40, 12, 41)]
    found = Sources([Source(picture(str(k)), tuple(map(float, box)), str(k)) for k, box in enumerate(boxes)])
    assert found.in_box((10.5, 40.5, 10.6, 40.6)).tolist() == [0]
    assert found.in_box((-179.5, 0.2, -179.4, 0.3)).tolist() == [1, 2]
    assert found.in_box((180.5, 0.2, 180.6, 0.3)).tolist() == [1, 2]
    assert found.in_box((11.0, 40.0, 12.0, 41.0)).tolist() == [3]  # touching is not showing
    assert found.in_box((-180, -90, 180, 90), found.in_box((0, 30, 20, 50))).tolist() == [0, 3]


def test_the_input_of_a_cell_does_not_depend_on_the_numbers_of_its_dates():
    dates = [Source(picture(name), (0.0, 0.0, 1.0, 1.0), name) for name in "abc"]
    one, other = Sources(dates), Sources(dates[::-1])
    assert one.input_of((0, 1)) == other.input_of((1, 2))
    assert one.input_of((0, 1)) != one.input_of((0, 2))
    assert one.input_of((0,)) != one.input_of((0, 1))

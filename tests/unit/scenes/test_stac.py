"""Does a catalogue give the dates that were asked for, and a clear sentence where it does not?"""

import builtins
from collections.abc import Iterator
from typing import Any

import pytest

from ssr.errors import InputError, MissingExtraError
from ssr.scenes.aoi import parse_aoi
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.stac import StacQuery, find_stac_acquisitions
from tests.support.stac_series import earth_search_item, planetary_item
from tests.support.stac_server import StacServer, stac_server

pytest.importorskip("pystac_client")
pytest.importorskip("odc.stac")

AREA = parse_aoi("15.001,45.150,15.004,45.153")
L2A = "sentinel-2-l2a"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StacServer]:
    with stac_server(tmp_path_factory.mktemp("stac")) as server:
        yield server


@pytest.fixture
def server(running: StacServer) -> StacServer:
    running.serve()
    running.behave()
    return running


def day(k: int, **changes: Any) -> dict[str, Any]:
    date = f"2020-06-{k:02d}"
    told = {"moment": f"{date}T10:04:00Z", "datatake": f"GS2A_202006{k:02d}T100031_0258{k:02d}_N05.00"} | changes
    return earth_search_item("http://127.0.0.1:9/", f"S2A_33TWK_202006{k:02d}_0_L2A", **told)


def names(server: StacServer, *, area: str | None = None, date: str | None = None, **query: Any) -> list[str]:
    found, _ = find_stac_acquisitions(
        StacQuery(server.url, L2A, **query),
        area=parse_aoi(area) if area else AREA,
        period=parse_period(date) if date else None,
        rules=Rules(),
    )
    return [one.name for one in found]


def days(found: list[str]) -> list[int]:
    return [int(name[16:18]) for name in found]


def failure(server: StacServer | str, collection: str = L2A, **arguments: Any) -> str:
    url = server if isinstance(server, str) else server.url
    given = {"area": AREA, "rules": Rules()} | {k: v for k, v in arguments.items() if k in ("area", "period", "rules")}
    more = {k: v for k, v in arguments.items() if k not in given}
    with pytest.raises(InputError) as caught:
        find_stac_acquisitions(StacQuery(url, collection, **more), **given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_page_is_read_and_every_item_once(server: StacServer) -> None:
    server.behave(page_items=2)
    server.serve(*(day(k) for k in (3, 1, 2, 5, 4)), day(1))
    assert days(names(server)) == [1, 2, 3, 4, 5]
    searches = [one for one in server.asked() if one["path"] == "/stac/search"]
    assert len(searches) == 3


def test_only_the_period_and_the_area_are_asked_for(server: StacServer) -> None:
    far = (500_000.0, 5_500_000.0)
    server.serve(*(day(k) for k in range(1, 6)), day(6, origin_xy=far))
    assert days(names(server)) == [1, 2, 3, 4, 5]
    assert days(names(server, date="2020-06-02/2020-06-03")) == [2, 3]
    assert days(names(server, date="../2020-06-02")) == [1, 2]
    assert days(names(server, date="2020-06-04/..")) == [4, 5]
    asked = [one["sent"] for one in server.asked() if one["path"] == "/stac/search"]
    assert [one.get("datetime") for one in asked] == [
        None, "2020-06-02T00:00:00Z/2020-06-04T00:00:00Z", "../2020-06-03T00:00:00Z", "2020-06-04T00:00:00Z/..",
    ]  # fmt: skip
    assert asked[0]["bbox"] == pytest.approx([15.001, 45.150, 15.004, 45.153])


def test_the_first_moment_after_a_period_is_not_in_it(server: StacServer) -> None:
    server.serve(day(1), day(2, moment="2020-06-02T00:00:00Z"))
    assert days(names(server, date="2020-06-01")) == [1]


@pytest.mark.parametrize("can_query", [True, False])
def test_cloudy_items_are_left_out_by_the_catalogue_or_here(server: StacServer, can_query: bool) -> None:
    server.behave(can_query=can_query)
    server.serve(*(day(k, cloud=20.0 * k) for k in range(1, 5)))
    assert days(names(server, max_cloud_percent=40)) == [1, 2]
    (search,) = (one["sent"] for one in server.asked() if one["path"] == "/stac/search")
    assert ("query" in search) == can_query


def test_items_of_which_no_cloud_is_told_are_kept(server: StacServer) -> None:
    server.behave(can_query=False)
    told = day(1)
    del told["properties"]["eo:cloud_cover"]
    server.serve(told)
    assert days(names(server, max_cloud_percent=0)) == [1]


def test_an_area_across_the_antimeridian_is_asked_for_on_both_sides(server: StacServer) -> None:
    failure(server, collection="none", area=parse_aoi("179.5,-17,-179.5,-16"))
    server.behave(collections=[L2A])
    assert "179.5, -17, 180, -16 and -180, -17, -179.5, -16" in failure(server, area=parse_aoi("179.5,-17,-179.5,-16"))
    asked = [one["sent"]["bbox"] for one in server.asked() if one["path"] == "/stac/search"]
    assert asked == [[179.5, -17, 180, -16], [-180, -17, -179.5, -16]]


@pytest.mark.parametrize(("extent", "found"), [("intersection", [1]), ("union", [1, 2])])
def test_dates_that_end_inside_the_area_are_left_out_unless_any_ground_will_do(
    server: StacServer, extent: Any, found: list[int]
) -> None:
    """The second item's 480 m begin 240 m further east."""
    server.serve(day(1), day(2, origin_xy=(500_240.0, 5_000_040.0)))
    dates, notes = find_stac_acquisitions(StacQuery(server.url, L2A), area=AREA, rules=Rules(), extent=extent)
    assert days([one.name for one in dates]) == found
    assert [note.detail for note in notes] == ["its overflight shows a part of the area only"] * (2 - len(found))


def test_items_that_are_no_use_are_left_out_with_a_note(server: StacServer) -> None:
    sly = day(2)
    sly["assets"]["red"]["href"] = "file:///etc/passwd"
    bare = planetary_item("http://127.0.0.1:9/", bands=("B08",))
    del bare["assets"]["visual"]
    server.serve(day(1), sly, bare)
    found, notes = find_stac_acquisitions(StacQuery(server.url, L2A), area=AREA, rules=Rules())
    assert [one.name for one in found] == ["S2A_33TWK_20200601_0_L2A"]
    assert [(note.text, note.detail[:40]) for note in notes] == [
        ("left out", "asset red lies at file:///etc/passwd, wh"),
        ("left out", "has no true colour (visual, or red, gree"),
    ]


def test_bands_that_a_model_needs_and_no_item_has_are_named_with_the_assets(server: StacServer) -> None:
    server.serve(day(1))
    told = failure(server, rules=Rules(channels=("tci", "b10")))
    assert "of 1 item(s) none is usable; S2A_33TWK_20200601_0_L2A has no B10; its assets are blue, blue-jp2" in told


def test_nothing_found_says_what_was_asked(server: StacServer) -> None:
    server.serve(day(1, cloud=50.0))
    server.behave(can_query=False)
    told = failure(server, period=parse_period("2020-06"), max_cloud_percent=10)
    assert "nothing found within 15.001, 45.15, 15.004, 45.153 (west, south, east, north)" in told
    assert "2020-06-01T00:00:00+00:00/2020-07-01T00:00:00+00:00 with at most 10 % of cloud (1 cloudier)" in told
    assert "nothing found" in failure(server, period=parse_period("2021"))


def test_an_unknown_collection_is_answered_with_near_names(server: StacServer) -> None:
    server.behave(collections=["sentinel-2-l2a", "sentinel-2-l1c", "landsat-c2-l2", "naip"])
    assert failure(server, collection="sentinel2-l2a").endswith(
        "has no such collection; it has sentinel-2-l2a, sentinel-2-l1c and 2 others"
    )
    server.behave(collections=[])
    assert failure(server, collection="x").endswith("it has none")


def test_a_query_shows_no_secret() -> None:
    query = StacQuery("https://user:hush@a.org/v1?token=hush", L2A, 20)
    assert repr(query) == "StacQuery('https://a.org/v1?…', 'sentinel-2-l2a', 20)"
    assert str(query) == "--stac https://a.org/v1?… --collection sentinel-2-l2a"


def test_an_area_is_needed(server: StacServer) -> None:
    assert "needs an area; pass --aoi" in failure(server, area=None)


@pytest.mark.parametrize("percent", [-1, 101, float("nan")])
def test_a_share_of_cloud_is_a_percentage(server: StacServer, percent: float) -> None:
    assert "expected 0 to 100" in failure(server, max_cloud_percent=percent)


@pytest.mark.parametrize("url", ["/etc/passwd", "file:///etc/passwd", "s3://bucket/catalog.json", "ftp://a.org"])
def test_a_catalogue_is_on_the_web(url: str) -> None:
    assert "expected the address of a STAC API, of http or https" in failure(url)


@pytest.mark.parametrize(
    "landing", ["<html>welcome</html>", "{}", "[]", '{"a": 1}', "", '{"type": "Catalog", "id": "x"}', "\u0000"]
)
def test_what_is_no_stac_api_is_said_to_be_none(server: StacServer, landing: str) -> None:
    server.behave(landing=landing)
    assert "does not answer as a STAC API" in failure(server)


def test_a_catalogue_without_search_is_no_api(server: StacServer) -> None:
    server.behave(has_search=False)
    assert "does not answer as a STAC API with item search" in failure(server)


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "HTTP 400; try again later"), (403, "not allowed (HTTP 403)"), (404, "landing page"), (401, "wants a key")],
)
def test_a_refused_search_tells_its_status_and_no_secret(server: StacServer, status: int, told: str) -> None:
    server.serve(day(1))
    server.behave(search_status=status)
    url = server.url.replace("http://", "http://user:hush@") + "?token=hush"
    found = failure(url)
    assert told in found
    assert "hush" not in found


def test_a_wrong_path_and_a_closed_port_are_told_apart(server: StacServer) -> None:
    assert "answers HTTP 404; is that the address of its landing page?" in failure(f"{server.url}/v7")
    closed = failure("http://127.0.0.1:9/stac?token=hush")
    assert "--stac http://127.0.0.1:9/stac?… --collection" in closed
    assert "cannot be reached" in closed


@pytest.mark.parametrize(
    "changes", [{"assets": 3}, {"properties": None}, {"stac_version": 7}, {"links": "x"}, {"stac_extensions": 1}]
)
def test_items_of_nonsense_are_refused(server: StacServer, changes: dict[str, Any]) -> None:
    """The server matches by the sound item, then sends the other."""
    server.serve(day(1))
    server.behave(instead=day(1) | changes)
    assert server.url in failure(server)


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("odc.stac"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'satlas-super-resolution\[sentinel\]'"):
        find_stac_acquisitions(StacQuery("http://127.0.0.1:9", L2A), area=AREA, rules=Rules())

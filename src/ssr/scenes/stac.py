"""Which dates of an area and a period does a STAC catalogue on the web have?"""

import difflib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssr.atomic import one_line
from ssr.errors import InputError, MissingExtraError
from ssr.raster.gdal import without_secrets
from ssr.scenes.acquisition import Acquisition, Bands
from ssr.scenes.aoi import Area
from ssr.scenes.coverage import Tile, whole_dates
from ssr.scenes.darkness import TELLING_BANDS
from ssr.scenes.notes import Note
from ssr.scenes.period import Period
from ssr.scenes.radiometry import Rules
from ssr.scenes.stac_bands import UnusableItemError, grid_of, name_of
from ssr.scenes.stac_items import acquisition_of, cloud_percent
from ssr.scenes.target import Extent
from ssr.sentinel2.bands import TRUE_COLOUR_BANDS

if TYPE_CHECKING:
    import pystac
    from pystac_client import Client

PAGE_ITEMS = 100
MOST_ITEMS = 1000
"""More are hardly meant, and every date is looked at."""

TIMEOUT_S = (10.0, 60.0)
MOST_NAMES = 8
PACKAGES = {"odc": "odc-stac", "pystac_client": "pystac-client"}
"""What a module that is lacking is called where it is to be had."""


@dataclass(frozen=True, repr=False)
class StacQuery:
    """What a user asks of a catalogue.

    url: the landing page of its API.
    max_cloud_percent: leave out what the catalogue says to be cloudier.
    """

    url: str
    collection: str
    max_cloud_percent: float | None = None

    def __str__(self) -> str:
        return f"--stac {without_secrets(self.url)} --collection {self.collection}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({without_secrets(self.url)!r}, {self.collection!r}, {self.max_cloud_percent!r})"


def find_stac_acquisitions(
    query: StacQuery,
    *,
    area: Area | None,
    rules: Rules,
    period: Period | None = None,
    extent: Extent = "intersection",
) -> tuple[list[Acquisition], list[Note]]:
    """The dates that a catalogue has, tile by tile, and what a user should know.

    Only metadata are fetched; pixels are read later, a window at a time.

    Args:
        area: where; without one all the world would be meant.
        rules: which bands are wanted.
        extent: of the series; where it is what all dates show, dates that do not reach so far are left out.

    Raises:
        InputError: no area, no such catalogue or collection, nothing found, nothing usable.
        MissingExtraError: pystac-client or odc-stac is not installed.
    """
    inside, notes = find_stac_tiles(query, area=area, rules=rules, period=period)
    if extent == "union":
        return [tile.acquisition for tile in inside], notes
    assert area is not None
    whole, more = whole_dates(inside, area)
    return whole, notes + more


def find_stac_tiles(
    query: StacQuery, *, area: Area | None, rules: Rules, period: Period | None = None
) -> tuple[list[Tile], list[Note]]:
    """The same with the place of each, tile by tile, whether or not it shows all of the area."""
    if area is None:
        raise InputError(f"{query}: needs an area; pass --aoi west,south,east,north or a file")
    if not query.url.lower().startswith(("http://", "https://")):
        raise InputError(f"{query}: expected the address of a STAC API, of http or https")
    if query.max_cloud_percent is not None and not 0 <= query.max_cloud_percent <= 100:
        raise InputError(f"{query}: --cloud-cover is {query.max_cloud_percent:g}, expected 0 to 100 percent")
    items = _search(query, area, period)
    notes: list[Note] = []
    clear = [item for item in items if _is_clear(item, query.max_cloud_percent)]
    if not clear:
        raise InputError(_nothing(query, area, period, n_too_cloudy=len(items)))
    found: list[Tile] = []
    for item in clear:
        try:
            found.append(Tile(_usable(item, query, rules), grid_of(item)))
        except UnusableItemError as error:
            notes.append(Note(name_of(item), "left out", one_line(error)))
    inside = [tile for tile in found if period is None or _lies_within(tile.acquisition, period)]
    if not found:
        raise InputError(f"{query}: of {len(clear)} item(s) none is usable; {notes[0].label} {notes[0].detail}")
    if not inside:
        raise InputError(_nothing(query, area, period, n_too_cloudy=0))
    return inside, notes


def _lies_within(acquisition: Acquisition, period: Period) -> bool:
    return acquisition.sensed is None or period.holds(acquisition.sensed)


def _wanted(rules: Rules) -> frozenset[str]:
    return frozenset(band for name in rules.channels for band in (TRUE_COLOUR_BANDS if name == "tci" else (name,)))


def _usable(item: "pystac.Item", query: StacQuery, rules: Rules) -> Acquisition:
    """An item as a date that has what the channels need: true colour as an image or as bands, every other band."""
    acquisition = acquisition_of(item, base=query.url, wanted=_wanted(rules) | set(TELLING_BANDS))
    (piece,) = acquisition.pieces
    assert isinstance(piece, Bands), "an item names its bands"
    has_colours = all(band in piece.sources for band in TRUE_COLOUR_BANDS)
    absent = [name for name in rules.channels if name not in piece.sources and not (name == "tci" and has_colours)]
    if absent:
        names = ", ".join("true colour (visual, or red, green and blue)" if a == "tci" else a.upper() for a in absent)
        raise UnusableItemError(f"has no {names}; its assets are {', '.join(sorted(item.assets))}")
    return acquisition


def _is_clear(item: "pystac.Item", at_most: float | None) -> bool:
    """Whether it may be used; where nothing is said of clouds its pixels will tell."""
    told = cloud_percent(item.properties)
    return at_most is None or told is None or told <= at_most


def _search(query: StacQuery, area: Area, period: Period | None) -> "list[pystac.Item]":
    """Every item once, in the order of their names."""
    try:
        import odc.stac  # noqa: F401  # needed later; better known before anything is fetched
        import pystac
        import pystac_client  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            PACKAGES.get((error.name or "").partition(".")[0], "pystac-client"), "sentinel", f"{query}"
        ) from error
    found: dict[str, pystac.Item] = {}
    with _asking(query):
        client = _opened(query)
        _check_collection(client, query)
        asked: dict[str, Any] = {"collections": [query.collection], "limit": PAGE_ITEMS, "max_items": MOST_ITEMS + 1}
        if period is not None:
            asked["datetime"] = _interval(period)
        if query.max_cloud_percent is not None and client.conforms_to("QUERY"):
            asked["query"] = {"eo:cloud_cover": {"lte": query.max_cloud_percent}}
        n_items = 0
        for box in area.boxes():
            for told in client.search(bbox=list(box), **asked).items_as_dicts():
                item = pystac.Item.from_dict(told, preserve_dict=False)
                found.setdefault(item.id, item)
                n_items += 1
    if n_items > MOST_ITEMS:
        raise InputError(f"{query}: more than {MOST_ITEMS} items; narrow --date, --aoi or --cloud-cover")
    return [found[name] for name in sorted(found)]


def _opened(query: StacQuery) -> "Client":
    from pystac_client import Client
    from pystac_client.stac_api_io import StacApiIO
    from urllib3 import Retry

    patience = Retry(
        total=3,
        connect=1,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
        raise_on_status=False,
    )
    return Client.open(query.url, stac_io=StacApiIO(max_retries=patience), timeout=TIMEOUT_S)


def _check_collection(client: "Client", query: StacQuery) -> None:
    """Servers answer a search in a collection that they do not have with nothing found."""
    if not (client.conforms_to("COLLECTIONS") or client.conforms_to("FEATURES")):
        return
    if client.get_collection(query.collection) is not None:
        return
    names = sorted(collection.id for collection in client.get_collections())
    near = difflib.get_close_matches(query.collection, names, n=MOST_NAMES, cutoff=0.5)
    listed = near or names[:MOST_NAMES]
    more = f" and {len(names) - len(listed)} others" if len(names) > len(listed) else ""
    raise InputError(f"{query}: has no such collection; it has {', '.join(listed) or 'none'}{more}")


@contextmanager
def _asking(query: StacQuery) -> Iterator[None]:
    """What goes wrong while a catalogue is asked, in one sentence without secrets."""
    from pystac import STACError, STACTypeError
    from pystac_client.errors import ClientTypeError
    from pystac_client.exceptions import APIError
    from pystac_client.warnings import DoesNotConformTo, PystacClientWarning

    nonsense = (DoesNotConformTo, ClientTypeError, STACError, STACTypeError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PystacClientWarning)  # what a catalogue lacks is checked or not needed
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions of STAC
            yield
    except APIError as error:
        raise InputError(f"{query}: {_failure(error)}") from None
    except (*nonsense, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{query}: does not answer as a STAC API with item search does ({type(error).__name__}); expected the "
            f"address of its landing page, such as https://earth-search.aws.element84.com/v1"
        ) from error


def _failure(error: Exception) -> str:
    """Why a catalogue did not answer; never its own words, which may repeat what was sent."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return f"is not allowed (HTTP {status}); it wants a key, or another one"
    if status is not None:
        hint = "is that the address of its landing page?" if status == 404 else "try again later"
        return f"answers HTTP {status}; {hint}"
    cause = type(error.__context__).__name__ if error.__context__ else type(error).__name__
    if "Timeout" in cause or "timed out" in str(error):
        return f"does not answer within {TIMEOUT_S[1]:g} s; try again later"
    return f"cannot be reached ({cause}); check the address and the network, or try again later"


def _interval(period: Period) -> str:
    """As the API wants it: both ends belong to it, so the first moment after the period is sorted out later."""
    ends = ("" if end is None else end.strftime("%Y-%m-%dT%H:%M:%SZ") for end in (period.start, period.end))
    return "/".join(end or ".." for end in ends)


def _nothing(query: StacQuery, area: Area, period: Period | None, *, n_too_cloudy: int) -> str:
    boxes: Sequence[tuple[float, ...]] = area.boxes()
    where = " and ".join(", ".join(f"{degrees:g}" for degrees in box) for box in boxes)
    when = f" in {period}" if period is not None else ""
    clouds = "" if query.max_cloud_percent is None else f" with at most {query.max_cloud_percent:g} % of cloud"
    more = f" ({n_too_cloudy} cloudier)" if n_too_cloudy else ""
    return (
        f"{query}: nothing found within {where} (west, south, east, north){when}{clouds}{more}; "
        f"widen --aoi, --date or --cloud-cover"
    )

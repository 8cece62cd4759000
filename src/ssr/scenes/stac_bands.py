"""Where do the bands of a STAC item lie, and what is said of each?

Catalogues name assets by number (`B04`, `B04_10m`) or by colour (`red`), and some have a band more than once.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from affine import Affine

from ssr.raster.crs import parse_crs
from ssr.raster.gdal import without_secrets
from ssr.raster.grid import Grid
from ssr.sentinel2.bands import BANDS

if TYPE_CHECKING:
    import pystac
    from odc.geo.geobox import GeoBox
    from odc.stac import ParsedItem

COMMON_NAMES = {
    "coastal": "b01", "blue": "b02", "green": "b03", "red": "b04", "nir": "b08", "nir08": "b8a", "nir09": "b09",
    "cirrus": "b10", "swir16": "b11", "swir22": "b12", "rededge1": "b05", "rededge2": "b06", "rededge3": "b07",
    "rededge071": "b05", "rededge075": "b06", "rededge078": "b07",
}  # fmt: skip
"""Names of bands in the EO extension, and those that catalogues give to assets."""

TRUE_COLOUR_NAMES = ("visual", "tci")
WEB_SCHEMES = ("http", "https", "s3")
LONGEST_NAME = 120

_BAND = re.compile(r"^B0?(\d{1,2}A?)$", re.IGNORECASE)
_VARIANT = re.compile(r"[-_](jp2|\d\dm)$", re.IGNORECASE)
_PIXEL = re.compile(r"[-_](\d\d)m(?:[-_]|$)", re.IGNORECASE)


class UnusableItemError(Exception):
    """Why an item is of no use."""


class Place(NamedTuple):
    """One place where a band lies; the smallest is the best: finest, cloud-optimised, by name."""

    gsd_m: float
    clumsiness: int
    asset: str
    indexes: tuple[int, ...]
    address: str
    no_data_dn: float | None
    scale: float | None
    offset: float | None


def places_of(item: "pystac.Item", base: str) -> dict[str, list[Place]]:
    """Every place where a band of an item lies, by band; `tci` has three indexes.

    Args:
        base: the address that relative ones of the item belong to, where it does not name its own.

    Raises:
        UnusableItemError: addresses that are not on the web, assets that cannot be understood.
    """
    found: dict[str, list[Place]] = {}
    if not item.assets:
        return found
    for key, places in _bands_of_assets(item).items():
        address = _address(item, key, base)
        asset = item.assets[key].to_dict()
        for band, indexes in places.items():
            told = _told(asset, item.properties, indexes[0])
            found.setdefault(band, []).append(
                Place(
                    gsd_m=_gsd_m(key, asset, told),
                    clumsiness=_clumsiness(asset),
                    asset=key,
                    indexes=indexes,
                    address=address,
                    no_data_dn=number_of(told, "nodata"),
                    scale=number_of(told, "scale", "raster:scale"),
                    offset=number_of(told, "offset", "raster:offset"),
                )
            )
    return found


def grid_of(item: "pystac.Item") -> Grid | None:
    """Where the pixels of an item lie, by its finest band; None where it does not tell."""
    boxes: list[GeoBox] = [box for source in _parsed(item).bands.values() if (box := getattr(source, "geobox", None))]
    if not boxes:
        return None
    finest = min(boxes, key=lambda box: abs(box.resolution.x))
    if finest.crs is None:
        return None
    transform = Affine(*finest.transform[:6])
    return Grid(parse_crs(finest.crs.to_wkt(), what=name_of(item)), transform, (finest.shape.y, finest.shape.x))


def name_of(item: "pystac.Item") -> str:
    """What results and messages call an item."""
    return printable(item.id)


def printable(text: str) -> str:
    """A text from outside as one word that messages and tags can hold."""
    shown = "".join(char if char.isprintable() and char not in ", " else "_" for char in text)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def _numbers(facts: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[float]:
    for key in keys:
        value = facts.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)


def number_of(facts: Mapping[str, Any], *keys: str) -> float | None:
    """The first of some properties that is a number."""
    return next(_numbers(facts, keys), None)


def _bands_of_assets(item: "pystac.Item") -> dict[str, dict[str, tuple[int, ...]]]:
    """By asset that holds a raster: which bands, at which of its places from 1."""
    parsed = _parsed(item)
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for key in dict.fromkeys(asset for asset, _ in parsed.bands):
        asset = item.assets[key].to_dict()
        stem = key
        while _VARIANT.search(stem):
            stem = _VARIANT.sub("", stem)
        if stem.lower() in TRUE_COLOUR_NAMES or "visual" in (asset.get("roles") or ()):
            found[key] = {"tci": (1, 2, 3)}
        elif stem.lower() == "scl":
            found[key] = {"scl": (1,)}
        else:
            listed = [band for band in asset.get("bands") or asset.get("eo:bands") or [] if isinstance(band, dict)]
            names = [[band.get(said) for said in ("name", "eo:common_name", "common_name")] for band in listed]
            if len(names) <= 1:
                names = [[stem, *(names[0] if names else [])]]
            named = [_band_of_names(*texts) for texts in names]
            found[key] = {band: (place,) for place, band in reversed(list(enumerate(named, start=1))) if band}
    return {key: bands for key, bands in found.items() if bands}


def _parsed(item: "pystac.Item") -> "ParsedItem":
    from odc.stac import parse_item

    try:
        return parse_item(item, asset_absolute_paths=False)
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        raise UnusableItemError(f"its assets cannot be understood ({type(error).__name__})") from error


def _band_of_names(*names: object) -> str | None:
    """A band by what it is called; numbers tell more than colours, so they go first."""
    texts = [name for name in names if isinstance(name, str)]
    for text in texts:
        match = _BAND.match(text)
        band = f"b{match[1].lower().rjust(2, '0')}" if match else None
        if band in BANDS:
            return band
    return next((COMMON_NAMES[text.lower()] for text in texts if text.lower() in COMMON_NAMES), None)


def _address(item: "pystac.Item", key: str, base: str) -> str:
    """Where an asset lies on the web; a catalogue far away cannot name files of this machine."""
    own = item.get_self_href() or ""
    href = item.assets[key].href.strip().replace(" ", "%20")
    try:
        address = urljoin(own if urlsplit(own).scheme in WEB_SCHEMES else base, href)
        parts = urlsplit(address)
        scheme, host = parts.scheme.lower(), parts.hostname
    except ValueError:
        raise UnusableItemError(f"asset {key} has no address that can be understood") from None
    if scheme not in WEB_SCHEMES or not host or not address.isprintable():
        raise UnusableItemError(
            f"asset {key} lies at {printable(without_secrets(href))}, which is refused; expected an address of "
            f"http, https or s3"
        )
    return address


def _told(asset: Mapping[str, Any], facts: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What is said of a band: at the item, the asset, and the band itself, which overrules them."""
    told = {key: facts[key] for key in ("nodata", "raster:scale", "raster:offset") if key in facts}
    told |= {key: asset[key] for key in ("nodata", "raster:scale", "raster:offset", "gsd") if key in asset}
    for listing in ("bands", "raster:bands"):
        listed = asset.get(listing) or []
        if index <= len(listed) and isinstance(listed[index - 1], dict):
            told |= listed[index - 1]
    return told


def _gsd_m(key: str, asset: Mapping[str, Any], told: Mapping[str, Any]) -> float:
    """Metres of a pixel, infinite where nothing tells."""
    named = _PIXEL.search(key)
    if named:
        return float(named[1])
    said = number_of(told, "spatial_resolution", "raster:spatial_resolution", "gsd")
    if said is not None:
        return said
    transform = asset.get("proj:transform")
    return abs(float(transform[0])) if isinstance(transform, list) and len(transform) >= 6 else math.inf


def _clumsiness(asset: Mapping[str, Any]) -> int:
    """How much of a file must be fetched for a window of it."""
    kind = str(asset.get("type") or "").lower()
    return 0 if "cloud-optimized" in kind else 1 if "tiff" in kind else 2

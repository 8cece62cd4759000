"""What do the metadata of a product and of a granule say?

Read by the names of elements, wherever they stand: old and new products, L1C and L2A nest them differently, and so
may those of a satellite that is not yet flying.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from ssr.errors import InputError
from ssr.sentinel2.bands import BANDS
from ssr.sentinel2.names import level_of, tile_of
from ssr.sentinel2.offsets import offset_of_baseline
from ssr.sentinel2.radiometry import NO_DATA_DN, QUANTIFICATION, SATURATED_DN, Level

_QUANTIFICATIONS = {
    "L1C": ("QUANTIFICATION_VALUE",),
    "L2A": ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE"),
}
_OFFSETS = ("RADIO_ADD_OFFSET", "BOA_ADD_OFFSET")


@dataclass(frozen=True)
class ProductFacts:
    """What MTD_MSIL1C.xml or MTD_MSIL2A.xml says.

    offsets_dn: what is added to a stored number of each band; from the baseline where no list is given.
    offsets_listed: whether a list is given.
    image_files: the images that the product says it has, without suffix.
    """

    level: Level
    satellite: str | None
    baseline: str | None
    sensed: datetime | None
    relative_orbit: int | None
    datatake: str | None
    quantification: float
    offsets_dn: Mapping[str, float]
    offsets_listed: bool
    no_data_dn: float
    saturated_dn: float
    cloud_percent: float | None
    image_files: tuple[str, ...]


@dataclass(frozen=True)
class GridFacts:
    """Where the pixels of one size lie."""

    upper_left_xy: tuple[float, float]
    shape_hw: tuple[int, int]


@dataclass(frozen=True)
class GranuleFacts:
    """What MTD_TL.xml says. grids: by pixel size in metres."""

    tile: str | None
    level: Level | None
    sensed: datetime | None
    crs: str | None
    grids: Mapping[int, GridFacts]
    sun_zenith_deg: float | None
    cloud_percent: float | None


def product_facts(root: Element, name: str) -> ProductFacts:
    """Read the metadata of a product.

    Raises:
        InputError: of another level than L1C and L2A, or with numbers that are none.
    """
    level = _level(root, name)
    baseline = _text(root, "PROCESSING_BASELINE")
    quantification = _number(root, _QUANTIFICATIONS[level], name)
    if quantification is None:
        quantification = QUANTIFICATION
    if not 0 < quantification < float("inf"):
        raise InputError(f"{name}: its quantification value is {quantification:g}, expected a number above 0")
    listed = _offsets(root, name)
    special = _special_values(root, name)
    orbit = _number(root, ("SENSING_ORBIT_NUMBER",), name)
    datatake = next(iter(root.iter("Datatake")), None)
    return ProductFacts(
        level=level,
        satellite=_text(root, "SPACECRAFT_NAME"),
        baseline=baseline,
        sensed=_time(_text(root, "DATATAKE_SENSING_START") or _text(root, "PRODUCT_START_TIME")),
        relative_orbit=None if orbit is None else int(orbit),
        datatake=datatake.get("datatakeIdentifier") if datatake is not None else None,
        quantification=quantification,
        offsets_dn=listed or dict.fromkeys(BANDS, offset_of_baseline(baseline)),
        offsets_listed=bool(listed),
        no_data_dn=special.get("NODATA", NO_DATA_DN),
        saturated_dn=special.get("SATURATED", SATURATED_DN),
        cloud_percent=_number(root, ("Cloud_Coverage_Assessment",), name),
        image_files=tuple(
            element.text.strip() for tag in ("IMAGE_FILE", "IMAGE_ID") for element in root.iter(tag) if element.text
        ),
    )


def granule_facts(root: Element, name: str) -> GranuleFacts:
    """Read the metadata of a granule."""
    identifier = _text(root, "TILE_ID") or ""
    sun = next(iter(root.iter("Mean_Sun_Angle")), None)
    return GranuleFacts(
        tile=tile_of(identifier),
        level=level_of(identifier),
        sensed=_time(_text(root, "SENSING_TIME")),
        crs=_text(root, "HORIZONTAL_CS_CODE"),
        grids=_grids(root, name),
        sun_zenith_deg=None if sun is None else _number(sun, ("ZENITH_ANGLE",), name),
        cloud_percent=_number(root, ("CLOUDY_PIXEL_PERCENTAGE",), name),
    )


def _level(root: Element, name: str) -> Level:
    said = _text(root, "PROCESSING_LEVEL") or root.tag
    for mark, level in (("1C", "L1C"), ("2A", "L2A")):
        if mark in said.replace("-", ""):
            return "L1C" if level == "L1C" else "L2A"
    raise InputError(f"{name}: is of processing level {said!r}, expected Level-1C or Level-2A")


def _grids(root: Element, name: str) -> dict[int, GridFacts]:
    sizes = {size.get("resolution"): size for size in root.iter("Size")}
    found = {}
    for position in root.iter("Geoposition"):
        resolution = position.get("resolution") or ""
        size = sizes.get(resolution)
        if size is None or not resolution.isdecimal():
            continue
        x, y = (_as_number(_text(position, tag), tag, name) for tag in ("ULX", "ULY"))
        rows, columns = (_as_number(_text(size, tag), tag, name) for tag in ("NROWS", "NCOLS"))
        found[int(resolution)] = GridFacts((x, y), (int(rows), int(columns)))
    return found


def _offsets(root: Element, name: str) -> dict[str, float]:
    found = {}
    for tag in _OFFSETS:
        for element in root.iter(tag):
            index = element.get("band_id") or element.get("bandId") or ""
            if not index.isdecimal() or int(index) >= len(BANDS):
                raise InputError(f"{name}: {tag} is of band {index!r}, expected 0…{len(BANDS) - 1}")
            found[BANDS[int(index)]] = _as_number(element.text, tag, name)
    return {band: found.get(band, 0.0) for band in BANDS} if found else {}


def _special_values(root: Element, name: str) -> dict[str, float]:
    found = {}
    for element in root.iter("Special_Values"):
        text, index = _text(element, "SPECIAL_VALUE_TEXT"), _number(element, ("SPECIAL_VALUE_INDEX",), name)
        if text and index is not None:
            found[text.strip().upper()] = index
    return found


def _text(root: Element, tag: str) -> str | None:
    """The text of the first element of a name, None where there is none."""
    element = next(iter(root.iter(tag)), None)
    return element.text.strip() if element is not None and element.text else None


def _number(root: Element, tags: tuple[str, ...], name: str) -> float | None:
    for tag in tags:
        text = _text(root, tag)
        if text is not None:
            return _as_number(text, tag, name)
    return None


def _as_number(text: str | None, tag: str, name: str) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise InputError(f"{name}: {tag} is {(text or '')[:40]!r}, expected a number") from error


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

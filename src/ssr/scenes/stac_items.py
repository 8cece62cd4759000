"""What does a STAC item of Sentinel-2 say: which bands lie where, what their numbers mean, and of which overflight?

Catalogues differ in how they name bands (`B04`, `B04_10m`, `red`) and in where they say that the offset of processing
baseline 04.00 is in the numbers or has been taken out. What they say is noted down here; pixels are asked later
(`sentinel2/offsets.py`).
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ssr.scenes.acquisition import Acquisition, Bands, BandSource
from ssr.scenes.stac_bands import Place, UnusableItemError, name_of, number_of, places_of
from ssr.sentinel2.bands import BANDS
from ssr.sentinel2.names import baseline_of, level_of
from ssr.sentinel2.offsets import offset_of_baseline
from ssr.sentinel2.radiometry import NO_DATA_DN, QUANTIFICATION, Level

if TYPE_CHECKING:
    import pystac

OFFSET_TAKEN_OUT = "earthsearch:boa_offset_applied"

_LEVEL = re.compile(r"(?:^|[^A-Z0-9]|S2MSI)L?(1C|2A)(?![A-Z0-9])", re.IGNORECASE)
_BASELINE = re.compile(r"^0?(\d{1,2})\.?(\d{2})$")


def acquisition_of(item: "pystac.Item", *, base: str, wanted: frozenset[str]) -> Acquisition:
    """An item as a date.

    Args:
        base: the address that relative ones of the item belong to, where it does not name its own.
        wanted: bands whose numbers will be read; all of one scale.

    Raises:
        UnusableItemError: no bands, addresses that are not on the web, numbers that contradict each other.
    """
    chosen = {band: min(found) for band, found in places_of(item, base).items()}
    if not chosen:
        raise UnusableItemError(
            f"has no bands of Sentinel-2; its assets are {', '.join(sorted(item.assets)) or 'none'}"
        )
    facts = item.properties
    product = _text(facts, "s2:product_uri", "sentinel:product_id", "title") or item.id
    level = _level(item, product)
    baseline = _baseline(facts, product)
    read = [one for band, one in chosen.items() if band in wanted] or list(chosen.values())
    quantification = _quantification(read)
    name = name_of(item)
    piece = Bands(
        label=name,
        sources={band: BandSource(one.address, one.indexes) for band, one in sorted(chosen.items())},
        level=level,
        quantification=quantification,
        offsets_dn=_offsets_dn(facts, chosen, baseline, quantification),
        no_data_dn=_no_data_dn(read),
        sun_zenith_deg=_sun_zenith_deg(facts),
    )
    return Acquisition(
        name=name,
        sensed=_sensed(item),
        pieces=(piece,),
        satellite=_satellite(facts, product),
        level=level,
        baseline=baseline,
        cloud_percent=cloud_percent(facts),
        datatake=_overflight(facts, product, level),
    )


def cloud_percent(facts: Mapping[str, Any]) -> float | None:
    """What an item says of clouds."""
    return number_of(facts, "eo:cloud_cover")


def _quantification(read: Sequence[Place]) -> float:
    scales = {one.scale for one in read if one.scale is not None}
    if len(scales) > 1 or not all(0 < scale <= 1 for scale in scales):
        raise UnusableItemError(
            f"its bands have the scales {', '.join(map(str, sorted(scales)))}, expected one, such as 0.0001"
        )
    return round(1 / scales.pop(), 6) if scales else QUANTIFICATION


def _no_data_dn(read: Sequence[Place]) -> float:
    told = {one.no_data_dn for one in read if one.no_data_dn is not None and math.isfinite(one.no_data_dn)}
    if len(told) > 1:
        raise UnusableItemError(f"its bands have the no-data numbers {', '.join(map(str, sorted(told)))}, expected one")
    return told.pop() if told else NO_DATA_DN


def _offsets_dn(
    facts: Mapping[str, Any], chosen: Mapping[str, Place], baseline: str | None, quantification: float
) -> dict[str, float] | None:
    """What is said to be added to a stored number: a word of its own, the bands' offsets, else the baseline's."""
    taken_out = facts.get(OFFSET_TAKEN_OUT)
    if taken_out is True:
        return dict.fromkeys(BANDS, 0.0)
    told = {band: one.offset for band, one in chosen.items() if one.offset is not None and band in BANDS}
    if told and taken_out is None:
        return {band: round(told.get(band, 0.0) * quantification, 6) for band in BANDS}
    return dict.fromkeys(BANDS, offset_of_baseline(baseline)) if baseline else None


def _level(item: "pystac.Item", product: str) -> Level | None:
    facts = item.properties
    own = level_of(product)
    if own:
        return own
    said = (_text(facts, "s2:product_type"), _text(facts, "product:type"), _text(facts, "processing:level"))
    for text in (*said, item.collection_id, item.id):
        match = _LEVEL.search(text or "")
        if match:
            return "L1C" if match[1].upper() == "1C" else "L2A"
    return None


def _baseline(facts: Mapping[str, Any], product: str) -> str | None:
    for key in ("s2:processing_baseline", "processing:version", "sentinel2:processing_baseline"):
        match = _BASELINE.match(_text(facts, key) or "")
        if match:
            return f"{int(match[1]):02d}.{match[2]}"
    return baseline_of(product)


def _satellite(facts: Mapping[str, Any], product: str) -> str | None:
    unit = re.search(r"sentinel-?2-?([a-z])$", _text(facts, "platform") or "", re.IGNORECASE)
    unit = unit or re.match(r"S2([A-Z])_", product)
    return f"Sentinel-2{unit[1].upper()}" if unit else None


def _overflight(facts: Mapping[str, Any], product: str, level: Level | None) -> str | None:
    """As `acquisition` has it of products: the same for all items of one overflight and level."""
    datatake = _text(facts, "s2:datatake_id", "eopf:datatake_id")
    if datatake:
        return f"{level} {datatake.partition('_N')[0]}"
    started = re.match(r"(S2[A-Z])_MSIL\w\w_(\d{8}T\d{6})_", product)
    if started:
        return f"{level} G{started[1]}_{started[2]}"
    orbit, platform = number_of(facts, "sat:absolute_orbit"), _text(facts, "platform")
    return f"{level} {platform} orbit {orbit:.0f}" if orbit is not None and platform else None


def _sensed(item: "pystac.Item") -> datetime | None:
    moment = item.datetime or item.common_metadata.start_datetime
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sun_zenith_deg(facts: Mapping[str, Any]) -> float | None:
    zenith, elevation = number_of(facts, "s2:mean_solar_zenith"), number_of(facts, "view:sun_elevation")
    found = zenith if zenith is not None else 90 - elevation if elevation is not None else None
    return found if found is not None and 0 <= found < 90 else None


def _text(facts: Mapping[str, Any], *keys: str) -> str | None:
    return next((str(facts[key]) for key in keys if isinstance(facts.get(key), str | float | int)), None)

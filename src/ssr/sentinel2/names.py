"""What do the names of products and of their files tell?

Names are the second source: metadata come first. The forms are the present one
(`S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042`), that before December 2016
(`S2A_OPER_PRD_MSIL1C_PDMC_20160106T000000_R022_V20160105T101010_20160105T101010`), that of a granule in it
(`S2A_OPER_MSI_L1C_TL_EPA__20160930T000000_A000065_T33UUU_N02.04`), and whatever others call their images.
"""

import re
from datetime import UTC, datetime

from ssr.sentinel2.radiometry import Level

_BAND_FILE = re.compile(r"(?:^|_)(B(?:0[1-9]|1[0-2]|8A)|TCI|SCL)(?:_(10|20|60)m)?\.(?:jp2|tiff?)$", re.IGNORECASE)
_MASK_FILE = re.compile(r"(?:^|_)(?:MSK|CLD|SNW|QI|PVI)", re.IGNORECASE)
_TILE = re.compile(r"(?:^|_)T(\d{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])(?:_|\.|$)")
_LEVEL = re.compile(r"(?:MSI|[_-]|^)(L1C|L2A)(?:[_.-]|$)", re.IGNORECASE)
_BASELINE = re.compile(r"_N(\d{2})\.?(\d{2})(?:_|\.|$)")
_TIMES = (
    re.compile(r"_V(\d{8})[T-]?(\d{6})_"),
    re.compile(
        r"(?<!\d)((?:19|20)\d{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?:-?[T_](\d{2})[:-]?(\d{2})[:-]?(\d{2}))?(?!\d)"
    ),
)


def band_of(file_name: str) -> tuple[str, int | None] | None:
    """The band that an image file holds and the pixel size its name tells: `b02`, `tci`, `scl`; None for others."""
    found = _BAND_FILE.search(file_name)
    if found is None or _MASK_FILE.match(file_name):
        return None
    return found[1].lower(), int(found[2]) if found[2] else None


def tile_of(name: str) -> str | None:
    """The MGRS tile, such as 33UUU."""
    found = _TILE.search(name)
    return found[1] if found else None


def level_of(name: str) -> Level | None:
    """L1C or L2A."""
    found = _LEVEL.search(name)
    if found is None:
        return None
    return "L1C" if found[1].upper() == "L1C" else "L2A"


def baseline_of(name: str) -> str | None:
    """The processing baseline, such as 04.00."""
    found = _BASELINE.search(name)
    return f"{found[1]}.{found[2]}" if found else None


def time_of(name: str) -> datetime | None:
    """When an image was taken, in UTC: the first date in its name, with its time of day if it has one."""
    sensed = _TIMES[0].search(name)
    if sensed:
        return _time(sensed[1], sensed[2])
    found = _TIMES[1].search(name)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    return _time(year + month + day, "".join(part or "00" for part in clock))


def _time(day: str, clock: str) -> datetime | None:
    try:
        return datetime.strptime(day + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None

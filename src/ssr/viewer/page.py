"""How does a small place become one page that needs nothing else?"""

import base64
import hashlib
import html
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ssr import __version__
from ssr.atomic import refuse_existing, whole_file
from ssr.errors import ConfigError
from ssr.viewer.assets import static_files
from ssr.viewer.collection import Collection
from ssr.viewer.places import Place
from ssr.viewer.tiles import Address, Tile

LARGEST_PX = 1_200_000
MIDDLE_PX = 1024
INTERPOLATED_QUALITY = 88
"""Of JPEG: bicubic is there to compare with, and anybody can make it again from the date."""
SCRIPTS = ("colours", "net", "source", "map", "link", "slots", "values", "gallery", "main")
"""In an order in which each comes after those that it imports."""

Extent = tuple[int, int, int, int]


@dataclass(frozen=True)
class Written:
    """What a page shows, and its size."""

    told: str
    n_bytes: int


def write_page(collection: Collection, path: Path, *, area: str | None, overwrite: bool) -> Written:
    """One place as one file.

    Args:
        area: `left,top,width,height` in pixels of the view.

    Raises:
        ConfigError: the area is too large, or there is more than one place.
        OutputError: the file exists or cannot be written.
    """
    refuse_existing(path, overwrite=overwrite)
    if len(collection.entries) != 1:
        raise ConfigError(f"--html: shows one place, and there are {len(collection.entries)}; give the paths of one")
    place = collection.place(0)
    assert place is not None, "there is one entry"
    extent = parse_area(area, place) if area else place_extent(place)
    text = page_of(place, extent)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
    left, top, right, bottom = extent
    return Written(f"{right - left}×{bottom - top} px, {len(place.layers)} layer(s)", len(text.encode()))


def parse_area(text: str, place: Place) -> Extent:
    """`left,top,width,height`, cut to what there is.

    Raises:
        ConfigError: no such area, or too large.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(part.isascii() and part.isdecimal() and len(part) < 11 for part in parts):
        raise ConfigError(f"--area {text}: expected left,top,width,height in pixels of the finest layer")
    left, top, width, height = map(int, parts)
    found = clipped((left, top, left + width, top + height), place)
    if found is None:
        raise ConfigError(f"--area {text}: lies outside of {place.title}, which has {_told(place.extent_px)}")
    return _small(found, place, f"--area {text}")


def place_extent(place: Place) -> Extent:
    """All of a place.

    Raises:
        ConfigError: it is too large for a page.
    """
    left, top, right, bottom = place.extent_px
    return _small((left, top, right, bottom), place, f"--html: {place.title}")


def middle(place: Place, side_px: int = MIDDLE_PX) -> Extent:
    """The middle of a place, all of it where that is small."""
    left, top, right, bottom = place.extent_px
    width, height = min(right - left, side_px), min(bottom - top, side_px)
    x, y = (left + right - width) // 2, (top + bottom - height) // 2
    return x, y, x + width, y + height


def clipped(extent: Extent, place: Place) -> Extent | None:
    """The part of an extent that a place shows; None where nothing."""
    left, top, right, bottom = (
        low(a, b) for low, a, b in zip((max, max, min, min), extent, place.extent_px, strict=True)
    )
    return (left, top, right, bottom) if right > left and bottom > top else None


def page_of(place: Place, extent: Extent) -> str:
    """The page; what stands in it is escaped, and it loads nothing from anywhere."""
    left, top, right, bottom = extent
    longest = max(right - left, bottom - top, 1)
    described = place.described(extent) | {
        "levels": max(1, math.ceil(math.log2(longest / place.tile_px)) + 1),
        "basemap": None,
        "software": f"ssr {__version__}",
    }
    data = json.dumps({"place": described, "tiles": dict(_tiles(place, extent, described["levels"]))}, allow_nan=False)
    own = static_files()
    style, script = own["style.css"], _bundled(own)
    policy = (
        f"default-src 'none'; img-src data: blob:; connect-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>'
    escaped = data.replace("<", "\\u003c")
    tail = f'<script id="embedded" type="application/json">{escaped}</script>\n<script type="module">{script}</script>'
    text = own["index.html"].replace('<link rel="stylesheet" href="static/style.css">', head)
    text = text.replace('<script type="module" src="static/main.js"></script>\n', "")
    text = text.replace("<title>ssr view</title>", f"<title>{html.escape(place.title)}</title>")
    return text.replace("</body>", f"{tail}\n</body>")


def _tiles(place: Place, extent: Extent, n_levels: int) -> Iterator[tuple[str, str]]:
    """Every tile that the page may want, as data addresses by their name."""
    for layer in place.layers:
        looks = ("stored", "bicubic") if layer.kind == "date" and layer.is_coarser else ("stored",)
        for at in _addresses(extent, place.tile_px, n_levels):
            stored = layer.source.tile(at, smooth=False)
            for look in looks:
                tile = layer.source.tile(at, smooth=True) if look == "bicubic" else stored
                if tile is not None and (look == "stored" or stored is None or tile.content != stored.content):
                    small = _trimmed(tile, at, extent, place.tile_px, is_exact=look == "stored")
                    yield f"{layer.id}/{look}/{at.level}/{at.x}/{at.y}", _data_address(small)
    for one in place.overlays:
        for at in _addresses(extent, place.tile_px, n_levels):
            tile = one.source.tile(at, smooth=False)
            if tile is not None:
                small = _trimmed(tile, at, extent, place.tile_px, is_exact=True)
                yield f"{one.overlay.id}/stored/{at.level}/{at.x}/{at.y}", _data_address(small)


def _addresses(extent: Extent, tile_px: int, n_levels: int) -> Iterator[Address]:
    left, top, right, bottom = extent
    for level in range(n_levels):
        side = tile_px << level
        for y in range(top // side, -(-bottom // side)):
            for x in range(left // side, -(-right // side)):
                yield Address(level, x, y)


def _trimmed(tile: Tile, at: Address, extent: Extent, tile_px: int, *, is_exact: bool) -> Tile:
    """A tile that is blank where the page shows nothing of it, and compressed as far as it will go."""
    with Image.open(io.BytesIO(tile.content)) as image:
        side = tile_px << at.level
        step = side / image.width
        left, top, right, bottom = (
            (edge - at_edge * side) / step for edge, at_edge in zip(extent, (at.x, at.y) * 2, strict=True)
        )
        box = (max(0, math.floor(left)), max(0, math.floor(top)), math.ceil(right), math.ceil(bottom))
        box = (*box[:2], min(image.width, box[2]), min(image.height, box[3]))
        blank = Image.new(image.mode, image.size)
        blank.paste(image.crop(box), box[:2])
        file = io.BytesIO()
        if is_exact or image.mode != "RGB":
            blank.save(file, "PNG", compress_level=6)
            return Tile(file.getvalue(), "image/png")
        blank.save(file, "JPEG", quality=INTERPOLATED_QUALITY)
    return Tile(file.getvalue(), "image/jpeg")


def _data_address(tile: Tile) -> str:
    return f"data:{tile.media_type};base64,{base64.b64encode(tile.content).decode('ascii')}"


def _bundled(own: dict[str, str]) -> str:
    """All modules as one, whose names do not collide."""
    text = "\n".join(own[f"{name}.js"] for name in SCRIPTS)
    return re.sub(
        r"^export (?=(async )?function|class|const)", "", re.sub(r"^import .*;\n", "", text, flags=re.M), flags=re.M
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _small(extent: Extent, place: Place, what: str) -> Extent:
    left, top, right, bottom = extent
    if (right - left) * (bottom - top) <= LARGEST_PX:
        return extent
    x, y, x1, y1 = middle(place)
    raise ConfigError(
        f"{what}: has {_told(extent)}, and a page holds {LARGEST_PX / 1e6:.1f} million pixels; choose a part, such as "
        f"--area {x},{y},{x1 - x},{y1 - y}"
    )


def _told(extent: Any) -> str:
    left, top, right, bottom = extent
    return f"{right - left}×{bottom - top} px"

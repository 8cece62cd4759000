"""How are the tiles of a PMTiles archive shown? They lie in Web Mercator, and are handed on as they are."""

import io
import math
import mmap
import threading
from pathlib import Path
from typing import Any

from affine import Affine
from PIL import Image

from ssr.atomic import one_line
from ssr.errors import ImageReadError, MissingExtraError
from ssr.raster.crs import parse_crs
from ssr.raster.extent import EARTH_RADIUS_M, WEB_MERCATOR
from ssr.raster.grid import Grid
from ssr.viewer.tiles import Address, Tile

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "AVIF": "image/avif"}
MAGIC = b"PMTiles"


class PyramidSource:
    """Tiles of an archive. The view's grid is the whole world at the archive's finest zoom.

    Attributes:
        grid: the world; extent_px: left, top, right, bottom of what the archive covers; tile_px: side of its tiles.
    """

    def __init__(self, path: Path) -> None:
        """Open an archive.

        Raises:
            ImageReadError: it is none, or holds no pictures.
            MissingExtraError: pmtiles is not installed.
        """
        try:
            from pmtiles.reader import Reader
        except ImportError as error:
            raise MissingExtraError("pmtiles", "map", f"reading {path}") from error
        self.path = path
        self._lock = threading.Lock()
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ImageReadError(f"{path}: is no PMTiles archive, its first bytes are others")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._reader = Reader(self._read)
            header: dict[str, Any] = self._reader.header()
            kind = header["tile_type"].name
            self._media_type = MEDIA_TYPES.get(kind, "")
            self.max_zoom, self.min_zoom = int(header["max_zoom"]), int(header["min_zoom"])
            bounds = [header[key] / 1e7 for key in ("min_lon_e7", "max_lat_e7", "max_lon_e7", "min_lat_e7")]
        except ImageReadError:
            raise
        except Exception as error:  # the package raises whatever damaged bytes lead to
            raise ImageReadError(f"{path}: cannot be read as PMTiles, damaged ({one_line(error)})") from error
        if not self._media_type:
            raise ImageReadError(f"{path}: holds tiles of kind {kind}, expected pictures (PNG, JPEG, WebP)")
        self.tile_px = self._find_tile_px()
        side_px = self.tile_px << self.max_zoom
        around_m = 2 * math.pi * EARTH_RADIUS_M
        step = around_m / side_px
        crs = parse_crs(WEB_MERCATOR, what=str(path))
        self.grid = Grid(crs, Affine(step, 0, -around_m / 2, 0, -step, around_m / 2), (side_px, side_px))
        (left, top), (right, bottom) = _mercator(*bounds[:2]), _mercator(*bounds[2:])
        self.extent_px = tuple(round(share * side_px) for share in (left, top, right, bottom))

    def tile(self, at: Address, *, smooth: bool) -> Tile | None:
        zoom = self.max_zoom - at.level
        if not self.min_zoom <= zoom or not (0 <= at.x < 1 << zoom and 0 <= at.y < 1 << zoom):
            return None
        with self._lock:
            content = self._reader.get(zoom, at.x, at.y)
        return Tile(content, self._media_type) if content else None

    def values(self, row: int, column: int) -> list[float | int] | None:
        found = self.tile(Address(0, column // self.tile_px, row // self.tile_px), smooth=False)
        if found is None:
            return None
        with Image.open(io.BytesIO(found.content)) as image:
            picture = image.convert("RGBA" if image.mode in ("RGBA", "LA", "P") else "RGB")
            colour = picture.getpixel((column % self.tile_px, row % self.tile_px))
        return list(colour) if isinstance(colour, tuple) else [colour or 0]

    def close(self) -> None:
        self._bytes.close()

    def _read(self, offset: int, length: int) -> bytes:
        found = self._bytes[offset : offset + length]
        if len(found) < length:
            raise ImageReadError(f"{self.path}: ends before its byte {offset + length}, truncated; get it again")
        return found

    def _find_tile_px(self) -> int:
        """The side of the first tile."""
        from pmtiles.reader import all_tiles

        for _, content in all_tiles(self._read):
            with Image.open(io.BytesIO(content)) as image:
                return int(image.width)
        raise ImageReadError(f"{self.path}: holds no tiles")


def _mercator(lon: float, lat: float) -> tuple[float, float]:
    """Shares of the world's square, from its upper left corner."""
    sine = math.sin(math.radians(max(-85.0511287, min(85.0511287, lat))))
    return (lon + 180) / 360, min(1.0, max(0.0, 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)))

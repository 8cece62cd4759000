"""How does a map become one file of pictures at all zooms (PMTiles), and only what is new of it anew?

Pictures lie in a database beside the file. A cell that changed gives its pictures of the finest zoom; those above are
made of the four below them wherever one of these changed. The file is then written in the order that readers want.
"""

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ssr.atomic import whole_file
from ssr.errors import InputError, MissingExtraError
from ssr.mapping.boxes import ALL_ROUND, HALF_ROUND, Box
from ssr.mapping.cells import WEB_MERCATOR_EPSG, Cell
from ssr.raster.extent import SATLAS_ZOOM

PictureFormat = Literal["webp", "png"]
TILE_PX = 256
WEBP_QUALITY = 90
SATLAS_CELL_TILES = 2
"""A cell of 512 px has 2 × 2 pictures of 256 px at its own resolution."""

Picture = NDArray[np.uint8]
"""`h w 4`: red, green, blue and whether there is data."""


class Pyramid:
    """Pictures of a map by zoom, column and row.

    Args:
        scale: how many times finer than the cells the map is.
    """

    def __init__(self, opened: sqlite3.Connection, scale: int, kind: PictureFormat) -> None:
        self._db, self._kind = opened, kind
        n_tiles = SATLAS_CELL_TILES * scale
        self.finest = SATLAS_ZOOM + n_tiles.bit_length() - 1
        if n_tiles != 2 ** (self.finest - SATLAS_ZOOM):
            raise InputError(f"a map {scale} times finer than its cells has no whole zoom; expected a power of two")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS tile (z INTEGER, x INTEGER, y INTEGER, picture BLOB, PRIMARY KEY (z, x, y))"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS cell (name TEXT PRIMARY KEY, content TEXT)")
        self._changed: set[tuple[int, int]] = set()

    def holds(self, cell: Cell, content: str) -> bool:
        """Whether the pictures of a cell are those of a content."""
        row = self._db.execute("SELECT content FROM cell WHERE name = ?", (cell.name,)).fetchone()
        return row is not None and row[0] == content

    def put(self, cell: Cell, content: str, picture: Picture) -> None:
        """Cut a cell into pictures of the finest zoom."""
        if cell.epsg != WEB_MERCATOR_EPSG:
            raise InputError(f"{cell.name}: a pyramid is made of the satlas grid; that of mgrs is published as COGs")
        n = len(picture) // TILE_PX
        left, top = (cell.column // cell.side_px) * n, (cell.row // cell.side_px) * n
        for i in range(n):
            for j in range(n):
                part = picture[i * TILE_PX : (i + 1) * TILE_PX, j * TILE_PX : (j + 1) * TILE_PX]
                self._store(self.finest, left + j, top + i, part)
                self._changed.add((left + j, top + i))
        self._db.execute("INSERT OR REPLACE INTO cell VALUES (?, ?)", (cell.name, content))

    def build(self) -> int:
        """The coarser zooms, where something changed; how many pictures were made."""
        changed, n_made = self._changed, 0
        for zoom in range(self.finest - 1, -1, -1):
            changed = {(x >> 1, y >> 1) for x, y in changed}
            for x, y in sorted(changed):
                self._store(zoom, x, y, self._of_four(zoom + 1, 2 * x, 2 * y))
                n_made += 1
        self._changed = set()
        self._db.commit()
        return n_made

    def n_pictures(self) -> int:
        """Of all zooms."""
        n: int = self._db.execute("SELECT COUNT(*) FROM tile").fetchone()[0]
        return n

    def write(self, path: Path, told: dict[str, Any], box: Box) -> int:
        """One PMTiles file; how many pictures it has.

        Raises:
            MissingExtraError: pmtiles is not installed.
            OutputError: it cannot be written.
        """
        try:
            from pmtiles.tile import Compression, TileType, zxy_to_tileid
            from pmtiles.writer import Writer
        except ModuleNotFoundError as error:
            raise MissingExtraError("pmtiles", "map", f"{path}") from error
        header = {
            "tile_type": TileType.WEBP if self._kind == "webp" else TileType.PNG,
            "tile_compression": Compression.NONE,
            **_bounds(box),
        }
        n_pictures = 0
        with whole_file(path) as part, part.open("wb") as file:
            writer = Writer(file)
            for zoom in range(self.finest + 1):
                ids = sorted((zxy_to_tileid(zoom, x, y), x, y) for x, y in self._places(zoom))
                for number, x, y in ids:
                    writer.write_tile(number, self._picture(zoom, x, y))
                    n_pictures += 1
            writer.finalize(header, {**told, "format": self._kind})
        return n_pictures

    def _places(self, zoom: int) -> Iterator[tuple[int, int]]:
        yield from self._db.execute("SELECT x, y FROM tile WHERE z = ?", (zoom,))

    def _picture(self, zoom: int, x: int, y: int) -> bytes | None:
        row = self._db.execute("SELECT picture FROM tile WHERE z = ? AND x = ? AND y = ?", (zoom, x, y)).fetchone()
        return None if row is None else row[0]

    def _store(self, zoom: int, x: int, y: int, picture: Picture) -> None:
        if not picture[..., 3].any():
            self._db.execute("DELETE FROM tile WHERE z = ? AND x = ? AND y = ?", (zoom, x, y))
            return
        packed = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(picture))
        if picture[..., 3].all():
            image = image.convert("RGB")
        if self._kind == "webp":
            image.save(packed, "WEBP", quality=WEBP_QUALITY, method=4)
        else:
            image.save(packed, "PNG", optimize=False)
        self._db.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?, ?)", (zoom, x, y, packed.getvalue()))

    def _of_four(self, zoom: int, x: int, y: int) -> Picture:
        """Means of 2 × 2 pixels that have data."""
        whole = np.zeros((2 * TILE_PX, 2 * TILE_PX, 4), np.float32)
        for i in (0, 1):
            for j in (0, 1):
                packed = self._picture(zoom, x + j, y + i)
                if packed is not None:
                    with Image.open(io.BytesIO(packed)) as opened:
                        part = np.asarray(opened.convert("RGBA"), np.float32)
                    whole[i * TILE_PX : (i + 1) * TILE_PX, j * TILE_PX : (j + 1) * TILE_PX] = part
        seen = (whole[..., 3:] > 0).astype(np.float32)
        parts = (whole * seen).reshape(TILE_PX, 2, TILE_PX, 2, 4).sum((1, 3))
        n_seen = seen.reshape(TILE_PX, 2, TILE_PX, 2, 1).sum((1, 3))
        means = np.rint(parts / np.maximum(n_seen, 1)).astype(np.uint8)
        means[..., 3] = np.where(n_seen[..., 0] > 0, 255, 0)
        return means


@contextmanager
def pyramid(path: Path, scale: int, kind: PictureFormat) -> Iterator[Pyramid]:
    """A pyramid whose pictures lie in a database; what was changed is kept when the block ends well.

    Raises:
        InputError: the database is of another kind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"scale": scale, "kind": kind})
    try:
        with closing(sqlite3.connect(path)) as opened:
            opened.execute("CREATE TABLE IF NOT EXISTS told (text TEXT)")
            row = opened.execute("SELECT text FROM told").fetchone()
            if row is not None and row[0] != told:
                raise InputError(f"{path}: holds pictures of another kind ({row[0]}); publish into another folder")
            if row is None:
                opened.execute("INSERT INTO told VALUES (?)", (told,))
            yield Pyramid(opened, scale, kind)
            opened.commit()
    except sqlite3.Error as error:
        raise InputError(f"{path}: cannot be used ({error}); remove it, and it is made anew") from error


def _bounds(box: Box) -> dict[str, int]:
    """A header has no box across the antimeridian, so what reaches across is said to go all the way round."""
    west, south, east, north = box
    middle = (west + east) / 2
    if east > HALF_ROUND:
        west, east = -HALF_ROUND, HALF_ROUND
    return {
        "min_lon_e7": _e7(west),
        "min_lat_e7": _e7(south),
        "max_lon_e7": _e7(east),
        "max_lat_e7": _e7(north),
        "center_lon_e7": _e7(middle - (ALL_ROUND if middle > HALF_ROUND else 0)),
        "center_lat_e7": _e7((south + north) / 2),
        "center_zoom": 10,
    }


def _e7(degrees: float) -> int:
    return round(degrees * 1e7)


def as_picture(pixels: NDArray[np.generic]) -> Picture:
    """Red, green and blue bytes `3 h w` as a picture; black in all of them is no data."""
    colours = pixels[:3].astype(np.uint8).transpose(1, 2, 0)
    seen = (colours != 0).any(-1, keepdims=True)
    return np.concatenate([colours, np.where(seen, 255, 0).astype(np.uint8)], axis=2)


def as_shades(band: NDArray[np.generic], *, no_data: int, full: int) -> Picture:
    """A band of the trust from dark (0) to bright (`full`)."""
    shade = np.rint(band.astype(np.float32).clip(0, full) / full * 254 + 1).astype(np.uint8)
    seen = band != no_data
    return np.stack([shade, shade, shade, np.where(seen, 255, 0).astype(np.uint8)], axis=-1) * seen[..., None]

"""What do the PMTiles of a map show: its pictures, and its trust where that was published beside them?"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ssr.viewer.overlays import HIGHEST, LOW_TO_HIGH, NO_DATA, TITLES, Overlay
from ssr.viewer.places import Layer, OverlayLayer, Place, version_of
from ssr.viewer.pyramids import PyramidSource
from ssr.viewer.tiles import Address, Tile, png_of

MAP, TRUST_OF_MAP, COGS, COLLECTION, FULL_TRUST = "map.pmtiles", "trust.pmtiles", "cogs", "collection.json", 100
"""As `mapping.publish` has them, which would bring torch."""
TRUST = Overlay(
    id="o1",
    band=1,
    title=TITLES["trust"],
    meaning="share of pixels with such evidence that were right; read from compressed pictures, so to a few hundredths",
    step=1 / FULL_TRUST,
    highest=HIGHEST["trust"],
    colours=LOW_TO_HIGH,
    is_quiet_if_high=True,
)


class ShadesSource:
    """Trust in per cent, read from the grey pictures of a pyramid (`mapping.pyramid.as_shades`)."""

    def __init__(self, pyramid: PyramidSource) -> None:
        self._pyramid = pyramid

    def tile(self, at: Address, *, smooth: bool) -> Tile | None:
        numbers = self._numbers(at)
        return None if numbers is None else png_of(numbers[None])

    def values(self, row: int, column: int) -> list[float | int] | None:
        side = self._pyramid.tile_px
        numbers = self._numbers(Address(0, column // side, row // side))
        if numbers is None:
            return None
        return [int(numbers[row % side, column % side])]

    def close(self) -> None:
        self._pyramid.close()

    def _numbers(self, at: Address) -> NDArray[np.uint8] | None:
        found = self._pyramid.tile(at, smooth=False)
        if found is None:
            return None
        with Image.open(io.BytesIO(found.content)) as image:
            shades = np.asarray(image.convert("RGBA"), np.float32)
        per_cent = np.rint((shades[..., 0] - 1).clip(0) / 254 * FULL_TRUST)
        return np.where(shades[..., 3] > 0, per_cent, NO_DATA).astype(np.uint8)


def place_of_archive(path: Path) -> Place:
    """An archive, with the trust of a published map where it is one.

    Raises:
        ImageReadError: one of them cannot be read, or holds no pictures.
    """
    source = PyramidSource(path)
    layer = Layer(
        id="l0",
        kind="super_res",
        name=path.stem,
        source=source,
        version=version_of(path),
        told="as published",
        bands=("red", "green", "blue"),
        coarsest=source.max_zoom - source.min_zoom,
    )
    return Place(
        path.stem,
        source.grid,
        source.extent_px,
        (layer,),
        overlays=_trust_beside(path, source),
        tile_px=source.tile_px,
    )


def apart_from_trust(archives: Sequence[Path]) -> list[Path]:
    """Archives without the trust of a map that is among them, which is shown over it."""
    return [path for path in archives if path.name != TRUST_OF_MAP or path.with_name(MAP) not in archives]


def sheets_of(folder: Path) -> Path | None:
    """The folder of COGs of a published map that has no pyramid; None where a folder is none."""
    sheets = folder / COGS
    is_map = (folder / COLLECTION).is_file() and sheets.is_dir() and sheets.resolve().parent == folder
    return sheets if is_map and not (folder / MAP).is_file() else None


def _trust_beside(path: Path, source: PyramidSource) -> tuple[OverlayLayer, ...]:
    beside = path.with_name(TRUST_OF_MAP)
    if path.name != MAP or not beside.is_file() or beside.resolve().parent != path.parent:
        return ()
    pyramid = PyramidSource(beside)
    if (pyramid.tile_px, pyramid.max_zoom) != (source.tile_px, source.max_zoom):
        return ()
    return (OverlayLayer(TRUST, ShadesSource(pyramid), version_of(beside)),)

"""What do the numbers of a written raster mean?"""

from dataclasses import dataclass
from typing import Literal

from rasterio.enums import ColorInterp

Stored = Literal["uint8", "uint16"]

COLOURS = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue, "B08": ColorInterp.nir}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Bands of a raster and what one step of each is worth.

    Attributes:
        names: one per band.
        steps: what one step of each band is worth.
        no_data: the number that means nothing is known.
        is_picture: a pixel has data in all bands or in none, and a mask says where; else every band for itself.
        overviews: how coarser copies are made; values that are names must not be averaged.
    """

    names: tuple[str, ...]
    steps: tuple[float, ...]
    no_data: int
    is_picture: bool
    overviews: Literal["AVERAGE", "NEAREST"]
    dtype: Stored = "uint8"

    @property
    def colours(self) -> tuple[ColorInterp, ...]:
        if self.is_picture:
            return tuple(COLOURS.get(name, ColorInterp.undefined) for name in self.names)
        return (ColorInterp.gray,) + (ColorInterp.undefined,) * (len(self.names) - 1)


def picture_layout(names: tuple[str, ...], stored: Stored = "uint8", *, step: float = 1.0) -> Layout:
    """Bands of one image, in which zero in every band is no data."""
    steps = (step,) * len(names)
    return Layout(names=names, steps=steps, no_data=0, is_picture=True, overviews="AVERAGE", dtype=stored)


RGB = picture_layout(("red", "green", "blue"))

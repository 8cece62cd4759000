"""Where on Earth does each pixel lie?"""

from dataclasses import dataclass

from affine import Affine, TransformNotInvertibleError
from rasterio.crs import CRS

SAME_PLACE_PX = 0.01


@dataclass(frozen=True)
class Grid:
    """Coordinate system (None when unknown), pixel-to-world transform (it may be rotated), rows × columns."""

    crs: CRS | None
    transform: Affine
    shape_hw: tuple[int, int]

    def finer(self, scale: int) -> "Grid":
        """The same ground with `scale` times as many pixels on each axis."""
        height, width = self.shape_hw
        return Grid(self.crs, self.transform @ Affine.scale(1 / scale), (height * scale, width * scale))

    def same_place(self, other: "Grid") -> bool:
        """Whether every pixel of both lies on the same ground, within a hundredth of a pixel."""
        if self.shape_hw != other.shape_hw or self.crs != other.crs:
            return False
        height, width = self.shape_hw
        try:
            here = ~self.transform @ other.transform
        except TransformNotInvertibleError:
            return bool(self.transform == other.transform)
        corners = ((0, 0), (width, 0), (0, height), (width, height))
        return all(
            abs(moved - wanted) <= SAME_PLACE_PX
            for corner in corners
            for moved, wanted in zip(here @ corner, corner, strict=True)
        )

    def __str__(self) -> str:
        height, width = self.shape_hw
        if not self.crs:
            return f"{width}×{height} px, no coordinate system"
        origin = f"({self.transform.c:.10g}, {self.transform.f:.10g})"
        return f"{width}×{height} px, {self.crs.to_string()}, origin {origin}"


NULL_ISLAND_CRS = "EPSG:32631"
NULL_ISLAND_ORIGIN_XY = (166021.4431, 0.0)
"""0°N 0°E in UTM 31N: the customary stand-in for a place that is not known."""


def stand_in_grid(shape_hw: tuple[int, int], gsd_m: float) -> Grid:
    """A grid at 0°N 0°E for an image whose place is unknown; whoever uses it must say so."""
    x, y = NULL_ISLAND_ORIGIN_XY
    return Grid(CRS.from_string(NULL_ISLAND_CRS), Affine(gsd_m, 0, x, 0, -gsd_m, y), shape_hw)

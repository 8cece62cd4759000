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

    def coarser(self, step: int) -> "Grid":
        """The same ground with one pixel for each full square of `step` × `step`; at least one row and column."""
        height, width = (max(1, side // step) for side in self.shape_hw)
        return Grid(self.crs, self.transform @ Affine.scale(step), (height, width))

    def part(self, rows: slice, columns: slice) -> "Grid":
        """The grid of some rows and columns, which may lie outside."""
        moved = self.transform @ Affine.translation(columns.start, rows.start)
        return Grid(self.crs, moved, (rows.stop - rows.start, columns.stop - columns.start))

    def steps_to(self, other: "Grid") -> tuple[int, int] | None:
        """Rows and columns from my first pixel to the other's; None where their pixels do not coincide."""
        if self.crs != other.crs:
            return None
        height, width = other.shape_hw
        try:
            here = ~self.transform @ other.transform
        except TransformNotInvertibleError:
            return (0, 0) if self.transform == other.transform else None
        row, column = round(here.f), round(here.c)
        corners = ((0, 0), (width, 0), (0, height), (width, height))
        near = all(
            abs(moved - wanted) <= SAME_PLACE_PX
            for x, y in corners
            for moved, wanted in zip(here @ (x, y), (x + column, y + row), strict=True)
        )
        return (row, column) if near else None

    def same_place(self, other: "Grid") -> bool:
        """Whether every pixel of both lies on the same ground, within a hundredth of a pixel."""
        return self.shape_hw == other.shape_hw and self.steps_to(other) == (0, 0)

    @property
    def pixel_size(self) -> float:
        """The side of a pixel in units of the coordinate system, the mean of both axes."""
        return float(abs(self.transform.determinant) ** 0.5)

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

"""Which layers show one place, and what is known of them?"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ssr.errors import InputError
from ssr.raster.grid import Grid
from ssr.viewer.overlays import Overlay
from ssr.viewer.pixels import Raster
from ssr.viewer.placing import net_of, way_to
from ssr.viewer.tiles import TILE_PX, Source

Kind = Literal["super_res", "date", "truth", "image"]
KINDS: tuple[Kind, ...] = ("super_res", "date", "truth", "image")
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")


@dataclass(frozen=True)
class Layer:
    """A picture of a place.

    id: of the layer in addresses; told: where its colours come from; number: of a date in the account of dates.
    coarsest: the last level that has tiles; version: changes with the file.
    """

    id: str
    kind: Kind
    name: str
    source: Source
    version: str
    told: str
    bands: tuple[str, ...]
    is_coarser: bool = False
    day: str | None = None
    number: int | None = None
    coarsest: int | None = None


@dataclass(frozen=True)
class OverlayLayer:
    """An overlay and where its numbers come from."""

    overlay: Overlay
    source: Source
    version: str


@dataclass(frozen=True)
class DateAccount:
    """Which dates served, as `ssr scene --explain` wrote it down: `dates` of the document, and the raster of dates."""

    dates: tuple[Mapping[str, Any], ...]
    served: Raster | None = None

    def used_at(self, x_share: float, y_share: float) -> list[int] | None:
        """Numbers of the dates that were used at a place, given as shares of the width and height; None if unknown."""
        if self.served is None:
            return None
        height, width = self.served.grid.shape_hw
        found = self.served.pixel(
            min(height - 1, math.floor(y_share * height)), min(width - 1, math.floor(x_share * width))
        )
        return sorted({int(number) for number in found or () if number})


@dataclass(frozen=True)
class Place:
    """What is shown together.

    extent_px: left, top, right, bottom of what there is, in pixels of the view.
    scores: of pictures that were judged, by layer and measure.
    """

    title: str
    grid: Grid
    extent_px: tuple[int, ...]
    layers: tuple[Layer, ...]
    overlays: tuple[OverlayLayer, ...] = ()
    account: DateAccount | None = None
    tile_px: int = TILE_PX
    notes: tuple[str, ...] = ()
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    @cached_property
    def n_levels(self) -> int:
        """Levels until one tile shows everything."""
        left, top, right, bottom = self.extent_px
        return max(1, math.ceil(math.log2(max(right - left, bottom - top, 1) / self.tile_px)) + 1)

    @property
    def best_date(self) -> Layer | None:
        """The date that the account calls the best, or else the first; None where there is none."""
        dates = [layer for layer in self.layers if layer.kind == "date"]
        told = self.account.dates if self.account else ()
        best = {one["number"] for one in told if str(one.get("why", "")).startswith("best")}
        return next((layer for layer in dates if layer.number in best), dates[0] if dates else None)

    def source(self, layer: str) -> tuple[Source, str] | None:
        """The source and version of a layer or overlay."""
        for one in self.layers:
            if one.id == layer:
                return one.source, one.version
        for over in self.overlays:
            if over.overlay.id == layer:
                return over.source, over.version
        return None

    def described(self, extent_px: tuple[int, ...] | None = None) -> dict[str, Any]:
        """For the page, as JSON; no path stands in it. extent_px: the part that is shown, if not all."""
        crs, extent = self.grid.crs, extent_px or self.extent_px
        return {
            "title": self.title,
            "extent": list(extent),
            "tile": self.tile_px,
            "levels": self.n_levels,
            "crs": crs.to_string() if crs else None,
            "transform": list(self.grid.transform)[:6],
            "metres": self._metres(),
            "net": net_of(self.grid, extent),
            "layers": [{key: value for key, value in vars(one).items() if key != "source"} for one in self.layers],
            "overlays": [asdict(one.overlay) | {"version": one.version} for one in self.overlays],
            "dates": [dict(date) for date in self.account.dates] if self.account else [],
            "notes": list(self.notes),
            "scores": self.scores,
        }

    def values(self, row: int, column: int) -> dict[str, Any]:
        """What every layer stores at a pixel of the view, and which dates were used there."""
        left, top, right, bottom = self.extent_px
        used = None
        if self.account and left <= column < right and top <= row < bottom:
            used = self.account.used_at((column + 0.5 - left) / (right - left), (row + 0.5 - top) / (bottom - top))
        return {
            "row": row,
            "column": column,
            "layers": {one.id: _finite(one.source.values(row, column)) for one in self.layers},
            "overlays": {one.overlay.id: self._overlay_value(one, row, column) for one in self.overlays},
            "dates_used": used,
        }

    def _overlay_value(self, one: OverlayLayer, row: int, column: int) -> float | int | None:
        found = _finite(one.source.values(row, column))
        return None if found is None else found[one.overlay.band - 1]

    def _metres(self) -> float | None:
        """The side of a pixel of the view, in metres on the ground in its middle; None where unknown."""
        crs = self.grid.crs
        if crs is None:
            return None
        if crs.is_projected:
            metres = self.grid.pixel_size * float(crs.linear_units_factor[1])
            if crs.to_epsg() == 3857:
                left, top, right, bottom = self.extent_px
                _, y = self.grid.transform @ ((left + right) / 2, (top + bottom) / 2)
                metres /= math.cosh(y / 6378137.0)
            return metres
        return self.grid.pixel_size * 111_320

    def close(self) -> None:
        for layer in self.layers:
            layer.source.close()
        for over in self.overlays:
            over.source.close()


def day_of(name: str, told: str | None = None) -> str | None:
    """The day of a date, by what is known of it or else by its name."""
    if told:
        try:
            return datetime.fromisoformat(told).date().isoformat()
        except ValueError:
            return None
    found = DAY.search(name)
    return "-".join(found.groups()) if found else None


def version_of(path: Path) -> str:
    """Changes when a file does, so that tiles may be kept for ever; one in memory does not change."""
    if path.parts[1:2] == ("vsimem",):
        return "0"
    found = path.stat()
    return f"{found.st_mtime_ns:x}{found.st_size:x}"


def read_account(told: Path, raster: Path | None, view: Grid) -> DateAccount:
    """The account of dates beside a result.

    Raises:
        InputError: it is something else.
    """
    try:
        document = json.loads(told.read_text(encoding="utf-8"))
        dates = tuple(dict(one) for one in document["dates"])
        if not all(isinstance(one["number"], int) and isinstance(one["name"], str) for one in dates):
            raise ValueError("a date has no number or name")
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{told}: is no account of dates as `ssr scene --explain` writes it ({error}); remove it or make it anew"
        ) from error
    served = Raster(raster) if raster else None
    if served and way_to(served.grid, view) is None:
        raise InputError(f"{raster}: shows other ground than the result beside it; remove it or make it anew")
    return DateAccount(dates, served)


def _finite(values: Sequence[float | int] | None) -> list[Any] | None:
    """JSON has no infinity and no not-a-number."""
    return None if values is None else [value if math.isfinite(value) else None for value in values]

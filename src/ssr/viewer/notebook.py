"""How does a result show itself in a notebook?"""

import html
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ssr.errors import InputError
from ssr.raster.grid import Grid
from ssr.raster.memory import memory_raster
from ssr.viewer.finding import Given, Shown, find_places, parse_path, place_of_files
from ssr.viewer.page import Extent, clipped, middle, page_of
from ssr.viewer.places import Kind, Place
from ssr.viewer.tiles import RasterSource, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE_PX = 640
HEIGHT_PX = 560


@runtime_checkable
class HasOutput(Protocol):
    """Such as what `super_resolve_scene` returns."""

    output: Path


class View:
    """A place that shows itself: a page to swipe in a notebook, or a figure.

    Attributes:
        place: its layers.
        extent: left, top, right, bottom of what is shown, in pixels of the finest layer.
        note: what is not shown.
    """

    def __init__(self, place: Place, extent: Extent, *, held: ExitStack | None = None) -> None:
        """held: what the layers are read from, kept as long as this is."""
        self.place, self.extent, self._held = place, extent, held
        left, top, right, bottom = extent
        is_all = extent == tuple(place.extent_px)
        self.note = "" if is_all else f"Shown: {right - left}×{bottom - top} px from column {left}, row {top}."

    def html(self) -> str:
        """The page that needs nothing else, as `ssr view --html` writes it."""
        return page_of(self.place, self.extent)

    def figure(self) -> "Figure":
        """The layers beside each other: one date, bicubic, results, truth."""
        from ssr.viewer.figures import comparison_sheet

        return comparison_sheet(self.pictures(), title=self.place.title)

    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        """Layers in the shown extent, `h w 3` each, by name; of the dates the best, as it is and interpolated.

        Raises:
            InputError: no layer is a raster.
        """
        found: dict[str, NDArray[np.uint8]] = {}
        best = self.place.best_date
        for layer in (*([best] if best else []), *(one for one in self.place.layers if one.kind != "date")):
            if not isinstance(layer.source, RasterSource):
                continue
            name = f"low-res {layer.day or layer.name}" if layer.kind == "date" else layer.name
            found[name] = picture_of(layer.source, self.extent)
            if layer.kind == "date" and layer.is_coarser:
                found[f"bicubic {layer.day or layer.name}"] = picture_of(layer.source, self.extent, smooth=True)
        if not found:
            raise InputError(f"{self.place.title}: has no layers that a figure can show")
        return found

    def _repr_html_(self) -> str:
        page = html.escape(self.html(), quote=True)
        title = html.escape(self.place.title, quote=True)
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return (
            f'<iframe title="{title}" srcdoc="{page}" width="100%" height="{HEIGHT_PX}" '
            f'style="border:1px solid #8884" sandbox="allow-scripts allow-downloads"></iframe>{note}'
        )

    def __repr__(self) -> str:
        layers = ", ".join(layer.name for layer in self.place.layers)
        return f"View of {self.place.title}: {layers}"


def show(
    result: Any,
    *,
    low_res: Any = None,
    truth: Any = None,
    area: Extent | None = None,
    side_px: int = SIDE_PX,
) -> View:
    """Something to look at, for a notebook's cell to end with.

    Args:
        result: what `super_resolve_scene` returned, a path (as of `ssr view`), or an array `c h w` in unit range.
        low_res: what it was made of: paths of images or folders, or an array `t c h w` or `c h w` if the result is one.
        truth: a path, or an array.
        area: left, top, right, bottom in pixels of the result; by default the middle.
        side_px: of what is shown by default, at most.

    Raises:
        InputError: the area lies outside, or what was given shows different places.
    """
    held = ExitStack()
    if isinstance(result, np.ndarray):
        place = _place_of_arrays(result, low_res, truth, held)
    else:
        place = _place_of_paths(result, low_res, truth)
    if area is None:
        return View(place, middle(place, side_px), held=held)
    extent = clipped(area, place)
    if extent is None:
        raise InputError(f"area {area}: lies outside of {place.title}, whose extent is {tuple(place.extent_px)}")
    return View(place, extent, held=held)


def _place_of_paths(result: Any, low_res: Any, truth: Any) -> Place:
    path = result.output if isinstance(result, HasOutput) else result
    given = [parse_path(str(path)), *_given(low_res, "date"), *_given(truth, "truth")]
    places = find_places(given)
    if len(places) != 1:
        names = ", ".join(place.title for place in places)
        raise InputError(f"what was given shows {len(places)} places ({names}), expected one")
    return places[0]


def _given(paths: Any, kind: Kind) -> list[Given]:
    if paths is None:
        return []
    many = [paths] if isinstance(paths, str | Path) else list(paths)
    return [Given(Path(one).resolve(), kind) for one in many if parse_path(str(one))]


def _place_of_arrays(result: NDArray[Any], low_res: Any, truth: Any, held: ExitStack) -> Place:
    arrays: list[tuple[Kind, str, NDArray[np.uint8]]] = [("super_res", "result", _one(result, "result"))]
    if low_res is not None:
        dates = np.asarray(low_res)
        for k, date in enumerate(dates if dates.ndim == 4 else dates[None]):
            arrays.append(("date", f"date {k + 1}", _one(date, "low_res")))
    if truth is not None:
        arrays.append(("truth", "truth", _one(truth, "truth")))
    height, width = arrays[0][2].shape[1:]
    files = []
    for kind, name, pixels in arrays:
        step = Affine.scale(width / pixels.shape[2], height / pixels.shape[1])
        grid = Grid(None, step, (pixels.shape[1], pixels.shape[2]))
        files.append(Shown(Path(held.enter_context(memory_raster(pixels, grid))), kind, name))
    return place_of_files("result", files, scores={})


def _one(pixels: Any, what: str) -> NDArray[np.uint8]:
    found = np.asarray(pixels)
    if found.ndim != 3 or found.shape[0] not in (1, 3, 4) or not found.size:
        raise InputError(
            f"{what}: has the shape {found.shape}, expected channels, rows and columns with 1 or 3 channels"
        )
    if found.dtype != np.uint8:
        found = np.rint(np.nan_to_num(found.astype(np.float64)).clip(0, 1) * 255).astype(np.uint8)
    return np.asarray(found[:3] if len(found) > 1 else found)

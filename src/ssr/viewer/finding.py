"""Which places do the given files and folders show?"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from affine import Affine

from ssr.errors import ImageReadError, InputError
from ssr.raster.extent import union
from ssr.raster.grid import Grid
from ssr.viewer.archives import apart_from_trust, place_of_archive
from ssr.viewer.cells import CellsSource
from ssr.viewer.looks import look_of
from ssr.viewer.overlays import Overlay, overlays_of
from ssr.viewer.pixels import Raster
from ssr.viewer.places import (
    KINDS,
    DateAccount,
    Kind,
    Layer,
    OverlayLayer,
    Place,
    day_of,
    read_account,
    version_of,
)
from ssr.viewer.placing import can_be_warped, way_to
from ssr.viewer.tiles import RasterSource, Source

PICTURES = (".tif", ".tiff", ".vrt", ".jp2", ".png", ".jpg", ".jpeg")
ARCHIVE = ".pmtiles"
TRUST, SERVED, ACCOUNT = ".trust.tif", ".dates.tif", ".dates.json"
TRUTH = re.compile(r"(^|[^a-z0-9])(truth|hr|high[_-]?res)([^a-z0-9]|$)", re.IGNORECASE)
COARSER = 1.5
"""A raster whose pixels are this much larger than the finest is a date that the result was made of."""


@dataclass(frozen=True)
class Given:
    """A file to show. kind: where the user said what it is; source: the folder it was found in, if any."""

    path: Path
    kind: Kind | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Shown:
    """A file of which it is known what it shows."""

    path: Path
    kind: Kind
    name: str


@dataclass
class Picture:
    """A raster, or the cells of a map, before it is known what it is of."""

    name: str
    cells: list[Raster]
    grid: Grid
    kind: Kind | None
    folder: Path | None = None

    @property
    def tags(self) -> dict[str, str]:
        return self.cells[0].tags


def parse_path(text: str) -> Given:
    """`PATH`, or `KIND=PATH` where a path alone does not tell what it shows.

    Raises:
        InputError: nothing is there.
    """
    path, kind = Path(text), None
    if not path.exists():
        name, _, rest = text.partition("=")
        if rest and name in KINDS:
            path, kind = Path(rest), next(one for one in KINDS if one == name)
    if not path.exists():
        raise InputError(
            f"{text}: no such file or folder; give rasters, folders of them or PMTiles, such as result.tif dates/ "
            f"truth=aerial.tif"
        )
    return Given(path.resolve(), kind)


def files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Visible files of a folder in order, and those left out as they lead out of it."""
    inside: list[Path] = []
    outside: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        (inside if path.resolve().is_relative_to(folder) else outside).append(path)
    return inside, outside


def find_places(given: Sequence[Given]) -> list[Place]:
    """Places of rasters, maps and archives.

    Raises:
        InputError: there is nothing to show in one of them.
    """
    notes: list[str] = []
    files = [file for one in given for file in _expanded(one, notes)]
    archives = apart_from_trust([file.path for file in files if file.path.suffix.lower() == ARCHIVE])
    pictures = _pictures([file for file in files if file.path.suffix.lower() != ARCHIVE and not _is_side(file.path)])
    side_files = [file.path for file in files if _is_side(file.path)]
    places = [place_of_archive(path) for path in archives]
    remaining = pictures
    while remaining:
        view = _view(remaining)
        here = [one for one in remaining if one is view or _belongs(one, view)]
        remaining = [one for one in remaining if one not in here]
        places.append(_place(view, here, side_files))
    if notes and places:
        places[0] = replace(places[0], notes=(*notes, *places[0].notes))
    return places


def place_of_files(title: str, files: Sequence[Shown], *, scores: Mapping[str, Mapping[str, float | None]]) -> Place:
    """Pictures of one chip.

    Raises:
        ImageReadError: one of them cannot be read, or shows something else than the others.
    """
    pictures = []
    for file in files:
        raster = Raster(file.path)
        pictures.append(Picture(file.name, [raster], raster.grid, file.kind))
    view = _view(pictures)
    odd = next((one for one in pictures if one is not view and not _belongs(one, view)), None)
    if odd is not None:
        raise ImageReadError(f"{odd.cells[0].path}: is {odd.grid}, which is not the shape of {view.name}, {view.grid}")
    return replace(_place(view, pictures, (), is_in_order=True), title=title, scores=scores)


def place_of_pictures(picture: Picture, overlays: Sequence[Overlay], rasters: Sequence[Raster]) -> Place:
    """One picture with the overlays of rasters that lie on its grid."""
    ways = [(raster, way_to(raster.grid, picture.grid)) for raster in rasters]
    lying = [(raster, way) for raster, way in ways if way is not None]
    place = _place(picture, [picture], ())
    return replace(place, overlays=tuple(_overlay_layer(one, lying) for one in overlays if lying))


def _expanded(given: Given, notes: list[str]) -> list[Given]:
    if given.path.is_file():
        return [given, *(Given(path) for path in _companions(given.path))]
    inside, outside = files_in(given.path)
    for path in outside:
        notes.append(f"{path.name}: leads out of the folder {given.path.name} and is not shown")
    found = [path for path in inside if path.suffix.lower() in (*PICTURES, ARCHIVE) or path.name.endswith(ACCOUNT)]
    if not any(not _is_side(path) for path in found):
        raise InputError(
            f"{given.path}: holds nothing to show; expected {', '.join(PICTURES)} or {ARCHIVE} directly in it, "
            f"or results of `ssr test` or `ssr infer`"
        )
    return [Given(path.resolve(), given.kind, given.path) for path in found]


def _companions(result: Path) -> list[Path]:
    """What `ssr scene` wrote beside a result."""
    beside = [result.with_suffix(suffix) for suffix in (TRUST, SERVED, ACCOUNT)]
    return [path.resolve() for path in beside if path.is_file() and path.resolve().parent == result.parent]


def _is_side(path: Path) -> bool:
    return path.name.endswith((TRUST, SERVED, ACCOUNT))


def _pictures(files: Sequence[Given]) -> list[Picture]:
    """Rasters; those of one folder that lie beside each other on one grid are cells of a map."""
    once = {file.path: file for file in files}
    opened = []
    for file in once.values():
        raster = Raster(file.path)
        opened.append(Picture(_stem(file.path), [raster], raster.grid, file.kind, file.folder))
    alike: dict[Any, list[Picture]] = defaultdict(list)
    for one in opened:
        raster = one.cells[0]
        alike[one.folder, one.kind, one.grid.crs, raster.names, raster.dtype].append(one)
    found: list[Picture] = []
    for group in alike.values():
        if _are_cells(group):
            for one in group:
                one.cells[0].close()
            name = group[0].folder.name if group[0].folder else group[0].name
            cells = [one.cells[0] for one in group]
            found.append(Picture(name, cells, union([one.grid for one in group]), group[0].kind, group[0].folder))
        else:
            found += group
    return found


def _are_cells(group: Sequence[Picture]) -> bool:
    first = group[0].grid
    if len(group) < 2 or first.crs is None or group[0].folder is None:
        return False
    places = [first.steps_to(one.grid) for one in group]
    return None not in places and len(set(places)) == len(places)


def _view(pictures: Sequence[Picture]) -> Picture:
    """The one on whose grid all else is shown: a result if there is one, else the finest, largest first."""
    results = [one for one in pictures if _kind_told(one) == "super_res"] or list(pictures)
    return min(results, key=lambda one: (_size(one.grid), -one.grid.shape_hw[0] * one.grid.shape_hw[1]))


def _size(grid: Grid) -> float:
    """Sizes of pixels can be compared within one coordinate system; degrees are made metres, roughly."""
    if grid.crs is not None and grid.crs.is_geographic:
        return grid.pixel_size * 111_320
    return grid.pixel_size


def _belongs(picture: Picture, view: Picture) -> bool:
    return way_to(picture.grid, view.grid) is not None or can_be_warped(picture.grid, view.grid)


def _kind_told(picture: Picture) -> Kind | None:
    """What the user said, or the file itself."""
    if picture.kind:
        return picture.kind
    if "SSR_MODEL" in picture.tags:
        return "super_res"
    return "truth" if TRUTH.search(picture.name) else None


def _place(
    view: Picture, pictures: Sequence[Picture], side_files: Iterable[Path], *, is_in_order: bool = False
) -> Place:
    sides = {path.name: path for path in side_files}
    notes: list[str] = []
    told_kinds = [_kind_told(one) for one in pictures]
    is_series = len(pictures) > 1 and not any(told_kinds)
    raw_account = _account(view, sides)
    numbers = {str(date["name"]): int(date["number"]) for date in raw_account.dates} if raw_account else {}
    times = _times(view.tags, raw_account)
    layers = []
    in_order = pictures if is_in_order else sorted(pictures, key=lambda one: _order(one, view, times))
    for k, one in enumerate(in_order):
        source, was_warped = _source(one, view.grid, lambda raster: look_of(raster))
        kind = _kind_told(one) or _kind_by_size(one, view, is_series=is_series)
        if was_warped:
            notes.append(f"{one.name}: lies on another grid, its pixels are interpolated bilinearly")
        if any(raster.is_slow_from_afar for raster in one.cells):
            notes.append(
                f"{one.name}: has no overviews, so that seen from afar it appears slowly (gdaladdo makes them)"
            )
        name = one.cells[0].path.name
        look = look_of(one.cells[0])
        layers.append(
            Layer(
                id=f"l{k}",
                kind=kind,
                name=one.name,
                source=source,
                version=version_of(one.cells[0].path),
                told=look.told,
                bands=one.cells[0].names,
                is_coarser=_size(one.grid) > COARSER * _size(view.grid) or _is_smaller(one.grid, view.grid),
                day=day_of(name, times.get(name)) if kind == "date" else None,
                number=numbers.get(name),
            )
        )
    height, width = view.grid.shape_hw
    return Place(
        title=view.name,
        grid=view.grid,
        extent_px=(0, 0, width, height),
        layers=tuple(layers),
        overlays=_overlays(pictures, sides, view, notes),
        account=raw_account,
        notes=tuple(notes),
    )


def _source(picture: Picture, view: Grid, look: Callable[[Raster], Any]) -> tuple[Source, bool]:
    """Tiles of a picture, and whether its pixels had to be moved."""
    if len(picture.cells) > 1:
        ways = [(cell, way_to(cell.grid, view)) for cell in picture.cells]
        colours = look(picture.cells[0])
        return CellsSource([(cell, way) for cell, way in ways if way is not None], look=colours), False
    raster, way = picture.cells[0], way_to(picture.grid, view)
    if way is not None:
        return RasterSource(raster, way, look=look(raster)), False
    moved = Raster(raster.path, on=view)
    return RasterSource(moved, Affine.identity(), look=look(moved)), True


def _kind_by_size(picture: Picture, view: Picture, *, is_series: bool) -> Kind:
    if is_series or _size(picture.grid) > COARSER * _size(view.grid) or _is_smaller(picture.grid, view.grid):
        return "date"
    return "image"


def _is_smaller(grid: Grid, view: Grid) -> bool:
    """Whether a raster without a place has fewer pixels for the same ground."""
    return grid.crs is None and grid.shape_hw[0] * COARSER < view.shape_hw[0]


def _order(picture: Picture, view: Picture, times: dict[str, str]) -> tuple[int, str]:
    """The result, then the dates by their day, then the rest."""
    name = picture.cells[0].path.name
    kind = _kind_told(picture)
    rank = 0 if picture is view else 1 if kind == "super_res" else 3 if kind == "truth" else 2
    return rank, f"{day_of(name, times.get(name)) or 'undated'} {name}"


def _times(tags: dict[str, str], account: DateAccount | None) -> dict[str, str]:
    """When each date was taken, by the name of its file."""
    names, moments = (tags.get(key, "").split(",") for key in ("SSR_DATES", "SSR_TIMES"))
    found = {name: moment for name, moment in zip(names, moments, strict=False) if name and moment}
    if account:
        found |= {str(one["name"]): str(one["time"]) for one in account.dates if one.get("time")}
    return found


def _account(view: Picture, sides: dict[str, Path]) -> DateAccount | None:
    if len(view.cells) > 1:
        return None
    told = sides.get(view.cells[0].path.with_suffix(ACCOUNT).name)
    return read_account(told, sides.get(view.cells[0].path.with_suffix(SERVED).name), view.grid) if told else None


def _overlays(
    pictures: Sequence[Picture], sides: dict[str, Path], view: Picture, notes: list[str]
) -> tuple[OverlayLayer, ...]:
    """Trust of the first picture that has any."""
    for one in pictures:
        paths = [sides.get(cell.path.with_suffix(TRUST).name) for cell in one.cells]
        rasters = [Raster(path) for path in paths if path]
        ways = [(raster, way_to(raster.grid, view.grid)) for raster in rasters]
        lying = [(raster, way) for raster, way in ways if way is not None]
        for raster, way in ways:
            if way is None:
                notes.append(f"{raster.path.name}: shows other ground than the result beside it, left out")
        if lying:
            return tuple(_overlay_layer(overlay, lying) for overlay in overlays_of(lying[0][0]))
    return ()


def _overlay_layer(overlay: Overlay, lying: Sequence[tuple[Raster, Affine]]) -> OverlayLayer:
    is_one = len(lying) == 1
    source: Source = RasterSource(*lying[0], band=overlay.band) if is_one else CellsSource(lying, band=overlay.band)
    return OverlayLayer(overlay, source, version_of(lying[0][0].path))


def _stem(path: Path) -> str:
    return path.name[: -len(path.suffix)] if path.suffix else path.name


def refuse_no_raster(given: Given) -> None:
    """Raise ImageReadError, in the words of the viewer, where a file is nothing that it shows."""
    if given.path.is_file() and given.path.suffix.lower() not in (*PICTURES, ARCHIVE):
        raise ImageReadError(
            f"{given.path}: is no raster that is shown here; expected {', '.join(PICTURES)}, {ARCHIVE}, or a folder"
        )

"""What is there to look at in some paths, whatever they hold?"""

from collections.abc import Sequence
from pathlib import Path

from ssr.viewer.archives import sheets_of
from ssr.viewer.chips import entries_of_chips
from ssr.viewer.collection import Collection, Entry, of_places
from ssr.viewer.finding import Given, find_places, parse_path, refuse_no_raster
from ssr.viewer.maps import places_of_map


def open_paths(paths: Sequence[str]) -> Collection:
    """Rasters and maps as places, folders of chips and of tests as a gallery.

    Raises:
        InputError: there is nothing in one of them that can be shown, which is said.
    """
    entries: list[Entry] = []
    rasters = []
    for given in map(parse_path, paths):
        refuse_no_raster(given)
        found = _of_folder(given.path) if given.path.is_dir() else None
        if found is None:
            rasters.append(given)
        else:
            entries += found
    return Collection([*(of_places(find_places(rasters)) if rasters else []), *entries])


def _of_folder(folder: Path) -> list[Entry] | None:
    """A map or chips; None where a folder holds rasters, or nothing."""
    places = places_of_map(folder)
    sheets = sheets_of(folder) if places is None else None
    if sheets is not None:
        return of_places(find_places([Given(sheets)]))
    return entries_of_chips(folder) if places is None else of_places(places)

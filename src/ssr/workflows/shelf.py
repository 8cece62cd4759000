"""Which published weights are within reach, and which network must each of them fit?"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssr.build.networks import load_model
from ssr.checkpoints.bundled import bundled_names
from ssr.checkpoints.cache import cache_folder
from ssr.checkpoints.catalogue import CATALOGUE, Published, addresses
from ssr.checkpoints.download import DEFAULT_PATIENCE, Patience, Progress
from ssr.checkpoints.inspection import read_whole
from ssr.checkpoints.obtain import Obtained, obtain
from ssr.checkpoints.published import recognise
from ssr.config.networks import Model
from ssr.config.presets import PRESETS
from ssr.errors import WeightsError


@dataclass(frozen=True)
class Shelf:
    """Published files, the networks they must fit, and the folder that keeps them.

    networks: by the names of the entries; an entry that is only a start for training needs none.
    """

    entries: Mapping[str, Published] = field(default_factory=lambda: CATALOGUE)
    networks: Mapping[str, Model] = field(default_factory=lambda: PRESETS)
    folder: Path = field(default_factory=cache_folder)
    patience: Patience = DEFAULT_PATIENCE

    def path(self, entry: Published) -> Path:
        """Where an entry's file lies once it is here."""
        return self.folder / entry.file


def find_entry(name: str, shelf: Shelf) -> Published:
    """The published file of that name.

    Raises:
        WeightsError: no such name; says which there are and which one was probably meant.
    """
    if name in shelf.entries:
        return shelf.entries[name]
    bundled = bundled_names()
    near = difflib.get_close_matches(Path(name).name.removesuffix(".pth"), [*bundled, *shelf.entries], 1, 0.7)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise WeightsError(
        f"{name}: neither a weight file nor a known model{meant} Bundled: {', '.join(bundled)}; "
        f"published: {', '.join(shelf.entries)}"
    )


def obtain_entry(
    entry: Published,
    shelf: Shelf,
    *,
    url: str | None = None,
    sha256: str | None = None,
    offline: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Obtained:
    """The entry's file in the cache, fetched and checked if it is not there yet."""
    return obtain(
        entry.file,
        addresses(entry, url),
        shelf.folder,
        check=check_of(entry, shelf),
        sha256=sha256,
        offline=offline,
        force=force,
        patience=shelf.patience,
        progress=progress or (lambda _done, _total: None),
    )


def check_of(entry: Published, shelf: Shelf) -> Callable[[Path], None]:
    """What a file must pass before it is taken for this entry: whole, and of the right network."""

    def check(path: Path) -> None:
        state = read_whole(path)
        if not entry.is_start_only:
            load_model(path, shelf.networks[entry.name])
            return
        found = recognise(state)
        if found is None or found.architecture != entry.architecture:
            raise WeightsError(
                f"{path}: expected tensors of {entry.architecture}, found {found or 'an unknown network'}"
            )

    return check

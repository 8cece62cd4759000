"""What do `weights list`, `info`, `get` and `verify` do?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssr.checkpoints.bundled import bundled_names, bundled_weights
from ssr.checkpoints.cache import cached_files, check_unchanged
from ssr.checkpoints.catalogue import Published, addresses, is_folder
from ssr.checkpoints.download import Progress
from ssr.checkpoints.inspection import WeightFile, inspect, read_whole
from ssr.checkpoints.web import shown
from ssr.errors import ConfigError, WeightsError
from ssr.sentinel2.bands import bands_of_channels
from ssr.workflows.shelf import Shelf, check_of, find_entry, obtain_entry

Where = Literal["bundled", "cached", "can be downloaded", "local only"]


@dataclass(frozen=True)
class ListedWeights:
    """One line of the list; what no source says is None.

    size_bytes: of the file that is here, else about what the published one has.
    """

    name: str
    n_revisits: int | None
    bands: tuple[str, ...]
    architecture: str
    n_parameters: int | None
    size_bytes: int | None
    where: Where
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """What is known of a name or a file."""

    name: str
    listed: ListedWeights | None
    published: Published | None
    normalisation: str | None
    sources: tuple[str, ...]
    file: WeightFile | None


@dataclass(frozen=True)
class GottenWeights:
    """A published file that is now in the cache."""

    name: str
    path: Path
    sha256: str
    size_bytes: int
    url: str
    date: str
    was_cached: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a file is what it was.

    told: what was compared, or what is wrong.
    """

    name: str
    path: Path
    is_good: bool
    sha256: str | None
    told: str


def list_weights(*, shelf: Shelf | None = None) -> tuple[ListedWeights, ...]:
    """Bundled models, then every published file."""
    shelf = shelf or Shelf()
    return (*map(_listed_bundled, bundled_names()), *(_listed(entry, shelf) for entry in shelf.entries.values()))


def describe(name_or_file: str | Path, *, shelf: Shelf | None = None) -> Description:
    """What a name stands for, and what a file holds by its shapes alone.

    Raises:
        WeightsError: neither a file nor a known name; not a weight file; a cached file that has changed.
    """
    shelf, given = shelf or Shelf(), str(name_or_file)
    if given in bundled_names():
        return Description(given, _listed_bundled(given), None, None, (), inspect(bundled_weights(given)))
    if Path(given).is_file():
        return Description(Path(given).name, None, None, None, (), inspect(Path(given)))
    entry = find_entry(given, shelf)
    path = shelf.path(entry)
    if path.is_file():
        check_unchanged(path)
    return Description(
        name=entry.name,
        listed=_listed(entry, shelf),
        published=entry,
        normalisation=entry.normalisation,
        sources=tuple(map(shown, addresses(entry))),
        file=inspect(path) if path.is_file() else None,
    )


def get_weights(
    names: Sequence[str],
    *,
    url: str | None = None,
    sha256: str | None = None,
    offline: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    shelf: Shelf | None = None,
) -> tuple[GottenWeights, ...]:
    """Bring published files into the cache; those that are there already are compared with their recorded hash.

    Args:
        url: another address: of a folder when it ends in `/`, else of the file itself. Local paths too.
        sha256: what the file must be.
        force: fetch anew and record the hash of what comes.

    Raises:
        WeightsError: an unknown name, no source that serves it, damaged, or not the file of that name.
        OutputError: the cache cannot be written.
    """
    shelf = shelf or Shelf()
    entries = [find_entry(name, shelf) for name in names]
    _check_arguments(entries, url, sha256)
    return tuple(_get(entry, shelf, url, sha256 and sha256.lower(), offline, force, progress) for entry in entries)


def verify(names_or_files: Sequence[str | Path] = (), *, shelf: Shelf | None = None) -> tuple[Verdict, ...]:
    """Compare files with their recorded hash and read them through; by default all that are cached.

    Raises:
        WeightsError: neither a file nor a known name.
    """
    shelf = shelf or Shelf()
    if not names_or_files:
        return tuple(_verdict(path.stem, path, shelf) for path in cached_files(shelf.folder))
    return tuple(_verdict(Path(given).stem, path, shelf) for given, path in _located(names_or_files, shelf))


def _located(names_or_files: Sequence[str | Path], shelf: Shelf) -> list[tuple[str, Path]]:
    located = []
    for given in map(str, names_or_files):
        path = bundled_weights(given) if given in bundled_names() else Path(given)
        located.append((given, path if path.is_file() else shelf.path(find_entry(given, shelf))))
    return located


def _verdict(name: str, path: Path, shelf: Shelf) -> Verdict:
    try:
        if not path.is_file():
            raise WeightsError(f"{path}: not downloaded; run `ssr weights get {name}`")
        is_cached = path.resolve().parent == shelf.folder.resolve()
        if is_cached:
            record = check_unchanged(path)
            entry = shelf.entries.get(path.stem)
            check_of(entry, shelf)(path) if entry else read_whole(path)
            return Verdict(name, path, True, record.sha256, f"as downloaded on {record.date} from {record.url}")
        held = inspect(path)
        return Verdict(
            name, path, True, held.sha256, "whole; it was not downloaded, so there is no hash to compare with"
        )
    except WeightsError as error:
        return Verdict(name, path, False, None, str(error))


def _get(
    entry: Published,
    shelf: Shelf,
    url: str | None,
    sha256: str | None,
    offline: bool,
    force: bool,
    progress: Progress | None,
) -> GottenWeights:
    got = obtain_entry(entry, shelf, url=url, sha256=sha256, offline=offline, force=force, progress=progress)
    notes = [f"{entry.name}: {warning}" for warning in entry.warnings if entry.urls]
    if got.previous_sha256:
        notes.append(f"{entry.name}: replaces a file with SHA-256 {got.previous_sha256}")
    return GottenWeights(
        name=entry.name,
        path=got.path,
        sha256=got.record.sha256,
        size_bytes=got.record.size_bytes,
        url=got.record.url,
        date=got.record.date,
        was_cached=got.was_cached,
        notes=tuple(notes),
    )


def _check_arguments(entries: Sequence[Published], url: str | None, sha256: str | None) -> None:
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ConfigError(f"--sha256: expected 64 hexadecimal digits, found {sha256!r}")
    if sha256 is not None and len(entries) != 1:
        raise ConfigError(f"--sha256: is the hash of one file, found {len(entries)} names")
    if url is not None and not is_folder(url) and len(entries) != 1:
        raise ConfigError(f"--url: {shown(url)} is one file, found {len(entries)} names; a folder ends in /")


def _listed(entry: Published, shelf: Shelf) -> ListedWeights:
    path = shelf.path(entry)
    where: Where = "cached" if path.is_file() else "can be downloaded" if entry.urls else "local only"
    about = None if entry.size_mb is None else round(entry.size_mb * 1e6)
    return ListedWeights(
        name=entry.name,
        n_revisits=entry.n_revisits,
        bands=entry.bands,
        architecture=entry.architecture,
        n_parameters=entry.n_parameters,
        size_bytes=path.stat().st_size if path.is_file() else about,
        where=where,
        warnings=entry.warnings,
    )


def _listed_bundled(name: str) -> ListedWeights:
    held = inspect(bundled_weights(name))
    (reading,) = held.readings
    return ListedWeights(
        name=name,
        n_revisits=reading.n_revisits,
        bands=bands_of_channels(reading.n_channels) or (),
        architecture=held.architecture or "unknown",
        n_parameters=held.n_parameters,
        size_bytes=held.size_bytes,
        where="bundled",
        warnings=(),
    )

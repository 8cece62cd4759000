"""What do `data list` and `data get` do: from the name of a published archive to folders that training reads?"""

import difflib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ssr.atomic import one_line, whole_file
from ssr.data.extraction import extract
from ssr.data.fetching import PATIENCE, Fetched, changed_parts, fetch_parts, parts_folder
from ssr.data.parts import part_of
from ssr.data.published import DATA, PublishedData, Source, is_local, sources_of
from ssr.errors import ConfigError, InputError, OutputError

Progress = Callable[[int, int | None], None]
ARCHIVE_ENDINGS = (".7z", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
HINT_DEPTH = 3
OPTION_OF_FOLDER = {"sentinel2": "sentinel2", "naip": "naip", "old_naip": "old_naip"}


@dataclass(frozen=True)
class ListedData:
    """One published archive.

    addresses: of its parts, or of the folder whose listing names them.
    """

    name: str
    holds: str
    size: str | None
    addresses: tuple[str, ...]
    provenance: str
    licence: str


@dataclass(frozen=True)
class GottenData:
    """What is here now.

    path: the folder that was extracted, or the single file; None where nothing was to be extracted.
    parts: where the archive's parts are kept; None where they were removed.
    was_here: nothing had to be done.
    options: what an option file may say of it.
    """

    name: str
    path: Path | None
    parts: Path | None
    n_fetched: int
    n_files: int
    n_bytes: int
    was_here: bool
    options: dict[str, str]


@dataclass(frozen=True)
class Signals:
    """What is told on the way: bytes that came, bytes that were extracted, lines for a person."""

    fetching: Progress = lambda _done, _total: None
    extracting: Progress = lambda _done, _total: None
    tell: Callable[[str], None] = lambda _told: None


def list_data(entries: Mapping[str, PublishedData] = DATA) -> list[ListedData]:
    """Every published archive."""
    return [
        ListedData(entry.name, entry.holds, entry.size, _addresses(entry), entry.provenance, entry.licence)
        for entry in entries.values()
    ]


@dataclass(frozen=True)
class Wish:
    """How an archive is to be had.

    Attributes:
        url: another address or local path, see `data.published.sources_of`.
        parts: names of its parts, in their order.
        extract: write what it holds, not only its parts.
        keep_archives: leave the parts when they are extracted.
        overwrite: replace what lies where it is extracted to.
    """

    url: str | None = None
    parts: tuple[str, ...] = ()
    extract: bool = True
    keep_archives: bool = False
    overwrite: bool = False


DEFAULT_WISH = Wish()
SILENT = Signals()


def get_data(
    name: str,
    folder: Path,
    wish: Wish = DEFAULT_WISH,
    *,
    signals: Signals = SILENT,
    entries: Mapping[str, PublishedData] = DATA,
    sources: Sequence[Source] | None = None,
) -> GottenData:
    """Fetch a published archive and extract it to `<folder>/<name>`; of two at once one waits for the other.

    Args:
        sources: places to try in order; by default those of the wish, of `SSR_DATA_URL`, or the published ones.

    Raises:
        ConfigError: no archive of that name.
        InputError: not to be had, damaged, a part is missing, or it holds what has no place in a folder of data.
        OutputError: no room, no permission, or something else lies in its place.
    """
    entry = _entry(name, entries)
    places = sources if sources is not None else sources_of(entry, url=wish.url, parts=wish.parts)
    with _alone(folder, name):
        if wish.extract and not wish.overwrite and (here := _already(entry, folder)):
            return here
        fetched, source = _fetch_from_any(entry, places, folder, signals)
        if not wish.extract:
            n_bytes = sum(path.stat().st_size for path in fetched.paths)
            return GottenData(
                name, None, fetched.paths[0].parent, fetched.n_fetched, 0, n_bytes, not fetched.n_fetched, {}
            )
        gotten = _put_in_place(entry, fetched, folder, wish, signals)
        if not wish.keep_archives and not is_local(source):
            shutil.rmtree(folder / f"{name}.parts", ignore_errors=True)
            return gotten
        return GottenData(**{**vars(gotten), "parts": fetched.paths[0].parent})


def _entry(name: str, entries: Mapping[str, PublishedData]) -> PublishedData:
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(name, list(entries), 1, 0.6)
    meant = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(f"{name}: no published archive of training data; {meant}there are {', '.join(entries)}")


def _addresses(entry: PublishedData) -> tuple[str, ...]:
    return tuple(
        address
        for source in entry.sources
        for address in ([source.base + part for part in source.parts] or [source.base + "…"])
    )


def _fetch_from_any(
    entry: PublishedData, places: Sequence[Source], folder: Path, signals: Signals
) -> tuple[Fetched, Source]:
    problems = []
    for source in places:
        below = parts_folder(folder, entry.name, source)
        try:
            fetched = fetch_parts(
                source, entry.stem, below, patience=PATIENCE, progress=signals.fetching, tell=signals.tell
            )
        except InputError as error:
            if below.is_dir() and any(below.iterdir()):  # elsewhere everything would begin anew
                raise InputError(f"{error}; what has arrived is kept in {below}, the same command goes on") from error
            problems.append(str(error))
            continue
        return fetched, source
    raise InputError(
        f"{entry.name}: not obtained: {'; '.join(problems)}; give another address or a local path with --url"
    )


def _put_in_place(entry: PublishedData, fetched: Fetched, folder: Path, wish: Wish, signals: Signals) -> GottenData:
    """Extract beside the target and rename, so that the target is whole or not there."""
    first = fetched.paths[0]
    part = part_of(first.name)
    is_archive = (part.stem if part else first.name).lower().endswith(ARCHIVE_ENDINGS)
    target = folder / (entry.name if is_archive else first.name)
    if target.exists() and not wish.overwrite:
        raise OutputError(
            f"{target}: exists already and was not made by `ssr data get`; pass --overwrite to replace it"
        )
    scratch = folder / f".{entry.name}.extracting"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
        if is_archive:
            signals.tell(f"extracting {len(fetched.paths)} part(s)")
            n_files, n_bytes = _extract(fetched.paths, scratch, signals)
            whole = _only_folder_named(scratch, entry.name) or scratch
        else:
            whole = scratch / first.name
            shutil.copyfile(first, whole)
            n_files, n_bytes = 1, whole.stat().st_size
        _replace(whole, target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({one_line(error)})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    gotten = GottenData(entry.name, target, None, fetched.n_fetched, n_files, n_bytes, False, _options_in(target))
    with whole_file(_record(folder, entry)) as file:
        file.write_text(json.dumps({"file": target.name, "n_files": n_files, "n_bytes": n_bytes}) + "\n", "utf-8")
    return gotten


def _extract(paths: tuple[Path, ...], scratch: Path, signals: Signals) -> tuple[int, int]:
    try:
        return extract(paths, scratch, progress=signals.extracting)
    except InputError as error:
        changed = changed_parts(paths)
        advice = (
            f"delete {', '.join(changed)} in {paths[0].parent}, which changed since the download, and run the same "
        )
        raise InputError(f"{error}; {advice}command again" if changed else str(error)) from error


def _only_folder_named(scratch: Path, name: str) -> Path | None:
    """An archive of `val_set` may hold one folder `val_set`, which need not be there twice."""
    entries = list(scratch.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].name == name and entries[0].is_dir() else None


def _replace(whole: Path, target: Path) -> None:
    """Rename, what was there first out of the way."""
    old = target.with_name(f".{target.name}.old")
    _remove(old)
    if target.exists():
        target.rename(old)
    whole.rename(target)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _record(folder: Path, entry: PublishedData) -> Path:
    return folder / f".{entry.name}.json"


def _already(entry: PublishedData, folder: Path) -> GottenData | None:
    """What an earlier run put in place."""
    try:
        record = json.loads(_record(folder, entry).read_text("utf-8"))
        target = folder / str(record["file"])
        n_files, n_bytes = int(record["n_files"]), int(record["n_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not target.exists():
        return None
    return GottenData(entry.name, target, None, 0, n_files, n_bytes, True, _options_in(target))


def _options_in(target: Path) -> dict[str, str]:
    """Which options of an option file the folders answer to, the shallowest first."""
    if target.is_file():
        return {"objects": str(target)}
    found: dict[str, str] = {}
    level = [target]
    for _ in range(HINT_DEPTH):
        for path in level:
            if path.name in OPTION_OF_FOLDER:
                found.setdefault(OPTION_OF_FOLDER[path.name], str(path))
        level = [
            child
            for path in level
            if path.name not in OPTION_OF_FOLDER
            for child in sorted(path.iterdir())
            if child.is_dir()
        ]
    weights = [str(path) for path in sorted(target.rglob("*weights*.json"))] if not found else []
    return found | ({"tile_weights": " or ".join(weights)} if weights else {})


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Nobody else works on the same archive meanwhile; the lock falls with the process that holds it."""
    lock = FileLock(folder / f".{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise OutputError(f"{folder}: cannot be written ({one_line(error)})") from error
    try:
        yield
    finally:
        lock.release()

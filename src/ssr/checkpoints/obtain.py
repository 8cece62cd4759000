"""How does a published file become a checked one in the cache?

Checked before it gets its name: bytes against the server's hash, the asked-for hash or the first download's, every
member of the archive, and whatever the caller asks of the tensors.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from ssr.atomic import discard, one_line
from ssr.checkpoints.cache import CACHE_VARIABLE, Record, check_unchanged, read_record, record_path, write_record
from ssr.checkpoints.catalogue import URL_VARIABLE, is_web
from ssr.checkpoints.download import DEFAULT_PATIENCE, Patience, Progress, download
from ssr.checkpoints.files import sha256_of
from ssr.checkpoints.origin import forget_part
from ssr.checkpoints.web import shown
from ssr.errors import OutputError, WeightsError

Check = Callable[[Path], object]
"""Raises WeightsError when a file must not enter the cache."""


@dataclass(frozen=True)
class Obtained:
    """A file in the cache.

    Attributes:
        was_cached: nothing had to be fetched.
        previous_sha256: the hash that was on record before, where `force` replaced it by another.
    """

    path: Path
    record: Record
    was_cached: bool
    previous_sha256: str | None = None


def obtain(
    file: str,
    sources: Sequence[str],
    folder: Path,
    *,
    check: Check,
    sha256: str | None = None,
    offline: bool = False,
    force: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _done, _total: None,
) -> Obtained:
    """The cached file, fetched first if need be; of two processes at once one fetches and the other waits.

    Args:
        file: name in the cache.
        sources: addresses and local paths, tried in order.
        sha256: what the file must be; by default what was recorded at the first download.
        force: fetch it anew and record whatever comes.
    """
    path = _place(folder, file)
    if not force and (found := _cached(path, sha256)):
        return found
    usable = [source for source in sources if not (offline and is_web(source))]
    if not usable:
        raise WeightsError(_without_source(path, sources))
    with _alone(path):
        if not force and (found := _cached(path, sha256)):
            return found
        known = None if force and not sha256 else sha256 or _recorded_hash(path)
        problems = []
        for source in usable:
            try:
                return _fetch(source, path, known, check, patience, progress)
            except WeightsError as error:
                problems.append(str(error))
    advice = f"give another address with --url or {URL_VARIABLE}, or use a local file by its path"
    raise WeightsError(f"{file}: not obtained: {'; '.join(problems)}; {advice}")


def _cached(path: Path, sha256: str | None) -> Obtained | None:
    if not path.is_file():
        return None
    record = check_unchanged(path)
    if sha256 and record.sha256 != sha256:
        raise WeightsError(
            f"{path}: found SHA-256 {record.sha256}, expected {sha256}; fetch it anew with "
            f"`ssr weights get {path.stem} --force --sha256 {sha256}`"
        )
    return Obtained(path, record, was_cached=True)


def _fetch(
    source: str, path: Path, known: str | None, check: Check, patience: Patience, progress: Progress
) -> Obtained:
    part = _part_of(source, path)
    if is_web(source):
        download(source, part, patience=patience, progress=progress)
    else:
        _copy(Path(source).expanduser(), part)
    try:
        record = _checked(source, part, path, known, check)
    except WeightsError:
        forget_part(part)
        raise
    previous = _recorded_hash_or_none(path)
    write_record(path, record)
    _rename(part, path)
    for leftover in path.parent.glob(f".{path.stem}.*.part*"):
        discard(leftover)
    return Obtained(path, record, was_cached=False, previous_sha256=None if previous == record.sha256 else previous)


def _checked(source: str, part: Path, path: Path, known: str | None, check: Check) -> Record:
    found = sha256_of(part)
    if known and found != known:
        raise WeightsError(
            f"{shown(source)}: is not the expected file: found SHA-256 {found}, expected {known} (asked for, or "
            f"recorded at the first download in {record_path(path).name}); pass --force only if it was replaced on "
            "purpose"
        )
    try:
        check(part)
    except WeightsError as error:
        told = str(error).replace(str(part), path.name)
        raise WeightsError(f"{shown(source)}: damaged or not the file meant: {told}") from error
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(sha256=found, size_bytes=part.stat().st_size, url=shown(source), date=now)


def _copy(source: Path, part: Path) -> None:
    if not source.is_file():
        raise WeightsError(f"{source}: no such file")
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        forget_part(part)
        raise OutputError(f"{part}: cannot be written ({one_line(error)})") from error


def _rename(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({one_line(error)})") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else fetches the same file meanwhile; the lock falls with the process that holds it."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise OutputError(
            f"{path.parent}: cannot hold downloads ({one_line(error)}); set {CACHE_VARIABLE} to a folder that can be "
            "written"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _place(folder: Path, file: str) -> Path:
    if file in ("", ".", "..") or Path(file).name != file or "\\" in file:
        raise WeightsError(f"{file!r}: expected the plain name of a file")
    return folder / file


def _part_of(source: str, path: Path) -> Path:
    """One part per address, so that trying another does not lose what came from the first."""
    label = hashlib.sha256(shown(source).encode()).hexdigest()[:8]
    return path.with_name(f".{path.stem}.{label}.part{path.suffix}")


def _recorded_hash(path: Path) -> str | None:
    record = read_record(path)
    return record.sha256 if record else None


def _recorded_hash_or_none(path: Path) -> str | None:
    try:
        return _recorded_hash(path)
    except WeightsError:  # about to be replaced
        return None


def _without_source(path: Path, sources: Sequence[str]) -> str:
    if sources:
        return (
            f"{path.stem}: not in the cache ({path.parent}), and nothing is fetched offline; let it be fetched, with a "
            f"connection, or use a local file by its path"
        )
    return (
        f"{path.stem}: not in the cache ({path.parent}), and no public link is known; use a local file by its path, or "
        f"take it in with `ssr weights get {path.stem} --url PATH`"
    )

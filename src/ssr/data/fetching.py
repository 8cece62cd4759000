"""How do the parts of an archive get here whole, none of them twice?

A part gets its name when all of it is here and its record beside it; what was broken off goes on from there.
"""

import hashlib
import http.client
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ssr.atomic import one_line
from ssr.checkpoints.cache import Record, read_record, write_record
from ssr.checkpoints.catalogue import is_web
from ssr.checkpoints.download import DEFAULT_PATIENCE, Patience, download
from ssr.checkpoints.files import sha256_of
from ssr.checkpoints.origin import forget_part
from ssr.checkpoints.web import make_opener, make_request, shown
from ssr.data.parts import check_names, find_parts
from ssr.data.published import Source, is_local
from ssr.data.receiving import KEPT_FREE_BYTES, Progress
from ssr.errors import InputError, OutputError, WeightsError

PATIENCE = replace(DEFAULT_PATIENCE, max_bytes=4 << 40)
"""The largest published archive is of hundreds of gigabytes."""
MAX_LISTING_BYTES = 4 << 20


class Fetched(NamedTuple):
    """The parts of an archive on a disk, in their order.

    n_fetched: how many of them had to be fetched.
    """

    paths: tuple[Path, ...]
    n_fetched: int


def fetch_parts(
    source: Source,
    stem: str,
    folder: Path,
    *,
    patience: Patience = PATIENCE,
    progress: Progress = lambda _done, _total: None,
    tell: Callable[[str], None] = lambda _told: None,
) -> Fetched:
    """Bring the parts of one source into a folder; those of a local folder stay where they are.

    Args:
        stem: what their names begin with, for the listing.
        tell: called with a line about each part before it is fetched.

    Raises:
        InputError: a part is missing, or the source sends something else.
        OutputError: no room on the disk.
    """
    names = source.parts or find_parts(_listing(source, patience), stem)
    check_names(names)
    if is_local(source):
        paths = tuple(Path(source.base).expanduser() / name for name in names)
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path}: no such file; all parts are needed")
        return Fetched(paths, 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({one_line(error)})") from error
    n_fetched = 0
    for k, name in enumerate(names, start=1):
        tell(f"part {k} of {len(names)}: {name}")
        n_fetched += _fetch(_address(source.base, name), folder / name, patience, progress)
    return Fetched(tuple(folder / name for name in names), n_fetched)


def parts_folder(below: Path, name: str, source: Source) -> Path:
    """Where parts of one source lie: the same names at another source may be other cuts of the archive."""
    return below / f"{name}.parts" / hashlib.sha256(shown(source.base).encode()).hexdigest()[:8]


def changed_parts(paths: tuple[Path, ...]) -> list[str]:
    """Parts whose bytes are no longer those that were fetched, for an archive that turns out to be damaged."""
    changed = []
    for path in paths:
        record = read_record(path)
        if record is not None and sha256_of(path) != record.sha256:
            changed.append(path.name)
    return changed


def _fetch(url: str, path: Path, patience: Patience, progress: Progress) -> bool:
    """Whether there was anything to fetch."""
    if path.is_file() and _is_as_recorded(path):
        return False
    part = path.with_name(f".{path.name}.part")

    def watch(done: int, total: int | None) -> None:
        if total is not None and total - done > shutil.disk_usage(path.parent).free - KEPT_FREE_BYTES:
            raise OutputError(
                f"{path.parent}: no room for {path.name}, which has {total / 1e9:.3f} GB; what has arrived is kept"
            )
        progress(done, total)

    try:
        download(url, part, patience=patience, progress=watch)
    except WeightsError as error:
        raise InputError(str(error)) from error
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_record(path, Record(sha256=sha256_of(part), size_bytes=part.stat().st_size, url=shown(url), date=now))
    try:
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({one_line(error)})") from error
    forget_part(part)
    return True


def _is_as_recorded(path: Path) -> bool:
    """By its size; hashes of hundreds of gigabytes are compared only when an archive turns out to be damaged."""
    try:
        record = read_record(path)
    except WeightsError:
        return False
    return record is not None and record.size_bytes == path.stat().st_size


def _address(base: str, name: str) -> str:
    """The name appended to the path, before a query such as an access token."""
    path, mark, query = base.partition("?")
    return path + name + mark + query


def _listing(source: Source, patience: Patience) -> str:
    """The text that names the parts: a page of a server, or the names of a local folder.

    Raises:
        InputError: it cannot be had.
    """
    address = source.listing or source.base
    if not is_web(address):
        folder = Path(address).expanduser()
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; expected the parts of an archive in it")
        return "\n".join(path.name for path in folder.iterdir())
    try:
        with make_opener().open(make_request(address), timeout=patience.timeout_s) as response:
            return response.read(MAX_LISTING_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, WeightsError) as error:
        raise InputError(
            f"{shown(address)}: gives no listing of the parts ({one_line(error)}); name them with --parts"
        ) from error

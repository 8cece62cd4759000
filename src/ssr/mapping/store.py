"""Where does the work on a map lie, so that every cell is there once, whole, or not at all?

In a folder or an object store, `<recipe>/<partition>/`, under names that say what they hold:

    <cell>.<input>.<role>.<content>.tif    what a cell became; `content` is the beginning of its SHA-256
    <cell>.<input>.done.json               written last: which files belong to the cell, with sizes and hashes
    <cell>.<input>.failed.json             the cell was set aside, and why

`recipe` stands for all that is the same for every cell (grid, model, options), `input` for the dates of one. So work of
another plan is never taken for one's own, equal work is never done again, and two workers on one cell cannot mix their
files: what counts is the marker, and it appears at once. Nothing has a time in it; the store knows when it was written.
To go on, one list of each partition is enough.
"""

import errno
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ssr.atomic import one_line
from ssr.errors import InputError, MissingExtraError, OutputError
from ssr.raster.gdal import without_secrets

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

SHORT = 12
"""Digits of a hash in a name: two of a million contents agree with a chance of 2 in 10⁹."""
DONE, FAILED = "done.json", "failed.json"
PATIENCE_TRIES, FIRST_WAIT_S = 6, 0.02
FINAL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS})
"""Asking again does not help."""
_MARKER = re.compile(rf"^(?P<cell>[\w-]+)\.(?P<input>[0-9a-f]{{{SHORT}}})\.(?P<state>done|failed)\.json$")


@dataclass(frozen=True)
class KeptFile:
    """A file of a finished cell: its role (`image`, `trust`), its name in the partition, its size and hash."""

    role: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Done:
    """A finished cell: its files, and what was noted (the dates that were used, say)."""

    cell: str
    input: str
    files: tuple[KeptFile, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A cell that was set aside after so many tries, and its last error."""

    cell: str
    input: str
    error: str
    n_tries: int


@dataclass(frozen=True)
class Listing:
    """What a partition holds, from its list of names alone: by (cell, input), when each marker was written."""

    done: Mapping[tuple[str, str], datetime | None]
    failed: Mapping[tuple[str, str], datetime | None]
    n_bytes: int = 0


@dataclass(frozen=True)
class Store:
    """One recipe's part of a store.

    Args:
        url: a folder, or an address such as `s3://bucket/folder`.
        recipe: what is the same for all cells, as a short hash.
        options: of the file system, such as `endpoint_url` of S3.
    """

    url: str
    recipe: str
    options: Mapping[str, Any] = field(default_factory=dict)

    # ---- what is there

    def list(self, partition: str) -> Listing:
        """One look at a partition.

        Raises:
            InputError: the store cannot be listed.
        """
        fs, root = self._opened()
        try:
            entries = _patiently(lambda: _entries(fs, f"{root}/{partition}"))
        except OSError as error:
            raise InputError(f"{self._shown(partition)}: cannot be listed ({one_line(error)})") from error
        states: dict[str, dict[tuple[str, str], datetime | None]] = {"done": {}, "failed": {}}
        for entry in entries:
            match = _MARKER.match(entry["name"].rpartition("/")[2])
            if match:
                states[match["state"]][match["cell"], match["input"]] = _written(entry)
        n_bytes = sum(int(entry.get("size") or 0) for entry in entries)
        for finished in states["done"]:
            states["failed"].pop(finished, None)  # set aside once, done since
        return Listing(states["done"], states["failed"], n_bytes)

    def done(self, partition: str, cell: str, given: str) -> Done:
        """What a marker says.

        Raises:
            InputError: there is none, or it is not whole.
        """
        told = self._json(partition, f"{cell}.{given}.{DONE}")
        try:
            files = tuple(KeptFile(**one) for one in told["files"])
            return Done(told["cell"], told["input"], files, told["notes"])
        except (KeyError, TypeError) as error:
            raise InputError(f"{self._shown(partition)}/{cell}: its marker is not whole ({one_line(error)})") from error

    def failed(self, partition: str, cell: str, given: str) -> Failed:
        """Why a cell was set aside.

        Raises:
            InputError: it was not, or the marker is not whole.
        """
        told = self._json(partition, f"{cell}.{given}.{FAILED}")
        try:
            return Failed(told["cell"], told["input"], told["error"], told["n_tries"])
        except (KeyError, TypeError) as error:
            raise InputError(f"{self._shown(partition)}/{cell}: its marker is not whole ({one_line(error)})") from error

    def read(self, partition: str, file: KeptFile) -> bytes:
        """A file of a finished cell, compared with its marker.

        Raises:
            InputError: it is not there, or not what was written.
        """
        content = self._bytes(partition, file.name)
        if len(content) != file.size or hashlib.sha256(content).hexdigest() != file.sha256:
            raise InputError(
                f"{self._shown(partition)}/{file.name}: has {len(content)} bytes that are not what was written "
                f"({file.size} bytes of SHA-256 {file.sha256[:SHORT]}…); remove its marker and run the map again"
            )
        return content

    # ---- what is added

    def keep(
        self, partition: str, cell: str, given: str, contents: Mapping[str, bytes], notes: Mapping[str, Any]
    ) -> Done:
        """Keep what a cell became; it counts from when its marker is there, which is written last.

        Args:
            contents: by role.

        Raises:
            OutputError: the store does not take it, or the disk is full; nothing of it counts then.
        """
        files = []
        for role, content in sorted(contents.items()):
            sha256 = hashlib.sha256(content).hexdigest()
            name = f"{cell}.{given}.{role}.{sha256[:SHORT]}.tif"
            self._put(partition, name, content)
            files.append(KeptFile(role, name, len(content), sha256))
        done = Done(cell, given, tuple(files), dict(notes))
        told = {"cell": cell, "input": given, "files": [vars(file) for file in files], "notes": done.notes}
        self._put(partition, f"{cell}.{given}.{DONE}", _as_json(told))
        return done

    def set_aside(self, partition: str, failed: Failed) -> None:
        """Remember that a cell cannot be done, so that the run goes on.

        Raises:
            OutputError: the store does not take it.
        """
        self._put(partition, f"{failed.cell}.{failed.input}.{FAILED}", _as_json(vars(failed)))

    def take_up_again(self, partition: str, cell: str, given: str) -> None:
        """Forget that a cell was set aside."""
        fs, root = self._opened()
        with suppress(FileNotFoundError):
            _patiently(lambda: fs.rm_file(f"{root}/{partition}/{cell}.{given}.{FAILED}"))

    def sweep(self, partition: str, *, older_than_s: float) -> int:
        """Remove files that no marker names and what was left half-written; how many.

        Args:
            older_than_s: somebody may be writing what is younger.
        """
        fs, root = self._opened()
        entries = _patiently(lambda: _entries(fs, f"{root}/{partition}"))
        latest = datetime.now(UTC).timestamp() - older_than_s
        ages = {entry["name"].rpartition("/")[2]: _written(entry) for entry in entries}
        names = list(ages)
        named = {name for name in names if _MARKER.match(name)}
        for name in list(named):
            if name.endswith(DONE):
                match = _MARKER.match(name)
                assert match
                named.update(file.name for file in self.done(partition, match["cell"], match["input"]).files)
        lone = [name for name in names if name not in named and _is_older(ages[name], latest)]
        for name in lone:
            _patiently(lambda name=name: fs.rm_file(f"{root}/{partition}/{name}"))  # type: ignore[misc]
        return len(lone)

    # ---- how

    def _put(self, partition: str, name: str, content: bytes) -> None:
        """A file appears whole: on a disk by renaming, in an object store by its own promise."""
        fs, root = self._opened()
        path = f"{root}/{partition}/{name}"
        try:
            if _is_local(fs):
                _patiently(lambda: _put_locally(fs, path, content))
            else:
                _patiently(lambda: fs.pipe_file(path, content))
        except OSError as error:
            raise OutputError(f"{self._shown(partition)}/{name}: cannot be written ({one_line(error)})") from error

    def _bytes(self, partition: str, name: str) -> bytes:
        fs, root = self._opened()
        try:
            content: bytes = _patiently(lambda: fs.cat_file(f"{root}/{partition}/{name}"))
        except OSError as error:
            raise InputError(f"{self._shown(partition)}/{name}: cannot be read ({one_line(error)})") from error
        return content

    def _json(self, partition: str, name: str) -> dict[str, Any]:
        try:
            told = json.loads(self._bytes(partition, name))
        except ValueError as error:
            raise InputError(f"{self._shown(partition)}/{name}: is not whole ({one_line(error)})") from error
        return told if isinstance(told, dict) else {}

    def _opened(self) -> "tuple[AbstractFileSystem, str]":
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError as error:
            raise MissingExtraError("fsspec", "map", f"the store {without_secrets(self.url)}") from error
        try:
            fs, root = url_to_fs(self.url, use_listings_cache=False, **self.options)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{without_secrets(self.url)}: no store can be opened there ({one_line(error)})"
            ) from error
        return fs, f"{root.rstrip('/')}/{self.recipe}"

    def _shown(self, partition: str) -> str:
        return f"{without_secrets(self.url)}/{self.recipe}/{partition}"


def _is_local(fs: "AbstractFileSystem") -> bool:
    protocol = fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)
    return "file" in protocol


def _put_locally(fs: "AbstractFileSystem", path: str, content: bytes) -> None:
    """Under a name of its own first; its bytes reach the disk before the name promises them."""
    part = f"{path}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        with fs.open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def _entries(fs: "AbstractFileSystem", folder: str) -> "list[dict[str, Any]]":
    try:
        found = fs.ls(folder, detail=True, refresh=True) if not _is_local(fs) else fs.ls(folder, detail=True)
    except FileNotFoundError:
        return []
    return [entry for entry in found if entry["type"] == "file"]


def _is_older(written: datetime | None, moment: float) -> bool:
    return written is None or written.timestamp() <= moment


def _written(entry: Mapping[str, Any]) -> datetime | None:
    told = entry.get("mtime", entry.get("LastModified", entry.get("last_modified")))
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    return told if isinstance(told, datetime) else None


def _as_json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _patiently(act: Callable[[], T]) -> T:
    """Ask a store again that refuses now and then; what cannot be mended by asking again fails at once."""
    for k in range(PATIENCE_TRIES - 1):
        try:
            return act()
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
            raise
        except OSError as error:
            if error.errno in FINAL:
                raise
            time.sleep(FIRST_WAIT_S * 2**k)
    return act()

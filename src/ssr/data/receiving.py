"""Where may a member of an archive be written?

One rule for every format: plain files and folders, below the target, each name once, no more bytes than were declared
and than the disk has room for. Links, devices and everything else an archive can hold are refused: no training data
need them, and what is never made cannot lead anywhere.
"""

import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Self

from ssr.atomic import one_line
from ssr.errors import InputError, OutputError

Progress = Callable[[int, int | None], None]
KEPT_FREE_BYTES = 64 << 20
"""What is left of a disk, so that the machine goes on working."""


def safe_path(name: str) -> PurePosixPath:
    """The path of a member below the target.

    Raises:
        InputError: absolute, leading upwards, or of characters that are a path elsewhere.
    """
    path = PurePosixPath(name)
    is_odd = "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":")
    if path.is_absolute() or is_odd or ".." in path.parts or not name:
        raise InputError(f"holds the path {name!r}, which leads out of the folder; nothing was extracted")
    return path


def refuse_too_large(n_bytes: int, folder: Path, what: str) -> None:
    """Raise OutputError where the disk has no room."""
    free = shutil.disk_usage(folder).free
    if n_bytes + KEPT_FREE_BYTES > free:
        raise OutputError(
            f"{folder}: {what} needs {n_bytes / 1e9:.3f} GB, the disk has {free / 1e9:.3f} GB free; make room "
            "or choose another folder"
        )


class Receiver:
    """Writes members below a new folder, one open file at a time.

    Args:
        declared_bytes: of all members together; None where the archive does not say it beforehand.
    """

    def __init__(self, folder: Path, *, declared_bytes: int | None, progress: Progress) -> None:
        self.folder = folder
        self.declared_bytes = declared_bytes
        self.progress = progress
        self.n_files = 0
        self.n_bytes = 0
        self.file: BinaryIO | None = None
        self.last_folder: Path | None = None
        self.n_free = shutil.disk_usage(folder).free - KEPT_FREE_BYTES

    def make_folder(self, name: str) -> None:
        """A folder, which may be there already."""
        self._making(name, lambda path: path.mkdir(parents=True, exist_ok=True))

    def begin_file(self, name: str) -> None:
        """What is written from now on goes to a new file."""
        self.end_file()
        self._making(name, self._open)
        self.n_files += 1

    def write(self, block: bytes | bytearray | memoryview) -> None:
        """Raise InputError where more comes than was declared, OutputError where the disk is full."""
        assert self.file is not None
        self.n_bytes += len(block)
        if self.declared_bytes is not None and self.n_bytes > self.declared_bytes:
            raise InputError(f"declares {self.declared_bytes} bytes and holds more; extraction was stopped")
        if self.n_bytes > self.n_free:
            raise OutputError(f"{self.folder}: no room on the disk after {self.n_bytes} bytes")
        try:
            self.file.write(block)
        except OSError as error:
            raise OutputError(f"{self.file.name}: cannot be written ({one_line(error)})") from error
        self.progress(self.n_bytes, self.declared_bytes)

    def end_file(self) -> None:
        """Close the file that is open."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_file()

    def _open(self, path: Path) -> None:
        if path.parent != self.last_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.last_folder = path.parent
        self.file = path.open("xb")

    def _making(self, name: str, make: Callable[[Path], None]) -> None:
        path = self.folder / safe_path(name)
        try:
            make(path)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InputError(f"holds {name!r} twice, or as a file and as a folder") from error
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({one_line(error)})") from error

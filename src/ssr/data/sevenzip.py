"""How are the files of a 7z archive received one after the other? Needs the package py7zr."""

from pathlib import Path
from typing import IO

from py7zr import FileInfo, SevenZipFile
from py7zr.exceptions import AbsolutePathError, ArchiveError, PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from ssr.atomic import one_line
from ssr.data.receiving import Progress, Receiver, refuse_too_large, safe_path
from ssr.errors import InputError, SSRError


def extract_7z(file: IO[bytes], folder: Path, progress: Progress) -> tuple[int, int]:
    """Number of files and bytes that were written below a folder that is there and empty.

    Raises:
        InputError: damaged, or it holds what has no place in a folder of data.
        OutputError: the disk has no room.
    """
    try:
        with SevenZipFile(file, "r") as archive:
            return _receive(archive, folder, progress)
    except SSRError:
        raise
    except (ArchiveError, PasswordRequired, AbsolutePathError) as error:
        raise InputError(f"damaged, encrypted or not to be read here ({one_line(error)})") from error
    except Exception as error:  # on damaged bytes py7zr lets errors of every kind through
        raise InputError(f"damaged or a part is missing ({type(error).__name__}: {one_line(error)})") from error


def _receive(archive: SevenZipFile, folder: Path, progress: Progress) -> tuple[int, int]:
    members = archive.list()
    _check(members)
    declared = sum(member.uncompressed for member in members)
    refuse_too_large(declared, folder, "what the archive holds")
    with Receiver(folder, declared_bytes=declared, progress=progress) as receiver:
        for member in members:
            if member.is_directory:
                receiver.make_folder(member.filename)
            elif not member.uncompressed:
                receiver.begin_file(member.filename)
        archive.extractall(factory=_Places(receiver))
    if receiver.n_bytes != declared:
        raise InputError(f"declares {declared} bytes and holds {receiver.n_bytes}")
    return receiver.n_files, receiver.n_bytes


def _check(members: list[FileInfo]) -> None:
    names: set[str] = set()
    for member in members:
        safe_path(member.filename)
        if not (member.is_directory or member.is_file):
            raise InputError(f"holds {member.filename!r}, a link or device; expected files and folders only")
        if not member.is_directory and member.filename in names:
            raise InputError(f"holds {member.filename!r} twice")
        names.add(member.filename)


class _Places(WriterFactory):
    """Gives py7zr a place to write each file to."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def create(self, filename: str) -> Py7zIO:
        return _Place(filename, self.receiver)


class _Place(Py7zIO):
    """One file, made at its first byte: files come one after the other, and those without content are there already."""

    def __init__(self, name: str, receiver: Receiver) -> None:
        self.name, self.receiver, self.n_bytes = name, receiver, 0

    def write(self, s: bytes | bytearray) -> int:
        if s:
            if not self.n_bytes:
                self.receiver.begin_file(self.name)
            self.receiver.write(s)
            self.n_bytes += len(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self.n_bytes

"""How does an archive of training data become a folder, whatever the archive holds?"""

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BufferedReader
from pathlib import Path
from stat import S_IFMT, S_ISDIR, S_ISREG
from typing import IO, Literal, NamedTuple, Self, cast

from ssr.atomic import one_line
from ssr.data.parts import JoinedParts, check_names, check_sizes
from ssr.data.receiving import Progress, Receiver, refuse_too_large, safe_path
from ssr.errors import InputError, MissingExtraError

Format = Literal["7z", "zip", "tar", "compressed tar"]
BLOCK_BYTES = 1 << 20
TAR_BUFFER_BYTES = 1 << 15
"""The library copies what is left of it at every read."""
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (GZIP, "compressed tar"),
    (XZ, "compressed tar"),
    (BZIP2, "compressed tar"),
)
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
HEADER_OF_7Z = struct.Struct("<6s2sIQQI")
UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What the libraries raise on damaged or unusual archives."""


class Extracted(NamedTuple):
    """What an archive held."""

    n_files: int
    n_bytes: int


def extract(
    paths: Sequence[Path], folder: Path, *, progress: Progress = lambda _done, _total: None, what: str | None = None
) -> Extracted:
    """Write what an archive holds below a folder that is there and empty.

    Args:
        paths: the parts in their order; they are read as one and not written together.
        what: names the archive in messages.

    Raises:
        InputError: not an archive, damaged, a part is missing, or it holds what has no place in a folder of data.
        OutputError: the disk has no room.
        MissingExtraError: 7z archives need py7zr.
    """
    what = what or str(paths[0])
    check_names([path.name for path in paths])
    check_sizes(paths)
    with JoinedParts(paths) as joined, BufferedReader(joined, BLOCK_BYTES) as file:
        kind = format_of(file, joined.size_bytes)
        if kind is None:
            raise InputError(f"{what}: not an archive known here (7z, zip, tar, tar.gz, tar.xz, tar.bz2)")
        try:
            return EXTRACT[kind](file, joined.size_bytes, folder, progress)
        except UNREADABLE as error:
            raise InputError(
                f"{what}: damaged or a part is missing ({one_line(error) or type(error).__name__})"
            ) from error
        except InputError as error:
            raise InputError(f"{what}: {error}") from error


def format_of(file: IO[bytes], size_bytes: int) -> Format | None:
    """By the first bytes, never by the name."""
    head = file.read(min(TAR_MAGIC_AT + len(TAR_MAGIC), size_bytes))
    file.seek(0)
    if head[TAR_MAGIC_AT:] == TAR_MAGIC:
        return "tar"
    return next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)


def _extract_tar(file: IO[bytes], size_bytes: int, folder: Path, progress: Progress) -> Extracted:
    """A plain tar holds no more than it is long."""
    refuse_too_large(size_bytes, folder, "what the archive holds")
    return _receive_tar(file, Receiver(folder, declared_bytes=size_bytes, progress=progress))


def _extract_compressed_tar(file: IO[bytes], _size_bytes: int, folder: Path, progress: Progress) -> Extracted:
    """How much it holds is known at its end only; the room on the disk is the limit."""
    head = file.read(len(GZIP))
    file.seek(0)
    with _decompressed(file, head) as content:
        return _receive_tar(content, Receiver(folder, declared_bytes=None, progress=progress))


def _decompressed(file: IO[bytes], head: bytes) -> IO[bytes]:
    if head == GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    return bz2.BZ2File(file) if head == BZIP2[: len(head)] else lzma.LZMAFile(file)


def _receive_tar(content: IO[bytes], receiver: Receiver) -> Extracted:
    with receiver, tarfile.open(fileobj=content, mode="r|", tarinfo=_StrictHeader, bufsize=TAR_BUFFER_BYTES) as archive:
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # of millions of files none is looked up again
            safe_path(member.name)
            if member.isdir():
                receiver.make_folder(member.name)
                continue
            if not member.isreg() or member.issparse():
                raise InputError(f"holds {member.name!r}, {_kind_of(member)}; expected files and folders only")
            pixels = archive.extractfile(member)
            assert pixels is not None
            _copy(pixels, member.name, member.size, receiver)
    while content.read(BLOCK_BYTES):
        pass  # the checksum of a compressed file is at its very end
    return Extracted(receiver.n_files, receiver.n_bytes)


class _StrictHeader(tarfile.TarInfo):
    """Where the library ends quietly at a header that is cut or damaged, this is an error."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise InputError(f"damaged, or its last parts are missing or cut ({one_line(error)})") from error


def _kind_of(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    return "a sparse file" if member.issparse() else "a device or another special file"


def _extract_zip(file: IO[bytes], _size_bytes: int, folder: Path, progress: Progress) -> Extracted:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        for member in members:
            safe_path(member.filename)
            mode = member.external_attr >> 16
            if S_IFMT(mode) and not S_ISREG(mode) and not S_ISDIR(mode):
                raise InputError(f"holds {member.filename!r}, a link or device; expected files and folders only")
            if member.flag_bits & 1:
                raise InputError(f"holds {member.filename!r}, which is encrypted")
        declared = sum(member.file_size for member in members)
        refuse_too_large(declared, folder, "what the archive holds")
        with Receiver(folder, declared_bytes=declared, progress=progress) as receiver:
            for member in members:
                if member.is_dir():
                    receiver.make_folder(member.filename)
                    continue
                with archive.open(member) as content:
                    _copy(content, member.filename, member.file_size, receiver)
        return Extracted(receiver.n_files, receiver.n_bytes)


def _copy(content: IO[bytes], name: str, size_bytes: int, receiver: Receiver) -> None:
    receiver.begin_file(name)
    left = size_bytes
    while left > 0:
        block = content.read(min(BLOCK_BYTES, left))
        if not block:
            raise InputError(f"ends within {name!r}: its last parts are missing or cut")
        receiver.write(block)
        left -= len(block)
    if content.read(1):
        raise InputError(f"holds more of {name!r} than it declares")
    receiver.end_file()


def _extract_7z(file: IO[bytes], size_bytes: int, folder: Path, progress: Progress) -> Extracted:
    try:
        from ssr.data.sevenzip import extract_7z
    except ImportError as error:
        raise MissingExtraError("py7zr", "train", "a 7z archive") from error
    _refuse_cut_7z(file, size_bytes)
    return Extracted(*extract_7z(file, folder, progress))


def _refuse_cut_7z(file: IO[bytes], size_bytes: int) -> None:
    """The first bytes say where the table of contents lies, which is at the end."""
    head = file.read(HEADER_OF_7Z.size)
    file.seek(0)
    if len(head) == HEADER_OF_7Z.size:
        *_, offset, size, _ = HEADER_OF_7Z.unpack(head)
        expected = HEADER_OF_7Z.size + offset + size
        if size_bytes < expected:
            raise InputError(
                f"has {size_bytes} bytes in all, its header says {expected}: its last parts are missing or cut; all "
                "parts are needed, even for some of the files"
            )


EXTRACT: dict[Format, Callable[[IO[bytes], int, Path, Progress], Extracted]] = {
    "7z": _extract_7z,
    "zip": _extract_zip,
    "tar": _extract_tar,
    "compressed tar": _extract_compressed_tar,
}

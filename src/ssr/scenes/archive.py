"""How are the files of a folder and of a zip listed and read alike, without unpacking?"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from xml.etree.ElementTree import Element

from ssr.atomic import one_line
from ssr.errors import ImageReadError, InputError
from ssr.sentinel2.safexml import parse_xml

LARGEST_METADATA_BYTES = 32 * 2**20
"""ESA's product and granule metadata have less than one megabyte."""

MOST_FILES = 100_000


class Archive(Protocol):
    """Files by their path inside, with forward slashes, and their sizes in bytes."""

    @property
    def path(self) -> Path:
        """The folder or zip."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes by path inside."""
        ...

    def gdal_name(self, name: str) -> str:
        """How GDAL calls a file inside."""
        ...

    def read(self, name: str) -> bytes:
        """A small file."""
        ...


@dataclass(frozen=True)
class Folder:
    """The files below a folder; links to other folders are not followed."""

    path: Path
    sizes: Mapping[str, int]

    def gdal_name(self, name: str) -> str:
        return str(self.path / name)

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


@dataclass(frozen=True)
class Zip:
    """The members of a zip."""

    path: Path
    sizes: Mapping[str, int]

    def gdal_name(self, name: str) -> str:
        return f"/vsizip/{{{self.path.resolve()}}}/{name}"

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as opened, opened.open(name) as member:
            return member.read(LARGEST_METADATA_BYTES + 1)


def open_archive(path: Path) -> Archive:
    """List a folder or a zip.

    Raises:
        ImageReadError: no whole zip.
        InputError: absurdly many files.
    """
    if path.is_dir():
        files = (found for found in path.rglob("*") if found.is_file())
        listed: Archive = Folder(path, {file.relative_to(path).as_posix(): file.stat().st_size for file in files})
    else:
        try:
            with zipfile.ZipFile(path) as opened:
                listed = Zip(
                    path, {member.filename: member.file_size for member in opened.infolist() if not member.is_dir()}
                )
        except (zipfile.BadZipFile, OSError) as error:
            raise ImageReadError(f"{path}: is not a whole zip ({one_line(error)}); download it again") from error
    if len(listed.sizes) > MOST_FILES:
        raise InputError(f"{path}: holds {len(listed.sizes)} files, expected a product of at most {MOST_FILES}")
    return listed


def read_xml(archive: Archive, name: str) -> Element:
    """A metadata file inside, safely."""
    return parse_xml(_read_small(archive, name), f"{archive.path}/{name}")


def read_json(archive: Archive, name: str) -> dict[str, Any]:
    """A JSON object inside."""
    try:
        found = json.loads(_read_small(archive, name))
    except (ValueError, RecursionError) as error:
        raise ImageReadError(f"{archive.path}/{name}: is not whole JSON ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise ImageReadError(f"{archive.path}/{name}: is {type(found).__name__}, expected an object")
    return found


def _read_small(archive: Archive, name: str) -> bytes:
    where = f"{archive.path}/{name}"
    size = archive.sizes[name]
    if not size:
        raise ImageReadError(f"{where}: is empty; download the product again")
    if size > LARGEST_METADATA_BYTES:
        raise InputError(f"{where}: has {size} bytes, expected metadata of at most {LARGEST_METADATA_BYTES}")
    try:
        content = archive.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ImageReadError(f"{where}: cannot be read, truncated or damaged ({one_line(error)})") from error
    if len(content) > LARGEST_METADATA_BYTES:
        raise InputError(f"{where}: unpacks to more than {LARGEST_METADATA_BYTES} bytes; it is refused")
    return content

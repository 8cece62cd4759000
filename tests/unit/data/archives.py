"""Small archives of every kind, whole, cut into parts or hostile."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

FILES = {
    "set/naip/a/1_1/rgb.png": 3000,
    "set/sentinel2/1_1/tci.png": 2500,
    "set/sentinel2/1_1/b08.png": 0,
    "set/sentinel2/2_2/tci.png": 1,
}
"""Names and sizes of what archives hold; noise, so that compression does not shrink it."""


def content_of(name: str) -> bytes:
    return np.random.default_rng(len(name)).integers(0, 256, FILES[name], dtype=np.uint8).tobytes()


def assert_holds_all(folder: Path) -> None:
    """Every file with its bytes, and nothing else."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {name: content_of(name) for name in FILES}


def write_archive(path: Path) -> bytes:
    """An archive of the kind that its name says, with a folder entry and an empty file in it; its bytes."""
    ending = path.name.partition(".")[2]
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("set")
            for name in FILES:
                archive.writestr(name, content_of(name))
    elif ending == "7z":
        py7zr = pytest.importorskip("py7zr", reason="the extra 'train' is not installed")
        with py7zr.SevenZipFile(path, "w") as archive:
            for name in FILES:
                archive.writestr(content_of(name), name)
    else:
        with tarfile.open(path, f"w:{ending.partition('.')[2]}") as archive:
            archive.addfile(tar_entry("set", tarfile.DIRTYPE))
            for name in FILES:
                archive.addfile(tar_entry(name, size=FILES[name]), io.BytesIO(content_of(name)))
    return path.read_bytes()


def tar_entry(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size
    return entry


def write_tar(path: Path, *entries: tarfile.TarInfo) -> None:
    """A tar of these entries, files full of `x`."""
    with tarfile.open(path, "w") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))


def write_zip(path: Path, *names: str, link: str | None = None) -> None:
    """A zip of small files of these names; the first may be a symbolic link."""
    with zipfile.ZipFile(path, "w") as archive:
        for k, name in enumerate(names):
            entry = zipfile.ZipInfo(name)
            if link and k == 0:
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, link if link and k == 0 else "x")


def write_7z(path: Path, *names: str) -> None:
    """A 7z of small files whose names py7zr would not write itself: put in by letters of the same length."""
    py7zr = pytest.importorskip("py7zr", reason="the extra 'train' is not installed")
    with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive:
        archive.encoded_header_mode = False
        for k, name in enumerate(names):
            archive.writestr(b"x", f"{k}" * len(name))
    data = path.read_bytes()
    for k, name in enumerate(names):
        data = data.replace((f"{k}" * len(name)).encode("utf-16-le"), name.encode("utf-16-le"))
    path.write_bytes(_with_true_checksums(data))


def _with_true_checksums(data: bytes) -> bytes:
    """The header's checksum, and that of the first bytes, made to fit."""
    import struct
    import zlib

    offset, size = struct.unpack("<QQ", data[12:28])
    header = data[32 + offset : 32 + offset + size]
    start = data[12:28] + struct.pack("<I", zlib.crc32(header))
    return data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32:]


def cut(path: Path, data: bytes, n_parts: int, endings: tuple[str, ...]) -> list[Path]:
    """Parts of one size, the last the rest, written beside `path` with these endings."""
    size = -(-len(data) // n_parts)
    parts = []
    for k in range(n_parts):
        part = path.with_name(path.name + endings[k])
        part.write_bytes(data[k * size : (k + 1) * size])
        parts.append(part)
    return parts

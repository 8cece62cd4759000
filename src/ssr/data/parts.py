"""Which files are the parts of one archive, are they all there, and how are they read as one?"""

import errno
import io
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from ssr.errors import InputError

PART = re.compile(r"(?P<stem>.+\.(?:7z|zip|tar|tgz|gz|xz|bz2))\.(?:(?P<number>\d{2,})|(?P<letters>(?!gz|xz)[a-z]{2}))")
DISK_OF_ZIP = re.compile(r".+\.z\d{2,}", re.IGNORECASE)
PART_IN_TEXT = r"(?:7z|zip|tar|tar\.gz|tgz|tar\.xz|tar\.bz2)(?:\.\d{2,}|\.[a-z]{2})?"
FIRST_NUMBERS = (0, 1)


def find_parts(text: str, stem: str) -> tuple[str, ...]:
    """The parts of an archive that a listing names, in order; the listing may be JSON, HTML or XML.

    Raises:
        InputError: it names none.
    """
    word = rf"(?<![\w.-]){re.escape(stem)}\.{PART_IN_TEXT}(?![\w-])(?!\.\w)"
    found = tuple(sorted(set(re.findall(word, text))))
    if not found:
        raise InputError(
            f"no part of {stem} is named in the listing of {len(text)} characters; expected names such as "
            f"{stem}.7z.001; say which there are with --parts"
        )
    split = tuple(name for name in found if part_of(name))
    return split or found


def check_names(names: Sequence[str]) -> None:
    """Refuse parts that are not all of one archive in its order; that the last is missing no name can tell.

    Raises:
        InputError: says which part is missing, out of order or of another archive.
    """
    for name in names:
        if Path(name).name != name or name in ("", ".", "..") or "\\" in name:
            raise InputError(f"{name!r}: expected the plain name of a part")
        if DISK_OF_ZIP.fullmatch(name):
            raise InputError(
                f"{name}: a disk of a split zip; its table of contents lies in the last file, NAME.zip, and counts by "
                "disks, so that joining the files is not enough; with all of them in one folder run "
                "`zip -s 0 NAME.zip --out NAME-whole.zip`, then pass --url NAME-whole.zip"
            )
    parts = [part_of(name) for name in names]
    first = parts[0]
    if first is None:
        if len(names) > 1:
            raise InputError(f"{names[0]}: expected the name of a part, such as NAME.7z.001 or NAME.tar.aa")
        return
    if first.number not in FIRST_NUMBERS:
        raise InputError(f"{names[0]}: the parts of {first.stem} before it are missing or come after it")
    for name, part, expected in zip(names, parts, range(first.number, first.number + len(names)), strict=True):
        if part is None or part.stem != first.stem:
            raise InputError(f"{name}: not a part of {first.stem}, as {names[0]} is")
        if part.number != expected:
            raise InputError(
                f"{name}: expected part {expected} of {first.stem} in its place: a part is missing or out of order in "
                f"{', '.join(names)}"
            )


def check_sizes(paths: Sequence[Path]) -> None:
    """Parts are cut to one size, the last to what is left.

    Raises:
        InputError: names the part that has another size.
    """
    sizes = [path.stat().st_size for path in paths]
    for path, size in zip(paths[:-1], sizes[:-1], strict=True):
        if size != sizes[0]:
            raise InputError(f"{path}: has {size} bytes, the first part {sizes[0]}: truncated, or not of this archive")
    if len(sizes) > 1 and sizes[-1] > sizes[0]:
        raise InputError(
            f"{paths[-1]}: has {sizes[-1]} bytes, more than the first part ({sizes[0]}): not the last part"
        )


class Part(NamedTuple):
    """Which part of which archive a file is; aa counts as 0."""

    stem: str
    number: int


def part_of(name: str) -> Part | None:
    """By its name; None for a file that is no part of several."""
    match = PART.fullmatch(name)
    if match is None:
        return None
    if match["number"]:
        return Part(match["stem"], int(match["number"]))
    tens, ones = (ord(letter) - ord("a") for letter in match["letters"])
    return Part(match["stem"], tens * 26 + ones)


class JoinedParts(io.RawIOBase):
    """Several files read as one, without writing them together."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.files = [path.open("rb") for path in paths]
        sizes = [path.stat().st_size for path in paths]
        self.starts = [0, *accumulate(sizes)]
        self.place = 0

    @property
    def size_bytes(self) -> int:
        return self.starts[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size_bytes}[whence]
        if origin + offset < 0:
            raise OSError(errno.EINVAL, "negative position")
        self.place = origin + offset
        return self.place

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self.place >= self.size_bytes or not len(view):
            return 0
        which = bisect_right(self.starts, self.place) - 1
        file, end = self.files[which], self.starts[which + 1]
        file.seek(self.place - self.starts[which])
        n_read = file.readinto(view[: min(len(view), end - self.place)])
        self.place += n_read
        return n_read

    def close(self) -> None:
        for file in self.files:
            file.close()
        super().close()

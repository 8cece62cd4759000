"""Which file is an unfinished download a part of?"""

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import Self

from ssr.atomic import discard, whole_file
from ssr.errors import WeightsError


@dataclass(frozen=True)
class Origin:
    """What a server said of a file when its first byte came."""

    etag: str | None = None
    last_modified: str | None = None
    md5: str | None = None

    @property
    def validator(self) -> str | None:
        """What tells this file from a later one of the same address; weak tags may not be used for parts."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @classmethod
    def told_by(cls, headers: Message) -> Self:
        """From the headers of an answer with the whole file."""
        hashes = ", ".join(headers.get_all("x-goog-hash", []))
        stored = re.search(r"md5=([A-Za-z0-9+/=]+)", hashes)
        return cls(
            headers.get("ETag"), headers.get("Last-Modified"), stored[1] if stored else headers.get("Content-MD5")
        )


def write_origin(part: Path, origin: Origin) -> None:
    """Write it beside the part."""
    with whole_file(_beside(part)) as file:
        file.write_text(json.dumps(asdict(origin)), "utf-8")


def read_origin(part: Path) -> Origin:
    """What lies beside the part; an origin that says nothing when there is none, so that the part is not used."""
    try:
        return Origin(**json.loads(_beside(part).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Origin()


def check_arrived(part: Path, *, source: str) -> None:
    """Compare a finished part with the hash that the server told, if it did.

    Raises:
        WeightsError: they differ; the part is removed.
    """
    expected = read_origin(part).md5
    if not expected:
        return
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    found = base64.b64encode(digest).decode()
    if found != expected:
        forget_part(part)
        raise WeightsError(
            f"{source}: damaged on the way: MD5 of what arrived is {found}, the server says {expected}; run the same "
            "command again"
        )


def forget_part(part: Path) -> None:
    """Remove a part and its origin."""
    discard(part)
    discard(_beside(part))


def _beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")

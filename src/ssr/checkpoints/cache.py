"""Where do downloaded weights live, and are they still what was downloaded?

Beside every file lies `<file>.json` with its hash. The record outlives the file: a file that is fetched again must be
the one that was fetched first.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_dir

from ssr.atomic import one_line, whole_file
from ssr.checkpoints.files import sha256_of
from ssr.errors import WeightsError

CACHE_VARIABLE = "SSR_CACHE"


@dataclass(frozen=True)
class Record:
    """What is known of a file since it came: where from (without secrets), when, how long and which bytes."""

    sha256: str
    size_bytes: int
    url: str
    date: str


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of downloaded weights: `weights` below `SSR_CACHE`, or below the platform's place for caches."""
    below = environment.get(CACHE_VARIABLE) or user_cache_dir("ssr", appauthor=False)
    return Path(below).expanduser() / "weights"


def record_path(path: Path) -> Path:
    """Where the record of a cached file lies."""
    return path.with_name(f"{path.name}.json")


def write_record(path: Path, record: Record) -> None:
    """Write the record of a cached file, whole or not at all."""
    with whole_file(record_path(path)) as part:
        part.write_text(json.dumps(asdict(record), indent=2) + "\n", "utf-8")


def read_record(path: Path) -> Record | None:
    """The record of a cached file, or None where there is none.

    Raises:
        WeightsError: the record cannot be understood.
    """
    place = record_path(path)
    try:
        record = Record(**json.loads(place.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{place}: not a record of a download ({one_line(error)}); fetch the file anew with "
            f"`ssr weights get {path.stem} --force`"
        ) from error
    if not (isinstance(record.sha256, str) and isinstance(record.size_bytes, int)):
        raise WeightsError(f"{place}: holds no hash; fetch the file anew with `ssr weights get {path.stem} --force`")
    return record


def check_unchanged(path: Path) -> Record:
    """The record of a cached file whose bytes are still those that were downloaded.

    Raises:
        WeightsError: it has changed, or nothing is known of it.
    """
    record = read_record(path)
    if record is None:
        raise WeightsError(
            f"{path}: lies in the cache, but no hash of it is recorded (expected {record_path(path).name} beside it); "
            f"fetch it anew with `ssr weights get {path.stem} --force`"
        )
    try:
        size_bytes, found = path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({one_line(error)})") from error
    if found != record.sha256:
        raise WeightsError(
            f"{path}: has changed since its download on {record.date}: found SHA-256 {found} ({size_bytes} bytes), "
            f"expected {record.sha256} ({record.size_bytes} bytes); delete it and run `ssr weights get {path.stem}`"
        )
    return record


def cached_files(folder: Path) -> list[Path]:
    """Every file in the cache, in order; records, parts and locks are not among them."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.pth") if path.is_file() and not path.name.startswith("."))

"""How does a file appear whole or not at all?"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssr.errors import OutputError


@contextmanager
def whole_file(path: Path, *failures: type[Exception]) -> Iterator[Path]:
    """A temporary path beside the target, renamed to it when the block ends well and removed otherwise.

    Args:
        path: the file to write; its folder is made.
        failures: what the block may raise, besides OSError, when writing fails.

    Raises:
        OutputError: the folder cannot be made, the disk is full, the block failed.
    """
    part = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except Exception as error:
        if not isinstance(error, (OSError, *failures)):
            raise
        raise OutputError(f"{path}: cannot be written ({one_line(error)})") from error
    finally:
        discard(part)


def temporary_name(path: Path, label: str = "part") -> Path:
    """A hidden name in the same folder that no other process uses; keeps the suffix, which some writers go by."""
    return path.with_name(f".{path.stem}.{os.getpid()}.{label}{path.suffix}")


def discard(path: Path) -> None:
    """Remove a temporary file if it is there; an error on the way is already being reported."""
    with suppress(OSError):
        path.unlink()


def sweep(path: Path, label: str = "part") -> None:
    """Remove what killed processes left of a file or folder under temporary names (and what GDAL wrote beside those).

    Only for who alone may write it at the time. What cannot be removed is no reason to fail.
    """
    left = re.compile(rf"\.{re.escape(path.stem)}\.\d+\.{label}{re.escape(path.suffix)}(\..+)?")
    for found in path.parent.iterdir():
        if left.fullmatch(found.name):
            with suppress(OSError):
                remove(found)


def remove(path: Path) -> None:
    """A file or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise OutputError when the file is there and may not be replaced."""
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; pass --overwrite to replace it")


def one_line(error: BaseException) -> str:
    """An error's text without line breaks, cut to a length that fits a message."""
    return " ".join(str(error).split())[:200]

"""Which commands, option files and Python blocks do README.md and the pages show?"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("ssr", "python", "pip", "pipx", "torchrun", "taskset", "make", "tensorboard", "wandb", "docker", "podman")
SHELLS = ("bash", "sh", "console")
_FENCE = re.compile(r"^ *```(\S*)")
_COMMENT = re.compile(r"^<!-- (file: (?P<file>\S+)|(?P<run>run)) -->$")
_INLINE = re.compile(r"`(ssr [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, and what a comment on the line above says of it."""

    page: str
    line: int
    language: str
    text: str
    file: str | None
    is_run: bool


@dataclass(frozen=True)
class Command:
    """One command line; `text` as a reader copies it, without prompt and continuation."""

    page: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        """As a shell splits it; programs without the folder of an environment."""
        words = shlex.split(self.text, comments=True)
        return [re.sub(r"^(\S*/)?bin/", "", words[0]), *words[1:]]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md and all of docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(path: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    lines = path.read_text("utf-8").splitlines()
    page, start, language = path.relative_to(ROOT).as_posix(), 0, ""
    is_inside = False
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if not is_inside:
            start, language = number, fence[1]
        else:
            said = _COMMENT.match(lines[start - 2]) if start > 1 else None
            file, is_run = (said["file"], bool(said["run"])) if said else (None, False)
            yield Block(page, start, language, "\n".join(lines[start : number - 1]), file, is_run)
        is_inside = not is_inside


def commands_of(path: Path) -> Iterator[Command]:
    """Every command of a page: all lines of shell blocks, and of blocks without a language that begin with one."""
    for block in blocks_of(path):
        begins = Command(block.page, block.line, block.text.lstrip("$ ").split("\n")[0].split("#")[0] or "-")
        if block.language in SHELLS or (not block.language and _is_command(begins)):
            yield from _lines_of(block)


def _lines_of(block: Block) -> Iterator[Command]:
    whole, first = "", 0
    for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
        first = first if whole else number
        whole += line.strip().removeprefix("$ ")
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if whole and not whole.startswith("#"):
            yield Command(block.page, first, whole)
        whole = ""


def inline_commands_of(path: Path) -> Iterator[Command]:
    """Commands of `ssr` named within sentences and tables; they may be cut short."""
    is_inside = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if _FENCE.match(line):
            is_inside = not is_inside
        elif not is_inside:
            for found in _INLINE.finditer(line):
                yield Command(path.relative_to(ROOT).as_posix(), number, found[1])


def _is_command(line: Command) -> bool:
    try:
        return bool(line.words) and line.words[0] in PROGRAMS and not line.text.startswith(" ")
    except (ValueError, IndexError):
        return False

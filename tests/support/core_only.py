"""How does the program speak to somebody who installed the core alone and has no way to the internet?

One process runs one command after the other, as starting torch takes longer than most of them. Nothing can be
imported there that only extras bring, and every address on the web meets a proxy that is not there.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "GDAL_HTTP_PROXY")


class Without:
    """A finder of modules that does not find what only extras bring."""

    def __init__(self, finder: Any, hidden: set[str]) -> None:
        self.finder, self.hidden = finder, hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return None if name.partition(".")[0] in self.hidden else self.finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)


@dataclass(frozen=True)
class Said:
    """What a command did: its exit code and words."""

    code: int
    out: str
    err: str


class Newcomer:
    """A process with the core dependencies alone; used as a context."""

    def __init__(self, cache: Path) -> None:
        alone = {"SSR_CACHE": str(cache), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "no_proxy": ""}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.core_only"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | alone | dict.fromkeys(PROXIES, NOWHERE) | {"PYTHONPATH": str(ROOT / "src")},
        )

    def run(self, folder: Path, *words: str) -> Said:
        """`ssr …` in a folder."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([str(folder), *words]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"the process has ended while it ran {words}"
        return Said(*json.loads(answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def hidden_modules() -> set[str]:
    """Top-level modules of what a core installation lacks."""
    core = set(_core_distributions()) | {"satlas-super-resolution", "pip", "setuptools"}
    return {
        module
        for module, distributions in metadata.packages_distributions().items()
        if not {_normal(name) for name in distributions} & core and not module.startswith("_")
    }


def _core_distributions() -> Iterator[str]:
    """The project's dependencies and theirs, as they are installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    done: set[str] = set()
    left = [_name(requirement) for requirement in project["dependencies"]]
    while left:
        name = left.pop()
        if name in done:
            continue
        done.add(name)
        yield name
        with contextlib.suppress(metadata.PackageNotFoundError):  # for another system or version of Python
            needed = metadata.requires(name) or ()
            left += [_name(requirement) for requirement in needed if "extra ==" not in requirement]


def _name(requirement: str) -> str:
    return _normal(re.split(r"[\[<>=!~;( ]", requirement.strip())[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def serve() -> None:
    """Run what comes in, a JSON list a line: the folder, then the words after `ssr`."""
    hidden = hidden_modules()
    sys.meta_path[:] = [Without(finder, hidden) for finder in sys.meta_path]
    from ssr.cli.main import app
    from ssr.cli.output import run_reporting

    for line in sys.stdin:
        folder, *words = json.loads(line)
        out, err, code = io.StringIO(), io.StringIO(), 0
        os.chdir(folder)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run_reporting(lambda words=words: app(words, prog_name="ssr"))
            except SystemExit as left:
                code = int(left.code or 0)
        sys.stdout.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()

"""What does `ssr view` say, and what does it write?"""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssr.cli.view import view
from ssr.errors import MissingExtraError, SSRError
from tests.integration.conftest import Run
from tests.support.scenes import textured, write_tiff


def test_a_page_is_written(run: Run, dates: Path, tmp_path: Path) -> None:
    done = run("view", dates, "--html", "a.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wrote   a.html: 31×24 px, 3 layer(s), 0.")
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_a_mistake_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    done = run("view", "notes.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.splitlines()[0].endswith(".pmtiles, or a folder")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("nothing.tif", {}, "nothing.tif: no such file or folder"),
        ("empty", {}, "holds nothing to show"),
        ("broken.tif", {}, "cannot be opened as a raster"),
        ("large.tif", {"area": "0,0,5,5"}, "--area belongs to --html FILE"),
        ("large.tif", {"basemap": "https://tiles.example/{z}/{x}.png"}, "lacks {y}"),
        ("large.tif", {"host": "192.0.2.1", "opens": False}, "cannot be listened on"),
        ("large.tif", {"html": Path("a.html")}, "--area 138,88,1024,1024"),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, path: str, options: dict[str, Any], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.tif").write_bytes(b"II*\0 nothing else")
    write_tiff(tmp_path / "large.tif", np.ones((3, 1200, 1300), np.uint8))
    defaults = {
        "port": None,
        "host": "127.0.0.1",
        "basemap": None,
        "html": None,
        "area": None,
        "opens": True,
        "overwrite": False,
    }
    with pytest.raises(SSRError, match=re.escape(said)):
        view([str(tmp_path / path)], **(defaults | options))


def test_a_missing_package_is_said_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiff(tmp_path / "a.tif", textured(1, 9, 9)[0])
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'satlas-super-resolution\[view\]'"):
        view([str(path)], html=None, area=None, basemap=None)

"""Does the tutorial run, and is it stored as it runs?"""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.ipynb"


@pytest.fixture
def notebooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`tools/docs_notebook.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield import_module("docs_notebook")
    sys.modules.pop("docs_notebook", None)


def shapes_of(notebook: Any) -> list[tuple[str, ...]]:
    """What each cell gives: kinds of outputs, and its text with every number taken out."""
    found = []
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        kinds = [kind for output in outputs for kind in sorted(output.get("data", {}))]
        texts = [re.sub(r"[-+]?\d[\d.]*|\s+|[0-9a-f]{64}", "", output.get("text", "")) for output in outputs]
        found.append((cell.cell_type, cell.source, *kinds, *texts))
    return found


def test_the_stored_tutorial_is_executed_small_and_without_an_error() -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(notebook)
    assert TUTORIAL.stat().st_size < 700_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert {output.output_type for cell in code for output in cell.outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert "Traceback" not in TUTORIAL.read_text("utf-8")
    assert str(Path.home()) not in TUTORIAL.read_text("utf-8")


def test_its_page_shows_every_cell_and_picture(notebooks: Any) -> None:
    text, files = notebooks.page_of(TUTORIAL)
    notebook = nbformat.read(TUTORIAL, as_version=4)
    assert all(cell.source in text for cell in notebook.cells)
    pictures = [content for name, content in files.items() if name.endswith(".jpg")]
    assert len(pictures) == text.count("![") == 3
    assert all(content[:3] == b"\xff\xd8\xff" for content in pictures)


def test_its_page_holds_the_view_that_the_notebook_holds(notebooks: Any) -> None:
    text, files = notebooks.page_of(TUTORIAL)
    (name,) = (name for name in files if name.endswith(".html"))
    assert f'src="../{name}"' in text
    assert "srcdoc" not in text
    assert files[name].startswith(b"<!doctype html>")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages
def test_it_runs_and_says_what_is_stored(notebooks: Any, tmp_path: Path) -> None:
    again = notebooks.executed(TUTORIAL, tmp_path)
    assert shapes_of(again) == shapes_of(nbformat.read(TUTORIAL, as_version=4))
    assert (tmp_path / "tutorial-files" / "sharp.tif").is_file()

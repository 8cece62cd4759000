"""How does the executed notebook become a page, and how is it executed anew?

`python tools/docs_notebook.py` runs docs/tutorial.ipynb in a folder of its own and stores it with what it printed and
drew.
"""

import base64
import html
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
PICTURES = {"image/jpeg": "jpg", "image/png": "png"}
FRAMED = re.compile(r'srcdoc="([^"]*)"')
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(TUTORIAL, Path(folder))
    TUTORIAL.write_text(nbformat.writes(notebook) + "\n", "utf-8")
    print(f"{TUTORIAL.relative_to(ROOT)}: {TUTORIAL.stat().st_size / 1e3:.0f} kB")
    return 0


def executed(path: Path, folder: Path) -> Any:
    """The notebook with the outputs of a run in `folder`; an error in a cell is an error here."""
    notebook = nbformat.read(path, as_version=4)
    os.environ.setdefault("IPYTHONDIR", str(folder / ".ipython"))
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,  # else what is printed lies in more pieces where the machine is busy
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell ran is of no interest and differs every time
    return notebook


def page_of(path: Path) -> tuple[str, dict[str, bytes]]:
    """The page in Markdown, and the files that it shows by their path in the site."""
    notebook = nbformat.read(path, as_version=4)
    files: dict[str, bytes] = {}
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code" and "hidden" not in cell.metadata.get("tags", []):
            parts.append(f"```python\n{cell.source}\n```")
            parts += [_shown(output, files) for output in cell.outputs]
    parts.insert(1, f"[Download this page as a notebook]({path.name}).")
    return "\n\n".join(part for part in parts if part) + "\n", files


def _shown(output: Any, files: dict[str, bytes]) -> str:
    """One output of a cell."""
    if output.output_type == "stream":
        return _block(output.text)
    data = output.get("data", {})
    for kind, suffix in PICTURES.items():
        if kind in data:
            name = f"pictures/tutorial_{len(files) + 1}.{suffix}"
            files[name] = base64.b64decode(data[kind])
            return f"![output of the cell above]({name})"
    if "text/html" in data:
        return f'<div class="notebook-output">{_apart(data["text/html"], files)}</div>'
    return _block(data.get("text/plain", ""))


def _apart(text: str, files: dict[str, bytes]) -> str:
    """HTML of a cell. What a frame holds becomes a file of the site, which Markdown does not read."""
    for held in FRAMED.findall(text):
        name = f"pictures/tutorial_{len(files) + 1}.html"
        files[name] = html.unescape(held).encode()
        text = text.replace(f'srcdoc="{held}"', f'src="../{name}"')
    return text


def _block(text: str) -> str:
    return f"```text\n{ANSI.sub('', text).rstrip()}\n```" if text.strip() else ""


if __name__ == "__main__":
    sys.exit(main())

"""Which pages of the site are made from files that live elsewhere in the repository?

ARCHITECTURE.md, CONTRIBUTING.md and CHANGELOG.md are read where every repository has them, the tutorial is a notebook;
mkdocs finds their pages here while it builds, so there is no second copy to keep fresh.
"""

import re
import sys
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
FROM_ROOT = {
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
LICENCE = "LICENSE"
NOTEBOOK = "tutorial.ipynb"
LINK = re.compile(r"(\]\()(?!https?:|#)([^)\s]+)(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for page, source in FROM_ROOT.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=as_page(text)))
    files.append(File.generated(config, LICENCE, content=(ROOT / LICENCE).read_text("utf-8")))
    text, pictures = _notebook_pages(Path(config.docs_dir) / NOTEBOOK)
    files.append(File.generated(config, "tutorial.md", content=text))
    for name, content in pictures.items():
        files.append(File.generated(config, name, content=content))
    return files


def _notebook_pages(notebook: Path) -> tuple[str, dict[str, bytes]]:
    sys.path.insert(0, str(Path(__file__).parent))  # mkdocs imports a hook by its path alone
    try:
        return import_module("docs_notebook").page_of(notebook)
    finally:
        sys.path.pop(0)


def as_page(text: str) -> str:
    """A file of the repository's root as a page in `docs/`: its links lead to the pages of the site."""
    return LINK.sub(lambda found: found[1] + _from_docs(found[2]) + found[3], text)


def _from_docs(target: str) -> str:
    """Where a link of the root leads from within `docs/`."""
    path, hash_mark, anchor = target.partition("#")
    pages = {source: page for page, source in FROM_ROOT.items()}
    return (pages.get(path) or path.removeprefix("docs/")) + hash_mark + anchor

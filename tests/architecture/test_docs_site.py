"""Does the site build strictly, with every public name, and without asking anybody on the internet?"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import ssr

ROOT = Path(__file__).resolve().parents[2]
FETCHES = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_builds_strictly_with_the_pages_made_from_elsewhere(site: Path) -> None:
    for page in ("index", "architecture/index", "contributing/index", "changelog/index", "tutorial/index"):
        assert (site / f"{page}.html").is_file()


def test_no_page_fetches_anything_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    found = {page.relative_to(site): FETCHES.findall(page.read_text("utf-8")) for page in pages}
    assert {page: urls for page, urls in found.items() if urls} == {}


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    missing = [name for name, home in ssr._HOMES.items() if f"::: {home}.{name}\n" not in text and name != "SSRError"]
    assert missing == []
    assert "SSRError" in text
    page = (site / "reference" / "index.html").read_text("utf-8")
    assert [name for name in ssr._HOMES if f".{name}" not in page] == []


def test_every_page_is_reached_from_the_navigation() -> None:
    """mkdocs says so too; here without building."""
    text = re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text("utf-8"))
    named = set(re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"])))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= named

"""Which files is the page made of?"""

from functools import cache
from importlib.resources import files


@cache
def static_files() -> dict[str, str]:
    """The page's own files by name: no other name is ever looked up."""
    folder = files("ssr.viewer") / "static"
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name[0] != "."}

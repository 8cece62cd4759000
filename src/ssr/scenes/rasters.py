"""Which image files do the files and folders hold that a user gives?"""

from collections.abc import Sequence
from pathlib import Path

from ssr.errors import InputError

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jp2", ".vrt", ".jpg", ".jpeg")


def find_images(inputs: Sequence[Path]) -> list[Path]:
    """The given files, and the images directly in the given folders, each once and in the order of their names.

    The order of the arguments does not matter, so it cannot change a result.

    Raises:
        InputError: an input does not exist, or no image is found.
    """
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            found += [p for p in path.iterdir() if _is_image(p)]
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    if not found:
        listed = ", ".join(map(str, inputs))
        raise InputError(f"{listed}: no images; expected one file per date ({', '.join(IMAGE_SUFFIXES)})")
    once = {path.resolve(): path for path in found}
    return sorted(once.values(), key=lambda path: (path.name, str(path)))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()

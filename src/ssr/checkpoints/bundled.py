"""Which weights come with the package?"""

from pathlib import Path

from ssr.errors import WeightsError

FOLDER = Path(__file__).parent / "bundled_weights"
DEFAULT = "compact-8"


def bundled_names() -> list[str]:
    """Names of the models that need no download."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def bundled_weights(name: str = DEFAULT) -> Path:
    """File of a bundled model.

    Raises:
        WeightsError: no model of that name.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise WeightsError(f"no bundled model {name!r}; there are: {', '.join(bundled_names()) or 'none'}")
    return path

"""Which network does a user mean by a name or a path?"""

from dataclasses import dataclass
from pathlib import Path

from ssr.build import load_model
from ssr.checkpoints.bundled import DEFAULT, bundled_names, bundled_weights
from ssr.checkpoints.files import sha256_of
from ssr.errors import WeightsError
from ssr.models.protocol import SuperResolver


@dataclass(frozen=True)
class NamedModel:
    """A network, what to call it, and the hash of its weight file."""

    network: SuperResolver
    name: str
    sha256: str


def open_model(name_or_file: str | Path = DEFAULT) -> NamedModel:
    """A bundled model by its name, or any supported weight file by its path."""
    path = bundled_weights(str(name_or_file)) if str(name_or_file) in bundled_names() else Path(name_or_file)
    if not path.is_file():
        known = ", ".join(bundled_names())
        raise WeightsError(f"{name_or_file}: neither a weight file nor a bundled model ({known})")
    return NamedModel(load_model(path), path.stem, sha256_of(path))

"""What does a weight file say of the network it belongs to?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ssr.atomic import one_line
from ssr.checkpoints.files import read_text_entry
from ssr.errors import WeightsError

MODEL, VERSION, SOURCE, SOURCE_SHA256, ENTRY = "model", "ssr", "source", "source_sha256", "entry"
DESCRIPTION = "ssr"
"""Entry of a torch file beside its tensors."""


def read_description(path: Path) -> dict[str, str]:
    """The text that a safetensors file, or a torch file of this program, carries beside its tensors.

    Raises:
        WeightsError: not a safetensors file, in spite of its name.
    """
    if path.suffix != ".safetensors":
        return read_text_entry(path, DESCRIPTION)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not readable as safetensors ({one_line(error)})") from error


def described_options(description: Mapping[str, str], *, source: Path | str) -> dict[str, Any] | None:
    """Options of the network (`type`, …) that a file written by this program names; None where it names none.

    They say what shapes cannot: an ESRGAN of scale 1 or 2 has the tensors of one of scale 4.

    Raises:
        WeightsError: the entry is damaged.
    """
    if VERSION not in description or MODEL not in description:
        return None
    try:
        options = json.loads(description[MODEL])
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{source}: its entry {MODEL!r} is not JSON ({one_line(error)})") from error
    if not isinstance(options, dict):
        raise WeightsError(f"{source}: expected a mapping in its entry {MODEL!r}, found {type(options).__name__}")
    return options

"""How is a model kept as a folder that others can share?

The layout of the Hugging Face hub: `config.json` says which network, `model.safetensors` holds its tensors. Nothing
else is read, and neither file can name another.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssr.atomic import discard, one_line, refuse_existing, whole_file
from ssr.checkpoints.files import StateDict, read_weights, write_safetensors
from ssr.errors import ConfigError, MissingExtraError, WeightsError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
FORMAT = "ssr"
FORMAT_VERSION = 1
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def write_pretrained(
    folder: Path,
    config: Mapping[str, Any],
    state: StateDict,
    *,
    metadata: Mapping[str, str],
    overwrite: bool = False,
) -> None:
    """Write both files; the config comes last, so a folder that has one is whole.

    Args:
        config: what JSON can hold; the mark of our format is added.
        metadata: text that goes into the weight file.

    Raises:
        OutputError: the folder holds a model already, or cannot be written.
    """
    refuse_existing(folder / CONFIG, overwrite=overwrite)
    refuse_existing(folder / WEIGHTS, overwrite=overwrite)
    marked = {"format": FORMAT, "format_version": FORMAT_VERSION, **config}
    text = json.dumps(marked, indent=2, allow_nan=False) + "\n"
    discard(folder / CONFIG)
    write_safetensors(folder / WEIGHTS, state, metadata=metadata)
    with whole_file(folder / CONFIG) as part:
        part.write_text(text, encoding="utf-8")


def read_pretrained(folder: Path) -> tuple[dict[str, Any], StateDict]:
    """The config without the mark of our format, and the tensors.

    Raises:
        WeightsError: a file is missing, leads out of the folder, is damaged, or of a format this version does not know.
    """
    config = _read_json(_file_within(folder, CONFIG))
    found, version = config.pop("format", None), config.pop("format_version", None)
    if found != FORMAT:
        raise WeightsError(
            f"{folder / CONFIG}: expected 'format': {FORMAT!r}, found {found!r}; this folder was not written by ssr"
        )
    if version != FORMAT_VERSION:
        raise WeightsError(
            f"{folder / CONFIG}: expected 'format_version': {FORMAT_VERSION}, found {version!r}; "
            f"another version of ssr may read it"
        )
    return config, read_weights(_file_within(folder, WEIGHTS))


def find_pretrained(folder_or_id: str | Path, *, revision: str | None = None, offline: bool = False) -> Path:
    """The folder of that path or, where there is none, of that model on the hub.

    Args:
        folder_or_id: a folder, or `organisation/name`.
        revision: branch, tag or commit on the hub; by default its main branch.
        offline: use what earlier calls have fetched, never the network.

    Raises:
        WeightsError: neither a folder nor a model on the hub, or the hub does not answer.
        ConfigError: a revision of a folder.
        MissingExtraError: a hub's name, and huggingface_hub is not installed.
    """
    folder = Path(folder_or_id)
    if folder.is_dir():
        if revision is not None:
            raise ConfigError(f"{folder}: a folder has no revision {revision!r}; revisions belong to names on the hub")
        return folder
    name = folder_or_id.as_posix() if isinstance(folder_or_id, Path) else folder_or_id
    if folder.exists() or not HUB_ID.fullmatch(name):
        raise WeightsError(f"{name}: expected a folder with {CONFIG} and {WEIGHTS}, or a hub's organisation/name")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "huggingface_hub", "hub", f"{name} is no folder here; to look for it on the hub"
        ) from error
    try:
        place = snapshot_download(
            name, revision=revision, allow_patterns=[CONFIG, WEIGHTS], local_files_only=offline, library_name="ssr"
        )
    except Exception as error:
        where = "among the models fetched before" if offline else "on the hub"
        raise WeightsError(f"{name}: no such folder, and not found {where} ({one_line(error)})") from error
    return Path(place)


def _file_within(folder: Path, name: str) -> Path:
    """The file of that name, which no link may lead elsewhere; the hub's cache links within one model."""
    path = folder / name
    if not path.is_file():
        raise WeightsError(f"{folder}: expected {CONFIG} and {WEIGHTS} in this folder, {name} is missing")
    root = folder.resolve()
    if root.parent.name == "snapshots":
        root = root.parent.parent
    if not path.resolve().is_relative_to(root):
        raise WeightsError(f"{path}: refused, it links to a file outside of {root}")
    return path


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not readable as JSON ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content

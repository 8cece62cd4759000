"""How does an option file become a config?"""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ssr.config import basicsr
from ssr.config.presets import preset
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError

Config = TypeVar("Config", bound=BaseModel)


def load_config(path: Path, kind: type[Config]) -> tuple[Config, list[str]]:
    """Read a native or an original option file; `model` may be the name of a preset.

    Returns:
        The config and the notes of the translation (empty for native files).

    Raises:
        ConfigError: unreadable YAML, an unknown key, a value out of range.
    """
    options = read_yaml(path)
    notes: list[str] = []
    if basicsr.is_original(options):
        options, notes = basicsr.translate(options, for_training=kind is TrainConfig, source=str(path))
    if isinstance(options.get("model"), str):
        options["model"] = preset(options["model"], source=str(path)).model_dump()
    return parse(options, kind, source=str(path)), notes


def read_yaml(path: Path) -> dict[str, Any]:
    """Parse a YAML mapping; nothing in it is executed."""
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such option file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as an option file ({error})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(options, dict):
        raise ConfigError(f"{path}: expected a mapping of options, found {type(options).__name__}")
    return options


def parse(options: dict[str, Any], kind: type[Config], *, source: str) -> Config:
    """Validate, naming the path of the first wrong key."""
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        where = written_path(options, first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"{source}: unknown option '{where}'; see the option reference in docs/options.md"
            ) from error
        if first["type"] in ("missing", "value_error"):
            raise ConfigError(f"{source}: option '{where}': {first['msg'].removeprefix('Value error, ')}") from error
        raise ConfigError(f"{source}: option '{where}': {first['msg']}, found {first['input']!r}") from error


def written_path(options: Any, location: tuple[int | str, ...]) -> str:
    """An error's place in the user's own words: pydantic adds the chosen `type` of a union, which nobody wrote."""
    written, here = [], options
    for k, part in enumerate(location):
        is_there = part in here if isinstance(here, dict) else isinstance(part, int) and part < len(here)
        if is_there:
            here = here[part]
        elif k + 1 < len(location) or (isinstance(here, dict) and part == here.get("type")):
            continue
        written.append(str(part))
    return ".".join(written) or "(top level)"


__all__ = ["InferConfig", "TrainConfig", "load_config", "parse", "read_yaml"]

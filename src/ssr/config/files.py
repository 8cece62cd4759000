"""How does an option file become a config, and a config a file?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ssr.config import basicsr
from ssr.config.basicsr.evaluation import translate_test
from ssr.config.names import known_names
from ssr.config.nearest import did_you_mean, nearest
from ssr.config.overrides import debugged, with_forced, with_settings
from ssr.config.presets import preset
from ssr.config.schema import InferConfig, TestConfig, TrainConfig
from ssr.errors import ConfigError

Config = TypeVar("Config", bound=BaseModel)

WORDS = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of options",
    "model_type": "must be a mapping of options",
    "model_attributes_type": "must be a mapping of options",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
}
"""Pydantic's names of what was wrong, and what to say of it."""

KEYS_OF_TRAINING = ("datasets", "train", "train_data", "training")
KEYS_OF_TESTS = ("test_datasets", "models")


@dataclass(frozen=True)
class Changes:
    """What a command line asks beside the file.

    settings: `a.b=value`, native options.
    forced: `a:b=value`, options of an original file before it is translated.
    debugs: named `debug_…`, validates and saves every eight steps and speaks at every one.
    strict: options that would be corrected are refused.
    n_processes: of the run; original files count a batch for each.
    """

    settings: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    debugs: bool = False
    strict: bool = False
    n_processes: int = 1


AS_WRITTEN = Changes()


def load_config(path: Path, kind: type[Config], changes: Changes = AS_WRITTEN) -> tuple[Config, list[str]]:
    """Read a native or an original option file; `model` may be the name of a preset.

    Returns:
        The config and the notes of the translation (empty for native files).

    Raises:
        ConfigError: unreadable YAML, an unknown key, a value out of range.
    """
    options = read_yaml(path)
    notes: list[str] = []
    if basicsr.is_original(options):
        options, notes = _translated(with_forced(options, changes.forced), kind, path, changes)
    elif changes.forced:
        raise ConfigError(f"{path}: --force_yml changes options of the original; this file is native, use --set")
    if changes.debugs:
        options = debugged(options)
    options = with_settings(_with_preset(options, path), changes.settings)
    return parse(_with_preset(options, path), kind, source=str(path)), notes


def kind_of(options: Mapping[str, Any]) -> type[TrainConfig] | type[InferConfig] | type[TestConfig]:
    """Which command an option file is for."""
    if any(key in options for key in KEYS_OF_TRAINING):
        return TrainConfig
    return TestConfig if any(key in options for key in KEYS_OF_TESTS) else InferConfig


def _translated(
    options: Mapping[str, Any], kind: type[BaseModel], path: Path, changes: Changes
) -> tuple[dict[str, Any], list[str]]:
    if kind is TestConfig:
        return translate_test(options, source=str(path), strict=changes.strict)
    return basicsr.translate(
        options,
        for_training=kind is TrainConfig,
        source=str(path),
        n_processes=changes.n_processes,
        strict=changes.strict,
    )


def dump_config(config: BaseModel) -> str:
    """YAML that `load_config` reads as the same config; what nobody set is left out."""
    options = config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return yaml.safe_dump(options, sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """Parse a YAML mapping; nothing in it is executed."""
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such option file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as an option file ({error})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(options, dict):
        raise ConfigError(f"{path}: expected a mapping of options, found {type(options).__name__}")
    return options


def parse(options: dict[str, Any], kind: type[Config], *, source: str) -> Config:
    """Validate, naming the path of the first wrong key."""
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        # Of several, an unknown name is the likeliest to explain the others: it stands in the place of a missing one.
        first = min(error.errors(), key=lambda wrong: wrong["type"] != "extra_forbidden")
        where = written_path(options, first["loc"])
        if first["type"] == "extra_forbidden":
            near = did_you_mean(first["loc"][-1], known_names(kind, first["loc"]))
            raise ConfigError(f"{source}: unknown option '{where}'{near}") from error
        if first["type"] == "missing":
            raise ConfigError(f"{source}: option '{where}': required, but not given") from error
        if first["type"] == "value_error":
            raise ConfigError(f"{source}: option '{where}': {first['msg'].removeprefix('Value error, ')}") from error
        raise ConfigError(f"{source}: option '{where}': {_must_be(first)}, found {first['input']!r}") from error


def _must_be(wrong: ErrorDetails) -> str:
    """What a value must be, in words that do not speak of Python."""
    if wrong["type"] == "literal_error":
        choices: str = wrong["ctx"]["expected"]
        near = nearest(wrong["input"], re.findall("'([^']*)'", choices))
        return f"must be {choices}" + (f" (did you mean '{near}'?)" if near else "")
    return WORDS.get(wrong["type"]) or wrong["msg"].replace("Input should be", "must be")


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


def _with_preset(options: dict[str, Any], path: Path) -> dict[str, Any]:
    if not isinstance(options.get("model"), str):
        return options
    return {**options, "model": preset(options["model"], source=str(path)).model_dump()}


__all__ = [
    "Changes",
    "InferConfig",
    "TestConfig",
    "TrainConfig",
    "dump_config",
    "kind_of",
    "load_config",
    "parse",
    "read_yaml",
]

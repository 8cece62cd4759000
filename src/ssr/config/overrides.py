"""How does a command line change options of a file?

Values are YAML (`8`, `1e-4`, `[1, 2]`, `true`); nothing in them is executed.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ssr.errors import ConfigError

EVERY_FEW_STEPS = {"validate_every": 8, "log_every": 1, "checkpoint_every": 8, "logging": {}}


def with_settings(options: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Native options after `--set a.b=value …`; entries of a list go by their number, from 0.

    Raises:
        ConfigError: no `=`, a value that is no YAML, a path through something that holds no options.
    """
    return _with_values(options, settings, flag="--set", separator=".")


def with_forced(options: Mapping[str, Any], forced: Sequence[str]) -> dict[str, Any]:
    """Original options after `--force_yml a:b=value …`.

    Raises:
        ConfigError: as for `with_settings`.
    """
    return _with_values(options, forced, flag="--force_yml", separator=":")


def debugged(options: Mapping[str, Any]) -> dict[str, Any]:
    """Native options of a run to look at: named `debug_…`, it speaks at every step and stops to look every eight."""
    name, training = options.get("name"), options.get("training")
    changed = dict(options)
    if isinstance(name, str) and not name.startswith("debug_"):
        changed["name"] = f"debug_{name}"
    if isinstance(training, Mapping):
        changed["training"] = {**training, **EVERY_FEW_STEPS}
    return changed


def _with_values(options: Mapping[str, Any], entries: Sequence[str], *, flag: str, separator: str) -> dict[str, Any]:
    changed = copy.deepcopy(dict(options))
    for entry in entries:
        path, equals, text = entry.partition("=")
        keys = path.strip().split(separator)
        if not equals or not all(keys):
            raise ConfigError(f"{flag} {entry}: expected a{separator}b=value")
        _put(changed, keys, _value(entry, text, flag), f"{flag} {entry}")
    return changed


def _value(entry: str, text: str, flag: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{flag} {entry}: the value is not valid YAML: {' '.join(str(error).split())}") from error


def _put(options: dict[str, Any], keys: list[str], value: Any, said: str) -> None:
    *parents, last = keys
    place: Any = options
    for k, key in enumerate(parents):
        inner = place[_index(place, key, said)] if isinstance(place, list) else place.get(key)
        if inner is None:  # a group of options that the file leaves out
            inner = place[key] = {}
        if not isinstance(inner, dict | list):
            raise ConfigError(f"{said}: '{'.'.join(keys[: k + 1])}' is {inner!r}, which holds no options")
        place = inner
    place[_index(place, last, said) if isinstance(place, list) else last] = value


def _index(place: list[Any], key: str, said: str) -> int:
    if not key.isdecimal() or int(key) >= len(place):
        raise ConfigError(f"{said}: expected a number from 0 to {len(place) - 1} in place of {key!r}")
    return int(key)

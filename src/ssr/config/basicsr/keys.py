"""How is a mapping of the original read so that no key of it goes unseen?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssr.config.nearest import did_you_mean, nearest
from ssr.errors import ConfigError


@dataclass
class Notes:
    """What there is to say about a translation, in the order in which it was found."""

    corrections: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ignored: dict[str, list[str]] = field(default_factory=dict)

    def as_lines(self) -> list[str]:
        """Corrections first; keys that are ignored for one reason share a line."""
        lines = [f"{', '.join(paths)}: ignored, {reason}" for reason, paths in self.ignored.items()]
        return [*self.corrections, *self.remarks, *lines]


class Keys:
    """A mapping of which every key must be taken or ignored; nested mappings are followed by their path."""

    def __init__(self, options: Any, source: str, path: str = "", notes: Notes | None = None) -> None:
        if not isinstance(options, Mapping):
            raise ConfigError(f"{source}: option '{path}': expected a mapping, found {options!r}")
        self.options = dict(options)
        self.source = source
        self.path = path
        self.notes = notes if notes is not None else Notes()
        self.unread = set(self.options)
        self._asked: set[str] = set()
        self._children: list[Keys] = []

    def has(self, key: str) -> bool:
        """Whether the key is there with a value; asking does not count as reading."""
        return self.options.get(key) is not None

    def take(self, key: str, default: Any = ...) -> Any:
        self.unread.discard(key)
        self._asked.add(key)
        value = self.options.get(key, default)
        if value is ...:
            written = nearest(key, map(str, self.unread))
            hint = f"; is it written as '{written}'?" if written else ""
            raise ConfigError(f"{self.source}: option '{self.full(key)}' is missing{hint}")
        return value

    def take_count(self, key: str, default: Any = ..., *, least: int = 0) -> int:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.fail(key, f"expected a whole number from {least}, found {value!r}")
        return value

    def take_steps(self, key: str, default: Any = ...) -> int:
        """A number of steps; files write `5e3`, which YAML reads as text, or `!!float 5e3`."""
        value = self.take_number(key, default)
        if value != int(value) or value < 1:
            raise self.fail(key, f"expected a number of steps, found {value!r}")
        return int(value)

    def take_number(self, key: str, default: Any = ..., *, least: float = -math.inf) -> float:
        value = self.take(key, default)
        try:
            number = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise self.fail(key, f"expected a number, found {value!r}")
        if number < least:
            raise self.fail(key, f"expected a number from {least:g}, found {value!r}")
        return number

    def take_flag(self, key: str, default: Any = ...) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, f"expected true or false, found {value!r}")
        return value

    def take_text(self, key: str, default: Any = ...) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, f"expected text, found {value!r}")
        return value.strip()

    def take_list(self, key: str, default: Any = ..., *, of: type | tuple[type, ...]) -> list[Any]:
        value = self.take(key, default)
        if not isinstance(value, list | tuple) or any(isinstance(v, bool) or not isinstance(v, of) for v in value):
            names = " or ".join(kind.__name__ for kind in (of if isinstance(of, tuple) else (of,)))
            raise self.fail(key, f"expected a list of {names}, found {value!r}")
        return list(value)

    def take_one_of(self, key: str, *known: Any, default: Any = ...) -> Any:
        """A value that must be one of those known; text is compared without the blanks around it."""
        value = self.take(key, default)
        value = value.strip() if isinstance(value, str) else value
        if not isinstance(value, str | bool | int | float) or value not in known:
            raise self.fail(key, f"expected {' or '.join(map(str, known))}, found {value!r}")
        return value

    def child(self, key: str, default: Any = ..., *, notes: Notes | None = None) -> "Keys":
        """A nested mapping; an empty one (`key:` alone) counts as the default where there is one."""
        value = self.take(key, default)
        if value is None and default is not ...:
            value = default
        nested = Keys(value, self.source, self.full(key), self.notes if notes is None else notes)
        self._children.append(nested)
        return nested

    def ignore(self, reason: str, *keys: str) -> None:
        """These keys are known and have no effect here; said where they are there and hold something."""
        for key in keys:
            self._asked.add(key)
            if key in self.unread:
                self.unread.discard(key)
                self.notes.ignored.setdefault(reason, []).append(self.full(key))

    def correct(self, key: str, found: Any, right: Any, why: str) -> None:
        """What the file says cannot work, and what is used in its place."""
        self.notes.corrections.append(f"{self.full(key)}: corrected from {found} to {right} ({why})")

    def note(self, key: str, text: str) -> None:
        self.notes.remarks.append(f"{self.full(key)}: {text}")

    def fail(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"{self.source}: option '{self.full(key)}': {text}")

    def refuse_unread(self) -> None:
        for key in sorted(self.unread, key=str):
            near = did_you_mean(key, self._asked)
            raise ConfigError(f"{self.source}: unknown option '{self.full(str(key))}'{near}")
        for child in self._children:
            child.refuse_unread()

    def full(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

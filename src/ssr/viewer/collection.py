"""What can be looked at: places that are open, and chips that are opened when somebody looks?"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ssr.viewer.places import Place

MAX_OPEN = 48


@dataclass(frozen=True)
class Entry:
    """One thing to look at.

    group: what it is a part of, such as the data set of a test; figures: of each layer by measure.
    told: a line on it.
    """

    title: str
    open: Callable[[], Place]
    group: str = ""
    told: str = ""
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


class Collection:
    """Entries by number; of those that are opened on demand, the last ones stay open."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self._open: OrderedDict[int, Place] = OrderedDict()
        self._lock = threading.Lock()

    def place(self, number: int) -> Place | None:
        """The place of an entry; None where there is no such entry.

        Raises:
            InputError: it can no longer be opened.
        """
        if not 0 <= number < len(self.entries):
            return None
        with self._lock:
            found = self._open.pop(number, None) or self.entries[number].open()
            self._open[number] = found
            former = self._open.popitem(last=False)[1] if len(self._open) > MAX_OPEN else None
        if former is not None:
            former.close()
        return found

    def listed(self, start: int, n: int) -> dict[str, Any]:
        """Some entries, for the gallery."""
        shown = self.entries[start : start + n]
        return {
            "n": len(self.entries),
            "entries": [
                {"id": start + k, "title": one.title, "group": one.group, "told": one.told, "figures": one.figures}
                for k, one in enumerate(shown)
            ],
        }


def of_places(places: Sequence[Place]) -> list[Entry]:
    """Entries of places that are open already."""
    return [Entry(place.title, lambda place=place: place) for place in places]  # type: ignore[misc]

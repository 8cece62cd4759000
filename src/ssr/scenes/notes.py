"""How is the same remark on many dates said once?"""

from collections.abc import Iterable
from typing import NamedTuple


class Note(NamedTuple):
    """Something a user should know of a date. detail: what differs from date to date."""

    label: str
    text: str
    detail: str = ""


def in_words(notes: Iterable[Note]) -> tuple[str, ...]:
    """One sentence for each text, in the order of their first appearance."""
    groups: dict[str, list[Note]] = {}
    for note in notes:
        group = groups.setdefault(note.text, [])
        if note not in group:
            group.append(note)
    return tuple(_sentence(group) for group in groups.values())


def _sentence(group: list[Note]) -> str:
    first = group[0]
    detail = f" ({first.detail})" if first.detail else ""
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{first.label}{detail}{more}: {first.text}" if first.label else first.text

"""Which known name did somebody mean who wrote an unknown one?"""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name most like this one, if any is."""
    return next(iter(get_close_matches(str(name), sorted(set(known)), n=1)), None)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of a sentence that refuses a name: the nearest known one, or all that there are."""
    known = sorted(set(known))
    if near := nearest(name, known):
        return f"; did you mean '{near}'?"
    return f"; known here: {', '.join(known)}" if known else ""

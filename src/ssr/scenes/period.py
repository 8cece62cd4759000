"""Which dates does a user want of a series?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ssr.errors import InputError

OPEN = ("", "..")


@dataclass(frozen=True)
class Period:
    """From a moment up to, not including, another; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies inside."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def __str__(self) -> str:
        return "/".join("…" if side is None else side.isoformat(timespec="seconds") for side in (self.start, self.end))


def parse_period(text: str) -> Period:
    """Read `2021-06-01/2021-08-31`, `2021-06-01/..`, `../2021-06`, one day or one month; the last day is included.

    Raises:
        InputError: no such date, or the end before the start.
    """
    first, slash, last = text.partition("/")
    start = None if first in OPEN else _span(first, text)[0]
    closing = last if slash else first
    end = None if closing in OPEN else _span(closing, text)[1]
    if start and end and start >= end:
        raise InputError(f"--date {text}: ends before it starts")
    return Period(start, end)


def _span(text: str, whole: str) -> tuple[datetime, datetime]:
    """The first moment of a year, month, day or second, and the first after it; times are UTC."""
    for form, length in (("%Y-%m-%d", "day"), ("%Y%m%d", "day"), ("%Y-%m", "month"), ("%Y", "year")):
        try:
            start = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if length == "day":
            return start, start + timedelta(days=1)
        n_months = 1 if length == "month" else 12
        years, month = divmod(start.month - 1 + n_months, 12)
        return start, start.replace(year=start.year + years, month=month + 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"--date {whole}: {text!r} is no date; expected such as 2021-06-01/2021-08-31, with .. for an open end"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment, moment + timedelta(seconds=1)

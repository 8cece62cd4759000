"""Is a period what a user means by it?"""

from datetime import UTC, datetime

import pytest

from ssr.errors import InputError
from ssr.scenes.period import parse_period


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2021-06-01/2021-08-31", at(2021, 6, 1), at(2021, 9, 1)),
        ("20210601/20210831", at(2021, 6, 1), at(2021, 9, 1)),
        ("2021-06-01", at(2021, 6, 1), at(2021, 6, 2)),
        ("2021-12", at(2021, 12, 1), at(2022, 1, 1)),
        ("2020/2021-02", at(2020, 1, 1), at(2021, 3, 1)),
        ("2021-06-01/..", at(2021, 6, 1), None),
        ("../2021-06", None, at(2021, 7, 1)),
        ("/2021", None, at(2022, 1, 1)),
        ("2021-06-01T10:00:00/2021-06-01T12:00:00Z", at(2021, 6, 1, 10), at(2021, 6, 1, 12, 0, 1)),
        ("2021-06-01T12:00:00+02:00/..", at(2021, 6, 1, 10), None),
    ],
)
def test_periods_include_their_last_day(text: str, start: datetime | None, end: datetime | None) -> None:
    period = parse_period(text)
    assert (period.start, period.end) == (start, end)


def test_the_end_is_not_inside_and_the_start_is() -> None:
    june = parse_period("2021-06")
    assert june.holds(at(2021, 6, 1))
    assert june.holds(at(2021, 6, 30, 23, 59, 59))
    assert not june.holds(at(2021, 7, 1))
    assert parse_period("../..").holds(at(1, 1, 1))


@pytest.mark.parametrize("text", ["summer", "2021-13", "2021-02-30", "2021/2020", "2021-06-02/2021-06-01", "a/b"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"^--date {text}: .*(is no date|ends before it starts)"):
        parse_period(text)

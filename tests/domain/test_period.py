"""Stretches of days: their ends, what they are compared with, and that a year's report stays whole."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.period import LONGEST, Period, Span, before, custom, oldest, period

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("span", "first", "last", "earlier"),
    [
        (Span.TODAY, "2026-11-24", "2026-11-24", ("2026-11-23", "2026-11-23")),
        (Span.WEEK, "2026-11-17", "2026-11-23", ("2026-11-10", "2026-11-16")),
        (Span.FOUR_WEEKS, "2026-10-25", "2026-11-23", ("2026-09-25", "2026-10-24")),
        (Span.MONTH, "2026-10-01", "2026-10-31", ("2026-09-01", "2026-09-30")),
        (Span.YEAR, "2025-11-01", "2026-10-31", ("2024-11-01", "2025-10-31")),
    ],
)
def test_named_stretches(span: Span, first: str, last: str, earlier: tuple[str, str]) -> None:
    found = period(span, today=TODAY)
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)
    compared = before(span, found)
    assert (compared.first.isoformat(), compared.last.isoformat()) == earlier


def test_a_year_stays_whole_under_400_days() -> None:
    """On every date of 30 years, a Global job of 400 days keeps the 12 full months whole; 395 days would not."""
    day, shorter = date(2021, 1, 1), 0
    while day < date(2051, 1, 1):
        for night in (day, day + timedelta(days=1)):  # tonight's run, and tomorrow's that a report may just not see
            assert cutoff(night, days=Days(400)) <= period(Span.YEAR, today=day).first
        shorter += cutoff(day, days=Days(395)) > period(Span.YEAR, today=day).first
        day += timedelta(days=1)
    assert shorter > 0


@pytest.mark.parametrize("span", [one for one in Span if one is not Span.CUSTOM])
def test_how_far_back_a_stretch_reaches_at_most(span: Span) -> None:
    """On every date of 30 years: never further, and on some date just so far."""
    day, most = date(2021, 1, 1), 0
    while day < date(2051, 1, 1):
        most = max(most, (day - period(span, today=day).first).days)
        day += timedelta(days=1)
    assert most == oldest(span)


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.sampled_from([one for one in Span if one is not Span.CUSTOM]))
def test_what_it_is_compared_with_lies_just_before(today: date, span: Span) -> None:
    found = period(span, today=today)
    earlier = before(span, found)
    assert earlier.last + timedelta(days=1) == found.first
    assert found.first <= found.last <= today
    if span in {Span.MONTH, Span.YEAR}:
        assert earlier.first.day == found.first.day == 1
    else:
        assert earlier.days == found.days


def test_custom_stretches() -> None:
    assert custom(date(2026, 11, 1), TODAY, today=TODAY) == Period(date(2026, 11, 1), TODAY)
    for first, last in [
        (date(2026, 11, 2), date(2026, 11, 1)),
        (date(2026, 11, 2), date(2026, 11, 25)),
        (TODAY - timedelta(days=LONGEST), TODAY),
        (date.min, TODAY),
    ]:
        with pytest.raises(InputInvalid):
            custom(first, last, today=TODAY)
    assert before(Span.CUSTOM, Period(date(1, 1, 2), date(1, 1, 9))).first == date.min

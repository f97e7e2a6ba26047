"""The stretches of days a report can be of, and the one each is compared with.

All are whole org-local days. Those that end yesterday leave the running day out, because a day that is not over
compares with no other.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from ebbtide.domain.errors import InputInvalid

LONGEST = 1830
"""Days in the longest stretch: five years."""
_DAY = timedelta(days=1)
_MONTHS = 12


class Span(StrEnum):
    """Names of stretches, as in an address."""

    TODAY = "today"
    WEEK = "7"
    FOUR_WEEKS = "30"
    MONTH = "month"
    YEAR = "year"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of days; both ends are in it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1


def first_of_month(day: date, *, back: int = 0) -> date:
    """Give the first day of a day's month, or of the one so many months before."""
    months = day.year * _MONTHS + day.month - 1 - back
    return date(months // _MONTHS, months % _MONTHS + 1, 1)


def period(span: Span, *, today: date) -> Period:
    """Give the stretch of that name.

    Args:
        span: any but a custom one.
        today: the org-local date.
    """
    if span is Span.TODAY:
        return Period(today, today)
    if span is Span.MONTH:
        return Period(first_of_month(today, back=1), first_of_month(today) - _DAY)
    if span is Span.YEAR:
        return Period(first_of_month(today, back=_MONTHS), first_of_month(today) - _DAY)
    return Period(today - timedelta(days=int(span)), today - _DAY)


_OLDEST = {Span.TODAY: 0, Span.WEEK: 7, Span.FOUR_WEEKS: 30, Span.MONTH: 61, Span.YEAR: 396}


def oldest(span: Span) -> int:
    """Give how many days back a stretch of that name reaches at most, whatever the date.

    A job of so many days leaves it whole on every date: the previous month of a 31st reaches back 30 days and 31 more,
    the 12 full months before it 30 days and a leap year.

    Args:
        span: any but a custom one.
    """
    return _OLDEST[span]


def custom(first: date, last: date, *, today: date) -> Period:
    """Give a stretch somebody chose.

    Raises:
        InputInvalid: it ends before it begins, reaches beyond today, or is longer than five years.
    """
    if last < first:
        raise InputInvalid(f"{last} comes before {first}: a range ends on or after the day it begins.", field="until")
    if last > today:
        raise InputInvalid(f"{last} has not come yet: choose a day up to {today}.", field="until")
    found = Period(first, last)
    if found.days > LONGEST:
        raise InputInvalid(f"That is {found.days:,} days: a report reaches over {LONGEST:,} at most.", field="since")
    return found


def before(span: Span, of: Period) -> Period:
    """Give what a stretch is compared with: as many months before it, or as many days."""
    if span is Span.MONTH:
        return Period(first_of_month(of.first, back=1), of.first - _DAY)
    if span is Span.YEAR:
        return Period(first_of_month(of.first, back=_MONTHS), of.first - _DAY)
    earliest = date(1, 1, 1)
    first = of.first - min(timedelta(days=of.days), of.first - earliest)
    return Period(first, max(first, of.first - _DAY))

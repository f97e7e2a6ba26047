"""The forecast: how many bytes will be at rest on days to come, and how many of them will be billed.

Two kinds of bytes are kept apart everywhere. What is *known* is there already, and how long it stays follows from the
jobs to the day. What is *coming* is the pace carried on; only it is uncertain, and only it has a band.

As in billing, a date is billed for what is at rest at its first moment: what its night takes is billed for it still,
what arrives on it from the next. Whatever is due and waits counts until the next night, which is taken to go through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate

from ebbtide.domain.billing import Month, Price
from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.cell import DataType
from ebbtide.domain.pace import WEEK, Pace

MONTHS = 12
"""Months foretold, after the running one."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes, or bytes times days: those already there, and those expected to come."""

    known: int = 0
    coming: int = 0

    @property
    def expected(self) -> int:
        """All of it, as the pace has it."""
        return self.known + self.coming

    def at(self, share: Fraction) -> int:
        """Give all of it if no more than a share (or that much more) of what is expected comes in."""
        return self.known + round(self.coming * share)

    def __add__(self, other: "Held") -> "Held":
        return Held(self.known + other.known, self.coming + other.coming)

    def __sub__(self, other: "Held") -> "Held":
        return Held(self.known - other.known, self.coming - other.coming)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Data of one type, of one Q or of many that are treated alike: what is at rest, and what comes in.

    Attributes:
        data_type: which of the four.
        first: the day `stock` begins with.
        stock: bytes at rest by the day they belong to, the last of them of today.
        pace: what comes in.
        next_night: date of the first night that is still to come: today's or tomorrow's.
    """

    data_type: DataType
    first: date
    stock: Sequence[int]
    pace: Pace
    next_night: date

    @property
    def today(self) -> date:
        """The day up to which is known."""
        return self.first + timedelta(days=len(self.stock) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A month that is foretold, of one part or of several together.

    Attributes:
        first, last: the dates foretold; of the running month those that are not metered yet.
        at_end: bytes at rest at the end of `last`.
        byte_days: bytes at rest at the first moment of each date, added up.
        billed: those of them that are billed.
    """

    first: date
    last: date
    at_end: Held
    byte_days: Held
    billed: Held


class Course:
    """A stream's bytes by day, known and expected, with quick sums over any span of them."""

    def __init__(self, stream: Stream, *, until: date) -> None:
        """Carry a stream's pace on from tomorrow up to a date; of today, what is still missing to its pace."""
        self._first, self._next_night = stream.first, stream.next_night
        today, pace = stream.today, stream.pace
        ahead = max(0, (until - today).days)
        coming = [0] * (len(stream.stock) - 1) + [max(0, pace.on(today) - stream.stock[-1])]
        coming += [pace.on(today + timedelta(days=number)) for number in range(1, ahead + 1)]
        self._known = list(accumulate([*stream.stock, *([0] * ahead)], initial=0))
        self._coming = list(accumulate(coming, initial=0))

    def between(self, first: date, last: date) -> Held:
        """Add up what belongs to the days from one to another, both included; nothing where they are reversed."""
        low = min(max((first - self._first).days, 0), len(self._known) - 1)
        high = min(max((last - self._first).days + 1, low), len(self._known) - 1)
        return Held(self._known[high] - self._known[low], self._coming[high] - self._coming[low])

    def kept_from(self, on: date, *, days: Days | None) -> date:
        """Give the oldest day that is still there after the night of a date, under a period; None: nothing goes."""
        if days is None or on < self._next_night:
            return self._first
        return max(self._first, cutoff(on, days=days))

    def at_end(self, on: date, *, days: Days | None) -> Held:
        """Give what is at rest at the end of a date, today or later."""
        return self.between(self.kept_from(on, days=days), on)

    def billed(self, on: date, *, days: Days | None, price: Price) -> Held:
        """Give what is billed for a date, of what is at rest at its first moment."""
        eve = on - timedelta(days=1)
        before = price.billed_before(on)
        newest = eve if before is None else min(eve, before - timedelta(days=1))
        return self.between(self.kept_from(eve, days=days), newest)

    def over(self, first: date, last: date, *, days: Days | None, price: Price) -> Ahead:
        """Add up the dates from one to another, both included."""
        dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return Ahead(
            first=first,
            last=last,
            at_end=self.at_end(last, days=days),
            byte_days=_sum(self.at_end(on - timedelta(days=1), days=days) for on in dates),
            billed=_sum(self.billed(on, days=days, price=price) for on in dates),
        )


def foretell(stream: Stream, *, days: Days | None, prices: Sequence[Price], running: Month, since: date) -> list[Ahead]:
    """Foretell the rest of the running month, and the months after it.

    Args:
        stream: the data.
        days: its retention; None where nothing deletes it.
        prices: of each month, the running one first; they say which bytes are billed.
        running: the month that today lies in.
        since: the first date that is not metered yet; the day after the running month where all of it is.
    """
    spans = months_from(since, running=running, count=len(prices))
    course = Course(stream, until=spans[-1][1])
    return [course.over(*span, days=days, price=price) for span, price in zip(spans, prices, strict=True)]


def together(parts: Iterable[Sequence[Ahead]]) -> list[Ahead]:
    """Add up the forecasts of several parts, month by month."""
    return [
        Ahead(
            first=same[0].first,
            last=same[0].last,
            at_end=_sum(one.at_end for one in same),
            byte_days=_sum(one.byte_days for one in same),
            billed=_sum(one.billed for one in same),
        )
        for same in zip(*parts, strict=True)
    ]


def _sum(amounts: Iterable[Held]) -> Held:
    known = coming = 0
    for amount in amounts:
        known += amount.known
        coming += amount.coming
    return Held(known, coming)


def settled(pace: Pace, *, days: Days, price: Price) -> Fraction:
    """Give the bytes that are billed on an average date once a period has been in force for longer than itself.

    Under a period of N days, N + 1 days are at rest at the first moment of a date: the eve, and N days before it.
    """
    included = price.included_days
    billed_days = days + 1 if included is None else max(0, days + 1 - included)
    return Fraction(pace.weekly * billed_days, WEEK)


def months_from(since: date, *, running: Month, count: int) -> list[tuple[date, date]]:
    """List the first and the last date of months, those of the running one before `since` cut off."""
    spans = [(since, running.last)]
    month = running
    while len(spans) < count:
        month = month.next
        spans.append((month.first, month.last))
    return spans

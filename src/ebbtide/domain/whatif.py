"""What a change of the jobs does to the cost: before and after, beside each other, by the arithmetic of a statement.

Byte-days add up, so only what the change touches is foretold twice; what it leaves alone is foretold once, and counts
on both sides. All of it assumes that nights delete: while an organization only simulates, nothing is saved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ebbtide.domain.billing import Money, Month, RateCard, cost, gb_months, monthly_cost
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.forecast import Ahead, Course, Stream, foretell, settled, together
from ebbtide.domain.job import MAX_DAYS, MIN_DAYS

STEPS = tuple(
    Days(days)
    for days in (
        MIN_DAYS, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 400, 450, 550, 730, 900,
        1095, 1461, 1825, 2555, 3650, MAX_DAYS,
    )
)  # fmt: skip
"""Periods at which a cost curve is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """A stream and its retention, before and after a change.

    Attributes:
        stream: what is at rest and what comes in.
        now, after: the period that decides; None where nothing deletes it.
        besides: the period that would decide without the job that is being changed.
        reached: whether that job reaches it, as it would be.
    """

    stream: Stream
    now: Days | None
    after: Days | None
    besides: Days | None = None
    reached: bool = False


Outlook = Mapping[DataType, Sequence[Ahead]]
"""By data type, the months foretold: the rest of the running one, and those after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a forecast is reckoned with.

    Attributes:
        running: the month that today lies in.
        since: the first date that is not metered yet.
        metered: billed byte-days of the running month before that, by data type.
        cards: prices of each month, the running one first; all of one currency.
    """

    running: Month
    since: date
    metered: Mapping[DataType, int]
    cards: Sequence[RateCard]

    @property
    def card(self) -> RateCard:
        """The prices of the first whole month."""
        return self.cards[min(1, len(self.cards) - 1)]


def outlook(streams: Iterable[tuple[Stream, Days | None]], *, terms: Terms) -> Outlook:
    """Foretell several streams, each with its retention (None: nothing deletes it), added up by data type."""
    found: dict[DataType, list[Sequence[Ahead]]] = {}
    for stream, days in streams:
        prices = [card.prices[stream.data_type] for card in terms.cards]
        months = foretell(stream, days=days, prices=prices, running=terms.running, since=terms.since)
        found.setdefault(stream.data_type, []).append(months)
    return {kind: together(several) for kind, several in found.items()}


def exchanged(whole: Outlook, *, without: Outlook, with_: Outlook) -> Outlook:
    """Take some streams out of an outlook, and put others (or the same, treated otherwise) in their place."""

    def turned(one: Ahead, out: Ahead, into: Ahead) -> Ahead:
        return Ahead(
            first=one.first,
            last=one.last,
            at_end=one.at_end - out.at_end + into.at_end,
            byte_days=one.byte_days - out.byte_days + into.byte_days,
            billed=one.billed - out.billed + into.billed,
        )

    return {
        kind: [turned(*three) for three in zip(months, without[kind], with_[kind], strict=True)]
        if kind in without
        else months
        for kind, months in whole.items()
    }


def month_costs(view: Outlook, *, terms: Terms, shares: Mapping[DataType, Fraction] | None = None) -> list[Money]:
    """Give what each month costs, as its statement will say if all comes as foretold.

    Args:
        view: the months.
        terms: what they were foretold with.
        shares: of what is expected to come, how much does, by data type; None: all of it.
    """
    month, found = terms.running, []
    for place, card in enumerate(terms.cards):
        billed = dict(terms.metered) if place == 0 else {}
        for kind, months in view.items():
            ahead = months[place].billed
            size = ahead.expected if shares is None else ahead.at(shares[kind])
            billed[kind] = billed.get(kind, 0) + size
        found.append(_cost(billed, month=month, card=card))
        month = month.next
    return found


def _cost(billed: Mapping[DataType, int], *, month: Month, card: RateCard) -> Money:
    """Price billed byte-days as a statement does: by data type, each rounded."""
    minor = 0
    for kind, byte_days in billed.items():
        quantity = gb_months(byte_days, days=month.days)
        minor += cost(quantity, price=card.prices[kind].per_gb_month, currency=card.currency).minor
    return Money(card.currency, minor)


def settled_cost(streams: Iterable[tuple[Stream, Days | None]], *, card: RateCard) -> Money | None:
    """Give what a month costs once every period has been in force for longer than itself.

    Returns:
        None where something that is billed is never deleted: that cost grows without end.
    """
    sizes: dict[DataType, Fraction] = {}
    for stream, days in streams:
        price = card.prices[stream.data_type]
        if days is not None:
            size = settled(stream.pace, days=days, price=price)
            sizes[stream.data_type] = sizes.get(stream.data_type, Fraction(0)) + size
        elif stream.pace.weekly and price.per_gb_month:
            return None
    return _money(sizes, card=card)


def _money(sizes: Mapping[DataType, Fraction], *, card: RateCard) -> Money:
    minor = sum(
        monthly_cost(round(size), price=card.prices[kind], currency=card.currency).minor for kind, size in sizes.items()
    )
    return Money(card.currency, minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What storage costs on one side of a change.

    Attributes:
        running: the running month, from its first date to its last.
        ahead: each of the months after it.
        settled: a month once all periods have taken full effect; None where the cost grows without end.
    """

    running: Money
    ahead: tuple[Money, ...]
    settled: Money | None

    @property
    def year(self) -> Money:
        """The months after the running one, together."""
        return Money(self.running.currency, sum(one.minor for one in self.ahead))


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What the first night would take because of the change: bytes, and what they cost a month."""

    bytes: int
    monthly: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The cost before and after a change of the jobs."""

    now: Side
    after: Side
    night: Night

    @property
    def saving_year(self) -> Money:
        """Saved in the months after the running one; negative where the change costs more."""
        return Money(self.now.year.currency, self.now.year.minor - self.after.year.minor)

    @property
    def saving_month(self) -> Money:
        """Saved a month: once settled, or in the last month foretold where one side never settles."""
        now, after = self.now.settled, self.after.settled
        if now is None or after is None:
            now, after = self.now.ahead[-1], self.after.ahead[-1]
        return Money(now.currency, now.minor - after.minor)


def first_night(treated: Iterable[Treated], *, card: RateCard) -> Night:
    """Work out what the next night would take beyond what it would take anyway."""
    size = 0
    sizes: dict[DataType, Fraction] = {}
    for one in treated:
        on = one.stream.next_night
        course = Course(one.stream, until=on)
        size += course.at_end(on, days=one.now).known - course.at_end(on, days=one.after).known
        kind = one.stream.data_type
        price = card.prices[kind]
        next_day = date.fromordinal(on.toordinal() + 1)
        before, after = (course.billed(next_day, days=days, price=price).known for days in (one.now, one.after))
        sizes[kind] = sizes.get(kind, Fraction(0)) + before - after
    gained = {kind: max(Fraction(0), amount) for kind, amount in sizes.items()}
    return Night(bytes=max(0, size), monthly=_money(gained, card=card))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What the data a job reaches costs under a period: in the first whole month, and once settled."""

    days: Days
    first_month: Money
    settled: Money


def shortest(one: Days | None, other: Days | None) -> Days | None:
    """Give the shorter of two periods; None stands for no end."""
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def curve(treated: Sequence[Treated], *, terms: Terms, steps: Iterable[Days] = STEPS) -> list[Point]:
    """Draw the cost of what a job reaches over its period; other jobs go on deciding where they are shorter.

    Args:
        treated: streams; those the job does not reach are passed over.
        terms: what is reckoned with; the first whole month is drawn.
        steps: periods, in the order the points are wanted.
    """
    card, month = terms.card, terms.running.next
    reached = [one for one in treated if one.reached]
    courses = [Course(one.stream, until=month.last) for one in reached]
    found = []
    for days in steps:
        billed: dict[DataType, int] = {}
        sizes: dict[DataType, Fraction] = {}
        for one, course in zip(reached, courses, strict=True):
            kind = one.stream.data_type
            price = card.prices[kind]
            decides = min(days, one.besides) if one.besides is not None else days
            held = course.over(month.first, month.last, days=decides, price=price).billed
            billed[kind] = billed.get(kind, 0) + held.expected
            sizes[kind] = sizes.get(kind, Fraction(0)) + settled(one.stream.pace, days=decides, price=price)
        found.append(
            Point(days=days, first_month=_cost(billed, month=month, card=card), settled=_money(sizes, card=card))
        )
    return found

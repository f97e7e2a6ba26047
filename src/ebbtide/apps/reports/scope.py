"""What a report is of: its days, its Qs, what of them is purged, and which cells are read from rows.

All reports begin here, so that they agree on what is missing. Every function expects an open transaction in the
organization that sees one moment.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.utils import dateformat

from ebbtide.apps.catalog.selectors import purged_lines
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.reports.asked import ReportAsked
from ebbtide.apps.reports.services import targets
from ebbtide.apps.reports.sums import Wanted
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.period import Period, Span, first_of_month
from ebbtide.web.context.insights import State, Stretch, Unit
from ebbtide.web.context.shared import QueueLine

Lines = Mapping[tuple[int, DataType], date]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is of.

    Attributes:
        asked: what was asked.
        every: every Q of the organization, by number, in the order of names.
        chosen: those reported.
        lines: what is purged, by Q and data type: the first day that is not.
        purged: of report rows of the Qs reported.
        wanted: what is to be added up.
        until: the organization's wall clock: no interval begins later.
        until_hour: for a day compared up to this hour; None otherwise.
    """

    asked: ReportAsked
    every: Mapping[int, QueueLine]
    chosen: Mapping[int, QueueLine]
    lines: Lines
    purged: Mapping[int, date]
    wanted: Wanted
    until: datetime
    until_hour: int | None

    @property
    def both(self) -> Period:
        """The days reported and those they are compared with."""
        return Period(self.asked.before.first, self.asked.period.last)

    @property
    def state(self) -> State:
        """Of the whole period."""
        return joined({state_of(self.asked.period, first=self.purged.get(queue, date.min)) for queue in self.chosen})

    @property
    def whole(self) -> Period | None:
        """The days of which nothing is missing; None where there are none."""
        first = max([self.asked.period.first, *self.purged.values()])
        return Period(first, self.asked.period.last) if first <= self.asked.period.last else None

    @property
    def compared(self) -> frozenset[int]:
        """The Qs of which nothing of either period is purged: no others are compared."""
        return frozenset(queue for queue in self.chosen if self.purged.get(queue, date.min) <= self.asked.before.first)

    def only(self, queues: Collection[int]) -> Wanted:
        """Give what is to be added up of some of the Qs."""
        return replace(self.wanted, targets={queue: self.wanted.targets[queue] for queue in queues})


def scope_of(org: Organization, *, asked: ReportAsked, now: datetime) -> Scope:
    """Say what a report is of.

    Args:
        org: the organization.
        asked: what is asked for.
        now: the request's moment.
    """
    every, lines = queue_lines(org=org.id), purged_lines(org=org.id)
    chosen = {number: line for number, line in every.items() if not asked.queues or number in asked.queues}
    set_ = targets(org=org.id)
    purged = {queue: day for (queue, kind), day in lines.items() if kind is DataType.INSIGHTS and queue in chosen}
    local = now.astimezone(parse_zone(org.zone))
    return Scope(
        asked=asked,
        every=every,
        chosen=chosen,
        lines=lines,
        purged=purged,
        wanted=Wanted(
            org=org.id,
            zone=org.zone,
            targets={queue: set_[queue] for queue in chosen},
            lines=purged,
            channel=asked.channel,
        ),
        until=local.replace(tzinfo=None),
        until_hour=local.hour if asked.chosen.span is Span.TODAY else None,
    )


def state_of(days: Period, *, first: date) -> State:
    """Say of some days whether data from `first` on is all there is of them."""
    return "whole" if first <= days.first else "purged" if first > days.last else "partly"


def joined(states: Collection[State]) -> State:
    """Say of several what they are together."""
    return "partly" if len(set(states)) > 1 else next(iter(states), "whole")


def stretches(scope: Scope) -> Iterator[Stretch]:
    """Cut a report's period into its intervals, up to the last that has begun, each with what is missing of it."""
    asked = scope.asked
    # one Q after the other is asked only where something is purged at all: there may be hundreds, and 744 hours
    reached = {queue: day for queue, day in scope.purged.items() if day > asked.period.first}
    seen: dict[Period, tuple[State, tuple[QueueLine, ...]]] = {}
    for begin, days in _intervals(asked.period, unit=asked.unit):
        if begin > scope.until:
            return
        if days not in seen:
            seen[days] = _missing(days, reached=reached, chosen=scope.chosen)
        state, lacks = seen[days]
        yield Stretch(
            begin=begin,
            first=days.first,
            last=days.last,
            label=interval_label(begin, days=days, unit=asked.unit),
            state=state,
            lacks=lacks,
        )


def _missing(
    days: Period, *, reached: Mapping[int, date], chosen: Mapping[int, QueueLine]
) -> tuple[State, tuple[QueueLine, ...]]:
    lacks: Sequence[int] = [queue for queue in chosen if reached.get(queue, date.min) > days.first] if reached else []
    gone = sum(reached[queue] > days.last for queue in lacks)
    state: State = "whole" if not lacks else "purged" if gone == len(chosen) else "partly"
    return state, tuple(chosen[queue] for queue in lacks)


def _intervals(period: Period, *, unit: Unit) -> Iterator[tuple[datetime, Period]]:
    """Cut a period: the local beginning of each interval, and the days of it that lie in the period."""
    day = period.first
    while day <= period.last:
        if unit == "hour":
            for hour in range(24):
                yield datetime.combine(day, time(hour)), Period(day, day)
            begins = last = day
        elif unit == "day":
            begins = last = day
        elif unit == "week":
            begins = day - timedelta(days=day.weekday())
            last = begins + timedelta(days=6)
        else:
            begins = first_of_month(day)
            last = first_of_month(begins + timedelta(days=31)) - _DAY
        last = min(last, period.last)
        if unit != "hour":
            yield datetime.combine(begins, time()), Period(day, last)
        day = last + _DAY


def interval_label(begin: datetime, *, days: Period, unit: Unit) -> str:
    """Name an interval; one that is cut off by the period says by which days."""
    if unit == "hour":
        return dateformat.format(begin, "D j M Y, H:i")
    if unit == "day":
        return dateformat.format(begin, "D j M Y")
    first, last = dateformat.format(days.first, "j M Y"), dateformat.format(days.last, "j M Y")
    if unit == "week":
        return f"{dateformat.format(days.first, 'j M')} \N{EN DASH} {last}" if days.days > 1 else last
    full = days.first.day == 1 and (days.last + _DAY).day == 1
    return dateformat.format(begin, "F Y") if full else f"{first} \N{EN DASH} {last}" if days.days > 1 else first

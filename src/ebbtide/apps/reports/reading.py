"""A report, read: every figure of it as of one moment, and what of it is purged.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.utils import dateformat

from ebbtide.apps.catalog.selectors import purged_lines
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.reports.asked import ReportAsked
from ebbtide.apps.reports.services import targets
from ebbtide.apps.reports.sums import Stale, Wanted, offered_by_hour, stale, sums_by
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.measures import Sums
from ebbtide.domain.period import Period, Span, first_of_month
from ebbtide.web.context.insights import IntervalFigures, QueueFigures, State, Unit
from ebbtide.web.context.shared import QueueLine

Lines = Mapping[tuple[int, DataType], date]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it was read.

    Attributes:
        asked: what was asked.
        every: every Q of the organization, by number, in the order of names.
        chosen: those reported.
        lines: what is purged, by Q and data type: the first day that is not.
        until_hour: for a day compared up to this hour; None otherwise.
        by_queue: a line for each Q.
        intervals: from the first to the last that has begun.
        whole: the days of which nothing is missing; None where there are none.
        offered: in these, by weekday and hour.
    """

    asked: ReportAsked
    every: Mapping[int, QueueLine]
    chosen: Mapping[int, QueueLine]
    lines: Lines
    until_hour: int | None
    by_queue: Sequence[QueueFigures]
    intervals: Sequence[IntervalFigures]
    whole: Period | None
    offered: Mapping[tuple[int, int], int]

    @property
    def state(self) -> State:
        """Of the whole period."""
        return _joined([one.state for one in self.by_queue])

    @property
    def total(self) -> Sums | None:
        """Over all Qs; None where all is purged."""
        there = [one.sums for one in self.by_queue if one.sums is not None]
        return sum(there, Sums()) if there or not self.by_queue else None


def read_report(org: Organization, *, asked: ReportAsked, now: datetime) -> Report:
    """Read a report.

    Args:
        org: the organization.
        asked: what is asked for.
        now: the request's moment.
    """
    every, lines = queue_lines(org=org.id), purged_lines(org=org.id)
    chosen = {number: line for number, line in every.items() if not asked.queues or number in asked.queues}
    set_ = targets(org=org.id)
    purged = {queue: day for (queue, kind), day in lines.items() if kind is DataType.INSIGHTS and queue in chosen}
    wanted = Wanted(
        org=org.id,
        zone=org.zone,
        targets={queue: set_[queue] for queue in chosen},
        lines=purged,
        channel=asked.channel,
    )
    local = now.astimezone(parse_zone(org.zone))
    until_hour = local.hour if asked.chosen.span is Span.TODAY else None
    found = stale(wanted, period=Period(asked.before.first, asked.period.last))
    cells = sums_by(wanted, period=asked.period, unit=asked.unit, found=found)
    before = _before(wanted, asked=asked, found=found, until_hour=until_hour)
    whole = _whole(asked.period, purged=purged)
    return Report(
        asked=asked,
        every=every,
        chosen=chosen,
        lines=lines,
        until_hour=until_hour,
        by_queue=list(_by_queue(chosen, wanted=wanted, period=asked.period, cells=cells, before=before)),
        intervals=list(_by_interval(chosen, asked=asked, purged=purged, cells=cells, until=local.replace(tzinfo=None))),
        whole=whole,
        offered=offered_by_hour(wanted, period=whole, found=found) if whole else {},
    )


def _before(wanted: Wanted, *, asked: ReportAsked, found: Stale, until_hour: int | None) -> dict[int, Sums]:
    """Add up the period before, of the Qs of which nothing of it is purged."""
    whole = {
        queue: seconds
        for queue, seconds in wanted.targets.items()
        if wanted.lines.get(queue, date.min) <= asked.before.first
    }
    if not whole:
        return {}
    compared = replace(wanted, targets=whole)
    sums = sums_by(compared, period=asked.before, unit="all", found=found, until_hour=until_hour)
    added = {queue: one for (queue, _begin), one in sums.items()}
    return {queue: added.get(queue, Sums()) for queue in whole}


def _whole(period: Period, *, purged: Mapping[int, date]) -> Period | None:
    first = max([period.first, *purged.values()])
    return Period(first, period.last) if first <= period.last else None


def _by_queue(
    chosen: Mapping[int, QueueLine],
    *,
    wanted: Wanted,
    period: Period,
    cells: Mapping[tuple[int, datetime], Sums],
    before: Mapping[int, Sums],
) -> Iterator[QueueFigures]:
    there: dict[int, Sums] = {}
    for (queue, _begin), sums in cells.items():
        there[queue] = there.get(queue, Sums()) + sums
    for queue, line in chosen.items():
        first = wanted.lines.get(queue, date.min)
        state = _state(period, first=first)
        if line.archived and queue not in there and state == "whole" and not before.get(queue, Sums()).items:
            continue  # long out of use, and nothing of it in either period
        yield QueueFigures(
            queue=line,
            target=wanted.targets[queue],
            state=state,
            since=None if state == "whole" else first,
            sums=None if state == "purged" else there.get(queue, Sums()),
            before=before.get(queue) if state == "whole" else None,
        )


def _by_interval(
    chosen: Mapping[int, QueueLine],
    *,
    asked: ReportAsked,
    purged: Mapping[int, date],
    cells: Mapping[tuple[int, datetime], Sums],
    until: datetime,
) -> Iterator[IntervalFigures]:
    there: dict[datetime, Sums] = {}
    for (_queue, begin), sums in cells.items():
        there[begin] = there.get(begin, Sums()) + sums
    for begin, days in _intervals(asked.period, unit=asked.unit):
        if begin > until:
            return
        lacks = [line for queue, line in chosen.items() if purged.get(queue, date.min) > days.first]
        state = _joined([_state(days, first=purged.get(queue, date.min)) for queue in chosen])
        yield IntervalFigures(
            begin=begin,
            first=days.first,
            last=days.last,
            label=interval_label(begin, days=days, unit=asked.unit),
            state=state,
            lacks=tuple(lacks),
            sums=None if state == "purged" else there.get(begin, Sums()),
        )


def _state(days: Period, *, first: date) -> State:
    """Say of some days whether data from `first` on is all there is of them."""
    return "whole" if first <= days.first else "purged" if first > days.last else "partly"


def _joined(states: Sequence[State]) -> State:
    found = set(states)
    return "partly" if len(found) > 1 else next(iter(found), "whole")


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

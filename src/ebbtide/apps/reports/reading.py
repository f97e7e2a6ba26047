"""The summary of Qs, read: every figure of it as of one moment.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.asked import ReportAsked
from ebbtide.apps.reports.scope import Scope, scope_of, state_of, stretches
from ebbtide.apps.reports.sums import Kept, Stale, add_up, kept_for, offered_by_hour, stale
from ebbtide.domain.measures import Sums
from ebbtide.web.context.insights import IntervalFigures, QueueFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A summary of Qs as it was read.

    Attributes:
        scope: what it is of.
        by_queue: a line for each Q.
        intervals: from the first to the last that has begun.
        offered: by weekday and hour, over the days of which nothing is missing.
    """

    scope: Scope
    by_queue: Sequence[QueueFigures]
    intervals: Sequence[IntervalFigures]
    offered: Mapping[tuple[int, int], int]

    @property
    def total(self) -> Sums | None:
        """Over all Qs; None where all is purged."""
        there = [one.sums for one in self.by_queue if one.sums is not None]
        return sum(there, Sums()) if there or not self.by_queue else None


def read_report(org: Organization, *, asked: ReportAsked, now: datetime) -> Report:
    """Read a summary of Qs.

    Args:
        org: the organization.
        asked: what is asked for.
        now: the request's moment.
    """
    scope = scope_of(org, asked=asked, now=now)
    kept = kept_for(asked.unit, until_hour=scope.until_hour)
    found = stale(scope.wanted, period=scope.both, kept=kept)
    added = add_up(scope.wanted, kept=kept, period=asked.period, unit=asked.unit, found=found)
    before = _before(scope, kept=kept, found=found)
    whole = scope.whole
    return Report(
        scope=scope,
        by_queue=list(_by_queue(scope, there=added.by_queue, before=before)),
        intervals=list(_by_interval(scope, there=added.by_begin)),
        offered=offered_by_hour(scope.wanted, kept=kept, period=whole, found=found) if whole else {},
    )


def _before(scope: Scope, *, kept: Kept, found: Stale) -> dict[int, Sums]:
    """Add up the period before, of the Qs that are compared."""
    compared = scope.compared
    if not compared:
        return {}
    added = add_up(
        scope.only(compared), kept=kept, period=scope.asked.before, unit="all", found=found, until_hour=scope.until_hour
    )
    return {queue: added.by_queue.get(queue, Sums()) for queue in compared}


def _by_queue(scope: Scope, *, there: Mapping[int, Sums], before: Mapping[int, Sums]) -> Iterator[QueueFigures]:
    for queue, line in scope.chosen.items():
        first = scope.purged.get(queue, date.min)
        state = state_of(scope.asked.period, first=first)
        if line.archived and queue not in there and state == "whole" and not before.get(queue, Sums()).items:
            continue  # long out of use, and nothing of it in either period
        yield QueueFigures(
            queue=line,
            target=scope.wanted.targets[queue],
            state=state,
            since=None if state == "whole" else first,
            sums=None if state == "purged" else there.get(queue, Sums()),
            before=before.get(queue) if state == "whole" else None,
        )


def _by_interval(scope: Scope, *, there: Mapping[datetime, Sums]) -> Iterator[IntervalFigures]:
    for one in stretches(scope):
        yield IntervalFigures(
            begin=one.begin,
            first=one.first,
            last=one.last,
            label=one.label,
            state=one.state,
            lacks=one.lacks,
            sums=None if one.state == "purged" else there.get(one.begin, Sums()),
        )

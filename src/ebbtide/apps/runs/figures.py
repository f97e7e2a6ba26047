"""What a plan and a run add up to: one statement over the plan's lines, one over the run's lines in the book.

The database adds up; a first plan can name millions of cells. Every function expects an open transaction in the
organization.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.cell import Amount, DataType

GONE = frozenset({"purged", "already_gone"})
"""The outcomes in the book that mean: it is not there any more."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan names of one queue and data type, and the job that decided with the period it had then."""

    queue: int
    data_type: DataType
    job: int
    days: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Decider:
    """A job in a plan: the period it had then, the Qs it decided over, and whether for desktop recordings alone."""

    job: int
    days: int
    queues: frozenset[int]
    desktop_only: bool


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """A plan, added up by (queue, data type) and by day."""

    planned: list[Planned]
    by_day: dict[date, Amount]

    @property
    def deciders(self) -> list[Decider]:
        """The jobs that decided something in it, whatever has become of them since."""
        found: dict[int, list[Planned]] = {}
        for one in self.planned:
            found.setdefault(one.job, []).append(one)
        return [
            Decider(
                job=job,
                days=max(one.days for one in ones),
                queues=frozenset(one.queue for one in ones),
                desktop_only=all(one.data_type is DataType.DESKTOP for one in ones),
            )
            for job, ones in sorted(found.items())
        ]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why items of a run were kept or failed."""

    outcome: str
    reason: str
    items: int


@dataclass(slots=True)
class BookFigures:
    """A run's lines in the book, added up: by outcome, by (queue, data type) and by day; also while it goes on."""

    by_outcome: dict[str, Amount] = field(default_factory=dict)
    by_place: dict[tuple[int, DataType], dict[str, Amount]] = field(default_factory=dict)
    purged_by_day: dict[date, Amount] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)

    @property
    def purged(self) -> Amount:
        """What is gone."""
        return gone(self.by_outcome)


def gone(by_outcome: Mapping[str, Amount]) -> Amount:
    """Add up what is gone."""
    found = Amount()
    for outcome in GONE:
        found += by_outcome.get(outcome, Amount())
    return found


def plan_figures(plan: int, *, org: int) -> PlanFigures:
    """Add up a plan's lines.

    Args:
        plan: its number.
        org: the organization's number.
    """
    figures = PlanFigures([], {})
    with connections[WEB].cursor() as cursor:
        # leans on runs_planline's key (org, plan, day, data_type)
        cursor.execute(
            """
            SELECT l.day, u.queue, l.data_type, u.job, u.days, sum(u.items)::bigint, sum(u.bytes)::bigint
            FROM runs_planline l,
                unnest(l.queues, l.jobs, l.days, l.items, l.bytes) AS u (queue, job, days, items, bytes)
            WHERE l.org_id = %s AND l.plan_id = %s
            GROUP BY GROUPING SETS ((l.day), (u.queue, l.data_type, u.job, u.days))
            """,
            [org, plan],
        )
        for day, queue, data_type, job, days, items, size in cursor.fetchall():
            if day is not None:
                figures.by_day[day] = Amount(items, size)
            else:
                figures.planned.append(Planned(queue, DataType(data_type), job, days, Amount(items, size)))
    return figures


def book_figures(run: int, *, org: int) -> BookFigures:
    """Add up a run's lines in the book.

    Args:
        run: its number.
        org: the organization's number.
    """
    figures = BookFigures()
    with connections[WEB].cursor() as cursor:
        # leans on entry_by_run (org, run, batch)
        cursor.execute(
            """
            SELECT GROUPING(e.day, e.queue_id, e.reason), e.outcome, e.queue_id, e.data_type, e.day, e.reason,
                sum(e.items)::bigint, sum(e.bytes)::bigint
            FROM ledger_entry e WHERE e.org_id = %s AND e.run_id = %s
            GROUP BY GROUPING SETS ((e.outcome, e.day), (e.outcome, e.queue_id, e.data_type), (e.outcome, e.reason))
            ORDER BY 7 DESC, e.reason
            """,
            [org, run],
        )
        rows = cursor.fetchall()
    by_day, by_place = 0b011, 0b101  # GROUPING sets the bits of what was not grouped by
    for grouped, outcome, queue, data_type, day, reason, items, size in rows:
        amount = Amount(items, size)
        if grouped == by_day:
            if outcome in GONE:
                figures.purged_by_day[day] = figures.purged_by_day.get(day, Amount()) + amount
        elif grouped == by_place:
            figures.by_place.setdefault((queue, DataType(data_type)), {})[outcome] = amount
        else:
            figures.by_outcome[outcome] = figures.by_outcome.get(outcome, Amount()) + amount
            if outcome not in GONE:
                figures.reasons.append(Reason(outcome, reason, items))
    return figures


def plans_of(runs: Iterable[Run], *, org: int) -> dict[int, Plan]:
    """Give the heads of the plans of these runs, by number."""
    return {plan.id: plan for plan in Plan.objects.filter(org_id=org, id__in=[run.plan_id for run in runs])}


@dataclass(slots=True)
class Result:
    """The four numbers (items) of one queue and data type in a run, and what was planned of it."""

    queue: int
    data_type: DataType
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    purged_bytes: int = 0
    kept: int = 0
    failed: int = 0

    @property
    def not_reached(self) -> int:
        """What was planned and has no other end."""
        return max(0, self.planned - self.purged - self.kept - self.failed)


def results_of(plan: PlanFigures, *, book: BookFigures) -> list[Result]:
    """Put what was planned and what became of it side by side, in the order of queues and types."""
    found: dict[tuple[int, DataType], Result] = {}

    def at(queue: int, data_type: DataType) -> Result:
        return found.setdefault((queue, data_type), Result(queue, data_type))

    for one in plan.planned:
        result = at(one.queue, one.data_type)
        result.planned += one.amount.items
        result.planned_bytes += one.amount.bytes
    for (queue, data_type), by_outcome in book.by_place.items():
        result, purged = at(queue, data_type), gone(by_outcome)
        result.purged, result.purged_bytes = purged.items, purged.bytes
        result.kept = by_outcome.get("kept", Amount()).items
        result.failed = by_outcome.get("failed", Amount()).items
    order = list(DataType)
    return sorted(found.values(), key=lambda result: (result.queue, order.index(result.data_type)))

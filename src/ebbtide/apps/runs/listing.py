"""Runs, page by page and narrowed, and what is told of one beside its numbers.

Pages are cut by key, not by offset: a run that comes in while somebody reads moves nothing, and the hundredth page
costs what the first does. Every function expects an open transaction in the organization.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connections
from django.db.models import Sum

from ebbtide.apps.ledger.models import Entry
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.outcome import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What a list of runs is narrowed to: outcome, and the span of local dates, both ends in it."""

    outcome: RunOutcome | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of runs, newest first, and whether there are more on either side."""

    runs: list[Run]
    has_newer: bool
    has_older: bool


def slice_of_runs(
    *, org: int, narrowed: Narrowed, before: int | None = None, after: int | None = None, limit: int = 50
) -> Slice:
    """Give a page of runs.

    Args:
        org: the organization's number.
        narrowed: which runs.
        before: only runs with smaller numbers: the page after this one's last.
        after: only runs with greater numbers: the page before this one's first.
        limit: runs a page.

    Raises:
        InputInvalid: `before` and `after` are given together.
    """
    if before is not None and after is not None:
        raise InputInvalid("Give either before or after, not both.", field="before")
    rows = Run.objects.filter(org_id=org)  # leans on run_by_org (org, -id)
    if narrowed.outcome is not None:
        rows = rows.filter(outcome=narrowed.outcome)
    if narrowed.since is not None:
        rows = rows.filter(local_date__gte=narrowed.since)
    if narrowed.until is not None:
        rows = rows.filter(local_date__lte=narrowed.until)
    if after is not None:
        found = list(rows.filter(id__gt=after).order_by("id")[: limit + 1])
        return Slice(found[:limit][::-1], has_newer=len(found) > limit, has_older=True)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: limit + 1])
    return Slice(found[:limit], has_newer=before is not None, has_older=len(found) > limit)


def plans_of(runs: Iterable[Run], *, org: int) -> dict[int, Plan]:
    """Give the heads of the plans of these runs, by number."""
    return {plan.id: plan for plan in Plan.objects.filter(org_id=org, id__in=[run.plan_id for run in runs])}


def booked(run: Run) -> Mapping[str, tuple[int, int]]:
    """Add up a run's lines in the book, also of one that is going on: outcome -> (items, bytes)."""
    sums = Entry.objects.filter(org_id=run.org_id, run_id=run.id).values_list("outcome")
    return {outcome: (items, size) for outcome, items, size in sums.annotate(n=Sum("items"), size=Sum("bytes"))}


@dataclass(frozen=True, slots=True)
class Decider:
    """A job in a plan: the period it had then, the Qs it decided over, and whether for desktop recordings alone."""

    job: int
    days: int
    queues: frozenset[int]
    desktop_only: bool


def deciders(plan: Plan) -> list[Decider]:
    """Name the jobs that decided something in a plan, as it tells them, whatever has become of them since."""
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT u.job, max(u.days), array_agg(DISTINCT u.queue), bool_and(l.data_type = 'desktop')
            FROM runs_planline l, unnest(l.jobs, l.queues, l.days) AS u (job, queue, days)
            WHERE l.org_id = %s AND l.plan_id = %s GROUP BY u.job ORDER BY u.job
            """,
            [plan.org_id, plan.id],
        )
        return [Decider(job, days, frozenset(queues), desktop) for job, days, queues, desktop in cursor.fetchall()]

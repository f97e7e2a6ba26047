"""What a request rests on: the newest simulation, what its first live night would take, and what is due by now.

Every function expects an open transaction in the organization.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connections

from ebbtide.apps.activation.models import Request
from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import CapExceeded, EvidenceStale
from ebbtide.domain.evidence import Evidence, check_age, check_jobs
from ebbtide.domain.guard import Caps, check_caps
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.engine.simulate import reaches

# leans on catalog_cell's key (org, day, data_type, queue)
_DUE = """
    (SELECT c.queue_id, %s, sum(c.items)::bigint, sum(c.bytes)::bigint, min(c.day), max(c.day) FROM catalog_cell c
    WHERE c.org_id = %s AND c.day < %s AND c.data_type = %s AND c.queue_id = ANY (%s::int[]) AND c.items > 0 GROUP BY 1)
"""

Key = tuple[int, DataType]
"""A Q's number and a data type."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Items and bytes of one Q and data type, and the span of their days."""

    items: int
    bytes: int
    oldest: date
    newest: date


@dataclass(frozen=True, slots=True)
class Simulation:
    """The newest run with its plan, and why it does not bear a request; empty where it does."""

    run: Run
    plan: Plan
    unfit: str

    @property
    def evidence(self) -> Evidence:
        """As the rules know it."""
        return Evidence(self.plan.made_at, self.plan.jobs_version, self.plan.items)


def newest_simulation(org: Organization, *, now: datetime) -> Simulation | None:
    """Give the newest run that was not held back, and whether a request may rest on it; None before the first.

    The database asks the same before it takes a request (sql/rules.sql).
    """
    run = Run.objects.filter(org_id=org.id, mode__isnull=False).order_by("-id").first()
    if run is None:
        return None
    plan = Plan.objects.get(org_id=org.id, id=run.plan_id)
    return Simulation(run, plan, _unfit(org, run=run, plan=plan, now=now))


def _unfit(org: Organization, *, run: Run, plan: Plan, now: datetime) -> str:
    if run.outcome is None:
        return "A run is going on."
    if run.mode != Mode.SIMULATED or run.outcome != RunOutcome.SIMULATED or plan.armed:
        return "The newest run was made while deletion was switched on."
    if plan.as_of < plan.made_on - timedelta(days=1):
        return f"The newest run looked at an earlier night, that of {plan.as_of}."
    evidence = Evidence(plan.made_at, plan.jobs_version, plan.items)
    try:
        check_jobs(evidence, jobs_version=org.jobs_version)
        check_age(evidence, now=now)
    except EvidenceStale as stale:
        return stale.message
    return ""


def planned(plan_id: int, *, org: int) -> dict[Key, Amount]:
    """Add up a plan by Q and data type."""
    with connections[WEB].cursor() as cursor:
        # leans on runs_planline's key (org, plan, day, data type)
        cursor.execute(
            """
            SELECT u.queue, l.data_type, sum(u.items)::bigint, sum(u.bytes)::bigint, min(l.day), max(l.day)
            FROM runs_planline l, unnest(l.queues, l.items, l.bytes) AS u (queue, items, bytes)
            WHERE l.org_id = %s AND l.plan_id = %s GROUP BY 1, 2
            """,
            [org, plan_id],
        )
        return _amounts(cursor.fetchall())


def shown(request: Request) -> dict[Key, Amount]:
    """Give what a request showed by Q and data type, as the database wrote it down with it."""
    return {
        (queue, DataType(kind)): Amount(items, size, date.fromisoformat(oldest), date.fromisoformat(newest))
        for queue, kind, items, size, oldest, newest in request.breakdown
    }


def due(org: Organization, *, now: datetime) -> dict[Key, Amount]:
    """Add up what a night of today would take as things stand, by Q and data type.

    How far back each is kept says the verdict (`reaches`); the counts before that day are added up by the database, in
    one statement with a part for each data type and first day kept.
    """
    on = local_day(now, zone=parse_zone(org.zone))
    queues = list(Queue.objects.filter(org_id=org.id).values_list("id", flat=True))
    reached: dict[tuple[str, date], list[int]] = {}
    for reach in reaches(jobs(org=org.id), queues=queues, on=on):
        reached.setdefault((reach.data_type, reach.before), []).append(reach.queue)
    if not reached:
        return {}
    given = [
        value for (kind, before), named in reached.items() for value in (str(kind), org.id, before, str(kind), named)
    ]
    with connections[WEB].cursor() as cursor:
        cursor.execute(" UNION ALL ".join([_DUE] * len(reached)), given)
        return _amounts(cursor.fetchall())


def _amounts(rows: list[tuple[int, str, int, int, date, date]]) -> dict[Key, Amount]:
    return {
        (queue, DataType(kind)): Amount(items, size, oldest, newest)
        for queue, kind, items, size, oldest, newest in rows
    }


def capped(org: Organization, *, items: int, population: int) -> str:
    """Say in the guard's words why the caps would stop a night that takes so much; empty where they would not."""
    try:
        check_caps(Caps(share_percent=org.share_cap_percent, items=org.item_cap), selected=items, population=population)
    except CapExceeded as refusal:
        return refusal.message
    return ""

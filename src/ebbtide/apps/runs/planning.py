"""Plans: made, stored, read back, confirmed."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from itertools import groupby

from django.db import connections
from django.db.models import Sum

from ebbtide.apps.catalog.models import Cell as CellRow
from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.ledger.models import Entry
from ebbtide.apps.orgs.database import WEB, acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.first_nights import amount_of
from ebbtide.apps.runs.models import Plan, PlanLine, Run
from ebbtide.apps.runs.wiring import cell_catalog
from ebbtide.domain.amount import Rest, tonights
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.errors import Broken, InputInvalid
from ebbtide.domain.identity import not_found, parse_id, public_id
from ebbtide.domain.plan import Facts, PlanHash, PlannedCell, Totals
from ebbtide.engine.admit import Mode
from ebbtide.engine.simulate import plan_cells

_LINES_AT_ONCE = 500


def facts_of(org: Organization, *, now: datetime) -> Facts:
    """Read what a plan of this organization is decided from, at a moment."""
    return Facts(
        made_on=local_day(now, zone=parse_zone(org.zone)),
        jobs_version=org.jobs_version,
        armed=org.armed,
        armed_at=org.armed_at,
    )


def make_plan(org_id: int, *, as_of: date | None, now: datetime) -> Plan:
    """Decide what is due and store it; deletes nothing.

    Args:
        org_id: the organization.
        as_of: org-local date of the night; None for today's.
        now: the frozen moment (UTC).

    Raises:
        InputInvalid: `as_of` lies in the future.
    """
    with acting_in(org_id):
        return make_plan_here(org_id, as_of=as_of, now=now, using=WEB)


def make_plan_here(org_id: int, *, as_of: date | None, now: datetime, using: str) -> Plan:
    """Do what `make_plan` does, within a transaction in the organization that is open already.

    Args:
        org_id: the organization.
        as_of: org-local date of the night; None for today's.
        now: the frozen moment (UTC).
        using: the role whose transaction it is.

    Raises:
        InputInvalid: `as_of` lies in the future.
    """
    org = Organization.objects.using(using).get(id=org_id)
    facts = facts_of(org, now=now)
    on = as_of or facts.made_on
    if on > facts.made_on:
        raise InputInvalid(
            f"{on} is in the future: in {org.zone} it is {facts.made_on}. Give a date up to today.", field="as-of"
        )
    in_force = jobs(org=org_id, using=using)
    queues = list(Queue.objects.using(using).filter(org_id=org_id).values_list("id", flat=True))
    plan_id = _next_plan_number(using=using)
    hashed = PlanHash(org=org_id, as_of=on)
    lines = []
    rest, amount = Rest(), amount_of(org, using=using)
    stuck: frozenset[tuple[date, int]] = frozenset() if amount is None else _stuck(org_id, using=using)
    # closed here and now if storing fails: a cursor left to the garbage collector would outlive its transaction
    with closing(plan_cells(cell_catalog(org_id, using=using), jobs=in_force, queues=queues, on=on)) as due:
        planned = tonights(due, most=amount, rest=rest, stuck=stuck)
        for line in _lines(planned, hashed=hashed, org=org_id, plan=plan_id):
            lines.append(line)
            if len(lines) == _LINES_AT_ONCE:
                PlanLine.objects.using(using).bulk_create(lines)
                lines = []
    totals = hashed.totals
    held = CellRow.objects.using(using).filter(org_id=org_id).aggregate(n=Sum("items"), size=Sum("bytes"))
    plan = Plan(
        id=plan_id,
        org_id=org_id,
        as_of=on,
        made_on=facts.made_on,
        made_at=now,
        jobs_version=facts.jobs_version,
        armed=facts.armed,
        armed_at=facts.armed_at,
        cells=totals.cells,
        items=totals.items,
        bytes=totals.bytes,
        oldest=totals.oldest,
        newest=totals.newest,
        population=held["n"] or 0,
        population_bytes=held["size"] or 0,
        amount=amount,
        rest_items=rest.left.items,
        rest_bytes=rest.left.bytes,
        sha256=hashed.digest(),
    )
    PlanLine.objects.using(using).bulk_create(lines)
    plan.save(using=using, force_insert=True)
    return plan


def _next_plan_number(*, using: str) -> int:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('runs_plan', 'id'))")
        number: int = cursor.fetchone()[0]
    return number


def _stuck(org: int, *, using: str) -> frozenset[tuple[date, int]]:
    """Give the days and Qs of which the last live run had to leave something, with whatever reason."""
    last = Run.objects.using(using).filter(org_id=org, mode=Mode.LIVE, outcome__isnull=False).order_by("-id").first()
    if last is None:
        return frozenset()
    left = Entry.objects.using(using).filter(org_id=org, run_id=last.id, outcome__in=("kept", "failed"))
    return frozenset(left.values_list("day", "queue_id").distinct())


def _lines(planned: Iterator[PlannedCell], *, hashed: PlanHash, org: int, plan: int) -> Iterator[PlanLine]:
    """Put the queues of one day and data type side by side, taking hash and totals on the way."""
    for (day, data_type), group in groupby(planned, key=lambda one: (one.cell.day, one.cell.data_type)):
        line = PlanLine(
            org_id=org, plan_id=plan, day=day, data_type=data_type, queues=[], jobs=[], days=[], items=[], bytes=[]
        )
        for one in group:
            hashed.add(one)
            line.queues.append(one.cell.queue)
            line.jobs.append(one.job)
            line.days.append(one.days)
            line.items.append(one.cell.items)
            line.bytes.append(one.cell.bytes)
        yield line


def made_from(plan: Plan) -> Facts:
    """Give the facts a plan was decided from."""
    return Facts(made_on=plan.made_on, jobs_version=plan.jobs_version, armed=plan.armed, armed_at=plan.armed_at)


def plan_by_id(text: str, *, org: int, using: str = WEB) -> Plan:
    """Find a plan by its public id; expects an open transaction in the organization.

    Raises:
        NotYours: there is none.
    """
    found = Plan.objects.using(using).filter(org_id=org, id=parse_id("plan", text)).first()
    if found is None:
        raise not_found("plan", text)
    return found


def plan_for_operator(text: str) -> Plan:
    """Find a plan of any organization, for the operator, who names the plan alone.

    Raises:
        NotYours: there is none.
    """
    with as_platform():
        found = Plan.objects.filter(id=parse_id("plan", text)).first()
    if found is None:
        raise not_found("plan", text)
    return found


def planned_cells(plan: Plan, *, using: str = WEB) -> Iterator[PlannedCell]:
    """Stream a plan's cells in its order; expects an open transaction in the organization."""
    lines = PlanLine.objects.using(using).filter(org_id=plan.org_id, plan_id=plan.id).order_by("day", "data_type")
    # a plan has no more lines than cells, and a cursor of its own costs a small one more than its lines
    for line in lines.iterator(chunk_size=_LINES_AT_ONCE) if plan.cells > _LINES_AT_ONCE else lines:
        for queue, job, days, items, size in zip(
            line.queues, line.jobs, line.days, line.items, line.bytes, strict=True
        ):
            cell = Cell(line.day, DataType(line.data_type), queue, items, size)
            yield PlannedCell(cell, job=job, days=Days(days))


def check_hash(plan: Plan, *, using: str = WEB) -> None:
    """Read the plan back and compare it with its hash and its head; expects an open transaction in the organization.

    Raises:
        Broken: what is stored is not what was decided.
    """
    hashed = PlanHash(org=plan.org_id, as_of=plan.as_of)
    for planned in planned_cells(plan, using=using):
        hashed.add(planned)
    head = Totals(plan.cells, plan.items, plan.bytes, plan.oldest, plan.newest)
    if hashed.digest() != bytes(plan.sha256) or hashed.totals != head:
        raise Broken(f"{public_id('plan', plan.id)} does not fit its hash: it is not carried out. Make a new plan.")


def confirm_plan(org: int, *, plan_id: str, actor: str, now: datetime) -> Plan:
    """Record that a person saw this plan's counts: the share cap does not hold it back any more. Once is enough.

    Raises:
        NotYours: there is no such plan.
    """
    with acting_in(org):
        plan = plan_by_id(plan_id, org=org)
        if plan.confirmed_at is None:
            Plan.objects.filter(org_id=org, id=plan.id).update(confirmed_at=now, confirmed_by=actor)
        return plan_by_id(plan_id, org=org)

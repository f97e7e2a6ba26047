"""Runs of all organizations, and one of them: numbers and reasons, nothing that is personal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy

from ebbtide.apps.ledger.models import Entry
from ebbtide.apps.orgs.database import acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.pages import run_lines
from ebbtide.apps.runs.selectors import reasons
from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.web.context.console.runs import PlatformRunLine, PlatformRunPage, TypeNumbers
from ebbtide.web.context.runs import GuardNote, ReasonLine
from ebbtide.web.context.shared import OrgLine, RunLine
from ebbtide.web.listing import Asked, Column, Listing, Table, every_row, list_query

RUNS: Table[PlatformRunLine] = Table(
    name="runs",
    columns=(
        Column(name="run", label=gettext_lazy("Run"), value=lambda one: f"run_{one.run.id}", field="id"),
        Column(name="org", label=gettext_lazy("Organization"), value=lambda one: one.org.name, field="org__name"),
        Column(name="night", label=gettext_lazy("Night of"), value=lambda one: one.run.on, field="local_date"),
        Column(name="outcome", label=gettext_lazy("Outcome"), value=lambda one: one.run.outcome, sortable=False),
        Column(name="due", label=gettext_lazy("Due"), value=lambda one: one.run.planned, number=True, sortable=False),
        Column(
            name="purged", label=gettext_lazy("Purged"), value=lambda one: one.run.purged, field="purged", number=True
        ),
        Column(name="kept", label=gettext_lazy("Kept"), value=lambda one: one.run.kept, field="kept", number=True),
        Column(
            name="failed", label=gettext_lazy("Failed"), value=lambda one: one.run.failed, field="failed", number=True
        ),
        Column(
            name="rest",
            label=gettext_lazy("Not reached"),
            value=lambda one: one.run.not_reached,
            field="not_reached",
            number=True,
        ),
        Column(name="took", label=gettext_lazy("Took"), value=lambda one: _seconds(one.run), sortable=False),
    ),
    sort="-run",
    fields=("org__name",),
)
"""Runs of all organizations, as the page shows them."""

RUNS_CSV: Table[PlatformRunLine] = Table(
    name="runs",
    columns=(
        *RUNS.columns[:1],
        Column(name="organization", label="", value=lambda one: f"org_{one.org.id}"),
        *RUNS.columns[1:4],
        Column(name="mode", label="", value=lambda one: "live" if one.run.live else "simulated"),
        Column(name="trigger", label="", value=lambda one: one.run.trigger),
        Column(name="started", label="", value=lambda one: one.run.started_at),
        Column(name="ended", label="", value=lambda one: one.run.ended_at),
        *RUNS.columns[4:9],
        Column(name="purged_bytes", label="", value=lambda one: one.run.purged_bytes),
        Column(name="reason", label="", value=lambda one: one.reason),
    ),
    sort="-run",
)
"""The same for a spreadsheet."""


def _seconds(run: RunLine) -> int | None:
    return None if run.ended_at is None else round((run.ended_at - run.started_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What the runs are narrowed to: outcome ("running" for those without one), local dates, organization."""

    outcome: str = ""
    since: date | None = None
    until: date | None = None
    org: int | None = None

    def of(self, query: QuerySet[Run]) -> QuerySet[Run]:
        """Narrow the runs; expects the platform's scope."""
        if self.org is not None:
            query = query.filter(org_id=self.org)
        if self.outcome == "running":
            query = query.filter(outcome__isnull=True)
        elif self.outcome:
            query = query.filter(outcome=self.outcome)
        if self.since is not None:
            query = query.filter(local_date__gte=self.since)
        if self.until is not None:
            query = query.filter(local_date__lte=self.until)
        return query


def _query(narrowed: Narrowed) -> QuerySet[Run]:
    return narrowed.of(Run.objects.select_related("org"))


def _lines(found: Sequence[Run]) -> Sequence[PlatformRunLine]:
    plans = {plan.id: plan for plan in Plan.objects.filter(id__in=[run.plan_id for run in found])}
    return [_line(run, plan=plans[run.plan_id]) for run in found]


def _line(run: Run, *, plan: Plan) -> PlatformRunLine:
    return PlatformRunLine(
        org=OrgLine(id=run.org_id, name=run.org.name, zone=run.org.zone, armed=run.org.armed),
        run=RunLine(
            id=run.id,
            on=run.local_date,
            started_at=run.started_at,
            ended_at=run.ended_at,
            trigger="nightly" if run.trigger == "nightly" else "operator",
            live=run.mode == Mode.LIVE,
            outcome=None if run.outcome is None else RunOutcome(run.outcome),
            planned=plan.items,
            planned_bytes=plan.bytes,
            purged=run.purged,
            purged_bytes=run.purged_bytes,
            kept=run.kept,
            failed=run.failed,
            not_reached=run.not_reached,
        ),
        reason=run.reason,
    )


def runs_listing(narrowed: Narrowed, *, asked: Asked) -> Listing[PlatformRunLine]:
    """Give a page of the runs of all organizations."""
    with as_platform():
        return list_query(RUNS, _query(narrowed), asked=asked, lines=_lines)


def every_run(narrowed: Narrowed, *, asked: Asked) -> Iterator[PlatformRunLine]:
    """Stream all runs that are asked for; the transaction is open as long as somebody reads."""
    with as_platform():
        yield from every_row(RUNS, _query(narrowed), asked=asked, lines=_lines)


# what was planned, unrolled in the database: a plan has a line for each day and data type
_PLANNED = """
    SELECT l.data_type, sum(u.items)::bigint, sum(u.bytes)::bigint
    FROM runs_planline l, unnest(l.items, l.bytes) AS u (items, bytes)
    WHERE l.org_id = %s AND l.plan_id = %s GROUP BY l.data_type
"""


def run_page(run: Run, *, org: Organization) -> PlatformRunPage:
    """Give the page of a run of any organization; opens its own transaction in that.

    Args:
        run: the run.
        org: whose it is.
    """
    with acting_in(org.id) as cursor:
        plan = Plan.objects.get(org_id=org.id, id=run.plan_id)
        line = run_lines([run], org=org.id)[0]
        cursor.execute(_PLANNED, [org.id, plan.id])
        planned = {row[0]: row[1:] for row in cursor.fetchall()}
        told = tuple(
            ReasonLine(number="kept" if one.outcome == "kept" else "failed", reason=one.reason, items=one.items)
            for one in reasons(run)
        )
        types = _types(run, planned=planned)
    held_back = run.outcome == RunOutcome.BLOCKED or (run.outcome == RunOutcome.SIMULATED and plan.armed)
    guard = GuardNote(message=run.reason, selected=plan.items, population=plan.population) if held_back else None
    return PlatformRunPage(
        org=OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed),
        run=line,
        types=types,
        reasons=told,
        guard=guard,
        note="" if guard else run.reason,
        worker=run.worker,
        cancelled_at=run.cancelled_at,
        cancelled_by=run.cancelled_by,
        plan=plan.id,
        population=plan.population,
    )


def _types(run: Run, *, planned: Mapping[str, tuple[int, int]]) -> tuple[TypeNumbers, ...]:
    """Add a run up by data type; what was not reached is known once a live run has ended."""
    ended = run.mode == Mode.LIVE and run.outcome is not None
    rows = Entry.objects.filter(org_id=run.org_id, run_id=run.id).values_list("data_type", "outcome")
    booked: dict[tuple[str, str], tuple[int, int]] = {}
    for kind, outcome, items, size in rows.annotate(n=Sum("items"), size=Sum("bytes")):
        place = (kind, "purged" if outcome == "already_gone" else outcome)
        before = booked.get(place, (0, 0))
        booked[place] = (before[0] + items, before[1] + size)

    def line(kind: DataType) -> TypeNumbers:
        items, size = planned.get(str(kind), (0, 0))
        purged, purged_bytes = booked.get((str(kind), "purged"), (0, 0))
        kept, failed = booked.get((str(kind), "kept"), (0, 0))[0], booked.get((str(kind), "failed"), (0, 0))[0]
        return TypeNumbers(
            data_type=kind,
            planned=items,
            planned_bytes=size,
            purged=purged,
            purged_bytes=purged_bytes,
            kept=kept,
            failed=failed,
            not_reached=max(0, items - purged - kept - failed) if ended else 0,
        )

    there = {*planned, *(kind for kind, _outcome in booked)}
    return tuple(line(kind) for kind in DataType if str(kind) in there)

"""The tables of the pages of runs: what their columns are, and how they are sorted and searched."""

from django.db.models import F, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.identity import public_id
from ebbtide.web.context.runs import DayLine, NumbersLine, PlanCellLine, ReasonLine
from ebbtide.web.context.shared import RunLine
from ebbtide.web.listing import Column, Table
from ebbtide.web.templatetags.ebbtide import data_type

RUNS: Table[RunLine] = Table(
    name="runs",
    columns=(
        Column(name="night", label=gettext_lazy("Night of"), value=lambda run: run.on, field="local_date"),
        # numbers grow with time, and the index run_by_org (org, -id) gives them in this order
        Column(name="started", label=gettext_lazy("Started"), value=lambda run: run.started_at, field="id"),
        Column(
            name="outcome",
            label=gettext_lazy("Outcome"),
            value=lambda run: str(run.outcome or "running"),
            field="ended_as",
        ),
        Column(name="due", label=gettext_lazy("Due"), value=lambda run: run.planned, field="due", number=True),
        Column(name="due_bytes", label=gettext_lazy("Size"), value=lambda run: run.planned_bytes, field="due_bytes",
               number=True),
        Column(name="purged", label=gettext_lazy("Purged"), value=lambda run: run.purged, field="purged", number=True),
        Column(name="kept", label=gettext_lazy("Kept"), value=lambda run: run.kept, field="kept", number=True),
        Column(name="failed", label=gettext_lazy("Failed"), value=lambda run: run.failed, field="failed", number=True),
        Column(
            name="not_reached",
            label=gettext_lazy("Not reached"),
            value=lambda run: run.not_reached,
            field="not_reached",
            number=True,
        ),
    ),
    sort="-started",
)  # fmt: skip
_MORE: tuple[Column[RunLine], ...] = (
    Column(name="run", label="", value=lambda run: public_id("run", run.id)),
    Column(name="ended", label="", value=lambda run: run.ended_at),
    Column(name="started_by", label="", value=lambda run: run.trigger),
    Column(name="mode", label="", value=lambda run: "live" if run.live else "simulated"),
    Column(name="purged_bytes", label="", value=lambda run: run.purged_bytes),
)
RUNS_CSV: Table[RunLine] = Table(name="runs", columns=(_MORE[0], *RUNS.columns, *_MORE[1:]), sort=RUNS.sort)
"""The same with what the page leaves out; what is asked is asked of `RUNS`."""


def runs_query(org: int) -> QuerySet[Run]:
    """Give an organization's runs with what the list sorts by; a few hundred a year, so any order is cheap."""
    plan = Plan.objects.filter(org_id=org, id=OuterRef("plan_id"))
    return Run.objects.filter(org_id=org).annotate(
        ended_as=Coalesce(F("outcome"), Value("running"), output_field=TextField()),
        due=Subquery(plan.values("items")[:1]),
        due_bytes=Subquery(plan.values("bytes")[:1]),
    )


NUMBERS: Table[NumbersLine] = Table(
    name="numbers",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda line: line.queue),
        Column(name="data_type", label=gettext_lazy("Data type"), value=lambda line: str(line.data_type)),
        Column(name="planned_items", label=gettext_lazy("Planned"), value=lambda line: line.planned, number=True),
        Column(name="planned_bytes", label=gettext_lazy("Size"), value=lambda line: line.planned_bytes, number=True),
        Column(name="purged_items", label=gettext_lazy("Purged"), value=lambda line: line.purged, number=True),
        Column(name="kept_items", label=gettext_lazy("Kept"), value=lambda line: line.kept, number=True),
        Column(name="failed_items", label=gettext_lazy("Failed"), value=lambda line: line.failed, number=True),
        Column(
            name="not_reached_items",
            label=gettext_lazy("Not reached"),
            value=lambda line: line.not_reached,
            number=True,
        ),
    ),
    sort="q",
    text=lambda line: f"{line.queue} {data_type(line.data_type)}",
    row_key=lambda line: (line.queue, line.data_type),
)
REASONS: Table[ReasonLine] = Table(
    name="reasons",
    columns=(
        Column(name="number", label=gettext_lazy("Number"), value=lambda line: line.number),
        Column(name="reason", label=gettext_lazy("Reason"), value=lambda line: line.reason),
        Column(name="items", label=gettext_lazy("Items"), value=lambda line: line.items, number=True),
    ),
    sort="-items",
    text=lambda line: f"{line.number} {line.reason}",
    row_key=lambda line: (line.number, line.reason),
    size=20,
)
DAYS: Table[DayLine] = Table(
    name="days",
    columns=(
        Column(name="day", label=gettext_lazy("Day"), value=lambda line: line.day),
        Column(name="planned_items", label=gettext_lazy("Planned"), value=lambda line: line.planned, number=True),
        Column(name="planned_bytes", label=gettext_lazy("Size"), value=lambda line: line.planned_bytes, number=True),
        Column(name="purged_items", label=gettext_lazy("Purged"), value=lambda line: line.purged, number=True),
        Column(
            name="purged_bytes", label=gettext_lazy("Size purged"), value=lambda line: line.purged_bytes, number=True
        ),
    ),
    sort="-day",
    row_key=lambda line: line.day,
    size=31,
)
PLAN: Table[PlanCellLine] = Table(
    name="plan",
    columns=(
        Column(name="day", label=gettext_lazy("Day"), value=lambda line: line.day),
        Column(name="data_type", label=gettext_lazy("Data type"), value=lambda line: str(line.data_type),
               sortable=False),
        Column(name="q", label=gettext_lazy("Q"), value=lambda line: line.queue.name, sortable=False),
        Column(name="job", label=gettext_lazy("Decided by"), value=lambda line: public_id("job", line.job.id or 0),
               sortable=False),
        Column(name="days", label=gettext_lazy("Days kept"), value=lambda line: line.job.days, number=True),
        Column(name="items", label=gettext_lazy("Items"), value=lambda line: line.items, number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda line: line.bytes, number=True),
    ),
    sort="day",
)  # fmt: skip

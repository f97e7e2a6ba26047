"""Home, and the pages of runs."""

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.access import POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.runs import pages
from ebbtide.apps.runs.age_charts import AGES_CSV, age_csv_rows
from ebbtide.apps.runs.home import HomeAsked, ages_tonight, decided_for_tonight, home_asked, home_page
from ebbtide.apps.runs.listing import Narrowed
from ebbtide.apps.runs.matrix import MATRIX_CSV, matrix_cells
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.planning import confirm_plan, facts_of, made_from, plan_by_id
from ebbtide.apps.runs.selectors import run_by_id
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import parse_id, public_id
from ebbtide.domain.outcome import RunOutcome
from ebbtide.domain.plan import check_fresh
from ebbtide.web.context.runs import NumbersLine
from ebbtide.web.listing import csv_answer
from ebbtide.web.spreadsheet import csv_lines

_COLUMNS = (
    "run", "night", "outcome", "q", "data type", "planned items", "planned bytes", "purged items", "purged bytes",
    "kept items", "failed items", "not reached items",
)  # fmt: skip


@organization_page(Permission.DATA_VIEW)
def home(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show where the organization stands, and what tonight would take; its two tables also as CSV."""
    asked, org = home_asked(request.GET), visit.org.id
    if asked.ages.csv or asked.matrix.csv:
        return _home_csv(visit, asked)
    with acting_in(org):
        page = home_page(visit.org, now=visit.now, asked=asked)
    return render(request, "pages/home.html", {"page": page})


def _home_csv(visit: Visit, asked: HomeAsked) -> HttpResponseBase:
    org, public = visit.org.id, public_id("org", visit.org.id)
    with acting_in(org):
        decided = decided_for_tonight(visit.org, now=visit.now)
        if asked.ages.csv:
            return csv_answer(AGES_CSV, age_csv_rows(ages_tonight(decided, org=org)), name=f"ebbtide-{public}-ages")
        rows = list(matrix_cells(decided, org=org, asked=asked.matrix))
    return csv_answer(MATRIX_CSV, rows, name=f"ebbtide-{public}-effective-retention")


@organization_page(Permission.DATA_VIEW)
def run_list(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the runs, newest first."""
    asked = {name: request.GET.get(name, "").strip() for name in ("outcome", "since", "until", "before", "after")}
    narrowed = Narrowed(
        outcome=_outcome(asked["outcome"]),
        since=parse_day(asked["since"], field="since") if asked["since"] else None,
        until=parse_day(asked["until"], field="until") if asked["until"] else None,
    )
    before, after = (parse_id("run", asked[name]) if asked[name] else None for name in ("before", "after"))
    with acting_in(visit.org.id):
        page = pages.runs_page(visit.org, now=visit.now, narrowed=narrowed, before=before, after=after)
    return render(request, "pages/runs.html", {"page": page})


def _outcome(text: str) -> RunOutcome | None:
    if not text:
        return None
    if text not in set(RunOutcome):
        raise InputInvalid(f"There is no outcome {text[:40]!r}: choose one of the list.", field="outcome")
    return RunOutcome(text)


@organization_page(Permission.DATA_VIEW)
def run(request: HttpRequest, visit: Visit, run: str) -> HttpResponse:
    """Show one run with its four numbers."""
    with acting_in(visit.org.id):
        page = pages.run_page(visit.org, run=run_by_id(run, org=visit.org.id), now=visit.now)
    return render(request, "pages/run.html", {"page": page})


@organization_page(Permission.DATA_VIEW)
def run_csv(request: HttpRequest, visit: Visit, run: str) -> StreamingHttpResponse:
    """Give a run's numbers for a spreadsheet."""
    del request
    with acting_in(visit.org.id):
        found = run_by_id(run, org=visit.org.id)
        lines = pages.numbers_lines(found, queues=queue_lines(org=visit.org.id))
    return StreamingHttpResponse(
        csv_lines(_rows(found, lines)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="ebbtide-{public_id("run", found.id)}.csv"'},
    )


def _rows(run: Run, lines: tuple[NumbersLine, ...]) -> Iterator[tuple[object, ...]]:
    yield _COLUMNS
    for line in lines:
        yield (
            public_id("run", run.id),
            run.local_date.isoformat(),
            run.outcome or "running",
            line.queue,
            str(line.data_type),
            line.planned,
            line.planned_bytes,
            line.purged,
            line.purged_bytes,
            line.kept,
            line.failed,
            line.not_reached,
        )


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def plan_confirm(request: HttpRequest, visit: Visit, plan: str) -> HttpResponse:
    """Record that a person has seen a plan's counts."""
    with acting_in(visit.org.id):
        found = plan_by_id(plan, org=visit.org.id)
        check_fresh(made_from(found), now=facts_of(visit.org, now=visit.now))
        shown = Run.objects.filter(org_id=visit.org.id, plan_id=found.id).order_by("-id").first()
    confirm_plan(visit.org.id, plan_id=plan, actor=visit.user.email, now=visit.now)
    messages.success(
        request,
        _("Plan %(id)s is confirmed. Nothing is deleted by that: a run has to be started with this very plan.")
        % {"id": found.id},
    )
    if shown is None:
        return redirect("runs", org=visit.org.id)
    return redirect("run", org=visit.org.id, run=shown.id)

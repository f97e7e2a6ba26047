"""The pages of runs: the list, a run, its plan, its progress, its files, and the button that stops it."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.access import POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs import pages, run_pages, services
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.pages import Narrowed
from ebbtide.apps.runs.plan_cells import every_cell
from ebbtide.apps.runs.progress import progress_of
from ebbtide.apps.runs.report import report
from ebbtide.apps.runs.run_pages import AskedOfRun, RunFacts
from ebbtide.apps.runs.selectors import run_by_id
from ebbtide.apps.runs.tables import DAYS, NUMBERS, PLAN, REASONS, RUNS, RUNS_CSV, runs_query
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, Taken
from ebbtide.domain.identity import parse_id, public_id
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.web.context.runs import NumbersLine, PlanCellLine, PlanFilter, ProgressPage
from ebbtide.web.context.shared import RunLine
from ebbtide.web.listing import Asked, Column, Table, asked_of, csv_answer, every_row, sorted_rows

_YEAR = "calendar.year"


@organization_page(Permission.DATA_VIEW)
def run_list(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the runs, newest first."""
    asked, narrowed = asked_of(request.GET, table=RUNS), _narrowed(request.GET)
    if asked.csv:
        rows = _every_run(visit.org.id, narrowed=narrowed, asked=asked)
        return csv_answer(RUNS_CSV, rows, name="ebbtide-runs")
    with acting_in(visit.org.id):
        page = pages.runs_page(visit.org, now=visit.now, narrowed=narrowed, asked=asked)
    return render(request, "pages/runs.html", {"page": page})


def _every_run(org: int, *, narrowed: Narrowed, asked: Asked) -> Iterator[RunLine]:
    with acting_in(org):
        yield from every_row(
            RUNS, narrowed.of(runs_query(org)), asked=asked, lines=lambda runs: pages.run_lines(runs, org=org)
        )


def _narrowed(query: QueryDict) -> Narrowed:
    outcome, mode, trigger = (_one_of(query, name, words=words) for name, words in _WORDS.items())
    trigger_: Literal["nightly", "operator", ""] = "nightly" if trigger == "nightly" else "operator" if trigger else ""
    return Narrowed(
        outcome=RunOutcome(outcome) if outcome else None,
        mode=Mode(mode) if mode else None,
        trigger=trigger_,
        since=_day(query, "since"),
        until=_day(query, "until"),
    )


_WORDS = {
    "outcome": frozenset(map(str, RunOutcome)),
    "mode": frozenset({str(Mode.SIMULATED), str(Mode.LIVE)}),
    "trigger": frozenset({"nightly", "operator"}),
}


def _one_of(query: QueryDict, name: str, *, words: frozenset[str]) -> str:
    text = query.get(name, "").strip()
    if text and text not in words:
        raise InputInvalid(f"There is no {name} {text[:40]!r}: choose one of the list.", field=name)
    return text


def _day(query: QueryDict, name: str) -> date | None:
    text = query.get(name, "").strip()
    return parse_day(text, field=name) if text else None


@organization_page(Permission.DATA_VIEW)
def run(request: HttpRequest, visit: Visit, run: str) -> HttpResponseBase:
    """Show one run with its four numbers."""
    asked = AskedOfRun(
        numbers=asked_of(request.GET, table=NUMBERS),
        reasons=asked_of(request.GET, table=REASONS),
        days=asked_of(request.GET, table=DAYS),
        year=_year(request.GET),
    )
    with acting_in(visit.org.id):
        facts = run_pages.facts_of_run(run_by_id(run, org=visit.org.id))
        name = f"ebbtide-{public_id('run', facts.run.id)}"
        if asked.numbers.csv:
            return _numbers_csv(facts, asked=asked.numbers)
        if asked.reasons.csv:
            return csv_answer(REASONS, sorted_rows(REASONS, facts.reasons, asked=asked.reasons), name=f"{name}-reasons")
        if asked.days.csv:
            return csv_answer(DAYS, sorted_rows(DAYS, facts.days, asked=asked.days), name=f"{name}-days")
        page = run_pages.run_page(visit.org, facts=facts, asked=asked, now=visit.now)
    return render(request, "pages/run.html", {"page": page})


def _year(query: QueryDict) -> int | None:
    text = query.get(_YEAR, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None


@organization_page(Permission.DATA_VIEW)
def run_csv(request: HttpRequest, visit: Visit, run: str) -> HttpResponseBase:
    """Give a run's numbers for a spreadsheet."""
    del request
    with acting_in(visit.org.id):
        return _numbers_csv(run_pages.facts_of_run(run_by_id(run, org=visit.org.id)), asked=Asked())


def _numbers_csv(facts: RunFacts, *, asked: Asked) -> HttpResponseBase:
    """Write the numbers with the run they are of in front, so that files of several nights can be put together."""
    run = facts.run
    table: Table[NumbersLine] = Table(
        name=NUMBERS.name,
        columns=(
            Column(name="run", label="", value=lambda _line: public_id("run", run.id)),
            Column(name="night", label="", value=lambda _line: run.local_date),
            Column(name="outcome", label="", value=lambda _line: run.outcome or "running"),
            *NUMBERS.columns[:5],
            Column(name="purged_bytes", label="", value=lambda line: line.purged_bytes),
            *NUMBERS.columns[5:],
        ),
        sort=NUMBERS.sort,
    )
    return csv_answer(
        table, sorted_rows(NUMBERS, facts.numbers, asked=asked), name=f"ebbtide-{public_id('run', run.id)}"
    )


@organization_page(Permission.DATA_VIEW)
def run_json(request: HttpRequest, visit: Visit, run: str) -> HttpResponse:
    """Give a run's report as a file for a person's own records; no list of them, and nothing to send back."""
    del request
    with acting_in(visit.org.id):
        found = run_by_id(run, org=visit.org.id)
        text = report(run_pages.facts_of_run(found), org=visit.org, now=visit.now)
    return HttpResponse(
        text,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="ebbtide-{public_id("run", found.id)}.json"'},
    )


@organization_page(Permission.DATA_VIEW)
def run_plan(request: HttpRequest, visit: Visit, run: str) -> HttpResponseBase:
    """Show a run's plan, cell by cell."""
    asked, narrowed = asked_of(request.GET, table=PLAN), _plan_filter(request.GET)
    with acting_in(visit.org.id):
        facts = run_pages.facts_of_run(run_by_id(run, org=visit.org.id))
        if narrowed.queue is not None and narrowed.queue not in facts.queues:
            raise InputInvalid("There is no such Q: choose one of the list.", field="queue")
        if asked.csv:
            rows = _every_cell(facts, narrowed=narrowed, sort=asked.sort or PLAN.sort)
            return csv_answer(PLAN, rows, name=f"ebbtide-{public_id('plan', facts.plan.id)}")
        page = run_pages.run_plan_page(facts, narrowed=narrowed, asked=asked)
    return render(request, "pages/run_plan.html", {"page": page})


def _plan_filter(query: QueryDict) -> PlanFilter:
    queue = query.get("queue", "").strip()
    return PlanFilter(
        queue=parse_id("que", queue) if queue else None,
        data_type=_one_of(query, "type", words=frozenset(map(str, DataType))),
        since=_day(query, "since"),
        until=_day(query, "until"),
    )


def _every_cell(facts: RunFacts, *, narrowed: PlanFilter, sort: str) -> Iterator[PlanCellLine]:
    with acting_in(facts.run.org_id):
        yield from every_cell(facts.plan, narrowed=narrowed, sort=sort, names=run_pages.names_of(facts))


@organization_page(Permission.DATA_VIEW)
def run_progress(request: HttpRequest, visit: Visit, run: str) -> HttpResponse:
    """Say how far a run is; the page of an open run asks for this every two seconds."""
    with acting_in(visit.org.id):
        found = run_by_id(run, org=visit.org.id)
        if found.outcome is not None or not request.headers.get("HX-Request"):
            return _to_run(request, visit, found)
        plan = Plan.objects.get(org_id=visit.org.id, id=found.plan_id)
        progress = progress_of(found, plan=plan, now=visit.now, said=_said(request.GET))
        page = ProgressPage(run=pages.run_line(found, plan=plan), progress=progress)
    return render(request, "components/run_progress.html", {"page": page})


def _to_run(request: HttpRequest, visit: Visit, run: Run) -> HttpResponse:
    """Send the browser to the run's page; where it was watching the run, that page is read anew."""
    if not request.headers.get("HX-Request"):
        return redirect("run", org=visit.org.id, run=run.id)
    told = HttpResponse()
    told["HX-Refresh"] = "true"
    return told


def _said(query: QueryDict) -> int:
    text = query.get("said", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def run_stop(request: HttpRequest, visit: Visit, run: str) -> HttpResponse:
    """Stop a run; answers when it deletes nothing any more."""
    try:
        stopped = services.cancel_run(visit.org.id, run_id=run, actor=visit.user.email, now=visit.now)
    except Taken:
        with acting_in(visit.org.id):
            stopped = run_by_id(run, org=visit.org.id)
        messages.warning(request, _("This run had ended before it could be stopped: its numbers are below."))
    else:
        messages.success(
            request,
            _("Stopped: this run deletes nothing any more. What it had deleted before stays deleted."),
        )
    return redirect("run", org=visit.org.id, run=stopped.id)

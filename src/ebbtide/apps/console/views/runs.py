"""Runs of all organizations."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ebbtide.apps.console.runs import RUNS, RUNS_CSV, Narrowed, every_run, run_page, runs_listing
from ebbtide.apps.orgs.access import OperatorVisit, operator_page
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import organization_by_id
from ebbtide.apps.runs.selectors import run_for_operator
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.console.runs import PlatformRunsPage
from ebbtide.web.context.shared import OrgLine
from ebbtide.web.listing import asked_of, csv_answer

LAST_DAYS = timedelta(days=14)
"""What is shown where no dates are asked for, so that every order stays quick however long the history."""


@operator_page()
def listed(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show the runs of all organizations, newest first."""
    outcome, org = (request.GET.get(name, "").strip() for name in ("outcome", "org"))
    if outcome and outcome != "running" and outcome not in set(RunOutcome):
        raise InputInvalid(f"There is no outcome {outcome[:40]!r}: choose one of the list.", field="outcome")
    since = request.GET.get("since", f"{visit.now.date() - LAST_DAYS}").strip()
    until = request.GET.get("until", "").strip()
    found: Organization | None = organization_by_id(org) if org else None
    narrowed = Narrowed(
        outcome=outcome,
        since=parse_day(since, field="since") if since else None,
        until=parse_day(until, field="until") if until else None,
        org=None if found is None else found.id,
    )
    asked = asked_of(request.GET, table=RUNS)
    if asked.csv:
        return csv_answer(RUNS_CSV, every_run(narrowed, asked=asked), name="ebbtide-runs")
    page = PlatformRunsPage(
        runs=runs_listing(narrowed, asked=asked),
        outcome=outcome,
        since=narrowed.since,
        until=narrowed.until,
        org=None if found is None else OrgLine(id=found.id, name=found.name, zone=found.zone, armed=found.armed),
    )
    return render(request, "pages/platform_runs.html", {"page": page})


@operator_page()
def shown(request: HttpRequest, visit: OperatorVisit, run: str) -> HttpResponse:
    """Show one run's numbers by data type, and its reasons."""
    del visit
    found = run_for_operator(run)
    with as_platform():
        org = Organization.objects.get(id=found.org_id)
    return render(request, "pages/platform_run.html", {"page": run_page(found, org=org)})

"""Pages that look ahead: the forecast with its budget, what a job would cost, and the operator's overview."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.billing import ahead_pages, overview
from ebbtide.apps.billing.ahead_pages import AHEAD, ALERTS, LEVER
from ebbtide.apps.billing.budgets import parse_amount, set_budget
from ebbtide.apps.billing.cost_panel import cost_panel
from ebbtide.apps.billing.outlooks import Basis, basis_of
from ebbtide.apps.billing.saving import LEVERS, all_levers
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, Visit, operator_page, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.forms import JobForm
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.policies.selectors import find_job, to_domain
from ebbtide.domain.calendar import Days
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.web.context.forecast import CostPanel, WhatIfPage
from ebbtide.web.listing import Row, Table, asked_of, csv_answer, sorted_rows

_UNACCEPTABLE = 422


@organization_page(Permission.DATA_VIEW)
def cost_forecast(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what will be at rest and what it will cost."""
    basis, beyond = basis_of(visit.org, now=visit.now), _beyond(request.GET)
    wanted, org = request.GET.get("csv", ""), public_id("org", visit.org.id)
    if wanted == AHEAD.name:
        stands, armed = ahead_pages.both(basis)
        rows = ahead_pages.months_ahead(basis, stands=stands, armed=armed)
        return _table(request, AHEAD, rows, name=f"ebbtide-forecast-{org}")
    if wanted in {LEVER.name, ALERTS.name}:
        with acting_in(visit.org.id):
            queues, alerts = queue_lines(org=visit.org.id), ahead_pages.alert_lines(org=visit.org.id)
        if wanted == ALERTS.name:
            return _table(request, ALERTS, alerts, name=f"ebbtide-budget-{org}")
        found = all_levers(basis)[beyond] if basis.priced else []
        return _table(request, LEVER, ahead_pages.lever_lines(found, queues=queues), name=f"ebbtide-savings-{org}")
    return _forecast(request, basis, beyond=beyond)


def _table(request: HttpRequest, table: Table[Row], rows: Sequence[Row], *, name: str) -> HttpResponseBase:
    return csv_answer(table, sorted_rows(table, rows, asked=asked_of(request.GET, table=table)), name=name)


def _forecast(
    request: HttpRequest, basis: Basis, *, beyond: Days, typed: str | None = None, wrong: str = ""
) -> HttpResponse:
    asked = {
        AHEAD.name: asked_of(request.GET, table=AHEAD),
        LEVER.name: asked_of(request.GET, table=LEVER),
        ALERTS.name: asked_of(request.GET, table=ALERTS),
    }
    page = ahead_pages.forecast_page(basis, beyond=beyond, asked=asked)
    if typed is None and page.budget is not None and page.budget.budget is not None:
        typed = f"{page.budget.budget.amount:f}"
    context = {"page": page, "typed": typed or "", "wrong": wrong}
    return render(request, "pages/cost_forecast.html", context, status=_UNACCEPTABLE if wrong else 200)


def _beyond(query: QueryDict) -> Days:
    """Read the period beyond which data is priced.

    Raises:
        InputInvalid: it is none of those that are offered.
    """
    text = query.get("beyond", "")
    if not text:
        return LEVERS[0]
    for days in LEVERS:
        if text == str(days):
            return days
    raise InputInvalid(f"Choose one of {', '.join(map(str, LEVERS))} days.", field="beyond")


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def cost_budget(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Set the budget, or take it away."""
    basis = basis_of(visit.org, now=visit.now)
    typed = request.POST.get("amount", "").strip()[:40]
    try:
        if typed and not basis.priced:
            raise InputInvalid(_("There are no prices yet: a budget needs a rate card."), field="amount")
        budget = parse_amount(typed, currency=basis.terms.card.currency) if typed else None
    except InputInvalid as exc:
        return _forecast(request, basis, beyond=LEVERS[0], typed=typed, wrong=exc.message)
    set_budget(visit.org.id, budget=budget, actor=visit.user.email, now=visit.now)
    if budget is None:
        messages.success(request, _("There is no budget any more."))
    else:
        messages.success(request, _("The budget was saved. It is looked at each night."))
    return redirect("cost_forecast", org=visit.org.id)


@organization_page(Permission.DATA_VIEW, methods=(GET, POST))
def cost_what_if(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say what a job as it is entered would cost or save; changes nothing. By POST too: many Qs fit no address."""
    sent = request.POST if request.method == POST else request.GET
    with acting_in(visit.org.id):
        queues = queue_lines(org=visit.org.id)
        stands = to_domain(find_job(sent["job"], org=visit.org.id)) if sent.get("job") else None
    ids = {public_id("que", number): number for number in queues}
    form = JobForm(sent or None, queues=ids, editing=stands)
    if not sent.get("days") or not (sent.get("type") or stands):
        basis_of(visit.org, now=visit.now)  # asked as the editor opens: what is read now is at hand at the first change
        panel = CostPanel()  # still being entered: no reason to complain
    elif form.is_valid():
        panel = cost_panel(basis_of(visit.org, now=visit.now), job=form.job)
    else:
        panel = CostPanel(missing=tuple(str(error) for errors in form.errors.values() for error in errors))
    if request.headers.get("HX-Request") == "true":
        return render(request, "components/cost_figures.html", {"panel": panel})
    page = WhatIfPage(queues=tuple(queues.values()), chosen=form.chosen, panel=panel)
    return render(request, "pages/cost_what_if.html", {"page": page, "form": form})


@operator_page()
def platform_costs(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show cost and growth of all organizations, and where a job is missing."""
    del visit
    view = overview.view_of(request.GET)
    asked = asked_of(request.GET, table=overview.ORGS)
    if asked.csv:
        return csv_answer(overview.ORGS, overview.every_org(asked, view=view), name="ebbtide-platform-costs")
    return render(request, "pages/platform_costs.html", {"page": overview.platform_page(asked, view=view)})

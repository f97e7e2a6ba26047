"""Home, and the confirmation of a plan."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.access import POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs.age_charts import AGES_CSV, age_csv_rows
from ebbtide.apps.runs.home import HomeAsked, ages_tonight, decided_for_tonight, home_asked, home_page
from ebbtide.apps.runs.matrix import MATRIX_CSV, matrix_cells
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.planning import confirm_plan, facts_of, made_from, plan_by_id
from ebbtide.domain.identity import public_id
from ebbtide.domain.plan import check_fresh
from ebbtide.web.listing import csv_answer


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

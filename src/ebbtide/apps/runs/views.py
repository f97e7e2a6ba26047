"""Home, and the confirmation of a plan."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.access import POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs.home import home_page
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.planning import confirm_plan, facts_of, made_from, plan_by_id
from ebbtide.domain.plan import check_fresh


@organization_page(Permission.DATA_VIEW)
def home(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show where the organization stands, and what tonight would take."""
    text = request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    with acting_in(visit.org.id):
        page = home_page(visit.org, now=visit.now, page=number)
    return render(request, "pages/home.html", {"page": page})


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

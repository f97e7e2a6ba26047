"""Organizations: all of them, one of them, a new one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.services import invite
from ebbtide.apps.console import organization, pages, standings
from ebbtide.apps.console.forms import OrgForm, SettingsForm
from ebbtide.apps.console.services import change_settings
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, operator_page
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import organization_by_id
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.frame import platform_switch
from ebbtide.apps.runs.tasks import defer_run
from ebbtide.domain.errors import InputInvalid, Refused
from ebbtide.web.context.console.standings import Shown
from ebbtide.web.listing import Asked, asked_of, csv_answer, sorted_rows

_UNACCEPTABLE = 422
_SHOWN: dict[str, Shown] = {
    "": "",
    "armed": "armed",
    "simulating": "simulating",
    "blocked": "blocked",
    "stopped": "stopped",
    "trouble": "trouble",
}


@operator_page()
def listed(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show all organizations and where each stands."""
    state = request.GET.get("state", "").strip()
    if state not in _SHOWN:
        raise InputInvalid(f"There is no state {state[:40]!r}: choose one of the list.", field="state")
    asked = asked_of(request.GET, table=standings.ORGS)
    found = standings.places(now=visit.now)
    if asked.csv:
        rows = standings.rows_of(standings.narrowed(found, shown=_SHOWN[state]), asked=asked)
        return csv_answer(standings.ORGS_CSV, rows, name="ebbtide-organizations")
    page = pages.console_page(found, shown=_SHOWN[state], asked=asked, now=visit.now)
    return render(request, "pages/platform.html", {"page": page})


@operator_page(methods=(GET, POST))
def new(request: HttpRequest, visit: OperatorVisit) -> HttpResponse:
    """Onboard an organization; asked for with half of it filled in, it says what that would come to."""
    form = OrgForm(request.POST) if request.method == POST else OrgForm()
    if request.method == POST and form.is_valid():
        made = _onboard(form, visit)
        if made is not None:
            messages.success(request, _("%(name)s was onboarded. Deletion is off.") % {"name": made.name})
            if form.cleaned_data["email"]:
                _invite(request, visit, made, email=form.cleaned_data["email"])
            return redirect("platform_org", org=made.id)
    given = request.POST if request.method == POST else request.GET
    page = pages.new_page(zone=given.get("zone", ""), onboarded_on=given.get("onboarded_on", ""), now=visit.now)
    if request.headers.get("HX-Target") == "hint":
        return render(request, "components/onboarding_hint.html", {"page": page})
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/platform_org_new.html", {"page": page, "form": form}, status=status)


def _onboard(form: OrgForm, visit: OperatorVisit) -> Organization | None:
    """Make the organization; None, with the error at its field, where that is refused."""
    parts = form.cleaned_data
    try:
        return onboard(
            parts["name"],
            zone=parts["zone"],
            onboarded_on=parts["onboarded_on"],
            night_at=parts["night_at"],
            actor=visit.user.email,
        )
    except InputInvalid as exc:
        form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        return None


def _invite(request: HttpRequest, visit: OperatorVisit, org: Organization, *, email: str) -> None:
    """Invite the first admin; where that fails the organization is there all the same."""
    base_url = request.build_absolute_uri("/")
    try:
        sent = invite(
            org.id, email=email, is_admin=True, groups=(), actor=visit.user.email, now=visit.now, base_url=base_url
        )
    except Refused as exc:
        messages.warning(request, exc.message)
        return
    if sent.delivered:
        messages.success(request, _("%(email)s is invited to be its admin.") % {"email": sent.email})
    else:
        messages.warning(
            request,
            _("%(email)s is invited to be its admin, but the e-mail could not be handed over: see the log.")
            % {"email": sent.email},
        )


@operator_page()
def shown(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponseBase:
    """Show one organization."""
    found = organization_by_id(org)
    runs, history = _asked(request)
    if history.csv:
        with acting_in(found.id):
            lines = organization.history_lines(org=found.id)
        rows = sorted_rows(organization.HISTORY, lines, asked=history)
        return csv_answer(organization.HISTORY, rows, name=f"ebbtide-{org}-history")
    if runs.csv:
        return csv_answer(organization.RUNS, organization.every_run(found.id, asked=runs), name=f"ebbtide-{org}-runs")
    return _show(request, visit, found)


def _asked(request: HttpRequest) -> tuple[Asked, Asked]:
    return asked_of(request.GET, table=organization.RUNS), asked_of(request.GET, table=organization.HISTORY)


def _show(
    request: HttpRequest,
    visit: OperatorVisit,
    org: Organization,
    *,
    settings_form: SettingsForm | None = None,
) -> HttpResponse:
    runs, history = _asked(request)
    page = pages.org_page(org, now=visit.now, runs=runs, history=history)
    context = {
        "page": page,
        "settings_form": settings_form or SettingsForm.showing(page.settings),
    }
    status = _UNACCEPTABLE if settings_form is not None else 200
    return render(request, "pages/platform_org.html", context, status=status)


@operator_page(methods=(GET, POST))
def settings(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponse:
    """Change when an organization's nights start and what they may take."""
    found = organization_by_id(org)
    if request.method != POST:
        return redirect("platform_org", org=found.id)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _show(request, visit, found, settings_form=form)
    if change_settings(found.id, settings=form.settings(), actor=visit.user.email):
        messages.success(request, _("The settings were saved. They count from the next run on."))
    else:
        messages.info(request, _("Nothing was changed: the settings stood like that already."))
    return redirect("platform_org", org=found.id)


@operator_page(methods=(GET, POST))
def run_now(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponse:
    """Say what a run by hand would do, then put one into the queue."""
    found = organization_by_id(org)
    if request.method == POST:
        if found.armed and request.POST.get("armed") != "yes":
            messages.warning(request, _("It has been armed since you looked: read again what a run would do."))
            return redirect("platform_org_run", org=found.id)
        defer_run(found.id, using=WEB)
        messages.success(request, _("A run of %(name)s waits in the queue.") % {"name": found.name})
        return redirect("platform_org", org=found.id)
    page = pages.run_now_page(found, now=visit.now, platform_stopped=platform_switch() is not None)
    return render(request, "pages/platform_org_run.html", {"page": page})

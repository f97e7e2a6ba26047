"""The organization's own pages: how deletion stands, asking for it, taking that back, and the kill switch."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.activation import pages, services
from ebbtide.apps.activation.evidence import newest_simulation
from ebbtide.apps.activation.forms import AskForm, ReasonForm
from ebbtide.apps.activation.selectors import history, last_turn
from ebbtide.apps.activation.services import By
from ebbtide.apps.activation.tables import HISTORY, NIGHT, history_lines
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.domain.errors import EbbtideError, EvidenceStale, InputInvalid, Taken
from ebbtide.domain.identity import public_id
from ebbtide.web.context.activation import StepPage
from ebbtide.web.context.shared import OrgLine
from ebbtide.web.listing import asked_of, csv_answer, sorted_rows

UNACCEPTABLE = 422


@organization_page(Permission.DATA_VIEW)
def deletion(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show whether nights delete, what the first live one would take, and all that was asked and answered."""
    asked = pages.Tables(night=asked_of(request.GET, table=NIGHT), history=asked_of(request.GET, table=HISTORY))
    org = visit.org
    with acting_in(org.id):
        if asked.night.csv:
            lines = pages.night_lines(org, newest_simulation(org, now=visit.now))
            name = f"ebbtide-{public_id('org', org.id)}-first-night"
            return csv_answer(NIGHT, sorted_rows(NIGHT, lines, asked=asked.night), name=name)
        if asked.history.csv:
            happened = history_lines(history(org=org.id), for_operator=False)
            name = f"ebbtide-{public_id('org', org.id)}-deletion"
            return csv_answer(HISTORY, sorted_rows(HISTORY, happened, asked=asked.history), name=name)
        page = pages.deletion_page(
            org, now=visit.now, asked=asked, person=visit.user.email, may_change=visit.can_change
        )
    return render(request, "pages/deletion.html", {"page": page})


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def deletion_ask(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask the operator to switch deletion on."""
    org = visit.org
    with acting_in(org.id):
        simulation = newest_simulation(org, now=visit.now)
        page = None if simulation is None else pages.ask_page(org, simulation=simulation)
    if org.armed or simulation is None or page is None or simulation.unfit:
        messages.error(request, _("Deletion cannot be asked for now. What is missing is told below."))
        return redirect("deletion", org=org.id)
    run = public_id("run", simulation.run.id)
    form = AskForm(request.POST if request.method == POST else None, name=org.name, run=run)
    if request.method == POST and form.is_valid():
        given = form.cleaned_data
        try:
            services.ask(org, run=given["run"], note=given["note"], by=_by(request, visit, to_operators=True))
        except (EvidenceStale, Taken, InputInvalid) as refusal:
            messages.error(request, refusal.message)
            return redirect("deletion", org=org.id)
        messages.success(
            request, _("Your request was sent to the platform operator. Nothing is deleted until they agree.")
        )
        return redirect("deletion", org=org.id)
    status = UNACCEPTABLE if form.is_bound else 200
    return render(request, "pages/deletion_ask.html", {"page": page, "form": form, "run": run}, status=status)


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def deletion_simulate(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Have the worker simulate a night."""
    try:
        services.simulate_now(visit.org, now=visit.now)
    except (InputInvalid, Taken) as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(
            request, _("A simulation was asked for. It deletes nothing; this page shows it once it is made.")
        )
    return redirect("deletion", org=visit.org.id)


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def deletion_withdraw(request: HttpRequest, visit: Visit, req: str) -> HttpResponse:
    """Take a request back."""
    try:
        services.withdraw(visit.org, request=req, by=_by(request, visit))
    except Taken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Your request was withdrawn. Deletion stays off."))
    return redirect("deletion", org=visit.org.id)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def deletion_stop(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Stop all deletion of the organization at once."""
    org = visit.org
    page = StepPage(
        title=_("Stop all deletion now?"),
        org=OrgLine(id=org.id, name=org.name, zone=org.zone),
        said=(
            _("The organization's kill switch goes on. When the next page appears, nothing is deleted any more, also "
              "by a run that is going on. What is gone already stays gone."),
            _("Jobs stay as they are, and nights go on to report. Only you or the platform operator can switch it off "
              "again."),
        ),
        button=_("Stop all deletion"),
        back=reverse("deletion", kwargs={"org": org.id}),
        back_label=_("Go back"),
        refused=_("The kill switch is on already: nothing is deleted.") if org.stopped else "",
    )  # fmt: skip
    form = ReasonForm(request.POST if request.method == POST else None)
    if request.method == POST and form.is_valid():
        by = _by(request, visit, to_operators=True)
        try:
            services.stop(org, reason=form.cleaned_data["reason"], by=by, as_operator=False)
        except Taken as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("All deletion of this organization is stopped."))
        return redirect("deletion", org=org.id)
    return step(request, page, form)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def deletion_release(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Switch the kill switch off again, where this person switched it on."""
    org = visit.org
    with acting_in(org.id):
        turned = last_turn(org=org.id, flag="stopped", value=True) if org.stopped else None
    page = StepPage(
        title=_("Switch the kill switch off?"),
        org=OrgLine(id=org.id, name=org.name, zone=org.zone),
        said=(
            _("Deletion is switched on: from the next night on, what has outlived its retention is deleted again.")
            if org.armed
            else _("Deletion is not switched on: nights go on to report only."),
        ),
        button=_("Switch it off"),
        tone="danger" if org.armed else "primary",
        back=reverse("deletion", kwargs={"org": org.id}),
        back_label=_("Leave it on"),
        refused=_release_refused(visit, actor=None if turned is None else turned.actor),
    )
    form = ReasonForm(request.POST if request.method == POST else None)
    if request.method == POST and form.is_valid() and not page.refused:
        try:
            services.release(org, reason=form.cleaned_data["reason"], by=_by(request, visit), as_operator=False)
        except EbbtideError as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("The kill switch is off."))
        return redirect("deletion", org=org.id)
    return step(request, page, form)


def _release_refused(visit: Visit, *, actor: str | None) -> str:
    if not visit.org.stopped:
        return _("The kill switch is off already.")
    if actor != visit.user.email:
        return _("Somebody else has switched it on: they, or the platform operator, can switch it off.")
    return ""


def step(request: HttpRequest, page: StepPage, form: ReasonForm) -> HttpResponse:
    """Show the page of a step, with what was wrong in its form."""
    status = UNACCEPTABLE if form.is_bound else 200
    return render(request, "pages/deletion_step.html", {"page": page, "form": form}, status=status)


def _by(request: HttpRequest, visit: Visit, *, to_operators: bool = False) -> By:
    """Say who takes a step, with the address of the page that a letter leads to."""
    if to_operators:
        path = reverse("org_deletion", kwargs={"org": visit.org.id})
    else:
        path = reverse("deletion", kwargs={"org": visit.org.id})
    return By(user=visit.user, at=visit.now, url=request.build_absolute_uri(path))

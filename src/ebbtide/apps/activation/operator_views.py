"""The operator's pages: requests, arming and declining, disarming, an organization's kill switch."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.activation import operator_pages, services
from ebbtide.apps.activation.forms import ReasonForm
from ebbtide.apps.activation.models import Request, State
from ebbtide.apps.activation.selectors import history, org_for_operator, request_for_operator
from ebbtide.apps.activation.services import By
from ebbtide.apps.activation.tables import COMPARED, HISTORY, REQUESTS, history_lines
from ebbtide.apps.activation.views import step
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, operator_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import EvidenceStale, InputInvalid, NotArmed, Taken
from ebbtide.domain.identity import public_id
from ebbtide.web.context.activation import StepPage
from ebbtide.web.context.shared import OrgLine
from ebbtide.web.listing import asked_of, csv_answer, sorted_rows


@operator_page()
def request_list(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show the requests of all organizations; the open ones unless asked otherwise."""
    state = request.GET.get("state", State.OPEN.value)
    if state and state not in State.values:
        raise InputInvalid(f"There is no state {state[:40]!r}: choose one of the list.", field="state")
    asked = asked_of(request.GET, table=REQUESTS)
    if asked.csv:
        rows = operator_pages.request_rows(now=visit.now, state=state, asked=asked)
        return csv_answer(REQUESTS, rows, name="ebbtide-requests")
    page = operator_pages.requests_page(now=visit.now, state=state, asked=asked)
    return render(request, "pages/requests.html", {"page": page})


@operator_page()
def request_show(request: HttpRequest, visit: OperatorVisit, req: str) -> HttpResponseBase:
    """Show a request with its evidence, beside what is due by now."""
    found = request_for_operator(req)
    org = found.org
    night, asked_history = asked_of(request.GET, table=COMPARED), asked_of(request.GET, table=HISTORY)
    with acting_in(org.id):
        if night.csv:
            lines = sorted_rows(COMPARED, operator_pages.compared_lines(org, found, now=visit.now), asked=night)
            return csv_answer(COMPARED, lines, name=f"ebbtide-{public_id('req', found.id)}-evidence")
        if asked_history.csv:
            return _history_csv(org, request)
        page = operator_pages.request_page(org, found, now=visit.now, night=night, asked_history=asked_history)
    return render(request, "pages/request.html", {"page": page})


def _history_csv(org: Organization, request: HttpRequest) -> HttpResponseBase:
    lines = history_lines(history(org=org.id), for_operator=True)
    rows = sorted_rows(HISTORY, lines, asked=asked_of(request.GET, table=HISTORY))
    return csv_answer(HISTORY, rows, name=f"ebbtide-{public_id('org', org.id)}-deletion")


@operator_page(methods=(GET, POST))
def request_arm(request: HttpRequest, visit: OperatorVisit, req: str) -> HttpResponse:
    """Switch deletion on, on a request whose evidence holds."""
    found = request_for_operator(req)
    org = found.org
    with acting_in(org.id):
        lines = operator_pages.compared_lines(org, found, now=visit.now)
        due_now = sum(line.items_now for line in lines)
        checks = operator_pages.checks_of(org, found, now=visit.now, due_now=due_now)
    bad = [one.text for one in checks if one.verdict == "bad"]
    page = StepPage(
        title=_("Switch deletion on?"),
        org=_org_line(org),
        said=(
            _("From the next night on, this organization's runs delete for good what has outlived its retention. "
              "Nobody can bring it back."),
            _("%(items)s items are due by now; the request showed %(shown)s.")
            % {"items": f"{due_now:,}", "shown": f"{found.items:,}"},
        ),
        warnings=tuple(one.text for one in checks if one.verdict == "warn"),
        button=_("Switch deletion on"),
        back=_request_url(found),
        back_label=_("Go back"),
        refused=_closed(found) or " ".join(bad),
    )  # fmt: skip
    form = ReasonForm(request.POST if request.method == POST else None, name=org.name)
    if request.method == POST and form.is_valid():
        try:
            services.arm(found, reason=form.cleaned_data["reason"], by=_by(request, visit, org))
        except (EvidenceStale, Taken) as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("Deletion is switched on for %(org)s.") % {"org": org.name})
        return redirect("request", req=found.id)
    return step(request, page, form)


@operator_page(methods=(GET, POST))
def request_decline(request: HttpRequest, visit: OperatorVisit, req: str) -> HttpResponse:
    """Say no to a request, with a reason the organization sees."""
    found = request_for_operator(req)
    page = StepPage(
        title=_("Decline the request?"),
        org=_org_line(found.org),
        said=(_("Deletion stays off. The organization sees the reason, and can ask again."),),
        button=_("Decline"),
        tone="primary",
        back=_request_url(found),
        back_label=_("Go back"),
        refused=_closed(found),
    )
    form = ReasonForm(request.POST if request.method == POST else None)
    if request.method == POST and form.is_valid():
        try:
            services.decline(found, reason=form.cleaned_data["reason"], by=_by(request, visit, found.org))
        except Taken as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("The request was declined."))
        return redirect("request", req=found.id)
    return step(request, page, form)


@operator_page()
def org_deletion(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponseBase:
    """Show an organization's arming and its history."""
    del visit
    found = org_for_operator(org)
    asked = asked_of(request.GET, table=HISTORY)
    with acting_in(found.id):
        if asked.csv:
            return _history_csv(found, request)
        page = operator_pages.org_deletion_page(found, asked=asked)
    return render(request, "pages/org_deletion.html", {"page": page})


@operator_page(methods=(GET, POST))
def org_disarm(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponse:
    """Switch deletion off at once, also in the middle of a run."""
    found = org_for_operator(org)
    page = StepPage(
        title=_("Switch deletion off?"),
        org=_org_line(found),
        said=(
            _("When the next page appears, nothing is deleted any more, also by a run that is going on. What is gone "
              "stays gone; nights only report from then on."),
            _("To switch it on again, the organization has to ask anew."),
        ),
        button=_("Switch deletion off"),
        back=_org_url(found),
        back_label=_("Leave it on"),
        refused="" if found.armed else _("Deletion is off already."),
    )  # fmt: skip

    def act(reason: str, by: By) -> None:
        services.disarm(found, reason=reason, by=by)

    return _turn(
        request, visit, found, page=page, act=act, done=_("Deletion is switched off; nothing is deleted any more.")
    )


@operator_page(methods=(GET, POST))
def org_stop(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponse:
    """Switch an organization's kill switch on."""
    found = org_for_operator(org)
    page = StepPage(
        title=_("Stop all deletion of this organization?"),
        org=_org_line(found),
        said=(
            _("The organization's kill switch goes on. When the next page appears, nothing is deleted any more, also "
              "by a run that is going on. It stays armed or not, as it is."),
            _("Only an operator can switch it off again."),
        ),
        button=_("Stop all deletion"),
        back=_org_url(found),
        back_label=_("Go back"),
        refused=_("The kill switch is on already.") if found.stopped else "",
    )  # fmt: skip

    def act(reason: str, by: By) -> None:
        services.stop(found, reason=reason, by=by, as_operator=True)

    return _turn(
        request, visit, found, page=page, act=act, done=_("The kill switch is on; nothing is deleted any more.")
    )


@operator_page(methods=(GET, POST))
def org_release(request: HttpRequest, visit: OperatorVisit, org: str) -> HttpResponse:
    """Switch an organization's kill switch off, whoever switched it on."""
    found = org_for_operator(org)
    page = StepPage(
        title=_("Switch the kill switch off?"),
        org=_org_line(found),
        said=(
            _("The organization is armed: from the next night on, what has outlived its retention is deleted again.")
            if found.armed
            else _("The organization is not armed: nights go on to report only."),
        ),
        button=_("Switch it off"),
        tone="danger" if found.armed else "primary",
        back=_org_url(found),
        back_label=_("Leave it on"),
        refused="" if found.stopped else _("The kill switch is off already."),
    )

    def act(reason: str, by: By) -> None:
        services.release(found, reason=reason, by=by, as_operator=True)

    return _turn(request, visit, found, page=page, act=act, done=_("The kill switch is off."))


def _turn(
    request: HttpRequest,
    visit: OperatorVisit,
    org: Organization,
    *,
    page: StepPage,
    act: Callable[[str, By], None],
    done: str,
) -> HttpResponse:
    """Show a step that turns a flag, or take it."""
    form = ReasonForm(request.POST if request.method == POST else None)
    if request.method == POST and form.is_valid():
        try:
            act(form.cleaned_data["reason"], _by(request, visit, org))
        except (NotArmed, Taken) as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, done)
        return redirect("org_deletion", org=org.id)
    return step(request, page, form)


def _closed(request: Request) -> str:
    """Say that a request is not open any more; empty where it is."""
    if request.state == State.OPEN:
        return ""
    return _("The request is closed: nothing more is done on it.")


def _org_line(org: Organization) -> OrgLine:
    return OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed)


def _request_url(request: Request) -> str:
    return reverse("request", kwargs={"req": request.id})


def _org_url(org: Organization) -> str:
    return reverse("org_deletion", kwargs={"org": org.id})


def _by(request: HttpRequest, visit: OperatorVisit, org: Organization) -> By:
    """Say who takes a step, with the address of the organization's own page for letters."""
    path = reverse("deletion", kwargs={"org": org.id})
    return By(user=visit.user, at=visit.now, url=request.build_absolute_uri(path))

"""The platform's kill switch."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.console.forms import ReasonForm, SwitchForm
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, operator_page
from ebbtide.apps.orgs.database import as_platform, mapped_errors
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Platform, Run, SwitchTurn
from ebbtide.apps.runs.services import turn_switch
from ebbtide.web.context.console.switch import SwitchPage, TurnLine
from ebbtide.web.listing import Column, Table, asked_of, csv_answer, every_row, list_query

TURNS: Table[TurnLine] = Table(
    name="turns",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda one: one.at, field="id"),
        Column(name="turned", label=gettext_lazy("Turned"), value=lambda one: "on" if one.on else "off", field="on"),
        Column(name="who", label=gettext_lazy("Who"), value=lambda one: one.actor, field="actor"),
        Column(name="why", label=gettext_lazy("Why"), value=lambda one: one.reason, field="reason"),
    ),
    sort="-when",
    fields=("reason", "actor"),
    size=20,
)
"""Turns of the platform's kill switch."""

_UNACCEPTABLE = 422


def _lines(found: Sequence[SwitchTurn]) -> Sequence[TurnLine]:
    return [TurnLine(at=one.at, on=one.on, reason=one.reason, actor=one.actor) for one in found]


@operator_page(methods=(GET, POST))
def switch(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show whether it is on, turn it, and tell every turn there was."""
    asked = asked_of(request.GET, table=TURNS)
    if asked.csv and request.method != POST:
        rows = (line for line in every_row(TURNS, SwitchTurn.objects.all(), asked=asked, lines=_lines))
        return csv_answer(TURNS, rows, name="ebbtide-kill-switch")
    with mapped_errors():
        on = Platform.objects.get(id=1).stopped
    form: ReasonForm = _form(request, on=on)
    if request.method == POST and form.is_valid():
        return _turn(request, visit, form, on=on)
    with as_platform():
        page = SwitchPage(
            on=on,
            armed=Organization.objects.filter(armed=True).count(),
            running=Run.objects.filter(outcome__isnull=True, mode="live").count(),
            turns=list_query(TURNS, SwitchTurn.objects.all(), asked=asked, lines=_lines),
        )
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/platform_switch.html", {"page": page, "form": form}, status=status)


def _form(request: HttpRequest, *, on: bool) -> ReasonForm:
    kind = ReasonForm if on else SwitchForm
    return kind(request.POST if request.method == POST else None)


def _turn(request: HttpRequest, visit: OperatorVisit, form: ReasonForm, *, on: bool) -> HttpResponse:
    """Turn it away from how the person saw it; where somebody was first it stays as that one left it."""
    wanted = request.POST.get("turn")
    if wanted != ("off" if on else "on"):
        messages.warning(request, _("Somebody else has turned it meanwhile: this is how it stands now."))
        return redirect("platform_switch")
    turn_switch(on=not on, reason=form.cleaned_data["reason"], actor=visit.user.email)
    if on:
        messages.success(request, _("The kill switch is off. Armed organizations are deleted from again, from now on."))
    else:
        messages.success(
            request, _("The kill switch is on, and what was in flight has ended: nothing is deleted anywhere any more.")
        )
    return redirect("platform_switch")

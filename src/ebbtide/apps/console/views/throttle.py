"""The platform's throttle: how fast all organizations together are deleted from, and in which hours."""

from collections.abc import Sequence
from dataclasses import asdict

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.console.forms import PlatformThrottleForm
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, operator_page
from ebbtide.apps.orgs.database import as_platform, mapped_errors
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Platform, Run, ThrottleTurn
from ebbtide.apps.runs.throttling import ThrottleSet, change_platform_throttle, read_told, throttle_set
from ebbtide.domain.errors import Taken
from ebbtide.engine.admit import Mode
from ebbtide.web.context.console.throttle import ThrottleLine, ThrottleNote, ThrottlePage
from ebbtide.web.listing import Column, Table, asked_of, csv_answer, every_row, list_query

THROTTLES: Table[ThrottleLine] = Table(
    name="throttles",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda one: one.at, field="id"),
        Column(name="who", label=gettext_lazy("Who"), value=lambda one: one.actor, field="actor"),
        Column(name="before", label=gettext_lazy("Before"), value=lambda one: _words(one.before), sortable=False),
        Column(name="after", label=gettext_lazy("After"), value=lambda one: _words(one.after), sortable=False),
    ),
    sort="-when",
    fields=("actor",),
    size=20,
)
"""Changes of the platform's throttle."""

_LIMITED = Q(rows_per_second__isnull=False) | Q(objects_per_second__isnull=False) | Q(hours_from__isnull=False)
_UNACCEPTABLE = 422


def _note(one: ThrottleSet) -> ThrottleNote:
    return ThrottleNote(**asdict(one))


def _words(one: ThrottleNote) -> str:
    rates = ((one.rows_per_second, "rows/s"), (one.objects_per_second, "objects/s"))
    words = [f"{rate} {what}" for rate, what in rates if rate is not None]
    if one.hours_from is not None and one.hours_until is not None:
        words.append(f"{one.hours_from:%H:%M}-{one.hours_until:%H:%M}")
    return ", ".join(words) or "not limited"


def _lines(found: Sequence[ThrottleTurn]) -> Sequence[ThrottleLine]:
    return [
        ThrottleLine(at=one.at, actor=one.actor, before=_note(read_told(one.before)), after=_note(read_told(one.after)))
        for one in found
    ]


@operator_page(methods=(GET, POST))
def throttle(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show how fast deletion may go, change it, and tell every change there was."""
    asked = asked_of(request.GET, table=THROTTLES)
    if asked.csv and request.method != POST:
        rows = (line for line in every_row(THROTTLES, ThrottleTurn.objects.all(), asked=asked, lines=_lines))
        return csv_answer(THROTTLES, rows, name="ebbtide-throttle")
    with mapped_errors():
        stands = throttle_set(Platform.objects.get(id=1))
    form = PlatformThrottleForm(request.POST) if request.method == POST else PlatformThrottleForm.showing(stands)
    if request.method == POST and form.is_valid():
        return _change(request, visit, form)
    with as_platform():
        page = ThrottlePage(
            stands=_note(stands),
            running=Run.objects.filter(outcome__isnull=True, mode=Mode.LIVE).count(),
            own=Organization.objects.filter(_LIMITED).count(),
            turns=list_query(THROTTLES, ThrottleTurn.objects.all(), asked=asked, lines=_lines),
        )
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/platform_throttle.html", {"page": page, "form": form}, status=status)


def _change(request: HttpRequest, visit: OperatorVisit, form: PlatformThrottleForm) -> HttpResponse:
    """Change it from how the person saw it; where somebody was first it stays as that one left it."""
    try:
        is_new = change_platform_throttle(form.throttle(), actor=visit.user.email, seen=form.cleaned_data["stood"])
    except Taken as exc:
        messages.warning(request, exc.message)
        return redirect("platform_throttle")
    if is_new:
        messages.success(request, _("The throttle was changed. Runs that are going on keep to it within seconds."))
    else:
        messages.info(request, _("Nothing was changed: the throttle stood like that already."))
    return redirect("platform_throttle")

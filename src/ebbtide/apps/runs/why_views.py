"""The page "Why?"."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs.why import why_page
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.why import WhyPage

_LONGEST = 200
_UNACCEPTABLE = 422


class _Id(forms.CharField):
    """An id as people paste it: what cannot be seen in it is refused, for it would never be found."""

    def to_python(self, value: str | None) -> str:
        text = super().to_python(value) or ""
        if not text.isprintable():
            raise forms.ValidationError(_("This holds a character that cannot be seen: type the id, or copy it anew."))
        return text


class _Day(forms.CharField):
    """A day, as a date input sends it."""

    def clean(self, value: str | None) -> object:
        text = super().clean(value)
        try:
            return parse_day(text, field="day") if text else None
        except InputInvalid as exc:
            raise forms.ValidationError(exc.message) from exc


class WhyForm(forms.Form):
    """What is searched for."""

    id = _Id(
        label=gettext_lazy("Interaction or segment id"),
        help_text=gettext_lazy("As your telephone system names it, or Ebbtide's own id of a segment."),
        max_length=_LONGEST,
        error_messages={"required": gettext_lazy("Give an id to look for.")},
    )
    day = _Day(
        label=gettext_lazy("Day, if you know it"),
        help_text=gettext_lazy("Finds all segments of an interaction around that day."),
        max_length=_LONGEST,
        required=False,
    )


@organization_page(Permission.DATA_VIEW)
def why(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say of one segment or interaction why it is still here, or why it is gone."""
    asked = "id" in request.GET
    form = WhyForm(request.GET if asked else None)
    if not asked or not form.is_valid():
        page = WhyPage(armed=visit.org.armed)
        return render(request, "pages/why.html", {"page": page, "form": form}, status=_UNACCEPTABLE if asked else 200)
    with acting_in(visit.org.id):
        page = why_page(visit.org, text=form.cleaned_data["id"], day=form.cleaned_data["day"], now=visit.now)
    return render(request, "pages/why.html", {"page": page, "form": form})

"""The frame around every page of an organization: its name, the navigation, the kill switch that is on.

A context processor, because pages of apps below this one stand in the same frame, and it is here that the platform's
switch is known.
"""

from typing import Literal

from django.http import HttpRequest

from ebbtide.apps.orgs.access import Visit, visit_of
from ebbtide.apps.orgs.database import acting_in, mapped_errors
from ebbtide.apps.orgs.models import FlagChange, Organization
from ebbtide.apps.orgs.selectors import organizations_of
from ebbtide.apps.runs.models import Platform
from ebbtide.web.context import Frame, OrgLine, SwitchNote

Section = Literal["", "home", "jobs", "runs"]

_SECTIONS: dict[str, Section] = {
    "home": "home",
    "jobs": "jobs",
    "job_new": "jobs",
    "job_edit": "jobs",
    "job_delete": "jobs",
    "runs": "runs",
    "run": "runs",
}


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Give `frame` to the template of a page of an organization; nothing to other pages."""
    visit = visit_of(request)
    return {} if visit is None else {"frame": _frame(request, visit)}


def _frame(request: HttpRequest, visit: Visit) -> Frame:
    org = visit.org
    match = request.resolver_match
    return Frame(
        org=OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed),
        now=visit.now,
        section=_SECTIONS.get(match.url_name or "", "") if match else "",
        can_switch=len(organizations_of(visit.user)) > 1,
        switch=switch_note(org),
        can_change=visit.can_change,
    )


def switch_note(org: Organization) -> SwitchNote | None:
    """Tell the kill switch that is on, the platform's before the organization's; None where none is."""
    with mapped_errors():
        platform = Platform.objects.get(id=1)
    if platform.stopped:
        return SwitchNote(scope="platform", since=None, reason=platform.stopped_reason)
    if not org.stopped:
        return None
    with acting_in(org.id):
        turned = FlagChange.objects.filter(org_id=org.id, flag="stopped", value=True).order_by("-at").first()
    return SwitchNote(scope="organization", since=turned.at if turned else None, reason=turned.reason if turned else "")

"""The frame around every page: whose it is, the navigation, the kill switch that is on.

A context processor, because pages of apps above and below this one stand in the same frame, and it is here that the
platform's switch is known. Pages of other apps are known by the names of their addresses alone.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ebbtide.apps.orgs.access import Visit, operator_visit_of, visit_of
from ebbtide.apps.orgs.database import acting_in, mapped_errors
from ebbtide.apps.orgs.models import FlagChange, Organization, Permission
from ebbtide.apps.orgs.selectors import organizations_of
from ebbtide.apps.runs.models import Platform, SwitchTurn
from ebbtide.web.context.shared import Frame, NavEntry, OrgLine, SwitchNote


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the product: the address it begins at, how it is called, and the addresses that belong to it."""

    start: str
    label: Promise
    icon: str
    key: str
    permission: Permission | None = None
    pages: tuple[str, ...] = ()


_OF_ORG = (
    _Section("home", gettext_lazy("Home"), "home", "h", Permission.DATA_VIEW, pages=("storage", "aside", "orphans")),
    _Section(
        "jobs",
        gettext_lazy("Jobs"),
        "list-check",
        "j",
        Permission.DATA_VIEW,
        pages=(
            "job",
            "job_new",
            "job_edit",
            "job_new_preview",
            "job_preview",
            "job_resume",
            "job_delete",
            "job_restore",
        ),
    ),
    _Section("runs", gettext_lazy("Runs"), "history", "r", Permission.DATA_VIEW, pages=("run", "run_plan")),
    _Section("why", gettext_lazy("Why?"), "zoom-question", "w", Permission.DATA_VIEW),
    _Section(
        "deletion",
        gettext_lazy("Deletion"),
        "power",
        "d",
        Permission.DATA_VIEW,
        pages=("deletion_ask", "deletion_stop", "deletion_release"),
    ),
    _Section(
        "costs",
        gettext_lazy("Costs"),
        "receipt",
        "c",
        Permission.DATA_VIEW,
        pages=("costs_month", "costs_pdf", "cost_forecast", "cost_what_if", "cost_budget"),
    ),
    _Section(
        "insights",
        gettext_lazy("Insights"),
        "report-analytics",
        "i",
        Permission.INSIGHTS_VIEW,
        pages=("insights_agents", "insights_channels", "interactions", "interaction", "transcript", "exports"),
    ),
    _Section(
        "people",
        gettext_lazy("People"),
        "users",
        "p",
        Permission.USERS_MANAGE,
        pages=(
            "person",
            "person_invite",
            "person_remove",
            "groups",
            "group",
            "group_new",
            "group_delete",
            "access_log",
            "tokens",
            "token_new",
        ),
    ),
)
_OF_PLATFORM: tuple[_Section, ...] = (
    _Section(
        "platform",
        gettext_lazy("Organizations"),
        "building",
        "o",
        pages=("platform_org_new", "platform_org", "platform_org_settings", "platform_org_run"),
    ),
    _Section(
        "requests",
        gettext_lazy("Requests"),
        "inbox",
        "q",
        pages=("request", "request_arm", "request_decline", "org_deletion", "org_disarm", "org_stop", "org_release"),
    ),
    _Section("platform_runs", gettext_lazy("Runs"), "history", "r", pages=("platform_run",)),
    _Section("platform_workers", gettext_lazy("Workers"), "cpu", "w", pages=("platform_store", "platform_throttle")),
    _Section("platform_switch", gettext_lazy("Kill switch"), "hand-stop", "k"),
    _Section("platform_costs", gettext_lazy("Costs"), "timeline", "c"),
    _Section("rate_card", gettext_lazy("Rate card"), "receipt", "p"),
)


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Give `frame` to the template of a page of an organization or of the platform; nothing to other pages."""
    name = (request.resolver_match.url_name if request.resolver_match else None) or ""
    visit = visit_of(request)
    if visit is not None:
        return {"frame": _organization_frame(visit, name=name)}
    operator = operator_visit_of(request)
    if operator is not None:
        nav = tuple(_entry(section, name=name) for section in _OF_PLATFORM)
        return {"frame": Frame(org=None, now=operator.now, platform=True, nav=nav, switch=platform_switch())}
    return {}


def _organization_frame(visit: Visit, *, name: str) -> Frame:
    org = visit.org
    open_to = [one for one in _OF_ORG if one.permission is None or visit.access.allows(one.permission)]
    return Frame(
        org=OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed),
        now=visit.now,
        nav=tuple(_entry(section, name=name, org=org.id) for section in open_to),
        can_switch=len(organizations_of(visit.user)) > 1,
        switch=switch_note(org),
        can_change=visit.can_change,
        is_admin=visit.access.is_admin,
        can_export=visit.access.allows(Permission.INSIGHTS_VIEW),
    )


def _entry(section: _Section, *, name: str, **ids: int) -> NavEntry:
    return NavEntry(
        label=str(section.label),
        url=reverse(section.start, kwargs=ids),
        icon=section.icon,
        key=section.key,
        here=name == section.start or name in section.pages,
    )


def platform_switch() -> SwitchNote | None:
    """Tell the platform's kill switch where it is on."""
    with mapped_errors():
        platform = Platform.objects.get(id=1)
        if not platform.stopped:
            return None
        turned = SwitchTurn.objects.filter(on=True).order_by("-id").first()
    return SwitchNote(scope="platform", since=turned.at if turned else None, reason=platform.stopped_reason)


def switch_note(org: Organization) -> SwitchNote | None:
    """Tell the kill switch that is on, the platform's before the organization's; None where none is."""
    platform = platform_switch()
    if platform is not None or not org.stopped:
        return platform
    with acting_in(org.id):
        turned = FlagChange.objects.filter(org_id=org.id, flag="stopped", value=True).order_by("-at").first()
    return SwitchNote(scope="organization", since=turned.at if turned else None, reason=turned.reason if turned else "")

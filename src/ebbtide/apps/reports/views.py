"""The reports, and the service targets they measure by."""

from dataclasses import replace
from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ebbtide.apps.catalog.selectors import queues
from ebbtide.apps.orgs.access import POST, Visit, organization_page
from ebbtide.apps.orgs.database import seeing_one_moment
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.apps.reports.agents import AGENTS, AGENTS_CSV, agent_asked, agents_page, read_agents
from ebbtide.apps.reports.agents import INTERVALS as AGENT_INTERVALS
from ebbtide.apps.reports.agents import INTERVALS_CSV as AGENT_INTERVALS_CSV
from ebbtide.apps.reports.asked import ReportAsked, report_asked
from ebbtide.apps.reports.channels import BY_CHANNEL, BY_CHANNEL_CSV, channels_page, read_channels
from ebbtide.apps.reports.channels import INTERVALS as CHANNEL_INTERVALS
from ebbtide.apps.reports.channels import INTERVALS_CSV as CHANNEL_INTERVALS_CSV
from ebbtide.apps.reports.pages import insights_page
from ebbtide.apps.reports.reading import read_report
from ebbtide.apps.reports.services import parse_target, set_target
from ebbtide.apps.reports.tables import INTERVALS, INTERVALS_CSV, QUEUES, QUEUES_CSV
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.identity import parse_id, public_id
from ebbtide.web.context.insights import ReportHead
from ebbtide.web.listing import asked_of, csv_answer, sorted_rows

_OK, _UNACCEPTABLE = 200, 422


@organization_page(Permission.INSIGHTS_VIEW)
def insights(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what happened in each Q over a range, and what of it is purged; its two tables also as CSV."""
    org, today = visit.org, local_day(visit.now, zone=parse_zone(visit.org.zone))
    by_queue, by_interval = asked_of(request.GET, table=QUEUES), asked_of(request.GET, table=INTERVALS)
    with seeing_one_moment(org.id):
        asked = _asked(request, org=org, today=today)
        report = read_report(org, asked=asked, now=visit.now)
        name = _file_name(org, asked=asked, report="insights")
        if by_queue.csv:
            rows = sorted_rows(QUEUES, report.by_queue, asked=by_queue)
            return csv_answer(QUEUES_CSV, rows, name=f"{name}-by-q")
        if by_interval.csv:
            lines = sorted_rows(INTERVALS, report.intervals, asked=by_interval)
            return csv_answer(INTERVALS_CSV, lines, name=f"{name}-by-{asked.unit}")
        page = insights_page(org, report=report, queues=by_queue, intervals=by_interval, can_set=visit.can_change)
    return render(request, "pages/insights.html", {"page": page}, status=_status(page.head))


@organization_page(Permission.INSIGHTS_VIEW)
def insights_agents(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what each agent handled and for how long; its two tables also as CSV."""
    org, today = visit.org, local_day(visit.now, zone=parse_zone(visit.org.zone))
    tables = asked_of(request.GET, table=AGENTS), asked_of(request.GET, table=AGENT_INTERVALS)
    with seeing_one_moment(org.id):
        asked = _asked(request, org=org, today=today)
        report = read_agents(org, asked=asked, agent=agent_asked(request.GET), now=visit.now)
        name = _file_name(org, asked=asked, report="agents")
        if tables[0].csv:
            return csv_answer(AGENTS_CSV, sorted_rows(AGENTS, report.by_agent, asked=tables[0]), name=name)
        if tables[1].csv:
            lines = sorted_rows(AGENT_INTERVALS, report.intervals, asked=tables[1])
            return csv_answer(AGENT_INTERVALS_CSV, lines, name=f"{name}-by-{asked.unit}")
        page = agents_page(org, report=report, agents=tables[0], intervals=tables[1])
    return render(request, "pages/insights_agents.html", {"page": page}, status=_status(page.head))


@organization_page(Permission.INSIGHTS_VIEW)
def insights_channels(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what was offered on each channel and what became of it; its two tables also as CSV."""
    org, today = visit.org, local_day(visit.now, zone=parse_zone(visit.org.zone))
    tables = asked_of(request.GET, table=BY_CHANNEL), asked_of(request.GET, table=CHANNEL_INTERVALS)
    with seeing_one_moment(org.id):
        asked = replace(_asked(request, org=org, today=today), channel="")
        report = read_channels(org, asked=asked, now=visit.now)
        name = _file_name(org, asked=asked, report="channels")
        if tables[0].csv:
            return csv_answer(BY_CHANNEL_CSV, sorted_rows(BY_CHANNEL, report.by_channel, asked=tables[0]), name=name)
        if tables[1].csv:
            lines = sorted_rows(CHANNEL_INTERVALS, report.intervals, asked=tables[1])
            return csv_answer(CHANNEL_INTERVALS_CSV, lines, name=f"{name}-by-{asked.unit}")
        page = channels_page(org, report=report, channels=tables[0], intervals=tables[1])
    return render(request, "pages/insights_channels.html", {"page": page}, status=_status(page.head))


def _asked(request: HttpRequest, *, org: Organization, today: date) -> ReportAsked:
    return report_asked(request.GET, today=today, known={queue.id for queue in queues(org=org.id)})


def _file_name(org: Organization, *, asked: ReportAsked, report: str) -> str:
    return f"ebbtide-{public_id('org', org.id)}-{report}-{asked.period.first}-{asked.period.last}"


def _status(head: ReportHead) -> int:
    return _UNACCEPTABLE if head.chosen.wrong else _OK


@organization_page(Permission.INSIGHTS_VIEW, methods=(POST,))
def insights_targets(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Set the service target of a Q, or of all."""
    if not visit.can_change:
        raise PermissionDenied(
            _("This needs the permission to manage Data Management of %(org)s.") % {"org": visit.org.name}
        )
    text = request.POST.get("q", "").strip()
    seconds = parse_target(request.POST.get("seconds", "").strip())
    number = parse_id("que", text) if text else None
    done = set_target(visit.org.id, queue=number, seconds=seconds, actor=visit.user.email, now=visit.now)
    messages.success(
        request,
        ngettext(
            "The service target of %(n)d Q is %(s)d seconds now.",
            "The service target of %(n)d Qs is %(s)d seconds now.",
            done,
        )
        % {"n": done, "s": seconds},
    )
    back = QueryDict(request.POST.get("back", "")).urlencode()
    return redirect(reverse("insights", kwargs={"org": visit.org.id}) + (f"?{back}" if back else ""))

"""The operator's pages about requests and arming, as they are shown."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ebbtide.apps.activation.evidence import capped, due, shown
from ebbtide.apps.activation.models import Request, State
from ebbtide.apps.activation.pages import newest, percent, plan_note, request_note
from ebbtide.apps.activation.selectors import Happening, evidence_of, history, open_request, requests
from ebbtide.apps.activation.tables import COMPARED, HISTORY, REQUESTS, amount_lines, history_line, history_lines
from ebbtide.apps.activation.tables import request_lines as lines_of
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.models import Plan, Platform, Run
from ebbtide.apps.runs.pages import run_lines
from ebbtide.domain.errors import EvidenceStale
from ebbtide.domain.evidence import check_age, check_growth, check_jobs
from ebbtide.web.context.activation import (
    AmountLine,
    CheckLine,
    HistoryLine,
    OrgDeletionPage,
    OrgState,
    RequestLine,
    RequestPage,
    RequestsPage,
)
from ebbtide.web.context.shared import OrgLine
from ebbtide.web.listing import Asked, every_row, list_query, list_rows

LAST_RUNS = 7


def requests_page(*, now: datetime, state: str, asked: Asked) -> RequestsPage:
    """Give the list of requests; opens its own transaction.

    Args:
        now: the request's moment.
        state: what it is narrowed to; empty for all.
        asked: of the table.
    """
    with as_platform():
        listing = list_query(REQUESTS, _narrowed(now=now, state=state), asked=asked, lines=lines_of)
        count = requests(now=now).filter(Q(stands=State.OPEN)).count()
    return RequestsPage(requests=listing, state=state, open=count)


def request_rows(*, now: datetime, state: str, asked: Asked) -> Iterator[RequestLine]:
    """Stream the list of requests whole; opens its own transaction."""
    with as_platform():
        yield from every_row(REQUESTS, _narrowed(now=now, state=state), asked=asked, lines=lines_of)


def _narrowed(*, now: datetime, state: str) -> QuerySet[Request]:
    found = requests(now=now)
    return found.filter(Q(stands=state)) if state else found


def org_state(org: Organization, happened: list[Happening]) -> OrgState:
    """Say how an organization stands.

    Args:
        org: the organization.
        happened: its history in the order of time.
    """

    def line(what: str) -> HistoryLine | None:
        found = newest(happened, what)
        return None if found is None else history_line(found, for_operator=True)

    return OrgState(
        org=OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed),
        since=line("armed" if org.armed else "disarmed"),
        stopped=line("stopped") if org.stopped else None,
    )


def compared_lines(org: Organization, request: Request, *, now: datetime) -> list[AmountLine]:
    """Put what a request showed beside what is due now; expects an open transaction in the organization."""
    return amount_lines(shown(request), due(org, now=now), queues=queue_lines(org=org.id))


def request_page(
    org: Organization, request: Request, *, now: datetime, night: Asked, asked_history: Asked
) -> RequestPage:
    """Give the page of a request; expects an open transaction in the organization.

    Args:
        org: its organization, read for this request.
        request: the request.
        now: the request's moment.
        night: asked of the table of what is due.
        asked_history: asked of the history.
    """
    lines = compared_lines(org, request, now=now)
    items_now = sum(line.items_now for line in lines)
    plan = Plan.objects.get(org_id=org.id, id=request.plan_id)
    happened = sorted(history(org=org.id), key=lambda one: one.at)
    note = request_note(org, request, now=now, for_operator=True)
    queues = queue_lines(org=org.id)
    checks = checks_of(org, request, now=now, due_now=items_now)
    return RequestPage(
        state=org_state(org, happened),
        request=note,
        evidence=plan_note(org, plan, run=request.run_id),
        items_now=items_now,
        bytes_now=sum(line.bytes_now for line in lines),
        percent_now=percent(items_now, of=request.population),
        checks=checks,
        may_arm=request.state == State.OPEN and all(one.verdict != "bad" for one in checks),
        night=list_rows(COMPARED, lines, asked=night),
        jobs=tuple(job_line(job, queues=queues) for job in jobs(org=org.id)),
        runs=tuple(run_lines(list(Run.objects.filter(org_id=org.id).order_by("-id")[:LAST_RUNS]), org=org.id)),
        history=list_rows(HISTORY, history_lines(happened, for_operator=True), asked=asked_history),
        share_cap=org.share_cap_percent,
        item_cap=org.item_cap,
    )


def checks_of(org: Organization, request: Request, *, now: datetime, due_now: int) -> tuple[CheckLine, ...]:
    """Answer the questions before arming; a bad answer stands in its way, a warning does not.

    Args:
        org: the organization, read for this request.
        request: what was asked.
        now: the request's moment.
        due_now: items due by now.
    """
    evidence = evidence_of(request)
    hours = int((now - evidence.made_at).total_seconds() // 3600) + 1
    age = ngettext(
        "The simulation is less than %(n)d hour old; 48 are allowed.",
        "The simulation is less than %(n)d hours old; 48 are allowed.",
        hours,
    )
    return (
        _answer(lambda: check_age(evidence, now=now), good=age % {"n": hours}),
        _answer(
            lambda: check_jobs(evidence, jobs_version=org.jobs_version),
            good=_("The retention jobs are those of the simulation."),
        ),
        _answer(
            lambda: check_growth(evidence, due=due_now),
            good=_("What is due by now is at most twice what was shown, and 1,000 more."),
        ),
        *_warnings(org, due_now=due_now, population=request.population),
    )


def _answer(check: Callable[[], None], *, good: str) -> CheckLine:
    try:
        check()
    except EvidenceStale as stale:
        return CheckLine(verdict="bad", text=stale.message + " " + _("The organization has to ask anew."))
    return CheckLine(verdict="good", text=good)


def _warnings(org: Organization, *, due_now: int, population: int) -> Iterator[CheckLine]:
    stopped = capped(org, items=due_now, population=population)
    if stopped:
        yield CheckLine(
            verdict="warn", text=_("The first night will be blocked before its first deletion.") + " " + stopped
        )
    else:
        yield CheckLine(verdict="good", text=_("The first night stays within the caps."))
    if Platform.objects.get(id=1).stopped:
        yield CheckLine(
            verdict="warn",
            text=_("The platform's kill switch is on: armed or not, nothing is deleted until it is off."),
        )
    if org.stopped:
        yield CheckLine(
            verdict="warn",
            text=_("The organization's kill switch is on: armed or not, nothing is deleted until it is off."),
        )


def org_deletion_page(org: Organization, *, asked: Asked) -> OrgDeletionPage:
    """Give an organization's arming and its history; expects an open transaction in the organization."""
    happened = sorted(history(org=org.id), key=lambda one: one.at)
    standing = open_request(org=org.id)
    return OrgDeletionPage(
        state=org_state(org, happened),
        request=None if standing is None else standing.id,
        history=list_rows(HISTORY, history_lines(happened, for_operator=True), asked=asked),
    )

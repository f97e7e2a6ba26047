"""Pages of organizations as the operator sees them: filled shapes, complete before a template sees them."""

from datetime import date, datetime
from zoneinfo import available_timezones

from django.db.models import Q

from ebbtide.apps.activation.models import State
from ebbtide.apps.activation.selectors import requests
from ebbtide.apps.console import organization, standings, workers
from ebbtide.apps.orgs.database import acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.policies.services import DEFAULT_JOB_DAYS, DEFAULT_JOB_SINCE
from ebbtide.apps.runs.first_nights import amount_of
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.pages import run_lines
from ebbtide.domain.amount import nights_to_go
from ebbtide.domain.calendar import local_day, parse_day, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.web.context.console.organization import OnboardingHint, OrgNewPage, PlatformOrgPage, RunNowPage
from ebbtide.web.context.console.standings import ConsolePage, Shown
from ebbtide.web.listing import Asked

_CONTINENTS = (
    "Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
    "Pacific/",
)  # fmt: skip


def console_page(found: list[standings.Place], *, shown: Shown, asked: Asked, now: datetime) -> ConsolePage:
    """Give the list of organizations, with all of them added up above it."""
    return ConsolePage(
        figures=standings.figures(found),
        orgs=standings.page_of(standings.narrowed(found, shown=shown), asked=asked),
        shown=shown,
        workers_alive=workers.are_alive(now=now),
        requests=_open_requests(now=now),
    )


def _open_requests(*, now: datetime) -> int:
    with as_platform():
        return requests(now=now).filter(Q(stands=State.OPEN)).count()


def org_page(org: Organization, *, now: datetime, runs: Asked, history: Asked) -> PlatformOrgPage:
    """Give the page of an organization; opens its own transactions.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        runs: what is asked of the table of its runs.
        history: what is asked of its history.
    """
    place = standings.places(now=now, org=org.id)[0]
    waits = workers.waiting_since(org.id)
    with acting_in(org.id):
        found, queues = jobs(org=org.id), queue_lines(org=org.id)
        on = local_day(now, zone=parse_zone(org.zone))
        types = organization.type_lines(found, queues=queues, org=org.id, on=on)
        last = Run.objects.filter(org_id=org.id).order_by("-id").first()
        members, admins = organization.people(org=org.id)
        due = sum(one.items for one in types)
        return PlatformOrgPage(
            standing=standings.standing(place),
            onboarded_on=org.onboarded_on,
            created_at=org.created_at,
            settings=organization.settings_of(org),
            last=None if last is None else run_lines([last], org=org.id)[0],
            comparison=organization.comparison(org=org.id),
            types=types,
            due=due,
            due_bytes=sum(one.bytes for one in types),
            nights=nights_to_go(due, most=amount_of(org, due=due)),
            jobs=organization.job_lines(found, queues=queues),
            members=members,
            admins=admins,
            runs=organization.runs_listing(org=org.id, asked=runs),
            history=organization.history_listing(org=org.id, asked=history),
            waiting_since=waits,
            switch=organization.own_switch(org) if org.stopped else None,
        )


def run_now_page(org: Organization, *, now: datetime, platform_stopped: bool) -> RunNowPage:
    """Say what a run by hand would do; opens its own transactions."""
    place = standings.places(now=now, org=org.id)[0]
    with acting_in(org.id):
        on = local_day(now, zone=parse_zone(org.zone))
        types = organization.type_lines(jobs(org=org.id), queues=queue_lines(org=org.id), org=org.id, on=on)
    return RunNowPage(
        standing=standings.standing(place),
        due=sum(one.items for one in types),
        due_bytes=sum(one.bytes for one in types),
        oldest=min((one.oldest for one in types if one.oldest is not None), default=None),
        stopped=platform_stopped or org.stopped,
        workers_alive=workers.are_alive(now=now),
        order=f"ebbtide run start {public_id('org', org.id)}",
    )


def new_page(*, zone: str, onboarded_on: str, now: datetime) -> OrgNewPage:
    """Give the onboarding form's choices, and what has been chosen so far amounts to.

    Args:
        zone: as typed, perhaps not to its end.
        onboarded_on: as typed.
        now: the request's moment.
    """
    return OrgNewPage(
        zones=("UTC", *sorted(name for name in available_timezones() if name.startswith(_CONTINENTS))),
        hint=_hint(zone.strip(), _day(onboarded_on.strip()), now=now),
        since=DEFAULT_JOB_SINCE,
        days=DEFAULT_JOB_DAYS,
    )


def _hint(zone: str, day: date | None, *, now: datetime) -> OnboardingHint:
    local_time: datetime | None = now
    try:
        parse_zone(zone)
    except InputInvalid:  # typed half, so far
        zone, local_time = "", None
    days = DEFAULT_JOB_DAYS if day is not None and day >= DEFAULT_JOB_SINCE else None
    return OnboardingHint(local_time=local_time, zone=zone, default_job=days, dated=day is not None)


def _day(text: str) -> date | None:
    try:
        return parse_day(text, field="onboarded_on")
    except InputInvalid:
        return None

"""The nights of all organizations: who is due, and its run.

Each organization has its own night, in its own time zone; one that fails is written down and passed by. "Once per
org-local date" is a UNIQUE row, not a lock: whoever comes second finds the night taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.db import Error, connections

from ebbtide.apps.orgs.database import SWEEP, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.services import Asked, Stop, never, resume_open_run, start_run
from ebbtide.domain.calendar import latest_night, local_day, parse_zone
from ebbtide.domain.errors import EbbtideError, InputInvalid, Taken
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DueNight:
    """An organization whose night has come, or whose run was broken off.

    Attributes:
        org: the organization's number.
        on: org-local date of its newest night; several missed ones are caught up by this one.
        open_run: a run that has not ended, if there is one.
        has_run: whether this night has its run already.
    """

    org: int
    on: date
    open_run: int | None
    has_run: bool


def due_nights(now: datetime) -> list[DueNight]:
    """Find out which organizations have something to run, in one query.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP) as cursor:
        # the dates around now, not the newest one: a date written by a clock that was ahead must silence nobody
        cursor.execute(
            """
            SELECT o.id, o.zone, o.night_at,
                ARRAY(SELECT r.local_date FROM runs_run r WHERE r.org_id = o.id AND r.trigger = 'nightly'
                        AND r.local_date BETWEEN %(today)s::date - 2 AND %(today)s::date + 2),
                (SELECT r.id FROM runs_run r WHERE r.org_id = o.id AND r.outcome IS NULL)
            FROM orgs_organization o ORDER BY o.id
            """,
            {"today": now.date()},
        )
        rows = cursor.fetchall()
    found = []
    for org, zone, night_at, dates, open_run in rows:
        try:
            on = latest_night(now, zone=parse_zone(zone), at=night_at)
        except InputInvalid as exc:  # a zone that this host's tzdata does not know: its night must wait, no other
            log.error("night impossible", org=org, reason=exc.message)
            continue
        has_run = on in dates
        if open_run is not None or not has_run:
            found.append(DueNight(org, on, open_run, has_run))
    return found


def run_night(night: DueNight, *, clock: Clock, stop: Stop = never) -> Run | None:
    """Run one organization's night, or take up its run that was broken off.

    Returns:
        The run; None where another process has it.
    """
    try:
        if night.has_run:
            return resume_open_run(night.org, clock=clock, stop=stop)
        return start_run(
            night.org, asked=Asked(trigger="nightly", local_date=night.on, as_of=night.on), clock=clock, stop=stop
        )
    except Taken as exc:
        log.info("night taken", org=night.org, on=str(night.on), reason=exc.message)
        return None


def run_by_hand(org: int, *, clock: Clock, stop: Stop = never) -> Run | None:
    """Run an organization now, as of today; one path with its nights: simulated unless it is armed, and guarded.

    Returns:
        The run; None where another process has the organization.
    """
    with as_platform(using=SWEEP):
        zone = parse_zone(Organization.objects.using(SWEEP).get(id=org).zone)
    try:
        asked = Asked(trigger="manual", local_date=local_day(clock.now(), zone=zone))
        return start_run(org, asked=asked, clock=clock, stop=stop)
    except Taken as exc:
        log.info("run taken", org=org, reason=exc.message)
        return None


def _let_go() -> None:
    """Close the connection behind a night that failed: one that was cut would fail all the others, too."""
    connections[SWEEP].close()


@dataclass(frozen=True, slots=True)
class NightReport:
    """What a pass over the nights came to."""

    due: int
    runs: list[Run]
    failures: list[tuple[int, str]]


def run_nights(nights: Iterable[DueNight], *, clock: Clock, stop: Stop = never) -> NightReport:
    """Run several organizations' nights one after the other; a failing one never stops the next."""
    runs: list[Run] = []
    failures: list[tuple[int, str]] = []
    due = 0
    for night in nights:
        if stop():
            break
        due += 1
        try:
            run = run_night(night, clock=clock, stop=stop)
        except EbbtideError as exc:
            log.warning("night failed", org=night.org, on=str(night.on), error=exc.code, reason=exc.message)
            failures.append((night.org, exc.message))
            _let_go()
            continue
        except Error as exc:  # a fault in our SQL: this organization's run stays open, the others have their night
            log.error("night broken", org=night.org, on=str(night.on), error=type(exc).__name__)
            failures.append((night.org, f"the database refused what Ebbtide asked ({type(exc).__name__}): see the log"))
            _let_go()
            continue
        if run is not None:
            runs.append(run)
    return NightReport(due, runs, failures)

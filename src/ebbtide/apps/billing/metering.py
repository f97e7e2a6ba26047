"""The metering of all organizations: who is due, and its dates; one that fails is written down and passed by."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import Error

from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.billing.services import SETTLED_AFTER, meter
from ebbtide.apps.catalog.services import recount
from ebbtide.apps.orgs.database import SWEEP, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.services import Stop, never
from ebbtide.domain.billing import month_of
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.errors import EbbtideError, InputInvalid
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MeterReport:
    """What a pass over all organizations came to: dates booked, and who failed with what."""

    booked: int
    failures: list[tuple[int, str]]


def due_organizations(now: datetime) -> list[Organization]:
    """Find out which organizations have a date to book or a month to close, in one query.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP) as cursor:
        cursor.execute(
            """
            SELECT o.id, m.begins, m.last, (SELECT max(s.month) FROM billing_closedstatement s WHERE s.org_id = o.id),
                CASE WHEN m.last IS NULL THEN (SELECT min(c.at) FROM catalog_cellchange c WHERE c.org_id = o.id) END
            FROM orgs_organization o
            CROSS JOIN LATERAL (
                SELECT min(d."on") AS begins, max(d."on") AS last FROM billing_meteredday d WHERE d.org_id = o.id) m
            """
        )
        found = {org: rest for org, *rest in cursor.fetchall()}
        organizations = list(Organization.objects.using(SWEEP).order_by("id"))
    due = []
    for org in organizations:
        begins, last, closed, first = found.get(org.id, (None, None, None, None))
        try:
            zone = parse_zone(org.zone)
        except InputInvalid as exc:  # a zone that this host's tzdata does not know: its dates must wait, no other's
            log.error("metering impossible", org=org.id, reason=exc.message)
            continue
        if last is None:
            if first is None:
                continue
            begins = last = local_day(first, zone=zone)
        is_open = (month_of(begins) if closed is None else month_of(closed).next) < month_of(last)
        if is_open or last < local_day(now - SETTLED_AFTER, zone=zone):
            due.append(org)
    return due


def meter_due(*, clock: Clock, stop: Stop = never) -> MeterReport:
    """Book what is due for every organization; a failing one never stops the next.

    Args:
        clock: tells the present moment.
        stop: asked before each organization.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    booked = 0
    failures: list[tuple[int, str]] = []
    for org in due_organizations(clock.now()):
        if stop():
            break
        try:
            dates = meter(org, clock=clock)
            if dates:
                recount(org.id)
            booked += dates
            look_ahead(org, now=clock.now())
        except EbbtideError as exc:
            log.error("metering failed", org=org.id, error=exc.code, reason=exc.message)
            failures.append((org.id, exc.message))
        except Error as exc:  # a fault in our SQL: this organization's dates wait, the others are booked
            log.error("metering broken", org=org.id, error=type(exc).__name__)
            failures.append(
                (org.id, f"the database refused what Ebbtide asked ({type(exc).__name__}): see the log"),
            )
    return MeterReport(booked, failures)

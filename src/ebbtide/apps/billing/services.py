"""What may be done: meter dates, close months, set rate cards. Nothing here can be taken back."""

import hashlib
from contextlib import nullcontext
from datetime import datetime, timedelta

import structlog
from django.db.models import Max, Min

from ebbtide.apps.billing import selectors
from ebbtide.apps.billing.models import ClosedStatement, MeteredDay, RateCardVersion
from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.billing import Month, RateCard, make_card, month_of, starts_at
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

SETTLED_AFTER = timedelta(hours=1)
"""A date is metered so long after it began: what was being written at midnight is committed by then."""


def meter(org: Organization, *, clock: Clock) -> int:
    """Book every date that has begun and is not booked, oldest first, and close the months that are over.

    A date that was missed while nothing ran is booked as exactly as one on time. Whoever comes second finds it done.

    Returns:
        How many dates were booked.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
        Broken: the dates do not follow each other; nothing of the kind is booked.
    """
    zone = parse_zone(org.zone)
    newest = local_day(clock.now() - SETTLED_AFTER, zone=zone)
    booked = 0
    with acting_in(org.id, using=SWEEP) as cursor:
        done = selectors.metered_through(org=org.id, using=SWEEP)
        if done is None:
            cursor.execute("SELECT min(at) FROM catalog_cellchange WHERE org_id = %s", [org.id])
            first: datetime | None = cursor.fetchone()[0]
            if first is None:
                return 0  # never had any data
            done = local_day(first, zone=zone)
    while done < newest:
        done += timedelta(days=1)
        with acting_in(org.id, using=SWEEP) as cursor:  # each date is a transaction: what is booked stays booked
            cursor.execute("SELECT billing_meter(%s, %s)", [done, starts_at(done, zone=zone)])
            booked += cursor.fetchone()[0]
        if done.day == 1:
            close_month(org.id, month=month_of(done).previous, now=clock.now())
    close_open_months(org.id, now=clock.now())
    return booked


def close_open_months(org: int, *, now: datetime) -> int:
    """Close every month that is over and was left open, oldest first; gives how many."""
    with acting_in(org, using=SWEEP):
        booked = MeteredDay.objects.using(SWEEP).filter(org_id=org).aggregate(first=Min("on"), last=Max("on"))
        last = ClosedStatement.objects.using(SWEEP).filter(org_id=org).aggregate(month=Max("month"))["month"]
    if booked["last"] is None:
        return 0
    month = month_of(booked["first"]) if last is None else month_of(last).next
    closed = 0
    while month < month_of(booked["last"]):
        closed += close_month(org, month=month, now=now)
        month = month.next
    return closed


def close_month(org: int, *, month: Month, now: datetime) -> bool:
    """Close a month: its statement is stored with its hash and never changes.

    Returns:
        Whether it was closed now; False where it was closed before, or nothing of it was metered.
    """
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7104, %s)", [org])
        if ClosedStatement.objects.using(SWEEP).filter(org_id=org, month=month.first).exists():
            return False
        statement = selectors.preview(org=org, month=month, using=SWEEP)
        if statement.through is None:
            return False
        content = selectors.write_statement(statement, org=org)
        total = statement.total
        ClosedStatement.objects.using(SWEEP).create(
            org_id=org,
            month=month.first,
            currency=None if total is None else total.currency,
            total_minor=None if total is None else total.minor,
            byte_days=sum(line.byte_days for line in statement.lines),
            billed_byte_days=sum(line.billed_byte_days for line in statement.lines),
            quantity=sum(line.quantity for line in statement.lines),
            content=content,
            sha256=hashlib.sha256(content.encode()).digest(),
            closed_at=now,
        )
    log.info("month closed", org=org, month=str(month))
    return True


def set_card(
    card: RateCard | None, *, month: Month, org: int | None = None, note: str = "", actor: str, now: datetime
) -> RateCardVersion:
    """Put a rate card in force from a month on.

    Args:
        card: the prices; None leads an organization back to the platform's card.
        month: first month it applies to; the present one or a later one, so that no month that is over changes.
        org: the organization it is for; None: all that have none of their own.
        note: why, for the history.
        actor: who sets it.
        now: the present moment.

    Raises:
        InputInvalid: the month is over, the prices are not possible, or the platform would be left without a card.
    """
    if month < month_of(now.date()):
        raise InputInvalid(
            f"{month} is over: a rate card applies from {month_of(now.date())} or a later month on.", field="month"
        )
    if card is None and org is None:
        raise InputInvalid("The platform's rate card can be replaced, not taken away.", field="currency")
    if card is not None:
        card = make_card(card.currency, card.prices)
    with as_platform(), nullcontext() if org is None else acting_in(org):  # the operator, in that organization's name
        return RateCardVersion.objects.create(
            org_id=org,
            month=month.first,
            currency=None if card is None else card.currency,
            prices=None if card is None else selectors.prices_told(card),
            made_at=now,
            made_by=actor,
            note=note.strip(),
        )

"""Budgets: what an organization means to spend a month, and the word it gets when that will not do.

The nightly check holds the forecast for the running month against the budget, and tells the organization's admins by
e-mail at 80 % and at 100 %, once a month and threshold: a UNIQUE row is written first, and whoever wrote it sends. A
mail that cannot be sent is written down and holds nobody up; the banner on the pages says the same.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ebbtide.apps.billing.models import Budget, BudgetAlert
from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in
from ebbtide.apps.orgs.models import Membership, Organization
from ebbtide.domain.billing import MINOR_UNITS, Money, Month, parse_price
from ebbtide.domain.errors import InputInvalid

log = structlog.get_logger(__name__)

THRESHOLDS = (80, 100)
"""Percent of the budget, the lower first."""


def parse_amount(text: str, *, currency: str) -> Money:
    """Read a budget as a person writes it: digits, with a point before the currency's smaller unit.

    Raises:
        InputInvalid: it is none, it is 0, or the currency has no unit that small.
    """
    try:
        amount = parse_price(text.strip(), field="amount")
    except InputInvalid as exc:
        raise InputInvalid(f"{text!r} is not an amount: write it like 250 or 250.50.", field="amount") from exc
    minor = amount.scaleb(MINOR_UNITS[currency])
    if minor != minor.to_integral_value():
        raise InputInvalid(
            f"{currency} has no unit as small as that: give {MINOR_UNITS[currency]} decimals.", field="amount"
        )
    if not minor:
        raise InputInvalid("A budget is more than 0; leave the field empty for none.", field="amount")
    return Money(currency, int(minor))


def budget_of(*, org: int, using: str = WEB) -> Money | None:
    """Give the budget in force; None where there is none. Expects an open transaction in the organization."""
    row = Budget.objects.using(using).filter(org_id=org).order_by("-id").first()
    return None if row is None or row.currency is None or row.minor is None else Money(row.currency, row.minor)


def set_budget(org: int, *, budget: Money | None, actor: str, now: datetime) -> None:
    """Put a budget in force from now on; None: there is none any more."""
    with acting_in(org):
        Budget.objects.create(
            org_id=org,
            currency=None if budget is None else budget.currency,
            minor=None if budget is None else budget.minor,
            set_at=now,
            set_by=actor,
        )


def used_percent(forecast: Money, *, budget: Money) -> int | None:
    """Say which whole percent of a budget a forecast comes to; None where their currencies differ."""
    return forecast.minor * 100 // budget.minor if forecast.currency == budget.currency else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alert:
    """What the admins are told."""

    org: str
    month: Month
    percent: int
    budget: Money
    forecast: Money


def check_budget(org: Organization, *, month: Month, forecast: Money, now: datetime) -> list[int]:
    """Hold the forecast for the running month against the budget, and tell the admins what is new.

    Args:
        org: the organization.
        month: the running one.
        forecast: what it will cost, as things stand.
        now: the present moment.

    Returns:
        The thresholds that were reached now, and not before in this month.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with acting_in(org.id, using=SWEEP):
        budget = budget_of(org=org.id, using=SWEEP)
    if budget is None:
        return []
    used = used_percent(forecast, budget=budget)
    reached = [percent for percent in THRESHOLDS if used is not None and used >= percent]
    admins = _admins(org.id) if reached else []
    new = [
        percent
        for percent in reached
        if _write_down(
            org.id, month=month, percent=percent, budget=budget, forecast=forecast, told=len(admins), now=now
        )
    ]
    if new:
        _send(_Alert(org=org.name, month=month, percent=new[-1], budget=budget, forecast=forecast), to=admins)
    return new


def _admins(org: int) -> list[str]:
    with acting_in(org, using=SWEEP):
        rows = Membership.objects.using(SWEEP).filter(org_id=org, is_admin=True, user__is_active=True)
        return sorted(rows.values_list("user__email", flat=True))


def _write_down(
    org: int, *, month: Month, percent: int, budget: Money, forecast: Money, told: int, now: datetime
) -> bool:
    with acting_in(org, using=SWEEP):
        if BudgetAlert.objects.using(SWEEP).filter(org_id=org, month=month.first, percent=percent).exists():
            return False
    try:
        with transaction.atomic(using=SWEEP), acting_in(org, using=SWEEP):
            BudgetAlert.objects.using(SWEEP).create(
                org_id=org,
                month=month.first,
                percent=percent,
                currency=budget.currency,
                budget_minor=budget.minor,
                forecast_minor=forecast.minor,
                told=told,
                at=now,
            )
    except IntegrityError:  # another worker was first, and sends
        return False
    return True


def _send(alert: _Alert, *, to: list[str]) -> None:
    subject = _("%(org)s: storage costs will reach %(percent)s %% of the budget") % {
        "org": alert.org,
        "percent": alert.percent,
    }
    body = render_to_string("mail/budget_alert.txt", {"alert": alert})
    for address in to:  # one each: nobody is shown who else is told
        try:
            send_mail(subject.replace("\n", " "), body, None, [address])
        except Exception as exc:  # noqa: BLE001 - whatever a mail server can do wrong, the night goes on
            log.warning("budget mail not sent", percent=alert.percent, error=type(exc).__name__)

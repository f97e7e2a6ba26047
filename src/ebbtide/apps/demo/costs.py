"""Months of storage that was billed, for the demo: its data came all at once, and is told as if it had come day by day.

The journal of the cells is the only thing that is touched, by the tables' owner, before anything is metered; from then
on the demo's centres are metered, priced and closed as anybody's. Made-up recordings are tiny, so the prices are high.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.billing.services import SETTLED_AFTER, meter, set_card
from ebbtide.apps.orgs.database import OWNER, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.billing import Price, RateCard, month_of, starts_at
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.engine.clock import Clock, FixedClock

MONTHS = 4
"""Whole months before the present one that have a statement."""
_INCLUDED = Days(400)
CARD = RateCard(
    "USD",
    {
        DataType.INSIGHTS: Price(Decimal(90), _INCLUDED),
        DataType.AUDIO: Price(Decimal(140), _INCLUDED),
        DataType.TRANSCRIPT: Price(Decimal(90), _INCLUDED),
        DataType.DESKTOP: Price(Decimal(480)),
    },
)


def bill(organizations: Iterable[Organization], *, actor: str, clock: Clock) -> None:
    """Spread the arrivals out over the days they are of, set a rate card, meter every date and close every month.

    Args:
        organizations: with their data, and nothing metered yet.
        actor: named as having set the card.
        clock: the host's clock.
    """
    now = clock.now()
    first = month_of(now.date())
    for _ in range(MONTHS):
        first = first.previous
    set_card(
        CARD,
        month=first,
        note="Demo: tiny recordings, high prices",
        actor=actor,
        now=datetime.combine(first.first, time(12), UTC),
    )
    for org in organizations:
        zone = parse_zone(org.zone)
        with acting_in(org.id, using=OWNER) as cursor:
            cursor.execute(
                "UPDATE catalog_cellchange SET at = least(at, greatest(%(begins)s, "
                "(day + 1)::timestamp AT TIME ZONE %(zone)s + interval '3 hours')) WHERE org_id = %(org)s",
                {"begins": starts_at(first.previous.last, zone=zone), "zone": org.zone, "org": org.id},
            )
        month = first
        while month.first < local_day(now, zone=zone):  # each month is closed in its own first night
            month = month.next
            night = starts_at(month.first, zone=zone) + SETTLED_AFTER + timedelta(minutes=10)
            meter(org, clock=FixedClock(min(night, now)))
        look_ahead(org, now=now)

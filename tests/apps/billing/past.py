"""Time for the books: what happened is moved to the moment a test says, as nobody in the product can."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import psycopg
from psycopg import sql

from ebbtide.apps.billing.services import SETTLED_AFTER, meter
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.billing import Price, RateCard
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.engine.clock import FixedClock
from ebbtide.pg.launcher import Urls


def card(currency: str = "USD", *, included: Mapping[DataType, int] | None = None, **prices: str) -> RateCard:
    """A rate card: 1.00 for each data type, unless told otherwise."""
    ages = included or {}
    return RateCard(
        currency,
        {
            kind: Price(Decimal(prices.get(kind, "1.00")), Days(ages[kind]) if kind in ages else None)
            for kind in DataType
        },
    )


def happened(database: Urls, at: datetime, *, org: Organization | None = None) -> None:
    """Move what has happened since the last call to a moment: the cells' journal, and the book."""
    whose = None if org is None else org.id
    with psycopg.connect(database.superuser) as witness:
        witness.execute("ALTER TABLE ledger_entry DISABLE TRIGGER append_only")
        for table in ("catalog_cellchange", "ledger_entry"):
            witness.execute(
                sql.SQL(
                    "UPDATE {} SET at = %(at)s WHERE at > now() - interval '1 hour' "
                    "AND coalesce(org_id = %(org)s::int, true)"
                ).format(sql.Identifier(table)),
                {"at": at, "org": whose},
            )
        witness.execute("ALTER TABLE ledger_entry ENABLE TRIGGER append_only")


def metered(org: Organization, now: datetime) -> int:
    """Meter as if it were that moment, and a little more than it takes for midnight to settle."""
    return meter(org, clock=FixedClock(now + SETTLED_AFTER))

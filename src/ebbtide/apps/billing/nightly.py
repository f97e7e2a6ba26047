"""What is reckoned ahead for an organization each night, once it is metered: its budget, and its position."""

from datetime import datetime, timedelta

import polars as pl

from ebbtide.apps.billing.budgets import check_budget
from ebbtide.apps.billing.models import MeteredDay, Position
from ebbtide.apps.billing.outlooks import Basis, Prospect, as_it_stands, basis_of
from ebbtide.apps.billing.stock import KINDS
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.billing import monthly_cost
from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.cell import DataType

GROWN_OVER = timedelta(days=30)
OLD = Days(400)
"""The default period of organizations that were onboarded in 2022 or later."""


def look_ahead(org: Organization, *, now: datetime) -> list[int]:
    """Reckon an organization's forecast, tell its admins if the budget will not do, and keep its position.

    Returns:
        The thresholds of the budget that were newly reached.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    basis = basis_of(org, now=now, using=SWEEP)
    ahead = as_it_stands(basis)
    _keep(basis, ahead=ahead)
    if not basis.priced:
        return []
    return check_budget(org, month=basis.terms.running, forecast=ahead.costs[0], now=now)


def _keep(basis: Basis, *, ahead: Prospect) -> None:
    stock, org = basis.stock, basis.org.id
    old_bytes, old_minor = _older(basis)
    with acting_in(org, using=SWEEP):
        heads = MeteredDay.objects.using(SWEEP).filter(org_id=org)
        newest = heads.order_by("-on").first()
        before = None if newest is None else heads.filter(on=newest.on - GROWN_OVER).first()
        Position.objects.using(SWEEP).update_or_create(
            org_id=org,
            defaults={
                "on": stock.today if newest is None else newest.on,
                "jobs": len(basis.jobs),
                "bytes": int(stock.cells["bytes"].sum()) if newest is None else newest.bytes,
                "grown_bytes": newest.bytes - before.bytes if newest is not None and before is not None else 0,
                "weekly_bytes": sum(pace.weekly for pace in stock.paces),
                "currency": ahead.costs[0].currency if basis.priced else "",
                "month_minor": ahead.costs[0].minor,
                "later_minor": ahead.costs[-1].minor,
                "old_bytes": old_bytes,
                "old_minor": old_minor,
            },
        )


def _older(basis: Basis) -> tuple[int, int]:
    """Add up what is older than 400 days, and what it costs a month."""
    stock, card = basis.stock, basis.terms.card
    kinds = pl.Series("kind", [KINDS.index(kind) for _queue, kind in stock.keys], dtype=pl.Int32)
    old = stock.cells.filter(pl.col("day") < cutoff(stock.next_night, days=OLD).toordinal())
    old = old.with_columns(kind=kinds.gather(old["stream"]))
    size = minor = 0
    for kind in DataType:
        own = old.filter(pl.col("kind") == KINDS.index(kind))
        before = card.prices[kind].billed_before(stock.next_night + timedelta(days=1))
        billed = own if before is None else own.filter(pl.col("day") < before.toordinal())
        size += int(own["bytes"].sum())
        minor += monthly_cost(int(billed["bytes"].sum()), price=card.prices[kind], currency=card.currency).minor
    return size, minor

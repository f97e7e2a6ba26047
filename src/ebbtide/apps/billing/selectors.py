"""What there is to see of usage, prices and statements.

Every function expects an open transaction in the organization, on the connection it is told.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connections
from django.db.models import Max, Min, Q

from ebbtide.apps.billing.models import ClosedStatement, MeteredDay, RateCardVersion, Usage
from ebbtide.apps.orgs.database import WEB
from ebbtide.domain import billing
from ebbtide.domain.billing import Month, Price, RateCard, Statement
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType


def card_of(row: RateCardVersion) -> RateCard | None:
    """Read a version's prices; None for one that leads back to the platform's card."""
    if row.currency is None or row.prices is None:
        return None
    return RateCard(row.currency, prices_of(row.prices))


def prices_of(told: Mapping[str, Mapping[str, object]]) -> dict[DataType, Price]:
    """Read prices as they are stored."""
    found = {}
    for kind in DataType:
        included = told[kind]["included_days"]
        found[kind] = Price(Decimal(str(told[kind]["price"])), Days(included) if isinstance(included, int) else None)
    return found


def card_version_for(*, org: int | None, month: Month, using: str = WEB) -> RateCardVersion | None:
    """Give the rate card in force in a month: an organization's own before the platform's; None without one.

    Args:
        org: the organization; None: the platform's card itself.
        month: which.
        using: whose connection.
    """
    whose = Q(org_id=None) if org is None else Q(org_id=None) | Q(org_id=org)
    rows = RateCardVersion.objects.using(using).filter(whose, month__lte=month.first)
    newest: dict[bool, RateCardVersion] = {}
    for row in rows.order_by("month", "id"):
        newest[row.org_id is not None] = row
    own = newest.get(True)
    return own if own is not None and own.prices is not None else newest.get(False)


def card_for(*, org: int, month: Month, using: str = WEB) -> RateCard | None:
    """Give the prices in force for an organization in a month; None where there are none."""
    row = card_version_for(org=org, month=month, using=using)
    return None if row is None else card_of(row)


def metered_through(*, org: int, using: str = WEB) -> date | None:
    """Give the last org-local date that is booked; None before the first."""
    newest: date | None = MeteredDay.objects.using(using).filter(org_id=org).aggregate(on=Max("on"))["on"]
    return newest


def first_metered(*, org: int) -> date | None:
    """Give the first org-local date that was booked; None before it."""
    oldest: date | None = MeteredDay.objects.filter(org_id=org).aggregate(on=Min("on"))["on"]
    return oldest


def month_usage(*, org: int, month: Month, card: RateCard | None, using: str = WEB) -> list[billing.Usage]:
    """Add up a month's byte-days by Q and data type, and those a rate card bills; exact for any card.

    Args:
        org: the organization.
        month: which; dates that are not booked yet do not count.
        card: says up to which age data is included; None: all is billed.
        using: whose connection.
    """
    del org  # the transaction names it
    included = [None if card is None else card.prices[kind].included_days for kind in DataType]
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT data_type, queue_id, byte_days, billed_byte_days FROM billing_byte_days(%s, %s, %s, %s::integer[])",
            [month.first, month.last, [str(kind) for kind in DataType], included],
        )
        rows = cursor.fetchall()
    return [billing.Usage(queue, DataType(kind), int(every), int(billed)) for kind, queue, every, billed in rows]


def preview(*, org: int, month: Month, card: RateCard | None = None, using: str = WEB) -> Statement:
    """Make the statement of a month from what is booked, whether it is closed or not.

    Args:
        org: the organization.
        month: which.
        card: reckon with this card instead of the one in force.
        using: whose connection.
    """
    card = card if card is not None else card_for(org=org, month=month, using=using)
    through = (
        MeteredDay.objects.using(using)
        .filter(org_id=org, on__range=(month.first, month.last))
        .aggregate(on=Max("on"))["on"]
    )
    usages = month_usage(org=org, month=month, card=card, using=using)
    return billing.make_statement(usages, month=month, through=through, card=card)


def closed_statement(*, org: int, month: Month) -> ClosedStatement | None:
    """Give the statement of a month that was closed; None where it was not (yet)."""
    return ClosedStatement.objects.filter(org_id=org, month=month.first).first()


def statement(*, org: int, month: Month) -> Statement:
    """Give the statement of a month: as it was closed, or as it stands now."""
    closed = closed_statement(org=org, month=month)
    return preview(org=org, month=month) if closed is None else read_statement(closed.content)


def read_statement(content: str) -> Statement:
    """Read a closed statement; nothing of it is reckoned again."""
    told = json.loads(content)
    currency = told["currency"]
    card = None if currency is None else RateCard(currency, prices_of(told["prices"]))

    def money(minor: int | None) -> billing.Money | None:
        return None if minor is None else billing.Money(currency, minor)

    lines = tuple(
        billing.Line(
            data_type=DataType(line["data_type"]),
            price=None if card is None else card.prices[DataType(line["data_type"])],
            byte_days=line["byte_days"],
            billed_byte_days=line["billed_byte_days"],
            quantity=Decimal(line["quantity"]),
            amount=money(line["amount_minor"]),
            shares=tuple(
                billing.Share(
                    queue=share["queue"],
                    byte_days=share["byte_days"],
                    billed_byte_days=share["billed_byte_days"],
                    quantity=Decimal(share["quantity"]),
                    amount=money(share["amount_minor"]),
                )
                for share in line["shares"]
            ),
        )
        for line in told["lines"]
    )
    through = None if told["through"] is None else date.fromisoformat(told["through"])
    return Statement(billing.parse_month(told["month"], field="month"), through, card, lines)


def write_statement(statement: Statement, *, org: int) -> str:
    """Write a statement in its one form: keys sorted, no spaces, quantities as text, amounts in smallest units."""
    card = statement.card
    told = {
        "form": 1,
        "org": org,
        "month": str(statement.month),
        "days": statement.month.days,
        "through": None if statement.through is None else statement.through.isoformat(),
        "currency": None if card is None else card.currency,
        "prices": None if card is None else prices_told(card),
        "total_minor": None if statement.total is None else statement.total.minor,
        "lines": [
            {
                "data_type": str(line.data_type),
                **_figures(line),
                "shares": [{"queue": share.queue, **_figures(share)} for share in line.shares],
            }
            for line in statement.lines
        ],
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def prices_told(card: RateCard) -> dict[str, dict[str, object]]:
    """Write prices as they are stored."""
    return {
        str(kind): {"price": f"{price.per_gb_month:f}", "included_days": price.included_days}
        for kind, price in card.prices.items()
    }


def _figures(one: billing.Line | billing.Share) -> dict[str, object]:
    return {
        "byte_days": one.byte_days,
        "billed_byte_days": one.billed_byte_days,
        "quantity": f"{one.quantity:f}",
        "amount_minor": None if one.amount is None else one.amount.minor,
    }


@dataclass(frozen=True, slots=True)
class UsageDay:
    """What one data type had at rest on one date, over all Qs, and what came and went since the date before."""

    on: date
    data_type: DataType
    items: int
    bytes: int
    came_bytes: int
    gone_bytes: int


def usage_days(*, org: int, first: date, last: date) -> list[UsageDay]:
    """Give what was booked for the dates from `first` to `last`, by date and data type."""
    del org  # the transaction names it
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            'SELECT "on", data_type, sum(items), sum(bytes), sum(came_bytes), sum(gone_bytes) FROM billing_usage '
            'WHERE org_id = ebbtide_org() AND "on" BETWEEN %s AND %s GROUP BY 1, 2 ORDER BY 1, 2',
            [first, last],
        )
        return [UsageDay(row[0], DataType(row[1]), *map(int, row[2:])) for row in cursor.fetchall()]


def usage_rows(*, org: int, first: date, last: date) -> list[Usage]:
    """Give the booked rows of the dates from `first` to `last`: by date, data type and Q."""
    return list(Usage.objects.filter(org_id=org, on__range=(first, last)).order_by("on", "data_type", "queue_id"))


def metered_days(*, org: int, first: date, last: date) -> int:
    """Count the dates from `first` to `last` that are booked."""
    return MeteredDay.objects.filter(org_id=org, on__range=(first, last)).count()


def billed_on_last(*, org: int, statement: Statement) -> dict[DataType, int]:
    """Give the bytes that a statement's card bills on its last metered date, by data type."""
    del org  # the transaction names it
    card = statement.card
    included = [None if card is None else card.prices[kind].included_days for kind in DataType]
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT u.data_type, CASE WHEN a.age IS NULL THEN sum(u.bytes) FILTER (WHERE u."on" = %(on)s::date)
                ELSE sum((SELECT coalesce(sum(e.bytes), 0) FROM unnest(u.days, u.day_bytes) AS e (day, bytes)
                          WHERE e.day + a.age < %(on)s::date)) END
            FROM billing_usage u
            JOIN unnest(%(kinds)s::text[], %(ages)s::integer[]) AS a (kind, age) ON a.kind = u.data_type
            WHERE u.org_id = ebbtide_org() AND u."on" BETWEEN %(first)s AND %(on)s GROUP BY u.data_type, a.age
            """,
            {
                "on": statement.through,
                "first": statement.month.first,
                "kinds": [str(kind) for kind in DataType],
                "ages": included,
            },
        )
        return {DataType(kind): int(size or 0) for kind, size in cursor.fetchall()}

"""Made-up costs: a large centre with one Q that says odd things, a fresh one, one without prices, and rate cards."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ebbtide.apps.billing.cards import CARDS
from ebbtide.apps.billing.forms import RateCardForm
from ebbtide.apps.billing.pages import MONTHS, SHARES, chart
from ebbtide.apps.billing.selectors import UsageDay
from ebbtide.domain.billing import GB, MINOR_UNITS, Money, Month
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.web.context.costs import (
    CardLine,
    CostLine,
    CostsPage,
    Effect,
    EffectLine,
    MonthLine,
    PriceLine,
    RateCardPage,
    ShareLine,
    StatementBody,
    StatementPage,
)
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, list_rows

NOW = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)
NOVEMBER, OCTOBER = Month(2026, 11), Month(2026, 10)
PRICES = (
    PriceLine(data_type=DataType.INSIGHTS, price=Decimal("0.02"), included_days=400),
    PriceLine(data_type=DataType.AUDIO, price=Decimal("0.023"), included_days=400),
    PriceLine(data_type=DataType.TRANSCRIPT, price=Decimal("0.02"), included_days=Days(1)),
    PriceLine(data_type=DataType.DESKTOP, price=Decimal("0.045")),
)
STORED = (Decimal("412.004120"), Decimal("18204.551204"), Decimal("77.120000"), Decimal("40911.000127"))
BILLED = (Decimal("12.004120"), Decimal("2204.551204"), Decimal("77.120000"), Decimal("40911.000127"))
MINORS = (24, 5070, 154, 184100)


def lines(*, priced: bool) -> tuple[CostLine, ...]:
    return tuple(
        CostLine(
            data_type=price.data_type,
            stored=stored,
            included=None if price.included_days is None or not priced else stored - billed,
            quantity=billed,
            price=price.price if priced else None,
            included_days=price.included_days if priced else None,
            amount=Money("USD", minor) if priced else None,
        )
        for price, stored, billed, minor in zip(PRICES, STORED, BILLED, MINORS, strict=True)
    )


def statement(month: Month, *, priced: bool = True, closed_at: datetime | None = None) -> StatementBody:
    through = month.last if closed_at is not None else date(2026, 11, 23)
    days = [
        UsageDay(month.first + timedelta(days=n), kind, 900, (4 - rank) * (1000 + 9 * n) * GB, 0, 0)
        for n in range((through - month.first).days + 1)
        for rank, kind in enumerate(DataType)
    ]
    return StatementBody(
        month=month,
        through=through,
        days_counted=through.day,
        closed_at=closed_at,
        currency="USD" if priced else None,
        lines=lines(priced=priced),
        stored=sum(STORED, Decimal(0)),
        included=sum(STORED, Decimal(0)) - sum(BILLED, Decimal(0)) if priced else Decimal(0),
        quantity=sum(BILLED, Decimal(0)),
        total=Money("USD", sum(MINORS)) if priced else None,
        chart=chart(days, first=month.first, last=month.last),
    )


CLOSED_AT = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
OF_OCTOBER = statement(OCTOBER, closed_at=CLOSED_AT)
LAST = MonthLine(
    month=OCTOBER, closed_at=CLOSED_AT, through=OCTOBER.last, quantity=OF_OCTOBER.quantity, amount=OF_OCTOBER.total
)


def costs(*, priced: bool = True) -> CostsPage:
    running = statement(NOVEMBER, priced=priced)
    line = MonthLine(
        month=NOVEMBER, closed_at=None, through=running.through, quantity=running.quantity, amount=running.total
    )
    return CostsPage(
        running=running,
        expected=Money("USD", 250_000) if priced else None,
        at_rest=59_604 * GB,
        billed_now=43_204 * GB,
        last=LAST if priced else None,
        months=list_rows(MONTHS, [line, *([LAST] if priced else [])], asked=Asked()),
        prices=PRICES if priced else (),
        prices_since=Month(2026, 7) if priced else None,
        own_prices=priced,
    )


FRESH = replace(
    costs(priced=False), running=None, at_rest=None, billed_now=None, months=list_rows(MONTHS, (), asked=Asked())
)


def month_page(found: StatementBody, queues: tuple[QueueLine, ...], **more: Any) -> StatementPage:
    shares = [
        ShareLine(
            queue=queue,
            data_type=line.data_type,
            byte_days=1_204_551_204_000 * (queue.id + 1),
            billed_byte_days=204_551_204_000 * queue.id,
            quantity=line.quantity / 16,
            price=line.price,
            amount=None if line.amount is None else Money("USD", line.amount.minor // 16),
        )
        for queue in queues
        for line in found.lines
    ]
    values: dict[str, Any] = {
        "body": found,
        "shares": list_rows(SHARES, shares, asked=Asked()),
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" if found.closed_at else "",
        "previous": found.month.previous,
        "next": None,
    }
    return StatementPage(**{**values, **more})


CARD = CardLine(
    id=3,
    month=Month(2026, 7),
    org="",
    currency="USD",
    prices=PRICES,
    made_at=NOW - timedelta(days=140),
    made_by="operator@ebbtide.example",
    note="Agreed for 2026",
    in_force=True,
)
OWN = replace(CARD, id=4, org="Nordlicht Versicherungen Kundenservice", currency="EUR", note="")
BACK = replace(OWN, id=5, month=Month(2026, 12), currency=None, prices=(), in_force=False)
EFFECT = Effect(
    month=OCTOBER,
    organizations=3012,
    skipped=2,
    lines=tuple(
        EffectLine(data_type=price.data_type, before=Money("USD", minor), after=Money("USD", minor - 7))
        for price, minor in zip(PRICES, MINORS, strict=True)
    ),
    before=Money("USD", 189_348),
    after=Money("USD", 189_320),
)


def card_page(*versions: CardLine, **more: Any) -> RateCardPage:
    values: dict[str, Any] = {
        "month": NOVEMBER,
        "current": versions[0] if versions else None,
        "effect": None,
        "nothing_closed": False,
        "history": list_rows(CARDS, versions, asked=Asked()),
        "currencies": tuple(MINOR_UNITS),
    }
    return RateCardPage(**{**values, **more})


def card_form(**sent: str) -> RateCardForm:
    return RateCardForm(sent) if sent else RateCardForm(initial={"month": "2026-11", "currency": "USD"})

"""Pages of an organization's costs. Every function expects an open transaction in the organization."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy

from ebbtide.apps.billing import selectors
from ebbtide.apps.billing.models import ClosedStatement, RateCardVersion
from ebbtide.apps.billing.selectors import UsageDay
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.domain import billing
from ebbtide.domain.billing import Money, Statement, gb_months, month_of
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, NotYours
from ebbtide.web.context.costs import (
    Bar,
    Chart,
    CostLine,
    CostsPage,
    DayBars,
    MonthLine,
    PriceLine,
    ShareLine,
    StatementBody,
    StatementPage,
)
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, Column, Table, list_rows

_DAY_WIDTH, _HEIGHT = 10, 100


def _written(money: Money | None) -> str | None:
    return None if money is None else f"{money.amount:f}"


MONTHS: Table[MonthLine] = Table(
    name="months",
    columns=(
        Column(name="month", label=gettext_lazy("Month"), value=lambda row: str(row.month)),
        Column(
            name="closed",
            label=gettext_lazy("State"),
            value=lambda row: None if row.closed_at is None else row.closed_at.date(),
        ),
        Column(name="gb_months", label=gettext_lazy("GB-months billed"), value=lambda row: row.quantity, number=True),
        Column(
            name="amount",
            label=gettext_lazy("Amount"),
            value=lambda row: None if row.amount is None else row.amount.amount,
            number=True,
        ),
        Column(
            name="currency",
            label=gettext_lazy("Currency"),
            value=lambda row: None if row.amount is None else row.amount.currency,
        ),
    ),
    sort="-month",
    row_key=lambda row: row.month,
    size=24,
)
SHARES: Table[ShareLine] = Table(
    name="shares",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name),
        Column(name="data_type", label=gettext_lazy("Data type"), value=lambda row: str(row.data_type)),
        Column(name="byte_days", label=gettext_lazy("Byte-days at rest"), value=lambda row: row.byte_days, number=True),
        Column(
            name="billed_byte_days",
            label=gettext_lazy("Byte-days billed"),
            value=lambda row: row.billed_byte_days,
            number=True,
        ),
        Column(name="gb_months", label=gettext_lazy("GB-months billed"), value=lambda row: row.quantity, number=True),
        Column(
            name="amount",
            label=gettext_lazy("Amount"),
            value=lambda row: None if row.amount is None else row.amount.amount,
            number=True,
        ),
        Column(
            name="currency",
            label=gettext_lazy("Currency"),
            value=lambda row: None if row.amount is None else row.amount.currency,
        ),
    ),
    sort="-amount",
    text=lambda row: row.queue.name,
    row_key=lambda row: (row.queue.id, row.data_type),
)


def costs_page(org: Organization, *, now: datetime, asked: Asked) -> CostsPage:
    """Give the page of an organization's costs: the running month, the closed ones, the prices."""
    through = selectors.metered_through(org=org.id)
    present = month_of(local_day(now, zone=parse_zone(org.zone)) if through is None else through)
    card_row = selectors.card_version_for(org=org.id, month=present)
    closed = closed_lines(org=org.id)
    running = statement = None
    if through is not None and present not in {line.month for line in closed}:
        statement = selectors.preview(org=org.id, month=present)
        running = body(statement, org=org.id, closed_at=None)
    lines = [] if running is None else [_month_line(running)]
    newest = [] if through is None else selectors.usage_days(org=org.id, first=through, last=through)
    billed = None if statement is None else selectors.billed_on_last(org=org.id, statement=statement)
    return CostsPage(
        running=running,
        expected=None if statement is None or billed is None else expected(statement, billed_bytes=billed),
        at_rest=None if through is None else sum(one.bytes for one in newest),
        billed_now=None if billed is None else sum(billed.values()),
        last=next((line for line in closed if line.month == present.previous), None),
        months=list_rows(MONTHS, [*lines, *closed], asked=asked),
        prices=price_lines(card_row),
        prices_since=None if card_row is None else month_of(card_row.month),
        own_prices=card_row is not None and card_row.org_id is not None,
    )


def every_month(org: Organization) -> list[MonthLine]:
    """Give every month with a statement: what goes into the CSV."""
    closed = closed_lines(org=org.id)
    through = selectors.metered_through(org=org.id)
    if through is None or month_of(through) in {line.month for line in closed}:
        return closed
    return [_month_line(body(selectors.preview(org=org.id, month=month_of(through)), org=org.id)), *closed]


def price_lines(row: RateCardVersion | None) -> tuple[PriceLine, ...]:
    """Give the prices of a version; none where it leads back to the platform's card, or is none."""
    card = None if row is None else selectors.card_of(row)
    if card is None:
        return ()
    return tuple(
        PriceLine(data_type=kind, price=price.per_gb_month, included_days=price.included_days)
        for kind, price in card.prices.items()
    )


def closed_lines(*, org: int) -> list[MonthLine]:
    """Give the closed months, newest first, without reading their content."""
    rows = ClosedStatement.objects.filter(org_id=org).order_by("-month").defer("content", "sha256")
    return [
        MonthLine(
            month=month_of(row.month),
            closed_at=row.closed_at,
            through=month_of(row.month).last,
            quantity=row.quantity,
            amount=None if row.currency is None or row.total_minor is None else Money(row.currency, row.total_minor),
        )
        for row in rows
    ]


def _month_line(running: StatementBody) -> MonthLine:
    return MonthLine(
        month=running.month, closed_at=None, through=running.through, quantity=running.quantity, amount=running.total
    )


def expected(statement: Statement, *, billed_bytes: Mapping[DataType, int]) -> Money | None:
    """Reckon what a running month comes to if every date that is left is like the last metered one.

    Args:
        statement: as it stands.
        billed_bytes: bytes billed on the last metered date, by data type.
    """
    card = statement.card
    if card is None or statement.through is None:
        return None
    left = (statement.month.last - statement.through).days
    minor = 0
    for line in statement.lines:
        byte_days = line.billed_byte_days + left * billed_bytes.get(line.data_type, 0)
        whole = gb_months(byte_days, days=statement.month.days)
        price = card.prices[line.data_type].per_gb_month
        minor += billing.cost(whole, price=price, currency=card.currency).minor
    return Money(card.currency, minor)


def find_statement(text: str, *, org: int) -> tuple[Statement, ClosedStatement | None]:
    """Find a month's statement, closed or running.

    Raises:
        NotYours: there is none, or that is no month: said alike.
    """
    try:
        month = billing.parse_month(text, field="month")
    except InputInvalid as exc:
        raise NotYours(f"There is no statement of {text!r} here: see the list of months.", field="month") from exc
    closed = selectors.closed_statement(org=org, month=month)
    found = selectors.preview(org=org, month=month) if closed is None else selectors.read_statement(closed.content)
    if found.through is None:
        raise NotYours(f"There is no statement of {text!r} here: see the list of months.", field="month")
    return found, closed


def statement_page(statement: Statement, closed: ClosedStatement | None, *, org: int, asked: Asked) -> StatementPage:
    """Give the page of one month."""
    begins, through = selectors.first_metered(org=org), selectors.metered_through(org=org)
    month = statement.month
    return StatementPage(
        body=body(statement, org=org, closed_at=None if closed is None else closed.closed_at),
        shares=list_rows(SHARES, share_lines(statement, queues=queue_lines(org=org)), asked=asked),
        sha256="" if closed is None else bytes(closed.sha256).hex(),
        previous=month.previous if begins is not None and month_of(begins) < month else None,
        next=month.next if through is not None and month < month_of(through) else None,
    )


def share_lines(statement: Statement, *, queues: Mapping[int, QueueLine]) -> list[ShareLine]:
    """Give what each Q has of each line."""
    return [
        ShareLine(
            queue=queues[share.queue],
            data_type=line.data_type,
            byte_days=share.byte_days,
            billed_byte_days=share.billed_byte_days,
            quantity=share.quantity,
            price=None if line.price is None else line.price.per_gb_month,
            amount=share.amount,
        )
        for line in statement.lines
        for share in line.shares
    ]


def body(statement: Statement, *, org: int, closed_at: datetime | None = None) -> StatementBody:
    """Give the figures of a statement as pages show them."""
    month, through = statement.month, statement.through
    if through is None:
        raise ValueError("nothing of this month is metered")
    lines = tuple(_cost_line(line, days=month.days) for line in statement.lines)
    days = selectors.usage_days(org=org, first=month.first, last=month.last)
    counted = {one.on for one in days}
    return StatementBody(
        month=month,
        through=through,
        days_counted=selectors.metered_days(org=org, first=month.first, last=month.last),
        closed_at=closed_at,
        currency=None if statement.card is None else statement.card.currency,
        lines=lines,
        stored=sum((line.stored for line in lines), Decimal(0)),
        included=sum((line.included for line in lines if line.included is not None), Decimal(0)),
        quantity=sum((line.quantity for line in lines), Decimal(0)),
        total=statement.total,
        chart=chart(days, first=month.first, last=month.last) if counted else None,
    )


def _cost_line(line: billing.Line, *, days: int) -> CostLine:
    stored = gb_months(line.byte_days, days=days)
    included_days = None if line.price is None else line.price.included_days
    return CostLine(
        data_type=line.data_type,
        stored=stored,
        included=None if included_days is None else stored - line.quantity,
        quantity=line.quantity,
        price=None if line.price is None else line.price.per_gb_month,
        included_days=included_days,
        amount=line.amount,
    )


def chart(days: Sequence[UsageDay], *, first: date, last: date) -> Chart:
    """Draw bytes at rest by date as stacked columns, the first data type at the bottom."""
    by_date: dict[date, dict[DataType, int]] = {}
    for one in days:
        by_date.setdefault(one.on, {})[one.data_type] = one.bytes
    most = _round_up(max((sum(found.values()) for found in by_date.values()), default=0))
    columns = []
    for on, found in sorted(by_date.items()):
        below = 0
        bars = []
        for kind in DataType:
            size = found.get(kind, 0)
            if size:
                top = _HEIGHT - (below + size) * _HEIGHT / most
                bars.append(Bar(data_type=kind, y=f"{top:.2f}", height=f"{size * _HEIGHT / most:.2f}"))
            below += size
        x = (on - first).days * _DAY_WIDTH
        columns.append(DayBars(on=on, x=str(x), bytes=below, bars=tuple(bars)))
    return Chart(days=tuple(columns), width=((last - first).days + 1) * _DAY_WIDTH, most=most, first=first, last=last)


def _round_up(size: int) -> int:
    """Give the next 1, 2, 3, 4, 5, 6 or 8 times a power of ten, so that the axis has a number people can read."""
    power: int = 10 ** max(0, len(str(size)) - 1)
    return next((step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= size), 10 * power)

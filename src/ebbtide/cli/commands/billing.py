"""What storage costs: metering, usage, statements, rate cards."""

from typing import Annotated

import typer

from ebbtide.apps.billing import selectors, services
from ebbtide.apps.billing.metering import meter_due
from ebbtide.apps.billing.models import RateCardVersion
from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.database import acting_in, as_platform
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.cli.commands.orgs import Org
from ebbtide.cli.session import Session, command
from ebbtide.cli.stopping import stop_asked
from ebbtide.domain.billing import Month, Price, RateCard, Statement, month_of, parse_month, parse_price
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, NotYours
from ebbtide.domain.identity import public_id

ratecards = typer.Typer(help="Rate cards: what a GB-month costs, from which month on.", no_args_is_help=True)

MonthOption = Annotated[str | None, typer.Option("--month", help="YYYY-MM; the present one unless given.")]
PriceOption = Annotated[str | None, typer.Option(help="Price of a GB-month, like 0.023.")]


def register(root: typer.Typer) -> None:
    """Add the commands that stand alone."""
    command(root, "meter")(meter)
    command(root, "usage")(usage)
    command(root, "statement")(statement)


def meter(session: Session) -> None:
    """Book what is at rest, for every organization and date that is due; the worker does it by itself."""
    with stop_asked() as stop:
        done = meter_due(clock=session.clock, stop=stop)

    def text() -> None:
        session.line(f"{done.booked} dates booked.")
        for org, reason in done.failures:
            session.line(f"{public_id('org', org)} failed: {reason}")

    session.emit(
        {
            "booked": done.booked,
            "failures": [{"org": public_id("org", org), "reason": reason} for org, reason in done.failures],
        },
        text=text,
    )
    if done.failures:
        raise typer.Exit(1)


def usage(session: Session, org: Org, month: MonthOption = None) -> None:
    """Show what was at rest on each date of a month, by data type and Q."""
    found = find_organization(org)
    today = local_day(session.clock.now(), zone=parse_zone(found.zone))
    asked = month_of(today) if month is None else parse_month(month, field="month")
    with acting_in(found.id):
        names = {queue.id: queue.name for queue in catalog.queues(org=found.id)}
        rows = selectors.usage_rows(org=found.id, first=asked.first, last=asked.last)
    session.emit(
        [
            {
                "on": row.on,
                "data_type": row.data_type,
                "queue_id": public_id("que", row.queue_id),
                "queue": names[row.queue_id],
                "items": row.items,
                "bytes": row.bytes,
                "came_bytes": row.came_bytes,
                "gone_bytes": row.gone_bytes,
            }
            for row in rows
        ],
        text=lambda: session.table(
            ["on", "data type", "Q", "items", "bytes", "came", "gone"],
            [
                [row.on, row.data_type, names[row.queue_id], row.items, row.bytes, row.came_bytes, row.gone_bytes]
                for row in rows
            ],
            empty=f"Nothing is booked for {asked}.",
        ),
    )


def statement(session: Session, org: Org, month: Annotated[str, typer.Argument(help="YYYY-MM.")]) -> None:
    """Show what an organization's storage cost in a month, or has cost so far."""
    found = find_organization(org)
    asked = parse_month(month, field="month")
    with acting_in(found.id):
        names = {queue.id: queue.name for queue in catalog.queues(org=found.id)}
        closed = selectors.closed_statement(org=found.id, month=asked)
        made = selectors.statement(org=found.id, month=asked)
    if made.through is None:
        raise NotYours(f"Nothing of {asked} is metered for {found.name}: see `ebbtide usage`.", field="month")
    state = f"closed {closed.closed_at:%Y-%m-%d}" if closed else f"running, through {made.through}"

    def text() -> None:
        session.line(f"{asked}  {found.name}  {state}")
        session.table(
            ["data type", "GB-months", "price", "included", "amount"],
            [
                [
                    line.data_type,
                    f"{line.quantity:f}",
                    "" if line.price is None else f"{line.price.per_gb_month:f}",
                    ""
                    if line.price is None or line.price.included_days is None
                    else f"{line.price.included_days} days",
                    "" if line.amount is None else str(line.amount),
                ]
                for line in made.lines
            ],
            empty="",
        )
        session.line("No rate card applies: nothing has a price." if made.total is None else f"total  {made.total}")
        if closed:
            session.line(f"sha256 {bytes(closed.sha256).hex()}")

    session.emit(_told(made, names, sha256=bytes(closed.sha256).hex() if closed else None), text=text)


def _told(made: Statement, names: dict[int, str], *, sha256: str | None) -> dict[str, object]:
    return {
        "month": str(made.month),
        "closed": sha256 is not None,
        "through": made.through,
        "currency": None if made.card is None else made.card.currency,
        "total": None if made.total is None else f"{made.total.amount:f}",
        "sha256": sha256,
        "lines": [
            {
                "data_type": line.data_type,
                "price": None if line.price is None else f"{line.price.per_gb_month:f}",
                "included_days": None if line.price is None else line.price.included_days,
                "byte_days": line.byte_days,
                "billed_byte_days": line.billed_byte_days,
                "gb_months": f"{line.quantity:f}",
                "amount": None if line.amount is None else f"{line.amount.amount:f}",
                "queues": [
                    {
                        "queue_id": public_id("que", share.queue),
                        "queue": names[share.queue],
                        "byte_days": share.byte_days,
                        "billed_byte_days": share.billed_byte_days,
                        "gb_months": f"{share.quantity:f}",
                        "amount": None if share.amount is None else f"{share.amount.amount:f}",
                    }
                    for share in line.shares
                ],
            }
            for line in made.lines
        ],
    }


def _shown(card: RateCard | None) -> dict[str, object] | None:
    return None if card is None else {"currency": card.currency, "prices": selectors.prices_told(card)}


@command(ratecards, "show")
def show(
    session: Session,
    org: Annotated[str | None, typer.Option(help="The card of this organization; else the platform's.")] = None,
    month: MonthOption = None,
) -> None:
    """Show the rate card in force in a month."""
    found = None if org is None else find_organization(org)
    asked = month_of(session.clock.now().date()) if month is None else parse_month(month, field="month")
    with as_platform():
        row = selectors.card_version_for(org=None if found is None else found.id, month=asked)
    card = None if row is None else selectors.card_of(row)

    def text() -> None:
        if card is None or row is None:
            session.line(f"No rate card is in force in {asked}: set one with `ebbtide ratecard set`.")
            return
        whose = "the platform's" if row.org_id is None else f"of {public_id('org', row.org_id)} alone"
        session.line(f"{asked}: {whose}, since {month_of(row.month)}, in {card.currency}")
        session.table(
            ["data type", "a GB-month", "included"],
            [
                [
                    kind,
                    f"{price.per_gb_month:f}",
                    "" if price.included_days is None else f"up to {price.included_days} days of age",
                ]
                for kind, price in card.prices.items()
            ],
            empty="",
        )

    session.emit(
        {
            "month": str(asked),
            "org": None if row is None or row.org_id is None else public_id("org", row.org_id),
            "since": None if row is None else str(month_of(row.month)),
            "card": _shown(card),
        },
        text=text,
    )


@command(ratecards, "set")
def set_(
    session: Session,
    since: Annotated[str, typer.Option("--from", help="First month it applies to, YYYY-MM.")],
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code, like USD.")] = None,
    insights: PriceOption = None,
    audio: PriceOption = None,
    transcript: PriceOption = None,
    desktop: PriceOption = None,
    included: Annotated[
        list[str] | None, typer.Option(help="TYPE=DAYS: free up to that age, e.g. audio=400; never desktop.")
    ] = None,
    org: Annotated[str | None, typer.Option(help="For this organization alone.")] = None,
    inherit: Annotated[bool, typer.Option("--inherit", help="Lead it back to the platform's card.")] = False,
    note: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
) -> None:
    """Put a rate card in force from a month on; what is over never changes."""
    found = None if org is None else find_organization(org)
    prices = {
        DataType.INSIGHTS: insights,
        DataType.AUDIO: audio,
        DataType.TRANSCRIPT: transcript,
        DataType.DESKTOP: desktop,
    }
    if inherit:
        if currency is not None or included or any(price is not None for price in prices.values()):
            raise InputInvalid("Give prices, or lead back to the platform's card, not both.", field="inherit")
        card = None
    else:
        card = _card(currency, prices, _ages(included or []))
    row = services.set_card(
        card,
        month=parse_month(since, field="from"),
        org=None if found is None else found.id,
        note=note,
        actor=session.actor,
        now=session.clock.now(),
    )
    _set(session, row, month=parse_month(since, field="from"))


def _card(currency: str | None, prices: dict[DataType, str | None], ages: dict[DataType, Days]) -> RateCard:
    given = {
        kind: Price(parse_price(text, field=kind), ages.get(kind)) for kind, text in prices.items() if text is not None
    }
    return RateCard(currency or "", given)


def _ages(texts: list[str]) -> dict[DataType, Days]:
    found = {}
    for text in texts:
        kind, _, days = text.partition("=")
        if kind not in set(DataType) or not (days.isascii() and days.isdigit() and len(days) < 6):
            raise InputInvalid(f"{text!r} is no age: write it like audio=400.", field="included")
        found[DataType(kind)] = Days(int(days))
    return found


def _set(session: Session, row: RateCardVersion, *, month: Month) -> None:
    whom = "every organization without a card of its own" if row.org_id is None else public_id("org", row.org_id)
    session.emit(
        {
            "month": str(month),
            "org": None if row.org_id is None else public_id("org", row.org_id),
            "card": _shown(selectors.card_of(row)),
        },
        text=lambda: session.line(f"In force from {month} on, for {whom}."),
    )

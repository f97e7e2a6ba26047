"""The forecast of an organization: what it is reckoned with, and the months ahead as things stand and once armed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from ebbtide.apps.billing.models import RateCardVersion
from ebbtide.apps.billing.selectors import card_of, metered_through, month_usage
from ebbtide.apps.billing.stock import Stock, stock_of
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.domain.billing import Money, Month, Price, RateCard, month_of
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.forecast import MONTHS, Stream
from ebbtide.domain.job import Job
from ebbtide.domain.pace import Spread
from ebbtide.domain.verdict import effective_retention
from ebbtide.domain.whatif import Outlook, Terms, month_costs, outlook, settled_cost

_NOTHING = RateCard("USD", {kind: Price(Decimal(0)) for kind in DataType})
"""Stands for the rate card where there is none: bytes are foretold all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What an organization's forecast is reckoned with.

    Attributes:
        org: read for this request.
        stock: what is at rest and what comes in.
        jobs: those in force.
        priced: whether there is a rate card; without one everything costs nothing.
        terms: months, prices, and what of the running month is metered.
        deletes: whether its nights delete: it is armed, and its kill switch is off.
    """

    org: Organization
    stock: Stock
    jobs: tuple[Job, ...]
    priced: bool
    terms: Terms
    deletes: bool


def basis_of(org: Organization, *, now: datetime, months: int = MONTHS, using: str = WEB) -> Basis:
    """Gather what a forecast is reckoned with.

    Args:
        org: read for this request.
        now: its moment.
        months: how many after the running one.
        using: whose connection.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    stock = stock_of(org, now=now, using=using)
    running = month_of(local_day(now, zone=parse_zone(org.zone)))
    with acting_in(org.id, using=using):
        cards = cards_for(org=org.id, first=running, count=months + 1, using=using)
        among = jobs(org=org.id, using=using)
        through = metered_through(org=org.id, using=using)
        usages = month_usage(org=org.id, month=running, card=cards[0], using=using) if cards and through else []
    metered = dict.fromkeys(DataType, 0)
    for usage in usages:
        metered[usage.data_type] += usage.billed_byte_days
    # what never was metered is metered from tomorrow on
    since = stock.today + timedelta(days=1) if through is None else max(through + timedelta(days=1), running.first)
    return Basis(
        org=org,
        stock=stock,
        jobs=tuple(among),
        priced=cards is not None,
        terms=Terms(running=running, since=since, metered=metered, cards=cards or [_NOTHING] * (months + 1)),
        deletes=org.armed and not org.stopped,
    )


def cards_for(*, org: int, first: Month, count: int, using: str = WEB) -> list[RateCard] | None:
    """Give the rate cards in force in months that follow each other; expects an open transaction in the organization.

    From a month on in which there would be another currency the last card of the first one is gone on with: amounts of
    two currencies have no sum.

    Returns:
        None where the first month has no card.
    """
    rows = list(RateCardVersion.objects.using(using).filter(Q(org_id=org) | Q(org_id=None)).order_by("month", "id"))
    found: list[RateCard] = []
    month = first
    for _place in range(count):
        card = _in_force(rows, month=month)
        if card is not None and (not found or card.currency == found[0].currency):
            found.append(card)
        elif found:
            found.append(found[-1])
        else:
            return None
        month = month.next
    return found


def _in_force(rows: Sequence[RateCardVersion], *, month: Month) -> RateCard | None:
    own = platform = None
    for row in rows:
        if row.month <= month.first:
            if row.org_id is None:
                platform = row
            else:
                own = row
    card = None if own is None else card_of(own)
    return card if card is not None or platform is None else card_of(platform)


def periods(stock: Stock, *, among: Sequence[Job]) -> list[Days | None]:
    """Give the retention of each stream; None where no job reaches it."""
    deciding = effective_retention(among, queues={queue for queue, _kind in stock.keys})
    return [deciding[key].days if key in deciding else None for key in stock.keys]


def grouped(stock: Stock, *, traits: Sequence[tuple[object, ...]]) -> list[tuple[Stream, int]]:
    """Put together the streams that have the same data type and the same traits.

    Args:
        stock: what is at rest.
        traits: of each stream.

    Returns:
        The streams added up, each with the place of one of its members.
    """
    numbers: dict[tuple[object, ...], int] = {}
    example: dict[int, int] = {}
    groups: list[int | None] = []
    for place, ((_queue, kind), trait) in enumerate(zip(stock.keys, traits, strict=True)):
        number = numbers.setdefault((kind, *trait), len(numbers))
        example.setdefault(number, place)
        groups.append(number)
    return [(stream, example[number]) for number, stream in stock.streams(groups).items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """The months ahead under one assumption.

    Attributes:
        view: bytes by data type and month.
        costs, low, high: of each month: expected, and the ends of the band.
        settled: what a month costs once all has settled; None where it never does.
    """

    view: Outlook
    costs: tuple[Money, ...]
    low: tuple[Money, ...]
    high: tuple[Money, ...]
    settled: Money | None


def prospect(basis: Basis, *, among: Sequence[Job]) -> Prospect:
    """Look ahead under some jobs; none of them: nothing is ever deleted."""
    stock = basis.stock
    days = periods(stock, among=among)
    parts = [(stream, days[place]) for stream, place in grouped(stock, traits=[(one,) for one in days])]
    view = outlook(parts, terms=basis.terms)
    spreads = stock.spreads
    return Prospect(
        view=view,
        costs=tuple(month_costs(view, terms=basis.terms)),
        low=tuple(month_costs(view, terms=basis.terms, shares={kind: one.low for kind, one in spreads.items()})),
        high=tuple(month_costs(view, terms=basis.terms, shares={kind: one.high for kind, one in spreads.items()})),
        settled=settled_cost(parts, card=basis.terms.card),
    )


def as_it_stands(basis: Basis) -> Prospect:
    """Look ahead as things stand: while nights only simulate, nothing is deleted."""
    return prospect(basis, among=basis.jobs if basis.deletes else ())


def at_rest(view: Outlook, *, spreads: Mapping[DataType, Spread], place: int) -> tuple[int, int, int]:
    """Give the bytes at rest at the end of a month, of all data types: the low end of the band, expected, high end."""
    ends = [(months[place].at_end, spreads[kind]) for kind, months in view.items()]
    return (
        sum(held.at(spread.low) for held, spread in ends),
        sum(held.expected for held, _spread in ends),
        sum(held.at(spread.high) for held, spread in ends),
    )

"""What the pages of costs are given: an organization's months and statements, and the operator's rate cards."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ebbtide.domain.billing import Money, Month
from ebbtide.domain.cell import DataType
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """What a data type costs: price of a GB-month in the card's currency, and the age up to which it is included."""

    data_type: DataType
    price: Decimal
    included_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One data type of a statement.

    Attributes:
        data_type: which of the four.
        stored: GB-months at rest.
        included: GB-months of them that cost nothing; None where nothing can be included.
        quantity: GB-months that are billed.
        price: of a GB-month; None where there is no rate card.
        included_days: age up to which the data is included; None: all is billed.
        amount: None where there is no rate card.
    """

    data_type: DataType
    stored: Decimal
    included: Decimal | None
    quantity: Decimal
    price: Decimal | None
    included_days: int | None
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLine:
    """What one Q has of a statement's line."""

    queue: QueueLine
    data_type: DataType
    byte_days: int
    billed_byte_days: int
    quantity: Decimal
    price: Decimal | None
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A piece of a chart's column: place and size in the drawing's units, as SVG takes them."""

    data_type: DataType
    y: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBars:
    """A date in the chart: where its column stands, its bytes at rest in all, and its pieces from the bottom up."""

    on: date
    x: str
    bytes: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bytes at rest by date, stacked by data type.

    Attributes:
        days: one for each metered date.
        width: of the drawing, in its units; a date is 10 wide, the height is 100.
        most: bytes at its upper edge.
        first, last: the first and the last date it has room for.
    """

    days: tuple[DayBars, ...]
    width: int
    most: int
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthLine:
    """A month in the list: `closed_at` is None while it runs; the amount is None where there is no rate card."""

    month: Month
    closed_at: datetime | None
    through: date
    quantity: Decimal
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementBody:
    """The part of a statement that several pages show.

    Attributes:
        month: which.
        through: last metered date.
        days_counted: dates that are metered.
        closed_at: aware instant it was closed; None while the month runs.
        currency: None where there is no rate card.
        lines: one for each data type.
        stored, included, quantity: their sums in GB-months.
        total: sum of the lines; None where there is no rate card.
        chart: bytes at rest by date; None where nothing was at rest.
    """

    month: Month
    through: date
    days_counted: int
    closed_at: datetime | None
    currency: str | None
    lines: tuple[CostLine, ...]
    stored: Decimal
    included: Decimal
    quantity: Decimal
    total: Money | None
    chart: Chart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsPage:
    """`pages/costs.html`, as `page`.

    Attributes:
        running: the month that is going on; None before the first date is metered.
        expected: what it comes to if all stays as it was on the last metered date; None without a rate card.
        at_rest: bytes on the last metered date; None before the first.
        billed_now: of them, those that cost something.
        last: the month before, once it is closed.
        months: every month with a statement, the running one among them.
        prices: in force now; empty where there is no rate card.
        prices_since: first month of the card in force.
        own_prices: whether the card is for this organization alone.
    """

    running: StatementBody | None
    expected: Money | None
    at_rest: int | None
    billed_now: int | None
    last: MonthLine | None
    months: Listing[MonthLine]
    prices: tuple[PriceLine, ...]
    prices_since: Month | None
    own_prices: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """`pages/costs_month.html`, as `page`.

    Attributes:
        body: the figures.
        shares: by Q and data type.
        sha256: of the closed statement, in hex; empty while the month runs.
        previous, next: neighbouring months that have a statement.
    """

    body: StatementBody
    shares: Listing[ShareLine]
    sha256: str
    previous: Month | None
    next: Month | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """A version of a rate card in the history.

    Attributes:
        id: its number.
        month: first month it applies to.
        org: whom it is for; empty: every organization without a card of its own.
        currency: None: back to the platform's card.
        prices: empty where it leads back.
        made_at, made_by, note: when, who and why.
        in_force: whether it decides in the present month.
    """

    id: int
    month: Month
    org: str
    currency: str | None
    prices: tuple[PriceLine, ...]
    made_at: datetime
    made_by: str
    note: str
    in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectLine:
    """What a rate card would have made of the last month, in one currency: `before` None where it had no price."""

    data_type: DataType
    before: Money | None
    after: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The last month's totals under the card that applied and under the one in the form.

    Attributes:
        month: the last month.
        organizations: how many statements are in it.
        skipped: statements left out, because they have a card of their own or were billed in another currency.
        lines: by data type.
        before, after: the sums; `before` None where there was no rate card.
    """

    month: Month
    organizations: int
    skipped: int
    lines: tuple[EffectLine, ...]
    before: Money | None
    after: Money

    @property
    def difference(self) -> Money | None:
        """How much more it would have been; negative: less."""
        return None if self.before is None else Money(self.after.currency, self.after.minor - self.before.minor)

    @property
    def less(self) -> Money | None:
        """How much less it would have been; negative: more."""
        return None if self.difference is None else Money(self.after.currency, -self.difference.minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCardPage:
    """`pages/rate_card.html`, as `page`.

    Attributes:
        month: the present month.
        current: the platform's card in force; None where there is none.
        effect: what the card in the form would have made of the last month; None until it is asked for.
        nothing_closed: whether the effect was asked for and no statement of the last month is closed.
        history: every version, newest first.
        currencies: codes to choose from.
    """

    month: Month
    current: CardLine | None
    effect: Effect | None
    nothing_closed: bool
    history: Listing[CardLine]
    currencies: tuple[str, ...]

"""What storage costs: byte-days to GB-months, GB-months to money, and a statement that adds up to the cent.

Bytes and days are integers, prices and amounts are `Decimal`; there is no floating point anywhere, so that whoever
recomputes a statement gets the same last digit. Three rules, in this order, and no others:

1. A line's quantity is its billed byte-days, divided by the days of the month and by 1,000,000,000 bytes, rounded half
   to even to six decimals: decimal GB-months.
2. A line's amount is that quantity times the price, rounded half to even to the currency's smallest unit; the total is
   the sum of the lines. What stands on the paper multiplies and adds up.
3. What each Q has of a line is shared out by largest remainder, quantities and amounts alike: the shares of a line
   add up to it.
"""

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from zoneinfo import ZoneInfo

from ebbtide.domain.calendar import Days, cutoff, night_start
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid

GB = 1_000_000_000
"""Bytes of a decimal gigabyte."""
QUANTITY_UNIT = Decimal("0.000001")
"""Quantities are told to a millionth of a GB-month."""
MOST_INCLUDED = 5000
"""Days: the longest age up to which a data type can be included, as long as the longest retention."""
_DEAREST = Decimal(1_000_000)
_PRICE_DECIMALS = 9
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
MINOR_UNITS: Mapping[str, int] = {
    "AED": 2, "AUD": 2, "BGN": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "CNY": 2, "COP": 2, "CZK": 2,
    "DKK": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2, "INR": 2, "ISK": 0, "JOD": 3, "JPY": 0,
    "KES": 2, "KRW": 0, "KWD": 3, "MAD": 2, "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PEN": 2, "PHP": 2,
    "PLN": 2, "RON": 2, "RSD": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TND": 3, "TRY": 2, "TWD": 2, "UAH": 2,
    "USD": 2, "UYU": 2, "VND": 0, "XOF": 0, "ZAR": 2,
}  # fmt: skip
"""Currency -> decimals of its smallest unit. Source: ISO 4217, for the currencies contact centres are billed in."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, in the organization's time."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, self.number, self.days)

    @property
    def days(self) -> int:
        """How many days it has by the calendar: 28 to 31."""
        return calendar.monthrange(self.year, self.number)[1]

    @property
    def next(self) -> "Month":
        """The month after."""
        return month_of(self.last + timedelta(days=1))

    @property
    def previous(self) -> "Month":
        """The month before."""
        return month_of(self.first - timedelta(days=1))


def month_of(day: date) -> Month:
    """Give the month a date lies in."""
    return Month(day.year, day.month)


def parse_month(text: str, *, field: str) -> Month:
    """Read a month written YYYY-MM.

    Raises:
        InputInvalid: it is none.
    """
    found = _MONTH.fullmatch(text) if text.isascii() else None
    if found is None or not 1971 <= int(found[1]) <= 9998:
        raise InputInvalid(f"{text!r} is not a month: write it as YYYY-MM.", field=field)
    return Month(int(found[1]), int(found[2]))


def starts_at(day: date, *, zone: ZoneInfo) -> datetime:
    """Give the first moment (UTC) of an org-local date: the moment whose bytes at rest are billed for it.

    What is there then is billed for that date. So what is purged on a date is billed for it and not after, and what
    arrives on a date is billed from the next. Where a clock change skips midnight, the date begins at the change; a
    date that the zone never had begins with the one after it.
    """
    return night_start(day, zone=zone, at=time(0))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in whole smallest units of a currency: 1234 of USD is 12.34 USD."""

    currency: str
    minor: int

    @property
    def amount(self) -> Decimal:
        """The amount in the currency itself."""
        return Decimal(self.minor).scaleb(-MINOR_UNITS[self.currency])

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Price:
    """What one data type costs.

    Attributes:
        per_gb_month: in the card's currency; 0 is a price.
        included_days: bytes of data up to so many days of age cost nothing; None: all bytes are billed.
    """

    per_gb_month: Decimal
    included_days: Days | None = None

    def billed_before(self, on: date) -> date | None:
        """Give the first data day that is included on a date: what is of an earlier day is billed. None: all is."""
        return None if self.included_days is None else cutoff(on, days=self.included_days)

    def is_billed(self, day: date, *, on: date) -> bool:
        """Whether data of that day is billed on that date: it is older than the included days, as jobs count age."""
        before = self.billed_before(on)
        return before is None or day < before


@dataclass(frozen=True, slots=True)
class RateCard:
    """Prices of all four data types in one currency."""

    currency: str
    prices: Mapping[DataType, Price]


def make_card(currency: str, prices: Mapping[DataType, Price]) -> RateCard:
    """Accept a rate card.

    Raises:
        InputInvalid: unknown currency, a data type without a price, a price out of range, an impossible age, or an age
            up to which desktop recordings would be included; the message says which.
    """
    if currency not in MINOR_UNITS:
        raise InputInvalid(
            f"There is no currency {currency!r} here: use an ISO 4217 code such as USD or EUR.", field="currency"
        )
    for kind in DataType:
        if kind not in prices:
            raise InputInvalid(f"Give a price for {kind}; 0 where it costs nothing.", field=kind)
        price = prices[kind]
        if not price.per_gb_month.is_finite() or not 0 <= price.per_gb_month <= _DEAREST:
            raise InputInvalid(f"The price of {kind} must be from 0 to {_DEAREST:,} per GB-month.", field=kind)
        exponent = price.per_gb_month.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > _PRICE_DECIMALS:
            raise InputInvalid(f"The price of {kind} has at most {_PRICE_DECIMALS} decimals.", field=kind)
        if price.included_days is None:
            continue
        if kind is DataType.DESKTOP:
            raise InputInvalid("Desktop recordings are always billed: they have no included days.", field=kind)
        if not 1 <= price.included_days <= MOST_INCLUDED:
            raise InputInvalid(f"The included days of {kind} must be from 1 to {MOST_INCLUDED}.", field=kind)
    return RateCard(currency, {kind: prices[kind] for kind in DataType})


def parse_price(text: str, *, field: str) -> Decimal:
    """Read a price written with digits and at most one point.

    Raises:
        InputInvalid: it is none; a comma, a sign, an exponent or a currency in it would leave room for doubt.
    """
    try:
        if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,9})?", text):
            raise ValueError(text)
        return Decimal(text)
    except (ValueError, InvalidOperation) as exc:
        raise InputInvalid(f"{text!r} is not a price: write it like 0.023, with a point.", field=field) from exc


def _rounded(exact: Fraction, *, unit: Decimal) -> Decimal:
    """Round to a multiple of a power of ten, half to even, without passing through an inexact number."""
    exponent = unit.as_tuple().exponent
    scale = 10 ** -int(exponent)
    return Decimal(round(exact * scale)).scaleb(int(exponent))  # round() of a Fraction is exact, half to even


def gb_months(byte_days: int, *, days: int) -> Decimal:
    """Turn byte-days of a month into GB-months, rounded half to even to six decimals.

    Args:
        byte_days: bytes at rest, added up over the dates.
        days: days of the month.
    """
    return _rounded(Fraction(byte_days, days * GB), unit=QUANTITY_UNIT)


def cost(quantity: Decimal, *, price: Decimal, currency: str) -> Money:
    """Give the amount for a quantity of GB-months, rounded half to even to the smallest unit."""
    exact = Fraction(quantity) * Fraction(price) * 10 ** MINOR_UNITS[currency]
    return Money(currency, round(exact))


def monthly_cost(billed_bytes: int, *, price: Price, currency: str) -> Money:
    """Give what so many billed bytes cost if they lie there for a whole month, for forecasts and what-if."""
    return cost(gb_months(billed_bytes, days=1), price=price.per_gb_month, currency=currency)


def shared_out(whole: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number out by weights so that the shares add up to it: largest remainder, first comes first.

    Args:
        whole: what is shared out, not negative.
        weights: not negative; where all are 0, `whole` has to be 0 too.
    """
    total = sum(weights)
    if total == 0:
        if whole:
            raise ValueError("nobody to share it out to")
        return [0] * len(weights)
    shares = [whole * weight // total for weight in weights]
    rest = whole - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(whole * weights[at] % total), at))
    for at in by_remainder[:rest]:
        shares[at] += 1
    return shares


@dataclass(frozen=True, slots=True)
class Usage:
    """What one Q and data type had at rest over the dates of a month that were metered.

    Attributes:
        queue: the Q's number.
        data_type: which of the four.
        byte_days: bytes at rest, added up over the dates.
        billed_byte_days: of them, those not included by the price.
    """

    queue: int
    data_type: DataType
    byte_days: int
    billed_byte_days: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one Q has of a line; `amount` is None where there is no price."""

    queue: int
    byte_days: int
    billed_byte_days: int
    quantity: Decimal
    amount: Money | None


@dataclass(frozen=True, slots=True)
class Line:
    """One data type of a statement.

    Attributes:
        data_type: which of the four.
        price: what applied; None where there was no rate card.
        byte_days, billed_byte_days: the sums of its shares.
        quantity: billed GB-months.
        amount: quantity times price; None where there was no rate card.
        shares: by Q, in the order of their numbers; they add up to the line.
    """

    data_type: DataType
    price: Price | None
    byte_days: int
    billed_byte_days: int
    quantity: Decimal
    amount: Money | None
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """What an organization's storage cost in a month, or has cost so far.

    Attributes:
        month: which.
        through: last date metered; None where none was.
        card: the rate card that applied; None where there was none, and then nothing has an amount.
        lines: one for each data type, in the order of `DataType`.
    """

    month: Month
    through: date | None
    card: RateCard | None
    lines: tuple[Line, ...]

    @property
    def total(self) -> Money | None:
        """The sum of the lines; None where there was no rate card."""
        if self.card is None:
            return None
        return Money(self.card.currency, sum(line.amount.minor for line in self.lines if line.amount is not None))

    @property
    def is_whole(self) -> bool:
        """Whether every date of the month is in it."""
        return self.through == self.month.last


def make_statement(usages: Iterable[Usage], *, month: Month, through: date | None, card: RateCard | None) -> Statement:
    """Make the statement of a month from what was metered.

    Args:
        usages: at most one for each Q and data type, counted under this very card; without a card all bytes are billed.
        month: which.
        through: last date that is in them.
        card: the rate card of the organization in that month, if there is one.
    """
    by_type: dict[DataType, list[Usage]] = {kind: [] for kind in DataType}
    for usage in usages:
        by_type[usage.data_type].append(usage)
    lines = tuple(_line(kind, found, days=month.days, card=card) for kind, found in by_type.items())
    return Statement(month, through, card, lines)


def _line(kind: DataType, usages: list[Usage], *, days: int, card: RateCard | None) -> Line:
    usages = sorted(usages, key=lambda one: one.queue)
    weights = [one.billed_byte_days for one in usages]
    billed = sum(weights)
    quantity = gb_months(billed, days=days)
    price = None if card is None else card.prices[kind]
    amount = None if card is None or price is None else cost(quantity, price=price.per_gb_month, currency=card.currency)
    units = shared_out(int(quantity / QUANTITY_UNIT), weights)
    minors: Sequence[int | None] = [None] * len(usages) if amount is None else shared_out(amount.minor, weights)
    return Line(
        data_type=kind,
        price=price,
        byte_days=sum(one.byte_days for one in usages),
        billed_byte_days=billed,
        quantity=quantity,
        amount=amount,
        shares=tuple(
            Share(
                queue=one.queue,
                byte_days=one.byte_days,
                billed_byte_days=one.billed_byte_days,
                quantity=unit * QUANTITY_UNIT,
                amount=None if amount is None or minor is None else Money(amount.currency, minor),
            )
            for one, unit, minor in zip(usages, units, minors, strict=True)
        ),
    )

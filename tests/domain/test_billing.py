"""Money and GB-months: exact, and everything on the paper adds up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.billing import (
    GB,
    MINOR_UNITS,
    Money,
    Month,
    Price,
    RateCard,
    Usage,
    cost,
    gb_months,
    make_card,
    make_statement,
    month_of,
    parse_month,
    parse_price,
    shared_out,
    starts_at,
)
from ebbtide.domain.calendar import Days, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid

prices = st.decimals(min_value=0, max_value=1_000_000, places=9)
months = st.builds(Month, st.integers(1980, 2100), st.integers(1, 12))
usages = st.dictionaries(
    st.tuples(st.integers(1, 9), st.sampled_from(DataType)),
    st.tuples(st.integers(0, 10**17), st.integers(0, 10**17)).map(sorted),
    max_size=20,
).map(lambda found: [Usage(queue, kind, most, least) for (queue, kind), (least, most) in found.items()])


@st.composite
def cards(draw: st.DrawFn) -> RateCard:
    return RateCard(
        draw(st.sampled_from(sorted(MINOR_UNITS))),
        {
            kind: Price(draw(prices), None if kind is DataType.DESKTOP else Days(draw(st.integers(1, 5000))))
            for kind in DataType
        },
    )


@given(usages, months, st.none() | cards())
def test_a_statement_adds_up_to_the_cent(found: list[Usage], month: Month, card: RateCard | None) -> None:
    made = make_statement(found, month=month, through=month.last, card=card)
    assert [line.data_type for line in made.lines] == list(DataType)
    for line in made.lines:
        assert sum(one.byte_days for one in line.shares) == line.byte_days
        assert sum(one.billed_byte_days for one in line.shares) == line.billed_byte_days
        assert sum((one.quantity for one in line.shares), Decimal(0)) == line.quantity
        assert all(one.quantity >= 0 for one in line.shares)
        if card is None:
            assert line.amount is None
            continue
        assert line.price is not None
        assert line.amount == cost(line.quantity, price=line.price.per_gb_month, currency=card.currency)
        exact = Fraction(line.quantity) * Fraction(line.price.per_gb_month)
        assert abs(Fraction(line.amount.amount) - exact) <= Fraction(1, 2 * 10 ** MINOR_UNITS[card.currency])
        amounts = [one.amount for one in line.shares if one.amount is not None]
        assert sum(one.minor for one in amounts) == line.amount.minor or not line.shares
        for one in line.shares:  # nobody is more than a unit away from their part
            assert one.amount is not None
            part = Fraction(line.amount.minor * one.billed_byte_days, max(1, line.billed_byte_days))
            assert abs(one.amount.minor - part) < 1
    total = made.total
    if card is None:
        assert total is None
    else:
        assert total == Money(card.currency, sum(line.amount.minor for line in made.lines if line.amount is not None))


@given(st.integers(0, 10**20), months)
def test_gb_months_are_within_half_a_millionth(byte_days: int, month: Month) -> None:
    exact = Fraction(byte_days, month.days * GB)
    assert abs(Fraction(gb_months(byte_days, days=month.days)) - exact) <= Fraction(1, 2 * 10**6)


def test_rounding_is_half_to_even() -> None:
    assert gb_months(500 * 30, days=30) == Decimal("0.000000")
    assert gb_months(1500 * 30, days=30) == Decimal("0.000002")
    assert gb_months(2500 * 30, days=30) == Decimal("0.000002")
    assert cost(Decimal("0.5"), price=Decimal("0.01"), currency="USD").minor == 0
    assert cost(Decimal("1.5"), price=Decimal("0.01"), currency="USD").minor == 2
    assert cost(Decimal("2.5"), price=Decimal(1), currency="JPY").minor == 2
    assert cost(Decimal("2.0005"), price=Decimal(1), currency="KWD").minor == 2000


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**15), min_size=1, max_size=30))
def test_shares_add_up(whole: int, weights: list[int]) -> None:
    if not any(weights):
        with pytest.raises(ValueError, match="nobody"):
            shared_out(whole + 1, weights)
        return
    shares = shared_out(whole, weights)
    assert sum(shares) == whole
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(whole * weight, sum(weights))) < 1
        assert weight or not share


def test_money_looks_like_its_currency() -> None:
    assert str(Money("USD", 123456)) == "1,234.56 USD"
    assert str(Money("JPY", 1234)) == "1,234 JPY"
    assert str(Money("KWD", -5)) == "-0.005 KWD"


# Months and their dates


@pytest.mark.parametrize(
    "text",
    ["2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "2026/01", "", " 2026-01", "1970-12", "\u0662026-01"],
)
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(InputInvalid, match="YYYY-MM"):
        parse_month(text, field="month")


def test_months_follow_each_other() -> None:
    assert parse_month("2024-02", field="month").days == 29
    assert str(Month(2025, 12).next) == "2026-01"
    assert str(Month(2026, 1).previous) == "2025-12"
    assert month_of(date(2026, 2, 28)).last == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 4, 5), datetime(2026, 4, 4, 13, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 4, 6), datetime(2026, 4, 5, 13, 30, tzinfo=UTC)),
        ("Asia/Beirut", date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC)),  # midnight is skipped
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),  # never was: as the day after
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_when_a_date_begins(zone: str, day: date, begins: datetime) -> None:
    assert starts_at(day, zone=parse_zone(zone)) == begins


@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Beirut", "Asia/Kathmandu"]),
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
)
def test_the_first_moment_is_of_the_date_and_the_one_before_is_not(zone: str, day: date) -> None:
    moment = starts_at(day, zone=parse_zone(zone))
    assert moment.astimezone(parse_zone(zone)).date() == day
    assert (moment - timedelta(microseconds=1)).astimezone(parse_zone(zone)).date() < day


# Ages and cards


def test_what_is_included_is_what_a_job_of_those_days_would_keep() -> None:
    price = Price(Decimal(1), Days(400))
    on = date(2026, 11, 24)
    assert not price.is_billed(on - timedelta(days=400), on=on)
    assert price.is_billed(on - timedelta(days=401), on=on)
    assert Price(Decimal(1)).is_billed(on, on=on)


def card(**more: Price) -> dict[DataType, Price]:
    return {kind: more.get(kind, Price(Decimal(1))) for kind in DataType}


@pytest.mark.parametrize(
    ("currency", "given", "field"),
    [
        ("usd", card(), "currency"),
        ("", card(), "currency"),
        ("USD", {DataType.AUDIO: Price(Decimal(1))}, "insights"),
        ("USD", card(audio=Price(Decimal(-1))), "audio"),
        ("USD", card(audio=Price(Decimal("NaN"))), "audio"),
        ("USD", card(audio=Price(Decimal("Infinity"))), "audio"),
        ("USD", card(audio=Price(Decimal("1000000.01"))), "audio"),
        ("USD", card(audio=Price(Decimal("0.0000000001"))), "audio"),
        ("USD", card(audio=Price(Decimal(1), Days(0))), "audio"),
        ("USD", card(audio=Price(Decimal(1), Days(5001))), "audio"),
        ("USD", card(desktop=Price(Decimal(1), Days(400))), "desktop"),
    ],
)
def test_cards_that_cannot_be(currency: str, given: dict[DataType, Price], field: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        make_card(currency, given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "text", ["", "-1", "1,5", "1e3", "NaN", "Infinity", " 1", "1.", ".5", "1.0000000001", "\u0664", "$1"]
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(InputInvalid, match=r"like 0\.023"):
        parse_price(text, field="audio")

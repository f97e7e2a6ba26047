"""The forecast against brute force: where the future is known it must be right to the byte."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.billing import Month, Price, RateCard, month_of
from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.cell import DataType
from ebbtide.domain.forecast import Course, Held, Stream, foretell, settled, together
from ebbtide.domain.pace import Pace, Spread, pace_of, spread_of, whole_weeks
from ebbtide.domain.whatif import (
    Terms,
    Treated,
    curve,
    exchanged,
    first_night,
    month_costs,
    outlook,
    settled_cost,
)

TODAY = date(2026, 11, 24)
BILLED = Price(Decimal("0.02"))
CARD = RateCard(
    "USD",
    {
        DataType.INSIGHTS: Price(Decimal("0.05"), Days(400)),
        DataType.AUDIO: Price(Decimal("0.02"), Days(40)),
        DataType.TRANSCRIPT: Price(Decimal("0.02"), Days(400)),
        DataType.DESKTOP: Price(Decimal("0.04")),
    },
)
GB = 10**9
STILL = Pace()
sizes = st.integers(0, 5 * GB)
stocks = st.lists(sizes, min_size=1, max_size=120)
paces = st.lists(sizes, min_size=7, max_size=7).map(lambda values: Pace(tuple(values), 56))
periods = st.none() | st.integers(1, 150).map(Days)
ages = st.none() | st.integers(1, 120).map(Days)


def stream(
    stock: Sequence[int], pace: Pace = STILL, *, kind: DataType = DataType.DESKTOP, tonight: bool = False
) -> Stream:
    return Stream(
        data_type=kind,
        first=TODAY - timedelta(days=len(stock) - 1),
        stock=stock,
        pace=pace,
        next_night=TODAY if tonight else TODAY + timedelta(days=1),
    )


def terms(card: RateCard = CARD, *, months: int = 3) -> Terms:
    return Terms(running=month_of(TODAY), since=TODAY + timedelta(days=1), metered={}, cards=[card] * (months + 1))


def lived(one: Stream, *, days: Days | None, price: Price, until: date) -> dict[date, tuple[int, int]]:
    """Live through every day: what is at rest at the first moment of each date, and what of it is billed."""
    there = {one.first + timedelta(days=place): size for place, size in enumerate(one.stock)}
    there[one.today] = max(there[one.today], one.pace.on(one.today))
    found = {}
    on = one.today
    if on >= one.next_night and days is not None:
        there = {day: size for day, size in there.items() if day >= cutoff(on, days=days)}
    while on < until:
        on += timedelta(days=1)
        billed = sum(size for day, size in there.items() if price.is_billed(day, on=on))
        found[on] = (sum(there.values()), billed)
        if days is not None:
            there = {day: size for day, size in there.items() if day >= cutoff(on, days=days)}
        there[on] = one.pace.on(on)
    return found


@given(stocks, paces, periods, ages, st.booleans())
def test_a_known_future_is_foretold_to_the_byte(
    stock: list[int], pace: Pace, days: Days | None, included: Days | None, tonight: bool
) -> None:
    one, price = stream(stock, pace, tonight=tonight), Price(Decimal(1), included)
    months = foretell(one, days=days, prices=[price] * 4, running=month_of(TODAY), since=TODAY + timedelta(days=1))
    by_hand = lived(one, days=days, price=price, until=months[-1].last)
    assert months[0].first == TODAY + timedelta(days=1)
    for month in months:
        dates = [on for on in by_hand if month.first <= on <= month.last]
        assert month.byte_days.expected == sum(by_hand[on][0] for on in dates)
        assert month.billed.expected == sum(by_hand[on][1] for on in dates)
        after = month.last + timedelta(days=1)
        if after in by_hand:
            assert month.at_end.expected == by_hand[after][0]


@given(stocks, st.integers(1, 150).map(Days))
def test_without_inflow_what_is_there_runs_off(stock: list[int], days: Days) -> None:
    one = stream(stock)
    course = Course(one, until=TODAY + timedelta(days=300))
    assert course.at_end(TODAY, days=days) == Held(known=sum(stock))  # what is due and waits is there till it goes
    for ahead in range(1, 300):
        on = TODAY + timedelta(days=ahead)
        left = [size for place, size in enumerate(stock) if one.first + timedelta(days=place) >= cutoff(on, days=days)]
        assert course.at_end(on, days=days) == Held(known=sum(left))
    assert course.at_end(TODAY + timedelta(days=days + 1), days=days).expected == 0


@given(stocks, paces, periods, st.integers(0, 60))
def test_longer_retention_never_costs_less(stock: list[int], pace: Pace, days: Days | None, more: int) -> None:
    longer = None if days is None else Days(days + more)
    for kind in DataType:
        one = stream(stock, pace, kind=kind)
        short, long = (month_costs(outlook([(one, period)], terms=terms()), terms=terms()) for period in (days, longer))
        assert all(less.minor <= much.minor for less, much in zip(short, long, strict=True))


@given(st.lists(st.tuples(stocks, paces), min_size=1, max_size=4), periods)
def test_the_sum_over_qs_is_the_whole(parts: list[tuple[list[int], Pace]], days: Days | None) -> None:
    longest = max(len(stock) for stock, _pace in parts)
    padded = [[0] * (longest - len(stock)) + stock for stock, _pace in parts]
    whole = [sum(column) for column in zip(*padded, strict=True)]
    pace = sum((pace for _stock, pace in parts), Pace())
    # today's rest is each Q's own: what one has too much of does not make up for another
    if any(stock[-1] > one.on(TODAY) for stock, one in parts):
        for stock in padded:
            stock[-1] = 0
        whole[-1] = 0
    each = [foretold(stream(stock, one), days) for stock, (_own, one) in zip(padded, parts, strict=True)]
    assert together(each) == foretold(stream(whole, pace), days)


def foretold(one: Stream, days: Days | None) -> list[object]:
    return list(  # type: ignore[return-value]
        foretell(one, days=days, prices=[BILLED] * 4, running=month_of(TODAY), since=TODAY + timedelta(days=1))
    )


@given(stocks, paces, periods, st.lists(sizes, max_size=60))
def test_the_band_holds_the_centre(stock: list[int], pace: Pace, days: Days | None, weeks: list[int]) -> None:
    spread = spread_of(weeks, pace=pace)
    assert spread.low <= 1 <= spread.high
    view = outlook([(stream(stock, pace), days)], terms=terms())
    low, middle, high = (
        month_costs(view, terms=terms(), shares=shares)
        for shares in ({DataType.DESKTOP: spread.low}, None, {DataType.DESKTOP: spread.high})
    )
    assert all(a.minor <= b.minor <= c.minor for a, b, c in zip(low, middle, high, strict=True))


@given(st.lists(sizes, max_size=200))
def test_a_pace_lies_within_what_came(daily: list[int]) -> None:
    pace = pace_of(daily, last=TODAY - timedelta(days=1))
    recent = daily[-56:]
    assert pace.days == len(recent)
    assert all(min(recent, default=0) <= amount <= max(recent, default=0) for amount in pace.by_weekday)


@given(sizes, st.integers(1, 80))
def test_the_same_every_day_is_its_own_pace(size: int, days: int) -> None:
    pace = pace_of([size] * days, last=TODAY)
    assert pace.by_weekday == (size,) * 7
    assert spread_of(whole_weeks([size] * 400), pace=pace) == (
        Spread(Fraction(1), Fraction(1), 52) if size else Spread()
    )


def test_holidays_and_floods_are_left_out() -> None:
    last = TODAY - timedelta(days=1)
    daily = [100] * 56
    daily[3] = daily[10] = 0  # two holidays on one weekday
    daily[20], daily[27] = 10_000, 9_000
    assert pace_of(daily, last=last).by_weekday == (100,) * 7


def test_what_comes_only_now_and_then_is_no_outlier() -> None:
    daily = [0] * 56
    daily[5] = daily[26] = 560
    pace = pace_of(daily, last=TODAY)
    assert pace.weekly * 8 == 1120


def test_a_first_week_counts_as_usual_for_weekdays_not_seen() -> None:
    pace = pace_of([70, 70, 70], last=TODAY)
    assert pace.by_weekday == (70,) * 7
    assert pace.is_short


def test_growth_widens_the_band_upwards() -> None:
    weeks = [700 + 10 * week for week in range(40)]
    pace = Pace((150,) * 7, 56)
    spread = spread_of(weeks, pace=pace)
    assert spread.high > 1
    assert spread.high >= 1 / spread.low


def test_settled_is_what_a_long_time_comes_to() -> None:
    pace = Pace((7, 6, 5, 4, 3, 2, 1), 56)
    for price in (BILLED, Price(Decimal(1), Days(5))):
        one = stream([0], pace)
        course = Course(one, until=TODAY + timedelta(days=200))
        dates = [TODAY + timedelta(days=100 + place) for place in range(7)]
        mean = Fraction(sum(course.billed(on, days=Days(20), price=price).expected for on in dates), 7)
        assert mean == settled(pace, days=Days(20), price=price)
    assert settled(pace, days=Days(4), price=Price(Decimal(1), Days(5))) == 0


@given(stocks, paces, periods, periods, paces)
def test_what_a_change_leaves_alone_counts_on_both_sides(
    stock: list[int], pace: Pace, days: Days | None, changed: Days | None, other: Pace
) -> None:
    touched, alone = stream(stock, pace), stream([5 * GB, GB], other)
    whole = outlook([(touched, days), (alone, Days(30))], terms=terms())
    turned = exchanged(
        whole,
        without=outlook([(touched, days)], terms=terms()),
        with_=outlook([(touched, changed)], terms=terms()),
    )
    assert turned == outlook([(touched, changed), (alone, Days(30))], terms=terms())


def test_the_first_night_takes_what_is_newly_due() -> None:
    one = stream([GB] * 100)
    treated = [Treated(stream=one, now=Days(60), after=Days(30))]
    night = first_night(treated, card=CARD)
    assert night.bytes == 30 * GB
    assert night.monthly.minor == 30 * 4
    assert first_night([Treated(stream=one, now=Days(30), after=Days(60))], card=CARD).bytes == 0


def test_a_curve_rises_to_where_other_jobs_decide() -> None:
    one = stream([GB] * 100, Pace((GB,) * 7, 56))
    treated = [Treated(stream=one, now=Days(60), after=Days(30), besides=Days(60), reached=True)]
    points = curve(treated, terms=terms())
    assert [point.settled.minor for point in points] == sorted(point.settled.minor for point in points)
    by_days = {point.days: point for point in points}
    assert by_days[Days(60)].settled == by_days[Days(5000)].settled
    assert by_days[Days(30)].settled.minor == 31 * 4
    assert by_days[Days(30)].settled == settled_cost([(one, Days(30))], card=CARD)


def test_kept_for_ever_never_settles() -> None:
    one = stream([GB], Pace((GB,) * 7, 56))
    assert settled_cost([(one, None)], card=CARD) is None
    assert settled_cost([(stream([GB]), None)], card=CARD) is not None


def test_a_month_is_priced_with_what_was_metered_of_it() -> None:
    one = stream([10 * GB])
    known = Terms(
        running=Month(2026, 11),
        since=TODAY + timedelta(days=1),
        metered={DataType.DESKTOP: 24 * 10 * GB},
        cards=[CARD, CARD],
    )
    costs = month_costs(outlook([(one, None)], terms=known), terms=known)
    assert [money.minor for money in costs] == [40, 40]  # 10 GB for 30 and for 31 days


def test_weeks_that_were_mostly_empty_give_a_band_and_no_fault() -> None:
    spread = spread_of([0] * 11 + [700], pace=Pace((1,) * 7, 90))
    assert spread.low == 0
    assert spread.high >= 1

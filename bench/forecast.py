"""The forecast against months it has not seen: generated centres, held back from a date on.

Nothing of it needs a database: what came in is drawn by the demo's generator (weekdays, seasons, holidays, noise), a
growing centre by the same with two per cent more each month.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from ebbtide.apps.demo.calls import generate_days
from ebbtide.apps.demo.centre import HARBOUR, LANTERNFISH, Centre
from ebbtide.domain.billing import Price, month_of
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.forecast import Held, Stream, foretell, together
from ebbtide.domain.pace import Pace, Spread, pace_of, spread_of, whole_weeks

FIRST, DAYS, SEGMENTS = date(2023, 10, 1), 1_150, 220_000
ORIGINS = 12
AHEAD = (1, 3, 6)
PERIODS: tuple[Days | None, ...] = (None, Days(400), Days(90))
GROWTH = 1.02 ** (1 / 30.4)
BILLED = Price(Decimal(1))
Daily = dict[tuple[str, DataType], list[int]]


def came_in(centre: Centre, *, growth: float = 1.0) -> Daily:
    """Bytes by Q and type, a day each: report rows, audio of what was said, and screens of every tenth call."""
    last = FIRST + timedelta(days=DAYS - 1)
    frames = [
        frame.select(
            "queue",
            "day",
            pl.lit(700).alias("insights"),
            (pl.col("talk_s").fill_null(0) * 4_000).alias("audio"),
            (pl.col("talk_s").fill_null(0) * 40).alias("transcript"),
            ((pl.col("line") % 10 == 0) * pl.col("talk_s").fill_null(0) * 60_000).alias("desktop"),
        )
        for frame, _events in generate_days(centre, first=FIRST, last=last, segments=SEGMENTS, seed=7)
    ]
    sums = pl.concat(frames).drop_nulls("day").group_by("queue", "day").agg(pl.exclude("queue", "day").sum())
    found: Daily = {}
    for queue, day, *amounts in sums.iter_rows():
        place = (day - FIRST).days
        if 0 <= place < DAYS:
            for kind, amount in zip(DataType, amounts, strict=True):
                found.setdefault((queue, kind), [0] * DAYS)[place] = round(amount * growth**place)
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """One forecast of bytes at rest against what came: months ahead, relative error, whether within the band."""

    ahead: int
    period: Days | None
    error: float
    within: bool


def _origins() -> Iterator[date]:
    """The last of each of twelve months that have six more behind them."""
    day = FIRST + timedelta(days=DAYS - 1)
    found = []
    while len(found) < ORIGINS + max(AHEAD) + 1:
        day = day.replace(day=1) - timedelta(days=1)
        found.append(day)
    yield from found[max(AHEAD) :][:ORIGINS]


def _stream(series: list[int], *, kind: DataType, period: Days | None, today: date) -> Stream:
    known = series[: (today - FIRST).days + 1]
    oldest = 0 if period is None else max(0, len(known) - 1 - period)
    return Stream(
        data_type=kind,
        first=FIRST + timedelta(days=oldest),
        stock=known[oldest:],
        pace=pace_of(known[:-1], last=today - timedelta(days=1)),
        next_night=today + timedelta(days=1),
    )


def _spread(daily: Daily, *, kind: DataType, today: date) -> Spread:
    upto = (today - FIRST).days
    weeks, pace = [], Pace()
    for (_queue, type_), series in daily.items():
        if type_ is kind:
            own = whole_weeks(series[:upto])
            weeks = [sum(pair) for pair in zip(weeks, own, strict=True)] if weeks else own
            pace += pace_of(series[:upto], last=today - timedelta(days=1))
    return spread_of(weeks, pace=pace)


def look_back(daily: Daily) -> Iterator[Seen]:
    """Forecast from twelve dates, and look what came one, three and six months later."""
    for today in _origins():
        spreads = {kind: _spread(daily, kind=kind, today=today) for kind in DataType}
        for period in PERIODS:
            expected, low, high, actual = (dict.fromkeys(AHEAD, 0) for _ in range(4))
            for kind in DataType:
                parts = [
                    foretell(
                        _stream(series, kind=kind, period=period, today=today),
                        days=period,
                        prices=[BILLED] * (max(AHEAD) + 1),
                        running=month_of(today),
                        since=today,
                    )
                    for (_queue, type_), series in daily.items()
                    if type_ is kind
                ]
                months = together(parts)
                for ahead in AHEAD:
                    held: Held = months[ahead].at_end
                    expected[ahead] += held.expected
                    low[ahead] += held.at(spreads[kind].low)
                    high[ahead] += held.at(spreads[kind].high)
                    end = (months[ahead].last - FIRST).days
                    oldest = 0 if period is None else max(0, end - period)
                    actual[ahead] += sum(
                        sum(series[oldest : end + 1]) for (_q, type_), series in daily.items() if type_ is kind
                    )
            for ahead in AHEAD:
                error = (expected[ahead] - actual[ahead]) / actual[ahead]
                yield Seen(ahead, period, error, low[ahead] <= actual[ahead] <= high[ahead])


def measure() -> list[str]:
    """Tell the errors, by months ahead and period."""
    lines = []
    for name, growth in (("steady", 1.0), ("growing 2 % a month", GROWTH)):
        seen = [one for centre in (HARBOUR, LANTERNFISH) for one in look_back(came_in(centre, growth=growth))]
        for period in PERIODS:
            for ahead in AHEAD:
                own = [one for one in seen if one.period == period and one.ahead == ahead]
                mean = statistics.mean(abs(one.error) for one in own) * 100
                bias = statistics.mean(one.error for one in own) * 100
                within = sum(one.within for one in own) / len(own) * 100
                kept = "kept for ever" if period is None else f"{period} days"
                lines.append(
                    f"{name}, {kept}, {ahead} months ahead: {mean:.1f} % mean error, {bias:+.1f} % on average, "
                    f"worst {max(abs(one.error) for one in own) * 100:.1f} %, {within:.0f} % within the band"
                )
    return lines

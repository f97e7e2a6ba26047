"""A calendar of days, shaded by how much each holds: a block a year, a column a week, Monday on top.

Pure: amounts by day in, places and shades out; `components/heatmap.html` draws them. A day with nothing costs no
element of its own, so that a year weighs some kilobytes and not a hundred.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ebbtide.domain.cell import Amount

PITCH, SIDE = 13, 11
"""Distance from one day to the next, and the side of its square, in pixels."""
LEFT, TOP = 32, 18
"""Room for the names of weekdays and months, in pixels."""
SHADES = 5
YEARS_SHOWN = 3
_DAYS_A_WEEK = 7
_WEEKS = 54
WIDTH, HEIGHT = LEFT + _WEEKS * PITCH, TOP + _DAYS_A_WEEK * PITCH


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatDay:
    """A day with something on it: its place in pixels, its shade (1 to 5; 0 for a day that was missed), its amount."""

    day: date
    x: int
    y: int
    shade: int
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMonth:
    """A month's name over its first week: its first day, and where it stands."""

    first: date
    x: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatYear:
    """A year's block; `ground` is the SVG path of its empty days."""

    year: int
    days: tuple[HeatDay, ...]
    months: tuple[HeatMonth, ...]
    ground: str
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatStep:
    """A shade, and the items of the days that wear it: both ends are in it."""

    shade: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """The calendar.

    Attributes:
        years: the years shown, newest first.
        steps: the shades in use, faintest first, over all years.
        missed: whether some days shown were to be done and were not.
        other_years: the years not shown, newest first.
        weekdays: the rows' names: a date that falls on each, and where it stands.
        width, height: of a block, in pixels.
    """

    years: tuple[HeatYear, ...]
    steps: tuple[HeatStep, ...]
    missed: bool = False
    other_years: tuple[int, ...] = ()
    weekdays: tuple[HeatMonth, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


def heatmap(by_day: Mapping[date, Amount], *, missed: Collection[date] = (), newest: int | None = None) -> Heatmap:
    """Lay days out.

    Args:
        by_day: amounts of the days that have any.
        missed: days that were to be done; those without an amount are drawn empty, with a border.
        newest: the newest year to show; None for the newest there is.
    """
    amounts = {day: amount for day, amount in by_day.items() if amount.items}
    days = amounts.keys() | set(missed)
    years = sorted({day.year for day in days}, reverse=True)
    shown = [year for year in years if newest is None or year <= newest][:YEARS_SHOWN] or years[:YEARS_SHOWN]
    steps = steps_of([amount.items for amount in amounts.values()])
    blocks = tuple(
        _year(
            year,
            amounts={day: amount for day, amount in amounts.items() if day.year == year},
            missed={day for day in missed if day.year == year and day not in amounts},
            steps=steps,
        )
        for year in shown
    )
    monday = date(2024, 1, 1)
    return Heatmap(
        years=blocks,
        steps=steps,
        missed=any(not one.shade for block in blocks for one in block.days),
        other_years=tuple(year for year in years if year not in shown),
        weekdays=tuple(
            HeatMonth(first=monday + timedelta(days=row), x=TOP + row * PITCH + SIDE - 2)
            for row in range(0, _DAYS_A_WEEK, 2)
        ),
    )


def steps_of(values: Sequence[int]) -> tuple[HeatStep, ...]:
    """Divide values into at most five steps that hold about as many different ones each; the greatest is darkest."""
    distinct = sorted(set(values))
    count = min(SHADES, len(distinct))
    tops = [distinct[-(-len(distinct) * number // count) - 1] for number in range(1, count + 1)]
    lows = [distinct[0], *(top + 1 for top in tops[:-1])] if distinct else []
    return tuple(
        HeatStep(shade=SHADES - count + place + 1, low=low, high=top)
        for place, (low, top) in enumerate(zip(lows, tops, strict=True))
    )


def _year(
    year: int, *, amounts: Mapping[date, Amount], missed: Collection[date], steps: Sequence[HeatStep]
) -> HeatYear:
    found, ground, months = [], [], []
    day = date(year, 1, 1)
    offset = day.weekday()
    for number in range((date(year, 12, 31) - day).days + 1):
        week, row = divmod(number + offset, _DAYS_A_WEEK)
        x, y = LEFT + week * PITCH, TOP + row * PITCH
        if day.day == 1:
            # a month that begins in the middle of a week has its name over its first whole week
            months.append(HeatMonth(first=day, x=x if row == 0 or day.month == 1 else x + PITCH))
        amount = amounts.get(day, Amount())
        if amount.items or day in missed:
            shade = next((step.shade for step in steps if amount.items <= step.high), 0) if amount.items else 0
            found.append(HeatDay(day=day, x=x, y=y, shade=shade, items=amount.items, bytes=amount.bytes))
        else:
            ground.append(f"M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z")
        day += timedelta(days=1) if day < date.max else timedelta()
    return HeatYear(
        year=year,
        days=tuple(found),
        months=tuple(months),
        ground="".join(ground),
        items=sum(one.items for one in found),
        bytes=sum(one.bytes for one in found),
    )

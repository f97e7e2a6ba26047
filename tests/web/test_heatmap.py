"""The calendar's shapes: every day of every year has one place, and its shade says how much is on it."""

import re
from datetime import date, timedelta

import pytest

from ebbtide.domain.cell import Amount
from ebbtide.web.heatmap import LEFT, PITCH, TOP, WIDTH, HeatYear, heatmap, steps_of


def amounts(days: dict[date, int]) -> dict[date, Amount]:
    return {day: Amount(items, items * 10) for day, items in days.items()}


def block(year: int, *days: date) -> HeatYear:
    return heatmap(amounts(dict.fromkeys(days or [date(year, 7, 1)], 3))).years[0]


def places(year: HeatYear) -> set[tuple[int, int]]:
    ground = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h11v11h-11z", year.ground)}
    drawn = {(one.x, one.y) for one in year.days}
    assert not ground & drawn
    return ground | drawn


@pytest.mark.parametrize("year", [*range(2011, 2040), 1971, 9999])
def test_each_day_of_a_year_has_one_place_in_its_weekday_row(year: int) -> None:
    found = places(block(year))
    assert len(found) == (date(year, 12, 31) - date(year, 1, 1)).days + 1
    assert max(x for x, _y in found) + PITCH <= WIDTH
    for day in (date(year, 1, 1), date(year, 2, 28), date(year, 12, 31)):
        one = block(year, day).days[0]
        assert one.y == TOP + day.weekday() * PITCH
        weeks = (day - date(year, 1, 1) + timedelta(days=date(year, 1, 1).weekday())).days // 7
        assert one.x == LEFT + weeks * PITCH


def test_a_leap_day_is_there() -> None:
    assert block(2028, date(2028, 2, 29)).days[0].day == date(2028, 2, 29)


def test_months_stand_over_their_first_whole_week() -> None:
    months = block(2026).months
    assert [month.first.month for month in months] == list(range(1, 13))
    assert months[0].x == LEFT
    assert months[5].x == LEFT + 22 * PITCH  # 1 June 2026 is a Monday: its own week
    assert months[6].x == LEFT + 27 * PITCH  # 1 July 2026 is a Wednesday: the week after


def test_years_come_newest_first_and_three_at_once() -> None:
    days = {date(year, 5, 5): 1 for year in (2019, 2021, 2022, 2024, 2026)}
    shown = heatmap(amounts(days))
    assert [year.year for year in shown.years] == [2026, 2024, 2022]
    assert shown.other_years == (2021, 2019)
    earlier = heatmap(amounts(days), newest=2021)
    assert [year.year for year in earlier.years] == [2021, 2019]
    assert earlier.other_years == (2026, 2024, 2022)
    assert [year.year for year in heatmap(amounts(days), newest=1900).years] == [2026, 2024, 2022]


def test_shades_are_shared_out_and_the_greatest_is_darkest() -> None:
    steps = steps_of(list(range(1, 101)))
    assert [(step.shade, step.low, step.high) for step in steps] == [
        (1, 1, 20), (2, 21, 40), (3, 41, 60), (4, 61, 80), (5, 81, 100),
    ]  # fmt: skip
    assert [(step.shade, step.low, step.high) for step in steps_of([7, 7, 7])] == [(5, 7, 7)]
    assert [(step.shade, step.low, step.high) for step in steps_of([1, 1_000_000])] == [(4, 1, 1), (5, 2, 1_000_000)]
    assert steps_of([]) == ()


def test_every_value_has_the_shade_its_legend_says() -> None:
    values = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]
    days = {date(2026, 1, 1) + timedelta(days=place): value for place, value in enumerate(values)}
    shown = heatmap(amounts(days))
    for one in shown.years[0].days:
        assert [step.shade for step in shown.steps if step.low <= one.items <= step.high] == [one.shade]
    assert {one.shade for one in shown.years[0].days} == {1, 2, 3, 4, 5}


def test_what_was_missed_is_drawn_without_a_shade() -> None:
    done, not_done = date(2026, 1, 1), date(2025, 12, 31)
    shown = heatmap(amounts({done: 4}), missed=[done, not_done])
    assert [(one.day, one.shade) for year in shown.years for one in year.days] == [(done, 5), (not_done, 0)]
    assert shown.missed
    assert not heatmap(amounts({done: 4}), missed=[done]).missed


def test_nothing_makes_no_calendar() -> None:
    assert heatmap({}).years == ()

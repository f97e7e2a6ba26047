"""A nightly amount: oldest first, whole Qs of a day, nothing starved."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.amount import Rest, nights_to_go, tonights, used_up
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import Amount, Cell, DataType
from ebbtide.domain.plan import PlannedCell

FIRST = date(2026, 1, 1)
cells = st.dictionaries(
    st.tuples(st.integers(0, 5), st.sampled_from(list(DataType)), st.integers(1, 3)), st.integers(1, 9), max_size=40
).map(
    lambda found: [
        PlannedCell(Cell(FIRST + timedelta(days=day), kind, queue, items, 10 * items), job=1, days=Days(1))
        for (day, kind, queue), items in sorted(found.items())
    ]
)


def units(planned: list[PlannedCell]) -> dict[tuple[date, int], int]:
    found: Counter[tuple[date, int]] = Counter()
    for one in planned:
        found[one.cell.day, one.cell.queue] += one.cell.items
    return dict(sorted(found.items()))


@given(cells, st.integers(1, 60))
def test_what_fits_goes_oldest_first_and_the_rest_is_counted(due: list[PlannedCell], most: int) -> None:
    rest = Rest()
    taken = list(tonights(due, most=most, rest=rest))
    assert taken == [one for one in due if one in taken], "in the plan's order"
    went, all_of_it = units(taken), units(due)
    assert list(went.items()) == list(all_of_it.items())[: len(went)], "whole Qs of a day, from the oldest on"
    assert sum(went.values()) <= most or len(went) == 1
    assert bool(went) == bool(due), "something always goes"
    assert sum(one.cell.items for one in due) == sum(went.values()) + rest.left.items
    assert rest.left.bytes == 10 * rest.left.items
    if rest.left.items:
        following = list(all_of_it.values())[len(went)]
        assert sum(went.values()) + following > most, "no room is wasted"


@given(cells, st.integers(1, 60))
def test_nights_follow_each_other_until_all_is_gone(due: list[PlannedCell], most: int) -> None:
    left, nights = due, 0
    while left:
        taken = list(tonights(left, most=most, rest=Rest()))
        left = [one for one in left if one not in taken]
        nights += 1
    assert nights <= len(units(due))


@given(cells)
def test_without_an_amount_all_goes(due: list[PlannedCell]) -> None:
    rest = Rest()
    assert list(tonights(due, most=None, rest=rest)) == due
    assert rest.left == Amount()


def test_what_cannot_be_destroyed_does_not_use_the_amount_up() -> None:
    due = [
        PlannedCell(Cell(FIRST + timedelta(days=day), DataType.AUDIO, 1, 10, 10), job=1, days=Days(1))
        for day in range(4)
    ]
    taken = list(tonights(due, most=10, rest=Rest(), stuck={(FIRST, 1), (FIRST + timedelta(days=1), 1)}))
    assert [one.cell.day for one in taken] == [FIRST + timedelta(days=day) for day in range(3)]


@pytest.mark.parametrize(("items", "most", "nights"), [(0, 5, 0), (1, 5, 1), (5, 5, 1), (6, 5, 2), (6, None, 1)])
def test_nights_to_go(items: int, most: int | None, nights: int) -> None:
    assert nights_to_go(items, most=most) == nights


def test_it_says_what_is_left() -> None:
    assert used_up(12_000, most=5_000) == (
        "Tonight's amount (5,000 items) is used up: 12,000 more are due, about 3 more nights."
    )

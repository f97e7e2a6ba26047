"""The guards at their exact boundaries; None and 0 are different things."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.errors import CapExceeded, ClockUnsound, GapUnconfirmed
from ebbtide.domain.guard import Caps, Clocks, History, check_caps, check_clocks, check_gap

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("sign", [1, -1])
def test_host_and_database_may_be_120_seconds_apart_and_no_more(sign: int) -> None:
    apart = sign * timedelta(seconds=120)
    check_clocks(Clocks(NOW, NOW + apart, None))
    with pytest.raises(ClockUnsound, match="120 s"):
        check_clocks(Clocks(NOW, NOW + apart + sign * TICK, None))


def test_the_host_may_be_five_minutes_behind_its_last_good_reading_and_no_more() -> None:
    behind = timedelta(minutes=5)
    check_clocks(Clocks(NOW, NOW, NOW + behind))
    check_clocks(Clocks(NOW, NOW, NOW - timedelta(days=900)))
    with pytest.raises(ClockUnsound, match="behind its last good reading"):
        check_clocks(Clocks(NOW, NOW, NOW + behind + TICK))


def test_a_store_that_tells_the_time_is_asked_too() -> None:
    for ahead in (timedelta(seconds=120), timedelta(seconds=-120)):
        check_clocks(Clocks(NOW, NOW, None, store=NOW + ahead))
        with pytest.raises(ClockUnsound, match="object store's are 120 s apart") as refused:
            check_clocks(Clocks(NOW, NOW, None, store=NOW + ahead + (TICK if ahead > timedelta() else -TICK)))
        assert "store" in refused.value.facts


def test_no_last_reading_is_no_reading_to_be_behind_of() -> None:
    check_clocks(Clocks(NOW, NOW, None))


def test_twenty_percent_may_go_and_one_item_more_may_not() -> None:
    check_caps(Caps(), selected=200, population=1_000)
    with pytest.raises(CapExceeded) as refused:
        check_caps(Caps(), selected=201, population=1_000)
    assert refused.value.facts == {"limit": 200, "selected": 201, "population": 1_000}


@pytest.mark.parametrize(("population", "most"), [(4, 0), (5, 1), (9, 1), (10, 2)])
def test_a_share_of_few_items_is_rounded_down(population: int, most: int) -> None:
    check_caps(Caps(), selected=most, population=population)
    with pytest.raises(CapExceeded):
        check_caps(Caps(), selected=most + 1, population=population)


def test_none_is_no_limit_and_zero_lets_nothing_go() -> None:
    check_caps(Caps(share_percent=None, items=None), selected=10**9, population=1)
    for caps in (Caps(share_percent=0, items=None), Caps(share_percent=None, items=0)):
        check_caps(caps, selected=0, population=10)
        with pytest.raises(CapExceeded):
            check_caps(caps, selected=1, population=10**9)


def test_a_whole_share_lets_everything_go() -> None:
    check_caps(Caps(share_percent=100), selected=10, population=10)


def test_a_count_cap_holds_at_its_own_number() -> None:
    check_caps(Caps(items=7), selected=7, population=10**6)
    with pytest.raises(CapExceeded) as refused:
        check_caps(Caps(items=7), selected=8, population=10**6)
    assert refused.value.facts["limit"] == 7


@given(st.integers(0, 100), st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_passes_the_share_cap_is_never_above_it(percent: int, selected: int, population: int) -> None:
    try:
        check_caps(Caps(share_percent=percent), selected=selected, population=population)
    except CapExceeded:
        assert selected > population * percent / 100
    else:
        assert selected <= population * percent / 100


def test_36_hours_without_a_run_are_no_gap_and_a_moment_more_is_one() -> None:
    gap = timedelta(hours=36)
    check_gap(History(NOW - gap, usual_items=None), now=NOW, selected=10**9)
    with pytest.raises(GapUnconfirmed, match="no usual amount is known"):
        check_gap(History(NOW - gap - TICK, usual_items=None), now=NOW, selected=1)


def test_after_a_gap_twice_what_the_missed_nights_take_may_go_and_no_more() -> None:
    three_nights = History(NOW - timedelta(days=3), usual_items=10)
    check_gap(three_nights, now=NOW, selected=60)
    with pytest.raises(GapUnconfirmed) as refused:
        check_gap(three_nights, now=NOW, selected=61)
    assert refused.value.facts == {"limit": 60, "selected": 61}


def test_a_usual_amount_of_zero_is_known_and_lets_nothing_go() -> None:
    with pytest.raises(GapUnconfirmed, match="0 would be twice the usual"):
        check_gap(History(NOW - timedelta(days=3), usual_items=0), now=NOW, selected=1)


def test_nothing_due_is_never_a_gap_and_nor_is_a_first_run() -> None:
    check_gap(History(NOW - timedelta(days=300), usual_items=None), now=NOW, selected=0)
    check_gap(History(None, usual_items=None), now=NOW, selected=10**9)

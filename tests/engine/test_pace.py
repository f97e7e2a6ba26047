"""Batches follow the time they take; rates and hours are kept to; a plan is split whole."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.engine.batches import BatchSize
from ebbtide.engine.clock import FixedClock
from ebbtide.engine.split import MOST_SLICES, MOST_STRETCHES, DayWork, stretches
from ebbtide.engine.throttle import LOOK_AGAIN_S, Hours, Limits, Throttle
from tests.engine.night import PURGED, no_hurry, scene

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 11, 23, 9, tzinfo=UTC)


# -- batches


def test_a_slow_batch_halves_the_next_and_quick_ones_add_a_step() -> None:
    size = BatchSize.starting_at(1_000, most=2_000)
    size.took(0.3, items=1_000, target=0.2)
    assert size.size == 500
    sizes = []
    for _ in range(9):
        size.took(0.05, items=size.size, target=0.2)
        sizes.append(size.size)
    assert sizes == [700, 900, 1_100, 1_300, 1_500, 1_700, 1_900, 2_000, 2_000]


def test_neither_a_batch_on_target_nor_one_far_from_full_says_anything() -> None:
    size = BatchSize.starting_at(1_000, most=2_000)
    size.took(0.15, items=1_000, target=0.2)
    size.took(0.01, items=400, target=0.2)
    assert size.size == 1_000


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5_000)), max_size=50), st.integers(1, 5_000))
def test_a_batch_is_never_empty_and_never_too_large(taken: list[tuple[float, int]], start: int) -> None:
    size = BatchSize.starting_at(start, most=2 * start)
    for seconds, items in taken:
        size.took(seconds, items=items, target=0.2)
        assert 1 <= size.size <= 2 * start


@pytest.mark.parametrize("rows_a_second", [2_000, 40_000, 900_000])
def test_batches_settle_below_their_target_whatever_the_machine(rows_a_second: int) -> None:
    size = BatchSize.starting_at(50_000, most=100_000)
    took = []
    for _ in range(40):
        seconds = size.size / rows_a_second
        size.took(seconds, items=size.size, target=0.1)
        took.append(seconds)
    assert max(took[10:]) < 0.2 or size.size <= 1_000


# -- throttle


def throttle(limits: Limits, *, at: datetime = MORNING) -> tuple[Throttle, list[float], FixedClock, list[float]]:
    slept: list[float] = []
    clock, moment = FixedClock(at), [0.0]
    kept = Throttle(lambda: limits, zone=BERLIN, clock=clock, timer=lambda: moment[0], sleep=slept.append)
    return kept, slept, clock, moment


def test_a_rate_waits_for_what_a_batch_was_too_quick() -> None:
    kept, slept, _, _ = throttle(Limits(rows=100))
    kept.wait(250, rate=100, seconds=0.5, stop=lambda: False)
    assert sum(slept) == pytest.approx(2.0)
    assert max(slept) <= 0.5, "in short pieces, so that a stop is heard"
    slept.clear()
    kept.wait(250, rate=100, seconds=3.0, stop=lambda: False)
    kept.wait(250, rate=None, seconds=0.0, stop=lambda: False)
    kept.wait(250, rate=1, seconds=0.0, stop=lambda: True)
    assert slept == []


def test_a_batch_is_cut_down_to_a_second_of_its_rate() -> None:
    kept, _, _, _ = throttle(Limits())
    assert [kept.most(1_000, rate=rate) for rate in (None, 5_000, 10, 1)] == [1_000, 1_000, 10, 1]


def test_limits_are_read_again() -> None:
    read = []
    moment = [0.0]
    kept = Throttle(
        lambda: read.append(1) or Limits(rows=len(read)),  # type: ignore[func-returns-value]
        zone=BERLIN,
        clock=FixedClock(MORNING),
        timer=lambda: moment[0],
        sleep=lambda _: None,
    )
    assert [kept.limits.rows, kept.limits.rows] == [1, 1]
    moment[0] = LOOK_AGAIN_S
    assert kept.limits.rows == 2


NIGHT = Hours(time(22), time(6))
DAY = Hours(time(9), time(17))


@pytest.mark.parametrize(
    ("hours", "at", "allowed"),
    [
        (NIGHT, time(22), True),
        (NIGHT, time(5, 59, 59), True),
        (NIGHT, time(6), False),
        (NIGHT, time(21, 59), False),
        (NIGHT, time(0), True),
        (DAY, time(9), True),
        (DAY, time(16, 59), True),
        (DAY, time(17), False),
        (DAY, time(8, 59), False),
    ],
)
def test_hours_have_a_beginning_and_an_end(hours: Hours, at: time, allowed: bool) -> None:
    assert hours.contain(at) is allowed


def test_hours_are_the_organizations_own() -> None:
    limits = Limits(hours=(Hours(time(10), time(11)),))
    assert limits.allow(datetime(2026, 11, 23, 9, 30, tzinfo=UTC), zone=BERLIN)
    assert limits.allow(datetime(2026, 7, 23, 8, 30, tzinfo=UTC), zone=BERLIN), "an hour earlier in summer"
    assert not limits.allow(datetime(2026, 11, 23, 10, 30, tzinfo=UTC), zone=BERLIN)


def test_two_throttles_hold_side_by_side() -> None:
    one = Limits(rows=1_000, hours=(NIGHT,))
    both = one.beside(Limits(rows=300, objects=50, hours=(DAY,)), workers=2, others=10)
    assert both == Limits(rows=30, objects=5, hours=(NIGHT, DAY))
    assert Limits(rows=3).beside(Limits(), workers=8) == Limits(rows=1), "never nothing at all"
    assert one.beside(Limits(), workers=2) == Limits(rows=500, hours=(NIGHT,))


def test_outside_its_hours_a_run_rests_and_goes_on_later() -> None:
    night = scene()
    run = night.start()
    kept, _, clock, moment = throttle(Limits(hours=(NIGHT,)))
    assert night.carry(run, throttle=kept) is None
    assert (run.outcome, night.ours.book) == (None, ())
    assert (
        run.reason == "Paused: deletion is allowed from 22:00 to 06:00 (Europe/Berlin). The run goes on by itself then."
    )
    clock.moment = MORNING + timedelta(hours=13)
    moment[0] += LOOK_AGAIN_S
    numbers = night.carry(run, throttle=kept)
    assert numbers is not None
    assert (numbers.purged, run.outcome, run.reason) == (PURGED, "completed", "")


def test_the_hour_strikes_in_the_middle_and_the_run_rests_after_its_batch() -> None:
    night = scene()
    run = night.start()
    kept, _, clock, _ = throttle(Limits(rows=2, objects=2, hours=(DAY,)))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock.moment += timedelta(hours=1)

    kept._sleep = sleep
    while run.outcome is None:
        before = len(night.ours.book)
        if night.carry(run, throttle=kept) is None:
            assert "Paused" in run.reason
            clock.moment = datetime.combine(clock.moment.date() + timedelta(days=1), time(9), tzinfo=UTC)
        assert len(night.ours.book) > before
    assert run.numbers.purged == PURGED
    assert naps


# -- splitting

days = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 400)), max_size=40).map(
    lambda found: [DayWork(date(2026, 1, 1) + timedelta(days=3 * at), *one) for at, one in enumerate(found)]
)


@given(days, st.integers(1, 5_000))
def test_stretches_cover_each_day_once_in_order(work: list[DayWork], weight: int) -> None:
    found = stretches(work, weight=weight)
    covered = [day.day for stretch in found for day in work if stretch.first <= day.day <= stretch.last]
    assert covered == [day.day for day in work]
    assert all(one.last < other.first for one, other in pairwise(found))
    assert len(found) <= 2 * MOST_STRETCHES + 1
    for stretch in found:
        objects = sum(day.objects for day in work if stretch.first <= day.day <= stretch.last)
        assert bool(stretch.slices) == bool(objects)
        assert stretch.slices <= MOST_SLICES
    parts = [part for stretch in found for part in (*stretch.objects, stretch.rows)]
    assert len(set(parts)) == len(parts)


def test_no_hurry_holds_nothing_back() -> None:
    assert no_hurry().says() == ""

"""What happens in the midst of a night, at known steps, in memory and in PostgreSQL: changes of mind, new data, losses.

The same small night each time, so that each step is known: six calls of three old days, two of them recorded.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import OBJECT_TYPES, DataType
from ebbtide.engine import sweep, train
from ebbtide.pg.launcher import Urls
from tests.agreement.machine import noon_zone
from tests.agreement.worlds import QUIET, Disturbance, Limits, MemoryWorld, PostgresWorld, Row, World
from tests.engine.night import AtLast, Fault

OLD = (6, 7, 8)
BEFORE_THE_CLAIM, DESTROYING, ASKING_AGAIN, BEFORE_ROWS, BEFORE_MORE_ROWS = 4, 5, 7, 11, 12
"""Steps of that night: stretches, hold, open_claims, in_flight, claim, destroy, claim ahead, close, in_flight, claim,
hold, rows; where a batch is one object: in_flight, claim, destroy, claim ahead, ask again, destroy, close, …"""
UNLIMITED = Limits(share_percent=None)
T = TypeVar("T")
SAID = {
    "disarm": "not armed",
    "disarm and arm again": "arming have changed",
    "switch": "platform's kill switch is on",
    "stop": "organization's kill switch is on",
    "cancel": "was cancelled",
    "jobs": "jobs or arming have changed",
}


def night(world: World) -> World:
    """Six old calls and two new ones, everything older than 5 days due, and a plan that was confirmed."""
    world.load([Row(f"{back}/{number}", "north", back) for back in (1, *OLD) for number in range(2)])
    for back in (6, 7):
        world.record(f"{back}/0", kind=DataType.AUDIO, label=f"{back} audio")
    world.create_job("global", days=5, queues=())
    world.turn("armed", on=True)
    world.plan(0)
    world.confirm()
    return world


@pytest.fixture(autouse=True)
def few_rows_a_batch(database: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROWS_PER_BATCH", 2)


def nights(name: str, limits: Limits = UNLIMITED) -> tuple[World, World]:
    zone = noon_zone()
    today = local_day(datetime.now(UTC), zone=parse_zone(zone))
    return night(MemoryWorld(today=today, limits=limits)), night(PostgresWorld(name, zone=zone, limits=limits))


def both(worlds: tuple[World, World], deed: Callable[[World], T]) -> T:
    first, second = (deed(world) for world in worlds)
    assert first == second
    return first


def record(worlds: tuple[World, World], key: str, kind: DataType) -> None:
    both(worlds, lambda world: world.record(key, kind=kind, label=f"{key} {kind}"))


def run(disturbance: Disturbance) -> Callable[[World], str]:
    return lambda world: world.run(disturbance, stuck=frozenset(), skew=timedelta())


@pytest.mark.parametrize("change", list(SAID))
def test_nothing_more_goes(change: str) -> None:
    for at, objects, rows in (
        (BEFORE_THE_CLAIM, 0, 0),
        (DESTROYING, 2, 0),  # in flight: it comes to rest, and whoever turned the switch waits
        (BEFORE_ROWS, 2, 0),
        (BEFORE_MORE_ROWS, 2, 2),
    ):
        worlds = nights(f"{change} at {at}")
        neighbours = [world.neighbour() for world in worlds]
        assert both(worlds, run(Disturbance(at=at, change=change))) == "done"
        both(worlds, lambda world: world.state())
        for world in worlds:
            state = world.state()
            assert (len(state.rows), len(state.index), len(state.objects)) == (8 - rows, 2 - objects, 2 - objects)
            told = state.runs[-1]
            assert (told.outcome, told.purged, told.not_reached) == ("incomplete", objects + rows, 8 - objects - rows)
            assert SAID[change] in world.reason().lower()
            world.turn("platform", on=False)
        assert [world.neighbour() for world in worlds] == neighbours


@pytest.mark.parametrize("change", list(SAID))
def test_what_waits_behind_is_not_sent_and_is_served_again(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 1)
    worlds = nights(change)
    assert both(worlds, run(Disturbance(at=ASKING_AGAIN, change=change))) == "done"
    both(worlds, lambda world: world.state())
    for world in worlds:
        state = world.state()
        assert (len(state.index), len(state.objects), state.runs[-1].purged) == (1, 1, 1)
        assert SAID[change] in world.reason().lower()
        assert not state.claimed
        world.turn("platform", on=False)


def test_what_was_claimed_ahead_of_a_purged_day_is_not_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 1)
    worlds = nights("claimed")
    both(worlds, lambda world: world.record("7/1", kind=DataType.AUDIO, label="of a purged day"))
    both(worlds, lambda world: world.plan(0))
    both(worlds, lambda world: world.confirm())
    assert both(worlds, run(Disturbance(at=ASKING_AGAIN, change="cancel"))) == "done"
    assert [len(world.state().claimed) for world in worlds] == [1, 1]


def test_what_a_run_that_died_had_claimed_is_not_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches are claimed when it dies; of the second one, which waits again, nobody knows what became of it."""
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 1)
    worlds = nights("died", Limits(share_percent=None, beside=AtLast))
    assert both(worlds, run(Disturbance(at="destroy", fault=Fault.KILLED_BEFORE))) == "killed"
    assert [len(world.state().claimed) for world in worlds] == [2, 2]
    both(worlds, lambda world: world.resume(Disturbance(at="ask again", change="cancel"), stuck=frozenset()))
    state = both(worlds, lambda world: world.state())
    assert state.claimed == state.objects == {"6 audio"}
    assert [world.taken["give back"] for world in worlds] == [1, 1]


@pytest.mark.parametrize("change", list(SAID))
def test_a_process_that_died_destroying_has_its_deeds_written_down(change: str) -> None:
    """The objects are gone; whoever takes the run up tells so, even if nothing may be deleted by then."""
    worlds = nights(change)
    assert both(worlds, run(Disturbance(at=DESTROYING, fault=Fault.KILLED_AFTER))) == "killed"
    both(worlds, lambda world: world.resume(Disturbance(at=0, change=change), stuck=frozenset()))
    both(worlds, lambda world: world.state())
    for world in worlds:
        state = world.state()
        assert (len(state.rows), len(state.index), len(state.objects)) == (8, 0, 0)
        assert (state.runs[-1].outcome, state.runs[-1].purged, state.runs[-1].not_reached) == ("incomplete", 2, 6)
        assert SAID[change] in world.reason().lower()


def test_calls_that_come_after_the_plan_stay_and_so_do_all_of_their_cell() -> None:
    worlds = nights("more calls")
    both(worlds, lambda world: world.load([Row("7/late", "north", 7), Row("9/late", "north", 9)]))
    both(worlds, run(QUIET))
    state = both(worlds, lambda world: world.state())
    assert state.rows.keys() == {"1/0", "1/1", "7/0", "7/1", "7/late", "9/late"}
    assert (state.runs[-1].outcome, state.runs[-1].purged, state.runs[-1].kept) == ("incomplete", 4 + 2, 3)


def test_recordings_that_come_after_the_plan_stay_and_hold_their_calls_back() -> None:
    worlds = nights("more recordings")
    both(worlds, lambda world: world.record("7/1", kind=DataType.AUDIO, label="late"))
    both(worlds, run(QUIET))
    state = both(worlds, lambda world: world.state())
    assert state.objects == {"7 audio", "late"}
    assert state.rows.keys() == {"1/0", "1/1", "7/0", "7/1"}
    told = state.runs[-1]
    assert (told.outcome, told.purged, told.kept, told.failed) == ("incomplete", 4 + 1, 2, 2)


def test_a_slice_takes_its_own_objects_alone() -> None:
    """Day 7 has three recordings and so three slices; numbers that follow each other are one in each."""
    worlds = nights("slices", Limits(share_percent=None, stretch=20))
    for kind in (DataType.AUDIO, DataType.TRANSCRIPT):
        record(worlds, "7/1", kind)
    both(worlds, lambda world: world.plan(0))
    both(worlds, lambda world: world.confirm())
    assert both(worlds, run(QUIET)) == "done"
    state = both(worlds, lambda world: world.state())
    assert (state.runs[-1].outcome, state.runs[-1].purged, len(state.objects)) == ("completed", 6 + 4, 0)
    postgres = worlds[1]
    assert isinstance(postgres, PostgresWorld)
    assert sorted(map(len, filter(None, postgres.claimed))) == [1, 1, 1, 1]


def test_a_desktop_job_takes_desktop_recordings_of_its_q_alone() -> None:
    worlds = nights("desktop")
    every = [(key, kind) for key in ("1/0", "1/1", "south") for kind in OBJECT_TYPES]
    both(worlds, lambda world: world.load([Row("south", "south", 1)]))
    for key, kind in every:
        record(worlds, key, kind)
    both(worlds, lambda world: world.delete_job(0))
    both(worlds, lambda world: world.create_job("desktop", days=1, queues=["north"]))
    both(worlds, lambda world: world.load([Row("2/0", "north", 2)]))
    for kind in OBJECT_TYPES:
        record(worlds, "2/0", kind)
    before = both(worlds, lambda world: world.state())
    both(worlds, lambda world: world.plan(0))
    both(worlds, run(QUIET))
    state = both(worlds, lambda world: world.state())
    assert before.objects - state.objects == {"2/0 desktop"}
    assert state.rows == before.rows
    assert state.runs[-1].outcome == "completed"


@pytest.mark.parametrize("at", [4, 6, 7, 11, 12], ids=["claim", "claim ahead", "close", "rows", "more rows"])
def test_where_someone_was_first_once_the_same_run_goes_on_to_its_end(at: int) -> None:
    """Two recordings of two days are in one batch: tried again, it must not begin behind the first of them."""
    worlds = nights(f"first at {at}")
    assert both(worlds, run(Disturbance(at=at, fault=Fault.SERIALIZATION))) == "done"
    state = both(worlds, lambda world: world.state())
    assert state.rows.keys() == {"1/0", "1/1"}
    assert state.objects == frozenset()
    assert (state.runs[-1].outcome, state.runs[-1].purged) == ("completed", 8)


def test_a_batch_that_could_not_be_written_down_comes_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its recordings are of two days: the next claim must not begin behind the first of them."""
    monkeypatch.setattr(train, "ATTEMPTS", 1)
    worlds = nights("not written down")
    assert both(worlds, run(Disturbance(at="close", fault=Fault.SERIALIZATION))) == "done"
    state = both(worlds, lambda world: world.state())
    assert (len(state.rows), len(state.index), len(state.objects)) == (2, 0, 0)
    assert (state.runs[-1].outcome, state.runs[-1].purged) == ("completed", 8)

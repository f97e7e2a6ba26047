"""A change of mind in the midst of a night: nothing more is decided on, in memory or in PostgreSQL, and it is said why.

The same small night each time, so that each step is known: six calls of three old days, two of them recorded.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.engine import sweep
from ebbtide.pg.launcher import Urls
from tests.agreement.machine import noon_zone
from tests.agreement.worlds import Disturbance, Limits, MemoryWorld, PostgresWorld, Row, World
from tests.engine.night import Fault

OLD = (6, 7, 8)
BEFORE_THE_CLAIM, DESTROYING, BEFORE_ROWS, BEFORE_MORE_ROWS = 2, 3, 7, 8
"""Steps of that night: open_claims, in_flight, claim, destroy, close, in_flight, claim, rows, rows, rows, rows, ..."""
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


def nights(name: str) -> tuple[World, World]:
    zone = noon_zone()
    today = local_day(datetime.now(UTC), zone=parse_zone(zone))
    return night(MemoryWorld(today=today, limits=Limits())), night(PostgresWorld(name, zone=zone, limits=Limits()))


def both(worlds: tuple[World, World], deed: Callable[[World], object]) -> object:
    first, second = (deed(world) for world in worlds)
    assert first == second
    return first


def run(disturbance: Disturbance) -> Callable[[World], object]:
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

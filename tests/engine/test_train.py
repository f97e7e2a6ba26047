"""Batches of objects behind each other: the next is claimed while the store is at one, and never sent unasked."""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Event, Timer
from zoneinfo import ZoneInfo

import pytest

from ebbtide.domain.errors import EbbtideError, StoreUnreachable
from ebbtide.domain.outcome import Numbers, Outcome, RunOutcome
from ebbtide.engine.clock import SystemClock
from ebbtide.engine.ports import Claimed
from ebbtide.engine.throttle import Limits, Throttle
from ebbtide.stores.memory import MemoryObjects, MemoryRun
from tests.engine.night import (
    PURGED,
    AtLast,
    AtOnce,
    Crashed,
    Fault,
    Killed,
    Scene,
    Steps,
    expected_rows,
    scene,
)
from tests.engine.test_night import CHANGES, shape

HANDS: dict[str, Callable[[], Executor]] = {"the store answers at once": AtOnce, "the store answers last": AtLast}


@pytest.fixture(autouse=True)
def trains_of_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebbtide.engine.sweep.OBJECTS_PER_BATCH", 2)


def at(beside: Executor) -> Scene:
    night = scene()
    night.beside = beside
    return night


def steps_of(hand: Callable[[], Executor]) -> list[str]:
    night, steps = at(hand()), Steps(at=-1)
    assert night.carry(night.start(), steps=steps) == Numbers(purged=PURGED)
    return steps.taken


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
def test_each_batch_is_claimed_while_the_one_before_it_is_in_flight(hand: Callable[[], Executor]) -> None:
    taken = steps_of(hand)
    assert taken.count("claim") == 2, "one that begins the train, one that finds nothing left"
    assert taken.count("claim ahead") == taken.count("destroy") == taken.count("close") == 9
    assert taken.count("ask again") == 8, "every batch but the first"


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_at_any_step_beside_the_store_comes_to_the_same_end(fault: Fault) -> None:
    quiet = at(AtLast())
    quiet.carry(quiet.start())
    for step, name in enumerate(steps_of(AtLast)):
        night = at(AtLast())
        neighbour = night.left(night.neighbour)
        run = night.start()
        with contextlib.suppress(Killed, Crashed, EbbtideError):
            night.carry(run, steps=Steps(fault, at=step))
        assert not night.ours.in_flight
        for _ in range(2):
            if run.outcome is RunOutcome.COMPLETED:
                break
            run = run if run.outcome is None else night.start()
            night.carry(run)
        assert run.outcome is RunOutcome.COMPLETED, f"{fault} at step {step} ({name})"
        assert shape(night.left(night.ours)) == shape(quiet.left(quiet.ours))
        assert night.booked() == quiet.booked()
        assert night.left(night.neighbour) == neighbour
        night.check()


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
@pytest.mark.parametrize("said", list(CHANGES))
def test_what_was_claimed_ahead_is_not_destroyed_after_a_change_of_mind(
    said: str, hand: Callable[[], Executor]
) -> None:
    """Only what the store is at comes to rest; what waits behind it is served again unless its day is purged."""
    taken = steps_of(hand)
    given_back = 0
    for step in range(len(taken) - taken[::-1].index("destroy") - 1):
        night, steps = at(hand()), Steps(at=step)
        run = night.start()
        steps.before = lambda night=night: CHANGES[said](night)  # type: ignore[misc]
        night.carry(run, steps=steps)
        told = f"{said} at step {step} ({taken[step]})"
        assert run.outcome is RunOutcome.INCOMPLETE, told
        in_flight = hand is AtLast and taken[step] in ("close", "claim ahead")
        assert steps.taken[step + 1 :].count("destroy") == in_flight, told
        claimed = [row for row in night.ours.index.values() if row.claimed_by is not None]
        assert all(night.ours.is_purged(row.place) for row in claimed), told
        given_back += "give back" in steps.taken
        assert night.left(night.ours).objects == night.left(night.ours).index, told
        night.check()
    assert given_back


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
def test_what_was_claimed_ahead_is_not_destroyed_where_the_process_is_to_end(hand: Callable[[], Executor]) -> None:
    night, steps = at(hand()), Steps(at=-1)
    run = night.start()
    assert night.carry(run, steps=steps, stop=lambda: "claim ahead" in steps.taken) is None
    assert steps.taken.count("destroy") == 1
    assert steps.taken[-2:] == ["close", "give back"]
    assert all(night.ours.is_purged(row.place) for row in night.ours.index.values() if row.claimed_by is not None)
    assert night.carry(run) == Numbers(purged=PURGED)


def test_what_an_earlier_run_had_claimed_is_not_given_back() -> None:
    night = scene()
    broken = night.start()
    with contextlib.suppress(Killed):
        night.carry(broken, steps=Steps(Fault.KILLED_BEFORE, at=steps_of(AtOnce).index("destroy")))
    part = MemoryRun(night.ours, run=broken.id)
    open_ones = part.open_claims()
    again = part.claim_objects(most=len(open_ones) + 1, besides=())
    assert [one.again for one in again] == [True] * len(open_ones) + [False]
    part.give_back(again)
    assert part.open_claims() == open_ones


def test_where_the_store_goes_down_what_waits_behind_is_given_back() -> None:
    class Goes(MemoryObjects):
        batches = 0

        def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
            self.batches += 1
            if self.batches == 2:
                raise StoreUnreachable("It did not answer.")
            return super().destroy(keys)

    night = scene()
    store = Goes()
    for key in list(night.store.keys("")):
        store.put(key, b"x")
    night.store = store
    run, steps = night.start(), Steps(at=-1)
    night.carry(run, steps=steps)
    assert run.outcome is RunOutcome.INCOMPLETE
    assert steps.taken.count("destroy") == 2
    assert "give back" in steps.taken
    night.check()
    night.carry(night.start())
    assert night.left(night.ours).rows == expected_rows()


def test_a_rate_leaves_nothing_claimed_while_it_waits() -> None:
    night = scene()
    slept: list[float] = []
    clock = SystemClock()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert not night.ours.in_flight
        assert all(row.claimed_by is None for row in night.ours.index.values())

    slow = Throttle(lambda: Limits(objects=2), zone=ZoneInfo("UTC"), clock=clock, timer=lambda: 0.0, sleep=sleep)
    run, steps = night.start(), Steps(at=-1)
    assert night.carry(run, steps=steps, throttle=slow) == Numbers(purged=PURGED)
    assert "claim ahead" not in steps.taken
    assert sum(slept) == pytest.approx(17 / 2)


def test_nothing_is_in_flight_when_the_turnstile_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the worker's own side ends, a switch that waits at the turnstile waits for the store."""
    at_it, may_end = Event(), Event()

    class Slow(MemoryObjects):
        def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
            at_it.set()
            assert may_end.wait(10)
            assert night.ours.in_flight, "the turnstile was let go meanwhile"
            return super().destroy(keys)

    with ThreadPoolExecutor(1) as thread:
        night = at(thread)
        store = Slow()
        for key in list(night.store.keys("")):
            store.put(key, b"x")
        night.store = store

        def crash(run: MemoryRun, *, most: int, besides: Sequence[Claimed]) -> Sequence[Claimed]:
            if not besides:
                return claim(run, most=most, besides=besides)
            assert at_it.wait(10)
            Timer(0.05, may_end.set).start()
            raise Crashed

        claim = MemoryRun.claim_objects
        monkeypatch.setattr(MemoryRun, "claim_objects", crash)
        with pytest.raises(Crashed):
            night.carry(night.start())
    assert not night.ours.in_flight
    assert night.left(night.ours).index - night.left(night.ours).objects, "the batch in flight came to rest"

"""A night, disturbed at every one of its steps in every way; it always comes to the same end."""

import contextlib
from collections.abc import Callable

import pytest

from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import EbbtideError, StoreUnreachable, Taken
from ebbtide.domain.outcome import Failed, Numbers, Outcome, Purged, RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.stores.memory import MemoryObjects, MemoryRun
from tests.engine.night import PURGED, TODAY, Crashed, Fault, Killed, Left, Scene, Steps, expected_rows, jobs, scene

RERUNS = 2


def undisturbed() -> tuple[Scene, list[str]]:
    quiet, steps = scene(), Steps(at=-1)
    quiet.carry(quiet.start(), steps=steps)
    return quiet, steps.taken


with pytest.MonkeyPatch.context() as patch:
    patch.setattr("ebbtide.engine.sweep.OBJECTS_PER_BATCH", 4)
    patch.setattr("ebbtide.engine.sweep.ROWS_PER_BATCH", 3)
    QUIET, TAKEN = undisturbed()
EVERY_STEP = range(len(TAKEN))


def shape(left: Left) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Survivors without the organization's number."""
    return (
        left.rows,
        frozenset(key.partition("/")[2] for key in left.index),
        frozenset(key.partition("/")[2] for key in left.objects),
    )


def carry_through_faults(night: Scene, steps: Steps) -> int:
    """Run, then take up or run again until it is completed; gives how many more runs that took."""
    run = night.start()
    for more in range(RERUNS + 1):
        with contextlib.suppress(Killed, Crashed, EbbtideError):
            night.carry(run, steps=steps)
        night.check()
        if run.outcome is RunOutcome.COMPLETED:
            return more
        if run.outcome is not None:
            assert run.outcome is RunOutcome.INCOMPLETE
            assert run.reason or run.numbers.failed
            run = night.start()
    raise AssertionError(f"not completed after {RERUNS} more runs: {run}")


def test_an_undisturbed_night_takes_what_is_due_and_nothing_else() -> None:
    night = scene()
    before = night.left(night.neighbour)
    run = night.start()
    assert night.carry(run) == Numbers(purged=PURGED)
    assert (run.outcome, run.reason) == (RunOutcome.COMPLETED, "")
    assert night.left(night.ours).rows == expected_rows()
    assert night.left(night.ours).index == night.left(night.ours).objects
    kinds = {(row.place[1], row.place[2], (TODAY - row.place[0]).days) for row in night.ours.index.values()}
    assert kinds == (
        {(DataType.AUDIO, queue, back) for queue in (1, 2) for back in (3, 4, 5, 10)}
        | {(DataType.DESKTOP, 1, back) for back in (3, 4)}
        | {(DataType.DESKTOP, 2, back) for back in (3, 4, 5, 10)}
    )
    assert night.left(night.neighbour) == before
    night.check()


def test_a_second_run_right_after_deletes_nothing() -> None:
    night = scene()
    night.carry(night.start())
    book = night.ours.book
    assert night.carry(night.start()) == Numbers()
    assert night.ours.book == book


def test_the_steps_are_those_of_a_night() -> None:
    assert set(TAKEN) == {
        "stretches",
        "hold",
        "alone",
        "open_claims",
        "in_flight",
        "claim",
        "claim ahead",
        "ask again",
        "destroy",
        "close",
        "rows",
        "rows_left",
        "places",
        "keys",
        "finish",
    }
    assert TAKEN.count("destroy") > 4
    assert TAKEN.count("rows") > 3


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_at_any_step_comes_to_the_same_end(fault: Fault) -> None:
    expected = shape(QUIET.left(QUIET.ours))
    for step in EVERY_STEP:
        night = scene()
        neighbour = night.left(night.neighbour)
        carry_through_faults(night, Steps(fault, at=step))
        told = f"{fault} at step {step} ({TAKEN[step]})"
        assert shape(night.left(night.ours)) == expected, told
        assert night.booked() == QUIET.booked(), told
        assert night.left(night.neighbour) == neighbour, told


@pytest.mark.parametrize("second", [Fault.KILLED_AFTER, Fault.LOST, Fault.KILLED_HALFWAY])
@pytest.mark.parametrize("first", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.LOST])
def test_a_second_fault_while_the_first_is_mended_comes_to_the_same_end(first: Fault, second: Fault) -> None:
    expected = shape(QUIET.left(QUIET.ours))
    for step in EVERY_STEP:
        night = scene()
        run = night.start()
        with contextlib.suppress(Killed, EbbtideError):
            night.carry(run, steps=Steps(first, at=step))
        if run.outcome is not None:
            run = night.start()
        with contextlib.suppress(Killed, EbbtideError):
            night.carry(run, steps=Steps(second, at=step // 2))
        for _ in range(RERUNS):
            if run.outcome is RunOutcome.COMPLETED:
                break
            run = run if run.outcome is None else night.start()
            night.carry(run)
        assert run.outcome is RunOutcome.COMPLETED
        assert shape(night.left(night.ours)) == expected
        assert night.booked() == QUIET.booked()


def test_where_someone_is_always_first_the_run_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: MemoryRun, *, most: int) -> int | None:
        raise Taken("The lock was not granted in time.")

    night = scene()
    run = night.start()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryRun, "purge_rows", busy)
        with pytest.raises(Taken):
            night.carry(run)
    assert run.outcome is None
    assert night.carry(run) == Numbers(purged=PURGED)


def test_asked_to_end_before_any_batch_it_ends_there_and_goes_on_later() -> None:
    batches = TAKEN.count("in_flight") + TAKEN.count("rows")
    for allowed in range(batches):
        night = scene()
        run = night.start()
        asked = iter(range(allowed))
        assert night.carry(run, stop=lambda asked=asked: next(asked, None) is None) is None  # type: ignore[misc]
        assert run.outcome is None
        night.check()
        assert night.carry(run) == Numbers(purged=PURGED)
        assert run.outcome is RunOutcome.COMPLETED
        assert shape(night.left(night.ours)) == shape(QUIET.left(QUIET.ours))
        assert night.booked() == QUIET.booked()


def switch_on(night: Scene) -> None:
    night.platform.stopped = "fire drill"


def stop_organization(night: Scene) -> None:
    night.ours.stopped = True


def disarm(night: Scene) -> None:
    night.ours.armed = False


def change_jobs(night: Scene) -> None:
    night.ours.change_jobs(jobs())


def cancel(night: Scene) -> None:
    night.ours.cancel(next(reversed(night.ours.runs)))


CHANGES: dict[str, Callable[[Scene], None]] = {
    "kill switch": switch_on,
    "organization's kill switch": stop_organization,
    "not armed": disarm,
    "jobs or arming have changed": change_jobs,
    "cancelled": cancel,
}


@pytest.mark.parametrize("said", list(CHANGES))
def test_a_change_of_mind_at_any_step_stops_further_deletion(said: str) -> None:
    """What is in flight comes to rest (whoever turned the switch waits for it); nothing is decided on any more."""
    *_, last_deed, _ = (step for step, name in enumerate(TAKEN) if name == "rows")  # the very last finds nothing left
    for step in range(last_deed + 1):
        night = scene()
        run = night.start()
        seen: list[tuple[Left, frozenset[str]]] = []

        def turn(night: Scene = night, seen: list[tuple[Left, frozenset[str]]] = seen) -> None:
            CHANGES[said](night)
            claimed = (row.key for row in night.ours.index.values() if row.claimed_by and row.left is None)
            seen.append((night.left(night.ours), frozenset(claimed if night.ours.in_flight else ())))

        numbers = night.carry(run, steps=Steps(at=step, before=turn))
        (left, in_flight), after = seen[0], night.left(night.ours)
        assert after.rows == left.rows
        assert left.objects - after.objects <= in_flight
        assert left.index - after.index <= in_flight
        assert run.outcome is RunOutcome.INCOMPLETE, f"{said} at step {step} ({TAKEN[step]})"
        assert said in run.reason.lower()
        assert numbers is not None
        assert numbers.purged == sum(night.booked().values())
        assert numbers.purged + numbers.not_reached == PURGED
        night.check()


class StuckStore(MemoryObjects):
    """Refuses to delete some keys."""

    def __init__(self, stuck: Callable[[str], bool]) -> None:
        super().__init__()
        self.stuck = stuck

    def destroy(self, keys: list[str]) -> list[Outcome]:  # type: ignore[override]
        return [Failed("AccessDenied") if self.stuck(key) else MemoryObjects.destroy(self, [key])[0] for key in keys]


class LyingStore(MemoryObjects):
    """Says of some keys that they are gone, and keeps them."""

    def destroy(self, keys: list[str]) -> list[Outcome]:  # type: ignore[override]
        return [Purged() if index == 0 else MemoryObjects.destroy(self, [key])[0] for index, key in enumerate(keys)]


def with_store(night: Scene, store: MemoryObjects) -> Scene:
    for key in list(night.store.keys("")):
        store.put(key, b"x")
    night.store = store
    return night


def test_objects_that_fail_keep_their_rows_and_make_the_run_incomplete() -> None:
    night = with_store(scene(), StuckStore(lambda key: "/que_1/2026-11-11/audio/" in key))
    run = night.start()
    assert night.carry(run) == Numbers(purged=PURGED - 3, failed=3)  # one recording, and the two segments of its cell
    assert run.outcome is RunOutcome.INCOMPLETE
    assert {"1/12/0", "1/12/1"} == night.left(night.ours).rows - expected_rows()
    left = {(entry.reason, entry.amount.items) for entry in night.ours.book if entry.outcome == "failed"}
    assert left == {("AccessDenied", 1), ("recordings of this Q and day are still there", 2)}
    night.check()
    assert night.carry(night.start()) == Numbers(failed=3)
    night.store.stuck = lambda _key: False  # type: ignore[attr-defined]
    assert night.carry(night.start()) == Numbers(purged=3)
    assert night.booked() == QUIET.booked()


def test_a_store_that_is_down_all_night_leaves_only_what_has_objects() -> None:
    class Down(MemoryObjects):
        def destroy(self, keys: list[str]) -> list[Outcome]:  # type: ignore[override]
            raise StoreUnreachable(f"It did not answer for {len(keys)} keys.")

    night = with_store(scene(), Down())
    run = night.start()
    numbers = night.carry(run)
    assert run.outcome is RunOutcome.INCOMPLETE
    assert run.reason.startswith("It did not answer")
    gone = scene().ours.segments.keys() - night.ours.segments.keys()
    assert gone == {"1/15/0", "1/15/1", "2/15/0", "2/15/1"}
    assert numbers == Numbers(purged=4, not_reached=PURGED - 4)


def test_ghosts_in_the_store_fail_the_run() -> None:
    night = with_store(scene(), LyingStore())
    run = night.start()
    night.carry(run)
    assert run.outcome is RunOutcome.FAILED
    assert "still there" in run.reason
    assert "org_" in run.reason


def test_rows_that_come_back_fail_the_run() -> None:
    night = scene()
    run = night.start()
    back = night.ours.segments["1/12/0"]
    finish = TAKEN.index("rows_left")
    night.carry(run, steps=Steps(at=finish, before=lambda: night.ours.segments.update({"1/12/0": back})))
    assert run.outcome is RunOutcome.FAILED
    assert "segments of que_1 on 2026-11-11" in run.reason


def test_counts_that_disagree_with_rows_fail_the_run_before_the_cell_goes() -> None:
    night = scene()
    run = night.start()
    del night.ours.segments["1/12/0"]
    night.carry(run)
    assert run.outcome is RunOutcome.FAILED
    assert "reconcile" in run.reason
    assert "1/12/1" in night.ours.segments


def test_late_data_stays_out() -> None:
    night = scene()
    night.carry(night.start())
    gone = scene().ours.segments["1/12/0"]
    assert night.ours.load(gone) == "late"
    for day in (gone.day, TODAY):
        assert night.ours.load(type(gone)("1/12/0", 1, day)) == "late"
    assert night.left(night.ours).rows == expected_rows()


def test_what_comes_into_a_planned_cell_is_left_for_the_next_plan() -> None:
    """Nobody saw it counted; with the recordings, the rows of their cell are held back."""
    night = scene()
    run = night.start()
    night.ours.record("1/12/1", kind=DataType.AUDIO, content=b"late", store=night.store)
    assert night.carry(run) == Numbers(purged=PURGED - 3, kept=2, failed=2)
    assert run.outcome is RunOutcome.INCOMPLETE
    night.check()
    assert night.carry(night.start()) == Numbers(purged=4)


def test_what_was_destroyed_is_written_down_whatever_has_been_switched_since() -> None:
    for said, change in CHANGES.items():
        night = scene()
        run = night.start()
        with pytest.raises(Killed):
            night.carry(run, steps=Steps(Fault.KILLED_AFTER, at=TAKEN.index("destroy")))
        destroyed = night.left(night.ours).index - night.left(night.ours).objects
        assert destroyed
        change(night)
        numbers = night.carry(run)
        assert numbers == Numbers(purged=len(destroyed), not_reached=PURGED - len(destroyed))
        assert said in run.reason.lower()
        assert night.left(night.ours).index == night.left(night.ours).objects


def test_what_was_destroyed_where_the_sweep_comes_no_more_is_written_down_at_the_end() -> None:
    """Of several stretches: the first one is refused, and what a dead worker did is far behind it."""
    quiet, steps = scene(), Steps(at=-1)
    quiet.ours.stretch = 60
    quiet.carry(quiet.start(), steps=steps)
    night = scene()
    night.ours.stretch = 60
    run = night.start()
    last = len(steps.taken) - 1 - steps.taken[::-1].index("destroy")
    with pytest.raises(Killed):
        night.carry(run, steps=Steps(Fault.KILLED_AFTER, at=last))
    left = night.left(night.ours)
    assert left.index - left.objects
    night.ours.armed = False
    night.carry(run)
    assert run.outcome is RunOutcome.INCOMPLETE
    assert night.left(night.ours).index == left.objects
    assert run.numbers.purged == night.booked().total() == PURGED - run.numbers.not_reached
    night.check()


def test_recordings_outside_the_plan_hold_their_rows_back() -> None:
    night = scene()
    run = night.start()
    night.ours.record("1/15/0", kind=DataType.TRANSCRIPT, content=b"late", store=night.store)
    assert night.carry(run) == Numbers(purged=PURGED - 2, failed=2)
    assert night.carry(night.start()) == Numbers(purged=3)


@pytest.mark.parametrize("mode", [Mode.SIMULATED, Mode.BLOCKED, None])
def test_a_run_that_is_not_live_deletes_nothing(mode: Mode | None) -> None:
    night = scene()
    before = night.left(night.ours)
    row = night.ours.open_run(night.ours.make_plan(as_of=TODAY, today=TODAY), mode=mode)
    run = MemoryRun(night.ours, run=row.id)
    for deed in (
        lambda: run.claim_objects(most=9, besides=()),
        lambda: run.purge_rows(most=9),
        lambda: run.close_objects([], outcomes=[]),
        lambda: run.finish(reached_end=True, outcome=None, reason=""),
    ):
        with pytest.raises(Taken):
            deed()
    assert night.left(night.ours) == before
    assert night.ours.book == ()

"""Faults x steps, generated: a night of several stretches, disturbed at each step in each way, alone and in company.

Each cell of the matrix must come to the end of an undisturbed night within two runs more, with nothing too much, exact
counts and no false line in the book. The steps are those that such a night really takes; a new step is in the matrix by
itself. In memory one thing stands for several: DOWN for whatever is refused before it is done (503, disk full, a
statement that was cancelled), LOST for whatever is done and not heard of (a hang, an answer that comes too late).
"""

import contextlib
from collections import Counter
from collections.abc import Sequence

import pytest

from ebbtide.domain.errors import EbbtideError, Taken
from ebbtide.domain.outcome import Failed, Outcome, Purged, RunOutcome
from ebbtide.stores.memory import RunRow
from tests.engine.night import PURGED, Crashed, Fault, Killed, Scene, Steps, expected_rows, scene
from tests.engine.test_night import CHANGES, shape

RERUNS = 2
DEATHS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.KILLED_HALFWAY, Fault.CRASHED, Fault.LOST, Fault.DOWN)


def long_night() -> Scene:
    """The small night in stretches of a day each."""
    night = scene()
    night.ours.stretch = 100
    return night


def quiet() -> tuple[Scene, tuple[str, ...]]:
    night, steps = long_night(), Steps(at=-1)
    night.carry(night.start(), steps=steps)
    return night, tuple(steps.taken)


with pytest.MonkeyPatch.context() as patch:
    patch.setattr("ebbtide.engine.sweep.OBJECTS_PER_BATCH", 3)
    patch.setattr("ebbtide.engine.sweep.ROWS_PER_BATCH", 3)
    QUIET, TAKEN = quiet()
END, BOOKED = shape(QUIET.left(QUIET.ours)), QUIET.booked()
STEPS = range(len(TAKEN))


@pytest.fixture(autouse=True)
def two_batches_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebbtide.engine.sweep.OBJECTS_PER_BATCH", 3)


def helpers_steps() -> int:
    """How many steps a helper takes that finds everything still to be done."""
    night, steps = long_night(), Steps(at=-1)
    night.help(night.start(), steps=steps)
    return len(steps.taken)


def once(night: Scene, run: RunRow, steps: Steps | None = None) -> None:
    with contextlib.suppress(Killed, Crashed, EbbtideError):
        night.carry(run, steps=steps)


def to_the_end(night: Scene, run: RunRow) -> RunRow:
    for _ in range(RERUNS):
        if run.outcome is RunOutcome.COMPLETED:
            break
        run = run if run.outcome is None else night.start()
        night.carry(run)
    return run


def check(night: Scene, run: RunRow, *, neighbour: object, told: str) -> None:
    assert run.outcome is RunOutcome.COMPLETED, told
    assert shape(night.left(night.ours)) == END, told
    assert night.booked() == BOOKED, told
    assert night.left(night.neighbour) == neighbour, told
    assert not run.held, told
    night.check()


def test_the_matrix_has_every_step_of_several_stretches() -> None:
    counts = Counter(TAKEN)
    assert counts["hold"] > 6
    assert {"stretches", "hold", "open_claims", "in_flight", "claim", "claim ahead", "ask again", "destroy", "close",
            "rows", "rows_left", "places", "keys", "alone", "finish"} == set(counts)  # fmt: skip
    read_back = TAKEN.index("rows_left")
    assert "destroy" in TAKEN[read_back:], "the canary is read back before more goes"
    assert QUIET.left(QUIET.ours).rows == expected_rows()
    assert sum(BOOKED.values()) == PURGED


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_at_any_step_of_a_shared_night(fault: Fault) -> None:
    for step in STEPS:
        night = long_night()
        neighbour = night.left(night.neighbour)
        run = night.start()
        once(night, run, Steps(fault, at=step))
        check(night, to_the_end(night, run), neighbour=neighbour, told=f"{fault} at step {step} ({TAKEN[step]})")


@pytest.mark.parametrize("helpers", [1, 2, 8])
def test_helpers_that_join_at_any_step(helpers: int) -> None:
    for step in STEPS:
        night = long_night()
        neighbour = night.left(night.neighbour)
        run = night.start()
        helped: list[int] = []

        def join(night: Scene = night, run: RunRow = run, helped: list[int] = helped) -> None:
            helped.extend(night.help(run) for _ in range(helpers))

        night.carry(run, steps=Steps(at=step, before=join))
        assert len(helped) == helpers
        check(night, run, neighbour=neighbour, told=f"{helpers} helpers at step {step} ({TAKEN[step]})")


@pytest.mark.parametrize("fault", DEATHS)
def test_a_helper_that_dies_at_any_step_beside_a_carrier_at_any_step(fault: Fault) -> None:
    joined = 0
    for step in range(0, len(TAKEN), 6):
        for at in range(step % 4, helpers_steps(), 4):
            night = long_night()
            neighbour = night.left(night.neighbour)
            run = night.start()
            theirs = Steps(fault, at=at)

            def join(night: Scene = night, run: RunRow = run, theirs: Steps = theirs) -> None:
                with contextlib.suppress(Killed, Crashed, EbbtideError):
                    night.help(run, steps=theirs)

            night.carry(run, steps=Steps(at=step, before=join))
            joined += bool(theirs.taken)
            told = f"{fault} at step {at} of a helper at step {step} ({TAKEN[step]})"
            check(night, run, neighbour=neighbour, told=told)
    assert joined > len(TAKEN) // 2


@pytest.mark.parametrize("fault", DEATHS)
def test_helpers_outlive_their_carrier(fault: Fault) -> None:
    for step in STEPS:
        night = long_night()
        neighbour = night.left(night.neighbour)
        run = night.start()
        once(night, run, Steps(fault, at=step))
        if run.outcome is None:
            night.help(run)
            assert run.outcome is None, "only a carrier ends a run"
        check(night, to_the_end(night, run), neighbour=neighbour, told=f"{fault} at step {step} ({TAKEN[step]})")


@pytest.mark.parametrize("said", list(CHANGES))
def test_a_change_of_mind_stops_helpers_too(said: str) -> None:
    for at in range(helpers_steps()):
        night = long_night()
        run = night.start()
        first_rows = TAKEN.index("keys", TAKEN.index("rows_left")) + 2  # behind the canary
        seen: list[frozenset[str]] = []

        def turn(night: Scene = night, seen: list[frozenset[str]] = seen) -> None:
            CHANGES[said](night)
            seen.append(night.left(night.ours).rows)

        def join(night: Scene = night, run: RunRow = run, at: int = at, turn: object = turn) -> None:
            night.help(run, steps=Steps(at=at, before=turn))  # type: ignore[arg-type]

        numbers = night.carry(run, steps=Steps(at=first_rows, before=join))
        assert numbers is not None
        if seen:
            assert run.outcome is RunOutcome.INCOMPLETE
            assert said in run.reason.lower()
            assert night.left(night.ours).rows == seen[0]
        assert numbers.purged == sum(night.booked().values())
        assert numbers.purged + numbers.not_reached == PURGED
        assert night.left(night.ours).objects == night.left(night.ours).index, "what was in flight is written down"
        night.check()


def test_a_duplicate_tick_finds_the_run_open() -> None:
    for step in STEPS:
        night = long_night()
        run = night.start()
        refused: list[str] = []

        def tick(night: Scene = night, refused: list[str] = refused) -> None:
            for _ in range(8):
                try:
                    night.start()
                except Taken as exc:
                    refused.append(exc.message)

        night.carry(run, steps=Steps(at=step, before=tick))
        assert len(refused) == 8
        assert len(night.ours.runs) == 1
        assert run.outcome is RunOutcome.COMPLETED


# -- a backlog drains


def drained(night: Scene, amount: int) -> list[RunRow]:
    night.ours.nightly_amount = amount
    runs = []
    while True:
        run = night.start()
        night.carry(run)
        runs.append(run)
        if run.outcome is RunOutcome.COMPLETED:
            return runs
        assert len(runs) < 40, "it does not drain"


@pytest.mark.parametrize("amount", [1, 4, 5, 7, 12, 100])
def test_a_backlog_drains_oldest_first_without_decay(amount: int) -> None:
    night = scene()
    neighbour = night.left(night.neighbour)
    runs = drained(night, amount)
    gone = [run.numbers.purged for run in runs]
    assert sum(gone) == PURGED
    largest = 7  # what a Q has on one day: it goes whole, whatever the amount
    assert max(gone) <= max(amount, largest)
    assert all(one + largest > amount for one in gone[:-1]), "no night takes less than it could"
    for run in runs[:-1]:
        assert run.reason.startswith(f"Tonight's amount ({amount:,} items) is used up")
        assert run.numbers.not_reached == run.plan.rest.items > 0
        assert run.numbers.failed == run.numbers.kept == 0
    days = [one.cell.day for run in runs for one in run.plan.cells]
    assert days == sorted(days), "oldest first, night after night"
    assert night.booked() == BOOKED
    assert night.left(night.neighbour) == neighbour


def test_faults_do_not_make_a_night_take_more_than_its_amount() -> None:
    for fault in Fault:
        for step in range(0, len(TAKEN), 2):
            night = long_night()
            night.ours.nightly_amount = 12
            run = night.start()
            once(night, run, Steps(fault, at=step))
            if run.outcome is None:
                night.carry(run)
            assert run.numbers.purged <= 12
            assert sum(night.booked().values()) == run.numbers.purged


def test_objects_that_never_go_do_not_hold_the_backlog_up() -> None:
    night = scene()
    destroy = night.store.destroy

    def stuck(keys: Sequence[str]) -> Sequence[Outcome]:
        going = [key for key in keys if "/2026-11-11/" not in key]
        destroy(going)
        return [Purged() if key in set(going) else Failed("AccessDenied") for key in keys]

    night.store.destroy = stuck  # type: ignore[method-assign]
    night.ours.nightly_amount = 8
    for _ in range(12):
        night.carry(night.start())
    left = {place[0].isoformat() for place in night.ours.cells() if place[0].isoformat() < "2026-11-13"}
    assert left == {"2026-11-11"}, "all but what cannot go is gone"

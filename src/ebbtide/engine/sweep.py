"""The sweep: carry a plan out, batch by batch.

DANGER: this loop destroys. It never looks for what might be due; it takes what the plan names, in the plan's order,
and asks before every batch. Objects go first, then rows: a recording without a row would be a recording nobody knows
of. It keeps no progress of its own: started again after any crash, it goes on where the ports say it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ebbtide.domain.errors import Refused, StoreUnreachable, Taken
from ebbtide.domain.outcome import AlreadyGone
from ebbtide.engine.ports import LiveRun, ObjectStore

OBJECTS_PER_BATCH = 1_000
ROWS_PER_BATCH = 50_000
ATTEMPTS = 10
"""Times a batch is tried again where someone was first (a lock not granted in time, a deadlock)."""


@dataclass(frozen=True, slots=True)
class SweepEnd:
    """How the sweep ended.

    Attributes:
        reached_end: it went through the whole plan.
        interrupted: the process was asked to end; the run stays open and is taken up again.
        reason: why it stopped early, in words.
    """

    reached_end: bool
    interrupted: bool = False
    reason: str = ""


class _Interrupted(Exception):
    """The process was asked to end."""


def sweep(run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool]) -> SweepEnd:
    """Destroy what the plan names.

    Args:
        run: the live run.
        store: where its objects lie.
        stop: whether the process should end; asked before every batch.

    Raises:
        Broken: an invariant fell; the batch was rolled back.
        DatabaseUnreachable: progress cannot be written down any more; the run stays open and is taken up again.
        Taken: others kept coming first, or hold the run by now; it stays open.
    """
    unreached = ""
    try:
        try:
            _repeat(lambda: _object_batch(run, store=store), stop=stop)
        except StoreUnreachable as exc:
            unreached = exc.message  # rows whose objects are gone need no store: go on with them
        _repeat(lambda: run.purge_rows(most=ROWS_PER_BATCH) is not None, stop=stop)
    except _Interrupted:
        return SweepEnd(reached_end=False, interrupted=True)
    except Refused as exc:
        return SweepEnd(reached_end=False, reason=exc.message)
    return SweepEnd(reached_end=not unreached, reason=unreached)


def settle(run: LiveRun, *, store: ObjectStore) -> None:
    """Write down what a broken-off attempt had destroyed, before anything else and whatever has been switched since.

    Claims whose object is still there stay open; the sweep decides on them anew.
    """
    claims = run.open_claims()
    for first in range(0, len(claims), OBJECTS_PER_BATCH):
        batch = claims[first : first + OBJECTS_PER_BATCH]
        missing = store.missing([one.key for one in batch])
        gone = [one for one in batch if one.key in missing]
        if gone:
            run.close_objects(gone, outcomes=[AlreadyGone()] * len(gone))


def _repeat(batch: Callable[[], bool], *, stop: Callable[[], bool]) -> None:
    """Run batches until one finds nothing left to do."""
    attempts = 0
    while True:
        if stop():
            raise _Interrupted
        try:
            if not batch():
                return
            attempts = 0
        except Taken:
            attempts += 1
            if attempts == ATTEMPTS:
                raise


def _object_batch(run: LiveRun, *, store: ObjectStore) -> bool:
    """Write the intent, destroy, see that it is gone, close the rows; False when no object is left to try."""
    with run.in_flight():
        claimed = run.claim_objects(most=OBJECTS_PER_BATCH)
        if not claimed:
            return False
        run.close_objects(claimed, outcomes=store.destroy([one.key for one in claimed]))
    return True

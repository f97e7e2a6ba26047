"""The sweep: carry a plan out, part by part and batch by batch.

DANGER: this loop destroys. It never looks for what might be due; it takes what the plan names, oldest days first, and
asks before every batch. Of each stretch the objects go first, then the rows: a recording without a row would be a
recording nobody knows of. It keeps no progress of its own: started again after any crash, by whomever, it goes on
where the ports say it stands.

Several workers sweep one run together. A part is worked at by whoever holds it. The carrier alone says that the sweep
is over, and only after it has held every part itself and found nothing left: what others did it takes from nobody's
word. The first stretch of several is a canary: the carrier does it alone and reads it back before anything else goes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ebbtide.domain.errors import Refused, StoreUnreachable, Taken
from ebbtide.domain.outcome import AlreadyGone, Outcome
from ebbtide.engine.batches import DESTROYING_S, LOCKED_S, BatchSize
from ebbtide.engine.ports import Claimed, LiveRun, ObjectStore, RunPart
from ebbtide.engine.split import Part, Stretch
from ebbtide.engine.throttle import Throttle
from ebbtide.engine.verify import verify

OBJECTS_PER_BATCH = 1_000
ROWS_PER_BATCH = 50_000
"""What a batch begins with; rows may come to twice as many where that stays quick."""
ATTEMPTS = 10
"""Times a batch is tried again where someone was first (a lock not granted in time, a deadlock)."""


@dataclass(frozen=True, slots=True)
class SweepEnd:
    """How the sweep ended.

    Attributes:
        reached_end: it went through the whole plan.
        interrupted: the process was asked to end, or the run has to rest; it stays open and is taken up again.
        reason: why it stopped early, in words.
    """

    reached_end: bool
    interrupted: bool = False
    reason: str = ""


class _Interrupted(Exception):
    """The process was asked to end, or (with a reason) the run has to rest."""


class Sweep:
    """One worker's way through a run."""

    def __init__(self, run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle) -> None:
        """Take up a run.

        Args:
            run: the live run.
            store: where its objects lie.
            stop: whether the process should end; asked before every batch.
            throttle: how fast it may go, and when.
        """
        self._run, self._store, self._stop, self._throttle = run, store, stop, throttle
        self._objects = BatchSize.starting_at(OBJECTS_PER_BATCH)
        self._rows = BatchSize.starting_at(ROWS_PER_BATCH, most=2 * ROWS_PER_BATCH)
        self._done: set[Part] = set()
        self.unreached = ""
        """Why the store could not be reached, once it could not."""

    def through(self, stretches: Iterable[Stretch]) -> list[Stretch]:
        """Go through stretches once, oldest first.

        Returns:
            Those that are not done, because others are at them.

        Raises:
            Broken: an invariant fell; the batch was rolled back.
            DatabaseUnreachable: progress cannot be written down any more; the run stays open and is taken up again.
            Refused: nothing further may be deleted.
            Taken: others kept coming first, or hold the run by now; it stays open.
        """
        return [stretch for stretch in stretches if not self._stretch(stretch)]

    @property
    def parts_done(self) -> int:
        """How many parts this worker has gone through."""
        return len(self._done)

    def _stretch(self, stretch: Stretch) -> bool:
        objects = [self._part(part, self._object_batches) for part in stretch.objects]
        return all(objects) and self._part(stretch.rows, self._row_batches)

    def _part(self, part: Part, deed: Callable[[RunPart], None]) -> bool:
        """Do a part, unless it is done; False where another worker holds it."""
        if part in self._done:
            return True
        with self._run.hold(part) as held:
            if held is None:
                return False
            deed(held)
        self._done.add(part)
        return True

    def _object_batches(self, part: RunPart) -> None:
        if self.unreached:
            return  # rows whose objects are gone need no store: go on with them
        try:
            settle(part, store=self._store)
            self._repeat(lambda: self._object_batch(part))
        except StoreUnreachable as exc:
            self.unreached = exc.message

    def _row_batches(self, part: RunPart) -> None:
        self._repeat(lambda: self._row_batch(part))

    def may_go_on(self) -> None:
        """Leave the sweep where the process should end, or the run has to rest."""
        if self._stop():
            raise _Interrupted
        reason = self._throttle.says()
        if reason:
            raise _Interrupted(reason)

    def _repeat(self, batch: Callable[[], bool]) -> None:
        """Run batches until one finds nothing left to do."""
        attempts = 0
        while True:
            self.may_go_on()
            try:
                if not batch():
                    return
                attempts = 0
            except Taken:
                attempts += 1
                if attempts == ATTEMPTS:
                    raise

    def _object_batch(self, part: RunPart) -> bool:
        """Write the intent, destroy, see that it is gone, close the rows; False when no object is left to try."""
        rate, timer = self._throttle.limits.objects, self._throttle.timer
        began = timer()
        with part.in_flight():
            claimed = part.claim_objects(most=self._throttle.most(self._objects.size, rate=rate))
            if not claimed:
                return False
            outcomes = self._store.destroy([one.key for one in claimed])
            destroyed = timer()
            _close(part, claimed, outcomes)
        ended = timer()
        # the rows' locks are held while the batch is closed; a switch waits for the whole of it
        slower = max((ended - destroyed) / LOCKED_S, (ended - began) / DESTROYING_S)
        self._objects.took(slower, items=len(claimed), target=1.0)
        self._throttle.wait(len(claimed), rate=rate, seconds=ended - began, stop=self._stop)
        return True

    def _row_batch(self, part: RunPart) -> bool:
        """Delete the next rows; False when none is left."""
        rate, timer = self._throttle.limits.rows, self._throttle.timer
        began = timer()
        deleted = part.purge_rows(most=self._throttle.most(self._rows.size, rate=rate))
        if deleted is None:
            return False
        seconds = timer() - began
        self._rows.took(seconds, items=deleted, target=LOCKED_S)
        self._throttle.wait(deleted, rate=rate, seconds=seconds, stop=self._stop)
        return True


def _close(part: RunPart, claimed: Sequence[Claimed], outcomes: Sequence[Outcome]) -> None:
    """Write down what became of objects, again where someone was first: nothing destroyed must look already gone."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            part.close_objects(claimed, outcomes=outcomes)
        except Taken:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def sweep(run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle) -> SweepEnd:
    """Destroy what the plan names, until every part of it is done; as the run's carrier.

    Args:
        run: the live run.
        store: where its objects lie.
        stop: whether the process should end; asked before every batch.
        throttle: how fast it may go, and when.

    Raises:
        Broken: an invariant fell; the batch was rolled back.
        DatabaseUnreachable: progress cannot be written down any more; the run stays open and is taken up again.
        Taken: others kept coming first, or hold the run by now; it stays open.
    """
    worker = Sweep(run, store=store, stop=stop, throttle=throttle)
    left = list(run.stretches())
    try:
        if len(left) > 1:
            left = _canary(run, left, worker=worker, store=store)
        while left:
            before = worker.parts_done
            left = worker.through(left)
            if left and worker.parts_done == before:
                worker.may_go_on()
                throttle.rest()
    except _Interrupted as exc:
        return SweepEnd(reached_end=False, interrupted=True, reason=str(exc))
    except Refused as exc:
        return SweepEnd(reached_end=False, reason=exc.message)
    return SweepEnd(reached_end=not worker.unreached, reason=worker.unreached)


def _canary(run: LiveRun, left: list[Stretch], *, worker: Sweep, store: ObjectStore) -> list[Stretch]:
    """Do the first stretch and look whether what the book calls gone is gone; gives the stretches left.

    Raises:
        GhostFound: something is still there. Nothing else has gone yet.
    """
    with run.alone() as whole:
        if whole is None:
            return left  # helpers are at a run that was taken over: its canary is behind it
        left = [*worker.through(left[:1]), *left[1:]]
        try:
            verify(run, store=store)
        except StoreUnreachable as exc:
            worker.unreached = worker.unreached or exc.message
    return left


def help_sweep(run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle) -> int:
    """Work at a run that another worker carries, for as long as there is a part that nobody is at.

    Returns:
        How many parts it went through. What stopped it is the carrier's to say: it meets the same.

    Raises:
        Broken: an invariant fell; the batch was rolled back.
        DatabaseUnreachable: progress cannot be written down any more.
        Taken: others kept coming first, or the run has ended.
    """
    worker = Sweep(run, store=store, stop=stop, throttle=throttle)
    left = list(run.stretches())
    try:
        while left and not worker.unreached:
            before = worker.parts_done
            left = worker.through(left)
            if worker.parts_done == before:
                break
    except (_Interrupted, Refused):
        pass
    return worker.parts_done


def settle(part: RunPart, *, store: ObjectStore) -> None:
    """Write down what a dead worker had destroyed of a part, before anything else and whatever was switched since.

    Claims whose object is still there stay open; the sweep decides on them anew.
    """
    claims = part.open_claims()
    for first in range(0, len(claims), OBJECTS_PER_BATCH):
        batch = claims[first : first + OBJECTS_PER_BATCH]
        missing = store.missing([one.key for one in batch])
        gone = [one for one in batch if one.key in missing]
        if gone:
            part.close_objects(gone, outcomes=[AlreadyGone()] * len(gone))

"""The sweep: carry a plan out, part by part and batch by batch.

DANGER: this loop destroys. It never looks for what might be due; it takes what the plan names, oldest days first, and
asks before every batch. Of each stretch the objects go first, then the rows: a recording without a row would be a
recording nobody knows of. It keeps no progress of its own: started again after any crash, by whomever, it goes on
where the ports say it stands.

Several workers sweep one run together. A part is worked at by whoever holds it. The carrier alone says that the sweep
is over, and only after it has held every part itself and found nothing left: what others did it takes from nobody's
word. The first stretch of several is a canary: the carrier does it alone and reads it back before anything else goes.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

from ebbtide.domain.errors import Refused, StoreUnreachable, Taken
from ebbtide.domain.outcome import AlreadyGone
from ebbtide.engine.batches import LOCKED_S, BatchSize
from ebbtide.engine.ports import LiveRun, ObjectStore, RunPart
from ebbtide.engine.split import Part, Stretch
from ebbtide.engine.throttle import Throttle
from ebbtide.engine.train import ATTEMPTS, BATCHES, Interrupted, Train
from ebbtide.engine.verify import verify

OBJECTS_PER_BATCH = 1_000
ROWS_PER_BATCH = 50_000
"""What a batch begins with; rows may come to twice as many where that stays quick."""


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


class Sweep:
    """One worker's way through a run."""

    def __init__(
        self,
        run: LiveRun,
        *,
        store: ObjectStore,
        stop: Callable[[], bool],
        throttle: Throttle,
        beside: Executor,
    ) -> None:
        """Take up a run.

        Args:
            run: the live run.
            store: where its objects lie.
            stop: whether the process should end; asked before every batch.
            throttle: how fast it may go, and when.
            beside: does one thing beside this worker: where the store is waited for.
        """
        self._run, self._store, self._stop, self._throttle, self._beside = run, store, stop, throttle, beside
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
            raise Interrupted
        reason = self._throttle.says()
        if reason:
            raise Interrupted(reason)

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
        """Destroy the next objects, in a train of batches; False when none is left to try.

        A rate's waiting is done with nothing in flight, so a batch is then by itself.
        """
        rate, timer = self._throttle.limits.objects, self._throttle.timer
        began = timer()
        train = Train(part, store=self._store, beside=self._beside, size=self._objects, timer=timer)
        with part.in_flight():
            found = train.go(
                most=lambda size: self._throttle.most(size, rate=rate),
                batches=BATCHES if rate is None else 1,
                may_go_on=self.may_go_on,
            )
        self._throttle.wait(train.items, rate=rate, seconds=timer() - began, stop=self._stop)
        return found

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


def sweep(
    run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle, beside: Executor
) -> SweepEnd:
    """Destroy what the plan names, until every part of it is done; as the run's carrier.

    Args:
        run: the live run.
        store: where its objects lie.
        stop: whether the process should end; asked before every batch.
        throttle: how fast it may go, and when.
        beside: does one thing beside this worker: where the store is waited for.

    Raises:
        Broken: an invariant fell; the batch was rolled back.
        DatabaseUnreachable: progress cannot be written down any more; the run stays open and is taken up again.
        Taken: others kept coming first, or hold the run by now; it stays open.
    """
    worker = Sweep(run, store=store, stop=stop, throttle=throttle, beside=beside)
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
    except Interrupted as exc:
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


def help_sweep(
    run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle, beside: Executor
) -> int:
    """Work at a run that another worker carries, for as long as there is a part that nobody is at.

    Returns:
        How many parts it went through. What stopped it is the carrier's to say: it meets the same.

    Raises:
        Broken: an invariant fell; the batch was rolled back.
        DatabaseUnreachable: progress cannot be written down any more.
        Taken: others kept coming first, or the run has ended.
    """
    worker = Sweep(run, store=store, stop=stop, throttle=throttle, beside=beside)
    left = list(run.stretches())
    try:
        while left and not worker.unreached:
            before = worker.parts_done
            left = worker.through(left)
            if worker.parts_done == before:
                break
    except (Interrupted, Refused):
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

"""The objects of a part, batch behind batch, so that the store need not wait for the database.

DANGER: this loop destroys. While the store is at one batch, the batch before it is written down and the next one is
claimed. Why that is as safe as one after the other:

- A claim is an intent. What was claimed ahead goes to the store only after switch, flag, jobs and cancellation were
  asked again; what they refuse then is given back.
- A claim leaves out what is in flight: nothing is asked of the store twice at a time.
- The turnstile is held until nothing is in flight any more, whatever happened. Whoever takes a permission away has
  committed that before he waits, so he waits for one batch: the next question is answered with no.
- A worker that dies leaves two open batches and not one. Both are claims in the database, and whoever takes the part
  up looks which of their objects are gone before it does anything else.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from ebbtide.domain.errors import EbbtideError, StoreUnreachable, Taken
from ebbtide.domain.outcome import Outcome
from ebbtide.engine.batches import DESTROYING_S, LOCKED_S, BatchSize
from ebbtide.engine.ports import Claimed, ObjectStore, RunPart

BATCHES = 16
"""Batches after which the turnstile is let go for a moment."""
ATTEMPTS = 10
"""Times a batch is tried again where someone was first (a lock not granted in time, a deadlock)."""


class Interrupted(Exception):
    """The process was asked to end, or (with a reason) the run has to rest."""


@dataclass(frozen=True, slots=True)
class _Landed:
    """A batch that the store has answered, in so many seconds."""

    claimed: Sequence[Claimed]
    outcomes: Sequence[Outcome]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch that the store is at."""

    claimed: Sequence[Claimed]
    answer: Future[tuple[Sequence[Outcome], float]]

    def rest(self) -> None:
        """Wait until nothing is in flight, however it ends."""
        self.answer.exception()

    def landed(self) -> _Landed:
        """Give what became of it.

        Raises:
            StoreUnreachable: nothing is known of any of them.
        """
        return _Landed(self.claimed, *self.answer.result())


class Train:
    """One worker's way through the objects of a part."""

    def __init__(
        self, part: RunPart, *, store: ObjectStore, beside: Executor, size: BatchSize, timer: Callable[[], float]
    ) -> None:
        """Take a part.

        Args:
            part: it, held.
            store: where its objects lie.
            beside: does one thing beside this worker: where the store is waited for.
            size: of the next batch; learns from each.
            timer: seconds that only ever grow, for durations.
        """
        self._part, self._store, self._beside, self._size, self._timer = part, store, beside, size, timer
        self.items = 0
        """Objects that the store was asked for."""

    def go(self, *, most: Callable[[int], int], batches: int, may_go_on: Callable[[], None]) -> bool:
        """Write the intent, destroy, see that it is gone, close the rows, for some batches; expects the turnstile.

        Args:
            most: cuts a batch down to what a rate allows.
            batches: how many there may be; where it is 1, nothing is claimed ahead.
            may_go_on: raises Interrupted where the sweep must rest; asked before each batch but the first.

        Returns:
            Whether there was any object left to try.

        Raises:
            Interrupted: the sweep must rest. What was claimed ahead is given back, here and with all others.
            Refused: nothing further may be deleted.
            StoreUnreachable: nothing is known of the last batch.
            Taken: others kept coming first.
        """
        waiting = self._part.claim_objects(most=most(self._size.size), besides=())
        if not waiting:
            return False
        before: _Landed | None = None
        halt: EbbtideError | Interrupted | None = None
        for more in reversed(range(batches)):
            flight, waiting = self._send(waiting), ()
            try:
                if before is not None:
                    self._close(before)
                before = None
                waiting = self._ahead(flight, most=most(self._size.size)) if more else ()
            except (EbbtideError, Interrupted) as exc:
                halt = exc
            finally:
                flight.rest()
            try:
                before = flight.landed()
            except StoreUnreachable:
                self._part.give_back(waiting)
                raise
            if halt is None and waiting:
                halt = self._objection(may_go_on)
            if halt is not None or not waiting:
                break
        if before is not None:
            self._close(before)
        self._part.give_back(waiting)
        if halt is not None:
            raise halt
        return True

    def _objection(self, may_go_on: Callable[[], None]) -> EbbtideError | Interrupted | None:
        """Ask anew what was asked when the next batch was claimed; gives what stands against it."""
        try:
            may_go_on()
            self._part.ask_again()
        except (EbbtideError, Interrupted) as exc:
            return exc
        return None

    def _ahead(self, flight: _Flight, *, most: int) -> Sequence[Claimed]:
        """Claim what comes behind what is in flight; nothing where someone was first: it is asked again then."""
        try:
            return self._part.claim_objects(most=most, besides=flight.claimed)
        except Taken:
            return ()

    def _send(self, claimed: Sequence[Claimed]) -> _Flight:
        keys = [one.key for one in claimed]
        self.items += len(keys)

        def destroy() -> tuple[Sequence[Outcome], float]:
            began = self._timer()
            return self._store.destroy(keys), self._timer() - began

        return _Flight(claimed, self._beside.submit(destroy))

    def _close(self, landed: _Landed) -> None:
        """Write down what became of objects, again where someone was first: no deed may look like nothing."""
        began = self._timer()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._part.close_objects(landed.claimed, outcomes=landed.outcomes)
            except Taken:
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        # the rows' locks are held while the batch is closed; a switch waits for the whole of it
        seconds = self._timer() - began
        slower = max(seconds / LOCKED_S, (landed.seconds + seconds) / DESTROYING_S)
        self._size.took(slower, items=len(landed.claimed), target=1.0)

"""What the engine asks of the world: few methods, each one step of a night.

Each step may be repeated: a process may die between any two of them, and the next one starts again with nothing but
what the ports remember. No port keeps progress in memory.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ebbtide.domain.cell import Cell
from ebbtide.domain.outcome import Numbers, Outcome, RunOutcome
from ebbtide.engine.split import Part, Stretch


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the jobs of an organization reach: the first day kept, for a (queue, data type)."""

    queue: int
    data_type: str
    before: date


class CellCatalog(Protocol):
    """The counts."""

    def cells_before(self, reaches: Sequence[Reach]) -> Generator[Cell, None, None]:
        """Stream the cells older than their reach, in plan order (day, data type, queue); closed by who reads it."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """An object that a live run has decided to destroy, and has written that down.

    Attributes:
        id: its number.
        key: where it lies.
        day: its segment's.
        again: whether a claim was on it before: of a run that was broken off, or could not destroy it.
    """

    id: int
    key: str
    day: date
    again: bool = False


class ObjectStore(Protocol):
    """Where recordings and transcripts lie."""

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete objects and see that they are gone; one outcome a key, in order.

        Raises:
            StoreUnreachable: nothing is known of any of them; try again later.
        """
        ...

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Say which of the keys are not there.

        Raises:
            StoreUnreachable: nothing is known of any of them.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix, as the store itself sees them."""
        ...


class RunPart(Protocol):
    """A part of a run that may delete, held by one worker: what the plan names of it, and its lines in the book.

    Every call that decides a deletion reads switch, flag, jobs and cancellation again in its own transaction and raises
    SwitchOn, NotArmed, PlanStale or Cancelled where one of them says no.
    """

    def in_flight(self) -> AbstractContextManager[None]:
        """Hold the organization's turnstile: disarming waits until objects in flight have come to rest."""
        ...

    def open_claims(self) -> Sequence[Claimed]:
        """Give the part's objects that were decided on and not written down: what a dead worker may have destroyed.

        Needs no permission to delete.
        """
        ...

    def claim_objects(self, *, most: int, besides: Sequence[Claimed]) -> Sequence[Claimed]:
        """Decide on the part's next objects and write the intent; empty when none is left to try.

        Args:
            most: objects.
            besides: those that are in flight, and must not be decided on again.
        """
        ...

    def ask_again(self) -> None:
        """Ask whether what was claimed a while ago may still be destroyed."""
        ...

    def give_back(self, claimed: Sequence[Claimed]) -> None:
        """Take back claims on objects that nobody has touched since, so that they are served again.

        Those that were claimed before stay so, and those of a purged day: it must not become readable again.
        """
        ...

    def close_objects(self, claimed: Sequence[Claimed], *, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of claimed objects: rows, cells and book in one transaction."""
        ...

    def purge_rows(self, *, most: int) -> int | None:
        """Delete the part's next report rows, about `most` of them; None when it is gone through."""
        ...


class LiveRun(Protocol):
    """A run that may delete, carried by one worker and helped by others."""

    def stretches(self) -> Sequence[Stretch]:
        """Give the plan's stretches, oldest first: the same to every worker, at any time."""
        ...

    def hold(self, part: Part) -> AbstractContextManager[RunPart | None]:
        """Hold a part alone; None where another living worker holds it. Whoever dies lets go."""
        ...

    def alone(self) -> AbstractContextManager[RunPart | None]:
        """Keep helpers away and hold the whole run as one part; None where a helper is still at it."""
        ...

    def rest(self, reason: str) -> None:
        """Write down why the run rests; it stays open."""
        ...

    def rows_left(self) -> Iterable[str]:
        """Look in the tables themselves for rows booked as purged; name the cells where some are found."""
        ...

    def booked_places(self) -> Iterable[tuple[str, frozenset[str]]]:
        """Give the key prefix of each cell of objects in the book, with the keys that may still lie there."""
        ...

    def finish(self, *, reached_end: bool, outcome: RunOutcome | None, reason: str) -> Numbers:
        """End the run: add up the four numbers and write the outcome; None lets the numbers decide."""
        ...

"""What is kept in memory: rows, index rows, lines of the book, plans and runs."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.outcome import Failed, Numbers, Retained, RunOutcome
from ebbtide.domain.plan import Facts, PlannedCell
from ebbtide.engine.admit import Mode
from ebbtide.engine.split import Part

Place = tuple[date, DataType, int]
"""Where a cell stands: day, data type, queue; their order is the plan's."""

Ended = Literal["purged", "already_gone", "kept", "failed"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A report row: its source key, and where it belongs."""

    key: str
    queue: int
    day: date
    bytes: int = 100


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index row of an object; `claimed_by` is the run that decided to destroy it, `left` why that did not work."""

    id: int
    key: str
    place: Place
    bytes: int
    segment: str
    claimed_by: int | None = None
    left: Failed | Retained | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the book."""

    run: int
    batch: int
    place: Place
    job: int
    outcome: Ended
    reason: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan as it was stored."""

    id: int
    as_of: date
    facts: Facts
    cells: tuple[PlannedCell, ...]
    items: int
    population: int
    sha256: bytes
    amount: int | None = None
    rest: Amount = field(default_factory=Amount)
    """Due as well, and left to later nights by the nightly amount."""


@dataclass(slots=True)
class RunRow:
    """A run as it is stored; `outcome` is None while it is going on or waits to be taken up.

    `held` are its parts that a worker is at, `helpers` how many workers but its carrier.
    """

    id: int
    plan: StoredPlan
    mode: Mode | None = None
    outcome: RunOutcome | None = None
    reason: str = ""
    cancelled: bool = False
    numbers: Numbers = field(default_factory=Numbers)
    purged_bytes: int = 0
    held: set[Part] = field(default_factory=set)
    helpers: int = 0


def place_of(segment: Segment) -> Place:
    """Say where a report row's cell stands."""
    return segment.day, DataType.INSIGHTS, segment.queue


def ended_of(left: Failed | Retained) -> Ended:
    """Give the book's word for what was left."""
    return "failed" if isinstance(left, Failed) else "kept"

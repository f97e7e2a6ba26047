"""The plan: the immutable, hashed list of due cells of one organization on one date.

Simulation writes a plan and stops; a purge takes a plan and nothing else, so that what was shown is what is carried
out. A plan can name millions of cells: it is made and read as a stream in one order (oldest day first), and its hash
is taken on the way, so memory stays flat.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.errors import PlanStale
from ebbtide.domain.job import Job
from ebbtide.domain.verdict import Due, decide, deciding_job


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan was decided from; when one of them changes, the plan is stale.

    Attributes:
        made_on: the organization's local date when the plan was made.
        jobs_version: grows with every change of the organization's jobs.
        armed: whether deletion was armed.
        armed_at: since when (UTC); None where it was not. Disarmed and armed again is another arming.
    """

    made_on: date
    jobs_version: int
    armed: bool
    armed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A due cell, with the job that decided and its period in days."""

    cell: Cell
    job: int
    days: Days


@dataclass(frozen=True, slots=True)
class Totals:
    """What a plan adds up to."""

    cells: int = 0
    items: int = 0
    bytes: int = 0
    oldest: date | None = None
    newest: date | None = None


def due_cells(cells: Iterable[Cell], *, jobs: Sequence[Job], on: date) -> Iterator[PlannedCell]:
    """Pick the due cells out of a stream, by the verdict alone.

    Args:
        cells: cells of one organization, in plan order (day, data type, queue).
        jobs: all its jobs.
        on: the org-local date of the night.
    """
    seen: dict[tuple[int, DataType], Job | None] = {}
    for cell in cells:
        key = (cell.queue, cell.data_type)
        if key not in seen:
            seen[key] = deciding_job(jobs, queue=cell.queue, data_type=cell.data_type)
        verdict = decide(seen[key], day=cell.day, on=on)
        if isinstance(verdict, Due) and cell.items > 0:
            yield PlannedCell(cell, job=verdict.job.id, days=verdict.job.days)


class PlanHash:
    """Hash and totals of a plan, taken as its cells go by."""

    def __init__(self, *, org: int, as_of: date) -> None:
        self._digest = hashlib.sha256(f"ebbtide plan 1\norg {org}\nas of {as_of.isoformat()}\n".encode())
        self.totals = Totals()

    def add(self, planned: PlannedCell) -> None:
        """Take one more cell into hash and totals, in plan order."""
        cell = planned.cell
        line = f"{cell.day} {cell.data_type} {cell.queue} {planned.job} {planned.days} {cell.items} {cell.bytes}\n"
        self._digest.update(line.encode())
        before = self.totals
        self.totals = Totals(
            cells=before.cells + 1,
            items=before.items + cell.items,
            bytes=before.bytes + cell.bytes,
            oldest=before.oldest or cell.day,
            newest=cell.day,
        )

    def digest(self) -> bytes:
        """Give the SHA-256 (32 bytes) of all cells added so far."""
        return self._digest.digest()


def check_fresh(made_from: Facts, *, now: Facts) -> None:
    """Refuse a plan that is older than its facts.

    Raises:
        PlanStale: jobs, arming or the date have changed since.
    """
    if made_from.jobs_version != now.jobs_version:
        changed = "its jobs have changed"
    elif made_from.armed != now.armed:
        changed = "deletion has been armed" if now.armed else "deletion has been disarmed"
    elif made_from.armed_at != now.armed_at:
        changed = "deletion has been disarmed and armed again"
    elif made_from.made_on != now.made_on:
        changed = f"it was made on {made_from.made_on} and today is {now.made_on}"
    else:
        return
    raise PlanStale(f"The plan no longer fits the organization: {changed}. Make a new plan.")

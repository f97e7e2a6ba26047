"""The platform and its organizations in memory: data coming in, counts, plans."""

from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Literal

from ebbtide.domain.amount import Rest, tonights
from ebbtide.domain.cell import Amount, Cell, DataType
from ebbtide.domain.errors import LateData, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.domain.plan import Facts, PlanHash
from ebbtide.engine.admit import Mode
from ebbtide.engine.ports import Reach
from ebbtide.engine.simulate import plan_cells
from ebbtide.engine.split import STRETCH
from ebbtide.stores.memory.objects import MemoryObjects
from ebbtide.stores.memory.rows import Entry, Indexed, Place, RunRow, Segment, StoredPlan

_DAWN = datetime(2000, 1, 1, tzinfo=UTC)


class MemoryPlatform:
    """What all organizations share: the kill switch and the numbers."""

    def __init__(self) -> None:
        self.stopped: str | None = None
        self._numbers = count(1)

    def number(self) -> int:
        """Give a number nothing else has."""
        return next(self._numbers)


class MemoryOrganization:
    """One organization: jobs, rows, index rows, cells, purged line, plans, runs and book.

    Attributes:
        armed_at: since when deletion is armed; each arming has a moment of its own. None: it is not.
        stopped: whether its kill switch is on.
        nightly_amount: the most items a night takes; None: all that is due.
        stretch: weight of a stretch of its runs, in rows.
        book: the lines in the book; only ever added to.
    """

    def __init__(self, platform: MemoryPlatform, *, queues: Iterable[int]) -> None:
        self.platform = platform
        self.id = platform.number()
        self.queues = tuple(queues)
        self.armed_at: datetime | None = None
        self.stopped = False
        self.nightly_amount: int | None = None
        self.stretch = STRETCH
        self.jobs: tuple[Job, ...] = ()
        self.jobs_version = 1
        self.segments: dict[str, Segment] = {}
        self.index: dict[int, Indexed] = {}
        self.uploads: set[str] = set()
        self.purged_before: dict[tuple[int, DataType], date] = {}
        self.runs: dict[int, RunRow] = {}
        self.in_flight = 0
        self._book: list[Entry] = []
        self._cells: dict[Place, Amount] = {}
        self._seen: dict[str, tuple[int, date]] = {}

    @property
    def armed(self) -> bool:
        """Whether deletion is armed."""
        return self.armed_at is not None

    @armed.setter
    def armed(self, on: bool) -> None:
        if on != self.armed:
            self.armed_at = _DAWN + timedelta(days=self.platform.number()) if on else None

    @property
    def book(self) -> tuple[Entry, ...]:
        """The lines in the book, oldest first."""
        return tuple(self._book)

    def append(self, entries: Iterable[Entry]) -> None:
        """Add lines to the book."""
        self._book.extend(entries)

    def change_jobs(self, jobs: Iterable[Job]) -> None:
        """Put other jobs in force; every plan made before is stale."""
        self.jobs = tuple(jobs)
        self.jobs_version += 1

    # -- data coming in

    def load(self, segment: Segment) -> Literal["imported", "already_there", "late"]:
        """Take a report row, once: what was ever seen never comes again, and a purged day takes nothing."""
        first = self._seen.get(segment.key)
        if self._is_late(segment.queue, DataType.INSIGHTS, day=segment.day):
            return "late"
        if first is not None:
            queue, day = first
            return "late" if self._is_late(queue, DataType.INSIGHTS, day=day) else "already_there"
        self._seen[segment.key] = (segment.queue, segment.day)
        self.segments[segment.key] = segment
        self.count((segment.day, DataType.INSIGHTS, segment.queue), add=Amount(1, segment.bytes))
        return "imported"

    def record(self, segment: str, *, kind: DataType, content: bytes, store: MemoryObjects) -> Indexed:
        """Store an object of a segment: intent first, object second, index row last.

        Raises:
            LateData: its Q and day are purged.
            KeyError: no such segment was ever seen.
        """
        queue, day = self._seen[segment]
        if self._is_late(queue, kind, day=day) or self._is_late(queue, DataType.INSIGHTS, day=day):
            raise LateData(f"The {kind} of {public_id('que', queue)} on {day} is purged: it is late and stays out.")
        if (day, DataType.INSIGHTS, queue) not in self._cells:
            raise LateData(f"The segments of {public_id('que', queue)} on {day} are not here: their {kind} is late.")
        number = self.platform.number()
        row = Indexed(
            number, f"{self.prefix((day, kind, queue))}/{number:08x}", (day, kind, queue), len(content), segment
        )
        self.uploads.add(row.key)
        store.put(row.key, content)
        self.index[row.id] = row
        self.uploads.discard(row.key)
        self.count(row.place, add=Amount(1, row.bytes))
        return row

    def is_purged(self, place: Place) -> bool:
        """Whether a cell lies before its purged line."""
        day, kind, queue = place
        return self._is_late(queue, kind, day=day)

    def _is_late(self, queue: int, kind: DataType, *, day: date) -> bool:
        before = self.purged_before.get((queue, kind))
        return before is not None and day < before

    # -- counts

    def count(self, place: Place, *, add: Amount) -> None:
        """Change a cell's count; an empty cell goes."""
        amount = self._cells.pop(place, Amount()) + add
        if amount.items:
            self._cells[place] = amount

    def cells(self) -> dict[Place, Amount]:
        """Give the counts in plan order."""
        return dict(sorted(self._cells.items()))

    def cells_before(self, reaches: Sequence[Reach]) -> Generator[Cell, None, None]:
        """Stream the cells older than their reach, in plan order."""
        before = {(reach.queue, DataType(reach.data_type)): reach.before for reach in reaches}
        for (day, kind, queue), amount in self.cells().items():
            if (queue, kind) in before and day < before[queue, kind]:
                yield Cell(day, kind, queue, amount.items, amount.bytes)

    def prefix(self, place: Place) -> str:
        """Give the key prefix of a cell of objects."""
        day, kind, queue = place
        return f"{public_id('org', self.id)}/{public_id('que', queue)}/{day.isoformat()}/{kind}"

    # -- plans and runs

    def facts(self, today: date) -> Facts:
        """Say what a plan made today would be decided from."""
        return Facts(made_on=today, jobs_version=self.jobs_version, armed=self.armed, armed_at=self.armed_at)

    def make_plan(self, *, as_of: date, today: date) -> StoredPlan:
        """Decide what is due on a date, as things stand; changes nothing."""
        hashed = PlanHash(org=self.id, as_of=as_of)
        cells = []
        rest = Rest()
        due = plan_cells(self, jobs=self.jobs, queues=self.queues, on=as_of)
        for planned in tonights(due, most=self.nightly_amount, rest=rest, stuck=self._stuck()):
            hashed.add(planned)
            cells.append(planned)
        population = sum(amount.items for amount in self._cells.values())
        return StoredPlan(
            self.platform.number(), as_of, self.facts(today), tuple(cells), hashed.totals.items, population,
            hashed.digest(), self.nightly_amount, rest.left,
        )  # fmt: skip

    def _stuck(self) -> set[tuple[date, int]]:
        """Give the days and queues of which the last live run had to leave something."""
        live = [run.id for run in self.runs.values() if run.mode is Mode.LIVE and run.outcome is not None]
        if not live:
            return set()
        return {
            (entry.place[0], entry.place[2])
            for entry in self._book
            if entry.run == max(live) and entry.outcome in ("kept", "failed")
        }

    def open_run(self, plan: StoredPlan, *, mode: Mode | None = None) -> RunRow:
        """Add a run of a plan.

        Raises:
            Taken: another run has not ended.
        """
        if any(run.outcome is None for run in self.runs.values()):
            raise Taken(f"{public_id('org', self.id)} has a run that has not ended: take it up first.")
        row = RunRow(self.platform.number(), plan, mode)
        self.runs[row.id] = row
        return row

    def cancel(self, run: int) -> None:
        """Ask a run to stop before its next batch."""
        self.runs[run].cancelled = True

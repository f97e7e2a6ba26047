"""Organizations in memory: an honest twin of the PostgreSQL tables and the object store, under the same laws.

Why it is shipped: whoever writes a store or changes the engine can run every night of the tests in milliseconds, and a
second implementation that was written from the laws, not from the SQL, is what the real one is held against. So it
takes no short cut: counts are kept beside the rows and can drift from them, every decision asks switch, flag, jobs and
cancellation again, the book only grows, and a step that raises has changed nothing.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Literal

from ebbtide.domain.amount import Rest, tonights, used_up
from ebbtide.domain.cell import OBJECT_TYPES, Amount, Cell, DataType
from ebbtide.domain.errors import Cancelled, CellsDrifted, LateData, NotArmed, PlanStale, SwitchOn, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.domain.outcome import AlreadyGone, Failed, Numbers, Outcome, Purged, Retained, RunOutcome
from ebbtide.domain.plan import Facts, PlanHash, PlannedCell
from ebbtide.engine.admit import Mode
from ebbtide.engine.ports import Claimed, Reach
from ebbtide.engine.simulate import plan_cells
from ebbtide.engine.split import STRETCH, DayWork, Part, Stretch, stretches

Place = tuple[date, DataType, int]
"""Where a cell stands: day, data type, queue; their order is the plan's."""

_DAWN = datetime(2000, 1, 1, tzinfo=UTC)

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


class MemoryPlatform:
    """What all organizations share: the kill switch and the numbers."""

    def __init__(self) -> None:
        self.stopped: str | None = None
        self._numbers = count(1)

    def number(self) -> int:
        """Give a number nothing else has."""
        return next(self._numbers)


class MemoryObjects:
    """An object store in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, content: bytes) -> None:
        """Take an object."""
        self._objects[key] = content

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix of whole path segments; "" for all."""
        below = f"{prefix.rstrip('/')}/" if prefix else ""
        return iter([key for key in self._objects if key.startswith(below)])

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Say which of the keys are not there."""
        return {key for key in keys if key not in self._objects}

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete objects; one outcome a key, in order."""
        there = [key in self._objects for key in keys]
        for key in keys:
            self._objects.pop(key, None)
        return [Purged() if was else AlreadyGone() for was in there]


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


class MemoryRun:
    """One live run over an organization in memory; every method either happens whole or raises and changes nothing."""

    def __init__(self, org: MemoryOrganization, *, run: int, part: Part | None = None) -> None:
        self._org = org
        self._run = org.runs[run]
        self._part = part
        self._planned = {
            (one.cell.day, one.cell.data_type, one.cell.queue): one.job
            for one in self._run.plan.cells
            if part is None or part.first <= one.cell.day <= part.last
        }
        self._counted = {
            (one.cell.day, one.cell.data_type, one.cell.queue): one.cell.items for one in self._run.plan.cells
        }
        self._first_day = date.min
        self._days: deque[tuple[date, int]] | None = None

    def stretches(self) -> Sequence[Stretch]:
        """Give the plan's stretches, oldest first."""
        rows: Counter[date] = Counter()
        objects: Counter[date] = Counter()
        for (day, kind, _), items in self._counted.items():
            (objects if kind.is_object else rows)[day] += items
        work = [DayWork(day, rows[day], objects[day]) for day in sorted(rows.keys() | objects.keys())]
        return stretches(work, weight=self._org.stretch)

    @contextmanager
    def hold(self, part: Part) -> Iterator["MemoryRun | None"]:
        """Hold a part alone; None where another worker holds it."""
        if part in self._run.held:
            yield None
            return
        self._run.held.add(part)
        try:
            yield MemoryRun(self._org, run=self._run.id, part=part)
        finally:
            self._run.held.discard(part)

    @contextmanager
    def helping(self) -> Iterator[bool]:
        """Be a helper of the run; False where its carrier wants to be alone."""
        if self._run.helpers < 0:
            yield False
            return
        self._run.helpers += 1
        try:
            yield True
        finally:
            self._run.helpers -= 1

    @contextmanager
    def alone(self) -> Iterator["MemoryRun | None"]:
        """Keep helpers away and hold the whole run as one part; None where a helper is still at it."""
        if self._run.helpers:
            yield None
            return
        self._run.helpers = -1
        try:
            yield MemoryRun(self._org, run=self._run.id)
        finally:
            self._run.helpers = 0

    def rest(self, reason: str) -> None:
        """Write down why the run rests."""
        self._going_on()
        self._run.reason = reason

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Hold the organization's turnstile."""
        self._org.in_flight += 1
        try:
            yield
        finally:
            self._org.in_flight -= 1

    def _going_on(self) -> None:
        if self._run.mode is not Mode.LIVE or self._run.outcome is not None:
            raise Taken(f"{public_id('run', self._run.id)} is no live run that is going on.")

    def may_delete(self) -> None:
        """Ask switch, cancellation, flag and jobs again.

        Raises:
            SwitchOn: a kill switch is on.
            Taken: this is no live run that is going on.
            Cancelled: a person stopped it.
            NotArmed: deletion is not armed.
            PlanStale: jobs or arming have changed since the plan was made.
        """
        org, made_from = self._org, self._run.plan.facts
        if org.platform.stopped is not None:
            raise SwitchOn(f"The platform's kill switch is on ({org.platform.stopped}).")
        self._going_on()
        if self._run.cancelled:
            raise Cancelled("The run was cancelled. What it had not reached is left for the next night.")
        if org.stopped:
            raise SwitchOn("The organization's kill switch is on. Switch it off when deletion may go on.")
        if not org.armed:
            raise NotArmed("Deletion is not armed for this organization. Nothing further is deleted.")
        if (made_from.armed_at, made_from.jobs_version) != (org.armed_at, org.jobs_version):
            raise PlanStale("Jobs or arming have changed since the plan was made. Make a new plan.")

    def _entries(self) -> list[Entry]:
        return [entry for entry in self._org.book if entry.run == self._run.id]

    def _next_batch(self) -> int:
        return 1 + max((entry.batch for entry in self._entries()), default=0)

    def _gone(self, place: Place, *, batch: int, outcome: Ended, amount: Amount) -> None:
        """Count a (part of a) cell off, draw its purged line, book it."""
        day, kind, queue = place
        org = self._org
        org.count(place, add=Amount(-amount.items, -amount.bytes))
        org.purged_before[queue, kind] = max(org.purged_before.get((queue, kind), date.min), day + timedelta(days=1))
        org.append([Entry(self._run.id, batch, place, self._planned[place], outcome, "", amount)])

    def open_claims(self) -> Sequence[Claimed]:
        """Give the objects this run decided on and did not write down."""
        return [
            Claimed(row.id, row.key, row.place[0])
            for row in self._org.index.values()
            if row.claimed_by == self._run.id and row.left is None and self._is_ours(row)
        ]

    def _is_ours(self, row: Indexed) -> bool:
        """Whether an object belongs to the part that is held."""
        part = self._part
        if part is None:
            return True
        return part.first <= row.place[0] <= part.last and row.id % part.slices == part.slice

    def _has_grown(self, place: Place) -> bool:
        """Whether a planned cell holds more than the plan counted: what nobody saw is not deleted."""
        return self._org.cells()[place].items > self._counted[place]

    def ask_again(self) -> None:
        """Ask whether what was claimed a while ago may still be destroyed."""
        self.may_delete()

    def give_back(self, claimed: Sequence[Claimed]) -> None:
        """Take back claims on objects that nobody has touched since."""
        for one in claimed:
            row = self._org.index[one.id]
            if not one.again and not self._org.is_purged(row.place):
                self._org.index[one.id] = replace(row, claimed_by=None)

    def claim_objects(self, *, most: int, besides: Sequence[Claimed]) -> Sequence[Claimed]:
        """Decide on the next objects of the plan and write the intent."""
        self.may_delete()
        in_flight = {one.id for one in besides}
        open_ones = [
            row
            for row in self._org.index.values()
            if row.place in self._planned
            and self._is_ours(row)
            and not self._has_grown(row.place)
            and row.place[0] >= self._first_day
            and row.id not in in_flight
            and (row.claimed_by != self._run.id or row.left is None)
        ]
        claimed = sorted(open_ones, key=lambda row: (row.place, row.id))[:most]
        for row in claimed:
            self._org.index[row.id] = replace(row, claimed_by=self._run.id, left=None)
        if claimed:
            self._first_day = claimed[0].place[0]
        return [Claimed(row.id, row.key, row.place[0], row.claimed_by is not None) for row in claimed]

    def close_objects(self, claimed: Sequence[Claimed], *, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of claimed objects; the deed is done, so nothing is asked any more."""
        self._going_on()
        gone: dict[tuple[Place, Ended], Amount] = {}
        for one, outcome in zip(claimed, outcomes, strict=True):
            row = self._org.index.get(one.id)
            if row is None or row.claimed_by != self._run.id:
                continue
            if isinstance(outcome, Failed | Retained):
                self._org.index[row.id] = replace(row, left=outcome)
                continue
            del self._org.index[row.id]
            ended: Ended = "purged" if isinstance(outcome, Purged) else "already_gone"
            gone[row.place, ended] = gone.get((row.place, ended), Amount()) + Amount(1, row.bytes)
        batch = self._next_batch()
        for (place, ended), amount in sorted(gone.items()):
            self._gone(place, batch=batch, outcome=ended, amount=amount)

    def purge_rows(self, *, most: int) -> int | None:
        """Delete the report rows of the plan's next days, about `most` of them."""
        if self._days is None:
            self._days = self._days_left()
        if not self._days:
            return None
        days: list[date] = []
        expected = 0
        for day, items in self._days:
            if days and expected + items > most:
                break
            days.append(day)
            expected += items
        self.may_delete()
        due = [place for day in days for place in self._free_rows(day)]
        rows = {place: [one for one in self._org.segments.values() if _place(one) == place] for place in due}
        cells = self._org.cells()
        for place, found in rows.items():
            if len(found) != cells[place].items:
                raise CellsDrifted(
                    f"Cells of {place[0]} count {cells[place].items} segments and {len(found)} are there. "
                    "Run `ebbtide reconcile`, then start the run again."
                )
        batch = self._next_batch()
        for place, found in rows.items():
            for segment in found:
                del self._org.segments[segment.key]
            self._gone(place, batch=batch, outcome="purged", amount=cells[place])
        for _ in days:
            self._days.popleft()
        return sum(map(len, rows.values()))

    def _free_rows(self, day: date) -> list[Place]:
        """Give the planned cells of report rows of a day that have no objects any more: children go before parents."""
        cells = self._org.cells()
        return [
            place
            for place in cells
            if place in self._planned
            and place[:2] == (day, DataType.INSIGHTS)
            and not self._has_grown(place)
            and not any((day, kind, place[2]) in cells for kind in OBJECT_TYPES)
        ]

    def _days_left(self) -> deque[tuple[date, int]]:
        left: Counter[date] = Counter()
        for place, amount in self._org.cells().items():
            if place in self._planned and place[1] is DataType.INSIGHTS:
                left[place[0]] += amount.items
        return deque(sorted(left.items()))

    def rows_left(self) -> Iterator[str]:
        """Look among the rows themselves for some booked as purged."""
        booked = {entry.place for entry in self._entries() if entry.outcome == "purged"}
        for day, _, queue in sorted({_place(one) for one in self._org.segments.values()} & booked):
            yield f"segments of {public_id('que', queue)} on {day}"

    def booked_places(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Give the key prefix of each cell of objects in the book, with the keys that may still lie there."""
        gone = {entry.place for entry in self._entries() if entry.outcome in ("purged", "already_gone")}
        for place in sorted(place for place in gone if place[1].is_object):
            known = {row.key for row in self._org.index.values() if row.place == place}
            yield self._org.prefix(place), frozenset(known | self._org.uploads)

    def finish(self, *, reached_end: bool, outcome: RunOutcome | None, reason: str) -> Numbers:
        """End the run: book what is left with its reasons, add up, write the outcome."""
        self._going_on()
        org, batch = self._org, self._next_batch()
        left: dict[tuple[Place, Ended, str], Amount] = {}
        for row in org.index.values():
            if (
                row.claimed_by == self._run.id
                and row.left is not None
                and not (reached_end and self._has_grown(row.place))
            ):
                why = (row.place, _ended(row.left), row.left.reason)
                left[why] = left.get(why, Amount()) + Amount(1, row.bytes)
        cells = {place: amount for place, amount in org.cells().items() if place in self._planned}
        if reached_end:
            for place, amount in cells.items():
                if self._has_grown(place):
                    left[place, "kept", "more has come in since the plan was made: the next plan counts it"] = amount
                elif place[1] is DataType.INSIGHTS:
                    left[place, "failed", "recordings of this Q and day are still there"] = amount
        org.append(
            Entry(self._run.id, batch, place, self._planned[place], ended, why, amount)
            for (place, ended, why), amount in sorted(left.items(), key=lambda item: item[0])
        )
        items: Counter[str] = Counter()
        for entry in self._entries():
            items[entry.outcome] += entry.amount.items
        numbers = Numbers(
            purged=items["purged"] + items["already_gone"],
            kept=items["kept"],
            failed=items["failed"],
            not_reached=sum(amount.items for amount in cells.values())
            - items["kept"]
            - items["failed"]
            + self._run.plan.rest.items,
        )
        self._run.numbers = numbers
        self._run.purged_bytes = sum(
            entry.amount.bytes for entry in self._entries() if entry.outcome in ("purged", "already_gone")
        )
        self._run.outcome = outcome or numbers.outcome
        plan = self._run.plan
        self._run.reason = reason or (used_up(plan.rest.items, most=plan.amount or 0) if plan.rest.items else "")
        return numbers


def _place(segment: Segment) -> Place:
    return segment.day, DataType.INSIGHTS, segment.queue


def _ended(left: Failed | Retained) -> Ended:
    return "failed" if isinstance(left, Failed) else "kept"

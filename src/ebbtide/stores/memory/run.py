"""A live run in memory: every method either happens whole or raises and changes nothing."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from ebbtide.domain.amount import used_up
from ebbtide.domain.cell import OBJECT_TYPES, Amount, DataType
from ebbtide.domain.errors import Cancelled, CellsDrifted, NotArmed, PlanStale, SwitchOn, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import Failed, Numbers, Outcome, Purged, Retained, RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.engine.ports import Claimed
from ebbtide.engine.split import DayWork, Part, Stretch, stretches
from ebbtide.stores.memory.organization import MemoryOrganization
from ebbtide.stores.memory.rows import Ended, Entry, Indexed, Place, ended_of, place_of


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
        rows = {place: [one for one in self._org.segments.values() if place_of(one) == place] for place in due}
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
        for day, _, queue in sorted({place_of(one) for one in self._org.segments.values()} & booked):
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
                why = (row.place, ended_of(row.left), row.left.reason)
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

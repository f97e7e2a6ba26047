"""The same organization twice: in memory, and in PostgreSQL with a real object store.

A world takes the steps of the state machine and tells what is there, in words that do not depend on where it lives:
queues by name, jobs by order, objects by their content.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Protocol
from unittest.mock import patch

from django.conf import settings
from django.db import connections

from ebbtide.apps.catalog.services import ensure_queues
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies import services as policies
from ebbtide.apps.policies.selectors import find_job, to_domain
from ebbtide.apps.runs import services as runs
from ebbtide.apps.runs.models import Platform
from ebbtide.apps.runs.models import Run as RunModel
from ebbtide.apps.runs.planning import confirm_plan, make_plan, planned_cells
from ebbtide.apps.runs.wiring import live_run, object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import EbbtideError, LateData
from ebbtide.domain.guard import Caps, Clocks, History
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.domain.plan import PlannedCell, check_fresh
from ebbtide.engine.admit import Circumstances, Mode, admit
from ebbtide.engine.clock import FixedClock
from ebbtide.engine.night import carry_out
from ebbtide.engine.ports import Claimed
from ebbtide.engine.sweep import help_sweep
from ebbtide.stores.memory import (
    MemoryObjects,
    MemoryOrganization,
    MemoryPlatform,
    MemoryRun,
    RunRow,
    Segment,
    StoredPlan,
)
from tests import cast
from tests.engine.night import AtOnce, Crashed, Fault, Killed, StepRun, Steps, StepStore, no_hurry

QUEUES = ("north", "south", "west")
CellName = tuple[date, str, str]
"""Day, data type, queue's name."""

RUNS = "SELECT mode, outcome, purged, kept, failed, not_reached FROM runs_run ORDER BY id"


@dataclass(frozen=True)
class Row:
    """A call to be loaded."""

    key: str
    queue: str
    back: int


@dataclass(frozen=True)
class Told:
    """A run, as any world tells it."""

    mode: str | None
    outcome: str | None
    purged: int
    kept: int
    failed: int
    not_reached: int


@dataclass(frozen=True)
class State:
    """All that is there of an organization, row by row and object by object."""

    rows: Mapping[str, CellName]
    index: Mapping[str, CellName]
    objects: frozenset[str]
    claimed: frozenset[str]
    cells: Mapping[CellName, int]
    lines: Mapping[tuple[str, str], date]
    book: Mapping[tuple[CellName, str], int]
    runs: tuple[Told, ...]


@dataclass(frozen=True)
class Disturbance:
    """What happens at which step of a run (or the first of a name): a fault, or somebody changes something."""

    at: int | str = -1
    fault: Fault | None = None
    change: str | None = None


QUIET = Disturbance()
Cells = list[tuple[CellName, int, int, int]]
"""Cells of a plan: name, deciding job's order, its days, items."""


class World(Protocol):
    """The steps of the state machine."""

    def load(self, rows: Sequence[Row]) -> tuple[int, int, int]: ...
    def record(self, key: str, *, kind: DataType, label: str) -> str: ...
    def record_all(self, recordings: Sequence[tuple[str, DataType, str]]) -> Mapping[str, int]: ...
    def create_job(self, what: str, *, days: int, queues: Sequence[str]) -> None: ...
    def edit_job(self, number: int, *, days: int) -> None: ...
    def delete_job(self, number: int) -> None: ...
    def turn(self, flag: str, *, on: bool) -> None: ...
    def plan(self, back: int) -> Cells: ...
    def confirm(self) -> None: ...
    def run(self, disturbance: Disturbance, *, stuck: frozenset[str], skew: timedelta) -> str: ...
    def resume(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str: ...
    def help(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str: ...
    def cancel(self) -> str: ...
    def changed(self) -> bool: ...
    def state(self) -> State: ...
    def runs(self) -> tuple[Told, ...]: ...
    def reason(self) -> str: ...
    def neighbour(self) -> object: ...
    @property
    def taken(self) -> Counter[str]: ...


def said(deed: Callable[[], object]) -> str:
    """Do it; say "done", "killed" (or what comes to the same), or the error's code."""
    try:
        deed()
    except (Killed, Crashed):
        return "killed"
    except EbbtideError as exc:
        return exc.code
    return "done"


def neighbours_rows() -> list[Row]:
    return [Row(f"n/{queue}/{back}", queue, back) for queue in QUEUES for back in (0, 4, 8, 12, 14)]


@dataclass(frozen=True)
class Limits:
    """Caps of both worlds' organizations, the weight of a stretch, and who waits for the store."""

    share_percent: int | None = 20
    items: int | None = None
    amount: int | None = None
    stretch: int = 100_000
    beside: type[Executor] = AtOnce


class OtherNumbers(MemoryPlatform):
    """Gives numbers that no object in PostgreSQL has."""

    def number(self) -> int:
        return 1_000_000 + super().number()


class MemoryWorld:
    """The twin, with the same services around it in a few lines."""

    def __init__(self, *, today: date, limits: Limits, follows: "PostgresWorld | None" = None) -> None:
        """Make it; where it follows the other world, which goes first, it takes the same objects of a day."""
        self._today, self._limits, self._follows = today, limits, follows
        self.taken: Counter[str] = Counter()
        """The steps of its runs, by name."""
        self._platform, self._store = OtherNumbers(), MemoryObjects()
        self._numbers = {name: number for number, name in enumerate(QUEUES, start=1)}
        self._names = {number: name for name, number in self._numbers.items()}
        self._org, self._other = (MemoryOrganization(self._platform, queues=self._names) for _ in range(2))
        self._org.nightly_amount, self._org.stretch = limits.amount, limits.stretch
        self._jobs: list[Job | None] = []
        self._labels: dict[str, str] = {}
        self._plan: StoredPlan | None = None
        self._confirmed: set[int] = set()
        self._has_changed = False
        for row in neighbours_rows():
            self._other.load(Segment(row.key, self._numbers[row.queue], today - timedelta(days=row.back)))

    def load(self, rows: Sequence[Row]) -> tuple[int, int, int]:
        ends = Counter(
            self._org.load(Segment(row.key, self._numbers[row.queue], self._today - timedelta(days=row.back)))
            for row in rows
        )
        return ends["imported"], ends["already_there"], ends["late"]

    def record(self, key: str, *, kind: DataType, label: str) -> str:
        if label in {self._labels[row.key] for row in self._org.index.values()}:
            return "already_there"
        try:
            row = self._org.record(key, kind=kind, content=label.encode(), store=self._store)
        except LateData:
            return "late"
        except KeyError:
            return "rejected"
        self._labels[row.key] = label
        if self._follows is not None:  # slices go by number
            del self._org.index[row.id]
            row = replace(row, id=self._follows.numbers[label])
            self._org.index[row.id] = row
        return "imported"

    def record_all(self, recordings: Sequence[tuple[str, DataType, str]]) -> Mapping[str, int]:
        return Counter(self.record(key, kind=kind, label=label) for key, kind, label in recordings)

    def _steps(self, disturbance: Disturbance) -> Steps:
        self._has_changed = False
        steps = _steps(disturbance, change=self._changed)
        if self._follows is not None:
            steps.shunned = partial(self._not_chosen, steps.claimed, self._follows.claimed)
        return steps

    def _not_chosen(self, claimed: Sequence[object], chosen: Sequence[Collection[str]]) -> list[Claimed]:
        """Of the last day that the other world's claim came to, all that it did not choose: any of a day will do."""
        names = chosen[len(claimed)] if len(claimed) < len(chosen) else ()
        rows = {self._labels[row.key]: row for row in self._org.index.values()}
        last = max((rows[name].place[0] for name in names if name in rows), default=None)
        return [
            Claimed(row.id, row.key, row.place[0])
            for name, row in rows.items()
            if row.place[0] == last and name not in names
        ]

    def _change_jobs(self) -> None:
        self._org.change_jobs(job for job in self._jobs if job is not None)

    def create_job(self, what: str, *, days: int, queues: Sequence[str]) -> None:
        named = frozenset(self._numbers[name] for name in queues)
        self._jobs.append(_job(len(self._jobs) + 1, what, days=days, queues=named))
        self._change_jobs()

    def edit_job(self, number: int, *, days: int) -> None:
        was = self._jobs[number]
        assert was is not None
        self._jobs[number] = replace(was, days=Days(days))
        self._change_jobs()

    def delete_job(self, number: int) -> None:
        self._jobs[number] = None
        self._change_jobs()

    def turn(self, flag: str, *, on: bool) -> None:
        match flag:
            case "armed":
                self._org.armed = on
            case "stopped":
                self._org.stopped = on
            case _:
                self._platform.stopped = "drill" if on else None

    def plan(self, back: int) -> Cells:
        self._plan = self._org.make_plan(as_of=self._today - timedelta(days=back), today=self._today)
        return [
            (
                (one.cell.day, str(one.cell.data_type), self._names[one.cell.queue]),
                one.job - 1,
                one.days,
                one.cell.items,
            )
            for one in self._plan.cells
        ]

    def confirm(self) -> None:
        assert self._plan is not None
        self._confirmed.add(self._plan.id)

    def _open(self) -> RunRow | None:
        return next((run for run in self._org.runs.values() if run.outcome is None), None)

    def _carry(self, run: RunRow, steps: Steps, stuck: frozenset[str], skew: timedelta) -> None:
        if run.mode is None:
            self._admit(run, skew=skew)
        if run.outcome is None:
            carry_out(
                StepRun(MemoryRun(self._org, run=run.id), steps=steps),
                store=StepStore(self._store, steps=steps, label=self._labels.__getitem__, stuck=stuck.__contains__),
                stop=lambda: False,
                throttle=no_hurry(),
                beside=self._limits.beside(),
            )

    def _admit(self, run: RunRow, *, skew: timedelta) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        plan = run.plan
        admission = admit(
            Circumstances(
                armed=self._org.armed,
                switch=self._platform.stopped or ("stopped" if self._org.stopped else None),
                clocks=Clocks(now + skew, now, None),
                caps=Caps(self._limits.share_percent, self._limits.items),
                history=History(None, None),
                selected=self._selected(plan),
                population=plan.population,
                confirmed=plan.id in self._confirmed and self._selected(plan) <= plan.items,
                now=now,
            )
        )
        if admission.mode is Mode.LIVE:
            run.mode = Mode.LIVE
        else:
            run.mode = Mode.SIMULATED if admission.mode is Mode.SIMULATED else None
            run.outcome = RunOutcome(admission.mode)

    def _selected(self, plan: StoredPlan) -> int:
        """What the plan's cells hold by now."""
        cells = self._org.cells()
        places = [(one.cell.day, one.cell.data_type, one.cell.queue) for one in plan.cells]
        return sum(cells[place].items for place in places if place in cells)

    def run(self, disturbance: Disturbance, *, stuck: frozenset[str], skew: timedelta) -> str:
        steps = self._steps(disturbance)

        def start() -> None:
            plan = self._plan
            assert plan is not None
            broken_off = self._open()
            if broken_off is not None:
                self._carry(broken_off, steps, stuck, skew)
                if broken_off.plan is plan:
                    return
            check_fresh(plan.facts, now=self._org.facts(self._today))
            self._carry(self._org.open_run(plan), steps, stuck, skew)

        return self._count(steps, said(start))

    def _count(self, steps: Steps, end: str) -> str:
        self.taken.update(steps.taken)
        return end

    def resume(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str:
        run = self._open()
        steps = self._steps(disturbance)
        if run is None:
            return "nothing"
        return self._count(steps, said(partial(self._carry, run, steps, stuck, timedelta())))

    def help(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str:
        run = self._open()
        if run is None or run.mode is None:
            return "nothing"
        steps = self._steps(disturbance)
        live = MemoryRun(self._org, run=run.id)
        store = StepStore(self._store, steps=steps, label=self._labels.__getitem__, stuck=stuck.__contains__)

        def deed() -> None:
            with live.helping():
                help_sweep(
                    StepRun(live, steps=steps),
                    store=store,
                    stop=lambda: False,
                    throttle=no_hurry(),
                    beside=self._limits.beside(),
                )

        return self._count(steps, said(deed))

    def cancel(self) -> str:
        run = self._open()
        if run is None:
            return "nothing"
        self._org.cancel(run.id)
        return "done"

    def changed(self) -> bool:
        return self._has_changed

    def _changed(self, change: str) -> None:
        self._has_changed = True
        match change:
            case "disarm":
                self._org.armed = False
            case "disarm and arm again":
                self._org.armed = False
                self._org.armed = True
            case "switch":
                self._platform.stopped = "drill"
            case "stop":
                self._org.stopped = True
            case "cancel":
                self.cancel()
            case _:
                self.create_job("global", days=5000, queues=())

    def _name(self, place: tuple[date, DataType, int]) -> CellName:
        day, kind, queue = place
        return day, str(kind), self._names[queue]

    def state(self) -> State:
        org = self._org
        book: Counter[tuple[CellName, str]] = Counter()
        for entry in org.book:
            book[self._name(entry.place), entry.outcome] += entry.amount.items
        return State(
            rows={one.key: self._name((one.day, DataType.INSIGHTS, one.queue)) for one in org.segments.values()},
            index={self._labels[row.key]: self._name(row.place) for row in org.index.values()},
            objects=frozenset(self._labels[key] for key in self._store.keys(f"org_{org.id}")),
            claimed=frozenset(self._labels[row.key] for row in org.index.values() if row.claimed_by is not None),
            cells={self._name(place): amount.items for place, amount in org.cells().items()},
            lines={(self._names[queue], str(kind)): before for (queue, kind), before in org.purged_before.items()},
            book=dict(book),
            runs=self.runs(),
        )

    def runs(self) -> tuple[Told, ...]:
        return tuple(
            Told(
                None if run.mode is None else str(run.mode),
                None if run.outcome is None else str(run.outcome),
                run.numbers.purged,
                run.numbers.kept,
                run.numbers.failed,
                run.numbers.not_reached,
            )
            for run in self._org.runs.values()
        )

    def reason(self) -> str:
        return next(reversed(self._org.runs.values())).reason

    def neighbour(self) -> object:
        return sorted(self._other.segments), self._other.cells()


class PostgresWorld:
    """The real thing: the product's own services over PostgreSQL and a local object store."""

    def __init__(self, name: str, *, zone: str, limits: Limits) -> None:
        self._zone = zone
        self._limits = limits
        self.taken: Counter[str] = Counter()
        """The steps of its runs, by name."""
        self.claimed: list[set[str]] = []
        """What each claim of its last run decided on."""
        self.numbers: dict[str, int] = {}
        """The objects' numbers."""
        self._org, self._other = (cast.centre(f"{name} {which}", zone=zone) for which in ("Alice", "Charlie"))
        self._today = local_day(_now(), zone=parse_zone(zone))
        with acting_in(self._org.id):
            self._numbers = ensure_queues(QUEUES, org=self._org.id)
            Organization.objects.filter(id=self._org.id).update(
                share_cap_percent=limits.share_percent, item_cap=limits.items, nightly_amount=limits.amount
            )
        self._names = {number: queue for queue, number in self._numbers.items()}
        self._jobs: list[int] = []
        self._labels: dict[str, str] = {}
        self._by_sha: dict[bytes, str] = {}
        self._has_changed = False
        self._plan = ""
        cast.load(self._other, [self._call(row) for row in neighbours_rows()])

    def _call(self, row: Row) -> dict[str, object]:
        return {"source_key": row.key, "queue": row.queue, "day": self._today - timedelta(days=row.back)}

    def load(self, rows: Sequence[Row]) -> tuple[int, int, int]:
        counts = cast.load(self._org, [self._call(row) for row in rows])
        return counts.imported, counts.already_there, counts.late

    def record(self, key: str, *, kind: DataType, label: str) -> str:
        (end,) = self.record_all([(key, kind, label)])
        return end

    def record_all(self, recordings: Sequence[tuple[str, DataType, str]]) -> Mapping[str, int]:
        self._by_sha |= {hashlib.sha256(label.encode()).digest(): label for _, _, label in recordings}
        counts = cast.record_all(self._org, [(key, kind, label.encode()) for key, kind, label in recordings])
        with acting_in(self._org.id) as cursor:
            cursor.execute("SELECT key, sha256, id FROM media_mediaobject")
            for key, sha, number in cursor.fetchall():
                self._labels[key] = self._by_sha[bytes(sha)]
                self.numbers[self._labels[key]] = number
        return {name: number for name, number in counts.told().items() if name != "read" and number}

    def create_job(self, what: str, *, days: int, queues: Sequence[str]) -> None:
        named = frozenset(self._numbers[name] for name in queues)
        job = _job(1, what, days=days, queues=named)
        row = policies.create_job(
            self._org.id, type=job.type, what=job.what, days=job.days, queues=job.queues, actor="test"
        )
        self._jobs.append(row.id)

    def edit_job(self, number: int, *, days: int) -> None:
        with acting_in(self._org.id):
            row = find_job(public_id("job", self._jobs[number]), org=self._org.id)
            was = to_domain(row)
        policies.edit_job(
            self._org.id,
            job_id=public_id("job", row.id),
            version=row.version,
            what=was.what,
            days=Days(days),
            queues=was.queues,
            actor="test",
        )

    def delete_job(self, number: int) -> None:
        policies.delete_job(self._org.id, job_id=public_id("job", self._jobs[number]), actor="test", now=_now())

    def turn(self, flag: str, *, on: bool) -> None:
        told: dict[str, Any] = {"reason": "drill", "actor": "test", "now": _now()}
        match flag:
            case "armed":
                (orgs.arm if on else orgs.disarm)(self._org.id, **told)
            case "stopped":
                orgs.stop_organization(self._org.id, on=on, **told)
            case _:
                runs.turn_switch(on=on, reason="drill")

    def plan(self, back: int) -> Cells:
        plan = make_plan(self._org.id, as_of=self._today - timedelta(days=back), now=_now())
        self._plan = public_id("plan", plan.id)
        with acting_in(self._org.id):
            return [self._planned(one) for one in planned_cells(plan)]

    def _planned(self, one: PlannedCell) -> tuple[CellName, int, int, int]:
        cell = one.cell
        name = (cell.day, str(cell.data_type), self._names[cell.queue])
        return name, self._jobs.index(one.job), one.days, cell.items

    def confirm(self) -> None:
        confirm_plan(self._org.id, plan_id=self._plan, actor="test", now=_now())

    def _disturbed(self, disturbance: Disturbance, *, stuck: frozenset[str], deed: Callable[[], object]) -> str:
        self._has_changed = False
        steps = _steps(disturbance, change=self._changed)
        stepping = StepStore(object_store(), steps=steps, label=self._labels.__getitem__, stuck=stuck.__contains__)
        with (
            patch.object(runs, "live_run", lambda run, *, clock: StepRun(live_run(run, clock=clock), steps=steps)),
            patch.object(runs, "object_store", lambda: stepping),
            patch.object(runs, "beside", self._limits.beside),
            patch.object(runs, "throttle_of", lambda *_args, **_rest: no_hurry()),
            patch.object(settings, "EBBTIDE_STRETCH", self._limits.stretch),
        ):
            end = said(deed)
        self.taken.update(steps.taken)
        self.claimed = [{self._labels[one.key] for one in claimed} for claimed in steps.claimed]
        if end == "killed":
            connections.close_all()  # as the end of a process does
        return end

    def run(self, disturbance: Disturbance, *, stuck: frozenset[str], skew: timedelta) -> str:
        asked = runs.Asked("manual", self._today, plan_id=self._plan)
        clock = FixedClock(_now() + skew)
        deed = partial(runs.start_run, self._org.id, asked=asked, clock=clock)
        return self._disturbed(disturbance, stuck=stuck, deed=deed)

    def resume(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str:
        if self._open() is None:
            return "nothing"
        deed = partial(runs.resume_open_run, self._org.id, clock=FixedClock(_now()))
        return self._disturbed(disturbance, stuck=stuck, deed=deed)

    def help(self, disturbance: Disturbance, *, stuck: frozenset[str]) -> str:
        run = self._open()
        if run is None or run.mode is None:
            return "nothing"
        deed = partial(runs.help_run, self._org.id, run_id=run.id, clock=FixedClock(_now()))
        return self._disturbed(disturbance, stuck=stuck, deed=deed)

    def _open(self) -> RunModel | None:
        with acting_in(self._org.id):
            return RunModel.objects.filter(org_id=self._org.id, outcome__isnull=True).first()

    def cancel(self) -> str:
        run = self._open()
        if run is None:
            return "nothing"
        return said(partial(runs.cancel_run, self._org.id, run_id=public_id("run", run.id), actor="test", now=_now()))

    def changed(self) -> bool:
        return self._has_changed

    def _changed(self, change: str) -> None:
        """Change something in the midst of a run; whoever does so for good waits until what is in flight is at rest."""
        self._has_changed = True
        turned = partial(orgs._turn, self._org.id, reason="drill", actor="test", now=_now())
        match change:
            case "disarm":
                turned(flag="armed", value=False)
            case "disarm and arm again":
                turned(flag="armed", value=False)
                turned(flag="armed", value=True, now=_now())
            case "switch":
                Platform.objects.filter(id=1).update(stopped=True, stopped_reason="drill")
            case "stop":
                turned(flag="stopped", value=True)
            case "cancel":
                with acting_in(self._org.id):
                    RunModel.objects.filter(org_id=self._org.id, outcome__isnull=True).update(cancelled_at=_now())
            case _:
                self.create_job("global", days=5000, queues=())

    def state(self) -> State:
        org = self._org.id
        with acting_in(org) as cursor:

            def ask(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return list(cursor.fetchall())

            rows = ask("SELECT source_key, day, queue_id FROM insights_segment")
            ((timeline,),) = ask("SELECT count(*) FROM insights_event e JOIN insights_segment s ON s.id = e.segment_id")
            ((lone,),) = ask("SELECT count(*) FROM insights_event")
            index = ask("SELECT key, day, kind, queue_id, claimed_by FROM media_mediaobject")
            ((uploads,),) = ask("SELECT count(*) FROM media_upload")
            cells = ask("SELECT day, data_type, queue_id, items FROM catalog_cell")
            lines = ask("SELECT queue_id, data_type, before FROM catalog_purgedline")
            book = ask(
                "SELECT day, data_type, queue_id, outcome, sum(items)::bigint FROM ledger_entry GROUP BY 1, 2, 3, 4"
            )
            told = ask(RUNS)
        assert timeline == lone == len(rows), "each segment has its one event, and no event is left alone"
        assert uploads == 0
        return State(
            rows={key: (day, "insights", self._names[queue]) for key, day, queue in rows},
            index={self._labels[key]: (day, kind, self._names[queue]) for key, day, kind, queue, _ in index},
            objects=frozenset(self._labels[key] for key in object_store().keys(public_id("org", org))),
            claimed=frozenset(self._labels[row[0]] for row in index if row[4] is not None),
            cells={(day, kind, self._names[queue]): items for day, kind, queue, items in cells},
            lines={(self._names[queue], kind): before for queue, kind, before in lines},
            book={((day, kind, self._names[queue]), outcome): items for day, kind, queue, outcome, items in book},
            runs=tuple(Told(*row) for row in told),
        )

    def runs(self) -> tuple[Told, ...]:
        with acting_in(self._org.id) as cursor:
            cursor.execute(RUNS)
            return tuple(Told(*row) for row in cursor.fetchall())

    def reason(self) -> str:
        with acting_in(self._org.id):
            return RunModel.objects.filter(org_id=self._org.id).latest("id").reason

    def neighbour(self) -> object:
        return cast.everything(self._other), cast.counted(self._other)


def _now() -> datetime:
    return datetime.now(UTC)


def _steps(disturbance: Disturbance, *, change: Callable[[str], None]) -> Steps:
    before = None if disturbance.change is None else partial(change, disturbance.change)
    return Steps(disturbance.fault, at=disturbance.at, before=before)


def _job(number: int, what: str, *, days: int, queues: frozenset[int]) -> Job:
    if what == "global":
        return Job(id=number, type=JobType.GLOBAL, what=What.ALL, days=Days(days))
    return Job(id=number, type=JobType.QUEUE, what=What(what), days=Days(days), queues=queues)

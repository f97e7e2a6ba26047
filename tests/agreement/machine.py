"""One state machine over two worlds: the same steps, the same survivors, and the invariants after every one of them.

What must hold is worked out here from lists of jobs and differences of states; nothing of the product's own
deciding is asked. I1 ... I15 are the product's invariants of safe deletion.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import OBJECT_TYPES, DataType
from ebbtide.engine import sweep
from tests.agreement.worlds import (
    QUEUES,
    QUIET,
    CellName,
    Cells,
    Disturbance,
    Limits,
    MemoryWorld,
    PostgresWorld,
    Row,
    State,
    World,
)
from tests.engine.night import AtLast, AtOnce, Fault

T = TypeVar("T")

FAULTS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.KILLED_HALFWAY, Fault.CRASHED, Fault.DOWN, Fault.LOST,
          Fault.SERIALIZATION, Fault.PARTIAL)  # fmt: skip
CHANGES = ("disarm", "disarm and arm again", "switch", "stop", "cancel", "jobs")

queues = st.sampled_from(QUEUES)
backs = st.integers(0, 14)
periods = st.sampled_from([1, 2, 3, 4, 5, 6, 8])
picks = st.integers(0, 999)
steps = st.one_of(st.integers(0, 11), st.sampled_from(["claim ahead", "ask again", "rows"]))
disturbances = st.one_of(
    st.just(QUIET),
    st.builds(Disturbance, at=steps, fault=st.sampled_from(FAULTS)),
    st.builds(Disturbance, at=steps, change=st.sampled_from(CHANGES)),
)
kills = st.builds(Disturbance, at=steps, fault=st.sampled_from([Fault.KILLED_BEFORE, Fault.KILLED_AFTER,
                                                                 Fault.KILLED_HALFWAY]))  # fmt: skip


@dataclass(frozen=True)
class JobTold:
    """A job in the machine's own words."""

    what: str
    days: int
    queues: tuple[str, ...]

    def takes(self, cell: CellName, on: date) -> bool:
        day, kind, queue = cell
        if self.what == "desktop" and kind != "desktop":
            return False
        return (self.what == "global" or queue in self.queues) and (on - day).days > self.days


@dataclass(frozen=True)
class PlanTold:
    """A plan in the machine's own words: its date, the jobs of its moment, the cells it named."""

    on: date
    jobs: tuple[JobTold, ...]
    cells: Mapping[CellName, int]
    confirmed: bool = False
    rest: int = 0
    """Items that are due and that the nightly amount left out."""

    @property
    def items(self) -> int:
        return sum(self.cells.values())

    def due(self, cell: CellName) -> bool:
        return any(job.takes(cell, self.on) for job in self.jobs)


@dataclass(frozen=True)
class Ran:
    """What a step that ran something was."""

    plan: PlanTold | None
    broken_off: PlanTold | None
    fresh: bool
    quiet: bool
    stuck: frozenset[str]


def noon_zone() -> str:
    """A zone in which it is about noon, so that no midnight falls into a test."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


class Agreement(RuleBasedStateMachine):
    """Takes each step in both worlds, and compares."""

    numbers: ClassVar = itertools.count(1)
    reached: ClassVar[dict[type[World], Counter[str]]] = {}
    """The steps that the runs of all lives took, in each world."""

    def __init__(self) -> None:
        super().__init__()
        self.worlds: tuple[World, ...] = ()
        self.neighbours: list[object] = []
        self.jobs: list[JobTold | None] = []
        self.flags = {"armed": False, "stopped": False, "platform": False}
        self.planned: PlanTold | None = None
        self.open_plan: PlanTold | None = None
        self.keys: list[str] = []
        self.ago = 9
        """How many days ago it is, for the nights; it comes to today."""
        self.gone: Counter[CellName] = Counter()
        self.gone_names: set[str] = set()
        self.ran: Ran | None = None
        self.last: State | None = None
        self.could_delete = False
        self.agreed = False
        """Nothing was done since the worlds were last compared."""

    def both(self, deed: Callable[[World], T]) -> T:
        self.agreed = False
        first, second = (deed(world) for world in self.worlds)
        assert first == second, f"PostgreSQL and memory differ:\n{first}\n{second}"
        return first

    @initialize(
        share=st.sampled_from([20, 20, 60, None]),
        items=st.sampled_from([None, None, 12]),
        amount=st.sampled_from([None, None, 3, 9]),
        stretch=st.sampled_from([100_000, 60]),
        batch=st.sampled_from([1, 2]),
        beside=st.sampled_from([AtOnce, AtLast]),
        armed=st.sampled_from([True, True, True, False]),
        days=st.tuples(periods, periods, periods),
    )
    def begin(
        self,
        share: int | None,
        items: int | None,
        amount: int | None,
        stretch: int,
        batch: int,
        beside: type[Executor],
        armed: bool,
        days: tuple[int, int, int],
    ) -> None:
        """A centre with two weeks of recorded calls of two queues and a job of each kind; and a neighbour."""
        self.limits = Limits(share, items, amount, stretch, beside)
        sweep.OBJECTS_PER_BATCH = batch
        zone = noon_zone()
        self.today = local_day(datetime.now(UTC), zone=parse_zone(zone))
        postgres = PostgresWorld(f"m{next(self.numbers)}", zone=zone, limits=self.limits)
        postgres.turn("platform", on=False)
        self.worlds = (postgres, MemoryWorld(today=self.today, limits=self.limits, follows=postgres))
        self.neighbours = [world.neighbour() for world in self.worlds]
        self._load([Row(f"{queue}/{back}", queue, back) for queue in QUEUES[:2] for back in range(15)])
        self._record(
            *(
                (f"{queue}/{back}", OBJECT_TYPES[(back + number) % 3], 0)
                for back in range(2, 15)
                for number, queue in enumerate(QUEUES[:2])
            )
        )
        for what, named, period in zip(
            ("global", "all", "desktop"), ((), ("south",), ("north", "west")), days, strict=True
        ):
            self._create_job(what, period, named)
        if armed:
            self._turn("armed", on=True)

    # -- data comes in

    def _load(self, rows: list[Row]) -> None:
        self.both(lambda world: world.load(rows))
        self.keys = list(dict.fromkeys([*self.keys, *(row.key for row in rows)]))

    @rule(
        queue=queues,
        days=st.sets(backs, min_size=1, max_size=4),
        numbers=st.integers(1, 3),
        kinds=st.sets(st.sampled_from(OBJECT_TYPES)),
    )
    def load(self, queue: str, days: set[int], numbers: int, kinds: set[DataType]) -> None:
        """Import calls of some days, and a recording or more of each: new ones, ones that are there, and late ones."""
        self._load([Row(f"{queue}/{back}/{number}", queue, back) for back in sorted(days) for number in range(numbers)])
        if kinds:
            self._record(*((f"{queue}/{back}/0", kind, 0) for back in sorted(days) for kind in sorted(kinds)))

    @rule(pick=picks, queue=queues, back=backs)
    def load_again_elsewhere(self, pick: int, queue: str, back: int) -> None:
        """Import a call that was seen once more, as if of another day and queue."""
        self._load([Row(self.keys[pick % len(self.keys)], queue, back)])

    def _record(self, *recordings: tuple[str, DataType, int]) -> None:
        told = [(key, kind, f"{key} {kind} {version}") for key, kind, version in recordings]
        self.both(lambda world: world.record_all(told))

    @rule(pick=picks, kind=st.sampled_from(OBJECT_TYPES), version=st.integers(0, 1))
    def record(self, pick: int, kind: DataType, version: int) -> None:
        """Upload a recording of a call that is there, or was."""
        self._record((self.keys[pick % len(self.keys)], kind, version))

    # -- jobs, arming, switches

    def _create_job(self, what: str, days: int, named: tuple[str, ...]) -> None:
        self.both(lambda world: world.create_job(what, days=days, queues=named))
        self.jobs.append(JobTold(what, days, named))

    @rule(
        change=st.sampled_from(["create", "edit", "delete"]),
        pick=picks,
        what=st.sampled_from(["global", "all", "desktop"]),
        days=periods,
        named=st.sets(queues, min_size=1),
    )
    def change_jobs(self, change: str, pick: int, what: str, days: int, named: set[str]) -> None:
        """Make a job (five at most), give one another period, or delete it."""
        there = [(number, job) for number, job in enumerate(self.jobs) if job is not None]
        if change == "create" and len(there) < 5:
            self._create_job(what, days, () if what == "global" else tuple(sorted(named)))
        elif there:
            number, job = there[pick % len(there)]
            if change == "delete":
                self.both(lambda world: world.delete_job(number))
                self.jobs[number] = None
            else:
                self.both(lambda world: world.edit_job(number, days=days))
                self.jobs[number] = replace(job, days=days)

    def _turn(self, flag: str, *, on: bool) -> None:
        self.both(lambda world: world.turn(flag, on=on))
        self.flags[flag] = on

    @rule(flag=st.sampled_from(["armed", "stopped", "platform"]))
    def turn(self, flag: str) -> None:
        """Arm, disarm, or turn a kill switch; where deletion is stopped, most often let it go on again."""
        if self._may_delete():
            self._turn(flag, on=flag != "armed")
        for other in self.flags:
            if other != flag and self.flags[other] != (other == "armed"):
                self._turn(other, on=other == "armed")

    def _may_delete(self) -> bool:
        return self.flags == {"armed": True, "stopped": False, "platform": False}

    # -- plans and runs

    def _plan(self, back: int) -> None:
        on = self.today - timedelta(days=back)
        cells: Cells = self.both(lambda world: world.plan(back))
        named = {cell: items for cell, _, _, items in cells}
        jobs = tuple(job for job in self.jobs if job is not None)
        self.planned = PlanTold(on, jobs, named)
        assert self.last is not None
        due = {cell: items for cell, items in self.last.cells.items() if self.planned.due(cell)}
        self.planned = replace(self.planned, rest=self._rest(named, due))
        for cell, job, days, _ in cells:
            decider = self.jobs[job]
            assert decider is not None
            assert decider.takes(cell, on)
            assert days == decider.days == min(one.days for one in jobs if one.takes(cell, on))

    def _rest(self, named: Mapping[CellName, int], due: Mapping[CellName, int]) -> int:
        """Hold a plan against what is due; gives the items that the nightly amount left out."""
        assert self.last is not None
        assert named.items() <= due.items(), "I4: the plan names nothing that is not due"
        left = {cell: items for cell, items in due.items() if cell not in named}
        amount = self.limits.amount
        if amount is None:
            assert not left, "I4: the plan is what is due"
            return 0
        tried = {(day, queue) for ((day, _, queue), outcome) in self.last.book if outcome in ("kept", "failed")}
        units: Counter[tuple[date, str]] = Counter()
        for (day, _, queue), items in named.items():
            units[day, queue] += items
        fresh = {unit: items for unit, items in units.items() if unit not in tried}
        assert sum(fresh.values()) <= amount or len(fresh) == 1, "I14: a night keeps to its amount"
        assert not {(day, queue) for day, _, queue in left} & set(units), "a Q's day goes whole"
        if left:
            assert units, "something always goes"
            assert max((day for day, _ in fresh), default=date.min) <= min(day for day, _, _ in left), "oldest first"
        return sum(left.values())

    @rule(confirmed=st.booleans())
    def plan(self, confirmed: bool) -> None:
        """Make a plan and leave it."""
        self._plan(self.ago)
        if confirmed:
            self._confirm()

    def _confirm(self) -> None:
        assert self.planned is not None
        self.both(lambda world: world.confirm())
        self.planned = replace(self.planned, confirmed=True)

    def _run(
        self, disturbance: Disturbance, stuck: frozenset[str], *, fresh: bool, skew: timedelta = timedelta()
    ) -> None:
        assert self.last is not None
        runs = len(self.last.runs)
        self.could_delete = self._may_delete()
        self.ran = Ran(self.planned, self.open_plan, fresh, disturbance == QUIET, stuck)
        if disturbance.change == "jobs":  # may happen or not: both worlds are asked below
            self.jobs.append(None)
        self.both(lambda world: world.run(disturbance, stuck=stuck, skew=skew))
        self._after(disturbance, started=self.planned, runs=runs)

    def _after(self, disturbance: Disturbance, *, started: PlanTold | None, runs: int) -> None:
        """Look which run is open now, and whether the change of mind came to pass."""
        told = self.both(lambda world: world.runs())
        if len(told) > runs:
            self.open_plan = started
        if not told or told[-1].outcome is not None:
            self.open_plan = None
        changed = self.both(lambda world: world.changed())
        if disturbance.change is not None and changed:
            flag = {
                "disarm": ("armed", False),
                "disarm and arm again": ("armed", True),
                "switch": ("platform", True),
                "stop": ("stopped", True),
            }
            if disturbance.change in flag:
                name, on = flag[disturbance.change]
                self.flags[name] = on
        if disturbance.change == "jobs":
            if changed:
                self.jobs[-1] = JobTold("global", 5000, ())
            else:
                self.jobs.pop()

    def _stuck(self, pick: int, *, some: bool) -> frozenset[str]:
        assert self.last is not None
        assert self.planned is not None
        labels = sorted(label for label, cell in self.last.index.items() if cell in self.planned.cells)
        return frozenset([labels[pick % len(labels)]] if some and labels else [])

    @precondition(lambda self: self.planned is not None)
    @rule(disturbance=disturbances, pick=picks, some=st.booleans())
    def run_the_plan_that_was_left(self, disturbance: Disturbance, pick: int, some: bool) -> None:
        """Run a plan made some steps ago; it may be stale, or hold more by now."""
        self._run(disturbance, self._stuck(pick, some=some), fresh=False)

    @rule(
        confirmed=st.sampled_from([True, True, True, False]),
        disturbance=disturbances,
        pick=picks,
        some=st.booleans(),
        hours=st.sampled_from([0, 0, 0, 0, 0, 1, -2]),
    )
    def night(self, confirmed: bool, disturbance: Disturbance, pick: int, some: bool, hours: int) -> None:
        """The next night, with all that may befall it; on a clock that is off by hours, nothing starts to delete."""
        self._night(confirmed, disturbance, pick, some, hours)

    def _night(self, confirmed: bool, disturbance: Disturbance, pick: int, some: bool, hours: int) -> None:
        self.ago = max(0, self.ago - 1)
        self._plan(self.ago)
        if confirmed:
            self._confirm()
        begun = self.open_plan is not None
        self._run(disturbance, self._stuck(pick, some=some), fresh=True, skew=timedelta(hours=hours))
        if hours and not begun:
            assert self.worlds[0].runs()[-1].outcome in {"blocked", "simulated"}

    @rule(confirmed=st.booleans(), kill=kills)
    def night_that_breaks_off(self, confirmed: bool, kill: Disturbance) -> None:
        """A night whose process dies."""
        self._night(confirmed, kill, 0, False, 0)

    @rule(batch=st.sampled_from([1, 2, 3]), change=st.one_of(st.none(), st.sampled_from(CHANGES)))
    def night_of_many_batches(self, batch: int, change: str | None) -> None:
        """A night in small batches; right after a completed one, another deletes nothing (I11).

        Either it is quiet, or somebody changes something while a batch that was claimed ahead waits for its turn.
        """
        before, sweep.OBJECTS_PER_BATCH = sweep.OBJECTS_PER_BATCH, batch
        try:
            self._night(True, QUIET if change is None else Disturbance("ask again", change=change), 0, False, 0)
        finally:
            sweep.OBJECTS_PER_BATCH = before
        self.agree()
        assert self.last is not None
        left = self.last
        if left.runs[-1].outcome == "completed" and left.runs[-1].purged:
            self._plan(self.ago)
            self._run(QUIET, frozenset(), fresh=True)
            self.agree()
            assert replace(self.last, runs=()) == replace(left, runs=())
            assert self.last.runs[-1].outcome == "completed", "I11: nothing is left to do"
            assert self.last.runs[-1].purged == 0

    @precondition(lambda self: self.open_plan is not None)
    @rule(disturbance=disturbances)
    def resume(self, disturbance: Disturbance) -> None:
        """Take up the run that was broken off."""
        assert self.last is not None
        self.could_delete = self._may_delete()
        self.ran = Ran(None, self.open_plan, fresh=False, quiet=disturbance == QUIET, stuck=frozenset())
        if disturbance.change == "jobs":
            self.jobs.append(None)
        self.both(lambda world: world.resume(disturbance, stuck=frozenset()))
        self._after(disturbance, started=None, runs=len(self.last.runs))

    @precondition(lambda self: self.open_plan is not None)
    @rule(disturbance=disturbances)
    def help(self, disturbance: Disturbance) -> None:
        """Join the run whose carrier is gone: a helper does all but end it."""
        assert self.last is not None
        self.could_delete = self._may_delete()
        self.ran = Ran(None, self.open_plan, fresh=False, quiet=False, stuck=frozenset())
        if disturbance.change == "jobs":
            self.jobs.append(None)
        before = len(self.last.runs)
        self.both(lambda world: world.help(disturbance, stuck=frozenset()))
        told = self.both(lambda world: world.runs())
        assert (len(told), told[-1].outcome) == (before, None), "only a carrier ends a run"
        self._after(disturbance, started=None, runs=before)

    @precondition(lambda self: self.open_plan is not None)
    @rule()
    def cancel(self) -> None:
        """Cancel the run that was broken off."""
        self.both(lambda world: world.cancel())

    # -- what holds after every step

    @invariant()
    def agree(self) -> None:
        """Both worlds hold the same, and all invariants hold in it."""
        if not self.worlds or self.agreed:
            return
        now = self.both(lambda world: world.state())
        before, ran = self.last, self.ran
        self.last, self.ran = now, None
        self._counts_are_exact(now)
        if before is not None:
            self._only_what_may_go_is_gone(before, now, ran)
        booked: Counter[CellName] = Counter()
        for (cell, outcome), items in now.book.items():
            if outcome in ("purged", "already_gone"):
                booked[cell] += items
        assert booked == self.gone, "I8, I12: the book counts what is gone, once"
        lines: dict[tuple[str, str], date] = {}
        for day, kind, queue in booked:
            lines[queue, kind] = max(lines.get((queue, kind), date.min), day + timedelta(days=1))
        assert now.lines == lines, "the purged line stands after the newest day that was purged"
        self.agreed = True

    def _counts_are_exact(self, now: State) -> None:
        assert now.cells == Counter([*now.rows.values(), *now.index.values()]), "I13: cells count what is there"
        assert now.objects <= set(now.index), "I3: no object without a row"
        assert set(now.index) - now.objects <= now.claimed, "I3: no row without an object, but of one being destroyed"
        assert not self.gone_names & ({*now.rows} | now.objects | {*now.index}), "I7: nothing purged comes back"

    def _only_what_may_go_is_gone(self, before: State, now: State, ran: Ran | None) -> None:
        names = {**before.rows, **before.index}
        gone = {name: cell for name, cell in names.items() if name not in now.rows and name not in now.index}
        destroyed = before.objects - now.objects
        self.gone.update(gone.values())
        self.gone_names |= gone.keys()
        if ran is None:
            assert not gone
            assert not destroyed
            return
        plans = [plan for plan in (ran.plan, ran.broken_off) if plan is not None]
        for cell in [*gone.values(), *(before.index[label] for label in destroyed)]:
            assert any(plan.due(cell) for plan in plans), f"I1: {cell} was not due"
            assert any(cell in plan.cells for plan in plans), f"I4: {cell} was in no plan"
        if destroyed or gone.keys() - (before.index.keys() - before.objects):
            # all but rows of objects that had been destroyed before: those may be written down at any time
            assert self.could_delete, "I6: nothing goes unless armed, and no switch is on"
        started = now.runs[len(before.runs) :]
        if started and ran.broken_off is None and ran.plan is not None:
            if started[-1].mode == "live":
                self._caps_held(before, ran.plan, Counter(gone.values()))
                self._went_to_its_end(before, now, ran)
            else:
                assert replace(before, runs=()) == replace(now, runs=()), "I5: a simulation changes nothing"

    def _went_to_its_end(self, before: State, now: State, ran: Ran) -> None:
        """I2, I15: everything due is gone, or has its reason."""
        told, plan = now.runs[-1], ran.plan
        assert plan is not None
        left = {cell for cell in now.cells if cell in plan.cells}
        if told.outcome == "completed":
            assert not left, "I2: all that was planned is gone"
            assert not ran.fresh or not any(map(plan.due, now.cells)), "I2, I15: all that was due is gone"
            assert told.kept == told.failed == told.not_reached == 0
        elif told.outcome == "incomplete":
            assert told.kept + told.failed + told.not_reached == sum(now.cells[cell] for cell in left) + plan.rest
            if ran.quiet and ran.fresh:
                held = {(day, queue) for day, _, queue in (before.index[label] for label in ran.stuck)}
                assert {(day, queue) for day, _, queue in left} <= held, "I2: it has no reason"

    def _caps_held(self, before: State, plan: PlanTold, gone: Counter[CellName]) -> None:
        """I14: a run never exceeds its caps, and takes no more of any cell than its plan counted."""
        for cell, items in gone.items():
            assert items <= plan.cells[cell], f"I4: {cell} held {plan.cells[cell]} when it was planned"
        if self.limits.items is not None:
            assert gone.total() <= self.limits.items, "I14: more than the count cap"
        population = sum(before.cells.values())
        if self.limits.share_percent is not None and gone.total() * 100 > self.limits.share_percent * population:
            assert plan.confirmed, "I14: more than the share cap"

    def teardown(self) -> None:
        for world, was in zip(self.worlds, self.neighbours, strict=True):
            self.reached.setdefault(type(world), Counter()).update(world.taken)
            assert world.neighbour() == was, "the neighbour is untouched"

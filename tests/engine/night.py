"""A small night in memory, and the ways in which it can be disturbed.

Two organizations are always there: ours, and a neighbour with the same queues and days that nothing may touch.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import DatabaseUnreachable, EbbtideError, StoreUnreachable, Taken
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.outcome import Failed, Numbers, Outcome, RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.engine.clock import FixedClock
from ebbtide.engine.night import carry_out
from ebbtide.engine.ports import Claimed, ObjectStore
from ebbtide.engine.split import Part, Stretch
from ebbtide.engine.sweep import help_sweep
from ebbtide.engine.throttle import Throttle, unlimited
from ebbtide.stores.memory import MemoryObjects, MemoryOrganization, MemoryPlatform, MemoryRun, Place, RunRow, Segment

TODAY = date(2026, 11, 23)
GLOBAL, DESKTOP = Days(10), Days(4)


def no_hurry() -> Throttle:
    """A throttle that holds nothing back, over a timer that stands still: a batch's size never changes by itself."""
    return unlimited(FixedClock(datetime(2026, 11, 23, 2, tzinfo=UTC)), timer=lambda: 0.0, sleep=lambda _seconds: None)


class Killed(BaseException):
    """The process is gone: nothing after this line ran, and nobody could catch it."""


class Crashed(Exception):
    """An exception that is not one of ours."""


class Fault(StrEnum):
    """What can happen at a step."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    KILLED_HALFWAY = "killed halfway through the objects"
    CRASHED = "an exception nobody expected"
    DOWN = "store or database down"
    LOST = "response lost after success"
    SERIALIZATION = "someone was first"
    PARTIAL = "some keys fail"


class AtOnce(Executor):
    """Does what is asked for at once: the store answers before anything else happens."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - as every executor does
            done.set_exception(exc)
        return done


class AtLast(Executor):
    """Does what is asked for when it is waited for: all that may happen beside the store has happened."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return _Asked(lambda: fn(*args, **kwargs))


class _Asked(Future[Any]):
    def __init__(self, deed: Callable[[], Any]) -> None:
        super().__init__()
        self._deed: Callable[[], Any] | None = deed

    def _do(self) -> None:
        deed, self._deed = self._deed, None
        if deed is not None:
            self.set_running_or_notify_cancel()
            try:
                self.set_result(deed())
            except Exception as exc:  # noqa: BLE001 - as every executor does
                self.set_exception(exc)

    def result(self, timeout: float | None = None) -> Any:
        self._do()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._do()
        return super().exception(timeout)


@dataclass
class Steps:
    """Counts the calls of a night, and disturbs one of them."""

    fault: Fault | None = None
    at: int | str = 0
    """Which one, in order; or the first of a name."""
    before: Callable[[], None] | None = None
    """Done just before the step, in place of a fault: somebody changes something."""
    taken: list[str] = field(default_factory=list)
    claimed: list[Sequence[Claimed]] = field(default_factory=list)
    """What each claim of objects decided on."""
    shunned: Callable[[], Sequence[Claimed]] = tuple
    """Objects that the next claim must leave out."""

    def take(self, name: str, deed: Callable[[], Any], *, halfway: Callable[[], Any] | None = None) -> Any:
        self.taken.append(name)
        is_here = self.at in (len(self.taken) - 1, name) and (self.at != name or self.taken.count(name) == 1)
        if not is_here or (self.fault is None and self.before is None):
            return deed()
        if self.before is not None:
            self.before()
            return deed()
        down: type[EbbtideError] = StoreUnreachable if name in ("destroy", "missing", "keys") else DatabaseUnreachable
        match self.fault:
            case Fault.KILLED_BEFORE:
                raise Killed
            case Fault.CRASHED:
                raise Crashed
            case Fault.DOWN:
                raise down("It did not answer.")
            case Fault.SERIALIZATION:
                raise Taken("Someone was first.")
            case Fault.PARTIAL | Fault.KILLED_HALFWAY:
                return deed() if halfway is None else halfway()
        deed()
        raise Killed if self.fault is Fault.KILLED_AFTER else down("The answer was lost.")


class StepStore:
    """An object store whose calls are steps."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        steps: Steps,
        label: Callable[[str], str] = str,
        stuck: Callable[[str], bool] = lambda _label: False,
    ) -> None:
        """Stand before a store; `label` gives an object's name in any store, `stuck` says which ones never go."""
        self._store, self._steps, self._label, self._stuck = store, steps, label, stuck

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        ordered = sorted(keys, key=self._label)
        half = set(ordered[: len(ordered) // 2])

        def halfway() -> Sequence[Outcome]:
            done = self._destroy(keys, only=half)
            if self._steps.fault is Fault.KILLED_HALFWAY:
                raise Killed
            return done

        found: Sequence[Outcome] = self._steps.take("destroy", lambda: self._destroy(keys, only=keys), halfway=halfway)
        return found

    def _destroy(self, keys: Sequence[str], *, only: Collection[str]) -> list[Outcome]:
        going = [key for key in keys if key in only and not self._stuck(self._label(key))]
        ends = dict(zip(going, self._store.destroy(going), strict=True))
        return [ends.get(key, Failed("AccessDenied")) for key in keys]

    def missing(self, keys: Sequence[str]) -> set[str]:
        found: set[str] = self._steps.take("missing", lambda: self._store.missing(keys))
        return found

    def keys(self, prefix: str) -> Iterator[str]:
        found: list[str] = self._steps.take("keys", lambda: list(self._store.keys(prefix)))
        return iter(found)


class StepRun:
    """A live run, or a part of it, whose calls are steps."""

    def __init__(self, run: Any, *, steps: Steps) -> None:
        self._run, self._steps = run, steps

    def stretches(self) -> Sequence[Stretch]:
        found: Sequence[Stretch] = self._steps.take("stretches", self._run.stretches)
        return found

    @contextmanager
    def hold(self, part: Part) -> Iterator["StepRun | None"]:
        with ExitStack() as stack:
            held = self._steps.take("hold", lambda: stack.enter_context(self._run.hold(part)))
            yield None if held is None else StepRun(held, steps=self._steps)

    @contextmanager
    def alone(self) -> Iterator["StepRun | None"]:
        with ExitStack() as stack:
            whole = self._steps.take("alone", lambda: stack.enter_context(self._run.alone()))
            yield None if whole is None else StepRun(whole, steps=self._steps)

    def rest(self, reason: str) -> None:
        self._steps.take("rest", lambda: self._run.rest(reason))

    def in_flight(self) -> AbstractContextManager[None]:
        held: AbstractContextManager[None] = self._steps.take("in_flight", self._run.in_flight)
        return held

    def open_claims(self) -> Sequence[Claimed]:
        claimed: Sequence[Claimed] = self._steps.take("open_claims", self._run.open_claims)
        return claimed

    def claim_objects(self, *, most: int, besides: Sequence[Claimed]) -> Sequence[Claimed]:
        def claim() -> Sequence[Claimed]:
            claimed: Sequence[Claimed] = self._run.claim_objects(most=most, besides=[*besides, *self._steps.shunned()])
            self._steps.claimed.append(claimed)
            return claimed

        found: Sequence[Claimed] = self._steps.take("claim ahead" if besides else "claim", claim)
        return found

    def ask_again(self) -> None:
        self._steps.take("ask again", self._run.ask_again)

    def give_back(self, claimed: Sequence[Claimed]) -> None:
        if claimed:
            self._steps.take("give back", lambda: self._run.give_back(claimed))

    def close_objects(self, claimed: Sequence[Claimed], *, outcomes: Sequence[Outcome]) -> None:
        self._steps.take("close", lambda: self._run.close_objects(claimed, outcomes=outcomes))

    def purge_rows(self, *, most: int) -> int | None:
        purged: int | None = self._steps.take("rows", lambda: self._run.purge_rows(most=most))
        return purged

    def rows_left(self) -> Iterator[str]:
        found: list[str] = self._steps.take("rows_left", lambda: list(self._run.rows_left()))
        return iter(found)

    def booked_places(self) -> Iterator[tuple[str, frozenset[str]]]:
        found: list[tuple[str, frozenset[str]]] = self._steps.take("places", lambda: list(self._run.booked_places()))
        return iter(found)

    def finish(self, *, reached_end: bool, outcome: RunOutcome | None, reason: str) -> Numbers:
        numbers: Numbers = self._steps.take(
            "finish", lambda: self._run.finish(reached_end=reached_end, outcome=outcome, reason=reason)
        )
        return numbers


@dataclass(frozen=True)
class Left:
    """All that is left of an organization: rows, index rows, objects."""

    rows: frozenset[str]
    index: frozenset[str]
    objects: frozenset[str]


@dataclass
class Scene:
    """Two organizations with the same data, one of them ours and armed."""

    platform: MemoryPlatform
    store: MemoryObjects
    ours: MemoryOrganization
    neighbour: MemoryOrganization
    beside: Executor = field(default_factory=AtOnce)

    def left(self, org: MemoryOrganization) -> Left:
        return Left(
            frozenset(org.segments),
            frozenset(row.key for row in org.index.values()),
            frozenset(self.store.keys(f"org_{org.id}")),
        )

    def start(self, mode: Mode = Mode.LIVE) -> RunRow:
        return self.ours.open_run(self.ours.make_plan(as_of=TODAY, today=TODAY), mode=mode)

    def carry(
        self,
        run: RunRow,
        *,
        steps: Steps | None = None,
        stop: Callable[[], bool] = lambda: False,
        throttle: Throttle | None = None,
    ) -> Numbers | None:
        steps = steps or Steps(at=-1)
        return carry_out(
            StepRun(MemoryRun(self.ours, run=run.id), steps=steps),
            store=StepStore(self.store, steps=steps),
            stop=stop,
            throttle=throttle or no_hurry(),
            beside=self.beside,
        )

    def help(self, run: RunRow, *, steps: Steps | None = None) -> int:
        """Help with a run; 0 where its carrier wants to be alone."""
        steps = steps or Steps(at=-1)
        with MemoryRun(self.ours, run=run.id).helping() as is_wanted:
            if not is_wanted:
                return 0
            return help_sweep(
                StepRun(MemoryRun(self.ours, run=run.id), steps=steps),
                store=StepStore(self.store, steps=steps),
                stop=lambda: False,
                throttle=no_hurry(),
                beside=self.beside,
            )

    def booked(self) -> Counter[Place]:
        """Items the book calls gone, by cell, over all runs."""
        gone: Counter[Place] = Counter()
        for entry in self.ours.book:
            if entry.outcome in ("purged", "already_gone"):
                gone[entry.place] += entry.amount.items
        return gone

    def check(self) -> None:
        """What holds at rest, whatever has happened: counts are rows, and no object is unknown."""
        for org in (self.ours, self.neighbour):
            counted: Counter[Place] = Counter()
            for segment in org.segments.values():
                counted[segment.day, DataType.INSIGHTS, segment.queue] += 1
            for row in org.index.values():
                counted[row.place] += 1
            assert {place: amount.items for place, amount in org.cells().items()} == counted
            assert self.left(org).objects <= self.left(org).index


def jobs() -> list[Job]:
    """Everything older than 10 days, and the first queue's desktop recordings older than 4."""
    return [
        Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=GLOBAL),
        Job(id=2, type=JobType.QUEUE, what=What.DESKTOP, days=DESKTOP, queues=frozenset({1})),
    ]


def scene() -> Scene:
    """Two queues, days on both sides of both cutoffs, two segments a day, recordings but on the oldest day."""
    platform, store = MemoryPlatform(), MemoryObjects()
    ours, neighbour = (MemoryOrganization(platform, queues=(1, 2)) for _ in range(2))
    for org in (ours, neighbour):
        org.change_jobs(jobs())
        for back in (3, 4, 5, 10, 11, 12, 15):
            for queue in (1, 2):
                for number in range(2):
                    key = f"{queue}/{back}/{number}"
                    org.load(Segment(key, queue, TODAY - timedelta(days=back)))
                    if back == 15:
                        continue
                    org.record(key, kind=DataType.DESKTOP, content=b"d" * back, store=store)
                    if number == 0:
                        org.record(key, kind=DataType.AUDIO, content=b"a" * back, store=store)
        org.record("1/12/1", kind=DataType.TRANSCRIPT, content=b"hello", store=store)
    ours.armed = True
    return Scene(platform, store, ours, neighbour)


def expected_rows() -> frozenset[str]:
    """The segments that must be left, by hand: those of at most 10 days ago."""
    return frozenset(f"{queue}/{back}/{number}" for queue in (1, 2) for back in (3, 4, 5, 10) for number in range(2))


PURGED = 12 + (8 + 4) + 4 + 1
"""By hand: 3 days of 2 queues of 2 segments; desktop of days 11 and 12, and of the first queue's days 5 and 10;
audio of 2 days of 2 queues; one transcript."""

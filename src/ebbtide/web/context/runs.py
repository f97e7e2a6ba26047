"""What the pages of runs are given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.shared import JobLine, RunLine, StateNote


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFilter:
    """What the list of runs is narrowed to; empty strings and None narrow nothing."""

    outcome: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.outcome or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """`pages/runs.html`, as `page`: the runs, newest first, the filter, and what the next night will do.

    `newer` and `older` are the queries of the pages on either side; empty where there is none.
    """

    state: StateNote
    next_night: datetime
    runs: tuple[RunLine, ...]
    filter: RunsFilter = RunsFilter()
    newer: str = ""
    older: str = ""
    outcomes: tuple[RunOutcome, ...] = tuple(RunOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersLine:
    """The numbers of one (Q, data type) of a run, in items, and the bytes planned and purged."""

    queue: str
    data_type: DataType
    planned: int
    planned_bytes: int
    purged: int
    purged_bytes: int
    kept: int
    failed: int
    not_reached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """Why items were kept, failed or not reached."""

    number: Literal["kept", "failed", "not_reached"]
    reason: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardNote:
    """What stopped a run before its first deletion.

    Attributes:
        message: what happened, to what, and what to do.
        limit, selected, population: items, where the guard compared them.
        plan: number of the plan that may be confirmed to let it pass; None where confirming does not help.
        order: the operator's command that starts a run with that plan.
        confirmed: whether it has been confirmed.
        stale: why it is too late for this plan; empty where it is not.
        went: number of the run that has carried it out since.
    """

    message: str
    limit: int | None = None
    selected: int | None = None
    population: int | None = None
    plan: int | None = None
    order: str = ""
    confirmed: bool = False
    stale: str = ""
    went: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNote:
    """The plan a run carried out.

    Attributes:
        id: its number.
        digest: its SHA-256, hex.
        made_at: aware instant.
        cells: how many (Q, day, data type) it names.
        oldest, newest: span of their days; None for an empty plan.
        jobs: the jobs that decided something in it.
        confirmed_by, confirmed_at: who confirmed having seen its counts, and when; empty where nobody did.
    """

    id: int
    digest: str
    made_at: datetime
    cells: int
    oldest: date | None
    newest: date | None
    jobs: tuple[JobLine, ...] = ()
    confirmed_by: str = ""
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """`pages/run.html`, as `page`.

    Attributes:
        run: with the totals of the four numbers.
        plan: None where a guard stopped the run before a plan was made.
        lines: one per (Q, data type) with anything planned.
        reasons: why items were kept, failed or not reached.
        guard: set where a guard held the run back.
        note: what else is to be said of its end; empty where nothing is.
        already_gone: purged items that were found absent when their turn came.
        verified: whether the independent read-back found everything gone; None where it did not come to an end.
    """

    run: RunLine
    plan: PlanNote | None
    lines: tuple[NumbersLine, ...] = ()
    reasons: tuple[ReasonLine, ...] = ()
    guard: GuardNote | None = None
    note: str = ""
    already_gone: int = 0
    verified: bool | None = None

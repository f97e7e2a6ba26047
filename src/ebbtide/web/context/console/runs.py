"""What the pages of runs of all organizations are given."""

from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.runs import GuardNote, ReasonLine
from ebbtide.web.context.shared import OrgLine, RunLine
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunLine:
    """A run of any organization."""

    org: OrgLine
    run: RunLine
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunsPage:
    """`pages/platform_runs.html`, as `page`: runs of all organizations, or of `org`, and what they are narrowed to."""

    runs: Listing[PlatformRunLine]
    outcome: str = ""
    since: date | None = None
    until: date | None = None
    org: OrgLine | None = None
    outcomes: tuple[RunOutcome, ...] = tuple(RunOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeNumbers:
    """The numbers of one data type of a run, in items, and the bytes planned and purged."""

    data_type: DataType
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    purged_bytes: int = 0
    kept: int = 0
    failed: int = 0
    not_reached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunPage:
    """`pages/platform_run.html`, as `page`.

    Attributes:
        org: whose run it is.
        run: with its totals.
        types: one line per data type with anything planned.
        reasons: why items were kept, failed or not reached.
        guard: set where a guard held it back.
        note: what else is to be said of its end.
        worker: host and process that carried it; empty for a simulation.
        cancelled_at: aware instant it was asked to stop.
        cancelled_by: who asked; empty where nobody did.
        plan: number of its plan.
        population: items the organization held when the plan was made.
    """

    org: OrgLine
    run: RunLine
    types: tuple[TypeNumbers, ...]
    reasons: tuple[ReasonLine, ...]
    guard: GuardNote | None
    note: str
    worker: str
    cancelled_at: datetime | None
    cancelled_by: str
    plan: int
    population: int

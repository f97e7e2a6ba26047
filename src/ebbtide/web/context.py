"""What each page is given: plain frozen shapes between the views and the templates.

Why shapes and not model instances: a template that holds a model can start queries, reach a neighbour's rows and break
unseen when a field is renamed. A shape is complete before rendering starts, is type-checked where a view fills it, and
lets every page be rendered and looked at with made-up data.

Every page also gets `request`, `user` and `messages` (Django), and from its view a `Frame` as `frame`.
URL names the templates use, all but the first four with the org's id: `start`, `login`, `logout`, `home`, `jobs`,
`job_new`, `job_edit` (job), `job_delete` (job), `runs`, `run` (run), `run_csv` (run), `plan_confirm` (plan, POST).
They take numbers; the addresses themselves carry public ids.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgLine:
    """An organization as named on every page.

    Attributes:
        id: its number, as used in addresses.
        name: what people call it.
        zone: IANA name of its time zone.
        armed: whether its nights delete; shown where several are listed.
    """

    id: int
    name: str
    zone: str
    armed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchNote:
    """A kill switch that is on.

    Attributes:
        scope: whom it stops.
        since: aware instant it was turned on, where that is known.
        reason: as given by whoever turned it on; may be empty.
    """

    scope: Literal["platform", "organization"]
    since: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the base template shows around a page of one organization.

    Attributes:
        org: the organization looked at; None on pages of no organization.
        now: the request's aware instant; relative times count from it.
        section: which entry of the navigation is lit.
        can_switch: whether the person belongs to more than one organization.
        switch: the kill switch in force, the platform's before the organization's.
        can_change: whether the person may create, edit and delete jobs.
    """

    org: OrgLine | None
    now: datetime
    section: Literal["", "home", "jobs", "runs"] = ""
    can_switch: bool = False
    switch: SwitchNote | None = None
    can_change: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNote:
    """Whether tonight deletes.

    Attributes:
        kind: simulating, armed, or blocked (armed, and a guard stopped the last night before its first deletion).
        since: aware instant from which it is so, where known.
        reason: for blocked, what happened and what to do.
        run: number of the run that tells more, if one does.
    """

    kind: Literal["simulating", "armed", "blocked"]
    since: datetime | None = None
    reason: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """A Q by number and name."""

    id: int
    name: str
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job as a sentence.

    Attributes:
        id: its number; None while it is being made.
        type: Global or Q.
        what: all four types or desktop recordings only.
        days: retention in days.
        queues: the Qs it names, by name; empty for a Global job.
        changed_at: aware instant of the last change.
        changed_by: name of who changed it; empty for one that came with the organization.
        overridden_by: the jobs that make it ineffective; empty where it decides something.
    """

    id: int | None
    type: JobType
    what: What
    days: int
    queues: tuple[QueueLine, ...] = ()
    changed_at: datetime | None = None
    changed_by: str = ""
    overridden_by: tuple["JobLine", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in one line.

    Attributes:
        id: its number.
        on: org-local date of the night.
        started_at: aware instant.
        ended_at: aware instant; None while it goes on.
        trigger: what started it.
        live: whether it may delete; False for a simulation.
        outcome: how it ended; None while it goes on.
        planned, planned_bytes: items and bytes due when it began.
        purged, kept, failed, not_reached: the four numbers, in items.
        purged_bytes: bytes of the purged items.
    """

    id: int
    on: date
    started_at: datetime
    ended_at: datetime | None
    trigger: Literal["nightly", "operator", "caught_up"]
    live: bool
    outcome: RunOutcome | None
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    kept: int = 0
    failed: int = 0
    not_reached: int = 0
    purged_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightLine:
    """What the next night would take of one data type: items, bytes, and the span of their days."""

    data_type: DataType
    items: int
    bytes: int
    oldest: date | None = None
    newest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """How long one Q keeps one data type: the deciding job, or None where it is kept for ever."""

    data_type: DataType
    job: JobLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One Q's effective retention, in the order of `DataType`."""

    queue: QueueLine
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLine:
    """What one data type holds: items, bytes, percent of all bytes (0 to 100), oldest day kept."""

    data_type: DataType
    items: int
    bytes: int
    percent: float
    oldest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideLine:
    """Data kept apart: undatable or late, why, how many."""

    kind: Literal["undatable", "late"]
    reason: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """`pages/home.html`, as `page`.

    Attributes:
        state: simulating, armed or blocked.
        next_night: aware instant of the next night's start.
        last_run: None before the first night.
        tonight: one line per data type.
        tonight_items, tonight_bytes: their sums.
        tonight_stopped: why the organization's caps would stop that; empty where they would not.
        matrix: one row per Q; empty where there are no Qs yet.
        matrix_pages: a page of Qs where there are many, else None.
        storage: one line per data type.
        storage_items, storage_bytes: their sums.
        aside: undatable and late data with reasons; empty where all data has a place.
        job_count: the organization's jobs.
    """

    state: StateNote
    next_night: datetime
    last_run: RunLine | None
    tonight: tuple[TonightLine, ...]
    tonight_items: int
    tonight_bytes: int
    matrix: tuple[MatrixRow, ...]
    storage: tuple[StorageLine, ...]
    storage_items: int
    storage_bytes: int
    job_count: int
    tonight_stopped: str = ""
    aside: tuple[AsideLine, ...] = ()
    matrix_pages: "Pages | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where in a long list we are.

    Attributes:
        number: this page, from 1.
        count: how many pages.
        total: how many rows in all.
        query: the other query parameters, urlencoded, with a trailing "&" unless empty.
    """

    number: int
    count: int
    total: int
    query: str = ""

    @property
    def previous(self) -> int | None:
        """The page before, if there is one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The page after, if there is one."""
        return self.number + 1 if self.number < self.count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """`pages/jobs.html`, as `page`: the jobs, Global ones first, and whether tonight deletes."""

    state: StateNote
    jobs: tuple[JobLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IneffectiveNote:
    """A job that saving would leave without effect.

    Attributes:
        this: True where the job being saved is the idle one; False where it makes another idle.
        idle: the job without effect.
        because_of: the jobs that override it.
    """

    this: bool
    idle: JobLine
    because_of: tuple[JobLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFormPage:
    """`pages/job_form.html`, as `page`, beside `form` with the fields type, queues (public ids), what and days.

    Attributes:
        job: the job being edited; None for a new one.
        queues: every Q that may be chosen, by name; archived ones last.
        chosen: ids of the Qs to tick.
        notes: non-empty when saving was held back to ask; the dialog then offers "Save anyway".
        consent: value the form sends back as `save_anyway`, naming exactly the notes that were shown.
        version: of the job as the person sees it; comes back with the form, so that nobody overwrites unseen.
    """

    job: JobLine | None
    queues: tuple[QueueLine, ...]
    chosen: frozenset[int] = frozenset()
    notes: tuple[IneffectiveNote, ...] = ()
    consent: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeletePage:
    """`pages/job_delete.html`, as `page`.

    Attributes:
        job: the job.
        wakes: the jobs that would decide once it is gone.
        uncovered: whether data would be left that no job reaches.
        idle: whether it decides nothing now, so that nothing changes without it.
    """

    job: JobLine
    wakes: tuple[JobLine, ...] = ()
    uncovered: bool = False
    idle: bool = False


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

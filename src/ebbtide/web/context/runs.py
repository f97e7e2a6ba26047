"""What the pages of runs are given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.shared import BacklogNote, JobLine, QueueLine, RunLine, StateNote, StoreLabel
from ebbtide.web.heatmap import Heatmap
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFilter:
    """What the list of runs is narrowed to; empty strings and None narrow nothing."""

    outcome: str = ""
    mode: str = ""
    trigger: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.outcome or self.mode or self.trigger or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountLine:
    """Items and bytes of a data type."""

    data_type: DataType
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNight:
    """What an organization without runs is told of its first night.

    Attributes:
        jobs: the jobs it goes by.
        takes: what it would take, as things stand.
        items, bytes: the same, added up.
        stored: items stored now.
    """

    jobs: tuple[JobLine, ...] = ()
    takes: tuple[AmountLine, ...] = ()
    items: int = 0
    bytes: int = 0
    stored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """`pages/runs.html`, as `page`: the runs, the filter, and what the next night will do.

    `first_night` is set where there has been no run yet.
    """

    state: StateNote
    next_night: datetime
    runs: Listing[RunLine]
    filter: RunsFilter = RunsFilter()
    first_night: FirstNight | None = None
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
class DayLine:
    """A day of a run: what the plan names of it, and what is gone."""

    day: date
    planned: int
    planned_bytes: int
    purged: int
    purged_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressNote:
    """How far a run is that has not ended.

    Attributes:
        state: starting (its guards are being asked), going, reading_back (all is done and is looked for once more),
            stopping (somebody has stopped it), waiting (nobody carries it: a worker takes it up), resting (deletion is
            not allowed at this hour).
        percent: of the planned items, 0 to 100, never 100 before all are done.
        done, done_bytes: what has come to an end so far, in whatever way.
        per_second, bytes_per_second: of the last minute; None where nothing can be said.
        left_s: about how many seconds it still takes; None where nothing can be said.
        day, data_type: where it is: of the last batch; None before the first.
        beat_s: seconds since the last batch; None before the first.
        workers: that are at it.
        rests: why it rests; empty where it does not.
        said: the tenth that was last told to people who hear the page.
        tell: whether another tenth is reached and told now.
    """

    state: Literal["starting", "going", "reading_back", "stopping", "waiting", "resting"]
    percent: int
    done: int
    done_bytes: int
    per_second: float | None = None
    bytes_per_second: float | None = None
    left_s: int | None = None
    day: date | None = None
    data_type: DataType | None = None
    beat_s: int | None = None
    workers: int = 0
    rests: str = ""
    said: int = 0
    tell: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressPage:
    """`components/run_progress.html`, as `page`: asked for again and again while the run goes on."""

    run: RunLine
    progress: ProgressNote


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonNote:
    """What is left elsewhere of what a run purged, and until when.

    Attributes:
        files: days whose files still hold dead rows of this run.
        files_until: when the last of these files is written anew; None where there are none.
        log_until: when the database's write-ahead log is rid of it; None where the server's settings give no date.
        backups_until: when the last backup that has it is thrown away; None where nobody has said when.
        no_backups: whether no backups are made.
    """

    files: int
    files_until: datetime | None
    log_until: datetime | None
    backups_until: datetime | None
    no_backups: bool = False

    @property
    def until(self) -> datetime | None:
        """When nothing is left anywhere; None where no date can be given."""
        if self.log_until is None or (self.backups_until is None and not self.no_backups):
            return None
        return max(moment for moment in (self.files_until, self.log_until, self.backups_until) if moment is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """`pages/run.html`, as `page`.

    Attributes:
        run: with the totals of the four numbers.
        plan: None where a guard stopped the run before a plan was made.
        numbers: one line for each (Q, data type) with anything planned.
        reasons: why items were kept, failed or not reached.
        days: the days planned, and what became of them.
        days_open: whether somebody is reading that table, so that it stands open.
        calendar: the same days drawn; None where nothing was planned.
        purges: whether the calendar shows what is gone; False where it shows what would go.
        progress: set while the run goes on.
        per_second, bytes_per_second: how fast it was; None where nothing was purged.
        guard: set where a guard held the run back.
        note: what else is to be said of its end; empty where nothing is.
        already_gone: purged items that were found absent when their turn came.
        backlog: how what is due stands now, where this is the newest run and left something to later nights.
        stopped_at: aware instant somebody asked it to stop; None where nobody did.
        stopped_by: who asked.
        verified: whether the independent read-back found everything gone; None where it did not come to an end.
        store: what is known of the object store it deleted from; None where it touched no object.
        horizon: what is left elsewhere; None where nothing was purged, or the run goes on.
    """

    run: RunLine
    plan: PlanNote | None
    numbers: Listing[NumbersLine] | None = None
    reasons: Listing[ReasonLine] | None = None
    days: Listing[DayLine] | None = None
    days_open: bool = False
    calendar: Heatmap | None = None
    purges: bool = False
    progress: ProgressNote | None = None
    per_second: float | None = None
    bytes_per_second: float | None = None
    guard: GuardNote | None = None
    note: str = ""
    already_gone: int = 0
    backlog: BacklogNote | None = None
    stopped_at: datetime | None = None
    stopped_by: str = ""
    verified: bool | None = None
    store: StoreLabel | None = None
    horizon: HorizonNote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCellLine:
    """A cell of a plan: what is due of one Q, day and data type, and the job that decided."""

    day: date
    data_type: DataType
    queue: QueueLine
    job: JobLine
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFilter:
    """What a plan's cells are narrowed to; empty strings and None narrow nothing."""

    queue: int | None = None
    data_type: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.queue or self.data_type or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlanPage:
    """`pages/run_plan.html`, as `page`: the cells of a run's plan; `queues` are those it names."""

    run: RunLine
    plan: PlanNote
    cells: Listing[PlanCellLine]
    filter: PlanFilter = PlanFilter()
    queues: tuple[QueueLine, ...] = ()
    data_types: tuple[DataType, ...] = tuple(DataType)

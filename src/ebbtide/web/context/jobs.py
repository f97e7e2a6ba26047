"""What the pages of retention jobs are given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.domain.period import Span
from ebbtide.web.context.shared import JobLine, QueueLine, RunLine, StateNote
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Items and bytes, and the span of their days (None where there are none, or where it is not told)."""

    items: int = 0
    bytes: int = 0
    oldest: date | None = None
    newest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job in the list.

    Attributes:
        job: the job, with its last change and what makes it idle.
        sentence: it in plain words, every Q named.
        tonight: what it decides in the next night; nothing for a paused one.
    """

    job: JobLine
    sentence: str
    tonight: Quantity

    @property
    def state(self) -> Literal["in force", "paused", "no effect"]:
        """In one word, whether it does anything."""
        if self.job.paused:
            return "paused"
        return "no effect" if self.job.overridden_by else "in force"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """`pages/jobs.html`, as `page`: the jobs, Global ones first, whether tonight deletes, and when tonight is."""

    state: StateNote
    night: datetime
    jobs: Listing[JobRow]
    job_count: int


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
class SaveQuestion:
    """What has to be answered before a change of a job is saved.

    Attributes:
        notes: the jobs that would have no effect; empty where there are none.
        newly: what an armed night would take that it would not take now; None where there is nothing to confirm.
        consent: value sent back as `save_anyway`: it names exactly what was shown, to whom.
        typed: what was typed as the organization's name.
        wrong: what is wrong with the answer that was given; empty where none was given.
    """

    notes: tuple[IneffectiveNote, ...] = ()
    newly: Quantity | None = None
    consent: str = ""
    typed: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """What the next night would take of one Q and data type.

    Attributes:
        queue: the Q.
        data_type: the data type.
        job: number of the deciding job; None for a job that is being made, and where no job decides any more.
        this: whether the job that is looked at decides.
        amount: what goes.
        more: items that go and would not go as things stand; negative where fewer go.
    """

    queue: QueueLine
    data_type: DataType
    job: int | None
    this: bool
    amount: Quantity
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDays:
    """Days of a report's range that would be missing.

    Attributes:
        first, last: the stretch; both ends are in it.
        days: how many.
        queues: the Qs that lose them, by name.
        every: whether these are all Qs.
        newly: whether they are there as things stand, and would go by this job.
    """

    first: date
    last: date
    days: int
    queues: tuple[QueueLine, ...]
    every: bool
    newly: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLoss:
    """What a range of the reports would lose, as somebody reads it after the next night.

    Attributes:
        span: the range.
        first, last: its days then.
        lost: what would be missing; nothing where it stays whole.
        at_times: whether it stays whole then, and on other dates would not, because of this job.
        needs: days that a job has to keep for it to be whole on every date.
    """

    span: Span
    first: date
    last: date
    lost: tuple[LostDays, ...]
    at_times: bool
    needs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPanel:
    """`components/job_preview.html`, as `panel`: what saving a job as it is entered would come to.

    Attributes:
        night: aware instant of the next night's start.
        armed: whether that night deletes.
        missing: what is to be entered or corrected before there is a preview; the rest is empty then.
        run: all that the whole run would take.
        own: the part of it that this job decides.
        newly: what would go that does not go as things stand.
        gone: what goes as things stand and would not go any more.
        nightly: mean of a day's data, over the last 28 full days, of what this job would decide.
        by_type: the same by data type, in their order, only where there is any.
        notes: jobs that would have no effect.
        stopped: why the organization's caps would stop the run; empty where they would not.
        paused: whether the job is paused, so that this holds once it is resumed.
        whole: whether the table tells of the whole run and not of this job alone.
        lines: the table; None while something is missing.
        losses: what each range of the reports would lose.
        export: query of the page of exports that chooses what this job would take; empty where it takes nothing.
    """

    night: datetime
    armed: bool
    missing: tuple[str, ...] = ()
    run: Quantity = Quantity()
    own: Quantity = Quantity()
    newly: Quantity = Quantity()
    gone: Quantity = Quantity()
    nightly: Quantity = Quantity()
    by_type: tuple[tuple[DataType, Quantity], ...] = ()
    notes: tuple[IneffectiveNote, ...] = ()
    stopped: str = ""
    paused: bool = False
    whole: bool = False
    lines: Listing[PreviewLine] | None = None
    losses: tuple[ReportLoss, ...] = ()
    export: str = ""

    @property
    def loses(self) -> int:
        """How many ranges of the reports would lose days that are there as things stand."""
        return sum(any(one.newly for one in loss.lost) for loss in self.losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFormPage:
    """`pages/job_form.html`, as `page`, beside `form` with the fields type, queues (public ids), what and days.

    Attributes:
        job: the job being edited; None for a new one.
        queues: every Q that may be chosen, by name; archived ones last.
        panel: the preview beside the form.
        chosen: ids of the Qs to tick.
        question: set when saving was held back to ask.
        version: of the job as the person sees it; comes back with the form, so that nobody overwrites unseen.
        previewing: whether only a preview was asked for, so that nothing was to be saved.
    """

    job: JobLine | None
    queues: tuple[QueueLine, ...]
    panel: PreviewPanel
    chosen: frozenset[int] = frozenset()
    question: SaveQuestion | None = None
    version: int | None = None
    previewing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeletePage:
    """`pages/job_delete.html`, as `page`.

    Attributes:
        job: the job.
        version: as the person sees it.
        wakes: the jobs that would decide once it is gone.
        uncovered: whether data would be left that no job reaches.
        idle: whether it decides nothing now, so that nothing changes without it.
        taken: whether somebody else has changed it meanwhile.
    """

    job: JobLine
    version: int
    wakes: tuple[JobLine, ...] = ()
    uncovered: bool = False
    idle: bool = False
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReturnPage:
    """`pages/job_return.html`, as `page`: a paused or deleted job that is to come back.

    Attributes:
        job: the job.
        version: as the person sees it.
        deleted: whether it was deleted, and not only paused.
        panel: what the next night would take then; None for a job that comes back paused.
        question: what has to be answered; None where nothing has.
        taken: whether somebody else has changed it meanwhile.
    """

    job: JobLine
    version: int
    deleted: bool
    panel: PreviewPanel | None = None
    question: SaveQuestion | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachCell:
    """Whether a job decides over one Q and data type.

    Attributes:
        data_type: the data type.
        takes: whether the job takes such data of this Q at all.
        other: the shorter job that decides in its place; None where it decides itself.
    """

    data_type: DataType
    takes: bool
    other: JobLine | None = None

    @property
    def decides(self) -> bool:
        """Whether this job decides here."""
        return self.takes and self.other is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachRow:
    """One Q that a job names or covers, with what it decides there, in the order of `DataType`, and tonight's share."""

    queue: QueueLine
    cells: tuple[ReachCell, ...]
    tonight: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a change made different, as people read it; empty before or after: there was or is none."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change of a job.

    Attributes:
        at: aware instant.
        actor: who.
        kind: what was done.
        before, after: the job in plain words; empty where it was not there.
        differences: what was made different of a job that was there and still is.
    """

    at: datetime
    actor: str
    kind: Literal["created", "changed", "paused", "resumed", "deleted", "restored"]
    before: str
    after: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedNote:
    """What a job decided in the last run.

    Attributes:
        run: the run.
        planned: what its plan named because of this job.
        purged: what is booked as purged for it.
    """

    run: RunLine
    planned: Quantity
    purged: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedNote:
    """What the book says of a job: all it has purged, in how many runs, the first and the last of them by number."""

    purged: Quantity = Quantity()
    runs: int = 0
    first_run: int | None = None
    last_run: int | None = None
    first_on: date | None = None
    last_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """`pages/job.html`, as `page`.

    Attributes:
        job: the job, with what makes it idle.
        state: whether tonight deletes.
        version: as the person sees it.
        paused_at: since when it is paused.
        deleted_at, deleted_by: when and by whom it was deleted.
        night: aware instant of the next night.
        tonight: what it decides then.
        decides, of: over how many of the (Q, data type) it takes it decides.
        last: what it decided in the last run; None before the first.
        booked: what it has purged in all.
        reach: where it decides; None for a deleted job.
        history: its changes, newest first.
    """

    job: JobLine
    state: StateNote
    version: int
    night: datetime
    tonight: Quantity
    decides: int
    of: int
    last: DecidedNote | None
    booked: BookedNote
    history: Listing[ChangeRow]
    reach: Listing[ReachRow] | None = None
    paused_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str = ""

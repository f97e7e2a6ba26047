"""What the pages of retention jobs are given."""

from dataclasses import dataclass

from ebbtide.web.context.shared import JobLine, QueueLine, StateNote


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

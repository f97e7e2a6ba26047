"""Jobs as pages show them: sentences with names, who changed them, what makes them idle.

Every function expects an open transaction in the organization.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.forms import NOT_YET_MADE
from ebbtide.apps.policies.models import JobChange
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.policies.services import effect_of
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType
from ebbtide.domain.verdict import deciding_job, ineffective
from ebbtide.web.context.jobs import IneffectiveNote, JobDeletePage, JobsPage
from ebbtide.web.context.shared import JobLine, QueueLine, StateNote

QueueLines = Mapping[int, QueueLine]


def queue_lines(*, org: int) -> dict[int, QueueLine]:
    """Give every Q by number, in the order of names, archived ones last."""
    rows = sorted(catalog.queues(org=org), key=lambda queue: queue.archived_at is not None)
    return {row.id: QueueLine(id=row.id, name=row.name, archived=row.archived_at is not None) for row in rows}


def job_line(
    job: Job, *, queues: QueueLines, change: JobChange | None = None, overridden_by: Iterable[Job] = ()
) -> JobLine:
    """Write a job as a line.

    Args:
        job: as the verdict knows it.
        queues: every Q of the organization.
        change: its last change, where that is told.
        overridden_by: jobs that leave it without effect.
    """
    return JobLine(
        id=None if job.id == NOT_YET_MADE else job.id,
        type=job.type,
        what=job.what,
        days=job.days,
        queues=tuple(line for number, line in queues.items() if number in job.queues),
        changed_at=change.at if change else None,
        changed_by=change.actor if change else "",
        overridden_by=tuple(job_line(other, queues=queues) for other in overridden_by),
    )


def armed_or_not(org: Organization) -> StateNote:
    """Say whether nights delete, as far as the organization itself knows."""
    return StateNote(kind="armed", since=org.armed_at) if org.armed else StateNote(kind="simulating")


def jobs_page(org: Organization) -> JobsPage:
    """Give the jobs, Global ones first, shorter ones before longer ones."""
    queues, found = queue_lines(org=org.id), jobs(org=org.id)
    idle = ineffective(found)
    changes = JobChange.objects.filter(org_id=org.id, job_id__in=[job.id for job in found])
    # leans on job_change_by_job (org, job_id, at)
    last = {change.job_id: change for change in changes.order_by("job_id", "-at", "-id").distinct("job_id")}
    return JobsPage(
        state=armed_or_not(org),
        jobs=tuple(
            job_line(job, queues=queues, change=last.get(job.id), overridden_by=idle.get(job.id, ()))
            for job in sorted(found, key=lambda job: (job.type is not JobType.GLOBAL, job.days, job.id))
        ),
    )


def ineffective_notes(new: Job, *, among: Sequence[Job], queues: QueueLines) -> tuple[IneffectiveNote, ...]:
    """Say what saving a job would leave without effect: itself, others, or both.

    Args:
        new: the job as it would be.
        among: the jobs in force.
        queues: every Q of the organization.
    """
    effect = effect_of(new, among=among)
    after = ineffective([*(job for job in among if job.id != new.id), new])

    def note(idle: Job, *, this: bool) -> IneffectiveNote:
        because_of = tuple(job_line(other, queues=queues) for other in after[idle.id])
        return IneffectiveNote(this=this, idle=job_line(idle, queues=queues), because_of=because_of)

    own = (note(new, this=True),) if effect.overridden_by else ()
    return (*own, *(note(job, this=False) for job in effect.makes_idle))


def consent_to(new: Job, *, notes: Iterable[IneffectiveNote]) -> str:
    """Name a job and the warnings shown with it, so that "save anyway" can be given to exactly these."""
    told = [new.type, new.what, new.days, sorted(new.queues)]
    told += [[note.idle.id, [other.id for other in note.because_of]] for note in notes]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def delete_page(job: Job, *, org: int) -> JobDeletePage:
    """Say what would decide in a job's place once it is gone."""
    queues, found = queue_lines(org=org), jobs(org=org)
    rest = [other for other in found if other.id != job.id]
    reach = [None, *queues] if job.type is JobType.GLOBAL else sorted(job.queues)
    takes_over: dict[int, Job] = {}
    uncovered = False
    decides = False
    for queue in reach:
        for data_type in DataType:
            decider = deciding_job(found, queue=queue, data_type=data_type)
            if decider is None or decider.id != job.id:
                continue
            decides = True
            heir = deciding_job(rest, queue=queue, data_type=data_type)
            if heir is None:
                uncovered = True
            else:
                takes_over[heir.id] = heir
    return JobDeletePage(
        job=job_line(job, queues=queues),
        wakes=tuple(job_line(heir, queues=queues) for _number, heir in sorted(takes_over.items())),
        uncovered=uncovered,
        idle=not decides,
    )

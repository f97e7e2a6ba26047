"""Jobs and Qs in a line, as several pages show them.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterable, Mapping

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.forms import NOT_YET_MADE
from ebbtide.apps.policies.models import JobChange
from ebbtide.domain.job import Job
from ebbtide.web.context.shared import JobLine, QueueLine, StateNote

QueueLines = Mapping[int, QueueLine]


def queue_lines(*, org: int) -> dict[int, QueueLine]:
    """Give every Q by number, in the order of names, archived ones last."""
    rows = sorted(catalog.queues(org=org), key=lambda queue: queue.archived_at is not None)
    return {row.id: QueueLine(id=row.id, name=row.name, archived=row.archived_at is not None) for row in rows}


def job_line(
    job: Job,
    *,
    queues: QueueLines,
    change: JobChange | None = None,
    overridden_by: Iterable[Job] = (),
    paused: bool = False,
) -> JobLine:
    """Write a job as a line.

    Args:
        job: as the verdict knows it.
        queues: every Q of the organization.
        change: its last change, where that is told.
        overridden_by: jobs that leave it without effect.
        paused: whether it is out of force until it is resumed.
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
        paused=paused,
    )


def armed_or_not(org: Organization) -> StateNote:
    """Say whether nights delete, as far as the organization itself knows."""
    return StateNote(kind="armed", since=org.armed_at) if org.armed else StateNote(kind="simulating")

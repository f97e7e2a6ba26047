"""What may be done to retention jobs, and onboarding, which makes the first one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction

from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.locks import wait_until_at_rest
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import NIGHT_AT, create_organization
from ebbtide.apps.policies.models import JobChange, JobQueue, RetentionJob
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.domain.calendar import Days
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.verdict import ineffective

DEFAULT_JOB_SINCE = date(2022, 1, 1)
DEFAULT_JOB_DAYS = Days(400)


@dataclass(frozen=True, slots=True)
class Effect:
    """What saving a job would make idle.

    Attributes:
        overridden_by: jobs that leave the new one without effect; empty where it has one.
        makes_idle: existing jobs that would have no effect any more.
    """

    overridden_by: tuple[Job, ...]
    makes_idle: tuple[Job, ...]


def effect_of(new: Job, *, among: Sequence[Job]) -> Effect:
    """Work out, before saving, which job would be idle because of which.

    Args:
        new: the job as it would be; an existing one by its id.
        among: the jobs in force.
    """
    others = [job for job in among if job.id != new.id]
    before, after = ineffective(list(among)), ineffective([*others, new])
    return Effect(
        overridden_by=after.get(new.id, ()),
        makes_idle=tuple(job for job in others if job.id in after and job.id not in before),
    )


def onboard(name: str, *, zone: str, onboarded_on: date, night_at: time = NIGHT_AT, actor: str) -> Organization:
    """Add an organization with the jobs it starts with.

    Onboarded on or after 2022-01-01: exactly one Global job of 400 days, so that on any day a report over the last full
    year is complete. Before: none; nothing of theirs is deleted until they make one.

    Raises:
        InputInvalid: name taken or unusable, or no such zone.
    """
    with transaction.atomic(using=WEB):
        org = create_organization(name, zone=zone, onboarded_on=onboarded_on, night_at=night_at)
        if onboarded_on >= DEFAULT_JOB_SINCE:
            create_job(
                org.id, type=JobType.GLOBAL, what=What.ALL, days=DEFAULT_JOB_DAYS, queues=frozenset(), actor=actor
            )
    return org


def _record(org: int, *, job: int, actor: str, before: Job | None, after: Job | None) -> None:
    def told(job: Job | None) -> dict[str, object] | None:
        if job is None:
            return None
        return {"type": job.type, "what": job.what, "days": job.days, "queues": sorted(job.queues)}

    JobChange.objects.create(org_id=org, job_id=job, actor=actor, before=told(before), after=told(after))


def create_job(
    org: int,
    *,
    type: JobType,
    what: What,
    days: Days,
    queues: frozenset[int],
    actor: str,
) -> RetentionJob:
    """Make a job; it is in force from the next plan on.

    Raises:
        JobInvalid: its parts do not fit together.
    """
    Job(id=0, type=type, what=what, days=days, queues=queues)
    with acting_in(org):
        row = RetentionJob.objects.create(org_id=org, type=type, what=what, days=days)
        JobQueue.objects.bulk_create([JobQueue(org_id=org, job=row, queue_id=queue) for queue in sorted(queues)])
        _record(org, job=row.id, actor=actor, before=None, after=to_domain(row))
    return row


def edit_job(
    org: int, *, job_id: str, version: int, what: What, days: Days, queues: frozenset[int], actor: str
) -> RetentionJob:
    """Change a job that still stands as the editor saw it.

    When this returns, nothing is deleted any more by the job as it was, also of a run that was going on.

    Raises:
        JobInvalid: its parts do not fit together.
        NotYours: there is no such job.
        Taken: someone has changed it since; nothing was overwritten.
    """
    with acting_in(org):
        row = find_job(job_id, org=org)
        before = to_domain(row)
        after = Job(id=row.id, type=before.type, what=what, days=days, queues=queues)
        changed = RetentionJob.objects.filter(org_id=org, id=row.id, version=version, deleted_at__isnull=True)
        if not changed.update(what=what, days=days, version=version + 1):
            raise Taken(
                f"{public_id('job', row.id)} was changed by someone else meanwhile: look at it as it is now, then "
                "change it."
            )
        JobQueue.objects.filter(org_id=org, job=row).exclude(queue_id__in=queues).delete()
        JobQueue.objects.bulk_create(
            [JobQueue(org_id=org, job=row, queue_id=queue) for queue in sorted(queues - before.queues)]
        )
        _record(org, job=row.id, actor=actor, before=before, after=after)
        saved = find_job(job_id, org=org)
    wait_until_at_rest(org)
    return saved


def delete_job(org: int, *, job_id: str, actor: str, now: datetime) -> None:
    """Take a job out of force; its row stays, because the book names it. When this returns, it deletes nothing more.

    Raises:
        NotYours: there is no such job.
    """
    with acting_in(org):
        row = find_job(job_id, org=org)
        _record(org, job=row.id, actor=actor, before=to_domain(row), after=None)
        RetentionJob.objects.filter(org_id=org, id=row.id).update(deleted_at=now)
    wait_until_at_rest(org)


def ineffective_jobs(*, org: int) -> dict[int, tuple[Job, ...]]:
    """Name the jobs in force that have no effect, with those that override them; expects an open transaction."""
    return ineffective(jobs(org=org))

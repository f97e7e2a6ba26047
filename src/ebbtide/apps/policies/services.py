"""What may be done to retention jobs, and onboarding, which makes the first one."""

from collections.abc import Callable, Sequence
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

Check = Callable[[], None]
"""Asked in the transaction that changes the jobs, right before the change; whatever it raises stops it."""


def unasked() -> None:
    """Let a change pass: what the operator's command line does."""


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


def _locked(org: int) -> None:
    """Let the organization's jobs be changed by one person at a time, so that what was asked is still so when saved."""
    Organization.objects.select_for_update(no_key=True).get(id=org)


def _found(job_id: str, *, org: int, version: int | None, deleted_too: bool = False) -> RetentionJob:
    """Find a job that still stands as the person saw it; None for `version` takes it as it stands."""
    row = find_job(job_id, org=org, deleted_too=deleted_too)
    if version is not None and row.version != version:
        raise Taken(
            f"{public_id('job', row.id)} was changed by someone else meanwhile: look at it as it is now, then change "
            "it."
        )
    return row


def _told(row: RetentionJob, job: Job | None = None) -> dict[str, object]:
    """Write a job down for its history; `job` where it is another than the row says."""
    one = job or to_domain(row)
    return {
        "type": one.type,
        "what": one.what,
        "days": one.days,
        "queues": sorted(one.queues),
        "paused": row.paused_at is not None,
    }


def _record(
    row: RetentionJob, *, actor: str, before: dict[str, object] | None, after: dict[str, object] | None
) -> None:
    JobChange.objects.create(org_id=row.org_id, job_id=row.id, actor=actor, before=before, after=after)


def create_job(
    org: int,
    *,
    type: JobType,
    what: What,
    days: Days,
    queues: frozenset[int],
    actor: str,
    check: Check = unasked,
) -> RetentionJob:
    """Make a job; it is in force from the next plan on.

    Raises:
        JobInvalid: its parts do not fit together.
    """
    Job(id=0, type=type, what=what, days=days, queues=queues)
    with acting_in(org):
        _locked(org)
        check()
        row = RetentionJob.objects.create(org_id=org, type=type, what=what, days=days)
        JobQueue.objects.bulk_create([JobQueue(org_id=org, job=row, queue_id=queue) for queue in sorted(queues)])
        _record(row, actor=actor, before=None, after=_told(row))
    return row


def edit_job(
    org: int,
    *,
    job_id: str,
    version: int,
    what: What,
    days: Days,
    queues: frozenset[int],
    actor: str,
    check: Check = unasked,
) -> RetentionJob:
    """Change a job that still stands as the editor saw it; a paused one stays paused.

    When this returns, nothing is deleted any more by the job as it was, also of a run that was going on.

    Raises:
        JobInvalid: its parts do not fit together.
        NotYours: there is no such job.
        Taken: someone has changed it since; nothing was overwritten.
    """
    with acting_in(org):
        _locked(org)
        row = _found(job_id, org=org, version=version)
        before = to_domain(row)
        after = Job(id=row.id, type=before.type, what=what, days=days, queues=queues)
        check()
        RetentionJob.objects.filter(org_id=org, id=row.id).update(what=what, days=days, version=version + 1)
        JobQueue.objects.filter(org_id=org, job=row).exclude(queue_id__in=queues).delete()
        JobQueue.objects.bulk_create(
            [JobQueue(org_id=org, job=row, queue_id=queue) for queue in sorted(queues - before.queues)]
        )
        _record(row, actor=actor, before=_told(row), after=_told(row, after))
        saved = find_job(job_id, org=org)
    wait_until_at_rest(org)
    return saved


def pause_job(org: int, *, job_id: str, actor: str, now: datetime, version: int | None = None) -> RetentionJob:
    """Take a job out of force until it is resumed: as if it were not there. When this returns, it deletes nothing more.

    Raises:
        NotYours: there is no such job.
        Taken: it is paused already, or someone has changed it since `version`.
    """
    with acting_in(org):
        _locked(org)
        row = _found(job_id, org=org, version=version)
        if row.paused_at is not None:
            raise Taken(f"{public_id('job', row.id)} is paused already.")
        before = _told(row)
        row.paused_at, row.version = now, row.version + 1
        row.save(update_fields=["paused_at", "version"])
        _record(row, actor=actor, before=before, after=_told(row))
    wait_until_at_rest(org)
    return row


def resume_job(
    org: int, *, job_id: str, actor: str, version: int | None = None, check: Check = unasked
) -> RetentionJob:
    """Put a paused job back in force from the next plan on.

    Raises:
        NotYours: there is no such job.
        Taken: it is not paused, or someone has changed it since `version`.
    """
    with acting_in(org):
        _locked(org)
        row = _found(job_id, org=org, version=version)
        if row.paused_at is None:
            raise Taken(f"{public_id('job', row.id)} is in force already.")
        check()
        before = _told(row)
        row.paused_at, row.version = None, row.version + 1
        row.save(update_fields=["paused_at", "version"])
        _record(row, actor=actor, before=before, after=_told(row))
    return row


def delete_job(org: int, *, job_id: str, actor: str, now: datetime, version: int | None = None) -> None:
    """Take a job out of force; its row stays, because the book names it. When this returns, it deletes nothing more.

    Raises:
        NotYours: there is no such job.
        Taken: someone has changed it since `version`.
    """
    with acting_in(org):
        _locked(org)
        row = _found(job_id, org=org, version=version)
        _record(row, actor=actor, before=_told(row), after=None)
        row.deleted_at, row.version = now, row.version + 1
        row.save(update_fields=["deleted_at", "version"])
    wait_until_at_rest(org)


def restore_job(
    org: int, *, job_id: str, actor: str, version: int | None = None, check: Check = unasked
) -> RetentionJob:
    """Bring a deleted job back as it was, in force from the next plan on; one that was paused comes back paused.

    Raises:
        NotYours: there never was such a job.
        Taken: it is not deleted, or someone has changed it since `version`.
    """
    with acting_in(org):
        _locked(org)
        row = _found(job_id, org=org, version=version, deleted_too=True)
        if row.deleted_at is None:
            raise Taken(f"{public_id('job', row.id)} is not deleted.")
        check()
        row.deleted_at, row.version = None, row.version + 1
        row.save(update_fields=["deleted_at", "version"])
        _record(row, actor=actor, before=None, after=_told(row))
    return row


def ineffective_jobs(*, org: int) -> dict[int, tuple[Job, ...]]:
    """Name the jobs in force that have no effect, with those that override them; expects an open transaction."""
    return ineffective(jobs(org=org))

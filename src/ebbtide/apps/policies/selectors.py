"""What there is to see of retention jobs. Every function expects an open transaction in the organization."""

from collections.abc import Iterable

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.policies.models import JobQueue, RetentionJob
from ebbtide.domain.calendar import Days
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.domain.job import Job, JobType, What


def to_domain(row: RetentionJob) -> Job:
    """Read a row as what the verdict knows."""
    return _job(row.id, row.type, row.what, row.days, (named.queue_id for named in row.named.all()))


def _job(number: int, kind: str, what: str, days: int, queues: Iterable[int]) -> Job:
    return Job(id=number, type=JobType(kind), what=What(what), days=Days(days), queues=frozenset(queues))


def standing(*, org: int, using: str = WEB) -> QuerySet[RetentionJob]:
    """Give the jobs that have not been deleted, paused ones too, oldest first."""
    return RetentionJob.objects.using(using).filter(org_id=org, deleted_at__isnull=True).order_by("id")


def jobs(*, org: int, using: str = WEB) -> list[Job]:
    """Give the jobs that are in force, oldest first: neither deleted nor paused.

    DANGER: this is the one place that says which jobs count. Plans, previews and pages all ask here.
    """
    named = JobQueue.objects.filter(org_id=OuterRef("org_id"), job_id=OuterRef("id")).values("queue_id")
    rows = standing(org=org, using=using).filter(paused_at__isnull=True).annotate(queues=ArraySubquery(named))
    return [_job(*row) for row in rows.values_list("id", "type", "what", "days", "queues")]


def job_rows(*, org: int) -> list[RetentionJob]:
    """Give the jobs that have not been deleted, paused ones too, oldest first, with their Qs."""
    return list(standing(org=org).prefetch_related("named__queue"))


def find_job(text: str, *, org: int, deleted_too: bool = False) -> RetentionJob:
    """Find a job by its public id, whether it is in force or paused.

    Args:
        text: the public id.
        org: the organization's number.
        deleted_too: whether a deleted job is found as well.

    Raises:
        NotYours: there is none.
    """
    number = parse_id("job", text)
    rows = RetentionJob.objects.filter(org_id=org) if deleted_too else standing(org=org)
    found = rows.filter(id=number).prefetch_related("named__queue").first()
    if found is None:
        raise not_found("job", text)
    return found

"""What there is to see of retention jobs. Every function expects an open transaction in the organization."""

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.domain.calendar import Days
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.domain.job import Job, JobType, What


def to_domain(row: RetentionJob) -> Job:
    """Read a row as what the verdict knows."""
    return Job(
        id=row.id,
        type=JobType(row.type),
        what=What(row.what),
        days=Days(row.days),
        queues=frozenset(named.queue_id for named in row.named.all()),
    )


def job_rows(*, org: int, using: str = WEB) -> list[RetentionJob]:
    """Give the jobs that are in force, oldest first."""
    rows = RetentionJob.objects.using(using).filter(org_id=org, deleted_at__isnull=True)
    return list(rows.order_by("id").prefetch_related("named__queue"))


def jobs(*, org: int, using: str = WEB) -> list[Job]:
    """Give the jobs that are in force, oldest first."""
    return [to_domain(row) for row in job_rows(org=org, using=using)]


def find_job(text: str, *, org: int) -> RetentionJob:
    """Find a job in force by its public id.

    Raises:
        NotYours: there is none.
    """
    number = parse_id("job", text)
    rows = RetentionJob.objects.filter(org_id=org, id=number, deleted_at__isnull=True)
    found = rows.prefetch_related("named__queue").first()
    if found is None:
        raise not_found("job", text)
    return found

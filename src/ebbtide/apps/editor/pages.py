"""The list of jobs, and a job's own page, as they are shown: filled shapes, complete before a template sees them.

Every function expects an open transaction in the organization.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy

from ebbtide.apps.editor.decided import booked, last_decided
from ebbtide.apps.editor.history import HISTORY, change_rows, changes
from ebbtide.apps.editor.weighing import NOTHING, Key, night_of, quantity, with_job
from ebbtide.apps.editor.wording import sentence
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import JobChange, RetentionJob
from ebbtide.apps.policies.pages import armed_or_not, job_line, queue_lines
from ebbtide.apps.policies.selectors import job_rows, jobs, to_domain
from ebbtide.apps.runs.preview import Amount, due_amounts
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType
from ebbtide.domain.verdict import Retention, deciding_job, effective_retention, ineffective
from ebbtide.web.context.jobs import JobDeletePage, JobPage, JobRow, JobsPage, ReachCell, ReachRow
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.listing import Asked, Column, Table, list_query, list_rows
from ebbtide.web.templatetags.ebbtide import DATA_TYPES

JOBS: Table[JobRow] = Table(
    name="jobs",
    columns=(
        Column(name="job", label=gettext_lazy("Job"), value=lambda row: public_id("job", row.job.id or 0)),
        Column(name="reach", label=gettext_lazy("Reach"), value=lambda row: str(row.job.type)),
        Column(name="deletes", label=gettext_lazy("What it does"), value=lambda row: row.sentence),
        Column(name="days", label=gettext_lazy("Days"), value=lambda row: row.job.days, number=True),
        Column(name="state", label=gettext_lazy("State"), value=lambda row: row.state),
        Column(name="tonight", label=gettext_lazy("Tonight"), value=lambda row: row.tonight.items, number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.tonight.bytes, number=True),
        Column(name="changed", label=gettext_lazy("Last change"), value=lambda row: row.job.changed_at),
    ),
    sort="reach",
    text=lambda row: f"{row.sentence} {row.job.type} {public_id('job', row.job.id or 0)} {row.state}",
    row_key=lambda row: row.job.id,
)


def _decides(kind: DataType) -> Column[ReachRow]:
    """Make the column that says who decides over one data type."""

    def decider(row: ReachRow) -> str:
        cell = next(one for one in row.cells if one.data_type is kind)
        if cell.other is not None:
            return public_id("job", cell.other.id or 0)
        return "this job" if cell.takes else ""

    return Column(name=str(kind), label=DATA_TYPES[kind], value=decider, sortable=False)


REACH: Table[ReachRow] = Table(
    name="reach",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name),
        *(_decides(kind) for kind in DataType),
        Column(name="tonight", label=gettext_lazy("Tonight"), value=lambda row: row.tonight.items, number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.tonight.bytes, number=True),
    ),
    sort="q",
    text=lambda row: row.queue.name,
    row_key=lambda row: row.queue.id,
    size=10,
)


def job_list_rows(org: Organization, *, now: datetime) -> list[JobRow]:
    """Give the jobs that have not been deleted, with what each decides tonight; shorter ones before longer ones."""
    queues, rows = queue_lines(org=org.id), job_rows(org=org.id)
    in_force = jobs(org=org.id)
    idle = ineffective(in_force)
    tonight = shares(org, among=in_force, queues=queues, now=now)
    told = JobChange.objects.filter(org_id=org.id, job_id__in=[row.id for row in rows])
    # leans on job_change_by_job (org, job_id, at)
    last = {change.job_id: change for change in told.order_by("job_id", "-at", "-id").distinct("job_id")}

    def line(row: RetentionJob) -> JobRow:
        job = job_line(
            to_domain(row),
            queues=queues,
            change=last.get(row.id),
            overridden_by=idle.get(row.id, ()),
            paused=row.paused_at is not None,
        )
        amounts = (amount for (job_id, _key), amount in tonight.items() if job_id == row.id)
        return JobRow(job=job, sentence=sentence(job), tonight=quantity(amounts))

    return sorted(map(line, rows), key=lambda row: (row.job.days, row.job.id or 0))


def shares(
    org: Organization, *, among: Sequence[Job], queues: Mapping[int, QueueLine], now: datetime
) -> dict[tuple[int, Key], Amount]:
    """Say what each job decides in the next night, by its number and (Q, data type)."""
    due = due_amounts(org=org.id, jobs=among, queues=queues, on=night_of(org, now=now).on)
    deciding = effective_retention(among, queues=queues)
    return {(deciding[key].id, key): amount for key, amount in due.items() if key in deciding}


def jobs_page(org: Organization, *, rows: Sequence[JobRow], now: datetime, asked: Asked) -> JobsPage:
    """Give the list of jobs."""
    return JobsPage(
        state=armed_or_not(org),
        night=night_of(org, now=now).starts,
        jobs=list_rows(JOBS, rows, asked=asked),
        job_count=len(rows),
    )


def reach_rows(
    org: Organization, *, job: Job, in_force: Sequence[Job], queues: Mapping[int, QueueLine], now: datetime
) -> list[ReachRow]:
    """Say where a job decides, as if it were in force, and what of it tonight."""
    among = with_job(job, among=in_force)
    deciding = effective_retention(among, queues=queues)
    tonight = shares(org, among=among, queues=queues, now=now)
    lines = {one.id: job_line(one, queues=queues) for one in among}
    return [
        ReachRow(
            queue=line,
            cells=tuple(_reach_cell(job, (number, kind), deciding=deciding, lines=lines) for kind in DataType),
            tonight=quantity(tonight.get((job.id, (number, kind)), NOTHING) for kind in DataType),
        )
        for number, line in queues.items()
        if job.reaches(number)
    ]


def _reach_cell(job: Job, key: Key, *, deciding: Retention, lines: Mapping[int, JobLine]) -> ReachCell:
    takes = job.takes(key[1])
    decider = deciding.get(key)
    other = lines[decider.id] if takes and decider is not None and decider.id != job.id else None
    return ReachCell(data_type=key[1], takes=takes, other=other)


def job_page(
    org: Organization, *, row: RetentionJob, now: datetime, reach_asked: Asked, history_asked: Asked
) -> JobPage:
    """Give a job's page, also of one that is paused or deleted.

    Args:
        org: the organization, read for this request.
        row: the job.
        now: the request's moment.
        reach_asked: what is asked of the table of where it decides.
        history_asked: what is asked of its history.
    """
    queues, job, in_force = queue_lines(org=org.id), to_domain(row), jobs(org=org.id)
    idle = ineffective(in_force).get(row.id, ())
    where = []
    if row.deleted_at is None:
        where = reach_rows(org, job=job, in_force=in_force, queues=queues, now=now)
    told = changes(org=org.id, job=row.id)
    gone = told.filter(after__isnull=True).order_by("-id").first() if row.deleted_at is not None else None
    tonight = [one.tonight for one in where]
    return JobPage(
        job=job_line(job, queues=queues, overridden_by=idle, paused=row.paused_at is not None),
        state=armed_or_not(org),
        version=row.version,
        night=night_of(org, now=now).starts,
        tonight=quantity(Amount(one.items, one.bytes, one.oldest, one.newest) for one in tonight),
        decides=sum(cell.decides for one in where for cell in one.cells),
        of=sum(cell.takes for one in where for cell in one.cells),
        last=last_decided(org=org.id, job=row.id),
        booked=booked(org=org.id, job=row.id),
        reach=None if row.deleted_at is not None else list_rows(REACH, where, asked=reach_asked),
        history=list_query(
            HISTORY, told, asked=history_asked, lines=change_rows(org=org.id, job=row.id, queues=queues)
        ),
        paused_at=row.paused_at,
        deleted_at=row.deleted_at,
        deleted_by=gone.actor if gone is not None else "",
    )


def delete_page(row: RetentionJob, *, org: int, taken: bool = False) -> JobDeletePage:
    """Say what would decide in a job's place once it is gone."""
    job = to_domain(row)
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
        job=job_line(job, queues=queues, paused=row.paused_at is not None),
        version=row.version,
        wakes=tuple(job_line(heir, queues=queues) for _number, heir in sorted(takes_over.items())),
        uncovered=uncovered,
        idle=not decides,
        taken=taken,
    )

"""What is purged of a report's days, in words: since which day, of which Qs, by which job, in which run.

Every function expects an open transaction in the organization.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from ebbtide.apps.ledger.selectors import last_purges
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import JobChange, RetentionJob
from ebbtide.apps.reports.scope import Lines
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.period import Period
from ebbtide.web.context.insights import PurgedNote
from ebbtide.web.context.shared import JobLine, QueueLine

_Said = tuple[date, JobLine | None, int | None, date | None]
"""A purged line in words: the first day left, the job, the run, the date of that."""


def purged_notes(
    org: Organization, *, lines: Lines, chosen: Mapping[int, QueueLine], period: Period
) -> tuple[tuple[PurgedNote, ...], tuple[PurgedNote, ...]]:
    """Say what is purged of a period: of report rows, and besides of recordings and transcripts.

    Args:
        org: the organization.
        lines: by Q and data type, the first day that is not purged.
        chosen: the Qs reported.
        period: the days.
    """
    reached = {key: day for key, day in lines.items() if key[0] in chosen and day > period.first}
    book = last_purges([(queue, kind, day) for (queue, kind), day in reached.items()], org=org.id)
    jobs = jobs_then({(one.job, one.at) for one in book.values()}, org=org.id)
    zone = parse_zone(org.zone)
    groups: dict[_Said, dict[DataType, list[int]]] = {}
    for (queue, kind), day in reached.items():
        done = book.get((queue, kind))
        said: _Said = (day, None, None, None)
        if done is not None:
            said = (day, jobs.get((done.job, done.at)), done.run, local_day(done.at, zone=zone))
        groups.setdefault(said, {}).setdefault(kind, []).append(queue)
    rows, besides = [], []
    for said, by_type in groups.items():
        rows += _notes(said, {DataType.INSIGHTS: by_type.pop(DataType.INSIGHTS, [])}, chosen=chosen, period=period)
        besides += _notes(said, by_type, chosen=chosen, period=period)
    return _ordered(rows), _ordered(besides)


def _notes(
    said: _Said, by_type: Mapping[DataType, Sequence[int]], *, chosen: Mapping[int, QueueLine], period: Period
) -> list[PurgedNote]:
    """Write one note for each group of Qs that lost the same data types."""
    day, job, run, on = said
    same: dict[frozenset[int], list[DataType]] = {}
    for kind, queues in by_type.items():
        if queues:
            same.setdefault(frozenset(queues), []).append(kind)
    return [
        PurgedNote(
            before=day,
            types=tuple(str(kind) for kind in DataType if kind in kinds),
            queues=tuple(line for number, line in chosen.items() if number in queues),
            every=len(queues) == len(chosen),
            job=job,
            run=run,
            on=on,
            state="purged" if day > period.last else "partly",
        )
        for queues, kinds in same.items()
    ]


def _ordered(notes: Sequence[PurgedNote]) -> tuple[PurgedNote, ...]:
    return tuple(sorted(notes, key=lambda note: (-note.before.toordinal(), note.queues[0].name, note.types)))


def jobs_then(wanted: Collection[tuple[int, datetime]], *, org: int) -> dict[tuple[int, datetime], JobLine]:
    """Give jobs as they were at a moment, by (job, moment); deleted ones too.

    Args:
        wanted: jobs' numbers, each with an aware instant.
        org: the organization's number.
    """
    numbers = {job for job, _at in wanted}
    rows = {row.id: row for row in RetentionJob.objects.filter(org_id=org, id__in=numbers)} if numbers else {}
    changes: dict[int, list[JobChange]] = {}
    if numbers:
        for change in JobChange.objects.filter(org_id=org, job_id__in=numbers).order_by("job_id", "at", "id"):
            changes.setdefault(change.job_id, []).append(change)
    found = {}
    for job, at in wanted:
        if job in rows:
            days = [change.after["days"] for change in changes.get(job, []) if change.at <= at and change.after]
            row = rows[job]
            found[job, at] = JobLine(
                id=job, type=JobType(row.type), what=What(row.what), days=days[-1] if days else row.days
            )
    return found

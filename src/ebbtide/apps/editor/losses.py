"""Which reports lose which of their days, with a job as it is entered.

Only dates are reckoned, and the database is not asked: a report's range against the first day that is kept of each Q.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from ebbtide.apps.editor.weighing import Night, with_job
from ebbtide.domain.calendar import cutoff
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.domain.period import Period, Span, oldest, period
from ebbtide.domain.verdict import Retention, effective_retention
from ebbtide.web.context.jobs import LostDays, ReportLoss
from ebbtide.web.context.shared import QueueLine

_DAY = timedelta(days=1)
RANGES = tuple(span for span in Span if span is not Span.CUSTOM)


def report_losses(
    job: Job, *, among: Sequence[Job], queues: Mapping[int, QueueLine], night: Night
) -> tuple[ReportLoss, ...]:
    """Say of each range of the reports what would be missing of it after the next night.

    Args:
        job: the job as it is entered.
        among: the jobs in force; the job as it stands among them, where it exists.
        queues: every Q of the organization.
        night: its next night.
    """
    before = effective_retention(among, queues=queues)
    after = effective_retention(with_job(job, among=among), queues=queues)
    found = []
    for span in RANGES:
        days = period(span, today=night.on)  # as somebody reads it after that night
        lost = tuple(_lost(days, before=before, after=after, queues=queues, on=night.on))
        own = [one for (_queue, kind), one in after.items() if kind is DataType.INSIGHTS and one.id == job.id]
        found.append(
            ReportLoss(
                span=span,
                first=days.first,
                last=days.last,
                lost=lost,
                at_times=not lost and bool(own) and job.days < oldest(span),
                needs=oldest(span),
            )
        )
    return tuple(found)


def _lost(
    days: Period, *, before: Retention, after: Retention, queues: Mapping[int, QueueLine], on: date
) -> Iterator[LostDays]:
    """Give the days of a range that are lost, each stretch with its Qs, most days first."""
    same: dict[tuple[date, date, bool], list[QueueLine]] = {}
    for number, queue in queues.items():
        kept, was = (_kept_from(one, queue=number, on=on) for one in (after, before))
        last = min(days.last, kept - _DAY) if kept > date.min else date.min
        if kept > was and was <= last and days.first <= last:  # newly: from what goes anyway on
            same.setdefault((max(days.first, was), last, True), []).append(queue)
        if was > days.first and kept > days.first:
            gone = min(last, was - _DAY)
            same.setdefault((days.first, gone, False), []).append(queue)
    for (first, last, newly), lines in sorted(same.items(), key=lambda one: (not one[0][2], one[0][0] - one[0][1])):
        yield LostDays(
            first=first,
            last=last,
            days=(last - first).days + 1,
            queues=tuple(lines),
            every=len(lines) == len(queues),
            newly=newly,
        )


def _kept_from(retention: Retention, *, queue: int, on: date) -> date:
    job = retention.get((queue, DataType.INSIGHTS))
    return date.min if job is None else cutoff(on, days=job.days)

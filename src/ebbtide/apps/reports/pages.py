"""The report's page, as it is shown: a filled shape, complete before a template sees it.

Every function expects an open transaction in the organization that sees one moment.
"""

from fractions import Fraction

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.asked import CHANNELS
from ebbtide.apps.reports.charts import hours_chart, interval_charts
from ebbtide.apps.reports.purged import purged_notes
from ebbtide.apps.reports.reading import Report
from ebbtide.apps.reports.shown import decimal, shown
from ebbtide.apps.reports.tables import INTERVALS, QUEUES
from ebbtide.domain.measures import THRESHOLDS, Sums
from ebbtide.web.context.insights import (
    InsightsPage,
    IntervalFigures,
    QueueFigures,
    Shown,
    ShownInterval,
    ShownQueue,
)
from ebbtide.web.listing import Asked, list_rows, shown_as
from ebbtide.web.templatetags.ebbtide import NOTHING


def insights_page(org: Organization, *, report: Report, queues: Asked, intervals: Asked, can_set: bool) -> InsightsPage:
    """Give the report's page.

    Args:
        org: the organization.
        report: as it was read.
        queues: what is asked of the table of Qs.
        intervals: what is asked of the table of intervals.
        can_set: whether the person may set service targets.
    """
    asked = report.asked
    notes, besides = purged_notes(org, lines=report.lines, chosen=report.chosen, period=asked.period)
    charts = interval_charts(report)
    compared = [one for one in report.by_queue if one.before is not None]
    return InsightsPage(
        empty=not report.lines and not _has_rows(org.id),
        chosen=asked.chosen,
        period=asked.period,
        before=asked.before,
        until_hour=report.until_hour,
        queues=tuple(report.every.values()),
        channels=CHANNELS,
        notes=notes,
        besides=besides,
        state=report.state,
        left_out=tuple(one.queue for one in report.by_queue if one.before is None),
        compared=bool(compared),
        total=_total(report),
        daily=_daily(report),
        whole_days=0 if report.whole is None else report.whole.days,
        by_queue=shown_as(list_rows(QUEUES, report.by_queue, asked=queues), line=_queue_line),
        by_interval=shown_as(list_rows(INTERVALS, report.intervals, asked=intervals), line=_interval_line),
        stacked=charts[0] if charts else None,
        level=charts[1] if charts else None,
        hours=hours_chart(report),
        thresholds=THRESHOLDS,
        can_set=can_set,
    )


def _has_rows(org: int) -> bool:
    with connections[WEB].cursor() as cursor:
        # leans on catalog_cell's key (org, day, data_type, …): the first that fits
        cursor.execute("SELECT EXISTS (SELECT 1 FROM catalog_cell WHERE org_id = %s AND data_type = 'insights')", [org])
        found: bool = cursor.fetchone()[0]
    return found


def _total(report: Report) -> tuple[Shown, ...]:
    """Write the totals; compared where all Qs are, or else over those that are, on both sides."""
    total = report.total
    if total is None:
        return ()
    compared = [one for one in report.by_queue if one.sums is not None and one.before is not None]
    now = sum((one.sums for one in compared if one.sums is not None), Sums())
    before = sum((one.before for one in compared if one.before is not None), Sums())
    plain = shown(total)
    if not compared:
        return plain
    changes = shown(now, before=before)
    return tuple(
        Shown(name=one.name, label=one.label, text=one.text, change=other.change, better=other.better)
        for one, other in zip(plain, changes, strict=True)
    )


def _daily(report: Report) -> str:
    if report.whole is None:
        return NOTHING
    return decimal(Fraction(sum(report.offered.values()), report.whole.days), places=1)


def _queue_line(one: QueueFigures) -> ShownQueue:
    return ShownQueue(figures=one, shown=shown(one.sums, before=one.before))


def _interval_line(one: IntervalFigures) -> ShownInterval:
    return ShownInterval(figures=one, shown=shown(one.sums))

"""The summary of Qs, as it is shown: a filled shape, complete before a template sees it.

Every function expects an open transaction in the organization that sees one moment.
"""

from fractions import Fraction

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.charts import hours_chart, interval_charts
from ebbtide.apps.reports.head import head_of
from ebbtide.apps.reports.reading import Report
from ebbtide.apps.reports.scope import joined
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
    charts = interval_charts(report)
    whole = report.scope.whole
    compared = [one for one in report.by_queue if one.before is not None]
    return InsightsPage(
        head=head_of(
            org,
            scope=report.scope,
            here="insights",
            state=joined({one.state for one in report.by_queue}),
            left_out=tuple(one.queue for one in report.by_queue if one.before is None),
            compared=bool(compared),
        ),
        total=_total(report),
        daily=_daily(report),
        whole_days=0 if whole is None else whole.days,
        by_queue=shown_as(list_rows(QUEUES, report.by_queue, asked=queues), line=_queue_line),
        by_interval=shown_as(list_rows(INTERVALS, report.intervals, asked=intervals), line=_interval_line),
        stacked=charts[0] if charts else None,
        level=charts[1] if charts else None,
        hours=hours_chart(report),
        thresholds=THRESHOLDS,
        can_set=can_set,
    )


def _total(report: Report) -> tuple[Shown, ...]:
    """Write the totals; compared where all Qs are, or else over those that are, on both sides."""
    total = report.total
    if total is None:
        return ()
    compared = [one for one in report.by_queue if one.sums is not None and one.before is not None]
    now = sum((one.sums for one in compared if one.sums is not None), Sums())
    before = sum((one.before for one in compared if one.before is not None), Sums())
    return shown(total, compared=now, before=before) if compared else shown(total)


def _daily(report: Report) -> str:
    whole = report.scope.whole
    if whole is None:
        return NOTHING
    return decimal(Fraction(sum(report.offered.values()), whole.days), places=1)


def _queue_line(one: QueueFigures) -> ShownQueue:
    return ShownQueue(figures=one, shown=shown(one.sums, before=one.before))


def _interval_line(one: IntervalFigures) -> ShownInterval:
    return ShownInterval(figures=one, shown=shown(one.sums))

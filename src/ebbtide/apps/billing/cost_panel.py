"""The panel beside the job editor: what the job as it is entered does to the cost."""

import math
from collections.abc import Sequence

from django.utils.translation import gettext as _

from ebbtide.apps.billing.ahead_charts import short_money
from ebbtide.apps.billing.outlooks import Basis
from ebbtide.apps.billing.saving import what_if
from ebbtide.domain.billing import Money
from ebbtide.domain.calendar import Days
from ebbtide.domain.job import MAX_DAYS, Job
from ebbtide.domain.whatif import STEPS, Point, Side
from ebbtide.web.charts.lines import Lines, Row, draw_lines
from ebbtide.web.charts.scales import round_step
from ebbtide.web.context.forecast import CostPanel, CostSide
from ebbtide.web.templatetags.ebbtide import count

SLIDER = 1000
"""Steps of the slider: from 1 day to 5,000, evenly by their logarithm, as along the foot of the curve."""
_NAMED = (1, 7, 30, 90, 365, MAX_DAYS)
_NEAR = 400
_PARTS = 3


def with_job(job: Job, *, among: Sequence[Job]) -> list[Job]:
    """Give the jobs as they would be with one more, or with one of them changed."""
    return [*(one for one in among if one.id != job.id), job]


def place_of(days: int) -> float:
    """Give where a period stands along the slider and the foot of the curve."""
    return SLIDER * math.log(days) / math.log(MAX_DAYS)


def cost_panel(basis: Basis, *, job: Job, curve_at: Sequence[Days] = STEPS) -> CostPanel:
    """Work out what a job does to the cost.

    Args:
        basis: what is at rest, with months, jobs and prices.
        job: as it is entered; one that exists by its id.
        curve_at: periods at which the curve is drawn.
    """
    if not basis.priced:
        return CostPanel(priced=False, deletes=basis.deletes, days=job.days)
    steps = sorted({*curve_at, job.days})
    changed, points = what_if(basis, before=basis.jobs, after=with_job(job, among=basis.jobs), job=job, steps=steps)
    here = next(point for point in points if point.days == job.days)
    reaches = any(job.takes(kind) and job.reaches(queue) for queue, kind in basis.stock.keys)
    return CostPanel(
        deletes=basis.deletes,
        days=job.days,
        now=_side(changed.now),
        after=_side(changed.after),
        saving_month=changed.saving_month,
        saving_year=changed.saving_year,
        night_bytes=changed.night.bytes,
        night_monthly=changed.night.monthly,
        curve=_curve(points, here=here) if reaches else None,
        first_month=basis.terms.running.next,
        at_days=(here.first_month, here.settled),
        points=tuple((one.days, one.first_month, one.settled) for one in points) if reaches else (),
    )


def _side(side: Side) -> CostSide:
    return CostSide(running=side.running, settled=side.settled, later=side.ahead[-1], year=side.year)


def _curve(points: Sequence[Point], *, here: Point) -> Lines:
    currency = here.settled.currency
    # what is settled in thirteen years would press all the rest to the floor: it is cut off above what matters now
    near = [point.settled.minor for point in points if point.days <= max(_NEAR, here.days)]
    most = max([*near, *(point.first_month.minor for point in points)])
    place = place_of(here.days)
    return draw_lines(
        [
            Row(tone="settled", points=[(place_of(one.days), one.settled.minor) for one in points], dashed=True),
            Row(tone="month", points=[(place_of(one.days), one.first_month.minor) for one in points]),
        ],
        last=SLIDER,
        across=[(place_of(days), _named(days)) for days in _NAMED],
        step=round_step(max(1, most), parts=_PARTS),
        label=lambda minor: short_money(Money(currency, minor)),
        most=most,
        dots=[(place, here.settled.minor, "settled"), (place, here.first_month.minor, "month")],
    )


def _named(days: int) -> str:
    return _("1 year") if days == 365 else count(days)

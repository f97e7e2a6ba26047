"""The worker's task of reports: every ten minutes, make the sums that are missing."""

import structlog
from procrastinate import JobContext
from procrastinate.contrib.django import app

from ebbtide.apps.billing.tasks import METERS
from ebbtide.apps.insights.hours import sum_up_due
from ebbtide.apps.runs.services import Stop
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

LASTS_S = 120
"""Seconds after which a pass leaves the rest to the next: the metering waits in the same queue."""


@app.periodic(cron="5-55/10 * * * *")
@app.task(name="ebbtide.summarize", queue=METERS, queueing_lock="summarize", pass_context=True)
def summarize(context: JobContext, timestamp: int) -> None:
    """Add up finished days of every organization that has some without sums."""
    del timestamp
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    began = clock.now()

    def enough() -> bool:
        return stop() or (clock.now() - began).total_seconds() > LASTS_S

    done = sum_up_due(now=began, stop=enough)
    if done.cells:
        log.info("report sums made", cells=done.cells)

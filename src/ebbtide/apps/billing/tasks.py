"""The worker's task of billing: every ten minutes, book what is due.

It has a queue to itself: no night waits for it, nor it for any.
"""

import structlog
from procrastinate import JobContext
from procrastinate.contrib.django import app

from ebbtide.apps.billing.metering import meter_due
from ebbtide.apps.runs.services import Stop
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

METERS = "meter"
"""The queue. What it does may come twice, late or never: a date that was missed is booked as exactly later."""


@app.periodic(cron="*/10 * * * *")
@app.task(name="ebbtide.meter", queue=METERS, queueing_lock="meter", pass_context=True)
def meter(context: JobContext, timestamp: int) -> None:
    """Book every organization's dates that have begun, and close months that are over."""
    del timestamp
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    done = meter_due(clock=clock, stop=stop)
    if done.booked:
        log.info("storage metered", dates=done.booked)

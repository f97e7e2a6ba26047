"""The worker's tasks of exports: the tick that looks what is to be made and what has to go, and the making.

Each has a queue of its own: an export may take hours and holds up no night, and what has to go waits for no export.
"""

import structlog
from django.db import transaction
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.sweeping import due_exports, sweep_exports
from ebbtide.apps.orgs.database import SWEEP, mapped_errors
from ebbtide.apps.runs.services import Stop
from ebbtide.apps.runs.tasks import EVERY_TEN_SECONDS
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

EXPORTS, EXPORTS_LOOK = "export", "exports"
"""The queue in which they are made, and the one of the tick."""
EXPORT_TASK = "ebbtide.export"


def defer_exports(*, clock: Clock) -> int:
    """Put into the queue whatever is to be made and nobody makes; gives how many were put in."""
    return sum(_defer(org, number) for org, number in due_exports(now=clock.now()))


def _defer(org: int, number: int) -> bool:
    job = Job(
        queue=EXPORTS,
        task_name=EXPORT_TASK,
        lock=None,
        queueing_lock=f"export:{number}",
        task_kwargs={"org": org, "number": number},
    )
    try:
        with mapped_errors(), transaction.atomic(using=SWEEP):
            JobManager(DjangoConnector(alias=SWEEP)).batch_defer_jobs([job])
    except AlreadyEnqueued:
        return False
    return True


@app.periodic(cron=EVERY_TEN_SECONDS)
@app.task(name="ebbtide.exports", queue=EXPORTS_LOOK, queueing_lock="exports", pass_context=True)
def look(context: JobContext, timestamp: int) -> None:
    """Look which exports are to be made, and let go of those whose time is up or whose data is gone."""
    del timestamp
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    if not stop():
        defer_exports(clock=clock)
        sweep_exports(now=clock.now(), stop=stop)


@app.task(name=EXPORT_TASK, queue=EXPORTS, pass_context=True)
def make(context: JobContext, org: int, number: int) -> None:
    """Make one export; where the worker ends meanwhile, the next tick finds it again."""
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    if not stop():
        make_export(org, number=number, clock=clock, stop=stop)

"""The worker's task of interactions: every five minutes, index the words of transcripts that came in."""

import structlog
from procrastinate import JobContext
from procrastinate.contrib.django import app

from ebbtide.apps.billing.tasks import METERS
from ebbtide.apps.interactions.indexing import index
from ebbtide.apps.runs.services import Stop
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

LASTS_S = 120
"""Seconds after which a pass leaves the rest to the next: others wait in the same queue."""


@app.periodic(cron="2-57/5 * * * *")
@app.task(name="ebbtide.index_words", queue=METERS, queueing_lock="index_words", pass_context=True)
def index_transcripts(context: JobContext, timestamp: int) -> None:
    """Index the words of every organization's new transcripts, and what was left the last time."""
    del timestamp
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    began = clock.now()

    def enough() -> bool:
        return stop() or (clock.now() - began).total_seconds() > LASTS_S

    done = index(stop=enough)
    if done.transcripts:
        log.info("transcripts indexed", transcripts=done.transcripts)

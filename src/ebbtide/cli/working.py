"""The worker: its queues served by one process, and the one place where any error of a night is caught.

The tick's queue has a worker to itself: with one for all, a few long nights would take every place and nobody would
look who is due. So have the metering and the exports: what fails in them stops no night, and no night holds them up.
Nights are synchronous code; each runs in a thread of its own, with database connections of its own that are closed
behind it.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import connections
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import AsyncCallNext, SyncCallNext
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker
from psycopg import OperationalError

from ebbtide.apps.billing.tasks import METERS
from ebbtide.apps.exports.tasks import EXPORTS, EXPORTS_LOOK
from ebbtide.apps.orgs.database import SWEEP
from ebbtide.apps.runs.probing import probe_where_old
from ebbtide.apps.runs.tasks import CLOCK, NIGHTS, SILENT_AFTER_S, defer_due, org_of
from ebbtide.domain.errors import DatabaseUnreachable, EbbtideError
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

GRACE_S = 60.0
"""Seconds a batch may take to end after a stop was asked; a batch is bounded far below that."""
_BEAT_S = 5.0
_TICKS_AT_ONCE = 2  # the tick and the broom, so that neither waits for the other
_METERS_AT_ONCE = 1
_EXPORTS_AT_ONCE = 1
_LOOKS_AT_ONCE = 1
_PROBES_AT_ONCE = 1


def told(error: BaseException) -> dict[str, Any]:
    """Say of an error what a log may hold: of our own the message; of others only kind and place, for they quote data.

    Args:
        error: what was raised.
    """
    if isinstance(error, EbbtideError):
        return {"error": error.code, "reason": error.message}
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}"
    return {"error": type(error).__name__, "where": where}


async def _recorded(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:
    """Write down whatever ends a task badly; the queue then marks its job as failed."""
    del worker
    try:
        return await call_next()
    except Exception as error:
        log.error("task failed", task=context.job.task_name, org=org_of(context.job), **told(error))
        raise


def _own_connections(call_next: SyncCallNext, context: JobContext, worker: Worker) -> Any:
    """Close the thread's connections behind a task: advisory locks of a task that failed go with them."""
    del context, worker
    try:
        return call_next()
    finally:
        connections.close_all()


def work(*, concurrency: int, clock: Clock, stopping: threading.Event) -> None:
    """Serve the queues until a SIGTERM or SIGINT, then end running nights after their batch.

    Args:
        concurrency: nights at once, at least 1.
        clock: handed to the tasks.
        stopping: set when the stop is asked; a second signal ends the process at once, which loses nothing.

    Raises:
        DatabaseUnreachable: the connection to PostgreSQL was lost.
    """
    # The queue's own log quotes arguments and tracebacks; what is to be said of a task, we say.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL + 1)
    connector = PsycopgConnector(kwargs=connector_params(SWEEP), min_size=1, max_size=5)
    with app.replace_connector(connector):
        try:
            asyncio.run(_serve(concurrency=concurrency, clock=clock, stopping=stopping))
        except (ConnectorException, OperationalError) as exc:
            raise DatabaseUnreachable("The worker lost its connection to PostgreSQL.") from exc
    if not stopping.is_set():  # a side task of the queue (heartbeat, listener) found the database gone
        raise DatabaseUnreachable("The worker lost its connection to PostgreSQL.")


async def _serve(*, concurrency: int, clock: Clock, stopping: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    served = (
        (CLOCK, _TICKS_AT_ONCE),
        (NIGHTS, concurrency),
        (METERS, _METERS_AT_ONCE),
        (EXPORTS, _EXPORTS_AT_ONCE),
        (EXPORTS_LOOK, _LOOKS_AT_ONCE),
    )
    loop.set_default_executor(
        ThreadPoolExecutor(sum(at_once for _, at_once in served) + _PROBES_AT_ONCE, thread_name_prefix="task")
    )
    async with app.open_async():
        # The schedule's present moment may have been served by a worker that has died since: look at once.
        await loop.run_in_executor(None, _first_look, clock)
        probing = loop.run_in_executor(None, _probe, clock)
        queues = [
            asyncio.create_task(_queue(name, concurrency=at_once, clock=clock, stop=stopping.is_set))
            for name, at_once in served
        ]

        def stop(number: signal.Signals) -> None:
            if stopping.is_set():
                os._exit(128 + number)
            stopping.set()
            for queue in queues:
                queue.cancel()  # to a queue's worker this means: take nothing new, end when all is done

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        try:
            done, left = await asyncio.wait(queues, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.is_set():  # one of them failed; cancelled twice, a worker would leave its nights behind
                for queue in left:
                    queue.cancel()
            ends = await asyncio.gather(*done, *left, probing, return_exceptions=True)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        for end in ends:
            if isinstance(end, Exception):
                raise end


def _probe(clock: Clock) -> None:
    """Find out what the object store does, beside the nights: it may take its time."""
    try:
        probe_where_old(clock=clock)
    finally:
        connections.close_all()


def _first_look(clock: Clock) -> None:
    try:
        defer_due(now=clock.now())
    finally:
        connections.close_all()


async def _queue(name: str, *, concurrency: int, clock: Clock, stop: Callable[[], bool]) -> None:
    await app.run_worker_async(
        queues=[name],
        name=name,
        concurrency=concurrency,
        additional_context={"clock": clock, "stop": stop},
        install_signal_handlers=False,
        shutdown_graceful_timeout=GRACE_S,
        update_heartbeat_interval=_BEAT_S,
        stalled_worker_timeout=SILENT_AFTER_S,
        delete_jobs="successful",
        task_middleware=[_own_connections],
        worker_middleware=[_recorded],
    )

"""Where the engine meets the stores: the only place that knows both."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import SWEEP, acting_in, mapped_errors
from ebbtide.apps.orgs.locks import alone_at, at_part, turnstile
from ebbtide.apps.runs.models import Run
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.outcome import Numbers, RunOutcome
from ebbtide.engine.clock import Clock
from ebbtide.engine.split import STRETCH
from ebbtide.stores.objects import Objects, Probed, probe
from ebbtide.stores.postgres import Hooks, PostgresCells, PostgresRun

__all__ = ["Probed", "beside", "cell_catalog", "export_store", "live_run", "object_store", "probe_store"]

FETCH_ROWS = 5_000


@cache
def object_store() -> Objects:
    """Give the object store of the settings, opened once a process.

    Raises:
        InputInvalid: the URL names no store that can be opened.
    """
    return Objects(settings.EBBTIDE_OBJECTS_URL)


def beside() -> Executor:
    """Give a thread that waits for the store while the run's own one is at the database; to be left as a context."""
    return ThreadPoolExecutor(1, f"{threading.current_thread().name}-destroying")


def export_store() -> Objects:
    """Give the store that exports are put into: the one of the settings, or else the object store.

    Raises:
        InputInvalid: the URL names no store that can be opened.
    """
    url = settings.EBBTIDE_EXPORTS_URL
    return object_store() if url is None else _opened(url)


@cache
def _opened(url: str) -> Objects:
    try:
        return Objects(url)
    except InputInvalid as exc:
        message = exc.message.replace("EBBTIDE_OBJECTS_URL", "EBBTIDE_EXPORTS_URL")
        raise InputInvalid(message, field="EBBTIDE_EXPORTS_URL") from exc


def probe_store(*, now: Callable[[], datetime]) -> Probed:
    """Try the object store of the settings with throw-away keys.

    Args:
        now: the host's clock.

    Raises:
        StoreUnreachable: it does not even take an object.
    """
    return probe(object_store(), now=now)


def cell_catalog(org: int, *, using: str) -> PostgresCells:
    """Give the counts of an organization, streamed through a server-side cursor; expects an open transaction in it.

    The cursor belongs to the caller's transaction: one of its own would end whenever the stream is let go.
    """

    @contextmanager
    def streaming() -> Iterator[Any]:
        with mapped_errors(), connections[using].chunked_cursor() as cursor:
            cursor.cursor.itersize = FETCH_ROWS
            yield cursor

    return PostgresCells(streaming, org=org)


def live_run(run: Run, *, clock: Clock) -> PostgresRun:
    """Give the engine's hold on a live run, over the sweep role's connection."""

    def transaction() -> AbstractContextManager[Any]:
        return acting_in(run.org_id, using=SWEEP)

    def rested(reason: str) -> None:
        with transaction():
            Run.objects.using(SWEEP).filter(org_id=run.org_id, id=run.id, outcome__isnull=True).update(reason=reason)

    def ended(numbers: Numbers, purged_bytes: int, outcome: RunOutcome, reason: str) -> None:
        Run.objects.using(SWEEP).filter(org_id=run.org_id, id=run.id, outcome__isnull=True).update(
            outcome=outcome,
            reason=reason,
            ended_at=clock.now(),
            purged=numbers.purged,
            purged_bytes=purged_bytes,
            kept=numbers.kept,
            failed=numbers.failed,
            not_reached=numbers.not_reached,
        )

    hooks = Hooks(
        turnstile=lambda: turnstile(run.org_id),
        hold=lambda part: at_part(run.id, part),
        alone=lambda: alone_at(run.id),
        rested=rested,
        ended=ended,
    )
    return PostgresRun(transaction, run=run.id, hooks=hooks, stretch=run.stretch or STRETCH)

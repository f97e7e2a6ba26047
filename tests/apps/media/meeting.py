"""Two who come at once: a purge held open in a connection of its own, work in other threads, who waits for whom."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections

from ebbtide.apps.orgs.models import Organization
from ebbtide.pg.launcher import Urls

Aside = Callable[..., Future[Any]]
"""Does something in a thread with connections of its own."""


@contextmanager
def purging(urls: Urls, org: Organization, *, queue: str, day: object) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that has done what a purge of this cell does, and commits with the block."""
    with psycopg.connect(urls.superuser) as purge:
        purge.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org.id)])
        (number,) = purge.execute(
            "SELECT id FROM catalog_queue WHERE org_id = %s AND name = %s", [org.id, queue]
        ).fetchone() or (None,)
        cell = {"org": org.id, "queue": number, "day": day}
        purge.execute(
            "SELECT 1 FROM catalog_cell WHERE org_id = %(org)s AND queue_id = %(queue)s AND day = %(day)s"
            " AND data_type = 'insights' FOR UPDATE",
            cell,
        )
        for table in ("insights_event", "insights_segment"):
            purge.execute(
                f"DELETE FROM {table} WHERE org_id = %(org)s AND queue_id = %(queue)s AND day = %(day)s",  # noqa: S608
                cell,
            )
        purge.execute("SELECT catalog_draw_line(%(org)s, %(queue)s, 'insights', %(day)s)", cell)
        yield purge


def wait_for_a_waiter(urls: Urls) -> None:
    """Until some session of this database waits for a lock."""
    until = time.monotonic() + 10
    with psycopg.connect(urls.superuser, autocommit=True) as looking:
        while True:
            (waiting,) = looking.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone() or (0,)
            if waiting:
                return
            assert time.monotonic() < until, "nobody waits for a lock"


@contextmanager
def beside() -> Iterator[Aside]:
    """Work in other threads, done when the block ends."""
    with ThreadPoolExecutor(4) as pool:

        def run(work: Callable[..., Any], *args: Any, **named: Any) -> Any:
            try:
                return work(*args, **named)
            finally:
                connections.close_all()

        yield lambda work, *args, **named: pool.submit(run, work, *args, **named)

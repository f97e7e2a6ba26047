"""Two workers on two organizations against one worker on both: whole live runs over settled days.

Eight organizations of the same size in the same days, in four rounds. In the first and the last, one process purges two
of them, one after the other; in the two between, two processes purge one each, side by side: so neither way has the
better place. PostgreSQL and all of them share the machine's cores.
"""

import logging
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psycopg
import structlog
from django.db import connections

from bench import purge
from bench.measure import Urls, seconds
from ebbtide.apps.orgs.database import SWEEP, WEB, connect

DAYS, SHARE = 100, 0.12
ASKED = 1.7


@dataclass(frozen=True)
class Worker:
    """A process that purges organizations, one after the other, when it is told to."""

    process: multiprocessing.process.BaseProcess
    pipe: "Connection[object, object]"

    def go(self) -> None:
        """Let it begin."""
        self.pipe.send("go")

    def purged(self) -> int:
        """Wait until it is done; gives the items it purged."""
        purged = self.pipe.recv()
        if not isinstance(purged, int):
            raise SystemExit(f"a worker did not come to its end: {purged}")
        return purged


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Write the rows, settle them, and let one worker or two purge half of eight organizations' rows."""
    layout = purge.Layout("settled", settled=True, asked=ASKED)
    load = purge.Load(days=DAYS, share=SHARE, layouts=(layout,) * 8)
    centres = purge.organizations()
    purge.fill(urls, centres=centres, rows=rows, load=load)
    settled = purge.settle()
    ours = [org.id for org, _ in centres[:8]]
    for org, _ in centres[:8]:
        purge.arm(org, period=DAYS // 2 + 2)
    alone = _timed(urls, [ours[:2]])
    together = _timed(urls, [[org] for org in ours[2:4]]) + _timed(urls, [[org] for org in ours[4:6]])
    alone += _timed(urls, [ours[6:]])
    return [
        settled,
        f"one worker, two organizations, twice: {alone.told(rows)}",
        f"two workers, one organization each, twice: {together.told(rows)}",
        f"ratio {together.rate / alone.rate:.2f} (asked: {ASKED})",
        f"the same of bare big DELETEs: {_bare(urls, orgs=ours[:4]):.2f}",
    ]


def _bare(urls: Urls, *, orgs: list[int]) -> float:
    """Delete two organizations' rows by one connection, then two by two: what the machine has to give."""
    purge.calm(urls)

    def delete(org: int) -> None:
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute("DELETE FROM bare WHERE org_id = %s", [org])

    one = seconds(lambda: [delete(org) for org in orgs[:2]])
    purge.calm(urls)
    with ThreadPoolExecutor(2) as pool:
        two = seconds(lambda: list(pool.map(delete, orgs[2:])))
    return one / two


@dataclass(frozen=True)
class Timed:
    """Items purged, in so many seconds."""

    items: int
    seconds: float

    def __add__(self, other: "Timed") -> "Timed":
        return Timed(self.items + other.items, self.seconds + other.seconds)

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    def told(self, rows: int) -> str:
        """Say it."""
        return f"{self.items:,} of {rows:,} rows, {self.rate:,.0f} rows/s"


def _timed(urls: Urls, shares: list[list[int]]) -> Timed:
    purge.calm(urls)
    workers = [_started(urls, orgs=share) for share in shares]
    purged = 0

    def work() -> None:
        nonlocal purged
        for worker in workers:
            worker.go()
        purged = sum(worker.purged() for worker in workers)

    took = seconds(work)
    for worker in workers:
        worker.process.join()
    return Timed(purged, took)


def _started(urls: Urls, *, orgs: list[int]) -> Worker:
    """Start a worker and wait until it is ready: what it takes to begin is no part of the figure."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_work, args=(urls, orgs, theirs), daemon=True)
    process.start()
    theirs.close()  # so that a worker that died is not waited for
    ours.recv()
    return Worker(process, ours)


def _work(urls: Urls, orgs: list[int], pipe: "Connection[object, object]") -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    for alias in (WEB, SWEEP):
        connections[alias].ensure_connection()
    pipe.send("ready")
    pipe.recv()
    try:
        pipe.send(sum(purge.run_live(org) for org in orgs))
    except SystemExit as exc:
        pipe.send(str(exc))

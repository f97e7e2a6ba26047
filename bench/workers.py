"""Two workers on two organizations against one worker on both: whole live runs over settled days.

Four organizations of the same size in the same days. One process purges two of them, one after the other; then two
processes purge one each, side by side. PostgreSQL and both of them share the machine's cores.
"""

import logging
import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection

import structlog

from bench import purge
from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.orgs.database import connect

DAYS, SHARE = 100, 0.2
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
        self.process.join()
        if not isinstance(purged, int):
            raise SystemExit(f"a worker did not come to its end: {purged}")
        return purged


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Write the rows, settle them, and let one worker and then two purge half of four organizations' rows."""
    layout = purge.Layout("settled", settled=True, asked=ASKED)
    load = purge.Load(days=DAYS, share=SHARE, layouts=(layout,) * 4)
    centres = purge.organizations()
    purge.fill(urls, centres=centres, rows=rows, load=load)
    settled = purge.settle()
    ours = [org.id for org, _ in centres[:4]]
    for org, _ in centres[:4]:
        purge.arm(org, period=DAYS // 2 + 2)
    checkpoint(urls)
    one, of_one = _timed(urls, [ours[:2]])
    checkpoint(urls)
    two, of_two = _timed(urls, [[org] for org in ours[2:]])
    return [
        settled,
        f"one worker, two organizations: {of_one:,} of {rows:,} rows, {of_one / one:,.0f} rows/s",
        f"two workers, one organization each: {of_two:,} rows, {of_two / two:,.0f} rows/s",
        f"ratio {of_two / two / (of_one / one):.2f} (asked: {ASKED})",
    ]


def _timed(urls: Urls, shares: list[list[int]]) -> tuple[float, int]:
    workers = [_started(urls, orgs=share) for share in shares]
    purged = 0

    def work() -> None:
        nonlocal purged
        for worker in workers:
            worker.go()
        purged = sum(worker.purged() for worker in workers)

    return seconds(work), purged


def _started(urls: Urls, *, orgs: list[int]) -> Worker:
    """Start a worker and wait until it is ready: what it takes to begin is no part of the figure."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_work, args=(urls, orgs, theirs), daemon=True)
    process.start()
    ours.recv()
    return Worker(process, ours)


def _work(urls: Urls, orgs: list[int], pipe: "Connection[object, object]") -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    pipe.send("ready")
    pipe.recv()
    try:
        pipe.send(sum(purge.run_live(org) for org in orgs))
    except SystemExit as exc:
        pipe.send(str(exc))

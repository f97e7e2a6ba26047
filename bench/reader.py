"""Somebody who looks at reports all the while, and how long each look takes."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psycopg

from ebbtide.pg.launcher import Urls

PAUSE_S = 0.01
_REPORT = """
    SELECT queue_id, count(*), avg(wait_s), avg(talk_s) FROM insights_segment
    WHERE org_id = %s AND day >= %s GROUP BY queue_id
"""


@dataclass(frozen=True)
class Watched:
    """How long looks took, in milliseconds."""

    count: int
    median: float
    p95: float
    longest: float


class Reader:
    """A person's connection, in a process of its own: in a thread of ours it would wait for our Python, too."""

    def __init__(self, urls: Urls, *, org: int) -> None:
        self._urls = urls
        self._org = org

    def watched(self, work: Callable[[], None]) -> Watched:
        """Look again and again while something else is done."""
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe()
        reader = spawning.Process(target=_look, args=(self._urls.web, self._org, theirs), daemon=True)
        reader.start()
        theirs.close()  # so that a reader that died is not waited for
        ours.recv()  # it has looked once: what it takes to begin is no part of the figure
        try:
            work()
        finally:
            ours.send("enough")
        took: list[float] = sorted(ours.recv())
        reader.join()
        return Watched(len(took), took[len(took) // 2], took[int(len(took) * 0.95)], took[-1])


def _look(url: str, org: int, told: "Connection[object, object]") -> None:
    took: list[float] = []
    # as the product reads: nothing is prepared, and a transaction is over with its look
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        # the day as the product gives it: one that only the server knows would have every partition opened
        since = connection.execute("SELECT current_date - 30").fetchone()
        while not told.poll():
            start = time.monotonic()
            with connection.transaction():
                connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org)])
                connection.execute(_REPORT, [org, since[0] if since else None]).fetchall()
            took.append((time.monotonic() - start) * 1000)
            if len(took) == 1:
                told.send("looking")
            time.sleep(PAUSE_S)
    told.send(took[1:] or took)

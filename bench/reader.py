"""Somebody who looks at reports all the while, and how long each look takes."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from ebbtide.pg.launcher import Urls

PAUSE_S = 0.01
_REPORT = """
    SELECT queue_id, count(*), avg(wait_s), avg(talk_s) FROM insights_segment
    WHERE org_id = %s AND day >= current_date - 30 GROUP BY queue_id
"""


@dataclass(frozen=True)
class Watched:
    """How long looks took, in milliseconds."""

    count: int
    p95: float
    longest: float


class Reader:
    """A person's connection, in a thread of its own."""

    def __init__(self, urls: Urls, *, org: int) -> None:
        self._urls = urls
        self._org = org

    def watched(self, work: Callable[[], None]) -> Watched:
        """Look again and again while something else is done."""
        done = threading.Event()
        took: list[float] = []

        def look() -> None:
            with psycopg.connect(self._urls.web) as connection:
                while not done.is_set():
                    start = time.monotonic()
                    with connection.transaction():
                        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(self._org)])
                        connection.execute(_REPORT, [self._org]).fetchall()
                    took.append((time.monotonic() - start) * 1000)
                    time.sleep(PAUSE_S)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            work()
        finally:
            done.set()
            thread.join()
        took.sort()
        return Watched(len(took), took[int(len(took) * 0.95)], took[-1])

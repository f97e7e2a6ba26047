"""Why looks take longer beside days that are dropped whole: what each part of such a drop costs a reader.

Bare SQL: a table in daily partitions, one connection that adds up the newest thirty of them again and again, and
another that does one thing at a steady pace, far from what is read. Nothing it drops is ever looked at. What differs
from one line to the next is the part of a whole day's purge that it does. `python -m bench.exchanges`.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg

from bench.measure import Urls, checkpoint, fresh_database, machine

DAYS, READ_DAYS, ROWS, OLD_ROWS = 130, 30, 4_000, 50_000
PACE_S = 0.1
SECONDS = 6.0
_LOOK = "SELECT queue, count(*), avg(wait) FROM looked_at WHERE org = 1 AND day >= %s GROUP BY queue"

Admin = psycopg.Connection[tuple[object, ...]]


def measure(urls: Urls) -> list[str]:
    """Measure looks beside each part of a drop."""
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        _make(admin)
        empty = (f"looked_at_{day}" for day in range(DAYS // 3))
        filled = (f"looked_at_{day}" for day in range(DAYS // 3, 2 * DAYS // 3))
        aside = (f"aside_{number}" for number in range(DAYS // 3))
        for number in range(DAYS // 3):
            admin.execute(f"CREATE TABLE aside_{number} AS SELECT n, n AS m FROM generate_series(1, {OLD_ROWS}) n")
        checkpoint(urls)
        told = []
        for name, deed in (
            ("nothing", lambda: None),
            ("a transaction that writes one row", lambda: admin.execute("INSERT INTO noted VALUES (1)")),
            (
                "a table nobody reads is dropped: files unlinked, nothing of the reader's changes",
                _dropping(admin, aside),
            ),
            ("an empty partition is dropped: the reader looks up anew, no files to speak of", _dropping(admin, empty)),
            ("a partition with rows is dropped: both", _dropping(admin, filled)),
        ):
            told.append(_told(name, _looks(urls, deed)))
        return [f"looks at {READ_DAYS} of {DAYS} partitions, every {PACE_S * 1000:.0f} ms beside them:", *told]


def _make(admin: Admin) -> None:
    admin.execute("CREATE TABLE noted (n integer)")
    admin.execute(
        "CREATE TABLE looked_at (org integer, queue integer, day integer, wait integer) PARTITION BY RANGE (day)"
    )
    for day in range(DAYS):
        rows = 0 if day < DAYS // 3 else OLD_ROWS if day < 2 * DAYS // 3 else ROWS
        admin.execute(f"CREATE TABLE looked_at_{day} PARTITION OF looked_at FOR VALUES FROM ({day}) TO ({day + 1})")
        admin.execute(f"INSERT INTO looked_at SELECT 1 + n % 10, n % 20, {day}, n FROM generate_series(1, {rows}) n")
    admin.execute("CREATE INDEX ON looked_at (org, day)")
    admin.execute("VACUUM ANALYZE looked_at")


def _dropping(admin: Admin, tables: Iterator[str]) -> Callable[[], object]:
    def drop() -> None:
        table = next(tables, None)
        if table is not None:
            admin.execute(f"DROP TABLE {table}")

    return drop


def _looks(urls: Urls, deed: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Look again and again beside a deed at a steady pace; milliseconds of all looks, and of the first after each."""
    done = threading.Event()
    count = 0
    took: list[float] = []
    first: list[float] = []

    def look() -> None:
        seen = -1
        with psycopg.connect(urls.superuser, autocommit=True, prepare_threshold=None) as connection:
            while not done.is_set():
                before, start = count, time.monotonic()
                connection.execute(_LOOK, [DAYS - READ_DAYS]).fetchall()
                took.append((time.monotonic() - start) * 1000)
                if before != seen:
                    first.append(took[-1])
                    seen = before
                time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        deed()
        count += 1
        time.sleep(PACE_S)
    done.set()
    thread.join()
    return sorted(took[1:]), sorted(first[1:])


def _told(name: str, looks: tuple[list[float], list[float]]) -> str:
    took, first = looks
    median, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    after = first[len(first) // 2] if first else 0.0
    return f"{name}: median {median:.1f} ms, p95 {p95:.1f} ms; the first look after each {after:.1f} ms"


if __name__ == "__main__":
    sys.stdout.write(f"{machine()}\n")
    with fresh_database() as fresh:
        sys.stdout.write("\n".join(measure(fresh)) + "\n")

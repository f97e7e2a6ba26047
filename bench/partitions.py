"""Daily against monthly partitions of the report rows (docs/adr/0003-daily-partitions.md).

The same rows, index and order in both; bare SQL, so that nothing but the layout differs.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import psycopg

from bench.measure import Urls, checkpoint, seconds

FIRST = date(2024, 1, 1)
DAYS = 366
ORGS = 20

Admin = psycopg.Connection[tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """One way to cut the year: its table and the first days of its partitions."""

    table: str
    starts: tuple[date, ...]

    def bounds(self) -> list[tuple[str, date, date]]:
        """Name and range of each partition."""
        ends = (*self.starts[1:], FIRST + timedelta(days=DAYS))
        return [(f"{self.table}_{a:%Y%m%d}", a, b) for a, b in zip(self.starts, ends, strict=True)]


DAILY = Layout("daily", tuple(FIRST + timedelta(days=number) for number in range(DAYS)))
MONTHLY = Layout("monthly", tuple(FIRST.replace(month=month) for month in range(1, 13)))


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Build both and tell how long each kind of work takes."""
    lines = [f"partitions: {rows:,} rows of {ORGS} organizations over {DAYS} days; daily / monthly"]
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute(
            f"CREATE UNLOGGED TABLE source AS SELECT 1 + (random() * {ORGS - 1})::int AS org_id, "
            "1 + (random() * 19)::int AS queue_id, %s::date + (n * %s / %s)::int AS day, gen_random_uuid() AS id, "
            "repeat('x', 120) AS body FROM generate_series(0, %s - 1) n",
            [FIRST, DAYS, rows, rows],
        )
        figures = {layout.table: _figures(admin, urls=urls, layout=layout, rows=rows) for layout in (DAILY, MONTHLY)}
    return lines + [
        f"  {name:<58} {told:>9} / {figures['monthly'][name]:>9}" for name, told in figures["daily"].items()
    ]


def _figures(admin: Admin, *, urls: Urls, layout: Layout, rows: int) -> dict[str, str]:
    table = layout.table

    def create() -> None:
        admin.execute(f"CREATE TABLE {table} (LIKE source) PARTITION BY RANGE (day)")
        admin.execute(f"CREATE INDEX ON {table} (org_id, queue_id)")
        for name, start, end in layout.bounds():
            admin.execute(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{start}') TO ('{end}')")

    told = {"making the partitions, ms": f"{seconds(create) * 1000:,.0f}"}
    checkpoint(urls)
    taken = seconds(lambda: admin.execute(f"INSERT INTO {table} SELECT * FROM source"))
    told["writing rows in day order, rows/s"] = f"{rows / taken:,.0f}"
    taken = seconds(
        lambda: [
            admin.execute(f"INSERT INTO {table} SELECT * FROM source WHERE id::text LIKE '{digit}0%' ORDER BY day")
            for digit in "0123"
        ]
    )
    told["writing 4 batches spread over the year, ms"] = f"{taken * 1000:,.0f}"
    admin.execute(f"ANALYZE {table}")
    taken = seconds(lambda: admin.execute(f"SELECT count(*) FROM {table} WHERE org_id = 7"))
    told["counting one organization's year, ms"] = f"{taken * 1000:,.0f}"
    taken = seconds(lambda: admin.execute(f"SELECT count(*) FROM {table} WHERE org_id = 7 AND day = '2024-05-05'"))
    told["counting one organization's day, ms"] = f"{taken * 1000:,.1f}"
    checkpoint(urls)
    taken = seconds(lambda: _delete(admin, layout=layout, first=FIRST, last=FIRST + timedelta(days=100)))
    told["deleting 100 days of one organization, ms"] = f"{taken * 1000:,.0f}"
    checkpoint(urls)
    taken = seconds(lambda: _delete(admin, layout=layout, first=date(2024, 6, 15), last=date(2024, 6, 16)))
    told["deleting one night (one day) of one organization, ms"] = f"{taken * 1000:,.1f}"
    checkpoint(urls)
    cut = date(2024, 3, 15)
    freed = sum((min(end, cut) - start).days for _, start, end in layout.bounds() if end <= cut)
    told["days droppable whole, of 74 wholly due on 15 March"] = f"{freed}"
    taken = seconds(lambda: [admin.execute(f"DROP TABLE {name}") for name, _, end in layout.bounds() if end <= cut])
    told["dropping them, ms"] = f"{taken * 1000:,.0f}"
    return told


def _delete(admin: Admin, *, layout: Layout, first: date, last: date) -> None:
    """Delete one organization's days straight at the partitions, all its queues, as the purge does."""
    queues = list(range(1, 21))
    with admin.transaction():
        for name, start, end in layout.bounds():
            if start < last and end > first:
                admin.execute(
                    f"DELETE FROM {name} WHERE org_id = 5 AND queue_id = ANY (%s) AND day >= %s AND day < %s",
                    [queues, first, last],
                )

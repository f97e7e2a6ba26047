"""Ingest under row-level security, with cells, identities and partitions, against plain COPY of the same rows.

The yardstick is a bare table with nothing but a primary key on the source key, because a row that may come twice is
no row; the figure without even that is told beside it. Then the whole of `ebbtide import segments`: file, map,
shaping and loading.
"""

import csv
import gzip
import io
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import psycopg

from bench.measure import Urls, checkpoint, forget_peak, peak_mib, scratch, seconds
from ebbtide.apps.demo.calls import generate_days
from ebbtide.apps.demo.centre import HARBOUR
from ebbtide.apps.insights.intake.segments import Batch
from ebbtide.apps.insights.loading import Counts, SegmentLoader, load_all
from ebbtide.apps.insights.services import import_segments
from ebbtide.apps.policies.services import onboard
from ebbtide.engine.clock import SystemClock

DAYS = 365
CLOCK = SystemClock()
_BARE = (
    "source_key", "interaction", "queue", "channel", "direction", "customer", "agent", "queued_at", "answered_at",
    "ended_at", "day", "wait_s", "talk_s", "hold_s", "wrap_s", "outcome", "transfer", "disposition", "attributes",
)  # fmt: skip


def _frames(rows: int) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    last = CLOCK.now().date() - timedelta(days=1)
    return list(generate_days(HARBOUR, first=last - timedelta(days=DAYS), last=last, segments=rows, seed=1))


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Load generated rows both ways and tell the figures."""
    frames = _frames(rows)
    count = sum(segments.height for segments, _ in frames)
    org = onboard("Ingest", zone="Europe/Berlin", onboarded_on=date(2021, 1, 1), actor="bench")
    days = sorted({day for segments, _ in frames for day in segments["day"].drop_nulls().unique()})
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SELECT insights_ensure_days(%s::date[])", [days])
        columns = ", ".join(f"{name} {_type(name)}" for name in _BARE)
        admin.execute(f"CREATE TABLE bare_ingest ({columns})")
        admin.execute(f"CREATE TABLE bare_keyed ({columns}, PRIMARY KEY (source_key))")
        rendered = [_csv(segments.select(_BARE)) for segments, _ in frames]
        checkpoint(urls)

        def plain(table: str) -> None:
            for text in rendered:
                with admin.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
                    copy.write(text)

        keyless = seconds(lambda: plain("bare_ingest"))
        checkpoint(urls)
        bare = seconds(lambda: plain("bare_keyed"))
        checkpoint(urls)
        loader = SegmentLoader(org.id, pepper=bytes(org.pepper))
        none = frames[0][1].clear()
        counts = Counts()

        def ours() -> None:
            batches = (Batch(segments, none, [], segments.height, 0) for segments, _ in frames)
            for _, loaded in load_all(loader, batches):
                counts.add(loaded)

        loaded = seconds(ours)
        if counts.imported != count:
            raise SystemExit(f"{counts.imported} of {count} rows came in: no figure is worth anything")
    return [
        f"ingest of {count:,} segments over {DAYS} days: {count / loaded:,.0f} segments/s",
        f"plain COPY of the same rows into a bare table with a key: {count / bare:,.0f} rows/s",
        f"ratio {bare / loaded:.2f} (asked here: 0.4)",
        f"plain COPY into a table without even a key: {count / keyless:,.0f} rows/s, ratio {keyless / loaded:.2f}",
    ]


def measure_file(*, calls: Path, map_file: Path, rows: int) -> list[str]:
    """Import a file of real calls, repeated under other keys until it has that many rows."""
    with gzip.open(calls, "rt", newline="") as source:
        header, *lines = list(csv.reader(source))
    file = scratch("calls.csv")
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        for number in range(rows):
            line = lines[number % len(lines)]
            writer.writerow([f"{line[0]}x{number // len(lines)}", *line[1:]])
    org = onboard("File", zone="Asia/Jerusalem", onboarded_on=date(2021, 1, 1), actor="bench")
    before = forget_peak()
    taken = seconds(
        lambda: import_segments(
            org,
            file=file,
            map_file=map_file,
            now=CLOCK.now(),
            rejects=scratch("rejects.csv"),
            progress=lambda _done, _all: None,
        )
    )
    return [
        f"`import segments` of {rows:,} bank calls with two events each: {rows / taken:,.0f} rows/s (asked: 50,000)",
        f"peak memory of the process: {peak_mib():,.0f} MiB ({before:,.0f} MiB before it)",
    ]


def _csv(frame: pl.DataFrame) -> memoryview:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False)
    return buffer.getbuffer()


def _type(name: str) -> str:
    if name.endswith("_at"):
        return "timestamptz"
    if name.endswith("_s"):
        return "integer"
    return {"day": "date", "attributes": "jsonb"}.get(name, "text")

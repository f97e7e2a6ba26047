"""Batches of report rows into the database, each row exactly once.

A batch is one transaction: COPY into a temporary table (COPY is refused on a table under row-level security), then a
handful of statements over the whole batch. What decides whether a row is new is `insights_identity`, by primary key;
what decides whether it is late is the purged line, asked here for the many and by a trigger for whoever slips through
in between.
"""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from ebbtide.apps.catalog.identity import segment_ids
from ebbtide.apps.catalog.intake import Tally
from ebbtide.apps.catalog.services import ensure_queues
from ebbtide.apps.insights.intake.segments import Batch
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.domain.errors import Taken

ATTEMPTS = 5
AT_ONCE = 2

_STAGED = (
    "line", "id", "queue_id", "day", "source_key", "interaction", "channel", "direction", "customer", "agent",
    "queued_at", "answered_at", "ended_at", "wait_s", "talk_s", "hold_s", "wrap_s", "outcome", "transfer",
    "disposition", "attributes", "flags", "undatable",
)  # fmt: skip
_TARGET = ", ".join(name for name in _STAGED if name not in {"line", "undatable"})

_STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS intake_segment (
        line bigint, id uuid, queue_id integer, day date, source_key text, interaction text, channel text,
        direction text, customer text, agent text, queued_at timestamptz, answered_at timestamptz,
        ended_at timestamptz, wait_s integer, talk_s integer, hold_s integer, wrap_s integer, outcome text,
        transfer text, disposition text, attributes json, flags text, undatable text) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS intake_event (line bigint, at timestamptz, kind text) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS intake_fresh (line bigint) ON COMMIT DELETE ROWS;
"""

_IN_TIME = "(l.before IS NULL OR s.day IS NULL OR s.day >= l.before)"
_LINE = "catalog_purgedline l ON l.org_id = %(org)s AND l.queue_id = s.queue_id AND l.data_type = 'insights'"
# In id order, because an index of hashes is filled fastest in its own order. Of rows with one key the first that is in
# time comes in. Where a batch ends must not matter, so the others end as they would in the next one.
_NEW = f"""
    INSERT INTO insights_identity (org_id, id, queue_id, day)
    SELECT %(org)s, s.id, CASE WHEN s.day IS NOT NULL THEN s.queue_id END, s.day FROM intake_segment s
    LEFT JOIN {_LINE} WHERE {_IN_TIME} ORDER BY s.id, s.line
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - the two pieces above
_NEW_NAMED = f"""
    WITH fresh AS ({_NEW} RETURNING id)
    INSERT INTO intake_fresh SELECT min(s.line) FROM fresh JOIN intake_segment s USING (id)
    LEFT JOIN {_LINE} WHERE {_IN_TIME} GROUP BY id
"""  # noqa: S608 - as above
_SEGMENTS = f"""
    INSERT INTO insights_segment (org_id, {_TARGET})
    SELECT %(org)s, {_TARGET} FROM intake_segment s {{fresh}} WHERE s.day IS NOT NULL ORDER BY day, queue_id
"""  # noqa: S608 - column names, written above
_EVENTS = """
    INSERT INTO insights_event (org_id, queue_id, day, segment_id, at, kind)
    SELECT %(org)s, s.queue_id, s.day, s.id, e.at, e.kind FROM intake_event e JOIN intake_segment s USING (line) {fresh}
    WHERE s.day IS NOT NULL ORDER BY s.day, s.queue_id
"""
_UNDATABLE = """
    INSERT INTO insights_setaside (org_id, segment_id, kind, reason, queue_id, content)
    SELECT %(org)s, s.id, 'undatable', coalesce(s.undatable, 'no instant'), s.queue_id,
        jsonb_strip_nulls(to_jsonb(s) - 'id' - 'queue_id' - 'day' - 'undatable' - 'line')
    FROM intake_segment s {fresh} WHERE s.day IS NULL
"""
_FRESH_ONLY = "JOIN intake_fresh USING (line)"
# Late is what lies before the line now, and what lay before it under the date it was first seen with.
_LATE = f"""
    WITH late AS (
        SELECT s.line, s.id, s.queue_id, s.day, coalesce(i.day, s.day) AS purged_day FROM intake_segment s
        LEFT JOIN insights_identity i ON i.org_id = %(org)s AND i.id = s.id
        LEFT JOIN {_LINE}
        LEFT JOIN catalog_purgedline was
            ON was.org_id = %(org)s AND was.queue_id = i.queue_id AND was.data_type = 'insights'
        WHERE NOT EXISTS (SELECT 1 FROM intake_fresh f WHERE f.line = s.line)
            AND (s.day < l.before OR i.day < was.before)
    ), told AS (
        INSERT INTO insights_setaside (org_id, segment_id, kind, reason, queue_id, day)
        SELECT %(org)s, id, 'late', 'its Q and day (' || purged_day || ') are purged', queue_id, day FROM late
        ON CONFLICT (org_id, segment_id, kind) DO NOTHING)
    SELECT line FROM late
"""  # noqa: S608 - as above


@dataclass(slots=True)
class Counts(Tally):
    """What became of rows; the five ends add up to `read`."""

    read: int = 0
    imported: int = 0
    already_there: int = 0
    late: int = 0
    undatable: int = 0
    rejected: int = 0
    flagged: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a batch, row by row.

    Attributes:
        counts: of all of them.
        fresh: lines that came in, datable or not; None where all did.
        late: lines that stay out, because their Q and day are purged.
    """

    counts: Counts
    fresh: frozenset[int] | None
    late: frozenset[int]

    def end_of(self, line: int, *, dated: bool) -> Literal["imported", "undatable", "late", "already_there"]:
        """Say what became of a row; `dated` is whether it has a day."""
        if self.fresh is None or line in self.fresh:
            return "imported" if dated else "undatable"
        return "late" if line in self.late else "already_there"


class SegmentLoader:
    """Loads batches into one organization.

    Frames have the columns of `ebbtide.apps.insights.intake.segments.SEGMENT_SCHEMA`.
    """

    def __init__(self, org: int, *, pepper: bytes) -> None:
        self._org = org
        self._pepper = pepper
        self._queues: dict[str, int] = {}
        self._days: set[date] = set()

    def load(self, segments: pl.DataFrame, *, events: pl.DataFrame) -> Counts:
        """Load one batch, whole or not at all; several threads may load at once.

        Args:
            segments: rows of the batch, each with a line of its own.
            events: their timeline, joined by `line`.

        Returns:
            The batch's counts; `read` and `rejected` are the reader's to add.

        Raises:
            InputInvalid: a queue's name is unusable.
            Taken: others kept coming first.
        """
        return self._loaded(segments, events=events, named=False).counts

    def tell(self, segments: pl.DataFrame, *, events: pl.DataFrame) -> Loaded:
        """Load one batch as `load` does, and tell of each row what became of it."""
        return self._loaded(segments, events=events, named=True)

    def _loaded(self, segments: pl.DataFrame, *, events: pl.DataFrame, named: bool) -> Loaded:
        keyed = segments.with_columns(
            pl.Series("id", segment_ids(segments["source_key"], pepper=self._pepper), dtype=pl.String)
        )
        self._prepare(keyed)
        days = set(keyed["day"].drop_nulls().unique())
        numbered = keyed.with_columns(
            pl.col("queue").replace_strict(self._queues, return_dtype=pl.Int32).alias("queue_id")
        )
        rows = _csv(numbered.select(_STAGED))
        timeline = _csv(events.select("line", "at", "kind")) if events.height else None
        loaded = self._again(lambda: self._load(rows, count=keyed.height, timeline=timeline, named=named), days=days)
        loaded.counts.flagged = segments["flags"].count()
        return loaded

    def _again(self, attempt: Callable[[], Loaded], *, days: AbstractSet[date]) -> Loaded:
        """Try a batch again where a purge or another import came first; it then sees what they did."""
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except Taken:
                self._ensure_days(days)  # an empty day may have been dropped meanwhile
        return attempt()

    def _ensure_days(self, days: AbstractSet[date]) -> None:
        with acting_in(self._org) as cursor:
            cursor.execute("SELECT insights_ensure_days(%s::date[])", [sorted(days)])

    def _prepare(self, segments: pl.DataFrame) -> None:
        """Make the queues and partitions the batch needs, in a transaction of their own: other batches may use them."""
        missing = set(segments["queue"].unique()) - self._queues.keys()
        days = set(segments["day"].drop_nulls().unique()) - self._days
        if not missing and not days:
            return
        with acting_in(self._org) as cursor:
            made = ensure_queues(missing, org=self._org) if missing else {}
            if days:
                cursor.execute("SELECT insights_ensure_days(%s::date[])", [sorted(days)])
        self._queues.update(made)
        self._days |= days

    def _load(self, rows: memoryview, *, count: int, timeline: memoryview | None, named: bool) -> Loaded:
        values = {"org": self._org}
        late: frozenset[int] = frozenset()
        lines: frozenset[int] | None = None
        with acting_in(self._org) as cursor:
            cursor.execute(_STAGE)
            _copy(cursor, rows, into="intake_segment")
            fresh, only = self._register(cursor, count=count)
            if timeline is not None:
                _copy(cursor, timeline, into="intake_event")
                cursor.execute(_EVENTS.format(fresh=only), values)
            cursor.execute(_SEGMENTS.format(fresh=only), values)
            counts = Counts(imported=cursor.rowcount, undatable=fresh - cursor.rowcount)
            if counts.undatable:
                cursor.execute(_UNDATABLE.format(fresh=only), values)
            if fresh < count:
                cursor.execute(_LATE, values)
                late = frozenset(line for (line,) in cursor.fetchall())
                counts.late = len(late)
            counts.already_there = count - fresh - counts.late
            if named and only:
                cursor.execute("SELECT line FROM intake_fresh")
                lines = frozenset(line for (line,) in cursor.fetchall())
        return Loaded(counts, lines, late)

    def _register(self, cursor: CursorWrapper, *, count: int) -> tuple[int, str]:
        """Register the batch's ids; gives how many are new, and what picks them out of the batch ("": all are).

        Most batches are wholly new, and then nothing needs to be picked out; naming the new ones costs a third more.
        """
        values = {"org": self._org}
        point = transaction.savepoint(using=WEB)
        cursor.execute(_NEW, values)
        if cursor.rowcount == count:
            transaction.savepoint_commit(point, using=WEB)
            return count, ""
        transaction.savepoint_rollback(point, using=WEB)
        cursor.execute(_NEW_NAMED, values)
        return cursor.rowcount, _FRESH_ONLY


def load_all(loader: SegmentLoader, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Counts]]:
    """Load batches side by side, a few at a time; gives each with its counts, in order.

    Two connections, because one leaves the machine half idle: while one batch is parsed, the other is written.

    Raises:
        InputInvalid: a queue's name is unusable; batches that were loaded stay.
        Taken: others kept coming first.
    """

    def load(batch: Batch) -> Counts:
        try:
            return loader.load(batch.segments, events=batch.events)
        finally:
            connections[WEB].close()  # this thread's own

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="load") as pool:
        waiting: deque[tuple[Batch, Future[Counts]]] = deque()
        for batch in batches:
            waiting.append((batch, pool.submit(load, batch)))
            if len(waiting) > AT_ONCE:
                done, counts = waiting.popleft()
                yield done, counts.result()
        for done, counts in waiting:
            yield done, counts.result()


def _csv(frame: pl.DataFrame) -> memoryview:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False)
    return buffer.getbuffer()


def _copy(cursor: CursorWrapper, rows: memoryview, *, into: str) -> None:
    with cursor.cursor.copy(f"COPY {into} FROM STDIN (FORMAT csv)") as copy:
        copy.write(rows)

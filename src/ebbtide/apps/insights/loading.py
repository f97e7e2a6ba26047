"""Batches of report rows into the database, each row exactly once.

A batch is one transaction: COPY into a temporary table (COPY is refused on a table under row-level security), then a
handful of statements over the whole batch. What decides whether a row is new is `insights_identity`, by primary key;
what decides whether it is late is the purged line, asked here for the many and by a trigger for whoever slips through
in between.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl
from django.db.backends.utils import CursorWrapper

from ebbtide.apps.catalog.identity import segment_ids
from ebbtide.apps.catalog.intake import Tally
from ebbtide.apps.catalog.services import ensure_queues
from ebbtide.apps.orgs.database import acting_in
from ebbtide.domain.errors import Taken

ATTEMPTS = 5

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
        transfer text, disposition text, attributes jsonb, flags text, undatable text) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS intake_event (line bigint, at timestamptz, kind text) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS intake_fresh (id uuid) ON COMMIT DELETE ROWS;
"""

# In id order, because an index of hashes is filled fastest in its own order.
_FRESH = """
    WITH fresh AS (
        INSERT INTO insights_identity (org_id, id, queue_id, day)
        SELECT %(org)s, s.id, CASE WHEN s.day IS NOT NULL THEN s.queue_id END, s.day FROM intake_segment s
        LEFT JOIN catalog_purgedline l
            ON l.org_id = %(org)s AND l.queue_id = s.queue_id AND l.data_type = 'insights'
        WHERE l.before IS NULL OR s.day IS NULL OR s.day >= l.before
        ORDER BY s.id
        ON CONFLICT DO NOTHING RETURNING id)
    INSERT INTO intake_fresh SELECT id FROM fresh
"""
_SEGMENTS = f"""
    INSERT INTO insights_segment (org_id, {_TARGET})
    SELECT %(org)s, {_TARGET} FROM intake_segment JOIN intake_fresh USING (id)
    WHERE day IS NOT NULL ORDER BY day, queue_id
"""  # noqa: S608 - column names, written above
_EVENTS = """
    INSERT INTO insights_event (org_id, queue_id, day, segment_id, at, kind)
    SELECT %(org)s, s.queue_id, s.day, s.id, e.at, e.kind
    FROM intake_event e JOIN intake_segment s USING (line) JOIN intake_fresh USING (id)
    WHERE s.day IS NOT NULL ORDER BY s.day, s.queue_id
"""
_UNDATABLE = """
    INSERT INTO insights_setaside (org_id, segment_id, kind, reason, queue_id, content)
    SELECT %(org)s, s.id, 'undatable', coalesce(s.undatable, 'no instant'), s.queue_id,
        jsonb_strip_nulls(to_jsonb(s) - 'id' - 'queue_id' - 'day' - 'undatable' - 'line')
    FROM intake_segment s JOIN intake_fresh USING (id) WHERE s.day IS NULL
"""
# Late is what lies before the line now, and what lay before it under the date it was first seen with.
_LATE = """
    WITH late AS (
        SELECT s.id, s.queue_id, s.day, coalesce(i.day, s.day) AS purged_day FROM intake_segment s
        LEFT JOIN insights_identity i ON i.org_id = %(org)s AND i.id = s.id
        LEFT JOIN catalog_purgedline l
            ON l.org_id = %(org)s AND l.queue_id = s.queue_id AND l.data_type = 'insights'
        LEFT JOIN catalog_purgedline was
            ON was.org_id = %(org)s AND was.queue_id = i.queue_id AND was.data_type = 'insights'
        WHERE NOT EXISTS (SELECT 1 FROM intake_fresh f WHERE f.id = s.id) AND (s.day < l.before OR i.day < was.before)
    ), told AS (
        INSERT INTO insights_setaside (org_id, segment_id, kind, reason, queue_id, day)
        SELECT %(org)s, id, 'late', 'its Q and day (' || purged_day || ') are purged', queue_id, day FROM late
        ON CONFLICT (org_id, segment_id, kind) DO NOTHING)
    SELECT count(*) FROM late
"""


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
        """Load one batch, whole or not at all.

        Args:
            segments: rows of the batch.
            events: their timeline, joined by `line`.

        Returns:
            The batch's counts; `read` and `rejected` are the reader's to add.

        Raises:
            InputInvalid: a queue's name is unusable.
            Taken: others kept coming first.
        """
        keyed = segments.with_columns(
            pl.Series("id", segment_ids(segments["source_key"], pepper=self._pepper), dtype=pl.String)
        )
        first = keyed.unique("id", keep="first", maintain_order=True)
        counts = self._again(lambda: self._load(first, events=events))
        counts.already_there += keyed.height - first.height
        return counts

    def _again(self, attempt: Callable[[], Counts]) -> Counts:
        """Try a batch again where a purge or another import came first; it then sees what they did."""
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except Taken:
                self._days.clear()
        return attempt()

    def _load(self, segments: pl.DataFrame, *, events: pl.DataFrame) -> Counts:
        with acting_in(self._org) as cursor:
            self._prepare(cursor, segments)
            numbered = segments.with_columns(
                pl.col("queue").replace_strict(self._queues, return_dtype=pl.Int32).alias("queue_id")
            )
            cursor.execute(_STAGE)
            _copy(cursor, numbered.select(_STAGED), into="intake_segment")
            values = {"org": self._org}
            cursor.execute(_FRESH, values)
            fresh = cursor.rowcount
            cursor.execute(_SEGMENTS, values)
            counts = Counts(imported=cursor.rowcount, undatable=fresh - cursor.rowcount)
            if events.height:
                _copy(cursor, events.select("line", "at", "kind"), into="intake_event")
                cursor.execute(_EVENTS, values)
            if counts.undatable:
                cursor.execute(_UNDATABLE, values)
            if fresh < segments.height:
                cursor.execute(_LATE, values)
                counts.late = cursor.fetchone()[0]
            counts.already_there = segments.height - fresh - counts.late
            counts.flagged = segments["flags"].count()
        return counts

    def _prepare(self, cursor: CursorWrapper, segments: pl.DataFrame) -> None:
        """Make the queues and partitions the batch needs."""
        missing = set(segments["queue"].unique()) - self._queues.keys()
        if missing:
            self._queues.update(ensure_queues(missing, org=self._org))
        days = set(segments["day"].drop_nulls().unique()) - self._days
        if days:
            cursor.execute("SELECT insights_ensure_days(%s::date[])", [sorted(days)])
            self._days |= days


def _copy(cursor: CursorWrapper, frame: pl.DataFrame, *, into: str) -> None:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False)
    with cursor.cursor.copy(f"COPY {into} FROM STDIN (FORMAT csv)") as copy:
        copy.write(buffer.getbuffer())

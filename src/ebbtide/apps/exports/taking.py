"""What goes into an archive, day by day: cells, rows and recordings.

DANGER: a cell is written down as taken before the first byte of it is read (`exports_take`), and that is committed.
Rows are read over the web role's connection in transactions that see one moment; the worker's own connection is free
for what it writes down meanwhile.
"""

import uuid
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import connections

from ebbtide.apps.exports.models import Export
from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, seeing_one_moment
from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.errors import CellsDrifted
from ebbtide.domain.identity import public_id

FETCH_ROWS = 5_000

SEGMENT_COLUMNS = (
    "day", "queue", "queue_id", "segment", "source_key", "interaction", "channel", "direction", "customer", "agent",
    "queued_at", "answered_at", "ended_at", "wait_s", "talk_s", "hold_s", "wrap_s", "outcome", "transfer",
    "disposition", "attributes", "flags",
)  # fmt: skip
EVENT_COLUMNS = ("day", "queue_id", "segment", "at", "kind")
_MOMENT = "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
# the day as a constant, so that only its partition is opened
_SEGMENTS = f"""
    SELECT s.day::text, q.name, 'que_' || s.queue_id, s.id::text, s.source_key, s.interaction, s.channel, s.direction,
        s.customer, s.agent, {_MOMENT.format("s.queued_at")}, {_MOMENT.format("s.answered_at")},
        {_MOMENT.format("s.ended_at")}, s.wait_s, s.talk_s, s.hold_s, s.wrap_s, s.outcome, s.transfer, s.disposition,
        s.attributes::text, s.flags, s.queue_id
    FROM insights_segment s JOIN catalog_queue q ON q.org_id = s.org_id AND q.id = s.queue_id
    WHERE s.org_id = %(org)s AND s.day = %(day)s::date AND s.queue_id = ANY (%(queues)s::int[])
    ORDER BY s.queue_id, s.id
"""  # noqa: S608 - the pieces above
_EVENTS = f"""
    SELECT e.day::text, 'que_' || e.queue_id, e.segment_id::text, {_MOMENT.format("e.at")}, e.kind
    FROM insights_event e
    WHERE e.org_id = %(org)s AND e.day = %(day)s::date AND e.queue_id = ANY (%(queues)s::int[])
    ORDER BY e.queue_id, e.segment_id, e.at, e.kind
"""  # noqa: S608 - the pieces above

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """An object to take: its key, Q, segment, size in bytes and SHA-256 (32 bytes)."""

    key: str
    queue: int
    segment: uuid.UUID
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The cells of one day and type.

    Attributes:
        day, data_type: of all of them.
        taken: what goes into the archive, by Q.
        left: what does not, by Q, with why: purged or purging.
        recordings: of object types, in the order of Qs and segments.
    """

    day: date
    data_type: DataType
    taken: dict[int, Amount] = field(default_factory=dict)
    left: dict[int, tuple[Amount, str]] = field(default_factory=dict)
    recordings: Sequence[Recording] = ()


def planned(export: Export) -> dict[tuple[date, DataType], dict[int, Amount]]:
    """Give the cells there are to take now, by day and type in the order in which they are taken."""
    with acting_in(export.org_id, using=SWEEP) as cursor:
        # leans on catalog_cell's key (org, day, data_type, queue)
        cursor.execute(
            """
            SELECT day, data_type, queue_id, items, bytes FROM catalog_cell
            WHERE org_id = %s AND day BETWEEN %s AND %s AND data_type = ANY (%s) AND queue_id = ANY (%s)
            ORDER BY day, array_position(ARRAY['insights', 'audio', 'transcript', 'desktop'], data_type), queue_id
            """,
            [export.org_id, export.first, export.last, export.types, export.queues],
        )
        found: dict[tuple[date, DataType], dict[int, Amount]] = {}
        for day, kind, queue, items, size in cursor.fetchall():
            found.setdefault((day, DataType(kind)), {})[queue] = Amount(items, size)
    return found


def take(export: Export, *, day: date, data_type: DataType) -> Batch:
    """Write down that the cells of a day and type are in the archive, and give what is to be read.

    Raises:
        Taken: whoever writes or purges there did not let go in time.
    """
    with acting_in(export.org_id, using=SWEEP) as cursor:
        cursor.execute("SELECT * FROM exports_take(%s, %s, %s)", [export.id, day, data_type])
        cells = cursor.fetchall()
        taken = {queue: Amount(items, size) for queue, items, size, why in cells if not why}
        left = {queue: (Amount(items, size), why) for queue, items, size, why in cells if why}
        recordings: list[Recording] = []
        if data_type.is_object and taken:
            # in the same transaction: the cells are still locked; leans on media_by_cell
            cursor.execute(
                """
                SELECT key, queue_id, segment_id, bytes, sha256 FROM media_mediaobject
                WHERE org_id = %s AND kind = %s AND day = %s AND queue_id = ANY (%s) AND claimed_by IS NULL
                ORDER BY queue_id, segment_id, id
                """,
                [export.org_id, data_type, day, list(taken)],
            )
            recordings = [
                Recording(key, queue, segment, size, bytes(sha256))
                for key, queue, segment, size, sha256 in cursor.fetchall()
            ]
            sums: dict[int, Amount] = {}
            for one in recordings:
                sums[one.queue] = sums.get(one.queue, Amount()) + Amount(1, one.size)
            _refuse_drift(day, data_type, counted=taken, there=sums)
    return Batch(day, data_type, taken, left, recordings)


def segment_rows(batch: Batch, *, org: int) -> Generator[Row, None, None]:
    """Stream the report rows of a batch, as `SEGMENT_COLUMNS` names them.

    When the last one is given, as many were there as the cells counted at that moment, and `batch.taken` says how many.
    A Q whose cell is gone by then was purged meanwhile, and the archive is condemned.

    Raises:
        CellsDrifted: rows and cells disagree.
    """
    counts: Counter[int] = Counter()
    with seeing_one_moment(org) as cursor:
        cursor.execute(
            "SELECT queue_id, items, bytes FROM catalog_cell WHERE org_id = %s AND day = %s AND data_type = 'insights' "
            "AND queue_id = ANY (%s)",
            [org, batch.day, list(batch.taken)],
        )
        cells = {queue: Amount(items, size) for queue, items, size in cursor.fetchall()}
        for row in _streamed(_SEGMENTS, batch, org=org):
            counts[row[-1]] += 1  # type: ignore[index] # the Q's number
            yield row[:-1]
    there = {queue: Amount(counts[queue], cells[queue].bytes if queue in cells else 0) for queue in counts}
    _refuse_drift(batch.day, batch.data_type, counted=cells, there=there)
    batch.taken.clear()
    batch.taken.update(cells)


def event_rows(batch: Batch, *, org: int) -> Generator[Row, None, None]:
    """Stream the events of a batch's segments, as `EVENT_COLUMNS` names them."""
    with seeing_one_moment(org):
        yield from _streamed(_EVENTS, batch, org=org)


def _streamed(sql: str, batch: Batch, *, org: int) -> Iterator[Row]:
    with connections[WEB].chunked_cursor() as cursor:
        cursor.cursor.itersize = FETCH_ROWS
        cursor.execute(sql, {"org": org, "day": batch.day, "queues": list(batch.taken)})
        yield from cursor


def _refuse_drift(day: date, data_type: DataType, *, counted: dict[int, Amount], there: dict[int, Amount]) -> None:
    for queue in counted.keys() | there.keys():
        cell, found = counted.get(queue, Amount()), there.get(queue, Amount())
        if cell.items != found.items:
            raise CellsDrifted(
                f"The cell of {public_id('que', queue)} on {day} ({data_type}) counts {cell.items:,} and "
                f"{found.items:,} are there: nothing is exported that does not add up. Run `ebbtide reconcile`, then "
                "export again."
            )

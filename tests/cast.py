"""The cast: Alice's centre, Bob who works there, and Charlie of another one. Two organizations are always present."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.insights.intake.segments import EVENT_SCHEMA, SEGMENT_SCHEMA
from ebbtide.apps.insights.loading import Counts, SegmentLoader
from ebbtide.apps.media.services import Incoming, MediaCounts, store_recordings
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType

CellKey = tuple[date, str, str]
"""Day, queue's name, data type."""


def centre(name: str, *, zone: str = "Europe/Berlin", onboarded: date = date(2021, 5, 1)) -> Organization:
    """An organization without jobs (onboarded before 2022, unless told otherwise)."""
    return onboard(name, zone=zone, onboarded_on=onboarded, actor="test")


def segments(rows: Iterable[Mapping[str, object]], *, zone: str = "Europe/Berlin") -> pl.DataFrame:
    """A frame of report rows: each names at least source_key, queue and day (None: undatable)."""
    built = []
    for line, row in enumerate(rows, start=2):
        day = row.get("day")
        ended = None
        if isinstance(day, date):
            ended = datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)
        base: dict[str, object] = dict.fromkeys(SEGMENT_SCHEMA)
        base |= {"line": line, "channel": "voice", "ended_at": ended, "outcome": "answered", "talk_s": 60}
        if day is None:
            base["undatable"] = "no instant"
        built.append(base | dict(row))
    return pl.DataFrame(built, schema=SEGMENT_SCHEMA)


def events(rows: Iterable[tuple[int, datetime, str]] = ()) -> pl.DataFrame:
    """A frame of timeline events: line of the segment, moment, kind."""
    return pl.DataFrame(list(rows), schema=EVENT_SCHEMA, orient="row")


def load(org: Organization, rows: Iterable[Mapping[str, object]]) -> Counts:
    """Load report rows; each segment gets one event."""
    frame = segments(rows, zone=org.zone)
    told = events(
        (line, moment - timedelta(seconds=30), "ivr_entered")
        for line, moment in frame.select("line", "ended_at").iter_rows()
        if moment is not None
    )
    return SegmentLoader(org.id, pepper=bytes(org.pepper)).load(frame, events=told)


def calls(queue: str, *, day: date, count: int, prefix: str = "call") -> list[dict[str, object]]:
    """Rows of `count` calls of one queue and day, with keys that say where they belong."""
    return [
        {"source_key": f"{prefix}-{queue}-{day}-{number}", "queue": queue, "day": day, "customer": f"+4930{number:05}"}
        for number in range(count)
    ]


def calls_over(queues: Iterable[str], *, days: Iterable[date], count: int) -> list[dict[str, object]]:
    """Rows of `count` calls of each of some queues on each of some days: loaded at once, in one transaction."""
    every = list(days)
    return [row for queue in queues for day in every for row in calls(queue, day=day, count=count)]


def record(org: Organization, source_key: str, *, kind: DataType, content: bytes | None = None) -> MediaCounts:
    """Store one recording of a segment."""
    data = content if content is not None else json.dumps([source_key, kind, str(uuid.uuid4())]).encode()
    return record_all(org, [(source_key, kind, data)])


def record_all(org: Organization, recordings: Iterable[tuple[str, DataType, bytes]]) -> MediaCounts:
    """Store recordings of segments at once: source key, kind and content of each."""
    incoming = [
        Incoming(segment_id(source_key, pepper=bytes(org.pepper)), kind, partial(list, [content]))
        for source_key, kind, content in recordings
    ]
    return store_recordings(org.id, incoming=incoming, store=object_store(), reject=lambda _one, _why: None)


def counted(org: Organization) -> dict[CellKey, int]:
    """Items by cell, as the counts say."""
    with acting_in(org.id):
        names = {queue.id: queue.name for queue in catalog.queues(org=org.id)}
        return {(cell.day, names[cell.queue], str(cell.data_type)): cell.items for cell in catalog.cells(org=org.id)}


@dataclass(frozen=True)
class Everything:
    """All that is there of an organization, row by row: what a test compares before and after."""

    segments: frozenset[tuple[str, date, str]]
    events: int
    media: frozenset[str]
    objects: frozenset[str]


def everything(org: Organization) -> Everything:
    """Read rows and objects themselves, not the counts."""
    with acting_in(org.id) as cursor:
        cursor.execute(
            "SELECT q.name, s.day, s.source_key FROM insights_segment s JOIN catalog_queue q ON q.id = s.queue_id"
        )
        rows = frozenset(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM insights_event")
        timeline = cursor.fetchone()[0]
        cursor.execute("SELECT key FROM media_mediaobject")
        keys = frozenset(row[0] for row in cursor.fetchall())
    return Everything(rows, timeline, keys, frozenset(object_store().keys(f"org_{org.id}")))

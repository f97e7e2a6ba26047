"""Reading what programs ask for. Every function expects an open transaction in the organization."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connections

from ebbtide.apps.catalog.models import PurgedLine
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.retrieval.asked import Place
from ebbtide.apps.retrieval.walking import Range, Walk
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import not_found, parse_id

Lines = Mapping[tuple[int, DataType], date]
"""By Q and data type, the first day that is not purged."""

_COLUMNS = (
    "id", "source_key", "interaction", "queue_id", "day", "channel", "direction", "customer", "agent", "queued_at",
    "answered_at", "ended_at", "wait_s", "talk_s", "hold_s", "wrap_s", "outcome", "transfer", "disposition",
    "attributes",
)  # fmt: skip
_NAMES = ", ".join(f"s.{name}" for name in _COLUMNS)
_MEDIA = "m.id, m.segment_id, m.queue_id, m.day, m.kind, m.sha256, m.bytes, m.created_at"
_KEY = 'coalesce(s.interaction, s.source_key) COLLATE "C"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of rows; None and empty sets narrow nothing.

    Attributes:
        range: Qs and days.
        agent, channel, outcome, interaction: as stored.
        segment: of one segment, where recordings and transcripts are wanted.
    """

    range: Range
    agent: str | None = None
    channel: str | None = None
    outcome: str | None = None
    interaction: str | None = None
    segment: uuid.UUID | None = None

    @property
    def of_rows(self) -> dict[str, str]:
        """What a segment's row has to say."""
        given = {name: getattr(self, name) for name in ("agent", "channel", "outcome", "interaction")}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording or transcript that is stored."""

    id: int
    segment_id: uuid.UUID
    queue_id: int
    day: date
    kind: str
    sha256: bytes
    bytes: int
    created_at: datetime


Row = dict[str, Any]
"""A segment's row, by column."""


def segments(wanted: Wanted, *, after: Place | None, limit: int) -> tuple[list[Row], Place | None]:
    """Give a page of segments by day, Q and id, and the place of the next one."""

    def ask(days: Sequence[date], key: tuple[object, ...], most: int) -> list[Row]:
        return _rows(wanted, days=days, key=key, limit=most)

    return Walk(wanted.range, ask, _place_of_row).page(after=after, limit=limit)


def _place_of_row(row: Row) -> Place:
    return Place(row["day"], (row["queue_id"], str(row["id"])))


def _conditions(wanted: Wanted, *, days: Sequence[date], alias: str = "s") -> tuple[str, dict[str, Any]]:
    """Say which rows of these days are wanted; one day is named as one, so that an index gives them in order."""
    parts, values = [f"{alias}.org_id = %(org)s"], dict[str, Any](org=wanted.range.org)
    if len(days) == 1:
        parts.append(f"{alias}.day = %(day)s::date")
        values["day"] = days[0]
    else:
        parts.append(f"{alias}.day = ANY (%(days)s::date[])")
        values["days"] = list(days)
    if wanted.range.queues:
        parts.append(f"{alias}.queue_id = ANY (%(queues)s)")
        values["queues"] = sorted(wanted.range.queues)
    return " AND ".join(parts), values


def _of_rows(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    said = "".join(f" AND s.{name} = %({name})s" for name in wanted.of_rows)
    return said, dict(wanted.of_rows)


def _rows(wanted: Wanted, *, days: Sequence[date], key: tuple[object, ...], limit: int) -> list[Row]:
    where, values = _conditions(wanted, days=days)
    narrowed, more = _of_rows(wanted)
    beyond = ""
    if key:
        # leans on insights_segment_by_queue (org, queue) of the day's partition; within a Q it sorts by id
        beyond = " AND s.queue_id >= %(from)s AND (s.queue_id, s.id) > (%(from)s, %(id)s::uuid)"
        values |= {"from": key[0], "id": key[1]}
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"SELECT {_NAMES} FROM insights_segment s WHERE {where}{narrowed}{beyond} "  # noqa: S608 - written above
            "ORDER BY s.day, s.queue_id, s.id LIMIT %(limit)s",
            values | more | {"limit": limit},
        )
        return [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Contact:
    """An interaction's segments of one day; `key` is what it is sorted by."""

    key: str
    day: date
    rows: list[Row]


def interactions(wanted: Wanted, *, after: Place | None, limit: int) -> tuple[list[Contact], Place | None]:
    """Give a page of interactions by day and key, and the place of the next one.

    One is wanted where one of its segments of that day is; all of them are given then.
    """

    def ask(days: Sequence[date], key: tuple[object, ...], most: int) -> list[Contact]:
        found: list[Contact] = []
        for day in days:
            found += _contacts(wanted, day=day, key=key if day == days[0] else (), limit=most - len(found))
            if len(found) >= most:
                break
        return found

    return Walk(wanted.range, ask, lambda one: Place(one.day, (one.key,))).page(after=after, limit=limit)


def _contacts(wanted: Wanted, *, day: date, key: tuple[object, ...], limit: int) -> list[Contact]:
    where, values = _conditions(wanted, days=[day])
    narrowed, more = _of_rows(wanted)
    beyond = f" AND {_KEY} > %(key)s" if key else ""
    values |= {"key": key[0]} if key else {}
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"""
            WITH page AS (
                SELECT {_KEY} AS key FROM insights_segment s WHERE {where}{narrowed}{beyond}
                GROUP BY 1 ORDER BY 1 LIMIT %(limit)s)
            SELECT page.key, {_NAMES} FROM page
            JOIN insights_segment s ON s.org_id = %(org)s AND s.day = %(day)s::date AND {_KEY} = page.key
            ORDER BY page.key, coalesce(s.queued_at, s.answered_at, s.ended_at), s.id
            """,  # noqa: S608 - written above
            values | more | {"limit": limit},
        )
        found: dict[str, Contact] = {}
        for name, *columns in cursor.fetchall():
            row = dict(zip(_COLUMNS, columns, strict=True))
            found.setdefault(name, Contact(name, day, [])).rows.append(row)
        return list(found.values())


def media(
    wanted: Wanted, *, kinds: Collection[DataType], after: Place | None, limit: int
) -> tuple[list[Kept], Place | None]:
    """Give a page of recordings or transcripts by day, Q and number, and the place of the next one.

    What a run is destroying is not served any more.
    """

    def ask(days: Sequence[date], key: tuple[object, ...], most: int) -> list[Kept]:
        return _objects(wanted, kinds=kinds, days=days, key=key, limit=most)

    return Walk(wanted.range, ask, lambda one: Place(one.day, (one.queue_id, one.id))).page(after=after, limit=limit)


def _objects(
    wanted: Wanted, *, kinds: Collection[DataType], days: Sequence[date], key: tuple[object, ...], limit: int
) -> list[Kept]:
    where, values = _conditions(wanted, days=days, alias="m")
    narrowed, more = _of_rows(wanted)
    joined = ""
    if narrowed:
        day = "s.day = %(day)s::date" if len(days) == 1 else "s.day = ANY (%(days)s::date[]) AND s.day = m.day"
        joined = (
            f"JOIN insights_segment s ON s.org_id = %(org)s AND {day} AND s.queue_id = m.queue_id"
            " AND s.id = m.segment_id"
        )
    if wanted.segment is not None:
        where += " AND m.segment_id = %(segment)s"
        values["segment"] = wanted.segment
    if key:
        where += " AND (m.queue_id, m.id) > (%(from)s, %(id)s)"
        values |= {"from": key[0], "id": key[1]}
    with connections[WEB].cursor() as cursor:
        # leans on media_by_cell (org, kind, day, queue)
        cursor.execute(
            f"""
            SELECT {_MEDIA} FROM media_mediaobject m {joined}
            WHERE {where} AND m.kind = ANY (%(kinds)s) AND m.claimed_by IS NULL{narrowed}
            ORDER BY m.day, m.queue_id, m.id LIMIT %(limit)s
            """,  # noqa: S608 - written above
            values | more | {"kinds": [str(one) for one in kinds], "limit": limit},
        )
        return [Kept(*row) for row in cursor.fetchall()]


def find_media(text: str, *, kinds: Collection[DataType], org: int) -> MediaObject:
    """Find a recording or transcript by public id.

    Raises:
        NotYours: there is none of these kinds of this organization, or a run is destroying it.
    """
    number = parse_id("rec", text)
    found = MediaObject.objects.filter(
        org_id=org, id=number, kind__in=[str(one) for one in kinds], claimed_by=None
    ).first()
    if found is None:
        raise not_found("rec", text)
    return found


def whole_row(segment: uuid.UUID, *, queue: int, day: date, org: int) -> tuple[Row, list[tuple[datetime, str]]] | None:
    """Read a segment's row and its events from where the register says it lies; None where it is not there."""
    values: dict[str, Any] = {"org": org, "day": day, "queue": queue, "id": segment}
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"SELECT {_NAMES} FROM insights_segment s "  # noqa: S608 - written above
            "WHERE s.org_id = %(org)s AND s.day = %(day)s::date AND s.queue_id = %(queue)s AND s.id = %(id)s",
            values,
        )
        row = cursor.fetchone()
        if row is None:
            return None
        cursor.execute(
            "SELECT at, kind FROM insights_event WHERE org_id = %(org)s AND day = %(day)s::date "
            "AND queue_id = %(queue)s AND segment_id = %(id)s ORDER BY at, kind",
            values,
        )
        return dict(zip(_COLUMNS, row, strict=True)), cursor.fetchall()


def purged_lines(*, org: int) -> Lines:
    """Give up to where each (Q, data type) is purged; what belongs to purged rows counts as purged with them."""
    own = {
        (queue, DataType(kind)): before
        for queue, kind, before in PurgedLine.objects.filter(org_id=org).values_list("queue_id", "data_type", "before")
    }
    found = dict(own)
    for (queue, kind), before in own.items():
        if kind is DataType.INSIGHTS:
            for other in DataType:
                found[queue, other] = max(before, found.get((queue, other), before))
    return found

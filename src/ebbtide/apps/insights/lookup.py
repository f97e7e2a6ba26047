"""Finding one segment again: by its source key, by its id, or by its interaction on a day.

The register says where an id is or was, so that one day's partition is looked into and no other. Interaction ids can
be personal and stand in no index; they are looked for among the rows of the days named. Every function expects an
open transaction in the organization.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connections

from ebbtide.apps.orgs.database import WEB


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a segment's id.

    Attributes:
        id: the segment's.
        queue, day: where the row is or was; None where it could not be dated, or never came in.
        registered: whether it came in at all.
        undatable: why it could not be dated; empty where it could.
        late: why a row with this id was turned away; empty where none was.
        late_at: aware instant of that.
    """

    id: uuid.UUID
    queue: int | None
    day: date | None
    registered: bool
    undatable: str
    late: str
    late_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """A segment that is here; events are counted."""

    id: uuid.UUID
    queue: int
    day: date
    channel: str
    ended_at: datetime | None
    bytes: int
    interaction: str | None
    events: int


def seen(ids: Collection[uuid.UUID], *, org: int) -> list[Seen]:
    """Look ids up in the register and among what was set aside; ids never seen are missing.

    Args:
        ids: segments' ids.
        org: the organization's number.
    """
    with connections[WEB].cursor() as cursor:
        # leans on insights_identity (org, id) and insights_setaside (org, segment_id, kind)
        cursor.execute(
            """
            SELECT asked.id, coalesce(i.queue_id, u.queue_id, l.queue_id),
                CASE WHEN i.id IS NULL THEN l.day ELSE i.day END, i.id IS NOT NULL,
                coalesce(u.reason, ''), coalesce(l.reason, ''), l.received_at
            FROM unnest(%(ids)s::uuid[]) AS asked (id)
            LEFT JOIN insights_identity i ON i.org_id = %(org)s AND i.id = asked.id
            LEFT JOIN insights_setaside u ON u.org_id = %(org)s AND u.segment_id = asked.id AND u.kind = 'undatable'
            LEFT JOIN insights_setaside l ON l.org_id = %(org)s AND l.segment_id = asked.id AND l.kind = 'late'
            WHERE num_nonnulls(i.id, u.id, l.id) > 0
            """,
            {"org": org, "ids": list(ids)},
        )
        return [Seen(*row) for row in cursor.fetchall()]


def rows(places: Iterable[Seen], *, org: int) -> list[Row]:
    """Read the rows of segments from the days the register names.

    Args:
        places: segments as the register knows them.
        org: the organization's number.
    """
    dated = [one for one in places if one.day is not None and one.queue is not None]
    if not dated:
        return []
    return _read(
        "s.day = ANY (%(days)s::date[]) AND s.queue_id = ANY (%(queues)s) AND s.id = ANY (%(ids)s::uuid[])",
        {
            "org": org,
            "days": sorted({one.day for one in dated if one.day is not None}),
            "queues": sorted({one.queue for one in dated if one.queue is not None}),
            "ids": [one.id for one in dated],
        },
    )


def of_interactions(names: Collection[str], *, since: date, until: date, org: int, limit: int) -> list[Row]:
    """Look for the segments of interactions among the rows of a few days.

    Args:
        names: interaction ids, as the source gave them.
        since: the first day looked at.
        until: the last.
        org: the organization's number.
        limit: at most so many.
    """
    # leans on partitions by day, and within them on insights_segment_by_queue (org, queue)
    return _read(
        "s.day BETWEEN %(since)s AND %(until)s AND s.interaction = ANY (%(names)s::text[])",
        {"org": org, "since": since, "until": until, "names": list(names)},
        limit=limit,
    )


def _read(where: str, values: dict[str, Any], *, limit: int = 100) -> list[Row]:
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT s.id, s.queue_id, s.day, s.channel, s.ended_at, s.bytes, s.interaction, (
                SELECT count(*) FROM insights_event e
                WHERE e.org_id = s.org_id AND e.day = s.day AND e.queue_id = s.queue_id AND e.segment_id = s.id)
            FROM insights_segment s WHERE s.org_id = %(org)s AND {where}
            ORDER BY s.day, s.queued_at, s.ended_at, s.id LIMIT %(limit)s
            """,  # noqa: S608 - one of the two conditions above
            values | {"limit": limit},
        )
        return [Row(*row) for row in cursor.fetchall()]

"""All that is stored of some segments: their rows, their events, their recordings.

Every function expects an open transaction in the organization.
"""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connections

from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.orgs.database import WEB
from ebbtide.web.context.interactions import RowDetail

MOST_EVENTS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a segment, at an aware instant."""

    segment: uuid.UUID
    at: datetime
    kind: str


def rows_of(places: Mapping[uuid.UUID, tuple[int, date]], *, org: int) -> dict[uuid.UUID, RowDetail]:
    """Read whole rows.

    Args:
        places: Q and day of each segment.
        org: the organization's number.
    """
    if not places:
        return {}
    with connections[WEB].cursor() as cursor:
        # as in the list: days in the statement, then insights_segment_by_queue (org, queue)
        cursor.execute(
            """
            SELECT s.id, s.attributes::text, coalesce(s.queued_at, s.answered_at, s.ended_at), s.queued_at,
                s.answered_at, s.ended_at,
                s.wait_s, s.talk_s, s.hold_s, s.wrap_s, s.channel, coalesce(s.direction, ''), coalesce(s.outcome, ''),
                coalesce(s.customer, ''), coalesce(s.agent, ''), coalesce(s.transfer, ''), coalesce(s.disposition, ''),
                s.source_key, coalesce(s.interaction, '')
            FROM insights_segment s
            WHERE s.org_id = %s AND s.day = ANY (%s::date[]) AND s.queue_id = ANY (%s) AND s.id = ANY (%s::uuid[])
            """,
            [
                org,
                sorted({day for _queue, day in places.values()}),
                sorted({queue for queue, _day in places.values()}),
                list(places),
            ],
        )
        return {number: RowDetail(_pairs(text), *values) for number, text, *values in cursor.fetchall()}


def _pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    """Write attributes as name and value; what is no object is shown as it came."""
    if not text:
        return ()
    found = json.loads(text)
    if not isinstance(found, dict):
        return (("", str(found)),)
    return tuple((str(name), value if isinstance(value, str) else json.dumps(value)) for name, value in found.items())


def events_of(places: Mapping[uuid.UUID, tuple[int, date]], *, org: int) -> list[Event]:
    """Read events in their order, at most `MOST_EVENTS`."""
    if not places:
        return []
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT segment_id, at, kind FROM insights_event
            WHERE org_id = %s AND day = ANY (%s::date[]) AND queue_id = ANY (%s) AND segment_id = ANY (%s::uuid[])
            ORDER BY at, kind LIMIT %s
            """,
            [
                org,
                sorted({day for _queue, day in places.values()}),
                sorted({queue for queue, _day in places.values()}),
                list(places),
                MOST_EVENTS,
            ],
        )
        return [Event(*row) for row in cursor.fetchall()]


def media_of(segments: Collection[uuid.UUID], *, org: int) -> list[MediaObject]:
    """Give the recordings and transcripts of segments, in the order they came."""
    # leans on media_content_once (org, segment, kind, sha256)
    return list(MediaObject.objects.filter(org_id=org, segment_id__in=list(segments)).order_by("kind", "id"))

"""What there is to see of recordings. Every function expects an open transaction in the organization."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.cell import DataType


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one segment and data type.

    Attributes:
        segment: the segment's id.
        data_type: audio, transcript or desktop.
        items, bytes: all of it.
        claimed_by: the run that is destroying some of it, or has tried; None where none has.
        left_reason: why the last attempt did not succeed; empty where there was none, or it is going on.
    """

    segment: uuid.UUID
    data_type: DataType
    items: int
    bytes: int
    claimed_by: int | None
    left_reason: str


def stored(segments: Collection[uuid.UUID], *, org: int) -> list[Stored]:
    """Add up what is stored of segments, by data type.

    Args:
        segments: their ids.
        org: the organization's number.
    """
    with connections[WEB].cursor() as cursor:
        # leans on media_content_once (org, segment, kind, sha256)
        cursor.execute(
            """
            SELECT segment_id, kind, count(*), sum(bytes)::bigint, max(claimed_by), max(left_reason)
            FROM media_mediaobject WHERE org_id = %s AND segment_id = ANY (%s::uuid[]) GROUP BY 1, 2
            """,
            [org, list(segments)],
        )
        return [
            Stored(segment, DataType(kind), items, size, claimed_by, reason)
            for segment, kind, items, size, claimed_by, reason in cursor.fetchall()
        ]

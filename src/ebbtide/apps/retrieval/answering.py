"""From what was read to what programs are given."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from ebbtide.apps.catalog.models import Queue as QueueRow
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.retrieval.asked import Place
from ebbtide.apps.retrieval.reading import Contact, Kept, Lines, Row
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

Names = Mapping[int, str]
"""Q's names by number."""
Told = dict[str, Any]


def queue(number: int, *, names: Names) -> Told:
    """Name a Q."""
    return {"id": public_id("que", number), "name": names.get(number, "")}


def segment(row: Row, *, names: Names) -> Told:
    """Tell a segment."""
    attributes = json.loads(row["attributes"]) if isinstance(row["attributes"], str) else row["attributes"]
    return {**row, "queue": queue(row["queue_id"], names=names), "attributes": attributes or {}}


def interaction(one: Contact, *, names: Names) -> Told:
    """Tell an interaction."""
    return {
        "interaction": one.rows[0]["interaction"],
        "day": one.day,
        "segments": [segment(row, names=names) for row in one.rows],
    }


def stored(one: Kept | MediaObject, *, names: Names, request: HttpRequest) -> Told:
    """Tell a recording or transcript."""
    identity = public_id("rec", one.id)
    where = "transcripts" if one.kind == DataType.TRANSCRIPT else "recordings"
    return {
        "id": identity,
        "kind": one.kind,
        "segment": one.segment_id,
        "queue": queue(one.queue_id, names=names),
        "day": one.day,
        "bytes": one.bytes,
        "sha256": bytes(one.sha256).hex(),
        "stored_at": one.created_at,
        "content": request.build_absolute_uri(f"/api/v1/{where}/{identity}/content"),
    }


def retained(queues: Sequence[QueueRow], *, lines: Lines) -> list[Told]:
    """Tell of Qs since which day their data is here."""
    names = {one.id: one.name for one in queues}
    return [
        {"queue": queue(one.id, names=names), **{str(kind): lines.get((one.id, kind)) for kind in DataType}}
        for one in queues
    ]


def next_page(request: HttpRequest, place: Place | None) -> str | None:
    """Give the address of the next page: the same questions, from another place."""
    if place is None:
        return None
    query = request.GET.copy()
    query["after"] = place.written()
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")

"""Segments and interactions: their lists, and one segment with its timeline."""

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.insights import lookup
from ebbtide.apps.retrieval import answering, reading
from ebbtide.apps.retrieval.asked import (
    SegmentFilters,
    SegmentId,
    read_place,
)
from ebbtide.apps.retrieval.letting_in import reading_in
from ebbtide.apps.retrieval.lists import page_of, wanted_of
from ebbtide.apps.retrieval.shapes import (
    REFUSED_OR_MISSING,
    Interaction,
    Page,
    Problem,
    Segment,
    SegmentWhole,
)
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import EbbtideError, GoneForGood, InputInvalid, NotYours

router = Router(tags=["Segments and interactions"])


@router.get(
    "/segments",
    response={200: Page[Segment], **REFUSED_OR_MISSING},
    summary="List segments",
    operation_id="segments",
    url_name="api_segments",
)
def segments(request: HttpRequest, filters: Query[SegmentFilters]) -> Any:
    """List segments by the day on which they ended, then by Q. Needs the scope `segments`."""
    with reading_in(request, Scope.SEGMENTS, known=SegmentFilters) as org:
        after = read_place(filters.after, kinds=(int, str))
        wanted = wanted_of(filters, types=(DataType.INSIGHTS,), org=org)
        found, place = reading.segments(wanted, after=_uuid_place(after), limit=filters.limit)
        queues = catalog.queues(org=org)
        names = {one.id: one.name for one in queues}
        items = [answering.segment(row, names=names) for row in found]
        return page_of(request, items, place=place, wanted=wanted.range, queues=queues)


def _uuid_place(place: Any) -> Any:
    """Refuse a place whose id is none."""
    if place is not None and place.key:
        try:
            UUID(place.key[1])
        except ValueError as exc:
            raise InputInvalid("This is no place of this list: take `next` as it was given.", field="after") from exc
    return place


@router.get(
    "/segments/{segment}",
    response={200: SegmentWhole, **REFUSED_OR_MISSING, 410: Problem},
    summary="Read a segment",
    operation_id="segment",
    url_name="api_segment",
)
def segment(request: HttpRequest, segment: Path[SegmentId]) -> Any:
    """Read a segment with its timeline. Needs the scope `segments`."""
    with reading_in(request, Scope.SEGMENTS) as org:
        known = lookup.seen([segment], org=org)
        place = known[0] if known else None
        if place is None or place.day is None or place.queue is None:
            raise _no_segment(segment)
        found = reading.whole_row(segment, queue=place.queue, day=place.day, org=org)
        names = {one.id: one.name for one in catalog.queues(org=org)}
        if found is None:
            raise _gone(place.queue, day=place.day, org=org, segment=segment)
        row, events = found
        told = answering.segment(row, names=names)
        return {**told, "events": [{"at": at, "kind": kind} for at, kind in events]}


def _no_segment(segment: UUID) -> NotYours:
    return NotYours(f"There is no segment {segment} here: ids stand in the lists.", field="segment")


def _gone(queue: int, *, day: date, org: int, segment: UUID) -> EbbtideError:
    """Say that a segment is purged, where the purged line says so too."""
    before = reading.purged_lines(org=org).get((queue, DataType.INSIGHTS))
    if before is None or day >= before:
        return _no_segment(segment)
    return GoneForGood(
        "It was here, and its day is purged: stop asking for it.", more={"retained_since": before.isoformat()}
    )


@router.get(
    "/interactions",
    response={200: Page[Interaction], **REFUSED_OR_MISSING},
    summary="List interactions",
    operation_id="interactions",
    url_name="api_interactions",
)
def interactions(request: HttpRequest, filters: Query[SegmentFilters]) -> Any:
    """List interactions day by day, each with its segments. Needs the scope `segments`.

    One is listed where one of its segments fits, and then with all segments of that day.
    """
    with reading_in(request, Scope.SEGMENTS, known=SegmentFilters) as org:
        after = read_place(filters.after, kinds=(str,))
        wanted = wanted_of(filters, types=(DataType.INSIGHTS,), org=org)
        found, place = reading.interactions(wanted, after=after, limit=filters.limit)
        queues = catalog.queues(org=org)
        names = {one.id: one.name for one in queues}
        items = [answering.interaction(one, names=names) for one in found]
        return page_of(request, items, place=place, wanted=wanted.range, queues=queues)

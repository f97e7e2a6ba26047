"""The pages of interactions, as they are shown: filled shapes, complete before a template sees them.

Every function expects an open transaction in the organization.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from django.db import connections

from ebbtide.apps.catalog.selectors import purged_lines
from ebbtide.apps.interactions.asked import Sought
from ebbtide.apps.interactions.detail import events_of, media_of, rows_of
from ebbtide.apps.interactions.finding import Found, Marks, Place, Walk
from ebbtide.apps.interactions.tables import INTERACTIONS
from ebbtide.apps.media.selectors import stored
from ebbtide.apps.media.words import not_yet, numbers_of, said_in, words_of
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.why import why_page
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import NotYours
from ebbtide.web.charts.timeline import Stretch, timeline
from ebbtide.web.context.interactions import (
    EventLine,
    InteractionLine,
    InteractionPage,
    InteractionsPage,
    RecordingLine,
    RowDetail,
    SegmentDetail,
    SoughtForm,
)
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.context.why import SegmentAnswer
from ebbtide.web.listing import Asked, Cut, list_cut, query_after, query_before

_PARTS = 3
_CHUNK = 2_000
Queues = Mapping[int, QueueLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the person who looks may do beside seeing report rows."""

    listen: bool
    download: bool
    runs: bool


def interactions_page(
    org: Organization, *, wanted: Sought, form: SoughtForm, queues: Queues, asked: Asked, rights: Rights
) -> InteractionsPage:
    """Give a page of the list.

    Args:
        org: the organization.
        wanted: which segments.
        form: the same as it stands in the form.
        queues: every Q.
        asked: what is asked of the table.
        rights: of the person who looks.

    Raises:
        InputInvalid: the page's key is not one of this table's.
    """
    walks: list[Walk] = []

    def give(cut: Cut) -> Sequence[InteractionLine]:
        walk = Walk(org.id, wanted, descending=cut.descending, marks=_marks(org, wanted))
        walks.append(walk)
        beyond = None if cut.beyond is None else _place(cut.beyond)
        return lines(walk.find(beyond=beyond, limit=cut.limit), queues=queues, org=org.id)

    listed = list_cut(INTERACTIONS, asked=asked, parts=_PARTS, give=give, cursor_of=_cursor)
    reached, onward = walks[0].reached, ""
    if reached is not None:
        key = (reached.isoformat(), "", "")
        if asked.before:
            listed = replace(listed, previous=query_before(INTERACTIONS, asked=asked, key=key))
        else:
            listed = replace(listed, next=query_after(INTERACTIONS, asked=asked, key=key))
        onward = listed.previous if asked.before else listed.next
    return InteractionsPage(
        form=form,
        period=wanted.period,
        lines=listed,
        queues=tuple(queues.values()),
        reached=reached,
        onward=onward,
        purged=_purged(org.id, wanted=wanted, queues=queues),
        empty=not listed.rows and not _has_rows(org.id),
        may_read=rights.listen,
        waiting=not_yet(first=wanted.period.first, last=wanted.period.last, org=org.id) if wanted.text else 0,
    )


def every_line(org: Organization, *, wanted: Sought, queues: Queues, descending: bool) -> Iterator[InteractionLine]:
    """Stream all that are wanted; expects a transaction open to its end."""
    beyond: Place | None = None
    while True:
        walk = Walk(org.id, wanted, descending=descending, marks=_marks(org, wanted))
        found = walk.find(beyond=beyond, limit=_CHUNK, at_most=None)
        yield from lines(found, queues=queues, org=org.id)
        if len(found) < _CHUNK:
            return
        beyond = Place(found[-1].day, found[-1].start, found[-1].id)


def _marks(org: Organization, wanted: Sought) -> Callable[[Sequence[date]], Marks] | None:
    """Give what finds the segments in which the words wanted were said; None where none are wanted."""
    if not wanted.text:
        return None
    numbers = numbers_of(words_of(wanted.text), pepper=bytes(org.pepper))
    if not numbers:  # nothing but signs: said nowhere
        return lambda _days: {}
    return lambda days: said_in(numbers, days=days, org=org.id)


def lines(found: Collection[Found], *, queues: Queues, org: int) -> list[InteractionLine]:
    """Give segments as lines, with what is stored beside them."""
    media: dict[uuid.UUID, list[DataType]] = {}
    for one in stored([row.id for row in found], org=org) if found else []:
        media.setdefault(one.segment, []).append(one.data_type)
    return [
        InteractionLine(
            id=row.id,
            queue=queues[row.queue],
            day=row.day,
            start=row.start,
            channel=row.channel,
            direction=row.direction,
            customer=row.customer,
            agent=row.agent,
            outcome=row.outcome,
            interaction=row.interaction,
            wait_s=row.wait_s,
            talk_s=row.talk_s,
            hold_s=row.hold_s,
            media=tuple(kind for kind in DataType if kind in media.get(row.id, ())),
        )
        for row in found
    ]


def _cursor(row: InteractionLine, column: str) -> tuple[str, str, str]:
    del column  # there is one to sort by
    return row.day.isoformat(), row.start.astimezone(UTC).isoformat(), str(row.id)


def _place(key: Sequence[str]) -> Place:
    day, start, number = key
    if not start:
        return Place(date.fromisoformat(day), None, None)
    at = datetime.fromisoformat(start)
    if at.tzinfo is None:
        raise ValueError(start)
    return Place(date.fromisoformat(day), at, uuid.UUID(number))


def _purged(org: int, *, wanted: Sought, queues: Queues) -> tuple[tuple[QueueLine, date], ...]:
    """Name the Qs of which rows in the range are purged."""
    reached = [
        (queues[queue], day)
        for (queue, kind), day in purged_lines(org=org).items()
        if kind is DataType.INSIGHTS
        and day > wanted.period.first
        and queue in queues
        and (not wanted.queues or queue in wanted.queues)
    ]
    return tuple(sorted(reached, key=lambda one: (-one[1].toordinal(), one[0].name)))


def _has_rows(org: int) -> bool:
    with connections[WEB].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM catalog_cell WHERE org_id = %s AND data_type = 'insights')", [org])
        found: bool = cursor.fetchone()[0]
    return found


def parse_segment(text: str) -> uuid.UUID:
    """Read a segment's id out of an address.

    Raises:
        NotYours: it is none; said as for a missing or foreign one.
    """
    try:
        found = uuid.UUID(text)
    except ValueError as exc:
        raise no_segment(text) from exc
    if str(found) != text:
        raise no_segment(text)
    return found


def no_segment(text: str) -> NotYours:
    """Build the one answer for ids of segments that are missing, malformed or of another organization."""
    return NotYours(f"There is no interaction {text!r} here: look it up in the list.", field="segment")


def interaction_page(org: Organization, *, text: str, now: datetime, rights: Rights) -> InteractionPage:
    """Give the page of the interaction a segment belongs to.

    Args:
        org: the organization.
        text: the segment's id.
        now: the request's moment.
        rights: of the person who looks.

    Raises:
        NotYours: no such segment was ever here.
    """
    segment = parse_segment(text)
    told = why_page(org, text=text, day=None, now=now)
    answers = {uuid.UUID(one.id): one for one in told.segments if one.found_by != "key"}
    if segment not in answers:
        raise no_segment(text)
    places = {
        number: (one.queue.id, one.day)
        for number, one in answers.items()
        if one.queue is not None and one.day is not None
    }
    rows = rows_of(places, org=org.id)
    events: dict[uuid.UUID, list[EventLine]] = {}
    for event in events_of({number: places[number] for number in rows}, org=org.id):
        events.setdefault(event.segment, []).append(EventLine(at=event.at, kind=event.kind))
    media: dict[uuid.UUID, list[RecordingLine]] = {}
    for one in media_of(answers, org=org.id):
        line = RecordingLine(id=one.id, data_type=DataType(one.kind), bytes=one.bytes)
        media.setdefault(one.segment_id, []).append(line)

    def detail(number: uuid.UUID, answer: SegmentAnswer) -> SegmentDetail:
        return SegmentDetail(
            answer=answer,
            asked=number == segment,
            row=rows.get(number),
            events=tuple(events.get(number, ())),
            recordings=tuple(media.get(number, ())),
        )

    details = sorted((detail(number, answer) for number, answer in answers.items()), key=_order)
    return InteractionPage(
        segment=text,
        segments=tuple(details),
        timeline=timeline(stretch for one in details if one.row and (stretch := _stretch(one.row))),
        more=told.more,
        may_listen=rights.listen,
        may_download=rights.download,
        may_see_runs=rights.runs,
    )


def _order(one: SegmentDetail) -> tuple[bool, datetime, str]:
    start = one.row.start if one.row else None
    return start is None, start or datetime.max.replace(tzinfo=UTC), one.answer.id


def _stretch(row: RowDetail) -> Stretch | None:
    if row.start is None:
        return None
    parts = (("wait", row.wait_s), ("talk", row.talk_s), ("hold", row.hold_s), ("wrap", row.wrap_s))
    return Stretch(row.start, tuple((name, seconds or 0) for name, seconds in parts))

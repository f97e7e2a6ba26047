"""Why is this call still here, or why is it gone? Answered for one id, from the register, the rows and the book.

Nothing is remembered of a purged segment but its id, its Q and its day; so of what is gone the answer is that of its
cell, and where the answer must stay open (had it a recording at all?) it says so. Every function expects an open
transaction in the organization.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.insights import lookup
from ebbtide.apps.insights.lookup import Row, Seen
from ebbtide.apps.ledger.selectors import CellEntry, entries_of
from ebbtide.apps.media.selectors import Stored, stored
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.figures import GONE
from ebbtide.apps.runs.overdue import CellPlace, Standing, reasons_to_stay, standing_of
from ebbtide.domain.calendar import first_due, night_start, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.verdict import deciding_job
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.context.why import PurgeLine, SegmentAnswer, TypeAnswer, WhyPage

SEGMENTS_SHOWN = 20
_NEIGHBOURING = timedelta(days=1)
"""The segments of one interaction end on one day, or on two where it goes past midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All that was read about the segments found."""

    rows: Mapping[uuid.UUID, Row]
    media: Mapping[tuple[uuid.UUID, DataType], Stored]
    book: Sequence[CellEntry]
    jobs: Sequence[Job]
    names: Mapping[int, JobLine]
    queues: Mapping[int, QueueLine]


def why_page(org: Organization, *, text: str, day: date | None, now: datetime) -> WhyPage:
    """Answer for an id.

    Args:
        org: the organization, read for this request.
        text: a source key, a segment's id, or an interaction's.
        day: the day around which an interaction of that id is looked for; None where it is not.
        now: the request's moment.
    """
    asked = {segment_id(text, pepper=bytes(org.pepper)): "key"}
    with suppress(ValueError):
        asked.setdefault(uuid.UUID(text), "segment")
    known = {one.id: one for one in lookup.seen(asked, org=org.id)}
    here = {row.id: row for row in lookup.rows(known.values(), org=org.id)}
    siblings = _siblings(text, day=day, row=next(iter(here.values()), None), org=org.id)
    for row in siblings[:SEGMENTS_SHOWN]:
        here.setdefault(row.id, row)
        known.setdefault(row.id, Seen(row.id, row.queue, row.day, True, "", "", None))
    if not known:
        return WhyPage(asked=text, day=day, armed=org.armed)
    found = _read(org, known=known, here=here)
    standing = standing_of(org)
    ordered = sorted(known.values(), key=lambda one: (asked.get(one.id, "~"), one.day or date.min))
    return WhyPage(
        asked=text,
        day=day,
        segments=tuple(
            _answer(org, one, found_by=asked.get(one.id, "interaction"), found=found, standing=standing, now=now)
            for one in ordered
        ),
        armed=org.armed,
        more=len(siblings) > SEGMENTS_SHOWN,
    )


def _siblings(text: str, *, day: date | None, row: Row | None, org: int) -> list[Row]:
    """Find the other segments of the same interaction, or those of the interaction named, around a day."""
    name, around = (row.interaction, row.day) if row is not None else (text, day)
    if not name or around is None:
        return []
    around = min(max(around, date.min + _NEIGHBOURING), date.max - _NEIGHBOURING)
    since, until = around - _NEIGHBOURING, around + _NEIGHBOURING
    return lookup.of_interactions([name], since=since, until=until, org=org, limit=SEGMENTS_SHOWN + 1)


def _read(org: Organization, *, known: Mapping[uuid.UUID, Seen], here: Mapping[uuid.UUID, Row]) -> _Found:
    places = {(one.queue, one.day) for one in known.values() if one.queue is not None and one.day is not None}
    book = entries_of(places, org=org.id) if places else []
    queues, in_force = queue_lines(org=org.id), jobs(org=org.id)
    names = {job.id: job_line(job, queues=queues) for job in in_force}
    return _Found(
        rows=here,
        media={(one.segment, one.data_type): one for one in stored(list(known), org=org.id)},
        book=book,
        jobs=in_force,
        names={**_deleted_jobs({one.job for one in book} - names.keys(), org=org.id), **names},
        queues=queues,
    )


def _deleted_jobs(numbers: Iterable[int], *, org: int) -> dict[int, JobLine]:
    """Name jobs that are no more in force; their rows are kept."""
    wanted = list(numbers)
    rows = RetentionJob.objects.filter(org_id=org, id__in=wanted) if wanted else []
    return {row.id: JobLine(id=row.id, type=JobType(row.type), what=What(row.what), days=row.days) for row in rows}


def _answer(
    org: Organization, one: Seen, *, found_by: str, found: _Found, standing: Standing, now: datetime
) -> SegmentAnswer:
    row = found.rows.get(one.id)
    queue = found.queues.get(one.queue) if one.queue is not None else None
    answer = SegmentAnswer(
        id=str(one.id),
        found_by="key" if found_by == "key" else "segment" if found_by == "segment" else "interaction",
        state="undatable" if one.undatable and one.day is None else "late",
        queue=queue,
        day=one.day,
        reason=one.undatable or one.late,
        late_at=one.late_at,
    )
    if one.queue is None or one.day is None or not one.registered:
        return answer
    types = tuple(_type_answer(org, one, kind=kind, found=found, standing=standing, now=now) for kind in DataType)
    return replace(
        answer,
        state=_state(types),
        channel=row.channel if row else "",
        ended_at=row.ended_at if row else None,
        types=types,
        reason="",
    )


def _state(types: Sequence[TypeAnswer]) -> Literal["here", "partly", "gone", "lost"]:
    """Say where a segment stands as a whole: its report rows decide, for they go last."""
    rows = next(one for one in types if one.data_type is DataType.INSIGHTS)
    if rows.state == "here":
        return "partly" if any(one.state == "gone" for one in types) else "here"
    return "gone" if rows.state == "gone" else "lost"


def _type_answer(
    org: Organization, one: Seen, *, kind: DataType, found: _Found, standing: Standing, now: datetime
) -> TypeAnswer:
    assert one.queue is not None and one.day is not None  # noqa: S101, PT018 - dated segments alone come here
    book = [entry for entry in found.book if (entry.queue, entry.day, entry.data_type) == (one.queue, one.day, kind)]
    row, media = found.rows.get(one.id), found.media.get((one.id, kind))
    if kind is DataType.INSIGHTS and row is not None:
        answer = TypeAnswer(data_type=kind, state="here", items=1, bytes=row.bytes, events=row.events)
    elif media is not None:
        answer = TypeAnswer(data_type=kind, state="here", items=media.items, bytes=media.bytes)
    else:
        purges = tuple(
            PurgeLine(run=entry.run, job=found.names[entry.job], at=entry.at, items=entry.items)
            for entry in book
            if entry.outcome in GONE
        )
        return TypeAnswer(data_type=kind, state="gone" if purges else "none", purges=purges)
    job = deciding_job(found.jobs, queue=one.queue, data_type=kind)
    if job is None:
        return answer
    night = first_due(one.day, days=job.days)
    at = night_start(night, zone=parse_zone(org.zone), at=org.night_at)
    answer = replace(answer, job=found.names[job.id], night=night, night_at=at, overdue=at <= now)
    if not answer.overdue:
        return answer
    place = CellPlace(queue=one.queue, day=one.day, data_type=kind)
    return replace(answer, because=reasons_to_stay(org, place, standing=standing, media=media, book=book))

"""The retrieval API: what is asked and answered at which address.

Reads alone, in a transaction that PostgreSQL itself holds to reading, in the token's own organization. Nothing of data
management is here: jobs, plans, runs and switches are managed by people on pages.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI, Path, Query, Schema
from ninja.errors import ValidationError

from ebbtide.apps.accounts.access_log import Deed, Reader, record_sitting
from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.insights import lookup
from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.orgs.database import acting_in, seeing_one_moment, translate
from ebbtide.apps.retrieval import answering, content, reading
from ebbtide.apps.retrieval.asked import (
    Filters,
    MediaFilters,
    RecordingFilters,
    SegmentFilters,
    SegmentId,
    read_place,
    refuse_unknown,
)
from ebbtide.apps.retrieval.letting_in import ByToken, program_of
from ebbtide.apps.retrieval.shapes import (
    Interaction,
    Page,
    Problem,
    Recording,
    Segment,
    SegmentWhole,
    Transcript,
    Whoami,
)
from ebbtide.apps.retrieval.walking import Range
from ebbtide.apps.tokens.problems import problem, problem_for
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import EbbtideError, GoneForGood, InputInvalid, NotYours
from ebbtide.domain.identity import public_id

_RECORDED = (DataType.AUDIO, DataType.DESKTOP)
_WRITTEN = (DataType.TRANSCRIPT,)
_WHAT = """\
Reads what an organization has: segments and interactions, recordings, transcripts. Every request shows a token that
reads, made by people on the page **People → Tokens**, as `Authorization: Bearer TOKEN`.

Lists come in pages, oldest day first: follow `next` until it is null. Every list says of each Q since which day its
data is here (`retained_since`): what is older was purged, and what is missing since then never was. Ids of others look
exactly like ids that never were (404); what was your own and is purged is told as such (410).

Answers carry an ETag: send it back with the next request and get a 304 where nothing has changed. Content can be taken
in parts (`Range`). Everything is gzipped for who accepts it, but content.
"""

api = NinjaAPI(
    title="Ebbtide retrieval API",
    version="1",
    description=_WHAT,
    urls_namespace="retrieval",
    docs_url=None,  # a page of our own, without anything from elsewhere: see views.py
    openapi_url=None,
    auth=ByToken(),
)

_COMMON: dict[int, Any] = {401: Problem, 403: Problem, 422: Problem, 429: Problem, 503: Problem}
_ONE: dict[int, Any] = {**_COMMON, 404: Problem}


@api.exception_handler(EbbtideError)
def _ours(request: HttpRequest, exc: EbbtideError) -> HttpResponse:
    """Answer our errors."""
    del request
    return problem_for(exc)


@api.exception_handler(Error)
def _databases(request: HttpRequest, exc: Error) -> HttpResponse:
    """Answer what the database says; faults in our code go on to Django, which logs them."""
    del request
    ours = translate(exc)
    if ours is None:
        raise exc
    return problem_for(ours)


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    """Answer what cannot be read, each with the parameter at fault; what was given is not repeated."""
    del request
    errors = [
        {"field": ".".join(str(part) for part in one["loc"][1:] if part != "filters"), "message": str(one["msg"])}
        for one in exc.errors
    ]
    first = errors[0] if errors else {"field": "", "message": ""}
    return problem(
        422,
        code=InputInvalid.code,
        detail=f"{first['field']}: {first['message']}",
        field=first["field"],
        more={"errors": errors},
    )


@contextmanager
def _reading(request: HttpRequest, scope: Scope, *, known: type[Schema] = Schema) -> Iterator[int]:
    """Open what a request reads in: its organization as of one moment, and no way to write; gives its number.

    Raises:
        ScopeMissing: the token is not for this.
        InputInvalid: a parameter is unknown.
    """
    program = program_of(request)
    program.needs(scope)
    refuse_unknown(request, known=known)
    with seeing_one_moment(program.org.id):
        yield program.org.id


def _range(filters: Filters, *, types: Collection[DataType], org: int) -> Range:
    """Read which cells are wanted.

    Raises:
        NotYours: there is no such Q.
        InputInvalid: the range ends before it begins.
    """
    if filters.since is not None and filters.until is not None and filters.until < filters.since:
        raise InputInvalid("until lies before since: turn them round.", field="until")
    chosen = catalog.find_queues(filters.queue, org=org) if filters.queue else []
    return Range(
        org=org,
        types=types,
        queues=frozenset(one.id for one in chosen),
        since=filters.since,
        until=filters.until,
    )


def _page(request: HttpRequest, items: list[dict[str, Any]], *, place: Any, wanted: Range, queues: list[Any]) -> Any:
    shown = [one for one in queues if not wanted.queues or one.id in wanted.queues]
    lines = reading.purged_lines(org=wanted.org)
    return {
        "items": items,
        "next": answering.next_page(request, place),
        "retained_since": answering.retained(shown, lines=lines),
    }


@api.get(
    "/",
    response={200: Whoami, **_COMMON},
    summary="Whose token this is",
    operation_id="whoami",
    url_name="api_whoami",
    tags=["Token"],
)
def whoami(request: HttpRequest) -> Any:
    """Say whose token it is and what it may do; needs no scope."""
    program = program_of(request)
    refuse_unknown(request, known=Schema)
    return {
        "organization": public_id("org", program.org.id),
        "name": program.org.name,
        "zone": program.org.zone,
        "token": public_id("tok", program.token),
        "scopes": sorted(program.scopes),
    }


@api.get(
    "/segments",
    response={200: Page[Segment], **_ONE},
    summary="List segments",
    operation_id="segments",
    url_name="api_segments",
    tags=["Segments and interactions"],
)
def segments(request: HttpRequest, filters: Query[SegmentFilters]) -> Any:
    """List segments by the day on which they ended, then by Q. Needs the scope `segments`."""
    with _reading(request, Scope.SEGMENTS, known=SegmentFilters) as org:
        after = read_place(filters.after, kinds=(int, str))
        wanted = _wanted(filters, types=(DataType.INSIGHTS,), org=org)
        found, place = reading.segments(wanted, after=_uuid_place(after), limit=filters.limit)
        queues = catalog.queues(org=org)
        names = {one.id: one.name for one in queues}
        items = [answering.segment(row, names=names) for row in found]
        return _page(request, items, place=place, wanted=wanted.range, queues=queues)


def _uuid_place(place: Any) -> Any:
    """Refuse a place whose id is none."""
    if place is not None and place.key:
        try:
            UUID(place.key[1])
        except ValueError as exc:
            raise InputInvalid("This is no place of this list: take `next` as it was given.", field="after") from exc
    return place


def _wanted(filters: Filters, *, types: Collection[DataType], org: int) -> reading.Wanted:
    return reading.Wanted(
        range=_range(filters, types=types, org=org),
        agent=filters.agent,
        channel=filters.channel,
        outcome=filters.outcome,
        interaction=getattr(filters, "interaction", None),
        segment=getattr(filters, "segment", None),
    )


@api.get(
    "/segments/{segment}",
    response={200: SegmentWhole, **_ONE, 410: Problem},
    summary="Read a segment",
    operation_id="segment",
    url_name="api_segment",
    tags=["Segments and interactions"],
)
def segment(request: HttpRequest, segment: Path[SegmentId]) -> Any:
    """Read a segment with its timeline. Needs the scope `segments`."""
    with _reading(request, Scope.SEGMENTS) as org:
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


@api.get(
    "/interactions",
    response={200: Page[Interaction], **_ONE},
    summary="List interactions",
    operation_id="interactions",
    url_name="api_interactions",
    tags=["Segments and interactions"],
)
def interactions(request: HttpRequest, filters: Query[SegmentFilters]) -> Any:
    """List interactions day by day, each with its segments. Needs the scope `segments`.

    One is listed where one of its segments fits, and then with all segments of that day.
    """
    with _reading(request, Scope.SEGMENTS, known=SegmentFilters) as org:
        after = read_place(filters.after, kinds=(str,))
        wanted = _wanted(filters, types=(DataType.INSIGHTS,), org=org)
        found, place = reading.interactions(wanted, after=after, limit=filters.limit)
        queues = catalog.queues(org=org)
        names = {one.id: one.name for one in queues}
        items = [answering.interaction(one, names=names) for one in found]
        return _page(request, items, place=place, wanted=wanted.range, queues=queues)


def _media_list(request: HttpRequest, filters: MediaFilters, *, kinds: Collection[DataType], org: int) -> Any:
    after = read_place(filters.after, kinds=(int, int))
    wanted = _wanted(filters, types=kinds, org=org)
    found, place = reading.media(wanted, kinds=kinds, after=after, limit=filters.limit)
    queues = catalog.queues(org=org)
    names = {one.id: one.name for one in queues}
    items = [answering.stored(one, names=names, request=request) for one in found]
    return _page(request, items, place=place, wanted=wanted.range, queues=queues)


def _media_one(request: HttpRequest, text: str, *, kinds: Collection[DataType], org: int) -> Any:
    found = reading.find_media(text, kinds=kinds, org=org)
    return answering.stored(found, names={one.id: one.name for one in catalog.queues(org=org)}, request=request)


def _media_content(request: HttpRequest, text: str, *, scope: Scope, kinds: Collection[DataType]) -> HttpResponseBase:
    """Write the taking down, then give it out: what is not written down is not given."""
    program = program_of(request)
    program.needs(scope)
    refuse_unknown(request, known=Schema)
    with acting_in(program.org.id):
        found = reading.find_media(text, kinds=kinds, org=program.org.id)
        record_sitting(
            program.org.id,
            reader=Reader(program.called, by_token=True),
            deed=Deed.DOWNLOAD,
            kind=DataType(found.kind),
            now=now_of(request),
            segment=found.segment_id,
            what=public_id("rec", found.id),
        )
    return content.serve(request, found)


@api.get(
    "/recordings",
    response={200: Page[Recording], **_ONE},
    summary="List recordings",
    operation_id="recordings",
    url_name="api_recordings",
    tags=["Recordings"],
)
def recordings(request: HttpRequest, filters: Query[RecordingFilters]) -> Any:
    """List audio and desktop recordings by the day of their segment, then by Q. Needs the scope `recordings`."""
    kinds = _RECORDED if filters.kind is None else (DataType(filters.kind),)
    with _reading(request, Scope.RECORDINGS, known=RecordingFilters) as org:
        return _media_list(request, filters, kinds=kinds, org=org)


@api.get(
    "/recordings/{recording}",
    response={200: Recording, **_ONE},
    summary="Look a recording up",
    operation_id="recording",
    url_name="api_recording",
    tags=["Recordings"],
)
def recording(request: HttpRequest, recording: str) -> Any:
    """Look a recording up. Needs the scope `recordings`."""
    with _reading(request, Scope.RECORDINGS) as org:
        return _media_one(request, recording, kinds=_RECORDED, org=org)


_BYTES: dict[str, Any] = {name: {"schema": {"type": "string", "format": "binary"}} for name in content.TYPES}
_BYTES["application/json"] = {"schema": {}}  # of whatever shape it came in
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_BINARY: dict[str, Any] = {
    "responses": {
        200: {"description": "All of it", "content": _BYTES},
        206: {"description": "The part asked for", "content": _BYTES},
        304: {"description": "It has not changed"},
        416: {"description": "There is no such part", "content": _PROBLEM},
    }
}


@api.get(
    "/recordings/{recording}/content",
    response=_ONE,
    summary="Take a recording",
    operation_id="recording_content",
    url_name="api_recording_content",
    tags=["Recordings"],
    openapi_extra=_BINARY,
)
def recording_content(request: HttpRequest, recording: str) -> Any:
    """Take a recording, whole or in part (`Range`); it is written into the access log. Needs the scope `recordings`."""
    return _media_content(request, recording, scope=Scope.RECORDINGS, kinds=_RECORDED)


@api.get(
    "/transcripts",
    response={200: Page[Transcript], **_ONE},
    summary="List transcripts",
    operation_id="transcripts",
    url_name="api_transcripts",
    tags=["Transcripts"],
)
def transcripts(request: HttpRequest, filters: Query[MediaFilters]) -> Any:
    """List transcripts by the day of their segment, then by Q. Needs the scope `transcripts`."""
    with _reading(request, Scope.TRANSCRIPTS, known=MediaFilters) as org:
        return _media_list(request, filters, kinds=_WRITTEN, org=org)


@api.get(
    "/transcripts/{transcript}",
    response={200: Transcript, **_ONE},
    summary="Look a transcript up",
    operation_id="transcript",
    url_name="api_transcript",
    tags=["Transcripts"],
)
def transcript(request: HttpRequest, transcript: str) -> Any:
    """Look a transcript up. Needs the scope `transcripts`."""
    with _reading(request, Scope.TRANSCRIPTS) as org:
        return _media_one(request, transcript, kinds=_WRITTEN, org=org)


@api.get(
    "/transcripts/{transcript}/content",
    response=_ONE,
    summary="Take a transcript",
    operation_id="transcript_content",
    url_name="api_transcript_content",
    tags=["Transcripts"],
    openapi_extra=_BINARY,
)
def transcript_content(request: HttpRequest, transcript: str) -> Any:
    """Take a transcript, whole or in part; it is written into the access log. Needs the scope `transcripts`."""
    return _media_content(request, transcript, scope=Scope.TRANSCRIPTS, kinds=_WRITTEN)

"""Recordings and transcripts: their lists, one of them, and its content."""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja import Query, Router, Schema

from ebbtide.apps.accounts.access_log import Deed, Reader, record_sitting
from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.retrieval import answering, content, reading
from ebbtide.apps.retrieval.asked import (
    MediaFilters,
    RecordingFilters,
    read_place,
    refuse_unknown,
)
from ebbtide.apps.retrieval.letting_in import program_of, reading_in
from ebbtide.apps.retrieval.lists import page_of, wanted_of
from ebbtide.apps.retrieval.shapes import (
    REFUSED_OR_MISSING,
    Page,
    Recording,
    Transcript,
)
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

_RECORDED = (DataType.AUDIO, DataType.DESKTOP)
_WRITTEN = (DataType.TRANSCRIPT,)
router = Router()


def _media_list(request: HttpRequest, filters: MediaFilters, *, kinds: Collection[DataType], org: int) -> Any:
    after = read_place(filters.after, kinds=(int, int))
    wanted = wanted_of(filters, types=kinds, org=org)
    found, place = reading.media(wanted, kinds=kinds, after=after, limit=filters.limit)
    queues = catalog.queues(org=org)
    names = {one.id: one.name for one in queues}
    items = [answering.stored(one, names=names, request=request) for one in found]
    return page_of(request, items, place=place, wanted=wanted.range, queues=queues)


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


@router.get(
    "/recordings",
    response={200: Page[Recording], **REFUSED_OR_MISSING},
    summary="List recordings",
    operation_id="recordings",
    url_name="api_recordings",
    tags=["Recordings"],
)
def recordings(request: HttpRequest, filters: Query[RecordingFilters]) -> Any:
    """List audio and desktop recordings by the day of their segment, then by Q. Needs the scope `recordings`."""
    kinds = _RECORDED if filters.kind is None else (DataType(filters.kind),)
    with reading_in(request, Scope.RECORDINGS, known=RecordingFilters) as org:
        return _media_list(request, filters, kinds=kinds, org=org)


@router.get(
    "/recordings/{recording}",
    response={200: Recording, **REFUSED_OR_MISSING},
    summary="Look a recording up",
    operation_id="recording",
    url_name="api_recording",
    tags=["Recordings"],
)
def recording(request: HttpRequest, recording: str) -> Any:
    """Look a recording up. Needs the scope `recordings`."""
    with reading_in(request, Scope.RECORDINGS) as org:
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


@router.get(
    "/recordings/{recording}/content",
    response=REFUSED_OR_MISSING,
    summary="Take a recording",
    operation_id="recording_content",
    url_name="api_recording_content",
    tags=["Recordings"],
    openapi_extra=_BINARY,
)
def recording_content(request: HttpRequest, recording: str) -> Any:
    """Take a recording, whole or in part (`Range`); it is written into the access log. Needs the scope `recordings`."""
    return _media_content(request, recording, scope=Scope.RECORDINGS, kinds=_RECORDED)


@router.get(
    "/transcripts",
    response={200: Page[Transcript], **REFUSED_OR_MISSING},
    summary="List transcripts",
    operation_id="transcripts",
    url_name="api_transcripts",
    tags=["Transcripts"],
)
def transcripts(request: HttpRequest, filters: Query[MediaFilters]) -> Any:
    """List transcripts by the day of their segment, then by Q. Needs the scope `transcripts`."""
    with reading_in(request, Scope.TRANSCRIPTS, known=MediaFilters) as org:
        return _media_list(request, filters, kinds=_WRITTEN, org=org)


@router.get(
    "/transcripts/{transcript}",
    response={200: Transcript, **REFUSED_OR_MISSING},
    summary="Look a transcript up",
    operation_id="transcript",
    url_name="api_transcript",
    tags=["Transcripts"],
)
def transcript(request: HttpRequest, transcript: str) -> Any:
    """Look a transcript up. Needs the scope `transcripts`."""
    with reading_in(request, Scope.TRANSCRIPTS) as org:
        return _media_one(request, transcript, kinds=_WRITTEN, org=org)


@router.get(
    "/transcripts/{transcript}/content",
    response=REFUSED_OR_MISSING,
    summary="Take a transcript",
    operation_id="transcript_content",
    url_name="api_transcript_content",
    tags=["Transcripts"],
    openapi_extra=_BINARY,
)
def transcript_content(request: HttpRequest, transcript: str) -> Any:
    """Take a transcript, whole or in part; it is written into the access log. Needs the scope `transcripts`."""
    return _media_content(request, transcript, scope=Scope.TRANSCRIPTS, kinds=_WRITTEN)

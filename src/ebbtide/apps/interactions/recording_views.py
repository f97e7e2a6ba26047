"""Recordings as files: played piece by piece or downloaded, and their waveforms and transcripts as pieces of a page.

Whatever an upload holds, a browser neither runs nor shows it: it is a file to save for whoever opens its address
(players do not mind), of a type that goes by its own first bytes, and is not kept in any cache.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from ebbtide.apps.accounts.access_log import Deed, Reader, record, record_sitting
from ebbtide.apps.insights import lookup
from ebbtide.apps.interactions.pages import no_segment, parse_segment
from ebbtide.apps.interactions.ranges import OutOfReachError, asked_part
from ebbtide.apps.interactions.recordings import (
    content,
    find_recording,
    format_in_store,
    opened,
    transcripts_of,
    turns_of,
)
from ebbtide.apps.interactions.waveform import AT_ONCE, LARGEST, loudness
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.web.charts.waveform import waveform as drawn
from ebbtide.web.context.interactions import TranscriptPage, TranscriptPart, TurnLine, WaveformPage

_PARTIAL, _NOT_MODIFIED, _OUT_OF_REACH = 206, 304, 416


@organization_page(Permission.RECORDINGS_LISTEN)
def recording(request: HttpRequest, visit: Visit, rec: str) -> HttpResponseBase:
    """Give a recording to a player: all of it, or the part asked for."""
    with acting_in(visit.org.id):
        row = find_recording(rec, org=visit.org.id)
    answer = _given(request, row)
    if _gives_content(request, answer):
        deed = Deed.READ if row.kind == DataType.TRANSCRIPT else Deed.LISTEN
        with acting_in(visit.org.id):
            record_sitting(
                visit.org.id, reader=Reader(visit.user.email), deed=deed, kind=DataType(row.kind), now=visit.now,
                segment=row.segment_id, what=public_id("rec", row.id),
            )  # fmt: skip
    return answer


@organization_page(Permission.RECORDINGS_DOWNLOAD)
def recording_download(request: HttpRequest, visit: Visit, rec: str) -> HttpResponseBase:
    """Give a recording or transcript to be kept."""
    with acting_in(visit.org.id):
        row = find_recording(rec, org=visit.org.id)
    answer = _given(request, row)
    if _gives_content(request, answer):
        with acting_in(visit.org.id):
            record(
                visit.org.id, reader=Reader(visit.user.email), deed=Deed.DOWNLOAD, kind=DataType(row.kind),
                now=visit.now, segment=row.segment_id, what=public_id("rec", row.id), items=1,
            )  # fmt: skip
    return answer


def _gives_content(request: HttpRequest, answer: HttpResponseBase) -> bool:
    return request.method == "GET" and answer.status_code in {200, _PARTIAL}


def _given(request: HttpRequest, row: MediaObject) -> HttpResponseBase:
    """Answer with a file, as RFC 9110 has it: conditions first, then the range."""
    tag = f'"{bytes(row.sha256).hex()}"'
    held = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
    if tag in held or "*" in held:
        return HttpResponse(status=_NOT_MODIFIED, headers={"ETag": tag})
    part = None
    if request.headers.get("If-Range", tag).strip() == tag:
        try:
            part = asked_part(request.headers.get("Range", ""), size=row.bytes)
        except OutOfReachError:
            return HttpResponse(
                status=_OUT_OF_REACH,
                headers={"Content-Range": f"bytes */{row.bytes}", "ETag": tag, "Accept-Ranges": "bytes"},
                content_type="text/plain",
            )
    start, end = part or (0, row.bytes)
    found = format_in_store(row)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="ebbtide-{public_id("rec", row.id)}.{found.ending}"',
        "Content-Length": str(end - start),
        "ETag": tag,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.bytes}"
    status = 200 if part is None else _PARTIAL
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=found.type, headers=headers)
    body = opened(row, start=start, end=end)
    return StreamingHttpResponse(body, status=status, content_type=found.type, headers=headers)


@organization_page(Permission.RECORDINGS_LISTEN)
def waveform(request: HttpRequest, visit: Visit, rec: str) -> HttpResponse:
    """Draw how loud a recording is; says why where it cannot be drawn."""
    with acting_in(visit.org.id):
        row = find_recording(rec, org=visit.org.id)
    page = WaveformPage(recording=row.id)
    if row.kind != DataType.AUDIO or row.bytes > LARGEST:
        return render(request, "components/waveform.html", {"page": page})
    if not AT_ONCE.acquire(blocking=False):
        return render(request, "components/waveform.html", {"page": WaveformPage(recording=row.id, busy=True)})
    try:
        found = loudness(content(row))
    finally:
        AT_ONCE.release()
    if found is not None:
        page = WaveformPage(recording=row.id, chart=drawn(*found))
    return render(request, "components/waveform.html", {"page": page})


@organization_page(Permission.RECORDINGS_LISTEN)
def transcript(request: HttpRequest, visit: Visit, seg: str) -> HttpResponse:
    """Show what was said in a segment, turn by turn."""
    org, segment = visit.org.id, parse_segment(seg)
    with acting_in(org):
        if not lookup.seen([segment], org=org):
            raise no_segment(seg)
        rows = transcripts_of(segment, org=org)
    parts = []
    for row in rows:
        turns = turns_of(row)
        parts.append(
            TranscriptPart(
                id=row.id,
                too_long=turns is None,
                turns=tuple(
                    TurnLine(start_ms=one.start_ms, end_ms=one.end_ms, speaker=one.speaker, text=one.text)
                    for one in turns or ()
                ),
            )
        )
    if rows and request.method == "GET":
        with acting_in(org):
            record_sitting(
                org, reader=Reader(visit.user.email), deed=Deed.READ, kind=DataType.TRANSCRIPT, now=visit.now,
                segment=segment,
            )  # fmt: skip
    return render(request, "pages/transcript.html", {"page": TranscriptPage(segment=seg, parts=tuple(parts))})

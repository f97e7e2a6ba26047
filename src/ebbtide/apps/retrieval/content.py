"""The content of a recording or transcript: whole or in part, never to be run by a browser."""

import base64
from collections.abc import Iterator
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response

from ebbtide.apps.interactions.ranges import OutOfReachError, asked_part
from ebbtide.apps.media.formats import HEAD, format_of
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.runs.wiring import object_store
from ebbtide.apps.tokens.problems import problem
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

TYPES = (
    "application/octet-stream", "audio/wav", "audio/ogg", "audio/flac", "audio/mpeg", "audio/mp4", "audio/webm",
    "audio/amr", "video/mp4", "video/webm", "application/json", "text/plain",
)  # fmt: skip
"""All that content can come as (`ebbtide.apps.media.formats`)."""


def serve(request: HttpRequest, stored: MediaObject) -> HttpResponseBase:
    """Answer with content: 200, 206, 304 or 416.

    Raises:
        StoreUnreachable: the store does not give it.
    """
    digest = bytes(stored.sha256)
    etag = f'"{digest.hex()}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Repr-Digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return _headed(unchanged, headers)
    try:
        changed = request.headers.get("If-Range", etag) != etag
        wanted = None if changed else asked_part(request.headers.get("Range", ""), size=stored.bytes)
    except OutOfReachError:
        return problem(
            416,
            code="range_not_satisfiable",
            detail=f"It has {stored.bytes} bytes.",
            headers={"Content-Range": f"bytes */{stored.bytes}"},
        )
    store = object_store()
    head = b"".join(store.piece(stored.key, first=0, last=min(HEAD, stored.bytes) - 1)) if stored.bytes else b""
    form = format_of(head, kind=DataType(stored.kind))
    first, end = wanted or (0, stored.bytes)
    length = end - first
    answer: HttpResponseBase
    if length == 0:
        answer = HttpResponse(content_type=form.type)
    else:
        chunks = _begun(store.piece(stored.key, first=first, last=end - 1))
        answer = StreamingHttpResponse(chunks, content_type=form.type)
    headers |= {
        "Content-Length": str(length),
        "Content-Disposition": f'attachment; filename="{public_id("rec", stored.id)}.{form.ending}"',
    }
    if wanted is not None:
        answer.status_code = 206
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{stored.bytes}"
    return _headed(answer, headers)


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece at once, so that a store that does not answer is told before anything is sent."""
    return chain([next(chunks, b"")], chunks)


def _headed(answer: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        answer.headers[name] = value
    return answer

"""The content of a recording or transcript: whole or in part, never to be run by a browser."""

import base64
import re
from collections.abc import Iterator
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response

from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.runs.wiring import object_store
from ebbtide.apps.tokens.problems import problem
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

_HEAD_BYTES = 64
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_KNOWN = (
    (b"RIFF", 0, "audio/wav", "wav"),
    (b"OggS", 0, "audio/ogg", "ogg"),
    (b"fLaC", 0, "audio/flac", "flac"),
    (b"ID3", 0, "audio/mpeg", "mp3"),
    (b"\xff\xfb", 0, "audio/mpeg", "mp3"),
    (b"\xff\xf3", 0, "audio/mpeg", "mp3"),
    (b"ftyp", 4, "video/mp4", "mp4"),
    (b"\x1aE\xdf\xa3", 0, "video/webm", "webm"),
)
_UNKNOWN = ("application/octet-stream", "bin")
TYPES = (
    "application/octet-stream", "audio/wav", "audio/ogg", "audio/flac", "audio/mpeg", "audio/mp4", "audio/webm",
    "video/mp4", "video/webm", "application/json", "text/vtt", "text/plain",
)  # fmt: skip
"""All that content can come as."""


def kind_of(head: bytes, *, kind: DataType) -> tuple[str, str]:
    """Give content type and file ending by how content begins; what is not known is bytes, and never a page."""
    if kind is DataType.TRANSCRIPT:
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if text[:1] in {b"{", b"["}:
            return "application/json", "json"
        ending = "vtt" if text.startswith(b"WEBVTT") else "txt"
        return f"text/{'vtt' if ending == 'vtt' else 'plain'}; charset=utf-8", ending
    for mark, at, content_type, ending in _KNOWN:
        if head[at : at + len(mark)] == mark:
            sound = kind is DataType.AUDIO
            return content_type.replace("video/", "audio/") if sound else content_type, ending
    return _UNKNOWN


def asked_range(request: HttpRequest, *, size: int, etag: str) -> tuple[int, int] | None:
    """Give the first and last byte asked for; None for all of it, also where several stretches are asked for.

    Raises:
        ValueError: nothing of it is there.
    """
    given = request.headers.get("Range", "").replace(" ", "")
    match = _RANGE.fullmatch(given)
    if match is None or (match[1], match[2]) == ("", "") or request.headers.get("If-Range", etag) != etag:
        return None
    if not match[1]:  # the last so many
        first, last = max(0, size - int(match[2])), size - 1
        if int(match[2]) == 0:
            raise ValueError(given)
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first >= size:
        raise ValueError(given)
    return first, last


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
        wanted = asked_range(request, size=stored.bytes, etag=etag)
    except ValueError:
        return problem(
            416,
            code="range_not_satisfiable",
            detail=f"It has {stored.bytes} bytes.",
            headers={"Content-Range": f"bytes */{stored.bytes}"},
        )
    store = object_store()
    head = b"".join(store.piece(stored.key, first=0, last=min(_HEAD_BYTES, stored.bytes) - 1)) if stored.bytes else b""
    content_type, ending = kind_of(head, kind=DataType(stored.kind))
    first, last = wanted or (0, stored.bytes - 1)
    length = last - first + 1
    answer: HttpResponseBase
    if length == 0:
        answer = HttpResponse(content_type=content_type)
    else:
        chunks = _begun(store.piece(stored.key, first=first, last=last))
        answer = StreamingHttpResponse(chunks, content_type=content_type)
    headers |= {
        "Content-Length": str(length),
        "Content-Disposition": f'attachment; filename="{public_id("rec", stored.id)}.{ending}"',
    }
    if wanted is not None:
        answer.status_code = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{stored.bytes}"
    return _headed(answer, headers)


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece at once, so that a store that does not answer is told before anything is sent."""
    return chain([next(chunks, b"")], chunks)


def _headed(answer: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        answer.headers[name] = value
    return answer

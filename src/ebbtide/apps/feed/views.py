"""What the telephone system's side sends, and what it is answered."""

import base64
import binascii
import re
import uuid
import zlib
from collections import Counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.feed import room
from ebbtide.apps.feed.door import feeding
from ebbtide.apps.feed.rows import MOST_ROWS
from ebbtide.apps.feed.services import RowEnd, feed_media, feed_segments
from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.runs.wiring import object_store
from ebbtide.apps.tokens.admission import Program
from ebbtide.apps.tokens.problems import problem
from ebbtide.domain.cell import OBJECT_TYPES, DataType
from ebbtide.domain.errors import InputInvalid, NotYours, TooLarge
from ebbtide.domain.identity import public_id

MOST_BYTES = 16 * 1024 * 1024
"""Of a batch, unpacked."""
_KEY_BYTES = 400
_MIB = 1024 * 1024
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):\s*(?:,|$)")
_CREATED, _OK, _NEEDS_LENGTH, _NOT_JSON = 201, 200, 411, 415


@feeding("GET")
def whoami(request: HttpRequest, program: Program) -> HttpResponse:
    """Say whose token it is, and how much is taken at once."""
    del request
    return JsonResponse(
        {
            "organization": public_id("org", program.org.id),
            "name": program.org.name,
            "zone": program.org.zone,
            "token": public_id("tok", program.token),
            "most_segments": MOST_ROWS,
            "most_batch_bytes": MOST_BYTES,
            "most_media_bytes": settings.EBBTIDE_FEED_MEDIA_MIB * _MIB,
        }
    )


@feeding("POST")
def segments(request: HttpRequest, program: Program) -> HttpResponse:
    """Take a batch of segments in; the answer says of each row what became of it."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return problem(_NOT_JSON, code="not_json", detail="Send the batch as application/json.", field="Content-Type")
    if _length(request) is None:
        return _no_length()
    with room.batches.taken():
        ends = feed_segments(program.org, body=_body(request), now=now_of(request))
    counts = Counter(end.end for end in ends)
    return JsonResponse(
        {"read": len(ends), "counts": dict(sorted(counts.items())), "segments": [_told(end) for end in ends]}
    )


def _told(end: RowEnd) -> dict[str, Any]:
    told: dict[str, Any] = {"end": end.end}
    if end.id is not None:
        told["id"] = str(end.id)
    if end.why is not None:
        told |= {"field": end.why.field, "reason": end.why.reason}
    if end.reason:
        told["reason"] = end.reason
    if end.flags:
        told["flags"] = list(end.flags)
    return told


def _length(request: HttpRequest) -> int | None:
    """Give how long the content is said to be; None where that is not said, as with chunks."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdecimal() else None


def _no_length() -> HttpResponse:
    return problem(
        _NEEDS_LENGTH, code="length_required", detail="Send Content-Length, and not in chunks.", field="Content-Length"
    )


def _body(request: HttpRequest) -> bytes:
    """Read a batch, unpacked as far as it is allowed to be long.

    Raises:
        TooLarge: it is longer.
        InputInvalid: it is packed in another way, or damaged.
    """
    told = TooLarge(f"A batch has at most {MOST_BYTES:,} bytes: send several.", field="Content-Length")
    if (_length(request) or 0) > MOST_BYTES:
        raise told
    packed = request.headers.get("Content-Encoding", "identity").strip().lower()
    raw: bytes = request.read(MOST_BYTES + 1)
    if packed in {"", "identity"}:
        return raw
    if packed != "gzip":
        raise InputInvalid(f"{packed[:40]!r} is not unpacked here: send it as gzip or plain.", field="Content-Encoding")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(raw, MOST_BYTES + 1)
    except zlib.error as exc:
        raise InputInvalid("It is not gzip, or damaged.", field="Content-Encoding") from exc
    if len(body) > MOST_BYTES:
        raise told
    if not unpacking.eof or unpacking.unused_data:
        raise InputInvalid("The gzip data ends too early, or goes on after its end.", field="Content-Encoding")
    return body


@feeding("PUT")
def media(request: HttpRequest, program: Program, kind: str, segment: str | None = None) -> HttpResponse:
    """Take a recording or transcript in, by its segment's id or (`?key=`) its source key."""
    data_type = next((one for one in OBJECT_TYPES if one == kind), None)
    if data_type is None:
        raise NotYours(f"There are {', '.join(OBJECT_TYPES)} and nothing else.", field="kind")
    found = _segment(request, program, given=segment)
    size = _length(request)
    if size is None:
        return _no_length()
    most = settings.EBBTIDE_FEED_MEDIA_MIB * _MIB
    if size > most:
        raise TooLarge(f"A recording has at most {most:,} bytes, not {size:,}.", field="Content-Length")
    if size == 0:
        raise InputInvalid("It is empty.", field="Content-Length")
    sha256 = _digest(request)
    folder = settings.EBBTIDE_DATA
    folder.mkdir(parents=True, exist_ok=True)
    with room.uploads.taken():
        room.refuse_full_disk(folder, coming=size)
        end = feed_media(
            program.org,
            segment=found,
            kind=DataType(data_type),
            read=request.read,
            size=size,
            sha256=sha256,
            store=object_store(),
            folder=folder,
        )
    told = {"end": end, "id": str(found), "sha256": sha256.hex(), "bytes": size}
    return JsonResponse(told, status=_CREATED if end == "imported" else _OK)


def _segment(request: HttpRequest, program: Program, *, given: str | None) -> uuid.UUID:
    """Find out which segment is meant.

    Raises:
        NotYours: it is no id.
        InputInvalid: there is no usable key.
    """
    if given is not None:
        try:
            found = uuid.UUID(given)
        except ValueError as exc:
            raise NotYours("There is no segment with that id.", field="segment") from exc
        if str(found) != given:
            raise NotYours("There is no segment with that id.", field="segment")
        return found
    key = request.GET.get("key", "").strip()
    if not key or not key.isprintable() or len(key.encode(errors="replace")) > _KEY_BYTES:
        raise InputInvalid("Give the segment's key as ?key=, 1 to 400 bytes.", field="key")
    return segment_id(key, pepper=bytes(program.org.pepper))


def _digest(request: HttpRequest) -> bytes:
    """Read the announced SHA-256.

    Raises:
        InputInvalid: there is none.
    """
    match = _DIGEST.search(request.headers.get("Content-Digest", ""))
    try:
        digest = base64.b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise InputInvalid("Send its SHA-256 as Content-Digest: sha-256=:BASE64: (RFC 9530).", field="Content-Digest")
    return digest

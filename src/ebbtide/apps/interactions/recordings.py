"""One recording: found by its id, read from the store, whole or in part.

Every function that takes `org` expects an open transaction in the organization; reading from the store needs none.
"""

import uuid
from collections.abc import Iterator
from itertools import chain

from ebbtide.apps.media.formats import HEAD, Format, format_of
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.media.transcripts import LONGEST, Turn, read_transcript
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import not_found, parse_id


def find_recording(text: str, *, org: int) -> MediaObject:
    """Find a recording by public id.

    Raises:
        NotYours: there is none of this organization (any more).
    """
    found = MediaObject.objects.filter(org_id=org, id=parse_id("rec", text)).first()
    if found is None:
        raise not_found("rec", text)
    return found


def transcripts_of(segment: uuid.UUID, *, org: int) -> list[MediaObject]:
    """Give the transcripts of a segment, in the order they came."""
    rows = MediaObject.objects.filter(org_id=org, segment_id=segment, kind=DataType.TRANSCRIPT)
    return list(rows.order_by("id"))


def format_in_store(row: MediaObject) -> Format:
    """Look at a recording's first bytes.

    Raises:
        StoreUnreachable: it could not be read.
    """
    head = b"".join(object_store().piece(row.key, first=0, last=min(HEAD, row.bytes) - 1)) if row.bytes else b""
    return format_of(head, kind=DataType(row.kind))


def opened(row: MediaObject, *, start: int, end: int) -> Iterator[bytes]:
    """Give a part of a recording; its first piece has been read when this returns.

    Raises:
        StoreUnreachable: it could not be read.
    """
    if start == end:
        return iter(())
    pieces = object_store().piece(row.key, first=start, last=end - 1)
    return chain([next(pieces, b"")], pieces)


def content(row: MediaObject) -> bytes:
    """Give the whole of a recording.

    Raises:
        StoreUnreachable: it could not be read.
    """
    return b"".join(opened(row, start=0, end=row.bytes))


def turns_of(row: MediaObject) -> tuple[Turn, ...] | None:
    """Read a transcript; None where it is too long to be shown.

    Raises:
        StoreUnreachable: it could not be read.
    """
    return None if row.bytes > LONGEST else read_transcript(content(row))

"""Bringing data in: a batch of segments, a recording. What is answered as taken is on disk, whatever falls then."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal

from ebbtide.apps.catalog.identity import segment_ids
from ebbtide.apps.feed.rows import Rejection, read_rows, understand
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.media.services import Incoming, Puts, store_recordings
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import Busy, InputInvalid, LateData, NotYours, Taken

End = Literal["imported", "already_there", "late", "undatable", "rejected"]
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class RowEnd:
    """What became of a row.

    Attributes:
        end: imported, already there, late, set aside as undatable, or rejected.
        id: the segment's; None where it was rejected.
        why: of a rejected one.
        reason: why it could not be dated; empty where it could.
        flags: what is odd about it.
    """

    end: End
    id: uuid.UUID | None = None
    why: Rejection | None = None
    reason: str = ""
    flags: tuple[str, ...] = ()


def feed_segments(org: Organization, *, body: bytes, now: datetime) -> list[RowEnd]:
    """Take a batch of segments in; gives the end of each row, in order.

    Sent again, whatever came of it the first time, it changes nothing: rows are known by their key.

    Args:
        org: where they go.
        body: the batch's JSON.
        now: aware instant.

    Raises:
        InputInvalid: the batch cannot be read at all; nothing of it came in.
        TooLarge: it has too many rows.
        Busy: others kept coming first; nothing of it came in.
    """
    batch = understand(read_rows(body), zone=parse_zone(org.zone), now=now)
    ends: dict[int, RowEnd] = {place: RowEnd("rejected", why=why) for place, why in batch.rejected.items()}
    if batch.segments.height:
        pepper = bytes(org.pepper)
        try:
            loaded = SegmentLoader(org.id, pepper=pepper).tell(batch.segments, events=batch.events)
        except Taken as exc:
            raise Busy("Others were first, again and again: send the batch again.", retry_s=1) from exc
        ids = segment_ids(batch.segments["source_key"], pepper=pepper)
        rows = batch.segments.select("line", "undatable", "day", "flags").iter_rows()
        for (line, undatable, day, flags), key in zip(rows, ids, strict=True):
            end: End = loaded.end_of(line, dated=day is not None)
            ends[line] = RowEnd(
                end,
                id=uuid.UUID(key),
                reason=undatable or "" if end == "undatable" else "",
                flags=tuple(flags.split(",")) if flags else (),
            )
    return [ends[place] for place in range(batch.read)]


def feed_media(
    org: Organization,
    *,
    segment: uuid.UUID,
    kind: DataType,
    read: Callable[[int], bytes],
    size: int,
    sha256: bytes,
    store: Puts,
    folder: Path,
) -> Literal["imported", "already_there"]:
    """Take a recording in: spooled to disk, checked, then stored as an import stores it.

    Args:
        org: where it goes.
        segment: the segment's id.
        kind: audio, transcript or desktop.
        read: gives up to so many of its bytes; none at the end.
        size: its bytes, as announced.
        sha256: its SHA-256, as announced.
        store: where objects lie.
        folder: where it passes through; what lies there has no name, so nothing is left of it whatever happens.

    Raises:
        InputInvalid: it did not come whole, or is not what was announced; nothing was stored.
        NotYours: there is no such segment, or it cannot be dated.
        LateData: its Q and day are purged.
        StoreUnreachable: the store did not take it; it can be sent again.
    """
    with TemporaryFile(dir=folder) as spool:
        digest = hashlib.sha256()
        came = 0
        while came < size and (chunk := read(min(CHUNK_BYTES, size - came))):
            digest.update(chunk)
            spool.write(chunk)
            came += len(chunk)
        if came != size:
            raise InputInvalid(f"{came:,} of {size:,} bytes came: send it again.", field="Content-Length")
        if digest.digest() != sha256:
            raise InputInvalid("What came is not what its digest says: send it again.", field="Content-Digest")
        spool.flush()
        reasons: list[str] = []
        incoming = Incoming(segment, kind, lambda: _chunks(spool, size=size))
        counts = store_recordings(
            org.id, incoming=[incoming], store=store, reject=lambda _one, reason: reasons.append(reason)
        )
    if counts.late:
        raise LateData("Its Q and day are purged: it stays out.", field="segment")
    if counts.rejected:
        raise NotYours(f"It cannot be taken in: {reasons[0]}.", field="segment")
    return "imported" if counts.imported else "already_there"


def _chunks(spool: IO[bytes], *, size: int) -> Iterator[bytes]:
    """Read the spool from its beginning, whoever else is reading it."""
    for at in range(0, size, CHUNK_BYTES):
        yield os.pread(spool.fileno(), CHUNK_BYTES, at)

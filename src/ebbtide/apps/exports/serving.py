"""An archive on its way to whoever asked for it: whole, or a stretch of it.

While it goes out it is asked again and again whether it may: a purge that comes meanwhile ends the download.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ebbtide.apps.exports.models import Export
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id

ASK_EVERY_BYTES = 16 * 1024 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of an archive: from the first to the one behind the last."""

    first: int
    beyond: int

    @property
    def length(self) -> int:
        """How many."""
        return self.beyond - self.first


def can_be_had(export: Export, *, now: datetime) -> bool:
    """Whether the archive may be given out at a moment."""
    return (
        export.ready_at is not None
        and export.condemned_at is None
        and export.gone_at is None
        and export.expires_at is not None
        and now < export.expires_at
    )


def refuse_unless_had(export: Export, *, now: datetime) -> None:
    """Raise where the archive cannot be had.

    Raises:
        Taken: it is not ready, or not there any more.
    """
    if not can_be_had(export, now=now):
        raise Taken(f"{public_id('exp', export.id)} cannot be had: it is not ready, or its time or its data is over.")


def stretch_of(header: str, *, size: int) -> Stretch | None:
    """Read a Range header of one range of bytes; the whole where there is none, or one we do not serve.

    Args:
        header: its text.
        size: of the archive, in bytes.

    Returns:
        The stretch; None where it lies beyond the end.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return Stretch(0, size)
    if not match[1]:
        return Stretch(max(0, size - int(match[2])), size) if int(match[2]) and size else None
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return Stretch(0, size)
    return Stretch(first, min(last + 1, size)) if first < size else None


def archive_bytes(export: Export, *, stretch: Stretch) -> Iterator[bytes]:
    """Stream an archive's bytes; ends early, with an error, where it is condemned meanwhile.

    Raises:
        StoreUnreachable: it could not be read.
        Taken: it cannot be had any more.
    """
    since = 0
    for chunk in export_store().piece(export.key, first=stretch.first, last=stretch.beyond - 1):
        since += len(chunk)
        if since >= ASK_EVERY_BYTES:
            since = 0
            with acting_in(export.org_id):
                stands = Export.objects.filter(org_id=export.org_id, id=export.id, condemned_at__isnull=True).exists()
            if not stands:
                raise Taken(f"{public_id('exp', export.id)} cannot be had any more.")
        yield chunk

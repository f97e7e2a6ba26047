"""Recordings and transcripts into the store: intent first, object second, row last.

Whatever breaks in between leaves an intent, and `sweep_uploads` removes what it names; so no object is ever in the
store that nothing knows of.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Protocol

from ebbtide.apps.catalog.intake import Tally
from ebbtide.apps.media.models import MediaObject, Upload
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, LateData, StoreUnreachable, Taken
from ebbtide.domain.identity import public_id

BATCH = 500
ATTEMPTS = 5
UPLOADS_AT_ONCE = 8
ABANDONED_AFTER = timedelta(hours=24)
_GIVEN_UP = datetime(1970, 1, 1, tzinfo=UTC)
"""Start of uploads that a sweep is removing: whoever wakes up after a day can no longer index them."""


class Written(Protocol):
    """What a store says of an object it took."""

    @property
    def size(self) -> int:
        """Size in bytes."""
        ...

    @property
    def sha256(self) -> bytes:
        """SHA-256, 32 bytes."""
        ...


class Puts(Protocol):
    """A store that takes objects and removes broken uploads."""

    def put(self, key: str, chunks: Iterable[bytes]) -> Written:
        """Stream an object in."""
        ...

    def discard(self, key: str) -> None:
        """Remove what an upload may have left."""
        ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A recording on its way in.

    Attributes:
        segment_id: the segment it belongs to.
        kind: audio, transcript or desktop.
        chunks: opens the content anew at each call; it is read twice, once to know whether it is there already.
        told: what to say about it when it is rejected (a manifest's line).
    """

    segment_id: uuid.UUID
    kind: DataType
    chunks: Callable[[], Iterable[bytes]]
    told: object = None


@dataclass(slots=True)
class MediaCounts(Tally):
    """What became of recordings; the ends add up to `read`."""

    read: int = 0
    imported: int = 0
    already_there: int = 0
    late: int = 0
    rejected: int = 0


Indexed = tuple[set[str], set[str]]
"""Keys that came in, and keys whose intent still stood."""

Reject = Callable[[Incoming, str], None]


def store_recordings(org: int, *, incoming: Iterable[Incoming], store: Puts, reject: Reject) -> MediaCounts:
    """Store recordings of segments that are there.

    Args:
        org: the organization's number.
        incoming: the recordings; read in batches, so any number of them.
        store: where they go.
        reject: told of each that cannot be stored, with the reason.

    Raises:
        StoreUnreachable: an object could not be written; what was finished before stays, the rest can be sent again.
        Taken: others kept coming first; as above.
    """
    counts = MediaCounts()
    iterator = iter(incoming)
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        while batch := list(islice(iterator, BATCH)):
            counts.add(_store_batch(org, batch=batch, store=store, pool=pool, reject=reject))
    return counts


@dataclass(frozen=True, slots=True)
class _Placed:
    incoming: Incoming
    sha256: bytes
    row: MediaObject


def _store_batch(
    org: int, *, batch: list[Incoming], store: Puts, pool: ThreadPoolExecutor, reject: Reject
) -> MediaCounts:
    counts = MediaCounts(read=len(batch))
    digests = list(pool.map(_digest, batch))
    with acting_in(org) as cursor:
        cursor.execute(
            """
            SELECT i.id, i.queue_id, i.day, ARRAY(
                SELECT l.data_type FROM catalog_purgedline l
                WHERE l.org_id = i.org_id AND l.queue_id = i.queue_id AND i.day < l.before)
            FROM insights_identity i WHERE i.org_id = %s AND i.id = ANY (%s)
            """,
            [org, [one.segment_id for one in batch]],
        )
        places = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT segment_id, kind, sha256 FROM media_mediaobject WHERE org_id = %s AND segment_id = ANY (%s)",
            [org, [one.segment_id for one in batch]],
        )
        there = {(segment, kind, bytes(sha)) for segment, kind, sha in cursor.fetchall()}
        placed = []
        for one, sha256 in zip(batch, digests, strict=True):
            queue, day, purged = places.get(one.segment_id, (None, None, ()))
            if isinstance(sha256, InputInvalid):
                counts.rejected += 1
                reject(one, sha256.message)
            elif day is None:
                counts.rejected += 1
                why = "its segment is undatable" if one.segment_id in places else "there is no segment with that key"
                reject(one, why)
            elif (one.segment_id, one.kind, sha256) in there:
                counts.already_there += 1
            elif one.kind in purged or DataType.INSIGHTS in purged:
                counts.late += 1
            else:
                there.add((one.segment_id, one.kind, sha256))
                placed.append(_Placed(one, sha256, _row(org, incoming=one, queue=queue, day=day)))
        # the intent, committed before the first byte leaves
        Upload.objects.using(WEB).bulk_create([Upload(org_id=org, key=one.row.key) for one in placed])
    written = pool.map(lambda one: store.put(one.row.key, one.incoming.chunks()), placed)
    for into, stored in zip(placed, written, strict=True):
        if stored.sha256 != into.sha256:
            raise StoreUnreachable("A recording changed while it was read: send it again when it is complete.")
        into.row.bytes, into.row.sha256 = stored.size, stored.sha256
    if placed:
        _settle(org, placed=placed, store=store, counts=counts, reject=reject)
    return counts


def _settle(org: int, *, placed: list[_Placed], store: Puts, counts: MediaCounts, reject: Reject) -> None:
    """Index what was written, and take back what cannot come in."""
    try:
        come, intended = _again(lambda: _index(org, rows=[one.row for one in placed]))
    except LateData:
        if len(placed) > 1:  # find the late ones among them, and store the others
            for one in placed:
                _settle(org, placed=[one], store=store, counts=counts, reject=reject)
        else:
            _take_back(org, key=placed[0].row.key, store=store)
            counts.late += 1
        return
    for one in placed:
        if one.row.key in come:
            counts.imported += 1
            continue
        _take_back(org, key=one.row.key, store=store)
        if one.row.key in intended:
            counts.already_there += 1
        else:
            counts.rejected += 1
            reject(one.incoming, "its upload took so long that it was given up: send it again")


def _again(attempt: Callable[[], Indexed]) -> Indexed:
    """Try again where someone was first (a deadlock, a lock not granted in time)."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except LateData:
            raise
        except Taken:
            continue
    return attempt()


def _row(org: int, *, incoming: Incoming, queue: int, day: date) -> MediaObject:
    place = f"{public_id('org', org)}/{public_id('que', queue)}/{day.isoformat()}/{incoming.kind}"
    return MediaObject(
        org_id=org,
        queue_id=queue,
        day=day,
        kind=incoming.kind,
        key=f"{place}/{uuid.uuid4().hex}",
        segment_id=incoming.segment_id,
    )


def _index(org: int, *, rows: list[MediaObject]) -> Indexed:
    """Write index rows: those whose upload was not given up, and whose content did not come by another import."""
    keys = [row.key for row in rows]
    with acting_in(org):
        # locked: a sweep that gives one up now waits, and finds it gone
        open_ones = Upload.objects.select_for_update().filter(org_id=org, key__in=keys, started_at__gt=_GIVEN_UP)
        intended = set(open_ones.values_list("key", flat=True))
        MediaObject.objects.bulk_create([row for row in rows if row.key in intended], ignore_conflicts=True)
        come = set(MediaObject.objects.filter(org_id=org, key__in=keys).values_list("key", flat=True))
        Upload.objects.filter(org_id=org, key__in=come).delete()
    return come, intended


def _take_back(org: int, *, key: str, store: Puts) -> None:
    store.discard(key)
    with acting_in(org):
        Upload.objects.filter(org_id=org, key=key).delete()


def _digest(incoming: Incoming) -> bytes | InputInvalid:
    """Give its SHA-256, or why it cannot be read: one unreadable file is one reject."""
    digest = hashlib.sha256()
    try:
        for chunk in incoming.chunks():
            digest.update(chunk)
    except InputInvalid as exc:
        return exc
    return digest.digest()


def sweep_uploads(org: int, *, store: Puts, now: datetime, older_than: timedelta = ABANDONED_AFTER) -> Iterator[str]:
    """Remove what uploads that broke off have left, and their intents.

    Args:
        org: the organization's number.
        store: where they were going.
        now: the present moment (UTC).
        older_than: younger intents may belong to an upload that is still going on.

    Yields:
        The keys removed.

    Raises:
        StoreUnreachable: one of them could not be removed; its intent stays.
    """
    with acting_in(org):
        keys = list(Upload.objects.filter(org_id=org, started_at__lte=now - older_than).values_list("key", flat=True))
    for key in keys:
        with acting_in(org):
            given_up = Upload.objects.filter(org_id=org, key=key).update(started_at=_GIVEN_UP)
        if not given_up:
            continue  # it came in meanwhile
        _take_back(org, key=key, store=store)
        yield key

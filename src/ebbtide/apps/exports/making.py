"""Making an export, from its first byte to the moment it can be downloaded.

The key is written down before the first byte leaves, and what an attempt that broke off has left under it is removed
before the next begins, which starts anew: of a killed worker nothing stays that nobody knows of, and no archive is ever
half. One process makes an export at a time; it holds an advisory lock, which goes with it however it ends.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import BinaryIO, Protocol

import structlog
from django.conf import settings

from ebbtide.apps.catalog.selectors import queues
from ebbtide.apps.exports.archive import Archive, Told
from ebbtide.apps.exports.checking import check
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.taking import planned
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.locks import making
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import export_store, object_store
from ebbtide.domain.calendar import first_due
from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.errors import Broken, StoreUnreachable, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.verdict import effective_retention
from ebbtide.engine.admit import Mode
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

ATTEMPTS = 5
"""So often an export is begun; then it has failed."""
LASTS = timedelta(days=7)
_FIRST_WAIT = timedelta(seconds=30)
_BEAT_S = 1.0
_WAITS = "A run took some of it while it was made: it is begun anew when that run has ended."

Stop = Callable[[], bool]


class Interrupted(Exception):
    """The writing has to end: `why` is stopped, cancelled or condemned."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


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
    """A store that takes archives, gives them to be read back, and removes what broke off."""

    def mark(self) -> None:
        """Leave the mark by which the place is known."""
        ...

    def pour(self, key: str, chunks: Iterable[bytes]) -> Written:
        """Stream an object in, its chunks read from a store themselves."""
        ...

    def reader(self, key: str) -> BinaryIO:
        """Open an object as a file."""
        ...

    def discard(self, key: str) -> None:
        """Remove what an upload may have left."""
        ...


@dataclass(slots=True)
class _Pulse:
    """Writes down how far an export is, at most once a second, and finds out whether it has to end."""

    export: Export
    stop: Stop
    done: Amount = field(default_factory=Amount)
    files: int = 0
    _beat_at: float = 0.0

    def written(self, more: Amount) -> None:
        self.done += more
        self._beat(items_done=self.done.items, bytes_done=self.done.bytes)

    def checked(self, size: int) -> None:
        self._beat(size_checked=size)

    def _beat(self, **values: int) -> None:
        if self.stop():
            raise Interrupted("stopped")
        if time.monotonic() - self._beat_at < _BEAT_S:
            return
        self._beat_at = time.monotonic()
        self.write(**values)
        self.look()

    def write(self, **values: int) -> None:
        """Write figures down."""
        with acting_in(self.export.org_id, using=SWEEP):
            Export.objects.using(SWEEP).filter(org_id=self.export.org_id, id=self.export.id).update(**values)

    def look(self) -> None:
        """End the writing where somebody cancelled it, or a purge took a cell that is in it."""
        found = _read(self.export)
        if found.cancelled_at is not None:
            raise Interrupted("cancelled")
        if found.condemned_at is not None:
            raise Interrupted("condemned")


def make_export(org: int, *, number: int, clock: Clock, stop: Stop) -> bool:
    """Make an export that is open, or go on where somebody broke off; False where another process is at it.

    Args:
        org: the organization's number.
        number: the export's.
        clock: where the time comes from.
        stop: asked often; once it says so, the attempt is given up and does not count.

    Raises:
        StoreUnreachable: a store did not answer; it is tried again later.
    """
    with making(number) as held:
        if not held:
            return False
        with acting_in(org, using=SWEEP):
            organization = Organization.objects.using(SWEEP).get(id=org)
        store = export_store()
        while not stop() and _attempt(organization, number=number, store=store, clock=clock, stop=stop):
            pass
    return True


def _attempt(org: Organization, *, number: int, store: Puts, clock: Clock, stop: Stop) -> bool:
    """Begin anew and go to the end; True where it has to be begun once more."""
    with acting_in(org.id, using=SWEEP):
        export = Export.objects.using(SWEEP).get(org_id=org.id, id=number)
    if not _is_open(export):
        return False
    if export.attempts >= ATTEMPTS:
        _fail(export, export.reason or "The worker died each time it was made.", now=clock.now())
        return False
    store.mark()
    if export.key:
        store.discard(export.key)
    key = f"exports/{public_id('org', org.id)}/{public_id('exp', number)}/{uuid.uuid4().hex}.zip"
    with acting_in(org.id, using=SWEEP) as cursor:
        cursor.execute("SELECT exports_begin(%s, %s, %s)", [number, key, clock.now()])
        if not cursor.fetchone()[0]:
            return False
    return _carried(org, export=_read(export), store=store, clock=clock, stop=stop)


def _carried(org: Organization, *, export: Export, store: Puts, clock: Clock, stop: Stop) -> bool:
    """Write it and read it back, and tidy up behind whatever ends that; True where it has to be begun once more."""
    try:
        _write(org, export=export, store=store, clock=clock, stop=stop)
    except Interrupted as end:
        store.discard(export.key)
        return _ended(export, why=end.why, now=clock.now())
    except (StoreUnreachable, Taken, OSError) as exc:
        reason = exc.message if isinstance(exc, StoreUnreachable | Taken) else "The archive could not be read back."
        _update(export, reason=reason, retry_at=clock.now() + _FIRST_WAIT * 2 ** (export.attempts - 1))
        with suppress(StoreUnreachable):
            store.discard(export.key)
        if isinstance(exc, OSError):
            raise StoreUnreachable(f"The object store did not give the archive back: {exc}") from exc
        raise
    except Broken as exc:
        store.discard(export.key)
        _fail(export, exc.message, now=clock.now())
    return False


def _ended(export: Export, *, why: str, now: datetime) -> bool:
    """Say what follows on an attempt that had to end, whose bytes are gone; True where it is begun anew at once."""
    if why == "stopped":  # no fault of the export's
        _update(export, attempts=export.attempts - 1)
    elif why == "condemned":
        if not _is_being_purged(export.org_id):
            return True
        _update(export, attempts=export.attempts - 1, retry_at=now + _FIRST_WAIT, reason=_WAITS)
    return False


def _write(org: Organization, *, export: Export, store: Puts, clock: Clock, stop: Stop) -> None:
    pulse = _Pulse(export, stop)
    plan = planned(export)
    sums = sum((one for cells in plan.values() for one in cells.values()), Amount())
    _update(export, cells=sum(map(len, plan.values())), items=sums.items, bytes=sums.bytes)
    archive = Archive(export, store=object_store(), told=_told(org, began=clock.now()), beat=pulse.written)
    stored = store.pour(export.key, _limited(archive.stream(plan)))
    pulse.look()
    _update(
        export, items_done=pulse.done.items, bytes_done=pulse.done.bytes, files=archive.summary.files, size=stored.size,
        size_checked=0,
    )  # fmt: skip
    with store.reader(export.key) as source:
        check(source, summary=archive.summary, beat=pulse.checked)
    _make_ready(export, stored=stored, kinds=archive.summary.totals, now=clock.now())


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > settings.EBBTIDE_EXPORT_BYTES:
            raise Broken(
                f"The archive grew beyond {settings.EBBTIDE_EXPORT_BYTES // 1024**3} GiB, the most that is allowed: "
                "choose fewer days, Qs or data types."
            )
        yield chunk


def _make_ready(export: Export, *, stored: Written, kinds: dict[DataType, Amount], now: datetime) -> None:
    """Call it ready, unless somebody cancelled it or a cell of it went in this very moment."""
    with acting_in(export.org_id, using=SWEEP):
        rows = Export.objects.using(SWEEP).filter(
            org_id=export.org_id, id=export.id, cancelled_at__isnull=True, condemned_at__isnull=True
        )
        done = rows.update(size=stored.size, sha256=stored.sha256, ready_at=now, expires_at=now + LASTS)
    if not done:
        raise Interrupted("cancelled" if _read(export).cancelled_at is not None else "condemned")
    log.info(
        "export ready",
        org=public_id("org", export.org_id),
        export=public_id("exp", export.id),
        size=stored.size,
        items=sum(one.items for one in kinds.values()),
    )


def _told(org: Organization, *, began: datetime) -> Told:
    with acting_in(org.id, using=SWEEP):
        names = {queue.id: queue.name for queue in queues(org=org.id, using=SWEEP)}
        kept = effective_retention(jobs(org=org.id, using=SWEEP), queues=list(names))

    def due(queue: int, data_type: DataType, day: date) -> date | None:
        job = kept.get((queue, data_type))
        return None if job is None else first_due(day, days=job.days)

    return Told(org=org.name, zone=org.zone, began=began, queues=names, due=due)


def _is_being_purged(org: int) -> bool:
    with acting_in(org, using=SWEEP):
        return Run.objects.using(SWEEP).filter(org_id=org, mode=Mode.LIVE, outcome__isnull=True).exists()


def _is_open(export: Export) -> bool:
    return export.ready_at is None and export.failed_at is None and export.cancelled_at is None


def _read(export: Export) -> Export:
    with acting_in(export.org_id, using=SWEEP):
        return Export.objects.using(SWEEP).get(org_id=export.org_id, id=export.id)


def _update(export: Export, **values: object) -> None:
    with acting_in(export.org_id, using=SWEEP):
        Export.objects.using(SWEEP).filter(org_id=export.org_id, id=export.id).update(**values)


def _fail(export: Export, reason: str, *, now: datetime) -> None:
    _update(export, failed_at=now, reason=reason)
    log.error("export failed", org=public_id("org", export.org_id), export=public_id("exp", export.id), reason=reason)

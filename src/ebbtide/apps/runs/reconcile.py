"""Reconcile: do the counts agree with the rows, and the index rows with the store?

Three comparisons for each organization, each in a fixed number of queries whatever it holds:

1. Cells against rows and index rows, in one statement and so in one snapshot: a count and its rows are written in one
   transaction, so a difference is drift, never a write under way. Drift is mended by the database, which counts again
   under the cell's lock.
2. Index rows against the store. The store is listed once, as a stream, into a temporary table: a folder gives its keys
   in no order, so two sorted streams could not be merged, and a join there keeps memory flat. Uploads and purges go on
   meanwhile, so what looks wrong is only a suspect; a second listing, made where there are suspects, confirms it: an
   upload writes its intent before the object and a purge closes the row after it, so nothing sound is a suspect twice.
3. Claims that ended runs have left on objects that no live run will come for.

DANGER: an object that nothing knows of is reported, never deleted. "Not in my list" is no reason to delete.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple

import structlog
from django.db.backends.utils import CursorWrapper

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.media.services import ABANDONED_AFTER, sweep_uploads
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id
from ebbtide.engine.ports import Reach
from ebbtide.engine.simulate import reaches

log = structlog.get_logger(__name__)

CELLS_AT_ONCE = 500
CLAIMS_AT_ONCE = 1_000
ATTEMPTS = 5

CELL_ITEMS, CELL_BYTES = "cell items", "cell bytes"
CELL_DRIFTS = frozenset({CELL_ITEMS, CELL_BYTES})
"""Drifts between counts and rows; all others are between rows and objects."""
MISSING, UNKNOWN, UPLOAD, CLAIM = "object missing", "object unknown", "abandoned upload", "claim"

_CHECK_ONLY = "not mended: run `ebbtide reconcile` without --check"
_MISSING = "reported: restore the object under its key, or wait until the row's day is due and a run closes it"
_UNKNOWN = (
    "reported, never deleted: leave it for 24 hours; if it is still here then, find out who writes into this folder, "
    "and remove it by hand"
)

_DRIFTED = """
    WITH there AS (
        SELECT s.day, 'insights' AS data_type, s.queue_id, count(*) AS items, sum(s.bytes)::bigint AS bytes
        FROM insights_segment s WHERE s.org_id = %(org)s GROUP BY s.day, s.queue_id
        UNION ALL
        SELECT m.day, m.kind, m.queue_id, count(*), sum(m.bytes)::bigint
        FROM media_mediaobject m WHERE m.org_id = %(org)s GROUP BY m.day, m.kind, m.queue_id
    ), counted AS (
        SELECT c.day, c.data_type, c.queue_id, c.items, c.bytes FROM catalog_cell c WHERE c.org_id = %(org)s
    )
    SELECT day, data_type, queue_id, coalesce(c.items, 0), coalesce(c.bytes, 0),
        coalesce(t.items, 0), coalesce(t.bytes, 0)
    FROM counted c FULL JOIN there t USING (day, data_type, queue_id)
    WHERE c.items IS DISTINCT FROM t.items OR c.bytes IS DISTINCT FROM t.bytes
    ORDER BY day, data_type, queue_id
"""
_STAGE = """
    CREATE TEMPORARY TABLE reconcile_seen (key text NOT NULL) ON COMMIT DROP;
    CREATE TEMPORARY TABLE reconcile_suspect (key text NOT NULL, id bigint) ON COMMIT DROP;
"""
# A row under a claim is not missed: its run is about to close it, or the claims are looked at below.
_SUSPECTS = """
    INSERT INTO reconcile_suspect (key, id)
    SELECT m.key, m.id FROM media_mediaobject m
    WHERE m.org_id = %(org)s AND m.claimed_by IS NULL
        AND NOT EXISTS (SELECT 1 FROM reconcile_seen s WHERE s.key = m.key)
    UNION ALL
    SELECT s.key, NULL FROM reconcile_seen s
    WHERE NOT EXISTS (SELECT 1 FROM media_mediaobject m WHERE m.org_id = %(org)s AND m.key = s.key)
        AND NOT EXISTS (SELECT 1 FROM media_upload u WHERE u.org_id = %(org)s AND u.key = s.key)
"""
_PLACE = "regexp_replace(key, '/[^/]*$', '')"
_CONFIRMED = f"""
    WITH missing AS (
        SELECT {_PLACE} AS place, count(*) AS items, min(key) AS example FROM reconcile_suspect x
        WHERE x.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM reconcile_seen s WHERE s.key = x.key)
            AND EXISTS (SELECT 1 FROM media_mediaobject m
                        WHERE m.org_id = %(org)s AND m.id = x.id AND m.claimed_by IS NULL)
        GROUP BY 1
    ), unknown AS (
        SELECT {_PLACE} AS place, count(*) AS items, min(key) AS example FROM reconcile_suspect x
        WHERE x.id IS NULL AND EXISTS (SELECT 1 FROM reconcile_seen s WHERE s.key = x.key)
        GROUP BY 1
    )
    SELECT '{MISSING}', place, example, items FROM missing
    UNION ALL SELECT '{UNKNOWN}', place, example, items FROM unknown ORDER BY 2, 1
"""  # noqa: S608 - words of this module
# Claims of ended runs on objects that are not due (any more), or whose organization is not armed: no live run comes for
# them. Where one does come, it takes the claim over and closes the row.
_CLAIMS = """
    SELECT m.id, m.key, EXISTS (SELECT 1 FROM reconcile_seen s WHERE s.key = m.key),
        EXISTS (SELECT 1 FROM catalog_purgedline l
                WHERE (l.org_id, l.queue_id, l.data_type) = (m.org_id, m.queue_id, m.kind) AND m.day < l.before)
    FROM media_mediaobject m JOIN runs_run r ON r.org_id = m.org_id AND r.id = m.claimed_by
    WHERE m.org_id = %(org)s AND r.outcome IS NOT NULL AND NOT (%(armed)s AND EXISTS (
        SELECT 1 FROM unnest(%(queues)s::int[], %(kinds)s::text[], %(befores)s::date[]) AS d (queue_id, kind, before)
        WHERE (d.queue_id, d.kind) = (m.queue_id, m.kind) AND m.day < d.before))
    ORDER BY m.key
"""


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what is counted or listed and what is there.

    Attributes:
        org: the organization's number.
        what: `cell items`, `cell bytes`, `object missing`, `object unknown`, `abandoned upload` or `claim`.
        where: the cell, or the key or folder in the store.
        counted: what counts or index rows say.
        there: what was found.
        done: what has been done about it, or what to do.
    """

    org: int
    what: str
    where: str
    counted: int
    there: int
    done: str


@dataclass(slots=True)
class Reconciled:
    """What a reconciliation came to: every difference, and how many cells and objects were compared."""

    drifts: list[Drift] = field(default_factory=list)
    cells: int = 0
    objects: int = 0


class _Drifted(NamedTuple):
    """A cell whose counts are not those of its rows: items and bytes as counted, and as they are there."""

    day: date
    data_type: str
    queue: int
    counted_items: int
    counted_bytes: int
    items: int
    bytes: int

    @property
    def key(self) -> tuple[date, str, int]:
        return (self.day, self.data_type, self.queue)


def reconcile(org: Organization | None, *, mend: bool, now: datetime) -> Reconciled:
    """Compare counts with rows and index rows with objects, and mend what can be mended without deleting data.

    Args:
        org: one organization; None for all of them.
        mend: write right counts, release claims, remove what abandoned uploads left; else only report.
        now: the present moment (UTC).

    Raises:
        StoreUnreachable: the store does not answer; counts have been compared and mended by then.
        Taken: a cell could not be locked for a long time.
    """
    found = Reconciled()
    among = organizations() if org is None else [org]
    for one in among:
        found.drifts += _compare_cells(one.id, mend=mend, found=found)
    for one in among:
        found.drifts += _settle_uploads(one.id, mend=mend, now=now)
        found.drifts += _compare_store(one, mend=mend, now=now, found=found)
    return found


def _compare_cells(org: int, *, mend: bool, found: Reconciled) -> Iterator[Drift]:
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute("SELECT count(*) FROM catalog_cell WHERE org_id = %s", [org])
        found.cells += cursor.fetchone()[0]
        cursor.execute(_DRIFTED, {"org": org})
        drifted = [_Drifted(*row) for row in cursor.fetchall()]
    iterator = iter(drifted)
    while batch := list(islice(iterator, CELLS_AT_ONCE)):
        now_there = _mended(org, cells=batch) if mend else {}
        for cell in batch:
            where = f"{public_id('que', cell.queue)} {cell.day} {cell.data_type}"
            done = f"mended: counts {now_there.get(cell.key, 0):,} now" if mend else _CHECK_ONLY
            if cell.counted_items != cell.items:
                yield Drift(org, CELL_ITEMS, where, cell.counted_items, cell.items, done)
            else:
                yield Drift(org, CELL_BYTES, where, cell.counted_bytes, cell.bytes, done)


def _mended(org: int, *, cells: Sequence[_Drifted]) -> dict[tuple[date, str, int], int]:
    """Have cells counted again, as often as someone else is first; gives the items of each."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Taken):
            return _mended_once(org, cells=cells)
    return _mended_once(org, cells=cells)


def _mended_once(org: int, *, cells: Sequence[_Drifted]) -> dict[tuple[date, str, int], int]:
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute(
            "SELECT day, data_type, queue_id, items FROM runs_mend_cells(%s::date[], %s::text[], %s::int[])",
            [[cell.day for cell in cells], [cell.data_type for cell in cells], [cell.queue for cell in cells]],
        )
        mended = {(day, data_type, queue): items for day, data_type, queue, items in cursor.fetchall()}
    log.warning("cells mended", org=public_id("org", org), cells=len(mended))
    return mended


def _settle_uploads(org: int, *, mend: bool, now: datetime) -> Iterator[Drift]:
    """Report uploads that broke off more than 24 hours ago; remove what they left."""
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute(
            """
            SELECT u.key, EXISTS (SELECT 1 FROM media_mediaobject m WHERE m.org_id = u.org_id AND m.key = u.key)
            FROM media_upload u WHERE u.org_id = %s AND u.started_at <= %s ORDER BY u.key
            """,
            [org, now - ABANDONED_AFTER],
        )
        old = cursor.fetchall()
    indexed = [key for key, is_indexed in old if is_indexed]
    if indexed:  # an intent is removed with the coming of its row: sweeping this one would take a live recording away
        done = "reported, nothing swept: its row is there, so the object must stay; find out what wrote the intent"
        yield from _told(org, UPLOAD, keys=indexed, counted=1, done=done)
    elif mend:
        yield from _told(org, UPLOAD, keys=sweep_uploads(org, store=object_store(), now=now), done="removed")
    else:
        yield from _told(org, UPLOAD, keys=[key for key, _ in old], done=_CHECK_ONLY)


def _told(org: int, what: str, *, keys: Iterable[str], counted: int = 0, done: str) -> Iterator[Drift]:
    """Put keys of one folder together: one difference for each folder, however many keys it has."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        folders[key.rpartition("/")[0]].append(key)
    for folder, members in folders.items():
        yield Drift(org, what, _where(folder, members[0], len(members)), counted * len(members), len(members), done)


def _where(folder: str, example: str, items: int) -> str:
    """Name one object by its key, several by their folder."""
    return example if items == 1 else f"{folder}/ ({items:,} keys, such as {example.rpartition('/')[2]})"


def _compare_store(org: Organization, *, mend: bool, now: datetime, found: Reconciled) -> Iterator[Drift]:
    with acting_in(org.id, using=SWEEP) as cursor:
        values = {"org": org.id}
        cursor.execute(_STAGE)
        found.objects += _list_store(cursor, org=org.id)
        left = _claims_left(cursor, org=org, now=now)
        cursor.execute(_SUSPECTS, values)
        if cursor.rowcount:
            cursor.execute("TRUNCATE reconcile_seen")
            _list_store(cursor, org=org.id)
            cursor.execute(_CONFIRMED, values)
            for what, folder, example, items in cursor.fetchall():
                where = _where(folder, example, items)
                if what == MISSING:
                    yield Drift(org.id, what, where, items, 0, _MISSING)
                else:
                    yield Drift(org.id, what, where, 0, items, _UNKNOWN)
    yield from _settle_claims(org.id, left=left, mend=mend)


def _list_store(cursor: CursorWrapper, *, org: int) -> int:
    """Stream the keys of the organization's objects into the temporary table; gives their number."""
    listed = 0
    with cursor.cursor.copy("COPY reconcile_seen (key) FROM STDIN") as copy:
        for key in object_store().keys(public_id("org", org)):
            copy.write_row((key,))
            listed += 1
    cursor.execute("ANALYZE reconcile_seen")  # without it the joins below are planned for a handful of keys
    return listed


def reaches_of(org: Organization, *, on: date, using: str = SWEEP) -> list[Reach]:
    """Say how far back the organization's jobs keep each (queue, data type); expects an open transaction in it.

    Args:
        org: the organization.
        on: the org-local date of the night.
        using: the role's connection.
    """
    queues = list(Queue.objects.using(using).filter(org_id=org.id).values_list("id", flat=True))
    return reaches(jobs(org=org.id, using=using), queues=queues, on=on)


class _Claim(NamedTuple):
    """An object under the claim of an ended run: is it still in the store, and is its day purged?"""

    id: int
    key: str
    is_there: bool
    is_below_line: bool


def _claims_left(cursor: CursorWrapper, *, org: Organization, now: datetime) -> list[_Claim]:
    """Find claims that no live run will come for."""
    org = Organization.objects.using(SWEEP).get(id=org.id)  # armed or not may have changed since it was handed in
    reached = reaches_of(org, on=local_day(now, zone=parse_zone(org.zone)))
    cursor.execute(
        _CLAIMS,
        {
            "org": org.id,
            "armed": org.armed,
            "queues": [reach.queue for reach in reached],
            "kinds": [str(reach.data_type) for reach in reached],
            "befores": [reach.before for reach in reached],
        },
    )
    return [_Claim(*row) for row in cursor.fetchall()]


def _settle_claims(org: int, *, left: Sequence[_Claim], mend: bool) -> Iterator[Drift]:
    """Release claims on objects that are there and may be served; report the others."""
    served = [claim for claim in left if claim.is_there and not claim.is_below_line]
    released: set[int] = set()
    for start in range(0, len(served) if mend else 0, CLAIMS_AT_ONCE):
        with acting_in(org, using=SWEEP) as cursor:
            ids = [claim.id for claim in served[start : start + CLAIMS_AT_ONCE]]
            cursor.execute("SELECT runs_release_claims(%s::bigint[])", [ids])
            released.update(row[0] for row in cursor.fetchall())
    ends: defaultdict[str, list[_Claim]] = defaultdict(list)
    for claim in left:
        if not claim.is_there:
            done = "reported: the object is gone, and the next live run whose plan names its day books it"
        elif claim.is_below_line:
            done = "reported: its Q and day are purged, so it is not served again; the next live run naming it takes it"
        elif claim.id in released:
            done = "released: no live run comes for it, and it is served again"
        else:
            done = "left: a run has claimed it again meanwhile" if mend else _CHECK_ONLY
        ends[done].append(claim)
    for done, claims in ends.items():
        for drift in _told(org, CLAIM, keys=[claim.key for claim in claims], counted=1, done=done):
            there = drift.counted if claims[0].is_there else 0
            yield Drift(org, CLAIM, drift.where, drift.counted, there, done)

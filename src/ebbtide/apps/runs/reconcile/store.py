"""Index rows against the store, and uploads that broke off.

The store is listed once, as a stream, into a temporary table: a folder gives its keys in no order, so two sorted
streams could not be merged, and a join there keeps memory flat. Uploads and purges go on meanwhile, so what looks wrong
is only a suspect; a second listing, made where there are suspects, confirms it: an upload writes its intent before the
object and a purge closes the row after it, so nothing sound is a suspect twice.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from ebbtide.apps.media.services import ABANDONED_AFTER, sweep_uploads
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.reconcile.claims import claims_left, settle_claims
from ebbtide.apps.runs.reconcile.drift import CHECK_ONLY, MISSING, UNKNOWN, UPLOAD, Drift, Reconciled, told, where
from ebbtide.apps.runs.reconcile.orphans import remember, resolve
from ebbtide.apps.runs.services import Stop, never
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id

_ASKED_EVERY = 1_000
"""Keys after which it is asked whether the process should end."""
REMEMBERED = 100_000
"""Orphans remembered of an organization; of the rest the number alone is told."""

_MISSING = "reported: restore the object under its key, or wait until the row's day is due and a run closes it"
_UNKNOWN = (
    "reported, never deleted for being unknown: `ebbtide reconcile` takes it after 24 hours where its Q and day are in "
    "the book as purged; else find out who writes into this folder, and remove it by hand"
)
_STAGE = """
    CREATE TEMPORARY TABLE reconcile_seen (key text NOT NULL, bytes bigint NOT NULL) ON COMMIT DROP;
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
_KEYS = """
    SELECT 'row', x.key, NULL FROM reconcile_suspect x
    WHERE x.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM reconcile_seen s WHERE s.key = x.key)
        AND EXISTS (SELECT 1 FROM media_mediaobject m WHERE m.org_id = %(org)s AND m.id = x.id AND m.claimed_by IS NULL)
    UNION
    SELECT 'object', x.key, s.bytes FROM reconcile_suspect x JOIN reconcile_seen s USING (key) WHERE x.id IS NULL
    ORDER BY 1, 2 LIMIT %(most)s
"""


def settle_uploads(org: int, *, mend: bool, now: datetime) -> Iterator[Drift]:
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
        yield from told(org, UPLOAD, keys=indexed, counted=1, done=done)
    elif mend:
        yield from told(org, UPLOAD, keys=sweep_uploads(org, store=object_store(), now=now), done="removed")
    else:
        yield from told(org, UPLOAD, keys=[key for key, _ in old], done=CHECK_ONLY)


def compare_store(
    org: Organization, *, mend: bool, now: datetime, found: Reconciled, stop: Stop = never
) -> Iterator[Drift]:
    """Compare and, where asked, remember orphans, resolve them by rule and release claims; gives what was found.

    Raises:
        StoreUnreachable: the store does not answer.
        Taken: the process was asked to end in the middle of a listing; nothing was remembered.
    """
    confirmed: list[tuple[str, str, str, int]] = []
    orphans: list[tuple[str, str, int | None]] = []
    with acting_in(org.id, using=SWEEP) as cursor:
        values = {"org": org.id, "most": REMEMBERED}
        cursor.execute(_STAGE)
        found.objects += _list_store(cursor, org=org.id, stop=stop)
        left = claims_left(cursor, org=org, now=now)
        cursor.execute(_SUSPECTS, values)
        if cursor.rowcount:
            cursor.execute("TRUNCATE reconcile_seen")
            _list_store(cursor, org=org.id, stop=stop)
            cursor.execute(_CONFIRMED, values)
            confirmed = cursor.fetchall()
            cursor.execute(_KEYS, values)
            orphans = cursor.fetchall()
        if mend:
            remember(cursor, orphans=orphans, now=now)
    for what, folder, example, items in confirmed:
        place = where(folder, example, items)
        if what == MISSING:
            yield Drift(org.id, what, place, items, 0, _MISSING)
        else:
            yield Drift(org.id, what, place, 0, items, _UNKNOWN)
    if mend:
        yield from resolve(org.id, store=object_store(), now=now)
    yield from settle_claims(org.id, left=left, mend=mend)


def _list_store(cursor: CursorWrapper, *, org: int, stop: Stop) -> int:
    """Stream the keys of the organization's objects into the temporary table; gives their number."""
    listed = 0
    with cursor.cursor.copy("COPY reconcile_seen (key, bytes) FROM STDIN") as copy:
        for one in object_store().sizes(public_id("org", org)):
            copy.write_row(one)
            listed += 1
            if listed % _ASKED_EVERY == 0 and stop():
                raise Taken("The process was asked to end: the comparison is made again by the next one.")
    cursor.execute("ANALYZE reconcile_seen")  # without it the joins below are planned for a handful of keys
    return listed

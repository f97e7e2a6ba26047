"""Claims that ended runs have left on objects that no live run will come for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.reconcile.drift import CHECK_ONLY, CLAIM, Drift, told
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.engine.ports import Reach
from ebbtide.engine.simulate import reaches

CLAIMS_AT_ONCE = 1_000

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


def reaches_of(org: Organization, *, on: date, using: str = SWEEP) -> list[Reach]:
    """Say how far back the organization's jobs keep each (queue, data type); expects an open transaction in it.

    Args:
        org: the organization.
        on: the org-local date of the night.
        using: the role's connection.
    """
    queues = list(Queue.objects.using(using).filter(org_id=org.id).values_list("id", flat=True))
    return reaches(jobs(org=org.id, using=using), queues=queues, on=on)


class Claim(NamedTuple):
    """An object under the claim of an ended run: is it still in the store, and is its day purged?"""

    id: int
    key: str
    is_there: bool
    is_below_line: bool


def claims_left(cursor: CursorWrapper, *, org: Organization, now: datetime) -> list[Claim]:
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
    return [Claim(*row) for row in cursor.fetchall()]


def settle_claims(org: int, *, left: Sequence[Claim], mend: bool) -> Iterator[Drift]:
    """Release claims on objects that are there and may be served; report the others."""
    served = [claim for claim in left if claim.is_there and not claim.is_below_line]
    released: set[int] = set()
    for start in range(0, len(served) if mend else 0, CLAIMS_AT_ONCE):
        with acting_in(org, using=SWEEP) as cursor:
            ids = [claim.id for claim in served[start : start + CLAIMS_AT_ONCE]]
            cursor.execute("SELECT runs_release_claims(%s::bigint[])", [ids])
            released.update(row[0] for row in cursor.fetchall())
    ends: defaultdict[str, list[Claim]] = defaultdict(list)
    for claim in left:
        if not claim.is_there:
            done = "reported: the object is gone, and the next live run whose plan names its day books it"
        elif claim.is_below_line:
            done = "reported: its Q and day are purged, so it is not served again; the next live run naming it takes it"
        elif claim.id in released:
            done = "released: no live run comes for it, and it is served again"
        else:
            done = "left: a run has claimed it again meanwhile" if mend else CHECK_ONLY
        ends[done].append(claim)
    for done, claims in ends.items():
        for drift in told(org, CLAIM, keys=[claim.key for claim in claims], counted=1, done=done):
            there = drift.counted if claims[0].is_there else 0
            yield Drift(org, CLAIM, drift.where, drift.counted, there, done)

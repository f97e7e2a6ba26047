"""What the doctor asks of exports: is an archive anywhere whose data is gone, and is each where it should be?"""

from datetime import datetime, timedelta

from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.sweeping import OPEN
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.runs.doctor.finding import NAMED, Finding, Question
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.identity import public_id

_PATIENCE = timedelta(hours=1)
"""The worker destroys what is condemned within seconds; the rest is for one that was down, or a store that was."""
_HELD = Question(
    "EXPO",
    "No export holds data that is gone, none outlives its time, and the store has just those that are known.",
    "see that workers run and that the export store answers: the next pass destroys what is condemned. An archive that "
    "holds what is gone and is not condemned: delete it on the page of exports, and find out who can write to the "
    "database past the product's roles. A file that nobody knows: remove it by hand",
)
# A cell that counts fewer than were taken has lost some, or all: that condemns the archive, in the same transaction.
_OUTLIVED = f"""
    SELECT 'exp_' || t.export_id || ' holds ' || n.items || ' of que_' || n.queue || ' ' || t.day || ' ' || t.data_type
        || ', where ' || coalesce(c.items, 0) || ' are left', count(*) OVER ()
    FROM exports_taken t
    JOIN exports_export e ON e.org_id = t.org_id AND e.id = t.export_id
    CROSS JOIN LATERAL unnest(t.queues, t.items) AS n (queue, items)
    LEFT JOIN catalog_cell c
        ON (c.org_id, c.day, c.data_type, c.queue_id) = (t.org_id, t.day, t.data_type, n.queue)
    WHERE t.org_id = %s AND e.condemned_at IS NULL AND coalesce(c.items, 0) < n.items ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - a number of ours


def examine(*, now: datetime) -> list[Finding]:
    """Look at every organization's exports, and at the store.

    Args:
        now: the present moment (UTC).

    Raises:
        StoreUnreachable: the store does not answer.
    """
    opened = _HELD.open()
    store = export_store()
    for org in organizations():
        named = public_id("org", org.id)
        with acting_in(org.id, using=SWEEP) as cursor:
            cursor.execute(_OUTLIVED, [org.id])
            faults = cursor.fetchall()
            rows = list(Export.objects.using(SWEEP).filter(org_id=org.id, gone_at__isnull=True).exclude(key=""))
            overdue = [one for one in rows if _is_overdue(one, now=now)]
            writing = set(Export.objects.using(SWEEP).filter(OPEN, org_id=org.id).values_list("key", flat=True))
        opened.fault((f"{named}: {said}" for said, _ in faults), of=faults[0][1] if faults else 0)
        opened.fault(
            (
                f"{named}: {public_id('exp', one.id)} has to go ({_why(one)}) and its file is not gone"
                for one in overdue
            ),
            of=len(overdue),
        )
        there = set(store.keys(f"exports/{named}"))
        known = {one.key: one for one in rows}
        strange = sorted(there - known.keys() - writing)
        opened.fault((f"{named}: nobody knows the file {key}" for key in strange), of=len(strange))
        lost = [one for one in rows if one.ready_at is not None and one.condemned_at is None and one.key not in there]
        opened.fault((f"{named}: {public_id('exp', one.id)} is ready and has no file" for one in lost), of=len(lost))
    return [opened.close()]


def _is_overdue(export: Export, *, now: datetime) -> bool:
    moments = (
        export.condemned_at if export.ready_at else None,
        export.expires_at,
        export.failed_at,
        export.cancelled_at,
    )
    since = min((moment for moment in moments if moment is not None), default=None)
    return since is not None and since < now - _PATIENCE


def _why(export: Export) -> str:
    if export.failed_at is not None:
        return "failed"
    if export.cancelled_at is not None:
        return "cancelled"
    return export.condemned_why or "expired"

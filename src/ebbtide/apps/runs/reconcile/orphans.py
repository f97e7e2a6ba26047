"""Orphans: objects without a row and rows without their object, remembered, aged, and resolved by rule.

DANGER: objects are destroyed here that no plan names. The rules stand in the database (sql/orphans.sql), where each is
asked again in the transaction that decides.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from django.db.backends.utils import CursorWrapper

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.locks import turnstile
from ebbtide.apps.runs.reconcile.drift import ORPHAN, Drift, told
from ebbtide.domain.errors import NotArmed, SwitchOn
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import AlreadyGone, Purged
from ebbtide.engine.ports import ObjectStore

log = structlog.get_logger(__name__)

AT_ONCE = 1_000
_DONE = "destroyed and booked: its Q and day are in the book as purged, and it has been here for 24 hours"


def remember(cursor: CursorWrapper, *, orphans: Sequence[tuple[str, str, int | None]], now: datetime) -> None:
    """Write down which orphans were seen, let go of those that were not, and judge the rest.

    Args:
        cursor: of an open transaction in the organization.
        orphans: what (object or row), key and bytes of each.
        now: the present moment (UTC).
    """
    cursor.execute(
        "SELECT runs_remember_orphans(%s::text[], %s::text[], %s::bigint[], %s)",
        [[what for what, _, _ in orphans], [key for _, key, _ in orphans], [size for _, _, size in orphans], now],
    )
    cursor.execute("SELECT runs_judge_orphans(%s)", [now])


def resolve(org: int, *, store: ObjectStore, now: datetime) -> Iterator[Drift]:
    """Destroy objects without a row that the rules let go, and book them; where deletion is not allowed, none.

    Args:
        org: the organization's number.
        store: where they lie.
        now: the moment of the reconciliation that has just remembered them.

    Raises:
        StoreUnreachable: nothing is known of some of them; they are tried again by the next reconciliation.
    """
    gone = _settled(org, store=store, now=now)
    try:
        while batch := _resolved(org, store=store, now=now):
            gone += [key for key, reason in batch if not reason]
    except (NotArmed, SwitchOn):  # they stay listed
        pass
    if gone:
        log.warning("orphans destroyed", org=public_id("org", org), objects=len(gone))
    yield from told(org, ORPHAN, keys=gone, done=_DONE)


def _settled(org: int, *, store: ObjectStore, now: datetime) -> list[str]:
    """Write down those that a reconciliation which broke off had decided on and destroyed; gives their keys."""
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute(
            "SELECT id, key FROM runs_orphan WHERE org_id = %s AND claimed_at IS NOT NULL AND last_seen_at < %s",
            [org, now],
        )
        open_ones = cursor.fetchall()
    missing = store.missing([key for _, key in open_ones]) if open_ones else set()
    gone = [(id_, key) for id_, key in open_ones if key in missing]
    if gone:
        with acting_in(org, using=SWEEP) as cursor:
            ids = [id_ for id_, _ in gone]
            cursor.execute("SELECT runs_close_orphans(%s::bigint[], %s::text[])", [ids, [""] * len(ids)])
    return [key for _, key in gone]


def _resolved(org: int, *, store: ObjectStore, now: datetime) -> list[tuple[str, str]]:
    """Decide, destroy, see that they are gone, write down; gives keys, each with the reason why it is still there."""
    with turnstile(org):
        with acting_in(org, using=SWEEP) as cursor:
            cursor.execute("SELECT id, key FROM runs_claim_orphans(%s, %s)", [now, AT_ONCE])
            claimed = cursor.fetchall()
        if not claimed:
            return []
        keys = [key for _, key in claimed]
        reasons = ["" if isinstance(one, Purged | AlreadyGone) else one.reason for one in store.destroy(keys)]
        with acting_in(org, using=SWEEP) as cursor:
            ids = [id_ for id_, _ in claimed]
            cursor.execute("SELECT runs_close_orphans(%s::bigint[], %s::text[])", [ids, reasons])
    return list(zip(keys, reasons, strict=True))

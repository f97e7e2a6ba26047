"""What becomes of archives: those whose time is up or whose data is gone are destroyed, and seen to be gone.

A condemned archive is served to nobody from the moment it was condemned; what is done here is that its bytes go too.
It is tried again until the store shows nothing of it; `ebbtide doctor` tells of one that stays.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from django.db.models import Q

from ebbtide.apps.exports.models import Export
from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform
from ebbtide.apps.orgs.locks import is_made, making
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.identity import public_id

log = structlog.get_logger(__name__)

OPEN = Q(ready_at__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True)
CONDEMNED = Q(gone_at__isnull=True) & (
    Q(ready_at__isnull=False, condemned_at__isnull=False) | Q(failed_at__isnull=False) | Q(cancelled_at__isnull=False)
)
"""Archives that have to go."""


class Discards(Protocol):
    """A store that removes objects and what uploads have left of them."""

    def mark(self) -> None:
        """Leave the mark by which the place is known."""
        ...

    def discard(self, key: str) -> None:
        """Remove an object, and see that it is gone."""
        ...


def due_exports(*, now: datetime) -> list[tuple[int, int]]:
    """Find the exports that are to be made and that nobody makes, oldest first: organization and number of each.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP):
        rows = Export.objects.using(SWEEP).filter(OPEN).exclude(retry_at__gt=now).order_by("id")
        found = list(rows.values_list("org_id", "id"))
    return [(org, number) for org, number in found if not is_made(number)]


def sweep_exports(*, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Condemn what has expired, and destroy what is condemned; gives how many archives are gone.

    One that cannot be destroyed holds up no other: it is tried again by the next pass.

    Args:
        now: the present moment (UTC).
        stop: asked between archives.
    """
    with as_platform(using=SWEEP):
        rows = Export.objects.using(SWEEP)
        expired = list(
            rows.filter(ready_at__isnull=False, condemned_at__isnull=True, expires_at__lte=now).values_list(
                "org_id", "id"
            )
        )
    for org, number in expired:
        with acting_in(org, using=SWEEP):
            Export.objects.using(SWEEP).filter(org_id=org, id=number, condemned_at__isnull=True).update(
                condemned_at=now, condemned_why="expired"
            )
    with as_platform(using=SWEEP):
        found = list(Export.objects.using(SWEEP).filter(CONDEMNED).order_by("id"))
    gone = 0
    for export in found:
        if stop():
            break
        gone += _destroy(export, now=now)
    return gone


def _destroy(export: Export, *, now: datetime) -> int:
    named = {"org": public_id("org", export.org_id), "export": public_id("exp", export.id)}
    with making(export.id) as held:  # nobody writes it any more
        if not held:
            return 0
        try:
            if export.key:
                store: Discards = export_store()
                store.mark()
                store.discard(export.key)
        except StoreUnreachable as exc:
            log.warning("export not destroyed", **named, reason=exc.message)
            return 0
        with acting_in(export.org_id, using=SWEEP) as cursor:
            cursor.execute("SELECT exports_close(%s, %s)", [export.id, now])
    log.info("export gone", **named, why=export.condemned_why or ("failed" if export.failed_at else "cancelled"))
    return 1

"""The comparison that workers make by themselves: each organization about once a day, a bounded time at once.

It does what `ebbtide reconcile` does, and no more: counts are mended, claims that nobody will come for released, what
broken-off uploads left removed, and orphans resolved by their rules. Nothing is deleted for being unknown. An
organization whose run is going on is left for later; one that fails is told and passed by.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connections
from django.db.models import Exists, F, OuterRef, Q

from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform, mapped_errors
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Reconciliation, Run
from ebbtide.apps.runs.reconcile.comparing import reconcile
from ebbtide.apps.runs.reconcile.drift import Reconciled
from ebbtide.apps.runs.services import Stop, never
from ebbtide.domain.errors import DatabaseUnreachable, EbbtideError, StoreUnreachable
from ebbtide.domain.identity import public_id
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=20)
"""How long an organization is left alone after a comparison: so once a night, whatever the hour it is reached at."""
AT_ONCE_S = 600.0
"""Seconds after which no other organization is begun with: the next hour goes on."""
_COMPARING, _NOBODY = 7_106, 0


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one organization's comparison: differences by what they are, or why it did not come to its end."""

    org: int
    differences: dict[str, int]
    reason: str = ""


def compare_one(org: Organization, *, now: datetime, stop: Stop = never) -> Reconciled:
    """Compare one organization, mend what can be mended, and write down when and with what outcome.

    Args:
        org: the organization.
        now: the present moment (UTC).
        stop: whether the process should end; asked while its objects are listed.

    Raises:
        StoreUnreachable: the store does not answer; counts have been compared and mended by then.
        Taken: a cell could not be locked for a long time, or the process was asked to end.
    """
    try:
        found = reconcile(org, mend=True, now=now, stop=stop)
    except DatabaseUnreachable:
        raise
    except EbbtideError as exc:
        _write(org.id, tried_at=now, reason=exc.message)
        raise
    _write(
        org.id,
        tried_at=now,
        compared_at=now,
        cells=found.cells,
        listed=found.objects,
        differences=dict(Counter(drift.what for drift in found.drifts)),
        reason="",
    )
    return found


def compare_due(*, clock: Clock, timer: Callable[[], float], stop: Stop = never) -> Iterator[Compared]:
    """Compare those that have not been compared for the longest time; one process at a time, for a bounded time.

    Args:
        clock: tells the present moment.
        timer: seconds that only ever grow.
        stop: whether the process should end; asked before each organization and while objects are listed.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    began = timer()
    with _alone() as is_alone:
        for org in due(now=clock.now()) if is_alone else ():
            if stop() or timer() - began >= AT_ONCE_S:
                return
            if _has_run(org.id):
                continue
            try:
                found = compare_one(org, now=clock.now(), stop=stop)
            except DatabaseUnreachable:
                raise
            except EbbtideError as exc:
                log.warning("not compared", org=public_id("org", org.id), reason=exc.message)
                yield Compared(org.id, {}, exc.message)
                if isinstance(exc, StoreUnreachable):
                    return  # so it is for all others; the next hour tries again
            else:
                told = Counter(drift.what for drift in found.drifts)
                if told:
                    log.warning("differences found", org=public_id("org", org.id), **_named(told))
                yield Compared(org.id, dict(told))


def due(*, now: datetime) -> list[Organization]:
    """Give the organizations that are to be compared again, those first that were not for the longest time.

    One without a run of its own has nothing that could differ from what its nights will find: it waits for its first.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP):
        return list(
            Organization.objects.using(SWEEP)
            .filter(Q(reconciliation__isnull=True) | Q(reconciliation__tried_at__lte=now - EVERY))
            .filter(Exists(Run.objects.filter(org_id=OuterRef("id"))))
            .order_by(F("reconciliation__tried_at").asc(nulls_first=True), "id")
        )


def _has_run(org: int) -> bool:
    """Whether a run of the organization is going on, or waits to be taken up."""
    with acting_in(org, using=SWEEP):
        return Run.objects.using(SWEEP).filter(org_id=org, outcome__isnull=True).exists()


def _named(told: Counter[str]) -> dict[str, int]:
    return {what.replace(" ", "_"): items for what, items in told.items()}


def _write(org: int, **values: object) -> None:
    with acting_in(org, using=SWEEP):
        Reconciliation.objects.using(SWEEP).update_or_create(org_id=org, defaults=values)


@contextmanager
def _alone() -> Iterator[bool]:
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_COMPARING, _NOBODY])
        got: bool = cursor.fetchone()[0]
        try:
            yield got
        finally:
            if got:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_COMPARING, _NOBODY])

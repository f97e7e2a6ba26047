"""What is known of the object store: probed when it is first connected, remembered, and told of the runs that used it.

The store is asked outside every transaction: it may take its time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import connections, transaction

from ebbtide.apps.orgs.database import SWEEP, WEB, mapped_errors
from ebbtide.apps.runs.models import Plan, Run, StoreProbe
from ebbtide.apps.runs.wiring import Probed, object_store, probe_store
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.engine.admit import Mode
from ebbtide.engine.clock import Clock
from ebbtide.web.context.shared import StoreLabel

log = structlog.get_logger(__name__)

AGAIN_AFTER = timedelta(days=1)
"""A worker that starts probes the store again where the last probe is older."""
_OBJECTS_DUE = """
    SELECT EXISTS (
        SELECT 1 FROM runs_planline l
        WHERE l.org_id = %(org)s AND l.plan_id = %(plan)s AND l.data_type <> 'insights')
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run is told of the store before it may delete.

    Attributes:
        probe: the number of the probe it goes by; None where there is none.
        apart: how far the store's clock is ahead of the host's; None where the store tells no time.
    """

    probe: int | None = None
    apart: timedelta | None = None


def probe_now(*, clock: Clock) -> StoreProbe:
    """Probe the store of the settings and write down what was seen.

    Raises:
        StoreUnreachable: it does not even take an object.
    """
    found = probe_store(now=clock.now)
    with mapped_errors(), transaction.atomic(using=SWEEP):
        row = StoreProbe.objects.using(SWEEP).create(
            identity=found.identity,
            probed_at=clock.now(),
            proves=found.proves,
            in_order=found.in_order,
            behaviours=_behaviours(found),
        )
    object_store().trust_order(row.in_order)
    if not row.proves:
        log.warning("store cannot prove erasure", store=row.identity, reasons=list(found.reasons))
    return row


def _behaviours(found: Probed) -> list[dict[str, object]]:
    return [
        {"name": one.name, "asked": one.asked, "seen": one.seen, "end": str(one.end), "needed": one.needed}
        for one in found.behaviours
    ]


def last_probe(*, using: str = WEB) -> StoreProbe | None:
    """Give the newest probe of the store of the settings; None where it was never probed."""
    with mapped_errors():
        return StoreProbe.objects.using(using).filter(identity=object_store().identity).order_by("-id").first()


def probe_where_old(*, clock: Clock) -> None:
    """Probe the store where that was not done for a day, as a worker does that starts; says so where it cannot."""
    known = last_probe(using=SWEEP)
    if known is not None and clock.now() - known.probed_at < AGAIN_AFTER:
        object_store().trust_order(known.in_order)
        return
    try:
        probe_now(clock=clock)
    except StoreUnreachable as exc:
        log.warning("store not probed", reason=exc.message)


def deletes_objects(plan: Plan) -> bool:
    """Whether a run of a plan may come to delete objects: one that will touch none asks nothing of the store.

    Expects an open transaction of the sweep role in the organization; the plan was read in it, with its organization.
    """
    if not plan.org.armed or not plan.cells:
        return False
    with connections[SWEEP].cursor() as cursor:
        cursor.execute(_OBJECTS_DUE, {"org": plan.org_id, "plan": plan.id})
        due: bool = cursor.fetchone()[0]
    return due


def store_standing(*, clock: Clock) -> Standing:
    """Say what a run that deletes objects has to know of the store: probed first where it never was; its clock read."""
    known = last_probe(using=SWEEP)
    try:
        known = known or probe_now(clock=clock)
    except StoreUnreachable as exc:  # the run finds that out for itself, at its first object
        log.warning("store not probed", reason=exc.message)
        return Standing()
    object_store().trust_order(known.in_order)
    told = object_store().clock()
    return Standing(known.id, None if told is None else told - clock.now())


def label_of(run: Run) -> StoreLabel | None:
    """Say of a run that deletes what is known of its store; None where it touched no object.

    Expects an open transaction in the organization.
    """
    if run.mode != Mode.LIVE:
        return None
    if run.probe_id is not None:
        return label(StoreProbe.objects.get(id=run.probe_id))
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT 1 FROM runs_planline WHERE org_id = %s AND plan_id = %s AND data_type <> 'insights')
            """,
            [run.org_id, run.plan_id],
        )
        asked: bool = cursor.fetchone()[0]
    return StoreLabel(proves=False, probed_at=None) if asked else None


def newest_label() -> StoreLabel | None:
    """Say what the newest probe found, whatever store it was of; None before the first."""
    newest = StoreProbe.objects.order_by("-id").first()
    return None if newest is None else label(newest)


def label(probe: StoreProbe) -> StoreLabel:
    """Give a probe as pages show it to organizations: what is not proved, and nothing of where the store is."""
    return StoreLabel(
        proves=probe.proves, probed_at=probe.probed_at, missing=tuple(one["name"] for one in not_proved(probe))
    )


def not_proved(probe: StoreProbe) -> list[Mapping[str, str]]:
    """Give the behaviours that a proof leans on and that were not seen."""
    return [one for one in probe.behaviours if one["needed"] and one["end"] != "pass"]

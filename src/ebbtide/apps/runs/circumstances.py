"""What the guards are asked on, gathered in one transaction; and the last good reading of the clock."""

from datetime import datetime, timedelta

from django.db import connections

from ebbtide.apps.orgs.database import SWEEP
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Plan, Platform, Run
from ebbtide.domain.errors import ClockUnsound
from ebbtide.domain.guard import GAP_TOLERANCE, Caps, Clocks, History, check_clocks
from ebbtide.engine.admit import Circumstances
from ebbtide.engine.clock import Clock

USUAL_NIGHTS = 28
"""The last nights whose purged items tell what a night usually takes."""
_NOTE_EVERY = timedelta(minutes=1)
# an armed run that was only simulated has asked whether to go on; that it has asked is no answer.
# leans on run_by_org (org, newest first)
_HISTORY = """
    WITH earlier AS NOT MATERIALIZED (
        SELECT * FROM runs_run WHERE org_id = %(org)s AND (%(before)s::bigint IS NULL OR id < %(before)s))
    SELECT
        (SELECT r.frozen_at FROM earlier r
         WHERE r.outcome IS DISTINCT FROM 'blocked' AND (r.mode IS DISTINCT FROM 'simulated' OR NOT EXISTS (
            SELECT 1 FROM runs_plan p WHERE p.org_id = r.org_id AND p.id = r.plan_id AND p.armed))
         ORDER BY r.id DESC LIMIT 1),
        (SELECT floor(avg(n.purged))::bigint FROM (
            SELECT r.purged FROM earlier r WHERE r.trigger = 'nightly' AND r.outcome = 'completed'
            ORDER BY r.id DESC LIMIT %(nights)s) n)
"""


def circumstances(
    run: Run, *, org: Organization, plan: Plan, clock: Clock, store_ahead: timedelta | None = None
) -> Circumstances:
    """Gather all that decides whether a run may delete; expects an open transaction of the sweep role.

    Args:
        run: the run that asks.
        org: its organization, read in this transaction.
        plan: its plan.
        clock: the host's clock.
        store_ahead: how far the object store's clock is ahead of the host's; None where that is not known.
    """
    platform = Platform.objects.using(SWEEP).get(id=1)
    history = history_of(org.id, before=run.id, using=SWEEP)
    selected = _holds_now(plan)
    return Circumstances(
        armed=org.armed,
        switch=switch_says(platform, org=org),
        clocks=_read_clocks(platform, clock=clock, last_run_at=history.last_run_at, store_ahead=store_ahead),
        caps=Caps(share_percent=org.share_cap_percent, items=org.item_cap),
        history=history,
        selected=selected,
        population=plan.population,
        confirmed=plan.confirmed_at is not None and selected <= plan.items,
        now=clock.now(),
    )


def history_of(org: int, *, before: int | None = None, using: str) -> History:
    """Gather what an organization's runs tell; expects an open transaction in it.

    Args:
        org: its number.
        before: the run that asks, so that only those before it count; None where all do.
        using: the role's connection.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_HISTORY, {"org": org, "before": before, "nights": USUAL_NIGHTS})
        last_run_at, usual_items = cursor.fetchone()
    return History(last_run_at=last_run_at, usual_items=usual_items)


def _holds_now(plan: Plan) -> int:
    """Count the items in a plan's cells as they are: data may have come in since they were shown."""
    if not plan.cells:
        return 0
    with connections[SWEEP].cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(c.items), 0)::bigint FROM runs_planline l
            JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type)
                AND c.queue_id = ANY (l.queues)
            WHERE l.org_id = %s AND l.plan_id = %s
            """,
            [plan.org_id, plan.id],
        )
        items: int = cursor.fetchone()[0]
    return items


def switch_says(platform: Platform, *, org: Organization) -> str | None:
    """Say which kill switch is on; None where none is."""
    if platform.stopped:
        return f"The platform's kill switch is on ({platform.stopped_reason}): nothing is deleted until it is off."
    if org.stopped:
        return "The organization's kill switch is on: nothing is deleted until it is off."
    return None


def _read_clocks(
    platform: Platform, *, clock: Clock, last_run_at: datetime | None, store_ahead: timedelta | None
) -> Clocks:
    """Read the clocks at one moment, and keep the reading where it is good.

    A reading after a long silence may be a jump of both clocks: it is not kept until another run confirms it.
    """
    with connections[SWEEP].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        host = clock.now()
        store = None if store_ahead is None else host + store_ahead
        clocks = Clocks(host=host, database=cursor.fetchone()[0], last_good=platform.clock_read_at, store=store)
    try:
        check_clocks(clocks)
    except ClockUnsound:
        return clocks
    if platform.clock_read_at is not None and (
        last_run_at is None
        or clocks.host - last_run_at > GAP_TOLERANCE
        or clocks.host - platform.clock_read_at < _NOTE_EVERY
    ):
        return clocks
    # where nobody has noted another reading meanwhile
    Platform.objects.using(SWEEP).filter(id=1, clock_read_at=platform.clock_read_at).update(clock_read_at=clocks.host)
    return clocks

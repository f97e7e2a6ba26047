"""Who is asked to help, and who is left to rest.

Workers that have nothing better to do join the large runs that others carry. An invitation is a job in the queue, below
all nights: an organization that waits for its own night comes first. It decides nothing; whoever follows it finds out
what is left, and a run that is over needs nobody.
"""

from dataclasses import dataclass
from datetime import datetime

from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform
from ebbtide.apps.orgs.locks import is_carried, workers_at
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.throttling import limits_of
from ebbtide.apps.runs.wiring import live_run
from ebbtide.domain.calendar import parse_zone
from ebbtide.engine.admit import Mode
from ebbtide.engine.clock import FixedClock

MOST_HELPERS = 15
"""Workers at one run beside its carrier: more would wait for each other at the same rows' counts."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A run that could use more workers, and how many."""

    org: int
    run: int
    helpers: int


def invitations(*, now: datetime) -> list[Invitation]:
    """Find the live runs that others could join.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP):
        going = list(Run.objects.using(SWEEP).filter(mode=Mode.LIVE, outcome__isnull=True, cancelled_at__isnull=True))
    found = [Invitation(run.org_id, run.id, _wanted(run, now=now)) for run in going if is_carried(run.id)]
    return [one for one in found if one.helpers > 0]


def _wanted(run: Run, *, now: datetime) -> int:
    limits = limits_of(run.org_id)
    if limits.rows is not None or limits.objects is not None:
        return 0  # it is slow because somebody said so
    stretches = live_run(run, clock=FixedClock(now)).stretches()
    with acting_in(run.org_id, using=SWEEP) as cursor:
        cursor.execute(
            """
            SELECT min(l.day) FROM runs_planline l JOIN catalog_cell c
                ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type) AND c.queue_id = ANY (l.queues)
            WHERE l.org_id = %s AND l.plan_id = %s
            """,
            [run.org_id, run.plan_id],
        )
        oldest = cursor.fetchone()[0]
    if oldest is None:
        return 0
    parts = sum(max(1, one.slices) for one in stretches if one.last >= oldest)
    return min(MOST_HELPERS, parts - 1) - (workers_at(run.id) - 1)


def is_resting(org: int, *, now: datetime) -> bool:
    """Whether an organization's live run rests, because deletion is not allowed at this hour; a cancelled one does not.

    Args:
        org: its number.
        now: the present moment (UTC).
    """
    with acting_in(org, using=SWEEP):
        run = Run.objects.using(SWEEP).filter(org_id=org, outcome__isnull=True).first()
        zone = parse_zone(Organization.objects.using(SWEEP).get(id=org).zone)
    if run is None or run.mode != Mode.LIVE or run.cancelled_at is not None:
        return False
    return not limits_of(org).allow(now, zone=zone)

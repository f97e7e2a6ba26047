"""The throttle as it is set: of the platform and of each organization, read for a run, changed by the operator.

A rate is one for all workers: each keeps to its share, by how many there are at that moment.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import time as clock_time
from typing import Any

from django.db import transaction

from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, mapped_errors
from ebbtide.apps.orgs.locks import workers_at, workers_at_work
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Platform, Run, ThrottleTurn
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.errors import InputInvalid, Taken
from ebbtide.engine.clock import Clock
from ebbtide.engine.throttle import Hours, Limits, Throttle, unlimited

MOST_A_SECOND = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleSet:
    """A throttle as it is set; None: not limited. Hours are both set or both None, in each organization's time."""

    rows_per_second: int | None = None
    objects_per_second: int | None = None
    hours_from: clock_time | None = None
    hours_until: clock_time | None = None


def check_throttle(asked: ThrottleSet) -> None:
    """Refuse what cannot be kept to.

    Raises:
        InputInvalid: a rate below one a second, or hours that are half, or none at all.
    """
    for field in ("rows_per_second", "objects_per_second"):
        rate = getattr(asked, field)
        if rate is not None and not 1 <= rate <= MOST_A_SECOND:
            raise InputInvalid(
                f"A rate must be a whole number from 1 to {MOST_A_SECOND:,}. To stop deletion, use the kill switch.",
                field=field,
            )
    if (asked.hours_from is None) != (asked.hours_until is None):
        raise InputInvalid("Give both hours, from and until, or neither.", field="hours_from")
    if asked.hours_from is not None and asked.hours_from == asked.hours_until:
        raise InputInvalid("The hours end when they begin: give two different times.", field="hours_until")


def throttle_set(row: Organization | Platform) -> ThrottleSet:
    """Give the throttle of an organization or of the platform, as it stands."""
    return ThrottleSet(
        rows_per_second=row.rows_per_second,
        objects_per_second=row.objects_per_second,
        hours_from=row.hours_from,
        hours_until=row.hours_until,
    )


def limits(asked: ThrottleSet) -> Limits:
    """Turn a throttle into what the sweep keeps to."""
    hours: tuple[Hours, ...] = ()
    if asked.hours_from is not None and asked.hours_until is not None:
        hours = (Hours(asked.hours_from, asked.hours_until),)
    return Limits(rows=asked.rows_per_second, objects=asked.objects_per_second, hours=hours)


def limits_of(org: int) -> Limits:
    """Give the limits of an organization with the platform's, not shared out."""
    with acting_in(org, using=SWEEP):
        own = Organization.objects.using(SWEEP).get(id=org)
        shared = Platform.objects.using(SWEEP).get(id=1)
    return limits(throttle_set(own)).beside(limits(throttle_set(shared)))


def throttle_of(run: Run, *, clock: Clock) -> Throttle:
    """Give the throttle of a run, which reads its limits again as it goes.

    A cancelled run deletes nothing any more, and has nothing to wait for.

    Args:
        run: the run.
        clock: tells the hour.
    """
    if run.cancelled_at is not None:
        return unlimited(clock, timer=time.monotonic, sleep=time.sleep)
    with acting_in(run.org_id, using=SWEEP):
        zone = parse_zone(Organization.objects.using(SWEEP).get(id=run.org_id).zone)

    def read() -> Limits:
        with acting_in(run.org_id, using=SWEEP):
            own = limits(throttle_set(Organization.objects.using(SWEEP).get(id=run.org_id)))
            shared = limits(throttle_set(Platform.objects.using(SWEEP).get(id=1)))
        if own == shared == Limits():
            return Limits()
        return own.beside(shared, workers=workers_at(run.id), others=workers_at_work())

    return Throttle(read, zone=zone, clock=clock, timer=time.monotonic, sleep=time.sleep)


def change_platform_throttle(asked: ThrottleSet, *, actor: str, seen: str | None = None) -> bool:
    """Change the platform's throttle, which holds beside each organization's own; written down with what stood before.

    Args:
        asked: as it shall be.
        actor: who changes it.
        seen: as it stood when that person looked, in the words of `written`; None where nobody looked.

    Returns:
        False where it stood so already.

    Raises:
        InputInvalid: it cannot be kept to.
        Taken: it was changed since that person looked.
    """
    check_throttle(asked)
    with mapped_errors(), transaction.atomic(using=WEB):
        before = throttle_set(Platform.objects.select_for_update(of=("self",)).get(id=1))
        if seen is not None and seen != written(before):
            raise Taken("Somebody else has changed it meanwhile: look at it as it stands now.")
        if before == asked:
            return False
        Platform.objects.filter(id=1).update(**asdict(asked))
        ThrottleTurn.objects.create(actor=actor, before=told(before), after=told(asked))
    return True


def told(one: ThrottleSet) -> dict[str, Any]:
    """Write a throttle as JSON knows it."""
    return {name: f"{value:%H:%M}" if isinstance(value, clock_time) else value for name, value in asdict(one).items()}


def written(one: ThrottleSet) -> str:
    """Write a throttle as a line of text; two of them are the same where their lines are."""
    return json.dumps(told(one), sort_keys=True)


def read_told(one: dict[str, Any]) -> ThrottleSet:
    """Read what `told` wrote."""
    hours = {name: value and clock_time.fromisoformat(value) for name, value in one.items() if name.startswith("hours")}
    return ThrottleSet(**{**one, **hours})

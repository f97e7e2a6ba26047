"""What the operator does to an organization's settings; arming is elsewhere."""

from dataclasses import asdict

from ebbtide.apps.console.models import SettingChange
from ebbtide.apps.console.organization import settings_of, written
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.throttling import ThrottleSet, check_throttle
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.console.organization import Settings

MOST_ITEMS = 10**12


def change_settings(org: int, *, settings: Settings, actor: str) -> bool:
    """Change when an organization's nights start, what they may take, how fast and in which hours; it is written down.

    Args:
        org: the organization's number.
        settings: as they shall be; a cap of None is no cap, one of 0 lets a night take nothing.
        actor: who changes them.

    Returns:
        False where they stood so already.

    Raises:
        InputInvalid: a cap, amount or rate is out of its range, or the hours are half.
    """
    if settings.share_percent is not None and not 0 <= settings.share_percent <= 100:
        raise InputInvalid("The share must be a whole number from 0 to 100.", field="share_percent")
    if settings.items is not None and not 0 <= settings.items <= MOST_ITEMS:
        raise InputInvalid(f"The number of items must be a whole number from 0 to {MOST_ITEMS:,}.", field="items")
    if settings.nightly_amount is not None and not 1 <= settings.nightly_amount <= MOST_ITEMS:
        raise InputInvalid(
            f"The nightly amount must be a whole number from 1 to {MOST_ITEMS:,}. To let nights take nothing, set a "
            "cap of 0.",
            field="nightly_amount",
        )
    throttle = ThrottleSet(
        rows_per_second=settings.rows_per_second,
        objects_per_second=settings.objects_per_second,
        hours_from=settings.hours_from,
        hours_until=settings.hours_until,
    )
    check_throttle(throttle)
    with acting_in(org):
        before = settings_of(Organization.objects.select_for_update().get(id=org))
        if before == settings:
            return False
        Organization.objects.filter(id=org).update(
            night_at=settings.night_at,
            share_cap_percent=settings.share_percent,
            item_cap=settings.items,
            nightly_amount=settings.nightly_amount,
            **asdict(throttle),
        )
        SettingChange.objects.create(org_id=org, actor=actor, before=written(before), after=written(settings))
    return True

"""What the operator does to an organization's settings; arming is elsewhere."""

from ebbtide.apps.console.models import SettingChange
from ebbtide.apps.console.organization import settings_of, written
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.console import Settings

MOST_ITEMS = 10**12


def change_settings(org: int, *, settings: Settings, actor: str) -> bool:
    """Change when an organization's nights start and what they may take; written down with what stood before.

    Args:
        org: the organization's number.
        settings: as they shall be; a cap of None is no cap, one of 0 lets a night take nothing.
        actor: who changes them.

    Returns:
        False where they stood so already.

    Raises:
        InputInvalid: a cap is out of its range.
    """
    if settings.share_percent is not None and not 0 <= settings.share_percent <= 100:
        raise InputInvalid("The share must be a whole number from 0 to 100.", field="share_percent")
    if settings.items is not None and not 0 <= settings.items <= MOST_ITEMS:
        raise InputInvalid(f"The number of items must be a whole number from 0 to {MOST_ITEMS:,}.", field="items")
    with acting_in(org):
        before = settings_of(Organization.objects.select_for_update().get(id=org))
        if before == settings:
            return False
        Organization.objects.filter(id=org).update(
            night_at=settings.night_at, share_cap_percent=settings.share_percent, item_cap=settings.items
        )
        SettingChange.objects.create(org_id=org, actor=actor, before=written(before), after=written(settings))
    return True

"""How many items a live night may take: the amount that somebody set, and a hard one for the nights after an arming.

Whoever was just armed may have years of data due, and jobs whose effect nobody has seen yet. Until one live night has
come to its end since then, with all gone that was due, every night takes the oldest items up to a fixed number and
leaves the rest to the next. Simulations before the arming keep to it too, so that they show what that night will take.
A number that somebody set for the organization counts where it is smaller, and goes on counting afterwards.
"""

from django.conf import settings

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Run
from ebbtide.domain.amount import smaller
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode


def amount_of(org: Organization, *, due: int | None = None, using: str = WEB) -> int | None:
    """Give the most items one night of an organization takes; None for all that is due.

    Expects an open transaction in the organization.

    Args:
        org: the organization, read for this.
        due: what is due, where that is known: below the hard amount nothing has to be asked.
        using: the role's connection.
    """
    first: int | None = settings.EBBTIDE_FIRST_NIGHTS
    if first is None or (due is not None and due <= first) or not is_new(org, using=using):
        return org.nightly_amount
    return smaller(org.nightly_amount, first)


def is_new(org: Organization, *, using: str = WEB) -> bool:
    """Whether no live night of an organization has come to its end since it was armed; expects an open transaction."""
    if org.armed_at is None:
        return True
    ended = Run.objects.using(using).filter(org_id=org.id, mode=Mode.LIVE, outcome=RunOutcome.COMPLETED)
    return not ended.filter(frozen_at__gte=org.armed_at).exists()

"""Writing down what is done to an organization's people; expects an open transaction in it."""

from collections.abc import Iterable

from ebbtide.apps.accounts.models import PeopleChange
from ebbtide.apps.orgs.models import Group

INVITED, SENT_AGAIN, REVOKED, JOINED = "invited", "invitation_sent_again", "invitation_revoked", "joined"
ADDED, REMOVED, ADMIN_ON, ADMIN_OFF, REGROUPED = "added", "removed", "admin_given", "admin_taken", "groups_changed"
GROUP_MADE, GROUP_CHANGED, GROUP_DELETED = "group_created", "group_changed", "group_deleted"
TOKEN_MADE, TOKEN_REVOKED = "token_made", "token_revoked"


def record(org: int, *, action: str, subject: str, actor: str, **detail: object) -> None:
    """Write one change down.

    Args:
        org: the organization.
        action: one of the names above.
        subject: whom or which group it was done to, as people know them.
        actor: who did it.
        detail: names and permissions, before and after; never a secret.
    """
    PeopleChange.objects.create(org_id=org, action=action, subject=subject, actor=actor, detail=detail)


def names(groups: Iterable[Group]) -> list[str]:
    """Name groups as the history does."""
    return sorted(group.name for group in groups)

"""What there is to see of accounts, members, groups and invitations.

Functions about an organization expect an open transaction in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce

from ebbtide.apps.accounts.models import Invitation, PeopleChange
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, Permission, User
from ebbtide.apps.orgs.selectors import Access
from ebbtide.domain.identity import not_found, parse_id

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor; recovery codes alone do not."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for "has never signed in" where rows are sorted."""


def has_second_factor(user: User) -> bool:
    """Whether a person has a second factor, asked anew each time."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def members(*, org: int) -> QuerySet[Membership]:
    """Give the members of an organization with `factor` and `seen` (their last sign-in, or NEVER)."""
    factors = Authenticator.objects.filter(user_id=OuterRef("user_id"), type__in=FACTORS)
    return (
        Membership.objects.filter(org_id=org)
        .select_related("user")
        .annotate(factor=Exists(factors), seen=Coalesce("user__last_login", Value(NEVER)))
    )


def find_member(text: str, *, org: int) -> Membership:
    """Find a member by public id.

    Raises:
        NotYours: there is none of this organization.
    """
    found = members(org=org).filter(id=parse_id("mem", text)).first()
    if found is None:
        raise not_found("mem", text)
    return found


def groups(*, org: int) -> list[Group]:
    """Give an organization's user groups by name."""
    return list(Group.objects.filter(org_id=org).order_by("name"))


def find_group(text: str, *, org: int) -> Group:
    """Find a user group by public id.

    Raises:
        NotYours: there is none of this organization.
    """
    found = Group.objects.filter(org_id=org, id=parse_id("grp", text)).first()
    if found is None:
        raise not_found("grp", text)
    return found


def groups_of(memberships: Iterable[int], *, org: int) -> Mapping[int, list[Group]]:
    """Give the groups of some members, by membership."""
    found: dict[int, list[Group]] = {number: [] for number in memberships}
    rows = GroupMember.objects.filter(org_id=org, membership_id__in=list(found)).select_related("group")
    for row in rows.order_by("group__name"):
        found[row.membership_id].append(row.group)
    return found


def members_of(group: int, *, org: int) -> set[int]:
    """Give the memberships in a group."""
    return set(GroupMember.objects.filter(org_id=org, group_id=group).values_list("membership_id", flat=True))


def permissions_of(group: Group) -> frozenset[Permission]:
    """Give what a group allows; words of an earlier or later version are passed over."""
    return frozenset(Permission(one) for one in group.permissions if one in set(Permission))


def may_give(access: Access, permissions: Iterable[Permission]) -> bool:
    """Whether somebody holds all of these permissions: nobody gives more than was given to them."""
    return all(access.allows(one) for one in permissions)


def open_invitations(*, org: int) -> list[Invitation]:
    """Give the invitations nobody has accepted or revoked yet, the expired ones too, the newest first."""
    return list(
        Invitation.objects.filter(org_id=org, accepted_at__isnull=True, revoked_at__isnull=True).order_by("-id")
    )


def find_invitation(text: str, *, org: int) -> Invitation:
    """Find an open invitation by public id.

    Raises:
        NotYours: there is none of this organization that is open.
    """
    found = Invitation.objects.filter(
        org_id=org, id=parse_id("inv", text), accepted_at__isnull=True, revoked_at__isnull=True
    ).first()
    if found is None:
        raise not_found("inv", text)
    return found


def changes(*, org: int) -> QuerySet[PeopleChange]:
    """Give the history of an organization's people."""
    return PeopleChange.objects.filter(org_id=org)


@dataclass(frozen=True, slots=True)
class Rank:
    """What somebody may do with the people of an organization: all of it, or within what they were given.

    Attributes:
        access: what they may do there; None for the operator, who may do everything.
    """

    access: Access | None = None

    @property
    def is_full(self) -> bool:
        """Whether they are an admin there, or the operator."""
        return self.access is None or self.access.is_admin

    def may_give(self, permissions: Iterable[Permission]) -> bool:
        """Whether they hold all of these themselves."""
        return self.access is None or may_give(self.access, permissions)

    def may_touch(self, group: Group) -> bool:
        """Whether they may change a group and who is in it."""
        return self.may_give(permissions_of(group))

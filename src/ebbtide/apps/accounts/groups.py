"""What may be done to user groups: made, renamed, given other permissions or members, deleted."""

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import history
from ebbtide.apps.accounts.history import record
from ebbtide.apps.accounts.selectors import Rank, find_group, members_of, permissions_of
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, Permission
from ebbtide.apps.orgs.services import clean_name
from ebbtide.domain.errors import InputInvalid, Refused


def create_group(
    org_id: int, *, name: str, permissions: Collection[Permission], members: Collection[int], actor: str, rank: Rank
) -> Group:
    """Make a user group.

    Args:
        org_id: the organization.
        name: unique there.
        permissions: what it allows its members.
        members: numbers of memberships.
        actor: who makes it.
        rank: what they may do there.

    Raises:
        InputInvalid: the name is unusable or taken, or somebody is no member (any more).
        Refused: it would give more than its maker has.
    """
    name = clean_name(name, field="name", what="group")
    _within(permissions, rank=rank)
    try:
        with transaction.atomic(using=WEB), acting_in(org_id):
            group = Group.objects.create(org_id=org_id, name=name, permissions=sorted(permissions))
            people = _fill(group, members)
            record(
                org_id,
                action=history.GROUP_MADE,
                subject=name,
                actor=actor,
                permissions=sorted(permissions),
                members=people,
            )
    except IntegrityError as exc:
        raise _taken(name) from exc
    return group


def change_group(
    org_id: int,
    *,
    group_id: str,
    name: str,
    permissions: Collection[Permission],
    members: Collection[int],
    actor: str,
    rank: Rank,
) -> None:
    """Change a group; it counts from its members' next click.

    Raises:
        NotYours: there is no such group.
        InputInvalid: the name is unusable or taken, or somebody is no member (any more).
        Refused: it gives, or would give, more than its changer has.
    """
    name = clean_name(name, field="name", what="group")
    try:
        with transaction.atomic(using=WEB), acting_in(org_id):
            group = _mine(find_group(group_id, org=org_id), rank=rank)
            _within(permissions, rank=rank)
            before = _told(group)
            Group.objects.filter(org_id=org_id, id=group.id).update(name=name, permissions=sorted(permissions))
            people = _fill(group, members)
            after = {"name": name, "permissions": sorted(permissions), "members": people}
            if before != after:
                record(
                    org_id,
                    action=history.GROUP_CHANGED,
                    subject=group.name,
                    actor=actor,
                    before=before,
                    after=after,
                )
    except IntegrityError as exc:
        raise _taken(name) from exc


def delete_group(org_id: int, *, group_id: str, actor: str, rank: Rank) -> str:
    """Delete a group; its members lose what it gave at their next click. Gives its name.

    Raises:
        NotYours: there is no such group.
        Refused: it gives more than they have.
    """
    with acting_in(org_id):
        group = _mine(find_group(group_id, org=org_id), rank=rank)
        before = _told(group)
        GroupMember.objects.filter(org_id=org_id, group=group).delete()
        Group.objects.filter(org_id=org_id, id=group.id).delete()
        record(org_id, action=history.GROUP_DELETED, subject=group.name, actor=actor, before=before)
    return group.name


def _taken(name: str) -> InputInvalid:
    return InputInvalid(_("There is a group named %(name)s already.") % {"name": name}, field="name")


def _within(permissions: Collection[Permission], *, rank: Rank) -> None:
    if not rank.may_give(permissions):
        raise Refused(_("You can only give permissions that you have yourself."), field="permissions")


def _mine(group: Group, *, rank: Rank) -> Group:
    if not rank.may_touch(group):
        raise Refused(_("This group gives permissions you do not have yourself: an admin changes it."))
    return group


def _emails(memberships: Collection[int], *, org: int) -> list[str]:
    found = Membership.objects.filter(org_id=org, id__in=memberships).values_list("user__email", flat=True)
    return sorted(found)


def _told(group: Group) -> dict[str, object]:
    inside = members_of(group.id, org=group.org_id)
    return {
        "name": group.name,
        "permissions": sorted(permissions_of(group)),
        "members": _emails(inside, org=group.org_id),
    }


def _fill(group: Group, members: Collection[int]) -> list[str]:
    """Put exactly these members into a group; gives their addresses."""
    people = _emails(members, org=group.org_id)
    if len(people) != len(set(members)):
        raise InputInvalid(_("Somebody you chose is no member any more: choose again."), field="members")
    GroupMember.objects.filter(org_id=group.org_id, group=group).exclude(membership_id__in=members).delete()
    GroupMember.objects.bulk_create(
        [GroupMember(org_id=group.org_id, group=group, membership_id=number) for number in sorted(set(members))],
        ignore_conflicts=True,
    )
    return people

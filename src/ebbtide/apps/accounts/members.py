"""What may be done to the members of an organization, once they are in: changed, removed, helped back in.

Nobody gives more than was given to them: an admin, and the operator, may do everything; a member who may manage users
makes no admin, changes none, and hands out only groups whose permissions they hold themselves.
"""

from collections.abc import Iterable, Sequence

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import history
from ebbtide.apps.accounts.history import names, record
from ebbtide.apps.accounts.selectors import Rank, find_member, groups_of
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, User
from ebbtide.domain.errors import InputInvalid, NotYours, Refused

FULL = Rank()
"""The operator's rank: everything."""


def add_member(org_id: int, *, user: User, is_admin: bool, actor: str) -> Membership:
    """Make somebody a member at the operator's word, or change whether they are an admin; it is written down."""
    with acting_in(org_id):
        membership, _made = Membership.objects.update_or_create(
            org_id=org_id, user=user, defaults={"is_admin": is_admin}
        )
        record(org_id, action=history.ADDED, subject=user.email, actor=actor, admin=is_admin)
    return membership


def change_member(
    org_id: int, *, member_id: str, is_admin: bool, groups: Sequence[int], actor: str, rank: Rank
) -> Membership:
    """Change what a member may do; it counts from their next click.

    Args:
        org_id: the organization.
        member_id: public id.
        is_admin: whether they are an admin from now on.
        groups: numbers of the groups they are in from now on, of those the changer may touch; others stay.
        actor: who changes it.
        rank: what the changer may do there.

    Raises:
        NotYours: there is no such member.
        InputInvalid: no such group.
        Refused: they are the last admin, or the changer may not do that.
    """
    with acting_in(org_id):
        member = find_member(member_id, org=org_id)
        _may_change(member, rank=rank)
        if is_admin != member.is_admin:
            _turn_admin(member, is_admin=is_admin, actor=actor, rank=rank)
        before = groups_of([member.id], org=org_id)[member.id]
        chosen = chosen_groups(groups, org=org_id, rank=rank)
        after = {group.id: group for group in [*chosen, *[one for one in before if not rank.may_touch(one)]]}
        if {group.id for group in before} != set(after):
            GroupMember.objects.filter(org_id=org_id, membership=member).exclude(group_id__in=after).delete()
            GroupMember.objects.bulk_create(
                [GroupMember(org_id=org_id, membership=member, group_id=number) for number in sorted(after)],
                ignore_conflicts=True,
            )
            record(
                org_id,
                action=history.REGROUPED,
                subject=member.user.email,
                actor=actor,
                before=names(before),
                after=names(after.values()),
            )
    return member


def remove_member(org_id: int, *, member_id: str, actor: str, rank: Rank) -> str:
    """Take a membership away; the account stays. Gives the person's address.

    Raises:
        NotYours: there is no such member.
        Refused: they are the last admin, or the remover may not do that.
    """
    with acting_in(org_id):
        member = find_member(member_id, org=org_id)
        _may_change(member, rank=rank)
        if member.is_admin:
            _keep_an_admin(member)
        Membership.objects.filter(org_id=org_id, id=member.id).delete()
        record(org_id, action=history.REMOVED, subject=member.user.email, actor=actor, admin=member.is_admin)
    return member.user.email


def reset_factors(email: str) -> int:
    """Remove all second factors of an account, at the operator's word; gives how many there were.

    Raises:
        NotYours: there is no such account.
    """
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise NotYours(f"There is no account {email!r}.", field="email")
    removed: int
    removed, _each = Authenticator.objects.filter(user=user).delete()
    return removed


def chosen_groups(numbers: Iterable[int], *, org: int, rank: Rank) -> list[Group]:
    """Read groups that were chosen; expects an open transaction.

    Raises:
        InputInvalid: one of them is gone.
        Refused: one of them gives more than the chooser has.
    """
    wanted = set(numbers)
    found = list(Group.objects.filter(org_id=org, id__in=wanted))
    if len(found) != len(wanted):
        raise InputInvalid(_("There is no such group any more: choose again."), field="groups")
    beyond = [group for group in found if not rank.may_touch(group)]
    if beyond:
        raise Refused(
            _("%(group)s gives permissions you do not have yourself: an admin hands it out.")
            % {"group": beyond[0].name},
            field="groups",
        )
    return found


def _may_change(member: Membership, *, rank: Rank) -> None:
    if member.is_admin and not rank.is_full:
        raise Refused(_("Only an admin changes or removes an admin."))


def _turn_admin(member: Membership, *, is_admin: bool, actor: str, rank: Rank) -> None:
    if not rank.is_full:
        raise Refused(_("Only an admin makes admins."), field="is_admin")
    if not is_admin:
        _keep_an_admin(member)
    Membership.objects.filter(org_id=member.org_id, id=member.id).update(is_admin=is_admin)
    action = history.ADMIN_ON if is_admin else history.ADMIN_OFF
    record(member.org_id, action=action, subject=member.user.email, actor=actor)


def _keep_an_admin(member: Membership) -> None:
    """Refuse to take away the last admin; the admins' rows are locked, so that two cannot take each other away."""
    admins = Membership.objects.select_for_update().filter(org_id=member.org_id, is_admin=True).order_by("id")
    if [one for one in admins if one.id != member.id]:
        return
    raise Refused(_("The last admin stays: make somebody else an admin first."), field="is_admin")

"""The tables of an organization's people: what their columns are, and their rows from what the database gives.

Functions expect an open transaction in the organization.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts import selectors
from ebbtide.apps.accounts.models import Invitation, PeopleChange
from ebbtide.apps.accounts.selectors import Rank, groups_of, permissions_of
from ebbtide.apps.accounts.words import permission_names, said
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, User
from ebbtide.web.context.accounts import ChangeLine, GroupLine, InvitationLine, PersonLine
from ebbtide.web.listing import Column, Table

MEMBERS: Table[PersonLine] = Table(
    name="members",
    columns=(
        Column(name="name", label=gettext_lazy("Name"), value=lambda row: row.name, field="user__name"),
        Column(name="email", label=gettext_lazy("E-mail"), value=lambda row: row.email, field="user__email"),
        Column(
            name="admin",
            label=gettext_lazy("Role"),
            value=lambda row: "admin" if row.is_admin else "member",
            field="is_admin",
        ),
        Column(name="groups", label=gettext_lazy("Groups"), value=lambda row: ", ".join(row.groups), sortable=False),
        Column(
            name="second_factor",
            label=gettext_lazy("Second factor"),
            value=lambda row: "on" if row.second_factor else "off",
            field="factor",
        ),
        Column(
            name="last_sign_in", label=gettext_lazy("Last sign-in"), value=lambda row: row.last_sign_in, field="seen"
        ),
    ),
    sort="email",
    fields=("user__name", "user__email"),
)
INVITATIONS: Table[InvitationLine] = Table(
    name="invitations",
    columns=(
        Column(name="email", label=gettext_lazy("E-mail"), value=lambda row: row.email),
        Column(name="admin", label=gettext_lazy("Role"), value=lambda row: "admin" if row.is_admin else "member"),
        Column(name="groups", label=gettext_lazy("Groups"), value=lambda row: ", ".join(row.groups), sortable=False),
        Column(name="invited_by", label=gettext_lazy("Invited by"), value=lambda row: row.invited_by),
        Column(name="sent", label=gettext_lazy("Sent"), value=lambda row: row.sent_at),
        Column(name="expires", label=gettext_lazy("Good until"), value=lambda row: row.expires_at),
    ),
    sort="-sent",
    text=lambda row: row.email,
    row_key=lambda row: row.id,
)
CHANGES: Table[ChangeLine] = Table(
    name="changes",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda row: row.at, field="id"),
        Column(name="who", label=gettext_lazy("Who"), value=lambda row: row.actor, field="actor"),
        Column(name="what", label=gettext_lazy("What"), value=lambda row: row.said, sortable=False),
    ),
    sort="-when",
    fields=("actor", "subject"),
    size=20,
)
GROUPS: Table[GroupLine] = Table(
    name="groups",
    columns=(
        Column(name="name", label=gettext_lazy("Group"), value=lambda row: row.name),
        Column(
            name="allows",
            label=gettext_lazy("Its members may"),
            value=lambda row: "; ".join(row.allows),
            sortable=False,
        ),
        Column(name="members", label=gettext_lazy("Members"), value=lambda row: row.members, number=True),
    ),
    sort="name",
    text=lambda row: " ".join((row.name, *row.allows)),
    row_key=lambda row: row.id,
)


def person_lines(rows: Sequence[Membership], *, org: int, me: User, rank: Rank) -> list[PersonLine]:
    """Give members as `selectors.members` reads them, as lines."""
    grouped = groups_of([row.id for row in rows], org=org)
    return [
        PersonLine(
            id=row.id,
            name=row.user.name,
            email=row.user.email,
            is_admin=row.is_admin,
            groups=tuple(group.name for group in grouped[row.id]),
            second_factor=row.factor,  # type: ignore[attr-defined] # an annotation of `members`
            last_sign_in=row.user.last_login,
            me=row.user_id == me.pk,
            mine=rank.is_full or not row.is_admin,
        )
        for row in rows
    ]


def invitation_lines(rows: Sequence[Invitation], *, org: int, now: datetime, rank: Rank) -> list[InvitationLine]:
    """Give open invitations as lines."""
    known = {group.id: group for group in selectors.groups(org=org)}

    def mine(row: Invitation) -> bool:
        inside = [known[number] for number in row.groups if number in known]
        return rank.is_full or (not row.is_admin and all(rank.may_touch(group) for group in inside))

    return [
        InvitationLine(
            id=row.id,
            email=row.email,
            is_admin=row.is_admin,
            groups=tuple(sorted(known[number].name for number in row.groups if number in known)),
            invited_by=row.invited_by,
            sent_at=row.sent_at,
            expires_at=row.expires_at,
            expired=row.expires_at <= now,
            mine=mine(row),
        )
        for row in rows
    ]


def change_lines(rows: Sequence[PeopleChange]) -> list[ChangeLine]:
    """Give changes as lines."""
    return [ChangeLine(at=row.at, actor=row.actor, said=said(row)) for row in rows]


def group_lines(rows: Sequence[Group], *, org: int, rank: Rank) -> list[GroupLine]:
    """Give groups as lines."""
    counts = Counter(GroupMember.objects.filter(org_id=org).values_list("group_id", flat=True))
    return [
        GroupLine(
            id=row.id,
            name=row.name,
            allows=permission_names(permissions_of(row)),
            members=counts[row.id],
            mine=rank.may_touch(row),
        )
        for row in rows
    ]

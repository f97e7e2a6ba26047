"""What there is to see of organizations and people."""

from dataclasses import dataclass

from ebbtide.apps.orgs.database import acting_in, as_person, as_platform
from ebbtide.apps.orgs.models import GroupMember, Membership, Organization, Permission, User
from ebbtide.domain.errors import NotYours
from ebbtide.domain.identity import looks_like, not_found, parse_id


def find_organization(text: str) -> Organization:
    """Find an organization by id or unique name, for the operator.

    Raises:
        NotYours: there is none.
    """
    with as_platform():
        if looks_like("org", text):
            found = Organization.objects.filter(id=parse_id("org", text)).first()
        else:
            found = Organization.objects.filter(name=text).first()
    if found is None:
        raise NotYours(f"There is no organization {text!r}: see `ebbtide org list`.", field="org")
    return found


def organization_by_id(text: str) -> Organization:
    """Find an organization by its public id, for the operator.

    Raises:
        NotYours: there is none.
    """
    number = parse_id("org", text)
    with as_platform():
        found = Organization.objects.filter(id=number).first()
    if found is None:
        raise not_found("org", text)
    return found


def organizations() -> list[Organization]:
    """Give all organizations by name, for the operator."""
    with as_platform():
        return list(Organization.objects.order_by("name"))


def refreshed(org: int) -> Organization:
    """Read an organization's row again."""
    with acting_in(org):
        return Organization.objects.get(id=org)


_INCLUDED = {
    Permission.DATA_VIEW: Permission.DATA_MANAGE,
    Permission.RECORDINGS_LISTEN: Permission.RECORDINGS_DOWNLOAD,
}
"""What comes with a greater permission."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may do in one organization."""

    org: Organization
    is_admin: bool
    permissions: frozenset[Permission]

    def allows(self, permission: Permission) -> bool:
        """Whether the person may do that; who may manage may also view, who may download may also listen."""
        if self.is_admin or permission in self.permissions:
            return True
        return permission in _INCLUDED and _INCLUDED[permission] in self.permissions

    @property
    def is_of_use(self) -> bool:
        """Whether the person may do anything there at all."""
        return self.is_admin or bool(self.permissions)


def organizations_of(user: User) -> list[Organization]:
    """Give the organizations a person is a member of, by name."""
    with as_person(user.pk):
        return list(Organization.objects.order_by("name"))


def access(user: User, *, org_id: str) -> Access:
    """Find out what a person may do in an organization; read anew for every request.

    Raises:
        NotYours: there is no such organization for them.
    """
    number = parse_id("org", org_id)
    with as_person(user.pk):
        membership = Membership.objects.filter(org_id=number, user=user).select_related("org").first()
    if membership is None:
        raise not_found("org", org_id)
    with acting_in(number):
        lists = GroupMember.objects.filter(membership=membership).values_list("group__permissions", flat=True)
        # an admin may do everything: nobody has to be asked for that
        given = set() if membership.is_admin else {name for permissions in lists for name in permissions}
    return Access(
        org=membership.org,
        is_admin=membership.is_admin,
        permissions=frozenset(Permission(name) for name in given if name in set(Permission)),
    )

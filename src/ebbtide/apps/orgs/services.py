"""What may be done to organizations and people.

Arming is the one step that lets anything be deleted; it is the operator's alone, and every turn of it is written down
with its reason. What turns flags here asks nobody for a right: it is for the operator's command line. Pages go through
`ebbtide.apps.activation`, whose functions in the database ask.
"""

from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, as_platform
from ebbtide.apps.orgs.locks import wait_until_at_rest
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, Organization, Permission, User
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.errors import InputInvalid

NIGHT_AT = time(2, 0)
_NAME_LENGTH = 120


def parse_clock(text: str, *, field: str) -> time:
    """Read a time of day written HH:MM.

    Raises:
        InputInvalid: it is none.
    """
    try:
        hours, _, minutes = text.partition(":")
        return time(int(hours), int(minutes))
    except ValueError as exc:
        raise InputInvalid(f"{text!r} is not a time of day: write it as HH:MM, 00:00 to 23:59.", field=field) from exc


def clean_name(text: str, *, field: str, what: str) -> str:
    """Accept a name people give: trimmed, 1 to 120 printable characters.

    Raises:
        InputInvalid: it is empty, too long or holds control characters.
    """
    name = text.strip()
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise InputInvalid(f"The {what}'s name must be 1 to {_NAME_LENGTH} printable characters.", field=field)
    return name


def create_organization(name: str, *, zone: str, onboarded_on: date, night_at: time = NIGHT_AT) -> Organization:
    """Add an organization; deletion is off.

    Args:
        name: unique on the platform.
        zone: IANA time zone; it never changes.
        onboarded_on: org-local date.
        night_at: org-local time at which its nights start.

    Raises:
        InputInvalid: name taken or unusable, or no such zone.
    """
    parse_zone(zone)
    name = clean_name(name, field="name", what="organization")
    try:
        with transaction.atomic(using=WEB), as_platform():
            return Organization.objects.create(name=name, zone=zone, onboarded_on=onboarded_on, night_at=night_at)
    except IntegrityError as exc:
        raise InputInvalid(f"There is an organization {name!r} already: choose another name.", field="name") from exc


def _turn(org: int, *, flag: str, value: bool, reason: str, actor: str, now: datetime) -> bool:
    """Turn a flag and write the turn down; False where it stood so already.

    Through the sweep role, which hosts of the operator have: the web role cannot turn a flag like this.
    """
    if not reason.strip():
        raise InputInvalid("Give a reason: it is kept with the change.", field="reason")
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute("SELECT orgs_turn(%s, %s, %s, %s, %s)", [flag, value, reason.strip(), actor, now])
        turned: bool = cursor.fetchone()[0]
    return turned


def arm(org: int, *, reason: str, actor: str, now: datetime) -> bool:
    """Switch deletion on for an organization: from now on its nights delete for good.

    Raises:
        InputInvalid: no reason was given.
    """
    return _turn(org, flag="armed", value=True, reason=reason, actor=actor, now=now)


def disarm(org: int, *, reason: str, actor: str, now: datetime) -> bool:
    """Switch deletion off; when this returns, nothing is deleted any more, also of a run that was going on.

    Raises:
        InputInvalid: no reason was given.
    """
    return _stop(org, flag="armed", value=False, reason=reason, actor=actor, now=now)


def stop_organization(org: int, *, on: bool, reason: str, actor: str, now: datetime) -> bool:
    """Turn the organization's kill switch; when it is on and this returns, nothing is deleted any more.

    Raises:
        InputInvalid: no reason was given.
    """
    if on:
        return _stop(org, flag="stopped", value=True, reason=reason, actor=actor, now=now)
    return _turn(org, flag="stopped", value=False, reason=reason, actor=actor, now=now)


def _stop(org: int, *, flag: str, value: bool, reason: str, actor: str, now: datetime) -> bool:
    turned = _turn(org, flag=flag, value=value, reason=reason, actor=actor, now=now)
    wait_until_at_rest(org)
    return turned


def create_user(email: str, *, password: str, name: str = "", is_operator: bool = False) -> User:
    """Add a person.

    Raises:
        InputInvalid: the address is none, or is taken.
    """
    try:
        validate_email(email)
    except ValidationError as exc:
        raise InputInvalid(f"{email!r} is not an e-mail address.", field="email") from exc
    if User.objects.filter(email__iexact=email).exists():
        raise InputInvalid(f"{email} has an account already.", field="email")
    user = User(email=email.lower(), name=name, is_operator=is_operator)
    user.set_password(password)
    user.save()
    return user


def add_member(org: int, *, user: User, is_admin: bool) -> Membership:
    """Make a person a member of an organization, or change whether they are an admin of it."""
    with acting_in(org):
        membership, _ = Membership.objects.update_or_create(org_id=org, user=user, defaults={"is_admin": is_admin})
    return membership


def create_group(org: int, *, name: str, permissions: set[Permission]) -> Group:
    """Make a user group that gives permissions.

    Raises:
        InputInvalid: the name is unusable or taken.
    """
    name = clean_name(name, field="name", what="group")
    try:
        with transaction.atomic(using=WEB), acting_in(org):
            return Group.objects.create(org_id=org, name=name, permissions=sorted(permissions))
    except IntegrityError as exc:
        raise InputInvalid(f"There is a group named {name!r} already.", field="name") from exc


def add_to_group(org: int, *, group: Group, membership: Membership) -> None:
    """Put a member into a group of the same organization."""
    with acting_in(org):
        GroupMember.objects.get_or_create(org_id=org, group=group, membership=membership)

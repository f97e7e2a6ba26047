"""Who gets into an organization: asked by e-mail, with a link that is good once.

Nobody gives more than was given to them (`ebbtide.apps.accounts.members`), and nobody learns who has an account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import IntegrityError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import history
from ebbtide.apps.accounts.history import names, record
from ebbtide.apps.accounts.mail import send
from ebbtide.apps.accounts.members import FULL, chosen_groups
from ebbtide.apps.accounts.models import Invitation
from ebbtide.apps.accounts.selectors import Rank, find_invitation
from ebbtide.apps.accounts.tokens import digest, new_token
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, Organization, User
from ebbtide.apps.orgs.services import create_user
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.errors import InputInvalid, NotYours, Refused, Taken
from ebbtide.domain.identity import public_id

INVITATION_LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation that was made or renewed.

    Attributes:
        id: its number.
        email: whom it asks.
        link: the one-time link, as it stands in the e-mail; for nobody else's eyes but the operator's at a terminal.
        delivered: whether the e-mail could be handed over.
    """

    id: int
    email: str
    link: str
    delivered: bool


def invite(
    org_id: int,
    *,
    email: str,
    is_admin: bool,
    groups: Sequence[int],
    actor: str,
    now: datetime,
    base_url: str,
    rank: Rank = FULL,
) -> Sent:
    """Ask somebody by e-mail to join an organization; an earlier invitation of theirs ends.

    Whether the address has an account already makes no difference, in what is said and in what is done.

    Args:
        org_id: the organization.
        email: whom to ask.
        is_admin: whether they will be an admin.
        groups: numbers of the user groups they will be in.
        actor: who invites, as told in the history and in the e-mail.
        now: aware instant.
        base_url: where the product is, as `https://host/`.
        rank: what the inviter may do there.

    Raises:
        InputInvalid: no e-mail address, a member already, or no such group.
        Refused: the inviter may not give that much.
    """
    email = _clean_email(email)
    token = new_token()
    with acting_in(org_id):
        chosen = chosen_groups(groups, org=org_id, rank=rank)
        if is_admin and not rank.is_full:
            raise Refused(_("Only an admin makes admins."), field="is_admin")
        if Membership.objects.filter(org_id=org_id, user__email=email).exists():
            raise InputInvalid(_("%(email)s is a member already.") % {"email": email}, field="email")
        Invitation.objects.filter(org_id=org_id, email=email, accepted_at__isnull=True, revoked_at__isnull=True).update(
            revoked_at=now
        )
        row = Invitation.objects.create(
            org_id=org_id,
            email=email,
            is_admin=is_admin,
            groups=[group.id for group in chosen],
            digest=digest(token),
            invited_by=actor,
            invited_at=now,
            sent_at=now,
            expires_at=now + INVITATION_LASTS,
        )
        record(org_id, action=history.INVITED, subject=email, actor=actor, admin=is_admin, groups=names(chosen))
        org = Organization.objects.get(id=org_id)
    return _deliver(row, org=org, token=token, base_url=base_url)


def resend(org_id: int, *, invitation_id: str, actor: str, now: datetime, base_url: str, rank: Rank = FULL) -> Sent:
    """Send an open invitation again, with a new link; the earlier link ends.

    Raises:
        NotYours: there is no such open invitation.
        Refused: it gives more than the sender may.
    """
    token = new_token()
    with acting_in(org_id):
        row = _within(find_invitation(invitation_id, org=org_id), rank=rank)
        row.digest, row.sent_at, row.expires_at = digest(token), now, now + INVITATION_LASTS
        row.save(update_fields=["digest", "sent_at", "expires_at"])
        record(org_id, action=history.SENT_AGAIN, subject=row.email, actor=actor)
        org = Organization.objects.get(id=org_id)
    return _deliver(row, org=org, token=token, base_url=base_url)


def revoke(org_id: int, *, invitation_id: str, actor: str, now: datetime, rank: Rank = FULL) -> str:
    """Take an invitation back; gives the address it asked.

    Raises:
        NotYours: there is no such open invitation.
        Refused: it gives more than they may.
    """
    with acting_in(org_id):
        row = _within(find_invitation(invitation_id, org=org_id), rank=rank)
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        record(org_id, action=history.REVOKED, subject=row.email, actor=actor)
    return row.email


def invitation_behind(org_id: int, token: str, *, now: datetime) -> Invitation:
    """Find the invitation a link stands for; expects an open transaction.

    Raises:
        NotYours: wrong, used, revoked or too old, in the same words.
    """
    row = (
        Invitation.objects.filter(
            org_id=org_id, digest=digest(token), accepted_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now
        )
        .select_related("org")
        .first()
    )
    if row is None:
        raise NotYours("There is no such invitation.")
    return row


def accept_as_new(org_id: int, token: str, *, name: str, password: str, now: datetime) -> User:
    """Make the account an invitation asks for, and the membership.

    Raises:
        NotYours: the link is good for nothing (any more).
        InputInvalid: the address has got an account meanwhile.
    """
    with acting_in(org_id):
        row = _use(invitation_behind(org_id, token, now=now), now=now)
        user = create_user(row.email, password=password, name=name)
        _join(row, user=user)
    return user


def accept(org_id: int, token: str, *, user: User, now: datetime) -> None:
    """Make whoever is signed in a member.

    Raises:
        NotYours: the link is good for nothing (any more).
        Refused: it asks somebody else.
    """
    with acting_in(org_id):
        row = invitation_behind(org_id, token, now=now)
        if row.email != user.email.lower():
            raise Refused(_("This invitation is for %(email)s.") % {"email": row.email})
        _join(_use(row, now=now), user=user)


def _clean_email(text: str) -> str:
    try:
        validate_email(text.strip())
    except ValidationError as exc:
        raise InputInvalid(_("This is not an e-mail address."), field="email") from exc
    return text.strip().lower()


def _within(row: Invitation, *, rank: Rank) -> Invitation:
    if row.is_admin and not rank.is_full:
        raise Refused(_("Only an admin changes the invitation of an admin."))
    chosen_groups(
        Group.objects.filter(org_id=row.org_id, id__in=row.groups).values_list("id", flat=True),
        org=row.org_id,
        rank=rank,
    )
    return row


def _use(row: Invitation, *, now: datetime) -> Invitation:
    """Use an invitation up; of two at once one wins."""
    if not Invitation.objects.filter(org_id=row.org_id, id=row.id, accepted_at__isnull=True).update(accepted_at=now):
        raise NotYours("There is no such invitation.")
    return row


def _join(row: Invitation, *, user: User) -> None:
    try:
        member = Membership.objects.create(org_id=row.org_id, user=user, is_admin=row.is_admin)
    except IntegrityError as exc:
        raise Taken(_("You are a member already.")) from exc
    given = list(Group.objects.filter(org_id=row.org_id, id__in=row.groups))  # some may have been deleted meanwhile
    GroupMember.objects.bulk_create([GroupMember(org_id=row.org_id, membership=member, group=group) for group in given])
    record(
        row.org_id,
        action=history.JOINED,
        subject=user.email,
        actor=user.email,
        admin=row.is_admin,
        groups=names(given),
        invited_by=row.invited_by,
    )


def _deliver(row: Invitation, *, org: Organization, token: str, base_url: str) -> Sent:
    path = reverse("invitation", kwargs={"org": public_id("org", org.id), "token": token})
    link = base_url.rstrip("/") + path
    until = f"{row.expires_at.astimezone(parse_zone(org.zone)):%Y-%m-%d %H:%M} {org.zone}"
    about = {"org": org.name, "link": link, "invited_by": row.invited_by, "until": until}
    text = render_to_string("account/email/invitation.txt", about)
    subject = _("Ebbtide: you are invited to %(org)s") % {"org": org.name}
    message = EmailMessage(subject, text.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [row.email])
    return Sent(id=row.id, email=row.email, link=link, delivered=send(message))

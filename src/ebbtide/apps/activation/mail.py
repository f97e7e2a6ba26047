"""Letters about switching deletion on and off. One that cannot be sent is logged and stops nothing."""

from collections.abc import Iterable
from functools import partial

import structlog
from django.core.mail import send_mail
from django.db import transaction
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Membership, Organization, User
from ebbtide.domain.identity import public_id

log = structlog.get_logger(__name__)


def operators() -> list[str]:
    """Give the addresses of the platform's operators."""
    people = User.objects.filter(is_operator=True, is_active=True)
    return list(people.order_by("email").values_list("email", flat=True))


def admins(org: int) -> list[str]:
    """Give the addresses of an organization's admins."""
    with acting_in(org):
        members = Membership.objects.filter(org_id=org, is_admin=True, user__is_active=True)
        return list(members.order_by("user__email").values_list("user__email", flat=True))


def tell(to: Iterable[str], *, org: Organization, subject: str, said: list[str], url: str) -> None:
    """Send a letter to each of these, once what it tells is committed.

    Args:
        to: addresses; each gets a letter of its own.
        org: whom it is about.
        subject: what has happened.
        said: paragraphs; empty ones are left out.
        url: where there is more, as a whole address.
    """
    body = "\n\n".join([*(part for part in said if part), url, _("Ebbtide")])
    for address in to:
        letter = partial(_send, address, org=org.id, subject=f"{org.name}: {subject}", body=body)
        transaction.on_commit(letter, using=WEB)


def _send(address: str, *, org: int, subject: str, body: str) -> None:
    try:
        send_mail(subject, body, None, [address])
    except (OSError, ValueError) as exc:  # what SMTP and headers raise; the change stands, whoever hears of it
        log.warning("letter not sent", org=public_id("org", org), error=type(exc).__name__)

"""The first operator: made once, by a link that is told once, at the terminal where the product was started."""

from datetime import datetime, timedelta

from django.db import connections, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.models import SetUpLink
from ebbtide.apps.accounts.tokens import digest, new_token
from ebbtide.apps.orgs.database import WEB, mapped_errors
from ebbtide.apps.orgs.models import User
from ebbtide.apps.orgs.services import create_user
from ebbtide.domain.errors import NotYours, Refused

LINK_LASTS = timedelta(hours=24)
_SETTING_UP = 7_104
"""Advisory lock: of two people with a link one becomes the operator."""


def has_operator() -> bool:
    """Whether somebody is operator of this platform."""
    with mapped_errors():
        return User.objects.filter(is_operator=True).exists()


def make_link(base_url: str, *, now: datetime) -> str:
    """Make a link by which the first operator is made; links made earlier stay good until their time.

    Args:
        base_url: where the product is, as `http://host:port/`.
        now: aware instant.

    Raises:
        Refused: there is an operator; an operator makes others with `ebbtide user create --operator`.
    """
    if has_operator():
        raise Refused("There is an operator already: another one is made with `ebbtide user create EMAIL --operator`.")
    token = new_token()
    with mapped_errors():
        SetUpLink.objects.filter(expires_at__lte=now).delete()
        SetUpLink.objects.create(digest=digest(token), made_at=now, expires_at=now + LINK_LASTS)
    return base_url.rstrip("/") + reverse("set_up", kwargs={"token": token})


def check_link(token: str, *, now: datetime) -> None:
    """See that a link is good.

    Raises:
        NotYours: wrong, used or too old, or there is an operator; in the same words.
    """
    with mapped_errors():
        good = SetUpLink.objects.filter(digest=digest(token), used_at__isnull=True, expires_at__gt=now).exists()
    if not good or has_operator():
        raise NotYours(_("There is no such page."))


def make_operator(token: str, *, email: str, name: str, password: str, now: datetime) -> User:
    """Make the first operator; all links are good for nothing afterwards.

    Raises:
        NotYours: the link is good for nothing (any more).
        InputInvalid: the address is none, or has an account.
    """
    with mapped_errors(), transaction.atomic(using=WEB), connections[WEB].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SETTING_UP])
        check_link(token, now=now)
        user = create_user(email, password=password, name=name, is_operator=True)
        SetUpLink.objects.filter(used_at__isnull=True).update(used_at=now)
    return user

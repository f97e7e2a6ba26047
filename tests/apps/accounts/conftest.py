"""Two centres with people of every kind, a client for each, and the mail they get."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.test.utils import setup_test_environment, teardown_test_environment

from ebbtide.apps.accounts import mail as post
from ebbtide.apps.accounts.groups import create_group
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Membership, Organization, Permission, User
from tests.apps.web.conftest import CLOCK, PASSWORD, person, signed_in
from tests.cast import centre

__all__ = ["CLOCK", "PASSWORD", "signed_in"]
LINK = "http://localhost/"


@dataclass
class Centres:
    """Alice's centre and Charlie's: in each an admin; in Alice's also a manager of users, and people in groups."""

    alice: Organization
    charlie: Organization
    viewers: int
    managers: int
    foreign_group: int

    def member(self, name: str) -> str:
        """Public id of a membership in Alice's centre, or else in Charlie's."""
        for org in (self.alice, self.charlie):
            with acting_in(org.id):
                found = Membership.objects.filter(user__email=f"{name}@example.org").first()
            if found is not None:
                return f"mem_{found.id}"
        raise LookupError(name)


@pytest.fixture(scope="package", autouse=True)
def _contexts_are_kept() -> Iterator[None]:
    setup_test_environment(debug=False)
    yield
    teardown_test_environment()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Nothing is counted yet, and no mail has come."""
    cache.clear()
    mail.outbox = []


@pytest.fixture
def centres(database: object) -> Centres:
    alice, charlie = centre("Alice's"), centre("Charlie's")
    person("alice@example.org", org=alice, admin=True)
    person("bob@example.org", org=alice)
    person("charlie@example.org", org=charlie, admin=True)
    person("mona@example.org", org=alice, may=Permission.USERS_MANAGE)
    groups = {
        name: create_group(org.id, name=name, permissions=may, members=(), actor="test", rank=Rank()).id
        for name, org, may in (
            ("Viewers", alice, {Permission.DATA_VIEW}),
            ("Managers", alice, {Permission.USERS_MANAGE}),
            ("Foreign", charlie, {Permission.DATA_VIEW}),
        )
    }
    return Centres(alice, charlie, groups["Viewers"], groups["Managers"], groups["Foreign"])


@pytest.fixture
def operator(database: object) -> User:
    return orgs.create_user("olga@example.org", password=PASSWORD, name="Olga", is_operator=True)


def letters() -> list[Message]:
    """The mail that has come, with what was still on its way."""
    post._POST.submit(lambda: None).result()
    return mail.outbox  # type: ignore[return-value]


def link_in(letter: object) -> str:
    """The link of a letter, as a path."""
    (found,) = [word for word in letter.body.split() if word.startswith(("http://localhost/", "http://testserver/"))]  # type: ignore[attr-defined]
    return "/" + found.split("/", 3)[3]


def enrol(user: User) -> str:
    """Give somebody an authenticator app; gives its secret."""
    secret = generate_totp_secret()
    with context.request_context(RequestFactory().get("/")):
        TOTP.activate(user, secret)
    return secret


def code(secret: str, *, ahead: int = 0) -> str:
    """The six digits an app shows now; `ahead` steps of half a minute later."""
    return format_hotp_value(hotp_value(secret, int(CLOCK.now().timestamp()) // 30 + ahead))


def wrong(secret: str) -> str:
    """Six digits the app shows neither now nor around now."""
    near = {code(secret, ahead=step) for step in (-2, -1, 0, 1, 2)}
    return next(one for one in ("000000", "111111", "222222", "333333", "444444", "555555") if one not in near)


def factors(user: User) -> list[str]:
    return sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def type_password(name: str, password: str = PASSWORD, *, client: Client | None = None, **more: str):  # type: ignore[no-untyped-def]
    client = client or signed_in(None)
    answer = client.post("/sign-in/", {"username": f"{name}@example.org", "password": password, **more})
    return client, answer

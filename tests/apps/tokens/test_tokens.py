"""Tokens: who may make which, how they are stored, what lets them in, and what does not."""

import re
from contextlib import suppress
from datetime import timedelta

import pytest
from django.test import Client

from ebbtide.apps.accounts.models import PeopleChange
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.tokens import digest
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.apps.orgs.selectors import Access
from ebbtide.apps.tokens import services
from ebbtide.apps.tokens.admission import admit
from ebbtide.apps.tokens.models import Token, TokenUse
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind, new_secret, read_secret
from ebbtide.domain.errors import Broken, InputInvalid, Refused, ScopeMissing, TokenRefused, TooFast
from tests.apps.web.conftest import CLOCK, person, signed_in
from tests.cast import centre

pytestmark = pytest.mark.usefixtures("database")

NOW = CLOCK.now()
RANKS = {
    "admin": Rank(),
    "analyst": {Permission.USERS_MANAGE, Permission.INSIGHTS_VIEW},
    "listener": {Permission.USERS_MANAGE, Permission.INSIGHTS_VIEW, Permission.RECORDINGS_LISTEN},
    "downloader": {Permission.USERS_MANAGE, Permission.RECORDINGS_DOWNLOAD},
}


@pytest.fixture
def alice(database: object) -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie(database: object) -> Organization:
    return centre("Charlie's")


def rank(who: str, org: Organization) -> Rank:
    held = RANKS[who]
    return held if isinstance(held, Rank) else Rank(Access(org, is_admin=False, permissions=frozenset(held)))


def make(
    org: Organization, name: str = "Warehouse", *, kind: TokenKind = TokenKind.READ, who: str = "admin", **more: object
) -> services.MadeToken:
    scopes = more.get("scopes", () if kind is TokenKind.FEED else {Scope.SEGMENTS})
    return services.make_token(
        org.id,
        name=name,
        kind=kind,
        scopes=scopes,  # type: ignore[arg-type]
        days=more.get("days", 30),  # type: ignore[arg-type]
        actor="alice@example.org",
        now=NOW,
        rank=rank(who, org),
    )


def enter(
    secret: str | None, *, kind: TokenKind = TokenKind.READ, after: timedelta = timedelta(), per_minute: int = 600
):  # type: ignore[no-untyped-def]
    return admit(f"Bearer {secret}" if secret is not None else None, kind=kind, per_minute=per_minute, now=NOW + after)


def test_a_token_lets_its_own_organization_in_and_stands_nowhere(alice: Organization, charlie: Organization) -> None:
    mine, theirs = make(alice), make(charlie)
    program = enter(mine.secret)
    assert (program.org.id, program.name, program.scopes) == (alice.id, "Warehouse", {Scope.SEGMENTS})
    assert program.called == f"Warehouse (tok_{mine.row.id})"
    assert enter(theirs.secret).org.id == charlie.id
    with pytest.raises(ScopeMissing, match="recordings"):
        program.needs(Scope.RECORDINGS)
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT t::text FROM tokens_token t")
        assert mine.secret not in str(cursor.fetchall())
        row = Token.objects.get()
        assert bytes(row.digest) == digest(mine.secret)
        assert TokenUse.objects.get().requests == 1


def test_whatever_is_wrong_with_a_token_is_said_alike(alice: Organization, charlie: Organization) -> None:
    good, feed = make(alice).secret, make(alice, "Feed", kind=TokenKind.FEED).secret
    revoked, short = make(alice, "Revoked"), make(alice, "Short", days=1)
    services.revoke_token(alice.id, token_id=f"tok_{revoked.row.id}", actor="a", now=NOW)
    of_other = good.replace(f"_{alice.id}_", f"_{charlie.id}_")
    unknown = new_secret(TokenKind.READ, org=alice.id).text
    nobody = new_secret(TokenKind.READ, org=999_999).text
    wrong = [None, "", "x", good[:-1], good.upper(), f"{good}0", of_other, unknown, nobody, feed, revoked.secret, "\0"]
    said = set()
    for secret in wrong:
        with pytest.raises(TokenRefused) as refused:
            enter(secret)
        said.add(str(refused.value))
    with pytest.raises(TokenRefused) as expired:
        enter(short.secret, after=timedelta(days=1))
    assert said == {str(expired.value)}
    with pytest.raises(TokenRefused):
        admit(f"Basic {good}", kind=TokenKind.READ, per_minute=1, now=NOW)
    assert enter(short.secret, after=timedelta(hours=23)).name == "Short"


def test_what_is_mistyped_is_refused_without_asking_the_database() -> None:
    written = new_secret(TokenKind.READ, org=7)
    assert read_secret(written.text) == written
    for place in range(len(written.text)):
        other = "x" if written.text[place] != "x" else "y"
        assert read_secret(written.text[:place] + other + written.text[place + 1 :]) is None


def test_an_allowance_is_spent_refilled_and_each_token_has_its_own(alice: Organization) -> None:
    one, two = make(alice).secret, make(alice, "Other").secret
    left = [enter(one, per_minute=3).allowance.remaining for _ in range(3)]
    assert left == [2, 1, 0]
    with pytest.raises(TooFast, match="wait 20 s") as fast:
        enter(one, per_minute=3)
    headers = fast.value.facts["allowance"].headers  # type: ignore[attr-defined]
    assert headers == {
        "RateLimit-Policy": "3;w=60", "RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "60",
        "Retry-After": "20",
    }  # fmt: skip
    assert enter(two, per_minute=3).allowance.remaining == 2
    with pytest.raises(TooFast):
        enter(one, per_minute=3, after=timedelta(seconds=19))
    assert enter(one, per_minute=3, after=timedelta(seconds=20)).allowance.remaining == 0
    assert enter(one, per_minute=3, after=timedelta(minutes=5)).allowance.remaining == 2
    with acting_in(alice.id):
        assert {use.token.name: use.requests for use in TokenUse.objects.select_related("token")} == {
            "Warehouse": 5,
            "Other": 1,
        }


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("admin", {"segments", "recordings", "transcripts", "feed"}),
        ("analyst", {"segments"}),
        ("listener", {"segments"}),
        ("downloader", {"recordings", "transcripts"}),
    ],
)
def test_nobody_hands_out_what_they_may_not_open(alice: Organization, who: str, may: set[str]) -> None:
    made = set()
    for name in [*Scope, "feed"]:
        kind = TokenKind.FEED if name == "feed" else TokenKind.READ
        with suppress(Refused):
            make(alice, name, who=who, kind=kind, scopes=() if kind is TokenKind.FEED else {Scope(name)})
            made.add(str(name))
    assert made == may


def test_what_cannot_be_made_says_where_it_is_wrong(alice: Organization) -> None:
    make(alice)
    for more, field in (
        ({"name": "Warehouse"}, "name"), ({"name": " "}, "name"), ({"days": 0}, "days"), ({"days": 731}, "days"),
        ({"scopes": ()}, "scopes"), ({"kind": TokenKind.FEED, "scopes": {Scope.SEGMENTS}}, "scopes"),
    ):  # fmt: skip
        with pytest.raises(InputInvalid) as refused:
            make(alice, **{"name": "New", **more})  # type: ignore[arg-type]
        assert refused.value.field == field, more
    with acting_in(alice.id):
        assert Token.objects.count() == 1


def test_a_token_never_changes_and_is_revoked_once(alice: Organization, charlie: Organization) -> None:
    token = make(alice)
    with acting_in(charlie.id):
        assert not Token.objects.exists()
    for change in ("scopes = '{segments,recordings}'", "expires_at = now() + interval '9 years'", "kind = 'feed'"):
        with pytest.raises(Broken), acting_in(alice.id, using="owner") as cursor:
            cursor.execute(f"UPDATE tokens_token SET {change}")  # noqa: S608 - written above
    services.revoke_token(alice.id, token_id=f"tok_{token.row.id}", actor="bob@example.org", now=NOW)
    with pytest.raises(Exception, match="revoked already"):
        services.revoke_token(alice.id, token_id=f"tok_{token.row.id}", actor="bob@example.org", now=NOW)
    with pytest.raises(Exception, match="never changes"), acting_in(alice.id, using="owner") as cursor:
        cursor.execute("UPDATE tokens_token SET revoked_at = NULL")
    make(alice)  # the name is free again
    with acting_in(alice.id):
        told = list(PeopleChange.objects.order_by("id").values_list("action", "actor"))
    assert told == [
        ("token_made", "alice@example.org"), ("token_revoked", "bob@example.org"), ("token_made", "alice@example.org"),
    ]  # fmt: skip


def test_the_page_shows_a_secret_once_and_ends_it(alice: Organization, charlie: Organization) -> None:
    person("alice@example.org", org=alice, admin=True)
    person("charlie@example.org", org=charlie, admin=True)
    admin, page = signed_in("alice"), f"/o/org_{alice.id}/tokens/"
    answer = admin.post(f"{page}new/", {"name": "=Warehouse", "kind": "read", "scopes": ["segments"], "days": "30"})
    assert answer.status_code == 201
    secret = re.findall(r'id="token">(\w+)<', answer.content.decode())[0]
    assert "no-store" in answer["Cache-Control"]
    assert enter(secret).name == "=Warehouse"
    listed = admin.get(page).content.decode()
    assert secret not in listed
    assert secret.split("_")[3][:6] in listed
    sheet = b"".join(admin.get(f"{page}?csv=tokens")).decode()
    assert '"\'=Warehouse","Segments and interactions",' in sheet
    assert secret not in sheet
    with acting_in(alice.id):
        number = Token.objects.get().id
    assert theirs(charlie).post(f"/o/org_{charlie.id}/tokens/tok_{number}/revoke/").status_code == 404
    assert enter(secret).name == "=Warehouse"
    admin.post(f"{page}tok_{number}/revoke/")
    with pytest.raises(TokenRefused):
        enter(secret)
    assert "Revoked the token =Warehouse" in admin.get(f"/o/org_{alice.id}/people/").content.decode()


def theirs(charlie: Organization) -> Client:
    return signed_in("charlie")

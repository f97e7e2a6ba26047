"""Invitations: a link that is good once, for one address, and says nothing of who has an account."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections

from ebbtide.apps.accounts import services
from ebbtide.apps.accounts.models import Invitation, PeopleChange
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import GroupMember, Membership, Permission, User
from ebbtide.apps.orgs.selectors import access
from ebbtide.domain.errors import InputInvalid, NotYours, Refused
from tests.apps.web.test_doors import said

from .conftest import CLOCK, LINK, PASSWORD, Centres, letters, link_in, signed_in, type_password

NEW = {"name": "Nora", "password": PASSWORD, "again": PASSWORD}


def invite(centres: Centres, email: str = "nora@example.org", **more: object) -> str:
    """Invite as the operator does; gives the link's path."""
    given = {"is_admin": False, "groups": [centres.viewers], "actor": "operator", "now": CLOCK.now(), "base_url": LINK}
    sent = services.invite(centres.alice.id, email=email, **{**given, **more})  # type: ignore[arg-type]
    assert sent.delivered
    path = "/" + sent.link.split("/", 3)[3]
    assert link_in(letters()[-1]) == path
    return path


def members(centres: Centres) -> set[str]:
    with acting_in(centres.alice.id):
        return set(Membership.objects.values_list("user__email", flat=True))


def test_somebody_new_chooses_a_password_and_is_in_with_what_they_were_given(centres: Centres) -> None:
    admin = signed_in("alice")
    page = admin.post(
        f"/o/org_{centres.alice.id}/people/invite/",
        {"email": " Nora@Example.org ", "groups": [f"grp_{centres.viewers}"]},
        follow=True,
    )
    assert "An invitation was sent to nora@example.org." in page.content.decode()
    path = link_in(letters()[-1])
    assert path.split("/")[3] not in page.content.decode(), "whoever invites does not see the link"
    client = signed_in(None)
    assert "alice@example.org invites nora@example.org" in client.get(path).content.decode()
    before = client.session.session_key
    assert client.post(path, NEW)["Location"] == "/"
    assert client.session.session_key not in {None, before}
    nora = User.objects.get(email="nora@example.org")
    assert nora.password.startswith("argon2$argon2id$")
    found = access(nora, org_id=f"org_{centres.alice.id}")
    assert (found.is_admin, found.permissions) == (False, {Permission.DATA_VIEW})
    assert client.get(f"/o/org_{centres.alice.id}/").status_code == 200
    assert client.get(f"/o/org_{centres.alice.id}/jobs/new/").status_code == 403
    history = admin.get(f"/o/org_{centres.alice.id}/people/").content.decode()
    assert "nora@example.org joined as member, in Viewers" in history


def test_an_admin_can_be_invited(centres: Centres) -> None:
    signed_in(None).post(invite(centres, is_admin=True, groups=[]), NEW)
    assert access(User.objects.get(email="nora@example.org"), org_id=f"org_{centres.alice.id}").is_admin


def test_an_account_that_is_there_joins_after_signing_in(centres: Centres) -> None:
    path = invite(centres, "charlie@example.org")
    assert "has an account here already" in signed_in(None).get(path).content.decode()
    assert signed_in(None).post(path, NEW)["Location"].startswith("/sign-in/?next=%2Finvitation%2F"), (
        "no password is set"
    )
    other = signed_in("bob")
    assert "signed in with another account" in other.get(path).content.decode()
    assert other.post(path).status_code == 409
    with pytest.raises(Refused):
        services.accept(
            centres.alice.id, path.split("/")[3], user=User.objects.get(email="mona@example.org"), now=CLOCK.now()
        )
    assert "charlie@example.org" not in members(centres)
    client, answer = type_password("charlie", next=path)
    assert answer["Location"] == path
    assert client.post(path)["Location"] == "/"
    assert "charlie@example.org" in members(centres)
    assert client.get("/").content.decode().count("/o/org_") == 2


def test_a_link_is_good_once_and_wrong_ones_lead_nowhere(centres: Centres) -> None:
    path = invite(centres)
    nowhere = said(signed_in(None).get("/no/such/page"))
    signed_in(None).post(path, NEW)
    org, token = path.split("/")[2:4]
    for bad in (
        path,
        f"/invitation/{org}/wrong/",
        f"/invitation/org_{centres.charlie.id}/{token}/",
        f"/invitation/org_999/{token}/",
        f"/invitation/0/{token}/",
        f"/invitation/{org}/{'x' * 5000}/",
    ):
        for client in (signed_in(None), signed_in("bob")):
            for answer in (client.get(bad), client.post(bad, {**NEW, "name": "Eve"})):
                assert answer.status_code == 404, bad
    assert said(signed_in(None).get(path)) == nowhere
    assert User.objects.filter(email="nora@example.org").count() == 1


def test_of_two_who_open_a_link_at_once_one_gets_in(centres: Centres) -> None:
    token = invite(centres).split("/")[3]
    together = threading.Barrier(4)

    def accept(number: int) -> bool:
        together.wait(20)
        try:
            services.accept_as_new(centres.alice.id, token, name=f"Nora {number}", password=PASSWORD, now=CLOCK.now())
        except (NotYours, InputInvalid):
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(accept, range(4))) == 1
    assert "nora@example.org" in members(centres)
    with acting_in(centres.alice.id):
        assert PeopleChange.objects.filter(action="joined").count() == 1


def test_it_ends_after_seven_days_when_taken_back_and_when_sent_again(centres: Centres) -> None:
    org = centres.alice.id
    late = invite(centres, "late@example.org", now=CLOCK.now() - timedelta(days=7, minutes=1))
    assert signed_in(None).get(late).status_code == 404
    first = invite(centres)
    with acting_in(org):
        number = Invitation.objects.get(email="nora@example.org").id
    sent = services.resend(org, invitation_id=f"inv_{number}", actor="test", now=CLOCK.now(), base_url=LINK)
    second = "/" + sent.link.split("/", 3)[3]
    assert signed_in(None).get(first).status_code == 404
    assert signed_in(None).get(second).status_code == 200
    services.revoke(org, invitation_id=f"inv_{number}", actor="test", now=CLOCK.now())
    assert signed_in(None).post(second, NEW).status_code == 404
    for again in (services.revoke, services.resend):
        more = {"base_url": LINK} if again is services.resend else {}
        with pytest.raises(NotYours):
            again(org, invitation_id=f"inv_{number}", actor="test", now=CLOCK.now(), **more)  # type: ignore[operator]


def test_inviting_again_ends_the_earlier_link(centres: Centres) -> None:
    first, second = invite(centres), invite(centres, groups=[])
    assert signed_in(None).get(first).status_code == 404
    assert signed_in(None).get(second).status_code == 200


def test_what_is_sent_and_said_does_not_tell_whether_there_is_an_account(centres: Centres) -> None:
    client, address = signed_in("alice"), f"/o/org_{centres.alice.id}/people/invite/"
    told = []
    for email in ("charlie@example.org", "nobody@example.org"):
        page = client.post(address, {"email": email}, follow=True).content.decode()
        body = letters()[-1].body  # type: ignore[attr-defined]
        plain = [
            re.sub(r"/invitation/\S+|inv_\d+|invitation-\d+", "", text).replace(email, "X") for text in (page, body)
        ]
        note = re.search(r'<div class="eb-messages.*?</div>\s*</div>', plain[0], re.DOTALL)
        told.append((note and note[0], plain[1]))
    assert told[0] == told[1]


def test_only_the_hash_of_a_link_is_stored_and_history_holds_no_secret(centres: Centres) -> None:
    token = invite(centres).split("/")[3]
    with connections[WEB].cursor() as cursor, acting_in(centres.alice.id):
        cursor.execute(
            "SELECT t::text FROM accounts_invitation t UNION ALL SELECT t::text FROM accounts_peoplechange t"
        )
        assert token not in str(cursor.fetchall())


def test_a_letter_that_cannot_be_sent_is_told_and_can_be_sent_again(
    centres: Centres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, messages: object) -> int:
        raise ConnectionRefusedError

    org, client = centres.alice.id, signed_in("alice")
    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        page = client.post(f"/o/org_{org}/people/invite/", {"email": "nora@example.org"}, follow=True)
    assert "its e-mail could not be sent" in page.content.decode()
    with acting_in(org):
        number = Invitation.objects.get().id
    client.post(f"/o/org_{org}/people/invitations/inv_{number}/resend/")
    assert signed_in(None).get(link_in(letters()[-1])).status_code == 200


def test_groups_deleted_meanwhile_give_nothing(centres: Centres) -> None:
    path = invite(centres)
    with acting_in(centres.alice.id):
        GroupMember.objects.filter(group_id=centres.viewers).delete()
        Membership.objects.model._meta.apps.get_model("orgs", "Group").objects.filter(id=centres.viewers).delete()
    signed_in(None).post(path, NEW)
    assert (
        access(User.objects.get(email="nora@example.org"), org_id=f"org_{centres.alice.id}").permissions == frozenset()
    )


def test_members_and_nonsense_are_not_invited(centres: Centres) -> None:
    for email in ("BOB@example.org", "no address"):
        with pytest.raises(InputInvalid):
            services.invite(
                centres.alice.id, email=email, is_admin=False, groups=[], actor="t", now=CLOCK.now(), base_url=LINK
            )
    with pytest.raises(InputInvalid):
        invite(centres, groups=[centres.foreign_group])
    with acting_in(centres.alice.id):
        assert not Invitation.objects.exists()
        assert not PeopleChange.objects.filter(action="invited").exists()


def test_a_poor_password_keeps_what_was_typed_and_the_link_good(centres: Centres) -> None:
    path = invite(centres)
    page = signed_in(None).post(path, {**NEW, "password": "nora@example.org", "again": "nora@example.org"})
    assert page.status_code == 422
    assert "too similar" in page.content.decode()
    assert 'value="Nora"' in page.content.decode()
    assert signed_in(None).post(path, NEW).status_code == 302

"""The first operator: made once, by a link that is told once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from ebbtide.apps.accounts import set_up
from ebbtide.apps.accounts.models import SetUpLink
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import User
from ebbtide.domain.errors import NotYours, Refused
from tests.apps.web.test_doors import said

from .conftest import CLOCK, LINK, PASSWORD, Centres, signed_in

FORM = {"email": "Olga@Example.org", "name": "Olga", "password": PASSWORD, "again": PASSWORD}


def made() -> str:
    return "/" + set_up.make_link(LINK, now=CLOCK.now()).split("/", 3)[3]


def test_the_link_makes_the_operator_signs_in_and_goes_on_to_the_second_factor(database: object) -> None:
    client, path = signed_in(None), made()
    assert client.get(path).status_code == 200
    before = client.session.session_key
    answer = client.post(path, FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/account/second-factor/")
    assert client.session.session_key not in {None, before}
    user = User.objects.get()
    assert (user.email, user.name, user.is_operator) == ("olga@example.org", "Olga", True)
    assert user.password.startswith("argon2$argon2id$")
    assert client.get("/account/second-factor/app/").status_code == 200, "has just typed the password: not asked again"


def test_it_is_good_once_and_all_others_are_dead_with_it(database: object) -> None:
    first, second = made(), made()
    nowhere = signed_in(None).get("/no/such/page")
    signed_in(None).post(first, FORM)
    for path in (first, second, "/set-up/wrong/", "/set-up/" + "x" * 5000 + "/"):
        for answer in (signed_in(None).get(path), signed_in(None).post(path, {**FORM, "email": "eve@example.org"})):
            assert answer.status_code == 404
            assert said(answer) == said(nowhere)
    assert User.objects.count() == 1
    with pytest.raises(Refused):
        set_up.make_link(LINK, now=CLOCK.now())


def test_it_ends_after_a_day_and_when_somebody_else_became_operator(database: object) -> None:
    token = made().split("/")[2]
    set_up.check_link(token, now=CLOCK.now() + timedelta(hours=23, minutes=59))
    with pytest.raises(NotYours):
        set_up.check_link(token, now=CLOCK.now() + timedelta(hours=24, minutes=1))
    User.objects.create(email="other@example.org", is_operator=True)
    with pytest.raises(NotYours):
        set_up.make_operator(token, email="eve@example.org", name="Eve", password=PASSWORD, now=CLOCK.now())


def test_of_two_people_with_a_link_one_becomes_the_operator(database: object) -> None:
    tokens = [made().split("/")[2] for _ in range(4)]
    together = threading.Barrier(len(tokens))

    def become(number: int) -> bool:
        together.wait(20)
        try:
            set_up.make_operator(
                tokens[number], email=f"p{number}@example.org", name="P", password=PASSWORD, now=CLOCK.now()
            )
        except NotYours:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(len(tokens)) as pool:
        assert sum(pool.map(become, range(len(tokens)))) == 1
    assert User.objects.filter(is_operator=True).count() == User.objects.count() == 1


def test_only_its_hash_is_stored(database: object) -> None:
    token = made().split("/")[2]
    assert len(token) > 40
    with connections[WEB].cursor() as cursor:
        cursor.execute("SELECT t::text FROM accounts_setuplink t")
        assert token not in str(cursor.fetchall())
    assert len(bytes(SetUpLink.objects.get().digest)) == 32


def test_a_poor_password_is_refused_and_the_link_stays_good(database: object) -> None:
    path = made()
    for given, why in (
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "olga@example.org", "again": "olga@example.org"}, "too similar"),
        ({"again": "something else entirely"}, "not the same password"),
        ({"email": "no address"}, "valid email"),
        ({"name": "\u202eagl"}, "printable"),
    ):
        answer = signed_in(None).post(path, {**FORM, **given})
        assert answer.status_code == 422
        assert why in answer.content.decode(), why
    assert not User.objects.exists()
    assert signed_in(None).post(path, FORM).status_code == 302


def test_a_member_s_account_does_not_close_the_way(centres: Centres) -> None:
    answer = signed_in(None).post(made(), {**FORM, "email": "alice@example.org"})
    assert answer.status_code == 422
    assert "has an account already" in answer.content.decode()
    assert not User.objects.filter(is_operator=True).exists()

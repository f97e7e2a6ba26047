"""Second factors: enrolled, asked for, counted, confirmed before they are changed, demanded where the platform says."""

import re
from typing import ClassVar

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connections
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from ebbtide.apps.accounts.members import reset_factors
from ebbtide.apps.accounts.middleware import demanded_at
from ebbtide.apps.orgs.access import operator_page
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import User
from ebbtide.config import urls as product

from .conftest import CLOCK, PASSWORD, Centres, code, enrol, factors, letters, signed_in, type_password, wrong

PLATFORM = "/platform/made-for-tests/"


@operator_page()
def platform_page(request, visit):  # type: ignore[no-untyped-def]
    return HttpResponse("the platform")


class Routes:
    """The product's addresses and one page of the platform."""

    urlpatterns: ClassVar = [
        *product.urlpatterns,
        path("platform/made-for-tests/", platform_page, name="made_for_tests"),
    ]
    handler403, handler404 = product.handler403, product.handler404


def alice() -> User:
    return User.objects.get(email="alice@example.org")


def test_an_app_is_set_up_with_its_first_code_and_recovery_codes_are_shown_once(centres: Centres) -> None:
    client, _ = type_password("alice")
    page = client.get("/account/second-factor/app/")
    assert "data:image/svg+xml;base64," in page.content.decode()
    secret = page.context["form"].secret
    assert page.context["secret"].replace(" ", "") == secret
    assert client.post("/account/second-factor/app/", {"code": wrong(secret)}).status_code == 200
    assert factors(alice()) == []
    answer = client.post("/account/second-factor/app/", {"code": code(secret)})
    assert answer["Location"] == "/account/second-factor/codes/"
    assert factors(alice()) == ["recovery_codes", "totp"]
    shown = re.findall(r"<code>(\d{8})</code>", client.get("/account/second-factor/codes/").content.decode())
    assert len(set(shown)) == 10
    again = client.get("/account/second-factor/codes/").content.decode()
    assert not re.search(r"\d{8}", again)
    assert "10 codes are left" in again
    assert "An authenticator app was set up" in letters()[-1].body  # type: ignore[attr-defined]


def test_secrets_are_encrypted_and_a_changed_key_makes_every_code_wrong(centres: Centres) -> None:
    secret = enrol(alice())
    with connections[WEB].cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        assert secret not in str(cursor.fetchall())
    with override_settings(SECRET_KEY="another key"):
        client, _ = type_password("alice")
        assert client.post("/sign-in/second-step/", {"code": code(secret)}).status_code == 200
        assert client.get("/account/").status_code == 302


def test_the_second_step_comes_after_the_password_and_leads_on(centres: Centres) -> None:
    secret = enrol(alice())
    wanted = f"/o/org_{centres.alice.id}/people/"
    client, answer = type_password("alice", next=wanted)
    assert answer["Location"] == "/sign-in/second-step/"
    assert client.get(wanted)["Location"].startswith("/sign-in/"), "the password alone opens nothing"
    assert client.get("/sign-in/")["Location"] == "/sign-in/second-step/", "the step stays open"
    assert client.post("/sign-in/second-step/", {"code": wrong(secret)}).status_code == 200
    before = client.session.session_key
    assert client.post("/sign-in/second-step/", {"code": code(secret)})["Location"] == wanted
    assert client.session.session_key != before
    assert client.get(wanted).status_code == 200


def test_a_code_is_good_once(centres: Centres) -> None:
    secret = enrol(alice())
    first, _ = type_password("alice")
    digits = code(secret)
    assert first.post("/sign-in/second-step/", {"code": digits}).status_code == 302
    second, _ = type_password("alice")
    assert second.post("/sign-in/second-step/", {"code": digits}).status_code == 200


def test_a_recovery_code_is_good_once(centres: Centres) -> None:
    client, _ = type_password("alice")
    secret = client.get("/account/second-factor/app/").context["form"].secret
    client.post("/account/second-factor/app/", {"code": code(secret)})
    (saved, *_others) = re.findall(
        r"<code>(\d{8})</code>", client.get("/account/second-factor/codes/").content.decode()
    )
    for expected in (302, 200):
        lost, _ = type_password("alice")
        assert lost.post("/sign-in/second-step/", {"code": saved}).status_code == expected


def test_nobody_gets_to_the_second_step_without_the_first(centres: Centres) -> None:
    enrol(alice())
    for method in ("get", "post"):
        assert getattr(signed_in(None), method)("/sign-in/second-step/", {"code": "000000"})["Location"] == "/sign-in/"


def test_wrong_codes_and_wrong_passwords_are_one_count(centres: Centres) -> None:
    secret = enrol(alice())
    client, _ = type_password("alice")
    half = settings.AXES_FAILURE_LIMIT // 2
    for _time in range(half):
        assert client.post("/sign-in/second-step/", {"code": wrong(secret)}).status_code == 200
    for _time in range(settings.AXES_FAILURE_LIMIT - half - 1):
        assert type_password("alice", "not this one")[1].status_code == 200
    assert client.post("/sign-in/second-step/", {"code": wrong(secret)}).status_code == 429
    locked = client.post("/sign-in/second-step/", {"code": code(secret)})
    assert locked.status_code == 429
    assert "Too many attempts" in locked.content.decode()
    assert type_password("alice")[1].status_code == 429
    assert client.get("/account/").status_code == 302


def test_changing_factors_asks_again_for_the_factor_and_not_for_the_password(centres: Centres) -> None:
    secret = enrol(alice())
    client, _ = type_password("alice")
    client.post("/sign-in/second-step/", {"code": code(secret)})
    assert client.get("/account/second-factor/app/remove/").status_code == 200, "has just signed in with it"
    session = client.session
    session["account_authentication_methods"] = [
        {**one, "at": one["at"] - 301} for one in session["account_authentication_methods"]
    ]
    session.save()
    for address in ("app/remove/", "codes/new/", "passkeys/add/"):
        answer = client.get(f"/account/second-factor/{address}")
        assert answer["Location"].startswith("/account/confirm/code/?next="), address
    removed = client.post("/account/second-factor/app/remove/")
    assert removed.status_code == 302
    assert factors(alice()) == ["totp"]
    by_password = client.post("/account/confirm/", {"password": PASSWORD})
    assert by_password["Location"].startswith("/account/confirm/code/"), "a password alone may be a stolen one"
    confirm = "/account/confirm/code/?next=/account/second-factor/app/remove/"
    assert client.post(confirm, {"code": wrong(secret)}).status_code == 200
    assert factors(alice()) == ["totp"]
    client.post(confirm, {"code": code(secret, ahead=1)})
    assert factors(alice()) == [], "what was asked for before confirming is done now"


def test_without_a_factor_the_password_is_asked_again(centres: Centres) -> None:
    client = signed_in("alice")
    asked = client.get("/account/second-factor/app/")
    assert asked["Location"] == "/account/confirm/?next=%2Faccount%2Fsecond-factor%2Fapp%2F"
    assert "not your password" in client.post(asked["Location"], {"password": "wrong"}).content.decode()
    assert client.post(asked["Location"], {"password": PASSWORD})["Location"] == "/account/second-factor/app/"
    assert client.get("/account/second-factor/app/").status_code == 200


def test_guessing_the_password_of_an_open_session_is_counted_too(centres: Centres) -> None:
    client = signed_in("alice")
    answers = [client.post("/account/confirm/", {"password": "wrong"}).status_code for _ in range(9)]
    assert answers[-1] == 429
    assert type_password("alice")[1].status_code == 429


def test_factors_of_others_look_missing(centres: Centres) -> None:
    other = Authenticator.objects.create(
        user=User.objects.get(email="charlie@example.org"), type=Authenticator.Type.WEBAUTHN, data={"name": "Mine"}
    )
    client, _ = type_password("alice")
    for address in (f"passkeys/{other.pk}/", f"passkeys/{other.pk}/remove/", "passkeys/999/"):
        for method in ("get", "post"):
            assert getattr(client, method)(f"/account/second-factor/{address}").status_code == 404
    assert Authenticator.objects.filter(pk=other.pk).exists()


def test_the_operator_takes_lost_factors_away(centres: Centres) -> None:
    enrol(alice())
    enrol(User.objects.get(email="charlie@example.org"))
    assert reset_factors("Alice@example.org ") == 1
    assert type_password("alice")[1]["Location"] == "/"
    assert type_password("charlie")[1]["Location"] == "/sign-in/second-step/"


# Demanded


@pytest.mark.parametrize(
    ("mode", "operator", "organization"),
    [("nobody", False, False), ("operators", True, False), ("everyone", True, True)],
)
def test_where_a_factor_is_demanded(mode: str, operator: bool, organization: bool) -> None:
    with override_settings(EBBTIDE_SECOND_FACTOR=mode):
        assert (demanded_at("operator"), demanded_at("organization"), demanded_at("")) == (
            operator,
            organization,
            False,
        )


@override_settings(ROOT_URLCONF=Routes, EBBTIDE_SECOND_FACTOR="operators")
def test_the_operator_is_led_to_enrolment_before_any_page_of_the_platform_opens(
    centres: Centres, operator: User
) -> None:
    client = signed_in("olga")
    answer = client.get(PLATFORM)
    assert answer["Location"] == "/account/second-factor/?next=%2Fplatform%2Fmade-for-tests%2F"
    page = client.get(answer["Location"]).content.decode()
    assert "This platform insists on a second factor for you" in page
    told = client.get(PLATFORM, headers={"HX-Request": "true"})
    assert told["HX-Redirect"].startswith("/account/second-factor/")
    enrol(operator)
    assert client.get(PLATFORM).content == b"the platform"
    assert PLATFORM in client.get("/account/second-factor/").content.decode(), "it says how to go on"
    reset_factors(operator.email)
    assert client.get(PLATFORM).status_code == 302, "a factor taken away counts no longer at the next click"
    assert signed_in("alice").get(PLATFORM).status_code == 404
    assert signed_in(None).get(PLATFORM)["Location"].startswith("/sign-in/")
    assert signed_in("alice").get(f"/o/org_{centres.alice.id}/people/").status_code == 200


@override_settings(EBBTIDE_SECOND_FACTOR="everyone")
def test_everyone_is_led_to_enrolment(centres: Centres) -> None:
    home = f"/o/org_{centres.alice.id}/people/"
    client = signed_in("alice")
    assert client.get(home)["Location"].startswith("/account/second-factor/?next=")
    assert client.post(f"{home}invite/", {"email": "x@example.org"})["Location"].startswith("/account/second-factor/")
    assert not letters()
    enrol(alice())
    assert client.get(home).status_code == 200


def test_a_signing_in_counts_for_five_minutes_only_by_our_clock(centres: Centres) -> None:
    client, _ = type_password("alice")
    (record, *_more) = client.session["account_authentication_methods"]
    assert abs(record["at"] - CLOCK.now().timestamp()) < 60

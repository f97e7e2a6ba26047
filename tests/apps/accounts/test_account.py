"""One's own account: password, forgotten password, sessions, and how little of it strangers learn."""

import email
import re
import stat
from statistics import median
from time import perf_counter

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import RequestFactory, override_settings

from ebbtide.apps.accounts import mail as mailing
from ebbtide.apps.accounts.adapters import client_address, is_ours
from ebbtide.apps.accounts.mail import FolderBackend
from ebbtide.apps.accounts.views.account import browser_name
from ebbtide.apps.orgs.models import User
from tests.apps.web.test_doors import said

from .conftest import PASSWORD, Centres, enrol, letters, link_in, signed_in, type_password

FRESH = "another-tide-0815"


def ask(address: str):  # type: ignore[no-untyped-def]
    return signed_in(None).post("/password/forgotten/", {"email": address})


def test_a_forgotten_password_is_set_anew_and_every_session_ends(centres: Centres) -> None:
    signed, _ = type_password("alice")
    ask("Alice@Example.org")
    (letter,) = letters()
    assert letter.to == ["alice@example.org"]  # type: ignore[attr-defined]
    client, path = signed_in(None), link_in(letter)
    aim = client.get(path)["Location"]
    assert path.rsplit("-", 1)[1] not in aim, "the secret does not stay in the address"
    assert client.get(aim).status_code == 200
    poor = client.post(aim, {"password1": "short", "password2": "short"}).content.decode()
    assert "too short" in poor
    assert client.post(aim, {"password1": FRESH, "password2": FRESH})["Location"] == "/sign-in/"
    assert signed.get("/account/").status_code == 302
    assert type_password("alice")[1].status_code == 200
    assert type_password("alice", FRESH)[1].status_code == 302
    again = signed_in(None).get(path)
    assert "good for nothing any more" in again.content.decode()
    assert "set anew with a link" in letters()[-1].body  # type: ignore[attr-defined]


def test_the_link_does_not_go_around_the_second_factor(centres: Centres) -> None:
    enrol(User.objects.get(email="alice@example.org"))
    ask("alice@example.org")
    client = signed_in(None)
    aim = client.get(link_in(letters()[0]))["Location"]
    client.post(aim, {"password1": FRESH, "password2": FRESH})
    assert client.get("/account/").status_code == 302
    assert type_password("alice", FRESH)[1]["Location"] == "/sign-in/second-step/"


@pytest.mark.parametrize("address", ["nobody@example.org", "shut@example.org"])
def test_nobody_learns_from_it_who_has_an_account(centres: Centres, address: str) -> None:
    User.objects.create(email="shut@example.org", is_active=False)
    known, unknown = ask("alice@example.org"), ask(address)
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert len(letters()) == 1
    pages = {said(signed_in(None).get(one["Location"])) for one in (known, unknown)}
    assert len(pages) == 1


def test_unknown_names_take_as_long_as_wrong_passwords(centres: Centres) -> None:
    def took(name: str) -> float:
        began = perf_counter()
        type_password(name, "not this one")
        return perf_counter() - began

    took("alice")
    known, unknown = (median(took(name) for _ in range(3)) for name in ("alice", "nobody"))
    assert known / 3 < unknown < known * 3


def test_asking_too_often_is_answered_with_a_page_of_ours(centres: Centres) -> None:
    answers = [ask("alice@example.org") for _ in range(6)]
    assert [one.status_code for one in answers] == [302] * 5 + [429]
    assert "Too many requests" in answers[-1].content.decode()
    assert "default-src 'none'" in answers[-1]["Content-Security-Policy"]
    assert len(letters()) == 5


def test_the_password_is_changed_and_other_sessions_end(centres: Centres) -> None:
    here, _ = type_password("alice")
    there, _ = type_password("alice")
    before = here.session.session_key
    form = {"oldpassword": PASSWORD, "password1": FRESH, "password2": FRESH}
    for given, why in (
        ({"oldpassword": "wrong"}, "not your current password"),
        ({"password2": "other"}, "same password"),
        ({"password1": "alice@example.org", "password2": "alice@example.org"}, "too similar"),
    ):
        assert why in here.post("/account/password/", {**form, **given}).content.decode(), why
    assert here.post("/account/password/", form)["Location"] == "/account/"
    assert here.get("/account/").status_code == 200
    assert here.session.session_key != before
    assert there.get("/account/").status_code == 302
    assert "Your password was changed" in letters()[-1].body  # type: ignore[attr-defined]


def test_sessions_are_listed_and_ended_one_by_one_and_all_at_once(centres: Centres) -> None:
    def come(agent: str):  # type: ignore[no-untyped-def]
        client = signed_in(None)
        client.defaults["HTTP_USER_AGENT"] = agent
        return type_password("alice", client=client)[0]

    here = come("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    phone = come(
        "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
    )
    third, other = come("curl/8"), type_password("charlie")[0]
    foreign = other.get("/account/sessions/").context["page"].sessions[0].id
    page = here.get("/account/sessions/")
    lines = page.context["page"].sessions
    assert [(one.browser, one.current) for one in lines] == [
        ("Firefox on Linux", True), ("curl/8", False), ("Chrome on Android", False),
    ]  # fmt: skip
    assert lines[0].address == "127.0.0.1"
    for session in (foreign, "x", "", lines[0].id, "9" * 30):
        assert here.post("/account/sessions/", {"session": session}).status_code == 302
    assert other.get("/account/").status_code == 200
    assert here.get("/account/").status_code == 200
    here.post("/account/sessions/", {"session": lines[2].id})
    assert phone.get("/account/").status_code == 302
    assert third.get("/account/").status_code == 200
    here.post("/account/sessions/", {"session": "others"})
    assert third.get("/account/").status_code == 302
    assert len(here.get("/account/sessions/").context["page"].sessions) == 1


def test_a_session_given_by_a_stranger_is_not_kept(centres: Centres) -> None:
    enrol(User.objects.get(email="alice@example.org"))
    stranger = signed_in(None)
    stranger.get("/sign-in/passkey/")
    planted = stranger.session.session_key
    assert planted
    victim = signed_in(None)
    victim.cookies[settings.SESSION_COOKIE_NAME] = planted
    type_password("bob", client=victim)
    assert victim.session.session_key != planted
    assert stranger.get("/account/").status_code == 302


def test_one_s_name_is_changed(centres: Centres) -> None:
    client = signed_in("alice")
    assert client.post("/account/", {"name": " Alice Moreau "})["Location"] == "/account/"
    assert User.objects.get(email="alice@example.org").name == "Alice Moreau"
    assert client.post("/account/", {"name": "\u202ex"}).status_code == 422


AIMS = ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil", "\t//evil",
        "http://localhost:9999/", "http://127.0.0.1/", "/\x00")  # fmt: skip


@pytest.mark.parametrize("aim", AIMS)
def test_nobody_is_led_elsewhere(centres: Centres, aim: str) -> None:
    assert not is_ours(aim)
    for address in ("/sign-in/", "/sign-in/passkey/"):
        assert f'value="{aim}"' not in signed_in(None).get(address, {"next": aim}).content.decode()
    assert type_password("alice", next=aim)[1]["Location"] == "/"
    client = signed_in("alice")
    confirmed = client.post("/account/confirm/", {"password": PASSWORD, "next": aim})
    assert confirmed["Location"] == "/"
    assert client.get("/sign-in/", {"next": aim})["Location"] == "/"
    assert signed_in("bob").get("/account/second-factor/", {"next": aim}).status_code == 200


def test_somebody_shut_out_is_answered_like_a_stranger(centres: Centres) -> None:
    User.objects.filter(email="alice@example.org").update(is_active=False)
    shut, wrong = type_password("alice")[1], type_password("bob", "not this one")[1]
    assert shut.status_code == wrong.status_code == 200
    assert "Please enter a correct" in shut.content.decode()


def test_none_of_allauths_own_pages_are_there(centres: Centres) -> None:
    for address in ("signup/", "accounts/login/", "email/", "confirm-email/", "inactive/", "social/signup/", "2fa/",
                    "account/email/", "sign-in/sso/login/", "sign-in/signup/",
                    "account/second-factor/codes/download/"):  # fmt: skip
        for client in (signed_in(None), signed_in("alice")):
            assert client.get("/" + address).status_code == 404, address


def test_browsers_are_named_as_people_know_them() -> None:
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0"
    assert browser_name(edge) == "Edge on Windows"
    assert browser_name("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1") == "Safari on iPhone"
    assert browser_name("") == "unknown browser"
    assert len(browser_name("x" * 500)) == 60


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
        (2, "9.9.9.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_only_what_our_proxies_say_is_believed(proxies: int, told: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=told)
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=proxies):
        assert client_address(request) == address


def test_without_a_server_mail_goes_into_the_data_folder_and_the_log_names_the_file_alone(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(mailing.log, "warning", lambda event, **facts: told.append(f"{event} {facts}"), raising=False)
    message = EmailMessage("Hello", "Open http://localhost/invitation/secret/", "us@example.org", ["nora@example.org"])
    assert FolderBackend().send_messages([message]) == 1
    folder = settings.EBBTIDE_DATA / "mail"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert email.message_from_bytes(file.read_bytes())["To"] == "nora@example.org"
    (line,) = told
    assert f"mail/{file.name}" in line
    assert not re.search(r"secret|nora", line)

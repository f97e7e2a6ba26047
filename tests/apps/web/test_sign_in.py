"""Signing in and out."""

from django.conf import settings

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import User

from .conftest import PASSWORD, World, signed_in


def sign_in(client, name: str, password: str = PASSWORD, **more: str):  # type: ignore[no-untyped-def]
    return client.post("/sign-in/", {"username": name, "password": password, **more})


def test_a_person_signs_in_and_out(world: World) -> None:
    client = signed_in(None)
    assert client.get("/sign-in/").status_code == 200
    before = client.session.session_key
    answer = sign_in(client, "Alice@Example.org ")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session.session_key != before
    assert client.get("/")["Location"] == f"/o/org_{world.alice.id}/"
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/")["Location"] == "/sign-in/?next=/"


def test_a_session_from_before_is_not_kept(world: World) -> None:
    client = signed_in("charlie")
    before = client.session.session_key
    sign_in(client, "alice@example.org")
    client.post("/sign-in/", {"username": "alice@example.org", "password": PASSWORD})
    client.post("/sign-out/")
    sign_in(client, "alice@example.org")
    assert client.session.session_key not in {None, before}


def test_cookies_are_kept_from_scripts_and_strangers(world: World) -> None:
    client = signed_in(None)
    cookie = sign_in(client, "alice@example.org").cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert User.objects.get(email="alice@example.org").password.startswith("argon2$argon2id$")


def test_nobody_is_led_elsewhere(world: World) -> None:
    for aim in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", "\t//evil"):
        client = signed_in(None)
        assert f'value="{aim}"' not in client.get("/sign-in/", {"next": aim}).content.decode()
        assert sign_in(client, "alice@example.org", next=aim)["Location"] == "/"
        assert client.post("/sign-out/", {"next": aim})["Location"] == "/sign-in/"


def test_a_page_asked_for_comes_after_signing_in(world: World) -> None:
    client = signed_in(None)
    wanted = f"/o/org_{world.alice.id}/runs/?outcome=simulated"
    asked = client.get(wanted)["Location"]
    assert sign_in(client, "alice@example.org", next=wanted)["Location"] == wanted
    assert asked == "/sign-in/?next=" + wanted.replace("?", "%3F").replace("=", "%3D")


def test_htmx_is_sent_to_sign_in_as_a_whole_page(world: World) -> None:
    answer = signed_in(None).get(f"/o/org_{world.alice.id}/runs/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["HX-Redirect"].startswith("/sign-in/?next=/o/")


def test_wrong_password_and_unknown_name_are_answered_alike(world: World) -> None:
    wrong = sign_in(signed_in(None), "alice@example.org", "not this one")
    unknown = sign_in(signed_in(None), "nobody@example.org", "not this one")
    alike = "Please enter a correct"
    assert wrong.status_code == unknown.status_code == 200
    assert alike in wrong.content.decode()
    assert alike in unknown.content.decode()


def test_too_many_wrong_passwords_close_the_door_for_that_name_alone(world: World) -> None:
    client = signed_in(None)
    for attempt in range(settings.AXES_FAILURE_LIMIT):
        name = "alice@example.org" if attempt % 2 else "ALICE@example.org"
        last = sign_in(client, name, "not this one")
    assert last.status_code == 429
    assert "Too many attempts" in last.content.decode()
    assert sign_in(client, "alice@example.org").status_code == 429
    told = client.post(
        "/sign-in/",
        {"username": "alice@example.org", "password": PASSWORD},
        headers={"X-Requested-With": "XMLHttpRequest"},
    )
    assert told["Content-Type"].startswith("text/html")
    assert client.get("/")["Location"].startswith("/sign-in/")
    assert sign_in(client, "charlie@example.org").status_code == 302


def test_somebody_shut_out_is_out_at_once(world: World) -> None:
    client = signed_in("alice")
    User.objects.filter(email="alice@example.org").update(is_active=False)
    assert client.get(f"/o/org_{world.alice.id}/").status_code == 302


def test_who_belongs_to_several_organizations_chooses(world: World) -> None:
    orgs.add_member(world.charlie.id, user=User.objects.get(email="alice@example.org"), is_admin=False)
    page = signed_in("alice").get("/").content.decode()
    assert page.count("/o/org_") == 2
    home = signed_in("alice").get(f"/o/org_{world.alice.id}/").content.decode()
    assert "/?choose=1" in home
    assert "/?choose=1" not in signed_in("bob.view").get(f"/o/org_{world.alice.id}/").content.decode()


def test_who_belongs_nowhere_is_told_so(world: World) -> None:
    orgs.create_user("emil@example.org", password=PASSWORD)
    assert "belongs to no organization" in signed_in("emil").get("/").content.decode()


def test_odd_names_are_no_fault(world: World) -> None:
    for name in ("\x00", "x" * 10_000, "=cmd|' /C calc'!A0", "\u202egro.elpmaxe@ecila", ""):
        assert sign_in(signed_in(None), name, "x" * 5000).status_code == 200


def test_odd_bytes_beside_the_name_are_no_fault(world: World) -> None:
    client = signed_in(None)
    sent = {"username": "alice@example.org", "password": "\x00", "next": "\x00", "more": "a\x00b"}
    assert client.post("/sign-in/?x=%00&y=%ff", sent).status_code == 200
    assert (
        client.post("/sign-in/?x=%00", {**sent, "password": "wrong"}, headers={"User-Agent": "x" * 9000}).status_code
        == 200
    )

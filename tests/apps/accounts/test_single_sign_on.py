"""Single sign-on with a provider that is played here: for people who have an account, by an address it has verified."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import override_settings

from ebbtide.apps.accounts.urls import SINGLE_SIGN_ON
from ebbtide.apps.orgs.models import User
from ebbtide.config import urls as product
from ebbtide.config.environment import SingleSignOn

from .conftest import Centres, enrol, signed_in

LOGIN, CALLBACK = "/sign-in/sso/login/", "/sign-in/sso/login/callback/"


class Routes:
    """The product's addresses as they are where EBBTIDE_OIDC_URL is set."""

    urlpatterns: ClassVar = [*product.urlpatterns, *SINGLE_SIGN_ON]
    handler403, handler404 = product.handler403, product.handler404


class Provider(BaseHTTPRequestHandler):
    """An OpenID Connect provider that vouches for whoever the test says."""

    claims: ClassVar[dict[str, object]] = {}

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        here = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        if self.path.startswith("/.well-known/"):
            self._answer(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "userinfo_endpoint": f"{here}/userinfo",
                    "jwks_uri": f"{here}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        else:
            self._answer(self.claims)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "token", "token_type": "Bearer"})


@pytest.fixture
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    app = {"provider_id": "sso", "name": "Harbour ID", "client_id": "ebbtide", "secret": "s",
           "settings": {"server_url": url, "oauth_pkce_enabled": True}}  # fmt: skip
    with override_settings(
        ROOT_URLCONF=Routes,
        EBBTIDE_SINGLE_SIGN_ON=SingleSignOn(url, "ebbtide", "s", "Harbour ID"),
        SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [app]}},
    ):
        yield url
    server.shutdown()
    thread.join()
    server.server_close()


def come_back(client, login: str = LOGIN, **claims: object):  # type: ignore[no-untyped-def]
    """Go to the provider and come back as whoever it says."""
    Provider.claims = {"sub": "42", **claims}
    away = client.get(login)
    asked = parse_qs(urlsplit(away["Location"]).query)
    return client.get(CALLBACK, {"code": "c", "state": asked["state"][0]})


def test_the_button_leads_to_the_provider_and_back_in(centres: Centres, provider: str) -> None:
    client, wanted = signed_in(None), f"/o/org_{centres.alice.id}/people/"
    page = client.get("/sign-in/", {"next": wanted}).content.decode()
    assert "Use Harbour ID" in page
    away = client.get(LOGIN)["Location"]
    assert away.startswith(f"{provider}/authorize?")
    asked = parse_qs(urlsplit(away).query)
    assert asked["redirect_uri"] == [f"http://localhost{CALLBACK}"]
    assert asked["code_challenge_method"] == ["S256"]
    answer = come_back(client, f"{LOGIN}?next={wanted}", email="Alice@Example.org", email_verified=True)
    assert answer["Location"] == wanted
    assert client.get(wanted).status_code == 200
    again = come_back(signed_in(None), email="renamed@example.org", email_verified=True)
    assert again["Location"] == "/", "known by the provider's number from now on"
    assert User.objects.filter(email="alice@example.org", password__startswith="argon2").exists()


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "alice@example.org", "email_verified": False},
        {"email": "alice@example.org"},
        {"email": "nobody@example.org", "email_verified": True},
        {"email": "shut@example.org", "email_verified": True},
        {},
    ],
)
def test_nobody_gets_in_without_an_account_and_a_proven_address(
    centres: Centres, provider: str, claims: dict[str, object]
) -> None:
    User.objects.create(email="shut@example.org", is_active=False)
    client, before = signed_in(None), User.objects.count()
    answer = come_back(client, **claims)
    assert answer["Location"] == "/sign-in/"
    assert "There is no account for you here yet" in client.get("/sign-in/").content.decode()
    assert client.get("/account/").status_code == 302
    assert User.objects.count() == before


def test_a_second_factor_is_asked_for_all_the_same(centres: Centres, provider: str) -> None:
    enrol(User.objects.get(email="alice@example.org"))
    client = signed_in(None)
    answer = come_back(client, email="alice@example.org", email_verified=True)
    assert answer["Location"] == "/sign-in/second-step/"
    assert client.get("/account/").status_code == 302


def test_what_comes_back_wrong_leads_to_sign_in(centres: Centres, provider: str) -> None:
    for query in ({"error": "access_denied"}, {"code": "c", "state": "forged"}, {}):
        client = signed_in(None)
        client.get(LOGIN)
        answer = client.get(CALLBACK, query)
        assert answer["Location"] == "/sign-in/", query
        assert "Signing in did not work" in client.get("/sign-in/").content.decode()
    assert signed_in(None).get("/sign-in/other/login/").status_code == 404


def test_nobody_is_made_to_tie_another_s_identity_to_their_account(centres: Centres, provider: str) -> None:
    client = signed_in("bob")
    answer = come_back(client, f"{LOGIN}?process=connect", email="charlie@example.org", email_verified=True)
    assert answer["Location"] == "/sign-in/"
    assert not User.objects.get(email="bob@example.org").socialaccount_set.exists()


@pytest.mark.parametrize("aim", ["https://evil.example/", "//evil.example/"])
def test_it_leads_nowhere_else(centres: Centres, provider: str, aim: str) -> None:
    answer = come_back(signed_in(None), f"{LOGIN}?next={aim}", email="alice@example.org", email_verified=True)
    assert answer["Location"] == "/"

"""Settings of accounts are checked at start, each with its name."""

import pytest

from ebbtide.config.environment import MailServer, SingleSignOn, read_environment
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.address import address_of


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://me:p%40ss@mail.example.org", MailServer("mail.example.org", 465, "me", "p@ss", "tls")),
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, "", "", "starttls")),
        ("smtp://mail.example.org:2525/", MailServer("mail.example.org", 2525, "", "", "starttls")),
        ("smtp://localhost:25", MailServer("localhost", 25, "", "", "plain")),
    ],
)
def test_a_mail_server_is_spoken_to_in_the_clear_on_this_machine_alone(
    url: str, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_SMTP_URL", url)
    assert read_environment().smtp == server


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EBBTIDE_SMTP_URL", "mail.example.org"),
        ("EBBTIDE_SMTP_URL", "https://mail.example.org"),
        ("EBBTIDE_SMTP_URL", "smtp://mail.example.org:port"),
        ("EBBTIDE_SMTP_URL", "smtp://"),
        ("EBBTIDE_MAIL_FROM", "nobody"),
        ("EBBTIDE_MAIL_FROM", "a@example.org\nBcc: b@example.org"),
        ("EBBTIDE_SECOND_FACTOR", "sometimes"),
        ("EBBTIDE_PROXIES", "-1"),
        ("EBBTIDE_PROXIES", "10"),
        ("EBBTIDE_OIDC_URL", "http://id.example.org"),
        ("EBBTIDE_OIDC_URL", "id.example.org"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputInvalid) as refused:
        read_environment()
    assert refused.value.field == name
    assert name in refused.value.message


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EBBTIDE_SECOND_FACTOR")
    found = read_environment()
    assert (found.second_factor, found.smtp, found.proxies, found.single_sign_on) == ("operators", None, 0, None)


def test_a_provider_needs_what_it_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBBTIDE_OIDC_URL", "https://id.example.org/realms/main/")
    with pytest.raises(InputInvalid, match="EBBTIDE_OIDC_CLIENT"):
        read_environment()
    monkeypatch.setenv("EBBTIDE_OIDC_CLIENT", "ebbtide")
    monkeypatch.setenv("EBBTIDE_OIDC_SECRET", "secret")
    url = "https://id.example.org/realms/main"
    assert read_environment().single_sign_on == SingleSignOn(url, "ebbtide", "secret", "id.example.org")


@pytest.mark.parametrize(
    ("host", "hosts", "https", "address"),
    [
        ("127.0.0.1", ["127.0.0.1", "localhost"], False, "http://127.0.0.1:8710/"),
        ("0.0.0.0", ["127.0.0.1", "localhost"], False, "http://localhost:8710/"),  # noqa: S104
        ("0.0.0.0", ["ebbtide.example.org"], False, "http://ebbtide.example.org:8710/"),  # noqa: S104
        ("::1", ["localhost"], False, "http://[::1]:8710/"),
        ("127.0.0.1", ["localhost", "ebbtide.example.org"], True, "https://ebbtide.example.org/"),
    ],
)
def test_links_begin_where_people_open_the_product(host: str, hosts: list[str], https: bool, address: str) -> None:
    assert address_of(host, port=8710, hosts=hosts, https=https) == address

"""The settings a person can give, read from the environment: the only place that does.

Every value is checked here, once, so that a wrong one is refused at start with its name and the remedy instead of
failing in the middle of a night.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from ebbtide.domain.errors import InputInvalid
from ebbtide.engine.split import STRETCH

SecondFactor = Literal["nobody", "operators", "everyone"]
SECOND_FACTORS = ("nobody", "operators", "everyone")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MOST_PROXIES = 9
_FIRST_NIGHTS, _MOST_FIRST_NIGHTS = 1_000_000, 10**12
_MOST_STRETCH = 100_000_000
_MOST_BACKUP_DAYS = 36_500
_MOST_WHOLE = 1_000_000
_MOST_EXPORT_GIB = 150
"""10,000 parts of 16 MiB, which is all that S3 puts together, are little more."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed over.

    Attributes:
        host, port: of the server.
        user, password: empty where it asks for none.
        security: `tls` from the first byte, `starttls`, or `plain` (this machine only).
    """

    host: str
    port: int
    user: str
    password: str
    security: Literal["tls", "starttls", "plain"]


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """An OpenID Connect provider that people may sign in with.

    Attributes:
        url: of the issuer.
        client, secret: what the provider knows Ebbtide by.
        name: what the button says.
    """

    url: str
    client: str
    secret: str
    name: str


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says.

    Attributes:
        data: the data folder (embedded database, local objects, secrets); EBBTIDE_DATA.
        web_url: PostgreSQL for the web role; DATABASE_URL.
        sweep_url: for the sweep role; EBBTIDE_SWEEP_URL.
        owner_url: for migrations; EBBTIDE_OWNER_URL.
        objects_url: object store; EBBTIDE_OBJECTS_URL (file://, s3://bucket/prefix); None: DATA/objects.
        exports_url: where exports are put; EBBTIDE_EXPORTS_URL (as above); None: below `exports/` of the object store.
        export_gib: the greatest export, in GiB; EBBTIDE_EXPORT_GIB.
        secret_key: signs sessions; EBBTIDE_SECRET_KEY; None: made once and kept in the data folder.
        hosts: names the web interface answers to; EBBTIDE_HOSTS, comma-separated.
        https: whether the web interface stands behind HTTPS; EBBTIDE_HTTPS (1 or 0).
        postgres_bin: folder of an installed PostgreSQL to use instead of the bundled one; EBBTIDE_POSTGRES_BIN.
        proxies: how many proxies of ours stand in front and add to X-Forwarded-For; EBBTIDE_PROXIES.
        second_factor: who must have a second factor; EBBTIDE_SECOND_FACTOR (nobody, operators, everyone).
        stretch: report rows that a worker takes at a time of a run it shares with others; EBBTIDE_STRETCH.
        first_nights: items a live night takes at most until one has come to its end since the organization was armed;
            EBBTIDE_FIRST_NIGHTS; None: as many as are due.
        smtp: where e-mail is handed over; EBBTIDE_SMTP_URL (smtp://, smtps://); None: it is put into DATA/mail.
        mail_from: sender of e-mail; EBBTIDE_MAIL_FROM.
        backup_days: how long backups of the database are kept; EBBTIDE_BACKUP_DAYS; 0: none are made, None: not said.
        api_per_minute: requests a token of the retrieval API may make; EBBTIDE_API_PER_MINUTE.
        feed_per_minute: requests a token of a feed may make; EBBTIDE_FEED_PER_MINUTE.
        feed_media_mib: how large a fed recording may be, in MiB; EBBTIDE_FEED_MEDIA_MIB.
        single_sign_on: EBBTIDE_OIDC_URL, EBBTIDE_OIDC_CLIENT, EBBTIDE_OIDC_SECRET, EBBTIDE_OIDC_NAME; None: not
            offered.
    """

    data: Path
    web_url: str
    sweep_url: str
    owner_url: str
    objects_url: str | None
    exports_url: str | None
    export_gib: int
    secret_key: str | None
    hosts: tuple[str, ...]
    https: bool
    postgres_bin: Path | None
    proxies: int
    second_factor: SecondFactor
    stretch: int
    first_nights: int | None
    smtp: MailServer | None
    mail_from: str
    backup_days: int | None
    api_per_minute: int
    feed_per_minute: int
    feed_media_mib: int
    single_sign_on: SingleSignOn | None


def _switch(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "1" if default else "0").strip()
    if text not in {"0", "1"}:
        raise InputInvalid(f"{name} must be 1 or 0, not {text!r}.", field=name)
    return text == "1"


def _proxies() -> int:
    text = os.environ.get("EBBTIDE_PROXIES", "0").strip()
    if not text.isdecimal() or int(text) > _MOST_PROXIES:
        raise InputInvalid(
            f"EBBTIDE_PROXIES must be a whole number from 0 to {_MOST_PROXIES}, not {text!r}.", field="EBBTIDE_PROXIES"
        )
    return int(text)


def _stretch() -> int:
    text = os.environ.get("EBBTIDE_STRETCH", str(STRETCH)).strip()
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_STRETCH:
        raise InputInvalid(
            f"EBBTIDE_STRETCH must be a whole number from 1 to {_MOST_STRETCH}, not {text!r}.", field="EBBTIDE_STRETCH"
        )
    return int(text)


def _first_nights() -> int | None:
    text = os.environ.get("EBBTIDE_FIRST_NIGHTS", str(_FIRST_NIGHTS)).strip()
    if text == "none":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_FIRST_NIGHTS:
        raise InputInvalid(
            f"EBBTIDE_FIRST_NIGHTS must be a whole number from 1 to {_MOST_FIRST_NIGHTS}, or none, not {text!r}.",
            field="EBBTIDE_FIRST_NIGHTS",
        )
    return int(text)


def _backup_days() -> int | None:
    text = os.environ.get("EBBTIDE_BACKUP_DAYS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > _MOST_BACKUP_DAYS:
        raise InputInvalid(
            f"EBBTIDE_BACKUP_DAYS must be a whole number of days from 0 to {_MOST_BACKUP_DAYS:,}, not {text!r}.",
            field="EBBTIDE_BACKUP_DAYS",
        )
    return int(text)


def _whole(name: str, text: str) -> int:
    text = text.strip()
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_WHOLE:
        raise InputInvalid(f"{name} must be a whole number from 1 to {_MOST_WHOLE:,}, not {text!r}.", field=name)
    return int(text)


def _export_gib() -> int:
    text = os.environ.get("EBBTIDE_EXPORT_GIB", "50").strip()
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_EXPORT_GIB:
        raise InputInvalid(
            f"EBBTIDE_EXPORT_GIB must be a whole number from 1 to {_MOST_EXPORT_GIB:,}, not {text!r}.",
            field="EBBTIDE_EXPORT_GIB",
        )
    return int(text)


def _second_factor() -> SecondFactor:
    text = os.environ.get("EBBTIDE_SECOND_FACTOR", "operators").strip()
    if text not in SECOND_FACTORS:
        raise InputInvalid(
            f"EBBTIDE_SECOND_FACTOR must be nobody, operators or everyone, not {text!r}.", field="EBBTIDE_SECOND_FACTOR"
        )
    return cast("SecondFactor", text)


def _smtp() -> MailServer | None:
    """Read the mail server; smtp:// is only spoken in the clear to this machine itself."""
    text = os.environ.get("EBBTIDE_SMTP_URL", "")
    if not text:
        return None
    wrong = InputInvalid(
        "EBBTIDE_SMTP_URL must be smtp://user:password@host:port or smtps://user:password@host:port.",
        field="EBBTIDE_SMTP_URL",
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise wrong from exc
    host = parts.hostname or ""
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.query:
        raise wrong
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "smtps":
        return MailServer(host, port or 465, user, password, "tls")
    return MailServer(host, port or 587, user, password, "plain" if host in LOOPBACK else "starttls")


def _mail_from() -> str:
    text = os.environ.get("EBBTIDE_MAIL_FROM", "").strip() or "Ebbtide <ebbtide@localhost>"
    if "@" not in text or not text.isprintable():
        raise InputInvalid(
            f"EBBTIDE_MAIL_FROM must be an e-mail address, such as Ebbtide <no-reply@example.org>, not {text!r}.",
            field="EBBTIDE_MAIL_FROM",
        )
    return text


def _single_sign_on() -> SingleSignOn | None:
    url = os.environ.get("EBBTIDE_OIDC_URL", "").strip().rstrip("/")
    client, secret = os.environ.get("EBBTIDE_OIDC_CLIENT", ""), os.environ.get("EBBTIDE_OIDC_SECRET", "")
    if not url:
        return None
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise InputInvalid(
            "EBBTIDE_OIDC_URL must be the https:// address of the provider (its issuer).", field="EBBTIDE_OIDC_URL"
        )
    for name, value in (("EBBTIDE_OIDC_CLIENT", client), ("EBBTIDE_OIDC_SECRET", secret)):
        if not value:
            raise InputInvalid(f"EBBTIDE_OIDC_URL is set and {name} is not: the provider gives you both.", field=name)
    return SingleSignOn(url, client, secret, os.environ.get("EBBTIDE_OIDC_NAME", "").strip() or parts.hostname)


def read_environment() -> Environment:
    """Read and check all settings.

    Raises:
        InputInvalid: a value cannot be used; `field` is the variable's name.
    """
    web_url = os.environ.get("DATABASE_URL", "")
    sweep_url = os.environ.get("EBBTIDE_SWEEP_URL", "")
    if web_url and not sweep_url:
        raise InputInvalid(
            "DATABASE_URL is set and EBBTIDE_SWEEP_URL is not: the worker needs its own role, see docs/database.md.",
            field="EBBTIDE_SWEEP_URL",
        )
    binaries = os.environ.get("EBBTIDE_POSTGRES_BIN", "")
    return Environment(
        data=Path(os.environ.get("EBBTIDE_DATA") or "data").absolute(),
        web_url=web_url,
        sweep_url=sweep_url,
        owner_url=os.environ.get("EBBTIDE_OWNER_URL", ""),
        objects_url=os.environ.get("EBBTIDE_OBJECTS_URL") or None,
        exports_url=os.environ.get("EBBTIDE_EXPORTS_URL") or None,
        export_gib=_export_gib(),
        secret_key=os.environ.get("EBBTIDE_SECRET_KEY") or None,
        hosts=tuple(h.strip() for h in os.environ.get("EBBTIDE_HOSTS", "127.0.0.1,localhost").split(",") if h.strip()),
        https=_switch("EBBTIDE_HTTPS", default=False),
        postgres_bin=Path(binaries) if binaries else None,
        proxies=_proxies(),
        second_factor=_second_factor(),
        stretch=_stretch(),
        first_nights=_first_nights(),
        smtp=_smtp(),
        mail_from=_mail_from(),
        backup_days=_backup_days(),
        api_per_minute=_whole("EBBTIDE_API_PER_MINUTE", os.environ.get("EBBTIDE_API_PER_MINUTE", "600")),
        feed_per_minute=_whole("EBBTIDE_FEED_PER_MINUTE", os.environ.get("EBBTIDE_FEED_PER_MINUTE", "6000")),
        feed_media_mib=_whole("EBBTIDE_FEED_MEDIA_MIB", os.environ.get("EBBTIDE_FEED_MEDIA_MIB", "2048")),
        single_sign_on=_single_sign_on(),
    )

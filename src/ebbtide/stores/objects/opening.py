"""Opening a store by its URL, with the credentials of the operator's environment."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from ebbtide.domain.errors import InputInvalid

if TYPE_CHECKING:  # obstore exports these to type checkers alone
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

ERRORS = (BaseError, OSError)
MARK = ".ebbtide"
MARK_SAYS = b"Ebbtide keeps recordings and transcripts here. Where this file is missing it calls nothing deleted.\n"
TIMEOUT = timedelta(seconds=30)
CLIENT: "ClientConfig" = {
    "timeout": TIMEOUT,
    "connect_timeout": timedelta(seconds=10),
    "allow_http": True,
}
RETRY: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
ONCE: "RetryConfig" = {"max_retries": 0, "retry_timeout": timedelta(0)}
# Some stores take these for another key (a//b, ../b, a\\b), and the local folder hides names that end in #1: an object
# that is there would look gone under the name it was asked for.
MISREAD = re.compile(r"^$|^/|//|/$|(^|/)\.\.?(/|$)|[\\\x00-\x1f\x7f\ud800-\udfff]|#[0-9]+$")


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, opened.

    Attributes:
        store: for reading, writing and listing; its client tries again by itself.
        once: for deleting; its client tries once, so that a store that asks for less is heard.
        folder: the local folder; None for any other store.
        bucket: of S3; empty for any other store.
        prefix: below which all keys lie, without slashes around it; empty for none.
        identity: the URL as it may be shown and stored, without anything secret.
    """

    store: "ObjectStore"
    once: "ObjectStore"
    folder: Path | None
    bucket: str
    prefix: str
    identity: str


def open_store(url: str) -> Opened:
    """Open a store (file:///folder, s3://bucket/prefix, …).

    Raises:
        InputInvalid: the URL names no store that can be opened.
    """
    parts = urlsplit(url)
    identity = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    try:
        if parts.scheme == "file":
            folder = Path(unquote(parts.path))
            local: ObjectStore = LocalStore(folder, mkdir=True, automatic_cleanup=True)
            return Opened(local, local, folder, "", "", identity)
        store = from_url(url, client_options=CLIENT, retry_config=RETRY)
        once = from_url(url, client_options=CLIENT, retry_config=ONCE)
    except (*ERRORS, ValueError) as exc:
        raise InputInvalid(
            f"EBBTIDE_OBJECTS_URL cannot be opened ({first_line(exc)}): give file:///folder or s3://bucket/prefix.",
            field="EBBTIDE_OBJECTS_URL",
        ) from exc
    is_s3 = parts.scheme in ("s3", "s3a")
    return Opened(store, once, None, parts.netloc if is_s3 else "", parts.path.strip("/"), identity)


def first_line(exc: BaseException) -> str:
    """Give the first line of a store's message; the rest is its debug output."""
    return str(exc).partition("\n")[0][:300]

"""S3 as boto3 speaks it: for what obstore does not, which is versions, object lock and unfinished uploads.

Address and credentials are those of the same environment variables that obstore reads; boto3 knows two of them by other
names, and so is told. The client is made when it is first needed: most commands never do.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.stores.objects.opening import TIMEOUT, Opened
from ebbtide.stores.objects.pace import MOST_AT_ONCE

S3_ERRORS = (BotoCoreError, ClientError)
_REGION = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}
_OURS = {
    "ebbtide_virtual": (None, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "", None),
    "ebbtide_endpoint": (None, ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"], None, None),
}
_SHORT_S = 5.0


class S3:
    """A bucket, below a prefix."""

    def __init__(self, opened: Opened) -> None:
        self.bucket = opened.bucket
        self._base = f"{opened.prefix}/" if opened.prefix else ""
        self._lock = threading.Lock()
        self._clients: dict[bool, Any] = {}

    @property
    def client(self) -> Any:
        """boto3's client for this bucket."""
        return self._client(hurried=False)

    def _client(self, *, hurried: bool) -> Any:
        with self._lock:
            if hurried not in self._clients:
                self._clients[hurried] = _made(self.bucket, hurried=hurried)
            return self._clients[hurried]

    @property
    def host(self) -> str:
        """Name the server; empty where it is Amazon's."""
        endpoint = _session().get_config_variable("ebbtide_endpoint")
        return urlsplit(endpoint).netloc.rpartition("@")[2] if endpoint else ""

    def full(self, key: str) -> str:
        """Give a key as the bucket knows it."""
        return f"{self._base}{key}"

    def short(self, key: str) -> str:
        """Give a key of the bucket as we know it."""
        return key.removeprefix(self._base)

    def pages(self, operation: str, **asked: object) -> Iterator[dict[str, Any]]:
        """Give the pages of a listing.

        Raises:
            StoreUnreachable: the store does not answer, or does not allow it.
        """
        try:
            yield from self.client.get_paginator(operation).paginate(Bucket=self.bucket, **asked)
        except S3_ERRORS as exc:
            raise StoreUnreachable(f"The object store did not list what it keeps ({operation}): {exc}") from exc

    def clock(self) -> datetime | None:
        """Give the moment that the store's answers bear (UTC, whole seconds); None where there is none."""
        try:
            told = self._client(hurried=True).head_bucket(Bucket=self.bucket)["ResponseMetadata"]
        except ClientError as exc:
            told = exc.response.get("ResponseMetadata", {})
        except BotoCoreError:
            return None
        try:
            return parsedate_to_datetime(told["HTTPHeaders"]["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return None


def _session() -> Any:
    return botocore.session.Session(session_vars=_REGION | _OURS)


def _made(bucket: str, *, hurried: bool) -> Any:
    session = _session()
    is_virtual = str(session.get_config_variable("ebbtide_virtual")).lower() in ("true", "1", "yes", "on", "y")
    endpoint = session.get_config_variable("ebbtide_endpoint")
    if endpoint and is_virtual:  # obstore wants the bucket in this address, boto3 puts it there
        parts = urlsplit(endpoint)
        endpoint = urlunsplit(parts._replace(netloc=parts.netloc.removeprefix(f"{bucket}.")))
    patience = _SHORT_S if hurried else TIMEOUT.total_seconds()
    return session.create_client(
        "s3",
        region_name=session.get_config_variable("region") or "us-east-1",
        endpoint_url=endpoint or None,
        config=Config(
            connect_timeout=min(patience, 10.0),
            read_timeout=patience,
            retries={"total_max_attempts": 1},
            max_pool_connections=MOST_AT_ONCE,
            s3={"addressing_style": "virtual" if is_virtual else "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )

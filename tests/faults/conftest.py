"""A real S3 server behind a proxy that can be told to behave badly."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings

from ebbtide.apps.runs.wiring import object_store
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import opening
from tests.faults import proxy
from tests.stores import seaweed
from tests.stores.conftest import s3_settings, seaweedfs

__all__ = ["s3_settings", "seaweedfs"]

_numbers = iter(range(1, 1_000_000))


@pytest.fixture
def bad_store(
    database: Urls, s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> Iterator[proxy.BadStore]:
    """The product's object store: SeaweedFS behind the proxy, with a client that has little patience."""
    with proxy.running(behind=s3_settings.endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
        monkeypatch.setattr(opening, "CLIENT", {**opening.CLIENT, "timeout": timedelta(seconds=1)})
        monkeypatch.setattr(opening, "RETRY", {"max_retries": 0, "retry_timeout": timedelta(seconds=2)})
        monkeypatch.setattr(settings, "EBBTIDE_OBJECTS_URL", f"s3://{seaweed.BUCKET}/faults-{next(_numbers)}")
        object_store.cache_clear()
        yield store
        object_store.cache_clear()

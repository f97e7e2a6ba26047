"""The probe says of each behaviour what it saw, leaves nothing behind, and does not call proved what it did not see."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
import pytest

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.stores.objects import Objects, Probed, Seen, probe, trials
from tests.stores import seaweed
from tests.stores.conftest import Place
from tests.stores.proxy import Deed, Request, between
from tests.stores.test_versions import Bucket

_names = itertools.count(1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "MANY", 20)


def tried(objects: Objects) -> Probed:
    return probe(objects, now=lambda: datetime.now(UTC), name=f"test-{next(_names)}")


def ends(found: Probed) -> dict[str, Seen]:
    return {one.name: one.end for one in found.behaviours}


def test_a_sound_store_can_prove_erasure_and_nothing_is_left_in_it(place: Place) -> None:
    place.objects.put("org_1/que_1/2026-01-01/audio/1", [b"x"])
    found = tried(place.objects)
    assert (found.proves, found.reasons) == (True, ())
    assert len(found.behaviours) >= 20 - (place.kind == "folder")
    assert found.in_order == (place.kind == "s3")
    assert ends(found)["mark"] is Seen.PASS
    assert place.seen() == {"org_1/que_1/2026-01-01/audio/1"}


@pytest.mark.long
def test_pages_of_a_real_size(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "MANY", 1_001)
    assert tried(place.objects).proves
    assert place.seen() == set()


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_versioned_bucket_can_prove_it_by_version_ids(s3_settings: seaweed.Seaweed, status: str) -> None:
    bucket = Bucket(s3_settings)
    bucket.versioning("Enabled")
    bucket.put("org_1/que_1/2026-01-01/audio/1")
    bucket.versioning(status)
    found = tried(bucket.objects)
    assert found.reasons == ()
    kept = {one.name: one.seen for one in found.behaviours}
    assert "removed by its id" in kept["versions"]
    assert "0 are left" in kept["nothing kept"]
    left = bucket.kept()
    if status == "Suspended":  # SeaweedFS does not let go of markers that were made without a version id; no bytes
        versions = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=".ebbtide-probe")
        assert "Versions" not in versions
        left = [key for key in left if not key.startswith(".ebbtide-probe")]
    assert left == ["org_1/que_1/2026-01-01/audio/1"]


def test_a_store_that_does_not_take_an_object_is_not_there(s3_settings: seaweed.Seaweed) -> None:
    with pytest.raises(StoreUnreachable, match="did not take"):
        tried(Objects("s3://no-such-bucket"))


def test_what_could_not_be_asked_is_not_proved(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that lags is no proof; nor is a store of another kind, which cannot be asked for versions."""
    listed = trials.Bench.listed
    monkeypatch.setattr(
        trials.Bench, "listed",
        lambda self, folder="", **more: ["gone/1"] if folder == "gone" else listed(self, folder, **more),
    )  # fmt: skip
    found = tried(place.objects)
    assert not found.proves
    assert found.reasons == ("list after delete: it is still listed",)


def test_a_bucket_that_is_copied_elsewhere_proves_nothing(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(f"s3://{seaweed.BUCKET}/copied")
    assert objects.s3 is not None
    client = objects.s3.client

    def replication(**_asked: object) -> Any:
        return {"ReplicationConfiguration": {"Rules": [{"Status": "Enabled"}]}}

    monkeypatch.setattr(client, "get_bucket_replication", replication)
    found = tried(objects)
    assert found.reasons == ("copies: the bucket is copied elsewhere: what is deleted here by its version stays there",)


@pytest.fixture
def lying(s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """A store that says of each delete that it is done, and does nothing, until the test is over."""
    with between(s3_settings.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)

        def decide(request: Request) -> Deed:
            return Deed.LIE if request.deletes else Deed.PASS

        proxy.decide = decide
        yield Objects(f"s3://{seaweed.BUCKET}/lying")
        proxy.decide = lambda _request: Deed.PASS


def test_a_store_that_only_says_so_is_seen(lying: Objects) -> None:
    found = tried(lying)
    assert not found.proves
    wrong = {name for name, end in ends(found).items() if end is Seen.FAIL}
    assert {"read after delete", "list after delete", "neighbours", "bulk delete"} <= wrong
    left = [meta["path"] for page in obstore.list(lying.opened.store, ".ebbtide-probe") for meta in page]
    assert left, "it kept them, and the probe says so"


def test_the_stores_clock_is_held_against_ours(place: Place) -> None:
    found = probe(place.objects, now=lambda: datetime.now(UTC) + timedelta(hours=8))
    assert ends(found)["clock"] is Seen.FAIL
    assert found.proves, "a run is blocked for it; what was seen is seen"


def test_the_identity_bears_no_secret(s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_settings.endpoint.replace("http://", "http://someone:secret@"))
    told = Objects(f"s3://{seaweed.BUCKET}/x").identity
    assert told == f"s3://{seaweed.BUCKET}/x at {s3_settings.endpoint.removeprefix('http://')}"

"""A bucket that keeps versions: all that lies under a due key goes, by its id, and nothing of any other key."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
import pytest
from botocore.exceptions import ClientError

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Outcome, Purged, Retained
from ebbtide.stores.objects import Objects
from tests.stores import seaweed

CELL = "org_1/que_1/2026-01-01/audio"
OTHERS = "org_2/que_1/2026-01-01/audio"
_numbers = itertools.count(1)


class Bucket:
    """A bucket of a test's own, seen by boto3 as its owner."""

    def __init__(self, server: seaweed.Seaweed, *, lock: bool = False, prefix: str = "") -> None:
        self.client = server.client()
        self.name = f"kept-{next(_numbers)}"
        self.client.create_bucket(Bucket=self.name, ObjectLockEnabledForBucket=lock)
        self.prefix = f"{prefix}/" if prefix else ""
        self.objects = Objects(f"s3://{self.name}/{prefix}".rstrip("/"))

    def versioning(self, status: str) -> None:
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def put(self, *keys: str) -> None:
        for key in keys:
            self.objects.put(key, [b"heard"])

    def hide(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"{self.prefix}{key}")

    def begin(self, key: str) -> str:
        """An upload that breaks off after its first part."""
        asked = {"Bucket": self.name, "Key": f"{self.prefix}{key}"}
        upload: str = self.client.create_multipart_upload(**asked)["UploadId"]
        self.client.upload_part(**asked, UploadId=upload, PartNumber=1, Body=b"half of it")
        return upload

    def kept(self) -> list[str]:
        """Each thing that is kept, by its key; a key twice where there are two versions of it."""
        found = []
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            found += [one["Key"] for name in ("Versions", "DeleteMarkers") for one in page.get(name, ())]
        for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name):
            found += [one["Key"] for one in page.get("Uploads", ())]
        return sorted(key.removeprefix(self.prefix) for key in found if not key.endswith(".ebbtide"))

    def version(self, key: str) -> str:
        listed = self.client.list_object_versions(Bucket=self.name, Prefix=f"{self.prefix}{key}")
        found: str = listed["Versions"][0]["VersionId"]
        return found


@pytest.fixture(params=["", "below/two"], ids=["bucket", "prefix"])
def bucket(request: pytest.FixtureRequest, s3_settings: seaweed.Seaweed) -> Bucket:
    return Bucket(s3_settings, prefix=request.param)


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_every_version_marker_and_unfinished_upload_goes(bucket: Bucket, status: str) -> None:
    bucket.put(f"{CELL}/before", f"{OTHERS}/before")
    bucket.versioning("Enabled")
    for _ in range(3):
        bucket.put(f"{CELL}/twice", f"{OTHERS}/twice")
    bucket.put(f"{CELL}/hidden", f"{CELL}/like")
    bucket.hide(f"{CELL}/hidden")
    bucket.hide(f"{CELL}/marked")
    bucket.begin(f"{CELL}/twice")
    bucket.begin(f"{CELL}/half")
    bucket.begin(f"{OTHERS}/half")
    bucket.versioning(status)
    asked = [f"{CELL}/{name}" for name in ("before", "twice", "hidden", "marked", "half", "none", "lik")]
    assert bucket.objects.missing(asked) == {f"{CELL}/none", f"{CELL}/lik"}
    assert list(bucket.objects.destroy(asked)) == [
        Purged(), Purged(), Purged(), AlreadyGone(), Purged(), AlreadyGone(), AlreadyGone(),
    ]  # fmt: skip
    left = [f"{CELL}/like", f"{OTHERS}/before", f"{OTHERS}/half", *[f"{OTHERS}/twice"] * 3]
    assert bucket.kept() == left, "the neighbour's, and one that is only like another"
    assert bucket.objects.missing(asked) == set(asked)
    assert set(bucket.objects.destroy(asked)) == {AlreadyGone()}
    assert set(bucket.objects.keys("org_2")) == {f"{OTHERS}/before", f"{OTHERS}/twice"}
    assert bucket.kept() == left


def test_a_key_that_is_only_hidden_is_listed_and_no_ghost_is_passed_over(bucket: Bucket) -> None:
    bucket.versioning("Enabled")
    bucket.put(f"{CELL}/hidden", f"{CELL}/there")
    bucket.hide(f"{CELL}/hidden")
    assert set(bucket.objects.keys("org_1")) == {f"{CELL}/hidden", f"{CELL}/there"}


def test_more_versions_than_one_request_holds(s3_settings: seaweed.Seaweed) -> None:
    bucket = Bucket(s3_settings)
    bucket.versioning("Enabled")
    keys = [f"{CELL}/{number}" for number in range(340)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: obstore.put(bucket.objects.opened.store, key, b"heard"), keys * 3))
    bucket.put(f"{OTHERS}/1")
    assert set(bucket.objects.destroy(keys)) == {Purged()}
    assert bucket.kept() == [f"{OTHERS}/1"]


def lock_until(bucket: Bucket, key: str, *, mode: str = "COMPLIANCE") -> datetime:
    until = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    bucket.client.put_object_retention(
        Bucket=bucket.name, Key=key, VersionId=bucket.version(key), Retention={"Mode": mode, "RetainUntilDate": until}
    )
    return until


def hold(bucket: Bucket, key: str, *, on: bool = True) -> None:
    bucket.client.put_object_legal_hold(
        Bucket=bucket.name, Key=key, VersionId=bucket.version(key), LegalHold={"Status": "ON" if on else "OFF"}
    )


def test_what_the_store_keeps_is_told_with_its_date(s3_settings: seaweed.Seaweed) -> None:
    bucket = Bucket(s3_settings, lock=True)
    bucket.put(f"{CELL}/compliance", f"{CELL}/governance", f"{CELL}/held", f"{CELL}/free", f"{OTHERS}/free")
    until = lock_until(bucket, f"{CELL}/compliance")
    lock_until(bucket, f"{CELL}/governance", mode="GOVERNANCE")
    hold(bucket, f"{CELL}/held")
    asked = [f"{CELL}/{name}" for name in ("compliance", "governance", "held", "free")]
    dated = Retained(f"the store's object lock keeps it until {until:%Y-%m-%d %H:%M} UTC")
    found = list(bucket.objects.destroy(asked))
    assert found[0] == dated
    assert isinstance(found[1], Retained)
    assert found[2:] == [Retained("a legal hold in the store keeps it"), Purged()]
    assert bucket.kept() == [*sorted(asked[:3]), f"{OTHERS}/free"]
    hold(bucket, f"{CELL}/held", on=False)
    assert list(bucket.objects.destroy(asked))[2:] == [Purged(), AlreadyGone()]  # another night


def test_discard_takes_the_parts_of_an_upload_that_broke_off(bucket: Bucket) -> None:
    """Without versions too: nothing else ever shows them."""
    bucket.put(f"{CELL}/whole")
    for key in (f"{CELL}/half", f"{CELL}/half", f"{CELL}/half2", f"{OTHERS}/half"):
        bucket.begin(key)
    bucket.objects.discard(f"{CELL}/half")
    assert bucket.kept() == [f"{CELL}/half2", f"{CELL}/whole", f"{OTHERS}/half"]
    bucket.objects.discard(f"{CELL}/half")


class Answering:
    """Answers some calls in the place of boto3's client."""

    def __init__(self, client: Any, **answers: Callable[..., Any]) -> None:
        self._client = client
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name, getattr(self._client, name))


def test_errors_inside_a_good_answer_are_each_keys_own(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket(s3_settings)
    bucket.versioning("Enabled")
    keys = [f"{CELL}/{number}" for number in range(3)]
    bucket.put(*keys)
    assert bucket.objects.s3 is not None
    client, calls = bucket.objects.s3.client, itertools.count(1)

    def delete_objects(**asked: Any) -> Any:
        """The first key is refused each time, the second once because the store is busy."""
        busy = next(calls) == 1
        kept = [one for one in asked["Delete"]["Objects"] if not one["Key"].endswith(("/0", "/1") if busy else "/0")]
        if kept:
            client.delete_objects(Bucket=asked["Bucket"], Delete={"Objects": kept, "Quiet": True})
        codes = {"0": ("InvalidRequest", "no"), "1": ("SlowDown", "later")} if busy else {"0": ("InvalidRequest", "no")}
        return {
            "Errors": [
                {"Key": one["Key"], "VersionId": one["VersionId"], "Code": codes[last][0], "Message": codes[last][1]}
                for one in asked["Delete"]["Objects"]
                if (last := one["Key"][-1]) in codes
            ]
        }

    monkeypatch.setitem(bucket.objects.s3._clients, False, Answering(client, delete_objects=delete_objects))
    outcomes: list[Outcome] = list(bucket.objects.destroy(keys))
    assert outcomes == [Failed("InvalidRequest: no"), Purged(), Purged()]
    assert bucket.kept() == [keys[0]]


@pytest.mark.parametrize("code", ["NotImplemented", "AccessDenied"])
def test_a_store_that_lists_no_uploads_takes_discards_still(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    bucket = Bucket(s3_settings)
    bucket.put(f"{CELL}/half")
    assert bucket.objects.s3 is not None

    def pages(_operation: str, **_asked: object) -> Any:
        cause = ClientError({"Error": {"Code": code, "Message": ""}}, "ListMultipartUploads")
        raise StoreUnreachable("It did not list.") from cause

    monkeypatch.setattr(bucket.objects.s3, "pages", pages)
    bucket.objects.discard(f"{CELL}/half")
    assert bucket.kept() == []


def test_the_stores_clock_is_read(s3_settings: seaweed.Seaweed) -> None:
    told = Objects(f"s3://{seaweed.BUCKET}/x").clock()
    assert told is not None
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=30)
    refused = Objects("s3://no-such-bucket").clock()
    assert refused is not None, "an answer that refuses bears a date too"

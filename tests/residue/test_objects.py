"""Needles in the bodies of objects: all in the files before they are purged, none of them after.

Keys bear no needle, because nothing personal is ever in a key: SeaweedFS keeps the names of keys in its filer's log for
good, whatever is deleted.
"""

import secrets
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ebbtide.domain.outcome import Purged
from ebbtide.stores.objects import Objects
from tests.residue.scan import found_in, needles
from tests.stores import seaweed

NEIGHBOUR = "org_2/que_1/2026-01-01/audio/0"
PATIENCE_S = 60.0
WRITERS = 8
MIB = 1024 * 1024


def found(folder: Path, *, among: list[str]) -> set[str]:
    """The needles that any file below a folder holds."""
    return set().union(*found_in(folder, among).values())


def planted(objects: Objects, *, count: int, times: int = 1) -> tuple[list[str], list[str], str]:
    """Objects with a needle each, one of them large; and a neighbour's. With `times` > 1 each is written over."""
    keys = [f"org_1/que_1/2026-01-01/audio/{number:032x}" for number in range(count)]
    planted, theirs = needles(count * times), needles(1)[0]

    def plant(number: int) -> None:
        filler = secrets.token_bytes(6 * MIB if number == 0 else 200)
        objects.put(keys[number % count], [filler, planted[number].encode(), b"."])

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(plant, range(len(planted))))
    objects.put(NEIGHBOUR, [theirs.encode()])
    return keys, planted, theirs


@pytest.mark.parametrize("count", [20, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_folder_holds_nothing_of_what_was_purged(tmp_path: Path, count: int) -> None:
    objects = Objects((tmp_path / "objects").as_uri())
    keys, hidden, theirs = planted(objects, count=count)
    assert found(tmp_path, among=[*hidden, theirs]) == {*hidden, theirs}
    assert set(objects.destroy(keys)) == {Purged()}
    assert found(tmp_path, among=[*hidden, theirs]) == {theirs}


def vacuumed(server: seaweed.Seaweed, *, hidden: list[str]) -> set[str]:
    """Have the volumes vacuumed until nothing is found, or patience ends: the filer lets bodies go in its own time."""
    until = time.monotonic() + PATIENCE_S
    while True:
        with urllib.request.urlopen(f"{server.master}/vol/vacuum?garbageThreshold=0.0001", timeout=60) as answer:  # noqa: S310
            answer.read()
        left = found(server.folder, among=hidden)
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.5)  # for another process to have done its work


@pytest.mark.long
@pytest.mark.parametrize("versions", [False, True], ids=["plain", "versioned"])
@pytest.mark.parametrize("count", [50, 10_000])
def test_seaweedfs_holds_nothing_once_its_volumes_are_vacuumed(
    s3_settings: seaweed.Seaweed, count: int, versions: bool
) -> None:
    bucket = f"residue-{count}-{'versioned' if versions else 'plain'}"
    client = s3_settings.client()
    client.create_bucket(Bucket=bucket)
    if versions:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    objects = Objects(f"s3://{bucket}")
    keys, hidden, theirs = planted(objects, count=count, times=2 if versions else 1)
    half = needles(1)[0]
    asked = {"Bucket": bucket, "Key": keys[0]}
    upload = client.create_multipart_upload(**asked)["UploadId"]
    client.upload_part(**asked, UploadId=upload, PartNumber=1, Body=half.encode())
    everything = [*hidden, half]
    assert found(s3_settings.folder, among=[*everything, theirs]) == {*everything, theirs}
    assert set(objects.destroy(keys)) == {Purged()}
    objects.discard(keys[0])
    assert vacuumed(s3_settings, hidden=everything) == set()
    assert found(s3_settings.folder, among=[theirs]) == {theirs}

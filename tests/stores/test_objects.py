"""What an object store answers is not believed: each test looks by another way than the store under test."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
import pytest

from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Purged
from ebbtide.stores.objects import Objects
from ebbtide.stores.objects import opening as under_test
from tests.stores import seaweed
from tests.stores.conftest import Place, folder_place

MIB = 1024 * 1024
CELL = "org_1/que_1/2026-01-01"
ODD = [
    "a b/c d", "ü/ß", "日本/é", "a%41/%2e%2e", "50%", "a#1/b", "b#x", "[x]", "{x}", "*", "?q", "~x", "'\"", "|", "^`",
    "&=+,;:@!$()", "<x>", ".hidden", "dot.", "k" * 200,
]  # fmt: skip


def peak_of(work: Callable[[], None]) -> int:
    """Bytes by which memory rose at its highest during `work` (this process, all threads)."""

    def status(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    before = status("VmRSS")
    work()
    return status("VmHWM") - before


def test_streams_in_and_out(place: Place) -> None:
    key = f"{CELL}/audio/big"

    def write(size: int) -> None:
        blocks = (bytes([n % 251]) * (256 * 1024) for n in range(size // (256 * 1024)))
        assert place.objects.put(key, blocks).size == size

    def read() -> None:
        assert sum(len(chunk) for chunk in place.objects.get(key)) == 50 * MIB

    write(10 * MIB)  # threads and connections are there
    assert peak_of(lambda: write(50 * MIB)) < 32 * MIB
    assert peak_of(read) < 16 * MIB
    assert place.seen() == {key}


def test_gives_back_what_it_took(place: Place) -> None:
    for content in (b"", b"x", b"0123456789" * 700_000):  # nothing, one request, several parts
        stored = place.objects.put("a/b", (content[at : at + MIB] for at in range(0, len(content), MIB)))
        assert b"".join(place.objects.get("a/b")) == content
        assert stored.size == len(content)


def test_a_prefix_means_whole_segments(place: Place) -> None:
    for key in ("audio/1", "audio/deep/2", "audio2/3", "audi/4"):
        place.objects.put(f"{CELL}/{key}", [b"x"])
    mine = {f"{CELL}/audio/1", f"{CELL}/audio/deep/2"}
    assert set(place.objects.keys(f"{CELL}/audio")) == set(place.objects.keys(f"{CELL}/audio/")) == mine
    assert set(place.objects.keys("")) == place.seen()
    assert len(place.seen()) == 4
    assert set(place.objects.keys("org_1/que_1/2026-01-0")) == set(place.objects.keys("org_2")) == set()


def test_each_key_has_its_own_end_in_order(place: Place) -> None:
    there = [f"{CELL}/audio/{n}" for n in range(1_100)] + [f"{CELL}/desktop/{n}" for n in range(3)]
    neighbours = {f"{CELL}/audio2/0", "org_10/que_1/2026-01-01/audio/0"}
    for key in [*there, *neighbours]:
        place.objects.put(key, [b"x"])
    asked, absent = [], [f"{CELL}/audio/none", f"{CELL}/transcript/none"]
    for number, key in enumerate(there):
        asked += [key, absent[number % 2]] if number % 500 == 0 else [key]
    assert list(place.objects.destroy(asked)) == [AlreadyGone() if key in absent else Purged() for key in asked]
    assert place.seen() == neighbours
    assert set(place.objects.destroy(asked)) == {AlreadyGone()}
    assert place.objects.destroy([]) == []
    assert place.seen() == neighbours


@pytest.mark.parametrize("key", ODD)
def test_odd_keys_are_themselves(place: Place, key: str) -> None:
    placed, other = f"{CELL}/{key}", f"{CELL}/other"
    for one in (placed, other):
        place.objects.put(one, [b"x"])
    assert set(place.objects.keys(CELL)) == place.seen() == {placed, other}
    assert b"".join(place.objects.get(placed)) == b"x"
    assert place.objects.destroy([placed]) == [Purged()]
    assert place.seen() == {other}


def test_what_is_not_there_cannot_be_read(place: Place) -> None:
    with pytest.raises(StoreUnreachable, match="not found"):
        list(place.objects.get("a/b"))


def test_a_source_that_breaks_leaves_nothing(place: Place) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * 6 * MIB  # more than one part
        raise InputInvalid("the recording cannot be read")

    with pytest.raises(InputInvalid, match="cannot be read"):
        place.objects.put("a/b", breaking())
    assert place.seen() == set()


@contextmanager
def undeletable(folder: Path) -> Iterator[None]:
    """Nothing in this folder may be removed: by flag, because root heeds no permission bits."""
    flagged = subprocess.run(["chattr", "+i", folder], capture_output=True, check=False).returncode == 0
    mode = folder.stat().st_mode
    if not flagged:
        folder.chmod(0o555)
    try:
        try:
            (folder / "probe").touch()
        except OSError:
            yield
        else:
            pytest.skip("did not run: as root, on a file system without the immutable flag")
    finally:
        if flagged:
            subprocess.run(["chattr", "-i", folder], check=True)
        folder.chmod(mode)


def test_one_that_may_not_go_fails_alone_in_a_folder(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "objects")
    free, bound = [f"{CELL}/audio/{n}" for n in range(1_100)], f"{CELL}/desktop/0"
    for key in [*free, bound]:
        place.objects.put(key, [b"x"])
    with undeletable(tmp_path / "objects" / CELL / "desktop"):
        outcomes = place.objects.destroy([*free[:600], bound, *free[600:]])
    assert isinstance(outcomes[600], Failed)
    assert "not permitted" in outcomes[600].reason or "denied" in outcomes[600].reason
    assert {*outcomes[:600], *outcomes[601:]} == {Purged()}
    assert place.seen() == {bound}
    assert place.objects.destroy([free[0], bound]) == [AlreadyGone(), Purged()]


def test_one_that_may_not_go_fails_alone_on_s3(s3_settings: seaweed.Seaweed) -> None:
    client = s3_settings.client()
    client.create_bucket(Bucket="guarded")
    objects = Objects("s3://guarded/below")
    free, bound = [f"{CELL}/audio/{n}" for n in range(1_100)], f"{CELL}/audio/bound"
    for key in [*free, bound]:
        objects.put(key, [b"x"])
    deny = {"Effect": "Deny", "Principal": "*", "Action": ["s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::guarded/below/{bound}"]}  # fmt: skip
    client.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    outcomes = objects.destroy([*free[:600], bound, *free[600:], f"{CELL}/audio/none"])
    assert isinstance(outcomes[600], Failed)
    assert "AccessDenied" in outcomes[600].reason or "403" in outcomes[600].reason
    assert set(outcomes[:600]) == {Purged()} == set(outcomes[601:-1])
    assert outcomes[-1] == AlreadyGone()
    assert seaweed.listed(client, bucket="guarded", prefix="") == {f"below/{bound}", "below/.ebbtide"}


@pytest.mark.parametrize("prefix", ["", "/below", "/two/deep/"])
def test_environment_alone_is_enough_and_the_prefix_stays_inside(s3_settings: seaweed.Seaweed, prefix: str) -> None:
    client = s3_settings.client()
    bucket = f"plain-{len(prefix)}"
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="two/deeper/neighbour", Body=b"x")
    objects = Objects(f"s3://{bucket}{prefix}")
    objects.put(f"{CELL}/audio/1", [b"x"])
    base = f"{prefix.strip('/')}/".lstrip("/")
    others = {"two/deeper/neighbour", f"{base}.ebbtide"}
    assert seaweed.listed(client, bucket=bucket, prefix="") == {f"{base}{CELL}/audio/1", *others}
    assert set(objects.keys("org_1")) == {f"{CELL}/audio/1"}
    assert set(objects.keys("")) - {"two/deeper/neighbour"} == {f"{CELL}/audio/1"}
    assert objects.destroy([f"{CELL}/audio/1"]) == [Purged()]
    assert seaweed.listed(client, bucket=bucket, prefix="") == others


def test_wrong_credentials_are_told(s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    objects = Objects(f"s3://{seaweed.BUCKET}/x")
    with pytest.raises(StoreUnreachable, match="403"):
        objects.put("a/b", [b"x"])
    with pytest.raises(StoreUnreachable, match="403"):
        objects.destroy(["a/b"])


@pytest.mark.parametrize("url", ["s3://", "nonsense://x/y", "no url", "", "file:///proc/none/here"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        Objects(url)
    assert refused.value.field == "EBBTIDE_OBJECTS_URL"


def _all_ways(objects: Objects) -> Iterator[tuple[str, float]]:
    """Every way to use a store that is not there: how it was told, and how many seconds that took."""
    keys = [f"org_1/que_{n}/2026-01-01/audio/0" for n in range(300)]
    for way in (
        lambda: objects.put(keys[0], [b"x"]),
        lambda: list(objects.get(keys[0])),
        lambda: list(objects.keys("org_1")),
        lambda: objects.destroy(keys),
        lambda: objects.discard(keys[0]),
    ):
        start = time.monotonic()
        with pytest.raises(StoreUnreachable) as told:
            way()
        yield told.value.message, time.monotonic() - start


def test_a_store_that_is_down_is_unreachable_soon(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{seaweed.free_ports(1)[0]}")
    for message, seconds in _all_ways(Objects(f"s3://{seaweed.BUCKET}/x")):
        assert message.startswith("The object store did not")
        assert seconds < 10


def test_a_store_that_hangs_is_unreachable_in_bounded_time(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With limits of half a second instead of 30 and 60, else it would take minutes."""
    monkeypatch.setitem(under_test.CLIENT, "timeout", timedelta(seconds=0.5))
    monkeypatch.setitem(under_test.RETRY, "max_retries", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _, seconds in _all_ways(Objects(f"s3://{seaweed.BUCKET}/x")):
            assert seconds < 8


def test_an_empty_folder_goes_with_its_last_object(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "objects")
    for key in (f"{CELL}/audio/1", f"{CELL}/audio/2", "org_2/que_2/2026-01-01/audio/1"):
        place.objects.put(key, [b"x"])
    place.objects.destroy([f"{CELL}/audio/1"])
    assert (tmp_path / "objects" / CELL / "audio").is_dir()
    place.objects.destroy([f"{CELL}/audio/2"])
    assert {path.name for path in (tmp_path / "objects").iterdir()} == {"org_2", ".ebbtide"}


def test_discard_removes_a_whole_object_and_its_absence_is_fine(place: Place) -> None:
    for key in (f"{CELL}/audio/1", f"{CELL}/audio/10"):
        place.objects.put(key, [b"x"])
    place.objects.discard(f"{CELL}/audio/1")
    place.objects.discard(f"{CELL}/audio/1")
    place.objects.discard(f"{CELL}/none/1")
    assert place.seen() == {f"{CELL}/audio/10"}


def test_discard_removes_what_a_killed_upload_staged(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "objects")
    folder = tmp_path / "objects" / CELL / "audio"
    place.objects.put(f"{CELL}/audio/11", [b"whole"])
    for name in ("1#1", "1#2", "10#1", "1#note"):
        (folder / name).write_bytes(b"half")
    assert set(place.objects.keys("")) == {f"{CELL}/audio/11", f"{CELL}/audio/1#note"}
    place.objects.discard(f"{CELL}/audio/1")
    assert {path.name for path in folder.iterdir()} == {"10#1", "1#note", "11"}
    for name in ("10", "11", "1#note"):
        place.objects.discard(f"{CELL}/audio/{name}")
    assert [path.name for path in (tmp_path / "objects").iterdir()] == [".ebbtide"]


def test_a_delete_that_was_said_to_work_and_did_not_is_a_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a/1", "a/2"):
        place.objects.put(key, [b"x"])
    delete = obstore.delete

    def lies(store: object, keys: list[str]) -> None:
        delete(store, [key for key in keys if key != "a/1"])  # type: ignore[arg-type]

    monkeypatch.setattr(obstore, "delete", lies)
    lied, gone = place.objects.destroy(["a/1", "a/2"])
    assert isinstance(lied, Failed)
    assert gone == Purged()
    assert place.seen() == {"a/1"}


def test_a_lost_answer_after_the_deed_still_counts_as_purged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a/1", "a/2"):
        place.objects.put(key, [b"x"])
    delete = obstore.delete

    def loses(store: object, keys: object) -> None:
        delete(store, keys)  # type: ignore[arg-type]
        raise OSError("connection reset")

    monkeypatch.setattr(obstore, "delete", loses)
    assert place.objects.destroy(["a/1", "a/none", "a/2"]) == [Purged(), AlreadyGone(), Purged()]
    assert place.seen() == set()

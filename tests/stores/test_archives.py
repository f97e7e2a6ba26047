"""Archives in each kind of store: poured in, read from any place, and gone to the last part of what broke off."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from ebbtide.apps.exports import making
from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.sweeping import sweep_exports
from ebbtide.apps.runs.wiring import _opened, export_store
from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import store as store_module
from tests.apps.exports.scene import asked, made, never, opened, read, two_centres
from tests.apps.reports.purging import purge
from tests.apps.web.conftest import CLOCK, job_for
from tests.stores import seaweed

from .conftest import Place
from .test_versions import Bucket

KEY = "exports/org_1/exp_1/0a.zip"
MIB = 1024 * 1024


def test_poured_in_and_read_from_any_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_POURED_BYTES", 5 * MIB)  # the least that S3 takes as a part
    place.objects.put("audio", [b"heard"])
    content = b"".join(bytes([number]) * MIB for number in range(12))

    def chunks() -> Iterator[bytes]:
        assert b"".join(place.objects.get("audio")) == b"heard"  # read while it is written
        for number in range(12):
            yield content[number * MIB : (number + 1) * MIB]

    stored = place.objects.pour(KEY, chunks())
    assert stored.size == len(content)
    assert b"".join(place.objects.get(KEY)) == content
    assert b"".join(place.objects.piece(KEY, first=MIB - 1, last=MIB)) == b"\0\1"
    with place.objects.reader(KEY) as source:
        source.seek(-2, 2)
        assert source.read() == b"\x0b\x0b"
        source.seek(3 * MIB)
        assert source.read(1) == b"\3"
    with pytest.raises(StoreUnreachable):
        place.objects.reader("exports/org_1/exp_1/none.zip").read()
    with pytest.raises(StoreUnreachable):
        list(place.objects.piece("exports/org_1/exp_1/none.zip", first=0, last=0))
    with pytest.raises(InputInvalid):
        place.objects.pour("../out", [b""])


def test_what_broke_off_is_no_object_and_goes_without_a_trace(
    s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_POURED_BYTES", 5 * MIB)
    bucket = Bucket(s3_settings)

    class Killed(BaseException):
        pass

    def chunks() -> Iterator[bytes]:
        yield b"x" * 11 * MIB
        raise Killed

    with pytest.raises(Killed):
        bucket.objects.pour(KEY, chunks())
    assert not list(bucket.objects.keys("exports"))
    bucket.objects.discard(KEY)
    assert bucket.kept() == []


def test_an_export_in_a_bucket_of_its_own_that_keeps_versions(
    database: Urls, s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket(s3_settings, prefix="taken")
    bucket.versioning("Enabled")
    monkeypatch.setattr(settings, "EBBTIDE_EXPORTS_URL", f"s3://{bucket.name}/taken")
    _opened.cache_clear()
    alice, charlie = two_centres()
    ours, theirs = made(alice), made(charlie)
    assert ours.ready_at, ours.reason
    assert bucket.kept() == sorted([ours.key, theirs.key])
    with opened(ours) as archive:
        assert archive.testzip() is None
    job_for(alice, 30)
    purge(alice)
    assert sweep_exports(now=CLOCK.now()) == 1
    assert read(ours).gone_at
    assert bucket.kept() == [theirs.key]  # no version of the other, and no marker
    # an attempt that was killed after its archive was whole
    again = asked(alice)
    monkeypatch.setattr(making, "check", lambda *_args, **_more: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        make_export(alice.id, number=again.id, clock=CLOCK, stop=never)
    assert len(bucket.kept()) == 2
    monkeypatch.setattr(making, "check", lambda *_args, **_more: None)
    make_export(alice.id, number=again.id, clock=CLOCK, stop=never)
    assert bucket.kept() == sorted([read(again).key, theirs.key])
    assert export_store().identity.startswith(f"s3://{bucket.name}/taken")

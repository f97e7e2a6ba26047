"""Where "absent" would be a false receipt: the object is there, by another name, as a version, or in another place."""

from pathlib import Path

import pytest

from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Purged
from ebbtide.stores.objects import Objects
from tests.stores.conftest import Place, folder_place

CELL = "org_1/que_1/2026-01-01"
UNUSABLE = [
    "", "/a", "a/", "a//b", "../x", "a/../b", ".", "a/.", "a\\b", "a\0b", "a\nb", "a\rb", "a\x7f", "a/b#2", "a\ud800",
]  # fmt: skip


@pytest.mark.parametrize("key", UNUSABLE)
def test_keys_that_stores_read_as_others_are_refused(place: Place, key: str) -> None:
    """SeaweedFS takes `a\\b` as `a/b`, a folder takes `/a` as `a`: by its own name it is not there."""
    for one in ("a", "a/b", "b", "x"):
        if place.kind == "s3" or one != "a":
            place.objects.put(f"{one}/o", [b"x"])
    before = place.seen()
    with pytest.raises(InputInvalid) as refused:
        place.objects.put(key, [b"x"])
    assert refused.value.field == "key"
    outcomes = place.objects.destroy(["x/o", key, "x/none"])
    assert (outcomes[0], outcomes[2]) == (Purged(), AlreadyGone())
    assert isinstance(outcomes[1], Failed)
    assert place.seen() == before - {"x/o"}


def test_a_folder_that_is_not_mounted_is_no_empty_store(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "objects")
    place.objects.put(f"{CELL}/audio/1", [b"x"])
    (tmp_path / "objects").rename(tmp_path / "unmounted")
    for there in (False, True):
        if there:
            (tmp_path / "objects").mkdir()  # the mount point
        for way in (lambda: place.objects.destroy([f"{CELL}/audio/1"]), lambda: place.objects.discard("a/b")):
            with pytest.raises(StoreUnreachable, match="mounted"):
                way()
    (tmp_path / "objects").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "objects")
    assert place.seen() == {f"{CELL}/audio/1"}
    assert place.objects.destroy([f"{CELL}/audio/1"]) == [Purged()]
    assert place.objects.destroy([f"{CELL}/audio/1"]) == [AlreadyGone()]  # the mark stays, though all else is gone


def test_a_mistyped_prefix_is_no_empty_store(place: Place) -> None:
    place.objects.put(f"{CELL}/audio/1", [b"x"])
    mistyped = Objects(f"{place.url}x")
    with pytest.raises(StoreUnreachable, match="EBBTIDE_OBJECTS_URL"):
        mistyped.destroy([f"{CELL}/audio/1"])
    assert place.seen() == {f"{CELL}/audio/1"}


def test_the_mark_is_no_object(place: Place) -> None:
    place.objects.put(f"{CELL}/audio/1", [b"x"])
    assert set(place.objects.keys("")) == {f"{CELL}/audio/1"}
    place.objects.destroy([f"{CELL}/audio/1"])
    assert list(place.objects.keys("")) == []

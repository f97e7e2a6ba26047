"""Where "absent" would be a false receipt: the object is there, by another name, as a version, or in another place."""

import pytest

from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.outcome import AlreadyGone, Failed, Purged
from tests.stores.conftest import Place

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

"""What any store is tried with, in order: each try leans on those before it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import obstore
from obstore.exceptions import AlreadyExistsError

from ebbtide.stores.objects.opening import ERRORS, MARK, first_line
from ebbtide.stores.objects.store import Objects

MANY = 1_001
"""One more than a page of a listing, and than a bulk delete may name."""
ORDER = "listing in order"
_AT_ONCE = 16
_LARGE = 6 * 1024 * 1024
_CLOCK_TOLERANCE = timedelta(seconds=120)
_ODD = ("a b", "ü", "a%41", "50%", "b+c", "[x]", "~", "(1)", "'", "&=", "dot.", "k" * 200)

Found = tuple[bool | None, str]
"""Whether a behaviour was seen (None: it cannot be known), and what was seen, in words."""


class Bench:
    """Where a store is tried: below a folder of its own."""

    def __init__(self, objects: Objects, *, place: str, now: Callable[[], datetime]) -> None:
        self.objects = objects
        self.store = objects.opened.store
        self.once = objects.opened.once
        self.place = place
        self.now = now

    def key(self, name: str) -> str:
        """Give a throw-away key."""
        return f"{self.place}/{name}"

    def put(self, names: Iterable[str], content: bytes = b"1") -> None:
        """Write throw-away objects."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda name: obstore.put(self.store, self.key(name), content), names))

    def listed(self, folder: str = "", *, after: str | None = None) -> list[str]:
        """List what is there, in the store's own order, as names."""
        below = f"{self.place}/{folder}".rstrip("/")
        pages = obstore.list(self.store, below, offset=None if after is None else self.key(after), chunk_size=1_000)
        return [meta["path"].removeprefix(f"{self.place}/") for page in pages for meta in page]

    def read(self, name: str) -> bytes:
        """Read a throw-away object."""
        return bytes(obstore.get(self.store, self.key(name)).bytes())

    def delete(self, names: Iterable[str]) -> str:
        """Delete in bulk; gives what the store said against it."""
        try:
            obstore.delete(self.once, [self.key(name) for name in names])
        except ERRORS as exc:
            return first_line(exc)
        return ""

    def clear(self) -> None:
        """Take away whatever is left."""
        left = [self.key(name) for name in self.listed()]
        if self.objects.versions is not None:
            kept = list(dict.fromkeys([*left, *(one.key for one in self.objects.versions.below(self.place))]))
            self.objects.versions.destroy(kept)
        elif left:
            obstore.delete(self.store, left)


@dataclass(frozen=True, slots=True)
class Try:
    """A behaviour, and how it is tried."""

    name: str
    asked: str
    do: Callable[[Bench], Found]
    needed: bool = True


def _write(bench: Bench) -> Found:
    bench.put(["one"], b"first")
    return True, "it was taken"


def _read_back(bench: Bench) -> Found:
    return bench.read("one") == b"first", "the same bytes came back" if bench.read("one") == b"first" else "others came"


def _range(bench: Bench) -> Found:
    part = bytes(obstore.get_range(bench.store, bench.key("one"), start=1, end=3))
    return part == b"ir", "the part asked for came" if part == b"ir" else f"{len(part)} bytes came"


def _overwrite(bench: Bench) -> Found:
    bench.put(["one"], b"second")
    found = bench.read("one")
    return found == b"second", "the new bytes came back" if found == b"second" else "the old bytes came back"


def _list_after_write(bench: Bench) -> Found:
    bench.put(["listed/1"])
    found = bench.listed("listed")
    return found == ["listed/1"], "it was listed at once" if found else "it was not listed"


def _absent(bench: Bench) -> Found:
    try:
        obstore.head(bench.store, bench.key("none"))
    except FileNotFoundError:
        return True, "not found, it said"
    return False, "it said that it is there"


def _delete_absent(bench: Bench) -> Found:
    said = bench.delete(["none"])
    return (
        True,
        f"it said: {said}" if said else "it said that it is deleted: absent and deleted are told apart by looking",
    )


def _conditional(bench: Bench) -> Found:
    try:
        obstore.put(bench.store, bench.key("one"), b"third", mode="create")
    except AlreadyExistsError:
        return True, "it was refused, because one is there"
    return False, "the one that was there was overwritten"


def _delete_read(bench: Bench) -> Found:
    bench.put(["gone/1"])
    said = bench.delete(["gone/1"])
    try:
        bench.read("gone/1")
    except FileNotFoundError:
        return True, "it is not found any more"
    return False, said or "it said that it is deleted, and gave its bytes"


def _list_after_delete(bench: Bench) -> Found:
    found = bench.listed("gone")
    return not found, "it is not listed any more" if not found else "it is still listed"


def _neighbours(bench: Bench) -> Found:
    bench.put(["like/1", "like/10", "like2/1"])
    bench.delete(["like/1"])
    left = sorted([*bench.listed("like"), *bench.listed("like2")])
    return left == ["like/10", "like2/1"], f"left: {', '.join(left) or 'nothing'}"


def _many(bench: Bench) -> Found:
    bench.put(f"many/{number:05}" for number in range(MANY))
    found = bench.listed("many")
    return len(set(found)) == len(found) == MANY, f"{len(found):,} were listed"


def _order(bench: Bench) -> Found:
    found, half = bench.listed("many"), MANY // 2
    rest = bench.listed("many", after=f"many/{half - 1:05}")
    if found != sorted(found):
        return False, "they came in no order"
    return rest == found[half:], f"in order; after one in the middle came {len(rest):,}"


def _bulk(bench: Bench) -> Found:
    names = [f"many/{number:05}" for number in range(MANY)]
    said = bench.delete(names[:-1])
    left = bench.listed("many")
    return left == names[-1:], said or f"{len(left)} of {MANY:,} left; one was not asked for"


def _bulk_absent(bench: Bench) -> Found:
    names = [f"some/{number}" for number in range(5)]
    bench.put(names)
    said = bench.delete([*names[:2], "some/none", *names[2:]])
    left = bench.listed("some")
    if left:
        return False, f"{len(left)} of the others stayed ({said}): they are deleted one by one then"
    return True, f"the others are gone; of it, it said: {said or 'deleted'}"


def _odd(bench: Bench) -> Found:
    names = [f"odd/{name}" for name in _ODD]
    bench.put(names)
    found = set(bench.listed("odd"))
    other = [name.removeprefix("odd/") for name in names if name not in found]
    if other:
        return False, f"taken for other keys: {', '.join(other)}"
    bench.delete(names[:-1])
    left = bench.listed("odd")
    return left == names[-1:], "each is itself, and goes by its own name" if left == names[
        -1:
    ] else f"left: {len(left)}"


def _large(bench: Bench) -> Found:
    obstore.put(bench.store, bench.key("large"), iter([b"0" * _LARGE]), max_concurrency=2)
    size = obstore.head(bench.store, bench.key("large"))["size"]
    bench.delete(["large"])
    return size == _LARGE and "large" not in bench.listed(), f"{size:,} bytes came together, and are gone"


def _clock(bench: Bench) -> Found:
    bench.put(["clock"])
    host = bench.now()
    told = bench.objects.clock() or obstore.head(bench.store, bench.key("clock"))["last_modified"]
    apart = abs(told - host)
    return apart <= _CLOCK_TOLERANCE, f"it and this host are {apart.total_seconds():.0f} s apart (120 s allowed)"


def _mark(bench: Bench) -> Found:
    if bench.objects.opened.folder is not None:
        is_there = (bench.objects.opened.folder / MARK).is_dir()
    else:
        try:
            is_there = obstore.head(bench.store, MARK)["size"] > 0
        except FileNotFoundError:
            is_there = False
    return (True, "it is there") if is_there else (None, "it is not there: nothing was uploaded here yet")


TRIALS = (
    Try("write", "an object is written", _write),
    Try("read back", "and read", _read_back),
    Try("range read", "a part of it is read", _range, needed=False),
    Try("overwrite", "it is overwritten, and read", _overwrite, needed=False),
    Try("list after write", "another is written, and listed", _list_after_write),
    Try("absent key", "one that is not there is looked for", _absent),
    Try("delete of an absent key", "one that is not there is deleted", _delete_absent, needed=False),
    Try("conditional write", "one that is there is written, if it is not there", _conditional, needed=False),
    Try("read after delete", "one is deleted, and read", _delete_read),
    Try("list after delete", "its folder is listed", _list_after_delete),
    Try("neighbours", "like/1 is deleted; like/10 and like2/1 are looked for", _neighbours),
    Try("pages", f"{MANY:,} are written, and listed", _many),
    Try(ORDER, "the same, and what comes after one of them", _order, needed=False),
    Try("bulk delete", "all but one are deleted at once", _bulk),
    Try("absent among many", "five are deleted at once, with one among them that is not there", _bulk_absent,
        needed=False),
    Try("odd keys", "spaces, percent signs, letters with marks and a long name", _odd),
    Try("object in parts", "6 MiB are written in parts, looked at and deleted", _large),
    Try("clock", "its clock is held against this host's", _clock, needed=False),
    Try("mark", f"the mark {MARK} is looked for", _mark, needed=False),
)  # fmt: skip
"""In the order in which they are tried; the first is the one without which there is no second."""

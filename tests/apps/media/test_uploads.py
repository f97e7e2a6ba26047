"""Uploads that break anywhere, or meet a purge, a sweep or each other: nothing untracked, nothing of others touched."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connections

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.media import services
from ebbtide.apps.media.models import Upload
from ebbtide.apps.media.services import Incoming, MediaCounts, store_recordings, sweep_uploads
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects, Stored
from tests.apps.media.meeting import Aside, beside, purging, wait_for_a_waiter
from tests.apps.media.scene import DAY, Scene
from tests.cast import calls, counted, everything, load, record

NOW = datetime.now(UTC)  # intents are dated by the database
TOMORROW = NOW + timedelta(hours=25)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Disturbed:
    """A real store with something happening before or after an object is written."""

    store: Objects
    before: Callable[[str], None] = lambda _key: None
    after: Callable[[str], None] = lambda _key: None
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, chunks: Iterable[bytes]) -> Stored:
        self.keys.append(key)
        self.before(key)
        stored = self.store.put(key, chunks)
        self.after(key)
        return stored

    def discard(self, key: str) -> None:
        self.store.discard(key)


def recording(org: Organization, source_key: str, *, content: bytes = b"content") -> Incoming:
    return Incoming(segment_id(source_key, pepper=bytes(org.pepper)), DataType.AUDIO, lambda: [content], source_key)


def send(
    org: Organization, keys: Sequence[str], *, store: services.Puts, content: bytes = b"content"
) -> tuple[MediaCounts, list[tuple[object, str]]]:
    rejects: list[tuple[object, str]] = []
    incoming = [recording(org, key, content=content) for key in keys]
    counts = store_recordings(
        org.id, incoming=incoming, store=store, reject=lambda one, why: rejects.append((one.told, why))
    )
    return counts, rejects


def intents(org: Organization) -> set[str]:
    with acting_in(org.id):
        return set(Upload.objects.filter(org_id=org.id).values_list("key", flat=True))


def agree(org: Organization) -> None:
    """Rows, objects and counts say the same, and nothing is under way."""
    there = everything(org)
    assert there.media == there.objects
    assert sum(items for (_, _, kind), items in counted(org).items() if kind != "insights") == len(there.media)
    assert intents(org) == set()


def die(*_: object, **__: object) -> None:
    raise Killed


def unreachable(*_: object) -> None:
    raise StoreUnreachable("The object store did not answer.")


def after_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    index = services._index

    def then_die(*args: Any, **named: Any) -> None:
        index(*args, **named)
        raise Killed

    monkeypatch.setattr(services, "_index", then_die)


def stage_and_die(store: Objects, key: str) -> None:
    """Leave what a local put leaves that is killed halfway."""
    assert store.opened.folder is not None
    half = store.opened.folder / f"{key}#1"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"con")
    raise Killed


@pytest.mark.parametrize("window", ["before the object", "within the object", "before the row", "after the row"])
def test_a_kill_leaves_nothing_untracked(scene: Scene, monkeypatch: pytest.MonkeyPatch, window: str) -> None:
    neighbour, before = everything(scene.charlie), everything(scene.alice)
    store = Disturbed(scene.store)
    with monkeypatch.context() as patch:
        if window == "before the object":
            store.before = die
        elif window == "within the object":
            store.before = lambda key: stage_and_die(scene.store, key)
        elif window == "before the row":
            patch.setattr(services, "_index", die)
        else:
            after_the_row(patch)
        with pytest.raises(Killed):
            send(scene.alice, scene.keys[:1], store=store)
    if window == "after the row":
        assert list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW)) == []
        assert len(everything(scene.alice).objects) == 1
        assert send(scene.alice, scene.keys[:1], store=scene.store)[0].already_there == 1
    else:
        left = everything(scene.alice)
        assert left.media == before.media
        assert len(intents(scene.alice)) == 1
        assert left.objects <= intents(scene.alice)
        # Charlie has one just like it: another organization's sweep is not to touch it
        with acting_in(scene.charlie.id):
            Upload.objects.create(org_id=scene.charlie.id, key=min(neighbour.media))
        young = list(sweep_uploads(scene.alice.id, store=scene.store, now=NOW + timedelta(hours=23)))
        assert young == []
        assert everything(scene.alice) == left
        assert set(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW)) == set(store.keys)
        assert everything(scene.alice) == before
        folder = scene.store.opened.folder
        assert folder is not None
        assert not (folder / f"org_{scene.alice.id}").exists()  # not even what the listing does not show
        assert intents(scene.charlie) == {min(neighbour.media)}
        assert send(scene.alice, scene.keys[:1], store=scene.store)[0].imported == 1
    agree(scene.alice)
    assert everything(scene.charlie) == neighbour


def test_a_sweep_that_cannot_reach_the_store_keeps_the_intent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(services, "_index", die)
        with pytest.raises(Killed):
            send(scene.alice, scene.keys[:2], store=scene.store)
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "discard", unreachable)
        with pytest.raises(StoreUnreachable):
            list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))
    assert len(intents(scene.alice)) == 2
    assert len(list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))) == 2
    agree(scene.alice)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_upload_that_was_given_up_does_not_come_back(scene: Scene, moment: str) -> None:
    """Its process was suspended for a day, and woke up before or after it wrote the object."""

    def swept(_key: str) -> None:
        assert len(list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))) == 1
        connections.close_all()  # this thread's own

    store = Disturbed(scene.store)
    setattr(store, moment, swept)
    counts, rejects = send(scene.alice, scene.keys[:1], store=store)
    assert counts.told() == {"read": 1, "imported": 0, "already_there": 0, "late": 0, "rejected": 1}
    ((told, why),) = rejects
    assert (told, "given up" in why) == (scene.keys[0], True)
    assert everything(scene.alice).objects == frozenset()
    agree(scene.alice)
    assert send(scene.alice, scene.keys[:1], store=scene.store)[0].imported == 1
    agree(scene.alice)


def test_an_upload_that_ends_while_it_is_given_up_is_taken_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep has decided and not yet removed: coming in now, the object would be removed under its row."""

    def half_swept(_key: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Objects, "discard", unreachable)
            with pytest.raises(StoreUnreachable):
                list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))
        connections.close_all()

    counts, _ = send(scene.alice, scene.keys[:1], store=Disturbed(scene.store, after=half_swept))
    assert (counts.imported, counts.rejected) == (0, 1)
    assert everything(scene.alice).objects == frozenset()
    agree(scene.alice)


def test_a_sweep_takes_nothing_that_came_in_meanwhile(scene: Scene) -> None:
    """Between the sweep's reading of old intents and its removals, the second of two uploads is completed."""
    with acting_in(scene.alice.id):
        Upload.objects.create(org_id=scene.alice.id, key=f"org_{scene.alice.id}/que_1/{DAY}/audio/0")
    sweeping: list[Iterator[str]] = []
    swept: list[str] = []

    def begin(_key: str) -> None:
        sweeping.append(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))
        swept.append(next(sweeping[0]))
        connections.close_all()

    assert send(scene.alice, scene.keys[:1], store=Disturbed(scene.store, before=begin))[0].imported == 1
    swept += sweeping[0]
    assert swept == [f"org_{scene.alice.id}/que_1/{DAY}/audio/0"]
    assert len(everything(scene.alice).objects) == 1
    agree(scene.alice)


# --- a purge comes in between -----------------------------------------------------------------------------------------


@pytest.fixture
def aside() -> Iterator[Aside]:
    """Do something in a thread with connections of its own."""
    with beside() as run:
        yield run


def test_what_a_purge_overtakes_is_late_and_removed_again(scene: Scene, database: Urls) -> None:
    load(scene.alice, calls("Support", day=DAY, count=1))
    neighbour, once = everything(scene.charlie), threading.Lock()

    def purge(_key: str) -> None:
        if once.acquire(blocking=False):
            with purging(database, scene.alice, queue="Sales", day=DAY):
                pass

    store = Disturbed(scene.store, after=purge)
    counts, _ = send(scene.alice, [*scene.keys, f"call-Support-{DAY}-0"], store=store)
    assert counts.told() == {"read": 4, "imported": 1, "already_there": 0, "late": 3, "rejected": 0}
    assert len(store.keys) == 4
    assert len(everything(scene.alice).objects) == 1
    agree(scene.alice)
    assert everything(scene.charlie) == neighbour
    by_line = Disturbed(scene.store)
    assert send(scene.alice, scene.keys, store=by_line)[0].late == 3
    assert by_line.keys == []  # nothing leaves the house that is known to be late


def test_a_purge_under_way_is_waited_for_and_then_seen(scene: Scene, database: Urls, aside: Aside) -> None:
    with purging(database, scene.alice, queue="Sales", day=DAY):
        sending = aside(send, scene.alice, scene.keys[:2], store=scene.store)
        wait_for_a_waiter(database)
        assert not sending.done()
    assert sending.result()[0].late == 2
    assert everything(scene.alice).objects == frozenset()
    agree(scene.alice)


def test_a_deadlock_is_tried_again(scene: Scene, database: Urls, aside: Aside) -> None:
    load(scene.alice, calls("Support", day=DAY, count=1))
    lock = """SELECT 1 FROM catalog_cell c JOIN catalog_queue q ON q.id = c.queue_id
              WHERE c.org_id = %s AND q.name = %s AND c.data_type = 'insights' FOR UPDATE OF c"""
    with psycopg.connect(database.superuser) as other:
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # the upload is to be the victim
        other.execute(lock, [scene.alice.id, "Support"])
        sending = aside(send, scene.alice, [scene.keys[0], f"call-Support-{DAY}-0"], store=scene.store)
        wait_for_a_waiter(database)
        other.execute(lock, [scene.alice.id, "Sales"])
    assert sending.result()[0].imported == 2
    agree(scene.alice)


# --- each other -------------------------------------------------------------------------------------------------------


def meet(both: threading.Barrier, first: threading.Lock, _key: str) -> None:
    """Wait for the other import, before the first object only."""
    if first.acquire(blocking=False):
        both.wait()


def test_the_same_recordings_sent_twice_at_once_are_there_once(scene: Scene, aside: Aside) -> None:
    both = threading.Barrier(2, timeout=20)

    stores = [Disturbed(scene.store) for _ in range(2)]
    for store in stores:  # neither writes before both have decided what is new
        store.before = partial(meet, both, threading.Lock())
    sending = [aside(send, scene.alice, scene.keys, store=store) for store in stores]
    counts = [one.result()[0] for one in sending]
    assert sum(one.imported for one in counts) == 3
    assert sum(one.already_there for one in counts) == 3
    assert len(stores[0].keys) == len(stores[1].keys) == 3
    assert len(everything(scene.alice).objects) == 3
    agree(scene.alice)


def test_one_content_is_one_recording_of_each_kind_and_segment(scene: Scene) -> None:
    one = recording(scene.alice, scene.keys[0])
    as_kinds = [Incoming(one.segment_id, kind, one.chunks) for kind in (DataType.AUDIO, DataType.TRANSCRIPT)]
    incoming = [*as_kinds, *as_kinds, recording(scene.alice, scene.keys[1])]
    counts = store_recordings(scene.alice.id, incoming=incoming, store=scene.store, reject=die)
    assert (counts.imported, counts.already_there) == (3, 2)
    agree(scene.alice)


# --- sources that break -----------------------------------------------------------------------------------------------


def test_a_source_that_cannot_be_read_is_rejected_alone(scene: Scene) -> None:
    def unreadable() -> Iterable[bytes]:
        raise InputInvalid("a.wav cannot be read: Permission denied.")

    good = recording(scene.alice, scene.keys[0])
    bad = Incoming(good.segment_id, DataType.DESKTOP, unreadable, "bad")
    rejects: list[tuple[object, str]] = []
    counts = store_recordings(
        scene.alice.id,
        incoming=[bad, good],
        store=scene.store,
        reject=lambda one, why: rejects.append((one.told, why)),
    )
    assert counts.told() == {"read": 2, "imported": 1, "already_there": 0, "late": 0, "rejected": 1}
    assert rejects == [("bad", "a.wav cannot be read: Permission denied.")]
    agree(scene.alice)


def test_a_source_that_changes_while_it_is_read_is_not_stored(scene: Scene) -> None:
    contents = iter([b"half", b"half and more"])
    growing = Incoming(recording(scene.alice, scene.keys[0]).segment_id, DataType.AUDIO, lambda: [next(contents)])
    with pytest.raises(StoreUnreachable, match="changed while"):
        store_recordings(scene.alice.id, incoming=[growing], store=scene.store, reject=die)
    assert everything(scene.alice).media == frozenset()
    assert len(list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))) == 1
    agree(scene.alice)


def test_what_was_finished_before_the_store_went_down_stays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 1)
    neighbour = everything(scene.charlie)

    def down(_key: str) -> None:
        if len(store.keys) == 2:
            raise StoreUnreachable("down")

    store = Disturbed(scene.store, before=down)
    with pytest.raises(StoreUnreachable):
        send(scene.alice, scene.keys, store=store)
    assert len(everything(scene.alice).media) == 1
    counts, _ = send(scene.alice, scene.keys, store=scene.store)
    assert (counts.imported, counts.already_there) == (2, 1)
    assert len(list(sweep_uploads(scene.alice.id, store=scene.store, now=TOMORROW))) == 1
    agree(scene.alice)
    assert everything(scene.charlie) == neighbour


def test_another_organizations_segment_is_unknown(scene: Scene) -> None:
    """Same source key, other pepper: the id says nothing in another organization."""
    theirs = recording(scene.charlie, scene.keys[0])
    reasons: list[str] = []
    counts = store_recordings(
        scene.alice.id, incoming=[theirs], store=scene.store, reject=lambda _one, why: reasons.append(why)
    )
    assert counts.rejected == 1
    assert reasons == ["there is no segment with that key"]
    assert record(scene.alice, scene.foreign, kind=DataType.AUDIO).rejected == 1
    agree(scene.alice)

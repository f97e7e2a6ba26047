"""Objects without a row go by rule alone: each rule is broken here, one at a time, and a neighbour's objects stay."""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.models import Orphan, Run
from ebbtide.apps.runs.reconcile import Drift, reconcile
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import Outcome, Retained
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, everything, load, record

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=24)
BOOK = "SELECT org_id, queue_id, day, data_type, run_id, items FROM ledger_strayentry"


def days_ago(org: Organization, days: int) -> date:
    return local_day(NOW, zone=parse_zone(org.zone)) - timedelta(days=days)


def purged_centre(name: str) -> Organization:
    """Armed, with a purged day, a day that is kept, and one that is neither."""
    org = centre(name)
    for age in (20, 1):
        load(org, calls("Sales", day=days_ago(org, age), count=2))
        record(org, f"call-Sales-{days_ago(org, age)}-0", kind=DataType.AUDIO)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    orgs.arm(org.id, reason="ready", actor="test", now=NOW)
    assert run_confirmed(org).outcome == "completed"
    return org


def run_confirmed(org: Organization) -> Run:
    plan = public_id("plan", planning.make_plan(org.id, as_of=None, now=NOW).id)
    planning.confirm_plan(org.id, plan_id=plan, actor="test", now=NOW)
    asked = services.Asked("manual", days_ago(org, 0), plan_id=plan)
    return services.start_run(org.id, asked=asked, clock=SystemClock())


def stray(org: Organization, *, age: int = 20, kind: str = "audio", name: str = "", queue: int | None = None) -> str:
    """An object of the organization that no row knows of."""
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT min(id) FROM catalog_queue")
        found = queue if queue is not None else cursor.fetchone()[0]
    key = f"org_{org.id}/que_{found}/{days_ago(org, age)}/{kind}/{name or uuid.uuid4().hex}"
    object_store().put(key, [b"of nobody"])
    return key


Pair = tuple[Organization, Organization]


def build() -> Pair:
    """Two purged centres; the neighbour has an object that no row knows of."""
    alice, charlie = purged_centre("Alice's"), purged_centre("Charlie's")
    stray(charlie)
    return alice, charlie


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    with stage(server, name=f"orphans_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def database(staged: Stage[Pair], tmp_path: Path) -> Iterator[Urls]:
    with clone(staged, folder=tmp_path) as urls:
        yield urls


@pytest.fixture
def alice(staged: Stage[Pair], database: Urls) -> Organization:
    return staged.cast[0]


@pytest.fixture
def charlie(staged: Stage[Pair], database: Urls) -> Organization:
    return staged.cast[1]


def at(org: Organization, moment: datetime) -> list[Drift]:
    return reconcile(org, mend=True, now=moment).drifts


def fates(org: Organization) -> dict[str, str]:
    with acting_in(org.id):
        return dict(Orphan.objects.filter(org_id=org.id).values_list("key", "fate"))


def test_one_in_a_purged_cell_goes_after_a_day_and_two_sightings_and_is_booked(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    neighbour, key = everything(charlie), stray(alice)
    before = everything(alice)
    assert at(alice, NOW)[0].what == "object unknown"
    assert fates(alice) == {key: "waits"}
    at(alice, LATER - timedelta(seconds=1))
    assert (fates(alice), key in everything(alice).objects) == ({key: "waits"}, True)
    told = at(alice, LATER)
    assert [(one.what, one.where) for one in told if one.what == "orphan"] == [("orphan", key)]
    assert everything(alice).objects == before.objects - {key}
    assert everything(alice).media == before.media
    assert fates(alice) == {}
    with psycopg.connect(database.superuser) as looking:
        (entry,) = looking.execute(BOOK).fetchall()
    assert entry[0] == alice.id
    assert entry[2:4] == (days_ago(alice, 20), "audio")
    assert entry[5] == 1
    assert at(alice, LATER) == []
    assert everything(charlie) == neighbour


def test_seen_once_it_stays_however_old_the_file_is(alice: Organization) -> None:
    key = stray(alice)
    at(alice, LATER + timedelta(days=30))
    assert fates(alice) == {key: "waits"}
    assert key in everything(alice).objects


def test_gone_in_between_and_back_it_is_seen_for_the_first_time(alice: Organization) -> None:
    key = stray(alice)
    at(alice, NOW)
    object_store().destroy([key])
    at(alice, NOW + timedelta(hours=12))
    assert fates(alice) == {}
    object_store().put(key, [b"back"])
    at(alice, LATER)
    assert (fates(alice), key in everything(alice).objects) == ({key: "waits"}, True)


OTHERS: dict[str, Callable[[Organization], str]] = {
    "a day that is kept": lambda org: stray(org, age=1),
    "a day behind the line that no run has booked": lambda org: stray(org, age=40),
    "a type of that day that no run has booked": lambda org: stray(org, kind="desktop"),
    "a Q that is not there": lambda org: stray(org, queue=999_999),
    "a name that is not ours": lambda org: stray(org, name="readme"),
    "a name that is longer than ours": lambda org: stray(org, name=f"{uuid.uuid4().hex}.part"),
    "a folder below": lambda org: stray(org, name=f"{uuid.uuid4().hex}/{uuid.uuid4().hex}"),
}


@pytest.mark.parametrize("where", OTHERS)
def test_any_other_is_listed_and_never_deleted(
    where: str, alice: Organization, charlie: Organization, database: Urls
) -> None:
    key, neighbour = OTHERS[where](alice), everything(charlie)
    for moment in (NOW, LATER, LATER + timedelta(days=900)):
        at(alice, moment)
    assert key in everything(alice).objects
    assert fates(alice)[key] in ("foreign", "unexplained")
    with psycopg.connect(database.superuser) as looking:
        assert looking.execute(BOOK).fetchall() == []
    assert everything(charlie) == neighbour


def test_a_day_that_does_not_exist_is_not_of_our_form(alice: Organization) -> None:
    key = stray(alice).replace(str(days_ago(alice, 20)), "2026-02-31")
    object_store().put(key, [b"x"])
    at(alice, NOW)
    assert fates(alice)[key] == "foreign"


def test_one_that_an_upload_is_bringing_stays(alice: Organization) -> None:
    key = stray(alice)
    at(alice, NOW)
    with acting_in(alice.id) as cursor:
        cursor.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, %s)", [alice.id, key])
    at(alice, LATER)
    assert key in everything(alice).objects


CHANGES: dict[str, Callable[[Organization], object]] = {
    "not armed": lambda org: orgs.disarm(org.id, reason="wait", actor="test", now=NOW),
    "its kill switch": lambda org: orgs.stop_organization(org.id, on=True, reason="x", actor="test", now=NOW),
    "the platform's kill switch": lambda _org: services.turn_switch(on=True, reason="x"),
}


@pytest.mark.parametrize("why", CHANGES)
def test_nothing_goes_where_deletion_is_off(why: str, alice: Organization, charlie: Organization) -> None:
    key, neighbour = stray(alice), everything(charlie)
    at(alice, NOW)
    CHANGES[why](alice)
    at(alice, LATER)
    assert (fates(alice), key in everything(alice).objects) == ({key: "goes"}, True)
    assert everything(charlie) == neighbour


def test_looking_only_remembers_and_resolves_nothing(alice: Organization) -> None:
    key = stray(alice)
    reconcile(alice, mend=False, now=NOW)
    assert fates(alice) == {}
    at(alice, NOW)
    reconcile(alice, mend=False, now=LATER)
    assert key in everything(alice).objects


def test_a_row_without_its_object_is_listed_until_a_run_books_it(alice: Organization, database: Urls) -> None:
    load(alice, calls("Sales", day=days_ago(alice, 9), count=1, prefix="soon"))
    record(alice, f"soon-Sales-{days_ago(alice, 9)}-0", kind=DataType.AUDIO)
    (key,) = (key for key in everything(alice).media if str(days_ago(alice, 9)) in key)
    object_store().destroy([key])
    for moment in (NOW, LATER):
        (drift,) = at(alice, moment)
        assert (drift.what, fates(alice)) == ("object missing", {key: "missing"})
    assert key in everything(alice).media, "a row is closed by a run alone"
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT min(id) FROM catalog_queue")
        sales = frozenset({cursor.fetchone()[0]})
    create_job(alice.id, type=JobType.QUEUE, what=What.ALL, days=Days(5), queues=sales, actor="test")
    assert run_confirmed(alice).outcome == "completed"
    with psycopg.connect(database.superuser) as looking:
        booked = looking.execute("SELECT items FROM ledger_entry WHERE outcome = 'already_gone'").fetchall()
    assert booked == [(1,)]
    at(alice, LATER + timedelta(minutes=1))
    assert fates(alice) == {}


def test_a_neighbours_key_in_our_folder_is_foreign(alice: Organization, charlie: Organization) -> None:
    theirs = next(key for key in everything(charlie).objects if str(days_ago(charlie, 20)) in key)
    neighbour = everything(charlie)
    with acting_in(alice.id, using=SWEEP) as cursor:
        cursor.execute("SELECT runs_remember_orphans(ARRAY['object', 'object'], %s, %s)", [[theirs, theirs], NOW])
        cursor.execute("SELECT runs_remember_orphans('{object}', %s, %s)", [[theirs], LATER])
        cursor.execute("SELECT runs_judge_orphans(%s)", [LATER])
        cursor.execute("SELECT fate FROM runs_orphan")
        assert cursor.fetchall() == [("foreign",)]
        cursor.execute("SELECT count(*) FROM runs_claim_orphans(%s, 9)", [LATER])
        assert cursor.fetchone() == (0,)
    assert everything(charlie) == neighbour


def test_what_would_not_go_stays_listed_with_its_reason(alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    key = stray(alice)
    at(alice, NOW)

    def kept(_self: Objects, keys: Sequence[str]) -> Sequence[Outcome]:
        return [Retained("a legal hold in the store keeps it") for _ in keys]

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "destroy", kept)
        at(alice, LATER)
    with acting_in(alice.id):
        assert Orphan.objects.get(org_id=alice.id).left_reason == "a legal hold in the store keeps it"
    at(alice, LATER + timedelta(minutes=1))
    assert key not in everything(alice).objects


def test_a_store_that_goes_down_in_between_loses_no_line(
    alice: Organization, database: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It destroys and its answer is lost: the next reconciliation does not see the object, and the intent is kept."""
    key = stray(alice)
    at(alice, NOW)
    destroy = Objects.destroy

    def lost(self: Objects, keys: Sequence[str]) -> Sequence[Outcome]:
        destroy(self, keys)
        raise StoreUnreachable("It did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "destroy", lost)
        with pytest.raises(StoreUnreachable):
            at(alice, LATER)
    assert key not in everything(alice).objects
    at(alice, LATER + timedelta(minutes=1))
    assert fates(alice) == {}
    with psycopg.connect(database.superuser) as looking:
        assert len(looking.execute(BOOK).fetchall()) == 1

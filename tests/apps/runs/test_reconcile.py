"""Reconcile finds drift that was planted behind the triggers' backs, names it, mends it, and deletes nothing."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, delete_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.reconcile import Drift, Reconciled, reconcile
from ebbtide.apps.runs.reconcile import store as module
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import Everything, calls, centre, counted, everything, load, record

CLOCK = SystemClock()
DAY = date(2026, 3, 2)
SOUND = Reconciled(drifts=[], cells=5, objects=4)


def fill(org: Organization) -> None:
    for queue in ("Sales", "Support"):
        load(org, calls(queue, day=DAY, count=3))
    for number in range(3):
        record(org, f"call-Sales-{DAY}-{number}", kind=DataType.AUDIO)
    record(org, f"call-Sales-{DAY}-0", kind=DataType.DESKTOP)
    load(org, calls("Sales", day=DAY + timedelta(days=1), count=2))


Pair = tuple[Organization, Organization]


def build() -> Pair:
    alice, charlie = centre("Alice's"), centre("Charlie's")
    for org in (alice, charlie):
        fill(org)
    return alice, charlie


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    with stage(server, name=f"reconcile_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
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


@pytest.fixture
def admin(database: Urls) -> Iterator[psycopg.Connection]:
    """A superuser with every trigger off: who plants drift."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture(autouse=True)
def neighbour_survives(charlie: Organization) -> Iterator[None]:
    before: tuple[Everything, object] = everything(charlie), counted(charlie)
    yield
    assert (everything(charlie), counted(charlie)) == before
    assert reconcile(charlie, mend=False, now=CLOCK.now()) == SOUND


def mended(org: Organization | None) -> list[Drift]:
    return reconcile(org, mend=True, now=CLOCK.now()).drifts


def checked(org: Organization | None) -> list[Drift]:
    return reconcile(org, mend=False, now=CLOCK.now()).drifts


def told(drifts: list[Drift]) -> set[tuple[str, int, int]]:
    return {(one.what, one.counted, one.there) for one in drifts}


def test_sound(alice: Organization) -> None:
    assert reconcile(alice, mend=True, now=CLOCK.now()) == SOUND
    assert reconcile(None, mend=False, now=CLOCK.now()) == Reconciled(drifts=[], cells=10, objects=8)


PLANTED: dict[str, tuple[str, set[tuple[str, int, int]]]] = {
    "counts too many": (
        "UPDATE catalog_cell SET items = items + 5 WHERE {} AND data_type = 'desktop'",
        {("cell items", 6, 1)},
    ),
    "counts too few": ("UPDATE catalog_cell SET items = 1 WHERE {} AND data_type = 'audio'", {("cell items", 1, 3)}),
    "other bytes": ("UPDATE catalog_cell SET bytes = 1 WHERE {} AND data_type = 'audio'", set()),
    "cell missing": ("DELETE FROM catalog_cell WHERE {} AND items = 3 AND data_type = 'audio'", {("cell items", 0, 3)}),
    "all cells missing": (
        "DELETE FROM catalog_cell WHERE {}",
        {("cell items", 0, 3), ("cell items", 0, 1), ("cell items", 0, 2)},
    ),
    "cell of nothing": (
        """INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes)
        SELECT org_id, day, 'transcript', queue_id, 9, 90 FROM catalog_cell WHERE {} AND data_type = 'audio'""",
        {("cell items", 9, 0)},
    ),
    "rows written uncounted": (
        """INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel)
        SELECT org_id, queue_id, day, gen_random_uuid(), 'uncounted', 'voice' FROM catalog_cell
        WHERE {} AND items = 2""",
        {("cell items", 2, 3)},
    ),
    "rows deleted uncounted": ("DELETE FROM insights_segment WHERE {} AND day = '2026-03-03'", {("cell items", 2, 0)}),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_drift_is_found_named_and_mended(plant: str, alice: Organization, admin: psycopg.Connection) -> None:
    sql, expected = PLANTED[plant]
    admin.execute(sql.format(f"org_id = {alice.id}").encode())
    before = everything(alice)
    found = checked(alice)
    assert checked(alice) == found  # looking mends nothing
    if expected:
        assert told(found) == expected
    else:
        assert [one.what for one in found] == ["cell bytes"]
    assert all("--check" in one.done for one in found)
    assert {one.org for one in found} == {alice.id}
    again = mended(None)
    assert [(one.what, one.where, one.counted, one.there) for one in again] == [
        (one.what, one.where, one.counted, one.there) for one in found
    ]
    assert all(one.done.startswith("mended") for one in again)
    assert mended(None) == []
    assert everything(alice) == before


def test_drift_is_named_by_its_cell(alice: Organization, admin: psycopg.Connection) -> None:
    admin.execute("DELETE FROM catalog_cell WHERE org_id = %s AND data_type = 'desktop'", [alice.id])
    (queue,) = admin.execute(
        "SELECT id FROM catalog_queue WHERE org_id = %s AND name = 'Sales'", [alice.id]
    ).fetchone() or (None,)
    (drift,) = mended(alice)
    assert drift == Drift(alice.id, "cell items", f"que_{queue} 2026-03-02 desktop", 0, 1, "mended: counts 1 now")


def test_mending_waits_for_an_import_under_way(alice: Organization, admin: psycopg.Connection, database: Urls) -> None:
    """An import that has counted and not committed: mending waits, then counts what it committed."""
    admin.execute("UPDATE catalog_cell SET items = 77 WHERE org_id = %s AND items = 2", [alice.id])
    with psycopg.connect(database.web) as writing:
        writing.execute("SELECT set_config('ebbtide.org', %s, false)", [str(alice.id)])
        writing.execute(
            "INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel) "
            "SELECT org_id, queue_id, day, gen_random_uuid(), 'under way', 'voice' FROM insights_segment "
            "WHERE org_id = %s AND day = %s LIMIT 1",
            [alice.id, DAY + timedelta(days=1)],
        )
        found: list[Drift] = []

        def work() -> None:
            found.extend(mended(alice))
            connections.close_all()

        mending = threading.Thread(target=work)
        mending.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%runs_mend_cells%'"
        )
        for _ in range(2_000):
            if admin.execute(waiting.encode()).fetchone() == (1,) or not mending.is_alive():
                break
            mending.join(timeout=0.005)
        assert mending.is_alive()
        writing.commit()
        mending.join(timeout=30)
    assert told(found) == {("cell items", 77, 2)}
    assert found[0].done == "mended: counts 3 now"
    assert checked(alice) == []


def test_mending_among_imports_and_deletions(alice: Organization, admin: psycopg.Connection, database: Urls) -> None:
    """Cells are mended while others fill and empty them: what comes out is exact."""
    stop = threading.Event()

    def write(sql: str) -> None:
        with psycopg.connect(database.owner) as writing:
            while not stop.is_set():
                try:
                    writing.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
                    writing.execute(sql.encode())
                    writing.commit()
                except psycopg.errors.CheckViolation:  # drift made it count below zero: refused whole
                    writing.rollback()

    more = (
        "INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel) "
        "SELECT org_id, id, '2026-03-02', gen_random_uuid(), 'k', 'voice' FROM catalog_queue"
    )
    fewer = "DELETE FROM insights_segment WHERE day = '2026-03-02'"
    writers = [threading.Thread(target=write, args=(sql,)) for sql in (more, fewer)]
    for thread in writers:
        thread.start()
    try:
        for _ in range(25):
            admin.execute(
                "UPDATE catalog_cell SET items = items + 1000 WHERE org_id = %s AND day = %s", [alice.id, DAY]
            )
            mended(alice)
            assert checked(alice) == []
    finally:
        stop.set()
        for thread in writers:
            thread.join(timeout=30)
    assert checked(alice) == []


def test_mend_takes_no_number_from_its_caller(alice: Organization, charlie: Organization) -> None:
    """Called for cells of the neighbour, of nobody, twice, and of no known type."""
    with acting_in(charlie.id, using=SWEEP) as cursor:
        cursor.execute("SELECT min(id) FROM catalog_queue")
        theirs = cursor.fetchone()[0]
    with acting_in(alice.id, using=SWEEP) as cursor:
        cursor.execute("SELECT min(id) FROM catalog_queue")
        ours = cursor.fetchone()[0]
        call = "SELECT queue_id, items FROM runs_mend_cells(%s::date[], %s::text[], %s::int[])"
        cursor.execute(call, [[DAY] * 4, ["insights", "audio", "audio", "audio"], [theirs, ours, ours, 12345]])
        assert cursor.fetchall() == [(ours, 3)]
    assert checked(None) == []


def test_mend_refuses_an_old_snapshot(alice: Organization, database: Urls) -> None:
    with psycopg.connect(database.sweep) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        with pytest.raises(psycopg.Error, match="read committed") as refused:
            connection.execute("SELECT runs_mend_cells('{}', '{}', '{}')")
    assert refused.value.sqlstate == "EB403"


# Rows and objects


def folder(org: Organization, kind: str) -> str:
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT min(regexp_replace(key, '/[^/]*$', '')) FROM media_mediaobject WHERE kind = %s", [kind])
        found: str = cursor.fetchone()[0]
        return found


def test_lost_objects_are_reported_by_folder(alice: Organization) -> None:
    place = folder(alice, "audio")
    lost = sorted(object_store().keys(place))
    object_store().destroy(lost)
    rows = everything(alice).media
    (drift,) = mended(alice)
    assert (drift.what, drift.counted, drift.there) == ("object missing", 3, 0)
    assert drift.where == f"{place}/ (3 keys, such as {lost[0].rpartition('/')[2]})"
    assert everything(alice).media == rows  # a row is closed by a run alone


def test_unknown_objects_are_reported_and_left(alice: Organization) -> None:
    strays = [f"{folder(alice, 'audio')}/stray", f"org_{alice.id}/readme.txt"]
    for key in strays:
        object_store().put(key, [b"of nobody"])
    found = mended(alice)
    assert told(found) == {("object unknown", 0, 1)}
    assert sorted(one.where for one in found) == sorted(strays)
    assert all("never deleted" in one.done for one in found)
    assert set(strays) <= everything(alice).objects
    assert mended(alice) == found


def test_an_object_of_a_like_named_neighbour_is_not_ours(alice: Organization) -> None:
    """`org_1` is no prefix of `org_12`."""
    object_store().put(f"org_{alice.id}2/que_1/x", [b"of org_x2"])
    assert checked(alice) == []


def test_an_upload_under_way_is_no_drift(alice: Organization) -> None:
    key = f"{folder(alice, 'audio')}/coming"
    with acting_in(alice.id) as cursor:
        cursor.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, %s)", [alice.id, key])
    object_store().put(key, [b"half of it"])
    assert mended(alice) == []
    assert key in everything(alice).objects


def test_an_abandoned_upload_is_swept(alice: Organization) -> None:
    key = f"{folder(alice, 'audio')}/broken"
    with acting_in(alice.id) as cursor:
        cursor.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, %s)", [alice.id, key])
    object_store().put(key, [b"half of it"])
    before = everything(alice)
    later = CLOCK.now() + timedelta(hours=24, seconds=1)
    (seen,) = reconcile(alice, mend=False, now=later).drifts
    assert (seen.what, seen.where) == ("abandoned upload", key)
    assert everything(alice) == before
    (swept,) = reconcile(alice, mend=True, now=later).drifts
    assert (swept.what, swept.where, swept.done) == ("abandoned upload", key, "removed")
    assert everything(alice).objects == before.objects - {key}
    assert everything(alice).media == before.media
    assert reconcile(alice, mend=True, now=later).drifts == []


def test_an_intent_beside_its_row_takes_nothing_away(alice: Organization) -> None:
    """Sweeping it would remove a recording that is in use."""
    before = everything(alice)
    key = min(before.media)
    with acting_in(alice.id) as cursor:
        cursor.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, %s)", [alice.id, key])
    (drift,) = reconcile(alice, mend=True, now=CLOCK.now() + timedelta(days=3)).drifts
    assert (drift.what, drift.where) == ("abandoned upload", key)
    assert drift.done.startswith("reported, nothing swept")
    assert everything(alice) == before


def test_what_comes_and_goes_during_the_listing_is_no_drift(
    alice: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first listing a recording arrives; during the second one nothing does: no suspect is confirmed."""
    real = object_store()
    listings = []

    class Busy:
        def sizes(self, prefix: str) -> list[tuple[str, int]]:
            listed = list(real.sizes(prefix))
            listings.append(prefix)
            if len(listings) == 1:
                record(alice, f"call-Support-{DAY}-0", kind=DataType.AUDIO)  # its row is there when rows are read
            return listed

    monkeypatch.setattr(module, "object_store", Busy)
    assert reconcile(alice, mend=False, now=CLOCK.now()).drifts == []
    assert len(listings) == 2


# Claims


@pytest.fixture
def stuck(alice: Organization, admin: psycopg.Connection) -> Callable[[], list[Drift]]:
    """Alice's recordings under the claim of a live run that ended; gives what reconcile says of them."""
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    today = local_day(CLOCK.now(), zone=parse_zone(alice.zone))
    asked = services.Asked(trigger="manual", local_date=today, plan_id=public_id("plan", plan.id))
    run = services.start_run(alice.id, asked=asked, clock=CLOCK)  # blocked: more than its share
    assert run.outcome == "blocked"
    admin.execute(
        "UPDATE media_mediaobject SET claimed_by = %s, left_as = 'failed', left_reason = 'store' "
        "WHERE org_id = %s AND kind = 'audio'",
        [run.id, alice.id],
    )
    return lambda: mended(alice)


def claims(org: Organization) -> int:
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT count(*) FROM media_mediaobject WHERE claimed_by IS NOT NULL")
        found: int = cursor.fetchone()[0]
        return found


def test_a_claim_that_the_next_run_takes_over_is_left(alice: Organization, stuck: Callable[[], list[Drift]]) -> None:
    assert stuck() == []
    object_store().destroy(sorted(object_store().keys(folder(alice, "audio"))))
    assert stuck() == []  # gone already: the next run closes the rows
    assert claims(alice) == 3


@pytest.mark.parametrize("why", ["no job", "not armed"])
def test_a_claim_no_run_comes_for_is_released(why: str, alice: Organization, stuck: Callable[[], list[Drift]]) -> None:
    if why == "no job":
        delete_job(alice.id, job_id="job_1", actor="test", now=CLOCK.now())
    else:
        orgs.disarm(alice.id, reason="wait", actor="test", now=CLOCK.now())
    before = everything(alice)
    seen = checked(alice)
    assert (told(seen), claims(alice)) == ({("claim", 3, 3)}, 3)
    (drift,) = stuck()
    assert drift.done.startswith("released")
    assert claims(alice) == 0
    assert everything(alice) == before
    assert stuck() == []


def test_a_claim_on_a_gone_object_is_reported(alice: Organization, stuck: Callable[[], list[Drift]]) -> None:
    delete_job(alice.id, job_id="job_1", actor="test", now=CLOCK.now())
    gone = min(object_store().keys(folder(alice, "audio")))
    object_store().destroy([gone])
    found = stuck()
    assert told(found) == {("claim", 2, 2), ("claim", 1, 0)}
    assert [one.where for one in found if not one.there] == [gone]
    assert claims(alice) == 1
    assert [(one.where, one.there) for one in stuck()] == [(gone, 0)]


def test_a_claim_below_the_purged_line_is_not_released(
    alice: Organization, stuck: Callable[[], list[Drift]], admin: psycopg.Connection
) -> None:
    delete_job(alice.id, job_id="job_1", actor="test", now=CLOCK.now())
    admin.execute(
        "INSERT INTO catalog_purgedline (org_id, queue_id, data_type, before) "
        "SELECT DISTINCT org_id, queue_id, kind, day + 1 FROM media_mediaobject WHERE claimed_by IS NOT NULL"
    )
    (drift,) = stuck()
    assert "not served again" in drift.done
    assert claims(alice) == 3


def test_the_claim_of_a_run_going_on_is_left(
    alice: Organization, stuck: Callable[[], list[Drift]], admin: psycopg.Connection
) -> None:
    delete_job(alice.id, job_id="job_1", actor="test", now=CLOCK.now())
    admin.execute("UPDATE runs_run SET mode = 'live', outcome = NULL WHERE org_id = %s", [alice.id])
    object_store().destroy([min(object_store().keys(folder(alice, "audio")))])  # in flight
    assert stuck() == []
    with acting_in(alice.id, using=SWEEP) as cursor:  # nor does the function itself let go of it
        cursor.execute("SELECT count(*) FROM runs_release_claims(ARRAY(SELECT id FROM media_mediaobject))")
        assert cursor.fetchone() == (0,)
    assert claims(alice) == 3


# Size


def test_asks_as_much_of_a_large_organization_as_of_a_small_one(alice: Organization) -> None:
    asked = []
    for count in (1, 30):
        for number in range(count):
            load(alice, calls(f"Q{number}", day=DAY + timedelta(days=number), count=1))
            record(alice, f"call-Q{number}-{DAY + timedelta(days=number)}-0", kind=DataType.AUDIO)
        with CaptureQueriesContext(connections[SWEEP]) as captured:
            assert checked(alice) == []
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert asked[1] < 30

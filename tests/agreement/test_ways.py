"""Three ways for report rows to go: whole days dropped, days rewritten, ranges deleted. The neighbour survives each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.settling import settle_due, unsettled
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.pg.launcher import Urls
from tests import cast
from tests.agreement.test_batches import run_confirmed

Admin = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class Scene:
    """Alice's three days that are due, each of which wants another way, and Charlie beside her in two of them."""

    alice: Organization
    charlie: Organization
    now: datetime
    whole: date
    rewrite: date
    delete: date


@pytest.fixture
def scene(database: Urls) -> Iterator[Scene]:
    now = datetime.now(UTC)
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    today = local_day(now, zone=parse_zone(alice.zone))
    whole, rewrite, delete = (today - timedelta(days=back) for back in (40, 39, 38))
    cast.load(alice, cast.calls("gone", day=whole, count=20))
    for day, hers, his in ((rewrite, 20, 8), (delete, 6, 20)):
        cast.load(alice, cast.calls("gone", day=day, count=hers))
        cast.load(alice, cast.calls("kept", day=day, count=3))
        cast.load(charlie, cast.calls("service", day=day, count=his))
    for org in (alice, charlie):
        cast.load(org, cast.calls("gone", day=today - timedelta(days=2), count=2))
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT id FROM catalog_queue WHERE name = 'gone'")
        gone = cursor.fetchone()[0]
    create_job(alice.id, type=JobType.QUEUE, what=What.ALL, days=Days(10), queues=frozenset({gone}), actor="test")
    arm(alice.id, reason="test", actor="test", now=now)
    neighbour = cast.everything(charlie)
    yield Scene(alice, charlie, now, whole, rewrite, delete)
    assert cast.everything(charlie) == neighbour


@pytest.fixture
def admin(database: Urls) -> Iterator[Admin]:
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


@contextmanager
def reading(database: Urls, table: str) -> Iterator[None]:
    """Somebody has read in a transaction that stays open."""
    with psycopg.connect(database.superuser) as reader:
        reader.execute(b"SELECT count(*) FROM " + table.encode())
        yield


def files(admin: Admin, day: date) -> list[int | None]:
    """The partitions' tables and their files."""
    found: list[int | None] = []
    for parent in ("event", "segment"):
        row = admin.execute(
            "SELECT c.oid::int, pg_relation_filenode(c.oid)::int FROM pg_class c WHERE c.relname = %s",
            [f"insights_{parent}_{day:%Y%m%d}"],
        ).fetchone()
        found += [None, None] if row is None else [int(str(one)) for one in row]
    return found


def guards(admin: Admin, day: date) -> list[tuple[object, ...]]:
    """All that makes a partition what it is, but its name."""
    name = f"insights_segment_{day:%Y%m%d}"
    return admin.execute(
        """
        SELECT c.relrowsecurity, c.relforcerowsecurity, c.relacl::text, c.relowner, c.relispartition, c.relpersistence,
            ARRAY(SELECT (p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, c.oid),
                pg_get_expr(p.polwithcheck, c.oid))::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1),
            ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid ORDER BY 1),
            ARRAY(SELECT replace(pg_get_indexdef(i.indexrelid), c.relname, '') FROM pg_index i
                  JOIN pg_inherits h ON h.inhrelid = i.indexrelid WHERE i.indrelid = c.oid),
            ARRAY(SELECT (a.attname, a.atttypid, a.attnotnull, a.attgenerated, a.attstattarget)::text
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)
        FROM pg_class c WHERE c.relname = %s
        """,
        [name],
    ).fetchall()


def assert_gone(scene: Scene, run: Run) -> None:
    """What was due is gone, all else is there, and every count is exact."""
    assert (run.outcome, run.reason, run.purged) == (RunOutcome.COMPLETED, "", 46)
    left = cast.everything(scene.alice)
    assert len(left.segments) == left.events == 8
    assert {day for queue, day, _ in left.segments if queue == "gone"}.isdisjoint(
        {scene.whole, scene.rewrite, scene.delete}
    )
    with acting_in(scene.alice.id) as cursor:
        cursor.execute(
            """
            SELECT (SELECT array_agg((c.day, c.queue_id, c.items, c.bytes) ORDER BY c.day, c.queue_id)
                    FROM catalog_cell c)
                = (SELECT array_agg((n.day, n.queue_id, n.items, n.bytes) ORDER BY n.day, n.queue_id) FROM (
                    SELECT day, queue_id, sum(items)::bigint AS items, sum(bytes)::bigint AS bytes
                    FROM catalog_cellchange GROUP BY 1, 2 HAVING sum(items) <> 0) n)
            """
        )
        assert cursor.fetchone() == (True,), "the cells' journal does not add up to the cells"
    assert [one for one in examine(now=scene.now) if not one.ok] == []


def test_each_day_goes_its_cheapest_way(scene: Scene, admin: Admin) -> None:
    was = {day: files(admin, day) for day in (scene.whole, scene.rewrite, scene.delete)}
    was_guarded = guards(admin, scene.rewrite)
    assert_gone(scene, run := run_confirmed(scene.alice, now=scene.now))
    assert files(admin, scene.whole) == [None] * 4
    assert set(files(admin, scene.rewrite)).isdisjoint(was[scene.rewrite])
    assert guards(admin, scene.rewrite) == was_guarded
    assert files(admin, scene.delete) == was[scene.delete]
    assert admin.execute("SELECT day, run FROM insights_residue").fetchall() == [(scene.delete, run.id)]
    assert admin.execute("SELECT day, items FROM insights_partition").fetchall() == [(scene.rewrite, 11)]


@pytest.mark.parametrize("read", ["day", "everything"])
def test_a_long_reader_is_not_waited_for(scene: Scene, admin: Admin, database: Urls, read: str) -> None:
    """Where parents or partitions are read the same rows go another way: emptied, or deleted one by one."""
    table = f"insights_segment WHERE day = '{scene.delete}'" if read == "day" else "insights_segment"
    was = {day: files(admin, day) for day in (scene.whole, scene.rewrite)}
    with reading(database, table):
        run = run_confirmed(scene.alice, now=scene.now)
    assert_gone(scene, run)
    assert files(admin, scene.rewrite) == was[scene.rewrite]
    now_there = files(admin, scene.whole)
    assert now_there[::2] == was[scene.whole][::2]  # the tables
    assert (now_there[1::2] == was[scene.whole][1::2]) == (read == "everything")  # their files
    assert {(one.day, one.why) for one in unsettled() if one.day == scene.whole} == {(scene.whole, "empty")}
    assert {one.done for one in settle_due()} == {"settled", "dropped"}
    assert files(admin, scene.whole) == [None] * 4
    assert admin.execute("SELECT * FROM insights_residue").fetchall() == []


def test_a_neighbour_whom_nobody_has_counted_survives(scene: Scene, admin: Admin) -> None:
    """Charlie's cells are lost: by the counts his rows are not there. They stay where they lie all the same."""
    cast.load(scene.charlie, cast.calls("service", day=scene.whole, count=2, prefix="uncounted"))
    neighbour = cast.everything(scene.charlie)
    admin.execute("CREATE TABLE lost AS SELECT * FROM catalog_cell WHERE org_id = %s", [scene.charlie.id])
    admin.execute("DELETE FROM catalog_cell WHERE org_id = %s", [scene.charlie.id])
    run = run_confirmed(scene.alice, now=scene.now)
    assert (run.outcome, run.purged) == (RunOutcome.COMPLETED, 46)
    assert cast.everything(scene.charlie) == neighbour
    assert {one.done for one in settle_due()} == {"drifted"}
    assert cast.everything(scene.charlie) == neighbour
    admin.execute("INSERT INTO catalog_cell SELECT * FROM lost")
    assert {one.done for one in settle_due()} == {"settled"}
    extra = [key for _, day, key in neighbour.segments if day == scene.whole]
    assert len(extra) == 2
    admin.execute(
        "SELECT set_config('ebbtide.org', %s, false)", [str(scene.charlie.id)]
    )  # the fixture knows none of these
    admin.execute("DELETE FROM insights_event WHERE org_id = %s AND day = %s", [scene.charlie.id, scene.whole])
    admin.execute("DELETE FROM insights_segment WHERE org_id = %s AND day = %s", [scene.charlie.id, scene.whole])


def test_rows_of_her_own_that_nobody_has_counted_survive(scene: Scene, admin: Admin) -> None:
    """By the counts all of the day is due; what lies there in another Q stays."""
    cast.load(scene.alice, cast.calls("kept", day=scene.whole, count=2, prefix="uncounted"))
    admin.execute(
        "DELETE FROM catalog_cell c USING catalog_queue q WHERE q.id = c.queue_id AND q.name = 'kept' AND c.day = %s",
        [scene.whole],
    )
    run = run_confirmed(scene.alice, now=scene.now)
    assert (run.outcome, run.purged) == (RunOutcome.COMPLETED, 46)
    left = cast.everything(scene.alice)
    assert len([key for queue, day, key in left.segments if (queue, day) == ("kept", scene.whole)]) == 2
    assert left.events == len(left.segments) == 10


@pytest.mark.parametrize("way", ["whole", "rewrite", "delete"])
def test_counts_that_are_not_what_is_there_stop_the_run(scene: Scene, admin: Admin, way: str) -> None:
    day: date = getattr(scene, way)
    before = cast.everything(scene.alice)
    admin.execute(
        "UPDATE catalog_cell c SET items = items + 1 FROM catalog_queue q "
        "WHERE q.id = c.queue_id AND q.name = 'gone' AND c.day = %s",
        [day],
    )
    run = run_confirmed(scene.alice, now=scene.now)
    assert (run.outcome, run.purged) == (RunOutcome.FAILED, 0)
    assert f"Cells of {day} count" in run.reason
    assert cast.everything(scene.alice) == before

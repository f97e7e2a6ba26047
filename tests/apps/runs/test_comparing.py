"""The comparison that workers make by themselves: who is next, for how long, and what is written down of it."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import tasks
from ebbtide.apps.runs.models import Reconciliation
from ebbtide.apps.runs.reconcile import compare_due
from ebbtide.apps.runs.reconcile.nightly import AT_ONCE_S, EVERY, Compared, due
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.engine.clock import FixedClock
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects
from tests.apps.runs.test_orphans import Pair, build, fates, stray
from tests.apps.staging import Stage, clone, stage
from tests.cast import counted, everything

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    with stage(server, name=f"compare_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
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


def at(moment: datetime, *, seconds: Sequence[float] = (0.0,) * 9, stop: bool = False) -> list[Compared]:
    timer = iter(seconds)
    return list(compare_due(clock=FixedClock(moment), timer=lambda: next(timer), stop=lambda: stop))


def written() -> dict[int, Reconciliation]:
    with as_platform():
        return {one.org_id: one for one in Reconciliation.objects.all()}


def drift(database: Urls, org: Organization) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE catalog_cell SET items = items + 5 WHERE org_id = %s AND data_type = 'audio'", [org.id])


def test_each_is_compared_once_a_night_and_mended_and_told(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    key, neighbour = stray(alice), counted(charlie)
    drift(database, alice)
    assert at(NOW) == [
        Compared(alice.id, {"cell items": 1, "object unknown": 1}),
        Compared(charlie.id, {"object unknown": 1}),
    ]
    assert key in everything(alice).objects, "nothing is deleted for being unknown"
    assert fates(alice) == {key: "waits"}
    assert counted(charlie) == neighbour
    told = written()[alice.id]
    assert (told.tried_at, told.compared_at, told.cells, told.listed, told.reason) == (NOW, NOW, 2, 2, "")
    assert told.differences == {"cell items": 1, "object unknown": 1}
    assert at(NOW + EVERY - timedelta(seconds=1)) == []
    assert at(NOW + EVERY) == [Compared(org.id, {"object unknown": 1}) for org in (alice, charlie)]
    assert written()[alice.id].differences == {"object unknown": 1}, "the count was mended the first time"


def test_the_rules_take_an_orphan_after_two_nights_and_book_its_bytes(alice: Organization, database: Urls) -> None:
    stray(alice), stray(alice)
    kept = stray(alice, age=1)
    at(NOW)
    assert at(NOW + timedelta(hours=24))[0].differences == {"object unknown": 2, "orphan": 1}
    with psycopg.connect(database.superuser) as admin:
        book = admin.execute("SELECT items, bytes FROM ledger_strayentry WHERE org_id = %s", [alice.id]).fetchall()
    assert book == [(2, 2 * len(b"of nobody"))]
    assert kept in everything(alice).objects


def test_one_whose_run_goes_on_waits(alice: Organization, charlie: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE runs_run SET outcome = NULL, ended_at = NULL WHERE org_id = %s", [alice.id])
    assert [one.org for one in at(NOW)] == [charlie.id]
    assert alice.id not in written()


def test_one_that_has_never_run_waits_for_its_first_night(alice: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM runs_run WHERE org_id = %s", [alice.id])
    assert alice.id not in {org.id for org in due(now=NOW)}


def test_after_its_time_the_next_hour_goes_on_where_it_was(alice: Organization, charlie: Organization) -> None:
    assert [one.org for one in at(NOW, seconds=(0.0, AT_ONCE_S - 1, AT_ONCE_S))] == [alice.id]
    assert [org.id for org in due(now=NOW)] == [charlie.id]
    assert [one.org for one in at(NOW + EVERY)] == [charlie.id, alice.id], "the longest wait goes first"


def test_asked_to_end_it_begins_nothing_and_leaves_a_listing(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at(NOW, stop=True) == []
    monkeypatch.setattr("ebbtide.apps.runs.reconcile.store._ASKED_EVERY", 1)
    asked = count()
    stopping = compare_due(clock=FixedClock(NOW), timer=lambda: 0.0, stop=lambda: next(asked) > 0)
    (told,) = list(stopping)
    assert (told.org, told.reason[:27]) == (alice.id, "The process was asked to en")
    assert written()[alice.id].compared_at is None
    assert charlie.id not in written()


def test_a_store_that_is_down_is_written_down_and_asked_again_later(
    alice: Organization, database: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(NOW)
    drift(database, alice)

    def down(_self: Objects, prefix: str) -> Iterator[tuple[str, int]]:
        raise StoreUnreachable(f"The object store did not list {prefix}.")

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "sizes", down)
        (told,) = at(NOW + EVERY)
    assert told.reason.startswith("The object store did not list")
    row = written()[alice.id]
    assert (row.tried_at, row.compared_at, row.reason) == (NOW + EVERY, NOW, told.reason)
    assert row.differences == {}, "as the last whole one left it"
    assert [one.org for one in at(NOW + 2 * EVERY)][-1] == alice.id
    assert (written()[alice.id].compared_at, written()[alice.id].reason) == (NOW + 2 * EVERY, "")


def test_two_workers_do_not_compare_at_once(alice: Organization, database: Urls) -> None:
    with psycopg.connect(database.sweep, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(7106, 0)")
        assert at(NOW) == []
        other.execute("SELECT pg_advisory_unlock(7106, 0)")
        assert at(NOW)


def test_the_workers_task_does_it(alice: Organization, charlie: Organization) -> None:
    context = SimpleNamespace(additional_context={"clock": FixedClock(NOW), "stop": lambda: False})
    tasks.reconcile.func(context, timestamp=0)
    assert written().keys() == {alice.id, charlie.id}

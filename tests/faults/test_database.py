"""Real faults of a real PostgreSQL, at the steps of a real night: connections cut, statements refused, disks full.

The ordinary suite takes some steps of each fault; `-m long` takes all of them, and restarts the server itself.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import SWEEP, connect
from ebbtide.apps.runs import nights, services
from ebbtide.apps.runs.nights import DueNight
from ebbtide.apps.runs.schema import migrate
from ebbtide.apps.runs.wiring import live_run, object_store
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.outcome import RunOutcome
from ebbtide.pg.launcher import EmbeddedPostgres, Urls
from tests.engine.night import Fault, StepRun, Steps
from tests.faults.matrix import CLOCK, SIZE, converges, sound, undisturbed
from tests.journeys.product import wait_for
from tests.journeys.scenes import centre, picture

REFUSALS = {
    "serialization failure": "40001",
    "deadlock": "40P01",
    "lock not given": "55P03",
    "statement timeout": "57014",
    "disk full": "53100",
    "out of memory": "53200",
    "out of connections": "53300",
}
TABLES = ("ledger_entry", "media_mediaobject", "catalog_purgedline", "runs_run", "runs_batchcount")


@pytest.fixture
def admin(database: Urls) -> Iterator[psycopg.Connection]:
    """The superuser's connection, from which things are broken."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


def cut(admin: psycopg.Connection) -> Callable[[], None]:
    """Cut the connection that carries the run."""

    def deed() -> None:
        with connections[SWEEP].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    return deed


def refuse(admin: psycopg.Connection, state: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Let the database refuse the next write of whatever kind with an error of its own; gives that, and its end."""

    def deed() -> None:
        admin.execute(
            f"""
            CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$
            """
        )
        for table in TABLES:
            admin.execute(
                f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION refuse()"  # type: ignore[arg-type]
            )

    def calm() -> None:
        for table in TABLES:
            admin.execute(f"DROP TRIGGER IF EXISTS refuse ON {table}")  # type: ignore[arg-type]

    return deed, calm


def some(steps: tuple[str, ...], *, all_of_them: bool) -> list[int]:
    """Steps to disturb: all, or the middle one of each kind that does something."""
    if all_of_them:
        return list(range(len(steps)))
    return [[at for at, step in enumerate(steps) if step == name][steps.count(name) // 2] for name in ("close", "rows")]


def cuts(admin: psycopg.Connection, *, all_of_them: bool) -> None:
    quiet = undisturbed()
    neighbour = centre("Neighbour", size=SIZE, armed=False)
    untouched = picture(neighbour)
    for at in some(quiet.steps, all_of_them=all_of_them):
        name = f"cut before step {at} ({quiet.steps[at]})"
        converges(name, quiet=quiet, steps=Steps(at=at, before=cut(admin)))
    assert picture(neighbour) == untouched
    assert sound() == []


def refusals(admin: psycopg.Connection, *, states: dict[str, str], all_of_them: bool) -> None:
    quiet = undisturbed()
    neighbour = centre("Neighbour", size=SIZE, armed=False)
    untouched = picture(neighbour)
    for what, state in states.items():
        for at in some(quiet.steps, all_of_them=all_of_them):
            deed, calm = refuse(admin, state)
            name = f"{what} from step {at} ({quiet.steps[at]}) on"
            converges(name, quiet=quiet, steps=Steps(at=at, before=deed), calm=calm)
    assert picture(neighbour) == untouched
    assert sound() == []


def test_a_connection_that_is_cut(admin: psycopg.Connection) -> None:
    cuts(admin, all_of_them=False)


def test_a_database_that_refuses(admin: psycopg.Connection) -> None:
    refusals(admin, states={"disk full": "53100"}, all_of_them=False)


def test_a_connection_that_is_cut_fails_one_night_and_not_the_next(admin: psycopg.Connection) -> None:
    """`ebbtide night` runs one after the other, over one connection."""
    first, second = (centre(name, size=SIZE) for name in ("First", "Second"))
    steps = Steps(at=4, before=cut(admin))
    with patch.object(services, "live_run", lambda run, *, clock: StepRun(live_run(run, clock=clock), steps=steps)):
        on = local_day(CLOCK.now(), zone=parse_zone(first.zone))  # due or not yet: the hour must not matter
        due = [DueNight(org.id, on, open_run=None, has_run=False) for org in (first, second)]
        report = nights.run_nights(due, clock=CLOCK)
    assert [org for org, _ in report.failures] == [first.id]
    assert [(run.org_id, run.purged) for run in report.runs] == [(second.id, SIZE.due)]


@pytest.mark.long
def test_a_connection_that_is_cut_at_any_step(admin: psycopg.Connection) -> None:
    cuts(admin, all_of_them=True)


@pytest.mark.long
@pytest.mark.parametrize("what", list(REFUSALS))
def test_a_database_that_refuses_at_any_step(admin: psycopg.Connection, what: str) -> None:
    refusals(admin, states={what: REFUSALS[what]}, all_of_them=True)


@pytest.mark.long
@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_of_the_matrix_at_any_step(admin: psycopg.Connection, fault: Fault) -> None:
    quiet = undisturbed()
    for at in range(len(quiet.steps)):
        converges(f"{fault} at step {at} ({quiet.steps[at]})", quiet=quiet, steps=Steps(fault, at=at))
    assert sound() == []


@pytest.fixture
def own_server(server: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, which it may ill-treat; the others' is connected again behind it."""
    running = EmbeddedPostgres(tmp_path / "own", binaries=settings.EBBTIDE_POSTGRES_BIN)
    urls = running.start()
    connections.close_all()
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    migrate()
    monkeypatch.setattr(settings, "EBBTIDE_OBJECTS_URL", (tmp_path / "objects").as_uri())
    object_store.cache_clear()
    yield running
    object_store.cache_clear()
    connections.close_all()
    running.stop()
    connect(web=server.web, sweep=server.sweep, owner=server.owner)


def fall(running: EmbeddedPostgres, folder: Path) -> None:
    """Stop PostgreSQL at once, as a power cut would, and start it again: it recovers from its log."""
    pid = int((folder / "own" / "pg" / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(pid, signal.SIGQUIT)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), within=30, why="the server is down")
    connections.close_all()
    urls = running.start()
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)


@pytest.mark.long
def test_a_server_that_falls_and_comes_back(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    quiet = undisturbed()
    neighbour = centre("Neighbour", size=SIZE, armed=False)
    untouched = picture(neighbour)
    for at in range(2, len(quiet.steps), 5):
        steps = Steps(at=at, before=lambda: fall(own_server, tmp_path))
        _, ends = converges(f"falls before step {at} ({quiet.steps[at]})", quiet=quiet, steps=steps)
        assert RunOutcome.FAILED not in ends
    assert picture(neighbour) == untouched
    assert sound() == []

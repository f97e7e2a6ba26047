"""The queue: one job an organization, nobody twice; a failure waits and holds up nobody; the dead are cleared away."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connections
from structlog.testing import capture_logs

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import nights, tasks
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.nights import DueNight
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.apps.runs.tasks import defer_due, wait_after
from ebbtide.cli.working import work
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.identity import public_id
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests import cast
from tests.journeys.product import wait_for
from tests.journeys.scenes import Size, centre, runs_of

CLOCK = SystemClock()


@pytest.fixture
def admin(database: Urls) -> Iterator[psycopg.Connection]:
    """The superuser's connection: plays other workers, and looks past everything."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


def jobs(admin: psycopg.Connection) -> list[tuple[int, str]]:
    """Organization and state of every night's job."""
    return admin.execute(
        "SELECT (args->>'org')::int, status::text FROM procrastinate_jobs WHERE task_name = 'ebbtide.night' ORDER BY 1"
    ).fetchall()


def turn(admin: psycopg.Connection, org: Organization, status: str) -> None:
    """Let a worker take an organization's job, and end it where that is asked."""
    admin.execute(
        "UPDATE procrastinate_jobs SET status = 'doing' WHERE status = 'todo' AND args->>'org' = %s", [str(org.id)]
    )
    if status != "doing":
        admin.execute(
            "SELECT procrastinate_finish_job_v1(id, %s, false) FROM procrastinate_jobs WHERE args->>'org' = %s",
            [status, str(org.id)],
        )


def test_each_organization_waits_once(admin: psycopg.Connection) -> None:
    one, two = cast.centre("One"), cast.centre("Two")
    assert defer_due(now=CLOCK.now()) == 2
    assert defer_due(now=CLOCK.now()) == 0
    assert jobs(admin) == [(one.id, "todo"), (two.id, "todo")]


def test_two_ticks_at_once_put_in_what_is_missing_and_nothing_twice(
    admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (cast.centre(name) for name in ("One", "Two", "Three"))
    assert defer_due(now=CLOCK.now()) == 3
    admin.execute("DELETE FROM procrastinate_jobs WHERE args->>'org' = %s", [str(two.id)])
    # it has looked before the other tick had put in its jobs
    monkeypatch.setattr(tasks, "_queued", lambda **_: {})
    assert defer_due(now=CLOCK.now()) == 1
    assert jobs(admin) == [(one.id, "todo"), (two.id, "todo"), (three.id, "todo")]


def test_a_job_that_is_starting_is_left_alone_for_ten_minutes(admin: psycopg.Connection) -> None:
    org = cast.centre("One")
    defer_due(now=CLOCK.now())
    turn(admin, org, "doing")
    assert defer_due(now=CLOCK.now()) == 0
    assert defer_due(now=CLOCK.now() + timedelta(minutes=11)) == 1


def test_a_run_is_left_to_its_carrier_and_taken_from_a_dead_one(admin: psycopg.Connection, database: Urls) -> None:
    org = centre("One", size=Size(calls=5, recorded=2))
    interrupted = start_run(
        org.id, asked=Asked(trigger="manual", local_date=CLOCK.now().date()), clock=CLOCK, stop=lambda: True
    )
    assert interrupted.outcome is None
    defer_due(now=CLOCK.now())
    turn(admin, org, "doing")
    with psycopg.connect(database.sweep, autocommit=True) as carrier:
        carrier.execute("SELECT pg_advisory_lock(7102, %s)", [interrupted.id])
        assert defer_due(now=CLOCK.now()) == 0, "it is carried"
        carrier.execute("SELECT pg_advisory_unlock_all()")  # as the end of its process does, a moment later
    assert defer_due(now=CLOCK.now()) == 1, "its carrier has gone, however fresh its job looks"


def test_a_failure_waits_longer_each_time_and_only_its_own_organization(admin: psycopg.Connection) -> None:
    failing, well = cast.centre("Failing"), cast.centre("Well")
    defer_due(now=CLOCK.now())
    turn(admin, failing, "failed")
    admin.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
    now = CLOCK.now()
    assert defer_due(now=now + timedelta(seconds=50)) == 1
    assert jobs(admin) == [(failing.id, "failed"), (well.id, "todo")]
    assert defer_due(now=now + timedelta(seconds=65)) == 1
    assert jobs(admin) == [(failing.id, "failed"), (failing.id, "todo"), (well.id, "todo")]


def test_the_wait_doubles_up_to_half_an_hour() -> None:
    minutes = [wait_after(failures).total_seconds() / 60 for failures in range(1, 9)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]
    assert wait_after(10_000) == timedelta(minutes=30)


def test_one_failing_organization_holds_up_no_other_and_leaves_a_record(
    admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable, odd, well = (cast.centre(name) for name in ("Unreachable", "Odd", "Well"))
    admin.execute(
        """
        WITH dead AS (
            INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id)
        INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, args)
        SELECT 'night', 'ebbtide.night', 'doing', id, '{"org": 999}' FROM dead
        """
    )
    real = nights.run_night

    def run_night(night: DueNight, **rest: object) -> Run | None:
        if night.org == unreachable.id:
            raise StoreUnreachable("The store does not answer.")
        if night.org == odd.id:
            raise KeyError("+49301234567")
        return real(night, **rest)

    monkeypatch.setattr(nights, "run_night", run_night)
    ended = threading.Event()

    def end_when_done() -> None:
        def done() -> bool:
            states = jobs(admin)
            return (999, "doing") not in states and states.count((odd.id, "failed")) == 1 and len(states) == 2

        try:
            wait_for(done, within=60, why="both have failed, the third is done, the dead worker's job is gone")
            ended.set()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=end_when_done)
    with capture_logs() as logged:
        watcher.start()
        connections.close_all()
        work(concurrency=2, clock=CLOCK, stopping=threading.Event())
    watcher.join()
    assert ended.is_set()
    assert jobs(admin) == [(unreachable.id, "failed"), (odd.id, "failed")]
    assert [run.outcome for run in runs_of(well)] == ["simulated"]
    failures = {line["org"]: line for line in logged if line["event"] == "task failed"}
    assert failures[public_id("org", unreachable.id)]["reason"] == "The store does not answer."
    assert failures[public_id("org", odd.id)]["error"] == "KeyError"
    assert "+4930" not in str(logged), "what an unknown error quotes may be personal"

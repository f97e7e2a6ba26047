"""Who takes a permission away waits for what was decided before, is never starved, and finds the truth in the book."""

import threading
from datetime import date, timedelta

import psycopg
import pytest
from django.db import connections

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, delete_job, edit_job, pause_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.reconcile import reconcile
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from ebbtide.stores.postgres import PostgresRun
from tests.cast import calls, centre, everything, load, record

CLOCK = SystemClock()
PATIENCE_S = 30


def days_ago(org: Organization, days: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=days)


def armed(name: str) -> Organization:
    org = centre(name)
    load(org, calls("Sales", day=days_ago(org, 20), count=4))
    load(org, calls("Sales", day=days_ago(org, 1), count=40))
    record(org, f"call-Sales-{days_ago(org, 20)}-0", kind=DataType.AUDIO)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    return org


def asked(org: Organization) -> services.Asked:
    return services.Asked(trigger="manual", local_date=days_ago(org, 0))


def live_run(org: Organization, database: Urls) -> int:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    with psycopg.connect(database.superuser) as admin:
        row = admin.execute(
            "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, reason, frozen_at, worker, purged, "
            "purged_bytes, kept, failed, not_reached) "
            "VALUES (%s, %s, %s, 'manual', '', now(), '', 0, 0, 0, 0, 0) RETURNING id",
            [org.id, plan.id, days_ago(org, 0)],
        ).fetchone()
        assert row is not None
        admin.execute("UPDATE runs_run SET mode = 'live' WHERE id = %s", row)
    return int(row[0])


def test_batches_that_follow_each_other_do_not_starve_the_switch(database: Urls) -> None:
    """Three workers whose batches overlap all the time: the switch comes through, and stops every one of them."""
    ended: list[str | None] = []
    going = threading.Barrier(4)

    def batches(org: Organization, run: int) -> None:
        with psycopg.connect(database.sweep, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(7102, %s)", [run])
            going.wait(PATIENCE_S)
            try:
                while True:
                    with connection.transaction():
                        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org.id)])
                        connection.execute("SELECT runs_may_delete(%s), pg_sleep(0.3)", [run])
            except psycopg.Error as exc:
                ended.append(exc.sqlstate)

    centres = [armed(name) for name in ("One", "Two", "Three")]
    workers = [threading.Thread(target=batches, args=(org, live_run(org, database))) for org in centres]
    for worker in workers:
        worker.start()
    going.wait(PATIENCE_S)
    services.turn_switch(on=True, reason="stop")
    for worker in workers:
        worker.join(PATIENCE_S)
    assert ended == ["EB001"] * 3


@pytest.mark.parametrize("change", ["lengthened", "paused", "deleted"])
def test_a_changed_job_waits_for_what_was_decided_before_it(database: Urls, change: str) -> None:
    org = centre("One")
    row = create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    job = public_id("job", row.id)

    def save() -> None:
        if change == "lengthened":
            edit_job(org.id, job_id=job, version=1, what=What.ALL, days=Days(400), queues=frozenset(), actor="test")
        else:
            step = pause_job if change == "paused" else delete_job
            step(org.id, job_id=job, actor="test", now=CLOCK.now())
        connections.close_all()  # this thread's own

    with psycopg.connect(database.sweep, autocommit=True) as in_flight:
        in_flight.execute("SELECT pg_advisory_lock_shared(7101, %s)", [org.id])
        saving = threading.Thread(target=save)
        saving.start()
        saving.join(1)
        assert saving.is_alive(), "objects are in flight"
        in_flight.execute("SELECT pg_advisory_unlock_all()")
        saving.join(PATIENCE_S)
        assert not saving.is_alive()


class Killed(BaseException):
    """The process died here."""


def test_what_was_destroyed_before_a_disarming_is_booked_after_it(
    database: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, neighbour = armed("One"), armed("Two")
    before = everything(neighbour)
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(PostgresRun, "close_objects", die)
        with pytest.raises(Killed):
            services.start_run(
                org.id,
                asked=services.Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=public_id("plan", plan.id)),
                clock=CLOCK,
            )
    left = everything(org)
    assert (len(left.media), len(left.objects)) == (1, 0), "destroyed, and not written down"
    orgs.disarm(org.id, reason="wait", actor="test", now=CLOCK.now())
    run = services.resume_open_run(org.id, clock=CLOCK)
    assert run is not None
    assert (run.outcome, run.purged, run.not_reached) == ("incomplete", 1, 4)
    assert everything(org).media == frozenset()
    assert reconcile(org, mend=False, now=CLOCK.now()).drifts == []
    assert everything(neighbour) == before


def test_what_came_in_after_the_plan_is_left_for_the_next(database: Urls) -> None:
    org = armed("One")
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    run = live_run(org, database)
    load(org, calls("Sales", day=days_ago(org, 20), count=30, prefix="later"))
    ended = services.resume_open_run(org.id, clock=CLOCK)
    assert ended is not None
    assert (ended.id, ended.outcome, ended.purged, ended.kept) == (run, "incomplete", 1, 34)
    assert len(everything(org).segments) == 74


def test_a_run_that_goes_on_takes_nothing_more_by_a_job_that_is_paused(
    database: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused between two batches: the objects of the first are gone, the rows of the next stay."""
    org, neighbour = armed("One"), armed("Two")
    before = everything(neighbour)
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    with psycopg.connect(database.superuser) as admin:
        found = admin.execute("SELECT id FROM policies_retentionjob WHERE org_id = %s", [org.id]).fetchone()
    assert found is not None
    purge_rows = PostgresRun.purge_rows

    def paused_first(run: PostgresRun, *, most: int) -> int | None:
        pause_job(org.id, job_id=public_id("job", found[0]), actor="test", now=CLOCK.now())
        return purge_rows(run, most=most)

    monkeypatch.setattr(PostgresRun, "purge_rows", paused_first)
    run = services.start_run(
        org.id,
        asked=services.Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=public_id("plan", plan.id)),
        clock=CLOCK,
    )
    assert (run.outcome, run.purged, run.not_reached) == ("incomplete", 1, 4)
    assert "changed since the plan was made" in run.reason
    assert len(everything(org).segments) == 44
    assert planning.make_plan(org.id, as_of=None, now=CLOCK.now()).items == 0
    assert everything(neighbour) == before

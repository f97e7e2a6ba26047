"""A run while it goes on: how far it is, and the button that stops it."""

import re
import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connections
from django.test import Client

from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.locks import is_carried
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.progress import progress_of
from ebbtide.apps.runs.reconcile import reconcile
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from ebbtide.web.context.runs import ProgressNote
from tests.cast import calls, everything, load

from .conftest import CLOCK, World, days_ago, signed_in
from .live import going
from .test_runs import arm, url, words

WATCHING = {"HX-Request": "true"}


def newest(org: Organization) -> Run:
    with acting_in(org.id):
        return Run.objects.filter(org_id=org.id).latest("id")


def seen(org: Organization) -> ProgressNote:
    with acting_in(org.id):
        run = Run.objects.filter(org_id=org.id).latest("id")
        plan = Plan.objects.get(id=run.plan_id)
        return progress_of(run, plan=plan, now=CLOCK.now(), said=0)


def test_a_run_is_watched_from_its_first_batch_to_its_end(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm(world.alice)
    neighbour = everything(world.charlie)
    with going(world.alice, monkeypatch) as run:
        note = seen(world.alice)
        assert (note.state, note.percent, note.done, note.beat_s, note.day) == ("going", 0, 0, None, None)
        number = newest(world.alice).id
        page = url(world, f"runs/run_{number}/")
        assert "Stop this run" in words(alice.get(page))
        assert "Stop this run" not in words(signed_in("bob.view").get(page))
        run.gate.step(2)  # the two desktop recordings of the plan, one a batch
        note = seen(world.alice)
        assert (note.done, note.percent, note.said, note.tell) == (2, 33, 3, True)
        assert (note.day, note.data_type) == (days_ago(world.alice, 40), DataType.DESKTOP)
        assert note.beat_s is not None
        fragment = alice.get(f"{page}progress/?said=1", headers=WATCHING)
        assert "2 of 6 items" in words(fragment)
        assert 'hx-swap-oob="innerHTML:#run-said"' in fragment.content.decode()
        told = alice.get(f"{page}progress/?said=3", headers=WATCHING).content.decode()
        assert "run-said" not in told, "a tenth is told once"
        said = words(alice.get(page))
        assert "2 of 6 items" in said
        assert "Not reached — known when it has ended" in said
        assert alice.get(url(world, "runs/")).context["page"].runs.rows[0].purged == 2
        ended = run.end()
    assert ended.outcome == "completed"
    answer = alice.get(f"{page}progress/?said=3", headers=WATCHING)
    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (200, "true", b"")
    assert alice.get(f"{page}progress/").status_code == 302
    above = alice.get(page).content.decode().split("<main")[1].split("list-numbers")[0]
    assert re.findall('hx-get="([^"]+)"', above) == [f"{page}exports/"], (
        "it is asked once which exports went, and no more"
    )
    assert everything(world.charlie) == neighbour


def test_who_lost_the_right_sees_nothing_of_it_any_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    arm(world.alice)
    with going(world.alice, monkeypatch):
        address = url(world, f"runs/run_{newest(world.alice).id}/progress/")
        assert signed_in("bob.view").get(address, headers=WATCHING).status_code == 200
        assert signed_in("bob").get(address, headers=WATCHING).status_code == 403
        assert signed_in("charlie").get(address, headers=WATCHING).status_code == 404
        nobody = signed_in(None).get(address, headers=WATCHING)
        assert nobody["HX-Redirect"].startswith("/sign-in/")


def test_the_button_stops_a_run_and_what_was_deleted_stays_deleted(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm(world.alice)
    neighbour, before = everything(world.charlie), everything(world.alice)
    with going(world.alice, monkeypatch) as run:
        run.gate.step(1)
        number = newest(world.alice).id
        page = url(world, f"runs/run_{number}/")
        assert signed_in("bob.view").post(f"{page}stop/").status_code == 403
        assert newest(world.alice).cancelled_at is None
        said = words(alice.post(f"{page}stop/", follow=True))
        assert "Stopped: this run deletes nothing any more. What it had deleted before stays deleted." in said
        assert "Somebody has stopped this run." in said
        assert "Stop this run" not in said
        then = everything(world.alice)
        assert len(then.media) == len(before.media) - 1
        ended = run.end()
    assert (ended.outcome, ended.purged, ended.not_reached) == ("incomplete", 1, 5)
    assert everything(world.alice) == then, "nothing went after the answer"
    assert everything(world.charlie) == neighbour
    assert reconcile(world.alice, mend=False, now=CLOCK.now()).drifts == []
    said = words(alice.get(page))
    assert "Incomplete: deleted 1 of 6 items; 0 kept, 0 failed, 5 not reached." in said
    assert "The run was cancelled. What it had not reached is left for the next night." in said
    assert "Stopped by alice@example.org," in said
    again = words(alice.post(f"{page}stop/", follow=True))
    assert "This run had ended before it could be stopped" in again


def test_the_answer_waits_for_what_is_in_flight(world: World, database: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    arm(world.alice)
    with going(world.alice, monkeypatch), psycopg.connect(database.sweep, autocommit=True) as in_flight:
        in_flight.execute("SELECT pg_advisory_lock_shared(7101, %s)", [world.alice.id])
        address = url(world, f"runs/run_{newest(world.alice).id}/stop/")
        answers = []

        def press() -> None:
            answers.append(signed_in("alice").post(address).status_code)
            connections.close_all()  # this thread's own

        pressing = threading.Thread(target=press)
        pressing.start()
        pressing.join(1)
        assert pressing.is_alive(), "objects are in flight"
        assert newest(world.alice).cancelled_at is not None, "and nothing new is decided meanwhile"
        in_flight.execute("SELECT pg_advisory_unlock_all()")
        pressing.join(30)
    assert answers == [302]


def test_a_run_that_nobody_carries_says_so(world: World, alice: Client, database: Urls) -> None:
    arm(world.alice)
    plan = planning.make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    with acting_in(world.alice.id, using="sweep"):
        run = Run.objects.using("sweep").create(
            org_id=world.alice.id,
            plan_id=plan.id,
            local_date=days_ago(world.alice, 0),
            trigger="manual",
            frozen_at=CLOCK.now(),
        )
    assert not is_carried(run.id, using=WEB)
    assert seen(world.alice).state == "waiting"
    assert "Waiting to be taken over" in words(alice.get(url(world, f"runs/run_{run.id}/")))
    with psycopg.connect(database.sweep, autocommit=True) as carrier:
        carrier.execute("SELECT pg_advisory_lock(7102, %s)", [run.id])
        assert is_carried(run.id, using=WEB), "the web role sees who carries a run"
        assert seen(world.alice).state == "starting"
    assert "Days that would be purged" in words(alice.get(url(world, f"runs/run_{run.id}/")))


def test_rates_are_of_the_last_minute(world: World, database: Urls) -> None:
    """By hand: 600 items ten minutes ago, 60 within the last minute before the newest line: one a second."""
    load(world.alice, calls("Sales", day=days_ago(world.alice, 50), count=700))
    plan = planning.make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    now = CLOCK.now()
    with psycopg.connect(database.superuser) as admin:
        row = admin.execute(
            "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, reason, frozen_at, started_at, worker, "
            "purged, purged_bytes, kept, failed, not_reached) "
            "VALUES (%s, %s, %s, 'manual', '', now(), %s, '', 0, 0, 0, 0, 0) RETURNING id",
            [world.alice.id, plan.id, days_ago(world.alice, 0), now - timedelta(minutes=11)],
        ).fetchone()
        assert row is not None
        for batch, (ago, items) in enumerate(((600, 600), (30, 40), (5, 20)), start=1):
            admin.execute(
                "INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, "
                "items, bytes, at) VALUES (%s, %s, %s, %s, %s, 'insights', %s, 'purged', '', %s, %s, %s)",
                [
                    world.alice.id, row[0], batch, world.queues["Sales"], days_ago(world.alice, 50), world.job,
                    items, items * 100, now - timedelta(seconds=ago),
                ],
            )  # fmt: skip
    note = seen(world.alice)
    assert note.per_second == pytest.approx(1.0)
    assert note.bytes_per_second == pytest.approx(100.0)
    assert note.left_s == plan.items - 660 == 46
    assert note.beat_s in {5, 6, 7}

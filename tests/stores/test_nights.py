"""Whole live nights with a folder and with a real S3 server: what goes, what stays, and what comes back."""

from collections.abc import Callable
from datetime import date, timedelta

import psycopg
import pytest
from django.conf import settings

from ebbtide.apps.media.services import sweep_uploads
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import OBJECT_TYPES, DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine import night
from ebbtide.engine.clock import SystemClock
from ebbtide.engine.ports import LiveRun, ObjectStore
from ebbtide.engine.verify import verify
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects
from tests.cast import calls, centre, counted, everything, load, record
from tests.stores.conftest import Place

CLOCK = SystemClock()


def days_ago(org: Organization, days: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=days)


def fill(org: Organization) -> None:
    """Two queues, four days; three recordings of each kind on the two days that a job of ten days takes."""
    for age in (40, 11, 10, 1):
        day = days_ago(org, age)
        for queue in ("Sales", "Support"):
            load(org, calls(queue, day=day, count=3))
            for kind in sorted(OBJECT_TYPES):
                record(org, f"call-{queue}-{day}-{age % 3}", kind=kind)


@pytest.fixture
def alice(database: Urls, place: Place, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """Armed, with a Global job of ten days; all objects lie in the store of the test."""
    monkeypatch.setattr(settings, "EBBTIDE_OBJECTS_URL", place.url)
    object_store.cache_clear()
    org = centre("Alice's")
    fill(org)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    return org


@pytest.fixture
def charlie(alice: Organization) -> Organization:
    """The neighbour, with data of the same queues, days and keys."""
    org = centre("Charlie's")
    fill(org)
    return org


def run_confirmed(org: Organization) -> Run:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    plan_id = public_id("plan", plan.id)
    planning.confirm_plan(org.id, plan_id=plan_id, actor="test", now=CLOCK.now())
    asked = services.Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=plan_id)
    return services.start_run(org.id, asked=asked, clock=CLOCK)


def of(org: Organization, place: Place) -> set[str]:
    """The organization's objects, seen by the file system or boto3."""
    return {key for key in place.seen() if key.startswith(f"org_{org.id}/")}


def test_a_live_night_takes_what_is_due_and_nothing_of_the_neighbour(
    alice: Organization, charlie: Organization, place: Place
) -> None:
    before, neighbour, counts = of(alice, place), everything(charlie), counted(charlie)
    assert len(before) == 2 * 4 * 3
    assert before == everything(alice).objects
    due = {key for key in before if str(days_ago(alice, 40)) in key or str(days_ago(alice, 11)) in key}
    run = run_confirmed(alice)
    assert run.outcome == "completed", run.reason
    assert (run.purged, run.failed, run.not_reached) == (2 * 2 * (3 + 3), 0, 0)
    assert len(due) == 12
    assert of(alice, place) == before - due == everything(alice).media
    assert of(charlie, place) == neighbour.objects
    assert (everything(charlie), counted(charlie)) == (neighbour, counts)
    assert place.seen() == (before - due) | neighbour.objects  # and nothing of nobody


def test_objects_that_went_before_are_told_apart_in_the_book(
    alice: Organization, charlie: Organization, place: Place, database: Urls
) -> None:
    gone = sorted(key for key in of(alice, place) if str(days_ago(alice, 40)) in key)[:2]
    place.objects.destroy(gone)
    neighbour = of(charlie, place)
    run = run_confirmed(alice)
    assert (run.outcome, run.purged) == ("completed", 24)
    with psycopg.connect(database.superuser) as looking:
        book = looking.execute(
            "SELECT outcome, sum(items) FROM ledger_entry WHERE data_type <> 'insights' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert book == [("already_gone", 2), ("purged", 10)]
    assert of(charlie, place) == neighbour


def between_sweep_and_verify(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    def first(run: LiveRun, *, store: ObjectStore) -> None:
        happens()
        verify(run, store=store)

    monkeypatch.setattr(night, "verify", first)


def test_an_object_put_back_fails_the_run_and_is_named(
    alice: Organization, charlie: Organization, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = min(key for key in of(alice, place) if str(days_ago(alice, 40)) in key)
    neighbour = everything(charlie)
    between_sweep_and_verify(monkeypatch, lambda: place.objects.put(key, [b"back"]))
    run = run_confirmed(alice)
    assert run.outcome == "failed"
    assert key in run.reason
    assert "still there" in run.reason
    assert key in of(alice, place)  # named, never deleted: nobody knows whose it is
    assert everything(charlie) == neighbour


def test_what_a_late_intent_explains_is_no_ghost(
    alice: Organization, place: Place, monkeypatch: pytest.MonkeyPatch, database: Urls
) -> None:
    """An upload under way into a purged cell will take its object back; the sweep of uploads sees to it."""
    key = min(key for key in of(alice, place) if str(days_ago(alice, 40)) in key)

    def uploads() -> None:
        with psycopg.connect(database.superuser) as planting:
            planting.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, %s)", [alice.id, f"{key}0"])
        place.objects.put(f"{key}0", [b"on its way"])

    between_sweep_and_verify(monkeypatch, uploads)
    run = run_confirmed(alice)
    assert run.outcome == "completed", run.reason
    assert list(sweep_uploads(alice.id, store=place.objects, now=CLOCK.now() + timedelta(hours=25))) == [f"{key}0"]
    assert f"{key}0" not in of(alice, place)


@pytest.mark.parametrize("table", ["insights_segment", "insights_event"])
@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_rows_put_back_fail_the_run_and_are_named(
    alice: Organization, charlie: Organization, database: Urls, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    day, neighbour = days_ago(alice, 40), everything(charlie)
    with psycopg.connect(database.superuser) as keeping:
        keeping.execute(
            f"CREATE TABLE kept AS SELECT * FROM {table} WHERE org_id = %s AND day = %s",  # noqa: S608 - written above
            [alice.id, day],
        )
        generated = "bytes" if table == "insights_segment" else ""
        columns = ", ".join(
            name
            for (name,) in keeping.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table]
            )
            if name != generated
        )

    def plant() -> None:
        with psycopg.connect(database.superuser) as planting:
            planting.execute("SET LOCAL session_replication_role = replica")  # past every trigger
            planting.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept LIMIT 1"  # noqa: S608 - the catalogue's
            )

    between_sweep_and_verify(monkeypatch, plant)
    run = run_confirmed(alice)
    assert run.outcome == "failed"
    assert f"{table} of que_" in run.reason
    assert str(day) in run.reason
    assert everything(charlie) == neighbour


def test_a_store_that_goes_down_leaves_the_run_incomplete_and_the_next_one_ends_it(
    alice: Organization, charlie: Organization, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, neighbour = of(alice, place), everything(charlie)
    with monkeypatch.context() as patch:
        patch.setattr("ebbtide.stores.objects.store.MARK", ".unmounted")
        run = run_confirmed(alice)
    assert run.outcome == "incomplete"
    assert "EBBTIDE_OBJECTS_URL" in run.reason
    assert of(alice, place) == before
    assert {day for _, day, _ in everything(alice).segments} >= {days_ago(alice, 40)}  # rows wait for their objects
    again = run_confirmed(alice)
    assert again.outcome == "completed", again.reason
    assert len(of(alice, place)) == 12
    assert everything(charlie) == neighbour


def test_a_recording_of_a_purged_call_stays_out(alice: Organization, place: Place) -> None:
    run_confirmed(alice)
    after = of(alice, place)
    assert record(alice, f"call-Sales-{days_ago(alice, 40)}-1", kind=DataType.AUDIO).late == 1
    assert of(alice, place) == after
    assert isinstance(object_store(), Objects)

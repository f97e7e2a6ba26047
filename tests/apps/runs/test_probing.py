"""A store is probed before the first live run that uses it, and what it cannot prove is said of the run."""

import json
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, probing, services
from ebbtide.apps.runs.models import Run, StoreProbe
from ebbtide.apps.runs.report import report
from ebbtide.apps.runs.run_pages import AskedOfRun, facts_of_run, run_page
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import FixedClock, SystemClock
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects, trials
from ebbtide.web.listing import Asked
from tests.cast import calls, centre, everything, load, record

CLOCK = SystemClock()


def days_ago(org: Organization, days: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=days)


@pytest.fixture
def alice(database: Urls) -> Organization:
    org = centre("Alice's")
    for age in (20, 1):
        load(org, calls("Sales", day=days_ago(org, age), count=3))
        record(org, f"call-Sales-{days_ago(org, age)}-0", kind=DataType.AUDIO)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    return org


@pytest.fixture
def charlie(database: Urls) -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=days_ago(org, 20), count=3))
    record(org, f"call-Sales-{days_ago(org, 20)}-0", kind=DataType.AUDIO)
    return org


def run_of(org: Organization) -> Run:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    plan_id = public_id("plan", plan.id)
    planning.confirm_plan(org.id, plan_id=plan_id, actor="test", now=CLOCK.now())
    asked = services.Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=plan_id)
    return services.start_run(org.id, asked=asked, clock=CLOCK)


def arm(org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())


def probes() -> int:
    return StoreProbe.objects.count()


def test_the_first_live_run_of_a_store_probes_it_and_no_other_does(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    neighbour = everything(charlie)
    run_of(alice)
    assert probes() == 0, "a simulation asks nothing of the store"
    arm(alice)
    run = run_of(alice)
    assert (run.outcome, probes(), run.probe_id is not None) == ("completed", 1, True)
    load(alice, calls("Support", day=days_ago(alice, 30), count=1))
    assert (run_of(alice).probe_id, probes()) == (None, 1), "rows alone touch no store"
    load(alice, calls("Other", day=days_ago(alice, 30), count=1))
    record(alice, f"call-Other-{days_ago(alice, 30)}-0", kind=DataType.AUDIO)
    assert (run_of(alice).probe_id, probes()) == (run.probe_id, 1)
    assert everything(charlie) == neighbour


def test_another_store_is_probed_anew(alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    probing.probe_now(clock=CLOCK)
    assert probing.last_probe() is not None
    monkeypatch.setattr(settings, "EBBTIDE_OBJECTS_URL", f"{settings.EBBTIDE_OBJECTS_URL}2")
    object_store.cache_clear()
    assert probing.last_probe() is None


def test_a_worker_that_starts_probes_once_a_day(database: Urls) -> None:
    clock = FixedClock(datetime.now(UTC))
    for hours, expected in ((0, 1), (23, 1), (24, 2)):
        clock.moment = datetime.now(UTC) + timedelta(hours=hours)
        probing.probe_where_old(clock=clock)
        assert probes() == expected


def test_what_is_not_proved_is_said_of_the_run(alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials.Bench, "listed", lambda *_asked, **_more: ["still"])
    arm(alice)
    run = run_of(alice)
    with acting_in(alice.id):
        facts = facts_of_run(run)
        told = json.loads(report(facts, org=alice, now=CLOCK.now()))["store"]
        asked = AskedOfRun(numbers=Asked(), reasons=Asked(), days=Asked())
        page = run_page(alice, facts=facts, asked=asked, now=CLOCK.now())
        newest = probing.newest_label()
    assert told["proves_erasure"] is False
    assert "list after delete" in told["not_proved"]
    assert page.store is not None
    assert not page.store.proves
    assert newest == page.store
    assert str(settings.EBBTIDE_DATA) not in json.dumps(told), "where the store is, is the operator's"


def test_a_store_that_could_not_be_probed_is_said_of_the_run_too(
    alice: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_asked: object) -> None:
        raise StoreUnreachable("It did not answer.")

    monkeypatch.setattr(probing, "probe_store", down)
    arm(alice)
    run = run_of(alice)
    with acting_in(alice.id):
        label = facts_of_run(run).store
    assert label is not None
    assert (label.proves, label.probed_at) == (False, None)
    probing.probe_where_old(clock=CLOCK)  # says so, and goes on


@pytest.mark.parametrize("apart", [timedelta(seconds=121), timedelta(seconds=-121), timedelta(hours=8)])
def test_a_store_whose_clock_is_elsewhere_stops_the_run(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch, apart: timedelta
) -> None:
    before, neighbour = everything(alice), everything(charlie)
    arm(alice)
    monkeypatch.setattr(Objects, "clock", lambda _self: CLOCK.now() + apart)
    run = run_of(alice)
    assert run.outcome == "blocked"
    assert "object store's are" in run.reason
    assert (everything(alice), everything(charlie)) == (before, neighbour)
    monkeypatch.setattr(Objects, "clock", lambda _self: CLOCK.now() + timedelta(seconds=60))
    assert run_of(alice).outcome == "completed"
    assert everything(charlie) == neighbour


def test_no_transaction_is_open_while_the_store_is_asked(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour, asked = everything(charlie), []

    def clock(_self: Objects) -> datetime:
        asked.append(connections[SWEEP].in_atomic_block)
        return CLOCK.now()

    monkeypatch.setattr(Objects, "clock", clock)
    arm(alice)
    assert run_of(alice).outcome == "completed"
    assert set(asked) == {False}
    assert everything(charlie) == neighbour


@pytest.mark.parametrize("change", ["disarmed", "armed anew", "switched off", "another job"])
def test_what_changes_while_the_store_is_asked_counts(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The guards are asked after the store, of what is true then."""
    arm(alice)
    before, neighbour = everything(alice), everything(charlie)

    def disarmed() -> None:
        orgs.disarm(alice.id, reason="no", actor="test", now=CLOCK.now())

    def armed_anew() -> None:
        disarmed()
        arm(alice)

    def another_job() -> None:
        create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(15), queues=frozenset(), actor="test")

    changes = {
        "disarmed": disarmed,
        "armed anew": armed_anew,
        "switched off": lambda: services.turn_switch(on=True, reason="stop"),
        "another job": another_job,
    }
    to_come = [changes[change]]

    def clock(_self: Objects) -> datetime:
        while to_come:
            to_come.pop()()
        return CLOCK.now()

    monkeypatch.setattr(Objects, "clock", clock)
    run = run_of(alice)
    assert (run.outcome, run.purged) == ("blocked", 0)
    assert everything(alice) == before
    assert everything(charlie) == neighbour


def test_a_probe_stays_as_it_was(database: Urls) -> None:
    probing.probe_now(clock=CLOCK)
    with psycopg.connect(database.owner, autocommit=True) as owner:
        for deed in ("UPDATE runs_storeprobe SET proves = true", "DELETE FROM runs_storeprobe"):
            with pytest.raises(psycopg.Error, match="only added to"):
                owner.execute(deed.encode())

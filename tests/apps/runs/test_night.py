"""A night on real PostgreSQL and a real folder: what goes, what stays, what it is called."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connections

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.locks import carrying
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import PlanStale, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from tests.cast import calls, centre, counted, everything, load, record

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()


def days_ago(org: Organization, days: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=days)


def fill(org: Organization) -> None:
    """Two queues; 40, 11, 10 and 1 days old; a recording of each kind in each cell of 40 and 11 days."""
    for age in (40, 11, 10, 1):
        for queue in ("Sales", "Support"):
            day = days_ago(org, age)
            load(org, calls(queue, day=day, count=5))
            if age in (40, 11):
                for kind in (DataType.AUDIO, DataType.TRANSCRIPT, DataType.DESKTOP):
                    record(org, f"call-{queue}-{day}-0", kind=kind)


def global_job(org: Organization, days: int) -> None:
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(days), queues=frozenset(), actor="test")


def run_now(org: Organization, **asked: object) -> Run:
    today = days_ago(org, 0)
    return services.start_run(
        org.id,
        asked=services.Asked(trigger="manual", local_date=today, **asked),
        clock=CLOCK,  # type: ignore[arg-type]
    )


def run_confirmed(org: Organization) -> Run:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    return run_now(org, plan_id=public_id("plan", plan.id))


@pytest.fixture
def alice() -> Organization:
    org = centre("Alice's")
    fill(org)
    global_job(org, 10)
    return org


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's", zone="America/New_York")
    fill(org)
    return org


def test_not_armed_deletes_nothing(alice: Organization, charlie: Organization) -> None:
    before, neighbour = everything(alice), everything(charlie)
    run = run_now(alice)
    assert (run.outcome, run.purged) == ("simulated", 0)
    assert everything(alice) == before
    assert everything(charlie) == neighbour


def test_armed_takes_exactly_what_is_older(alice: Organization, charlie: Organization) -> None:
    neighbour, counts = everything(charlie), counted(charlie)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    run = run_confirmed(alice)
    assert run.outcome == "completed", run.reason
    assert (run.purged, run.failed, run.kept, run.not_reached) == (2 * 2 * (5 + 3), 0, 0, 0)
    left = everything(alice)
    assert {day for _, day, _ in left.segments} == {days_ago(alice, 10), days_ago(alice, 1)}
    assert left.media == left.objects == frozenset()
    assert left.events == len(left.segments) == 20
    assert counted(alice) == {
        (day, q, "insights"): 5 for q in ("Sales", "Support") for day in (days_ago(alice, 10), days_ago(alice, 1))
    }
    assert everything(charlie) == neighbour
    assert counted(charlie) == counts


def test_second_run_finds_nothing(alice: Organization) -> None:
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    run_confirmed(alice)
    again = run_now(alice)
    assert (again.outcome, again.purged) == ("completed", 0)


def test_more_than_a_fifth_is_blocked_until_confirmed(alice: Organization) -> None:
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    before = everything(alice)
    run = run_now(alice)
    assert run.outcome == "blocked"
    assert "20 %" in run.reason
    assert everything(alice) == before


def test_late_data_stays_out(alice: Organization) -> None:
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    run_confirmed(alice)
    after = everything(alice)
    old = days_ago(alice, 40)
    known = load(alice, calls("Sales", day=old, count=5))
    new = load(alice, calls("Sales", day=old, count=3, prefix="new"))
    moved = load(alice, [row | {"day": days_ago(alice, 1)} for row in calls("Sales", day=old, count=5)])
    assert (known.late, new.late, moved.late) == (5, 3, 5)
    assert known.imported + new.imported + moved.imported == 0
    assert record(alice, f"call-Sales-{old}-0", kind=DataType.AUDIO).late == 1
    assert everything(alice) == after


def test_a_plan_older_than_its_facts_is_refused(alice: Organization) -> None:
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    global_job(alice, 30)
    with pytest.raises(PlanStale, match="jobs have changed"):
        run_now(alice, plan_id=public_id("plan", plan.id))
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    with pytest.raises(PlanStale, match="armed"):
        run_now(alice, plan_id=public_id("plan", plan.id))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    plan = planning.make_plan(alice.id, as_of=None, now=yesterday)
    with pytest.raises(PlanStale, match="today"):
        run_now(alice, plan_id=public_id("plan", plan.id))


def test_nothing_begins_while_a_run_is_carried(alice: Organization, charlie: Organization) -> None:
    """Nor is a plan left behind, which can be large: whoever comes second is told, and nothing is written."""
    before, neighbour = everything(alice), everything(charlie)
    with acting_in(alice.id, using=SWEEP):
        plan = planning.make_plan_here(alice.id, as_of=None, now=CLOCK.now(), using=SWEEP)
        run = Run.objects.using(SWEEP).create(
            org_id=alice.id, plan_id=plan.id, local_date=days_ago(alice, 0), trigger="manual", frozen_at=CLOCK.now()
        )
    plans = numbers_of_plans(alice)

    def come_second() -> None:
        for come in (lambda: run_now(alice), lambda: services.simulate(alice.id, clock=CLOCK)):
            with pytest.raises(Taken):
                come()
        connections.close_all()

    with carrying(run.id) as held, ThreadPoolExecutor(1) as another:
        assert held
        another.submit(come_second).result()
    assert numbers_of_plans(alice) == plans
    assert everything(alice) == before
    assert everything(charlie) == neighbour


def numbers_of_plans(org: Organization) -> set[int]:
    with acting_in(org.id):
        return set(Plan.objects.filter(org_id=org.id).values_list("id", flat=True))


@pytest.mark.parametrize("at_once", [1, 500])
def test_a_plan_is_read_back_the_same_in_one_piece_and_in_many(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(planning, "_LINES_AT_ONCE", at_once)
    planning.make_plan(charlie.id, as_of=None, now=CLOCK.now())
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    with acting_in(alice.id):
        planning.check_hash(plan)
        cells = list(planning.planned_cells(plan))
    assert plan.cells == len(cells) == 16
    assert sum(one.cell.items for one in cells) == plan.items

"""After an arming, nights take only so much until one has come to its end; a neighbour's are their own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.backlog import backlog_note
from ebbtide.apps.runs.models import Run
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import Cell
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, everything, load

NOW = datetime.now(UTC)
AGES = (20, 19, 18, 17, 16)
FIRST = 4


def days_ago(org: Organization, days: int) -> date:
    return local_day(NOW, zone=parse_zone(org.zone)) - timedelta(days=days)


def backlog(name: str) -> Organization:
    """Five old days of two calls each, all of them due, and one that is not."""
    org = centre(name)
    for age in (*AGES, 1):
        load(org, calls("Sales", day=days_ago(org, age), count=2))
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    with acting_in(org.id):
        Organization.objects.filter(id=org.id).update(share_cap_percent=None)
    return org


@pytest.fixture
def alice(database: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organization]:
    monkeypatch.setattr(settings, "EBBTIDE_FIRST_NIGHTS", FIRST)
    charlie = backlog("Charlie's")
    before = everything(charlie)
    yield backlog("Alice's")
    assert everything(charlie) == before


def arm(org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=datetime.now(UTC))


def night(org: Organization, *, plan: str | None = None) -> Run:
    asked = services.Asked("manual", days_ago(org, 0), plan_id=plan)
    return services.start_run(org.id, asked=asked, clock=SystemClock())


def left(org: Organization) -> set[int]:
    """How many days ago the calls were that are still there."""
    return {(days_ago(org, 0) - day).days for _, day, _ in everything(org).segments}


def cells_of(run: Run) -> list[Cell]:
    with acting_in(run.org_id):
        plan = planning.plan_by_id(public_id("plan", run.plan_id), org=run.org_id)
        return [one.cell for one in planning.planned_cells(plan)]


def stands(org: Organization) -> Organization:
    with acting_in(org.id):
        return Organization.objects.get(id=org.id)


def test_the_backlog_drains_oldest_first_by_the_same_amount_each_night(alice: Organization) -> None:
    simulated = night(alice)
    arm(alice)
    first = night(alice)
    with acting_in(alice.id):
        planned = [
            [
                one.cell
                for one in planning.planned_cells(planning.plan_by_id(public_id("plan", run.plan_id), org=alice.id))
            ]
            for run in (simulated, first)
        ]
    assert planned[0] == planned[1], "the simulation showed what the first night takes"
    assert (first.outcome, first.purged, first.not_reached) == ("incomplete", FIRST, 6)
    assert first.reason == "Tonight's amount (4 items) is used up: 6 more are due, about 2 more nights."
    assert left(alice) == {18, 17, 16, 1}
    with acting_in(alice.id):
        note = backlog_note(stands(alice), due=6, on=days_ago(alice, 0))
    assert (note.amount, note.is_first, note.tonight, note.left, note.nights) == (FIRST, True, FIRST, 2, 2)
    assert night(alice).purged == FIRST
    last = night(alice)
    assert (last.outcome, last.purged, last.not_reached) == ("completed", 2, 0)
    assert left(alice) == {1}


def test_once_a_night_has_completed_the_next_takes_all_until_it_is_armed_anew(alice: Organization) -> None:
    arm(alice)
    while night(alice).outcome != "completed":
        pass
    for age in (8, 7, 6):
        load(alice, calls("Support", day=days_ago(alice, age), count=2))
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(5), queues=frozenset(), actor="test")
    plan = planning.make_plan(alice.id, as_of=None, now=NOW)
    assert (plan.items, plan.amount) == (6, None)
    orgs.disarm(alice.id, reason="think again", actor="test", now=datetime.now(UTC))
    assert planning.make_plan(alice.id, as_of=None, now=NOW).amount == FIRST
    arm(alice)
    assert night(alice).purged == FIRST


def test_a_confirmed_plan_and_a_run_by_hand_keep_to_it(alice: Organization) -> None:
    arm(alice)
    plan = planning.make_plan(alice.id, as_of=None, now=datetime.now(UTC))
    planning.confirm_plan(alice.id, plan_id=public_id("plan", plan.id), actor="test", now=NOW)
    assert night(alice, plan=public_id("plan", plan.id)).purged == FIRST


@pytest.mark.parametrize(("own", "takes"), [(2, 2), (8, FIRST)])
def test_an_amount_of_its_own_counts_where_it_is_smaller(alice: Organization, own: int, takes: int) -> None:
    with acting_in(alice.id):
        Organization.objects.filter(id=alice.id).update(nightly_amount=own)
    arm(alice)
    assert night(alice).purged == takes
    with acting_in(alice.id):
        assert backlog_note(stands(alice), due=9, on=days_ago(alice, 0)).is_first == (takes == FIRST)


def test_none_is_no_amount(alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_FIRST_NIGHTS", None)
    arm(alice)
    assert (run := night(alice)).outcome == "completed"
    assert run.purged == 2 * len(AGES)

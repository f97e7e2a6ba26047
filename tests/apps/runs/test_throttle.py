"""Hours, rates and amounts as they are set: kept by the tables, heard by the tick, written down."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError

from ebbtide.apps.console.organization import settings_of
from ebbtide.apps.console.services import change_settings
from ebbtide.apps.orgs.database import OWNER, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs import services
from ebbtide.apps.runs.models import Run, ThrottleTurn
from ebbtide.apps.runs.tasks import defer_due
from ebbtide.apps.runs.throttling import ThrottleSet, change_platform_throttle, limits_of
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.engine.clock import SystemClock
from tests.journeys.scenes import Size, booked, centre, runs_of

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()
SIZE = Size(calls=4, recorded=2)


def start(org: Organization) -> Run:
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    return services.start_run(org.id, asked=asked, clock=CLOCK)


def not_now(org: Organization) -> dict[str, time]:
    """Hours that begin in two and end in four."""
    here = CLOCK.now().astimezone(ZoneInfo(org.zone))
    return {
        "hours_from": (here + timedelta(hours=2)).time().replace(second=0, microsecond=0),
        "hours_until": (here + timedelta(hours=4)).time().replace(second=0, microsecond=0),
    }


def test_outside_its_hours_a_run_rests_and_the_tick_leaves_it_alone() -> None:
    org = centre("Resting", size=SIZE)
    settings = settings_of(refreshed(org.id))
    assert change_settings(org.id, settings=replace(settings, **not_now(org)), actor="test")
    run = start(org)
    assert (run.outcome, run.mode, booked(org)) == (None, "live", 0)
    assert run.reason.startswith("Paused: deletion is allowed from")
    assert defer_due(now=CLOCK.now()) == 0, "it rests"
    assert defer_due(now=CLOCK.now() + timedelta(hours=3)) == 1, "its hours have come"
    assert change_settings(org.id, settings=settings, actor="test")
    ended = services.resume_open_run(org.id, clock=CLOCK)
    assert ended is not None
    assert (ended.outcome, ended.purged, ended.reason) == ("completed", SIZE.due, "")


def test_a_resting_run_that_is_cancelled_ends_at_once() -> None:
    org = centre("Resting", size=SIZE)
    change_settings(org.id, settings=replace(settings_of(refreshed(org.id)), **not_now(org)), actor="test")
    run = start(org)
    services.cancel_run(org.id, run_id=public_id("run", run.id), actor="test", now=CLOCK.now())
    assert defer_due(now=CLOCK.now()) == 1
    ended = services.resume_open_run(org.id, clock=CLOCK)
    assert ended is not None
    assert (ended.outcome, ended.purged, ended.not_reached) == ("incomplete", 0, SIZE.due)


def test_a_nightly_amount_drains_night_by_night_and_says_how_far_it_is() -> None:
    org, neighbour = centre("Backlog", size=SIZE), centre("Neighbour", size=SIZE, armed=False)
    before = runs_of(neighbour), booked(neighbour)
    change_settings(org.id, settings=replace(settings_of(refreshed(org.id)), nightly_amount=20), actor="test")
    gone = []
    for _ in range(3):
        run = start(org)
        gone.append(run.purged)
        assert run.purged + run.not_reached == SIZE.due - sum(gone[:-1])
    assert gone == [18, 18, 18], "whole Qs of a day: three of six items each"
    assert [run.outcome for run in runs_of(org)] == ["incomplete", "incomplete", "completed"]
    assert runs_of(org)[0].reason == ("Tonight's amount (20 items) is used up: 36 more are due, about 2 more nights.")
    assert (runs_of(neighbour), booked(neighbour)) == before


def test_the_platforms_throttle_holds_beside_the_organizations_own_and_is_written_down() -> None:
    org = centre("One", size=SIZE, armed=False)
    settings = replace(settings_of(refreshed(org.id)), rows_per_second=500, hours_from=time(22), hours_until=time(6))
    change_settings(org.id, settings=settings, actor="test")
    assert change_platform_throttle(ThrottleSet(rows_per_second=100, objects_per_second=7), actor="olga")
    assert not change_platform_throttle(ThrottleSet(rows_per_second=100, objects_per_second=7), actor="olga")
    limits = limits_of(org.id)
    assert (limits.rows, limits.objects, len(limits.hours)) == (100, 7, 1)
    (turn,) = ThrottleTurn.objects.all()
    assert (turn.actor, turn.before["rows_per_second"], turn.after["rows_per_second"]) == ("olga", None, 100)


@pytest.mark.parametrize(
    "asked",
    [
        ThrottleSet(rows_per_second=0),
        ThrottleSet(objects_per_second=-1),
        ThrottleSet(rows_per_second=2**31),
        ThrottleSet(hours_from=time(1)),
        ThrottleSet(hours_from=time(1), hours_until=time(1)),
    ],
)
def test_what_cannot_be_kept_to_is_refused(asked: ThrottleSet) -> None:
    with pytest.raises(InputInvalid):
        change_platform_throttle(asked, actor="olga")
    assert not ThrottleTurn.objects.exists()


@pytest.mark.parametrize(
    "values",
    [{"rows_per_second": 0}, {"objects_per_second": 0}, {"nightly_amount": 0}, {"hours_from": time(1)},
     {"hours_from": time(1), "hours_until": time(1)}],
)  # fmt: skip
def test_the_tables_refuse_it_too(values: dict[str, object]) -> None:
    org = centre("One", size=SIZE, armed=False)
    with pytest.raises(DatabaseError), acting_in(org.id, using=OWNER):
        Organization.objects.using(OWNER).filter(id=org.id).update(**values)
    assert isinstance(CLOCK.now(), datetime)

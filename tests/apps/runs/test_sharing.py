"""Several workers at one run: each part once, counts exact, and who dies is relieved by those that live.

Workers are threads here, each with connections of its own; `tests/journeys` has them as processes.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.locks import carrying, helping
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import services
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.helping import invitations
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import live_run, object_store
from ebbtide.domain.errors import Taken
from ebbtide.domain.outcome import Outcome
from ebbtide.engine.clock import SystemClock
from ebbtide.stores.objects import Objects
from tests.engine.night import Killed
from tests.journeys.product import wait_for
from tests.journeys.scenes import Size, booked, centre, picture, runs_of

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()
SIZE = Size(calls=12, recorded=6)
PATIENCE = 30
T = TypeVar("T")


@pytest.fixture(autouse=True)
def each_day_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_STRETCH", 1)


class Gate:
    """Stands before the object store: holds the second day up until it is opened, or does something else there."""

    def __init__(self, store: Objects, *, at: Callable[[Sequence[str]], None]) -> None:
        self._store, self._at = store, at

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        self._at(keys)
        return self._store.destroy(keys)


def in_thread(pool: ThreadPoolExecutor, deed: Callable[[], T]) -> "Future[T]":
    def doing() -> T:
        try:
            return deed()
        finally:
            connections.close_all()  # as the end of a process does

    return pool.submit(doing)


def start(org: Organization) -> Run:
    return services.start_run(
        org.id, asked=services.Asked(trigger="manual", local_date=CLOCK.now().date()), clock=CLOCK
    )


def batches(org: Organization) -> list[tuple[int, int]]:
    """Batch numbers in the book with the transactions they come from."""
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT batch, count(DISTINCT xmin::text) FROM ledger_entry GROUP BY 1 ORDER BY 1")
        return list(cursor.fetchall())


def days_of(org: Organization) -> list[str]:
    with acting_in(org.id) as cursor:
        cursor.execute(
            "SELECT DISTINCT l.day::text FROM runs_planline l JOIN runs_run r USING (org_id, plan_id) ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def test_a_helper_does_all_that_the_carrier_is_not_at(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, org = centre("Quiet", size=SIZE), centre("Shared", size=SIZE)
    neighbour = centre("Neighbour", size=SIZE, armed=False)
    assert start(quiet).outcome == "completed"
    before = picture(neighbour)
    is_held, may_go = threading.Event(), threading.Event()

    def at(keys: Sequence[str]) -> None:
        if threading.current_thread().name.startswith("carrier") and f"/{days[1]}/" in keys[0]:
            is_held.set()
            assert may_go.wait(PATIENCE)

    days = days_of(quiet)
    monkeypatch.setattr(services, "object_store", lambda: Gate(object_store(), at=at))
    with (
        ThreadPoolExecutor(1, thread_name_prefix="carrier") as carrier,
        ThreadPoolExecutor(2, thread_name_prefix="helper") as helpers,
    ):
        carried = in_thread(carrier, lambda: start(org))
        assert is_held.wait(PATIENCE)
        (run,) = runs_of(org)
        (invited,) = invitations(now=CLOCK.now())
        assert (invited.org, invited.run, invited.helpers > 1) == (org.id, run.id, True)
        helped = [in_thread(helpers, lambda: services.help_run(org.id, run_id=run.id, clock=CLOCK)) for _ in range(2)]
        parts = [one.result(PATIENCE) for one in helped]
        assert sum(parts) > 3
        there = picture_of_days(org)
        assert there == {days[1]}, "all else is done, and the rows of the carrier's day wait for its recordings"
        may_go.set()
        ended = carried.result(PATIENCE)
    assert (ended.outcome, ended.purged, ended.failed, ended.not_reached) == ("completed", SIZE.due, 0, 0)
    assert picture(org) == picture(quiet)
    assert picture(neighbour) == before
    assert all(transactions == 1 for _, transactions in batches(org)), "each batch has a number of its own"
    assert services.help_run(org.id, run_id=run.id, clock=CLOCK) == 0, "it is over"
    assert [found for found in examine(now=CLOCK.now()) if not found.ok] == []


def picture_of_days(org: Organization) -> set[str]:
    """Days of the plan that still have something."""
    with acting_in(org.id) as cursor:
        cursor.execute(
            """
            SELECT DISTINCT l.day::text FROM runs_planline l JOIN runs_run r USING (org_id, plan_id)
            JOIN catalog_cell c ON c.org_id = l.org_id AND c.day = l.day AND c.data_type = l.data_type
            """
        )
        return {row[0] for row in cursor.fetchall()}


def test_a_helper_that_dies_over_its_objects_is_relieved_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, org = centre("Quiet", size=SIZE), centre("Shared", size=SIZE)
    assert start(quiet).outcome == "completed"
    days = days_of(quiet)
    is_held, may_go = threading.Event(), threading.Event()

    def at(keys: Sequence[str]) -> None:
        if threading.current_thread().name.startswith("helper"):
            object_store().destroy(keys[:1])
            raise Killed
        if f"/{days[1]}/" in keys[0]:
            is_held.set()
            assert may_go.wait(PATIENCE)

    monkeypatch.setattr(services, "object_store", lambda: Gate(object_store(), at=at))
    with (
        ThreadPoolExecutor(1, thread_name_prefix="carrier") as carrier,
        ThreadPoolExecutor(1, thread_name_prefix="helper") as helper,
    ):
        carried = in_thread(carrier, lambda: start(org))
        assert is_held.wait(PATIENCE)
        (run,) = runs_of(org)
        with pytest.raises(Killed):
            in_thread(helper, lambda: services.help_run(org.id, run_id=run.id, clock=CLOCK)).result(PATIENCE)
        may_go.set()
        ended = carried.result(PATIENCE)
    assert (ended.outcome, ended.purged, ended.failed, ended.not_reached) == ("completed", SIZE.due, 0, 0)
    assert booked(org) == SIZE.due
    assert picture(org) == picture(quiet)


def test_the_carrier_waits_for_what_a_helper_is_at_and_takes_it_up_when_that_one_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet, org = centre("Quiet", size=SIZE), centre("Shared", size=SIZE)
    assert start(quiet).outcome == "completed"
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    run = services.start_run(org.id, asked=asked, clock=CLOCK, stop=lambda: True)
    is_held, may_go = threading.Event(), threading.Event()

    def at(keys: Sequence[str]) -> None:
        if threading.current_thread().name.startswith("helper"):
            is_held.set()
            assert may_go.wait(PATIENCE)
            object_store().destroy(keys)
            raise Killed

    monkeypatch.setattr(services, "object_store", lambda: Gate(object_store(), at=at))
    with (
        ThreadPoolExecutor(1, thread_name_prefix="carrier") as carrier,
        ThreadPoolExecutor(1, thread_name_prefix="helper") as helper,
    ):
        helped = in_thread(helper, lambda: services.help_run(org.id, run_id=run.id, clock=CLOCK))
        assert is_held.wait(PATIENCE)
        carried = in_thread(carrier, lambda: services.resume_open_run(org.id, clock=CLOCK))
        wait_for(lambda: len(picture_of_days(org)) == 1, within=PATIENCE, why="the carrier has done all else")
        assert not carried.done()
        may_go.set()
        ended = carried.result(PATIENCE)
        with pytest.raises(Killed):
            helped.result(PATIENCE)
    assert ended is not None
    assert (ended.outcome, ended.purged, ended.failed) == ("completed", SIZE.due, 0)
    assert picture(org) == picture(quiet)


def test_a_helper_goes_on_without_its_carrier_and_does_not_end_the_run() -> None:
    org = centre("Shared", size=SIZE)
    interrupted = iter([False] * 8)
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    run = services.start_run(org.id, asked=asked, clock=CLOCK, stop=lambda: next(interrupted, True))
    assert run.outcome is None
    gone = booked(org)
    assert services.help_run(org.id, run_id=run.id, clock=CLOCK) > 0
    assert booked(org) > gone
    assert runs_of(org)[-1].outcome is None, "only its carrier ends a run"
    ended = services.resume_open_run(org.id, clock=CLOCK)
    assert ended is not None
    assert (ended.outcome, ended.purged) == ("completed", SIZE.due)


def test_a_run_is_not_ended_in_company() -> None:
    org = centre("Shared", size=SIZE)
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    run = services.start_run(org.id, asked=asked, clock=CLOCK, stop=lambda: True)
    with carrying(run.id), helping(run.id), pytest.raises(Taken, match="alone"):
        live_run(run, clock=CLOCK).finish(reached_end=True, outcome=None, reason="")

"""What earlier runs tell the guards: when the last one was that says anything, and what a night usually takes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.runs.circumstances import USUAL_NIGHTS, history_of
from ebbtide.apps.runs.nights import DueNight, run_night
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.guard import History
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, everything, load

pytestmark = pytest.mark.usefixtures("database")

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
QUIET_STATEMENTS = 25  # 24, and one in the first nights after an arming


class Past:
    """An organization's runs, one a day, written as superuser: no role of the product could write such a past."""

    def __init__(self, org: Organization, *, admin: psycopg.Connection) -> None:
        self.org = org
        self._admin = admin
        self._days = count()

    def run(
        self,
        mode: str | None,
        outcome: str | None,
        *,
        armed: bool = False,
        trigger: str = "nightly",
        purged: int = 0,
    ) -> tuple[int, datetime]:
        """Write a run; gives its number and its moment."""
        at = FIRST + timedelta(days=next(self._days))
        told = {"org": self.org.id, "at": at, "armed": armed, "trigger": trigger, "mode": mode, "outcome": outcome}
        row = self._admin.execute(
            """
            WITH plan AS (
                INSERT INTO runs_plan (org_id, as_of, made_on, made_at, jobs_version, armed, cells, items, bytes,
                    population, rest_items, rest_bytes, sha256, confirmed_by)
                VALUES (%(org)s, %(at)s, %(at)s, %(at)s, 1, %(armed)s, 0, 0, 0, 0, 0, 0, '', '') RETURNING id)
            INSERT INTO runs_run (org_id, plan_id, local_date, trigger, mode, outcome, reason, frozen_at, worker,
                purged, purged_bytes, kept, failed, not_reached)
            SELECT %(org)s, id, %(at)s, %(trigger)s, %(mode)s, %(outcome)s, '', %(at)s, '', %(purged)s, 0, 0, 0, 0
            FROM plan RETURNING id
            """,
            {**told, "purged": purged},
        ).fetchone()
        assert row is not None
        return row[0], at

    def tells(self, before: int | None = None) -> History:
        with acting_in(self.org.id, using=SWEEP):
            return history_of(self.org.id, before=before, using=SWEEP)


@pytest.fixture
def past(database: Urls) -> Iterator[Past]:
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        neighbour = Past(centre("Charlie's"), admin=admin)
        for _ in range(3):
            neighbour.run("live", "completed", purged=1_000_000)
        yield Past(centre("Alice's"), admin=admin)


def test_no_run_tells_nothing(past: Past) -> None:
    assert past.tells() == History(last_run_at=None, usual_items=None)


def test_a_run_that_did_what_it_should_is_the_last_one(past: Past) -> None:
    for mode, outcome, armed in (
        ("simulated", "simulated", False),
        ("live", "completed", True),
        ("live", "incomplete", True),
        ("live", "failed", True),
        ("live", None, True),
    ):
        _, at = past.run(mode, outcome, armed=armed)
        assert past.tells().last_run_at == at, (mode, outcome)


def test_a_run_that_was_blocked_or_only_asked_is_no_answer(past: Past) -> None:
    _, before = past.run("live", "completed", armed=True)
    for mode, outcome in ((None, "blocked"), ("simulated", "simulated")) * 2:
        past.run(mode, outcome, armed=True)
        assert past.tells().last_run_at == before, (mode, outcome)


def test_what_comes_after_the_run_that_asks_does_not_count(past: Past) -> None:
    _, first = past.run("live", "completed", purged=10)
    asks, _ = past.run("live", "completed", purged=1_000)
    past.run("live", "completed", purged=1_000)
    assert past.tells(asks) == History(last_run_at=first, usual_items=10)


def test_a_usual_night_is_the_average_of_the_last_nights_that_came_to_their_end(past: Past) -> None:
    past.run("live", "completed", purged=1_000_000)  # too long ago
    for _ in range(USUAL_NIGHTS - 1):
        past.run("live", "completed", purged=10)
    past.run("live", "completed", purged=10 + USUAL_NIGHTS - 1)  # so that whole items are told
    past.run("live", "incomplete", purged=1_000_000)
    past.run("live", "completed", trigger="manual", purged=1_000_000)
    past.run("simulated", "simulated")
    assert past.tells().usual_items == 10


@pytest.mark.parametrize("armed", [False, True])
def test_a_quiet_night_asks_few_statements(*, armed: bool) -> None:
    """Thousands of organizations have one every night: each statement is waited for thousands of times."""
    clock = SystemClock()
    first, org = centre("Charlie's"), centre("Alice's")
    today = local_day(clock.now(), zone=parse_zone(org.zone))
    for one in (first, org):
        load(one, calls("Sales", day=today - timedelta(days=1), count=5))
        if armed:
            arm(one.id, reason="test", actor="test", now=clock.now())
    run_night(_due(first.id, on=today), clock=clock)  # the night's first run notes what the clock says
    before = everything(org)
    with CaptureQueriesContext(connections[SWEEP]) as captured:
        run = run_night(_due(org.id, on=today), clock=clock)
    assert run is not None
    assert (run.mode, run.outcome) == (("live", "completed") if armed else ("simulated", "simulated"))
    assert (run.purged, run.kept, run.failed, run.not_reached) == (0, 0, 0, 0)
    assert run.ended_at is not None
    assert len(captured) <= QUIET_STATEMENTS, [query["sql"] for query in captured]
    assert everything(org) == before


def _due(org: int, *, on: date) -> DueNight:
    return DueNight(org, on, open_run=None, has_run=False)

"""What a run may take is asked of what is there now, and a long silence is not over because somebody asked about it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import services
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.planning import confirm_plan, make_plan
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests import cast

CLOCK = SystemClock()


def load(org: Organization, queue: str, *, back: int, count: int, prefix: str = "call") -> None:
    day = local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=back)
    cast.load(org, cast.calls(queue, day=day, count=count, prefix=prefix))


def plan(org: Organization, *, confirmed: bool) -> str:
    made = public_id("plan", make_plan(org.id, as_of=None, now=CLOCK.now()).id)
    if confirmed:
        confirm_plan(org.id, plan_id=made, actor="test", now=CLOCK.now())
    return made


def run(org: Organization, *, plan_id: str) -> Run:
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    return services.start_run(org.id, asked=services.Asked("manual", today, plan_id=plan_id), clock=CLOCK)


@pytest.fixture
def alice(database: Urls) -> Iterator[Organization]:
    """Armed, everything older than 10 days due: 2 calls of 20; and a neighbour."""
    org, charlie = cast.centre("Alice"), cast.centre("Charlie")
    for each in (org, charlie):
        load(each, "service", back=20, count=2)
        load(each, "service", back=2, count=18)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    arm(org.id, reason="test", actor="test", now=datetime.now(UTC))
    neighbour = cast.everything(charlie)
    yield org
    assert cast.everything(charlie) == neighbour


def test_calls_that_come_into_a_planned_day_count_against_the_cap(alice: Organization) -> None:
    made = plan(alice, confirmed=False)
    load(alice, "service", back=20, count=40, prefix="moved over")
    blocked = run(alice, plan_id=made)
    assert blocked.outcome == RunOutcome.BLOCKED
    assert "42" in blocked.reason
    assert len(cast.everything(alice).segments) == 60


def test_who_confirmed_2_calls_did_not_confirm_42(alice: Organization) -> None:
    made = plan(alice, confirmed=True)
    load(alice, "service", back=20, count=40, prefix="moved over")
    assert run(alice, plan_id=made).outcome == RunOutcome.BLOCKED
    assert run(alice, plan_id=plan(alice, confirmed=True)).purged == 42


def test_calls_of_days_that_are_not_planned_change_nothing(alice: Organization) -> None:
    made = plan(alice, confirmed=False)
    load(alice, "service", back=3, count=40)
    assert run(alice, plan_id=made).purged == 2


def test_a_silence_lasts_until_somebody_confirms(alice: Organization, database: Urls) -> None:
    assert run(alice, plan_id=plan(alice, confirmed=False)).purged == 2
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("UPDATE runs_run SET frozen_at = frozen_at - interval '3 days'")
    load(alice, "sales", back=20, count=2)
    for _ in range(2):  # the first one asks; that it has asked is no answer
        asked = run(alice, plan_id=plan(alice, confirmed=False))
        assert (asked.outcome, asked.purged) == (RunOutcome.SIMULATED, 0)
        assert "confirm it" in asked.reason
    assert run(alice, plan_id=plan(alice, confirmed=True)).purged == 2
    load(alice, "billing", back=20, count=2)
    assert run(alice, plan_id=plan(alice, confirmed=False)).purged == 2


@pytest.mark.parametrize("column", ["cells", "items", "bytes"])
def test_a_plan_whose_head_says_less_than_its_lines_is_not_carried_out(
    alice: Organization, database: Urls, column: str
) -> None:
    made = plan(alice, confirmed=False)
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(sql.SQL("UPDATE runs_plan SET {} = 0").format(sql.Identifier(column)))
    before = cast.everything(alice)
    blocked = run(alice, plan_id=made)
    assert blocked.outcome == RunOutcome.BLOCKED
    assert "does not fit its hash" in blocked.reason
    assert cast.everything(alice) == before


@pytest.mark.parametrize(
    ("noted", "last_run", "is_noted_anew"),
    [
        (None, None, True),  # the first reading of all
        (30, 3_600, False),  # within a minute
        (90, 3_600, True),
        (90, 3 * 86_400, False),  # after a silence both clocks may have jumped: another run has to confirm it
        (90, None, False),
    ],
)
def test_a_good_reading_of_the_clock_is_noted_once_a_minute(
    alice: Organization, database: Urls, noted: int | None, last_run: int | None, *, is_noted_anew: bool
) -> None:
    if last_run is not None:
        run(alice, plan_id=plan(alice, confirmed=True))
    with psycopg.connect(database.superuser, autocommit=True) as admin:

        def reading() -> datetime | None:
            row = admin.execute("SELECT clock_read_at FROM runs_platform").fetchone()
            assert row is not None
            return row[0]

        admin.execute("UPDATE runs_platform SET clock_read_at = now() - make_interval(secs => %s)", [noted])
        admin.execute("UPDATE runs_run SET frozen_at = now() - make_interval(secs => %s)", [last_run])
        before = reading()
        run(alice, plan_id=plan(alice, confirmed=True))
        assert (reading() != before) == is_noted_anew

"""The walls around arming, in the database itself: whoever has the web role's password is asked by it, too."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ebbtide.apps.activation.models import Request
from ebbtide.apps.activation.services import By, ask
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.services import simulate
from ebbtide.domain.calendar import Days
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import centre

CLOCK = SystemClock()
DENIED = "42501"
CLOSED, STALE, NOBODY, BROKEN = "EB101", "EB102", "EB103", "EB403"


def wish(org: Organization, email: str) -> int:
    """An open request on a simulation of a moment ago; gives its number."""
    simulation = simulate(org.id, clock=CLOCK)
    by = By(user=User.objects.get(email=email), at=CLOCK.now(), url="http://localhost/")
    return ask(refreshed(org.id), run=public_id("run", simulation.id), note="", by=by).id


Cast = tuple[Organization, Organization, int, int, dict[str, int]]


def build() -> Cast:
    alice, charlie = centre("Alice's"), centre("Charlie's")
    people = {}
    for org, name in ((alice, "alice"), (charlie, "charlie")):
        person = orgs.create_user(f"{name}@example.org", password="a long pass phrase")
        orgs.add_member(org.id, user=person, is_admin=True)
        people[name] = person.id
    for name in ("olga", "oscar", "former"):
        people[name] = orgs.create_user(f"{name}@example.org", password="a long pass phrase", is_operator=True).id
    User.objects.filter(id=people["former"]).update(is_active=False)
    return alice, charlie, wish(alice, "alice@example.org"), wish(charlie, "charlie@example.org"), people


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Cast]]:
    with stage(server, name=f"arming_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def database(staged: Stage[Cast], tmp_path: Path) -> Iterator[Urls]:
    with clone(staged, folder=tmp_path) as urls:
        yield urls


@pytest.fixture
def cast(staged: Stage[Cast], database: Urls) -> Cast:
    return staged.cast


def tell(url: str, org: int | None, statement: str, *values: object) -> str | None:
    """Run one statement in an organization's context; gives the SQLSTATE it ends with, None where it works."""
    with psycopg.connect(url) as connection:
        if org is not None:
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org)])
        try:
            connection.execute(statement.encode(), values)
        except psycopg.Error as exc:
            connection.rollback()
            return exc.sqlstate
    return None


ARM = "SELECT activation_arm(%s, %s, 'a reason')"
DISARM = "SELECT activation_disarm(%s, 'a reason')"
CLOSE = "SELECT activation_close(%s, %s, %s, 'a reason')"
STOP = "SELECT activation_stop(%s, %s, 'a reason')"
RELEASE = "SELECT activation_release(%s, %s, 'a reason')"


def flags(*cast: Organization) -> list[tuple[bool, bool]]:
    return [(org.armed, org.stopped) for org in (refreshed(one.id) for one in cast)]


OFF = [(False, False), (False, False)]


def test_positive_control(cast: Cast, database: Urls) -> None:
    """Where everything is in order it arms: what is refused below is refused for its reason alone."""
    alice, charlie, request, _, people = cast
    assert tell(database.web, alice.id, ARM, request, people["olga"]) is None
    assert flags(alice, charlie) == [(True, False), (False, False)]
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT flag, value, reason, actor FROM orgs_flagchange")
        assert cursor.fetchall() == [("armed", True, "a reason", "operator olga@example.org")]
        closed = Request.objects.get(id=request)
    assert (closed.state, closed.closed_by, closed.answer) == ("armed", "operator olga@example.org", "a reason")
    assert tell(database.web, alice.id, DISARM, people["oscar"]) is None
    assert flags(alice, charlie) == OFF


def test_no_role_of_the_product_writes_the_flags(cast: Cast, database: Urls) -> None:
    alice, charlie, *_ = cast
    for url in (database.web, database.sweep):
        for statement in (
            "UPDATE orgs_organization SET armed = true",
            "UPDATE orgs_organization SET armed_at = now()",
            "UPDATE orgs_organization SET stopped = false",
            "INSERT INTO orgs_flagchange (org_id, flag, value, reason, actor) VALUES (%s, 'armed', true, 'x', 'x')",
            "INSERT INTO orgs_flagchange (org_id, flag, value, reason, actor) VALUES (%s, 'stopped', true, 'x', 'x')",
            "UPDATE activation_request SET state = 'armed', closed_at = now()",
            "DELETE FROM activation_request",
            "UPDATE orgs_organization SET jobs_version = 1",
        ):
            values = [alice.id] if "%s" in statement else []
            assert tell(url, alice.id, statement, *values) == DENIED, statement
    turn = "SELECT orgs_turn('armed', true, 'x', 'x', now())"
    assert tell(database.web, alice.id, turn) == DENIED
    assert tell(database.web, alice.id, "SELECT activation_hold(1)") == DENIED
    assert tell(database.sweep, alice.id, ARM, 1, 1) == DENIED
    assert flags(alice, charlie) == OFF


def test_an_organization_is_not_born_armed(cast: Cast, database: Urls) -> None:
    born = (
        "INSERT INTO orgs_organization (id, name, zone, onboarded_on, night_at, armed, armed_at, stopped, "
        "jobs_version, pepper) VALUES (99, 'Born armed', 'UTC', '2020-01-01', '02:00', {armed}, {at}, false, 1, '')"
    )
    for armed, at in (("true", "now()"), ("true", "NULL"), ("false", "now()")):
        for scope in ("ebbtide.org", "ebbtide.platform"):
            with psycopg.connect(database.web) as connection:
                connection.execute("SELECT set_config(%s, %s, true)", [scope, "99" if scope == "ebbtide.org" else "on"])
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(born.format(armed=armed, at=at).encode())


def test_only_an_active_operator_arms(cast: Cast, database: Urls) -> None:
    alice, charlie, request, _, people = cast
    for person in (people["alice"], people["charlie"], people["former"], 0, 999_999, None):
        assert tell(database.web, alice.id, ARM, request, person) == NOBODY
        assert tell(database.web, alice.id, DISARM, person) == NOBODY
        assert tell(database.web, alice.id, CLOSE, request, "declined", person) == NOBODY
        assert tell(database.web, alice.id, STOP, person, True) == NOBODY
        assert tell(database.web, alice.id, RELEASE, person, True) == NOBODY
    assert flags(alice, charlie) == OFF
    with acting_in(alice.id):
        assert Request.objects.get().state == "open"


def test_a_request_arms_its_own_organization_alone(cast: Cast, database: Urls) -> None:
    alice, charlie, request, foreign, people = cast
    for org, one in (
        (alice.id, foreign),
        (charlie.id, request),
        (None, request),
        (alice.id, 999_999),
        (alice.id, None),
    ):
        assert tell(database.web, org, ARM, one, people["olga"]) == NOBODY
        assert tell(database.web, org, CLOSE, one, "declined", people["olga"]) == NOBODY
    assert flags(alice, charlie) == OFF


def test_a_request_is_granted_once(cast: Cast, database: Urls) -> None:
    alice, _, request, _, people = cast
    assert tell(database.web, alice.id, ARM, request, people["olga"]) is None
    assert tell(database.web, alice.id, ARM, request, people["oscar"]) == CLOSED
    assert tell(database.web, alice.id, CLOSE, request, "withdrawn", people["alice"]) == CLOSED
    assert tell(database.web, alice.id, DISARM, people["olga"]) is None
    assert tell(database.web, alice.id, ARM, request, people["olga"]) == CLOSED, "a request is used up"


def test_old_evidence_does_not_arm(cast: Cast, database: Urls) -> None:
    alice, charlie, request, _, people = cast
    for age in ("48 hours 1 minute", "40 days", "-10 minutes"):
        with psycopg.connect(database.superuser) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE activation_request SET simulated_at = now() - %s::interval", [age])
        assert tell(database.web, alice.id, ARM, request, people["olga"]) == STALE
    assert flags(alice, charlie) == OFF


def test_changed_jobs_do_not_arm(cast: Cast, database: Urls) -> None:
    alice, charlie, request, _, people = cast
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(1), queues=frozenset(), actor="test")
    assert tell(database.web, alice.id, ARM, request, people["olga"]) == STALE
    assert flags(alice, charlie) == OFF


def test_a_job_that_is_being_changed_is_waited_for(cast: Cast, database: Urls) -> None:
    """The change is not committed when the operator arms: it is waited for, and then seen."""
    alice, _, request, _, people = cast
    said: list[str | None] = []
    with psycopg.connect(database.web) as changing:
        changing.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        changing.execute(
            "INSERT INTO policies_retentionjob (org_id, type, what, days, version) VALUES (%s, 'global', 'all', 1, 1)",
            [alice.id],
        )
        arming = threading.Thread(
            target=lambda: said.append(tell(database.web, alice.id, ARM, request, people["olga"]))
        )
        arming.start()
        arming.join(1)
        assert arming.is_alive()
        changing.commit()
    arming.join(30)
    assert said == [STALE]
    assert not refreshed(alice.id).armed


def test_two_operators_at_once(cast: Cast, database: Urls) -> None:
    """Together with a withdrawal: one wins, the others are told, and there is one line for it."""
    alice, _, request, _, people = cast
    said: list[str | None] = []
    start = threading.Barrier(3)

    def go(statement: str, *values: object) -> None:
        start.wait(30)
        said.append(tell(database.web, alice.id, statement, *values))

    racers = [
        threading.Thread(target=go, args=(ARM, request, people["olga"])),
        threading.Thread(target=go, args=(ARM, request, people["oscar"])),
        threading.Thread(target=go, args=(CLOSE, request, "withdrawn", people["alice"])),
    ]
    for one in racers:
        one.start()
    for one in racers:
        one.join(30)
    assert sorted(str(one) for one in said) == [CLOSED, CLOSED, "None"]
    with acting_in(alice.id) as cursor:
        state = Request.objects.get().state
        cursor.execute("SELECT count(*) FROM orgs_flagchange")
        turns = cursor.fetchone()[0]
    assert (refreshed(alice.id).armed, turns) == ((True, 1) if state == "armed" else (False, 0))


def test_what_a_request_rests_on_is_not_taken_from_whoever_asks(cast: Cast, database: Urls) -> None:
    alice, charlie, request, foreign, people = cast
    assert tell(database.web, alice.id, CLOSE, request, "withdrawn", people["alice"]) is None
    columns = (
        "org_id, state, run_id, plan_id, sha256, jobs_version, simulated_at, as_of, cells, items, bytes, population, "
        "note, asked_by, closed_by, answer"
    )
    values = "%s, 'open', {run}, 1, '', 77, now(), '2020-01-01', 0, 0, 0, 9, '', 'x', 'y', 'z'"
    forged = f"INSERT INTO activation_request ({columns}) SELECT {values}"
    with psycopg.connect(database.superuser) as admin:
        runs = dict(admin.execute("SELECT org_id, max(id) FROM runs_run GROUP BY 1").fetchall())
    for run in (runs[charlie.id], 999_999, "NULL"):
        assert tell(database.web, alice.id, forged.format(run=run), alice.id) == STALE
    assert tell(database.web, alice.id, forged.format(run=runs[charlie.id]), charlie.id) == STALE
    assert tell(database.web, alice.id, forged.format(run=runs[alice.id]), alice.id) is None
    with acting_in(alice.id):
        made = Request.objects.get(state="open")
        assert (made.jobs_version, made.closed_by, made.answer) == (refreshed(alice.id).jobs_version, "", "")
        assert made.as_of.year > 2020
    assert tell(database.web, alice.id, forged.format(run=runs[alice.id]), alice.id) == "23505", "one open at a time"
    assert tell(database.web, charlie.id, CLOSE, foreign, "withdrawn", people["alice"]) == NOBODY


def test_a_temporary_table_does_not_stand_in(cast: Cast, database: Urls) -> None:
    """Functions with the owner's rights look at the real tables, whatever lies in front of them."""
    alice, _, request, _, people = cast
    with psycopg.connect(database.web) as connection:
        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        connection.execute("CREATE TEMPORARY TABLE orgs_user AS SELECT * FROM public.orgs_user")
        connection.execute("UPDATE pg_temp.orgs_user SET is_operator = true, is_active = true")
        connection.execute("GRANT ALL ON pg_temp.orgs_user TO PUBLIC")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(ARM.encode(), [request, people["alice"]])
    assert refused.value.sqlstate == NOBODY


def test_the_kill_switch_is_released_by_who_turned_it_or_an_operator(cast: Cast, database: Urls) -> None:
    alice, charlie, *_, people = cast
    bob = orgs.create_user("bob@example.org", password="a long pass phrase")
    orgs.add_member(alice.id, user=bob, is_admin=True)
    assert tell(database.web, alice.id, STOP, people["charlie"], False) == NOBODY
    assert tell(database.web, alice.id, STOP, people["alice"], False) is None
    assert tell(database.web, alice.id, RELEASE, bob.id, False) == NOBODY
    assert flags(alice, charlie) == [(False, True), (False, False)]
    assert tell(database.web, alice.id, RELEASE, people["alice"], False) is None
    assert tell(database.web, alice.id, STOP, people["olga"], True) is None
    assert tell(database.web, alice.id, RELEASE, people["alice"], False) == NOBODY
    assert tell(database.web, alice.id, RELEASE, people["oscar"], True) is None
    assert flags(alice, charlie) == OFF


def test_the_command_line_arms_and_closes_the_request(cast: Cast, database: Urls) -> None:
    alice, charlie, request, foreign, _ = cast
    assert orgs.arm(alice.id, reason="signed letter", actor="operator root", now=CLOCK.now())
    assert not orgs.arm(alice.id, reason="again", actor="operator root", now=CLOCK.now())
    with acting_in(alice.id):
        closed = Request.objects.get(id=request)
    assert (closed.state, closed.closed_by, closed.answer) == ("armed", "operator root", "signed letter")
    with acting_in(charlie.id):
        assert Request.objects.get(id=foreign).state == "open"
    for reason, actor in (("", "operator root"), ("  ", "operator root"), ("reason", "")):
        turn = "SELECT orgs_turn('armed', false, %s, %s, now())"
        assert tell(database.sweep, alice.id, turn, reason, actor) == BROKEN
    assert flags(alice, charlie) == [(True, False), (False, False)]


def test_history_and_requests_stay(cast: Cast, database: Urls) -> None:
    """By nobody: neither their owner nor a superuser."""
    alice, _, request, _, people = cast
    assert tell(database.web, alice.id, ARM, request, people["olga"]) is None
    for url in (database.owner, database.superuser):
        for statement in (
            "UPDATE orgs_flagchange SET reason = 'another'",
            "DELETE FROM orgs_flagchange",
            "TRUNCATE orgs_flagchange",
            "UPDATE activation_request SET items = 0",
            "UPDATE activation_request SET state = 'open', closed_at = NULL",
            "DELETE FROM activation_request",
            "TRUNCATE activation_request",
        ):
            assert tell(url, alice.id, statement) == BROKEN, statement

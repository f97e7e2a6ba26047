"""Who may do what in the database: the purge functions and their refusals, the book, the plans, the roles themselves.

Each refusal is asked for by its SQLSTATE, and everything there is afterwards is what was there before.
"""

import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, WEB, connect, refuse_unsafe_roles
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import UnsafeRole
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, counted, everything, load, record

CLOCK = SystemClock()
PERMISSION_DENIED = "42501"


def today(org: Organization) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone))


def fill(org: Organization) -> None:
    for age in (40, 3):
        day = today(org) - timedelta(days=age)
        load(org, calls("Sales", day=day, count=3))
        record(org, f"call-Sales-{day}-0", kind=DataType.AUDIO)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")


Pair = tuple[Organization, Organization]


def build() -> Pair:
    """Alice's centre, not armed; Charlie's beside it, armed."""
    alice, charlie = centre("Alice's"), centre("Charlie's")
    for org in (alice, charlie):
        fill(org)
    orgs.arm(charlie.id, reason="ready", actor="test", now=CLOCK.now())
    return alice, charlie


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    with stage(server, name=f"privileges_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def database(staged: Stage[Pair], tmp_path: Path) -> Iterator[Urls]:
    with clone(staged, folder=tmp_path) as urls:
        yield urls


@pytest.fixture
def alice(staged: Stage[Pair], database: Urls) -> Organization:
    return staged.cast[0]


@pytest.fixture
def charlie(staged: Stage[Pair], database: Urls) -> Organization:
    return staged.cast[1]


@pytest.fixture
def live(alice: Organization, charlie: Organization, database: Urls) -> int:
    """A live run of Alice's centre that is about to delete; gives its number."""
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    with psycopg.connect(database.sweep) as connection:
        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        row = connection.execute(
            "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, reason, frozen_at, worker, purged, "
            "purged_bytes, kept, failed, not_reached) "
            "VALUES (%s, %s, %s, 'manual', '', %s, '', 0, 0, 0, 0, 0) RETURNING id",
            [alice.id, plan.id, today(alice), CLOCK.now()],
        ).fetchone()
        assert row is not None
        connection.execute("UPDATE runs_run SET mode = 'live' WHERE id = %s", [row[0]])
        return int(row[0])


Snapshot = tuple[object, object, list[tuple[object, ...]], object, object]


def snapshot(alice: Organization, charlie: Organization, database: Urls) -> Snapshot:
    """Rows, objects, counts and claims of both, and the whole book."""
    with psycopg.connect(database.superuser) as witness:
        book = witness.execute(
            "SELECT 'book', t::text FROM ledger_entry t UNION ALL SELECT 'line', t::text FROM catalog_purgedline t "
            "UNION ALL SELECT 'object', t::text FROM media_mediaobject t ORDER BY 1, 2"
        ).fetchall()
    return everything(alice), everything(charlie), book, counted(alice), counted(charlie)


def ask(url: str, org: int | None, statement: str, *values: object, holds: bool = True) -> str | None:
    """Run one statement in an organization's context; gives the SQLSTATE it ends with, None where it works.

    A first value is taken for a run's number; the connection holds that run, as a worker's would, unless told not to.
    """
    with psycopg.connect(url) as connection:
        if values and holds:
            connection.execute("SELECT pg_try_advisory_lock_shared(7102, %s::int)", [values[0]])
        if org is not None:
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org)])
        try:
            connection.execute(statement.encode(), values)
        except psycopg.Error as exc:
            connection.rollback()
            return exc.sqlstate
    return None


ROWS = "SELECT runs_purge_rows(%s, 1, '2000-01-01', '2100-01-01')"
CLAIM = "SELECT count(*) FROM runs_claim_objects(%s, '2000-01-01', '2100-01-01', 0, 1, 1000, '{}')"
CLAIM_OF_OLD = "SELECT count(*) FROM runs_claim_objects(%s, '2000-01-01', '2100-01-01', 0, 1, 1000)"
GIVE_BACK = "SELECT runs_give_back(%s, '{1}')"
MAY = "SELECT runs_may_delete(%s)"
CLOSE = (
    "SELECT runs_close_objects(%s, 1, array_agg(id), array_agg('purged'::text), array_agg(''::text)) "
    "FROM media_mediaobject "
)
CLOSE_CLAIMED = CLOSE + "WHERE claimed_by IS NOT NULL"
ADD_UP = "SELECT runs_add_up(%s, true)"
MEND = "SELECT runs_mend_cells('{2026-01-01}', '{audio}', ARRAY[(SELECT min(id) FROM catalog_queue)])"
RELEASE = "SELECT runs_release_claims('{1}')"


# The purge functions


def test_positive_control(alice: Organization, charlie: Organization, live: int, database: Urls) -> None:
    """Where everything allows it the functions do delete: what is refused below is refused for its reason alone."""
    neighbour = everything(charlie)
    assert ask(database.sweep, alice.id, MAY, live) is None
    assert ask(database.sweep, alice.id, CLAIM, live) is None
    assert ask(database.sweep, alice.id, CLOSE_CLAIMED, live) is None
    assert ask(database.sweep, alice.id, ROWS, live) is None
    assert {day for _, day, _ in everything(alice).segments} == {today(alice) - timedelta(days=3)}
    assert everything(charlie) == neighbour


def test_they_refuse_a_connection_that_does_not_hold_the_run(
    alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    """Such as one made anew after the first was lost: somebody else may hold the run by now."""
    before = snapshot(alice, charlie, database)
    for statement in (MAY, ROWS, CLAIM, CLAIM_OF_OLD, GIVE_BACK, ADD_UP):
        assert ask(database.sweep, alice.id, statement, live, holds=False) == "EB006", statement
    assert snapshot(alice, charlie, database) == before


def test_a_run_is_not_born_live_and_a_plan_gets_no_more_lines(
    alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    born = (
        "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, mode, reason, frozen_at, worker, purged, "
        "purged_bytes, kept, failed, not_reached) SELECT org_id, plan_id, local_date - 1, 'nightly', 'live', '', "
        "now(), '', 0, 0, 0, 0, 0 FROM runs_run"
    )
    assert ask(database.sweep, alice.id, born) == "EB403"
    assert ask(database.web, alice.id, born) == PERMISSION_DENIED
    line = (
        "INSERT INTO runs_planline (org_id, plan_id, day, data_type, queues, jobs, days, items, bytes) "
        "SELECT org_id, plan_id, day + 1000, data_type, queues, jobs, days, items, bytes FROM runs_planline"
    )
    for url in (database.web, database.sweep):
        assert ask(url, alice.id, line) == "EB403"


def test_web_may_not_call_them(alice: Organization, charlie: Organization, live: int, database: Urls) -> None:
    before = snapshot(alice, charlie, database)
    for statement in (ROWS, CLAIM, MAY, CLOSE, ADD_UP):
        assert ask(database.web, alice.id, statement, live) == PERMISSION_DENIED, statement
    for statement in (MEND, RELEASE, "SELECT catalog_draw_line(1, 1, 'audio', '2026-01-01')"):
        assert ask(database.web, alice.id, statement) == PERMISSION_DENIED, statement
    assert snapshot(alice, charlie, database) == before


def test_sweep_may_not_draw_lines_nor_make_partitions(alice: Organization, database: Urls) -> None:
    assert ask(database.sweep, alice.id, "SELECT catalog_draw_line(%s, 1, 'audio', '2026-01-01')", alice.id) == (
        PERMISSION_DENIED
    )
    assert ask(database.sweep, alice.id, "SELECT insights_ensure_days('{2026-01-01}')") == PERMISSION_DENIED


def _run_is(column: str, value: str) -> Callable[[Organization, int, Urls], None]:
    def change(_org: Organization, run: int, database: Urls) -> None:
        with psycopg.connect(database.superuser) as admin:
            admin.execute(
                sql.SQL("UPDATE runs_run SET {} = {} WHERE id = {}").format(
                    sql.Identifier(column),
                    sql.SQL(value),
                    sql.Literal(run),
                )
            )

    return change


STOPPED: dict[str, tuple[Callable[[Organization, int, Urls], object], str]] = {
    "platform switched off": (lambda _org, _run, _db: services.turn_switch(on=True, reason="stop"), "EB001"),
    "organization switched off": (
        lambda org, _run, _db: orgs.stop_organization(org.id, on=True, reason="stop", actor="test", now=CLOCK.now()),
        "EB001",
    ),
    "simulated run": (_run_is("mode", "'simulated'"), "EB002"),
    "run not admitted yet": (_run_is("mode", "NULL"), "EB002"),
    "run that has ended": (_run_is("outcome", "'completed'"), "EB002"),
    "cancelled run": (
        lambda org, run, _db: services.cancel_run(
            org.id, run_id=public_id("run", run), actor="test", now=CLOCK.now()
        ),
        "EB003",
    ),
    "disarmed": (lambda org, _run, _db: orgs.disarm(org.id, reason="wait", actor="test", now=CLOCK.now()), "EB004"),
    "jobs changed": (
        lambda org, _run, _db: create_job(
            org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(5000), queues=frozenset(), actor="test"
        ),
        "EB005",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", STOPPED)
def test_they_refuse(why: str, alice: Organization, charlie: Organization, live: int, database: Urls) -> None:
    change, state = STOPPED[why]
    change(alice, live, database)
    before = snapshot(alice, charlie, database)
    for statement in (MAY, ROWS, CLAIM):
        assert ask(database.sweep, alice.id, statement, live) == state
    assert snapshot(alice, charlie, database) == before


def test_they_refuse_a_plan_made_before_arming(alice: Organization, charlie: Organization, database: Urls) -> None:
    """Jobs as they were, armed since: the plan was not made by somebody who knew it would delete."""
    planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    with psycopg.connect(database.superuser) as admin:
        row = admin.execute(
            "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, reason, frozen_at, worker, purged, "
            "purged_bytes, kept, failed, not_reached) SELECT org_id, id, made_on, 'manual', '', made_at, '', "
            "0, 0, 0, 0, 0 FROM runs_plan RETURNING id"
        ).fetchone()
        assert row is not None
        admin.execute("UPDATE runs_run SET mode = 'live' WHERE id = %s", row)
    before = snapshot(alice, charlie, database)
    for statement in (MAY, ROWS, CLAIM):
        assert ask(database.sweep, alice.id, statement, row[0]) == "EB005"
    assert snapshot(alice, charlie, database) == before


def test_another_organizations_run_is_no_run(
    alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    """Charlie's centre is armed; Alice's run is none of its own, and without any context there is no run at all."""
    before = snapshot(alice, charlie, database)
    for statement in (MAY, ROWS, CLAIM, CLOSE, ADD_UP):
        assert ask(database.sweep, charlie.id, statement, live) == "EB002"
        assert ask(database.sweep, None, statement, live) == "EB002"
        assert ask(database.sweep, alice.id, statement, live + 1000) == "EB002"
    assert snapshot(alice, charlie, database) == before


def test_nothing_is_closed_that_was_not_claimed(
    alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    before = snapshot(alice, charlie, database)
    assert ask(database.sweep, alice.id, CLOSE, live) is None  # it is asked, and finds nothing of its own
    assert snapshot(alice, charlie, database) == before


def test_a_temporary_table_does_not_stand_in_for_a_real_one(
    alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    """The sweep role may make temporary tables; functions with the owner's rights must not look at them."""
    orgs.disarm(alice.id, reason="wait", actor="test", now=CLOCK.now())
    before = snapshot(alice, charlie, database)
    with psycopg.connect(database.sweep) as connection:
        connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        connection.execute("CREATE TEMPORARY TABLE orgs_organization AS SELECT * FROM public.orgs_organization")
        connection.execute("UPDATE pg_temp.orgs_organization SET armed = true")
        connection.execute("GRANT ALL ON pg_temp.orgs_organization TO PUBLIC")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(MAY.encode(), [live])
    assert refused.value.sqlstate == "EB004"
    assert snapshot(alice, charlie, database) == before


def test_functions_with_the_owners_rights_name_their_search_path(database: Urls) -> None:
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef "
            "AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)"
        )
        assert cursor.fetchall() == []


# The roles


@pytest.mark.parametrize("role", ["web", "sweep"])
def test_neither_role_deletes_or_changes_data(
    role: str, alice: Organization, charlie: Organization, live: int, database: Urls
) -> None:
    before = snapshot(alice, charlie, database)
    url = getattr(database, role)
    for table in ("insights_segment", "insights_event", "insights_identity", "insights_setaside", "media_mediaobject",
                  "catalog_cell", "catalog_purgedline", "catalog_queue", "ledger_entry", "runs_plan", "runs_planline",
                  "runs_run", "orgs_organization", "orgs_flagchange", "policies_retentionjob", "policies_jobchange",
                  "runs_platform"):  # fmt: skip
        assert ask(url, alice.id, f"DELETE FROM {table}") == PERMISSION_DENIED, table  # noqa: S608 - named above
        assert ask(url, alice.id, f"TRUNCATE {table} CASCADE") == PERMISSION_DENIED, table
        assert ask(url, alice.id, f"DROP TABLE {table}") == PERMISSION_DENIED, table
        assert ask(url, alice.id, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY") == PERMISSION_DENIED, table
        assert ask(url, alice.id, f"ALTER TABLE {table} DISABLE TRIGGER ALL") == PERMISSION_DENIED, table
    for statement in (
        "UPDATE insights_segment SET day = day", "UPDATE insights_event SET at = at",
        "UPDATE insights_identity SET day = day",
        "UPDATE media_mediaobject SET claimed_by = NULL", "UPDATE catalog_cell SET items = 1",
        "UPDATE catalog_purgedline SET before = before", "UPDATE ledger_entry SET items = items",
        "UPDATE runs_planline SET items = items", "UPDATE runs_plan SET items = 0",
        "UPDATE runs_run SET plan_id = plan_id",
        "UPDATE orgs_organization SET zone = zone", "UPDATE orgs_organization SET pepper = pepper",
        "UPDATE orgs_organization SET jobs_version = 1", "UPDATE orgs_flagchange SET value = value",
        "UPDATE orgs_organization SET armed = true", "UPDATE orgs_organization SET armed_at = now()",
        "UPDATE orgs_organization SET stopped = false", "INSERT INTO orgs_flagchange (org_id) VALUES (1)",
        "UPDATE policies_retentionjob SET org_id = org_id", "UPDATE policies_jobchange SET actor = actor",
        "INSERT INTO catalog_cell SELECT * FROM catalog_cell",
        "INSERT INTO catalog_purgedline SELECT * FROM catalog_purgedline",
        "INSERT INTO ledger_entry SELECT * FROM ledger_entry", "SET session_replication_role = replica",
        "CREATE TABLE public.mine ()", "CREATE SCHEMA mine", "SET ROLE ebbtide_owner",
    ):  # fmt: skip
        assert ask(url, alice.id, statement) == PERMISSION_DENIED, statement
    assert snapshot(alice, charlie, database) == before


def test_sweep_turns_no_flag_and_writes_no_data(alice: Organization, charlie: Organization, database: Urls) -> None:
    """The worker writes no flag, changes no job, and does not let itself out of the platform's switch."""
    before = snapshot(alice, charlie, database)
    for statement in (
        "UPDATE runs_platform SET stopped = false", "UPDATE runs_plan SET confirmed_at = now()",
        "UPDATE policies_retentionjob SET days = 1", "INSERT INTO policies_retentionjob (days) VALUES (1)",
        "INSERT INTO insights_segment (org_id) VALUES (1)", "INSERT INTO media_mediaobject (org_id) VALUES (1)",
        "INSERT INTO activation_request (org_id) VALUES (1)", "DELETE FROM media_upload",
    ):  # fmt: skip
        assert ask(database.sweep, alice.id, statement) == PERMISSION_DENIED, statement
    assert snapshot(alice, charlie, database) == before


def test_web_ends_no_run(alice: Organization, live: int, database: Urls) -> None:
    for statement in ("UPDATE runs_run SET outcome = 'completed'", "UPDATE runs_run SET mode = 'live'",
                      "UPDATE runs_run SET purged = 0", "UPDATE runs_platform SET clock_read_at = now()"):  # fmt: skip
        assert ask(database.web, alice.id, statement) == PERMISSION_DENIED, statement


# The book and the plans


@pytest.fixture
def purged(alice: Organization, charlie: Organization, live: int) -> None:
    """A line in the book: Alice's live run carried out."""
    run = services.resume_open_run(alice.id, clock=CLOCK)
    assert run is not None
    assert run.outcome == "completed"


@pytest.mark.usefixtures("purged")
def test_the_book_is_only_added_to(alice: Organization, charlie: Organization, database: Urls) -> None:
    """By nobody: neither its owner nor a superuser."""
    before = snapshot(alice, charlie, database)
    assert [kind for kind, _ in before[2] if kind == "book"]
    for url in (database.owner, database.superuser):
        for statement in (
            "UPDATE ledger_entry SET items = items + 1",
            "UPDATE ledger_entry SET items = items WHERE false",
            "DELETE FROM ledger_entry",
            "DELETE FROM ledger_entry WHERE false",
            "TRUNCATE ledger_entry",
            "INSERT INTO ledger_entry SELECT * FROM ledger_entry ON CONFLICT (id) DO UPDATE SET items = 1",
        ):
            assert ask(url, alice.id, statement) == "EB403", statement
    assert snapshot(alice, charlie, database) == before


def test_a_plan_never_changes(alice: Organization, database: Urls) -> None:
    """By nobody: neither its owner nor a superuser."""
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    assert plan.cells > 0

    def stored() -> list[tuple[object, ...]]:
        with psycopg.connect(database.superuser) as witness:
            return witness.execute(
                "SELECT p::text FROM runs_plan p UNION ALL SELECT l::text FROM runs_planline l ORDER BY 1"
            ).fetchall()

    before = stored()
    for url in (database.owner, database.superuser):
        for statement in (
            "UPDATE runs_planline SET queues = queues || 1",
            "UPDATE runs_planline SET day = day - 1",
            "DELETE FROM runs_planline",
            "UPDATE runs_plan SET items = 0",
            "UPDATE runs_plan SET sha256 = ''",
            "UPDATE runs_plan SET confirmed_at = now(), items = 0",
            "DELETE FROM runs_plan",
            "TRUNCATE runs_planline",
            "TRUNCATE runs_plan, runs_planline, runs_run",
        ):
            assert ask(url, alice.id, statement) == "EB403", statement
    assert stored() == before


def test_a_plan_is_confirmed_once(alice: Organization, database: Urls) -> None:
    plan = planning.make_plan(alice.id, as_of=None, now=CLOCK.now())
    name = public_id("plan", plan.id)
    first = planning.confirm_plan(alice.id, plan_id=name, actor="Bob", now=CLOCK.now())
    again = planning.confirm_plan(alice.id, plan_id=name, actor="Eve", now=CLOCK.now())
    assert (again.confirmed_by, again.confirmed_at) == ("Bob", first.confirmed_at)
    for statement in ("UPDATE runs_plan SET confirmed_by = 'Eve'", "UPDATE runs_plan SET confirmed_at = NULL"):
        assert ask(database.web, alice.id, statement) == "EB403"


# Start is refused for roles that could see past the fences


@pytest.fixture
def careless(database: Urls) -> Iterator[Callable[[str], str]]:
    """Makes a login role with these options; gives the web URL with it. The role is gone afterwards."""
    with psycopg.connect(database.superuser, autocommit=True) as admin:

        def make(options: str) -> str:
            admin.execute(f"CREATE ROLE careless LOGIN PASSWORD 'careless' {options}".encode())
            admin.execute(f"GRANT CONNECT ON DATABASE {admin.info.dbname} TO careless".encode())
            _, _, rest = database.web.partition("@")
            return f"postgresql://careless:careless@{rest}"

        yield make
        connections.close_all()
        admin.execute("DROP OWNED BY careless")
        admin.execute("DROP ROLE careless")


def test_the_products_own_roles_are_safe(database: Urls) -> None:
    refuse_unsafe_roles()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("SUPERUSER", "is a superuser"),
        ("BYPASSRLS", "bypasses row-level security"),
        ("IN ROLE ebbtide_owner", "through ebbtide_owner, which owns the tables"),
        ("NOINHERIT IN ROLE ebbtide_owner", "through ebbtide_owner, which owns the tables"),
    ],
)
@pytest.mark.parametrize("alias", [WEB, SWEEP])
def test_an_unsafe_role_is_refused(
    alias: str, options: str, says: str, database: Urls, careless: Callable[[str], str]
) -> None:
    url = careless(options)
    connect(
        web=url if alias == WEB else database.web,
        sweep=url if alias == SWEEP else database.sweep,
        owner=database.owner,
    )
    with pytest.raises(UnsafeRole, match=says) as refused:
        refuse_unsafe_roles()
    assert refused.value.field == ("DATABASE_URL" if alias == WEB else "EBBTIDE_SWEEP_URL")


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_the_owner_and_the_superuser_are_refused(role: str, database: Urls) -> None:
    connect(web=getattr(database, role), sweep=database.sweep, owner=database.owner)
    with pytest.raises(UnsafeRole):
        refuse_unsafe_roles()

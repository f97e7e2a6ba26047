"""Nobody reaches another organization's rows: the questions are made from the catalogue, so a new table is asked too.

Every tenant table holds rows of Alice's centre and of Charlie's. What Alice's context sees, changes, takes over or
deletes is asked of each, as each role; Charlie's rows are the same afterwards.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, time, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DataError, connections, transaction
from psycopg import sql

from ebbtide.apps.accounts import access_log
from ebbtide.apps.accounts.access_log import Deed, Reader
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.services import invite
from ebbtide.apps.activation.services import By, ask
from ebbtide.apps.billing import services as billing
from ebbtide.apps.billing.budgets import check_budget, set_budget
from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.console.services import change_settings
from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.media.words import index_words
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import OWNER, SWEEP, WEB, acting_in, as_person, as_platform
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.reports.services import set_target
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.wiring import object_store
from ebbtide.apps.tokens.admission import admit
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.domain.billing import Money, month_of
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from ebbtide.web.context.console.organization import Settings
from tests.apps.billing.past import card
from tests.apps.exports.scene import made
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, events, load, record, segments

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()
ROLES = (WEB, SWEEP, OWNER)


def inhabit(name: str) -> Organization:
    """An organization with a row in every tenant table: a night has run, and something was purged."""
    org = centre(name)
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    old, young = today - timedelta(days=40), today - timedelta(days=2)
    for day in (old, young):
        load(org, calls("Sales", day=day, count=2))
    record(org, f"call-Sales-{young}-0", kind=DataType.AUDIO)
    undatable = segments([{"source_key": "when?", "queue": "Sales", "day": None}])
    SegmentLoader(org.id, pepper=bytes(org.pepper)).load(undatable, events=events())
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT id FROM catalog_queue")
        queue = cursor.fetchone()[0]
        cursor.execute("INSERT INTO media_upload (org_id, key) VALUES (%s, 'org_x/coming')", [org.id])
    create_job(org.id, type=JobType.QUEUE, what=What.ALL, days=Days(10), queues=frozenset({queue}), actor="test")
    admin = orgs.create_user(f"{name.lower()}.admin@example.org", password="a long pass phrase")
    orgs.add_member(org.id, user=admin, is_admin=True)
    simulated = services.simulate(org.id, clock=CLOCK)
    by = By(user=admin, at=CLOCK.now(), url="http://localhost/")
    ask(refreshed(org.id), run=public_id("run", simulated.id), note="", by=by)
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    asked = services.Asked(trigger="manual", local_date=today, plan_id=public_id("plan", plan.id))
    assert services.start_run(org.id, asked=asked, clock=CLOCK).outcome == "completed"
    change_settings(org.id, settings=Settings(night_at=time(3), share_percent=20, items=None), actor="test")
    bill(org, day=young)
    person = orgs.create_user(f"{name.lower()}@example.org", password="a long pass phrase")
    member = orgs.add_member(org.id, user=person, is_admin=False)
    orgs.add_to_group(org.id, group=orgs.create_group(org.id, name="g", permissions=set()), membership=member)
    invite(
        org.id, email="x@example.org", is_admin=False, groups=[], actor="test", now=CLOCK.now(), base_url="http://x/"
    )
    with acting_in(org.id):
        access_log.record(
            org.id, reader=Reader("test"), deed=Deed.EXPORT, kind=DataType.INSIGHTS, now=CLOCK.now(), items=1
        )
    spend(org)
    stray(org, queue=queue, day=today)
    record(org, f"call-Sales-{young}-1", kind=DataType.TRANSCRIPT, content=b"one word")
    assert index_words(org, store=object_store(), stop=lambda: False) == 1
    record(org, f"call-Sales-{young}-0", kind=DataType.TRANSCRIPT, content=b"to be indexed")
    assert sum_up(org, now=CLOCK.now(), stop=lambda: False)
    token(org)
    set_target(org.id, queue=queue, seconds=30, actor="test", now=CLOCK.now())
    assert made(org).ready_at
    return org


def token(org: Organization) -> None:
    """A token that was used once."""
    made = make_token(
        org.id, name="t", kind=TokenKind.FEED, scopes=(), days=1, actor="test", now=CLOCK.now(), rank=Rank()
    )
    admit(f"Bearer {made.secret}", kind=TokenKind.FEED, per_minute=5, now=CLOCK.now())


def stray(org: Organization, *, queue: int, day: date) -> None:
    """An orphan that is remembered, the comparison that saw it, and a line of one that was destroyed."""
    with acting_in(org.id, using=OWNER) as cursor:
        cursor.execute("SELECT runs_remember_orphans('{object}', '{x}', now())")
        cursor.execute(
            "INSERT INTO runs_reconciliation (org_id, tried_at, cells, listed, differences, reason) "
            "VALUES (%s, now(), 1, 1, '{}', '')",
            [org.id],
        )
        cursor.execute(
            "INSERT INTO ledger_strayentry (org_id, run_id, queue_id, day, data_type, items, first_seen_at) "
            "VALUES (%s, 1, %s, %s, 'audio', 1, now())",
            [org.id, queue, day],
        )


def spend(org: Organization) -> None:
    """A budget, an alert of it, and a position."""
    budget = Money("USD", 100)
    set_budget(org.id, budget=budget, actor="test", now=CLOCK.now())
    month = month_of(local_day(CLOCK.now(), zone=parse_zone(org.zone)))
    assert check_budget(org, month=month, forecast=budget, now=CLOCK.now()) == [80, 100]
    look_ahead(org, now=CLOCK.now())


def bill(org: Organization, *, day: date) -> None:
    """Metered for some weeks, a month closed, a rate card of its own, and changes that are not metered yet."""
    now = CLOCK.now()
    with acting_in(org.id, using=OWNER) as cursor:
        cursor.execute("UPDATE catalog_cellchange SET at = at - interval '40 days'")
    billing.set_card(card(), month=month_of(now.date()), org=org.id, actor="test", now=now)
    assert billing.meter(org, clock=CLOCK) > 31
    load(org, calls("Sales", day=day, count=1, prefix="today"))


Pair = tuple[Organization, Organization]


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    def build() -> Pair:
        return inhabit("Alice"), inhabit("Charlie")

    with stage(server, name=f"tenancy_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
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


def tenant_tables(*, partitions: bool = False) -> dict[str, str]:
    """Every table that belongs to organizations, with the column that says to which."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, CASE WHEN c.relname = 'orgs_organization' THEN 'id' ELSE 'org_id' END FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (%s OR NOT c.relispartition)
                AND (c.relname = 'orgs_organization' OR EXISTS (
                    SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id'))
            ORDER BY 1
            """,
            [partitions],
        )
        return dict(cursor.fetchall())


@contextmanager
def bypassing(database: Urls) -> Iterator[psycopg.Connection]:
    """A superuser, whom row-level security does not bind: the witness."""
    with psycopg.connect(database.superuser) as connection:
        yield connection


def content(database: Urls, org: Organization) -> Mapping[str, list[str]]:
    """All rows of an organization in all its tables, as text."""
    with bypassing(database) as witness:
        return {
            table: [
                row[0]
                for row in witness.execute(
                    sql.SQL("SELECT t::text FROM {} t WHERE {} = %s ORDER BY 1").format(
                        sql.Identifier(table), sql.Identifier(column)
                    ),
                    [org.id],
                )
            ]
            for table, column in tenant_tables().items()
        }


def test_the_question_reaches_every_table(alice: Organization, charlie: Organization, database: Urls) -> None:
    """Not one tenant table is empty for either side, or the tests below would prove nothing of it."""
    for org in (alice, charlie):
        assert {table for table, rows in content(database, org).items() if not rows} == set()
    assert len(tenant_tables()) >= 24


def test_a_new_tenant_model_without_org_is_noticed() -> None:
    """Tables without org_id are these, each for its reason; a new one must be thought about and written here."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id') ORDER BY 1"
        )
        shared = {name for (name,) in cursor.fetchall() if not name.startswith(("django_", "axes_", "procrastinate_"))}
    assert shared == {
        "auth_group", "auth_group_permissions", "auth_permission",  # the framework's
        "account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "usersessions_usersession",
        "socialaccount_socialaccount", "socialaccount_socialapp", "socialaccount_socialtoken",  # a person's
        "accounts_setuplink",  # makes the platform's operator
        "orgs_organization",  # its own id is the organization
        "orgs_user",  # a person may be in several
        "insights_partition", "insights_residue",  # a day's partition holds all organizations' rows
        "media_piecewritten", "media_residue",  # as does a piece of the index of words
        "runs_platform",  # the platform's switch
        "runs_switchturn",  # who turned it
        "runs_throttleturn",  # who changed the platform's throttle
        "runs_storeprobe",  # what the operator's store does
    }  # fmt: skip


def test_every_table_and_partition_stands_under_forced_security(alice: Organization, charlie: Organization) -> None:
    """Also the partitions that a moment ago were not there."""
    new = date(2020, 2, 29)
    load(alice, calls("Sales", day=new, count=1))
    tables = tenant_tables(partitions=True)
    assert {"insights_segment_20200229", "insights_event_20200229"} <= set(tables)
    assert {f"media_words_{piece:02}" for piece in range(32)} <= set(tables)
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (%s)
                AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
                    SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid
                        AND pg_get_expr(p.polqual, p.polrelid) LIKE '%%ebbtide_org()%%'
                        AND pg_get_expr(p.polwithcheck, p.polrelid) LIKE '%%ebbtide_org()%%')
            """,
            [list(tables)],
        )
        assert {name for (name,) in cursor.fetchall()} == set(tables)


def _count(cursor: object, table: str, where: str = "true") -> int:
    cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {where}')  # type: ignore[attr-defined]  # noqa: S608
    found: int = cursor.fetchone()[0]  # type: ignore[attr-defined]
    return found


def test_one_organization_sees_its_own_rows_alone(alice: Organization, charlie: Organization, database: Urls) -> None:
    mine = content(database, alice)
    for role in ROLES:
        with acting_in(alice.id, using=role) as cursor:
            for table, column in tenant_tables().items():
                assert _count(cursor, table) == len(mine[table]), (role, table)
                assert _count(cursor, table, f"{column} = {charlie.id}") == 0, (role, table)


def test_without_an_organization_there_are_no_rows(alice: Organization, charlie: Organization) -> None:
    for role in ROLES:
        with transaction.atomic(using=role), connections[role].cursor() as cursor:
            assert {table for table in tenant_tables() if _count(cursor, table)} == set(), role
        with acting_in(999_999, using=role) as cursor:
            assert {table for table in tenant_tables() if _count(cursor, table)} == set(), role


def test_the_scope_ends_with_its_transaction(alice: Organization, charlie: Organization) -> None:
    """Pooled connections are handed on: nothing of the organization may stick to them."""

    def seen(role: str) -> list[tuple[int]]:
        with transaction.atomic(using=role), connections[role].cursor() as cursor:
            cursor.execute("SELECT org_id FROM catalog_queue")
            found: list[tuple[int]] = cursor.fetchall()
            return found

    for role in ROLES:
        with acting_in(alice.id, using=role):
            assert seen(role) == [(alice.id,)]
            with acting_in(charlie.id, using=role):
                assert seen(role) == [(charlie.id,)]
            assert seen(role) == [(alice.id,)]  # the outer scope is back
        assert seen(role) == []
        with pytest.raises(ZeroDivisionError), acting_in(alice.id, using=role):
            raise ZeroDivisionError
        assert seen(role) == []


MUTATIONS = (
    "DELETE FROM {table} WHERE {column} = {theirs}",
    "DELETE FROM {table}",
    "UPDATE {table} SET {column} = {column} WHERE {column} = {theirs}",
    "UPDATE {table} SET {column} = {theirs} WHERE {column} = {mine}",
)


def test_one_organization_changes_nothing_of_another(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    """Refused, or without effect: by the owner's rights too, with which the purge functions run."""
    before = content(database, charlie)
    for url in (database.web, database.sweep, database.owner):
        for table, column in tenant_tables().items():
            for mutation in MUTATIONS:
                told = mutation.format(table=table, column=column, theirs=charlie.id, mine=alice.id)
                with psycopg.connect(url) as connection, suppress(psycopg.Error):
                    connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
                    connection.execute(told.encode())
                    connection.commit()
    assert content(database, charlie) == before


def _columns(witness: psycopg.Connection, table: str) -> list[str]:
    rows = witness.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum",
        [table],
    )
    return [name for (name,) in rows]


def test_nothing_is_written_in_anothers_name(alice: Organization, charlie: Organization, database: Urls) -> None:
    """A copy of Alice's row that bears Charlie's organization is refused by the policy itself, in every table.

    Asked as the owner, whose rights the purge functions have, with the triggers off: those would refuse it first.
    """
    for table, column in tenant_tables().items():
        with bypassing(database) as witness:
            others = [name for name in _columns(witness, table) if name != column]
        names = sql.SQL(", ").join(map(sql.Identifier, others))
        insert = sql.SQL("INSERT INTO {0} ({1}, {2}) OVERRIDING SYSTEM VALUE SELECT {3}, {2} FROM {0} LIMIT 1").format(
            sql.Identifier(table), sql.Identifier(column), names, sql.Literal(charlie.id)
        )
        with psycopg.connect(database.owner) as connection:
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(insert)


def test_partitions_are_reached_through_their_parent_alone(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    """A partition has the policy as well, and no privilege: neither SELECT nor COPY nor anything else."""
    partitions = [name for name in tenant_tables(partitions=True) if name not in tenant_tables()]
    days = [name for name in partitions if not name.startswith("media_words_")]
    assert len(days) == 2  # of the young day; the old one was wholly due and is dropped
    assert len(partitions) == 2 + 32
    for url in (database.web, database.sweep):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT set_config('ebbtide.org', %s, false)", [str(alice.id)])
            for table in partitions:
                for statement in (
                    "SELECT count(*) FROM {}", "COPY {} TO STDOUT", "DELETE FROM {}", "UPDATE {} SET org_id = 1",
                    "INSERT INTO {} (org_id) VALUES (1)", "TRUNCATE {}", "LOCK TABLE {}",
                ):  # fmt: skip
                    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                        connection.execute(statement.replace("{}", table).encode())


def test_copy_out_is_bound_too(alice: Organization, charlie: Organization, database: Urls) -> None:
    """COPY of a table gives what SELECT would: the organization's own rows."""
    for url in (database.web, database.sweep):
        with psycopg.connect(url) as connection:
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
            with connection.cursor().copy("COPY catalog_queue (org_id) TO STDOUT") as copy:
                assert b"".join(bytes(part) for part in copy) == f"{alice.id}\n".encode()


def test_the_platform_sees_heads_and_no_data(alice: Organization, charlie: Organization, database: Urls) -> None:
    seen = set()
    for role in (WEB, SWEEP):
        with as_platform(using=role) as cursor:
            seen |= {table for table in tenant_tables() if _count(cursor, table)}
    assert seen == {
        "orgs_organization", "orgs_membership", "runs_plan", "runs_run", "activation_request", "billing_position",
        "billing_meteredday", "billing_usage", "billing_closedstatement", "billing_ratecardversion",  # sums
        "catalog_cellchange",  # since when there is something to meter
        "insights_summing",  # up to when there are sums
        "media_unindexed",  # where there is something to index
        "runs_reconciliation",  # when it was last compared, and how many differences there were
        "exports_export",  # what there is to make, and to let go
    }  # fmt: skip
    with as_platform(using=OWNER) as cursor:  # whose rights console_due_since has: counts and jobs, no data
        assert {table for table in tenant_tables() if _count(cursor, table)} - seen == {
            "catalog_cell", "policies_retentionjob", "policies_jobqueue",
        }  # fmt: skip
    before = content(database, charlie)
    with as_platform() as cursor:
        cursor.execute("UPDATE orgs_organization SET item_cap = 0")
        cursor.execute("UPDATE runs_run SET cancelled_at = now()")
    assert content(database, charlie) == before


def test_a_person_sees_their_own_organizations_heads(alice: Organization, charlie: Organization) -> None:
    person = User.objects.get(email="alice@example.org")
    with as_person(person.pk) as cursor:
        assert {table for table in tenant_tables() if _count(cursor, table)} == {"orgs_organization", "orgs_membership"}
        cursor.execute("SELECT id FROM orgs_organization")
        assert cursor.fetchall() == [(alice.id,)]
        cursor.execute("UPDATE orgs_organization SET item_cap = 0")
        assert cursor.rowcount == 0


def test_the_setting_itself_cannot_carry_sql(alice: Organization, charlie: Organization) -> None:
    for value in ("1 OR true", "", "-1", f"{alice.id}); DROP TABLE x; --"):
        with connections[WEB].cursor() as cursor, transaction.atomic(using=WEB):
            cursor.execute("SELECT set_config('ebbtide.org', %s, true)", [value])
            try:
                with transaction.atomic(using=WEB):
                    found = _count(cursor, "catalog_queue")
            except DataError:  # no number
                found = 0
            assert found == 0

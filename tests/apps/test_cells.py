"""Cells stay exact whatever writes: every kind of statement, undone or not, one writer or several at once.

What is counted is held against the tables themselves. Charlie's centre is always there and never changes.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest

from ebbtide.apps.catalog import selectors
from ebbtide.apps.catalog.services import recount
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, load, record

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)
SEGMENT = (
    "INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel, customer) "
    "SELECT %(org)s, %(queue)s, %(day)s, gen_random_uuid(), 'key ' || n, 'voice', repeat('x', n) "
    "FROM generate_series(1, %(count)s) n"
)
OBJECT = (
    "INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason) "
    "SELECT %(org)s, %(queue)s, %(day)s, %(kind)s, "
    "'org_' || %(org)s || '/que_' || %(queue)s || '/' || %(day)s || '/' || %(kind)s || '/' || gen_random_uuid(), "
    "n, '\\x00', gen_random_uuid(), '' FROM generate_series(1, %(count)s) n"
)


class Writer:
    """A connection of one role, working in Alice's centre, or in another one."""

    def __init__(self, connection: psycopg.Connection[Any], org: int) -> None:
        self.connection = connection
        self.org = org

    def do(self, sql: str, **values: object) -> int:
        return self.connection.execute(sql.encode(), {"org": self.org, **values}).rowcount

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), {"org": self.org, **values}).fetchall()


@contextmanager
def writer(url: str, org: Organization) -> Iterator[Writer]:
    """A connection in a transaction of the organization."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('ebbtide.org', %s, false)", [str(org.id)])
        yield Writer(connection, org.id)


def cells(one: Writer) -> set[tuple[object, ...]]:
    """The cells; that the tally adds up to them in the same moment is asked each time."""
    rows = one.rows("SELECT day, data_type, queue_id, items, bytes FROM catalog_cell WHERE org_id = %(org)s")
    summed: Counter[tuple[object, object]] = Counter()
    for day, data_type, _queue, items, size in rows:
        summed[day, data_type] += items + 1_000_000_000 * size
    assert tally(one) == summed
    return set(rows)


def tally(one: Writer) -> dict[tuple[object, object], int]:
    rows = one.rows(
        "SELECT day, data_type, (sum(items) + 1000000000 * sum(bytes))::bigint FROM catalog_tally "
        "WHERE org_id = %(org)s GROUP BY 1, 2 HAVING sum(items) <> 0 OR sum(bytes) <> 0"
    )
    return {(day, data_type): both for day, data_type, both in rows}


def there(one: Writer) -> set[tuple[object, ...]]:
    return set(
        one.rows(
            "SELECT day, 'insights', queue_id, count(*), sum(bytes)::bigint FROM insights_segment "
            "WHERE org_id = %(org)s GROUP BY 1, 2, 3 UNION ALL "
            "SELECT day, kind, queue_id, count(*), sum(bytes)::bigint FROM media_mediaobject "
            "WHERE org_id = %(org)s GROUP BY 1, 2, 3"
        )
    )


@pytest.fixture
def alice(database: Urls) -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie(database: Urls) -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=DAY, count=3))
    record(org, f"call-Sales-{DAY}-0", kind=DataType.AUDIO)
    return org


@pytest.fixture
def queues(alice: Organization, charlie: Organization) -> tuple[int, int]:
    """Two queues of Alice's centre, with 4 segments on each of two days and 2 recordings in one cell."""
    for day in (DAY, NEXT):
        for name in ("Sales", "Support"):
            load(alice, calls(name, day=day, count=4))
    record(alice, f"call-Sales-{DAY}-0", kind=DataType.AUDIO)
    record(alice, f"call-Sales-{DAY}-1", kind=DataType.AUDIO, content=b"another length")
    with acting_in(alice.id):
        sales, support = selectors.queues(org=alice.id)
    return sales.id, support.id


@pytest.fixture(autouse=True)
def neighbour_survives(charlie: Organization, database: Urls) -> Iterator[None]:
    with writer(database.web, charlie) as one:
        before = cells(one)
        assert before == there(one)
        assert len(before) == 2
    yield
    with writer(database.web, charlie) as one:
        assert cells(one) == there(one) == before


def test_the_import_counts(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
        assert sum(int(str(row[3])) for row in cells(one)) == 4 * 4 + 2


@pytest.mark.parametrize("role", ["web", "owner"])
@pytest.mark.parametrize("many", [1, 30])
def test_insert(role: str, many: int, alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(getattr(database, role), alice) as one:
        one.do(SEGMENT, queue=queues[0], day=DAY, count=many)
        one.do(SEGMENT, queue=queues[1], day=NEXT, count=many)
        one.do(OBJECT, queue=queues[1], day=NEXT, kind="desktop", count=many)
        assert cells(one) == there(one)
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)


def test_insert_of_nothing_makes_no_cell(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.web, alice) as one:
        before = cells(one)
        one.do(SEGMENT, queue=queues[0], day=DAY, count=0)
        one.do(OBJECT, queue=queues[0], day=DAY, kind="desktop", count=0)
        assert cells(one) == before


def test_copy_by_the_owner(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    """COPY is refused under row-level security; where a superuser uses it, the triggers count as well."""
    with writer(database.superuser, alice) as one, one.connection.cursor() as cursor:
        with cursor.copy("COPY insights_segment (org_id, queue_id, day, id, source_key, channel) FROM STDIN") as copy:
            for number in range(5):
                copy.write_row((alice.id, queues[0], DAY, f"00000000-0000-0000-0000-00000000000{number}", "k", "voice"))
        assert cells(one) == there(one)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE insights_segment SET queue_id = %(support)s WHERE queue_id = %(sales)s AND day = %(day)s",
        "UPDATE insights_segment SET day = %(next)s WHERE day = %(day)s AND queue_id = %(sales)s",
        "UPDATE insights_segment SET day = %(next)s, queue_id = %(support)s",
        "UPDATE insights_segment SET customer = repeat('y', 100) WHERE day = %(day)s",
        "UPDATE insights_segment SET talk_s = 5",
        "UPDATE insights_segment SET talk_s = 5 WHERE false",
        "UPDATE media_mediaobject SET bytes = bytes + 7",
        "UPDATE media_mediaobject SET kind = 'desktop', key = replace(key, '/audio/', '/desktop/')",
        "DELETE FROM insights_segment WHERE queue_id = %(support)s",
        "DELETE FROM insights_segment WHERE day = %(next)s AND source_key LIKE '%%-0'",
        "DELETE FROM insights_segment",
        "DELETE FROM insights_segment WHERE false",
        "DELETE FROM media_mediaobject WHERE bytes = 14",
        "DELETE FROM media_mediaobject",
    ],
)
def test_owner_changes_and_deletes(change: str, alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    values = {"sales": queues[0], "support": queues[1], "day": DAY, "next": NEXT}
    with writer(database.owner, alice) as one:
        one.do(change, **values)
        assert cells(one) == there(one)
        one.connection.rollback()
    with writer(database.web, alice) as one:  # undone: the counts as well
        assert cells(one) == there(one)
        assert len(cells(one)) == 5
    with writer(database.owner, alice) as one:
        one.do(change, **values)
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)


def test_upsert_counts_what_it_did(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.owner, alice) as one:
        one.do(OBJECT + " ON CONFLICT DO NOTHING", queue=queues[0], day=DAY, kind="audio", count=3)
        one.do(
            "INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason) "
            "SELECT org_id, queue_id, day, kind, key, 999, sha256, segment_id, left_reason FROM media_mediaobject "
            "ON CONFLICT (org_id, key) DO UPDATE SET bytes = excluded.bytes"
        )
        assert cells(one) == there(one)
        assert (DAY, "audio", queues[0], 5, 5 * 999) in cells(one)


def test_savepoint_rolled_back(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.web, alice) as one:
        one.do(SEGMENT, queue=queues[0], day=DAY, count=2)
        with one.connection.transaction() as savepoint:
            one.do(SEGMENT, queue=queues[0], day=DAY, count=20)
            raise psycopg.Rollback(savepoint)
        assert cells(one) == there(one)


def test_connection_lost_in_between(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.web, alice) as one, writer(database.superuser, alice) as admin:
        one.do(SEGMENT, queue=queues[0], day=DAY, count=20)
        admin.do("SELECT pg_terminate_backend(%(pid)s)", pid=one.connection.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            one.rows("SELECT 1")
        one.connection.close()
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
        assert len(cells(one)) == 5


def _race(database: Urls, org: Organization, works: list[list[tuple[str, dict[str, object]]]]) -> list[str]:
    """Let several connections work at the same time, each statement a transaction; gives the states of failures."""
    start = threading.Barrier(len(works))
    failures: list[str] = []

    def work(statements: list[tuple[str, dict[str, object]]]) -> None:
        with writer(database.owner, org) as one:
            one.connection.commit()
            start.wait(timeout=10)
            for sql, values in statements:
                try:
                    with one.connection.transaction():
                        one.do("SELECT set_config('ebbtide.org', %(id)s, true)", id=str(org.id))
                        one.do(sql, **values)
                except psycopg.Error as exc:
                    failures.append(str(exc.sqlstate))

    threads = [threading.Thread(target=work, args=(statements,)) for statements in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return failures


def test_two_imports_into_the_same_cells(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    """The same new cells from two sides, in opposite order of days and queues: nothing lost, nothing doubled."""
    with writer(database.owner, alice) as one:
        one.do("DELETE FROM media_mediaobject")
        one.do("DELETE FROM insights_segment")  # so that the cells themselves are raced for
    both = (
        "INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel) SELECT %(org)s, q, d, "
        "gen_random_uuid(), 'k', 'voice' FROM unnest(%(queues)s::int[]) q, unnest(%(days)s::date[]) d"
    )
    rounds = 40
    here: dict[str, object] = {"queues": list(queues), "days": [DAY, NEXT]}
    back: dict[str, object] = {"queues": list(reversed(queues)), "days": [NEXT, DAY]}
    assert _race(database, alice, [[(both, here)] * rounds, [(both, back)] * rounds]) == []
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
        assert {row[3] for row in cells(one)} == {2 * rounds}


def test_imports_and_deletions_at_once(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    """A cell that one side empties while the other fills it is neither lost nor left over."""
    add = (SEGMENT, {"queue": queues[0], "day": DAY, "count": 3})
    empty: tuple[str, dict[str, object]] = (
        "DELETE FROM insights_segment WHERE day = %(day)s AND queue_id = %(queue)s",
        {"queue": queues[0], "day": DAY},
    )
    move: tuple[str, dict[str, object]] = (
        "UPDATE insights_segment SET queue_id = %(to)s WHERE day = %(day)s AND queue_id = %(queue)s",
        {"queue": queues[0], "to": queues[1], "day": DAY},
    )
    failures = _race(database, alice, [[add] * 40, [empty] * 40, [move] * 40])
    assert set(failures) <= {"40P01"}  # a deadlock is an end: that statement is undone, and its counts with it
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)


def test_the_tally_is_made_short_while_others_write(
    alice: Organization, queues: tuple[int, int], database: Urls
) -> None:
    """Counted anew by two at once, beside an import and a deletion: it adds up to the cells all the same."""
    add = (SEGMENT, {"queue": queues[0], "day": DAY, "count": 3})
    move: tuple[str, dict[str, object]] = (
        "DELETE FROM insights_segment WHERE day = %(day)s AND queue_id = %(queue)s AND source_key = 'key 1'",
        {"day": DAY, "queue": queues[0]},
    )
    shorten: tuple[str, dict[str, object]] = ("SELECT catalog_recount()", {})
    assert _race(database, alice, [[add] * 40, [move] * 40, [shorten] * 40, [shorten] * 40]) == []
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
    assert recount(alice.id) == 3  # segments of two days, recordings of one
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
        assert one.rows("SELECT count(*) FROM catalog_tally WHERE org_id = %(org)s") == [(3,)]


def test_the_tally_is_right_again_when_counted_anew(
    alice: Organization, queues: tuple[int, int], database: Urls
) -> None:
    with writer(database.superuser, alice) as one:
        one.do("UPDATE catalog_tally SET items = items + 1 WHERE org_id = %(org)s")
    recount(alice.id)
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)


def test_truncate_is_refused(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    for table in ("insights_segment", "media_mediaobject"):
        with writer(database.superuser, alice) as one, pytest.raises(psycopg.Error) as refused:
            one.do(f"TRUNCATE {table}")
        assert refused.value.sqlstate == "EB403"


def test_late_rows_are_refused_and_not_counted(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.owner, alice) as one:
        one.do("SELECT catalog_draw_line(%(org)s, %(queue)s, 'insights', %(day)s)", queue=queues[0], day=DAY)
    for sql, values in (
        (SEGMENT, {"queue": queues[0], "day": DAY, "count": 1}),
        ("UPDATE insights_segment SET day = %(day)s WHERE day = %(next)s", {"day": DAY, "next": NEXT}),
    ):
        with writer(database.owner, alice) as one, pytest.raises(psycopg.Error) as refused:
            one.do(sql, **values)
        assert refused.value.sqlstate == "EB409"
    with writer(database.web, alice) as one:
        assert cells(one) == there(one)
        one.do(SEGMENT, queue=queues[0], day=NEXT, count=1)  # the day after the line, and the other queue, stay open
        one.do(SEGMENT, queue=queues[1], day=DAY, count=1)
        assert cells(one) == there(one)


def test_the_line_never_moves_back(alice: Organization, queues: tuple[int, int], database: Urls) -> None:
    with writer(database.owner, alice) as one:
        for day in (NEXT, DAY):
            one.do("SELECT catalog_draw_line(%(org)s, %(queue)s, 'audio', %(day)s)", queue=queues[0], day=day)
        assert one.rows("SELECT before FROM catalog_purgedline WHERE org_id = %(org)s") == [(date(2026, 3, 4),)]


def test_what_is_left_below_the_line_can_still_be_claimed(
    alice: Organization, queues: tuple[int, int], database: Urls
) -> None:
    """A day of more objects than a batch is drawn a line over while the rest of it waits: that rest is not late."""
    with writer(database.owner, alice) as one:
        one.do("SELECT catalog_draw_line(%(org)s, %(queue)s, 'audio', %(day)s)", queue=queues[0], day=DAY)
        assert one.do("UPDATE media_mediaobject SET claimed_by = 1 WHERE kind = 'audio'") == 2
        assert one.do("UPDATE insights_segment SET talk_s = 1 WHERE queue_id = %(queue)s", queue=queues[0]) == 8
        assert cells(one) == there(one)

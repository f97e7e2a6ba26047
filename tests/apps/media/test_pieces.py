"""The index of words is written anew piece by piece: guarded and whole as before, while others search and index."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ebbtide.apps.media.words import index_words, numbers_of, said_in, worn_pieces, write_anew
from ebbtide.apps.orgs.database import OWNER, WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.doctor import residue
from ebbtide.apps.runs.settling import Settled, settle_due
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests import cast
from tests.apps.beside import beside

Admin = psycopg.Connection[tuple[object, ...]]
Pair = tuple[Organization, Organization]
_GUARDS = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
        coalesce(c.relacl, acldefault('r', c.relowner))::text, c.relowner, c.relpersistence,
        pg_get_expr(c.relpartbound, c.oid),
        ARRAY(SELECT (p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, c.oid),
            pg_get_expr(p.polwithcheck, c.oid))::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1),
        ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid ORDER BY 1),
        ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
              JOIN pg_inherits h ON h.inhrelid = i.indexrelid WHERE i.indrelid = c.oid),
        ARRAY(SELECT (a.attname, a.atttypid, a.attnotnull, a.attstattarget)::text
              FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'media_words'::regclass ORDER BY 1
"""


@pytest.fixture
def admin(database: Urls) -> Iterator[Admin]:
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
def day() -> date:
    return datetime.now(UTC).date() - timedelta(days=30)


def say(org: Organization, day: date, *, number: int) -> None:
    cast.load(org, cast.calls("service", day=day, count=1, prefix=f"turn{number}"))
    key = f"turn{number}-service-{day}-0"
    cast.record(org, key, kind=DataType.TRANSCRIPT, content=f"roof call{number}".encode())


def indexed(org: Organization) -> int:
    return index_words(org, store=object_store(), stop=lambda: False)


def lose_one(org: Organization, day: date) -> None:
    """Take the day's first transcript out of its cell; the others' words want to be indexed again then."""
    with acting_in(org.id, using=OWNER) as cursor:
        cursor.execute(
            "DELETE FROM media_mediaobject WHERE id = (SELECT min(id) FROM media_mediaobject WHERE day = %s)", [day]
        )


def found(org: Organization, day: date, word: str = "roof") -> int:
    with acting_in(org.id, using=WEB):
        said = said_in(numbers_of([word], pepper=bytes(org.pepper)), days=[day], org=org.id)
    return len(said.get(day, ()))


def piece_of(admin: Admin, day: date) -> int:
    row = admin.execute("SELECT media_piece_of(%s)", [day]).fetchone()
    assert row is not None
    return int(str(row[0]))


def files(admin: Admin) -> dict[str, int]:
    rows = admin.execute("SELECT relid::regclass::text, pg_relation_filenode(relid)::int FROM "
                         "pg_partition_tree('media_words') WHERE isleaf").fetchall()  # fmt: skip
    return {str(name): int(str(file)) for name, file in rows}


@pytest.fixture
def centres(database: Urls, day: date) -> Pair:
    """Two organizations whose words of one day are in one piece; some of Alice's have gone."""
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    for org in (alice, charlie):
        for number in range(2):
            say(org, day, number=number)
        assert indexed(org) == 2
    assert worn_pieces() == []
    lose_one(alice, day)
    assert indexed(alice) == 1
    return alice, charlie


def words_anew() -> list[Settled]:
    return [one for one in settle_due() if one.day is None]


def test_a_worn_piece_is_written_anew_and_nothing_else_changes(centres: Pair, admin: Admin, day: date) -> None:
    alice, charlie = centres
    piece = piece_of(admin, day)
    was, guarded = files(admin), admin.execute(_GUARDS).fetchall()
    everything = "SELECT w::text FROM media_words w ORDER BY 1"
    words = admin.execute(everything).fetchall()
    assert len(guarded) == 32
    assert worn_pieces() == [piece]
    assert words_anew() == [Settled(None, 5, "settled", piece)]  # Alice's two words and Charlie's three
    assert worn_pieces() == []
    now = files(admin)
    assert {name for name in was if was[name] != now[name]} == {f"media_words_{piece:02}"}
    assert admin.execute(_GUARDS).fetchall() == guarded
    assert admin.execute(everything).fetchall() == words
    assert (found(alice, day), found(charlie, day)) == (1, 2)
    lose_one(charlie, day)
    assert (worn_pieces(), found(charlie, day)) == ([], 0)  # not twice within 20 hours
    late = datetime.now(UTC) + timedelta(days=3)
    (dead, *_) = residue.examine(now=late)
    assert dead.details[0].startswith(f"words {piece} since ")
    admin.execute("UPDATE media_piecewritten SET written_at = written_at - interval '21 hours'")
    assert indexed(charlie) == 1
    assert words_anew() == [Settled(None, 4, "settled", piece)]
    assert (found(alice, day), found(charlie, day)) == (1, 1)
    assert residue.examine(now=late)[0].ok
    _only_its_piece_is_asked(admin, piece, org=alice, day=day)


def _only_its_piece_is_asked(admin: Admin, piece: int, *, org: Organization, day: date) -> None:
    with acting_in(org.id, using=WEB) as cursor:
        with CaptureQueriesContext(connections[WEB]) as captured:
            said_in([1, -(2**62)], days=[day], org=org.id)
        cursor.execute("SET LOCAL enable_seqscan = off")  # a few rows are quicker read through
        cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + captured.captured_queries[-1]["sql"])
        told = "\n".join(row for (row,) in cursor.fetchall())
    done = [line for line in told.splitlines() if "never executed" not in line]
    asked = {name for name in files(admin) if any(f" on {name}" in line for line in done)}
    assert asked == {f"media_words_{piece:02}"}, told
    assert f"Index Scan using media_words_{piece:02}_pkey" in told
    assert re.search(r"Index Cond: \(\(org_id = .*day = .*set_id = ", told), told


def written(piece: int) -> str:
    write_anew(piece)
    return "settled"


def test_who_searches_and_who_indexes_goes_on(centres: Pair, admin: Admin, database: Urls, day: date) -> None:
    """Somebody reads in a transaction that stays open; another searches meanwhile, a third indexes; then it is done."""
    alice, charlie = centres
    piece = piece_of(admin, day)
    other = next(one for back in range(1, 99) if piece_of(admin, one := day - timedelta(days=back)) != piece)
    say(alice, other, number=7)
    say(charlie, day, number=8)
    longest = 0.0
    with (
        psycopg.connect(database.superuser) as reader,
        beside(lambda: written(piece)) as ends,
        ThreadPoolExecutor(1) as pool,
    ):
        reader.execute("SELECT count(*) FROM media_words").fetchone()
        while not admin.execute("SELECT 1 FROM pg_locks l WHERE l.mode = 'ShareRowExclusiveLock' AND l.granted "
                                "AND l.relation = %s::regclass", [f"media_words_{piece:02}"]).fetchone():  # fmt: skip
            assert ends == []
        same = pool.submit(lambda: (indexed(charlie), connections.close_all())[0])
        until = time.monotonic() + 1
        while time.monotonic() < until:
            started = time.monotonic()
            assert found(charlie, day) == 2
            longest = max(longest, time.monotonic() - started)
        assert indexed(alice) == 1
        assert ends == []
        reader.rollback()
        added = same.result()
    assert added in {0, 1}  # it waited, or was too late and comes again
    assert ends == ["settled"]
    assert added + indexed(charlie) == 1
    assert (found(alice, day), found(alice, other), found(charlie, day)) == (1, 1, 3)
    assert longest < 1  # a tenth of a second of it is the exchange's turn; the rest is a busy machine


def test_what_cannot_be_locked_or_is_not_whole_stays_and_comes_again(centres: Pair, admin: Admin, day: date) -> None:
    alice, charlie = centres
    piece = piece_of(admin, day)
    was = files(admin)
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as writer:
        writer.execute("DELETE FROM media_words WHERE day = %s AND false", [day])
        assert words_anew() == [Settled(None, 0, "taken", piece)]
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as dump:
        dump.execute("SELECT pg_advisory_lock(7105, 1)")
        assert words_anew() == [Settled(None, 0, "taken", piece)]
    table = f"media_words_{piece:02}".encode()
    admin.execute(b"DROP POLICY platform ON " + table)  # the copy would be empty
    assert words_anew() == [Settled(None, 0, "drifted", piece)]
    assert (files(admin), worn_pieces()) == (was, [piece])
    assert (found(alice, day), found(charlie, day)) == (1, 2)
    admin.execute(b"CREATE POLICY platform ON " + table + b" FOR SELECT TO ebbtide_owner USING (ebbtide_is_platform())")
    assert words_anew() == [Settled(None, 5, "settled", piece)]
    assert worn_pieces() == []

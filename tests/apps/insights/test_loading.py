"""The loader on real PostgreSQL: each row once, whoever loads it, however often, whatever is purged meanwhile."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.insights.intake.segments import Batch
from ebbtide.apps.insights.loading import Counts, SegmentLoader, load_all
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import InputInvalid
from ebbtide.pg.launcher import Urls
from tests.apps.media.meeting import Aside, beside, purging, wait_for_a_waiter
from tests.cast import calls, centre, counted, events, everything, load, segments

OLD, NEW = date(2026, 1, 10), date(2026, 6, 10)
Row = Mapping[str, object]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def alice() -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=OLD, count=3))
    return org


@pytest.fixture
def aside() -> Iterator[Aside]:
    """Do something in a thread with connections of its own."""
    with beside() as run:
        yield run


def purge(urls: Urls, org: Organization, *, day: date = OLD, queue: str = "Sales") -> None:
    with purging(urls, org, queue=queue, day=day):
        pass


def told(counts: Counts) -> tuple[int, int, int, int]:
    return counts.imported, counts.already_there, counts.late, counts.undatable


def asides(org: Organization) -> list[tuple[Any, ...]]:
    """Rows kept apart: kind, day, content."""
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT kind, day, content FROM insights_setaside ORDER BY kind, id")
        return [(kind, day, content and json.loads(content)) for kind, day, content in cursor.fetchall()]


def row(key: str, day: date | None, **more: object) -> dict[str, object]:
    return {"source_key": key, "queue": "Sales", "day": day, **more}


def batch(org: Organization, rows: Iterable[Row], *, first_line: int = 2) -> Batch:
    """A batch as the reader gives it, one event a row."""
    frame = segments(rows, zone=org.zone)
    frame = frame.with_columns(frame["line"] + (first_line - 2))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    timeline = events((line, at, "ivr_entered") for line in frame["line"])
    return Batch(segments=frame, events=timeline, rejects=[], read=frame.height, position=0)


def load_each(org: Organization, batches: Sequence[Batch]) -> Counts:
    counts = Counts()
    for _, one in load_all(SegmentLoader(org.id, pepper=bytes(org.pepper)), batches):
        counts.add(one)
    return counts


def sound(org: Organization) -> None:
    """Events, counts and identities belong to the rows that are there."""
    there = everything(org)
    assert there.events == len(there.segments)
    assert sum(counted(org).values()) == len(there.segments)
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT id) FROM insights_segment")
        assert cursor.fetchone() == (len(there.segments),) * 2
        cursor.execute(
            "SELECT count(*) FROM insights_segment s LEFT JOIN insights_identity i"
            " ON (i.org_id, i.id, i.queue_id, i.day) = (s.org_id, s.id, s.queue_id, s.day) WHERE i.id IS NULL"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM insights_event e LEFT JOIN insights_segment s"
                       " ON (s.org_id, s.day, s.id) = (e.org_id, e.day, e.segment_id) WHERE s.id IS NULL")  # fmt: skip
        assert cursor.fetchone() == (0,)


# Every way in which the rows of a file can repeat, contradict or lie before the line (OLD is purged).
TROUBLE: list[Row] = [
    row("good", NEW),
    row("good", NEW),
    row("two dates", NEW),
    row("two dates", NEW + timedelta(days=1)),
    row("late", OLD),
    row("late", OLD),
    row("late, then not", OLD),
    row("late, then not", NEW),
    row("not, then late", NEW),
    row("not, then late", OLD),
    row("undatable", None),
    row("undatable", None),
    row("undatable, then dated", None),
    row("undatable, then dated", NEW),
    row("dated, then undatable", NEW),
    row("dated, then undatable", None),
    row("late, then undatable", OLD),
    row("late, then undatable", None),
    row("elsewhere", NEW, queue="Support"),
    row("elsewhere", OLD, queue="Sales"),
    row("elsewhere", OLD, queue="Support"),
]


@pytest.mark.parametrize("size", [1, 2, 5, len(TROUBLE)])
def test_where_a_batch_ends_changes_nothing(alice: Organization, database: Urls, size: int) -> None:
    load(alice, calls("Sales", day=OLD, count=1))
    purge(database, alice)
    batches = [batch(alice, TROUBLE[at : at + size], first_line=2 + at) for at in range(0, len(TROUBLE), size)]
    loader = SegmentLoader(alice.id, pepper=bytes(alice.pepper))
    counts = Counts()
    for one in batches:
        counts.add(loader.load(one.segments, events=one.events))
    assert told(counts) == (6, 6, 6, 3)
    assert sum(told(counts)) == len(TROUBLE)
    assert {(queue, day, key) for queue, day, key in everything(alice).segments} == {
        ("Sales", NEW, "good"),
        ("Sales", NEW, "two dates"),
        ("Sales", NEW, "late, then not"),
        ("Sales", NEW, "not, then late"),
        ("Sales", NEW, "dated, then undatable"),
        ("Support", NEW, "elsewhere"),
    }
    sound(alice)
    kept = asides(alice)
    assert [kind for kind, _, _ in kept] == ["late"] * 5 + ["undatable"] * 3
    again = Counts()
    for one in batches:
        again.add(loader.load(one.segments, events=one.events))
    assert (again.imported, again.undatable) == (0, 0)
    assert sum(told(again)) == len(TROUBLE)
    assert asides(alice) == kept
    sound(alice)


def test_batches_side_by_side_add_up(alice: Organization, charlie: Organization) -> None:
    """Every batch repeats half of the one before; two are loaded at a time."""
    neighbour = everything(charlie)
    days = [NEW - timedelta(days=n % 7) for n in range(500)]
    rows = [row(f"call {n}", days[n], queue=f"Q{n % 3}", flags="odd" if n % 10 == 0 else None) for n in range(500)]
    batches = [batch(alice, rows[at : at + 100], first_line=2 + at) for at in range(0, 450, 50)]
    counts = load_each(alice, batches)
    assert told(counts) == (500, 400, 0, 0)
    assert counts.flagged == 90
    sound(alice)
    assert len(everything(alice).segments) == 500
    assert everything(charlie) == neighbour


def test_the_same_file_by_two_at_once_is_there_once(alice: Organization, charlie: Organization, aside: Aside) -> None:
    neighbour = everything(charlie)
    rows = [row(f"call {n}", NEW - timedelta(days=n % 5)) for n in range(2_000)]
    forward = [batch(alice, rows[at : at + 250], first_line=2 + at) for at in range(0, 2_000, 250)]
    loads = [aside(load_each, alice, batches) for batches in (forward, forward[::-1])]
    counts = [one.result() for one in loads]
    assert sum(one.imported for one in counts) == 2_000
    assert sum(one.already_there for one in counts) == 2_000
    assert all(sum(told(one)) == 2_000 for one in counts)
    assert len(everything(alice).segments) == 2_000
    sound(alice)
    assert everything(charlie) == neighbour


def test_a_file_twice_changes_nothing(alice: Organization) -> None:
    rows = [*calls("Sales", day=NEW, count=5), row("no date", None)]
    assert told(load_each(alice, [batch(alice, rows)])) == (5, 0, 0, 1)
    before, kept = everything(alice), asides(alice)
    assert told(load_each(alice, [batch(alice, rows)])) == (0, 6, 0, 0)
    assert (everything(alice), asides(alice)) == (before, kept)


def test_what_was_purged_is_late_under_every_date(alice: Organization, database: Urls) -> None:
    load(alice, calls("Sales", day=OLD, count=3))
    load(alice, calls("Sales", day=NEW, count=2, prefix="kept"))
    purge(database, alice)
    after = everything(alice)
    for day, queue in ((OLD, "Sales"), (NEW, "Sales"), (NEW, "Support"), (OLD, "Support")):
        moved = [one | {"day": day, "queue": queue} for one in calls("Sales", day=OLD, count=3)]
        assert told(load(alice, moved)) == (0, 0, 3, 0)
    assert everything(alice) == after
    assert told(load(alice, calls("Sales", day=OLD - timedelta(days=300), count=2, prefix="unseen"))) == (0, 0, 2, 0)
    assert told(load(alice, calls("Support", day=OLD, count=2, prefix="other Q"))) == (2, 0, 0, 0)
    assert told(load(alice, calls("Sales", day=OLD + timedelta(days=1), count=2, prefix="next day"))) == (2, 0, 0, 0)
    sound(alice)


def test_of_what_is_late_the_fact_alone_is_kept(alice: Organization, database: Urls) -> None:
    load(alice, calls("Sales", day=OLD, count=1))
    purge(database, alice)
    telling = row("late", OLD, customer="+49301234567", agent="Needle", attributes='{"needle": 1}')
    load(alice, [telling])
    assert asides(alice) == [("late", OLD, None)]
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT to_jsonb(s)::text FROM insights_setaside s")
        (text,) = cursor.fetchone()
    assert "Needle" not in text
    assert "+4930" not in text
    assert "late" in text


def test_undatable_rows_keep_their_content(alice: Organization) -> None:
    load(alice, [row("no date", None, customer="+49301", agent="Ada", talk_s=7, attributes='{"a": [1]}')])
    ((kind, day, content),) = asides(alice)
    assert (kind, day) == ("undatable", None)
    assert content == {
        "source_key": "no date", "customer": "+49301", "agent": "Ada", "talk_s": 7, "attributes": {"a": [1]},
        "channel": "voice", "outcome": "answered",
    }  # fmt: skip
    assert everything(alice).segments == frozenset()
    sound(alice)


# --- a purge comes in between -----------------------------------------------------------------------------------------


def test_a_purge_under_way_makes_its_rows_late_and_no_others(
    alice: Organization, charlie: Organization, database: Urls, aside: Aside
) -> None:
    """The loader has asked the line and found none; its insert waits for the cell that the purge holds."""
    neighbour = everything(charlie)
    load(alice, calls("Sales", day=OLD, count=3))
    rows = [*calls("Sales", day=OLD, count=5), *calls("Sales", day=NEW, count=2)]  # 3 known, 2 new, 2 of another day
    with purging(database, alice, queue="Sales", day=OLD):
        loads = aside(load, alice, rows)
        wait_for_a_waiter(database)
        assert not loads.done()
    assert told(loads.result()) == (2, 0, 5, 0)
    assert {day for _, day, _ in everything(alice).segments} == {NEW}
    sound(alice)
    assert [(kind, content) for kind, _, content in asides(alice)] == [("late", None)] * 5
    assert everything(charlie) == neighbour


def test_a_purge_of_a_cell_that_was_empty_is_met_too(alice: Organization, database: Urls, aside: Aside) -> None:
    """There is no cell to wait at: the line itself is what the loader sees when it comes second."""
    load(alice, calls("Sales", day=OLD, count=1))
    day_before = OLD - timedelta(days=1)
    purge(database, alice)
    loader = SegmentLoader(alice.id, pepper=bytes(alice.pepper))
    one = batch(alice, calls("Sales", day=day_before, count=2))
    assert told(loader.load(one.segments, events=one.events)) == (0, 0, 2, 0)
    sound(alice)


def test_a_deadlock_is_tried_again(alice: Organization, database: Urls, aside: Aside) -> None:
    rows = [*calls("Sales", day=NEW, count=2), *calls("Support", day=NEW, count=2)]
    load(alice, rows)
    lock = """SELECT 1 FROM catalog_cell c JOIN catalog_queue q ON q.id = c.queue_id
              WHERE c.org_id = %s AND q.name = %s FOR UPDATE OF c"""
    more = [*calls("Sales", day=NEW, count=3), *calls("Support", day=NEW, count=3)]
    with psycopg.connect(database.superuser) as other:
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # the loader is to be the victim
        other.execute(lock, [alice.id, "Support"])
        loads = aside(load, alice, more)
        wait_for_a_waiter(database)
        other.execute(lock, [alice.id, "Sales"])
    assert told(loads.result()) == (2, 4, 0, 0)
    sound(alice)


# --- fences -----------------------------------------------------------------------------------------------------------


def test_new_partitions_stand_behind_forced_row_security(alice: Organization, database: Urls) -> None:
    days = [NEW + timedelta(days=n) for n in range(3)]
    load(alice, [row(f"{day}", day) for day in days])
    with psycopg.connect(database.superuser) as looking:
        found = looking.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),
                has_table_privilege('ebbtide_web', c.oid, 'SELECT, INSERT')
            FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind = 'r'
            """
        ).fetchall()
    expected = {f"insights_{what}_{day:%Y%m%d}" for what in ("segment", "event") for day in days}
    assert {name for name, *_ in found if not name.startswith("media_words_")} == expected
    assert all((forced, policies > 0, granted) == (True, True, False) for _, forced, policies, granted in found)


def test_a_day_no_segment_can_have_ended_on_is_refused(alice: Organization) -> None:
    with pytest.raises(InputInvalid, match="No segment can have ended on 1970-12-31"):
        load(alice, [row("too early", date(1970, 12, 31))])
    assert everything(alice).segments == frozenset()


def test_the_same_keys_in_two_organizations_know_nothing_of_each_other(alice: Organization, database: Urls) -> None:
    charlie = centre("Charlie's")
    rows = calls("Sales", day=OLD, count=3)
    assert told(load(alice, rows)) == told(load(charlie, rows)) == (3, 0, 0, 0)
    ids = []
    for org in (alice, charlie):
        with acting_in(org.id) as cursor:
            cursor.execute("SELECT id FROM insights_segment")
            ids.append({one for (one,) in cursor.fetchall()})
        assert ids[-1] == {segment_id(str(one["source_key"]), pepper=bytes(org.pepper)) for one in rows}
    assert not ids[0] & ids[1]
    neighbour = everything(charlie)
    purge(database, alice)
    assert everything(alice).segments == frozenset()
    assert everything(charlie) == neighbour
    assert told(load(charlie, [*rows, *calls("Sales", day=OLD, count=1, prefix="more")])) == (1, 3, 0, 0)
    assert load(alice, rows).late == 3

"""Settled days: sorted, whole, guarded as before; whoever reads or writes meanwhile is not stopped."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.services import turn_switch
from ebbtide.apps.runs.settling import refuse_while_stopped, settle_day, settle_due, unsettled
from ebbtide.domain.errors import CellsDrifted, InputInvalid, SwitchOn
from ebbtide.pg.launcher import Urls
from tests import cast
from tests.agreement.test_ways import Admin, files, guards
from tests.apps.beside import beside

QUEUES = ("north", "south", "west")


@pytest.fixture
def admin(database: Urls) -> Iterator[Admin]:
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
def day() -> date:
    return datetime.now(UTC).date() - timedelta(days=30)


@pytest.fixture
def centres(database: Urls, day: date) -> tuple[Organization, Organization]:
    """Two organizations whose calls of one day came in turns."""
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    for number in range(4):
        for queue in QUEUES:
            for org in (alice, charlie):
                cast.load(org, cast.calls(queue, day=day, count=2, prefix=f"turn{number}"))
    cast.load(alice, cast.calls("north", day=datetime.now(UTC).date() - timedelta(days=1), count=1))
    return alice, charlie


def order(admin: Admin, day: date, *, parent: str = "segment") -> list[tuple[object, ...]]:
    """Organizations and queues, as their rows follow each other in the file."""
    table = sql.Identifier(f"insights_{parent}_{day:%Y%m%d}")
    return admin.execute(sql.SQL("SELECT org_id, queue_id FROM {} ORDER BY ctid").format(table)).fetchall()


def test_a_finished_day_is_sorted_and_nothing_else_changes(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    before = [(cast.everything(org), cast.counted(org)) for org in centres]
    was, guarded = files(admin, day), guards(admin, day)
    unsorted = order(admin, day)
    assert unsorted != sorted(unsorted, key=str)
    assert [(one.day, one.why) for one in unsettled()] == [(day, "fresh")]  # yesterday has not ended everywhere
    assert [(one.day, one.items, one.done) for one in settle_due()] == [(day, 48, "settled")]
    for parent in ("segment", "event"):
        found = order(admin, day, parent=parent)
        assert len(found) == 48
        assert found == sorted(found, key=lambda row: [int(str(one)) for one in row])
    assert set(files(admin, day)).isdisjoint(was)
    assert guards(admin, day) == guarded
    assert [(cast.everything(org), cast.counted(org)) for org in centres] == before
    assert unsettled() == []
    assert [one for one in examine(now=datetime.now(UTC)) if not one.ok] == []


def test_rows_that_come_later_are_sorted_in_too(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    settle_day(day)
    cast.load(centres[0], cast.calls("north", day=day, count=1, prefix="later"))
    assert unsettled() == []  # none twice within 20 hours
    admin.execute("UPDATE insights_partition SET settled_at = settled_at - interval '21 hours'")
    assert [(one.day, one.why) for one in unsettled()] == [(day, "late")]
    assert [(one.items, one.done) for one in settle_due()] == [(49, "settled")]


@pytest.mark.parametrize("on", ["today", "yesterday", "never"])
def test_what_has_not_ended_everywhere_is_refused(
    centres: tuple[Organization, Organization], admin: Admin, on: str
) -> None:
    today = datetime.now(UTC).date()
    asked = {"today": today, "yesterday": today - timedelta(days=1), "never": date(2001, 1, 1)}[on]
    with pytest.raises(InputInvalid):
        settle_day(asked)


def test_cells_that_do_not_count_what_is_there_leave_the_day_as_it_is(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    admin.execute("UPDATE catalog_cell SET items = items + 1 WHERE org_id = %s AND day = %s", [centres[1].id, day])
    was = files(admin, day)
    with pytest.raises(CellsDrifted):
        settle_day(day)
    assert [one.done for one in settle_due()] == ["drifted"]
    assert files(admin, day) == was
    admin.execute("UPDATE catalog_cell SET items = items - 1 WHERE org_id = %s AND day = %s", [centres[1].id, day])


def test_who_reads_and_who_imports_another_day_goes_on(
    centres: tuple[Organization, Organization], admin: Admin, database: Urls, day: date
) -> None:
    """Somebody reads in a transaction that stays open; another reads and a third imports meanwhile; then it is done."""
    alice, charlie = centres
    longest = 0.0
    with psycopg.connect(database.superuser) as reader, beside(lambda: settle_day(day).done) as ends:
        reader.execute("SELECT count(*) FROM insights_segment").fetchone()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            started = time.monotonic()
            assert len(cast.everything(charlie).segments) == 24
            longest = max(longest, time.monotonic() - started)
        assert cast.load(alice, cast.calls("south", day=day - timedelta(days=1), count=3)).imported == 3
        assert ends == []
        reader.rollback()
    assert ends == ["settled"]
    assert longest < 1  # a tenth of a second of it is the exchange's turn; the rest is a busy machine


def test_nothing_is_written_anew_while_the_kill_switch_is_on(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    was = files(admin, day)
    turn_switch(on=True, reason="drill")
    assert list(settle_due()) == []
    with pytest.raises(SwitchOn):
        refuse_while_stopped()
    assert files(admin, day) == was


def test_nothing_is_written_anew_while_a_dump_is_made(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    admin.execute("SELECT pg_advisory_lock(7105, 1)")
    was = files(admin, day)
    assert [one.done for one in settle_due()] == ["taken"]
    assert files(admin, day) == was


def test_an_import_finds_its_day_again_that_was_dropped(
    centres: tuple[Organization, Organization], admin: Admin, day: date
) -> None:
    """Its partition is made, is empty, is dropped by whoever settles, and is made again with the rows."""
    empty = day - timedelta(days=5)
    loader = cast.SegmentLoader(centres[0].id, pepper=bytes(centres[0].pepper))
    frame = cast.segments(cast.calls("north", day=empty, count=2))
    loader._prepare(frame)
    assert {(one.day, one.done) for one in settle_due()} == {(day, "settled"), (empty, "dropped")}
    assert files(admin, empty) == [None] * 4
    assert loader.load(frame, events=cast.events()).imported == 2

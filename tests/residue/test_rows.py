"""After a purge and the night's settling no needle of a purged row is in any file of the database, but in its WAL.

Ten thousand needles lie in every column that tells of people: short and long values, rows that came in an import that
failed and came again, samples, temporary files. Alice's go in each of the three ways; Charlie's, in the same
partitions, are found again afterwards, so that the search is known to find.
"""

import base64
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from django.db import IntegrityError

from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.settling import settle_due
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.pg.launcher import Urls
from tests import cast
from tests.agreement.test_batches import run_confirmed
from tests.residue.scan import found_in, needles

COLUMNS = ("source_key", "interaction", "customer", "agent", "transfer", "disposition", "flags")
LONG = 3
"""Needles in a value so long that it lies outside the row (TOAST), with noise between them that nothing compresses."""
PER_ROW = len(COLUMNS) + LONG + 1


@dataclass(frozen=True)
class Planted:
    """Rows, and the needles in them."""

    rows: list[dict[str, object]]
    needles: list[str]


def plant(queue: str, *, day: date, rows: int) -> Planted:
    words = needles(rows * PER_ROW)
    planted = []
    for number in range(rows):
        mine = words[number * PER_ROW : (number + 1) * PER_ROW]
        row: dict[str, object] = dict(zip(COLUMNS, mine, strict=False))
        noise = [
            base64.b85encode(secrets.token_bytes(1500)).decode().replace('"', "q").replace("\\", "b") for _ in "xyz"
        ]
        texts = [f"{word} {between}" for word, between in zip(mine[-LONG - 1 : -1], noise, strict=True)]
        row["attributes"] = '{"note": "' + " ".join(texts).replace("\t", " ") + '"}'
        planted.append(row | {"queue": queue, "day": day, "event": mine[-1]})
    return Planted(planted, words)


def load(org: Organization, planted: Planted) -> None:
    """Load the rows, first in a batch that fails at its last row."""
    frame = cast.segments(
        [{name: value for name, value in row.items() if name != "event"} for row in planted.rows], zone=org.zone
    )
    moment = datetime.now(UTC)
    told = cast.events((line, moment, str(row["event"])) for line, row in enumerate(planted.rows, start=2))
    loader = SegmentLoader(org.id, pepper=bytes(org.pepper))
    last = pl.col("line") == len(planted.rows) + 1
    broken = frame.with_columns(
        wait_s=pl.when(last).then(-1).cast(frame.schema["wait_s"])
    )  # refused by the table itself
    with suppress(IntegrityError):
        loader.load(broken, events=told)
    assert loader.load(frame, events=told).imported == len(planted.rows)


def data_folder(admin: "psycopg.Connection[tuple[object, ...]]") -> Path:
    """Where the server keeps its files: every one of its processes works there."""
    row = admin.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return Path(f"/proc/{row[0]}/cwd").resolve()


@pytest.fixture
def admin(database: Urls) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        yield connection


def outside_wal(found: Mapping[str, set[str]]) -> set[str]:
    return set().union(*(words for path, words in found.items() if not path.startswith("pg_wal/")))


def inside_wal(found: Mapping[str, set[str]]) -> set[str]:
    return set().union(*(words for path, words in found.items() if path.startswith("pg_wal/")))


def look_at_everything(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Somebody reports, exports and gathers statistics: what may leave copies."""
    admin.execute("ANALYZE")
    admin.execute("SET work_mem = '64kB'")
    admin.execute("SELECT source_key, attributes::text FROM insights_segment ORDER BY customer, 2").fetchall()
    admin.execute("RESET work_mem")
    with admin.cursor() as cursor, cursor.copy("COPY (SELECT * FROM insights_segment) TO STDOUT") as copy:
        for _ in copy:
            pass


def purge_and_look(admin: "psycopg.Connection[tuple[object, ...]]", *, count: int) -> None:
    now = datetime.now(UTC)
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    today = local_day(now, zone=parse_zone(alice.zone))
    whole, rewrite, delete = (today - timedelta(days=back) for back in (40, 39, 38))
    rows = max(3, count // PER_ROW // 3)
    hers = [plant("service", day=day, rows=rows) for day in (whole, rewrite, delete)]
    his = [plant("service", day=rewrite, rows=rows // 3), plant("service", day=delete, rows=rows)]
    for org, lots in ((alice, hers), (charlie, his)):
        for lot in lots:
            load(org, lot)
    for org in (alice, charlie):
        assert sum_up(org, now=now, stop=lambda: False)  # what reports read is a copy too
    due = {word for lot in hers for word in lot.needles}
    kept = {word for lot in his for word in lot.needles}
    look_at_everything(admin)
    folder = data_folder(admin)
    admin.execute("CHECKPOINT")
    assert outside_wal(found_in(folder, due | kept)) == due | kept

    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    arm(alice.id, reason="test", actor="test", now=now)
    assert (run_confirmed(alice, now=now)).outcome == RunOutcome.COMPLETED
    admin.execute("CHECKPOINT")
    left = outside_wal(found_in(folder, due))
    assert left, "a range that is deleted stays in the files for now"
    assert left <= set(hers[2].needles), "of the days dropped and rewritten nothing is left at once"

    look_at_everything(admin)
    assert {one.done for one in settle_due()} == {"settled"}
    admin.execute("CHECKPOINT")
    found = found_in(folder, due | kept)
    where = {path: len(words & due) for path, words in found.items() if words & due and not path.startswith("pg_wal/")}
    assert where == {}
    assert outside_wal(found) == kept, "what must stay is found, so the search finds"
    assert admin.execute("SELECT * FROM insights_residue").fetchall() == []


def test_nothing_is_left_of_hundreds_of_needles(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    purge_and_look(admin, count=600)


@pytest.mark.long
def test_nothing_is_left_of_ten_thousand_needles(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    purge_and_look(admin, count=10_000)


def test_the_wal_is_rid_of_them_two_checkpoints_later(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """The horizon that is told on the run: the embedded server removes what it needs no more instead of keeping it."""
    alice = cast.centre("Alice")
    planted = plant("service", day=datetime.now(UTC).date() - timedelta(days=40), rows=5)
    load(alice, planted)
    folder = data_folder(admin)
    assert inside_wal(found_in(folder, planted.needles)) == set(planted.needles)
    for _ in range(2):
        admin.execute("SELECT pg_switch_wal()")
        admin.execute("CHECKPOINT")
    assert inside_wal(found_in(folder, planted.needles)) == set()

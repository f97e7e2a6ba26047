"""No word of a transcript is in any file of the database, and after the night's settling no number of a purged one.

The words themselves never get there. Their numbers, keyed with the organization's secret, stay in dead space until the
pieces of the index in which they were are written anew.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ebbtide.apps.media.words import index_words, numbers_of
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.settling import settle_due
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from tests import cast
from tests.agreement.test_batches import run_confirmed
from tests.residue.scan import found_in, needles
from tests.residue.test_rows import admin, data_folder

__all__ = ["admin"]

TRANSCRIPTS = 5
Admin = psycopg.Connection[tuple[object, ...]]


def say(org: Organization, *, day: date, words: list[str]) -> None:
    """Store transcripts of a day that have these words between them, and index them."""
    cast.load(org, cast.calls("service", day=day, count=TRANSCRIPTS))
    for number in range(TRANSCRIPTS):
        text = " ".join(words[number::TRANSCRIPTS]).encode()
        cast.record(org, f"call-service-{day}-{number}", kind=DataType.TRANSCRIPT, content=text)
    assert index_words(org, store=object_store(), stop=lambda: False) == TRANSCRIPTS


def files(admin: Admin) -> list[str]:
    """The files of all pieces and of the sets, of their indexes and of what lies outside their rows."""
    rows = admin.execute(
        """
        WITH index_of_words AS (
            SELECT relid::oid AS id FROM pg_partition_tree('media_words') WHERE isleaf
            UNION SELECT 'media_wordset'::regclass)
        SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN index_of_words t
            ON c.oid = t.id OR c.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = t.id)
                OR c.oid = (SELECT p.reltoastrelid FROM pg_class p WHERE p.oid = t.id)
        """
    ).fetchall()
    return [str(path) for (path,) in rows]


def held(admin: Admin, folder: Path, numbers: Mapping[int, Iterable[int]]) -> dict[int, int]:
    """How many of each organization's numbers any of the files holds, as PostgreSQL stores a bigint."""
    admin.execute("CHECKPOINT")
    content = b"".join((folder / path).read_bytes() for path in files(admin))
    return {
        org: sum(number.to_bytes(8, "little", signed=True) in content for number in some)
        for org, some in numbers.items()
    }


@pytest.mark.parametrize("count", [500, pytest.param(5_000, marks=pytest.mark.long)])
def test_no_word_is_in_a_file_and_after_the_settling_no_number(admin: Admin, count: int) -> None:
    folder = data_folder(admin)
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    old = local_day(datetime.now(UTC), zone=parse_zone(alice.zone)) - timedelta(days=40)
    said = {org.id: needles(count) for org in (alice, charlie)}
    for org in (alice, charlie):
        say(org, day=old, words=said[org.id])
    numbers = {org.id: numbers_of(said[org.id], pepper=bytes(org.pepper)) for org in (alice, charlie)}
    assert held(admin, folder, numbers) == {alice.id: count, charlie.id: count}

    now = datetime.now(UTC)
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    arm(alice.id, reason="test", actor="test", now=now)
    assert run_confirmed(alice, now=now).outcome == RunOutcome.COMPLETED
    assert held(admin, folder, numbers)[alice.id] > 0, "dead rows stay in the files for now"
    was = files(admin)
    assert {one.done for one in settle_due() if one.day is None} == {"settled"}
    admin.execute("ANALYZE")
    rows = "SELECT org_id, count(*) FROM media_words GROUP BY 1"
    assert admin.execute(rows).fetchall() == [(charlie.id, count)]
    assert held(admin, folder, numbers) == {alice.id: 0, charlie.id: count}
    assert {path for path in was if (folder / path).exists() and (folder / path).stat().st_size} <= set(files(admin))
    every = {word for words in said.values() for word in words}
    assert found_in(folder, every) == {}, "neither before nor after, nor in the write-ahead log"

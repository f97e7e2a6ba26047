"""A run says what is left elsewhere of what it purged, and until when; it gives no date that it cannot know."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.horizon import horizon_of, in_words, told
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.settling import settle_day
from ebbtide.domain.calendar import Days
from ebbtide.domain.job import JobType, What
from ebbtide.pg.launcher import Urls
from ebbtide.web.context.runs import HorizonNote
from tests import cast
from tests.agreement.test_batches import run_confirmed

DAY = timedelta(days=1)


@pytest.fixture
def run(database: Urls) -> Iterator[Run]:
    """A run that left dead rows beside the neighbour's in the files of one day."""
    now = datetime.now(UTC)
    alice, charlie = cast.centre("Alice"), cast.centre("Charlie")
    day = now.date() - timedelta(days=40)
    cast.load(alice, cast.calls("service", day=day, count=2))
    cast.load(charlie, cast.calls("service", day=day, count=20))
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    arm(alice.id, reason="test", actor="test", now=now)
    yield run_confirmed(alice, now=now)
    assert len(cast.everything(charlie).segments) == 20


def asked(run: Run) -> HorizonNote:
    with acting_in(run.org_id):
        note = horizon_of(run)
    assert note is not None
    return note


def test_files_are_named_until_they_are_written_anew(run: Run, database: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_BACKUP_DAYS", 30)
    note = asked(run)
    assert note.files == 1
    assert note.files_until is not None
    assert note.log_until == note.files_until + DAY
    assert note.until == note.backups_until == note.files_until + timedelta(days=30)
    assert in_words(note).startswith("dead rows in the files of 1 days")
    settle_day(datetime.now(UTC).date() - timedelta(days=40))
    assert run.ended_at is not None
    note = asked(run)
    assert (note.files, note.files_until, note.log_until) == (0, None, run.ended_at + DAY)
    assert note.until == run.ended_at + timedelta(days=30)


@pytest.mark.parametrize(("days", "backups"), [(None, "not_said"), (0, "none"), (7, "kept")])
def test_only_the_operator_knows_of_backups(
    run: Run, monkeypatch: pytest.MonkeyPatch, days: int | None, backups: str
) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_BACKUP_DAYS", days)
    note = asked(run)
    said = told(note)
    assert said is not None
    assert said["backups"] == backups
    assert (note.until is None) == (days is None)


def test_a_server_that_keeps_its_log_gives_no_date(run: Run, database: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_BACKUP_DAYS", 0)
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("SELECT pg_create_physical_replication_slot('copy')")
        try:
            note = asked(run)
        finally:
            admin.execute("SELECT pg_drop_replication_slot('copy')")
    assert (note.log_until, note.until) == (None, None)
    assert "without a date" in in_words(note)


def test_a_run_that_purged_nothing_says_nothing(run: Run) -> None:
    org = Organization(id=run.org_id, zone="Europe/Berlin")
    assert run_confirmed(org, now=datetime.now(UTC)).purged == 0
    with acting_in(run.org_id):
        assert horizon_of(Run.objects.latest("id")) is None

"""What a purge takes, no archive keeps: whatever of it goes, and whenever it goes."""

import csv
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections

from ebbtide.apps.exports import archive as archives_
from ebbtide.apps.exports import making, taking
from ebbtide.apps.exports.doctor import examine
from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.models import Taken as TakenCells
from ebbtide.apps.exports.services import By, delete
from ebbtide.apps.exports.serving import archive_bytes, can_be_had, stretch_of
from ebbtide.apps.exports.sweeping import due_exports, sweep_exports
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import StoreUnreachable, Taken
from ebbtide.domain.job import What
from ebbtide.engine.clock import FixedClock
from ebbtide.pg.launcher import Urls
from tests.apps.reports.purging import purge
from tests.apps.web.conftest import CLOCK, days_ago, job_for, queues_of, run_once
from tests.cast import everything, load

from .scene import archives, asked, made, never, opened, read

Orgs = tuple[Organization, Organization]


def fault() -> list[str]:
    (found,) = examine(now=CLOCK.now())
    return [] if found.ok else found.details[:-1]


@pytest.mark.parametrize("what", [What.ALL, What.DESKTOP])
def test_a_purge_takes_the_archives_that_hold_what_it_took(orgs: Orgs, what: What) -> None:
    alice, charlie = orgs
    sales, support = queues_of(alice)["Sales"], queues_of(alice)["Support"]
    whole, rows = made(alice), made(alice, types=(DataType.INSIGHTS,))
    young, other_q = made(alice, first=days_ago(alice, 20)), made(alice, queues=(support,))
    neighbour = made(charlie)
    job_for(alice, 30, queues=frozenset({sales}), what=what)
    run_once(alice)  # a simulation takes nothing
    assert sweep_exports(now=CLOCK.now()) == 0
    run = purge(alice)
    assert run.purged > 0
    gone = {whole.id, rows.id} if what is What.ALL else {whole.id}
    for export in (whole, rows, young, other_q, neighbour):
        found = read(export)
        assert can_be_had(found, now=CLOCK.now()) == (export.id not in gone)
        if export.id in gone:
            assert (found.condemned_why, found.condemned_run) == ("purged", run.id)
    assert fault() == []  # they have just been condemned
    assert sweep_exports(now=CLOCK.now()) == len(gone)
    left = {one.key for one in (whole, rows, young, other_q) if one.id not in gone}
    assert archives(alice) == left
    assert archives(charlie) == {neighbour.key}
    with opened(neighbour) as archive:
        assert archive.testzip() is None
    with acting_in(alice.id):
        assert set(TakenCells.objects.values_list("export_id", flat=True)).isdisjoint(gone)
    assert fault() == []


def test_the_claim_alone_condemns(orgs: Orgs, database: Urls) -> None:
    """A run that dies between its decision and the deed leaves no archive that can be had."""
    alice, charlie = orgs
    ours, theirs = made(alice), made(charlie)
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        admin.execute("UPDATE media_mediaobject SET left_reason = 'seen' WHERE org_id = %s", [alice.id])
    assert can_be_had(read(ours), now=CLOCK.now())
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        admin.execute(
            "UPDATE media_mediaobject SET claimed_by = 77 WHERE id = (SELECT min(id) FROM media_mediaobject "
            "WHERE org_id = %s)",
            [alice.id],
        )
    found = read(ours)
    assert (found.condemned_why, found.condemned_run) == ("purged", 77)
    assert not can_be_had(found, now=CLOCK.now())
    assert can_be_had(read(theirs), now=CLOCK.now())


def test_more_that_comes_in_leaves_archives_alone(orgs: Orgs) -> None:
    alice, _charlie = orgs
    export = made(alice)
    load(alice, [{"source_key": "late", "queue": "Sales", "day": days_ago(alice, 1)}])
    assert can_be_had(read(export), now=CLOCK.now())


def test_rows_that_move_away_condemn(orgs: Orgs, database: Urls) -> None:
    alice, _charlie = orgs
    export = made(alice, types=(DataType.INSIGHTS,))
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        admin.execute("UPDATE catalog_cell SET items = items - 1 WHERE org_id = %s AND items > 1", [alice.id])
    assert read(export).condemned_why == "changed"


@contextmanager
def meanwhile(deed: Callable[[], object]) -> Iterator[None]:
    """Do something in another session, as another process would."""
    errors: list[BaseException] = []

    def act() -> None:
        try:
            deed()
        except BaseException as exc:  # noqa: BLE001 - told below
            errors.append(exc)
        finally:
            connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join(60)
    assert not errors, errors


def counts_of(export: object) -> dict[str, int]:
    with opened(export) as archive, archive.open("counts.csv") as file:  # type: ignore[arg-type]
        lines = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline="")))
    found: dict[str, int] = {}
    for line in lines:
        found[line["state"]] = found.get(line["state"], 0) + int(line["items"])
    return found


def test_a_purge_while_it_is_made_is_begun_anew_without_what_went(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    job_for(alice, 30)
    export = asked(alice)
    manifest = archives_.Archive._manifest
    purged: list[Run] = []

    def late(self: archives_.Archive, zipped: object) -> Iterator[bytes]:
        if not purged:  # all of it is in the archive by now
            with meanwhile(lambda: purged.append(purge(alice))):
                pass
        return manifest(self, zipped)  # type: ignore[arg-type]

    monkeypatch.setattr(archives_.Archive, "_manifest", late)
    make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    found = read(export)
    assert found.ready_at, found.reason
    assert found.attempts == 2
    assert found.condemned_at is None
    assert archives(alice) == {found.key}
    with opened(found) as archive:
        assert not [name for name in archive.namelist() if str(days_ago(alice, 40)) in name]
        assert [name for name in archive.namelist() if str(days_ago(alice, 11)) in name]


def test_what_is_purged_before_its_turn_is_left_out_and_told(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    job_for(alice, 30)
    export = asked(alice)
    real = taking.take
    done: list[Run] = []

    def take(one: object, **where: object) -> taking.Batch:
        if not done:  # nothing of it is taken yet
            with meanwhile(lambda: done.append(purge(alice))):
                pass
        return real(one, **where)  # type: ignore[arg-type]

    monkeypatch.setattr(taking, "take", take)
    make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    found = read(export)
    assert found.ready_at, found.reason
    assert found.attempts == 1
    assert counts_of(found) == {"purged": 12, "exported": 24}
    assert can_be_had(found, now=CLOCK.now())


def test_what_a_run_has_claimed_is_left_out_and_told(orgs: Orgs, database: Urls) -> None:
    alice, _charlie = orgs
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        admin.execute(
            "UPDATE media_mediaobject SET claimed_by = 77 WHERE org_id = %s AND kind = 'audio' AND day = %s",
            [alice.id, days_ago(alice, 40)],
        )
    found = made(alice)
    assert found.ready_at, found.reason
    assert counts_of(found) == {"being purged": 2, "exported": 34}


def test_a_purge_in_the_last_moment_wins(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last look and the word "ready" lies one statement: it asks again."""
    alice, _charlie = orgs
    job_for(alice, 30)
    export = asked(alice)
    ready, first = making._make_ready, []

    def late(*args: object, **more: object) -> None:
        if not first:
            with meanwhile(lambda: first.append(purge(alice))):
                pass
        ready(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "_make_ready", late)
    make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    found = read(export)
    assert found.ready_at
    assert found.attempts == 2
    assert "exported" in counts_of(found)
    assert counts_of(found)["exported"] == 24


def test_while_a_run_is_deleting_it_waits_for_that_run(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    export, clock = asked(alice), FixedClock(CLOCK.now())
    monkeypatch.setattr(making, "_is_being_purged", lambda _org: True)
    real = making.check

    def condemned(*args: object, **more: object) -> None:
        with acting_in(alice.id, using=SWEEP) as cursor:
            cursor.execute(
                "UPDATE exports_export SET condemned_at = now(), condemned_why = 'purged' WHERE id = %s", [export.id]
            )
        real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "check", condemned)
    make_export(alice.id, number=export.id, clock=clock, stop=never)
    found = read(export)
    assert (found.attempts, found.ready_at) == (0, None)
    assert due_exports(now=clock.now()) == []
    monkeypatch.undo()
    assert found.retry_at
    clock.moment = found.retry_at
    assert due_exports(now=clock.now()) == [(alice.id, export.id)]
    make_export(alice.id, number=export.id, clock=clock, stop=never)
    assert read(export).ready_at


def test_a_store_that_keeps_it_is_asked_again_and_again(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, charlie = orgs
    ours, theirs = made(alice), made(charlie)
    for export in (ours, theirs):
        delete(export.org_id, export=export, by=By("somebody", CLOCK.now()))
    real = export_store().discard

    def refused(key: str) -> None:
        if key == ours.key:
            raise StoreUnreachable("AccessDenied")
        real(key)

    monkeypatch.setattr(export_store(), "discard", refused)
    assert sweep_exports(now=CLOCK.now()) == 1  # one that stays holds up no other
    assert archives(charlie) == set()
    assert not can_be_had(read(ours), now=CLOCK.now())
    monkeypatch.undo()
    assert sweep_exports(now=CLOCK.now()) == 1
    assert archives(alice) == set()
    with pytest.raises(Taken):
        delete(alice.id, export=read(ours), by=By("somebody", CLOCK.now()))


def test_a_download_ends_where_the_archive_is_condemned(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    export = made(alice)
    monkeypatch.setattr("ebbtide.apps.exports.serving.ASK_EVERY_BYTES", 1)
    whole = stretch_of("", size=export.size)
    assert whole
    assert b"".join(archive_bytes(export, stretch=whole))
    delete(alice.id, export=export, by=By("somebody", CLOCK.now()))
    with pytest.raises(Taken):
        list(archive_bytes(export, stretch=whole))


def test_doctor_sees_what_should_not_be(orgs: Orgs, database: Urls) -> None:
    alice, charlie = orgs
    held, late, lost = made(alice), made(alice, types=(DataType.INSIGHTS,)), made(alice, first=days_ago(alice, 5))
    made(charlie)
    assert fault() == []
    with psycopg.connect(database.superuser) as admin:
        admin.execute("ALTER TABLE catalog_cell DISABLE TRIGGER USER")
        admin.execute(
            "DELETE FROM catalog_cell WHERE org_id = %s AND day = %s AND data_type = 'audio'",
            [alice.id, days_ago(alice, 40)],
        )
        admin.execute("ALTER TABLE catalog_cell ENABLE TRIGGER USER")
        admin.execute(
            "UPDATE exports_export SET condemned_at = now() - interval '2 hours', condemned_why = 'purged' "
            "WHERE id = %s",
            [late.id],
        )
    export_store().discard(lost.key)
    export_store().put(f"exports/org_{alice.id}/exp_9/stray.zip", [b"?"])
    said = "\n".join(fault())
    assert f"exp_{held.id} holds 1 of que_" in said
    assert f"exp_{late.id} has to go (purged) and its file is not gone" in said
    assert f"exp_{lost.id} is ready and has no file" in said
    assert "nobody knows the file" in said
    assert f"org_{charlie.id}" not in said
    assert len(fault()) == 5


@pytest.mark.parametrize(
    "change",
    [
        "condemned_at = NULL, condemned_why = ''",
        "gone_at = NULL",
        "key = 'exports/org_1/exp_1/again.zip'",
    ],
)
def test_what_is_condemned_stays_so(orgs: Orgs, database: Urls, change: str) -> None:
    alice, _charlie = orgs
    export = made(alice, types=(DataType.INSIGHTS,), first=days_ago(alice, 5))
    delete(alice.id, export=export, by=By("somebody", CLOCK.now()))
    assert sweep_exports(now=CLOCK.now()) == 1
    with psycopg.connect(database.superuser) as admin, pytest.raises(psycopg.Error, match="stays so"):
        admin.execute(f"UPDATE exports_export SET {change} WHERE id = {export.id}")  # noqa: S608 - written above


def test_the_neighbours_rows_are_there(orgs: Orgs) -> None:
    alice, charlie = orgs
    before = everything(charlie)
    made(charlie)
    job_for(alice, 30)
    purge(alice)
    assert everything(charlie) == before

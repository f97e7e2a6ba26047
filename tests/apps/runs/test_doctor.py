"""The doctor is clean on a sound system, and finds each fault that is planted: as superuser, with every trigger off."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ebbtide.apps.media.words import index_words
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.doctor.finding import NAMED, Finding
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, everything, load, record

CLOCK = SystemClock()


def today(org: Organization) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone))


def fill(org: Organization) -> None:
    for age in (40, 12, 3):
        day = today(org) - timedelta(days=age)
        for queue in ("Sales", "Support"):
            load(org, calls(queue, day=day, count=4))
        for kind in (DataType.AUDIO, DataType.DESKTOP):
            record(org, f"call-Sales-{day}-0", kind=kind)


def run(org: Organization, *, confirmed: bool = True) -> int:
    """Plan, confirm and run, as the operator would; gives the run's number."""
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    name = public_id("plan", plan.id)
    if confirmed:
        planning.confirm_plan(org.id, plan_id=name, actor="test", now=CLOCK.now())
    asked = services.Asked(trigger="manual", local_date=today(org), plan_id=name)
    return services.start_run(org.id, asked=asked, clock=CLOCK).id


@dataclass
class Scene:
    """Alice's centre after one simulated and one live run, Charlie's beside it, and a superuser with triggers off."""

    alice: Organization
    charlie: Organization
    simulated: int
    live: int
    admin: psycopg.Connection

    def do(self, sql: str) -> None:
        """Plant a fault: the words in braces are filled in."""
        day = today(self.alice)
        queue = self.admin.execute(
            "SELECT id FROM catalog_queue WHERE org_id = %s AND name = 'Sales'", [self.alice.id]
        ).fetchone()
        assert queue is not None
        text = sql.format(
            org=self.alice.id,
            live=self.live,
            simulated=self.simulated,
            queue=queue[0],
            book=BOOK,
            old=day - timedelta(days=40),
            before_old=day - timedelta(days=41),
            young=day - timedelta(days=3),
            young_part=f"{day - timedelta(days=3):%Y%m%d}",
            other=self.charlie.id,
        )
        self.admin.execute(text.encode())


@dataclass(frozen=True)
class Cast:
    """Who is there before anything is planted, and their runs."""

    alice: Organization
    charlie: Organization
    simulated: int
    live: int


def build() -> Cast:
    alice, charlie = centre("Alice's"), centre("Charlie's", zone="America/New_York")
    for org in (alice, charlie):
        fill(org)
        create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    simulated = run(alice)
    run(charlie)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    return Cast(alice, charlie, simulated, live=run(alice))


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Cast]]:
    with stage(server, name=f"doctor_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def scene(staged: Stage[Cast], tmp_path: Path) -> Iterator[Scene]:
    cast = staged.cast
    with clone(staged, folder=tmp_path) as urls, psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        yield Scene(cast.alice, cast.charlie, cast.simulated, cast.live, admin)


def look() -> dict[str, Finding]:
    return {finding.invariant: finding for finding in examine(now=CLOCK.now())}


def fallen(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if not finding.ok}


BOOK = (
    "INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes) "
)


def lose_an_object(scene: Scene) -> None:
    key = min(everything(scene.alice).objects)
    object_store().destroy([key])


def stray_object(scene: Scene) -> None:
    object_store().put(f"org_{scene.alice.id}/que_1/2026-01-01/audio/stray", [b"of nobody"])


def spoken(text: str) -> Callable[[Scene], None]:
    """Words of two Qs in each organization, then the fault."""

    def plant(scene: Scene) -> None:
        for org in (scene.alice, scene.charlie):
            for queue in ("Sales", "Support"):
                key = f"call-{queue}-{today(org) - timedelta(days=3)}-1"
                record(org, key, kind=DataType.TRANSCRIPT, content=b"some words")
            assert index_words(org, store=object_store(), stop=lambda: False) == 2
        assert look()["WORD"].ok
        scene.do(text)

    return plant


def sql(text: str) -> Callable[[Scene], None]:
    return lambda scene: scene.do(text)


PLANTS: dict[str, tuple[Callable[[Scene], None], set[str]]] = {
    # plant: who planted it, the invariants that must fall (and no other)
    "due cell left by a completed run": (
        sql(
            "INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes) "
            "VALUES ({org}, '{old}', 'insights', {queue}, 4, 400)"
        ),
        {"I2", "I7", "I11", "I13", "DAYS"},
    ),
    "object lost": (lose_an_object, {"I3"}),
    "object of nobody": (stray_object, {"I3"}),
    "abandoned upload": (
        sql(
            "INSERT INTO media_upload (org_id, key, started_at) "
            "VALUES ({org}, 'org_{org}/x', now() - interval '2 days')"
        ),
        {"I3"},
    ),
    "booked cell that no plan named": (
        sql(
            "{book} SELECT org_id, run_id, batch, queue_id, '{young}', 'transcript', job_id, 'kept', '', 1, 1 "
            "FROM ledger_entry WHERE run_id = {live} LIMIT 1; UPDATE runs_run SET kept = kept + 1 WHERE id = {live}"
        ),
        {"I4"},
    ),
    "booked by another job": (sql("UPDATE ledger_entry SET job_id = 999 WHERE run_id = {live}"), {"I4"}),
    "booked by no run": (
        sql("{book} VALUES ({org}, 12345, 1, {queue}, '{old}', 'audio', 1, 'kept', '', 1, 1)"),
        {"I4"},
    ),
    "simulated run with a booked cell": (
        sql(
            "{book} SELECT org_id, {simulated}, batch, queue_id, day, data_type, job_id, 'kept', '', items, bytes "
            "FROM ledger_entry WHERE run_id = {live}; UPDATE runs_run SET kept = "
            "(SELECT sum(items) FROM ledger_entry WHERE run_id = {simulated}) WHERE id = {simulated}"
        ),
        {"I5"},
    ),
    "never armed": (sql("DELETE FROM orgs_flagchange WHERE org_id = {org}"), {"I6"}),
    "disarmed before the run": (
        sql(
            "INSERT INTO orgs_flagchange (org_id, flag, value, reason, actor, at) "
            "SELECT {org}, 'armed', false, '-', '-', started_at FROM runs_run WHERE id = {live}"
        ),
        {"I6"},
    ),
    "armed only afterwards": (
        sql("UPDATE orgs_flagchange SET at = at + interval '1 hour' WHERE org_id = {org}"),
        {"I6"},
    ),
    "row below its purged line": (
        sql(  # its partition is gone where no zone of the scene has the same date
            "SELECT insights_ensure_days(ARRAY['{old}'::date]); "
            "INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel) "
            "VALUES ({org}, {queue}, '{old}', gen_random_uuid(), 'back again', 'voice')"
        ),
        {"I7", "I13"},
    ),
    "index row below its purged line": (
        sql(
            "INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason) "
            "VALUES ({org}, {queue}, '{old}', 'audio', 'org_{org}/que_{queue}/{old}/audio/x', 1, '', "
            "gen_random_uuid(), '')"
        ),
        {"I3", "I7", "I13"},
    ),
    "index row below its purged line, of a day that no plan named": (
        sql(
            "INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason) "
            "VALUES ({org}, {queue}, '{before_old}', 'audio', 'org_{org}/que_{queue}/{before_old}/audio/x', "
            "1, '', gen_random_uuid(), '')"
        ),
        {"I3", "I7", "I13"},
    ),
    "run says more than the book": (sql("UPDATE runs_run SET purged = purged + 1 WHERE id = {live}"), {"I8"}),
    "line taken out of the book": (
        sql("DELETE FROM ledger_entry WHERE id = (SELECT min(id) FROM ledger_entry WHERE run_id = {live})"),
        {"I8"},
    ),
    "personal column in the book": (sql("ALTER TABLE ledger_entry ADD COLUMN customer text"), {"I10"}),
    "cell counts too few": (
        sql("UPDATE catalog_cell SET items = 3 WHERE org_id = {org} AND items = 4"),
        {"I13", "DAYS"},
    ),
    "entry of the tally missing": (
        sql("DELETE FROM catalog_tally WHERE org_id = {org} AND data_type = 'insights' AND day = '{young}'"),
        {"DAYS"},
    ),
    "cell missing": (sql("DELETE FROM catalog_cell WHERE org_id = {org} AND data_type = 'insights'"), {"I13", "DAYS"}),
    "cell of nothing": (
        sql(
            "INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes) "
            "VALUES ({org}, '{young}', 'transcript', {queue}, 1, 1)"
        ),
        {"I13", "DAYS"},
    ),
    "words of transcripts that are gone": (
        spoken("UPDATE media_wordset SET objects = '{{0}}' WHERE org_id = {org} AND queue_id = {queue}"),
        {"WORD"},
    ),
    "words of another segment": (
        spoken("UPDATE media_wordset SET segments = ARRAY[gen_random_uuid()] WHERE org_id = {org}"),
        {"WORD"},
    ),
    "words of another cell": (
        spoken(
            "UPDATE media_wordset s SET objects = t.objects, segments = t.segments FROM media_wordset t "
            "WHERE (s.org_id, t.org_id, s.queue_id) = ({org}, {org}, {queue}) AND t.queue_id <> {queue}"
        ),
        {"WORD"},
    ),
    "words of more transcripts than there are": (
        spoken(
            "INSERT INTO media_wordset (org_id, day, queue_id, items, objects, segments) SELECT org_id, day, queue_id, "
            "items, objects, segments FROM media_wordset WHERE org_id = {org} AND queue_id = {queue}"
        ),
        {"WORD"},
    ),
    "words of a cell that is gone": (
        spoken("UPDATE media_wordset SET day = '{old}' WHERE org_id = {org} AND queue_id = {queue}"),
        {"WORD"},
    ),
    "words of no set": (spoken("DELETE FROM media_wordset WHERE org_id = {org} AND queue_id = {queue}"), {"WORD"}),
    "over its cap, not confirmed": (
        sql("UPDATE runs_plan SET confirmed_at = NULL WHERE id = (SELECT plan_id FROM runs_run WHERE id = {live})"),
        {"I14"},
    ),
    "over its count": (sql("UPDATE orgs_organization SET item_cap = 1 WHERE id = {org}"), {"I14"}),
    "purged too young": (
        sql(
            "UPDATE runs_planline SET days = array_fill(39, ARRAY[cardinality(days)]) WHERE day = '{old}' "
            "AND plan_id = (SELECT plan_id FROM runs_run WHERE id = {live}); "
            "UPDATE runs_plan SET as_of = '{old}'::date + 39 "
            "WHERE id = (SELECT plan_id FROM runs_run WHERE id = {live})"
        ),
        {"I15", "PLAN"},
    ),
    "plan changed afterwards": (
        sql(
            "UPDATE runs_planline SET bytes = array_fill(1::bigint, ARRAY[cardinality(bytes)]) "
            "WHERE plan_id = (SELECT plan_id FROM runs_run WHERE id = {live})"
        ),
        {"PLAN"},
    ),
    "plan line cut": (
        sql(
            "UPDATE runs_planline SET bytes = bytes[1:1], items = items[1:1] WHERE plan_id = "
            "(SELECT max(id) FROM runs_plan WHERE org_id = {other})"
        ),
        {"PLAN"},
    ),
    "partition without fence": (
        sql("ALTER TABLE insights_segment_{young_part} DISABLE ROW LEVEL SECURITY"),
        {"RLS"},
    ),
    "fence the owner passes": (sql("ALTER TABLE ledger_entry NO FORCE ROW LEVEL SECURITY"), {"RLS"}),
    "policy for everybody": (sql("CREATE POLICY open ON catalog_queue USING (true)"), {"RLS"}),
    "new table without fence": (
        sql("CREATE TABLE exports_file (org_id integer); ALTER TABLE exports_file OWNER TO ebbtide_owner"),
        {"RLS"},
    ),
    "view past the fence": (sql("CREATE VIEW all_cells AS SELECT * FROM catalog_cell"), {"RLS"}),
    "web may delete": (sql("GRANT DELETE ON media_mediaobject TO ebbtide_web"), {"PRIV"}),
    "web may change one column": (sql("GRANT UPDATE (agent) ON insights_segment TO ebbtide_web"), {"PRIV"}),
    "sweep may write the book": (sql("GRANT INSERT ON ledger_entry TO ebbtide_sweep"), {"PRIV"}),
    "sweep may truncate": (sql("GRANT TRUNCATE ON media_upload TO ebbtide_sweep"), {"PRIV"}),
    "web may read a partition": (sql("GRANT SELECT ON insights_event_{young_part} TO ebbtide_web"), {"PRIV"}),
    "web may purge": (
        sql("GRANT EXECUTE ON FUNCTION runs_purge_rows(bigint, integer, date, date) TO ebbtide_web"),
        {"PRIV"},
    ),
    "dead rows for long": (
        sql("INSERT INTO insights_residue (day, run, at) VALUES ('{young}', {live}, now() - interval '3 days')"),
        {"DEAD"},
    ),
    "dead words for long": (
        sql("INSERT INTO media_residue (piece, at) VALUES (7, now() - interval '3 days')"),
        {"DEAD"},
    ),
    "samples of customers": (
        sql("ALTER TABLE insights_segment_{young_part} ALTER COLUMN customer SET STATISTICS 100"),
        {"SAMP"},
    ),
    "index of agents": (sql("CREATE INDEX ON insights_segment_{young_part} (agent)"), {"SAMP"}),
    "web owns a table": (sql("CREATE TABLE mine (); ALTER TABLE mine OWNER TO ebbtide_web"), {"ROLE"}),
}


def test_clean_when_empty(database: Urls) -> None:
    found = look()
    assert fallen(found) == set()
    assert list(found) == ["I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I11", "I13", "I14", "I15", "DAYS", "DEAD",
                           "PLAN", "PRIV", "RLS", "ROLE", "SAMP", "SUMS", "WORD"]  # fmt: skip
    assert all(not finding.details for finding in found.values())


def test_clean_after_a_night(scene: Scene) -> None:
    found = look()
    assert fallen(found) == set(), found
    (note,) = found["I2"].details  # Charlie's centre is not armed, so what is due there stays
    assert note.startswith(f"org_{scene.charlie.id}: 20 items are due")


@pytest.mark.parametrize("plant", PLANTS)
def test_finds(plant: str, scene: Scene) -> None:
    deed, invariants = PLANTS[plant]
    deed(scene)
    found = look()
    assert fallen(found) == invariants, {name: found[name].details for name in fallen(found) | invariants}
    for name in invariants:
        assert any(detail.startswith("What to do: ") for detail in found[name].details)


def test_leftovers_below_the_line_are_no_fault(scene: Scene) -> None:
    """A run that was stopped half-way has drawn its line past what it left; nothing came back."""
    scene.do("""
        UPDATE runs_run SET outcome = 'incomplete', not_reached = 1, purged = purged - 1,
            purged_bytes = purged_bytes - (
                SELECT bytes FROM ledger_entry
                WHERE run_id = {live} AND day = '{old}' AND data_type = 'audio')
        WHERE id = {live};
        INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason)
        SELECT org_id, queue_id, day, data_type, 'org_{org}/que_{queue}/{old}/audio/left', bytes, '',
            gen_random_uuid(), ''
        FROM ledger_entry WHERE run_id = {live} AND day = '{old}' AND data_type = 'audio';
        INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes)
        SELECT org_id, day, data_type, queue_id, items, bytes
        FROM ledger_entry WHERE run_id = {live} AND day = '{old}' AND data_type = 'audio';
        INSERT INTO catalog_tally (org_id, data_type, day, items, bytes)
        SELECT org_id, data_type, day, items, bytes
        FROM ledger_entry WHERE run_id = {live} AND day = '{old}' AND data_type = 'audio';
        DELETE FROM ledger_entry WHERE run_id = {live} AND day = '{old}' AND data_type = 'audio';
    """)
    day = today(scene.alice) - timedelta(days=40)
    queue = scene.admin.execute("SELECT queue_id FROM media_mediaobject WHERE key LIKE '%left'").fetchone()
    assert queue is not None
    object_store().put(f"org_{scene.alice.id}/que_{queue[0]}/{day}/audio/left", [b"."])
    found = look()
    assert fallen(found) == set(), {name: found[name].details for name in fallen(found)}
    assert any("WARNING" in note and "since 29 nights" in note for note in found["I2"].details)


def test_disarming_afterwards_is_no_fault(scene: Scene) -> None:
    orgs.disarm(scene.alice.id, reason="enough", actor="test", now=CLOCK.now())
    assert fallen(look()) == set()


def test_unsafe_role_is_found(scene: Scene) -> None:
    scene.admin.execute("CREATE ROLE careless BYPASSRLS")
    scene.admin.execute("GRANT careless TO ebbtide_web")
    try:
        assert fallen(look()) == {"ROLE"}
    finally:
        scene.admin.execute("DROP ROLE careless")


def test_many_faults_are_counted_and_few_are_named(scene: Scene) -> None:
    scene.do(
        "{book} SELECT {org}, {live}, 1, {queue}, '{young}'::date - n, 'transcript', 1, 'kept', '', 1, 1 "
        "FROM generate_series(0, 49) n; UPDATE runs_run SET kept = 50 WHERE id = {live}"
    )
    details = look()["I4"].details
    assert len(details) == NAMED + 2
    assert details[NAMED] == "and 30 more"


def test_asks_as_much_of_a_large_organization_as_of_a_small_one(database: Urls) -> None:
    org = centre("Alice's")
    asked = []
    for count in (1, 25):
        for number in range(count):
            load(org, calls(f"Q{number}", day=date(2026, 1, 1) + timedelta(days=number), count=1))
        with CaptureQueriesContext(connections[SWEEP]) as captured:
            assert fallen(look()) == set()
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert asked[1] < 60


def test_changes_nothing(scene: Scene) -> None:
    scene.do("DELETE FROM catalog_cell WHERE org_id = {org}")
    before, neighbour = everything(scene.alice), everything(scene.charlie)
    look()
    assert (everything(scene.alice), everything(scene.charlie)) == (before, neighbour)
    assert scene.admin.execute("SELECT count(*) FROM catalog_cell WHERE org_id = %s", [scene.alice.id]).fetchone() == (
        0,
    )

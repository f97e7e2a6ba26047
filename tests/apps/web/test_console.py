"""The operator's console: who gets in, what it says of two organizations, what it changes and writes down."""

import csv
import io
import threading
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta

import psycopg
import pytest
from django.db import connections
from django.test import Client
from hypothesis import HealthCheck, given, settings

from ebbtide.apps.accounts.models import Invitation
from ebbtide.apps.console import standings, store, workers
from ebbtide.apps.console.models import SettingChange
from ebbtide.apps.console.services import change_settings
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, as_platform
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.policies.services import create_job, delete_job, pause_job
from ebbtide.apps.runs.models import Platform, SwitchTurn
from ebbtide.apps.runs.nights import run_by_hand
from ebbtide.apps.runs.reconcile import compare_one
from ebbtide.apps.runs.services import turn_switch
from ebbtide.apps.runs.tasks import RUN_TASK, defer_run
from ebbtide.domain.calendar import latest_night, night_start, parse_zone
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.errors import InputInvalid, StoreUnreachable, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType
from ebbtide.domain.verdict import Due, decide, deciding_job
from ebbtide.pg.launcher import Urls
from ebbtide.web.context.console.organization import Comparison, Settings
from tests import strategies
from tests.cast import calls, centre, everything, load

from .conftest import CLOCK, World, days_ago, job_for, run_once, signed_in, statements
from .test_doors import OF_CONSOLE, ROUTES, address, assert_shielded, own, said, wrong

Operator = Client


ASKED_TO_ACT = {
    "platform_org_new", "platform_org_settings", "platform_org_run", "platform_switch", "platform_store",
    "platform_throttle",
}  # fmt: skip
"""The pages that take a POST."""


@pytest.fixture
def olga(world: World) -> Operator:
    """The platform's operator, member of no organization."""
    User.objects.create(email="olga@example.org", password="!", is_operator=True)
    return signed_in("olga")


def standing(org: Organization) -> standings.Place:
    return standings.places(now=CLOCK.now(), org=org.id)[0]


def rows_of(answer: object) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


# Doors


def test_only_an_operator_finds_the_platform(world: World, olga: Operator) -> None:
    """To everybody else, admins too, its pages look like any page that is not there."""
    ids = own(world)
    for name in sorted(OF_CONSOLE):
        where = address(name, ids)
        nobody = signed_in(None).get(where)
        assert (nobody.status_code, nobody["Location"]) == (302, f"/sign-in/?next={where}")
        for who in ("alice", "bob", "bob.manage", "charlie"):
            client = signed_in(who)
            nowhere = client.get("/no/such/page")
            for method in (client.get, client.post) if name in ASKED_TO_ACT else (client.get,):
                answer = method(where)
                assert answer.status_code == 404, (name, who)
                assert said(answer) == said(nowhere)
        answer = olga.get(where)
        assert answer.status_code in {200, 302}, name
        assert_shielded(answer)
        if answer.status_code == 200:
            assert "no-store" in answer["Cache-Control"]
    assert not SwitchTurn.objects.exists()
    with acting_in(world.alice.id):
        assert not Organization.objects.get(id=world.alice.id).stopped


def test_missing_and_malformed_ids_look_the_same_to_the_operator(world: World, olga: Operator) -> None:
    ids = own(world)
    for name in sorted(OF_CONSOLE):
        for part in ("org", "run"):
            if f":{part}>" not in ROUTES[name]:
                continue
            answers = [olga.get(address(name, {**ids, part: text})) for text in wrong(part, ids[part])]
            assert {answer.status_code for answer in answers} == {404}, name
            assert len({said(answer) for answer in answers}) == 1, name


def test_the_start_leads_an_operator_to_the_platform(world: World, olga: Operator) -> None:
    assert olga.get("/")["Location"] == "/platform/"
    assert 'href="/platform/"' in olga.get("/platform/").content.decode()
    orgs.add_member(world.alice.id, user=User.objects.get(email="olga@example.org"), is_admin=False)
    both = olga.get("/").content.decode()
    assert 'href="/platform/"' in both
    assert f'href="/o/org_{world.alice.id}/"' in both
    alice = signed_in("alice").get(f"/o/org_{world.alice.id}/").content.decode()
    assert "/platform/" not in alice


# What the list says


def test_each_organization_is_told_by_its_own_numbers(world: World, olga: Operator) -> None:
    """Of each centre 4 segments and 2 recordings of 40 days ago are due under a job of 30 days: since 9 days."""
    for org in (world.alice, world.charlie):
        one = standing(org)
        assert (one.state, one.overdue, one.due_since) == ("simulating", 9, days_ago(org, 9))
        assert (one.backlog, one.items, one.failures) == (6, 18, 0)
        assert one.trouble == ()  # it simulates: what is due has to stay
    load(world.charlie, calls("Sales", day=days_ago(world.charlie, 50), count=3))
    assert (standing(world.alice).overdue, standing(world.charlie).overdue) == (9, 19)
    assert standing(world.charlie).backlog == 6  # as of its last run
    page = olga.get("/platform/").content.decode()
    assert "Alice&#x27;s" in page
    assert "Charlie&#x27;s" in page


def test_what_a_live_run_took_is_no_longer_overdue(world: World) -> None:
    change_settings(world.alice.id, settings=Settings(night_at=time(2), share_percent=None, items=None), actor="test")
    orgs.arm(world.alice.id, reason="ready", actor="test", now=CLOCK.now())
    assert standing(world.alice).trouble == ("overdue",)
    neighbour = everything(world.charlie)
    run_once(world.alice)
    one = standing(world.alice)
    assert (one.state, one.overdue, one.backlog, one.items, one.trouble) == ("armed", -1, 0, 12, ())
    assert everything(world.charlie) == neighbour
    assert standing(world.charlie).overdue == 9
    sums = standings.figures(standings.places(now=CLOCK.now()))
    assert (sums.orgs, sums.armed, sums.simulating, sums.troubled) == (2, 1, 1, 0)
    assert (sums.purged, sums.items, sums.overdue) == (6, 30, None)


def test_an_item_becomes_due_on_the_day_after_its_last_full_one(database: object) -> None:
    """Kept N full days after its own: of a day N + 1 ago due since today, of N days ago due tomorrow."""
    org = centre("Alice's")
    centre("Charlie's")
    load(org, calls("Sales", day=days_ago(org, 30), count=1))
    job_for(org, 30)
    assert standing(org).overdue == -1
    load(org, calls("Sales", day=days_ago(org, 31), count=1))
    assert (standing(org).overdue, standing(org).due_since) == (0, days_ago(org, 0))
    load(org, calls("Sales", day=days_ago(org, 33), count=1))
    assert standing(org).overdue == 2


def test_a_night_that_does_not_come_is_seen(database: object) -> None:
    """Not before its hour has passed, and not of an organization that was not there yet."""
    org, other = centre("Alice's"), centre("Charlie's", zone="America/New_York")
    made_at = organizations()[0].created_at
    assert standing(org).trouble == ()  # onboarded a moment ago
    zone = parse_zone(org.zone)
    began = night_start(latest_night(made_at, zone=zone, at=time(2)) + timedelta(days=1), zone=zone, at=time(2))
    for late, missed in ((timedelta(minutes=59), False), (timedelta(minutes=61), True)):
        found = {one.org: one.missed for one in standings.places(now=max(began, made_at) + late)}
        assert found[org.id] is missed
    run_by_hand(org.id, clock=CLOCK)
    assert not standing(org).missed
    assert standing(other).on is None


def test_states_narrow_the_list(world: World, olga: Operator) -> None:
    def shown(state: str) -> set[int]:
        page = olga.get("/platform/", {"state": state}).context["page"]
        return {one.org.id for one in page.orgs.rows}

    alice, charlie = world.alice.id, world.charlie.id
    assert shown("") == shown("simulating") == {alice, charlie}
    orgs.arm(alice, reason="ready", actor="test", now=CLOCK.now())
    run_once(world.alice)  # takes a third of everything: more than a fifth is blocked
    assert (shown("blocked"), shown("trouble"), shown("armed")) == ({alice}, {alice}, set())
    orgs.stop_organization(charlie, on=True, reason="audit", actor="test", now=CLOCK.now())
    assert shown("stopped") == {charlie}
    assert olga.get("/platform/", {"state": "x"}).status_code == 422


def test_the_list_is_sorted_searched_and_taken_away(world: World, olga: Operator) -> None:
    load(world.charlie, calls("Sales", day=days_ago(world.charlie, 50), count=3))
    page = olga.get("/platform/", {"orgs.sort": "-overdue"}).context["page"]
    assert [one.overdue for one in page.orgs.rows] == [19, 9]
    for column in standings.ORGS.columns:
        assert olga.get("/platform/", {"orgs.sort": f"-{column.name}"}).status_code == 200
    page = olga.get("/platform/", {"orgs.find": "charl"}).context["page"]
    assert [one.org.id for one in page.orgs.rows] == [world.charlie.id]
    found = rows_of(olga.get("/platform/", {"csv": "orgs"}))
    assert [(row["organization"], row["overdue days"], row["backlog items"]) for row in found] == [
        (f"org_{world.alice.id}", "9", "6"),
        (f"org_{world.charlie.id}", "19", "6"),
    ]


def test_pages_ask_a_fixed_number_of_questions(world: World, olga: Operator) -> None:
    for number in range(12):
        org = centre(f"More {number}", zone="Asia/Kolkata", onboarded=date(2023, 1, 1))
        load(org, calls("Sales", day=days_ago(org, 450), count=1))
    ids = own(world)
    for name in sorted(OF_CONSOLE):
        olga.get(address(name, ids))
        with statements() as asked:
            olga.get(address(name, ids))
        assert len(asked) <= 20, (name, asked)


# The rule in SQL is the rule of the verdict


def _oldest(found: list[Job], cells: list[Cell], on: date) -> date | None:
    """When the oldest due item became due: for each due cell the first date on which the verdict says so."""
    since = []
    for cell in cells:
        job = deciding_job(found, queue=cell.queue, data_type=cell.data_type)
        if isinstance(decide(job, day=cell.day, on=on), Due):
            assert job is not None
            first = cell.day + timedelta(days=job.days + 1)
            assert isinstance(decide(job, day=cell.day, on=first), Due)
            assert not isinstance(decide(job, day=cell.day, on=first - timedelta(days=1)), Due)
            since.append(first)
    return min(since, default=None)


@pytest.fixture
def places_of_cells(database: Urls) -> Iterator[Callable[[list[Job], list[Cell]], dict[int, date]]]:
    """Put jobs and cells into Alice's centre, beside a neighbour's that stay, and ask for the dates."""
    alice, charlie = centre("Alice's"), centre("Charlie's")
    load(charlie, calls("Sales", day=date(2020, 1, 1), count=1))
    job_for(charlie, 5000)
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        for number in strategies.QUEUES:
            admin.execute(
                "INSERT INTO catalog_queue (id, org_id, name) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s)",
                [100 + number, alice.id, f"Q{number}"],
            )

        def asked(found: list[Job], cells: list[Cell]) -> dict[int, date]:
            admin.execute("DELETE FROM catalog_cell WHERE org_id = %s", [alice.id])
            admin.execute("DELETE FROM policies_jobqueue WHERE org_id = %s", [alice.id])
            admin.execute("DELETE FROM policies_retentionjob WHERE org_id = %s", [alice.id])
            for cell in cells:
                admin.execute(
                    "INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes) "
                    "VALUES (%s, %s, %s, %s, %s, %s)",
                    [alice.id, cell.day, str(cell.data_type), 100 + cell.queue, cell.items, cell.bytes],
                )
            for job in found:
                queues = frozenset(100 + queue for queue in job.queues)
                create_job(alice.id, type=job.type, what=job.what, days=job.days, queues=queues, actor="test")
            with as_platform() as cursor:
                cursor.execute("SELECT org_id, due_on FROM console_due_since(%s, NULL)", [strategies.TONIGHT])
                told: dict[int, date] = dict(cursor.fetchall())
            told.pop(charlie.id, None)
            return told

        yield asked


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=strategies.job_lists(), cells=strategies.cell_lists())
def test_the_oldest_overdue_item_is_the_verdicts(
    found: list[Job], cells: list[Cell], places_of_cells: Callable[[list[Job], list[Cell]], dict[int, date]]
) -> None:
    told = places_of_cells(found, cells)
    assert next(iter(told.values()), None) == _oldest(found, cells, strategies.TONIGHT)


def test_jobs_that_are_not_in_force_make_nothing_due(world: World) -> None:
    for end in (pause_job, delete_job):
        org = centre(f"Of {end.__name__}")
        load(org, calls("Sales", day=days_ago(org, 40), count=1))
        job = job_for(org, 30)
        assert standing(org).overdue == 9
        end(org.id, job_id=public_id("job", job), actor="test", now=CLOCK.now())
        with acting_in(org.id):
            assert jobs(org=org.id) == []
        assert standing(org).overdue == -1


def test_the_dates_are_for_the_platform_alone(world: World, database: Urls) -> None:
    for scope in (None, world.alice.id):
        with psycopg.connect(database.web) as connection:
            if scope is not None:
                connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(scope)])
            found = connection.execute("SELECT org_id FROM console_due_since('2100-01-01', NULL)").fetchall()
            assert [row[0] for row in found] == ([] if scope is None else [scope])
    with psycopg.connect(database.sweep) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM console_due_since('2100-01-01', NULL)")


# One organization


def test_the_page_of_an_organization_says_nothing_of_what_its_data_says(world: World, olga: Operator) -> None:
    page = olga.get(f"/platform/orgs/org_{world.alice.id}/")
    told = page.context["page"]
    assert (told.due, told.members, told.admins) == (6, 4, ("alice@example.org",))
    assert [(one.days, one.type) for one in told.jobs] == [(30, JobType.GLOBAL)]
    assert [run.id for run in told.runs.rows] == [world.run]
    text = page.content.decode()
    assert "+4930" not in text
    assert "call-Sales" not in text
    assert "charlie@example.org" not in text


def test_the_comparison_of_an_organization_is_told(world: World, olga: Operator, database: Urls) -> None:
    def told(org: Organization) -> Comparison | None:
        found: Comparison | None = olga.get(f"/platform/orgs/org_{org.id}/").context["page"].comparison
        return found

    assert told(world.alice) is None
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        cells = admin.execute("UPDATE catalog_cell SET items = items + 1 WHERE org_id = %s", [world.alice.id]).rowcount
    now = CLOCK.now()
    compare_one(world.alice, now=now)
    assert told(world.charlie) is None
    found = told(world.alice)
    assert found is not None
    assert (found.compared_at, found.failed_at, found.reason) == (now, None, "")
    assert (found.cells, dict(found.differences)["cell items"]) == (cells, cells)
    compare_one(world.alice, now=CLOCK.now())
    found = told(world.alice)
    assert found is not None
    assert not found.differences


def test_settings_are_changed_and_written_down(world: World, olga: Operator) -> None:
    where = f"/platform/orgs/org_{world.alice.id}/settings/"
    good = {"night_at": "23:30", "share": "most", "share_percent": "0", "count": "none", "items": "5"}
    assert olga.post(where, good).status_code == 302
    org = organizations()[0]
    assert (org.night_at, org.share_cap_percent, org.item_cap) == (time(23, 30), 0, None)  # 0 is a cap, none is none
    assert olga.post(where, {**good, "count": "most", "items": "1,000"}).status_code == 302
    assert organizations()[0].item_cap == 1000
    assert olga.post(where, {**good, "count": "most", "items": "1,000"}).status_code == 302  # nothing new: not written
    with acting_in(world.alice.id):
        kept = list(SettingChange.objects.order_by("id"))
    assert [(one.actor, one.before["share_percent"], one.after["share_percent"]) for one in kept] == [
        ("olga@example.org", 20, 0),
        ("olga@example.org", 0, 0),
    ]
    assert organizations()[1].share_cap_percent == 20
    page = olga.get(f"/platform/orgs/org_{world.alice.id}/").content.decode()
    assert "02:00 → 23:30" in page


@pytest.mark.parametrize(
    ("wrong_part", "at"),
    [
        ({"share_percent": ""}, "share_percent"),
        ({"share_percent": "101"}, "share_percent"),
        ({"share_percent": "-1"}, "share_percent"),
        ({"share_percent": "٣"}, "share_percent"),
        ({"share": ""}, "share"),
        ({"share": "x"}, "share"),
        ({"count": "most", "items": "1e9"}, "items"),
        ({"count": "most", "items": "9" * 30}, "items"),
        ({"night_at": "25:00"}, "night_at"),
        ({"night_at": ""}, "night_at"),
    ],
)
def test_odd_settings_are_told_at_their_field(
    world: World, olga: Operator, wrong_part: dict[str, str], at: str
) -> None:
    good = {"night_at": "03:00", "share": "most", "share_percent": "20", "count": "none", "items": ""}
    answer = olga.post(f"/platform/orgs/org_{world.alice.id}/settings/", {**good, **wrong_part})
    assert answer.status_code == 422
    assert set(answer.context["settings_form"].errors) == {at}
    for value in wrong_part.values():
        assert not value.isascii() or value in answer.content.decode()
    assert organizations()[0].night_at == time(2)


def test_the_services_refuse_what_the_form_refuses(world: World) -> None:
    for share, items in ((101, None), (-1, None), (None, -1)):
        with pytest.raises(InputInvalid):
            change_settings(
                world.alice.id, settings=Settings(night_at=time(2), share_percent=share, items=items), actor="test"
            )


def test_an_organizations_kill_switch_is_shown(world: World, olga: Operator) -> None:
    page = f"/platform/orgs/org_{world.alice.id}/"
    assert f'href="{page}deletion/stop/"' in olga.get(page).content.decode()
    orgs.stop_organization(world.alice.id, on=True, reason="Court order", actor="test", now=CLOCK.now())
    assert standing(world.alice).state == "stopped"
    assert standing(world.charlie).state == "simulating"
    text = olga.get(page).content.decode()
    assert "Court order" in text
    assert f'href="{page}deletion/release/"' in text


# Onboarding


def test_onboarding_follows_the_date(world: World, olga: Operator) -> None:
    good = {"name": "Nordlicht", "zone": "Europe/Oslo", "onboarded_on": "2022-01-01", "night_at": "01:30"}
    made = olga.post("/platform/orgs/new/", good)
    org = organizations()[-1]
    assert (org.name, org.zone, org.night_at, org.armed) == ("Nordlicht", "Europe/Oslo", time(1, 30), False)
    assert made["Location"] == f"/platform/orgs/org_{org.id}/"
    with acting_in(org.id):
        assert [(one.type, one.days) for one in RetentionJob.objects.all()] == [("global", 400)]
    olga.post("/platform/orgs/new/", {**good, "name": "Before", "onboarded_on": "2021-12-31"})
    before = next(one for one in organizations() if one.name == "Before")
    with acting_in(before.id):
        assert not RetentionJob.objects.exists()


def test_the_first_admin_is_invited(world: World, olga: Operator) -> None:
    given = {"name": "Nordlicht", "zone": "Europe/Oslo", "onboarded_on": "2022-01-01", "night_at": "02:00"}
    answer = olga.post("/platform/orgs/new/", {**given, "email": "nina@example.org"}, follow=True)
    assert "nina@example.org is invited to be its admin." in answer.content.decode()
    org = next(one for one in organizations() if one.name == "Nordlicht")
    with acting_in(org.id):
        asked = Invitation.objects.get()
    assert (asked.email, asked.is_admin, asked.invited_by) == ("nina@example.org", True, "olga@example.org")
    with acting_in(world.alice.id):
        assert not Invitation.objects.filter(email="nina@example.org").exists()
    answer = olga.post("/platform/orgs/new/", {**given, "name": "Other", "email": "nobody"})
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"email"})


def test_the_hint_says_what_the_date_comes_to(olga: Operator) -> None:
    def hint(**given: str) -> object:
        return olga.get("/platform/orgs/new/", given).context["page"].hint

    assert hint().local_time is None  # type: ignore[attr-defined]
    assert hint(zone="Europe/Os").zone == ""  # type: ignore[attr-defined] # typed half
    after = hint(zone="Asia/Kolkata", onboarded_on="2022-01-01")
    assert (after.zone, after.default_job, after.dated) == ("Asia/Kolkata", 400, True)  # type: ignore[attr-defined]
    before = hint(onboarded_on="2021-12-31")
    assert (before.default_job, before.dated) == (None, True)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong_part", "at"),
    [
        ({"name": ""}, "name"), ({"name": "x" * 121}, "name"), ({"name": "Alice's"}, "name"),
        ({"zone": ""}, "zone"), ({"zone": "Mars/Base"}, "zone"), ({"zone": "../etc"}, "zone"),
        ({"onboarded_on": ""}, "onboarded_on"), ({"onboarded_on": "01.02.2023"}, "onboarded_on"),
        ({"night_at": "24:00"}, "night_at"), ({"night_at": ""}, "night_at"),
    ],
)  # fmt: skip
def test_odd_onboarding_is_told_at_its_field(world: World, olga: Operator, wrong_part: dict[str, str], at: str) -> None:
    good = {"name": "Nordlicht", "zone": "Europe/Oslo", "onboarded_on": "2023-01-01", "night_at": "01:30"}
    answer = olga.post("/platform/orgs/new/", {**good, **wrong_part})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {at}
    kept = {name: answer.context["form"][name].value() for name in good}
    assert kept == {**good, **wrong_part}
    assert len(organizations()) == 2


# Running one now


def test_a_run_by_hand_goes_through_the_queue_and_waits_once(world: World, olga: Operator) -> None:
    where = f"/platform/orgs/org_{world.alice.id}/run/"
    assert "deletes nothing" in olga.get(where).content.decode()
    assert olga.post(where).status_code == 302
    assert workers.waiting_since(world.alice.id) is not None
    assert workers.waiting_since(world.charlie.id) is None
    assert olga.post(where).status_code == 409
    with pytest.raises(Taken, match="waits in the queue already"):
        defer_run(world.alice.id, using=SWEEP)
    with connections[WEB].cursor() as cursor:
        cursor.execute("SELECT task_name, args FROM procrastinate_jobs")
        assert [row[0] for row in cursor.fetchall()] == [RUN_TASK]
    run = run_by_hand(world.alice.id, clock=CLOCK)
    assert run is not None
    assert (run.trigger, run.outcome, run.org_id) == ("manual", "simulated", world.alice.id)


def test_a_run_that_became_one_that_deletes_is_asked_again(world: World, olga: Operator) -> None:
    where = f"/platform/orgs/org_{world.alice.id}/run/"
    orgs.arm(world.alice.id, reason="ready", actor="test", now=CLOCK.now())
    assert olga.post(where).status_code == 302  # the page was opened before it was armed
    assert workers.waiting_since(world.alice.id) is None
    assert "this run deletes for good" in olga.get(where).content.decode()
    assert olga.post(where, {"armed": "yes"}).status_code == 302
    assert workers.waiting_since(world.alice.id) is not None


# The platform's kill switch


def test_the_switch_takes_a_reason_and_a_word_and_is_written_down(world: World, olga: Operator) -> None:
    where = "/platform/switch/"
    for sent, at in (
        ({"turn": "on", "reason": "", "typed": "STOP"}, "reason"),
        ({"turn": "on", "reason": "Storage failing", "typed": "stop"}, "typed"),
        ({"turn": "on", "reason": "Storage failing"}, "typed"),
    ):
        answer = olga.post(where, sent)
        assert (answer.status_code, set(answer.context["form"].errors)) == (422, {at})
    assert not Platform.objects.get(id=1).stopped
    olga.post(where, {"turn": "on", "reason": "Storage failing", "typed": "STOP"})
    assert Platform.objects.get(id=1).stopped
    turn = SwitchTurn.objects.get()
    for client, page in ((olga, "/platform/"), (signed_in("alice"), f"/o/org_{world.alice.id}/")):
        frame = client.get(page).context["frame"]
        assert (frame.switch.scope, frame.switch.since, frame.switch.reason) == ("platform", turn.at, "Storage failing")
        assert "Storage failing" in client.get(page).content.decode()
    assert "Storage failing" not in signed_in(None).get("/sign-in/").content.decode()
    olga.post(where, {"turn": "on", "reason": "again", "typed": "STOP"})  # it is on already: somebody else was first
    assert Platform.objects.get(id=1).stopped
    olga.post(where, {"turn": "off", "reason": "Mended"})
    assert not Platform.objects.get(id=1).stopped
    assert [(one.on, one.reason, one.actor) for one in SwitchTurn.objects.order_by("id")] == [
        (True, "Storage failing", "olga@example.org"),
        (False, "Mended", "olga@example.org"),
    ]
    found = rows_of(olga.get(where, {"csv": "turns"}))
    assert [(row["turned"], row["why"]) for row in found] == [("off", "Mended"), ("on", "Storage failing")]


def test_the_history_of_the_switch_is_only_added_to(world: World, database: Urls) -> None:
    turn_switch(on=True, reason="drill", actor="test")
    assert turn_switch(on=True, reason="again", actor="test") is False  # no turn, no line
    change_settings(world.alice.id, settings=Settings(night_at=time(3), share_percent=20, items=None), actor="test")
    for table in ("runs_switchturn", "console_settingchange"):
        for url in (database.owner, database.superuser, database.web, database.sweep):
            for statement in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608 - named above
                with psycopg.connect(url) as connection, pytest.raises(psycopg.Error) as refused:
                    connection.execute(statement.encode())
                assert refused.value.sqlstate in {"42501", "EB403"}, (table, statement)
    assert SwitchTurn.objects.count() == 1


# Runs of all organizations


def test_runs_of_all_are_narrowed_and_told(world: World, olga: Operator) -> None:
    def shown(**asked: str) -> list[int]:
        page = olga.get("/platform/runs/", asked).context["page"]
        return [one.run.id for one in page.runs.rows]

    both = sorted([world.run, world.foreign_run], reverse=True)
    assert shown() == both
    assert shown(org=f"org_{world.alice.id}") == [world.run]
    assert shown(**{"runs.find": "charlie"}) == [world.foreign_run]
    assert shown(outcome="simulated") == both
    assert shown(outcome="failed") == shown(outcome="running") == []
    assert shown(until="2020-01-01") == []
    assert shown(since="") == both
    for column in ("run", "org", "night", "purged", "kept", "failed", "rest"):
        assert sorted(shown(**{"runs.sort": f"-{column}"}), reverse=True) == both
    for asked in ({"outcome": "x"}, {"since": "yesterday"}, {"runs.sort": "took"}):
        assert olga.get("/platform/runs/", asked).status_code == 422
    assert olga.get("/platform/runs/", {"org": "org_999"}).status_code == 404
    found = rows_of(olga.get("/platform/runs/", {"csv": "runs"}))
    assert {(row["run"], row["outcome"], row["due"]) for row in found} == {
        (f"run_{number}", "simulated", "6") for number in both
    }


def test_a_run_is_told_by_data_type_without_names(world: World, olga: Operator) -> None:
    page = olga.get(f"/platform/runs/run_{world.foreign_run}/")
    told = page.context["page"]
    assert told.org.id == world.charlie.id
    assert {(one.data_type, one.planned) for one in told.types} == {(DataType.INSIGHTS, 4), (DataType.DESKTOP, 2)}
    assert sum(one.planned for one in told.types) == told.run.planned == 6
    assert "Sales" not in page.content.decode()


def test_a_live_run_is_told_with_what_it_took(world: World, olga: Operator) -> None:
    change_settings(world.alice.id, settings=Settings(night_at=time(2), share_percent=None, items=None), actor="test")
    orgs.arm(world.alice.id, reason="ready", actor="test", now=CLOCK.now())
    run = run_once(world.alice)
    told = olga.get(f"/platform/runs/run_{run.id}/").context["page"]
    assert {(one.data_type, one.planned, one.purged, one.not_reached) for one in told.types} == {
        (DataType.INSIGHTS, 4, 4, 0),
        (DataType.DESKTOP, 2, 2, 0),
    }


# Workers


def test_without_a_worker_it_says_so(world: World, olga: Operator) -> None:
    assert "No worker is alive" in olga.get("/platform/").content.decode()
    page = olga.get("/platform/workers/")
    assert "No worker is alive" in page.content.decode()
    told = page.context["page"]
    assert (told.alive, told.workers, told.beat_at) == (0, 0, None)
    assert told.database_bytes > 0
    assert told.partitions >= 6
    assert not told.crowded


def _queue(database: Urls, *statements: str) -> None:
    with psycopg.connect(database.superuser) as admin:
        for one in statements:
            admin.execute(one.encode())


def test_what_workers_are_at_is_told(world: World, olga: Operator, database: Urls) -> None:
    """A living worker at Alice's night, a silent one at Charlie's, a failed night, and one that waits."""
    job = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id) VALUES ('night', "
    _queue(
        database,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now()), (now() - interval '1 minute')",
        f"{job} 'ebbtide.night', '{{\"org\": {world.alice.id}, \"on\": \"2026-11-23\"}}', 'doing', 1)",
        f"{job} 'ebbtide.night', '{{\"org\": {world.charlie.id}, \"on\": \"2026-11-23\"}}', 'doing', 3)",
        f"{job} 'ebbtide.run', '{{\"org\": {world.alice.id}}}', 'todo', NULL)",
        f"{job} 'ebbtide.night', '{{\"org\": 999999, \"on\": \"2026-11-23\"}}', 'failed', NULL)",
        "INSERT INTO procrastinate_events (job_id, type, at) SELECT max(id), 'failed', now() FROM procrastinate_jobs",
        f"{job} 'ebbtide.tick', '{{}}', 'doing', 1)",
    )
    page = olga.get("/platform/workers/")
    told = page.context["page"]
    assert (told.alive, told.workers, told.silent) == (2, 1, 1)
    assert (told.waiting, told.running, told.stalled, told.failed) == (1, 1, 1, 1)
    assert {(one.org.name if one.org else None, one.status, one.kind) for one in told.queue.rows} == {
        ("Alice's", "running", "night"), ("Charlie's", "stalled", "night"), ("Alice's", "waiting", "run"),
        (None, "failed", "night"),
    }  # fmt: skip
    assert len(rows_of(olga.get("/platform/workers/", {"csv": "queue"}))) == 4
    assert "No worker is alive" not in page.content.decode()


def test_a_run_whose_carrier_died_is_told_apart(world: World, olga: Operator, database: Urls) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as carrier:
        row = carrier.execute(
            "INSERT INTO runs_run (org_id, plan_id, local_date, trigger, reason, frozen_at, worker, purged, "
            "purged_bytes, kept, failed, not_reached) SELECT org_id, plan_id, local_date, 'manual', '', now(), "
            "'host:1', 0, 0, 0, 0, 0 FROM runs_run WHERE id = %s RETURNING id",
            [world.run],
        ).fetchone()
        assert row is not None
        carrier.execute("SELECT pg_advisory_lock(7102, %s)", [row[0]])
        told = olga.get("/platform/workers/").context["page"].open_runs
        assert [(one.run.id, one.carried, one.org.id) for one in told] == [(row[0], True, world.alice.id)]
    told = olga.get("/platform/workers/").context["page"].open_runs
    assert [(one.run.id, one.carried) for one in told] == [(row[0], False)]


def test_the_store_is_asked_by_a_button(world: World, olga: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not olga.get("/platform/workers/").context["page"].store.asked
    note = olga.post("/platform/workers/store/").context["page"].store
    assert (note.asked, note.reachable) == (True, True)

    class Gone:
        def missing(self, keys: object) -> set[str]:
            raise StoreUnreachable(f"The object store did not answer about {keys}.")

    monkeypatch.setattr(store, "object_store", Gone)
    note = olga.post("/platform/workers/store/").context["page"].store
    assert (note.reachable, note.reason) == (False, "The object store did not answer about [].")


def test_a_slow_store_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def missing(self, keys: object) -> set[str]:
            del keys
            waited.wait(10)
            return set()

    waited = threading.Event()
    monkeypatch.setattr(store, "PATIENCE_S", 0.05)
    monkeypatch.setattr(store, "object_store", Slow)
    note = store.ask_store()
    waited.set()
    assert (note.asked, note.reachable) == (True, False)
    assert "did not answer within" in note.reason

"""The platform operator in a real browser: onboarding, one organization, the kill switch, runs and workers."""

import re

import psycopg
import pytest
from playwright.sync_api import Page, expect

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.apps.web.conftest import CLOCK, days_ago, hashed, job_for, person, run_once
from tests.cast import calls, centre, load, record

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with something due, another beside it, and the operator of both."""
    made, other = centre("Alice's"), centre("Charlie's & sons, a name that goes on for a while", zone="Asia/Kolkata")
    for one in (made, other):
        load(one, calls("Sales", day=days_ago(one, 40), count=3))
        load(one, calls("Sales", day=days_ago(one, 2), count=9))
        record(one, f"call-Sales-{days_ago(one, 40)}-0", kind=DataType.DESKTOP)
        job_for(one, 30)
    person("alice@example.org", org=made, admin=True)
    User.objects.create(email="olga@example.org", password=hashed(), is_operator=True)
    return made


def at(page: Page, path: str) -> None:
    expect(page).to_have_url(re.compile(rf"^http://[^/]+{re.escape(path)}$"))


def test_onboarding_an_organization(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("olga@example.org")
    at(page, "/platform/")
    expect(page.get_by_text("No worker is alive")).to_be_visible()
    faults = visitor.examine()
    page.get_by_role("link", name="Onboard an organization").click()
    page.wait_for_load_state("load")  # what is typed before the page's scripts are there is not noticed by them
    hint = page.locator("#hint")
    expect(hint).to_contain_text("Choose a time zone")
    page.get_by_label("Name").fill("Nordlicht")
    page.get_by_label("Time zone").fill("Europe/Oslo")
    expect(hint).to_contain_text("In Europe/Oslo it is")
    page.get_by_label("Onboarded on").fill("2021-12-31")
    expect(hint).to_contain_text("It starts with no job")
    page.get_by_label("Onboarded on").fill("2023-04-01")
    expect(hint).to_contain_text("Deletes all data of the whole organization older than 400 days")
    expect(page.get_by_label("Name")).to_have_value("Nordlicht")
    faults += visitor.examine()
    page.get_by_label("Time zone").fill("Europe/Atlantis")
    page.get_by_role("button", name="Onboard").click()
    expect(page.locator("#id_zone-errors")).to_contain_text("There is no time zone 'Europe/Atlantis'")
    expect(page.get_by_label("Name")).to_have_value("Nordlicht")
    faults += visitor.examine()
    page.get_by_label("Time zone").fill("Europe/Oslo")
    page.get_by_label("First admin").fill("nina@example.org")
    page.get_by_role("button", name="Onboard").click()
    expect(page.get_by_text("nina@example.org is invited to be its admin.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nordlicht")).to_be_visible()
    expect(page.get_by_text("Nordlicht was onboarded. Deletion is off.")).to_be_visible()
    expect(page.get_by_text("Deletes all data of the whole organization older than 400 days")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_the_list_is_searched_narrowed_and_sorted_in_place(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    run_once(org)  # blocked: a quarter of everything
    visitor.enter("olga@example.org")
    expect(page.get_by_text("1 organization needs you.")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Search organizations").fill("charlie")
    expect(page.locator("#list-orgs tbody tr")).to_have_count(1)
    page.get_by_label("Search organizations").fill("")
    expect(page.locator("#list-orgs tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Oldest overdue").click()
    expect(page.locator('th[aria-sort="ascending"]')).to_contain_text("Oldest overdue")
    page.get_by_role("combobox", name="State").select_option("trouble")
    expect(page.locator("#list-orgs tbody tr")).to_have_count(1)
    expect(page.locator("#list-orgs")).to_contain_text("9 days")
    faults += visitor.examine()
    page.get_by_role("combobox", name="State").select_option("stopped")
    expect(page.get_by_text("No organization fits")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_one_organization_its_settings_and_its_switch(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    run_once(org)
    visitor.enter("olga@example.org")
    page.get_by_role("link", name="Alice's").click()
    expect(page.get_by_text("Deletes all data of the whole organization older than 30 days")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Percent of all items").fill("")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#id_share_percent-errors")).to_contain_text("0 lets a night take nothing at all")
    faults += visitor.examine()
    page.get_by_label("Percent of all items").fill("5")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("The settings were saved.")).to_be_visible()
    expect(page.locator("#list-history")).to_contain_text("Share 20 % → 5 %")
    page.get_by_role("link", name="Stop this organization").click()
    page.get_by_label("Reason").fill("Court order 12/7")
    page.get_by_role("button", name="Stop all deletion").click()
    expect(page.get_by_text("nothing is deleted any more").first).to_be_visible()
    page.get_by_role("link", name="Alice's").first.click()
    at(page, f"/platform/orgs/org_{org.id}/")
    expect(page.get_by_text("Court order 12/7").first).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name="Run now").click()
    expect(page.get_by_text("It simulates")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("A run by hand waits in the queue")).to_be_visible()
    faults += visitor.examine()
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    visitor.go(f"/platform/orgs/org_{org.id}/run/")
    expect(page.get_by_text("A kill switch is on: the run will be blocked and delete nothing.")).to_be_visible()
    faults += visitor.examine()
    orgs.stop_organization(org.id, on=False, reason="lifted", actor="test", now=CLOCK.now())
    page.reload()
    expect(page.get_by_text("It is armed: this run deletes for good.")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_the_kill_switch_from_on_to_off(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    visitor.enter("olga@example.org")
    page.get_by_role("link", name="Kill switch").click()
    faults = visitor.examine()
    page.get_by_label("Reason").fill("Storage is failing")
    page.get_by_label("Type STOP to confirm").fill("stop")
    page.get_by_role("button", name="Stop every deletion").click()
    expect(page.locator("#id_typed-errors")).to_contain_text("Type STOP in capitals.")
    expect(page.get_by_label("Reason")).to_have_value("Storage is failing")
    faults += visitor.examine()
    page.get_by_label("Type STOP to confirm").fill("STOP")
    page.get_by_role("button", name="Stop every deletion").click()
    banner = page.locator(".eb-switch")
    expect(banner).to_contain_text("The platform's kill switch is on.")
    expect(banner).to_contain_text("Storage is failing")
    faults += visitor.examine()
    browser = page.context.browser
    assert browser is not None
    elsewhere = browser.new_context()
    alice = Visitor(elsewhere.new_page(), visitor.address)
    alice.enter("alice@example.org")
    expect(alice.page.locator(".eb-switch")).to_contain_text("Storage is failing")
    page.get_by_label("Reason").fill("Mended")
    page.get_by_role("button", name="Turn the kill switch off").click()
    dialog = page.get_by_role("dialog", name="Turn the kill switch off?")
    expect(dialog).to_contain_text("1 armed organization is deleted from again")
    dialog.get_by_role("button", name="Turn it off").click()
    expect(banner).to_have_count(0)
    expect(page.locator("#list-turns tbody tr")).to_have_count(2)
    faults += visitor.examine()
    alice.page.reload()
    expect(alice.page.locator(".eb-switch")).to_have_count(0)
    assert alice.complaints == []
    elsewhere.close()
    assert faults == []


def test_runs_and_workers(visitor: Visitor, org: Organization, database: Urls) -> None:
    page = visitor.page
    run = run_once(org)
    visitor.enter("olga@example.org")
    page.get_by_role("link", name="Runs", exact=True).click()
    faults = visitor.examine()
    page.get_by_label("Outcome").select_option("failed")
    expect(page.get_by_text("No run fits")).to_be_visible()
    page.get_by_label("Outcome").select_option("simulated")
    page.get_by_role("link", name=f"Run {run.id}").click()
    expect(page.get_by_text("Simulated: would have deleted 4 items")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", name="No worker is alive")).to_be_visible()
    faults += visitor.examine()
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        admin.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 minute')")
        admin.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id) "
            "SELECT 'night', 'ebbtide.night', jsonb_build_object('org', %s::int, 'on', '2026-11-23'), 'doing', "
            "max(id) FROM procrastinate_workers",
            [org.id],
        )
        # nobody presses anything: the page renews itself
        expect(page.get_by_role("heading", name="No worker is alive")).to_have_count(0, timeout=10_000)
        expect(page.locator("#list-queue")).to_contain_text("At work")
        faults += visitor.examine()
    page.get_by_role("button", name="Ask it now").click()
    expect(page.locator("#store-said")).to_contain_text("Reachable")
    faults += visitor.examine()
    assert faults == []

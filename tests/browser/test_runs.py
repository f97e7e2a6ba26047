"""Runs in a real browser: the report of a night, its plan, a live run watched and stopped, and why a call is gone."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import What
from tests.apps.web.conftest import CLOCK, days_ago, job_for, person, queues_of, run_once
from tests.apps.web.live import going
from tests.apps.web.test_runs import confirm_and_run
from tests.cast import calls, calls_over, centre, everything, load, record

from .conftest import Visitor

SLOW = 15_000


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with some data of two years, a Global job of 30 days, and its admin."""
    made = centre("Alice's")
    days = [days_ago(made, age) for age in (500, 41, 40, *range(1, 8))]
    load(made, calls_over(("Sales", "Support", "Claims & complaints"), days=days, count=2))
    for queue in ("Sales", "Support", "Claims & complaints"):
        for age in (40, 4):
            record(made, f"call-{queue}-{days_ago(made, age)}-0", kind=DataType.DESKTOP)
    job_for(made, 30)
    person("alice@example.org", org=made, admin=True)
    return made


@pytest.fixture
def neighbour(org: Organization) -> Organization:
    other = centre("Charlie's")
    load(other, calls("Sales", day=days_ago(other, 40), count=2))
    job_for(other, 30)
    orgs.arm(other.id, reason="ready", actor="test", now=CLOCK.now())
    return other


def armed(org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())


def saved(page: Page, name: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return Path(download.value.path())


def test_before_the_first_night(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="No night has run yet")).to_be_visible()
    expect(page.get_by_text("It deletes nothing: it reports here what it would delete.")).to_be_visible()
    expect(page.get_by_text("Deletes all data of the whole organization older than 30 days")).to_be_visible()
    expect(page.locator(".eb-first-sum")).to_contain_text("21 items")
    assert visitor.examine() == []


def test_runs_are_narrowed_sorted_and_read(visitor: Visitor, org: Organization) -> None:
    page, runs = visitor.page, f"/o/org_{org.id}/runs/"
    numbers = [run_once(org).id for _ in range(3)]
    visitor.enter("alice@example.org")
    visitor.go(runs)
    rows = page.locator("#list-runs tbody tr")
    expect(rows).to_have_count(3)
    faults = visitor.examine()
    page.get_by_role("link", name="Started").click()
    expect(page).to_have_url(re.compile("runs.sort=started"))
    expect(rows.first.locator("a")).to_have_attribute("href", f"{runs}run_{numbers[0]}/")
    page.get_by_label("Outcome").select_option("failed")
    expect(page.get_by_text("No run fits")).to_be_visible()
    faults += visitor.examine()
    page.get_by_label("Outcome").select_option("simulated")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile("outcome=simulated"))
    expect(page).to_have_url(re.compile("runs.sort=started"))
    rows.first.locator("a").click()
    expect(page.get_by_text("Simulated: would have deleted 21 items")).to_be_visible()
    expect(page.get_by_role("heading", name="Days that would be purged")).to_be_visible()
    expect(page.locator(".eb-heat-year")).to_have_count(2)
    expect(page.locator(".eb-cal title").filter(has_text="9, ")).to_have_count(1)
    faults += visitor.examine()
    page.get_by_text("The same as a table").click()
    page.locator("#list-days").get_by_role("link", name="Day").click()
    expect(page.locator("#list-days tbody tr").first).to_contain_text(str(days_ago(org, 500).year))
    faults += visitor.examine()
    page.get_by_label("Search Q or data type").fill("claims desktop")
    expect(page.locator("#list-numbers tbody tr")).to_have_count(1)
    told = json.loads(saved(page, "Report as JSON").read_text())
    assert told["run"]["id"] == f"run_{numbers[0]}"
    assert "Claims & complaints" in saved(page, "Report as CSV").read_text()
    page.get_by_role("link", name=re.compile(r"^Plan \d")).click()
    expect(page.locator("#list-plan tbody tr")).to_have_count(12)
    faults += visitor.examine()
    page.get_by_label("Data type").select_option("desktop")
    expect(page.locator("#list-plan tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Day", exact=True).click()
    expect(page).to_have_url(re.compile("type=desktop"))
    assert len(saved(page, "CSV").read_text().splitlines()) == 4
    page.get_by_label("Q", exact=True).select_option("Sales")
    page.get_by_label("Data type").select_option("audio")
    expect(page.get_by_text("No cell fits")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_a_live_run_is_watched_to_its_end(visitor: Visitor, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visitor.page
    armed(org)
    visitor.enter("alice@example.org")
    with going(org, monkeypatch) as run:
        visitor.go(f"/o/org_{org.id}/runs/")
        page.locator("#list-runs tbody a").first.click()
        expect(page.get_by_role("heading", name="Deleting")).to_be_visible()
        expect(page.locator("#progress")).to_contain_text("0 of 21 items")
        faults = visitor.examine()
        run.gate.step(3)
        expect(page.locator("#progress")).to_contain_text("3 of 21 items", timeout=SLOW)
        expect(page.locator("#progress")).to_contain_text("Desktop recordings")
        expect(page.locator("#run-said")).to_have_text("14 % done.", timeout=SLOW)
        faults += visitor.examine()
        assert run.end().outcome == "completed"
        expect(page.get_by_text("Completed: deleted 21 items")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("heading", name="Purged days")).to_be_visible()
    expect(page.locator("#progress")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop this run")).to_have_count(0)
    faults += visitor.examine()
    assert faults == []


def test_a_live_run_is_stopped(
    visitor: Visitor, org: Organization, neighbour: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, others = visitor.page, everything(neighbour)
    armed(org)
    visitor.enter("alice@example.org")
    with going(org, monkeypatch) as run:
        run.gate.step(1)
        visitor.go(f"/o/org_{org.id}/runs/")
        page.locator("#list-runs tbody a").first.click()
        page.get_by_role("button", name="Stop this run").click()
        dialog = page.get_by_role("dialog", name="Stop this run?")
        expect(dialog).to_contain_text("What it has deleted already stays deleted and cannot be restored")
        faults = visitor.examine()
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Stop this run").click()
        dialog.get_by_role("button", name="Stop the run").click()
        expect(page.get_by_text("Stopped: this run deletes nothing any more.")).to_be_visible()
        expect(page.get_by_role("heading", name="Stopping")).to_be_visible()
        left = everything(org)
        faults += visitor.examine()
        ended = run.end()
        assert (ended.outcome, ended.purged, ended.not_reached) == ("incomplete", 1, 20)
        expect(page.get_by_text("Incomplete: deleted 1 of 21 items")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("The run was cancelled.").first).to_be_visible()
    faults += visitor.examine()
    assert everything(org) == left
    assert everything(neighbour) == others
    assert faults == []


def test_a_run_can_be_watched_without_scripts(
    visitor: Visitor, org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed(org)
    without = visitor.page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain = Visitor(without.new_page(), visitor.address)
    plain.enter("alice@example.org")
    with going(org, monkeypatch) as run:
        plain.go(f"/o/org_{org.id}/runs/")
        plain.page.locator("#list-runs tbody a").first.click()
        expect(plain.page.locator("#progress")).to_contain_text("0 of 21 items")
        run.gate.step(2)
        expect(plain.page.locator("#progress")).to_contain_text("2 of 21 items", timeout=SLOW)
        plain.page.get_by_role("button", name="Stop this run").click()
        expect(plain.page.get_by_text("Stopped: this run deletes nothing any more.")).to_be_visible()
    assert plain.complaints == []
    without.close()


def test_why(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    job_for(org, 3, queues=frozenset({queues_of(org)["Sales"]}), what=What.DESKTOP)
    armed(org)
    run = confirm_and_run(org)
    visitor.enter("alice@example.org")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", name="Why?", exact=True)).to_be_visible()
    faults = visitor.examine()

    def look_up(text: str, heading: str) -> None:
        page.get_by_label("Interaction or segment id").fill(text)
        page.get_by_role("button", name="Look it up").click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        nonlocal faults
        faults += visitor.examine()

    look_up(f"call-Support-{days_ago(org, 4)}-0", "Still here")
    expect(page.get_by_text("Goes in the night of").first).to_be_visible()
    look_up(f"call-Sales-{days_ago(org, 4)}-0", "Partly gone")
    look_up(f"call-Sales-{days_ago(org, 40)}-0", "Gone")
    expect(page.get_by_role("link", name=f"run {run.id}").first).to_be_visible()
    look_up("call-that-never-was", "Never seen in Alice's")
    page.get_by_label("Interaction or segment id").fill("a\u200bb")
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("#id_id-errors")).to_contain_text("a character that cannot be seen")
    faults += visitor.examine()
    assert faults == []

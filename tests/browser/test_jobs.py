"""What a person does with jobs, in a real browser: the editor by mouse and by keyboard, and what comes of each save."""

import re

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import jobs
from ebbtide.domain.cell import DataType
from tests.apps.web.conftest import CLOCK, days_ago, job_for, person, queues_of, run_once
from tests.cast import calls_over, centre, load, record

from .conftest import WIDE, Visitor

QS = ("Sales", "Sales abroad", "Support", "Claims & complaints")


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with data of several ages, a Global job of 30 days, and its admin."""
    made = centre("Alice's")
    days = [days_ago(made, age) for age in (40, 25, *range(1, 8))]
    load(made, calls_over(QS, days=days, count=2))
    for queue in QS:
        record(made, f"call-{queue}-{days_ago(made, 40)}-0", kind=DataType.DESKTOP)
    job_for(made, 30)
    person("alice@example.org", org=made, admin=True)
    return made


def at(page: Page, path: str) -> None:
    expect(page).to_have_url(re.compile(rf"^http://[^/]+{re.escape(path)}$"))


def in_force(org: Organization) -> list[tuple[int, int]]:
    with acting_in(org.id):
        return [(job.id, job.days) for job in jobs(org=org.id)]


def facts(page: Page) -> list[str]:
    return page.locator(".eb-tiles strong").all_inner_texts()


def test_a_job_from_its_warning_to_its_end(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    page.get_by_role("link", name="Jobs").click()
    faults = visitor.examine()
    page.get_by_role("link", name="New job").click()
    expect(page.get_by_text("No preview yet")).to_be_visible()
    reach_q = page.get_by_label("Only the Qs you choose")
    reach_all = page.get_by_label("All four data types of the whole organization")
    expect(reach_q).not_to_be_checked()
    expect(reach_all).not_to_be_checked()
    reach_q.check()
    page.get_by_label("Sales", exact=True).check()
    reach_all.check()
    expect(page.get_by_label("Sales", exact=True)).to_be_hidden()
    expect(page.get_by_label("Sales", exact=True)).to_be_disabled()
    reach_q.check()
    page.get_by_label("Delete what is older than").fill("30 days")
    expect(page.locator("#preview")).to_contain_text("not '30 days'")
    faults += visitor.examine()
    page.get_by_role("button", name="Create job").click()
    expect(page.locator("#id_days-errors")).to_have_text("Days must be a whole number from 1 to 5000, not '30 days'.")
    expect(page.get_by_label("Delete what is older than")).to_be_focused()
    expect(page.get_by_label("Sales", exact=True)).to_be_checked()
    faults += visitor.examine()
    page.get_by_label("Delete what is older than").fill("60")
    expect(page.locator("#preview")).to_contain_text("A job would have no effect")
    faults += visitor.examine()
    page.get_by_role("button", name="Create job").click()
    warning = page.get_by_role("dialog", name="A job would have no effect")
    expect(warning).to_contain_text("Deletes all data of Sales older than 60 days")
    expect(warning.get_by_role("button", name="Go back and change")).to_be_focused()
    faults += visitor.examine()
    warning.get_by_role("button", name="Go back and change").click()
    page.get_by_label("Delete what is older than").press("Enter")
    expect(warning).to_be_visible()  # closing it was no answer
    warning.get_by_role("button", name="Save anyway").click()
    at(page, f"/o/org_{org.id}/jobs/job_2/")
    expect(page.get_by_role("status").first).to_contain_text("Job 2 was created.")
    expect(page.locator("main")).to_contain_text("The job has no effect.")
    faults += visitor.examine()
    page.get_by_role("link", name="Jobs").first.click()
    job = page.locator("#job-2")
    expect(job).to_contain_text("No effect")
    expect(job).to_contain_text("Deletes all data of the whole organization older than 30 days")
    faults += visitor.examine()
    assert faults == []


def test_a_job_is_edited_deleted_and_brought_back(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    job_for(org, 60, queues=frozenset({queues_of(org)["Sales"]}))
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/job_2/")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Delete what is older than").fill("10")
    page.get_by_label("Claims & complaints").check()
    page.get_by_role("button", name="Save job").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Claims & complaints and Sales older than 10 days")
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("this job decides in its place:")).to_be_visible()
    faults = visitor.examine()
    page.get_by_role("button", name="Delete the job").click()
    at(page, f"/o/org_{org.id}/jobs/job_2/")
    expect(page.locator("main")).to_contain_text("by alice@example.org")
    faults += visitor.examine()
    page.get_by_role("link", name="Restore").click()
    faults += visitor.examine()
    page.get_by_role("button", name="Restore the job").click()
    expect(page.locator("#list-history")).to_contain_text("Restored")
    assert in_force(org) == [(1, 30), (2, 10)]
    assert faults == []


def test_qs_are_found_and_chosen_by_keyboard(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/new/")
    page.get_by_label("Only the Qs you choose").check()
    page.get_by_role("searchbox", name="Search Qs").focus()
    page.keyboard.type("claims")
    page.keyboard.press("Enter")
    chips = page.get_by_role("group", name="Chosen Qs").get_by_role("button")
    expect(chips).to_have_text(["Claims & complaints"])
    expect(page.get_by_role("searchbox", name="Search Qs")).to_have_value("")
    page.keyboard.type("sales")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Sales", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(chips).to_have_text(["Claims & complaints", "Sales abroad"])
    page.keyboard.press("End")
    expect(page.get_by_role("checkbox", name="Sales abroad")).to_be_focused()
    page.keyboard.press("Tab")  # one stop for the whole list
    expect(page.get_by_label("All four types")).to_be_focused()
    page.get_by_role("button", name="Choose all found").click()
    expect(chips).to_have_text(["Claims & complaints", "Sales", "Sales abroad"])
    faults = visitor.examine()
    page.get_by_role("button", name="Take out Sales abroad").press("Enter")
    expect(chips).to_have_text(["Claims & complaints", "Sales"])
    expect(page.get_by_role("button", name="Take out Sales")).to_be_focused()
    expect(page.locator("[data-chosen]")).to_have_text("2")
    page.get_by_role("button", name="Clear").click()
    expect(chips).to_have_count(0)
    assert faults == []


def test_the_preview_follows_what_is_entered(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/new/")
    page.get_by_label("Only the Qs you choose").check()
    page.get_by_label("Sales", exact=True).check()
    page.get_by_label("Delete what is older than").fill("20")
    expect(page.locator("#preview")).to_contain_text("newly in scope")
    assert facts(page)[:2] == ["5 items", "+2"]
    page.get_by_label("Support").check()
    expect(page.locator(".eb-tiles strong").first).to_have_text("10 items")
    page.get_by_label("Desktop recordings only").check()
    expect(page.locator(".eb-tiles strong").first).to_have_text("2 items")
    expect(page.locator("[data-preview-said]")).to_contain_text("this job would take 2 items tonight")
    page.get_by_role("button", name="Whole run").click()
    expect(page.locator(".eb-preview-table tbody tr")).to_have_count(8)
    page.get_by_role("button", name="Q", exact=True).click()
    expect(page.locator(".eb-preview-table tbody tr").first).to_contain_text("Claims")
    faults = visitor.examine()
    page.get_by_label("Delete what is older than").fill("50")  # the table stays as it was asked for
    expect(page.locator("#preview-run")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#preview")).to_contain_text("A job would have no effect")
    faults += visitor.examine()
    assert in_force(org) == [(1, 30)]
    assert faults == []


def test_one_job_makes_another_idle(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    job_for(org, 20, queues=frozenset({queues_of(org)["Sales"]}))
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/job_1/edit/")
    page.get_by_label("Delete what is older than").fill("15")
    expect(page.locator("#preview")).to_contain_text("Another job (2)")
    page.get_by_role("button", name="Save job").click()
    warning = page.get_by_role("dialog", name="A job would have no effect")
    expect(warning).to_contain_text("Deletes all data of the whole organization older than 15 days")
    faults = visitor.examine()
    warning.get_by_role("button", name="Save anyway").click()
    visitor.go(f"/o/org_{org.id}/jobs/")
    expect(page.locator("#job-2")).to_contain_text("No effect")
    assert faults == []


def test_shortening_on_an_armed_centre_is_confirmed_by_its_name(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/job_1/edit/")
    page.get_by_label("Delete what is older than").fill("20")
    expect(page.locator("#preview")).to_contain_text("This night deletes for good.")
    page.get_by_role("button", name="Save job").click()
    dialog = page.get_by_role("dialog", name="More will be deleted tonight")
    expect(dialog).to_contain_text("8 items")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    faults = visitor.examine()
    dialog.get_by_role("textbox").fill("Charlie's")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("That is not the organization's name: type Alice's.")
    expect(dialog.get_by_role("textbox")).to_have_value("Charlie's")
    assert in_force(org) == [(1, 30)]
    faults += visitor.examine()
    dialog.get_by_role("textbox").fill("Alice's")
    dialog.get_by_role("button", name="Save and delete them tonight").click()
    at(page, f"/o/org_{org.id}/jobs/job_1/")
    assert in_force(org) == [(1, 20)]
    expect(page.locator("#list-history")).to_contain_text("30 days")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("main")).to_contain_text("Until it is resumed, all is as if it were not there.")
    faults += visitor.examine()
    page.get_by_role("link", name="Resume").click()
    faults += visitor.examine()
    page.get_by_label("To confirm, type the name of the organization: Alice's").fill("alice")
    page.get_by_role("button", name="Resume the job").click()
    expect(page.locator("#org-name-errors")).to_contain_text("That is not the organization's name")
    faults += visitor.examine()
    assert in_force(org) == []
    page.get_by_label("To confirm, type the name of the organization: Alice's").fill("Alice's")
    page.get_by_role("button", name="Resume the job").click()
    expect(page.get_by_role("status").first).to_contain_text("is in force again")
    assert in_force(org) == [(1, 20)]
    assert faults == []


def test_the_second_of_two_people_is_told(visitor: Visitor, org: Organization, browser: Browser) -> None:
    page, edit = visitor.page, f"/o/org_{org.id}/jobs/job_1/edit/"
    person("bob@example.org", org=org, admin=True)
    visitor.enter("alice@example.org")
    visitor.go(edit)
    opened = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    bob = Visitor(opened.new_page(), visitor.address)
    bob.enter("bob@example.org")
    bob.go(edit)
    bob.page.get_by_label("Delete what is older than").fill("25")
    bob.page.get_by_role("button", name="Save job").click()
    expect(bob.page.get_by_role("heading", level=1)).to_contain_text("older than 25 days")
    page.get_by_label("Delete what is older than").fill("35")
    page.get_by_role("button", name="Save job").click()
    expect(page.get_by_role("alert").first).to_contain_text("Somebody else has changed this job meanwhile")
    expect(page.locator(".eb-lead")).to_contain_text("older than 25 days")
    expect(page.get_by_label("Delete what is older than")).to_have_value("35")
    faults = visitor.examine()
    assert in_force(org) == [(1, 25)]
    page.get_by_role("button", name="Save job").click()
    at(page, f"/o/org_{org.id}/jobs/job_1/")
    expect(page.locator("#list-history tbody tr")).to_have_count(3)
    assert in_force(org) == [(1, 35)]
    opened.close()
    assert bob.complaints == []
    assert faults == []


def test_the_page_of_a_job_after_a_night(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    job_for(org, 60, queues=frozenset({queues_of(org)["Sales"]}))
    run = run_once(org)
    visitor.enter("alice@example.org")
    page.get_by_role("link", name="Jobs").click()
    page.wait_for_load_state("load")  # what is typed before its script is there narrows nothing
    page.get_by_role("searchbox", name="Search jobs").fill("global")
    expect(page.locator("#list-jobs tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Job 1", exact=True).click()
    expect(page.locator("main")).to_contain_text("it would have deleted: it was a simulation")
    page.get_by_role("searchbox", name="Search Qs").fill("claims")
    expect(page.locator("#list-reach tbody tr")).to_have_count(1)
    faults = visitor.examine()
    page.locator(f"a[href$='/runs/run_{run.id}/']").first.click()
    at(page, f"/o/org_{org.id}/runs/run_{run.id}/")
    assert faults == []


def test_a_job_can_be_made_without_scripts(visitor: Visitor, org: Organization) -> None:
    without = visitor.page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain = Visitor(without.new_page(), visitor.address)
    plain.enter("alice@example.org")
    plain.go(f"/o/org_{org.id}/jobs/new/")
    plain.page.locator("input[name=type][value=queue]").check()
    plain.page.locator("input[name=queues]").nth(1).check()
    plain.page.locator("#id_days").fill("50")
    plain.page.get_by_role("button", name="Preview", exact=True).click()
    expect(plain.page.locator("#preview")).to_contain_text("A job would have no effect")
    expect(plain.page.locator("#id_days")).to_have_value("50")
    plain.page.get_by_role("button", name="Whole run").click()
    expect(plain.page.locator(".eb-preview-table tbody tr")).to_have_count(8)
    assert in_force(org) == [(1, 30)]
    plain.page.get_by_role("button", name="Create job").click()
    plain.page.get_by_role("button", name="Save anyway").click()
    expect(plain.page.locator("main")).to_contain_text("The job has no effect.")
    assert plain.complaints == []
    without.close()


def test_leaving_with_something_unsaved_is_asked_about(visitor: Visitor, org: Organization) -> None:
    page, asked = visitor.page, []
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/jobs/new/")

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_label("All four data types of the whole organization").check()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_label("All four data types of the whole organization")).to_be_checked()
    at(page, f"/o/org_{org.id}/jobs/new/")
    assert asked == ["beforeunload"]
    page.get_by_label("Delete what is older than").fill("400")
    page.get_by_role("button", name="Create job").click()
    page.get_by_role("button", name="Save anyway").click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("New job")
    assert asked == ["beforeunload"]

"""What a person does, in a real browser: nothing scrolls sideways, nothing bars anybody, nothing offends the policy."""

import re

import pytest
from playwright.sync_api import Page, expect

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import DataType
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, job_for, person, run_once
from tests.cast import calls_over, centre, load, record

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with some data, a Global job of 30 days, and its admin."""
    made = centre("Alice's")
    days = [days_ago(made, age) for age in (40, *range(1, 8))]
    load(made, calls_over(("Sales", "Support", "Claims & complaints"), days=days, count=2))
    for queue in ("Sales", "Support", "Claims & complaints"):
        record(made, f"call-{queue}-{days_ago(made, 40)}-0", kind=DataType.DESKTOP)
    job_for(made, 30)
    person("alice@example.org", org=made, admin=True)
    return made


def at(page: Page, path: str) -> None:
    expect(page).to_have_url(re.compile(rf"^http://[^/]+{re.escape(path)}$"))


def test_signing_in_to_a_fresh_centre(visitor: Visitor, org: Organization) -> None:
    page, home = visitor.page, f"/o/org_{org.id}/"
    visitor.go("/")
    faults = visitor.examine()
    visitor.sign_in("alice@example.org", PASSWORD)
    at(page, home)
    expect(page.get_by_role("heading", name="Simulating — nothing is deleted")).to_be_visible()
    expect(page.get_by_text("No night has run yet.")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_text("No night has run yet")).to_be_visible()
    faults += visitor.examine()
    visitor.go("/o/org_999/")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    faults += visitor.examine()
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    at(page, "/sign-in/")
    visitor.go(home)
    at(page, f"/sign-in/?next={home}")
    assert faults == []


def test_a_blocked_night_is_looked_at_and_confirmed(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    job_for(org, 3)
    run = run_once(org)
    assert run.outcome == "blocked"
    visitor.sign_in("alice@example.org", PASSWORD)
    expect(page.get_by_role("heading", name="Armed, but the last night was blocked")).to_be_visible()
    faults = visitor.examine()
    page.locator("#state-title ~ p").get_by_role("link", name="See the run").click()
    faults += visitor.examine()
    page.get_by_role("button", name="I have seen these counts").click()
    dialog = page.get_by_role("dialog", name="Confirm this plan?")
    expect(dialog).to_contain_text("A run that is started with this plan may then delete them for good.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This plan is confirmed.")).to_have_count(0)
    page.get_by_role("button", name="I have seen these counts").click()
    dialog.get_by_role("button", name="Confirm the plan").click()
    expect(page.get_by_text("This plan is confirmed.")).to_be_visible()
    faults += visitor.examine()
    assert faults == []

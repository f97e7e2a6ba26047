"""From the request to the first arming and back, as both sides see it in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs.services import simulate
from ebbtide.domain.cell import DataType
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, job_for, operator, person
from tests.cast import calls_over, centre, load, record

from .conftest import WIDE, Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with old and young data, a Global job of 30 days, and its admin; a neighbour beside it."""
    made, neighbour = centre("Alice's"), centre("Charlie's")
    days = [days_ago(made, age) for age in (40, 35, *range(1, 12))]
    load(made, calls_over(("Sales", "Support", "Claims & complaints"), days=days, count=2))
    for queue in ("Sales", "Support", "Claims & complaints"):
        record(made, f"call-{queue}-{days_ago(made, 40)}-0", kind=DataType.DESKTOP)
    for one in (made, neighbour):
        job_for(one, 30)
    person("alice@example.org", org=made, admin=True)
    operator("olga")
    return made


@pytest.fixture
def olga(browser: Browser, address: str, org: Organization) -> Iterator[Visitor]:
    """The platform operator, at a browser of her own."""
    opened = browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
    came = Visitor(opened.new_page(), address)
    came.go("/platform/requests/")
    came.page.locator("#id_username").fill("olga@example.org")
    came.page.locator("#id_password").fill(PASSWORD)
    came.page.get_by_role("button", name="Sign in").click()
    came.page.wait_for_url("**/platform/requests/")
    yield came
    assert came.complaints == []
    opened.close()


def happened(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#list-history tbody td:nth-child(2)").all_inner_texts()]


def ask(visitor: Visitor, org: Organization) -> list[str]:
    page = visitor.page
    page.get_by_role("link", name="Ask for deletion to be switched on").click()
    expect(page.get_by_text("15 items")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Note to the platform operator").fill("Agreed with our lawyers.")
    page.get_by_role("button", name="Send the request").click()
    expect(page.locator("#id_seen-errors")).to_have_text("Look at the numbers first, then tick this.")
    expect(page.get_by_label("Note to the platform operator")).to_have_value("Agreed with our lawyers.")
    faults += visitor.examine()
    page.get_by_label("I have looked at what will be deleted").check()
    page.get_by_label("Type the organization's name to confirm").fill(org.name)
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_role("heading", name="Your request waits for the platform operator")).to_be_visible()
    return faults


def _simulated(visitor: Visitor, org: Organization) -> list[str]:
    """Make a simulation, in place of the worker, and look at it."""
    alice, home = visitor.page, f"/o/org_{org.id}/deletion/"
    faults: list[str] = []
    visitor.enter("alice@example.org")
    alice.get_by_role("link", name="Deletion").click()
    expect(alice.get_by_text("No night has been simulated yet")).to_be_visible()
    faults += visitor.examine()
    alice.get_by_role("button", name="Simulate now").click()
    expect(alice.get_by_text("A simulation is being made.")).to_be_visible()
    faults += visitor.examine()
    simulate(org.id, clock=CLOCK)  # in place of the worker, whose job stays in the queue
    visitor.go(home)
    expect(alice.get_by_text("15 items")).to_be_visible()
    _drop_jobs()
    expect(alice.get_by_role("link", name="Ask for deletion to be switched on")).to_be_visible(timeout=10_000)
    alice.get_by_role("link", name="Oldest day").click()
    expect(alice.locator("#list-night th[aria-sort]")).to_have_text("Oldest day")
    faults += visitor.examine()
    return faults


def _declined(visitor: Visitor, olga: Visitor, org: Organization) -> list[str]:
    """Ask, and be declined."""
    alice, home = visitor.page, f"/o/org_{org.id}/deletion/"
    faults: list[str] = []
    faults += ask(visitor, org)
    faults += visitor.examine()
    olga.go("/platform/requests/")
    faults += olga.examine()
    olga.page.get_by_role("link", name=re.compile("Request 1")).click()
    expect(olga.page.get_by_text("Agreed with our lawyers.").first).to_be_visible()
    expect(olga.page.get_by_text("The retention jobs are those of the simulation.")).to_be_visible()
    expect(olga.page.get_by_text("The first night stays within the caps.")).to_be_visible()
    faults += olga.examine()
    olga.page.get_by_role("link", name="Decline").click()
    olga.page.get_by_role("button", name="Decline").click()
    expect(olga.page.locator("#id_reason-errors")).to_have_text("Give a reason: it is kept with the change.")
    faults += olga.examine()
    olga.page.get_by_label("Reason").fill("Support has an open dispute")
    olga.page.get_by_role("button", name="Decline").click()
    expect(olga.page.get_by_text("The request was declined.")).to_be_visible()
    faults += olga.examine()
    visitor.go(home)
    expect(alice.get_by_role("heading", name="Your request was declined")).to_be_visible()
    expect(alice.get_by_text("Support has an open dispute").first).to_be_visible()
    faults += visitor.examine()
    return faults


def _granted(visitor: Visitor, olga: Visitor, org: Organization) -> list[str]:
    """Ask again, and be granted it."""
    alice, home = visitor.page, f"/o/org_{org.id}/deletion/"
    faults: list[str] = []
    faults += ask(visitor, org)
    olga.go("/platform/requests/")
    olga.page.get_by_role("link", name=re.compile("Request 2")).click()
    olga.page.get_by_role("link", name="Switch deletion on").click()
    faults += olga.examine()
    olga.page.get_by_label("Reason").fill("Dispute settled")
    olga.page.get_by_label("Type the organization's name to confirm").fill("Charlie's")
    olga.page.get_by_role("button", name="Switch deletion on").click()
    expect(olga.page.locator("#id_name-errors")).to_contain_text("That is not the organization's name")
    assert not refreshed(org.id).armed
    olga.page.get_by_label("Type the organization's name to confirm").fill("Alice's")
    olga.page.get_by_role("button", name="Switch deletion on").click()
    expect(olga.page.get_by_text("Armed: its nights delete for good")).to_be_visible()
    faults += olga.examine()
    assert happened(olga.page) == ["Switched on", "Asked", "Declined", "Asked"]
    visitor.go(home)
    expect(alice.get_by_role("heading", name="Switched on since")).to_be_visible()
    assert happened(alice) == ["Switched on", "Asked", "Declined", "Asked"]
    expect(alice.get_by_text("olga@example.org")).to_have_count(0)
    faults += visitor.examine()
    return faults


def _stopped(visitor: Visitor, olga: Visitor, org: Organization) -> list[str]:
    """Stop and release; the operator then switches deletion off."""
    alice, home = visitor.page, f"/o/org_{org.id}/deletion/"
    faults: list[str] = []
    alice.get_by_role("link", name="Stop all deletion now").click()
    faults += visitor.examine()
    alice.get_by_label("Reason").fill("Looking into job 1")
    alice.get_by_role("button", name="Stop all deletion").click()
    expect(alice.get_by_text("This organization's kill switch is on.")).to_be_visible()
    faults += visitor.examine()
    alice.get_by_role("link", name="Switch it off").click()
    faults += visitor.examine()
    alice.get_by_label("Reason").fill("Job 1 is right")
    alice.get_by_role("button", name="Switch it off").click()
    expect(alice.get_by_text("The kill switch is off.")).to_be_visible()
    olga.go(f"/platform/orgs/org_{org.id}/deletion/")
    faults += olga.examine()
    olga.page.get_by_role("link", name="Switch deletion off").click()
    faults += olga.examine()
    olga.page.get_by_label("Reason").fill("Contract ended")
    olga.page.get_by_role("button", name="Switch deletion off").click()
    expect(olga.page.get_by_text("Not armed: its nights only report")).to_be_visible()
    assert not refreshed(org.id).armed
    visitor.go(home)
    expect(alice.get_by_role("heading", name="Switched off — nothing is deleted")).to_be_visible()
    assert happened(alice)[:3] == ["Switched off", "Kill switch off", "Kill switch on"]
    faults += visitor.examine()
    return faults


def _drop_jobs() -> None:
    """Empty the queue, as the worker would have."""
    with acting_in(0, using=SWEEP) as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.mark.long
def test_from_the_request_to_arming_and_back(visitor: Visitor, olga: Visitor, org: Organization) -> None:
    expect(olga.page.get_by_text("Nobody waits for an answer.")).to_be_visible()
    faults = olga.examine()
    faults += _simulated(visitor, org)
    faults += _declined(visitor, olga, org)
    faults += _granted(visitor, olga, org)
    faults += _stopped(visitor, olga, org)
    assert faults == []

"""Home in a real browser: its charts and tables, the pages behind it, with scripts and without."""

import pytest
from playwright.sync_api import expect

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import What
from tests.apps.web.conftest import CLOCK, days_ago, job_for, person, queues_of
from tests.cast import calls_over, centre, load, record

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with data of different ages, two retentions, rows set aside, and its admin."""
    made = centre("Alice's")
    days = [days_ago(made, age) for age in (500, 41, 40, *range(1, 8))]
    load(made, calls_over(("Sales", "Support", "Claims & complaints"), days=days, count=2))
    for queue in ("Sales", "Support", "Claims & complaints"):
        for age in (40, 4):
            record(made, f"call-{queue}-{days_ago(made, age)}-0", kind=DataType.DESKTOP)
    odd = {"queue": "Sales", "day": None, "customer": "+49 30 5550199"}
    load(made, [{"source_key": "odd-1", **odd}, {"source_key": "odd-2", **odd, "undatable": 'unreadable end "32/13"'}])
    job_for(made, 400)
    job_for(made, 30, queues=frozenset({queues_of(made)["Sales"]}), what=What.DESKTOP)
    person("alice@example.org", org=made, admin=True)
    return made


def test_home_from_its_banner_to_what_is_set_aside(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    expect(page.get_by_role("heading", name="Simulating — nothing is deleted")).to_be_visible()
    expect(page.get_by_text("The run will only report this: it deletes nothing.")).to_be_visible()
    expect(page.get_by_role("img", name="Reporting data, 60 items")).to_be_visible()
    faults = visitor.examine()
    page.get_by_role("link", name="Size").click()
    expect(page.get_by_role("link", name="Size")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="The same numbers as a table").click()
    expect(page.locator("#list-ages table")).to_be_visible()
    faults += visitor.examine()
    page.locator("#list-ages").get_by_role("link", name="Desktop recordings").click()
    expect(page.locator("#list-ages table")).to_be_visible()
    page.get_by_label("Search Qs").fill("claims")
    expect(page.locator("#list-matrix tbody tr")).to_have_count(1)
    expect(page.locator("#list-matrix")).to_contain_text("400 days")
    faults += visitor.examine()
    page.get_by_label("Search Qs").fill("no such")
    expect(page.get_by_text("No Q has that in its name.")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name="Which Qs hold most").click()
    expect(page.get_by_role("heading", name="Stored by Q")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("link", name="Look at 2 rows").click()
    expect(page.locator("#list-aside tbody tr")).to_have_count(2)
    expect(page.get_by_text("5550199")).to_have_count(0)
    faults += visitor.examine()
    page.get_by_label("Why undatable").select_option("unreadable end")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#list-aside tbody tr")).to_have_count(1)
    page.get_by_label("Kind").select_option("late")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No row fits.")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_home_armed_and_without_scripts(visitor: Visitor, org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    visitor.enter("alice@example.org")
    expect(visitor.page.get_by_text("The run will delete this for good.")).to_be_visible()
    assert visitor.examine() == []
    without = visitor.page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain = Visitor(without.new_page(), visitor.address)
    plain.enter("alice@example.org")
    plain.page.get_by_role("link", name="Size").click()
    expect(plain.page.get_by_role("link", name="Size")).to_have_attribute("aria-current", "true")
    expect(plain.page.locator("#ages svg[role=img]")).to_have_count(2)
    with plain.page.expect_download() as download:
        plain.page.locator("#list-matrix").get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"ebbtide-org_{org.id}-effective-retention.csv"
    assert plain.complaints == []
    without.close()


def test_the_home_of_a_new_centre(visitor: Visitor, address: str) -> None:
    fresh = centre("Fresh")
    person("fresh@example.org", org=fresh, admin=True)
    visitor.enter("fresh@example.org")
    expect(visitor.page.get_by_role("heading", name="Begin here")).to_be_visible()
    faults = visitor.examine()
    for rest in ("storage/", "aside/"):
        visitor.go(f"/o/org_{fresh.id}/{rest}")
        faults += visitor.examine()
    assert faults == []

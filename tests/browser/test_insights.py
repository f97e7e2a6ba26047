"""Reports in a real browser: over a purged edge, their ranges, filters and CSV; agents, channels, and back."""

import csv
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.orgs.models import Organization, Permission
from tests.apps.reports.purging import purge
from tests.apps.web.conftest import CLOCK, days_ago, job_for, person, queues_of
from tests.cast import calls, centre, load

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with two Qs, one of which was purged up to eleven days ago; its neighbour has the same and keeps it."""
    made, neighbour = centre("Alice's"), centre("Charlie's")
    for one in (made, neighbour):
        for queue in ("Sales", "Support"):
            for age in (25, 12, *range(1, 9)):
                rows = calls(queue, day=days_ago(one, age), count=age)
                load(one, [row | {"agent": f"{queue} agent"} for row in rows])
        sum_up(one, now=CLOCK.now(), stop=lambda: False)
    job_for(made, 11, queues=frozenset({queues_of(made)["Sales"]}))
    purge(made)
    person("alice@example.org", org=made, admin=True)
    person("ana@example.org", org=made, may=Permission.INSIGHTS_VIEW)
    return made


def test_a_report_over_a_purged_edge(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    page.get_by_role("link", name="Insights").click()
    expect(page.get_by_role("heading", name="Insights")).to_be_visible()
    expect(page.get_by_text("Part of this range is purged.")).to_be_visible()
    expect(page.locator("#purged")).to_contain_text("purged by Q 11 days")
    expect(page.locator("#list-queues tbody tr")).to_have_count(2)
    expect(page.get_by_text("Not compared, because data of one of the two periods is purged: Sales.")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Range").select_option("7")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Part of this range is purged.")).to_have_count(0)
    faults += visitor.examine()
    page.get_by_label("Range").select_option("custom")
    page.get_by_label("From").fill(days_ago(org, 25).isoformat())
    page.get_by_role("textbox", name="To").fill((days_ago(org, 12)).isoformat())
    page.locator("#pick-queues").click()
    page.get_by_role("checkbox", name="Sales").check()
    faults += visitor.examine()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("All data of this range is purged.")).to_be_visible()
    expect(page.locator("#list-queues tbody tr")).to_have_count(1)
    expect(page.locator("#list-queues tbody tr")).to_contain_text("purged")
    faults += visitor.examine()
    with page.expect_download() as download:
        page.locator("#list-intervals").get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["complete"], row["offered"]) for row in rows} == {("purged", "")}
    assert rows[0]["begin"] == f"{days_ago(org, 25)}T00:00:00"
    page.get_by_label("From").fill((days_ago(org, 0) + timedelta(days=3)).isoformat())
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("a range ends on or after the day it begins")
    # the browser reports the refusal as a failed load: what was asked for, and no fault of the page
    visitor.complaints[:] = [one for one in visitor.complaints if "422" not in one]
    faults += visitor.examine()
    page.get_by_label("Range").select_option("year")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#list-intervals tbody tr")).to_have_count(12)
    page.get_by_text("Service targets").click()
    page.get_by_label("Answered within").select_option("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The service target of 2 Qs is 30 seconds now.")).to_be_visible()
    expect(page.locator("#list-intervals tbody tr")).to_have_count(12)
    faults += visitor.examine()
    faults += agents_and_channels(visitor)
    assert faults == []


def agents_and_channels(visitor: Visitor) -> list[str]:
    """Go on to the other reports: over the same edge, one agent alone, and the mix of channels."""
    page, ways = visitor.page, visitor.page.get_by_role("navigation", name="Insights")
    ways.get_by_role("link", name="Agents").click()
    expect(ways.get_by_role("link", name="Agents")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Insights")).to_have_attribute(
        "aria-current", "page"
    )
    expect(page.get_by_text("Part of this range is purged.")).to_be_visible()
    expect(page.locator("#list-agents tbody tr")).to_have_count(2)
    faults = visitor.examine()
    page.get_by_role("link", name="Support agent").click()
    expect(page.get_by_text("Only Support agent.")).to_be_visible()
    expect(page.locator("#list-agents tbody tr")).to_have_count(1)
    page.get_by_label("Range").select_option("7")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#list-intervals tbody tr")).to_have_count(7)
    expect(page.get_by_text("Only Support agent.")).to_be_visible()  # the form keeps her
    faults += visitor.examine()
    with page.expect_download() as download:
        page.locator("#list-agents").get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["agent"], row["handled"]) == ("Support agent", str(sum(range(1, 8))))
    ways.get_by_role("link", name="Channels").click()
    expect(page.locator("#list-channels tbody tr")).to_have_count(1)
    expect(page.locator("#list-channels tbody tr")).to_contain_text("100.0")
    faults += visitor.examine()
    ways.get_by_role("link", name="Queues").click()
    expect(page.locator("#list-queues tbody tr")).to_have_count(2)
    return faults


def test_who_may_only_see_insights(visitor: Visitor, org: Organization) -> None:
    visitor.enter("ana@example.org")
    visitor.go(f"/o/org_{org.id}/insights/?range=30")
    expect(visitor.page.locator("#list-queues tbody tr")).to_have_count(2)
    expect(visitor.page.get_by_text("Service targets")).to_have_count(0)
    expect(visitor.page.get_by_role("link", name="Jobs")).to_have_count(0)
    assert visitor.examine() == []

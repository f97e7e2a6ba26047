"""Costs, from an empty centre to a closed statement, and the operator's rate card, in a real browser."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from ebbtide.apps.billing.services import meter
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.domain.billing import month_of
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.apps.billing.past import happened
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, person
from tests.cast import calls_over, centre, load, record

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with data that nobody has metered yet, its admin, and the operator."""
    made = centre("Alice's")
    days = [days_ago(made, age) for age in (70, 40, 3)]
    load(made, calls_over(("Sales", "Support", "Claims & complaints"), days=days, count=2))
    for queue in ("Sales", "Support", "Claims & complaints"):
        record(made, f"call-{queue}-{days_ago(made, 40)}-0", kind=DataType.DESKTOP, content=b"x" * 3_000_000)
    person("alice@example.org", org=made, admin=True)
    person("olga@example.org", org=centre("Charlie's"))
    User.objects.filter(email="olga@example.org").update(is_operator=True)
    return made


def test_from_nothing_to_a_closed_statement(visitor: Visitor, org: Organization, database: Urls) -> None:
    page, month = visitor.page, month_of(days_ago(org, 0)).previous
    visitor.enter("alice@example.org")
    page.get_by_role("link", name="Costs").click()
    expect(page.get_by_text("Nothing is metered yet")).to_be_visible()
    faults = visitor.examine()
    happened(database, CLOCK.now() - timedelta(days=70), org=org)
    meter(org, clock=CLOCK)
    page.reload()
    expect(page.get_by_text("No rate card is in force yet")).to_be_visible()
    expect(page.get_by_role("img", name="Bytes at rest on each date")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("link", name=f"{month.first:%B %Y}").click()
    expect(page.get_by_text("It never changes, whatever is purged")).to_be_visible()
    expect(page.get_by_text("it was closed without prices")).to_be_visible()
    faults += visitor.examine()
    page.get_by_placeholder("Search Qs").fill("claims")
    expect(page.locator("#list-shares tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Byte-days billed").click()
    expect(page.locator("#list-shares th[aria-sort]")).to_have_text("Byte-days billed")
    with page.expect_download() as paper:
        page.get_by_role("link", name="PDF").click()
    assert paper.value.suggested_filename == f"ebbtide-org_{org.id}-{month}.pdf"
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV").first.click()
    assert table.value.suggested_filename == f"ebbtide-org_{org.id}-{month}.csv"
    page.get_by_role("navigation", name="Neighbouring months").get_by_role("link").last.click()
    expect(page.get_by_text("A preview:")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_a_rate_card_is_tried_and_put_in_force(visitor: Visitor, org: Organization, database: Urls) -> None:
    page = visitor.page
    happened(database, CLOCK.now() - timedelta(days=70), org=org)
    meter(org, clock=CLOCK)
    visitor.go("/platform/rate-card/")
    page.locator("#id_username").fill("olga@example.org")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No rate card is in force: storage is metered, and nothing has a price.")).to_be_visible()
    faults = visitor.examine()
    page.get_by_role("button", name="Put in force").click()
    expect(page.locator("#id_price_audio-errors")).to_have_text("Give a price; 0 where it costs nothing.")
    faults += visitor.examine()
    for field, text in (("insights", "0.02"), ("audio", "0.023"), ("transcript", "0.02"), ("desktop", "4500")):
        page.locator(f"#id_price_{field}").fill(text)
    page.locator("#id_days_insights").fill("400")
    page.get_by_role("button", name="Try it on last month").click()
    expect(page.get_by_role("heading", name=re.compile("with this card$"))).to_be_visible()
    expect(page.locator("#id_price_desktop")).to_have_value("4500")
    faults += visitor.examine()
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("Closed months stay as they are.")).to_be_visible()
    expect(page.locator("#list-cards")).to_contain_text("In force")
    faults += visitor.examine()
    assert faults == []

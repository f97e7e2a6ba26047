"""A forecast is read, a lever tried by slider and by hand, a budget set; the operator looks over all of them."""

from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from ebbtide.apps.billing import services
from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.billing.stock import forget_stocks
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.domain.billing import month_of
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.apps.billing.past import card
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, job_for, person
from tests.cast import calls, centre, load, record

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Iterator[Organization]:
    """A centre with screens of eight weeks that cost something, a Global job, its admin, and the operator."""
    forget_stocks()
    made = centre("Alice's")
    for queue in ("Sales", "Support", "Claims & complaints"):
        for age in range(70, 0, -3):
            day = days_ago(made, age)
            load(made, calls(queue, day=day, count=1))
            content = f"{queue} {age}".encode().ljust(200_000, b".")
            record(made, f"call-{queue}-{day}-0", kind=DataType.DESKTOP, content=content)
    job_for(made, 60)
    person("alice@example.org", org=made, admin=True)
    person("olga@example.org", org=made, admin=True)
    User.objects.filter(email="olga@example.org").update(is_operator=True)
    yield made
    forget_stocks()


def priced() -> None:
    services.set_card(
        card(insights="0", desktop="100000"), month=month_of(CLOCK.now().date()), actor="op", now=CLOCK.now()
    )


def metered(org: Organization, database: Urls) -> None:
    """As if everything had come forty days ago, and had been metered since."""
    with psycopg.connect(database.superuser) as witness:
        witness.execute("UPDATE catalog_cellchange SET at = at - interval '40 days'")
    services.meter(org, clock=CLOCK)


def test_a_forecast_and_its_budget(visitor: Visitor, org: Organization, database: Urls) -> None:
    page, costs = visitor.page, f"/o/org_{org.id}/costs/"
    visitor.enter("alice@example.org")
    visitor.go(f"{costs}forecast/")
    expect(page.get_by_text("No rate card is in force yet")).to_be_visible()
    faults = visitor.examine()
    priced()
    metered(org, database)  # or a month on its last day would cost nothing
    visitor.go(f"{costs}forecast/")
    expect(page.get_by_role("img", name="Cost a month:")).to_be_visible()
    expect(page.locator(".eb-lever")).to_contain_text("Desktop recordings of")
    page.get_by_text("All figures, month by month").click()
    expect(page.locator("#list-ahead tbody tr")).to_have_count(13)
    faults += visitor.examine()
    page.get_by_label("Beyond").select_option("60")
    expect(page.locator("#list-levers")).to_contain_text("Nothing beyond 60 days costs anything.")
    page.get_by_label("Budget a month").fill("ten")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#id_amount-errors")).to_contain_text("'ten' is not an amount")
    faults += visitor.examine()
    page.get_by_label("Budget a month").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The budget was saved.")).to_be_visible()
    expect(page.get_by_text("The budget will not be enough.")).to_be_visible()
    faults += visitor.examine()
    assert faults == []


def test_a_retention_is_tried(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    priced()
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/costs/forecast/")
    page.get_by_role("link", name="Try a retention").click()
    expect(page.get_by_text("Say how far the job reaches and after how many days")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Only the Qs you choose").check()
    page.get_by_label("Desktop recordings only").check()
    page.locator("#id_days").fill("30")
    expect(page.locator("#cost-figures")).to_contain_text("A Q job names at least one Q")
    faults += visitor.examine()
    page.get_by_label("Sales").check()
    figures = page.locator("#cost-figures")
    expect(figures).to_contain_text("Saves")
    expect(figures).to_contain_text("The first night takes")
    expect(figures.get_by_role("img", name="At 30 days the job's data costs")).to_be_visible()
    slider = page.locator("#days-slider")
    expect(slider).to_have_attribute("aria-valuetext", "30 days")
    faults += visitor.examine()
    slider.focus()
    slider.press("Home")
    expect(page.locator("#id_days")).to_have_value("1")
    expect(figures.get_by_role("img", name="At 1 day the job's data costs")).to_be_visible()
    slider.press("End")
    expect(page.locator("#id_days")).to_have_value("5000")
    expect(figures).to_contain_text("Changes nothing in the first twelve months.")  # the Global job is shorter
    page.get_by_text("The curve in figures").click()
    faults += visitor.examine()
    page.get_by_role("button", name="Make this a job").click()
    expect(page.get_by_role("heading", name="New job")).to_be_visible()
    expect(page.get_by_label("Delete what is older than")).to_have_value("5000")
    expect(page.get_by_label("Sales", exact=True)).to_be_checked()
    faults += visitor.examine()
    assert faults == []


def test_a_retention_is_tried_without_scripts(visitor: Visitor, org: Organization) -> None:
    priced()
    without = visitor.page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain = Visitor(without.new_page(), visitor.address)
    plain.enter("alice@example.org")
    plain.go(f"/o/org_{org.id}/costs/what-if/")
    plain.page.locator("input[name=type][value=global]").check()
    plain.page.locator("#id_days").fill("20")
    plain.page.locator("#job-form").get_by_role("button", name="Reckon").click()
    expect(plain.page.locator("#cost-figures")).to_contain_text("Saves")
    assert plain.complaints == []
    without.close()


def test_the_operator_looks_over_all(visitor: Visitor, org: Organization, database: Urls) -> None:
    page = visitor.page
    priced()
    visitor.go("/platform/costs/")
    visitor.page.locator("#id_username").fill("olga@example.org")
    visitor.page.locator("#id_password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url("**/platform/costs/")
    visitor.go("/platform/costs/")
    faults = visitor.examine()
    metered(org, database)
    look_ahead(org, now=CLOCK.now())
    visitor.go("/platform/costs/")
    expect(page.locator("#list-orgs tbody tr")).to_have_count(1)
    faults += visitor.examine()
    page.get_by_role("link", name="Without any job").click()
    expect(page.get_by_text("Every organization has a job.")).to_be_visible()
    faults += visitor.examine()
    assert faults == []

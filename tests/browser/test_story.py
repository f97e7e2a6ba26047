"""The whole way in one piece: from the first start to a live night that is switched off while it runs.

What each page looks like, and what it refuses, is asked in the tests of its own; here only the way through is walked,
by the operator, an admin and an analyst, each at a browser of their own. A neighbour stands beside it all.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from ebbtide.apps.accounts import set_up
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.runs.nights import due_nights, run_nights
from ebbtide.domain.cell import DataType
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, job_for
from tests.apps.web.live import going
from tests.cast import calls, calls_over, centre, everything, load, record

from .conftest import WIDE, Visitor
from .test_accounts import last_letter, link_of

NAME = "Nordlicht"
SLOW = 15_000


@pytest.fixture
def people(browser: Browser, address: str) -> Iterator[tuple[Visitor, Visitor, Visitor]]:
    """The operator, the admin to be and the analyst to be."""
    contexts = [browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce") for _ in range(3)]  # type: ignore[arg-type]
    olga, nina, vera = (Visitor(context.new_page(), address) for context in contexts)
    yield olga, nina, vera
    assert [*olga.complaints, *nina.complaints, *vera.complaints] == []
    for context in contexts:
        context.close()


def first_start(olga: Visitor) -> None:
    """Follow the link that is printed once, and become the operator."""
    link = set_up.make_link(olga.address, now=CLOCK.now())
    olga.go(link.removeprefix(olga.address))
    olga.page.get_by_label("E-mail").fill("olga@example.org")
    olga.page.get_by_label("Name").fill("Olga")
    olga.page.get_by_label("Password", exact=True).fill(PASSWORD)
    olga.page.get_by_label("Password, once more").fill(PASSWORD)
    olga.page.get_by_role("button", name="Make the operator").click()
    expect(olga.page.locator(".eb-user")).to_have_text("olga@example.org")


def onboarded(olga: Visitor) -> Organization:
    """Onboard an organization and invite its first admin."""
    olga.go("/platform/orgs/new/")
    page = olga.page
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Time zone").fill("Europe/Oslo")
    page.get_by_label("Onboarded on").fill("2021-12-31")
    page.get_by_label("First admin").fill("nina@example.org")
    page.get_by_role("button", name="Onboard").click()
    expect(page.get_by_text(f"{NAME} was onboarded. Deletion is off.")).to_be_visible()
    return find_organization(NAME)


def join(visitor: Visitor, name: str) -> None:
    """Follow the newest invitation."""
    visitor.go(link_of(last_letter()))
    visitor.page.get_by_label("Name").fill(name)
    visitor.page.get_by_label("Password", exact=True).fill(PASSWORD)
    visitor.page.get_by_label("Password, once more").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Create account and join").click()
    visitor.page.wait_for_url("**/o/org_*/")


def let_look(nina: Visitor, vera: Visitor, base: str) -> None:
    """Make a group that may view, invite somebody into it; she sees the jobs and can save none."""
    page = nina.page
    nina.go(f"{base}people/groups/new/")
    page.get_by_label("Name").fill("Analysts")
    page.get_by_label("Data Management: view").check()
    page.get_by_role("button", name="Create group").click()
    nina.go(f"{base}people/invite/")
    page.get_by_label("E-mail").fill("vera@example.org")
    page.get_by_label("Analysts").check()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("status")).to_contain_text("An invitation was sent to vera@example.org.")
    join(vera, "Vera")
    vera.page.get_by_role("link", name="Jobs").click()
    expect(vera.page.get_by_role("heading", name="Jobs").first).to_be_visible()
    expect(vera.page.get_by_role("link", name="New job")).to_have_count(0)
    vera.go(f"{base}jobs/new/")
    expect(vera.page.get_by_text("This needs the permission to manage Data Management")).to_be_visible()


def make_jobs(nina: Visitor, base: str) -> None:
    """Make a Global job beside its preview, then one that it leaves without effect."""
    page = nina.page
    nina.go(f"{base}jobs/new/")
    page.locator("input[name=type][value=global]").check()
    page.locator("#id_days").fill("30")
    expect(page.locator("#preview")).to_contain_text("15 items", timeout=SLOW)
    page.get_by_role("button", name="Create job").click()
    expect(page.get_by_role("status")).to_contain_text("was created")
    nina.go(f"{base}jobs/new/")
    page.locator("input[name=type][value=queue]").check()
    page.locator("input[name=queues]").first.check()
    page.locator("input[name=what][value=all]").check()
    page.locator("#id_days").fill("60")
    page.get_by_role("button", name="Create job").click()
    warning = page.get_by_role("dialog", name="A job would have no effect")
    expect(warning).to_contain_text("older than 30 days")
    warning.get_by_role("button", name="Save anyway").click()
    expect(page.get_by_text("No effect").first).to_be_visible()


def ask_and_arm(nina: Visitor, olga: Visitor, base: str) -> None:
    """Ask on the evidence of the night; the operator looks at it and arms."""
    page = nina.page
    nina.go(f"{base}deletion/")
    page.get_by_role("link", name="Ask for deletion to be switched on").click()
    page.get_by_label("I have looked at what will be deleted").check()
    page.get_by_label("Type the organization's name to confirm").fill(NAME)
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_role("heading", name="Your request waits for the platform operator")).to_be_visible()
    olga.go("/platform/requests/")
    olga.page.get_by_role("link", name=re.compile("Request 1")).click()
    olga.page.get_by_role("link", name="Switch deletion on").click()
    olga.page.get_by_label("Reason").fill("The evidence is good")
    olga.page.get_by_label("Type the organization's name to confirm").fill(NAME)
    olga.page.get_by_role("button", name="Switch deletion on").click()
    expect(olga.page.get_by_text("Armed: its nights delete for good")).to_be_visible()


def test_from_the_first_start_to_a_night_switched_off_while_it_runs(
    people: tuple[Visitor, Visitor, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    olga, nina, vera = people
    neighbour = centre("Charlie's")
    load(neighbour, calls("Sales", day=days_ago(neighbour, 40), count=2))
    job_for(neighbour, 30)
    arm(neighbour.id, reason="ready", actor="test", now=CLOCK.now())
    first_start(olga)
    org = onboarded(olga)
    base = f"/o/org_{org.id}/"
    join(nina, "Nina")
    days = [days_ago(org, age) for age in (40, 35, *range(1, 12))]
    load(org, calls_over(("Claims", "Sales", "Support"), days=days, count=2))
    for queue in ("Claims", "Sales", "Support"):
        record(org, f"call-{queue}-{days_ago(org, 40)}-0", kind=DataType.DESKTOP)
    let_look(nina, vera, base)
    make_jobs(nina, base)

    run_nights(due_nights(CLOCK.now()), clock=CLOCK)
    others = everything(neighbour)
    vera.go(f"{base}runs/")
    vera.page.locator("#list-runs tbody a").first.click()
    expect(vera.page.get_by_text("Simulated: would have deleted 15 items")).to_be_visible()
    ask_and_arm(nina, olga, base)

    with going(org, monkeypatch) as run:
        nina.go(f"{base}runs/")
        nina.page.locator("#list-runs tbody a").first.click()
        expect(nina.page.get_by_role("heading", name="Deleting")).to_be_visible()
        run.gate.step(3)
        expect(nina.page.locator("#progress")).to_contain_text("3 of 15 items", timeout=SLOW)
        assert run.end().outcome == "completed"
        expect(nina.page.get_by_text("Completed: deleted 15 items")).to_be_visible(timeout=SLOW)

    job_for(org, 8)
    with going(org, monkeypatch) as run:
        run.gate.step(1)
        olga.go(f"/platform/orgs/org_{org.id}/deletion/")
        olga.page.get_by_role("link", name="Switch deletion off").click()
        olga.page.get_by_label("Reason").fill("Something is not right")
        olga.page.get_by_role("button", name="Switch deletion off").click()
        expect(olga.page.get_by_text("Not armed: its nights only report")).to_be_visible()
        left = everything(org)
        assert run.end().outcome == "incomplete"
    assert everything(org) == left
    assert everything(neighbour) == others
    nina.go(f"{base}runs/")
    nina.page.locator("#list-runs tbody a").first.click()
    expect(nina.page.get_by_text("deletion is not armed", exact=False).first).to_be_visible()

"""Accounts in a real browser: the first operator, passkeys, an invitation, groups, sessions."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect

from ebbtide.apps.accounts import set_up
from ebbtide.apps.orgs.models import Organization
from tests.apps.accounts.conftest import code
from tests.apps.web.conftest import CLOCK, PASSWORD, person
from tests.cast import centre

from .conftest import WIDE, Visitor

BUDGET = 300 * 1024


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Nothing is counted yet: the memory of limits outlives a test's database."""
    cache.clear()


@pytest.fixture
def org(address: str) -> Organization:
    made = centre("Alice's")
    person("alice@example.org", org=made, admin=True)
    person("bob@example.org", org=made)
    return made


@pytest.fixture
def local(visitor: Visitor) -> Visitor:
    """The visitor at the host's name: passkeys belong to names, not to bare addresses."""
    visitor.address = visitor.address.replace("127.0.0.1", "localhost")
    return visitor


@pytest.fixture
def other(browser: Browser, visitor: Visitor) -> Iterator[Visitor]:
    """Somebody else, with a browser of their own."""
    context = browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
    came = Visitor(context.new_page(), visitor.address)
    yield came
    assert came.complaints == []
    context.close()


def virtual_key(page: Page) -> None:
    """Give the browser a device that holds passkeys and always recognizes its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def type_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def last_letter() -> str:
    """The newest e-mail in the data folder."""
    file = max((settings.EBBTIDE_DATA / "mail").iterdir(), key=lambda one: one.stat().st_mtime_ns)
    body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body()
    assert body is not None
    return body.get_content()


def link_of(letter: str) -> str:
    (found,) = re.findall(r"http://\S+", letter)
    return "/" + found.split("/", 3)[3]


def enrol_app(visitor: Visitor, faults: list[str]) -> tuple[str, str]:
    """Set up an authenticator app, mistyping once; gives its secret and one of the recovery codes."""
    page = visitor.page
    page.get_by_role("link", name="Set up the app").click()
    secret = page.locator(".eb-secret").inner_text().replace(" ", "")
    page.get_by_label("Code that the app shows now").fill("000000x")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#id_code-errors")).to_contain_text("This did not work")
    expect(page.locator(".eb-secret")).to_have_text(" ".join(re.findall("....", secret)))
    faults += visitor.examine()
    page.get_by_label("Code that the app shows now").fill(code(secret, ahead=-1))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("They are shown this once.")).to_be_visible()
    expect(page.locator("#codes code")).to_have_count(10)
    saved = page.locator("#codes code").first.inner_text()
    faults += visitor.examine()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 codes are left.")).to_be_visible()
    faults += visitor.examine()
    return secret, saved


@override_settings(EBBTIDE_SECOND_FACTOR="operators")
def test_the_set_up_link_makes_an_operator_with_an_app(visitor: Visitor) -> None:
    page = visitor.page
    link = set_up.make_link(visitor.address, now=CLOCK.now())
    visitor.go(link.removeprefix(visitor.address))
    faults = visitor.examine()
    page.get_by_label("E-mail").fill("olga@example.org")
    page.get_by_label("Name").fill("Olga")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password, once more").fill("short")
    page.get_by_role("button", name="Make the operator").click()
    expect(page.locator("#id_password-errors")).to_contain_text("too short")
    expect(page.get_by_label("Name")).to_have_value("Olga")
    faults += visitor.examine()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the operator").click()
    expect(page.get_by_text("This platform insists on a second factor for you")).to_be_visible()
    faults += visitor.examine()
    secret, saved = enrol_app(visitor, faults)
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    type_in(page, "olga@example.org")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    faults += visitor.examine()
    page.get_by_label("Code").fill("12345")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#id_code-errors")).to_contain_text("This did not work")
    faults += visitor.examine()
    page.get_by_label("Code").fill(code(secret))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".eb-user")).to_have_text("olga@example.org")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    type_in(page, "olga@example.org")
    page.get_by_label("Code").fill(saved)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".eb-user")).to_have_text("olga@example.org")
    visitor.go(link.removeprefix(visitor.address))
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    assert faults == []


def test_a_passkey_is_added_and_signs_in_without_a_password(local: Visitor, org: Organization) -> None:
    page = local.page
    virtual_key(page)
    local.sign_in("alice@example.org", PASSWORD)
    local.go("/account/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    faults = local.examine()
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("#codes code")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("strong").filter(has_text="My phone")).to_be_visible()
    faults += local.examine()
    page.get_by_role("link", name="Rename My phone").click()
    faults += local.examine()
    page.get_by_label("Name").fill("Work phone")
    page.get_by_role("button", name="Save").click()
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    local.go(f"/o/org_{org.id}/people/")
    page.get_by_role("link", name="Use a passkey").click()
    page.wait_for_url(f"**/o/org_{org.id}/people/")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    type_in(page, "alice@example.org")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    faults += local.examine()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"**/o/org_{org.id}/")
    local.go("/account/second-factor/")
    page.get_by_role("link", name="Remove Work phone").click()
    faults += local.examine()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("No passkey yet.")).to_be_visible()
    assert faults == []


def test_without_a_passkey_and_at_a_bare_address_the_page_says_so(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.go("/sign-in/passkey/")
    expect(page.get_by_text("Passkeys cannot be used here")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    faults = visitor.examine()
    assert faults == []


def make_first_group(visitor: Visitor, faults: list[str]) -> None:
    """Make a group that views Data Management, forgetting its name first."""
    page = visitor.page
    page.get_by_role("link", name="Make the first group").click()
    page.get_by_label("Data Management: view").check()
    page.get_by_role("button", name="Create group").click()
    expect(page.locator("#id_name-errors")).to_contain_text("required")
    expect(page.get_by_label("Data Management: view")).to_be_checked()
    faults += visitor.examine()
    page.get_by_label("Name").fill("Analysts")
    page.get_by_role("button", name="Create group").click()
    expect(page.get_by_role("status")).to_contain_text("The group Analysts was created.")
    faults += visitor.examine()


def join(nora: Page) -> None:
    """Accept an invitation as somebody new."""
    nora.get_by_label("Name").fill("Nora")
    nora.get_by_label("Password", exact=True).fill(PASSWORD)
    nora.get_by_label("Password, once more").fill(PASSWORD)
    nora.get_by_role("button", name="Create account and join").click()


def test_an_invitation_a_group_that_views_only_and_its_end(visitor: Visitor, other: Visitor, org: Organization) -> None:
    page, base = visitor.page, f"/o/org_{org.id}/people/"
    visitor.sign_in("alice@example.org", PASSWORD)
    page.get_by_role("link", name="People").click()
    expect(page.get_by_text("Nobody is invited at the moment.")).to_be_visible()
    faults = visitor.examine()
    page.get_by_role("link", name="User groups").click()
    faults += visitor.examine()
    make_first_group(visitor, faults)
    page.get_by_role("navigation", name="People").get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Invite").click()
    faults += visitor.examine()
    page.get_by_label("E-mail").fill("nora@example.org")
    page.get_by_label("Analysts").check()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("status")).to_contain_text("An invitation was sent to nora@example.org.")
    faults += visitor.examine()
    page.get_by_role("button", name="Send again nora@example.org").click()
    expect(page.get_by_role("status")).to_contain_text("An invitation was sent to nora@example.org.")
    nora = other.page
    other.go(link_of(last_letter()))
    expect(nora.get_by_role("heading", name="Join Alice's")).to_be_visible()
    faults += other.examine()
    join(nora)
    nora.wait_for_url(f"**/o/org_{org.id}/")
    nora.get_by_role("link", name="Jobs", exact=True).click()
    expect(nora.get_by_role("link", name="New job")).to_have_count(0)
    other.go(f"/o/org_{org.id}/jobs/new/")
    expect(nora.get_by_text("This needs the permission to manage Data Management")).to_be_visible()
    visitor.go(base)
    expect(page.get_by_text("nora@example.org joined as member, in Analysts")).to_be_visible()
    page.get_by_role("link", name="Nora").click()
    expect(page.get_by_label("Analysts")).to_be_checked()
    faults += visitor.examine()
    page.get_by_label("Analysts").uncheck()
    page.get_by_role("button", name="Save").click()
    other.go(f"/o/org_{org.id}/jobs/")
    expect(nora.get_by_text("This needs the permission to view Data Management")).to_be_visible()
    page.get_by_role("link", name="Nora").click()
    page.get_by_role("link", name="Remove").click()
    faults += visitor.examine()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("nora@example.org was removed.")
    other.go(f"/o/org_{org.id}/jobs/")
    expect(nora.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_label("Search members").fill("bob")
    expect(page.locator("#list-members tbody tr")).to_have_count(1)
    assert faults == []


def test_sessions_are_ended_from_elsewhere_and_the_password_is_forgotten(
    visitor: Visitor, other: Visitor, org: Organization
) -> None:
    page = visitor.page
    visitor.sign_in("alice@example.org", PASSWORD)
    other.sign_in("alice@example.org", PASSWORD)
    page.locator("summary").click()
    page.get_by_role("link", name="Your account").click()
    faults = visitor.examine()
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_text("This session")).to_have_count(1)
    faults += visitor.examine()
    page.get_by_role("button", name="End all others").click()
    page.get_by_role("dialog").get_by_role("button", name="End them").click()
    expect(page.get_by_role("status")).to_contain_text("All other sessions were ended.")
    other.go("/account/")
    expect(other.page.get_by_role("heading", name="Sign in to Ebbtide")).to_be_visible()
    page.get_by_role("link", name="Password").click()
    faults += visitor.examine()
    other.page.get_by_role("link", name="Forgotten your password?").click()
    faults += other.examine()
    other.page.get_by_label("E-mail").fill("alice@example.org")
    other.page.get_by_role("button", name="Send the link").click()
    expect(other.page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    faults += other.examine()
    other.page.wait_for_timeout(300)
    other.go(link_of(last_letter()))
    expect(other.page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    faults += other.examine()
    other.page.get_by_label("New password", exact=True).fill("another-tide-0815")
    other.page.get_by_label("New password, once more").fill("another-tide-0815")
    other.page.get_by_role("button", name="Set the password").click()
    expect(other.page.get_by_role("status")).to_contain_text("Your password was changed.")
    visitor.go("/account/")
    expect(page.get_by_role("heading", name="Sign in to Ebbtide")).to_be_visible()
    assert faults == []


def test_changing_how_one_signs_in_asks_again(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.sign_in("alice@example.org", PASSWORD)
    for row in Session.objects.all():
        session = SessionStore(row.session_key)
        session["account_authentication_methods"][0]["at"] -= 600
        session.save()
    visitor.go("/account/second-factor/app/")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    faults = visitor.examine()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Set up the authenticator app")).to_be_visible()
    assert faults == []


def test_the_entrance_is_light(visitor: Visitor) -> None:
    for path in ("/sign-in/", "/sign-in/passkey/"):
        visitor.page.goto(visitor.address + path, wait_until="networkidle")
        moved = visitor.page.evaluate(
            "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
            ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
        )
        assert 0 < moved < BUDGET, path

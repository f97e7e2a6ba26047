"""A token in a real browser: made, shown once, used by a program as its page says, revoked."""

import json
import shlex
import subprocess

import pytest
from playwright.sync_api import expect

from ebbtide.apps.orgs.models import Organization, Permission
from tests.apps.web.conftest import days_ago, person
from tests.cast import calls, centre, load

from .conftest import Visitor


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with calls, and a neighbour with calls of its own."""
    made, neighbour = centre("Alice's"), centre("Charlie's")
    load(made, calls("Sales", day=days_ago(made, 2), count=3))
    load(neighbour, calls("Secret", day=days_ago(neighbour, 2), count=5))
    person("alice@example.org", org=made, admin=True)
    person("ursula@example.org", org=made, may=Permission.USERS_MANAGE)
    return made


def typed(command: str, *more: str) -> tuple[int, dict[str, object]]:
    """Type a command of curl as the page shows it; gives the status and what was answered."""
    asked = [*shlex.split(command), *more, "-s", "-w", "\n%{http_code}"]
    body, _, status = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_a_token_from_its_making_to_its_end(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/tokens/")
    faults = visitor.examine()
    page.get_by_role("link", name="Make the first token").click()
    page.get_by_role("textbox", name="Name").fill("Warehouse")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_text("Tick at least one thing that it may read.")).to_be_visible()
    faults += visitor.examine()
    page.get_by_role("checkbox", name="Segments and interactions").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_text("It is shown this once.")).to_be_visible()
    faults += visitor.examine()
    secret, command = page.locator("#token").inner_text(), page.locator("#try").inner_text()
    assert secret in command
    status, told = typed(command)
    assert (status, told["organization"], told["scopes"]) == (200, f"org_{org.id}", ["segments"])
    listed = f"{visitor.address}/api/v1/segments"
    status, found = typed(f"curl -H 'Authorization: Bearer {secret}' {listed}")
    assert (status, len(found["items"])) == (200, 3)  # type: ignore[arg-type] # a list
    assert "Secret" not in json.dumps(found)
    assert typed(f"curl -H 'Authorization: Bearer {secret}' {visitor.address}/api/v1/recordings")[0] == 403

    page.get_by_role("link", name="I have kept it").click()
    row = page.locator("#list-tokens tbody tr")
    expect(row).to_contain_text("Warehouse")
    expect(row).to_contain_text("Live")
    assert secret not in page.content()
    faults += visitor.examine()
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("Warehouse was revoked: its next request is refused.")).to_be_visible()
    expect(row).to_contain_text("Revoked")
    assert typed(command) == (401, {**typed(command)[1], "code": "token_refused"})
    faults += visitor.examine()
    visitor.go("/api/")
    expect(page.get_by_role("heading", name="Ebbtide retrieval API")).to_be_visible()
    faults += visitor.examine()
    assert faults == []

"""Taking data away before a job takes it, in a real browser: made, downloaded, checked; then a purge takes it."""

import re
import subprocess
import sys
import zipfile
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.sweeping import due_exports, sweep_exports
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.domain.cell import DataType
from tests.apps.reports.purging import purge
from tests.apps.web.conftest import CLOCK, PASSWORD, days_ago, job_for, person
from tests.cast import calls, centre, everything, load, record

from .conftest import Visitor

CHECK = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "exports.md").read_text(), re.DOTALL)[
    0
]


@pytest.fixture
def org(address: str) -> Organization:
    """A centre of which a job takes a day tonight; its neighbour has the same, and no job."""
    made, neighbour = centre("Alice's"), centre("Charlie's")
    for one in (made, neighbour):
        for age in (40, 2):
            day = days_ago(one, age)
            load(one, calls("Sales", day=day, count=3))
            record(one, f"call-Sales-{day}-0", kind=DataType.AUDIO, content=b"RIFF\0\0\0\0WAVEfmt a few bytes of sound")
    job_for(made, 30)
    person("alice@example.org", org=made, admin=True)
    person("ana@example.org", org=made, may=Permission.INSIGHTS_VIEW)
    return made


def test_exported_checked_and_purged(visitor: Visitor, org: Organization, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("alice@example.org", PASSWORD)
    page.get_by_role("link", name="Export it before it goes").click()
    expect(page.get_by_text("Chosen is what tonight takes")).to_be_visible()
    expect(page.get_by_label("First day")).to_have_value(days_ago(org, 40).isoformat())
    expect(page.locator("#weights")).to_contain_text("4 items")
    faults = visitor.examine()
    page.get_by_label("Last day").fill(days_ago(org, 1).isoformat())
    page.get_by_label("Last day").blur()
    expect(page.locator("#weights")).to_contain_text("8 items")
    page.get_by_role("button", name="Start the export").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()
    faults += visitor.examine()
    ((number_of_org, number),) = due_exports(now=CLOCK.now())
    assert number_of_org == org.id
    make_export(org.id, number=number, clock=CLOCK, stop=lambda: False)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=10_000)  # the page has noticed by itself
    faults += visitor.examine()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == f"ebbtide-org_{org.id}-exp_{number}.zip"
    done = subprocess.run([sys.executable, "-c", CHECK, file], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("6 files, all as they were exported")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert len(list((tmp_path / "unpacked" / "audio").rglob("*.wav"))) == 2
    run = purge(org)
    page.reload()
    expect(page.get_by_text("Purged", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=f"run {run.id}")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    assert page.request.get(f"{visitor.address}/o/org_{org.id}/exports/exp_{number}/archive.zip").status == (
        HTTPStatus.CONFLICT
    )
    sweep_exports(now=CLOCK.now())
    page.get_by_role("link", name=f"run {run.id}").click()
    expect(page.get_by_text("it was destroyed with it, and seen to be gone")).to_be_visible()
    assert not [key for key in everything(org).objects if key.startswith("exports/")]
    visitor.go(f"/o/org_{org.id}/exports/")
    faults += visitor.examine()
    assert faults == []

"""One call in a real browser: found by what was said, played, followed in its transcript, and jumped about in."""

import json
from random import Random

import pytest
from playwright.sync_api import expect

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.demo.speech import spoken
from ebbtide.apps.media.words import index_words
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType
from tests.apps.web.conftest import days_ago, person
from tests.cast import calls, centre, load, record

from .conftest import Visitor

SAID = (
    ("agent", "Good morning."), ("customer", "The roof leaks."), ("agent", "Since when?"), ("customer", "Since May."),
)  # fmt: skip


@pytest.fixture
def org(address: str) -> Organization:
    """A centre with a call of half a minute; its neighbour has one too."""
    sound, places = spoken([(who, 12) for who, _text in SAID], random=Random(5), mark=b"x")  # noqa: S311 - a sound
    turns = [
        {"speaker": who, "start_ms": start, "end_ms": end, "text": text}
        for (who, text), (start, end) in zip(SAID, places, strict=True)
    ]
    made, neighbour = centre("Alice's"), centre("Charlie's")
    for one in (made, neighbour):
        day = days_ago(one, 1)
        load(one, calls("Sales", day=day, count=2))
        record(one, f"call-Sales-{day}-0", kind=DataType.AUDIO, content=sound)
        record(one, f"call-Sales-{day}-0", kind=DataType.TRANSCRIPT, content=json.dumps({"turns": turns}).encode())
        index_words(one, store=object_store(), stop=lambda: False)
    person("alice@example.org", org=made, admin=True)
    return made


def test_a_call_is_found_played_and_followed(visitor: Visitor, org: Organization) -> None:
    page = visitor.page
    visitor.enter("alice@example.org")
    visitor.go(f"/o/org_{org.id}/interactions/")
    expect(page.locator("#list-calls tbody tr")).to_have_count(2)
    faults = visitor.examine()
    page.get_by_label("Words that were said").fill("ROOF")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#list-calls tbody tr")).to_have_count(1)
    page.locator("#list-calls tbody a").click()
    turns = page.locator(".eb-turns li")
    expect(turns).to_have_count(4)
    expect(page.locator(".eb-waveform svg")).to_be_visible()
    with acting_in(org.id):
        assert not DataAccess.objects.filter(action="listen").exists()
    faults += visitor.examine()
    turns.nth(2).get_by_role("button", name="0:0").click()  # plays from there, and the transcript follows
    expect(turns.nth(2)).to_have_attribute("aria-current", "true")
    expect(turns.nth(3)).to_have_attribute("aria-current", "true")
    turns.nth(0).get_by_text("Good morning.").click()
    expect(turns.nth(0)).to_have_attribute("aria-current", "true")
    page.locator("audio").evaluate("audio => audio.pause()")
    wave = page.locator(".eb-waveform svg")
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": box["width"] * 0.8, "y": 10})
    expect(turns.nth(3)).to_have_attribute("aria-current", "true")
    page.locator("audio").evaluate("audio => audio.pause()")
    assert float(page.locator(".eb-waveform rect").get_attribute("width") or 0) > 0
    faults += visitor.examine()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Audio recordings").click()
    assert download.value.suggested_filename.endswith(".wav")
    with acting_in(org.id):
        done = list(DataAccess.objects.order_by("id").values_list("action", "kind"))
    assert sorted(done) == [("download", "audio"), ("listen", "audio"), ("read", "transcript")]
    visitor.go(f"/o/org_{org.id}/people/access-log/")
    expect(page.locator("#list-accesses tbody tr")).to_have_count(3)
    faults += visitor.examine()
    assert faults == []

"""The list of interactions and one of them, as people ask for them; Charlie's centre beside, with the same keys."""

import csv
import io
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.interactions import finding
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import What
from ebbtide.web.context.interactions import InteractionPage, InteractionsPage
from ebbtide.web.listing.address import written_cursor
from tests.apps.reports.purging import purge
from tests.cast import centre, load, record

from .conftest import days_ago, job_for, person, queues_of, signed_in, statements

pytestmark = pytest.mark.usefixtures("database")

OUTCOMES = ("answered", "abandoned", "flowed_out", "callback")


def rows(org: Organization) -> list[dict[str, object]]:
    """Sixty calls of three days and two Qs, each a minute after the one before."""
    made = []
    for age in (1, 3, 40):
        day = days_ago(org, age)
        for number in range(20):
            queue = "Sales" if number % 2 else "Support"
            begun = datetime.combine(day, time(9, number), tzinfo=ZoneInfo(org.zone)).astimezone(UTC)
            made.append(
                {
                    "source_key": f"c-{age}-{number}", "queue": queue, "day": day, "queued_at": begun,
                    "ended_at": begun + timedelta(seconds=60), "wait_s": number, "talk_s": 10 * number,
                    "agent": "Zoë" if number == 5 else "Bob", "customer": f"+49 30 55{number:02}",
                    "interaction": f"i-{age}-{number // 2}", "outcome": OUTCOMES[number % 4],
                    "channel": "chat" if number == 6 else "voice",
                }
            )  # fmt: skip
    return made


@pytest.fixture
def alice() -> Organization:
    org = centre("Alice's")
    load(org, rows(org))
    record(org, "c-1-19", kind=DataType.AUDIO)
    person("alice@example.org", org=org, admin=True)
    person("bob.reads@example.org", org=org, may=Permission.INSIGHTS_VIEW)
    return org


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's", zone="America/New_York")
    load(org, rows(org))
    person("charlie@example.org", org=org, admin=True)
    return org


@pytest.fixture
def bob(alice: Organization, charlie: Organization) -> Client:
    return signed_in("bob.reads")


def ask(client: Client, org: Organization, query: str = "") -> InteractionsPage:
    answer = client.get(f"/o/org_{org.id}/interactions/?{query}")
    assert answer.status_code == 200, answer.content.decode()
    page = answer.context["page"]
    assert isinstance(page, InteractionsPage)
    return page


def keys(org: Organization) -> dict[str, str]:
    return {
        str(segment_id(str(row["source_key"]), pepper=bytes(org.pepper))): str(row["source_key"]) for row in rows(org)
    }


def found(client: Client, org: Organization, query: str) -> list[str]:
    named = keys(org)
    return [named[str(row.id)] for row in ask(client, org, query).lines.rows]


def test_the_newest_come_first_and_what_is_stored_is_said(bob: Client, alice: Organization) -> None:
    page = ask(bob, alice)
    starts = [row.start for row in page.lines.rows]
    assert starts == sorted(starts, reverse=True)
    assert len(page.lines.rows) == 40  # 40 days ago is out of the range
    assert page.lines.rows[0].media == (DataType.AUDIO,)
    assert page.lines.rows[1].media == ()
    assert page.reached is None


def test_what_is_wanted_is_found(bob: Client, alice: Organization) -> None:
    for query, expected in (
        ("agent=zo%C3%AB", ["c-1-5", "c-3-5"]),
        ("agent=Zo", []),
        ("channel=chat", ["c-1-6", "c-3-6"]),
        ("customer=%2B493055-03", ["c-1-3", "c-3-3"]),
        ("customer=%2B4930550", []),
        ("outcome=callback&longest=40", ["c-1-3", "c-3-3"]),
        ("shortest=209", ["c-1-19", "c-3-19"]),  # 19 seconds of waiting, 190 of talking
        ("shortest=210", []),
        ("range=30&agent=Zo%C3%AB", ["c-1-5", "c-3-5"]),
        ("range=year&agent=nobody", []),
        ("agent=Zo%C3%AB&calls.sort=start", ["c-3-5", "c-1-5"]),
    ):
        assert found(bob, alice, query) == expected, query


def test_a_q_and_days_of_ones_own(bob: Client, alice: Organization) -> None:
    sales, old = queues_of(alice)["Sales"], days_ago(alice, 40)
    page = found(bob, alice, f"range=custom&since={old}&until={old}&q=que_{sales}")
    assert page == [f"c-40-{number}" for number in range(19, 0, -2)]


def test_pages_lead_through_all_and_back(bob: Client, alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    since, until = days_ago(alice, 60), days_ago(alice, 0)
    query = f"range=custom&since={since}&until={until}"
    for sort in ("-start", "start"):
        every = [f"c-{age}-{number}" for age in (1, 3, 40) for number in range(19, -1, -1)]
        every = every if sort == "-start" else every[::-1]
        first = ask(bob, alice, f"{query}&calls.sort={sort}")
        second = ask(bob, alice, first.lines.next)
        named = keys(alice)
        assert [named[str(row.id)] for page in (first, second) for row in page.lines.rows] == every
        assert not second.lines.next
        back = ask(bob, alice, second.lines.previous)
        assert [row.id for row in back.lines.rows] == [row.id for row in first.lines.rows]
        assert not back.lines.previous
    # looking through so few rows a page only, it says how far it came, and goes on from there
    monkeypatch.setattr(finding, "_FIRST_CHUNK", 20)
    monkeypatch.setattr(finding.Walk.find, "__kwdefaults__", {"at_most": 15})
    for sort, days in (("-start", (1, 3)), ("start", (40, 3))):
        asked, reached = f"{query}&agent=Zo%C3%AB&calls.sort={sort}", []
        seen: list[str] = []
        while asked:
            page = ask(bob, alice, asked)
            seen += [keys(alice)[str(row.id)] for row in page.lines.rows]
            if page.reached is not None:
                reached.append(page.reached)
            assert (page.reached is not None) == bool(page.lines.next)
            asked = page.lines.next
        assert seen == ["c-1-5", "c-3-5", "c-40-5"][:: 1 if sort == "-start" else -1]
        assert reached == [days_ago(alice, age) for age in days]
    key = written_cursor([days_ago(alice, 45).isoformat(), "", ""])  # no row's: a whole day's
    page = ask(bob, alice, f"{query}&agent=Zo%C3%AB&calls.before={key}")
    assert page.reached is not None
    assert page.lines.previous == page.onward


def test_what_cannot_be_read_is_told_at_its_field(bob: Client, alice: Organization) -> None:
    base = f"/o/org_{alice.id}/interactions/"
    for query, status in (
        ("shortest=soon", 422), ("longest=-1", 422), ("range=custom&since=x", 422), ("agent=%00", 422),
        ("customer=" + "9" * 201, 422), ("range=never", 422), ("channel=smoke", 422), ("outcome=great", 422),
        ("q=que_999999", 404), ("q=7", 404), ("calls.after=x", 422), ("calls.sort=agent", 422),
        ("calls.after=WyJ4IiwgIiIsICIiXQ", 422),
    ):  # fmt: skip
        assert bob.get(f"{base}?{query}").status_code == status, query


def test_all_of_it_as_csv_is_in_the_access_log(bob: Client, alice: Organization) -> None:
    answer = bob.get(f"/o/org_{alice.id}/interactions/?range=30&csv=calls&outcome=answered")
    lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert len(lines) == 10
    assert lines[0]["customer"].startswith("'+49")
    assert lines[0]["q"] == "Support"
    with acting_in(alice.id):
        (line,) = DataAccess.objects.values_list("actor", "action", "kind", "what")
    assert line == ("bob.reads@example.org", "export", "insights", "interactions")


def one(client: Client, org: Organization, key: str) -> tuple[InteractionPage, str]:
    number = segment_id(key, pepper=bytes(org.pepper))
    answer = client.get(f"/o/org_{org.id}/interactions/{number}/")
    assert answer.status_code == 200, answer.content.decode()
    return answer.context["page"], " ".join(answer.content.decode().split())


def test_an_interaction_shows_its_segments_in_order(bob: Client, alice: Organization, charlie: Organization) -> None:
    page, text = one(bob, alice, "c-1-19")
    assert [segment.row.source_key for segment in page.segments if segment.row] == ["c-1-18", "c-1-19"]
    assert [segment.asked for segment in page.segments] == [False, True]
    assert page.timeline is not None
    assert len(page.timeline.lines) == 2
    assert "ivr_entered" in text
    assert "+49 30 5519" in text
    assert len(page.segments[1].recordings) == 1
    for number in (segment_id("c-1-19", pepper=bytes(charlie.pepper)), "c-1-19", "1" * 32):
        assert bob.get(f"/o/org_{alice.id}/interactions/{number}/").status_code == 404


def test_what_is_purged_is_said_plainly(bob: Client, alice: Organization, charlie: Organization) -> None:
    """Desktop recordings of one Q after 2 days, everything after 30: Charlie's stays."""
    record(alice, "c-3-19", kind=DataType.DESKTOP)
    record(alice, "c-3-19", kind=DataType.AUDIO)
    job_for(alice, 2, queues=frozenset({queues_of(alice)["Sales"]}), what=What.DESKTOP)
    job_for(alice, 30)
    run = purge(alice)
    page, text = one(bob, alice, "c-3-19")
    (sales,) = [segment for segment in page.segments if segment.asked]
    assert [part.data_type for part in sales.recordings] == [DataType.AUDIO]
    assert "Desktop recordings: if it had any, they were purged on" in text
    assert "Q desktop 2" in text
    _page, text = one(bob, alice, "c-40-19")
    assert "The report row was purged on" in text
    assert "Global 30" in text
    assert f"/runs/run_{run.id}/" not in text  # may see reports, not runs
    _page, text = one(signed_in("alice"), alice, "c-40-19")
    assert "/runs/run_" in text
    page = ask(bob, alice, f"range=custom&since={days_ago(alice, 60)}&until={days_ago(alice, 0)}")
    assert {queue.name for queue, _since in page.purged} == {"Sales", "Support"}
    assert len(page.lines.rows) == 40
    page = ask(signed_in("charlie"), charlie, f"range=custom&since={days_ago(alice, 60)}&until={days_ago(alice, 1)}")
    assert not page.purged
    assert page.lines.next


def test_pages_ask_little_of_the_database(bob: Client, alice: Organization) -> None:
    with statements() as asked:
        ask(bob, alice, "range=30")
    assert len(asked) <= 20
    with statements() as asked:
        one(bob, alice, "c-1-19")
    assert len(asked) <= 20, asked

"""The report of Qs as people ask for it: its figures, its ranges, and what it says of purged days."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpResponse
from django.test import Client

from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import What
from ebbtide.domain.measures import Sums
from ebbtide.domain.period import first_of_month
from ebbtide.web.context.insights import AgentsPage, ChannelsPage, InsightsPage
from tests.apps.reports.purging import purge
from tests.cast import calls, centre, load, record

from .conftest import CLOCK, days_ago, job_for, person, queues_of, signed_in

pytestmark = pytest.mark.usefixtures("database")


def never() -> bool:
    return False


@pytest.fixture
def alice() -> Organization:
    org = centre("Alice's")
    person("alice@example.org", org=org, admin=True)
    person("bob.reads@example.org", org=org, may=Permission.INSIGHTS_VIEW)
    return org


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's", zone="America/New_York")
    load(org, calls("Sales", day=days_ago(org, 3), count=50))
    person("charlie@example.org", org=org, admin=True)
    return org


@pytest.fixture
def bob(alice: Organization) -> Client:
    return signed_in("bob.reads")


def ask(client: Client, org: Organization, query: str = "") -> InsightsPage:
    answer = client.get(f"/o/org_{org.id}/insights/?{query}")
    assert answer.status_code == HTTPStatus.OK, answer.content.decode()
    page = answer.context["page"]
    assert isinstance(page, InsightsPage)
    return page


def said(client: Client, org: Organization, query: str = "") -> str:
    answer = client.get(f"/o/org_{org.id}/insights/?{query}")
    return " ".join(answer.content.decode().split())


def sheet(client: Client, org: Organization, query: str) -> list[dict[str, str]]:
    return sheet_at(client, f"/o/org_{org.id}/insights/?{query}")


def sheet_at(client: Client, where: str) -> list[dict[str, str]]:
    answer = client.get(where)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    content = b"".join(part for part in answer.streaming_content)  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def measured(page: InsightsPage, queue: str) -> dict[str, str]:
    row = next(row for row in page.by_queue.rows if row.figures.queue.name == queue)
    return {one.name: one.text for one in row.shown}


def mixed(queue: str, *, day: date) -> Iterator[dict[str, object]]:
    """Ten calls: six answered after 10, 20, 30 ... seconds, two abandoned after 10 and 40, one back, one on."""
    for number, row in enumerate(calls(queue, day=day, count=10)):
        ended = {6: "abandoned", 7: "abandoned", 8: "callback", 9: "flowed_out"}.get(number, "answered")
        waits = {6: 10, 7: 40, 8: 5, 9: 5}.get(number, 10 * (number + 1))
        talked = {"talk_s": 100 + number, "hold_s": 10, "wrap_s": 20} if ended == "answered" else {"talk_s": None}
        yield row | {"outcome": ended, "wait_s": waits} | talked


def test_the_measures_of_a_q(alice: Organization, charlie: Organization, bob: Client) -> None:
    load(alice, mixed("Sales", day=days_ago(alice, 3)))
    page = ask(bob, alice)
    assert measured(page, "Sales") == {
        "offered": "10",
        "answered": "6",
        "abandoned": "2",
        "flowed_out": "1",
        "callbacks": "1",
        "service_level": "28.6\N{NO-BREAK SPACE}%",  # 2 of 6 + 1
        "asa": "35 s",
        "aht": "2 min 13 s",
        "longest_wait": "1 min 0 s",
        "abandonment": "20.0\N{NO-BREAK SPACE}%",
    }
    assert [one.text for one in page.total] == list(measured(page, "Sales").values())
    assert page.whole_days == 30
    assert page.daily == "0.3"
    rows = sheet(bob, alice, "csv=queues")
    assert len(rows) == 1
    assert {name: rows[0][name] for name in ("q", "complete", "data from", "offered", "service level percent")} == {
        "q": "Sales",
        "complete": "yes",
        "data from": "",
        "offered": "10",
        "service level percent": "28.57",
    }
    assert rows[0]["aht seconds"] == "132.50"
    assert rows[0]["offered before"] == "0"
    by_day = sheet(bob, alice, "csv=intervals")
    assert len(by_day) == 30
    assert {row["begin"]: row["offered"] for row in by_day if row["offered"] != "0"} == {
        f"{days_ago(alice, 3)}T00:00:00": "10"
    }


def test_ranges_intervals_and_filters(alice: Organization, charlie: Organization, bob: Client) -> None:
    today = days_ago(alice, 0)
    load(alice, calls("Sales", day=days_ago(alice, 1), count=2))
    load(alice, calls("Support", day=days_ago(alice, 8), count=3))
    load(alice, [row | {"channel": "chat"} for row in calls("Chat", day=days_ago(alice, 1), count=4)])
    sum_up(alice, now=CLOCK.now(), stop=never)
    load(alice, calls("Sales", day=days_ago(alice, 2), count=1, prefix="more"))  # read from its rows
    week = ask(bob, alice, "range=7")
    assert (week.head.period.first, week.head.period.last) == (days_ago(alice, 7), days_ago(alice, 1))
    assert week.total[0].text == "7"
    assert measured(week, "Support")["offered"] == "0"
    assert [one.figures.sums.offered for one in week.by_interval.rows if one.figures.sums] == [0, 0, 0, 0, 0, 1, 6]
    support = next(row.figures for row in week.by_queue.rows if row.figures.queue.name == "Support")
    assert support.before is not None
    assert support.before.offered == 3
    assert ask(bob, alice, "range=7&channel=chat").total[0].text == "4"
    one = ask(bob, alice, f"range=7&q=que_{queues_of(alice)['Sales']}")
    assert [row.figures.queue.name for row in one.by_queue.rows] == ["Sales"]
    assert one.total[0].text == "3"
    assert len(ask(bob, alice, "range=year").by_interval.rows) == 12
    assert ask(bob, alice, "range=year").head.period.last == first_of_month(today) - timedelta(days=1)
    assert ask(bob, alice, "range=month").head.before.last == first_of_month(today, back=1) - timedelta(days=1)
    custom = ask(bob, alice, f"range=custom&since={days_ago(alice, 8)}&until={days_ago(alice, 1)}&by=week")
    assert custom.total[0].text == "10"
    assert sum(row.figures.sums.offered for row in custom.by_interval.rows if row.figures.sums) == 10
    hours = ask(bob, alice, "range=today")
    assert hours.head.chosen.unit == "hour"
    assert hours.head.until_hour is not None
    assert len(hours.by_interval.rows) == hours.head.until_hour + 1  # hours to come are no zeros
    assert ask(bob, alice, "range=year&by=hour").head.chosen.unit == "month"  # too many


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("range=custom&since=2026-02-30&until=2026-03-01", 422),
        ("range=custom&since=2026-03-02&until=2026-03-01", 422),
        ("range=custom&since=2026-03-02&until=9999-12-31", 422),
        ("range=custom&since=0001-01-01&until=2026-03-01", 422),
        ("range=custom", 422),
        ("range=0", 422),
        ("range=-1", 422),
        ("by=second", 422),
        ("channel=fax", 422),
        ("q=que_999999", 404),
        ("q=sales", 404),
        ("queues.sort=nothing", 422),
        ("q=que_%00", 404),
    ],
)
def test_what_cannot_be_asked(alice: Organization, bob: Client, query: str, status: int) -> None:
    load(alice, calls("Sales", day=days_ago(alice, 1), count=2))
    answer: HttpResponse = bob.get(f"/o/org_{alice.id}/insights/?{query}")
    assert answer.status_code == status


def test_another_organizations_q_looks_like_a_missing_one(
    alice: Organization, charlie: Organization, bob: Client
) -> None:
    foreign = bob.get(f"/o/org_{alice.id}/insights/?q=que_{queues_of(charlie)['Sales']}")
    missing = bob.get(f"/o/org_{alice.id}/insights/?q=que_999999")
    assert foreign.status_code == missing.status_code == HTTPStatus.NOT_FOUND
    assert bob.get(f"/o/org_{charlie.id}/insights/").status_code == HTTPStatus.NOT_FOUND


def test_purged_days_are_told_and_never_zero(alice: Organization, charlie: Organization, bob: Client) -> None:
    for queue in ("Sales", "Support"):
        for age in (25, 12, 11, 3):
            load(alice, calls(queue, day=days_ago(alice, age), count=4))
            record(alice, f"call-{queue}-{days_ago(alice, age)}-0", kind=DataType.DESKTOP)
    sum_up(alice, now=CLOCK.now(), stop=never)
    ours = queues_of(alice)
    job_for(alice, 11, queues=frozenset({ours["Sales"]}))
    run = purge(alice)
    edge = days_ago(alice, 11)
    page = ask(bob, alice)
    assert page.head.state == "partly"
    (note,) = page.head.notes
    assert (note.before, [one.name for one in note.queues], note.run, note.on) == (
        edge,
        ["Sales"],
        run.id,
        days_ago(alice, 0),
    )
    assert note.job is not None
    assert note.job.days == 11
    text = said(bob, alice)
    assert "Part of this range is purged." in text
    assert f"(run {run.id})" in text
    rows = {row.figures.queue.name: row.figures for row in page.by_queue.rows}
    assert (rows["Sales"].state, rows["Sales"].since) == ("partly", edge)
    assert rows["Sales"].sums is not None
    assert rows["Sales"].sums.offered == 8
    assert rows["Sales"].before is None  # not compared
    assert rows["Support"].before is not None
    assert [one.name for one in page.head.left_out] == ["Sales"]
    assert page.whole_days == 11  # from the edge to yesterday
    assert page.daily == "1.5"  # (8 + 8) / 11
    states = {row.figures.first: row.figures for row in page.by_interval.rows}
    assert states[edge].state == "whole"
    assert states[edge - timedelta(days=1)].state == "partly"
    assert [one.name for one in states[edge - timedelta(days=1)].lacks] == ["Sales"]
    alone = ask(bob, alice, f"q=que_{ours['Sales']}")
    gone = {row.figures.first: row.figures for row in alone.by_interval.rows}[edge - timedelta(days=1)]
    assert (gone.state, gone.sums) == ("purged", None)
    assert alone.head.notes[0].every
    lines = sheet(bob, alice, f"q=que_{ours['Sales']}&csv=intervals")
    before = [row for row in lines if row["complete"] == "purged"]
    assert {row["last day"] for row in before} == {(days_ago(alice, age)).isoformat() for age in range(12, 31)}
    assert {row["offered"] for row in before} == {""}
    whole = ask(
        bob,
        alice,
        f"q=que_{ours['Sales']}&range=custom&since={days_ago(alice, 25)}&until={days_ago(alice, 12)}",
    )
    assert whole.head.state == "purged"
    assert whole.total == ()
    assert whole.by_queue.rows[0].figures.sums is None
    assert "All data of this range is purged." in said(
        bob, alice, f"q=que_{ours['Sales']}&range=custom&since={days_ago(alice, 25)}&until={days_ago(alice, 12)}"
    )
    kept = ask(signed_in("charlie"), charlie)
    assert kept.head.notes == ()
    assert kept.total[0].text == "50"


def test_desktop_recordings_alone_take_nothing_from_a_report(
    alice: Organization, charlie: Organization, bob: Client
) -> None:
    for age in (25, 3):
        load(alice, calls("Sales", day=days_ago(alice, age), count=4))
        record(alice, f"call-Sales-{days_ago(alice, age)}-0", kind=DataType.DESKTOP)
    job_for(alice, 11, queues=frozenset(queues_of(alice).values()), what=What.DESKTOP)
    purge(alice)
    page = ask(bob, alice)
    assert page.head.notes == ()
    assert page.head.state == "whole"
    assert page.total[0].text == "8"
    (note,) = page.head.besides
    assert note.types == ("desktop",)
    assert "the figures are not touched" in said(bob, alice)


def test_service_targets(alice: Organization, charlie: Organization, bob: Client) -> None:
    load(alice, mixed("Sales", day=days_ago(alice, 3)))
    load(alice, mixed("Support", day=days_ago(alice, 3)))
    admin, where = signed_in("alice"), f"/o/org_{alice.id}/insights/targets/"
    sales = f"que_{queues_of(alice)['Sales']}"
    answer = admin.post(where, {"q": sales, "seconds": "60", "back": "range=7&q=" + sales})
    assert answer.headers["Location"] == f"/o/org_{alice.id}/insights/?range=7&q={sales}"
    assert measured(ask(bob, alice), "Sales")["service_level"] == "100.0\N{NO-BREAK SPACE}%"
    assert measured(ask(bob, alice), "Support")["service_level"].startswith("28.6")
    assert ask(bob, alice).total[5].text == "61.5\N{NO-BREAK SPACE}%"  # 8 of 13, each by its own target
    for wrong in ("0", "21", "-1", "", "20.0", "NaN", "1e9"):
        assert admin.post(where, {"q": sales, "seconds": wrong}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    foreign = f"que_{queues_of(charlie)['Sales']}"
    assert admin.post(where, {"q": foreign, "seconds": "60"}).status_code == HTTPStatus.NOT_FOUND
    assert bob.post(where, {"q": sales, "seconds": "5"}).status_code == HTTPStatus.FORBIDDEN
    admin.post(where, {"q": "", "seconds": "10"})
    assert {row.figures.target for row in ask(bob, alice).by_queue.rows} == {10}
    assert {row.figures.target for row in ask(signed_in("charlie"), charlie).by_queue.rows} == {20}


def test_an_organization_without_rows(alice: Organization, charlie: Organization, bob: Client) -> None:
    assert ask(bob, alice).head.empty
    assert "No report rows yet" in said(bob, alice)
    load(alice, calls("Sales", day=days_ago(alice, 100), count=1))
    assert "Nothing was offered in this range." in said(bob, alice)
    assert not ask(bob, alice).head.empty


def test_hours_are_local(alice: Organization, charlie: Organization, bob: Client) -> None:
    day = days_ago(alice, 3)
    load(alice, calls("Sales", day=day, count=2))  # they end at noon, local time
    page = ask(bob, alice, "range=7&by=hour")
    busy = [row.figures for row in page.by_interval.rows if row.figures.sums and row.figures.sums.offered]
    assert not busy or busy[0].begin == datetime.combine(day, time(12))
    rows = sheet(bob, alice, "range=7&by=hour&csv=intervals")
    assert [row["begin"] for row in rows if row["offered"] != "0"] == [f"{day}T12:00:00"]
    assert len(rows) == 7 * 24


def mix(client: Client, org: Organization, query: str = "") -> ChannelsPage:
    answer = client.get(f"/o/org_{org.id}/insights/channels/?{query}")
    assert answer.status_code == HTTPStatus.OK, answer.content.decode()
    page = answer.context["page"]
    assert isinstance(page, ChannelsPage)
    return page


def test_the_mix_of_channels(alice: Organization, charlie: Organization, bob: Client) -> None:
    load(alice, mixed("Sales", day=days_ago(alice, 3)))
    load(alice, [row | {"channel": "chat"} for row in calls("Chat", day=days_ago(alice, 2), count=30)])
    load(alice, [row | {"channel": "email"} for row in calls("Chat", day=days_ago(alice, 9), count=5, prefix="mail")])
    sum_up(alice, now=CLOCK.now(), stop=never)
    page = mix(bob, alice, "range=7&channel=chat")  # a channel is no filter here
    rows = {row.figures.channel: {one.name: one for one in row.shown} for row in page.by_channel.rows}
    assert list(rows) == ["voice", "chat", "email"]
    assert [rows[one]["share"].text for one in rows] == [
        "25.0\N{NO-BREAK SPACE}%",
        "75.0\N{NO-BREAK SPACE}%",
        "0.0\N{NO-BREAK SPACE}%",
    ]
    assert {name: one.text for name, one in rows["voice"].items() if name != "share"} == measured(
        ask(bob, alice), "Sales"
    )
    assert rows["email"]["offered"].change == "\N{MINUS SIGN}100.0\N{NO-BREAK SPACE}%"  # five in the week before
    assert [row.figures.offered for row in page.by_interval.rows][-3:] == [{"voice": 10}, {"chat": 30}, {}]
    where = f"/o/org_{alice.id}/insights/channels/?range=7&csv="
    by_channel = sheet_at(bob, where + "channels")
    assert [(row["channel"], row["offered"], row["share percent"], row["offered before"]) for row in by_channel] == [
        ("voice", "10", "25.00", "0"),
        ("chat", "30", "75.00", "0"),
        ("email", "0", "0.00", "5"),
    ]
    assert [row["chat"] for row in sheet_at(bob, where + "intervals")] == ["0"] * 5 + ["30", "0"]
    assert [row.figures.channel for row in mix(signed_in("charlie"), charlie).by_channel.rows] == ["voice"]
    assert bob.get(f"/o/org_{charlie.id}/insights/channels/").status_code == HTTPStatus.NOT_FOUND


def test_the_mix_over_a_purged_edge(alice: Organization, charlie: Organization, bob: Client) -> None:
    for queue in ("Sales", "Support"):
        for age in (25, 12, 11, 3, 1):
            load(alice, calls(queue, day=days_ago(alice, age), count=age))
    sum_up(alice, now=CLOCK.now(), stop=never)
    job_for(alice, 11, queues=frozenset({queues_of(alice)["Sales"]}))
    purge(alice)
    page = mix(bob, alice)
    assert (page.head.state, [one.name for one in page.head.left_out]) == ("partly", ["Sales"])
    states = {row.figures.first: (row.figures.state, row.figures.offered) for row in page.by_interval.rows}
    assert states[days_ago(alice, 12)] == ("partly", {"voice": 12})
    assert states[days_ago(alice, 11)] == ("whole", {"voice": 22})
    (voice,) = page.by_channel.rows
    assert voice.figures.sums.offered == 12 + 25 + 2 * (11 + 3 + 1)
    # compared over Support alone, on both sides
    assert voice.figures.compared is not None
    assert (voice.figures.compared.offered, voice.figures.before) == (25 + 12 + 11 + 3 + 1, Sums())
    alone = mix(
        bob,
        alice,
        f"q=que_{queues_of(alice)['Sales']}&range=custom&since={days_ago(alice, 25)}&until={days_ago(alice, 12)}",
    )
    assert alone.head.state == "purged"
    assert (alone.by_channel.rows, alone.stacked) == ((), None)
    assert {cell for row in alone.by_interval.rows for _label, cell in row.cells} == {None}  # never a zero


def crew(client: Client, org: Organization, query: str = "") -> AgentsPage:
    answer = client.get(f"/o/org_{org.id}/insights/agents/?{query}")
    assert answer.status_code == HTTPStatus.OK, answer.content.decode()
    page = answer.context["page"]
    assert isinstance(page, AgentsPage)
    return page


def shift(agent: str | None, queue: str, *, day: date, count: int) -> Iterator[dict[str, object]]:
    """Calls at noon and every ten minutes after it, of 300, 20 and 40 seconds of talk, hold and wrap-up."""
    for number, row in enumerate(calls(queue, day=day, count=count, prefix=str(agent))):
        ended = datetime.combine(day, time(12), tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
        times = {"talk_s": 300, "hold_s": 20, "wrap_s": 40, "ended_at": ended + timedelta(minutes=10 * number)}
        yield row | {"agent": agent, "outcome": "answered"} | times


def test_what_agents_handled(alice: Organization, charlie: Organization, bob: Client) -> None:
    day = days_ago(alice, 3)
    load(alice, shift("Ana", "Sales", day=day, count=4))
    load(alice, shift("=Ben", "Support", day=day, count=2))
    load(alice, shift("Ana", "Sales", day=days_ago(alice, 9), count=2))
    load(alice, [row | {"direction": "outbound"} for row in shift(None, "Support", day=day, count=1)])
    sum_up(alice, now=CLOCK.now(), stop=never)
    page = crew(bob, alice, "range=7")
    rows = {row.figures.name: {one.name: one for one in row.shown} for row in page.by_agent.rows}
    assert list(rows) == ["=Ben", "Ana", ""]  # what nobody knows whose it is comes last
    assert {name: one.text for name, one in rows["Ana"].items()} == {
        "handled": "4",
        "outbound": "0",
        "talk": "20 min 0 s",
        "hold": "1 min 20 s",
        "wrap_up": "2 min 40 s",
        "aht": "6 min 0 s",
        "occupancy": "66.7\N{NO-BREAK SPACE}%",  # 4 times 360 s, of 3 times 600 s and one of 360 s
    }
    assert rows["Ana"]["handled"].change == "+100.0\N{NO-BREAK SPACE}%"
    assert rows["Ana"]["occupancy"].change == "\N{MINUS SIGN}8.3 points"  # 720 of 960 s before
    assert (rows[""]["handled"].text, rows[""]["outbound"].text, rows[""]["occupancy"].text) == ("1", "1", "—")
    assert [one.text for one in page.total][:2] == ["7", "1"]
    assert page.total[0].change == "+250.0\N{NO-BREAK SPACE}%"
    assert page.count == 2
    assert [row.figures.handled.handled for row in page.by_interval.rows if row.figures.handled] == [
        0,
        0,
        0,
        0,
        7,
        0,
        0,
    ]
    assert crew(bob, alice, "range=7&by=hour").total[-1].text == "—"  # occupancy is not of hours
    assert not crew(bob, alice, "range=7&channel=chat").derivable
    key = next(row.figures.key for row in page.by_agent.rows if row.figures.name == "Ana")
    alone = crew(bob, alice, f"range=7&agent={key}")
    assert (alone.name, alone.count, alone.total[0].text) == ("Ana", 1, "4")
    busiest = crew(bob, alice, f"range=7&by=hour&agent={key}&intervals.sort=-handled").by_interval.rows[0].figures
    assert busiest.begin == datetime.combine(day, time(12))
    assert busiest.handled is not None
    assert busiest.handled.handled == 4
    where = f"/o/org_{alice.id}/insights/agents/?range=7&csv="
    table = sheet_at(bob, where + "agents")
    assert [(row["agent"], row["handled"], row["talk seconds"], row["handled before"]) for row in table] == [
        ("'=Ben", "2", "600", "0"),  # no formula
        ("Ana", "4", "1200", "2"),
        ("", "1", "300", "0"),
    ]
    assert [row["handled"] for row in sheet_at(bob, where + "intervals")] == ["0"] * 4 + ["7", "0", "0"]
    for wrong in ("Ana", "0" * 33, "que_1"):
        assert bob.get(f"/o/org_{alice.id}/insights/agents/?agent={wrong}").status_code == HTTPStatus.NOT_FOUND
    foreign = crew(signed_in("charlie"), charlie).by_agent.rows[0].figures
    assert foreign.key == ""  # his calls name nobody
    for unknown in (key, "0" * 32):  # one of another organization looks like one that is not
        other = crew(signed_in("charlie"), charlie, f"agent={unknown}")
        assert (other.name, other.count, other.by_agent.rows) == ("", 0, ())
    assert bob.get(f"/o/org_{charlie.id}/insights/agents/").status_code == HTTPStatus.NOT_FOUND


def test_agents_over_a_purged_edge(alice: Organization, charlie: Organization, bob: Client) -> None:
    for queue in ("Sales", "Support"):
        for age in (40, 25, 12, 11, 3):
            load(alice, shift("Ana", queue, day=days_ago(alice, age), count=age))
    sum_up(alice, now=CLOCK.now(), stop=never)
    job_for(alice, 11, queues=frozenset({queues_of(alice)["Sales"]}))
    purge(alice)
    page = crew(bob, alice)
    assert (page.head.state, [one.name for one in page.head.left_out]) == ("partly", ["Sales"])
    (ana,) = page.by_agent.rows
    assert ana.figures.handled.handled == 25 + 12 + 2 * (11 + 3)
    assert (ana.figures.compared, ana.figures.before) != (None, None)
    assert ana.figures.before is not None
    assert ana.figures.compared is not None
    assert (ana.figures.compared.handled, ana.figures.before.handled) == (25 + 12 + 11 + 3, 40)
    # the two days of which nothing is missing; her calls in both Qs are at the same times, so that neither can be known
    assert ana.figures.handled.span_s == 0
    assert page.whole_days == 11
    ours = queues_of(alice)
    alone = crew(
        bob, alice, f"q=que_{ours['Sales']}&range=custom&since={days_ago(alice, 25)}&until={days_ago(alice, 12)}"
    )
    assert (alone.head.state, alone.total, alone.by_agent.rows) == ("purged", (), ())
    assert {row.figures.handled for row in alone.by_interval.rows} == {None}

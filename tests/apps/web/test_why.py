"""Why is this call still here, or why is it gone? Asked of calls that are here, gone, half gone, late, never seen."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import delete_job
from ebbtide.domain.calendar import Days, cutoff, first_due, night_start, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import What
from ebbtide.web.context.why import SegmentAnswer, TypeAnswer, WhyPage
from tests.cast import calls, everything, load, record

from .conftest import CLOCK, World, days_ago, job_for, queues_of, run_once, signed_in, statements
from .test_runs import arm, confirm_and_run, url, words


def ask(client: Client, world: World, text: str, **more: str) -> WhyPage:
    answer = client.get(url(world, "why/"), {"id": text, **more})
    assert answer.status_code == 200
    page: WhyPage = answer.context["page"]
    return page


def only(page: WhyPage) -> SegmentAnswer:
    assert len(page.segments) == 1
    return page.segments[0]


def by_type(segment: SegmentAnswer) -> dict[str, TypeAnswer]:
    return {str(one.data_type): one for one in segment.types}


def call(world: World, age: int, queue: str = "Sales", number: int = 0) -> str:
    return f"call-{queue}-{days_ago(world.alice, age)}-{number}"


def night(org: Organization, on: date) -> Any:
    return night_start(on, zone=parse_zone(org.zone), at=org.night_at)


def test_a_call_that_is_here_says_which_job_takes_it_and_when(world: World, alice: Client) -> None:
    desktop = job_for(world.alice, 20, queues=frozenset({world.queues["Sales"]}), what=What.DESKTOP)
    segment = only(ask(alice, world, call(world, 11)))
    assert (segment.state, segment.found_by, segment.channel) == ("here", "key", "voice")
    assert (segment.queue.name if segment.queue else None, segment.day) == ("Sales", days_ago(world.alice, 11))
    found = by_type(segment)
    rows = found["insights"]
    assert (rows.state, rows.items, rows.events, rows.overdue) == ("here", 1, 1, False)
    assert rows.bytes > 100
    assert rows.job is not None
    # by hand: a call of 11 days ago, kept 30 full days, goes in the night after: in 20 days
    assert (rows.job.id, rows.night) == (world.job, days_ago(world.alice, -20))
    assert rows.night_at == night(world.alice, days_ago(world.alice, -20))
    screen = found["desktop"]
    assert screen.job is not None
    assert (screen.state, screen.items, screen.job.id, screen.night) == ("here", 1, desktop, days_ago(world.alice, -10))
    assert [found[kind].state for kind in ("audio", "transcript")] == ["none", "none"]
    said = words(alice.get(url(world, "why/"), {"id": call(world, 11)}))
    assert "Would go in the night of" in said
    assert "none was ever stored" in said
    assert "+4930" not in said, "no customer is shown"


@pytest.mark.parametrize("days", [1, 30, 400, 5000])
def test_the_first_night_is_the_first_one_the_verdict_calls_due(days: int) -> None:
    day = date(2024, 2, 28)
    on = first_due(day, days=Days(days))
    assert day < cutoff(on, days=Days(days))
    assert not day < cutoff(on - timedelta(days=1), days=Days(days))


def test_ebbtides_own_id_finds_it_too(world: World, alice: Client) -> None:
    own = segment_id(call(world, 11), pepper=bytes(world.alice.pepper))
    for text in (str(own), own.hex, str(own).upper(), f"  {own} "):
        segment = only(ask(alice, world, text))
        assert (segment.id, segment.found_by, segment.state) == (str(own), "segment", "here")


def test_what_is_due_says_why_it_is_still_here(world: World, alice: Client) -> None:
    rows = by_type(only(ask(alice, world, call(world, 40))))["insights"]
    assert (rows.overdue, rows.night) == (True, days_ago(world.alice, 9))
    assert [one.text for one in rows.because] == [
        "Deletion is not switched on: nights only report what they would delete."
    ]
    arm(world.alice)
    blocked = run_once(world.alice)
    assert blocked.outcome == "blocked"
    because = by_type(only(ask(alice, world, call(world, 40))))["insights"].because
    assert [(one.run, "stopped before its first deletion" in one.text) for one in because] == [(blocked.id, True)]
    assert "a run may take 20 %" in because[0].text
    load(world.alice, calls("Sales", day=days_ago(world.alice, 50), count=1))
    because = by_type(only(ask(alice, world, call(world, 50))))["insights"].because
    assert "The last plan did not name it yet" in because[0].text
    orgs.stop_organization(world.alice.id, on=True, reason="Audit", actor="test", now=CLOCK.now())
    because = by_type(only(ask(alice, world, call(world, 40))))["insights"].because
    assert [one.text[:35] for one in because] == ["The organization's kill switch is o"]


def test_without_a_job_it_is_kept(world: World, alice: Client) -> None:
    delete_job(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
    rows = by_type(only(ask(alice, world, call(world, 40))))["insights"]
    assert (rows.state, rows.job, rows.night) == ("here", None, None)
    assert "No job reaches it: it is kept." in words(alice.get(url(world, "why/"), {"id": call(world, 40)}))


def test_a_call_that_is_gone_says_when_by_which_run_and_job(world: World, alice: Client) -> None:
    arm(world.alice)
    run = confirm_and_run(world.alice)
    assert run.outcome == "completed"
    segment = only(ask(alice, world, call(world, 40)))
    assert (segment.state, segment.day, segment.channel) == ("gone", days_ago(world.alice, 40), "")
    found = by_type(segment)
    for kind in ("insights", "desktop"):
        purge = found[kind].purges[0]
        assert (found[kind].state, purge.run, purge.job.id, purge.job.days) == ("gone", run.id, world.job, 30)
        assert run.started_at <= purge.at <= run.ended_at + timedelta(seconds=5)
    assert found["audio"].state == "none"
    said = words(alice.get(url(world, "why/"), {"id": call(world, 40)}))
    assert f"run {run.id}" in said
    assert "nothing else; so it cannot be told whether it had a recording." in said
    delete_job(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
    assert by_type(only(ask(alice, world, call(world, 40))))["insights"].purges[0].job.days == 30


def test_desktop_recordings_alone_can_be_gone(world: World, alice: Client) -> None:
    record(world.alice, call(world, 11), kind=DataType.AUDIO)
    delete_job(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
    job = job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}), what=What.DESKTOP)
    arm(world.alice)
    run = confirm_and_run(world.alice)
    segment = only(ask(alice, world, call(world, 11)))
    found = by_type(segment)
    assert segment.state == "partly"
    assert {kind: one.state for kind, one in found.items()} == {
        "insights": "here", "audio": "here", "transcript": "none", "desktop": "gone",
    }  # fmt: skip
    assert [(purge.run, purge.job.id, purge.items) for purge in found["desktop"].purges] == [(run.id, job, 1)]
    assert "Partly gone" in words(alice.get(url(world, "why/"), {"id": call(world, 11)}))


def test_never_seen_foreign_and_made_up_ids_look_the_same(world: World, alice: Client) -> None:
    load(world.charlie, [{"source_key": "of-charlie", "queue": "Sales", "day": days_ago(world.charlie, 3)}])
    foreign = segment_id("of-charlie", pepper=bytes(world.charlie.pepper))

    def said(text: str) -> str:
        answer = alice.get(url(world, "why/"), {"id": text})
        assert answer.status_code == 200
        return words(answer)

    assert "Never seen in" in said("of-charlie")
    assert said("of-charlie") == said("no-such-call") == said(str(foreign)) == said(str(uuid.UUID(int=7)))
    charlie = signed_in("charlie").get(f"/o/org_{world.charlie.id}/why/", {"id": "of-charlie"})
    assert charlie.context["page"].segments[0].state == "here"


def test_all_segments_of_an_interaction_are_listed(world: World, alice: Client) -> None:
    day = days_ago(world.alice, 4)
    legs = [
        {"source_key": f"i-77/{leg}", "interaction": "i-77", "queue": queue, "day": day + timedelta(days=leg // 2)}
        for leg, queue in enumerate(("Sales", "Support", "Sales"))
    ]
    load(world.alice, legs)
    load(world.alice, [{"source_key": "other", "interaction": "i-78", "queue": "Sales", "day": day}])
    load(world.charlie, [{"source_key": "i-77/0", "interaction": "i-77", "queue": "Sales", "day": day}])
    page = ask(alice, world, "i-77/1")
    assert [(one.found_by, one.queue.name if one.queue else "") for one in page.segments] == [
        ("key", "Support"), ("interaction", "Sales"), ("interaction", "Sales"),
    ]  # fmt: skip
    assert {one.state for one in page.segments} == {"here"}
    assert ask(alice, world, "i-77").segments == ()
    assert "Give the day it took place as well." in words(alice.get(url(world, "why/"), {"id": "i-77"}))
    for around in (day, day + timedelta(days=1)):
        assert len(ask(alice, world, "i-77", day=str(around)).segments) == 3
    assert ask(alice, world, "i-77", day=str(days_ago(world.alice, 30))).segments == ()


def test_undatable_and_late_rows_say_so(world: World, alice: Client) -> None:
    load(world.alice, [{"source_key": "undated", "queue": "Sales", "day": None}])
    segment = only(ask(alice, world, "undated"))
    assert (segment.state, segment.reason, segment.types) == ("undatable", "no instant", ())
    arm(world.alice)
    confirm_and_run(world.alice)
    load(world.alice, [{"source_key": "too-late", "queue": "Sales", "day": days_ago(world.alice, 60)}])
    segment = only(ask(alice, world, "too-late"))
    assert (segment.state, segment.day) == ("late", days_ago(world.alice, 60))
    assert "are purged" in segment.reason
    load(world.alice, calls("Sales", day=days_ago(world.alice, 40), count=1))
    segment = only(ask(alice, world, call(world, 40)))
    assert segment.state == "gone"
    assert segment.late_at is not None
    for text, said in (("undated", "Its day cannot be known (no instant)."), ("too-late", "and was turned away"),
                       (call(world, 40), "and stayed out.")):  # fmt: skip
        assert said in words(alice.get(url(world, "why/"), {"id": text}))


ODD = {
    "": "Give an id to look for.",
    "   ": "Give an id to look for.",
    "x" * 201: "Ensure this value has at most 200 characters",
    "a\u202eb": "a character that cannot be seen",
    "a\u200bb": "a character that cannot be seen",
    "a\tb": "a character that cannot be seen",
    "a\x00b": "a character that cannot be seen",
}


def test_odd_ids_are_refused_at_the_field(world: World, alice: Client) -> None:
    for text, said in ODD.items():
        answer = alice.get(url(world, "why/"), {"id": text})
        assert (answer.status_code, said in words(answer)) == (422, True), repr(text)
    for text in ("=1+1", "' OR 1=1 --", "%", "../..", "<b>x</b>", "\u05d0\u05d1", "x" * 200, "\U0001f4de"):
        answer = alice.get(url(world, "why/"), {"id": text})
        assert answer.status_code == 200, text
        assert "<b>x" not in answer.content.decode()
    for day in ("yesterday", "2026-13-01", "20260101", "\x00", "9999-12-31", "0001-01-01"):
        answer = alice.get(url(world, "why/"), {"id": "x", "day": day})
        assert answer.status_code in {200, 422}, day
    assert "Never seen" not in words(alice.get(url(world, "why/")))


def test_looking_costs_little_and_changes_nothing(world: World, alice: Client) -> None:
    arm(world.alice)
    confirm_and_run(world.alice)
    before = everything(world.alice)
    for text in (call(world, 40), call(world, 11), "never"):
        with statements() as found:
            ask(alice, world, text)
        assert len(found) <= 20, (text, len(found))
    assert everything(world.alice) == before
    assert queues_of(world.alice) == world.queues


def test_one_day_is_looked_into_and_no_other(world: World) -> None:
    for age in range(1, 40):
        load(world.alice, calls("Sales", day=days_ago(world.alice, age), count=1, prefix="more"))
    with acting_in(world.alice.id, using=WEB) as cursor:
        cursor.execute(
            "EXPLAIN SELECT 1 FROM insights_segment s WHERE s.org_id = %s AND s.day = ANY (%s::date[]) "
            "AND s.queue_id = ANY (%s) AND s.id = ANY (%s::uuid[])",
            [world.alice.id, [days_ago(world.alice, 11)], [1], [uuid.UUID(int=1)]],
        )
        told = "\n".join(row[0] for row in cursor.fetchall())
    assert told.count("insights_segment_2") <= 2, told

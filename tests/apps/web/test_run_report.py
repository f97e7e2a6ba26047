"""A run's report and its plan: read on the page, cell by cell, and taken away as files."""

import json
from datetime import date, timedelta

import pytest
from django.test import Client

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import User
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.figures import book_figures, plan_figures
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.planning import planned_cells
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import What
from tests.cast import calls, load, record

from .conftest import CLOCK, World, days_ago, job_for, run_once
from .test_runs import arm, confirm_and_run, read_csv, url, words


@pytest.fixture
def run(world: World) -> Run:
    """A simulated run over 60 days of five Qs, half of it by a job of its own."""
    for number in range(3):
        load(world.alice, calls(f"Q {number}", day=days_ago(world.alice, 45), count=number + 1))
    for age in range(31, 91):
        load(world.alice, calls("Support", day=days_ago(world.alice, age), count=1, prefix="more"))
    job_for(world.alice, 3, queues=frozenset({world.queues["Sales"]}), what=What.DESKTOP)
    return run_once(world.alice)


def cells(client: Client, world: World, run: Run, query: str = "") -> list[tuple[date, str, str, int]]:
    """All cells shown, page after page."""
    found = []
    following = query
    while True:
        page = client.get(url(world, f"runs/run_{run.id}/plan/?{following}")).context["page"]
        found += [(one.day, str(one.data_type), one.queue.name, one.items) for one in page.cells.rows]
        following = page.cells.next
        if not following:
            return found


def planned(world: World, run: Run) -> list[tuple[date, str, str, int]]:
    names = {number: name for name, number in world.queues.items()}
    with acting_in(world.alice.id) as cursor:
        cursor.execute("SELECT id, name FROM catalog_queue")
        names = dict(cursor.fetchall())
        found = planned_cells(Plan.objects.get(id=run.plan_id))
        return [(one.cell.day, str(one.cell.data_type), names[one.cell.queue], one.cell.items) for one in found]


def test_the_plan_is_read_page_by_page(world: World, alice: Client, run: Run) -> None:
    expected = planned(world, run)
    assert len(expected) > 60
    assert cells(alice, world, run) == expected
    first = alice.get(url(world, f"runs/run_{run.id}/plan/")).context["page"]
    second = alice.get(url(world, f"runs/run_{run.id}/plan/?{first.cells.next}")).context["page"]
    back = alice.get(url(world, f"runs/run_{run.id}/plan/?{second.cells.previous}")).context["page"]
    assert (back.cells.rows, back.cells.previous) == (first.cells.rows, "")
    assert {one.name for one in first.queues} == {"Sales", "Support", "Q 0", "Q 1", "Q 2"}
    days = {(one.queue.name, one.data_type.value): one.job.days for one in (*first.cells.rows, *second.cells.rows)}
    assert days["Sales", "desktop"] == 3
    assert {number for key, number in days.items() if key != ("Sales", "desktop")} == {30}


@pytest.mark.parametrize("column", ["day", "days", "items", "bytes"])
def test_the_plan_is_sorted_and_loses_no_cell(world: World, alice: Client, run: Run, column: str) -> None:
    expected = planned(world, run)
    for sort in (column, f"-{column}"):
        found = cells(alice, world, run, f"plan.sort={sort}")
        assert len(found) == len(set(found))
        assert set(found) == set(expected)
        if column == "items":
            numbers = [items for *_cell, items in found]
            assert numbers == sorted(numbers, reverse=sort.startswith("-"))


def test_the_plan_is_narrowed(world: World, alice: Client, run: Run) -> None:
    expected = planned(world, run)
    assert cells(alice, world, run, f"queue=que_{world.queues['Sales']}") == [
        one for one in expected if one[2] == "Sales"
    ]
    assert cells(alice, world, run, "type=desktop") == [one for one in expected if one[1] == "desktop"]
    since, until = days_ago(world.alice, 46), days_ago(world.alice, 44)
    assert cells(alice, world, run, f"since={since}&until={until}") == [
        one for one in expected if since <= one[0] <= until
    ]
    assert "No cell fits" in words(alice.get(url(world, f"runs/run_{run.id}/plan/?type=audio")))


def test_the_whole_plan_goes_into_the_csv(world: World, alice: Client, run: Run) -> None:
    rows = read_csv(alice.get(url(world, f"runs/run_{run.id}/plan/?csv=plan")))
    assert [(row["day"], row["data type"], row["q"], row["items"]) for row in rows] == [
        (str(day), kind, queue, str(items)) for day, kind, queue, items in planned(world, run)
    ]
    few = read_csv(alice.get(url(world, f"runs/run_{run.id}/plan/?csv=plan&type=desktop&plan.sort=-day")))
    assert {row["data type"] for row in few} == {"desktop"}
    assert [row["day"] for row in few] == sorted((row["day"] for row in few), reverse=True)


ODD = {
    "queue=que_999999": 422, "queue=1": 404, "queue=job_1": 404, "type=video": 422, "since=x": 422, "until=%00": 422,
    "plan.sort=q": 422, "plan.sort=id": 422, "plan.after=zzz": 422, "plan.after=WyIxIiwiMiJd": 422,
    "plan.after=WyIwIiwieCIsImF1ZGlvIiwiMSJd": 422,
    "plan.after=WyIwIiwiMjAyNi0wMS0wMSIsImF1ZGlvIiwiOTk5OTk5OTk5OTk5Il0": 422,
    "queue=&type=&since=&until=": 200,
}  # fmt: skip


def test_odd_questions_of_the_plan(world: World, alice: Client, run: Run) -> None:
    page = url(world, f"runs/run_{run.id}/plan/?")
    assert {query: alice.get(page + query).status_code for query in ODD} == ODD
    foreign = alice.get(f"{page}queue=que_{world.foreign_queue}")
    assert foreign.status_code == 422
    for query in ("calendar.year=x", "calendar.year=99999", "calendar.year=1000", "numbers.find=%25", "days.sort=-day"):
        assert alice.get(url(world, f"runs/run_{run.id}/?{query}")).status_code == 200


def test_a_line_of_many_qs_is_cut_within(world: World, alice: Client) -> None:
    for number in range(120):
        load(world.alice, calls(f"Q {number:03}", day=days_ago(world.alice, 45), count=1))
    run = run_once(world.alice)
    first = alice.get(url(world, f"runs/run_{run.id}/plan/")).context["page"]
    assert len(first.cells.rows) == 50
    assert cells(alice, world, run) == planned(world, run)


def test_figures_are_what_the_lines_and_the_book_say(world: World, run: Run) -> None:
    with acting_in(world.alice.id):
        figures = plan_figures(run.plan_id, org=world.alice.id)
        every = list(planned_cells(Plan.objects.get(id=run.plan_id)))
        assert not book_figures(run.id, org=world.alice.id).by_outcome
        assert plan_figures(run.plan_id, org=world.charlie.id).planned == []
    for one in figures.planned:
        mine = [p for p in every if (p.cell.queue, p.cell.data_type, p.job) == (one.queue, one.data_type, one.job)]
        assert one.amount.items == sum(p.cell.items for p in mine)
        assert one.amount.bytes == sum(p.cell.bytes for p in mine)
    for day, amount in figures.by_day.items():
        assert amount.items == sum(p.cell.items for p in every if p.cell.day == day)
    assert sum(one.amount.items for one in figures.planned) == sum(p.cell.items for p in every)


def test_the_calendar_of_a_simulation_shows_what_would_go(world: World, alice: Client, run: Run) -> None:
    answer = alice.get(url(world, f"runs/run_{run.id}/"))
    page = answer.context["page"]
    drawn = {one.day: one.items for year in page.calendar.years for one in year.days}
    assert sum(drawn.values()) == page.run.planned
    assert not page.purges
    said = words(answer)
    assert "Days that would be purged" in said
    assert "items would be purged" in said
    rows = read_csv(alice.get(url(world, f"runs/run_{run.id}/?csv=days&days.sort=day")))
    assert {date.fromisoformat(row["day"]): int(row["planned items"]) for row in rows} == drawn


def test_the_calendar_of_a_live_run_shows_what_is_gone(world: World, alice: Client) -> None:
    arm(world.alice)
    run = confirm_and_run(world.alice)
    page = alice.get(url(world, f"runs/run_{run.id}/")).context["page"]
    assert [(one.day, one.items) for year in page.calendar.years for one in year.days] == [
        (days_ago(world.alice, 40), 6)
    ]
    assert page.purges
    assert page.calendar.missed is False


def test_the_report_is_a_file_that_adds_up(world: World, alice: Client) -> None:
    who = {"customer": "Erika Mustermann", "agent": "agent.smith", "interaction": "secret-ia"}
    load(world.alice, [{"source_key": "secret-key", "queue": "Sales", "day": days_ago(world.alice, 40), **who}])
    record(world.alice, "secret-key", kind=DataType.AUDIO)
    arm(world.alice)
    run = confirm_and_run(world.alice)
    answer = alice.get(url(world, f"runs/run_{run.id}/report.json"))
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="ebbtide-run_{run.id}.json"'
    text = answer.content.decode()
    told = json.loads(text)
    assert told["format"] == "ebbtide-run-report/1"
    assert told["run"]["outcome"] == "completed"
    assert told["run"]["read_back"] is True
    assert told["plan"]["sha256"] == alice.get(url(world, f"runs/run_{run.id}/")).context["page"].plan.digest
    for part in ("by_queue_and_data_type", "by_day"):
        assert sum(line["purged_items"] for line in told[part]) == told["numbers"]["purged"]["items"] == 8
        assert sum(line["planned_bytes"] for line in told[part]) == told["numbers"]["planned"]["bytes"]
    assert [(job["id"], job["type"], job["days"]) for job in told["jobs"]] == [(f"job_{world.job}", "global", 30)]
    for personal in ("secret", "Mustermann", "smith", "example.org", "+4930", "call-"):
        assert personal not in text


def test_the_report_of_a_simulation(world: World, alice: Client, run: Run) -> None:
    told = json.loads(alice.get(url(world, f"runs/run_{run.id}/report.json")).content)
    assert (told["run"]["mode"], told["run"]["outcome"], told["run"]["read_back"]) == ("simulated", "simulated", None)
    assert told["numbers"]["purged"] == {"items": 0, "bytes": 0}
    assert {line["not_reached_items"] for line in told["by_queue_and_data_type"]} == {0}


def test_numbers_are_searched_and_sorted(world: World, alice: Client, run: Run) -> None:
    page = url(world, f"runs/run_{run.id}/")
    found = alice.get(f"{page}?numbers.find=desktop+sales").context["page"].numbers
    assert [(line.queue, line.data_type) for line in found.rows] == [("Sales", "desktop")]
    assert "No Q or data type here has that in its name." in words(alice.get(f"{page}?numbers.find=zzz"))
    most = alice.get(f"{page}?numbers.sort=-planned_items").context["page"].numbers.rows
    assert [line.planned for line in most] == sorted((line.planned for line in most), reverse=True)


def fresh_centre(name: str, *, onboarded: date) -> int:
    fresh = onboard(name, zone="Asia/Kolkata", onboarded_on=onboarded, actor="test")
    orgs.add_member(fresh.id, user=User.objects.get(email="alice@example.org"), is_admin=True)
    load(fresh, calls("Sales", day=days_ago(fresh, 401), count=3))
    load(fresh, calls("Sales", day=days_ago(fresh, 3), count=3))
    return fresh.id


def test_a_new_organization_is_told_of_its_first_night(world: World, alice: Client) -> None:
    today = days_ago(world.alice, 0)
    number = fresh_centre("Fresh", onboarded=today)
    answer = alice.get(f"/o/org_{number}/runs/")
    said = words(answer)
    assert "No night has run yet" in said
    assert "02:00 IST" in said
    assert "It deletes nothing: it reports here what it would delete." in said
    assert "Deletes all data of the whole organization older than 400 days" in said
    night = answer.context["page"].first_night
    # the night is tonight's or tomorrow's: what is 401 days old is due either way
    assert (night.items, night.stored) == (3, 6)
    assert "As things stand it would take 3 items" in said
    orgs.arm(number, reason="ready", actor="test", now=CLOCK.now())
    assert "It deletes for good what has outlived its retention" in words(alice.get(f"/o/org_{number}/runs/"))
    old = fresh_centre("Old", onboarded=today - timedelta(days=3000))
    said = words(alice.get(f"/o/org_{old}/runs/"))
    assert "There is no job yet. Without one, all data is kept and the run has nothing to do." in said
    with acting_in(number):
        assert Plan.objects.count() == 0

"""Home, what is stored by Q, and what is set aside: true to the plan, and of nobody else's data."""

import csv
import io
import re
from datetime import timedelta

from django.http import HttpResponse
from django.test import Client

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Plan
from ebbtide.apps.runs.services import Asked, start_run, turn_switch
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import What
from tests.cast import calls, everything, load, record

from .conftest import CLOCK, World, days_ago, job_for, signed_in, statements

CUSTOMER, AGENT = "+49 30 5550199", "Ann Example"


def words(answer: HttpResponse) -> str:
    html = answer.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\N{NO-BREAK SPACE}", " ").split())


def at(world: World, rest: str = "") -> str:
    return f"/o/org_{world.alice.id}/{rest}"


def sheet(answer: HttpResponse) -> list[dict[str, str]]:
    """A CSV as rows by column."""
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def arm(org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())


def set_aside(world: World) -> None:
    """Undatable rows with people in them, one late row, and a neighbour's beside them."""
    told = {"customer": CUSTOMER, "agent": AGENT, "interaction": "int-1"}
    rows = [{"source_key": f"odd-{number}", "queue": "Sales", "day": None, **told} for number in range(3)]
    load(world.alice, rows)
    load(world.alice, [{**rows[0], "source_key": "bad-1", "queue": "Support", "undatable": 'unreadable end "32/13"'}])
    load(world.alice, [{**rows[0], "source_key": "bad-2", "undatable": 'unreadable end "99/99"'}])
    load(world.charlie, [{**rows[0], "source_key": "theirs", "undatable": "no date"}])


def late(world: World) -> None:
    """A row that comes for a day that has been purged."""
    arm(world.alice)
    plan = planning.make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    chosen = public_id("plan", plan.id)
    planning.confirm_plan(world.alice.id, plan_id=chosen, actor="test", now=CLOCK.now())
    today = days_ago(world.alice, 0)
    start_run(world.alice.id, asked=Asked(trigger="manual", local_date=today, plan_id=chosen), clock=CLOCK)
    assert load(world.alice, calls("Sales", day=days_ago(world.alice, 40), count=1, prefix="late")).late == 1


def cap(org: Organization, percent: int) -> None:
    """The most a run may take, in percent of what is there."""
    with acting_in(org.id):
        Organization.objects.filter(id=org.id).update(share_cap_percent=percent)


def test_home_says_what_tonight_would_take_and_stores_no_plan(world: World, alice: Client) -> None:
    before = everything(world.alice)
    with acting_in(world.alice.id):
        plans = Plan.objects.count()
    page = alice.get(at(world)).context["page"]
    # the job says 30: of 40, 11 and 1 days, 40 are due; two segments and one desktop recording in each of two Qs
    assert {line.data_type.value: line.items for line in page.tonight} == {
        "insights": 4, "audio": 0, "transcript": 0, "desktop": 2,
    }  # fmt: skip
    assert {(line.oldest, line.newest) for line in page.tonight if line.items} == {(days_ago(world.alice, 40),) * 2}
    assert (page.tonight_items, page.storage_items, page.job_count) == (6, 18, 1)
    assert page.next_night == next_night(CLOCK.now(), zone=parse_zone("Europe/Berlin"), at=world.alice.night_at)
    with acting_in(world.alice.id):
        assert Plan.objects.count() == plans
    assert everything(world.alice) == before


def test_tonight_is_what_the_plan_of_tonight_takes(world: World, alice: Client) -> None:
    job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}))
    page = alice.get(at(world)).context["page"]
    on = page.next_night.astimezone(parse_zone(world.alice.zone)).date()
    plan = planning.make_plan(world.alice.id, as_of=on, now=page.next_night)
    assert (page.tonight_items, page.tonight_bytes) == (plan.items, plan.bytes)
    due = [cell for row in page.matrix.rows for cell in row.cells]
    assert (sum(cell.due_items for cell in due), sum(cell.due_bytes for cell in due)) == (plan.items, plan.bytes)
    charts = page.ages.charts
    assert (sum(one.due_items for one in charts), sum(one.due_bytes for one in charts)) == (plan.items, plan.bytes)
    assert page.ages.listing is None  # it is drawn up when somebody opens it
    opened = alice.get(f"{at(world)}?{page.ages.table_query}").context["page"]
    table = [cell for row in opened.ages.listing.rows for cell in row.cells]
    assert sum(cell.due_items for cell in table) == plan.items
    assert sum(cell.items for cell in table) == page.storage_items


def test_the_run_is_told_as_it_will_really_be(world: World, alice: Client) -> None:
    does = alice.get(at(world)).context["page"].tonight_does
    assert does.kind == "reports"
    assert "6 of 18 items (33.3 %)" in does.reason  # the cap would stop it, if it were armed
    cap(world.alice, 50)
    assert alice.get(at(world)).context["page"].tonight_does.reason == ""
    arm(world.alice)
    assert alice.get(at(world)).context["page"].tonight_does.kind == "deletes"
    assert "The run will delete this for good." in words(alice.get(at(world)))
    cap(world.alice, 20)
    does = alice.get(at(world)).context["page"].tonight_does
    assert (does.kind, does.reason[:18]) == ("blocked", "The plan takes 6 o")
    cap(world.alice, 50)
    turn_switch(on=True, reason="maintenance", actor="test")
    does = alice.get(at(world)).context["page"].tonight_does
    assert does.kind == "blocked"
    assert "kill switch is on (maintenance)" in does.reason


def test_the_matrix_names_who_decides_and_what_is_there(world: World, alice: Client) -> None:
    desktop = job_for(world.alice, 10, queues=frozenset({world.queues["Sales"]}), what=What.DESKTOP)
    answer = alice.get(at(world))
    rows = {row.queue.name: row for row in answer.context["page"].matrix.rows}
    assert [cell.job.days for cell in rows["Sales"].cells] == [30, 30, 30, 10]
    assert [cell.job.days for cell in rows["Support"].cells] == [30, 30, 30, 30]
    assert [(cell.items, cell.due_items) for cell in rows["Sales"].cells] == [(6, 2), (0, 0), (0, 0), (3, 2)]
    assert f"/jobs/job_{desktop}/" in answer.content.decode()
    found = alice.get(at(world, "?matrix.find=sup&matrix.sort=-desktop")).context["page"].matrix
    assert [row.queue.name for row in found.rows] == ["Support"]
    by_desktop = alice.get(at(world, "?matrix.sort=desktop")).context["page"].matrix
    assert [row.queue.name for row in by_desktop.rows] == ["Sales", "Support"]
    lines = {(line["q"], line["data type"]): line for line in sheet(alice.get(at(world, "?csv=matrix")))}
    assert len(lines) == 8
    sales = lines["Sales", "desktop"]
    assert (sales["days"], sales["decided by"]) == ("10", f"job_{desktop}")
    assert (sales["stored items"], sales["tonight items"]) == ("3", "2")


def test_what_no_job_reaches_is_kept(world: World) -> None:
    free = orgs.create_organization("Free", zone="Asia/Kolkata", onboarded_on=days_ago(world.alice, 3000))
    orgs.add_member(free.id, user=User.objects.get(email="charlie@example.org"), is_admin=True)
    load(free, calls("Sales", day=days_ago(free, 900), count=4))
    answer = signed_in("charlie").get(f"/o/org_{free.id}/")
    page = answer.context["page"]
    assert {cell.job for row in page.matrix.rows for cell in row.cells} == {None}
    assert page.tonight_items == 0
    insights = page.ages.charts[0]
    tonight = local_day(page.next_night, zone=parse_zone(free.zone))
    assert (insights.lines, insights.forever) == ((), 1)
    assert insights.oldest == (tonight - days_ago(free, 900)).days
    assert "kept, no job" in words(answer)
    assert "Nothing is ever deleted yet" in words(answer)


def test_the_charts_draw_each_retention_and_what_lies_beyond(world: World, alice: Client) -> None:
    job_for(world.alice, 10, queues=frozenset({world.queues["Sales"]}), what=What.DESKTOP)
    card = alice.get(at(world)).context["page"].ages
    desktop = card.charts[3]
    assert [(line.days, line.queues) for line in desktop.lines] == [(10, 1), (30, 1)]
    assert [rule.label for rule in desktop.chart.rules] == ["10 days", "30 days"]
    assert (desktop.items, desktop.due_items) == (6, 3)
    assert sum(1 for bar in desktop.chart.bars if bar.upper_height) == 2
    assert card.charts[1].chart is None
    sizes = alice.get(at(world, "?unit=bytes&matrix.find=sales")).context["page"].ages
    assert [(one.unit, one.chosen) for one in sizes.choices] == [("items", False), ("bytes", True)]
    assert "matrix.find=sales" in sizes.choices[0].query
    lines = sheet(alice.get(at(world, "?csv=ages")))
    assert sum(int(line["stored items"]) for line in lines) == 18
    assert sum(int(line["tonight items"]) for line in lines if line["data type"] == "desktop") == 3


def test_an_empty_centre_is_told_what_to_do_first(world: World) -> None:
    fresh = orgs.create_organization("Fresh", zone="Asia/Kolkata", onboarded_on=days_ago(world.alice, 0))
    orgs.add_member(fresh.id, user=User.objects.get(email="charlie@example.org"), is_admin=True)
    said = words(signed_in("charlie").get(f"/o/org_{fresh.id}/"))
    for piece in (
        f"ebbtide import segments calls.csv --org org_{fresh.id} --map calls.toml",
        "There is no job. Without one, all data is kept.",
        "It looks at every Q, reports what it would delete, and deletes nothing.",
        "No night has run yet.",
    ):
        assert piece in said
    job_for(fresh, 400)
    assert "Deletes all data of the whole organization older than 400 days" in words(
        signed_in("charlie").get(f"/o/org_{fresh.id}/")
    )
    assert "No Qs yet" in words(signed_in("charlie").get(f"/o/org_{fresh.id}/storage/"))


def test_storage_is_told_by_queue_largest_first(world: World, alice: Client) -> None:
    record(world.alice, f"call-Support-{days_ago(world.alice, 1)}-1", kind=DataType.AUDIO, content=b"x" * 5000)
    page = alice.get(at(world, "storage/")).context["page"]
    assert [row.queue.name for row in page.listing.rows] == ["Support", "Sales"]
    support = page.listing.rows[0]
    assert [cell.items for cell in support.cells] == [6, 1, 0, 3]
    assert support.oldest == days_ago(world.alice, 40)
    assert (page.items, round(sum(row.percent for row in page.listing.rows))) == (19, 100)
    lines = sheet(alice.get(at(world, "storage/?csv=storage&storage.find=sup")))
    assert [(line["q"], line["items"], line["audio bytes"]) for line in lines] == [("Support", "10", "5000")]


def test_what_is_set_aside_is_counted_by_reason(world: World, alice: Client) -> None:
    set_aside(world)
    page = alice.get(at(world)).context["page"]
    assert {(one.kind, one.reason): one.items for one in page.aside} == {
        ("undatable", "no instant"): 3, ("undatable", "unreadable end"): 2,
    }  # fmt: skip
    assert page.aside_items == 5


def test_what_is_set_aside_is_shown_without_the_people_in_it(world: World, alice: Client) -> None:
    set_aside(world)
    late(world)
    answer = alice.get(at(world, "aside/"))
    page = answer.context["page"]
    assert {row.source_key for row in page.listing.rows} == {"odd-0", "odd-1", "odd-2", "bad-1", "bad-2", ""}
    assert (page.undatable, page.late) == (5, 1)
    fallen = next(row for row in page.listing.rows if row.kind == "late")
    assert (fallen.day, fallen.queue.name, fallen.ended_at) == (days_ago(world.alice, 40), "Sales", None)
    lines = sheet(alice.get(at(world, "aside/?csv=aside")))
    assert len(lines) == 6
    told = answer.content.decode() + str(lines)
    for secret in (CUSTOMER, AGENT, "int-1", "theirs"):
        assert secret not in told


def test_what_is_set_aside_is_narrowed_searched_and_sorted(world: World, alice: Client) -> None:
    set_aside(world)

    def keys(query: str) -> list[str]:
        return [row.source_key for row in alice.get(at(world, "aside/?" + query)).context["page"].listing.rows]

    sales, support = (public_id("que", world.queues[name]) for name in ("Sales", "Support"))
    assert keys("reason=unreadable+end&aside.sort=received") == ["bad-1", "bad-2"]
    assert keys(f"kind=undatable&q={support}") == ["bad-1"]
    assert keys(f"q={sales}&aside.find=BAD") == ["bad-2"]
    assert keys("kind=late") == []
    assert keys("aside.sort=q")[-1] == "bad-1"
    assert sorted(keys("aside.sort=reason&aside.find=odd")) == ["odd-0", "odd-1", "odd-2"]
    assert [line["source key"] for line in sheet(alice.get(at(world, f"aside/?csv=aside&q={support}")))] == ["bad-1"]


ODD = {
    "?unit=pounds": 422, "?matrix.sort=gone": 422, "?ages.sort=-q": 422, "?matrix.after=x": 422, "?unit=": 200,
    "?page=2": 200, "aside/?kind=odd": 422, "aside/?q=12": 404, "aside/?q=que_999999": 404, "aside/?reason=%00": 422,
    "aside/?aside.after=x": 422, "aside/?aside.find=%27": 200, "storage/?storage.sort=who": 422,
}  # fmt: skip


def test_odd_questions(world: World, alice: Client) -> None:
    asked = {**ODD, f"aside/?q=que_{world.foreign_queue}": 404}
    assert {query: alice.get(at(world, query)).status_code for query in asked} == asked


def test_the_matrix_adds_up_no_more_than_its_page(world: World, alice: Client) -> None:
    for number in range(60):
        load(world.alice, calls(f"Q {number:02}", day=days_ago(world.alice, 35), count=1))
    first = alice.get(at(world)).context["page"].matrix
    assert (len(first.rows), first.total) == (10, 62)
    with statements() as asked:
        second = alice.get(at(world, "?" + first.next)).context["page"].matrix
    assert {row.queue.id for row in first.rows}.isdisjoint(row.queue.id for row in second.rows)
    assert all(row.cells[0].due_items == 1 for row in second.rows)
    assert len(asked) <= 20


def test_a_neighbour_changes_nothing(world: World, alice: Client) -> None:
    def seen() -> tuple[object, ...]:
        page = alice.get(at(world)).context["page"]
        return page.tonight, page.storage, page.ages.charts, page.matrix.rows

    before = seen()
    job_for(world.charlie, 1)
    load(world.charlie, calls("Sales", day=world.today - timedelta(days=2000), count=9))
    assert seen() == before

"""Home and runs: what is told of a night, before it and after it."""

import csv
import io
import re
from datetime import date

import pytest
from django.test import Client

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.services import Asked, start_run, turn_switch
from ebbtide.domain.calendar import next_night, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.web.spreadsheet import csv_lines, safe_cell
from tests.cast import calls, everything, load

from .conftest import CLOCK, World, days_ago, job_for, queues_of, run_once, signed_in, statements


def words(answer: object) -> str:
    html = answer.content.decode()  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\N{NO-BREAK SPACE}", " ").split())


def url(world: World, rest: str = "") -> str:
    return f"/o/org_{world.alice.id}/{rest}"


def refreshed(org: Organization) -> Organization:
    with acting_in(org.id):
        return Organization.objects.get(id=org.id)


def arm(org: Organization) -> None:
    orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())


def confirm_and_run(org: Organization) -> Run:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    chosen = public_id("plan", plan.id)
    planning.confirm_plan(org.id, plan_id=chosen, actor="test", now=CLOCK.now())
    return start_run(org.id, asked=Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=chosen), clock=CLOCK)


def ended_run(plan: Plan, *, on: date, outcome: str, reason: str = "") -> Run:
    """A night's run, begun and ended by the worker's role without its work."""
    now = CLOCK.now()
    with acting_in(plan.org_id, using=SWEEP):
        run = Run.objects.using(SWEEP).create(
            org_id=plan.org_id, plan_id=plan.id, local_date=on, trigger="nightly", frozen_at=now
        )
        run.mode, run.outcome, run.reason, run.ended_at = "simulated", outcome, reason, now
        run.save(using=SWEEP, update_fields=["mode", "outcome", "reason", "ended_at"])
    return run


def test_home_says_what_tonight_would_take_and_stores_no_plan(world: World, alice: Client) -> None:
    before = everything(world.alice)
    with acting_in(world.alice.id):
        plans = Plan.objects.count()
    page = alice.get(url(world)).context["page"]
    # the job says 30: of 40, 11 and 1 days, 40 are due; two segments and one desktop recording in each of two Qs
    assert {line.data_type.value: line.items for line in page.tonight} == {
        "insights": 4, "audio": 0, "transcript": 0, "desktop": 2,
    }  # fmt: skip
    assert {(line.oldest, line.newest) for line in page.tonight if line.items} == {(days_ago(world.alice, 40),) * 2}
    assert page.tonight_items == 6
    assert page.storage_items == 18
    assert (page.job_count, len(page.matrix)) == (1, 2)
    assert page.next_night == next_night(CLOCK.now(), zone=parse_zone("Europe/Berlin"), at=world.alice.night_at)
    assert {cell.job.days for row in page.matrix for cell in row.cells if cell.job} == {30}
    with acting_in(world.alice.id):
        assert Plan.objects.count() == plans
    assert everything(world.alice) == before


def test_tonight_is_what_the_plan_of_tonight_takes(world: World, alice: Client) -> None:
    job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}))
    page = alice.get(url(world)).context["page"]
    with acting_in(world.alice.id):
        on = page.next_night.astimezone(parse_zone(world.alice.zone)).date()
    plan = planning.make_plan(world.alice.id, as_of=on, now=page.next_night)
    assert (page.tonight_items, page.tonight_bytes) == (plan.items, plan.bytes)


def test_an_empty_centre_has_a_home(world: World) -> None:
    fresh = orgs.create_organization("Fresh", zone="Asia/Kolkata", onboarded_on=days_ago(world.alice, 0))
    orgs.add_member(fresh.id, user=User.objects.get(email="charlie@example.org"), is_admin=True)
    said = words(signed_in("charlie").get(f"/o/org_{fresh.id}/"))
    assert "Nothing is ever deleted yet" in said
    assert "No night has run yet." in said
    assert "No Qs yet" in said
    assert "No night has run yet" in words(signed_in("charlie").get(f"/o/org_{fresh.id}/runs/"))


def test_the_switch_is_told_on_every_page(world: World, alice: Client) -> None:
    arm(world.alice)
    orgs.stop_organization(world.alice.id, on=True, reason="Audit <this week>", actor="test", now=CLOCK.now())
    for rest in ("", "jobs/", "runs/", f"runs/run_{world.run}/", "jobs/new/"):
        said = words(alice.get(url(world, rest)))
        assert "This organization's kill switch is on." in said.replace("&#x27;", "'")
        assert "Reason: Audit &lt;this week&gt;" in said
    turn_switch(on=True, reason="Storage maintenance")
    said = words(alice.get(url(world))).replace("&#x27;", "'")
    assert "The platform's kill switch is on." in said
    assert "While the kill switch is on, no night deletes anything." in said
    assert "Storage maintenance" in words(signed_in("charlie").get(f"/o/org_{world.charlie.id}/runs/"))


def test_home_tells_arming(world: World, alice: Client) -> None:
    assert "Simulating — nothing is deleted" in words(alice.get(url(world)))
    arm(world.alice)
    assert "Armed since" in words(alice.get(url(world)))
    assert "Simulating" in words(signed_in("charlie").get(f"/o/org_{world.charlie.id}/"))


def test_data_kept_apart_is_counted(world: World, alice: Client) -> None:
    load(world.alice, [{"source_key": f"undated-{n}", "queue": "Sales", "day": None} for n in range(3)])
    load(world.charlie, [{"source_key": "undated", "queue": "Sales", "day": None}])
    said = words(alice.get(url(world)))
    assert "Undatable no instant 3" in said


def test_a_simulated_run_is_shown(world: World, alice: Client) -> None:
    said = words(alice.get(url(world, f"runs/run_{world.run}/")))
    assert "Simulated: would have deleted 6 items" in said
    assert "Nothing was deleted." in said
    page = alice.get(url(world, f"runs/run_{world.run}/")).context["page"]
    assert {(line.queue, line.data_type.value): line.planned for line in page.numbers.rows} == {
        (queue, kind): number for queue in ("Sales", "Support") for kind, number in (("insights", 2), ("desktop", 1))
    }
    assert {line.not_reached for line in page.numbers.rows} == {0}
    assert [(job.id, job.days) for job in page.plan.jobs] == [(world.job, 30)]


def test_a_blocked_run_is_confirmed_and_goes(world: World, alice: Client) -> None:
    arm(world.alice)
    run = run_once(world.alice)
    assert run.outcome == "blocked"
    address = url(world, f"runs/run_{run.id}/")
    said = words(alice.get(address))
    assert "Held back before the first deletion" in said
    assert "a run may take 20 %" in said
    assert "Armed, but the last night was blocked: it deleted nothing" in words(alice.get(url(world)))
    confirm = url(world, f"plans/plan_{run.plan_id}/confirm/")
    assert confirm in alice.get(address).content.decode()
    assert confirm not in signed_in("bob.view").get(address).content.decode()
    before = everything(world.alice)
    said = words(alice.post(confirm, follow=True))
    assert "Nothing is deleted by that: a run has to be started with this very plan." in said
    assert f"ebbtide run start org_{world.alice.id} --plan plan_{run.plan_id}" in said
    assert "Confirmed by alice@example.org" in said
    assert everything(world.alice) == before
    assert confirm not in alice.get(address).content.decode()
    went = start_run(
        world.alice.id,
        asked=Asked(trigger="manual", local_date=days_ago(world.alice, 0), plan_id=public_id("plan", run.plan_id)),
        clock=CLOCK,
    )
    assert went.outcome == "completed"
    assert alice.get(address).context["page"].guard.went == went.id
    said = words(alice.get(url(world, f"runs/run_{went.id}/")))
    assert "Completed: deleted 6 items" in said
    assert "every store was read again; what is called gone is gone" in said
    assert "Armed since" in words(alice.get(url(world)))


def test_a_plan_overtaken_by_its_facts_is_not_confirmed(world: World, alice: Client) -> None:
    arm(world.alice)
    run = run_once(world.alice)
    job_for(world.alice, 200)
    confirm = url(world, f"plans/plan_{run.plan_id}/confirm/")
    page = alice.get(url(world, f"runs/run_{run.id}/"))
    assert confirm not in page.content.decode()
    assert "It is too late to confirm this plan." in words(page)
    answer = alice.post(confirm)
    assert answer.status_code == 409
    assert "its jobs have changed" in words(answer)
    with acting_in(world.alice.id):
        assert Plan.objects.get(id=run.plan_id).confirmed_at is None


def test_confirming_does_not_help_against_a_switch(world: World, alice: Client) -> None:
    arm(world.alice)
    orgs.stop_organization(world.alice.id, on=True, reason="wait", actor="test", now=CLOCK.now())
    run = run_once(world.alice)
    page = alice.get(url(world, f"runs/run_{run.id}/"))
    assert "kill switch is on" in page.context["page"].guard.message
    assert "/confirm/" not in page.content.decode()


def test_after_a_long_silence_a_person_is_asked(world: World, alice: Client) -> None:
    arm(world.alice)
    plan = planning.make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    # armed, and simulated all the same: as the worker leaves it
    run = ended_run(plan, on=plan.as_of, outcome="simulated", reason="Nothing ran for 40 hours")
    page = alice.get(url(world, f"runs/run_{run.id}/"))
    assert page.context["page"].guard.message == "Nothing ran for 40 hours"
    assert url(world, f"plans/plan_{plan.id}/confirm/") in page.content.decode()


def nights(world: World, *, ages: range) -> None:
    with acting_in(world.alice.id):
        plan = Plan.objects.get(id=world.plan)
    for age in ages:
        ended_run(plan, on=days_ago(world.alice, age), outcome="simulated" if age % 2 else "blocked")


def listed(answer: object) -> list[int]:
    return [line.id for line in answer.context["page"].runs.rows]  # type: ignore[attr-defined]


def test_runs_are_listed_page_by_page(world: World, alice: Client) -> None:
    nights(world, ages=range(120, 0, -1))
    first = alice.get(url(world, "runs/"))
    assert len(listed(first)) == 50
    assert first.context["page"].runs.previous == ""
    second = alice.get(url(world, "runs/?" + first.context["page"].runs.next))
    third = alice.get(url(world, "runs/?" + second.context["page"].runs.next))
    seen = [number for answer in (first, second, third) for number in listed(answer)]
    assert len(seen) == len(set(seen)) == 121
    assert seen == sorted(seen, reverse=True)
    assert third.context["page"].runs.next == ""
    assert listed(alice.get(url(world, "runs/?" + third.context["page"].runs.previous))) == listed(second)


def test_runs_are_sorted_by_any_column(world: World, alice: Client) -> None:
    nights(world, ages=range(60, 0, -1))
    for column in ("night", "started", "outcome", "due", "due_bytes", "purged", "kept", "failed", "not_reached"):
        for sort in (column, f"-{column}"):
            first = alice.get(url(world, f"runs/?runs.sort={sort}"))
            second = alice.get(url(world, "runs/?" + first.context["page"].runs.next))
            assert len({*listed(first), *listed(second)}) == 61
    oldest = alice.get(url(world, "runs/?runs.sort=night")).context["page"].runs.rows
    assert [line.on for line in oldest] == [days_ago(world.alice, age) for age in range(60, 10, -1)]


def test_runs_are_narrowed(world: World, alice: Client) -> None:
    nights(world, ages=range(9, 0, -1))
    blocked = alice.get(url(world, "runs/?outcome=blocked")).context["page"]
    assert {line.outcome for line in blocked.runs.rows} == {"blocked"}
    since, until = days_ago(world.alice, 7), days_ago(world.alice, 3)
    few = alice.get(url(world, f"runs/?since={since}&until={until}")).context["page"]
    assert [line.on for line in few.runs.rows] == [days_ago(world.alice, age) for age in range(3, 8)]
    assert "until=" in few.runs.csv
    assert listed(alice.get(url(world, "runs/?trigger=operator"))) == [world.run]
    assert world.run not in listed(alice.get(url(world, "runs/?trigger=nightly")))
    assert "No run fits" in words(alice.get(url(world, "runs/?mode=live")))
    assert "No run fits" in words(alice.get(url(world, "runs/?outcome=failed")))


def test_all_runs_that_fit_go_into_the_csv(world: World, alice: Client) -> None:
    nights(world, ages=range(120, 0, -1))
    rows = read_csv(alice.get(url(world, "runs/?csv=runs&outcome=blocked&runs.sort=night")))
    assert [row["night"] for row in rows] == [str(days_ago(world.alice, age)) for age in range(120, 0, -2)]
    assert {(row["outcome"], row["started by"], row["due"]) for row in rows} == {("blocked", "nightly", "6")}
    neighbours = read_csv(signed_in("charlie").get(f"/o/org_{world.charlie.id}/runs/?csv=runs"))
    assert [row["run"] for row in neighbours] == [f"run_{world.foreign_run}"]


def read_csv(answer: object) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


ODD = {
    "outcome=gone": 422, "since=2026-13-01": 422, "until=yesterday": 422, "since=%00": 422, "mode=dead": 422,
    "trigger=me": 422, "runs.sort=x": 422, "runs.after=x&runs.before=y": 422, "runs.after=zzz": 422,
    "runs.after=WyIxJyJd": 422, "runs.after=W10": 422, "page=-1": 200, "outcome=&since=&until=&mode=&trigger=": 200,
}  # fmt: skip


def test_odd_questions(world: World, alice: Client) -> None:
    assert {query: alice.get(url(world, "runs/?" + query)).status_code for query in ODD} == ODD
    for page in ("0", "-1", "2", "999999999999999999999", "x", "1.5", "\u0663", "%00"):
        assert alice.get(url(world, f"?page={page}")).status_code == 200


def test_numbers_for_a_spreadsheet(world: World, alice: Client) -> None:
    load(world.alice, calls("=cmd|' /C calc'!A0", day=days_ago(world.alice, 50), count=3))
    run = run_once(world.alice)
    answer = alice.get(url(world, f"runs/run_{run.id}/numbers.csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="ebbtide-run_{run.id}.csv"'
    assert answer.streaming
    rows = read_csv(answer)
    assert {row["q"]: row["planned items"] for row in rows if row["data type"] == "insights"} == {
        "'=cmd|' /C calc'!A0": "3", "Sales": "2", "Support": "2",
    }  # fmt: skip
    assert {row["run"] for row in rows} == {f"run_{run.id}"}


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"]
)
def test_cells_that_would_act_are_made_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_other_cells_stay() -> None:
    assert [safe_cell(value) for value in ("Sales", "", "a=b", -5, None)] == ["Sales", "", "a=b", -5, None]
    assert list(csv_lines([["a;=1", 'say "x"']])) == ["\ufeff", '"a;=1","say ""x"""\r\n']


PAGES = ("", "jobs/", "jobs/new/", "jobs/job_{job}/", "jobs/job_{job}/delete/", "runs/", "runs/run_{run}/",
         "runs/run_{run}/numbers.csv", "runs/run_{run}/report.json", "runs/run_{run}/plan/", "runs/?csv=runs",
         "runs/run_{run}/plan/?csv=plan")  # fmt: skip


def test_pages_ask_little_however_much_there_is(world: World, alice: Client) -> None:
    def asked() -> dict[str, int]:
        counts = {}
        for rest in PAGES:
            with statements() as found:
                answer = alice.get(url(world, rest.format(job=world.job, run=world.run)))
                b"".join(answer.streaming_content if answer.streaming else [answer.content])
            counts[rest] = len(found)
        return counts

    job_for(world.alice, 300, queues=frozenset({world.queues["Sales"]}))
    before = asked()
    for number in range(12):
        load(world.alice, calls(f"Q {number}", day=days_ago(world.alice, 35 + number), count=2))
    for number in queues_of(world.alice).values():
        job_for(world.alice, 50 + number, queues=frozenset({number}))
    for _ in range(5):
        world.run = run_once(world.alice).id
    assert asked() == before
    assert max(before.values()) <= 20, before


def test_a_live_run_tells_the_four_numbers(world: World, alice: Client) -> None:
    neighbour = everything(world.charlie)
    arm(world.alice)
    run = confirm_and_run(world.alice)
    page = alice.get(url(world, f"runs/run_{run.id}/")).context["page"]
    assert (page.run.purged, page.run.kept, page.run.failed, page.run.not_reached) == (6, 0, 0, 0)
    assert sum(line.purged for line in page.numbers.rows) == 6
    assert page.run.live
    assert page.verified
    assert everything(world.charlie) == neighbour
    home = alice.get(url(world)).context["page"]
    assert (home.tonight_items, home.storage_items) == (0, 12)
    assert refreshed(world.alice).armed

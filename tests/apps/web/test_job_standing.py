"""Jobs paused, resumed, deleted, brought back; what an armed organization has to confirm; the history of it all."""

import re
from typing import Any

import pytest
from django.test import Client

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.policies import services
from ebbtide.apps.policies.models import JobChange, RetentionJob
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.planning import make_plan
from ebbtide.domain.errors import NotYours, Taken
from ebbtide.domain.identity import public_id
from tests.cast import calls, load

from .conftest import CLOCK, World, days_ago, job_for, run_once, signed_in, statements


def url(world: World, rest: str) -> str:
    return f"/o/org_{world.alice.id}/jobs/{rest}"


def words(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.decode()).split())


def row_of(world: World, job: int | None = None) -> RetentionJob:
    with acting_in(world.alice.id):
        return RetentionJob.objects.get(id=job or world.job)


def in_force(world: World) -> list[int]:
    with acting_in(world.alice.id):
        return [job.id for job in jobs(org=world.alice.id)]


def arm(world: World) -> None:
    orgs.arm(world.alice.id, reason="ready", actor="test", now=CLOCK.now())


def planned(world: World) -> int:
    return make_plan(world.alice.id, as_of=None, now=CLOCK.now()).items


def shorter(**more: Any) -> dict[str, Any]:
    return {"type": "global", "days": "10", "version": "1", **more}


# --- pausing --------------------------------------------------------------------------------------------------------


def test_a_paused_job_is_as_if_it_were_not_there(world: World, alice: Client) -> None:
    sales = job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}))
    assert planned(world) == 9
    page = words(alice.post(url(world, f"job_{sales}/pause/"), {"version": "1"}, follow=True).content)
    assert f"Job {sales} is paused. It takes nothing until it is resumed." in page
    assert "Next night, if it were resumed 6 items" in page
    assert planned(world) == 6
    assert in_force(world) == [world.job]
    listed = alice.get(url(world, "")).context["page"].jobs.rows
    assert [(row.job.id, row.state, row.tonight.items) for row in listed] == [
        (world.job, "in force", 6), (sales, "paused", 0)
    ]  # fmt: skip
    home = alice.get(f"/o/org_{world.alice.id}/").context["page"]
    assert {cell.job.id for row in home.matrix for cell in row.cells} == {world.job}
    resumed = alice.post(url(world, f"job_{sales}/resume/"), {"version": "2"}, follow=True)
    assert f"Job {sales} is in force again." in words(resumed.content)
    assert planned(world) == 9


def test_a_paused_job_overrides_nobody(world: World, alice: Client) -> None:
    longer = job_for(world.alice, 60, queues=frozenset({world.queues["Sales"]}))
    assert [row.state for row in alice.get(url(world, "")).context["page"].jobs.rows] == ["in force", "no effect"]
    services.pause_job(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
    states = {row.job.id: row.state for row in alice.get(url(world, "")).context["page"].jobs.rows}
    assert states == {world.job: "paused", longer: "in force"}


def test_pausing_makes_the_plans_stale(world: World) -> None:
    before = make_plan(world.alice.id, as_of=None, now=CLOCK.now()).jobs_version
    for change in (services.pause_job, services.delete_job):
        change(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
        after = make_plan(world.alice.id, as_of=None, now=CLOCK.now()).jobs_version
        assert after > before
        before = after
    services.restore_job(world.alice.id, job_id=public_id("job", world.job), actor="test")
    assert make_plan(world.alice.id, as_of=None, now=CLOCK.now()).jobs_version > before


def test_a_paused_job_is_edited_without_being_asked(world: World, alice: Client) -> None:
    arm(world)
    services.pause_job(world.alice.id, job_id=public_id("job", world.job), actor="test", now=CLOCK.now())
    saved = alice.post(url(world, f"job_{world.job}/edit/"), shorter(version="2"), follow=True)
    assert f"Job {world.job} was saved. It stays paused." in words(saved.content)
    assert row_of(world).days == 10
    assert in_force(world) == []


# --- two people -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["pause", "delete", "resume", "restore"])
def test_the_second_of_two_people_is_told(world: World, alice: Client, step: str) -> None:
    org, job = world.alice.id, public_id("job", world.job)
    if step == "resume":
        services.pause_job(org, job_id=job, actor="test", now=CLOCK.now())
    if step == "restore":
        services.delete_job(org, job_id=job, actor="test", now=CLOCK.now())
    before = row_of(world)
    for version in ("", "x", "0", str(before.version + 1), "9" * 30, "-1", "\u0661"):
        answer = alice.post(url(world, f"{job}/{step}/"), {"version": version})
        assert answer.status_code == 409
        assert "changed" in words(answer.content)
    after = row_of(world)
    assert (after.version, after.paused_at, after.deleted_at) == (before.version, before.paused_at, before.deleted_at)
    assert alice.post(url(world, f"{job}/{step}/"), {"version": str(before.version)}).status_code == 302
    assert alice.post(url(world, f"{job}/{step}/"), {"version": str(before.version + 1)}).status_code in {404, 409}


def test_nothing_is_done_twice(world: World) -> None:
    org, job = world.alice.id, public_id("job", world.job)
    with pytest.raises(Taken):
        services.resume_job(org, job_id=job, actor="test")
    services.pause_job(org, job_id=job, actor="test", now=CLOCK.now())
    with pytest.raises(Taken):
        services.pause_job(org, job_id=job, actor="test", now=CLOCK.now())
    with pytest.raises(Taken):
        services.restore_job(org, job_id=job, actor="test")
    services.delete_job(org, job_id=job, actor="test", now=CLOCK.now())
    for change in (services.pause_job, services.delete_job):
        with pytest.raises(NotYours):
            change(org, job_id=job, actor="test", now=CLOCK.now())
    with pytest.raises(NotYours):
        services.resume_job(org, job_id=job, actor="test")
    with pytest.raises(NotYours):
        services.restore_job(org, job_id=public_id("job", world.foreign_job), actor="test")


# --- confirming what becomes due --------------------------------------------------------------------------------------


def test_on_an_armed_organization_what_becomes_due_is_confirmed_by_its_name(world: World, alice: Client) -> None:
    arm(world)
    edit = url(world, f"job_{world.job}/edit/")
    asked = alice.post(edit, shorter())
    question = asked.context["page"].question
    assert asked.status_code == 200
    assert "6 items" in words(asked.content)
    assert (question.newly.items, question.notes, question.wrong) == (6, (), "")
    for typed in ("", "alice's", "Alice", "Charlie's"):
        refused = alice.post(edit, shorter(save_anyway=question.consent, org_name=typed))
        assert "That is not the organization's name: type Alice's." in refused.context["page"].question.wrong
        assert refused.context["page"].question.typed == typed
    assert alice.post(edit, shorter(org_name="Alice's")).context["page"].question.wrong == ""
    assert row_of(world).days == 30
    assert alice.post(edit, shorter(save_anyway=question.consent, org_name=" Alice's ")).status_code == 302
    assert row_of(world).days == 10


def test_a_confirmation_holds_for_what_was_shown_and_to_whom(world: World, alice: Client) -> None:
    arm(world)
    edit = url(world, f"job_{world.job}/edit/")
    consent = alice.post(edit, shorter()).context["page"].question.consent

    def is_asked_again(client: Client, **sent: Any) -> bool:
        answer = client.post(edit, shorter(save_anyway=consent, org_name="Alice's", **sent))
        return answer.status_code == 200 and "has changed since" in answer.context["page"].question.wrong

    assert is_asked_again(alice, days="5")
    assert is_asked_again(signed_in("bob.manage"))
    load(world.alice, calls("Sales", day=days_ago(world.alice, 11), count=1, prefix="more"))
    assert is_asked_again(alice)
    for forged in (consent[:-2], "yes", "1", ""):
        assert alice.post(edit, shorter(save_anyway=forged, org_name="Alice's")).status_code == 200
    assert row_of(world).days == 30
    again = alice.post(edit, shorter()).context["page"].question
    assert again.newly.items == 7
    assert alice.post(edit, shorter(save_anyway=again.consent, org_name="Alice's")).status_code == 302


def test_less_than_was_shown_is_not_asked_again(world: World, alice: Client) -> None:
    arm(world)
    edit = url(world, f"job_{world.job}/edit/")
    load(world.alice, calls("Sales", day=days_ago(world.alice, 11), count=1, prefix="more"))
    consent = alice.post(edit, shorter()).context["page"].question.consent
    job_for(world.alice, 10, queues=frozenset({world.queues["Sales"]}))  # takes some of it already
    answer = alice.post(edit, shorter(save_anyway=consent, org_name="Alice's"))
    # that job would now be idle: another warning, so it is asked again after all
    assert [note.this for note in answer.context["page"].question.notes] == [False]
    consent = answer.context["page"].question.consent
    assert alice.post(edit, shorter(save_anyway=consent, org_name="Alice's")).status_code == 302


@pytest.mark.parametrize("change", ["create", "widen", "to all", "resume", "restore"])
def test_whatever_makes_more_due_is_confirmed(world: World, alice: Client, change: str) -> None:
    """Not what is done counts, but what comes of it."""
    sales, support = (public_id("que", world.queues[name]) for name in ("Sales", "Support"))
    both = {"type": "queue", "queues": [sales, support], "what": "all", "days": "10"}
    org = world.alice.id
    if change == "create":
        address, sent = url(world, "new/"), both
    else:
        what = services.What.DESKTOP if change == "to all" else services.What.ALL
        chosen = frozenset({world.queues["Sales"]} | ({world.queues["Support"]} if change == "to all" else set()))
        job = public_id("job", job_for(world.alice, 10, queues=chosen, what=what))
        address, sent = url(world, f"{job}/edit/"), {**both, "version": "1"}
        if change in {"resume", "restore"}:
            address, sent = url(world, f"{job}/{change}/"), {"version": "2"}
            step = services.pause_job if change == "resume" else services.delete_job
            step(org, job_id=job, actor="test", now=CLOCK.now())
    arm(world)
    before = planned(world)
    held = alice.post(address, sent)
    question = held.context["page"].question
    assert question.newly.items > 0
    assert planned(world) == before
    wrong = alice.post(address, {**sent, "save_anyway": question.consent, "org_name": "Charlie's"})
    assert wrong.status_code in {200, 422}
    assert planned(world) == before
    assert alice.post(address, {**sent, "save_anyway": question.consent, "org_name": "Alice's"}).status_code == 302
    assert planned(world) == before + question.newly.items


def test_what_makes_nothing_due_is_saved_at_once(world: World, alice: Client) -> None:
    arm(world)
    assert alice.post(url(world, f"job_{world.job}/edit/"), shorter(days="39")).status_code == 302
    assert alice.post(url(world, f"job_{world.job}/edit/"), shorter(days="400", version="2")).status_code == 302
    assert alice.post(url(world, f"job_{world.job}/pause/"), {"version": "3"}).status_code == 302
    assert alice.post(url(world, f"job_{world.job}/delete/"), {"version": "4"}).status_code == 302


def test_where_nothing_is_armed_nobody_types_a_name(world: World, alice: Client) -> None:
    assert alice.post(url(world, f"job_{world.job}/edit/"), shorter()).status_code == 302


def test_what_is_asked_is_asked_in_the_transaction_that_saves(world: World) -> None:
    """A check that refuses leaves nothing behind, whatever was changed."""

    class No(Exception):
        pass

    def no() -> None:
        raise No

    org, job = world.alice.id, public_id("job", world.job)
    for change in (
        lambda: services.create_job(
            org,
            type=services.JobType.GLOBAL,
            what=services.What.ALL,
            days=services.Days(1),
            queues=frozenset(),
            actor="test",
            check=no,
        ),
        lambda: services.edit_job(
            org,
            job_id=job,
            version=1,
            what=services.What.ALL,
            days=services.Days(1),
            queues=frozenset(),
            actor="test",
            check=no,
        ),
    ):
        with pytest.raises(No):
            change()
    services.pause_job(org, job_id=job, actor="test", now=CLOCK.now())
    with pytest.raises(No):
        services.resume_job(org, job_id=job, actor="test", check=no)
    services.delete_job(org, job_id=job, actor="test", now=CLOCK.now())
    with pytest.raises(No):
        services.restore_job(org, job_id=job, actor="test", check=no)
    with acting_in(org):
        assert RetentionJob.objects.filter(deleted_at__isnull=True).count() == 0
        assert JobChange.objects.filter(job_id=world.job).count() == 3


# --- a job's page -----------------------------------------------------------------------------------------------------


def test_the_page_of_a_job_tells_what_it_decides_and_decided(world: World, alice: Client) -> None:
    sales = job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}))
    answer = alice.get(url(world, f"job_{sales}/"))
    page = answer.context["page"]
    assert (page.decides, page.of, page.tonight.items) == (4, 4, 6)
    assert page.last.planned.items == 0  # the last run was before it
    run_once(world.alice)
    page = alice.get(url(world, f"job_{sales}/")).context["page"]
    assert (page.last.planned.items, page.last.purged.items, page.booked.runs) == (6, 0, 0)
    assert "it would have deleted: it was a simulation" in words(alice.get(url(world, f"job_{sales}/")).content)
    first = alice.get(url(world, f"job_{world.job}/")).context["page"]
    assert (first.decides, first.of) == (4, 8)
    others = {cell.other.id for row in first.reach.rows for cell in row.cells if cell.other}
    assert others == {sales}


def test_the_page_of_a_job_adds_up_what_is_booked(world: World, alice: Client) -> None:
    load(world.alice, calls("Support", day=days_ago(world.alice, 1), count=100, prefix="more"))
    arm(world)
    run = run_once(world.alice)
    assert (run.outcome, run.purged) == ("completed", 6)
    page = alice.get(url(world, f"job_{world.job}/")).context["page"]
    assert (page.last.planned.items, page.last.purged.items) == (6, 6)
    assert (page.booked.purged.items, page.booked.runs, page.booked.last_run) == (6, 1, run.id)
    assert page.tonight.items == 0


def test_every_change_is_told(world: World, alice: Client) -> None:
    made = alice.post(
        url(world, "new/"),
        {"type": "queue", "queues": [public_id("que", world.queues["Sales"])], "what": "desktop", "days": "20"},
    )
    job = made["Location"].split("/")[-2]
    support = public_id("que", world.queues["Support"])
    alice.post(
        url(world, f"{job}/edit/"),
        {"type": "queue", "queues": [support], "what": "all", "days": "7", "version": "1"},
    )
    alice.post(url(world, f"{job}/pause/"), {"version": "2"})
    signed_in("bob.manage").post(url(world, f"{job}/resume/"), {"version": "3"})
    alice.post(url(world, f"{job}/delete/"), {"version": "4"})
    alice.post(url(world, f"{job}/restore/"), {"version": "5"})
    rows = alice.get(url(world, f"{job}/")).context["page"].history.rows
    assert [(row.kind, row.actor.partition("@")[0]) for row in rows] == [
        ("restored", "alice"), ("deleted", "alice"), ("resumed", "bob.manage"), ("paused", "alice"),
        ("changed", "alice"), ("created", "alice"),
    ]  # fmt: skip
    told = {one.label: (one.before, one.after) for one in rows[4].differences}
    assert told == {
        "Older than": ("20 days", "7 days"),
        "Data": ("desktop recordings only", "all four data types"),
        "Qs added": ("", "Support"),
        "Qs taken out": ("Sales", ""),
    }
    assert rows[5].after == "Deletes desktop recordings of Sales older than 20 days"
    assert rows[3].after == "Deletes all data of Support older than 7 days (paused)"
    sheet = alice.get(url(world, f"{job}/?csv=history"))
    text = b"".join(sheet.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.count("\n") == 7
    assert "restored" in text
    assert len(alice.get(url(world, f"{job}/?history.find=bob")).context["page"].history.rows) == 1


def test_a_deleted_job_keeps_its_page(world: World, alice: Client) -> None:
    alice.post(url(world, f"job_{world.job}/delete/"), {"version": "1"})
    answer = alice.get(url(world, f"job_{world.job}/"))
    said = words(answer.content)
    assert "Deleted" in said
    assert "by alice@example.org" in said
    assert f"job_{world.job}/edit/" not in answer.content.decode()
    assert alice.get(url(world, f"job_{world.job}/edit/")).status_code == 404
    assert signed_in("bob.view").get(url(world, f"job_{world.job}/")).status_code == 200
    assert signed_in("bob").get(url(world, f"job_{world.job}/")).status_code == 403
    assert signed_in("charlie").get(url(world, f"job_{world.job}/")).status_code == 404
    alice.post(url(world, f"job_{world.job}/restore/"), {"version": "2"})
    assert in_force(world) == [world.job]


def test_a_job_deleted_while_paused_comes_back_paused(world: World, alice: Client) -> None:
    arm(world)
    alice.post(url(world, f"job_{world.job}/pause/"), {"version": "1"})
    alice.post(url(world, f"job_{world.job}/delete/"), {"version": "2"})
    assert "it comes back paused" in words(alice.get(url(world, f"job_{world.job}/restore/")).content)
    assert alice.post(url(world, f"job_{world.job}/restore/"), {"version": "3"}).status_code == 302
    assert in_force(world) == []
    assert row_of(world).deleted_at is None


def test_the_list_is_global_first_searched_sorted_and_taken_away(world: World, alice: Client) -> None:
    made = [job_for(world.alice, days, queues=frozenset({world.queues["Support"]})) for days in (9, 3, 90)]

    def shown(query: str = "") -> list[int]:
        return [row.job.id for row in alice.get(url(world, query)).context["page"].jobs.rows]

    assert shown() == [world.job, made[1], made[0], made[2]]
    assert shown("?jobs.sort=-days") == [made[2], world.job, made[0], made[1]]
    assert set(shown("?jobs.find=support")) == set(made)
    assert set(shown("?jobs.find=no+effect")) == {made[0], made[2]}
    text = b"".join(alice.get(url(world, "?csv=jobs")).streaming_content).decode()  # type: ignore[attr-defined]
    assert text.splitlines()[0].replace('"', "").endswith("job,reach,deletes,days,state,tonight,bytes,changed")
    assert "Deletes all data of Support older than 9 days" in text


def test_pages_ask_the_database_little(world: World, alice: Client) -> None:
    for days in range(40, 48):
        job_for(world.alice, days, queues=frozenset(world.queues.values()))
    for page in ("", f"job_{world.job}/", f"job_{world.job}/edit/", "new/"):
        with statements() as found:
            assert alice.get(url(world, page)).status_code == 200
        assert len(found) <= 20, (page, found)

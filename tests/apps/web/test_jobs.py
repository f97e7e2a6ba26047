"""Jobs through the form: what is accepted, what is warned of, who was first."""

import re
from typing import Any

from django.test import Client

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.policies.models import JobChange, RetentionJob
from ebbtide.apps.policies.selectors import jobs
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, What

from .conftest import World, job_for, signed_in


def in_force(world: World) -> list[Job]:
    with acting_in(world.alice.id):
        return jobs(org=world.alice.id)


def url(world: World, rest: str = "jobs/new/") -> str:
    return f"/o/org_{world.alice.id}/{rest}"


def q_job(world: World, **more: Any) -> dict[str, Any]:
    return {"type": "queue", "queues": [public_id("que", world.queues["Sales"])], "what": "all", "days": "10", **more}


def words(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html.decode()).split())


def test_a_job_is_made_edited_and_deleted(world: World, alice: Client) -> None:
    made = alice.post(url(world), q_job(world), follow=True)
    assert "Job 3 was created." in words(made.content)
    assert "Deletes all data of Sales older than 10 days" in words(made.content)
    new = in_force(world)[-1]
    assert (new.days, new.queues) == (10, frozenset({world.queues["Sales"]}))
    edit = url(world, f"jobs/job_{new.id}/edit/")
    assert 'name="version" value="1"' in alice.get(edit).content.decode()
    both = [public_id("que", number) for number in world.queues.values()]
    saved = alice.post(edit, q_job(world, queues=both, what="desktop", days=" 7 ", version="1"))
    assert saved.status_code == 302
    changed = in_force(world)[-1]
    assert (changed.days, changed.what, len(changed.queues)) == (7, What.DESKTOP, 2)
    gone = alice.post(url(world, f"jobs/job_{new.id}/delete/"), {"version": "2"}, follow=True)
    assert f"Job {new.id} was deleted. No data was." in words(gone.content)
    assert [job.id for job in in_force(world)] == [world.job]
    with acting_in(world.alice.id):
        assert list(JobChange.objects.filter(job_id=new.id).order_by("id").values_list("actor", flat=True)) == (
            ["alice@example.org"] * 3
        )


def test_what_was_tried_is_handed_over_and_not_saved(world: World, alice: Client) -> None:
    page = alice.get(url(world), q_job(world, days="3"))
    assert page.status_code == 200
    html = page.content.decode()
    assert 'value="3"' in html
    assert page.context["page"].chosen == frozenset({world.queues["Sales"]})
    assert page.context["page"].panel.run is not None
    foreign = alice.get(url(world), q_job(world, queues=[public_id("que", world.foreign_queue)]))
    assert "There is no preview yet" in foreign.content.decode()
    assert [job.id for job in in_force(world)] == [world.job]


DAYS = "Days must be a whole number from 1 to 5000, not "


BAD_DAYS = (
    "0", "-1", "5001", "1.5", "", "30 days", "1e3", "NaN", "None", "true", "\u0663\u0660", "\uff13\uff10", "=1+1",
    "99999999999999999999", "+5", "1_0",
)  # fmt: skip


def test_days_that_cannot_be(world: World, alice: Client) -> None:
    before = in_force(world)
    whole = {"type": "global", "version": "1"}
    for days in BAD_DAYS:
        for address, sent in (
            (url(world), q_job(world)), (url(world), whole), (url(world, f"jobs/job_{world.job}/edit/"), whole)
        ):  # fmt: skip
            answer = alice.post(address, {**sent, "days": days})
            assert answer.status_code == 422
            assert answer.context["form"].errors == {"days": [f"{DAYS}{days!r}."]}
            page = answer.content.decode()
            errors = page[page.index('id="id_days-errors"') :]
            assert "Days must be a whole number" in errors[: errors.index("</div>")]
            assert f'name="days" id="id_days" value="{days}"' in page
    assert in_force(world) == before


GLOBAL_IS_ALL = "A Global job deletes all four data types: for desktop recordings only, make a Q job."


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"queues": []}, "queues", "A Q job names at least one Q: choose one, or make a Global job."),
    ({"queues": ["que_999"]}, "queues", "There is no Q 'que_999' here: look it up with the list command or page."),
    ({"queues": ["FOREIGN"]}, "queues", "There is no Q 'FOREIGN' here: look it up with the list command or page."),
    ({"queues": ["Sales"]}, "queues", "There is no Q 'Sales' here: look it up with the list command or page."),
    ({"queues": ["1"]}, "queues", "There is no Q '1' here: look it up with the list command or page."),
    ({"queues": ["../x"]}, "queues", "There is no Q '../x' here: look it up with the list command or page."),
    ({"type": ""}, "type", "Choose how far the job reaches."),
    ({"type": "org"}, "type", "Select a valid choice. org is not one of the available choices."),
    ({"what": ""}, "what", "Choose which data the job deletes."),
    ({"what": "audio"}, "what", "Select a valid choice. audio is not one of the available choices."),
    ({"type": "global", "queues": [], "what": "desktop"}, "what", GLOBAL_IS_ALL),
    ({"type": "global"}, "queues", "A Global job covers every Q: name none, or make a Q job."),
    ({"days": "9" * 41}, "days", "Ensure this value has at most 40 characters (it has 41)."),
    ({"days": "1\x00"}, "days", "Null characters are not allowed."),
)  # fmt: skip


def test_parts_that_do_not_fit(world: World, alice: Client) -> None:
    foreign, before = public_id("que", world.foreign_queue), in_force(world)
    for sent, field, message in WRONG:
        values = q_job(world, **sent)
        values["queues"] = [foreign if text == "FOREIGN" else text for text in values["queues"]]
        answer = alice.post(url(world), values)
        assert answer.status_code == 422
        assert answer.context["form"].errors == {field: [message.replace("FOREIGN", foreign)]}
        assert "The job was not saved." in answer.content.decode()
    assert in_force(world) == before


def test_nothing_is_taken_for_granted(world: World, alice: Client) -> None:
    before = in_force(world)
    for sent in ({}, {"days": "5"}, {"type": "queue", "days": "5"}, {"type": "queue", "what": "all"}):
        assert alice.post(url(world), sent).status_code == 422
    assert in_force(world) == before


def test_what_was_typed_stays(world: World, alice: Client) -> None:
    page = alice.post(url(world), q_job(world, days="soon", what="desktop")).content.decode()
    assert 'value="soon"' in page
    assert re.search(rf'value="que_{world.queues["Sales"]}" checked', page)
    assert not re.search(rf'value="que_{world.queues["Support"]}" checked', page)
    assert re.search(r'value="desktop" checked', page)
    assert re.search(r'value="queue" checked', page)


def test_the_type_of_a_job_stays(world: World, alice: Client) -> None:
    answer = alice.post(url(world, f"jobs/job_{world.job}/edit/"), q_job(world, version="1"))
    assert answer.status_code == 422
    assert "stays what it is" in str(answer.context["form"].errors["type"])
    assert in_force(world)[0].type == "global"


def test_an_idle_job_is_warned_of_before_it_is_saved(world: World, alice: Client) -> None:
    sent = q_job(world, days="60")
    asked = alice.post(url(world), sent)
    assert asked.status_code == 200
    said = words(asked.content)
    assert "A job would have no effect" in said
    assert "would be overridden by Deletes all data of the whole organization older than 30 days (job 1)" in said
    assert len(in_force(world)) == 1
    consent = asked.context["page"].question.consent
    assert alice.post(url(world), {**sent, "save_anyway": "yes"}).status_code == 200
    assert alice.post(url(world), {**sent, "days": "90", "save_anyway": consent}).status_code == 200
    assert len(in_force(world)) == 1
    assert signed_in("bob.manage").post(url(world), {**sent, "save_anyway": consent}).status_code == 200
    page = alice.post(url(world), {**sent, "save_anyway": consent}, follow=True)
    assert len(in_force(world)) == 2
    because = (
        "Overridden everywhere by a shorter retention: Deletes all data of the whole organization older than 30 days"
    )
    assert because in words(page.content)
    assert because in words(alice.get(url(world, "jobs/")).content)


def test_a_job_that_makes_another_idle_is_warned_of(world: World, alice: Client) -> None:
    idle = job_for(world.alice, 20, queues=frozenset({world.queues["Sales"]}))
    asked = alice.post(url(world, f"jobs/job_{world.job}/edit/"), {"type": "global", "days": "15", "version": "1"})
    said = words(asked.content)
    assert f"Another job ({idle})Deletes all data of Sales older than 20 days" in said
    assert "would be overridden by Deletes all data of the whole organization older than 15 days (job 1)" in said
    assert in_force(world)[0].days == 30
    assert 'name="version" value="1"' in asked.content.decode()


def test_of_two_equal_jobs_the_new_one_is_the_idle_one(world: World, alice: Client) -> None:
    asked = alice.post(url(world), {"type": "global", "days": "30"})
    notes = asked.context["page"].question.notes
    assert [(note.this, note.idle.id) for note in notes] == [(True, None)]


def test_the_second_of_two_people_is_told(world: World, alice: Client) -> None:
    edit = url(world, f"jobs/job_{world.job}/edit/")
    assert signed_in("bob.manage").post(edit, {"type": "global", "days": "25", "version": "1"}).status_code == 302
    second = alice.post(edit, {"type": "global", "days": "20", "version": "1"})
    assert second.status_code == 409
    said = words(second.content)
    assert "Somebody else has changed this job meanwhile; nothing was overwritten." in said
    assert "Now: Deletes all data of the whole organization older than 25 days." in said
    page = second.content.decode()
    assert 'value="20"' in page
    assert 'name="version" value="2"' in page
    assert in_force(world)[0].days == 25
    assert alice.post(edit, {"type": "global", "days": "20", "version": "2"}).status_code == 302
    assert in_force(world)[0].days == 20


def test_a_form_that_lost_its_version_overwrites_nothing(world: World, alice: Client) -> None:
    for version in ("", "x", "0", "-1", "99999999999999999999"):
        answer = alice.post(
            url(world, f"jobs/job_{world.job}/edit/"), {"type": "global", "days": "20", "version": version}
        )
        assert answer.status_code in {409, 422}
    assert in_force(world)[0].days == 30


def test_a_job_deleted_meanwhile_is_gone(world: World, alice: Client) -> None:
    edit, delete = url(world, f"jobs/job_{world.job}/edit/"), url(world, f"jobs/job_{world.job}/delete/")
    assert signed_in("bob.manage").post(delete, {"version": "1"}).status_code == 302
    assert alice.post(edit, {"type": "global", "days": "20", "version": "1"}).status_code == 404
    assert alice.post(delete, {"version": "2"}).status_code == 404


def test_deleting_says_who_decides_then(world: World, alice: Client) -> None:
    page = words(alice.get(url(world, f"jobs/job_{world.job}/delete/")).content)
    assert "no other job reaches that data: it is kept until you make one." in page
    sales = job_for(world.alice, 40, queues=frozenset({world.queues["Sales"]}))
    page = words(alice.get(url(world, f"jobs/job_{world.job}/delete/")).content)
    assert "this job decides in its place: Deletes all data of Sales older than 40 days" in page
    assert "the rest of that data is reached by no other job" in page
    page = words(alice.get(url(world, f"jobs/job_{sales}/delete/")).content)
    assert "nothing changes: the job decides nothing now" in page


def test_who_looks_on_is_offered_no_change(world: World) -> None:
    page = signed_in("bob.view").get(url(world, "jobs/")).content.decode()
    assert "Deletes all data" in page
    page += signed_in("bob.view").get(url(world, f"jobs/job_{world.job}/")).content.decode()
    page += signed_in("bob.view").get(url(world, "")).content.decode()
    for change in ("edit", "delete", "pause", "resume", "restore"):
        assert f"/jobs/job_{world.job}/{change}/" not in page
    assert "/jobs/new/" not in page


def test_the_neighbour_keeps_their_job(world: World, alice: Client) -> None:
    alice.post(url(world, f"jobs/job_{world.job}/delete/"), {"version": "1"})
    alice.post(url(world, f"jobs/job_{world.foreign_job}/delete/"), {"version": "1"})
    with acting_in(world.charlie.id):
        assert RetentionJob.objects.get(id=world.foreign_job).deleted_at is None

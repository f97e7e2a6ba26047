"""The preview beside the editor: exactly what a plan would be, by the very code that saves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import pytest
from django.test import Client

from ebbtide.apps.editor import panel as previews
from ebbtide.apps.editor.weighing import Night, night_of, weigh
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.forms import NOT_YET_MADE
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.planning import make_plan, planned_cells
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What
from tests.cast import calls, centre, load, record

from .conftest import CLOCK, World, days_ago, job_for, queues_of, signed_in, statements

Sums = dict[tuple[int, DataType], list[object]]


def form(world: World, **more: object) -> dict[str, object]:
    return {"type": "queue", "queues": [public_id("que", world.queues["Sales"])], "what": "all", "days": "5", **more}


def preview(
    world: World, client: Client, query: str = "", *, job: int | None = None, **sent: object
) -> previews.PreviewPanel:
    place = "preview/" if job is None else f"job_{job}/preview/"
    answer = client.post(
        f"/o/org_{world.alice.id}/jobs/{place}{query}", form(world, **sent), headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    panel = answer.context["panel"]
    assert isinstance(panel, previews.PreviewPanel)
    return panel


def planned(org: Organization) -> Sums:
    """What a stored plan of today names, added up."""
    plan = make_plan(org.id, as_of=None, now=CLOCK.now())
    found: Sums = {}
    with acting_in(org.id):
        for one in planned_cells(plan):
            cell = one.cell
            had = found.setdefault((cell.queue, cell.data_type), [0, 0, cell.day, cell.day, one.job])
            found[cell.queue, cell.data_type] = [
                had[0] + cell.items, had[1] + cell.bytes, min(had[2], cell.day), max(had[3], cell.day), one.job,  # type: ignore[operator, type-var]
            ]  # fmt: skip
    return found


@dataclass
class Deck:
    org: Organization
    queues: Sequence[int]


@pytest.fixture
def deck(database: object) -> Deck:
    """Three Qs with data of all ages and kinds, beside a neighbour with the same."""
    org, neighbour = centre("Alice's"), centre("Charlie's")
    for one in (org, neighbour):
        for queue, ages in (("Sales", (1, 2, 5, 9)), ("Support", (2, 6, 7)), ("Claims", (3, 30))):
            for age in ages:
                day = days_ago(one, age)
                load(one, calls(queue, day=day, count=age % 3 + 1))
                for kind in (DataType.AUDIO, DataType.DESKTOP):
                    record(one, f"call-{queue}-{day}-0", kind=kind)
    return Deck(org, sorted(queues_of(org).values()))


def drawn(chance: Random, deck: Deck, number: int) -> Job:
    days = Days(chance.choice([1, 2, 4, 5, 6, 8, 29, 30, 400]))
    if chance.random() < 0.3:
        return Job(number, JobType.GLOBAL, What.ALL, days)
    chosen = frozenset(chance.sample(deck.queues, chance.randint(1, 3)))
    return Job(number, JobType.QUEUE, chance.choice(list(What)), days, chosen)


def save(deck: Deck, job: Job) -> int:
    row = create_job(deck.org.id, type=job.type, what=job.what, days=job.days, queues=job.queues, actor="test")
    return row.id


def test_what_is_previewed_is_what_is_planned_once_it_is_saved(deck: Deck) -> None:
    chance = Random(7)  # noqa: S311 - to draw jobs from
    for _ in range(12):
        new = drawn(chance, deck, NOT_YET_MADE)
        today = days_ago(deck.org, 0)
        night = Night(CLOCK.now(), on=today, today=today)
        with acting_in(deck.org.id):
            among, queues = jobs(org=deck.org.id), queue_lines(org=deck.org.id)
            before = planned(deck.org)
            weighed = weigh(org=deck.org.id, among=among, new=new, queues=queues, on=today)
            lines = previews.every_line(deck.org, job=new, among=among, queues=queues, night=night)
            panel = previews.panel_of(deck.org, job=new, among=among, queues=queues, night=night)
        number = save(deck, new)
        after = planned(deck.org)
        shown = {
            (line.queue.id, line.data_type): [
                line.amount.items, line.amount.bytes, line.amount.oldest, line.amount.newest,
                number if line.this else line.job,
            ]
            for line in lines if line.amount.items
        }  # fmt: skip
        assert shown == after
        more = {key: after[key][0] - before.get(key, [0])[0] for key in after}  # type: ignore[operator]
        assert {key: amount.items for key, amount in weighed.newly.items()} == {k: n for k, n in more.items() if n}
        assert weighed.gone == {}
        assert panel.run.items == sum(sums[0] for sums in after.values())  # type: ignore[misc]
        assert panel.own.items == sum(sums[0] for sums in after.values() if sums[4] == number)  # type: ignore[misc]


def test_a_job_that_is_lengthened_shows_what_goes_no_longer(deck: Deck) -> None:
    number = save(deck, Job(1, JobType.GLOBAL, What.ALL, Days(4)))
    today = days_ago(deck.org, 0)
    before = planned(deck.org)
    with acting_in(deck.org.id):
        among, queues = jobs(org=deck.org.id), queue_lines(org=deck.org.id)
        longer = replace(among[0], days=Days(8))
        weighed = weigh(org=deck.org.id, among=among, new=longer, queues=queues, on=today)
    assert weighed.newly == {}
    left = sum(amount.items for amount in weighed.then.values())
    assert sum(amount.items for amount in weighed.gone.values()) == sum(sums[0] for sums in before.values()) - left  # type: ignore[misc]
    assert left
    assert number == longer.id


def test_every_change_is_answered_with_the_panel_alone(world: World, alice: Client) -> None:
    panel = preview(world, alice)
    # Sales of 40 days goes by the Global job anyway, of 11 days it goes newly
    assert (panel.own.items, panel.newly.items, panel.gone.items) == (6, 3, 0)
    assert panel.own.oldest == days_ago(world.alice, 40)
    assert panel.own.newest == days_ago(world.alice, 11)
    assert panel.run.items == 9
    assert not panel.armed
    other = preview(world, alice, what="desktop", days="200")
    assert other.own.items == 0
    assert [(note.this, note.idle.days) for note in other.notes] == [(True, 200)]
    assert preview(world, alice, job=world.job, type="global", queues=[], days="300").gone.items == 6


def test_what_is_missing_is_said_and_nothing_is_shown(world: World, alice: Client) -> None:
    panel = preview(world, alice, days="soon", queues=[])
    assert panel.lines is None
    assert panel.missing == ("Days must be a whole number from 1 to 5000, not 'soon'.",)
    assert preview(world, alice, queues=[public_id("que", world.foreign_queue)]).lines is None


def test_without_scripts_the_preview_is_a_whole_page_and_saves_nothing(world: World, alice: Client) -> None:
    answer = alice.post(f"/o/org_{world.alice.id}/jobs/preview/", form(world))
    page = answer.content.decode()
    assert "<html" in page
    assert 'id="id_days" value="5"' in page
    assert "newly in scope" in page
    with acting_in(world.alice.id):
        assert len(jobs(org=world.alice.id)) == 1


def test_the_table_is_sorted_turned_and_taken_away(world: World, alice: Client) -> None:
    own = preview(world, alice)
    assert own.lines is not None
    assert {(line.queue.name, line.this) for line in own.lines.rows} == {("Sales", True)}
    whole = preview(world, alice, "?preview.scope=run&preview.sort=q")
    assert whole.lines is not None
    assert [line.queue.name for line in whole.lines.rows] == ["Sales", "Sales", "Support", "Support"]
    assert {line.job for line in whole.lines.rows if not line.this} == {world.job}
    kept = preview(world, alice, **dict(whole.lines.kept))
    assert kept.lines is not None
    assert len(kept.lines.rows) == 4
    answer = alice.post(f"/o/org_{world.alice.id}/jobs/preview/?csv=preview", form(world))
    assert answer["Content-Type"].startswith("text/csv")
    assert b"Sales" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_the_nightly_average_is_of_what_comes_in(world: World, alice: Client) -> None:
    day = days_ago(world.alice, 3)
    load(world.alice, calls("Sales", day=day, count=280, prefix="more"))
    load(world.alice, calls("Support", day=day, count=2800, prefix="more"))
    load(world.alice, calls("Sales", day=day - timedelta(days=30), count=2800, prefix="old"))
    panel = preview(world, alice, days="400")
    # 280 and the four of Sales that are young, by 28 days; their recordings round to one
    assert panel.nightly.items == 0  # the Global job decides: its line is nearer
    panel = preview(world, alice, days="20")
    assert panel.nightly.items == 10
    assert dict(panel.by_type)[DataType.INSIGHTS].items == 10


def test_caps_that_would_stop_the_run_are_told(world: World, alice: Client) -> None:
    assert "a run may take 20 %" in preview(world, alice).stopped
    load(world.alice, calls("Support", day=days_ago(world.alice, 1), count=300, prefix="more"))
    assert preview(world, alice).stopped == ""


def test_a_preview_asks_the_database_little(world: World) -> None:
    for number in range(5):
        job_for(world.alice, 50 + number, queues=frozenset({world.queues["Sales"]}))
    alice = signed_in("alice")
    with statements() as found:
        preview(world, alice)
    assert len(found) <= 20, found


def test_the_next_night_is_the_one_that_is_weighed(world: World) -> None:
    night = night_of(world.alice, now=CLOCK.now())
    assert night.on in {night.today, night.today + timedelta(days=1)}
    assert night.starts > CLOCK.now()

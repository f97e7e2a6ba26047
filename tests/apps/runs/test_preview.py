"""What pages add up from the cells is what the plan names: for any jobs and cells, never of another organization."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.ages import Ages, ages
from ebbtide.apps.runs.planning import make_plan
from ebbtide.apps.runs.preview import Amount, Amounts, due_amounts, preview
from ebbtide.apps.runs.wiring import cell_catalog
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.plan import PlannedCell
from ebbtide.engine.simulate import plan_cells, reaches
from ebbtide.pg.launcher import Urls
from tests import strategies
from tests.cast import calls, centre, load
from tests.strategies import QUEUES, TONIGHT


def folded(planned: Iterator[PlannedCell]) -> Amounts:
    """What a plan's cells add up to, one by one."""
    found: Amounts = {}
    for one in planned:
        cell = one.cell
        amount = found.setdefault((cell.queue, cell.data_type), Amount())
        amount.add(Amount(cell.items, cell.bytes, cell.day, cell.day))
    return found


class Scene:
    """Alice's centre with three Qs, Charlie's full beside it; cells are put there as they are drawn."""

    def __init__(self, admin: "psycopg.Connection[Any]") -> None:
        self.admin = admin
        self.alice, self.charlie = centre("Alice's"), centre("Charlie's")
        self.queues = {number: self.queue(self.alice, f"Q {number}") for number in QUEUES}
        foreign = self.queue(self.charlie, "Q 1")
        for back in (0, 5, 500, 6000):
            self.put(self.charlie, queue=foreign, cell=Cell(TONIGHT - timedelta(days=back), DataType.AUDIO, 1, 7, 77))

    def queue(self, org: Organization, name: str) -> int:
        made = self.admin.execute(
            "INSERT INTO catalog_queue (org_id, name) VALUES (%s, %s) RETURNING id", [org.id, name]
        ).fetchone()
        assert made is not None
        return int(made[0])

    def put(self, org: Organization, *, queue: int, cell: Cell) -> None:
        self.admin.execute(
            "INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes) VALUES (%s, %s, %s, %s, %s, %s)",
            [org.id, cell.day, str(cell.data_type), queue, cell.items, cell.bytes],
        )

    def fill(self, cells: list[Cell]) -> None:
        self.admin.execute("DELETE FROM catalog_cell WHERE org_id = %s", [self.alice.id])
        for cell in cells:
            self.put(self.alice, queue=self.queues[cell.queue], cell=cell)

    def named(self, jobs: list[Job]) -> list[Job]:
        return [replace(job, queues=frozenset(self.queues[one] for one in job.queues)) for job in jobs]


@contextmanager
def staged(database: Urls) -> Iterator[Scene]:
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        yield Scene(admin)


def test_due_amounts_are_what_a_plan_would_name(database: Urls) -> None:
    with staged(database) as scene:

        @settings(suppress_health_check=list(HealthCheck), max_examples=60, deadline=None)
        @given(strategies.cell_lists(), strategies.job_lists())
        def holds(cells: list[Cell], jobs: list[Job]) -> None:
            scene.fill(cells)
            thought_of = scene.named(jobs)
            with acting_in(scene.alice.id):
                catalog = cell_catalog(scene.alice.id, using=WEB)
                planned = plan_cells(catalog, jobs=thought_of, queues=list(scene.queues.values()), on=TONIGHT)
                expected = folded(planned)
                found = due_amounts(org=scene.alice.id, jobs=thought_of, queues=scene.queues.values(), on=TONIGHT)
                assert found == expected

        holds()


def test_ages_add_up_to_what_is_there_and_to_what_a_plan_would_name(database: Urls) -> None:
    with staged(database) as scene:

        @settings(suppress_health_check=list(HealthCheck), max_examples=60, deadline=None)
        @given(strategies.cell_lists(), strategies.job_lists())
        def holds(cells: list[Cell], jobs: list[Job]) -> None:
            scene.fill(cells)
            queues = list(scene.queues.values())
            found = reaches(scene.named(jobs), queues=queues, on=TONIGHT)
            with acting_in(scene.alice.id):
                catalog = cell_catalog(scene.alice.id, using=WEB)
                planned = plan_cells(catalog, jobs=scene.named(jobs), queues=queues, on=TONIGHT)
                due = [one.cell for one in planned]
                seen = ages(org=scene.alice.id, reaches=found, queues=len(queues), on=TONIGHT, lines=[30])
            assert seen.due == in_bars(due, seen)
            assert seen.stored == in_bars(cells, seen)

        holds()


def in_bars(cells: list[Cell], seen: Ages) -> dict[tuple[DataType, int], Amount]:
    """Cells by data type and bar, added up one by one."""
    found: dict[tuple[DataType, int], Amount] = {}
    for cell in cells:
        place = seen.bins.place((TONIGHT - cell.day).days)
        found.setdefault((cell.data_type, place), Amount()).add(Amount(cell.items, cell.bytes, cell.day, cell.day))
    return found


@pytest.mark.parametrize("boundary", [29, 30, 31])
def test_a_day_goes_when_it_is_older_than_the_period_and_not_before(database: Urls, boundary: int) -> None:
    with staged(database) as scene:
        day = TONIGHT - timedelta(days=boundary)
        scene.fill([Cell(day, DataType.AUDIO, 1, 3, 30)])
        job = Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=Days(30))
        with acting_in(scene.alice.id):
            found = due_amounts(org=scene.alice.id, jobs=[job], queues=scene.queues.values(), on=TONIGHT)
    due = {(scene.queues[1], DataType.AUDIO): Amount(3, 30, day, day)}
    assert found == (due if boundary == 31 else {})


def test_the_preview_adds_up_to_the_plan_that_is_stored(database: Urls) -> None:
    alice, charlie = centre("Alice's"), centre("Charlie's")
    for org in (alice, charlie):
        for age in (401, 400, 31, 30, 1):
            load(org, calls("Sales", day=TONIGHT - timedelta(days=age), count=age % 7 + 1))
            load(org, calls("Support", day=TONIGHT - timedelta(days=age), count=2))
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT id FROM catalog_queue WHERE name = 'Sales' AND org_id = %s", [alice.id])
        sales = cursor.fetchone()[0]
    create_job(alice.id, type=JobType.GLOBAL, what=What.ALL, days=Days(400), queues=frozenset(), actor="test")
    create_job(alice.id, type=JobType.QUEUE, what=What.ALL, days=Days(30), queues=frozenset({sales}), actor="test")
    create_job(charlie.id, type=JobType.GLOBAL, what=What.ALL, days=Days(1), queues=frozenset(), actor="test")
    plan = make_plan(alice.id, as_of=TONIGHT, now=datetime.combine(TONIGHT, time(12), tzinfo=UTC))
    with acting_in(alice.id):
        whole = Amount()
        for amount in preview(org=alice.id, on=TONIGHT).values():
            whole.add(amount)
    assert (whole.items, whole.bytes, whole.oldest, whole.newest) == (plan.items, plan.bytes, plan.oldest, plan.newest)
    assert plan.items == (401 % 7 + 1) + 2 + (400 % 7 + 1) + (31 % 7 + 1)


def test_without_a_job_or_a_queue_nothing_is_due(database: Urls) -> None:
    with staged(database) as scene:
        scene.fill([Cell(TONIGHT - timedelta(days=4000), DataType.AUDIO, 1, 3, 30)])
        with acting_in(scene.alice.id):
            assert due_amounts(org=scene.alice.id, jobs=[], queues=scene.queues.values(), on=TONIGHT) == {}

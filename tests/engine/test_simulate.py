"""Simulation only reads: over a catalogue that has nothing else, and over an organization that must not change."""

import copy
from collections.abc import Generator, Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.job import Job
from ebbtide.domain.plan import due_cells
from ebbtide.engine.ports import Reach
from ebbtide.engine.simulate import plan_cells, reaches
from tests import strategies
from tests.engine.night import TODAY, scene
from tests.strategies import QUEUES, TONIGHT


class ReadOnly:
    """A catalogue that answers the one question of a simulation; asked for anything else, it raises."""

    def __init__(self, cells: list[Cell], *, too_much: bool = False) -> None:
        self._cells, self._too_much = cells, too_much

    def cells_before(self, asked: Sequence[Reach]) -> Generator[Cell, None, None]:
        before = {(reach.queue, reach.data_type): reach.before for reach in asked}
        for cell in self._cells:
            reach = before.get((cell.queue, cell.data_type))
            if self._too_much or (reach is not None and cell.day < reach):
                yield cell

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a simulation called {name}")


@given(strategies.cell_lists(), strategies.job_lists(), st.booleans())
def test_reaches_and_verdict_come_to_the_same_and_too_much_is_never_due(
    cells: list[Cell], jobs: list[Job], too_much: bool
) -> None:
    planned = list(plan_cells(ReadOnly(cells, too_much=too_much), jobs=jobs, queues=QUEUES, on=TONIGHT))
    assert planned == list(due_cells(cells, jobs=jobs, on=TONIGHT))


@given(strategies.job_lists())
def test_reaches_name_only_what_a_job_reaches(jobs: list[Job]) -> None:
    found = reaches(jobs, queues=QUEUES, on=TONIGHT)
    assert len({(reach.queue, reach.data_type) for reach in found}) == len(found)
    for reach in found:
        naming = [job for job in jobs if job.reaches(reach.queue) and job.takes(DataType(reach.data_type))]
        assert reach.before == TONIGHT - timedelta(days=min(job.days for job in naming))
    assert jobs or found == []


def test_making_a_plan_changes_nothing() -> None:
    night = scene()
    before = copy.deepcopy(vars(night.ours) | {"platform": None}), night.left(night.ours)
    first = night.ours.make_plan(as_of=TODAY, today=TODAY)
    second = night.ours.make_plan(as_of=TODAY, today=TODAY)
    assert (vars(night.ours) | {"platform": None}, night.left(night.ours)) == before
    assert first.sha256 == second.sha256
    assert first.cells == second.cells


def test_the_plan_of_a_simulation_is_the_plan_of_a_purge() -> None:
    night = scene()
    armed = night.ours.make_plan(as_of=TODAY, today=TODAY)
    night.ours.armed = False
    assert night.ours.make_plan(as_of=TODAY, today=TODAY).sha256 == armed.sha256

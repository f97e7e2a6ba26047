"""A plan's hash and totals, and what makes it stale."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import Amount, Cell, DataType, total
from ebbtide.domain.errors import PlanStale
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.plan import Facts, PlanHash, PlannedCell, Totals, check_fresh, due_cells
from tests import strategies
from tests.strategies import TONIGHT

FACTS = Facts(made_on=TONIGHT, jobs_version=3, armed=True)


def hashed(planned: list[PlannedCell], *, org: int = 1, as_of: date = TONIGHT) -> PlanHash:
    found = PlanHash(org=org, as_of=as_of)
    for one in planned:
        found.add(one)
    return found


def planned_cells(most: int = 8) -> st.SearchStrategy[list[PlannedCell]]:
    return strategies.cell_lists(most).map(
        lambda cells: [PlannedCell(cell, job=1 + cell.queue % 2, days=Days(30)) for cell in cells]
    )


@given(planned_cells())
def test_the_same_plan_has_the_same_hash(planned: list[PlannedCell]) -> None:
    assert hashed(planned).digest() == hashed(list(planned)).digest()
    assert len(hashed(planned).digest()) == 32


@given(planned_cells(), st.data())
def test_any_change_of_any_cell_changes_the_hash(planned: list[PlannedCell], data: st.DataObject) -> None:
    assume(planned)
    at = data.draw(st.integers(0, len(planned) - 1))
    was = planned[at]
    other = next(kind for kind in DataType if kind is not was.cell.data_type)
    for changed in (
        replace(was, cell=replace(was.cell, day=was.cell.day + timedelta(days=1))),
        replace(was, cell=replace(was.cell, data_type=other)),
        replace(was, cell=replace(was.cell, queue=was.cell.queue + 10)),
        replace(was, cell=replace(was.cell, items=was.cell.items + 1)),
        replace(was, cell=replace(was.cell, bytes=was.cell.bytes + 1)),
        replace(was, job=was.job + 1),
        replace(was, days=Days(was.days + 1)),
        None,
    ):
        new = [*planned[:at], *([] if changed is None else [changed]), *planned[at + 1 :]]
        assert hashed(new).digest() != hashed(planned).digest()
    assert hashed([*planned, was]).digest() != hashed(planned).digest()
    if len(planned) > 1:
        assert hashed(planned[::-1]).digest() != hashed(planned).digest()


def test_organization_and_date_are_part_of_the_hash() -> None:
    assert len({hashed([]).digest(), hashed([], org=2).digest(), hashed([], as_of=date(2026, 1, 1)).digest()}) == 3


@given(planned_cells())
def test_totals_add_up(planned: list[PlannedCell]) -> None:
    totals = hashed(planned).totals
    cells = [one.cell for one in planned]
    assert Amount(totals.items, totals.bytes) == total(cells)
    assert totals.cells == len(cells)
    assert totals.oldest == min((cell.day for cell in cells), default=None)
    assert totals.newest == max((cell.day for cell in cells), default=None)


def test_an_empty_plan_is_a_plan() -> None:
    assert hashed([]).totals == Totals()


@given(strategies.cell_lists(), strategies.job_lists())
def test_a_plan_keeps_the_order_it_was_given_and_names_the_deciding_job(cells: list[Cell], jobs: list[Job]) -> None:
    planned = list(due_cells(cells, jobs=jobs, on=TONIGHT))
    assert [one.cell for one in planned] == sorted(one.cell for one in planned)
    by_id = {job.id: job for job in jobs}
    for one in planned:
        assert one.days == by_id[one.job].days
        assert (TONIGHT - one.cell.day).days > one.days


def test_an_empty_cell_is_not_planned() -> None:
    job = Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=Days(1))
    empty, full = (Cell(date(2020, 1, 1), DataType.AUDIO, 1, items, 0) for items in (0, 1))
    assert [one.cell for one in due_cells([empty, full], jobs=[job], on=TONIGHT)] == [full]


def test_a_plan_with_the_same_facts_is_fresh() -> None:
    check_fresh(FACTS, now=replace(FACTS))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"jobs_version": 4}, "jobs have changed"),
        ({"jobs_version": 2}, "jobs have changed"),
        ({"armed": False}, "disarmed"),
        ({"made_on": TONIGHT + timedelta(days=1)}, "made on 2026-11-23"),
    ],
)
def test_a_changed_fact_makes_a_plan_stale(changed: dict[str, object], said: str) -> None:
    with pytest.raises(PlanStale, match=said):
        check_fresh(FACTS, now=replace(FACTS, **changed))  # type: ignore[arg-type]


def test_arming_makes_the_plans_of_before_stale() -> None:
    with pytest.raises(PlanStale, match="has been armed"):
        check_fresh(replace(FACTS, armed=False), now=FACTS)

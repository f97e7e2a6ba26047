"""Which job decides, what is due, and which jobs are idle: the rules by properties and by the issue's own examples."""

from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.plan import due_cells
from ebbtide.domain.verdict import Due, Kept, decide, deciding_job, effective_retention, ineffective
from tests import strategies
from tests.strategies import QUEUES, TONIGHT


def global_job(days: int, *, id: int = 1) -> Job:
    return Job(id=id, type=JobType.GLOBAL, what=What.ALL, days=Days(days))


def q_job(days: int, *, what: What = What.ALL, queues: tuple[int, ...] = (1,), id: int = 2) -> Job:
    return Job(id=id, type=JobType.QUEUE, what=what, days=Days(days), queues=frozenset(queues))


def taken(cells: list[Cell], jobs: list[Job], on: date = TONIGHT) -> set[Cell]:
    return {planned.cell for planned in due_cells(cells, jobs=jobs, on=on)}


def told_by_hand(cell: Cell, jobs: list[Job], on: date) -> bool:
    """The rule said again, without the product's words: is there a job that takes this cell and has run out?"""
    for job in jobs:
        if job.type == "queue" and cell.queue not in job.queues:
            continue
        if job.what == "desktop" and cell.data_type != "desktop":
            continue
        if (on - cell.day).days > job.days:
            return True
    return False


@given(strategies.cell_lists(), strategies.job_lists(), st.integers(0, 40))
def test_the_plan_is_what_the_rule_says(cells: list[Cell], jobs: list[Job], later: int) -> None:
    on = TONIGHT + timedelta(days=later)
    assert taken(cells, jobs, on) == {cell for cell in cells if told_by_hand(cell, jobs, on)}


@given(strategies.cell_lists(), strategies.job_lists(), st.data())
def test_a_longer_period_never_purges_more(cells: list[Cell], jobs: list[Job], data: st.DataObject) -> None:
    assume(jobs)
    at = data.draw(st.integers(0, len(jobs) - 1))
    longer = data.draw(st.integers(jobs[at].days, 5000))
    changed = Job(id=jobs[at].id, type=jobs[at].type, what=jobs[at].what, days=Days(longer), queues=jobs[at].queues)
    assert taken(cells, [*jobs[:at], changed, *jobs[at + 1 :]]) <= taken(cells, jobs)


@given(strategies.cell_lists(), strategies.job_lists(), strategies.jobs(99))
def test_another_job_never_keeps_more(cells: list[Cell], jobs: list[Job], new: Job) -> None:
    assert taken(cells, [*jobs, new]) >= taken(cells, jobs)


@given(strategies.cell_lists())
def test_without_a_job_nothing_is_due(cells: list[Cell]) -> None:
    assert taken(cells, []) == set()


@given(st.one_of(st.none(), strategies.jobs()), st.dates(), st.dates())
def test_there_is_always_a_verdict(job: Job | None, day: date, on: date) -> None:
    verdict = decide(job, day=day, on=on)
    assert isinstance(verdict, Due | Kept)
    assert verdict.job is job
    assert job is not None or isinstance(verdict, Kept)


@given(strategies.days, strategies.dates)
def test_kept_on_its_last_day_and_due_the_night_after(days: Days, on: date) -> None:
    job = global_job(days)
    assert decide(job, day=on - timedelta(days=days), on=on) == Kept(job)
    assert decide(job, day=on - timedelta(days=days + 1), on=on) == Due(job)


def test_a_cutoff_before_the_first_date_keeps_all() -> None:
    assert cutoff(date(1, 1, 3), days=Days(2)) == date.min
    assert cutoff(date(1, 1, 3), days=Days(5000)) == date.min
    assert decide(global_job(5000), day=date.min, on=date(1, 1, 3)) == Kept(global_job(5000))


@given(strategies.job_lists(), strategies.queues, strategies.data_types)
def test_the_shortest_decides(jobs: list[Job], queue: int, data_type: DataType) -> None:
    reaching = [
        job
        for job in jobs
        if (job.type == "global" or queue in job.queues) and (job.what == "all" or data_type == "desktop")
    ]
    decider = deciding_job(jobs, queue=queue, data_type=data_type)
    if not reaching:
        assert decider is None
    else:
        assert decider in reaching
        assert decider.days == min(job.days for job in reaching)


@given(strategies.job_lists())
def test_the_order_of_jobs_is_of_no_account(jobs: list[Job]) -> None:
    turned = jobs[::-1]
    assert effective_retention(jobs, queues=QUEUES) == effective_retention(turned, queues=QUEUES)
    assert ineffective(jobs) == ineffective(turned)


def test_of_equal_jobs_the_global_one_decides_then_the_older() -> None:
    first, second = q_job(30, id=1), q_job(30, id=5)
    assert deciding_job([second, first], queue=1, data_type=DataType.AUDIO) == first
    assert deciding_job([first, global_job(30, id=9)], queue=1, data_type=DataType.AUDIO) == global_job(30, id=9)


def test_a_longer_q_job_is_idle_because_of_the_global_one() -> None:
    short, long = global_job(400), q_job(500)
    assert ineffective([short, long]) == {long.id: (short,)}


def test_a_shorter_q_job_is_effective_beside_a_global_one() -> None:
    assert ineffective([global_job(400), q_job(399)]) == {}


def test_an_equal_q_job_is_idle_whichever_came_first() -> None:
    assert ineffective([global_job(400, id=7), q_job(400, id=3)]) == {3: (global_job(400, id=7),)}


def test_a_desktop_job_takes_desktop_alone_between_its_period_and_the_global_one() -> None:
    jobs = [global_job(400), q_job(30, what=What.DESKTOP)]
    every = [
        Cell(TONIGHT - timedelta(days=back), kind, queue, 1, 1)
        for back in (30, 31, 400, 401)
        for kind in DataType
        for queue in (1, 2)
    ]
    due = {(cell.data_type, cell.queue, (TONIGHT - cell.day).days) for cell in taken(sorted(every), jobs)}
    between = {("desktop", 1, 31), ("desktop", 1, 400)}
    assert due == between | {(kind, queue, 401) for kind in DataType for queue in (1, 2)}
    deciders = {planned.cell.day: planned.job for planned in due_cells(sorted(every), jobs=jobs, on=TONIGHT)
                if planned.cell.data_type is DataType.DESKTOP and planned.cell.queue == 1}  # fmt: skip
    assert set(deciders.values()) == {2}


def test_of_two_q_jobs_on_one_queue_the_shorter_wins_and_the_longer_is_idle_there_only() -> None:
    shorter, longer = q_job(10, id=1), q_job(20, id=2)
    assert deciding_job([longer, shorter], queue=1, data_type=DataType.AUDIO) == shorter
    assert ineffective([longer, shorter]) == {2: (shorter,)}
    wider = q_job(20, queues=(1, 2), id=2)
    assert ineffective([wider, shorter]) == {}


def test_a_desktop_job_does_not_make_an_all_job_idle_and_an_all_job_does_a_desktop_one() -> None:
    assert ineffective([q_job(20, id=1), q_job(10, what=What.DESKTOP, id=2)]) == {}
    everything, desktop = q_job(10, id=1), q_job(20, what=What.DESKTOP, id=2)
    assert ineffective([everything, desktop]) == {2: (everything,)}


def test_only_another_global_job_makes_a_global_one_idle() -> None:
    every_queue = q_job(10, queues=QUEUES)
    assert ineffective([global_job(400), every_queue]) == {}
    assert ineffective([global_job(400), global_job(30, id=4)]) == {1: (global_job(30, id=4),)}


def test_several_jobs_together_make_one_idle_and_all_are_named() -> None:
    wide = q_job(50, queues=(1, 2), id=1)
    one, two = q_job(10, queues=(1,), id=2), q_job(20, queues=(2,), id=3)
    assert ineffective([wide, one, two]) == {1: (one, two)}


@given(strategies.job_lists(most=6))
def test_idle_jobs_and_only_they_can_go_without_any_change(jobs: list[Job]) -> None:
    every = [*QUEUES, 77]  # 77: a queue that no job names, as any new one
    now = {key: job.days for key, job in effective_retention(jobs, queues=every).items()}
    idle = ineffective(jobs)
    without = {
        key: job.days
        for key, job in effective_retention([job for job in jobs if job.id not in idle], queues=every).items()
    }
    assert without == now
    for job in jobs:
        decides = any(decider.id == job.id for decider in effective_retention(jobs, queues=every).values())
        assert (job.id in idle) != decides
    for overriding in idle.values():
        assert overriding
        assert not {job.id for job in overriding} & set(idle)


def test_effective_retention_names_no_pair_that_no_job_reaches() -> None:
    assert effective_retention([q_job(5, what=What.DESKTOP)], queues=QUEUES).keys() == {(1, DataType.DESKTOP)}
    assert effective_retention([], queues=QUEUES) == {}


@given(strategies.job_lists(), st.sets(strategies.queues))
def test_the_effective_retention_is_what_decides_each_place(jobs: list[Job], every: set[int]) -> None:
    found = effective_retention(jobs, queues=every)
    for queue in every:
        for data_type in DataType:
            assert found.get((queue, data_type)) == deciding_job(jobs, queue=queue, data_type=data_type)


@given(strategies.job_lists(), strategies.cell_lists(), st.sets(st.integers(1, 5)))
def test_fewer_jobs_never_make_more_due(jobs: list[Job], cells: list[Cell], gone: set[int]) -> None:
    """Deleting or pausing a job asks nobody to confirm anything: jobs never protect."""
    assert taken(cells, [job for job in jobs if job.id not in gone]) <= taken(cells, jobs)

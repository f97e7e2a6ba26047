"""What the reports would lose, told by the editor: day by day what the verdict says, and nothing by desktop jobs."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.apps.editor.losses import RANGES, report_losses
from ebbtide.apps.editor.weighing import Night, with_job
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.period import Period, Span, oldest, period
from ebbtide.domain.verdict import Due, decide, deciding_job
from ebbtide.web.context.jobs import ReportLoss
from ebbtide.web.context.shared import QueueLine
from tests import strategies

from .conftest import World, signed_in
from .test_job_preview import preview

LINES = {number: QueueLine(id=number, name=f"Q {number}") for number in strategies.QUEUES}


def night(on: date) -> Night:
    return Night(starts=datetime.combine(on, time(1), tzinfo=UTC), on=on, today=on - timedelta(days=1))


def global_job(days: int, number: int = 1) -> Job:
    return Job(number, JobType.GLOBAL, What.ALL, Days(days))


def losses(job: Job, *among: Job, on: date = date(2026, 11, 23)) -> Mapping[Span, ReportLoss]:
    return {one.span: one for one in report_losses(job, among=among, queues=LINES, night=night(on))}


def due(jobs: list[Job], *, queue: int, days: Period, on: date) -> set[date]:
    job = deciding_job(jobs, queue=queue, data_type=DataType.INSIGHTS)
    every = (days.first + timedelta(days=place) for place in range(days.days))
    return {day for day in every if isinstance(decide(job, day=day, on=on), Due)}


@settings(deadline=None)  # dates are all it reckons: what takes long is a busy machine
@given(strategies.jobs(), strategies.job_lists(most=3), st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_it_says_what_the_verdict_says(job: Job, among: list[Job], on: date) -> None:
    then = with_job(job, among=among)
    for loss in losses(job, *among, on=on).values():
        days = period(loss.span, today=on)
        assert (loss.first, loss.last) == (days.first, days.last)
        told: dict[tuple[int, bool], set[date]] = {}
        for one in loss.lost:
            stretch = {one.first + timedelta(days=place) for place in range(one.days)}
            assert max(stretch) == one.last
            for queue in one.queues:
                told.setdefault((queue.id, one.newly), set()).update(stretch)
        for queue in LINES:
            after, before = (due(some, queue=queue, days=days, on=on) for some in (then, among))
            assert told.get((queue, True), set()) == after - before
            assert told.get((queue, False), set()) == after & before
        if not loss.lost:
            assert loss.at_times == any(
                deciding_job(then, queue=queue, data_type=DataType.INSIGHTS) is job and job.days < oldest(loss.span)
                for queue in LINES
            )


def test_the_usual_job_takes_nothing_from_any_range_on_any_date() -> None:
    on = date(2021, 1, 1)
    while on < date(2051, 1, 1):
        assert not [one for one in losses(global_job(400), on=on).values() if one.lost or one.at_times]
        on += timedelta(days=31 if on.day > 1 else 30)


@pytest.mark.parametrize(
    ("days", "lost", "at_times"),
    [
        (400, set(), set()),
        (395, set(), {Span.YEAR}),  # 22 days of this month are over: only late in a month it would not do
        (380, {Span.YEAR}, set()),
        (60, {Span.YEAR}, {Span.MONTH}),
        (10, {Span.YEAR, Span.MONTH, Span.FOUR_WEEKS}, set()),
    ],
)
def test_ranges(days: int, lost: set[Span], at_times: set[Span]) -> None:
    found = losses(global_job(days))
    assert list(found) == list(RANGES)
    assert {span for span, one in found.items() if one.lost} == lost
    assert {span for span, one in found.items() if one.at_times} == at_times


def test_desktop_recordings_alone_take_nothing() -> None:
    job = Job(1, JobType.QUEUE, What.DESKTOP, Days(1), frozenset({1}))
    assert not [one for one in losses(job).values() if one.lost or one.at_times]


def test_which_qs_lose_which_days() -> None:
    job = Job(2, JobType.QUEUE, What.ALL, Days(10), frozenset({1, 3}))
    (newly, anyway) = losses(job, Job(3, JobType.QUEUE, What.ALL, Days(20), frozenset({1})))[Span.FOUR_WEEKS].lost, None
    del anyway
    assert [(one.first, one.last, [queue.id for queue in one.queues], one.newly) for one in newly] == [
        (date(2026, 10, 24), date(2026, 11, 12), [3], True),
        (date(2026, 11, 3), date(2026, 11, 12), [1], True),
        (date(2026, 10, 24), date(2026, 11, 2), [1], False),
    ]


@pytest.mark.usefixtures("database")
def test_the_preview_tells_it(world: World) -> None:
    client = signed_in("alice")
    panel = preview(world, client, days="10")
    assert {one.span for one in panel.losses if one.lost} == {Span.FOUR_WEEKS, Span.MONTH, Span.YEAR}
    assert panel.loses == 3
    assert not preview(world, client, what="desktop", days="10").loses

"""The verdict: may this cell stay, or is it due, and which job says so.

Danger: everything that is ever deleted is deleted because this module said *due*. It is pure, total and small so that
it can be read in one sitting and tested exhaustively. Preview, matrix, plan and the nightly run all ask here; no
other place decides.

The rule: jobs never protect data. Of all jobs that reach a (queue, data type) the shortest period wins; without a job
the data is kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ebbtide.domain.calendar import cutoff
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType


@dataclass(frozen=True, slots=True)
class Due:
    """The cell has outlived its retention; `job` decided."""

    job: Job


@dataclass(frozen=True, slots=True)
class Kept:
    """The cell stays: no job reaches it (`job` is None), or its time has not come."""

    job: Job | None = None


Verdict = Due | Kept


def _order(job: Job) -> tuple[int, bool, int]:
    """Order jobs by who decides: shorter first; of equal ones the Global job, then the older one."""
    return (job.days, job.type is not JobType.GLOBAL, job.id)


def deciding_job(jobs: Iterable[Job], *, queue: int | None, data_type: DataType) -> Job | None:
    """Find the job that decides over a (queue, data type); None where nothing is ever deleted.

    Args:
        jobs: the organization's jobs, in any order.
        queue: a queue's number; None for any queue that no job names.
        data_type: one of the four.
    """
    reaching = (job for job in jobs if job.takes(data_type) and job.reaches(queue))
    return min(reaching, key=_order, default=None)


def decide(job: Job | None, *, day: date, on: date) -> Verdict:
    """Decide over a cell.

    Args:
        job: the job that decides over the cell's (queue, data type).
        day: the cell's org-local day.
        on: the org-local date of the night, frozen for the run.
    """
    if job is not None and day < cutoff(on, days=job.days):
        return Due(job)
    return Kept(job)


Retention = dict[tuple[int, DataType], Job]
"""The effective retention: for each (queue, data type) that a job reaches, the job that decides."""


def effective_retention(jobs: Sequence[Job], *, queues: Iterable[int]) -> Retention:
    """Work out which job decides where."""
    found: Retention = {}
    ordered = sorted(jobs, key=_order)
    for queue in queues:
        reaching = [job for job in ordered if job.reaches(queue)]
        for data_type in DataType:
            # the first of them in this order is the least: what deciding_job gives
            job = next((job for job in reaching if job.takes(data_type)), None)
            if job is not None:
                found[queue, data_type] = job
    return found


def ineffective(jobs: Sequence[Job]) -> dict[int, tuple[Job, ...]]:
    """Name the jobs that change nothing, each with the jobs that override it everywhere.

    A Global job also reaches queues no job names yet, so only another Global job can make it idle.

    Returns:
        job id -> overriding jobs, without jobs that decide somewhere.
    """
    idle: dict[int, tuple[Job, ...]] = {}
    decided: dict[tuple[int | None, DataType], Job | None] = {}
    for job in jobs:
        reach = [None] if job.type is JobType.GLOBAL else sorted(job.queues)
        deciders: dict[int, Job] = {}
        for queue in reach:
            for data_type in DataType:
                if job.takes(data_type):
                    if (queue, data_type) not in decided:
                        decided[queue, data_type] = deciding_job(jobs, queue=queue, data_type=data_type)
                    decider = decided[queue, data_type]
                    if decider is not None:
                        deciders[decider.id] = decider
        if job.id not in deciders:
            idle[job.id] = tuple(sorted(deciders.values(), key=_order))
    return idle

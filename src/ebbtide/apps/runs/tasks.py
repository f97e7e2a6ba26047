"""The worker's tasks: the tick that looks who is due, the night of one organization, and the broom behind dead workers.

The queue decides nothing. That a local date runs once is a UNIQUE row, and that one process carries a run is an
advisory lock; a task that comes twice, late or never changes no result. So the tick may ask every few seconds, and the
queue may be emptied at any time: the next tick finds out anew. No task has a queue `lock`, because the lock of a worker
that died would hold back everybody else.

A night that fails is a failed job in the queue. The failed jobs of the last day say how long its organization waits
before it is tried again: a minute, then two, four … half an hour. All others go on meanwhile.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

import structlog
from django.db import connections, transaction
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from ebbtide.apps.orgs.database import SWEEP, mapped_errors
from ebbtide.apps.orgs.locks import is_carried
from ebbtide.apps.runs import nights
from ebbtide.apps.runs.helping import invitations, is_resting
from ebbtide.apps.runs.nights import DueNight
from ebbtide.apps.runs.reconcile import compare_due
from ebbtide.apps.runs.services import Stop, help_run, simulate
from ebbtide.apps.runs.settling import settle_due
from ebbtide.domain.errors import Refused, Taken
from ebbtide.domain.identity import public_id
from ebbtide.engine.clock import Clock

log = structlog.get_logger(__name__)

CLOCK, NIGHTS = "clock", "night"
"""The two queues. A worker serves each by itself, so that long nights never hold up the tick."""

NIGHT_TASK, RUN_TASK, SIMULATE_TASK, HELP_TASK = "ebbtide.night", "ebbtide.run", "ebbtide.simulate", "ebbtide.help"
EVERY_TEN_SECONDS = "* * * * * */10"
SILENT_AFTER_S = 20
"""Seconds without a heartbeat after which a worker is taken for dead (it beats every 5)."""
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(minutes=30)
_FAILURES_COUNT_FOR = timedelta(days=1)
_STARTING = timedelta(minutes=10)
_FORGET_AFTER_HOURS = 24 * 30
_JOBS_AT_ONCE = 500
_BELOW_NIGHTS = -10


def wait_after(failures: int) -> timedelta:
    """Say how long an organization waits after so many failed attempts (at least 1) of the last day."""
    wait = _FIRST_WAIT
    for _ in range(failures - 1):
        wait = min(_LONGEST_WAIT, wait * 2)
    return wait


@dataclass(slots=True)
class _Queued:
    """What the queue holds of one organization's nights."""

    waiting: bool = False
    starting: bool = False
    failures: int = 0
    failed_at: datetime | None = None


def _queued(*, now: datetime) -> dict[int, _Queued]:
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute(
            """
            SELECT (j.args->>'org')::int, j.status::text, count(*), max(e.at)
            FROM procrastinate_jobs j
            LEFT JOIN procrastinate_events e ON e.job_id = j.id
                AND e.type = CASE j.status WHEN 'failed' THEN 'failed' WHEN 'doing' THEN 'started' END
                    ::procrastinate_job_event_type
            WHERE j.task_name = %s AND j.status IN ('todo', 'doing', 'failed')
                AND (j.status = 'todo' OR e.at > %s)
            GROUP BY 1, 2
            """,
            [NIGHT_TASK, now - _FAILURES_COUNT_FOR],
        )
        rows = cursor.fetchall()
    found: dict[int, _Queued] = {}
    for org, status, count, newest in rows:
        held = found.setdefault(org, _Queued())
        if status == "todo":
            held.waiting = True
        elif status == "doing":
            held.starting = newest > now - _STARTING
        else:
            held.failures, held.failed_at = count, newest
    return found


def _is_wanted(night: DueNight, *, queued: _Queued | None, now: datetime) -> bool:
    """Whether a job is to be put into the queue for this night now."""
    if queued is not None:
        if queued.waiting:
            return False
        if queued.failed_at is not None and now < queued.failed_at + wait_after(queued.failures):
            return False
    if night.open_run is not None:
        # Its carrier's advisory lock, not the queue, says whether it lives: a killed one is relieved at this tick.
        return not is_carried(night.open_run) and not is_resting(night.org, now=now)
    return queued is None or not queued.starting


def defer_due(*, now: datetime) -> int:
    """Put a job into the queue for every organization that has something to run and nobody at it.

    Args:
        now: the present moment (UTC).

    Returns:
        How many were put in.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    due = nights.due_nights(now)
    if not due:
        return 0
    queued = _queued(now=now)
    jobs = [_job(night) for night in due if _is_wanted(night, queued=queued.get(night.org), now=now)]
    manager = JobManager(DjangoConnector(alias=SWEEP))
    if any(night.open_run is not None for night in due):
        _invite(manager, now=now)
    return sum(_defer(manager, jobs[at : at + _JOBS_AT_ONCE]) for at in range(0, len(jobs), _JOBS_AT_ONCE))


def _job(night: DueNight) -> Job:
    return Job(
        queue=NIGHTS,
        task_name=NIGHT_TASK,
        lock=None,
        queueing_lock=f"night:{night.org}",
        task_kwargs={**asdict(night), "on": night.on.isoformat()},
    )


def _invite(manager: JobManager, *, now: datetime) -> None:
    """Ask for helpers of large runs, below everything else that waits; who is asked already is not asked twice."""
    asked = [
        Job(
            queue=NIGHTS,
            task_name=HELP_TASK,
            lock=None,
            queueing_lock=f"help:{one.run}:{number}",
            priority=_BELOW_NIGHTS,
            task_kwargs={"org": one.org, "run": one.run},
        )
        for one in invitations(now=now)
        for number in range(one.helpers)
    ]
    if asked:
        _defer(manager, asked)


def defer_run(org: int, *, using: str = SWEEP) -> None:
    """Put a run by hand of an organization into the queue: a worker starts it as soon as it has a place free.

    Args:
        org: the organization's number.
        using: the role's connection.

    Raises:
        Taken: one waits there already.
    """
    job = Job(queue=NIGHTS, task_name=RUN_TASK, lock=None, queueing_lock=f"run:{org}", task_kwargs={"org": org})
    try:
        with mapped_errors(), transaction.atomic(using=using):
            JobManager(DjangoConnector(alias=using)).batch_defer_jobs([job])
    except AlreadyEnqueued as exc:
        raise Taken(
            f"A run of {public_id('org', org)} waits in the queue already: it starts when a worker is free."
        ) from exc


def org_of(job: Job) -> str | None:
    """Name the organization of a job, as a log may; None for a job of no organization."""
    org = job.task_kwargs.get("org")
    return public_id("org", org) if isinstance(org, int) else None


def _defer(manager: JobManager, jobs: Sequence[Job]) -> int:
    """Put jobs in all at once; where another tick was first with one of them, one by one.

    Each attempt is a savepoint: the unique key that says "already there" also aborts what it stands in.
    """
    try:
        with transaction.atomic(using=SWEEP):
            manager.batch_defer_jobs(list(jobs))
    except AlreadyEnqueued:
        if len(jobs) == 1:
            return 0
        return sum(_defer(manager, [job]) for job in jobs)
    return len(jobs)


@app.periodic(cron=EVERY_TEN_SECONDS)
@app.task(name="ebbtide.tick", queue=CLOCK, queueing_lock="tick", pass_context=True)
def tick(context: JobContext, timestamp: int) -> None:
    """Look who is due."""
    del timestamp  # the schedule's moment; what counts is the present one
    clock, stop = _handed(context)
    if not stop():
        put_in = defer_due(now=clock.now())
        if put_in:
            log.info("nights due", organizations=put_in)


@app.task(name=NIGHT_TASK, queue=NIGHTS, pass_context=True)
def night(context: JobContext, org: int, on: str, open_run: int | None, has_run: bool) -> None:
    """Run one organization's night, or take up its run that was broken off."""
    clock, stop = _handed(context)
    if stop():
        return  # still due, and found again by the next tick
    nights.run_night(DueNight(org, date.fromisoformat(on), open_run, has_run), clock=clock, stop=stop)


@app.task(name=HELP_TASK, queue=NIGHTS, pass_context=True)
def help_out(context: JobContext, org: int, run: int) -> None:
    """Work at a large run that another worker carries."""
    clock, stop = _handed(context)
    if stop():
        return  # asked again by the next tick
    try:
        help_run(org, run_id=run, clock=clock, stop=stop)
    except Taken as exc:
        log.info("help not needed", org=public_id("org", org), run=public_id("run", run), reason=exc.message)


@app.task(name=SIMULATE_TASK, queue=NIGHTS, pass_context=True)
def simulation(context: JobContext, org: int) -> None:
    """Simulate one organization's night, because somebody there asked for it."""
    clock, stop = _handed(context)
    if stop():
        return
    try:
        simulate(org, clock=clock)
    except (Refused, Taken) as exc:
        log.info("simulation not made", org=public_id("org", org), reason=exc.message)


def defer_simulation(org: int) -> bool:
    """Put an organization's simulation into the queue; False where one is waiting there already.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    job = Job(
        queue=NIGHTS, task_name=SIMULATE_TASK, lock=None, queueing_lock=f"simulate:{org}", task_kwargs={"org": org}
    )
    with mapped_errors():
        return _defer(JobManager(DjangoConnector(alias=SWEEP)), [job]) == 1


def simulation_is_waiting(org: int) -> bool:
    """Whether a simulation of the organization waits in the queue or is being made."""
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.task_name = %s AND j.status IN ('todo', 'doing')
                AND j.args->>'org' = %s)
            """,
            [SIMULATE_TASK, str(org)],
        )
        found: bool = cursor.fetchone()[0]
    return found


@app.task(name=RUN_TASK, queue=NIGHTS, pass_context=True)
def run(context: JobContext, org: int) -> None:
    """Run one organization because its operator asked for it; its run that was broken off is taken up first."""
    clock, stop = _handed(context)
    if stop():
        defer_run(org)  # nobody would find it again: it is not due
        return
    nights.run_by_hand(org, clock=clock, stop=stop)


@app.periodic(cron="41 * * * *")
@app.task(name="ebbtide.settle", queue=NIGHTS, queueing_lock="settle", pass_context=True)
def settle(context: JobContext, timestamp: int) -> None:
    """Settle the days that are finished, and write anew where deletions have left dead rows, of words too."""
    del timestamp
    _, stop = _handed(context)
    settled = list(settle_due(stop=stop))
    if settled:
        pieces = sum(one.day is None for one in settled)
        log.info("settled", days=len(settled) - pieces, pieces=pieces, rows=sum(one.items for one in settled))


@app.periodic(cron="23 * * * *")
@app.task(name="ebbtide.reconcile", queue=NIGHTS, queueing_lock="reconcile", priority=_BELOW_NIGHTS, pass_context=True)
def reconcile(context: JobContext, timestamp: int) -> None:
    """Compare counts, rows and objects of those organizations that were not compared since yesterday."""
    del timestamp
    clock, stop = _handed(context)
    compared = list(compare_due(clock=clock, timer=time.monotonic, stop=stop))
    if compared:
        differing = sum(bool(one.differences) for one in compared)
        failed = sum(bool(one.reason) for one in compared)
        log.info("organizations compared", organizations=len(compared), differing=differing, failed=failed)


def _handed(context: JobContext) -> tuple[Clock, Stop]:
    """Take what the worker hands to each of its tasks."""
    clock: Clock = context.additional_context["clock"]
    stop: Stop = context.additional_context["stop"]
    return clock, stop


@app.periodic(cron=EVERY_TEN_SECONDS)
@app.task(name="ebbtide.reap", queue=CLOCK, queueing_lock="reap", pass_context=True)
async def reap(context: JobContext, timestamp: int) -> None:
    """Clear away the jobs of workers that died; what they were at is due again, and the tick finds it."""
    del timestamp
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_AFTER_S):
        log.warning("worker died", task=job.task_name, org=org_of(job))
        await manager.finish_job(job, status=Status.ABORTED, delete_job=True)
    await manager.prune_stalled_workers(SILENT_AFTER_S)


@app.periodic(cron="17 * * * *")
@app.task(name="ebbtide.forget", queue=CLOCK, queueing_lock="forget", pass_context=True)
async def forget(context: JobContext, timestamp: int) -> None:
    """Delete the records of jobs that failed a month ago; the runs themselves are kept for ever."""
    del timestamp
    await context.app.job_manager.delete_old_jobs(
        _FORGET_AFTER_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )

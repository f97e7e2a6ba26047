"""Who runs the nights, what waits for them, and how the database does.

The queue's own tables are read: it decides nothing, but it shows what is going on. Every function opens its own
transaction, in the platform's scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy

from ebbtide.apps.console.store import probe_note
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.runs.tasks import HELP_TASK, NIGHT_TASK, RUN_TASK, SILENT_AFTER_S, SIMULATE_TASK
from ebbtide.domain.calendar import latest_night, next_night, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.console.workers import OpenRun, QueuedLine, StoreNote, WorkersPage
from ebbtide.web.context.shared import OrgLine, RunLine
from ebbtide.web.listing import Asked, Column, Table, list_rows

FAILED_FOR = timedelta(days=1)
"""How long a failed night is shown: as long as it counts for how often it is tried."""
_TASKS = [NIGHT_TASK, RUN_TASK, SIMULATE_TASK, HELP_TASK]
_KINDS: dict[str, Literal["night", "run", "simulation", "help"]] = {
    NIGHT_TASK: "night",
    RUN_TASK: "run",
    SIMULATE_TASK: "simulation",
    HELP_TASK: "help",
}
_MOST = 2_000
"""Jobs read at once, oldest first; what waits behind them is counted."""

QUEUE: Table[QueuedLine] = Table(
    name="queue",
    columns=(
        Column(name="org", label=gettext_lazy("Organization"), value=lambda one: one.org.name if one.org else ""),
        Column(name="what", label=gettext_lazy("What"), value=lambda one: one.on),
        Column(name="status", label=gettext_lazy("Status"), value=lambda one: one.status),
        Column(name="since", label=gettext_lazy("Since"), value=lambda one: one.since),
        Column(name="run", label=gettext_lazy("Run"), value=lambda one: one.run),
        Column(name="worker", label=gettext_lazy("Carried by"), value=lambda one: one.worker),
    ),
    sort="since",
    row_key=lambda one: one.id,
    size=25,
)
"""Jobs in the queue."""

_JOBS = """
    SELECT j.id, j.task_name, j.status::text, j.args->>'on', w.last_heartbeat, e.at, o.id, o.name, o.zone,
        r.id, r.worker
    FROM procrastinate_jobs j
    LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    LEFT JOIN LATERAL (SELECT max(e.at) AS at FROM procrastinate_events e WHERE e.job_id = j.id) e ON true
    LEFT JOIN orgs_organization o ON o.id = (j.args->>'org')::int
    LEFT JOIN runs_run r ON r.org_id = o.id AND r.outcome IS NULL
    WHERE j.task_name = ANY (%(tasks)s)
        AND (j.status IN ('todo', 'doing') OR (j.status = 'failed' AND e.at > %(since)s))
    ORDER BY j.id LIMIT %(most)s
"""
_COUNTS = """
    SELECT count(*) FILTER (WHERE j.status = 'todo'),
        count(*) FILTER (WHERE j.status = 'doing' AND w.last_heartbeat >= %(beat)s),
        count(*) FILTER (WHERE j.status = 'doing' AND (w.last_heartbeat >= %(beat)s) IS NOT TRUE),
        count(*) FILTER (WHERE j.status = 'failed')
    FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE j.task_name = ANY (%(tasks)s) AND (j.status IN ('todo', 'doing') OR (j.status = 'failed' AND EXISTS (
        SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.at > %(since)s)))
"""
# whether its carrier lives is asked of the lock it holds, as the tick does (apps/orgs/locks.py)
_OPEN = """
    SELECT o.id, o.name, o.zone, r.id, r.local_date, r.started_at, r.trigger, r.mode, p.items, p.bytes, r.worker,
        EXISTS (
            SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
                AND l.classid = 7102 AND l.objid = r.id::oid AND l.objsubid = 2)
    FROM runs_run r JOIN orgs_organization o ON o.id = r.org_id
    LEFT JOIN runs_plan p ON p.org_id = r.org_id AND p.id = r.plan_id
    WHERE r.outcome IS NULL ORDER BY r.id LIMIT 100
"""
_DATABASE = """
    SELECT pg_database_size(current_database()),
        (SELECT count(*) FROM pg_inherits
         WHERE inhparent IN ('insights_segment'::regclass, 'insights_event'::regclass)),
        current_setting('max_locks_per_transaction')::bigint
            * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int),
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
        current_setting('max_connections')::int,
        (SELECT clock_read_at FROM runs_platform WHERE id = 1)
"""
# leans on run_once_a_night (org, local_date)
_DUE = """
    SELECT count(*) FROM unnest(%(zones)s::text[], %(starts)s::time[], %(dates)s::date[]) AS n (zone, night_at, night)
    JOIN orgs_organization o ON o.zone = n.zone AND o.night_at = n.night_at
    WHERE NOT EXISTS (
        SELECT 1 FROM runs_run r WHERE r.org_id = o.id AND r.trigger = 'nightly' AND r.local_date = n.night)
"""


@dataclass(frozen=True, slots=True)
class _Nights:
    """The newest night that has begun, for each zone and start of night, and the moment the next one of any begins."""

    zones: tuple[str, ...]
    starts: tuple[time, ...]
    dates: tuple[date, ...]
    next_at: datetime | None

    @classmethod
    def of(cls, starts: Sequence[tuple[str, time]], *, now: datetime) -> "_Nights":
        known = [(name, at, zone) for name, at in starts if (zone := _zone(name)) is not None]
        return cls(
            zones=tuple(name for name, _at, _zone_ in known),
            starts=tuple(at for _name, at, _zone_ in known),
            dates=tuple(latest_night(now, zone=zone, at=at) for _name, at, zone in known),
            next_at=min((next_night(now, zone=zone, at=at) for _name, at, zone in known), default=None),
        )


def _zone(name: str) -> ZoneInfo | None:
    try:
        return parse_zone(name)
    except InputInvalid:  # a zone that this host's tzdata does not know
        return None


@dataclass(frozen=True, slots=True)
class _Pulse:
    """The queues that are served, those whose worker fell silent, and the newest heartbeat."""

    alive: int
    silent: int
    beat_at: datetime | None


def _pulse(*, now: datetime) -> _Pulse:
    with as_platform() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE last_heartbeat >= %(beat)s), "
            "count(*) FILTER (WHERE last_heartbeat < %(beat)s), max(last_heartbeat) FROM procrastinate_workers",
            {"beat": now - timedelta(seconds=SILENT_AFTER_S)},
        )
        return _Pulse(*cursor.fetchone())


def are_alive(*, now: datetime) -> bool:
    """Whether any worker has given a sign of life just now."""
    return _pulse(now=now).alive > 0


def waiting_since(org: int) -> datetime | None:
    """Say since when a run by hand of an organization waits in the queue; None where none does."""
    with as_platform() as cursor:
        cursor.execute(
            """
            SELECT max(e.at) FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id
            WHERE j.queueing_lock = %s AND j.status = 'todo'
            """,
            [f"run:{org}"],
        )
        found: datetime | None = cursor.fetchone()[0]
    return found


def queued(*, now: datetime) -> list[QueuedLine]:
    """Give the nights and runs by hand that wait, run, or have failed of late; the oldest two thousand."""
    beat = now - timedelta(seconds=SILENT_AFTER_S)
    with as_platform() as cursor:
        cursor.execute(_JOBS, {"tasks": _TASKS, "since": now - FAILED_FOR, "most": _MOST})
        return [_queued(row, beat=beat) for row in cursor.fetchall()]


def workers_page(*, now: datetime, asked: Asked, store: StoreNote) -> WorkersPage:
    """Give the page of workers.

    Args:
        now: the present moment (UTC).
        asked: what is asked of the queue's table.
        store: what the object store said.
    """
    pulse = _pulse(now=now)
    jobs = queued(now=now)
    with as_platform() as cursor:
        cursor.execute(
            _COUNTS,
            {"tasks": _TASKS, "beat": now - timedelta(seconds=SILENT_AFTER_S), "since": now - FAILED_FOR},
        )
        waiting, running, stalled, failed = cursor.fetchone()
        cursor.execute(_OPEN)
        open_runs = tuple(_open_run(row) for row in cursor.fetchall())
        cursor.execute(_DATABASE)
        size, partitions, locks, connections, most_connections, clock_at = cursor.fetchone()
        cursor.execute("SELECT DISTINCT zone, night_at FROM orgs_organization")
        nights = _Nights.of(cursor.fetchall(), now=now)
        cursor.execute(_DUE, {"zones": [*nights.zones], "starts": [*nights.starts], "dates": [*nights.dates]})
        due = cursor.fetchone()[0]
    return WorkersPage(
        alive=pulse.alive,
        silent=pulse.silent,
        beat_at=pulse.beat_at,
        due=due,
        next_night=nights.next_at,
        waiting=waiting,
        running=running,
        stalled=stalled,
        failed=failed,
        queue=list_rows(QUEUE, jobs, asked=asked),
        open_runs=open_runs,
        clock_at=clock_at,
        database_bytes=size,
        partitions=partitions,
        locks=locks,
        connections=connections,
        most_connections=most_connections,
        store=store,
        probe=probe_note(),
    )


def _queued(row: tuple[Any, ...], *, beat: datetime) -> QueuedLine:
    number, task, status, on, beat_at, since, org, name, zone, run, worker = row
    shown: Literal["waiting", "running", "stalled", "failed"]
    if status == "doing":
        shown = "running" if beat_at is not None and beat_at >= beat else "stalled"
    else:
        shown = "waiting" if status == "todo" else "failed"
    return QueuedLine(
        id=number,
        org=None if org is None else OrgLine(id=org, name=name, zone=zone),
        kind=_KINDS[task],
        on=None if on is None else date.fromisoformat(on),
        status=shown,
        since=since,
        run=run,
        worker=worker or "",
    )


def _open_run(row: tuple[Any, ...]) -> OpenRun:
    org, name, zone, run, on, started_at, trigger, mode, items, size, worker, carried = row
    return OpenRun(
        org=OrgLine(id=org, name=name, zone=zone),
        run=RunLine(
            id=run,
            on=on,
            started_at=started_at,
            ended_at=None,
            trigger="nightly" if trigger == "nightly" else "operator",
            live=mode == "live",
            outcome=None,
            planned=items or 0,
            planned_bytes=size or 0,
        ),
        carried=carried,
        worker=worker,
    )

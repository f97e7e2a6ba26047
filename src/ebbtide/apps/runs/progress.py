"""How far a run is that has not ended: read from the book alone, where a run's progress stands anyhow.

Every function expects an open transaction in the organization.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.locks import is_carried, workers_at
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.cell import DataType
from ebbtide.web.context.runs import ProgressNote

WINDOW = timedelta(minutes=1)
"""The rate is that of the last minute: nights slow down and speed up, and one that was taken over has stood still."""
_ENOUGH_S = 2.0
"""Seconds of work before anything is said about how fast it goes."""

State = Literal["starting", "going", "reading_back", "stopping", "waiting", "resting"]


@dataclass(frozen=True, slots=True)
class Booked:
    """A run's lines in the book, as progress needs them; times by the database's clock."""

    items: int
    bytes: int
    recent_items: int
    recent_bytes: int
    newest: datetime | None
    day: date | None
    data_type: str | None


def _booked(run: Run) -> Booked:
    with connections[WEB].cursor() as cursor:
        # leans on entry_by_run (org, run, batch): its last line is where the run is
        cursor.execute(
            """
            WITH last AS (
                SELECT e.at, e.day, e.data_type FROM ledger_entry e WHERE e.org_id = %(org)s AND e.run_id = %(run)s
                ORDER BY e.batch DESC, e.id DESC LIMIT 1)
            SELECT coalesce(sum(e.items), 0)::bigint, coalesce(sum(e.bytes), 0)::bigint,
                coalesce(sum(e.items) FILTER (WHERE e.at > last.at - make_interval(secs => %(window)s)), 0)::bigint,
                coalesce(sum(e.bytes) FILTER (WHERE e.at > last.at - make_interval(secs => %(window)s)), 0)::bigint,
                max(last.at), max(last.day), max(last.data_type)
            FROM ledger_entry e, last WHERE e.org_id = %(org)s AND e.run_id = %(run)s
            """,
            {"org": run.org_id, "run": run.id, "window": WINDOW.total_seconds()},
        )
        return Booked(*cursor.fetchone())


def progress_of(run: Run, *, plan: Plan, now: datetime, said: int | None) -> ProgressNote:
    """Say how far an open run is.

    Args:
        run: one without an outcome.
        plan: the head of its plan.
        now: the request's moment.
        said: the tenth that was last told aloud; None where the whole page is told.
    """
    booked = _booked(run)
    percent = _percent(booked.items, plan.items)
    per_second, bytes_per_second = _rates(booked, since=run.started_at)
    left = plan.items - booked.items
    tenth = percent // 10
    return ProgressNote(
        state=_state(run, done=booked.items >= plan.items),
        percent=percent,
        done=booked.items,
        done_bytes=booked.bytes,
        per_second=per_second,
        bytes_per_second=bytes_per_second,
        left_s=round(left / per_second) if per_second and left > 0 else None,
        day=booked.day,
        data_type=None if booked.data_type is None else DataType(booked.data_type),
        beat_s=None if booked.newest is None else max(0, round((now - booked.newest).total_seconds())),
        workers=workers_at(run.id, using=WEB),
        rests=run.reason,
        said=tenth,
        tell=said is not None and tenth != said,
    )


def _percent(done: int, planned: int) -> int:
    """Give whole percents, never 100 before all is done."""
    return 100 if done >= planned else done * 100 // planned


def _rates(booked: Booked, *, since: datetime) -> tuple[float | None, float | None]:
    if booked.newest is None:
        return None, None
    span = min(WINDOW, booked.newest - since).total_seconds()
    if span < _ENOUGH_S:
        return None, None
    return booked.recent_items / span, booked.recent_bytes / span


def _state(run: Run, *, done: bool) -> State:
    if not is_carried(run.id, using=WEB):
        return "resting" if run.reason else "waiting"
    if run.cancelled_at is not None:
        return "stopping"
    if run.mode is None:
        return "starting"
    return "reading_back" if done else "going"

"""What there is to see in the book. Every function expects an open transaction in the organization."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.cell import DataType


@dataclass(frozen=True, slots=True)
class CellEntry:
    """What a run did to a cell, added up over its batches; `at` is the aware instant of the last one."""

    queue: int
    day: date
    data_type: DataType
    run: int
    job: int
    outcome: str
    reason: str
    items: int
    at: datetime


def entries_of(places: Collection[tuple[int, date]], *, org: int) -> list[CellEntry]:
    """Read what the book says of whole days of queues, all data types, oldest first.

    Args:
        places: (queue, day) pairs.
        org: the organization's number.
    """
    with connections[WEB].cursor() as cursor:
        # leans on entry_by_cell (org, queue, data_type, day)
        cursor.execute(
            """
            SELECT e.queue_id, e.day, e.data_type, e.run_id, e.job_id, e.outcome, e.reason, sum(e.items)::bigint,
                max(e.at)
            FROM unnest(%s::int[], %s::date[]) AS p (queue, day)
            CROSS JOIN unnest(%s::text[]) AS k (data_type)
            JOIN ledger_entry e ON e.org_id = %s AND e.queue_id = p.queue AND e.data_type = k.data_type
                AND e.day = p.day
            GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 9, 4
            """,
            [[queue for queue, _day in places], [day for _queue, day in places], [str(one) for one in DataType], org],
        )
        return [
            CellEntry(queue, day, DataType(kind), run, job, outcome, reason, items, at)
            for queue, day, kind, run, job, outcome, reason, items, at in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True)
class LastPurge:
    """What drew a purged line to where it stands: the run, the job that decided, and the aware instant."""

    run: int
    job: int
    at: datetime


def last_purges(lines: Collection[tuple[int, DataType, date]], *, org: int) -> dict[tuple[int, DataType], LastPurge]:
    """Find who drew purged lines: the last entry of the day just before each.

    Args:
        lines: queue, data type, and the first day that is not purged.
        org: the organization's number.

    Returns:
        (queue, data type) -> what drew it; missing where the book does not say.
    """
    if not lines:
        return {}
    with connections[WEB].cursor() as cursor:
        # leans on entry_by_cell (org, queue, data_type, day)
        cursor.execute(
            """
            SELECT l.queue, l.kind, e.run_id, e.job_id, e.at
            FROM unnest(%s::int[], %s::text[], %s::date[]) AS l (queue, kind, before)
            CROSS JOIN LATERAL (
                SELECT e.run_id, e.job_id, e.at FROM ledger_entry e
                WHERE e.org_id = %s AND e.queue_id = l.queue AND e.data_type = l.kind AND e.day = l.before - 1
                    AND e.outcome IN ('purged', 'already_gone')
                ORDER BY e.id DESC LIMIT 1) e
            """,
            [
                [queue for queue, _kind, _before in lines],
                [str(kind) for _queue, kind, _before in lines],
                [before for _queue, _kind, before in lines],
                org,
            ],
        )
        return {(queue, DataType(kind)): LastPurge(run, job, at) for queue, kind, run, job, at in cursor.fetchall()}

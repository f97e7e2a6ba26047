"""What a night would take, and what is stored: added up by the database from the cells, without a plan being stored.

The database is told how far each (Q, data type) is kept, by the one code that says so for plans too; it decides
nothing itself. That both come to the same is held by a property test.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connections

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.policies.selectors import jobs as jobs_in_force
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.engine.ports import Reach
from ebbtide.engine.simulate import reaches


@dataclass(slots=True)
class Amount:
    """Items and bytes, and the span of their days (None where there are none)."""

    items: int = 0
    bytes: int = 0
    oldest: date | None = None
    newest: date | None = None

    def add(self, other: "Amount") -> None:
        """Take another amount in."""
        self.items += other.items
        self.bytes += other.bytes
        self.oldest = min((day for day in (self.oldest, other.oldest) if day is not None), default=None)
        self.newest = max((day for day in (self.newest, other.newest) if day is not None), default=None)


Amounts = dict[tuple[int, DataType], Amount]
"""Amounts by Q and data type; those of which there is nothing are not named."""


def due_amounts(*, org: int, jobs: Sequence[Job], queues: Iterable[int], on: date) -> Amounts:
    """Add up what a night would take of each (Q, data type) if these were the jobs.

    Args:
        org: the organization's number.
        jobs: all jobs there would be, whether they are in force or only thought of.
        queues: all Qs of the organization, archived ones too.
        on: org-local date of the night, also one to come.
    """
    return amounts_before(reaches(jobs, queues=list(queues), on=on), org=org)


def stored_amounts(*, org: int, queues: Iterable[int]) -> Amounts:
    """Add up what is there of some Qs, by Q and data type; those that hold nothing are not named."""
    everything = [Reach(queue, data_type, date.max) for queue in queues for data_type in DataType]
    return amounts_before(everything, org=org)


def amounts_before(found: Sequence[Reach], *, org: int) -> Amounts:
    """Add up the cells older than their reach."""
    if not found:
        return {}
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: for each reach its own stretch of that index, and nothing of the table itself
        cursor.execute(
            """
            SELECT r.queue_id, r.data_type, due.items, due.bytes, due.oldest, due.newest
            FROM unnest(%s::int[], %s::text[], %s::date[]) AS r (queue_id, data_type, before)
            CROSS JOIN LATERAL (
                SELECT sum(c.items)::bigint AS items, sum(c.bytes)::bigint AS bytes,
                    min(c.day) AS oldest, max(c.day) AS newest
                FROM catalog_cell c
                WHERE c.org_id = %s AND c.queue_id = r.queue_id AND c.data_type = r.data_type AND c.day < r.before) due
            WHERE due.items > 0
            """,
            [
                [reach.queue for reach in found],
                [str(reach.data_type) for reach in found],
                [reach.before for reach in found],
                org,
            ],
        )
        return {(queue, DataType(data_type)): Amount(*sums) for queue, data_type, *sums in cursor.fetchall()}


def stored_and_due(found: Sequence[Reach], *, org: int, queues: Iterable[int]) -> tuple[Amounts, Amounts]:
    """Add up what is there of some Qs, and what of it lies before its reach; the cells are read once.

    Args:
        found: how far each (Q, data type) is kept; those that are not named are kept for ever.
        org: the organization's number.
        queues: the Qs.
    """
    before = {(reach.queue, reach.data_type): reach.before for reach in found}
    keys = [(queue, data_type) for queue in queues for data_type in DataType]
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: for each key its own stretch of that index, and nothing of the table itself
        cursor.execute(
            """
            SELECT r.queue_id, r.data_type, cells.* FROM unnest(%s::int[], %s::text[], %s::date[])
                AS r (queue_id, data_type, before)
            CROSS JOIN LATERAL (
                SELECT sum(c.items)::bigint, sum(c.bytes)::bigint, min(c.day), max(c.day),
                    coalesce(sum(c.items) FILTER (WHERE c.day < r.before), 0)::bigint,
                    coalesce(sum(c.bytes) FILTER (WHERE c.day < r.before), 0)::bigint,
                    min(c.day) FILTER (WHERE c.day < r.before), max(c.day) FILTER (WHERE c.day < r.before)
                FROM catalog_cell c
                WHERE c.org_id = %s AND c.queue_id = r.queue_id AND c.data_type = r.data_type
                HAVING count(*) > 0) cells
            """,
            [
                [queue for queue, _data_type in keys],
                [str(data_type) for _queue, data_type in keys],
                [before.get(key, date.min) for key in keys],
                org,
            ],
        )
        rows = cursor.fetchall()
    stored = {(queue, DataType(data_type)): Amount(*sums[:4]) for queue, data_type, *sums in rows}
    due = {(queue, DataType(data_type)): Amount(*sums[4:]) for queue, data_type, *sums in rows if sums[4]}
    return stored, due


def by_data_type(amounts: Iterable[tuple[DataType, Amount]]) -> dict[DataType, Amount]:
    """Add up amounts of whatever Qs by data type; all four are named."""
    found = {data_type: Amount() for data_type in DataType}
    for data_type, amount in amounts:
        found[data_type].add(amount)
    return found


def preview(*, org: int, on: date) -> dict[DataType, Amount]:
    """Add up what the night of a date would take as things stand, by data type.

    Args:
        org: the organization's number.
        on: org-local date of the night, also one to come.
    """
    queues = Queue.objects.filter(org_id=org).values_list("id", flat=True)
    due = due_amounts(org=org, jobs=jobs_in_force(org=org), queues=queues, on=on)
    return by_data_type((data_type, amount) for (_queue, data_type), amount in due.items())

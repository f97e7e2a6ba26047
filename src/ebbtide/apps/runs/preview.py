"""What a night would take, and what is stored: read from the cells, without a plan being stored.

Every function expects an open transaction in the organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connections
from django.db.models import Min, Sum

from ebbtide.apps.catalog.models import Cell as CellRow
from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.wiring import cell_catalog
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.engine.simulate import plan_cells, reaches


@dataclass(slots=True)
class Amount:
    """Items and bytes of one data type, and the span of their days (None where there are none)."""

    items: int = 0
    bytes: int = 0
    oldest: date | None = None
    newest: date | None = None


def preview(*, org: int, on: date) -> dict[DataType, Amount]:
    """Work out what the night of a date would take as things stand, by the code that makes plans.

    Args:
        org: the organization's number.
        on: org-local date of the night, also one to come.
    """
    found = {data_type: Amount() for data_type in DataType}
    queues = list(Queue.objects.filter(org_id=org).values_list("id", flat=True))
    for planned in plan_cells(cell_catalog(org, using=WEB), jobs=jobs(org=org), queues=queues, on=on):
        cell, amount = planned.cell, found[planned.cell.data_type]
        amount.items += cell.items
        amount.bytes += cell.bytes
        amount.oldest = amount.oldest or cell.day  # cells come oldest first
        amount.newest = cell.day
    return found


def stored(*, org: int) -> dict[DataType, Amount]:
    """Add up what is there, by data type, with its oldest day."""
    found = {data_type: Amount() for data_type in DataType}
    sums = CellRow.objects.filter(org_id=org).values_list("data_type")
    for name, items, size, oldest in sums.annotate(n=Sum("items"), size=Sum("bytes"), oldest=Min("day")):
        found[DataType(name)] = Amount(items, size, oldest)
    return found


def due_amounts(*, org: int, jobs: Sequence[Job], on: date) -> dict[tuple[int, DataType], Amount]:
    """TEMPORARY: replaced by the one of branch home."""
    queues = list(Queue.objects.filter(org_id=org).values_list("id", flat=True))
    wanted = reaches(jobs, queues=queues, on=on)
    if not wanted:
        return {}
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT c.queue_id, c.data_type, sum(c.items)::bigint, sum(c.bytes)::bigint, min(c.day), max(c.day)
            FROM catalog_cell c
            JOIN unnest(%s::int[], %s::text[], %s::date[]) AS r (queue_id, data_type, before)
                ON r.queue_id = c.queue_id AND r.data_type = c.data_type AND c.day < r.before
            WHERE c.org_id = %s AND c.day < %s GROUP BY 1, 2
            """,
            [
                [reach.queue for reach in wanted],
                [str(reach.data_type) for reach in wanted],
                [reach.before for reach in wanted],
                org,
                max(reach.before for reach in wanted),
            ],
        )
        return {(q, DataType(t)): Amount(n, b, o, w) for q, t, n, b, o, w in cursor.fetchall()}

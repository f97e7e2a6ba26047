"""What a night would take, and what is stored: read from the cells, without a plan being stored.

Every function expects an open transaction in the organization.
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import Min, Sum

from ebbtide.apps.catalog.models import Cell as CellRow
from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.wiring import cell_catalog
from ebbtide.domain.cell import DataType
from ebbtide.engine.simulate import plan_cells


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

"""What there is to see of queues and cells. Every function expects an open transaction in the organization."""

from collections.abc import Iterable, Iterator
from datetime import date

from django.db import connections
from django.db.models import Sum

from ebbtide.apps.catalog.models import Cell as CellRow
from ebbtide.apps.catalog.models import PurgedLine, Queue
from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.cell import Amount, Cell, DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import looks_like, not_found, parse_id


def queues(*, org: int, using: str = WEB) -> list[Queue]:
    """Give all queues by name, archived ones too."""
    return list(Queue.objects.using(using).filter(org_id=org).order_by("name"))


def find_queues(texts: Iterable[str], *, org: int) -> list[Queue]:
    """Find queues by id or name.

    Raises:
        NotYours: one of them is not there, or is another organization's: said alike.
        InputInvalid: none was given.
    """
    wanted = list(dict.fromkeys(text.strip() for text in texts))
    if not wanted or not all(wanted):
        raise InputInvalid("Name at least one Q.", field="queue")
    by_name = {queue.name: queue for queue in queues(org=org)}
    by_id = {queue.id: queue for queue in by_name.values()}
    found = []
    for text in wanted:
        queue = by_name.get(text) or (by_id.get(parse_id("que", text)) if looks_like("que", text) else None)
        if queue is None:
            raise not_found("que", text)
        found.append(queue)
    return found


def cells(*, org: int, before: date | None = None) -> Iterator[Cell]:
    """Stream cells in plan order: day, data type, queue."""
    rows = CellRow.objects.filter(org_id=org)
    if before is not None:
        rows = rows.filter(day__lt=before)
    values = rows.order_by("day", "data_type", "queue_id").values_list("day", "data_type", "queue_id", "items", "bytes")
    for day, data_type, queue, items, size in values.iterator(chunk_size=5_000):
        yield Cell(day, DataType(data_type), queue, items, size)


def population(*, org: int) -> int:
    """Count the organization's items, of all data types."""
    return sum(held.items for held in storage(org=org).values())


def inflow(*, org: int, since: date, until: date) -> dict[tuple[int, DataType], Amount]:
    """Add up what is there of some days by (queue, data type).

    Args:
        org: the organization's number.
        since: the first day.
        until: the day after the last one.
    """
    # leans on catalog_cell's key (org, day, data_type, queue)
    rows = CellRow.objects.filter(org_id=org, day__gte=since, day__lt=until).values_list("queue_id", "data_type")
    sums = rows.annotate(n=Sum("items"), size=Sum("bytes"))
    return {(queue, DataType(data_type)): Amount(items, size) for queue, data_type, items, size in sums}


HeldDay = tuple[DataType, date, Amount]
"""What is held of a data type and day, whatever the Q."""


def held_by_day(*, org: int) -> list[HeldDay]:
    """Give what is there by data type and day; a day of which nothing is left is not named."""
    with connections[WEB].cursor() as cursor:
        # leans on catalog_tally's key, in its order
        cursor.execute(
            "SELECT data_type, day, sum(items)::bigint, sum(bytes)::bigint FROM catalog_tally WHERE org_id = %s "
            "GROUP BY data_type, day HAVING sum(items) > 0",
            [org],
        )
        rows = cursor.fetchall()
    return [(DataType(kind), day, Amount(items, size)) for kind, day, items, size in rows]


def storage(*, org: int) -> dict[DataType, Amount]:
    """Add up items and bytes by data type."""
    with connections[WEB].cursor() as cursor:
        # leans on catalog_tally's key, which carries the counts
        cursor.execute(
            "SELECT data_type, sum(items)::bigint, sum(bytes)::bigint FROM catalog_tally WHERE org_id = %s "
            "GROUP BY data_type",
            [org],
        )
        found = {DataType(data_type): Amount(items, size) for data_type, items, size in cursor.fetchall()}
    return {data_type: found.get(data_type, Amount()) for data_type in DataType}


def purged_lines(*, org: int) -> dict[tuple[int, DataType], date]:
    """Give up to where each (queue, data type) has been purged: the first day that has not."""
    rows = PurgedLine.objects.filter(org_id=org).values_list("queue_id", "data_type", "before")
    return {(queue, DataType(data_type)): before for queue, data_type, before in rows}

"""A plan's cells, one a row: page by page, narrowed, sorted, and as a stream of them all.

A line of a plan holds the queues of one day and data type side by side, and one line can hold hundreds; so pages are
cut behind a cell, by (day, data type, queue), and never hold more than they show. Every function expects an open
transaction in the organization.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.models import Plan
from ebbtide.apps.runs.tables import PLAN
from ebbtide.domain.cell import DataType
from ebbtide.web.context.runs import PlanCellLine, PlanFilter
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.listing import Asked, Cut, Listing, list_cut

_SORTED = {"day": "", "days": "u.days", "items": "u.items", "bytes": "u.bytes"}
"""What comes before (day, data type, queue) in a column's order; nothing for a plan's own order."""
_KINDS = {"": "", "u.days": "integer", "u.items": "bigint", "u.bytes": "bigint"}
_FETCH_ROWS = 5_000

_CELLS = """
    SELECT l.day, l.data_type, u.queue, u.job, u.days, u.items, u.bytes
    FROM runs_planline l, unnest(l.queues, l.jobs, l.days, l.items, l.bytes) AS u (queue, job, days, items, bytes)
    WHERE l.org_id = %(org)s AND l.plan_id = %(plan)s
        AND (%(queue)s::int IS NULL OR u.queue = %(queue)s)
        AND (%(type)s::text IS NULL OR l.data_type = %(type)s)
        AND (%(since)s::date IS NULL OR l.day >= %(since)s)
        AND (%(until)s::date IS NULL OR l.day <= %(until)s)
"""


Row = tuple[date, str, int, int, int, int, int]
"""Day, data type, queue, job, its period in days, items, bytes."""


@dataclass(frozen=True, slots=True)
class Names:
    """What turns numbers into lines: the Qs, and the jobs as they were when the plan was made."""

    queues: Mapping[int, QueueLine]
    jobs: Mapping[int, JobLine]

    def line(self, row: Row) -> PlanCellLine:
        """Write a row as a line."""
        day, data_type, queue, job, days, items, size = row
        return PlanCellLine(
            day=day,
            data_type=DataType(data_type),
            queue=self.queues[queue],
            job=replace(self.jobs[job], days=days),
            items=items,
            bytes=size,
        )


def list_cells(plan: Plan, *, narrowed: PlanFilter, asked: Asked, names: Names) -> Listing[PlanCellLine]:
    """Give a page of a plan's cells.

    Raises:
        InputInvalid: the page's key is not one of this table's.
    """

    def give(cut: Cut) -> list[PlanCellLine]:
        first = _SORTED[cut.column]
        statement, values = _CELLS, _values(plan, narrowed=narrowed)
        if cut.beyond is not None:
            value, day, data_type, queue = cut.beyond
            sign = "<" if cut.descending else ">"
            kind = _KINDS[first]
            key = "l.day, l.data_type, u.queue"
            mark = "%(at_day)s::date, %(at_type)s::text, %(at_queue)s::integer"
            if first:
                key, mark = f"{first}, {key}", f"%(at)s::{kind}, {mark}"
            else:  # the index finds the line; the comparison of the whole key finds the cell within it
                statement += f" AND (l.day, l.data_type) {sign}= (%(at_day)s::date, %(at_type)s::text)"
            statement += f" AND ({key}) {sign} ({mark})"
            values |= {"at": int(value), "at_day": day, "at_type": data_type, "at_queue": int(queue)}
        with connections[WEB].cursor() as cursor:
            cursor.execute(
                f"{statement} {_order(first, descending=cut.descending)} LIMIT %(limit)s",
                values | {"limit": cut.limit},
            )
            return [names.line(row) for row in cursor.fetchall()]

    return list_cut(PLAN, asked=asked, parts=4, give=give, cursor_of=_cursor_of)


def _cursor_of(line: PlanCellLine, column: str) -> Sequence[object]:
    value = {"days": line.job.days, "items": line.items, "bytes": line.bytes}.get(column, 0)
    return value, line.day, line.data_type, line.queue.id


def every_cell(plan: Plan, *, narrowed: PlanFilter, sort: str, names: Names) -> Iterator[PlanCellLine]:
    """Stream all cells asked for; memory stays flat whatever the plan names.

    Args:
        plan: the plan.
        narrowed: which cells.
        sort: the column's name, with a `-` in front where the greatest comes first.
        names: turns numbers into lines.
    """
    order = _order(_SORTED[sort.removeprefix("-")], descending=sort.startswith("-"))
    with connections[WEB].chunked_cursor() as cursor:
        cursor.cursor.itersize = _FETCH_ROWS
        cursor.execute(f"{_CELLS} {order}", _values(plan, narrowed=narrowed))
        for row in cursor:
            yield names.line(row)


def _values(plan: Plan, *, narrowed: PlanFilter) -> dict[str, Any]:
    return {
        "org": plan.org_id,
        "plan": plan.id,
        "queue": narrowed.queue,
        "type": narrowed.data_type or None,
        "since": narrowed.since,
        "until": narrowed.until,
    }


def _order(first: str, *, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    keys = [*([first] if first else []), "l.day", "l.data_type", "u.queue"]
    return "ORDER BY " + ", ".join(f"{key} {direction}" for key in keys)

"""The effective-retention matrix: for each Q and data type how long it is kept, by which job, and what is there.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext_lazy

from ebbtide.apps.policies.pages import QueueLines, job_line
from ebbtide.apps.runs.preview import Amount, Amounts, stored_and_due
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.domain.verdict import Retention
from ebbtide.engine.ports import Reach
from ebbtide.web.context.home import MatrixCell, MatrixRow
from ebbtide.web.context.shared import JobLine
from ebbtide.web.listing import Asked, Column, Listing, Table, list_rows, sorted_rows
from ebbtide.web.templatetags.ebbtide import DATA_TYPES


def _days(kind: DataType) -> Column[MatrixRow]:
    def value(row: MatrixRow) -> int | None:
        job = row.cells[_PLACES[kind]].job
        return None if job is None else job.days

    return Column(name=str(kind), label=DATA_TYPES[kind], value=value)


_PLACES = {kind: place for place, kind in enumerate(DataType)}
MATRIX: Table[MatrixRow] = Table(
    name="matrix",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: (row.queue.archived, row.queue.name.casefold())),
        *(_days(kind) for kind in DataType),
    ),
    sort="q",
    text=lambda row: row.queue.name,
    row_key=lambda row: row.queue.id,
    size=10,
)


@dataclass(frozen=True, slots=True)
class CellRow:
    """A row of the CSV: one (Q, data type)."""

    row: MatrixRow
    cell: MatrixCell


MATRIX_CSV: Table[CellRow] = Table(
    name="matrix",
    columns=(
        Column(name="q", label="", value=lambda one: one.row.queue.name),
        Column(name="q_id", label="", value=lambda one: public_id("que", one.row.queue.id)),
        Column(name="archived", label="", value=lambda one: "yes" if one.row.queue.archived else "no"),
        Column(name="data_type", label="", value=lambda one: str(one.cell.data_type)),
        Column(name="days", label="", value=lambda one: one.cell.job.days if one.cell.job else None),
        Column(name="decided_by", label="", value=lambda one: _job_id(one.cell.job)),
        Column(name="stored_items", label="", value=lambda one: one.cell.items),
        Column(name="stored_bytes", label="", value=lambda one: one.cell.bytes),
        Column(name="tonight_items", label="", value=lambda one: one.cell.due_items),
        Column(name="tonight_bytes", label="", value=lambda one: one.cell.due_bytes),
    ),
    sort="q",
)


def _job_id(job: JobLine | None) -> str | None:
    return None if job is None or job.id is None else public_id("job", job.id)


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decides where, on the night looked at.

    Attributes:
        on: org-local date of that night.
        jobs: the jobs in force.
        queues: every Q.
        retention: the deciding job of each (Q, data type).
        reaches: how far each is kept.
    """

    on: date
    jobs: list[Job]
    queues: QueueLines
    retention: Retention
    reaches: list[Reach]


def matrix(decided: Decided, *, org: int, asked: Asked) -> Listing[MatrixRow]:
    """Give a page of the matrix; amounts are added up for the Qs of that page alone."""
    listing = list_rows(MATRIX, _rows(decided), asked=asked)
    shown = {row.queue.id for row in listing.rows}
    rows = _with_amounts(listing.rows, decided=decided, shown=shown, org=org)
    return replace(listing, rows=rows)


def matrix_cells(decided: Decided, *, org: int, asked: Asked) -> Iterator[CellRow]:
    """Give all that is searched for, in the order asked for, a (Q, data type) at a time."""
    found = sorted_rows(MATRIX, _rows(decided), asked=asked)
    shown = {row.queue.id for row in found}
    for row in _with_amounts(tuple(found), decided=decided, shown=shown, org=org):
        for cell in row.cells:
            yield CellRow(row, cell)


def _rows(decided: Decided) -> list[MatrixRow]:
    lines = {job.id: job_line(job, queues=decided.queues) for job in decided.jobs}

    def cell(queue: int, kind: DataType) -> MatrixCell:
        job = decided.retention.get((queue, kind))
        return MatrixCell(data_type=kind, job=None if job is None else lines[job.id])

    return [
        MatrixRow(queue=queue, cells=tuple(cell(number, kind) for kind in DataType))
        for number, queue in decided.queues.items()
    ]


def _with_amounts(rows: tuple[MatrixRow, ...], *, decided: Decided, shown: set[int], org: int) -> tuple[MatrixRow, ...]:
    reaches = [reach for reach in decided.reaches if reach.queue in shown]
    stored, due = stored_and_due(reaches, org=org, queues=sorted(shown))
    return tuple(
        replace(row, cells=tuple(_filled(cell, queue=row.queue.id, stored=stored, due=due) for cell in row.cells))
        for row in rows
    )


def _filled(cell: MatrixCell, *, queue: int, stored: Amounts, due: Amounts) -> MatrixCell:
    there, goes = _of(stored, queue, cell.data_type), _of(due, queue, cell.data_type)
    return replace(cell, items=there.items, bytes=there.bytes, due_items=goes.items, due_bytes=goes.bytes)


def _of(amounts: Mapping[tuple[int, DataType], Amount], queue: int, kind: DataType) -> Amount:
    return amounts.get((queue, kind)) or Amount()

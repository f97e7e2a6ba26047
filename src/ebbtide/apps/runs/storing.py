"""What is stored, by Q. Every function expects an open transaction in the organization."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.runs.preview import Amount, stored_amounts
from ebbtide.domain.cell import DataType
from ebbtide.web.context.kept import StoragePage, StoredCell, StoredRow
from ebbtide.web.listing import Asked, Column, Table, list_rows
from ebbtide.web.templatetags.ebbtide import DATA_TYPES


def _column(place: int, kind: DataType) -> Column[StoredRow]:
    def value(row: StoredRow) -> int:
        return row.cells[place].bytes

    return Column(name=f"{kind}_bytes", label=DATA_TYPES[kind], value=value, number=True)


STORED: Table[StoredRow] = Table(
    name="storage",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name),
        *(_column(place, kind) for place, kind in enumerate(DataType)),
        Column(name="items", label=gettext_lazy("Items"), value=lambda row: row.items, number=True),
        Column(name="bytes", label=gettext_lazy("All together"), value=lambda row: row.bytes, number=True),
        Column(name="oldest", label=gettext_lazy("Oldest day"), value=lambda row: row.oldest, number=True),
    ),
    sort="-bytes",
    text=lambda row: row.queue.name,
    row_key=lambda row: row.queue.id,
)


def stored_rows(*, org: int) -> list[StoredRow]:
    """Add up what every Q holds, also those that hold nothing."""
    queues = queue_lines(org=org)
    amounts = stored_amounts(org=org, queues=queues)
    whole = sum(one.bytes for one in amounts.values())

    def row(number: int) -> StoredRow:
        found = [amounts.get((number, kind)) or Amount() for kind in DataType]
        sums = Amount()
        for one in found:
            sums.add(one)
        return StoredRow(
            queue=queues[number],
            cells=tuple(
                StoredCell(data_type=kind, items=one.items, bytes=one.bytes)
                for kind, one in zip(DataType, found, strict=True)
            ),
            items=sums.items,
            bytes=sums.bytes,
            percent=sums.bytes * 100 / whole if whole else 0.0,
            oldest=sums.oldest,
        )

    return [row(number) for number in queues]


def storage_page(rows: Sequence[StoredRow], *, asked: Asked) -> StoragePage:
    """Give a page of them, with the sums of all."""
    return StoragePage(
        listing=list_rows(STORED, rows, asked=asked),
        cells=tuple(
            StoredCell(
                data_type=kind,
                items=sum(row.cells[place].items for row in rows),
                bytes=sum(row.cells[place].bytes for row in rows),
            )
            for place, kind in enumerate(DataType)
        ),
        items=sum(row.items for row in rows),
        bytes=sum(row.bytes for row in rows),
    )

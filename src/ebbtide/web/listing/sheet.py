"""A whole table for a spreadsheet."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from django.http import StreamingHttpResponse

from ebbtide.web.listing.shapes import Row, Table
from ebbtide.web.spreadsheet import csv_lines


def csv_answer(table: Table[Row], rows: Iterable[Row], *, name: str) -> StreamingHttpResponse:
    """Answer with a whole table for a spreadsheet.

    Args:
        table: its columns head the file.
        rows: all of them; a generator that reads the database opens its own transaction.
        name: of the file, without its ending; ours, never a person's words.
    """

    def written() -> Iterator[Sequence[object]]:
        yield [column.name.replace("_", " ") for column in table.columns]
        for row in rows:
            yield [_written(column.value(row)) for column in table.columns]

    return StreamingHttpResponse(
        csv_lines(written()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _written(value: object) -> object:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date | datetime) else value

"""Tables that the database sorts and cuts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import FieldError, ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet

from ebbtide.web.listing.address import bad_cursor, page_of, read_cursor, sorting, written_cursor
from ebbtide.web.listing.shapes import Asked, Listing, Row, Table

M = TypeVar("M", bound=Model)
_CHUNK = 2_000


def list_query(
    table: Table[Row], query: QuerySet[M], *, asked: Asked, lines: Callable[[Sequence[M]], Sequence[Row]]
) -> Listing[Row]:
    """Give a page of what the database sorts and cuts; expects an open transaction.

    Args:
        table: each sortable column with its `field`.
        query: all rows that may be seen, with the page's own filters.
        asked: what is asked for.
        lines: turns rows of the database into rows of the table, a page at once.

    Raises:
        InputInvalid: the page's key is not one of this table's.
    """
    query, fields = _ordered(table, query, asked=asked)
    cursor = asked.after or asked.before
    backwards = bool(asked.before)
    if cursor:
        query = _beyond(query, fields=fields, values=read_cursor(cursor, count=len(fields)), backwards=backwards)
    if backwards:
        query = query.reverse()
    try:
        found = list(query[: table.size + 1])
    except (ValidationError, ValueError, TypeError, FieldError, DataError) as exc:
        if not cursor:  # nobody's question: a fault of ours must surface as such
            raise
        raise bad_cursor() from exc
    more = len(found) > table.size
    found = found[: table.size][:: -1 if backwards else 1]

    def cursor_of(row: M) -> str:
        return written_cursor([_read(row, field.lstrip("-")) for field in fields])

    has_previous, has_next = (more, True) if backwards else (bool(asked.after), more)
    return page_of(
        table,
        lines(found),
        asked=asked,
        previous=cursor_of(found[0]) if found and has_previous else "",
        next_=cursor_of(found[-1]) if found and has_next else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which rows a statement of one's own has to give.

    Attributes:
        column: the column's name to sort by, then by the row's key in the same direction.
        down: whether the greatest comes first.
        beyond: the cursor of the row they lie beyond, as `cursor_of` gave it; None from the first on.
        backwards: whether they lie before that row and come nearest first.
        limit: at most so many.
    """

    column: str
    down: bool
    beyond: tuple[str, ...] | None
    backwards: bool
    limit: int

    @property
    def descending(self) -> bool:
        """The direction in which the statement sorts."""
        return self.down != self.backwards


def list_cut(
    table: Table[Row],
    *,
    asked: Asked,
    parts: int,
    give: Callable[[Cut], Sequence[Row]],
    cursor_of: Callable[[Row, str], Sequence[object]],
) -> Listing[Row]:
    """Give a page of rows that a statement of one's own sorts and cuts, where no model's rows are the table's.

    Args:
        table: what is shown.
        asked: what is asked for.
        parts: how many values a cursor has.
        give: runs the statement.
        cursor_of: gives a row's cursor, for the column sorted by.

    Raises:
        InputInvalid: the page's key is not one of this table's.
    """
    column, down = sorting(table, asked.sort or table.sort)
    cursor, backwards = asked.after or asked.before, bool(asked.before)
    beyond = tuple(read_cursor(cursor, count=parts)) if cursor else None
    try:
        found = list(give(Cut(column=column.name, down=down, beyond=beyond, backwards=backwards, limit=table.size + 1)))
    except (DataError, ValueError) as exc:
        raise bad_cursor() from exc
    more = len(found) > table.size
    found = found[: table.size][:: -1 if backwards else 1]

    def written(row: Row) -> str:
        return written_cursor([str(value) for value in cursor_of(row, column.name)])

    has_previous, has_next = (more, True) if backwards else (bool(asked.after), more)
    return page_of(
        table,
        found,
        asked=asked,
        previous=written(found[0]) if found and has_previous else "",
        next_=written(found[-1]) if found and has_next else "",
    )


def every_row(
    table: Table[Row], query: QuerySet[M], *, asked: Asked, lines: Callable[[Sequence[M]], Sequence[Row]]
) -> Iterator[Row]:
    """Stream all rows that are searched for, in the order asked for; expects a transaction open to its end."""
    query, _fields = _ordered(table, query, asked=asked)
    chunk: list[M] = []
    for row in query.iterator(chunk_size=_CHUNK):
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield from lines(chunk)
            chunk = []
    yield from lines(chunk)


def _ordered(table: Table[Row], query: QuerySet[M], *, asked: Asked) -> tuple[QuerySet[M], tuple[str, ...]]:
    if asked.find:
        wanted = Q()
        for field in table.fields:
            wanted |= Q(**{f"{field}__icontains": asked.find})
        query = query.filter(wanted)
    column, down = sorting(table, asked.sort or table.sort)
    sign = "-" if down else ""
    fields = (
        (f"{sign}{column.field}",) if column.field == table.key else (f"{sign}{column.field}", f"{sign}{table.key}")
    )
    return query.order_by(*fields), fields


def _beyond(query: QuerySet[M], *, fields: Sequence[str], values: Sequence[object], backwards: bool) -> QuerySet[M]:
    """Keep what comes after (or before) a row: by the first field, and among equals by the key."""
    down = fields[0].startswith("-")
    ahead = "lt" if down != backwards else "gt"
    names = [field.lstrip("-") for field in fields]
    wanted = Q(**{f"{names[0]}__{ahead}": values[0]})
    if len(names) > 1:
        wanted |= Q(**{names[0]: values[0], f"{names[1]}__{ahead}": values[1]})
    try:
        return query.filter(wanted)
    except (ValidationError, ValueError, TypeError) as exc:
        raise bad_cursor() from exc


def _read(row: Model, path: str) -> str:
    found: Any = row
    for part in path.split("__"):
        found = getattr(found, part)
    return str(found)

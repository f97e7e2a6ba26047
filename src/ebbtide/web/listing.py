"""Tables that people sort, search, page through and take away as CSV: one way for all of them.

A `Table` says once what its columns are; `list_rows` (what is in memory) or `list_query` (what the database sorts and
cuts) turns it and what was asked for into a `Listing`, which templates draw with `components/listing_*.html`.

Pages are cut by key, not by offset: a row that comes in while somebody reads moves nothing, and the hundredth page
costs what the first does. What is asked for stands in the address (`runs.sort=-night&runs.after=…`), with the table's
name in front, so that several tables share a page, and a view can be bookmarked and works without scripts.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldError, ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict, StreamingHttpResponse
from django.utils.functional import Promise

from ebbtide.domain.errors import InputInvalid
from ebbtide.web.spreadsheet import csv_lines

Row = TypeVar("Row")
Shown = TypeVar("Shown")
M = TypeVar("M", bound=Model)
Text = str | Promise

PAGE = 50
"""Rows a page, unless a table says otherwise."""
_FIND_LENGTH = 200
_CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """A column.

    Attributes:
        name: as in the address and at the head of the CSV.
        label: as people read it.
        value: a row's exact value: whole numbers, ISO dates, words; CSV and sorting in memory go by it.
        field: the database's field or annotation to sort by, never null; empty where the database cannot.
        number: whether it is set to the right.
        sortable: whether people may sort by it.
    """

    name: str
    label: Text
    value: Callable[[Row], object]
    field: str = ""
    number: bool = False
    sortable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Row]):
    """What a table is, whatever it holds at the moment.

    Attributes:
        name: short, unique on its page; names the parameters and the element (`list-NAME`).
        columns: from left to right.
        sort: a column's name, with a `-` in front where the greatest comes first.
        text: what is searched of a row in memory; None where there is no search.
        fields: what the database searches, one of them has to contain what is asked; empty where there is no search.
        key: the database's unique field that breaks ties.
        row_key: what a row in memory is known by from one request to the next.
        size: rows a page.
    """

    name: str
    columns: tuple[Column[Row], ...]
    sort: str
    text: Callable[[Row], str] | None = None
    fields: tuple[str, ...] = ()
    key: str = "id"
    row_key: Callable[[Row], object] = repr
    size: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks of one table.

    Attributes:
        sort: column and direction; empty for the table's own.
        find: words to search for; empty for none.
        after, before: cursor of the row the page begins behind, or ends before; one of them at most.
        csv: whether the whole table is wanted as CSV.
        rest: the address's other parameters, which stay as they are.
    """

    sort: str = ""
    find: str = ""
    after: str = ""
    before: str = ""
    csv: bool = False
    rest: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A column's head: `query` sorts by it; `sorted` is `ascending`, `descending` or empty."""

    name: str
    label: Text
    number: bool
    query: str
    sorted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """A page of a table, as templates draw it.

    Attributes:
        name: of the table.
        heads: of its columns.
        rows: of this page.
        find: what was searched for.
        searchable: whether a search box is to be shown.
        previous, next: queries of the pages on either side; empty where there is none.
        csv: the query that gives the whole table.
        kept: parameters a search form has to carry along.
        total: rows in all, where that is known.
    """

    name: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    find: str
    searchable: bool
    previous: str
    next: str
    csv: str
    kept: tuple[tuple[str, str], ...]
    total: int | None = None


def asked_of(query: QueryDict, *, table: Table[Row]) -> Asked:
    """Read what is asked of a table from an address.

    Raises:
        InputInvalid: there is no such column, the search is too long, or both pages are asked for.
    """
    own = {name: f"{table.name}.{name}" for name in ("sort", "find", "after", "before")}
    given = {name: query.get(parameter, "").strip() for name, parameter in own.items()}
    if given["sort"]:
        _column(table, given["sort"])
    if len(given["find"]) > _FIND_LENGTH or "\0" in given["find"]:
        raise InputInvalid(f"Search for at most {_FIND_LENGTH} characters.", field=own["find"])
    if given["after"] and given["before"]:
        raise InputInvalid("Ask for the rows after one, or before one, not both.", field=own["before"])
    rest = tuple(
        (name, value)
        for name, values in query.lists()
        if name not in {*own.values(), "csv"}
        for value in values
        if isinstance(value, str)
    )
    return Asked(**given, csv=query.get("csv") == table.name, rest=rest)


def list_rows(table: Table[Row], rows: Iterable[Row], *, asked: Asked) -> Listing[Row]:
    """Give a page of what is in memory."""
    found = sorted_rows(table, rows, asked=asked)
    keys = [_digest(table.row_key(row)) for row in found]
    first = 0
    if asked.after or asked.before:
        try:
            place = keys.index(asked.after or asked.before)
        except ValueError as exc:
            raise _bad_cursor() from exc
        first = place + 1 if asked.after else max(0, place - table.size)
    shown = found[first : first + table.size]
    last = first + len(shown) - 1
    return _listing(
        table,
        shown,
        asked=asked,
        previous=keys[first] if first else "",
        next_=keys[last] if last + 1 < len(found) else "",
        total=len(found),
    )


def shown_as(listing: Listing[Row], *, line: Callable[[Row], Shown]) -> Listing[Shown]:
    """Give the same page with other rows: what thousands are sorted as can be slighter than what a page shows."""
    return Listing(
        name=listing.name,
        heads=listing.heads,
        rows=tuple(line(row) for row in listing.rows),
        find=listing.find,
        searchable=listing.searchable,
        previous=listing.previous,
        next=listing.next,
        csv=listing.csv,
        kept=listing.kept,
        total=listing.total,
    )


def sorted_rows(table: Table[Row], rows: Iterable[Row], *, asked: Asked) -> list[Row]:
    """Give all rows that are searched for, in the order asked for: what goes into the CSV."""
    found = list(rows)
    if asked.find and table.text is not None:
        words = asked.find.casefold().split()
        text = table.text
        found = [row for row in found if all(word in text(row).casefold() for word in words)]
    column, down = _column(table, asked.sort or table.sort)
    return sorted(found, key=lambda row: _comparable(column.value(row)), reverse=down)


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
        query = _beyond(query, fields=fields, values=_values(cursor, count=len(fields)), backwards=backwards)
    if backwards:
        query = query.reverse()
    try:
        found = list(query[: table.size + 1])
    except (ValidationError, ValueError, TypeError, FieldError, DataError) as exc:
        if not cursor:  # nobody's question: a fault of ours must surface as such
            raise
        raise _bad_cursor() from exc
    more = len(found) > table.size
    found = found[: table.size][:: -1 if backwards else 1]

    def cursor_of(row: M) -> str:
        return _cursor([_read(row, field.lstrip("-")) for field in fields])

    has_previous, has_next = (more, True) if backwards else (bool(asked.after), more)
    return _listing(
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
    column, down = _column(table, asked.sort or table.sort)
    cursor, backwards = asked.after or asked.before, bool(asked.before)
    beyond = tuple(_values(cursor, count=parts)) if cursor else None
    try:
        found = list(give(Cut(column=column.name, down=down, beyond=beyond, backwards=backwards, limit=table.size + 1)))
    except (DataError, ValueError) as exc:
        raise _bad_cursor() from exc
    more = len(found) > table.size
    found = found[: table.size][:: -1 if backwards else 1]

    def written(row: Row) -> str:
        return _cursor([str(value) for value in cursor_of(row, column.name)])

    has_previous, has_next = (more, True) if backwards else (bool(asked.after), more)
    return _listing(
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


def _comparable(value: object) -> tuple[bool, Any]:
    """Make any two values of a column comparable: None is the greatest, words count whatever their case."""
    if value is None:
        return (True, 0)
    return (False, value.casefold() if isinstance(value, str) else value)


def _column(table: Table[Row], sort: str) -> tuple[Column[Row], bool]:
    down, name = sort.startswith("-"), sort.removeprefix("-")
    for column in table.columns:
        if column.name == name and column.sortable:
            return column, down
    raise InputInvalid(f"This table cannot be sorted by {name[:40]!r}.", field=f"{table.name}.sort")


def _ordered(table: Table[Row], query: QuerySet[M], *, asked: Asked) -> tuple[QuerySet[M], tuple[str, ...]]:
    if asked.find:
        wanted = Q()
        for field in table.fields:
            wanted |= Q(**{f"{field}__icontains": asked.find})
        query = query.filter(wanted)
    column, down = _column(table, asked.sort or table.sort)
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
        raise _bad_cursor() from exc


def _read(row: Model, path: str) -> str:
    found: Any = row
    for part in path.split("__"):
        found = getattr(found, part)
    return str(found)


def _cursor(values: Sequence[str]) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _values(cursor: str, *, count: int) -> list[str]:
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as exc:
        raise _bad_cursor() from exc
    if not isinstance(found, list) or len(found) != count or not all(isinstance(one, str) for one in found):
        raise _bad_cursor()
    if any("\0" in one for one in found):
        raise _bad_cursor()
    return found


def _digest(key: object) -> str:
    return hashlib.sha256(str(key).encode()).hexdigest()[:16]


def _bad_cursor() -> InputInvalid:
    return InputInvalid("This page of the table is not to be found: begin at its first page.", field="page")


def _listing(
    table: Table[Row], rows: Sequence[Row], *, asked: Asked, previous: str, next_: str, total: int | None = None
) -> Listing[Row]:
    def query(**changed: str) -> str:
        own = {"sort": asked.sort, "find": asked.find, **changed}
        pairs = [*asked.rest, *((f"{table.name}.{name}", value) for name, value in own.items() if value)]
        return _encoded(pairs)

    def head(column: Column[Row]) -> Head:
        current, down = _column(table, asked.sort or table.sort)
        here = current.name == column.name
        turned = f"-{column.name}" if here and not down else column.name
        return Head(
            name=column.name,
            label=column.label,
            number=column.number,
            query=query(sort=turned) if column.sortable else "",
            sorted=("descending" if down else "ascending") if here else "",
        )

    sort = ((f"{table.name}.sort", asked.sort),) if asked.sort else ()
    return Listing(
        name=table.name,
        heads=tuple(head(column) for column in table.columns),
        rows=tuple(rows),
        find=asked.find,
        searchable=table.text is not None or bool(table.fields),
        previous=query(before=previous) if previous else "",
        next=query(after=next_) if next_ else "",
        csv=query() + ("&" if query() else "") + _encoded([("csv", table.name)]),
        kept=(*asked.rest, *sort),
        total=total,
    )


def _encoded(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = QueryDict(mutable=True)
    for name, value in pairs:
        encoded.appendlist(name, value)
    return encoded.urlencode()

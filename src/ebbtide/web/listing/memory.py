"""Tables whose rows are in memory."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ebbtide.web.listing.address import bad_cursor, page_of, sorting
from ebbtide.web.listing.shapes import Asked, Listing, Row, Table

Shown = TypeVar("Shown")


def list_rows(table: Table[Row], rows: Iterable[Row], *, asked: Asked) -> Listing[Row]:
    """Give a page of what is in memory."""
    found = sorted_rows(table, rows, asked=asked)
    keys = [_digest(table.row_key(row)) for row in found]
    first = 0
    if asked.after or asked.before:
        try:
            place = keys.index(asked.after or asked.before)
        except ValueError as exc:
            raise bad_cursor() from exc
        first = place + 1 if asked.after else max(0, place - table.size)
    shown = found[first : first + table.size]
    last = first + len(shown) - 1
    return page_of(
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
    column, down = sorting(table, asked.sort or table.sort)
    return sorted(found, key=lambda row: _comparable(column.value(row)), reverse=down)


def _comparable(value: object) -> tuple[bool, Any]:
    """Make any two values of a column comparable: None is the greatest, words count whatever their case."""
    if value is None:
        return (True, 0)
    return (False, value.casefold() if isinstance(value, str) else value)


def _digest(key: object) -> str:
    return hashlib.sha256(str(key).encode()).hexdigest()[:16]

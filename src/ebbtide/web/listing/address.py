"""What stands in an address about a table: what is asked of it, and the keys that its pages are cut at."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence

from django.http import QueryDict

from ebbtide.domain.errors import InputInvalid
from ebbtide.web.listing.shapes import Asked, Column, Head, Listing, Row, Table

_FIND_LENGTH = 200


def asked_of(query: QueryDict, *, table: Table[Row]) -> Asked:
    """Read what is asked of a table from an address.

    Raises:
        InputInvalid: there is no such column, the search is too long, or both pages are asked for.
    """
    own = {name: f"{table.name}.{name}" for name in ("sort", "find", "after", "before")}
    given = {name: query.get(parameter, "").strip() for name, parameter in own.items()}
    if given["sort"]:
        sorting(table, given["sort"])
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


def sorting(table: Table[Row], sort: str) -> tuple[Column[Row], bool]:
    """Give the column to sort by, and whether the greatest comes first.

    Raises:
        InputInvalid: there is no such column, or it cannot be sorted by.
    """
    down, name = sort.startswith("-"), sort.removeprefix("-")
    for column in table.columns:
        if column.name == name and column.sortable:
            return column, down
    raise InputInvalid(f"This table cannot be sorted by {name[:40]!r}.", field=f"{table.name}.sort")


def written_cursor(values: Sequence[str]) -> str:
    """Write a row's key for an address."""
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, count: int) -> list[str]:
    """Read a key of so many values.

    Raises:
        InputInvalid: it is none of ours.
    """
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as exc:
        raise bad_cursor() from exc
    if not isinstance(found, list) or len(found) != count or not all(isinstance(one, str) for one in found):
        raise bad_cursor()
    if any("\0" in one for one in found):
        raise bad_cursor()
    return found


def bad_cursor() -> InputInvalid:
    """Make the refusal of a key that leads nowhere."""
    return InputInvalid("This page of the table is not to be found: begin at its first page.", field="page")


def page_of(
    table: Table[Row], rows: Sequence[Row], *, asked: Asked, previous: str, next_: str, total: int | None = None
) -> Listing[Row]:
    """Put a page together, with the addresses that lead on from it."""

    def query(**changed: str) -> str:
        own = {"sort": asked.sort, "find": asked.find, **changed}
        pairs = [*asked.rest, *((f"{table.name}.{name}", value) for name, value in own.items() if value)]
        return _encoded(pairs)

    def head(column: Column[Row]) -> Head:
        current, down = sorting(table, asked.sort or table.sort)
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


def query_after(table: Table[Row], *, asked: Asked, key: Sequence[str]) -> str:
    """Give the query of the page behind a key that is no row's: where a page had to end before its rows did."""
    return _led_on(table, asked, ("after", written_cursor(key)))


def query_before(table: Table[Row], *, asked: Asked, key: Sequence[str]) -> str:
    """Give the query of the page before such a key."""
    return _led_on(table, asked, ("before", written_cursor(key)))


def _led_on(table: Table[Row], asked: Asked, cursor: tuple[str, str]) -> str:
    own = (("sort", asked.sort), ("find", asked.find), cursor)
    return _encoded([*asked.rest, *((f"{table.name}.{name}", value) for name, value in own if value)])


def _encoded(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = QueryDict(mutable=True)
    for name, value in pairs:
        encoded.appendlist(name, value)
    return encoded.urlencode()

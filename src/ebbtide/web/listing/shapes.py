"""What a table is, what may be asked of it, and a page of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.utils.functional import Promise

Row = TypeVar("Row")
Text = str | Promise

PAGE = 50
"""Rows a page, unless a table says otherwise."""


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

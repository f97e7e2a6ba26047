"""Tables that people sort, search, page through and take away as CSV: one way for all of them.

A `Table` says once what its columns are; `list_rows` (what is in memory) or `list_query` (what the database sorts and
cuts) turns it and what was asked for into a `Listing`, which templates draw with `components/listing_*.html`.

Pages are cut by key, not by offset: a row that comes in while somebody reads moves nothing, and the hundredth page
costs what the first does. What is asked for stands in the address (`runs.sort=-night&runs.after=…`), with the table's
name in front, so that several tables share a page, and a view can be bookmarked and works without scripts.
"""

from ebbtide.web.listing.address import asked_of, query_after, query_before
from ebbtide.web.listing.database import Cut, every_row, list_cut, list_query
from ebbtide.web.listing.memory import list_rows, shown_as, sorted_rows
from ebbtide.web.listing.shapes import PAGE, Asked, Column, Head, Listing, Row, Table, Text
from ebbtide.web.listing.sheet import csv_answer

__all__ = [
    "PAGE",
    "Asked",
    "Column",
    "Cut",
    "Head",
    "Listing",
    "Row",
    "Table",
    "Text",
    "asked_of",
    "csv_answer",
    "every_row",
    "list_cut",
    "list_query",
    "list_rows",
    "query_after",
    "query_before",
    "shown_as",
    "sorted_rows",
]

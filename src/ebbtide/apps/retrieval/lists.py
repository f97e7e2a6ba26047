"""What every list shares: which cells it is of, and what a page of it says."""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.retrieval import answering, reading
from ebbtide.apps.retrieval.asked import Filters
from ebbtide.apps.retrieval.walking import Range
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid


def range_of(filters: Filters, *, types: Collection[DataType], org: int) -> Range:
    """Read which cells are wanted.

    Raises:
        NotYours: there is no such Q.
        InputInvalid: the range ends before it begins.
    """
    if filters.since is not None and filters.until is not None and filters.until < filters.since:
        raise InputInvalid("until lies before since: turn them round.", field="until")
    chosen = catalog.find_queues(filters.queue, org=org) if filters.queue else []
    return Range(
        org=org,
        types=types,
        queues=frozenset(one.id for one in chosen),
        since=filters.since,
        until=filters.until,
    )


def wanted_of(filters: Filters, *, types: Collection[DataType], org: int) -> reading.Wanted:
    """Read what is wanted of which cells; raises as `range_of` does."""
    return reading.Wanted(
        range=range_of(filters, types=types, org=org),
        agent=filters.agent,
        channel=filters.channel,
        outcome=filters.outcome,
        interaction=getattr(filters, "interaction", None),
        segment=getattr(filters, "segment", None),
    )


def page_of(request: HttpRequest, items: list[dict[str, Any]], *, place: Any, wanted: Range, queues: list[Any]) -> Any:
    """Give a page: its items, where the next one begins, and since when anything of each Q asked for is here."""
    shown = [one for one in queues if not wanted.queues or one.id in wanted.queues]
    lines = reading.purged_lines(org=wanted.org)
    return {
        "items": items,
        "next": answering.next_page(request, place),
        "retained_since": answering.retained(shown, lines=lines),
    }

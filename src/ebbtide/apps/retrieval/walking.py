"""Walking over the days of a range, oldest first, until a page is full.

Rows lie by day, and within a settled day by organization and Q, so a page costs what its own days cost, however far it
is: the cells say which days have anything, and as many of them are asked at once as fill a page. What is filtered by
agent stands in no index, for it can be personal; where it is rare, a walk looks through `ROWS_A_PAGE` rows and says
how far it came. Every function expects an open transaction in the organization.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, TypeVar

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.retrieval.asked import Place
from ebbtide.domain.cell import DataType

ROWS_A_PAGE = 200_000
"""Rows looked through for one page: some 200 ms where they lie in memory."""
_DAYS_AT_ONCE = 200
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which cells a walk goes through.

    Attributes:
        org: the organization's number.
        types: data types whose cells say where anything is.
        queues: numbers of Qs; empty for all.
        since, until: org-local days, both included; None for no limit.
    """

    org: int
    types: Collection[DataType]
    queues: frozenset[int]
    since: date | None
    until: date | None


@dataclass(slots=True)
class Walk(Generic[Found]):
    """A walk that fills one page.

    Attributes:
        range: which cells.
        ask: gives what is wanted of some days beyond a key of the first of them (an empty one: of all), in order of
            day and key, at most so many.
        place_of: gives the place of something found.
        looked: rows looked through, going by the cells.
    """

    range: Range
    ask: Callable[[Sequence[date], tuple[object, ...], int], Sequence[Found]]
    place_of: Callable[[Found], Place]
    looked: int = 0
    _days: list[date] = field(default_factory=list)

    def page(self, *, after: Place | None, limit: int) -> tuple[list[Found], Place | None]:
        """Fill a page; gives what is on it, and the place of the next one (None: there is none).

        Args:
            after: where it begins.
            limit: at most so many.
        """
        found: list[Found] = []
        for days, items in self._handfuls(after, size=limit):
            if self.looked >= ROWS_A_PAGE:
                return found, Place(self._days[-1], ())
            key = after.key if after is not None and days[0] == after.day else ()
            found += self.ask(days, key, limit + 1 - len(found))
            self.looked += items
            self._days = list(days)
            if len(found) > limit:
                return found[:limit], self.place_of(found[limit - 1])
        return found, None

    def _handfuls(self, after: Place | None, *, size: int) -> Iterator[tuple[list[date], int]]:
        """Cut the days that have anything into handfuls of about a page; one where a page ended comes alone."""
        held: list[date] = []
        items = 0
        for day, count in self._all_days(after):
            if held and items + count > size:
                yield held, items
                held, items = [], 0
            held.append(day)
            items += count
            if after is not None and day == after.day:
                yield held, items
                held, items = [], 0
        if held:
            yield held, items

    def _all_days(self, after: Place | None) -> Iterator[tuple[date, int]]:
        first = self.range.since
        beyond = None
        if after is not None and (first is None or after.day >= first):
            first = after.day
            beyond = None if after.key else after.day
        while True:
            with connections[WEB].cursor() as cursor:
                # leans on catalog_cell's key (org, day, data_type, queue)
                cursor.execute(
                    """
                    SELECT day, sum(items)::bigint FROM catalog_cell
                    WHERE org_id = %(org)s AND data_type = ANY (%(types)s)
                        AND (%(first)s::date IS NULL OR day >= %(first)s)
                        AND (%(beyond)s::date IS NULL OR day > %(beyond)s)
                        AND (%(last)s::date IS NULL OR day <= %(last)s)
                        AND (%(every)s OR queue_id = ANY (%(queues)s))
                    GROUP BY day ORDER BY day LIMIT %(limit)s
                    """,
                    {
                        "org": self.range.org,
                        "types": [str(one) for one in self.range.types],
                        "first": first,
                        "beyond": beyond,
                        "last": self.range.until,
                        "every": not self.range.queues,
                        "queues": sorted(self.range.queues),
                        "limit": _DAYS_AT_ONCE,
                    },
                )
                days = cursor.fetchall()
            yield from days
            if len(days) < _DAYS_AT_ONCE:
                return
            beyond = days[-1][0]

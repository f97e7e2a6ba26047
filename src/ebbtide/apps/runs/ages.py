"""How old what is stored is, by data type, and how much of it the next night takes: in bars of so many days.

Days before the earliest reach of a data type are due whole, whatever their Q; only the days between its reaches have to
be asked Q by Q. The database adds up by bar. What comes out is held against the plan by a property test.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connections

from ebbtide.apps.catalog.selectors import HeldDay, held_by_day
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.preview import Amount, by_data_type
from ebbtide.domain.cell import DataType
from ebbtide.engine.ports import Reach
from ebbtide.web.charts.ages import AgeBins, age_bins

ByBar = dict[tuple[DataType, int], Amount]

_BAR = "greatest(0, (%(on)s::date - day - 1) / %(width)s)"
"""The bar of a day in SQL, as `AgeBins.place` has it."""


@dataclass(frozen=True, slots=True)
class Ages:
    """What is stored, by age, as seen from one night.

    Attributes:
        on: org-local date of the night that ages are counted from.
        bins: the bars.
        stored: everything, by data type and bar; bars with nothing are not named.
        due: what that night takes of it.
    """

    on: date
    bins: AgeBins
    stored: ByBar
    due: ByBar

    def stored_by_type(self) -> dict[DataType, Amount]:
        """Add up what is there; all four data types are named."""
        return by_data_type((data_type, amount) for (data_type, _place), amount in self.stored.items())

    def due_by_type(self) -> dict[DataType, Amount]:
        """Add up what is due; all four data types are named."""
        return by_data_type((data_type, amount) for (data_type, _place), amount in self.due.items())


def ages(*, org: int, reaches: Sequence[Reach], queues: int, on: date, lines: list[int]) -> Ages:
    """Add up what is stored and what is due by age.

    Args:
        org: the organization's number.
        reaches: how far each (Q, data type) is kept, as a plan would have it.
        queues: how many Qs the organization has.
        on: org-local date of the night.
        lines: periods in days that are to be seen among the bars.
    """
    days = held_by_day(org=org)
    oldest = min((day for _kind, day, _held in days), default=on)
    bins = age_bins(max(0, (on - oldest).days), lines=lines)
    whole = _due_whole(reaches, queues=queues)
    stored, due = _stored(days, bins=bins, on=on, whole=whole)
    between = [reach for reach in reaches if reach.before > whole[DataType(reach.data_type)]]
    if between:
        for key, amount in _between(between, org=org, on=on, width=bins.width, whole=whole).items():
            due.setdefault(key, Amount()).add(amount)
    return Ages(on, bins, stored, due)


def _due_whole(reaches: Sequence[Reach], *, queues: int) -> dict[DataType, date]:
    """Say before which day everything of a data type is due, whatever its Q; none where a Q is not reached."""
    found: dict[DataType, list[date]] = {data_type: [] for data_type in DataType}
    for reach in reaches:
        found[DataType(reach.data_type)].append(reach.before)
    return {kind: min(days) if days and len(days) == queues else date.min for kind, days in found.items()}


def _stored(days: Iterable[HeldDay], *, bins: AgeBins, on: date, whole: dict[DataType, date]) -> tuple[ByBar, ByBar]:
    """Add up what is there by bar, and of that what lies before the days from which on all is due."""
    stored: ByBar = {}
    due: ByBar = {}
    for kind, day, held in days:
        key, amount = (kind, bins.place((on - day).days)), Amount(held.items, held.bytes, day, day)
        stored.setdefault(key, Amount()).add(amount)
        if day < whole[kind]:
            due.setdefault(key, Amount()).add(amount)
    return stored, due


def _between(reaches: Iterable[Reach], *, org: int, on: date, width: int, whole: dict[DataType, date]) -> ByBar:
    """Add up by bar what lies before its reach, from the day on before which everything is due anyway."""
    found = list(reaches)
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: for each reach its own stretch of that index, and nothing of the table itself;
        # added up reach by reach, or every cell of all of them would be sorted by bar
        cursor.execute(
            f"""
            SELECT r.data_type, one.bar, sum(one.items)::bigint, sum(one.bytes)::bigint,
                min(one.oldest), max(one.newest)
            FROM unnest(%(queues)s::int[], %(kinds)s::text[], %(whole)s::date[], %(before)s::date[])
                AS r (queue_id, data_type, whole, before)
            CROSS JOIN LATERAL (
                SELECT {_BAR} AS bar, sum(c.items) AS items, sum(c.bytes) AS bytes,
                    min(c.day) AS oldest, max(c.day) AS newest
                FROM catalog_cell c
                WHERE c.org_id = %(org)s AND c.queue_id = r.queue_id AND c.data_type = r.data_type
                    AND c.day >= r.whole AND c.day < r.before
                GROUP BY bar) AS one
            GROUP BY r.data_type, one.bar
            """,  # noqa: S608 - the bar's expression, written above
            {
                "org": org,
                "on": on,
                "width": width,
                "queues": [reach.queue for reach in found],
                "kinds": [str(reach.data_type) for reach in found],
                "whole": [whole[DataType(reach.data_type)] for reach in found],
                "before": [reach.before for reach in found],
            },
        )
        return {(DataType(name), bar): Amount(*sums) for name, bar, *sums in cursor.fetchall()}

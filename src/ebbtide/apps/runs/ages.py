"""How old what is stored is, by data type, and how much of it the next night takes: in bars of so many days.

Everything is added up by day first. Days before the earliest reach of a data type are due whole, whatever their Q;
only the days between its reaches have to be asked Q by Q. What comes out is held against the plan by a property test.

Every function expects an open transaction in the organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.preview import Amount, by_data_type
from ebbtide.domain.cell import DataType
from ebbtide.engine.ports import Reach
from ebbtide.web.charts.ages import AgeBins, age_bins

ByDay = dict[tuple[DataType, date], Amount]
ByBar = dict[tuple[DataType, int], Amount]


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
    stored = _stored(org=org)
    oldest = min((day for _data_type, day in stored), default=on)
    bins = age_bins(max(0, (on - oldest).days), lines=lines)
    due = _due(stored, reaches=reaches, queues=queues, org=org)
    return Ages(on, bins, _in_bars(stored, on=on, bins=bins), _in_bars(due, on=on, bins=bins))


def _in_bars(by_day: ByDay, *, on: date, bins: AgeBins) -> ByBar:
    found: ByBar = {}
    for (data_type, day), amount in by_day.items():
        found.setdefault((data_type, bins.place((on - day).days)), Amount()).add(amount)
    return found


def _stored(*, org: int) -> ByDay:
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT data_type, day, sum(items)::bigint, sum(bytes)::bigint FROM catalog_cell
            WHERE org_id = %s GROUP BY data_type, day
            """,
            [org],
        )
        return _by_day(cursor.fetchall())


def _due(stored: ByDay, *, reaches: Sequence[Reach], queues: int, org: int) -> ByDay:
    """Find what lies before its reach.

    Args:
        stored: everything, by day.
        reaches: how far each (Q, data type) is kept.
        queues: how many Qs there are; a data type of which fewer are reached has no day that is due whole.
        org: the organization's number.
    """
    whole: dict[str, date] = {}
    for data_type in DataType:
        found = [reach.before for reach in reaches if reach.data_type == data_type]
        whole[data_type] = min(found) if found and len(found) == queues else date.min
    between = [reach for reach in reaches if reach.before > whole[reach.data_type]]
    due = {key: amount for key, amount in stored.items() if key[1] < whole[key[0]]}
    if not between:
        return due
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: for each reach its own stretch of that index, and nothing of the table itself
        cursor.execute(
            """
            SELECT r.data_type, c.day, sum(c.items)::bigint, sum(c.bytes)::bigint
            FROM unnest(%s::int[], %s::text[], %s::date[], %s::date[]) AS r (queue_id, data_type, whole, before)
            JOIN catalog_cell c ON c.queue_id = r.queue_id AND c.data_type = r.data_type
                AND c.day >= r.whole AND c.day < r.before
            WHERE c.org_id = %s GROUP BY r.data_type, c.day
            """,
            [
                [reach.queue for reach in between],
                [str(reach.data_type) for reach in between],
                [whole[reach.data_type] for reach in between],
                [reach.before for reach in between],
                org,
            ],
        )
        return due | _by_day(cursor.fetchall())


def _by_day(rows: Sequence[tuple[str, date, int, int]]) -> ByDay:
    return {(DataType(name), day): Amount(items, size, day, day) for name, day, items, size in rows}

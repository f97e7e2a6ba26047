"""The figures of a report, read: from the sums where they stand for their cell, from the rows everywhere else.

Which of the two a cell is read from changes nothing but the time it takes; a property test holds both, and a
calculation of its own, against each other. Days before a Q's purged line are left out whole: what a live run had to
leave of them is no figure of that day.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.measures import THRESHOLDS, Sums
from ebbtide.domain.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be added up.

    Attributes:
        org: the organization's number.
        zone: its time zone's name.
        targets: the Qs wanted, by number, each with its service target in seconds.
        lines: the first day of each Q that is not purged, where some are.
        channel: only of this one; empty for all.
    """

    org: int
    zone: str
    targets: Mapping[int, int]
    lines: Mapping[int, date]
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Stale:
    """Cells that are not read from sums, as (day, Q) pairs.

    Attributes:
        rows: those whose rows are read.
        gone: those of which sums stand although they have no rows: faults, which count nothing.
    """

    rows: tuple[tuple[date, int], ...]
    gone: tuple[tuple[date, int], ...]

    def within(self, period: Period, *, queues: Collection[int]) -> "Stale":
        """Give those of some days and Qs."""
        return Stale(
            *(
                tuple((day, queue) for day, queue in some if period.first <= day <= period.last and queue in queues)
                for some in (self.rows, self.gone)
            )
        )

    def on(self, days: Collection[date]) -> "Stale":
        """Give those of some days."""
        return Stale(*(tuple(one for one in some if one[0] in days) for some in (self.rows, self.gone)))


@dataclass(frozen=True, slots=True)
class Kept:
    """Where sums of a kind are kept.

    Attributes:
        table: their table, with a day, a Q and the number of items in each row.
        made: what makes them from rows, with places for days, Qs and the zone.
        pepper: the organization's secret, where what makes them needs it.
        by_target: whether something in them is counted for each service target.
    """

    table: str
    made: str
    pepper: bytes = b""
    by_target: bool = True


HOURS = Kept("insights_hour", "insights_hours_of({days}, {queues}, {zone})")
DAYS = Kept("insights_day", "insights_days_of({days}, {queues}, {zone})")


def kept_for(unit: str, *, until_hour: int | None = None) -> Kept:
    """Choose what a report reads: a fifteenth of the rows where no hours are wanted."""
    return HOURS if unit == "hour" or until_hour is not None else DAYS


def stale(wanted: Wanted, *, period: Period, kept: Kept) -> Stale:
    """Find the cells of a period whose sums are missing or do not count what the cell counts."""
    with connections[WEB].cursor() as cursor:
        # leans on the keys of catalog_cell (org, day, …) and of the sums (org, day, queue, …) with their items
        cursor.execute(
            f"""
            WITH cells AS (
                SELECT c.day, c.queue_id, c.items FROM catalog_cell c
                WHERE c.org_id = %(org)s AND c.data_type = 'insights' AND c.day BETWEEN %(first)s AND %(last)s
                    AND c.queue_id = ANY (%(queues)s)
            ), summed AS (
                SELECT h.day, h.queue_id, sum(h.items) AS items FROM {kept.table} h
                WHERE h.org_id = %(org)s AND h.day BETWEEN %(first)s AND %(last)s AND h.queue_id = ANY (%(queues)s)
                GROUP BY h.day, h.queue_id
            )
            SELECT day, queue_id, cells.items IS NULL FROM cells FULL JOIN summed USING (day, queue_id)
            WHERE cells.items IS DISTINCT FROM summed.items ORDER BY 1, 2
            """,  # noqa: S608 - a table of ours
            {"org": wanted.org, "first": period.first, "last": period.last, "queues": list(wanted.targets)},
        )
        rows = cursor.fetchall()
    return Stale(
        rows=tuple((day, queue) for day, queue, gone in rows if not gone and not _is_purged(wanted, queue, day)),
        gone=tuple((day, queue) for day, queue, gone in rows if gone),
    )


def _is_purged(wanted: Wanted, queue: int, day: date) -> bool:
    line = wanted.lines.get(queue)
    return line is not None and day < line


_NAMES = tuple(one.name for one in fields(Sums))
_PLAIN = [name for name in _NAMES if name not in {"answered_in", "abandoned_in", "longest_s"}]
_ADDED = ", ".join(
    [f"sum(r.{name})::bigint AS {name}" for name in _PLAIN]
    + [f"sum(r.{name}[a.place])::bigint AS {name}" for name in ("answered_in", "abandoned_in")]
    + ["max(r.longest_s) AS longest_s"]
)
_ORDER = [*_PLAIN, "answered_in", "abandoned_in", "longest_s"]


def source_of(wanted: Wanted, *, kept: Kept, period: Period, found: Stale) -> tuple[str, dict[str, Any]]:
    """Write where rows come from, as `r`, beside each Q's threshold, as `a`, if it is needed; it ends in a WHERE."""
    found = found.within(period, queues=wanted.targets)
    values: dict[str, Any] = {
        "org": wanted.org,
        "zone": wanted.zone,
        "first": period.first,
        "last": period.last,
        "queues": list(wanted.targets),
        "floors": [wanted.lines.get(queue, date.min) for queue in wanted.targets],
        "places": [THRESHOLDS.index(seconds) + 1 for seconds in wanted.targets.values()],
        "stale_days": [day for day, _queue in found.rows + found.gone],
        "stale_queues": [queue for _day, queue in found.rows + found.gone],
        "raw_days": [day for day, _queue in found.rows],
        "raw_queues": [queue for _day, queue in found.rows],
        "channel": wanted.channel,
        "pepper": kept.pepper,
    }
    but = "AND (h.day, h.queue_id) NOT IN (SELECT * FROM unnest(%(stale_days)s::date[], %(stale_queues)s::int[]))"
    # the days stand in the statement, so that only their partitions are opened
    made = kept.made.format(days="%(raw_days)s::date[]", queues="%(raw_queues)s::int[]", zone="%(zone)s")
    raw = f"UNION ALL SELECT * FROM {made}"  # noqa: S608 - a function of ours
    beside = """
        JOIN unnest(%(queues)s::int[], %(floors)s::date[], %(places)s::int[]) AS a (queue_id, floor, place)
            ON a.queue_id = r.queue_id AND r.day >= a.floor
    """
    needed = kept.by_target or any(line > period.first for line in wanted.lines.values())
    return (
        f"""
        FROM (
            SELECT h.* FROM {kept.table} h WHERE h.org_id = %(org)s AND h.day BETWEEN %(first)s AND %(last)s
                AND h.queue_id = ANY (%(queues)s) {but if values["stale_days"] else ""}
            {raw if values["raw_days"] else ""}) r
        {beside if needed else ""}
        WHERE {"r.channel = %(channel)s" if wanted.channel else "true"}
        """,  # noqa: S608 - pieces written here
        values,
    )


_AGAIN = ", ".join(
    [f"sum(s.{name})::bigint" for name in (*_PLAIN, "answered_in", "abandoned_in")] + ["max(s.longest_s)"]
)


@dataclass(frozen=True, slots=True)
class Added:
    """Sums of a period; what has nothing is missing.

    Attributes:
        by_queue: by Q, over all intervals.
        by_begin: by local beginning of the interval, over all Qs.
    """

    by_queue: dict[int, Sums]
    by_begin: dict[datetime, Sums]


def begin_of(unit: str) -> str:
    """Write the local beginning of the interval that a row `r` with a day and an hour lies in.

    Args:
        unit: hour, day, week or month; or `all`, for one interval that begins with the first day.
    """
    return {
        "all": "%(first)s::timestamp",
        "hour": "r.day + r.hour * interval '1 hour'",
        "day": "r.day::timestamp",
    }.get(unit, "date_trunc(%(unit)s, r.day::timestamp)")


def add_up(
    wanted: Wanted, *, kept: Kept, period: Period, unit: str, found: Stale, until_hour: int | None = None
) -> Added:
    """Add up by Q, and by interval.

    Args:
        wanted: what is added up.
        kept: the sums that are read, as `kept_for` chose them.
        period: over which days.
        unit: of the intervals, as `begin_of` has it.
        found: the cells that are read from rows.
        until_hour: hours after this one are left out; None for none.
    """
    rows = _added(
        wanted, kept=kept, period=period, unit=unit, found=found, until_hour=until_hour, key="queue_id", apart=False
    )
    return Added(
        by_queue={queue: sums for queue, begin, sums in rows if begin is None},
        by_begin={begin: sums for _queue, begin, sums in rows if begin is not None},
    )


def add_up_channels(
    wanted: Wanted, *, kept: Kept, period: Period, unit: str, found: Stale, until_hour: int | None = None
) -> dict[tuple[str, datetime], Sums]:
    """Add up by channel and local beginning of the interval; arguments as of `add_up`."""
    rows = _added(
        wanted, kept=kept, period=period, unit=unit, found=found, until_hour=until_hour, key="channel", apart=True
    )
    return {(channel, begin): sums for channel, begin, sums in rows}


def _added(
    wanted: Wanted,
    *,
    kept: Kept,
    period: Period,
    unit: str,
    found: Stale,
    until_hour: int | None,
    key: str,
    apart: bool,
) -> list[tuple[Any, Any, Sums]]:
    """Add up by a key and the interval, and where they are not wanted apart, once more by each of the two.

    That the second adding up is the database's and not ours is what makes a report over hundreds of Qs quick.
    """
    source, values = source_of(wanted, kept=kept, period=period, found=found)
    hours = "" if until_hour is None else "AND r.hour <= %(until_hour)s"
    inner = f"SELECT r.{key} AS key, {begin_of(unit)} AS begin, {_ADDED} {source} {hours} GROUP BY 1, 2"
    outer = f"SELECT key, begin, {_AGAIN} FROM ({inner}) s GROUP BY GROUPING SETS ((key), (begin))"  # noqa: S608
    with connections[WEB].cursor() as cursor:
        cursor.execute(inner if apart else outer, values | {"unit": unit, "until_hour": until_hour})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return [(one, begin, Sums(**dict(zip(_ORDER, sums, strict=True)))) for one, begin, *sums in rows]


def offered_by_hour(wanted: Wanted, *, kept: Kept, period: Period, found: Stale) -> dict[tuple[int, int], int]:
    """Add up what was offered by weekday (Monday is 0) and hour; what has nothing is missing."""
    source, values = source_of(wanted, kept=kept, period=period, found=found)
    hours = [
        f"sum(r.by_hour[{hour + 1}])" if kept is DAYS else f"sum(r.offered) FILTER (WHERE r.hour = {hour})"
        for hour in range(24)
    ]
    added = ", ".join(f"({one})::bigint" for one in hours)
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"SELECT extract(isodow FROM r.day)::int - 1, {added} {source} GROUP BY 1",  # noqa: S608 - pieces of ours
            values,
        )
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return {(weekday, hour): offered for weekday, *row in rows for hour, offered in enumerate(row) if offered}

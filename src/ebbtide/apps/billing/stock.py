"""What an organization has at rest by Q, data type and day, and what came in lately: what forecasts are drawn from.

Read from the cells in one statement and kept for five minutes, because somebody who moves a slider asks many times a
minute and the answer must come at once; a forecast of a year does not turn on what came in during the last few. What
was purged meanwhile is in the book, cell by cell, so that a short retention hides nothing of what comes in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock

import polars as pl
from django.db import connections
from django.db.backends.utils import CursorWrapper

from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.forecast import Stream
from ebbtide.domain.pace import PACE_WEEKS, SPREAD_WEEKS, WEEK, Pace, Spread, pace_of, spread_of

Key = tuple[int, DataType]
KINDS = tuple(DataType)
KEPT_FOR = timedelta(minutes=5)
_MOST_KEPT = 32
_PACE_DAYS, _SPREAD_DAYS = PACE_WEEKS * WEEK, SPREAD_WEEKS * WEEK
_SCHEMA = {"kind": pl.Int32, "queue": pl.Int32, "day": pl.Int32, "bytes": pl.Int64}
# A few long rows, put together by parallel workers: fetching each cell as a row takes three times as long.
_CELLS = """
    SELECT array_position(%(kinds)s::text[], c.data_type), c.day - '0001-01-01'::date + 1, count(*),
        string_agg(c.queue_id || ',' || c.bytes, E'\\n')
    FROM catalog_cell c WHERE c.org_id = %(org)s GROUP BY c.data_type, c.day
"""
_PURGED = """
    SELECT array_position(%(kinds)s::text[], e.data_type), e.queue_id, e.day - '0001-01-01'::date + 1,
        sum(e.bytes)::bigint
    FROM catalog_purgedline p JOIN ledger_entry e
        ON (e.org_id, e.queue_id, e.data_type) = (p.org_id, p.queue_id, p.data_type)
    WHERE p.org_id = %(org)s AND p.before > %(since)s AND e.day >= %(since)s AND e.outcome = 'purged'
    GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What is at rest, and what comes in.

    Attributes:
        today: org-local date it was read on.
        next_night: date of the first night that is still to come.
        keys: Q and data type of each stream; a stream is known by its place here.
        paces: of each stream.
        spreads: by data type, how far weeks differ.
        cells: columns stream, day (proleptic ordinal, at most today's) and bytes.
        since: the oldest day of data there ever was, as far as is known; None where there is none.
    """

    today: date
    next_night: date
    keys: tuple[Key, ...]
    paces: tuple[Pace, ...]
    spreads: Mapping[DataType, Spread]
    cells: pl.DataFrame
    since: date | None

    def streams(self, groups: Sequence[int | None]) -> dict[int, Stream]:
        """Put streams together.

        Args:
            groups: for each stream, the number of the group it goes into, all of whose streams have one data type; None
                leaves it out.

        Returns:
            Group's number -> its streams, added up.
        """
        numbers = pl.Series("group", groups, dtype=pl.Int32)
        sums = (
            self.cells.with_columns(group=numbers.gather(self.cells["stream"]))
            .drop_nulls("group")
            .group_by("group", "day")
            .agg(pl.col("bytes").sum())
        )
        days: dict[int, list[tuple[int, int]]] = {}
        for group, day, size in sums.iter_rows():
            days.setdefault(group, []).append((day, size))
        paces: dict[int, Pace] = {}
        kinds: dict[int, DataType] = {}
        for (_queue, kind), pace, number in zip(self.keys, self.paces, groups, strict=True):
            if number is not None:
                paces[number] = paces[number] + pace if number in paces else pace
                kinds[number] = kind
        return {number: self._stream(kinds[number], pace, days=days.get(number, [])) for number, pace in paces.items()}

    def by_type(self) -> dict[DataType, int]:
        """Add up the bytes at rest by data type."""
        kinds = pl.Series("kind", [KINDS.index(kind) for _queue, kind in self.keys], dtype=pl.Int32)
        sums = (
            self.cells.with_columns(kind=kinds.gather(self.cells["stream"])).group_by("kind").agg(pl.col("bytes").sum())
        )
        found = dict.fromkeys(KINDS, 0)
        for kind, size in sums.iter_rows():
            found[KINDS[kind]] = size
        return found

    def _stream(self, kind: DataType, pace: Pace, *, days: Sequence[tuple[int, int]]) -> Stream:
        last = self.today.toordinal()
        first = min((day for day, _size in days), default=last)
        by_day = [0] * (last - first + 1)
        for day, size in days:
            by_day[day - first] = size
        return Stream(
            data_type=kind, first=date.fromordinal(first), stock=by_day, pace=pace, next_night=self.next_night
        )


class _Shelf:
    """Keeps what was read last, by database and organization."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, int], tuple[datetime, Stock]] = {}
        self._lock = Lock()

    def find(self, org: int, *, now: datetime) -> Stock | None:
        with self._lock:
            read_at, stock = self._kept.get(self._key(org), (None, None))
        return stock if read_at is not None and timedelta(0) <= now - read_at < KEPT_FOR else None

    def put(self, org: int, stock: Stock, *, now: datetime) -> None:
        with self._lock:
            self._kept.pop(self._key(org), None)
            self._kept[self._key(org)] = (now, stock)
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    @staticmethod
    def _key(org: int) -> tuple[object, int]:
        return connections[WEB].settings_dict["NAME"], org


_SHELF = _Shelf()


def forget_stocks() -> None:
    """Read anew from now on, as a test does that moves data within minutes."""
    _SHELF.clear()


def stock_of(org: Organization, *, now: datetime, using: str = WEB) -> Stock:
    """Give what an organization has at rest, at most five minutes old.

    Args:
        org: read for this request.
        now: the request's moment.
        using: whose connection.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    found = _SHELF.find(org.id, now=now)
    if found is None:
        found = read_stock(org, now=now, using=using)
        _SHELF.put(org.id, found, now=now)
    return found


def read_stock(org: Organization, *, now: datetime, using: str = WEB) -> Stock:
    """Read what an organization has at rest.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    zone = parse_zone(org.zone)
    today = local_day(now, zone=zone)
    with acting_in(org.id, using=using) as cursor:
        cells = _read_cells(cursor, org=org.id)
        purged = _read_purged(cursor, org=org.id, since=today - timedelta(days=_SPREAD_DAYS))
    keys = pl.concat([cells.select("kind", "queue"), purged.select("kind", "queue")]).unique().sort("queue", "kind")
    keys = keys.with_row_index("stream").with_columns(pl.col("stream").cast(pl.Int32))
    cells, purged = (
        frame.join(keys, on=["kind", "queue"]).select("stream", "kind", "queue", "day", "bytes")
        for frame in (cells, purged)
    )
    came = pl.concat([cells, purged]).filter(pl.col("day") < today.toordinal())
    paces = _paces(came, keys=keys, today=today)
    named = tuple((queue, KINDS[kind - 1]) for _stream, kind, queue in keys.iter_rows())
    oldest = came["day"].min()
    return Stock(
        today=today,
        next_night=local_day(next_night(now, zone=zone, at=org.night_at), zone=zone),
        keys=named,
        paces=paces,
        spreads=_spreads(came, named=named, paces=paces, today=today),
        cells=cells.select("stream", pl.col("day").clip(upper_bound=today.toordinal()), "bytes"),
        since=date.fromordinal(oldest) if isinstance(oldest, int) else None,
    )


def _read_cells(cursor: CursorWrapper, *, org: int) -> pl.DataFrame:
    cursor.execute(_CELLS, {"org": org, "kinds": [str(kind) for kind in KINDS]})
    rows = cursor.fetchall()
    if not rows:
        return pl.DataFrame(schema=_SCHEMA)
    told = pl.read_csv(
        "\n".join(text for _kind, _day, _count, text in rows).encode(),
        has_header=False,
        schema={"queue": pl.Int32, "bytes": pl.Int64},
    )
    heads = pl.DataFrame(
        [row[:3] for row in rows], schema={"kind": pl.Int32, "day": pl.Int32, "count": pl.Int64}, orient="row"
    )
    spread_out = heads.select(pl.col("kind").repeat_by("count"), pl.col("day").repeat_by("count")).explode(
        "kind", "day"
    )
    return pl.concat([spread_out, told], how="horizontal").select(*_SCHEMA)


def _read_purged(cursor: CursorWrapper, *, org: int, since: date) -> pl.DataFrame:
    cursor.execute(_PURGED, {"org": org, "since": since, "kinds": [str(kind) for kind in KINDS]})
    return pl.DataFrame(cursor.fetchall(), schema=_SCHEMA, orient="row")


def _paces(came: pl.DataFrame, *, keys: pl.DataFrame, today: date) -> tuple[Pace, ...]:
    """Draw the pace of each stream, in the order of `keys`.

    A Q that is new has its pace from the days since its first; so has a type of data that is new in it, if it came on
    most days since, and is not only rare.
    """
    first = today.toordinal() - _PACE_DAYS
    recent = came.filter(pl.col("day") >= first - WEEK)  # a week more tells whether the Q was there before
    begun = dict(recent.group_by("queue").agg(pl.col("day").min()).iter_rows())
    daily: dict[int, dict[int, int]] = {}
    for stream, day, size in recent.group_by("stream", "day").agg(pl.col("bytes").sum()).iter_rows():
        daily.setdefault(stream, {})[day] = size
    found = []
    for stream, _kind, queue in keys.iter_rows():
        days = daily.get(stream, {})
        starts = max(first, begun.get(queue, first))
        own = max(first, min(days, default=first))
        if own > starts and 2 * len(days) > today.toordinal() - own:
            starts = own
        known = [days.get(day, 0) for day in range(starts, today.toordinal())]
        found.append(pace_of(known, last=today - timedelta(days=1)))
    return tuple(found)


def _spreads(came: pl.DataFrame, *, named: Sequence[Key], paces: Iterable[Pace], today: date) -> dict[DataType, Spread]:
    whole: dict[DataType, Pace] = {}
    for (_queue, kind), pace in zip(named, paces, strict=True):
        whole[kind] = whole.get(kind, Pace()) + pace
    weeks: dict[int, dict[int, int]] = {}
    back = (today.toordinal() - 1 - pl.col("day")) // WEEK
    sums = came.with_columns(back=back).filter(pl.col("back") < SPREAD_WEEKS)
    for kind, week, size in sums.group_by("kind", "back").agg(pl.col("bytes").sum()).iter_rows():
        weeks.setdefault(kind, {})[week] = size
    found = dict.fromkeys(KINDS, Spread())
    for number, by_week in weeks.items():
        # the oldest week is as a rule not a whole one
        known = [by_week.get(week, 0) for week in range(max(by_week) - 1, -1, -1)]
        if max(by_week) == SPREAD_WEEKS - 1:
            known = [by_week[SPREAD_WEEKS - 1], *known]
        kind = KINDS[number - 1]
        found[kind] = spread_of(known, pace=whole[kind])
    return found

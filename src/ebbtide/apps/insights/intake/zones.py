"""Wall-clock times to instants and back, by column, in one zone.

Own tables rather than the zone database inside polars: the day a segment belongs to decides when it is deleted, so it
must come from the very zone data (`zoneinfo`) every other part of the product uses. A table is a handful of
transitions, so a whole column is looked up with one binary search.

The rule for wall times that do not exist or exist twice is always the later reading: retention may start late, never
early.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

import polars as pl

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
_FIRST_YEAR: Final = 1970
_FAR: Final = 1 << 62


@dataclass(frozen=True)
class Readings:
    """Instants read from one column, and which of them needed the rule for DST nights.

    Args:
        utc: Int64 microseconds since the epoch, null where nothing was read.
        skipped: Boolean, the wall time did not exist in its zone.
        repeated: Boolean, the wall time existed twice in its zone.
    """

    utc: pl.Series
    skipped: pl.Series
    repeated: pl.Series


@dataclass(frozen=True)
class ZoneTable:
    """The transitions of one zone as columns, all in microseconds.

    Args:
        starts_utc: instant of each transition.
        starts_wall: wall time *after* each transition at that instant.
        ends_wall: wall time *before* each transition at that instant, with a guard at either end.
        offsets: offset from UTC before the first transition, then after each.
    """

    starts_utc: pl.Series
    starts_wall: pl.Series
    ends_wall: pl.Series
    offsets: pl.Series

    def to_utc(self, wall: pl.Series) -> Readings:
        """Read wall times as instants, the later one wherever there is a choice.

        Args:
            wall: Int64 microseconds of wall time since 1970-01-01 00:00, null allowed.

        Returns:
            The instants, and where a wall time was skipped or repeated.
        """
        # The later of the two readings changes offset exactly at `starts_wall`, in gaps and in overlaps alike.
        place = self.starts_wall.search_sorted(wall.fill_null(0), side="right").cast(pl.UInt32)
        return Readings(
            utc=wall - self.offsets.gather(place),
            skipped=(wall >= self.ends_wall.gather(place + 1)).fill_null(value=False),
            repeated=(wall < self.ends_wall.gather(place)).fill_null(value=False),
        )

    def to_wall(self, utc: pl.Series) -> pl.Series:
        """Turn instants into wall times of the zone.

        Args:
            utc: Int64 microseconds since the epoch, null allowed.

        Returns:
            Int64 microseconds of wall time since 1970-01-01 00:00.
        """
        place = self.starts_utc.search_sorted(utc.fill_null(0), side="right").cast(pl.UInt32)
        return utc + self.offsets.gather(place)


@lru_cache(maxsize=64)
def zone_table(zone: tzinfo, *, until_year: int) -> ZoneTable:
    """Tabulate the transitions of a zone from 1970 to a year.

    Args:
        zone: an IANA zone or a fixed offset.
        until_year: last year looked at; wall times beyond keep the last offset.

    Returns:
        The table; building one takes some 20 ms, and the last 64 are kept.
    """
    moment = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(until_year + 1, 1, 1, tzinfo=UTC).timestamp())
    day = 86_400
    offsets = [_offset_s(zone, moment)]
    transitions: list[int] = []
    while moment < end:
        following = moment + day
        after = _offset_s(zone, following)
        if after != offsets[-1]:
            transitions.append(_first_second(zone, low=moment, high=following, after=after))
            offsets.append(after)
        moment = following
    before_wall = [(t + o) * SECOND_US for t, o in zip(transitions, offsets, strict=False)]
    after_wall = [(t + o) * SECOND_US for t, o in zip(transitions, offsets[1:], strict=True)]
    return ZoneTable(
        starts_utc=pl.Series([t * SECOND_US for t in transitions], dtype=pl.Int64),
        starts_wall=pl.Series(after_wall, dtype=pl.Int64),
        ends_wall=pl.Series([-_FAR, *before_wall, _FAR], dtype=pl.Int64),
        offsets=pl.Series([o * SECOND_US for o in offsets], dtype=pl.Int64),
    )


def _offset_s(zone: tzinfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, tz=zone).utcoffset() or timedelta()
    return offset.days * 86_400 + offset.seconds


def _first_second(zone: tzinfo, *, low: int, high: int, after: int) -> int:
    """Find the second at which the offset became `after`, between a moment before and one after."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(zone, middle) == after:
            high = middle
        else:
            low = middle
    return high

"""The moments of each row: when it was queued, answered and over, on which day that was, and what is wrong with it.

Danger: the day decided here decides when a segment is deleted for good. So wherever a text leaves a choice, the later
day is taken; and where a moment that would decide cannot be read, there is no day at all and the row is undatable,
which is never purged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from ebbtide.apps.insights.intake.instants import is_clock, read_clocks, read_dates, read_instants
from ebbtide.apps.insights.intake.mapping import SegmentMap, TimeMap
from ebbtide.apps.insights.intake.zones import DAY_US, SECOND_US, Readings, ZoneTable, zone_table
from ebbtide.domain.calendar import FUTURE_TOLERANCE

# Nothing a contact centre exports is older; what looks older is a clock that was never set, or a 0 that means "unset".
_EARLIEST_US: Final = 31_536_000 * SECOND_US
_HALF_DAY_US: Final = DAY_US // 2
_YEARS_AHEAD: Final = 3
_SHOWN: Final = 80


@dataclass(frozen=True)
class Moments:
    """What the time columns of a piece say.

    Args:
        utc: instant by source column, Int64 microseconds since the epoch, null where there is none to trust.
        queued, answered, ended: the same for the three instants of a segment.
        day: org-local date on which each segment ended, null where undatable.
        undatable: why there is no day, in plain words.
        flags: Boolean by flag name.
    """

    utc: dict[str, pl.Series]
    queued: pl.Series
    answered: pl.Series
    ended: pl.Series
    day: pl.Series
    undatable: pl.Series
    flags: dict[str, pl.Series]


class MomentReader:
    """Reads the moments of pieces of one file.

    Args:
        mapping: the map.
        org_zone: the organization's zone; days are counted in it.
        now: aware UTC, the moment of the import.
    """

    def __init__(self, mapping: SegmentMap, *, org_zone: tzinfo, now: datetime) -> None:
        self._time: TimeMap = mapping.time
        until = now.year + _YEARS_AHEAD
        self._source: ZoneTable = zone_table(mapping.zone or org_zone, until_year=until)
        self._org: ZoneTable = zone_table(org_zone, until_year=until)
        self._latest_us = int((now + FUTURE_TOLERANCE).timestamp() * 1_000_000)
        self._clocks = [column for column, pattern in self._time.formats.items() if is_clock(pattern)]

    def read(self, frame: pl.DataFrame) -> Moments:
        """Read the moments of a piece.

        Args:
            frame: source columns as text, stripped, null where blank.

        Returns:
            The moments, one entry per row.
        """
        texts = {column: self._known(frame[column], column=column) for column in self._time.formats}
        readings, night = self._readings(frame, texts=texts)
        unread = {c: texts[c].is_not_null() & readings[c].utc.is_null() for c in texts}
        ancient = {c: (readings[c].utc < _EARLIEST_US).fill_null(value=False) for c in texts}
        bad = {c: unread[c] | ancient[c] for c in texts}
        utc = {c: readings[c].utc.set(ancient[c], None) for c in texts}
        ended, borrowed = self._ends(utc)
        dates = (
            frame[self._time.date] if self._time.date else pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        )
        reason = self._reasons(texts=texts, dates=dates, bad=bad, ancient=ancient, ended=ended)
        day = (self._org.to_wall(ended) // DAY_US).set(reason.is_not_null(), None).cast(pl.Int32).cast(pl.Date)
        none = pl.repeat(None, frame.height, dtype=pl.Int64, eager=True)
        return Moments(
            utc=utc,
            queued=utc.get(self._time.queued_at or "", none),
            answered=utc.get(self._time.answered_at or "", none),
            ended=ended,
            day=day,
            undatable=reason,
            flags={
                "unreadable_time": _any(unread.values()),
                "before_1971": _any(ancient.values()),
                "skewed_clock": self._skewed(utc, height=frame.height),
                "nonexistent_time": _any(r.skipped for r in readings.values()),
                "ambiguous_time": _any(r.repeated for r in readings.values()),
                "ended_from_last_instant": borrowed,
                "passed_midnight": night,
            },
        )

    def _known(self, text: pl.Series, *, column: str) -> pl.Series:
        for never in self._time.never.get(column, ()):
            text = text.set(text == never, None)
        return text

    def _readings(self, frame: pl.DataFrame, *, texts: dict[str, pl.Series]) -> tuple[dict[str, Readings], pl.Series]:
        night = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        readings: dict[str, Readings] = {}
        if self._clocks and self._time.date:
            midnight = read_dates(frame[self._time.date], pattern=self._time.date_format)
            clocks = {c: read_clocks(texts[c], pattern=self._time.formats[c]) for c in self._clocks}
            if self._time.passes_midnight:
                low = _lowest(clocks.values())
                high = _highest(clocks.values())
                night = (high - low > _HALF_DAY_US).fill_null(value=False)
                middle = (low + high) // 2
                clocks = {c: k + ((k <= middle) & night).cast(pl.Int64) * DAY_US for c, k in clocks.items()}
            readings = {c: self._source.to_utc(midnight + clock) for c, clock in clocks.items()}
        for column, pattern in self._time.formats.items():
            if column not in readings:
                readings[column] = read_instants(texts[column], pattern=pattern, source=self._source)
        return readings, night

    def _ends(self, utc: dict[str, pl.Series]) -> tuple[pl.Series, pl.Series]:
        """Take the latest end, or the last known instant where there is none or a later one is known."""
        stated = _highest([utc[c] for c in self._time.ended_at])
        anything = _highest(utc.values())
        own = [utc[c] for c in (self._time.queued_at, self._time.answered_at) if c]
        ended = _highest([stated.zip_with(stated.is_not_null(), anything), *own])
        return ended, ended.is_not_null() & ended.ne_missing(stated)

    def _reasons(
        self,
        *,
        texts: dict[str, pl.Series],
        dates: pl.Series,
        bad: dict[str, pl.Series],
        ancient: dict[str, pl.Series],
        ended: pl.Series,
    ) -> pl.Series:
        """Say why a row has no day; the first reason that fits stands."""
        height = len(ended)
        reason = pl.repeat(None, height, dtype=pl.String, eager=True)
        if self._clocks and self._time.date:
            clocked = _any(texts[c].is_not_null() for c in self._clocks)
            undated = clocked & read_dates(dates, pattern=self._time.date_format).is_null()
            if undated.any():
                reason = _first(reason, undated & dates.is_null(), pl.repeat("no date", height, eager=True))
                reason = _first(reason, undated, _quoted("unreadable date", dates))
        no_end = _highest([texts[c].is_not_null().cast(pl.Int8) for c in self._time.ended_at]) == 0
        for column, wrong in bad.items():
            if not wrong.any():
                continue
            if column in self._time.ended_at:
                decides, what = wrong, "end"
            elif column in self._clocks and self._time.passes_midnight:
                # Whether a row passed midnight is told by all of its clocks, so each of them decides the day.
                decides, what = wrong, "time"
            else:
                decides, what = wrong & no_end, "time"
            early = ancient[column] & decides
            reason = _first(reason, early, _quoted(f"{what} before 1971", texts[column]))
            reason = _first(reason, decides, _quoted(f"unreadable {what}", texts[column]))
        reason = _first(reason, ended.is_null(), pl.repeat("no instant", height, eager=True))
        late = (ended > self._latest_us).fill_null(value=False)
        if late.any():
            written = ended.clip(upper_bound=253_402_300_799 * SECOND_US).cast(pl.Datetime("us"))
            said = _quoted("more than 48 h in the future", written.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
            reason = _first(reason, late, said)
        return reason

    def _skewed(self, utc: dict[str, pl.Series], *, height: int) -> pl.Series:
        skewed = pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)
        if len(self._time.order) < 2:
            return skewed
        tolerance = self._time.skew_s * SECOND_US
        last = utc[self._time.order[0]]
        for column in self._time.order[1:]:
            skewed |= (utc[column] < last - tolerance).fill_null(value=False)
            last = _highest([last, utc[column]])
        return skewed


def _highest(series: Iterable[pl.Series]) -> pl.Series:
    return pl.DataFrame([one.alias(str(i)) for i, one in enumerate(series)]).max_horizontal()


def _lowest(series: Iterable[pl.Series]) -> pl.Series:
    return pl.DataFrame([one.alias(str(i)) for i, one in enumerate(series)]).min_horizontal()


def _any(series: Iterable[pl.Series]) -> pl.Series:
    return reduce(or_, series)


def _first(reason: pl.Series, where: pl.Series, said: pl.Series) -> pl.Series:
    """Write a reason where there is none yet."""
    return reason.zip_with(~(where & reason.is_null()), said)


def _quoted(what: str, texts: pl.Series) -> pl.Series:
    shown = texts.fill_null("").str.slice(0, _SHOWN)
    return pl.DataFrame({"t": shown}).select(pl.format('{} "{}"', pl.lit(what), pl.col("t")).alias("t"))["t"]

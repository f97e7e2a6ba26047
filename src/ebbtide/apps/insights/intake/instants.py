"""Texts to dates, clock times and instants, by column.

Formats are written the way Python's `strptime` documents them, because that is what people know; they are parsed by
polars, whose dialect differs in the fraction of a second, so a map's format is tried on a known moment before it is
accepted. What cannot be read becomes null here and is judged in `shaping`: nothing in this module guesses.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import polars as pl

from ebbtide.apps.insights.intake.zones import SECOND_US, Readings, ZoneTable

ISO: Final = "iso"
EPOCH: Final = "epoch"
EPOCH_MS: Final = "epoch_ms"

_DATE_DIRECTIVES: Final = frozenset("YymdbBaAjeF")
_CLOCK_DIRECTIVES: Final = frozenset("HIMSpfT")
_DIRECTIVE: Final = re.compile(r"%(.)", re.DOTALL)
_PROBE: Final = datetime(2021, 3, 4, 15, 16, 17, tzinfo=UTC)

# Years 1 to 9999, the span of `datetime.date`: what lies outside is not a moment anyone meant.
_LOWEST_US: Final = -62_135_596_800 * SECOND_US
_HIGHEST_US: Final = 253_402_300_800 * SECOND_US
_WIDEST_OFFSET_MIN: Final = 18 * 60


def directives(pattern: str) -> set[str]:
    """List the letters after `%` in a format, without `%%`.

    Args:
        pattern: a format as Python's `strptime` takes it.

    Returns:
        The letters used.
    """
    return {letter for letter in _DIRECTIVE.findall(pattern) if letter != "%"}


def is_clock(pattern: str) -> bool:
    """Tell whether a format holds a time of day only.

    Args:
        pattern: `iso`, `epoch`, `epoch_ms` or a `strptime` format.

    Returns:
        True for a clock that needs a date beside it.
    """
    return pattern not in {ISO, EPOCH, EPOCH_MS} and not directives(pattern) & _DATE_DIRECTIVES


def format_problem(pattern: str, *, date_only: bool = False) -> str | None:
    """Say what is wrong with a format, if anything is.

    Args:
        pattern: `iso`, `epoch`, `epoch_ms` or a `strptime` format.
        date_only: it must be a date without a clock, and may not be one of the named formats.

    Returns:
        A phrase for a person, or None for a good format.
    """
    if not date_only and pattern in {ISO, EPOCH, EPOCH_MS}:
        return None
    used = directives(pattern)
    known = _DATE_DIRECTIVES if date_only else _DATE_DIRECTIVES | _CLOCK_DIRECTIVES | {"z"}
    problem = None
    if unknown := sorted(used - known):
        problem = f"has %{unknown[0]}, which is not understood here"
    elif not used:
        problem = "has no directive such as %Y or %H"
    elif "f" in used and ".%f" not in pattern:
        problem = "has %f without a dot before it"
    elif used <= _CLOCK_DIRECTIVES | {"z"} and "z" in used:
        problem = "has an offset (%z) but no date"
    elif not _understood(pattern, date_only=date_only):
        problem = "does not name a whole moment (%I needs %p, %H needs %M, a date needs year, month and day)"
    return problem


def _understood(pattern: str, *, date_only: bool) -> bool:
    """Write a known moment in a format and see whether it is read back, to the minute."""
    sample = pl.Series([_PROBE.strftime(pattern)])
    midnight = int(_PROBE.replace(hour=0, minute=0, second=0).timestamp()) * SECOND_US
    minute = int(_PROBE.replace(second=0).timestamp()) * SECOND_US
    if date_only:
        return bool(read_dates(sample, pattern=pattern)[0] == midnight)
    clock = is_clock(pattern)
    read = read_clocks(sample, pattern=pattern)[0] if clock else _read_walls(sample, pattern=pattern)[0]
    return read is not None and bool(0 <= read - (minute - midnight if clock else minute) < 60 * SECOND_US)


def read_dates(texts: pl.Series, *, pattern: str) -> pl.Series:
    """Read calendar dates.

    Args:
        texts: stripped texts, null where missing.
        pattern: a `strptime` format.

    Returns:
        Int64 microseconds from 1970-01-01 to the midnight that begins each date; null where unreadable.
    """
    days = texts.str.strptime(pl.Date, _dialect(pattern), strict=False)
    return _within(days.cast(pl.Datetime("us")).cast(pl.Int64))


def read_clocks(texts: pl.Series, *, pattern: str) -> pl.Series:
    """Read times of day; a leading zero may be missing.

    Args:
        texts: stripped texts, null where missing.
        pattern: a `strptime` format without a date.

    Returns:
        Int64 microseconds since midnight; null where unreadable.
    """
    return texts.str.strptime(pl.Time, _dialect(pattern), strict=False).cast(pl.Int64) // 1000


def read_instants(texts: pl.Series, *, pattern: str, source: ZoneTable) -> Readings:
    """Read whole moments: ISO 8601, seconds or milliseconds since 1970, or a `strptime` format.

    Args:
        texts: stripped texts, null where missing.
        pattern: `iso`, `epoch`, `epoch_ms` or a `strptime` format with a date.
        source: zone of texts that carry no offset of their own.

    Returns:
        The instants; null where unreadable or outside the years 1 to 9999.
    """
    if pattern in {EPOCH, EPOCH_MS}:
        return _certain(_read_epochs(texts, per_second=1 if pattern == EPOCH else 1000))
    if pattern == ISO:
        return _read_iso(texts, source=source)
    walls = _read_walls(texts, pattern=pattern)
    if "z" in directives(pattern):
        return _certain(walls)
    return _bounded(source.to_utc(walls))


def _dialect(pattern: str) -> str:
    return pattern.replace(".%f", "%.f")


def _within(micros: pl.Series) -> pl.Series:
    return micros.set((micros < _LOWEST_US) | (micros >= _HIGHEST_US), None)


def _certain(micros: pl.Series) -> Readings:
    never = pl.repeat(value=False, n=len(micros), dtype=pl.Boolean, eager=True)
    return Readings(utc=_within(micros), skipped=never, repeated=never)


def _bounded(readings: Readings) -> Readings:
    return Readings(utc=_within(readings.utc), skipped=readings.skipped, repeated=readings.repeated)


def _read_walls(texts: pl.Series, *, pattern: str) -> pl.Series:
    # With %z polars answers in UTC; without, in wall time. The integers below mean the same either way.
    kind = pl.Datetime("us", "UTC") if "z" in directives(pattern) else pl.Datetime("us")
    return _within(texts.str.strptime(kind, _dialect(pattern), strict=False).cast(pl.Int64))


def _read_epochs(texts: pl.Series, *, per_second: int) -> pl.Series:
    numbers = texts.cast(pl.Float64, strict=False)
    seconds = numbers / per_second
    sane = seconds.is_finite() & (seconds.abs() < _HIGHEST_US / SECOND_US)
    return (seconds.set(~sane.fill_null(value=False), None) * SECOND_US).round().cast(pl.Int64)


def _read_iso(texts: pl.Series, *, source: ZoneTable) -> Readings:
    parts = pl.DataFrame({"text": texts}).select(
        body=pl.col("text")
        .str.extract(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)", 1)
        .str.replace("T", " "),
        offset=pl.col("text").str.extract(r"^.{10}[T ][0-9:.]+ ?(.*)$", 1),
    )
    body, offset = parts["body"], parts["offset"]
    walls = body.str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S%.f", strict=False)
    if walls.null_count() > body.null_count():
        walls = walls.zip_with(
            walls.is_not_null(), body.str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M", strict=False)
        )
    wall = _within(walls.cast(pl.Int64))
    minutes = _offset_minutes(offset)
    local = source.to_utc(wall)
    naive = (offset == "").fill_null(value=False)
    return Readings(
        utc=_within((wall - minutes * (60 * SECOND_US)).zip_with(~naive, local.utc)),
        skipped=local.skipped & naive,
        repeated=local.repeated & naive,
    )


def _offset_minutes(offset: pl.Series) -> pl.Series:
    """Read `Z`, `+03`, `+0300` and `+03:00` as minutes east of UTC; null for anything else."""
    read = pl.DataFrame({"o": offset}).select(
        pl.when(pl.col("o").is_in(["Z", "z"]))
        .then(0)
        .when(pl.col("o").str.contains(r"^[+-]\d\d(?::?\d\d)?$"))
        .then(
            pl.when(pl.col("o").str.starts_with("-")).then(-1).otherwise(1)
            * (
                pl.col("o").str.slice(1, 2).cast(pl.Int64, strict=False) * 60
                + pl.col("o").str.slice(3).str.strip_chars(":").cast(pl.Int64, strict=False).fill_null(0)
            )
        )
        .cast(pl.Int64)
        .alias("m")
    )["m"]
    return read.set(read.abs() > _WIDEST_OFFSET_MIN, None)

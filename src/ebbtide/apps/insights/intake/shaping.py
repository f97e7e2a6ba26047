"""Rows of an export to rows of a segment: keys checked, values translated, durations bounded, doubts flagged.

Real exports are dirty. What leaves no doubt about *whose* row it is and *when* it ended is imported and its oddities
are flagged; only a row without a usable key or queue is refused, because it could neither be found again nor belong to
anything a job can reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import polars as pl

from ebbtide.apps.insights.intake.mapping import (
    ALLOWED,
    DURATIONS,
    TEXT_FIELDS,
    UNITS,
    DurationBetween,
    DurationColumn,
    SegmentMap,
)
from ebbtide.apps.insights.intake.moments import MomentReader, Moments
from ebbtide.apps.insights.intake.zones import SECOND_US

SEGMENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "line": pl.Int64(),
    "source_key": pl.String(),
    "interaction": pl.String(),
    "queue": pl.String(),
    "channel": pl.String(),
    "direction": pl.String(),
    "customer": pl.String(),
    "agent": pl.String(),
    "queued_at": pl.Datetime("us", "UTC"),
    "answered_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "wait_s": pl.Int32(),
    "talk_s": pl.Int32(),
    "hold_s": pl.Int32(),
    "wrap_s": pl.Int32(),
    "outcome": pl.String(),
    "transfer": pl.String(),
    "disposition": pl.String(),
    "attributes": pl.String(),
    "flags": pl.String(),
    "undatable": pl.String(),
}
"""Columns of the frames given to the loader, in this order; this is the contract with the database."""

EVENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "line": pl.Int64(),
    "at": pl.Datetime("us", "UTC"),
    "kind": pl.String(),
}

_KEY_BYTES: Final = 400
_QUEUE_CHARS: Final = 120
_TEXT_CHARS: Final = 400
_LONGEST_S: Final = 30 * 86_400
# Control characters, and invisible ones (zero width, direction marks, separators) that make two keys look alike.
_UNSEEN: Final = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
_CLIMB: Final = r"\.\.[/\\]|(?:^|[/\\])\.\.$"


@dataclass(frozen=True)
class Shaped:
    """A piece, understood.

    Args:
        segments: rows by SEGMENT_SCHEMA.
        events: rows by EVENT_SCHEMA, of the segments above only.
        refused: place in the piece and reason of every row that became no segment.
    """

    segments: pl.DataFrame
    events: pl.DataFrame
    refused: list[tuple[int, str]]


class Shaper:
    """Turns the pieces of one file into segments.

    Args:
        mapping: the map.
        zone: the organization's zone.
        now: aware UTC, the moment of the import.
    """

    def __init__(self, mapping: SegmentMap, *, zone: tzinfo, now: datetime) -> None:
        self._map = mapping
        self._moments = MomentReader(mapping, org_zone=zone, now=now)

    def shape(self, raw: pl.DataFrame, *, lines: list[int]) -> Shaped:
        """Understand a piece.

        Args:
            raw: source columns as text.
            lines: physical line of each row.

        Returns:
            Segments, their events, and the rows refused; together every row once.
        """
        blank = ("", *self._map.missing["*"])
        stripped = [pl.col(name).str.strip_chars() for name in raw.columns]
        clean = raw.select(stripped).select(_known(pl.col(name), blank).alias(name) for name in raw.columns)
        moments = self._moments.read(clean)
        base = clean.with_columns(
            pl.Series("@line", lines, dtype=pl.Int64),
            moments.queued.alias("@queued"),
            moments.answered.alias("@answered"),
            moments.ended.alias("@ended"),
            moments.day.alias("@day"),
            moments.undatable.alias("@undatable"),
            *(flag.alias(f"@{name}") for name, flag in moments.flags.items()),
            *(moments.utc[column].alias(f"@at {column}") for column in moments.utc),
            self._key(raw).alias("@key"),
            self._key_problem(raw).alias("@refused"),
        )
        fields = base.with_columns(self._fields()).with_columns(self._durations())
        fields = fields.with_columns(
            pl.coalesce("@refused", self._queue_problems(fields["@queue"])).alias("@refused"), pl.row_index("@place")
        )
        kept = fields.filter(pl.col("@refused").is_null())
        refused = fields.filter(pl.col("@refused").is_not_null()).select("@place", "@refused")
        return Shaped(segments=self._segments(kept, moments), events=self._events(kept), refused=refused.rows())

    # --- key and queue -------------------------------------------------------------------------------------------

    def _key(self, raw: pl.DataFrame) -> pl.Series:
        parts = [pl.col(name).str.strip_chars() for name in self._map.key]
        return raw.select(pl.concat_str(parts, separator="/").alias("k"))["k"]

    def _key_problem(self, raw: pl.DataFrame) -> pl.Series:
        """Say why a row has no usable key, from the texts as they stand, before anything is stripped."""
        parts = [pl.col(name) for name in self._map.key]
        trimmed = [part.str.strip_chars() for part in parts]
        blanks = ("", *self._map.missing["*"])
        missing = pl.any_horizontal(part.is_null() | part.is_in(blanks) for part in trimmed)
        length = pl.sum_horizontal(part.str.len_bytes() for part in trimmed).cast(pl.Int64) + len(parts) - 1
        problem = (
            pl.when(missing)
            .then(pl.lit(f"no key: {' or '.join(self._map.key)} is blank"))
            .when(pl.any_horizontal(part.str.contains(_UNSEEN) for part in parts))
            .then(pl.lit("the key holds a control or invisible character"))
            .when(pl.any_horizontal(part.str.contains(_CLIMB) for part in trimmed))
            .then(pl.lit("the key holds ../"))
            .when(length > _KEY_BYTES)
            .then(pl.lit(f"the key is longer than {_KEY_BYTES} bytes"))
        )
        if len(parts) > 1:
            # "a/b" + "c" and "a" + "b/c" would be one key and the second row be taken for the first.
            problem = problem.when(
                pl.any_horizontal(part.str.contains("/", literal=True) for part in trimmed[:-1])
            ).then(pl.lit("a key part other than the last holds /"))
        return raw.select(problem.otherwise(None).alias("p"))["p"]

    def _queue_problems(self, queues: pl.Series) -> pl.Series:
        """Say why a row's queue is none, by the catalog's rule for names: 1 to 120 printable characters."""
        reasons: dict[str, str] = {}
        for name in queues.drop_nulls().unique():
            if not name.isprintable() or name != name.strip():
                reasons[name] = "the queue holds a control or invisible character"
            elif len(name) > _QUEUE_CHARS:
                reasons[name] = f"the queue is longer than {_QUEUE_CHARS} characters"
        problems = pl.repeat(None, len(queues), dtype=pl.String, eager=True)
        if reasons:
            problems = queues.replace_strict(reasons, default=None, return_dtype=pl.String)
        return problems.zip_with(queues.is_not_null(), pl.repeat("no queue", len(queues), eager=True))

    # --- texts and durations -------------------------------------------------------------------------------------

    def _text(self, name: str) -> pl.Expr:
        """Give the text of a field: its column, else its constant, else null."""
        found: pl.Expr = pl.lit(None, dtype=pl.String)
        if column := self._map.columns.get(name):
            found = _known(pl.col(column), self._map.missing.get(name, ()))
        if constant := self._map.constants.get(name):
            found = pl.coalesce(found, pl.lit(constant))
        return found

    def _fields(self) -> list[pl.Expr]:
        fields = []
        for name in TEXT_FIELDS:
            text = self._text(name)
            if allowed := ALLOWED.get(name):
                fields.append(text.is_not_null().alias(f"@stated {name}"))
                text = _translated(text, table=self._map.values.get(name, {}), allowed=allowed)
            fields.append(text.alias(f"@{name}"))
        if self._map.outcome_from_answer:
            answer = pl.when(pl.col("@answered").is_not_null()).then(pl.lit("answered")).otherwise(pl.lit("abandoned"))
            fields = [f for f in fields if f.meta.output_name() != "@outcome"] + [answer.alias("@outcome")]
        return fields

    def _durations(self) -> list[pl.Expr]:
        exprs: list[pl.Expr] = []
        for name in DURATIONS:
            source = self._map.durations.get(name)
            stated = pl.lit(value=False)
            seconds: pl.Expr = pl.lit(None, dtype=pl.Float64)
            if isinstance(source, DurationColumn):
                stated = pl.col(source.column).is_not_null()
                seconds = _seconds(pl.col(source.column), unit=source.unit)
            elif isinstance(source, DurationBetween):
                seconds = (pl.col(f"@at {source.end}") - pl.col(f"@at {source.start}")) / SECOND_US
                # Two clocks a second or two apart make a wait of less than nothing; that much is nothing.
                small = (seconds < 0) & (seconds >= -self._map.time.skew_s)
                seconds = pl.when(small).then(0.0).otherwise(seconds)
            exprs.append(seconds.alias(f"@{name}"))
            exprs.append((stated & seconds.is_null()).alias(f"@unreadable {name}"))
        return exprs

    # --- results -------------------------------------------------------------------------------------------------

    def _segments(self, kept: pl.DataFrame, moments: Moments) -> pl.DataFrame:
        moment = pl.Datetime("us", "UTC")
        within = {n: pl.when(pl.col(f"@{n}").is_between(0, _LONGEST_S)).then(pl.col(f"@{n}")) for n in DURATIONS}
        chosen = [
            pl.col("@line").alias("line"),
            pl.col("@key").alias("source_key"),
            *(_bounded_text(pl.col(f"@{name}")).alias(name) for name in TEXT_FIELDS if name not in _PLAIN),
            pl.col("@queue").alias("queue"),
            self._channel().alias("channel"),
            pl.col("@direction").alias("direction"),
            pl.col("@outcome").alias("outcome"),
            pl.col("@queued").cast(moment).alias("queued_at"),
            pl.col("@answered").cast(moment).alias("answered_at"),
            pl.col("@ended").cast(moment).alias("ended_at"),
            pl.col("@day").alias("day"),
            *(within[name].round().cast(pl.Int32).alias(name) for name in DURATIONS),
            self._attributes().alias("attributes"),
            self._flags(moments.flags).alias("flags"),
            pl.col("@undatable").alias("undatable"),
        ]
        return kept.select(chosen).select(pl.col(name).cast(kind) for name, kind in SEGMENT_SCHEMA.items())

    def _channel(self) -> pl.Expr:
        stated = pl.when(pl.col("@stated channel")).then(pl.lit("other")).otherwise(pl.lit("voice"))
        return pl.coalesce(pl.col("@channel"), stated)

    def _flags(self, found: dict[str, pl.Series]) -> pl.Expr:
        negative = pl.any_horizontal(pl.col(f"@{name}") < 0 for name in DURATIONS)
        odd = pl.any_horizontal(pl.col(f"@{name}") > _LONGEST_S for name in DURATIONS)
        unreadable = pl.any_horizontal(pl.col(f"@unreadable {name}") for name in DURATIONS)
        answered = pl.col("@outcome") == "answered"
        flags: dict[str, pl.Expr] = {name: pl.col(f"@{name}") for name in found}
        flags |= {"negative_duration": negative, "odd_duration": odd, "unreadable_duration": unreadable}
        if "agent" in self._map.columns:
            flags["missing_agent"] = answered & pl.col("@agent").is_null()
        if "talk_s" in self._map.durations and "outcome" in self._map.columns:
            flags["answered_without_talk"] = answered & (pl.col("@talk_s").fill_null(0) <= 0)
            flags["talk_without_answer"] = ~answered.fill_null(value=False) & (pl.col("@talk_s") > 0)
        for name in ALLOWED:
            if name in self._map.columns:
                meant_null = [text for text, meaning in self._map.values.get(name, {}).items() if meaning is None]
                unknown = pl.col(f"@{name}").is_null()
                if meant_null:
                    unknown &= ~pl.col(self._map.columns[name]).is_in(meant_null).fill_null(value=False)
                flags[f"unknown_{name}"] = pl.col(f"@stated {name}") & unknown
        long = [pl.col(f"@{name}") for name in TEXT_FIELDS if name not in _PLAIN]
        flags["cut_text"] = pl.any_horizontal(text.str.len_chars() > _TEXT_CHARS for text in long)
        flags["nul_removed"] = pl.any_horizontal(text.str.contains("\0", literal=True) for text in long)
        named = [pl.when(where).then(pl.lit(name)).otherwise(None) for name, where in flags.items()]
        joined = pl.concat_str(named, separator=",", ignore_nulls=True)
        return pl.when(joined == "").then(None).otherwise(joined)

    def _attributes(self) -> pl.Expr:
        if not self._map.attributes:
            return pl.lit(None, dtype=pl.String)
        members = []
        for name, column in self._map.attributes.items():
            value = pl.col(column).str.replace_all("\0", "", literal=True)
            whole = pl.struct(value.alias(name)).struct.json_encode()
            member = whole.str.slice(1).str.strip_suffix("}")
            members.append(pl.when(pl.col(column).is_not_null()).then(member).otherwise(None))
        joined = pl.concat_str(members, separator=",", ignore_nulls=True)
        return pl.when(joined == "").then(None).otherwise(pl.concat_str([pl.lit("{"), joined, pl.lit("}")]))

    def _events(self, kept: pl.DataFrame) -> pl.DataFrame:
        events = [
            kept.select(
                pl.col("@line").alias("line"),
                pl.col(f"@at {column}").cast(pl.Datetime("us", "UTC")).alias("at"),
                pl.lit(kind).alias("kind"),
            ).filter(pl.col("at").is_not_null())
            for kind, column in self._map.events.items()
        ]
        return pl.concat(events) if events else pl.DataFrame(schema=EVENT_SCHEMA)


_PLAIN: Final = frozenset({"queue", "channel", "direction", "outcome"})


def _known(text: pl.Expr, missing: Iterable[str]) -> pl.Expr:
    """Make null what means "unknown"."""
    for value in missing:
        text = pl.when(text != value).then(text).otherwise(None)
    return text


def _translated(text: pl.Expr, *, table: dict[str, str | None], allowed: tuple[str, ...]) -> pl.Expr:
    """Translate by the map's table, else take one of the allowed words in any case."""
    lowered = text.str.to_lowercase()
    found = pl.when(lowered.is_in(allowed)).then(lowered).otherwise(None)
    for value, meaning in table.items():
        found = pl.when(text == value).then(pl.lit(meaning, dtype=pl.String)).otherwise(found)
    return found


def _seconds(text: pl.Expr, *, unit: str) -> pl.Expr:
    if unit == "clock":
        parts = text.str.extract_groups(r"^(-?)(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d+)?)$")
        sign = pl.when(parts.struct.field("1") == "-").then(-1.0).otherwise(1.0)
        hours = parts.struct.field("2").cast(pl.Float64).fill_null(0)
        return sign * (
            hours * 3600 + parts.struct.field("3").cast(pl.Float64) * 60 + parts.struct.field("4").cast(pl.Float64)
        )
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number * UNITS[unit]).otherwise(None)


def _bounded_text(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("\0", "", literal=True).str.slice(0, _TEXT_CHARS)

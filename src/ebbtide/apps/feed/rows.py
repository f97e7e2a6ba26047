"""A fed batch to frames: each row becomes a segment or is rejected with its reason; none is passed over.

Only what is peculiar to the feed stands here: JSON members to texts, attributes and events, which a file has in
columns. All rules about keys, Qs, moments and durations are the import's own (`ebbtide.apps.insights.intake`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ebbtide.apps.insights.intake.instants import ISO, read_instants
from ebbtide.apps.insights.intake.mapping import SegmentMap, load_map
from ebbtide.apps.insights.intake.segments import EVENT_SCHEMA
from ebbtide.apps.insights.intake.shaping import Shaper
from ebbtide.apps.insights.intake.zones import zone_table
from ebbtide.domain.errors import InputInvalid, TooLarge

MOST_ROWS = 5_000
MOST_EVENTS = 200
MOST_ATTRIBUTES = 64
_ATTRIBUTE_CHARS = 64
_YEARS_AHEAD = 2
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NESTED = ("attributes", "events")
_MAP = Path(__file__).with_name("segments.toml")


@cache
def segment_map() -> SegmentMap:
    """Give the map of a fed segment."""
    return load_map(_MAP)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row became no segment: the member at fault, and the reason."""

    field: str
    reason: str


@dataclass(slots=True)
class FedBatch:
    """A batch, understood.

    Attributes:
        read: rows in it.
        segments, events: by the loader's schemas; `line` is the row's place, counted from 0.
        rejected: by place.
    """

    read: int
    segments: pl.DataFrame
    events: pl.DataFrame
    rejected: dict[int, Rejection] = field(default_factory=dict)


def read_rows(body: bytes) -> list[Any]:
    """Read a batch's JSON: `{"segments": [...]}`. Numbers keep the text they have.

    Raises:
        InputInvalid: it is no such thing.
        TooLarge: it has more rows than are taken at once.
    """
    try:
        told = json.loads(body, parse_int=str, parse_float=str, parse_constant=_no_number)
        if b"\\u" in body:  # half a surrogate pair is legal JSON and no legal text: nothing could store it
            json.dumps(told, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        raise InputInvalid("The batch holds half a character (a lone surrogate).", field="segments") from exc
    except (ValueError, RecursionError) as exc:
        raise InputInvalid("The batch is not JSON in UTF-8.", field="segments") from exc
    rows = told.get("segments") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(rows, list) or told.keys() != {"segments"}:
        raise InputInvalid('A batch is {"segments": [...]} and nothing beside.', field="segments")
    if len(rows) > MOST_ROWS:
        raise TooLarge(
            f"A batch has at most {MOST_ROWS:,} segments, not {len(rows):,}: send several.", field="segments"
        )
    return rows


def _no_number(name: str) -> object:
    raise ValueError(name)


def understand(rows: Sequence[Any], *, zone: ZoneInfo, now: datetime) -> FedBatch:
    """Turn rows into frames for the loader.

    Args:
        rows: as `read_rows` gives them.
        zone: the organization's zone, in which days are counted.
        now: aware UTC; what ended more than 48 h later is undatable.
    """
    mapping = segment_map()
    batch = FedBatch(len(rows), pl.DataFrame(), pl.DataFrame(schema=EVENT_SCHEMA))
    texts: dict[str, list[str | None]] = {name: [] for name in mapping.needed}
    lines: list[int] = []
    attributes: dict[int, str] = {}
    events: list[tuple[int, str, str]] = []
    for place, row in enumerate(rows):
        wrong = _wrong(row, known=texts.keys())
        if wrong is not None:
            batch.rejected[place] = wrong
            continue
        lines.append(place)
        for name, column in texts.items():
            column.append(_text(row.get(name)))
        if row.get("attributes"):
            attributes[place] = _written(row["attributes"])
        events += [(place, one["at"], one["kind"]) for one in row.get("events") or ()]
    if not lines:
        return batch
    timeline = _timeline(events, zone=zone, now=now, batch=batch)
    frame = pl.DataFrame([pl.Series(name, column, dtype=pl.String) for name, column in texts.items()])
    shaped = Shaper(mapping, zone=zone, now=now).shape(frame, lines=lines)
    for at, reason in shaped.refused:
        batch.rejected.setdefault(lines[at], Rejection("key" if " key" in f" {reason}" else "queue", reason))
    kept = shaped.segments.filter(~pl.col("line").is_in(list(batch.rejected)))
    if attributes:
        told = pl.DataFrame({"line": list(attributes), "attributes": list(attributes.values())})
        kept = kept.drop("attributes").join(told, on="line", how="left").select(shaped.segments.columns)
    batch.segments = kept
    batch.events = timeline.filter(pl.col("line").is_in(kept["line"].to_list()))
    return batch


def _wrong(row: Any, *, known: Any) -> Rejection | None:
    """Say what is wrong with the form of a row; what its values mean is the import's to judge."""
    if not isinstance(row, dict):
        return Rejection("", "it is not an object")
    for name, value in row.items():
        if name in _NESTED:
            continue
        if name not in known:
            return Rejection(name[:60], "there is no such member")
        if isinstance(value, dict | list):
            return Rejection(name, "it is a text, a number or null")
        if isinstance(value, str) and "\0" in value:
            return Rejection(name, "it holds NUL")
    return _wrong_attributes(row.get("attributes")) or _wrong_events(row.get("events"))


def _wrong_attributes(told: Any) -> Rejection | None:
    if told is None:
        return None
    if not isinstance(told, dict) or len(told) > MOST_ATTRIBUTES:
        return Rejection("attributes", f"it is an object with at most {MOST_ATTRIBUTES} members")
    for name, value in told.items():
        if not (name.isprintable() and 0 < len(name) <= _ATTRIBUTE_CHARS):
            return Rejection("attributes", f"its names are 1 to {_ATTRIBUTE_CHARS} visible characters")
        if isinstance(value, dict | list):
            return Rejection(f"attributes.{name}", "it is a text, a number or null")
    return None


def _wrong_events(told: Any) -> Rejection | None:
    if told is None:
        return None
    if not isinstance(told, list) or len(told) > MOST_EVENTS:
        return Rejection("events", f"it is a list of at most {MOST_EVENTS}")
    for one in told:
        if not isinstance(one, dict) or one.keys() != {"at", "kind"} or not isinstance(one["at"], str):
            return Rejection("events", "each is an object of at and kind")
        if not isinstance(one["kind"], str) or not _KIND.fullmatch(one["kind"]):
            return Rejection("events", "a kind is written in small letters, digits and _, such as ivr_entered")
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _written(attributes: Mapping[str, Any]) -> str:
    told = {name: text.replace("\0", "") for name, value in attributes.items() if (text := _text(value)) is not None}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _timeline(
    events: Sequence[tuple[int, str, str]], *, zone: ZoneInfo, now: datetime, batch: FedBatch
) -> pl.DataFrame:
    """Read the moments of events; a row with one that cannot be read is rejected, for it would not come whole."""
    if not events:
        return pl.DataFrame(schema=EVENT_SCHEMA)
    told = pl.DataFrame(events, schema={"line": pl.Int64, "at": pl.String, "kind": pl.String}, orient="row")
    source = zone_table(zone, until_year=now.year + _YEARS_AHEAD)
    moments = read_instants(told["at"].str.strip_chars(), pattern=ISO, source=source).utc
    for place in told["line"].filter(moments.is_null()).unique():
        batch.rejected[place] = Rejection("events", "a moment cannot be read: write it as 2026-11-24T09:30:00Z")
    return told.with_columns(moments.cast(pl.Datetime("us", "UTC")).alias("at")).filter(pl.col("at").is_not_null())

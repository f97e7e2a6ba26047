"""The map: which column of an export means what, written in TOML by the person who knows the export.

A map is data, not code: it can be read aloud, reviewed and kept beside the export. It is checked whole before a single
row is read, because a map that is wrong about zones or ends would date every segment wrongly, and dates decide what is
deleted. `docs/import.md` explains every key.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Final

from ebbtide.apps.insights.intake.instants import ISO, format_problem, is_clock
from ebbtide.apps.insights.intake.map_table import MapTable
from ebbtide.domain.calendar import parse_zone
from ebbtide.domain.errors import InputInvalid

TEXT_FIELDS: Final = (
    "interaction",
    "queue",
    "channel",
    "direction",
    "customer",
    "agent",
    "outcome",
    "transfer",
    "disposition",
)
CHANNELS: Final = ("voice", "chat", "email", "sms", "other")
DIRECTIONS: Final = ("inbound", "outbound", "internal")
OUTCOMES: Final = ("answered", "abandoned", "flowed_out", "callback")
ALLOWED: Final = {"channel": CHANNELS, "direction": DIRECTIONS, "outcome": OUTCOMES}
DURATIONS: Final = ("wait_s", "talk_s", "hold_s", "wrap_s")
UNITS: Final = {"s": 1.0, "ms": 0.001, "min": 60.0, "clock": 0.0}

_OFFSET: Final = re.compile(r"(?:UTC)?([+-])(\d{1,2}):?(\d{2})")
_EVENT_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class DurationColumn:
    """A duration the export states itself.

    Args:
        column: source column.
        unit: `s`, `ms`, `min` or `clock` (H:MM:SS or MM:SS).
    """

    column: str
    unit: str = "s"


@dataclass(frozen=True)
class DurationBetween:
    """A duration derived from two instants of the row, both source columns of moments."""

    start: str
    end: str


@dataclass(frozen=True)
class TimeMap:
    """How the moments of a row are written, and what they mean.

    Args:
        formats: of each source column of moments.
        date: column with the date of all clock times, if they are clock times.
        date_format: how that date is written.
        passes_midnight: whether clock times far apart mean that the row passed midnight.
        never: texts that mean "this did not happen", per column.
        ended_at: columns of which the latest is the end.
        order: columns in the order in which they should happen.
        skew_s: how far they may be out of that order unremarked, in seconds.
    """

    formats: dict[str, str]
    date: str | None
    date_format: str
    passes_midnight: bool
    never: dict[str, tuple[str, ...]]
    queued_at: str | None
    answered_at: str | None
    ended_at: tuple[str, ...]
    order: tuple[str, ...]
    skew_s: int


@dataclass(frozen=True)
class SegmentMap:
    """A whole map, checked.

    Args:
        format: `csv`, `jsonl`, or None to go by the file's name.
        header: names of the columns of a CSV file that has no header row.
        zone: zone of wall-clock times; None is the organization's.
        key: columns whose texts, joined with `/`, name a segment.
        columns: source column of each text field.
        constants: text of a field where its column is missing or blank.
        missing: texts that mean "unknown", per field.
        values: per field, what each text of the export means; None is "nothing, on purpose".
        attributes: source column of each free attribute.
        events: source column of moments of each event kind.
        outcome_from_answer: answered where there is an answer instant, else abandoned.
    """

    format: str | None
    delimiter: str
    header: tuple[str, ...] | None
    zone: tzinfo | None
    key: tuple[str, ...]
    columns: dict[str, str]
    constants: dict[str, str]
    missing: dict[str, tuple[str, ...]]
    values: dict[str, dict[str, str | None]]
    attributes: dict[str, str]
    time: TimeMap
    durations: dict[str, DurationColumn | DurationBetween] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    outcome_from_answer: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        """List every source column the map names, once."""
        stated = [d.column for d in self.durations.values() if isinstance(d, DurationColumn)]
        dates = [self.time.date] if self.time.date else []
        return tuple(
            dict.fromkeys(
                [*self.key, *self.columns.values(), *dates, *self.time.formats, *stated, *self.attributes.values()]
            )
        )

    @property
    def required(self) -> tuple[str, ...]:
        """List the source columns without which no row can be used."""
        queue = [self.columns["queue"]] if "queue" in self.columns and "queue" not in self.constants else []
        return tuple(dict.fromkeys([*self.key, *queue]))


def load_map(path: Path) -> SegmentMap:
    """Read and check a map.

    Args:
        path: a TOML file as `docs/import.md` describes it.

    Returns:
        The map.

    Raises:
        InputInvalid: the file cannot be read, or a key is unknown, missing or wrong; names the key and the remedy.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        entries = tomllib.loads(text)
    except OSError as exc:
        raise InputInvalid(f"The map {path} cannot be read ({exc.strerror}): check the path.", field="map") from exc
    except UnicodeDecodeError as exc:
        raise InputInvalid(f"The map {path} is not UTF-8: save it as UTF-8.", field="map") from exc
    except tomllib.TOMLDecodeError as exc:
        raise InputInvalid(f"The map {path} is not TOML: {exc}. Mend that line.", field="map") from exc
    return _segment_map(MapTable(entries))


def _segment_map(top: MapTable) -> SegmentMap:
    form = top.text("format")
    if form not in {None, "csv", "jsonl"}:
        top.refuse("format", 'must be "csv" or "jsonl", or left out to go by the file\'s name.')
    columns = top.table("columns")
    key = columns.texts("key") or columns.refuse(
        "key", "is missing: name the column, or columns, that tell rows apart."
    )
    text_columns = {name: column for name in TEXT_FIELDS if (column := columns.text(name))}
    columns.close()
    constants = _constants(top.table("constants"))
    if "queue" not in text_columns and "queue" not in constants:
        columns.refuse("queue", "is missing: name the column that holds the queue, or give one under [constants].")
    values = _values(top.table("values"), columns=text_columns)
    durations = _durations(top.table("durations"))
    events = _named_columns(top.table("events"))
    for kind in events:
        if not _EVENT_KIND.fullmatch(kind):
            top.table("events").refuse(kind, "must be written in small letters, digits and _, such as ivr_entered.")
    times = top.table("time")
    zone = _zone(times)
    from_answer = top.truth("outcome_from_answer", default=False)
    if from_answer and "outcome" in text_columns:
        top.refuse("outcome_from_answer", "is true beside columns.outcome: keep one of the two.")
    time = _times(times, events=events, durations=durations)
    if from_answer and time.answered_at is None:
        top.refuse("outcome_from_answer", "needs time.answered_at: name the column of the answer.")
    found = SegmentMap(
        format=form,
        delimiter=_delimiter(top),
        header=top.texts("header"),
        zone=zone,
        key=key,
        columns=text_columns,
        constants=constants,
        missing=_missing(top.table("missing"), columns=text_columns),
        values=values,
        attributes=_named_columns(top.table("attributes")),
        time=time,
        durations=durations,
        events=events,
        outcome_from_answer=from_answer,
    )
    top.close()
    if found.header and (absent := [name for name in found.needed if name not in found.header]):
        top.refuse("header", f"does not list {absent[0]!r}, which the map uses: add it where it stands in the rows.")
    return found


def _delimiter(top: MapTable) -> str:
    found = top.text("delimiter") or ","
    if len(found) != 1 or not found.isascii() or found in '"\r\n\0 ' or found.isalnum():
        top.refuse("delimiter", 'must be one character such as "," or ";" or "\\t".')
    return found


def _zone(times: MapTable) -> tzinfo | None:
    name = times.text("zone")
    if name is None:
        return None
    if name in {"UTC", "Z"}:
        return UTC
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        if offset >= timedelta(hours=18) or int(match[3]) > 59:
            times.refuse("zone", "is no offset any clock has: write it such as +03:00.")
        return timezone(offset if match[1] == "+" else -offset)
    try:
        return parse_zone(name)
    except InputInvalid:
        times.refuse("zone", f"is {name!r}, which is no time zone: use a name such as Europe/Berlin, UTC or +03:00.")


def _constants(table: MapTable) -> dict[str, str]:
    found = {name: value for name in TEXT_FIELDS if (value := table.text(name)) is not None}
    for name, value in found.items():
        allowed = ALLOWED.get(name)
        if allowed and value not in allowed:
            table.refuse(name, f"is {value!r}: use one of {', '.join(allowed)}.")
        if value != value.strip() or not value.isprintable():
            table.refuse(name, "has spaces around it or a character that cannot be seen: take it out.")
        if len(value) > 120:
            table.refuse(name, "is longer than 120 characters: shorten it.")
    table.close()
    return found


def _values(table: MapTable, *, columns: dict[str, str]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for name, allowed in ALLOWED.items():
        entries = table.table(name)
        if entries.names() and name not in columns:
            table.refuse(name, f"has values but no column: add {name} under [columns].")
        found[name] = {}
        for text in entries.names():
            meaning = (entries.texts(text, empty=True) or ("",))[0]
            if meaning and meaning not in allowed:
                entries.refuse(text, f'is {meaning!r}: use one of {", ".join(allowed)}, or "" for nothing.')
            found[name][text] = meaning or None
    table.close()
    return found


def _missing(table: MapTable, *, columns: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found = {name: texts for name in TEXT_FIELDS if (texts := table.texts(name))}
    for name in found:
        if name not in columns:
            table.refuse(name, f"has values but no column: add {name} under [columns].")
    found["*"] = table.texts("all") or ()
    table.close()
    return found


def _named_columns(table: MapTable) -> dict[str, str]:
    found = {}
    for name in table.names():
        found[name] = table.text(name) or ""
        if not name.isprintable() or not 0 < len(name) <= 64:
            table.refuse(name, "must be a name of 1 to 64 visible characters.")
    return found


def _durations(table: MapTable) -> dict[str, DurationColumn | DurationBetween]:
    found: dict[str, DurationColumn | DurationBetween] = {}
    for name in DURATIONS:
        if not table.holds_table(name):
            if column := table.text(name):
                found[name] = DurationColumn(column=column)
            continue
        entry = table.table(name)
        column, start, end = entry.text("column"), entry.text("from"), entry.text("to")
        unit = entry.text("unit") or "s"
        entry.close()
        if unit not in UNITS:
            entry.refuse("unit", f"is {unit!r}: use one of {', '.join(UNITS)}.")
        if column and not start and not end:
            found[name] = DurationColumn(column=column, unit=unit)
        elif start and end and not column:
            found[name] = DurationBetween(start=start, end=end)
        else:
            table.refuse(name, 'must be a column, or { column = "…", unit = "ms" }, or { from = "…", to = "…" }.')
    table.close()
    return found


def _times(
    table: MapTable, *, events: dict[str, str], durations: dict[str, DurationColumn | DurationBetween]
) -> TimeMap:
    queued, answered = table.text("queued_at"), table.text("answered_at")
    ended = table.texts("ended_at")
    if not ended:
        table.refuse("ended_at", "is missing: name the column of the end, or several of which the latest is the end.")
    order = table.texts("order")
    between = [c for d in durations.values() if isinstance(d, DurationBetween) for c in (d.start, d.end)]
    named = [*filter(None, (queued, answered)), *ended, *(order or ()), *events.values(), *between]
    instants = tuple(dict.fromkeys(named))
    date = table.text("date")
    formats = _formats(table, instants=instants, dated=date is not None)
    clocks = [column for column, pattern in formats.items() if is_clock(pattern)]
    if clocks and date is None:
        table.refuse("date", f"is missing: {clocks[0]!r} is a time of day, so name the column that holds its date.")
    if date is not None and not clocks:
        table.refuse("date", "is there, but no column is a time of day: take it out, or give time.format a clock.")
    never = {column: texts for column in instants if (texts := table.table("never").texts(column))}
    for column in table.table("never").names():
        if column not in instants:
            table.table("never").refuse(column, "is not a column of moments in this map: name one that is.")
    date_format = table.text("date_format") or "%Y-%m-%d"
    if problem := format_problem(date_format, date_only=True):
        table.refuse("date_format", f"{problem}: write it such as %Y-%m-%d.")
    found = TimeMap(
        formats=formats,
        date=date,
        date_format=date_format,
        # On by default: with one date and several clocks, not looking would date night calls a day early.
        passes_midnight=table.truth("passes_midnight", default=True),
        never=never,
        queued_at=queued,
        answered_at=answered,
        ended_at=ended,
        order=order or (*filter(None, (queued, answered)), *(ended if len(ended) == 1 else ())),
        skew_s=table.whole("skew_s", default=2, low=0, high=3600),
    )
    table.close()
    return found


def _formats(table: MapTable, *, instants: tuple[str, ...], dated: bool) -> dict[str, str]:
    general = table.text("format") or ("%H:%M:%S" if dated else ISO)
    single = table.table("formats")
    found = {column: single.text(column) or general for column in instants}
    single.close(known=instants)
    for column, pattern in found.items():
        if problem := format_problem(pattern):
            where, key = (single, column) if column in single.names() else (table, "format")
            where.refuse(key, f"{problem}: write it such as %d/%m/%Y %H:%M:%S, iso, epoch or epoch_ms.")
    return found

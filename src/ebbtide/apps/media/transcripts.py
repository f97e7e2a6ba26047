"""Reading transcripts, whatever wrote them: who said what, and when.

Known are turns with milliseconds (`turns`: speaker, start_ms, end_ms, text), segments with seconds as speech
recognizers write them (`segments` or a bare list: speaker, start, end, text), and plain text, a line a turn. What
cannot be read gives no turns; nothing in a transcript can make reading it fail.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 8 * 1024 * 1024
"""Bytes of the longest transcript that is read."""
_MOST_TURNS = 20_000
_MS = 1_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said: milliseconds from the recording's beginning (None where not known), who, what."""

    start_ms: int | None
    end_ms: int | None
    speaker: str
    text: str


def read_transcript(data: bytes) -> tuple[Turn, ...]:
    """Read a transcript; no turns where it cannot be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _of_text(text)
    if isinstance(found, Mapping):
        found = next((found[name] for name in ("turns", "segments") if isinstance(found.get(name), list)), [])
    if not isinstance(found, list):
        return _of_text(text)
    return tuple(turn for one in found[:_MOST_TURNS] if isinstance(one, Mapping) and (turn := _turn(one)))


def _of_text(text: str) -> tuple[Turn, ...]:
    return tuple(_lines(text.splitlines()))


def _lines(lines: Iterable[str]) -> Iterable[Turn]:
    for number, line in enumerate(lines):
        if number >= _MOST_TURNS:
            return
        if line.strip():
            yield Turn(None, None, "", line.strip())


def _turn(one: Mapping[str, Any]) -> Turn | None:
    text = one.get("text")
    if not isinstance(text, str) or not text.strip():
        return None
    speaker = one.get("speaker")
    return Turn(_instant(one, "start"), _instant(one, "end"), speaker if isinstance(speaker, str) else "", text.strip())


def _instant(one: Mapping[str, Any], name: str) -> int | None:
    for key, scale in ((f"{name}_ms", 1), (name, _MS)):
        value = one.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:  # noqa: PLR2004
            return int(value * scale)
    return None

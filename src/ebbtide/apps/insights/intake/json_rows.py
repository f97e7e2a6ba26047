"""Rows of a JSON lines file: one object a line, nested values found by dotted path.

Numbers keep the text they have in the file: an id such as 1710053095.420 must not lose its zero on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from ebbtide.apps.insights.intake.mapping import SegmentMap
from ebbtide.apps.insights.intake.pieces import Piece, Reject
from ebbtide.apps.insights.intake.source import Blocks, decoded
from ebbtide.domain.errors import InputInvalid

_PROBED_ROWS: Final = 1000


def json_pieces(blocks: Blocks, *, mapping: SegmentMap, rows: int) -> Iterator[Piece]:
    """Read the rows of a JSON lines file, each in exactly one piece; blank lines are no rows.

    Args:
        blocks: the file.
        mapping: the map whose values are taken.
        rows: most rows in a piece.

    Yields:
        Pieces in the order of the file.
    """
    paths = [(name, tuple(name.split("."))) for name in mapping.needed]
    number = 0
    for block in blocks:
        lines = block.removesuffix(b"\n").split(b"\n")
        for start in range(0, len(lines), rows):
            columns: list[list[str | None]] = [[] for _ in paths]
            numbers: list[int] = []
            raws: list[str] = []
            rejects: list[Reject] = []
            for line in lines[start : start + rows]:
                number += 1
                raw = decoded(line.removesuffix(b"\r"))
                if not raw.strip():
                    continue
                found = _json_object(raw)
                if isinstance(found, str):
                    rejects.append(Reject(line=number, reason=found, row=raw))
                    continue
                numbers.append(number)
                raws.append(raw)
                for column, (name, parts) in zip(columns, paths, strict=True):
                    column.append(_json_text(found, name=name, parts=parts))
            frame = pl.DataFrame(
                [pl.Series(name, column, dtype=pl.String) for (name, _), column in zip(paths, columns, strict=True)]
            )
            yield Piece(frame, numbers, raws, rejects, blocks.position)


def _json_object(raw: str) -> dict[str, object] | str:
    """Read one line; numbers stay the texts they are. Answers with a reason where it is no object."""
    try:
        found = json.loads(raw, parse_int=str, parse_float=str, parse_constant=_no_number)
        if "\\u" in raw:
            # Half a surrogate pair is legal JSON and no legal text: nothing could store it.
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    except RecursionError:
        return "is nested too deeply"
    except ValueError as exc:
        return f"is not JSON ({exc})"
    return found if isinstance(found, dict) else "is not a JSON object"


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _json_text(row: dict[str, object], *, name: str, parts: tuple[str, ...]) -> str | None:
    """Find a value by its name, or by its dotted path, as text; None where there is none."""
    value: object = row.get(name)
    if value is None and len(parts) > 1:
        value = row
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def probe_json(blocks: Blocks, *, path: Path, mapping: SegmentMap) -> None:
    """Refuse a map whose key, queue or every end is nowhere in the first rows: it would reject or undate them all.

    Raises:
        InputInvalid: names the value that is nowhere.
    """
    wanted = [(name,) for name in mapping.required] + [mapping.time.ended_at]
    seen = 0
    missing = list(wanted)
    for block in blocks:
        for line in block.split(b"\n"):
            found = _json_object(decoded(line)) if line.strip() else ""
            if isinstance(found, str):
                continue
            seen += 1
            missing = [
                names
                for names in missing
                if not any(_json_text(found, name=name, parts=tuple(name.split("."))) for name in names)
            ]
            if not missing:
                return
            if seen >= _PROBED_ROWS:
                break
        if seen >= _PROBED_ROWS:
            break
    if seen:
        names = missing[0]
        raise InputInvalid(
            f"{path}: none of the first {seen} rows has {' or '.join(map(repr, names))}, which the map names: "
            "mend the map or the export.",
            field=names[0],
        )

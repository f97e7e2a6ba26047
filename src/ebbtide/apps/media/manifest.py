"""Manifests: which file is which recording of which segment.

A manifest names files relative to itself, and nothing outside its own folder: a path that climbs out, by `..` or by a
link, is rejected.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ebbtide.domain.cell import OBJECT_TYPES, DataType
from ebbtide.domain.errors import InputInvalid

_COLUMNS = ("file", "kind", "segment")
_NO_OBJECT = "not an object"
_KINDS = {str(kind) for kind in OBJECT_TYPES}


@dataclass(frozen=True, slots=True)
class Line:
    """A usable line of a manifest."""

    line: int
    path: Path
    kind: DataType
    source_key: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be used, and why."""

    line: int
    reason: str
    row: str


def read_manifest(path: Path) -> Iterator[Line | Rejected]:
    """Read a manifest, CSV with a header or JSON lines (by its name's ending).

    It is read to its end before the first line is given, so that one that ends badly changes nothing.

    Raises:
        InputInvalid: the manifest itself cannot be read.
    """
    for _ in _rows(path):
        pass
    folder = path.parent.resolve()
    for number, row in _rows(path):
        yield _line(number, row, folder=folder)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    try:
        if path.stat().st_size == 0:
            raise InputInvalid(
                f"{path.name} is empty: a manifest has the columns file, kind and segment.", field="manifest"
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            is_json = path.suffix in {".jsonl", ".ndjson"}
            yield from _json_rows(file) if is_json else _csv_rows(file, name=path.name)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise InputInvalid(f"{path.name} cannot be read as UTF-8 text: {exc}.", field="manifest") from exc


def _csv_rows(file: Iterator[str], *, name: str) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(file, strict=True)
    missing = [column for column in _COLUMNS if column not in (reader.fieldnames or [])]
    if missing:
        raise InputInvalid(
            f"{name} has no column {missing[0]!r}: a manifest has file, kind and segment.", field="manifest"
        )
    for row in reader:
        yield reader.line_num, {str(key): value for key, value in row.items()}


def _json_rows(file: Iterator[str]) -> Iterator[tuple[int, dict[str, object]]]:
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        yield number, row if isinstance(row, dict) else {_NO_OBJECT: text.rstrip("\r\n")}


def _line(number: int, row: dict[str, object], *, folder: Path) -> Line | Rejected:
    told = _writable(json.dumps(row, ensure_ascii=False, default=str))
    values = [row.get(column) for column in _COLUMNS]
    file, kind, segment = (value if isinstance(value, str) else "" for value in values)
    path = _resolved(folder, file)
    reason = ""
    if _NO_OBJECT in row:
        reason = "it is not a JSON object"
    elif not (file and kind and segment):
        missing = next(column for column, value in zip(_COLUMNS, (file, kind, segment), strict=True) if not value)
        reason = f"{missing} is missing"
    elif kind not in _KINDS:
        reason = f"kind {kind!r} is none of audio, transcript, desktop"
    elif not segment.isprintable() or "../" in segment:
        reason = "segment holds control characters or ../"
    elif "\0" in file or not (path is None or path.is_relative_to(folder)):
        reason = f"file {file!r} lies outside the manifest's folder"
    elif path is None or not path.is_file():
        reason = f"file {file!r} is not there"
    if reason or path is None:
        return Rejected(number, reason, told)
    return Line(number, path, DataType(kind), segment)


def _resolved(folder: Path, file: str) -> Path | None:
    """Follow a name to the end of its links; None for a name no file can have, or links that go round."""
    try:
        path = (folder / file).resolve()
        path.stat()
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError):
        return None
    return path


def _writable(text: str) -> str:
    """Escape halves of surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return text.encode(errors="backslashreplace").decode()

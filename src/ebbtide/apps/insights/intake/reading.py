"""The file: looked over whole before anything is imported, then read in pieces with every line accounted for.

Looked over first, because an import that stops in the middle leaves people guessing what came in: a file that is cut
off, or in the wrong encoding, or without a column the map names, is refused while nothing has been changed yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ebbtide.apps.insights.intake.csv_rows import Header, csv_pieces
from ebbtide.apps.insights.intake.json_rows import json_pieces, probe_json
from ebbtide.apps.insights.intake.mapping import SegmentMap
from ebbtide.apps.insights.intake.pieces import Piece
from ebbtide.apps.insights.intake.source import CHUNK, Blocks, TextCheck, opened

_JSON_NAMES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Preflight:
    """What a look over the whole file found.

    Args:
        total_bytes: size of the file as it lies on disk, for a progress bar.
        columns: names in the header; empty for JSON lines.
    """

    total_bytes: int
    columns: tuple[str, ...]


def preflight(path: Path, mapping: SegmentMap) -> Preflight:
    """Look over the whole file before anything is imported.

    Args:
        path: CSV or JSON lines, plain or gzip.
        mapping: the map whose columns it must have.

    Returns:
        Its size and columns. Memory stays flat however long the file is.

    Raises:
        InputInvalid: the file is absent, empty, cut off, not gzip where its name says so, not UTF-8, holds NUL or
            absurdly long lines, or lacks a column the map names.
    """
    with opened(path) as source:
        check = TextCheck(path)
        while chunk := source.read(CHUNK):
            check.feed(chunk)
        check.finish()
    with opened(path) as source:
        if is_json(path, mapping=mapping):
            probe_json(Blocks(source, path=path), path=path, mapping=mapping)
            columns: tuple[str, ...] = ()
        else:
            columns = Header(Blocks(source, path=path), path=path, mapping=mapping).names
    return Preflight(total_bytes=path.stat().st_size, columns=columns)


def is_json(path: Path, *, mapping: SegmentMap) -> bool:
    """Tell whether a file is to be read as JSON lines."""
    if mapping.format:
        return mapping.format == "jsonl"
    return path.name.lower().removesuffix(".gz").endswith(_JSON_NAMES)


def read_pieces(path: Path, *, mapping: SegmentMap, rows: int) -> Iterator[Piece]:
    """Read a file piece by piece; each row stands in exactly one piece, split or rejected.

    Args:
        path: CSV or JSON lines, plain or gzip.
        mapping: the map whose columns are taken.
        rows: most rows in a piece.

    Yields:
        Pieces in the order of the file. Blank lines are no rows.

    Raises:
        InputInvalid: as `preflight`, should the file have changed since.
    """
    with opened(path) as source:
        blocks = Blocks(source, path=path)
        if is_json(path, mapping=mapping):
            yield from json_pieces(blocks, mapping=mapping, rows=rows)
        else:
            yield from csv_pieces(blocks, path=path, mapping=mapping, rows=rows)

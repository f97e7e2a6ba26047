"""A file and its map to batches of segments, one call for the loader.

A generator, so that the loader writes one batch while the next is read and memory stays flat however long the file is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from ebbtide.apps.insights.intake.mapping import SegmentMap
from ebbtide.apps.insights.intake.pieces import Reject
from ebbtide.apps.insights.intake.reading import read_pieces
from ebbtide.apps.insights.intake.shaping import EVENT_SCHEMA, SEGMENT_SCHEMA, Shaper

__all__ = ["EVENT_SCHEMA", "SEGMENT_SCHEMA", "Batch", "Reject", "read_segments"]


@dataclass(frozen=True)
class Batch:
    """Some rows of the file, ready for the database.

    Args:
        segments: rows by SEGMENT_SCHEMA; undatable ones among them have no day.
        events: rows by EVENT_SCHEMA, tied to their segment by its line.
        rejects: rows that became no segment.
        read: rows of the file in this batch, always segments plus rejects.
        position: bytes of the file read so far, as it lies on disk.
    """

    segments: pl.DataFrame
    events: pl.DataFrame
    rejects: list[Reject]
    read: int
    position: int


def read_segments(
    path: Path, *, mapping: SegmentMap, zone: ZoneInfo, now: datetime, batch_rows: int = 50_000
) -> Iterator[Batch]:
    """Read a file as segments.

    Args:
        path: CSV or JSON lines, plain or gzip; `preflight` should have seen it.
        mapping: its map.
        zone: the organization's zone, in which days are counted.
        now: aware UTC; what ended more than 48 h later is undatable.
        batch_rows: most rows of the file in a batch.

    Yields:
        Batches in the order of the file; every row that is not blank is in exactly one, as a segment or a reject.

    Raises:
        InputInvalid: the file cannot be read any further, or lacks a column.
    """
    shaper = Shaper(mapping, zone=zone, now=now)
    for piece in read_pieces(path, mapping=mapping, rows=batch_rows):
        shaped = shaper.shape(piece.frame, lines=piece.lines)
        refused = [Reject(line=piece.lines[at], reason=why, row=piece.raws[at]) for at, why in shaped.refused]
        rejects = sorted([*piece.rejects, *refused], key=lambda reject: reject.line) if refused else piece.rejects
        read = len(piece.lines) + len(piece.rejects)
        if read:
            yield Batch(
                segments=shaped.segments,
                events=shaped.events,
                rejects=rejects,
                read=read,
                position=piece.position,
            )

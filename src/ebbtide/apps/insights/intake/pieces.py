"""What reading hands to shaping: rows split into columns, and rows that could not even be split."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Reject:
    """An input row that cannot become a segment.

    Args:
        line: physical line on which it begins, counted from 1.
        reason: why, in plain words.
        row: the row as it stands in the file.
    """

    line: int
    reason: str
    row: str


@dataclass(frozen=True)
class Piece:
    """Some rows of the file, split into columns but not yet understood.

    Args:
        frame: one text column per source column the map needs, null where missing.
        lines: physical line on which each row of the frame begins.
        raws: each row of the frame as it stands in the file.
        rejects: rows that could not even be split.
        position: bytes of the file read so far.
    """

    frame: pl.DataFrame
    lines: list[int]
    raws: list[str]
    rejects: list[Reject]
    position: int

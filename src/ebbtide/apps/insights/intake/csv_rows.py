"""Rows of a CSV file, each with the physical line on which it begins.

Two ways lead through a file. A block without a single quote is split by polars, which is what makes half a million
rows a matter of seconds; a block with quotes goes through the standard library's reader, because only that one says on
which physical line a record began. Both give the same rows (a test holds them against each other).
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ebbtide.apps.insights.intake.mapping import SegmentMap
from ebbtide.apps.insights.intake.pieces import Piece, Reject
from ebbtide.apps.insights.intake.source import Blocks, decoded
from ebbtide.domain.errors import InputInvalid


class _Physical:
    """Physical lines for the standard library's reader, fetched from further blocks while a record goes on.

    `count` is the number of lines handed out, `taken` those since the last record ended.
    """

    def __init__(self, block: bytes, blocks: Blocks, *, count: int) -> None:
        self._blocks = blocks
        self._lines = _text_lines(block)
        self._next = 0
        self.count = count
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.drained:
            self._lines, self._next = _text_lines(next(self._blocks)), 0
        line = self._lines[self._next]
        self._next += 1
        self.count += 1
        self.taken.append(line)
        return line

    @property
    def drained(self) -> bool:
        return self._next >= len(self._lines)

    def rest(self) -> bytes:
        return "".join(self._lines[self._next :]).encode()


def _text_lines(block: bytes) -> list[str]:
    try:
        return io.StringIO(block.decode(), newline="").readlines()
    except UnicodeDecodeError as exc:
        raise InputInvalid("The file is not UTF-8: save it as UTF-8.", field="file") from exc


class Header:
    """The names of the columns, and where those the map needs stand."""

    def __init__(self, blocks: Blocks, *, path: Path, mapping: SegmentMap) -> None:
        self.lines = 0
        if mapping.header:
            self.names = mapping.header
        else:
            self.names = self._read(blocks, path=path, mapping=mapping)
        for name in mapping.needed:
            found = self.names.count(name)
            if found != 1:
                problem = "has no column" if not found else "has more than one column"
                shown = ", ".join(self.names[:40])
                raise InputInvalid(
                    f"{path} {problem} {name!r}, which the map names: mend the map or the file. Its columns: {shown}.",
                    field=name,
                )
        self.places = [self.names.index(name) for name in mapping.needed]

    def _read(self, blocks: Blocks, *, path: Path, mapping: SegmentMap) -> tuple[str, ...]:
        physical = _Physical(b"", blocks, count=0)
        reader = csv.reader(physical, delimiter=mapping.delimiter, strict=True)
        try:
            names = next((row for row in reader if row), [])
        except csv.Error as exc:
            raise InputInvalid(f"{path}: the header cannot be read ({exc}): mend its quotes.", field="file") from exc
        if not any(name.strip() for name in names):
            raise InputInvalid(
                f"{path} has no header row: add one, or list the columns as header in the map.", field="file"
            )
        self.lines = physical.count
        blocks.push(physical.rest())
        return tuple(name.strip() for name in names)


def csv_pieces(blocks: Blocks, *, path: Path, mapping: SegmentMap, rows: int) -> Iterator[Piece]:
    """Read the rows of a CSV file, each in exactly one piece; blank lines are no rows.

    Args:
        blocks: the file.
        path: its name, for messages.
        mapping: the map whose columns are taken.
        rows: most rows in a piece.

    Yields:
        Pieces in the order of the file.

    Raises:
        InputInvalid: the header cannot be read, or lacks a column the map names.
    """
    header = Header(blocks, path=path, mapping=mapping)
    splitter = _Splitter(header, mapping=mapping, rows=rows)
    line = header.lines
    for block in blocks:
        plain = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        # Quotes, lone CRs, and what polars treats in its own way (NUL, a byte-order mark), take the exact way.
        if any(mark in plain for mark in (b'"', b"\r", b"\0", codecs.BOM_UTF8)):
            physical = _Physical(block, blocks, count=line)
            yield from splitter.careful(physical, blocks=blocks)
            line = physical.count
            continue
        lines = plain.removesuffix(b"\n").split(b"\n")
        for start in range(0, len(lines), rows):
            yield splitter.quick(lines[start : start + rows], first=line + start + 1, position=blocks.position)
        line += len(lines)


class _Splitter:
    """Rows of one CSV file into the columns a map needs."""

    def __init__(self, header: Header, *, mapping: SegmentMap, rows: int) -> None:
        self._width = len(header.names)
        self._places = header.places
        self._names = mapping.needed
        self._delimiter = mapping.delimiter
        self._rows = rows

    def quick(self, lines: list[bytes], *, first: int, position: int) -> Piece:
        """Split lines that hold no quote: one line is one row."""
        mark, joints = self._delimiter.encode(), self._width - 1
        limit = csv.field_size_limit()
        good: list[bytes] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        for number, line in enumerate(lines, start=first):
            if not line:
                continue
            joined = line.count(mark)
            reason = None
            if len(line) > limit and max(map(len, decoded(line).split(self._delimiter))) > limit:
                reason = _too_long(limit)
            elif joined != joints:
                reason = self._count_reason(joined + 1)
            if reason is None:
                good.append(line)
                numbers.append(number)
            else:
                rejects.append(Reject(line=number, reason=reason, row=decoded(line)))
        raws = decoded(b"\n".join(good)).split("\n") if good else []
        return Piece(frame=self._frame_of_lines(good), lines=numbers, raws=raws, rejects=rejects, position=position)

    def careful(self, physical: _Physical, *, blocks: Blocks) -> Iterator[Piece]:
        """Split lines that may hold quotes: a row may go over several lines, and into the next block."""
        reader = csv.reader(physical, delimiter=self._delimiter, strict=True)
        rows: list[list[str]] = []
        numbers: list[int] = []
        raws: list[str] = []
        rejects: list[Reject] = []
        while not physical.drained:
            begun = physical.count + 1
            physical.taken = []
            reason, row = None, []
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as exc:
                reason = _too_long(csv.field_size_limit()) if "limit" in str(exc) else f"broken quoting ({exc})"
            raw = "".join(physical.taken).rstrip("\r\n")
            if reason is None and row and len(row) != self._width:
                reason = self._count_reason(len(row))
            if reason is not None:
                rejects.append(Reject(line=begun, reason=reason, row=raw))
            elif row:
                rows.append(row)
                numbers.append(begun)
                raws.append(raw)
            if len(rows) + len(rejects) >= self._rows:
                yield Piece(self._frame_of_rows(rows), numbers, raws, rejects, blocks.position)
                rows, numbers, raws, rejects = [], [], [], []
        yield Piece(self._frame_of_rows(rows), numbers, raws, rejects, blocks.position)

    def _count_reason(self, found: int) -> str:
        return f"{found} fields where the header has {self._width}"

    def _frame_of_rows(self, rows: list[list[str]]) -> pl.DataFrame:
        return pl.DataFrame(
            [
                pl.Series(name, [row[place] for row in rows], dtype=pl.String)
                for name, place in zip(self._names, self._places, strict=True)
            ]
        )

    def _frame_of_lines(self, lines: list[bytes]) -> pl.DataFrame:
        if not lines:
            return self._frame_of_rows([])
        frame = pl.read_csv(
            b"\n".join(lines),
            has_header=False,
            separator=self._delimiter,
            quote_char=None,
            schema={str(place): pl.String() for place in range(self._width)},
        )
        if frame.height != len(lines):
            # Never seen; were it to happen, rows would be given the wrong line, so the exact way takes over.
            texts = [decoded(line).split(self._delimiter) for line in lines]
            return self._frame_of_rows(texts)
        return frame.select(
            [pl.col(str(place)).alias(name) for name, place in zip(self._names, self._places, strict=True)]
        )


def _too_long(limit: int) -> str:
    return f"a field longer than {limit} characters"

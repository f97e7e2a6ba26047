"""The archive as a stream: files as they are read, and last what they add up to.

Nothing is kept of what went by but its digest, so memory is that of one day's list of recordings, whatever the size.
`manifest.csv` names every file with its size and SHA-256, `counts.csv` every cell with what became of it, and
`manifest.json` comes last and vouches for both.
"""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import version
from itertools import chain
from typing import IO, Protocol

import polars as pl
from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from ebbtide.apps.exports import taking
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.names import BEGINNINGS_BYTES, COUNTS, FILES, MANIFEST, kind_of, recording_name, rows_name
from ebbtide.apps.exports.taking import EVENT_COLUMNS, SEGMENT_COLUMNS, Batch, Recording, Row
from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.errors import Broken
from ebbtide.domain.identity import public_id
from ebbtide.web.spreadsheet import csv_lines

PARQUET_ROWS = 100_000
"""Rows of one Parquet file: it is put together in memory."""
_WRITE_BYTES = 64 * 1024
_LEVEL = 6
FILE_COLUMNS = ("path", "data_type", "day", "queue_id", "segment", "items", "bytes", "sha256")
COUNT_COLUMNS = ("data_type", "queue_id", "queue", "day", "items", "bytes", "state", "due")
_NUMBERS = {"wait_s", "talk_s", "hold_s", "wrap_s"}


class Reads(Protocol):
    """A store that gives objects."""

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the manifest says beside what is in the archive.

    Attributes:
        org, zone: the organization's name and time zone.
        began: aware instant at which this attempt began.
        queues: names by number.
        due: the first night that takes a cell, by (Q, data type, day); None where no job ever does.
    """

    org: str
    zone: str
    began: datetime
    queues: dict[int, str]
    due: Callable[[int, DataType, date], date | None]


@dataclass(slots=True)
class Summary:
    """What went into an archive, kept to hold it against what is read back.

    Attributes:
        files: how many, without the three that tell of them.
        size: of these, in bytes.
        digests: of the three files that tell of the others, by name.
        cells: what became of each cell: (data type, Q, day, items, bytes, state).
        totals: what is in it, by data type.
    """

    files: int = 0
    size: int = 0
    digests: dict[str, bytes] = field(default_factory=dict)
    cells: list[tuple[DataType, int, date, int, int, str]] = field(default_factory=list)
    totals: dict[DataType, Amount] = field(default_factory=dict)


class Archive:
    """One archive, written once."""

    def __init__(self, export: Export, *, store: Reads, told: Told, beat: Callable[[Amount], None]) -> None:
        """Prepare it.

        Args:
            export: what was asked for.
            store: where recordings are.
            told: what else the manifest says.
            beat: told after each piece how much went by; ends the writing by raising.
        """
        self._export, self._store, self._told, self._beat = export, store, told, beat
        # names and digests alone, and no name of its own in the file system; closed when the last line is read
        self._lines: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115
        self._written = csv.writer(self._lines, quoting=csv.QUOTE_ALL)
        self.summary = Summary()

    def stream(self, plan: dict[tuple[date, DataType], dict[int, Amount]]) -> Iterator[bytes]:
        """Give the archive's bytes.

        Args:
            plan: the cells there were to take when it was begun.

        Raises:
            StoreUnreachable: a recording could not be read.
            CellsDrifted: counts and data disagree.
        """
        zipped = ZipStream(compress_type=ZIP_STORED)
        with closing(self._lines):
            self._written.writerow(FILE_COLUMNS)
            for (day, data_type), cells in plan.items():
                batch = taking.take(self._export, day=day, data_type=data_type)
                self._beat(Amount())
                if data_type.is_object:
                    yield from self._recordings(zipped, batch)
                elif batch.taken:
                    yield from self._rows(zipped, batch)
                self._count(batch, planned=cells)
            yield from self._manifest(zipped)
        yield from zipped.finalize()

    def _rows(self, zipped: ZipStream, batch: Batch) -> Iterator[bytes]:
        for what, columns, rows in (
            ("segments", SEGMENT_COLUMNS, taking.segment_rows(batch, org=self._export.org_id)),
            ("events", EVENT_COLUMNS, taking.event_rows(batch, org=self._export.org_id)),
        ):
            made = self._csv if self._export.format == "csv" else self._parquet
            with closing(rows):
                for part, (content, count) in enumerate(made(columns, rows), start=1):
                    name = rows_name(what, day=batch.day, format=self._export.format, part=part)
                    yield from self._file(
                        zipped, name, content, items=count, place=(batch.data_type, batch.day, "", ""), deflate=True
                    )
        self._beat(Amount(0, sum(one.bytes for one in batch.taken.values())))

    def _csv(self, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[tuple[Iterator[bytes], Callable[[], int]]]:
        count = 0

        def counted() -> Iterator[Sequence[object]]:
            nonlocal count
            yield columns
            for row in rows:
                count += 1
                yield ["" if value is None else value for value in row]
                if not count % taking.FETCH_ROWS:
                    self._beat(Amount(taking.FETCH_ROWS if columns is SEGMENT_COLUMNS else 0))
            self._beat(Amount(count % taking.FETCH_ROWS if columns is SEGMENT_COLUMNS else 0))

        yield _blocks(csv_lines(counted())), lambda: count

    def _parquet(
        self, columns: Sequence[str], rows: Iterable[Row]
    ) -> Iterator[tuple[Iterator[bytes], Callable[[], int]]]:
        schema = {name: pl.Int32 if name in _NUMBERS else pl.String for name in columns}
        held: list[Row] = []

        def written() -> tuple[Iterator[bytes], Callable[[], int]]:
            count, buffer = len(held), io.BytesIO()
            pl.DataFrame(held, schema=schema, orient="row").with_columns(
                pl.col("day").str.to_date("%Y-%m-%d"),
                *(
                    pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_zone="UTC")
                    for name in columns
                    if name == "at" or name.endswith("_at")
                ),
            ).write_parquet(buffer)
            held.clear()
            self._beat(Amount(count if columns is SEGMENT_COLUMNS else 0))
            return iter([buffer.getvalue()]), lambda: count

        for row in rows:
            held.append(row)
            if len(held) == PARQUET_ROWS:
                yield written()
        if held:
            yield written()

    def _recordings(self, zipped: ZipStream, batch: Batch) -> Iterator[bytes]:
        number, before = 0, None
        for one in batch.recordings:
            number = number + 1 if one.segment == before else 1
            before = one.segment
            yield from self._recording(zipped, one, batch=batch, number=number)
            self._beat(Amount(1, one.size))

    def _recording(self, zipped: ZipStream, one: Recording, *, batch: Batch, number: int) -> Iterator[bytes]:
        source = iter(self._store.get(one.key))
        beginning = b""
        for chunk in source:
            beginning += chunk
            if len(beginning) >= BEGINNINGS_BYTES:
                break
        name = recording_name(
            batch.data_type, day=batch.day, queue=one.queue, segment=one.segment, number=number, kind=kind_of(beginning)
        )
        digest = yield from self._file(
            zipped,
            name,
            chain([beginning], source),
            items=lambda: 1,
            place=(batch.data_type, batch.day, public_id("que", one.queue), str(one.segment)),
            deflate=batch.data_type is DataType.TRANSCRIPT,
        )
        if digest != one.sha256:
            raise Broken(
                f"{one.key} is not what was stored under it: its SHA-256 is another. Nothing that was changed is "
                "exported; find out what writes into the object store."
            )

    def _file(
        self,
        zipped: ZipStream,
        name: str,
        content: Iterable[bytes],
        *,
        items: Callable[[], int],
        place: tuple[DataType, date, str, str],
        deflate: bool,
    ) -> Generator[bytes, None, bytes]:
        """Write a file and its line; gives its SHA-256 at the end."""
        digest, size = hashlib.sha256(), 0

        def seen() -> Iterator[bytes]:
            nonlocal size
            for block in content:
                digest.update(block)
                size += len(block)
                yield block

        _add(zipped, name, seen(), deflate=deflate)
        yield from zipped.all_files()
        data_type, day, queue, segment = place
        self._written.writerow([name, data_type, day, queue, segment, items(), size, digest.hexdigest()])
        self.summary.files += 1
        self.summary.size += size
        return digest.digest()

    def _count(self, batch: Batch, *, planned: dict[int, Amount]) -> None:
        cells = self.summary.cells
        for queue in sorted(planned.keys() | batch.taken.keys() | batch.left.keys()):
            if queue in batch.taken:
                amount, state = batch.taken[queue], "exported"
            elif queue in batch.left:
                amount, why = batch.left[queue]
                state = "purged" if why == "purged" else "being purged"
            else:
                amount, state = planned[queue], "purged"
            cells.append((batch.data_type, queue, batch.day, amount.items, amount.bytes, state))
            if state == "exported":
                sums = self.summary.totals
                sums[batch.data_type] = sums.get(batch.data_type, Amount()) + amount

    def _manifest(self, zipped: ZipStream) -> Iterator[bytes]:
        self._lines.flush()
        self._lines.seek(0)
        yield from self._told_file(zipped, FILES, (line.encode() for line in self._lines))
        yield from self._told_file(zipped, COUNTS, _blocks(csv_lines(self._count_lines())))
        text = json.dumps(self._head(), ensure_ascii=False, indent=2)
        yield from self._told_file(zipped, MANIFEST, iter([text.encode()]))

    def _told_file(self, zipped: ZipStream, name: str, content: Iterator[bytes]) -> Iterator[bytes]:
        digest = hashlib.sha256()

        def seen() -> Iterator[bytes]:
            for block in content:
                digest.update(block)
                yield block

        _add(zipped, name, seen(), deflate=True)
        yield from zipped.all_files()
        self.summary.digests[name] = digest.digest()

    def _count_lines(self) -> Iterator[Sequence[object]]:
        yield COUNT_COLUMNS
        for data_type, queue, day, items, size, state in self.summary.cells:
            due = self._told.due(queue, data_type, day) if state == "exported" else None
            name = self._told.queues.get(queue, "")
            yield (
                data_type, public_id("que", queue), name, day.isoformat(), items, size, state,
                "" if due is None else due.isoformat(),
            )  # fmt: skip

    def _head(self) -> dict[str, object]:
        export, summary = self._export, self.summary
        left = [cell for cell in summary.cells if cell[-1] != "exported"]
        return {
            "export": public_id("exp", export.id),
            "organization": {"id": public_id("org", export.org_id), "name": self._told.org, "zone": self._told.zone},
            "made_by": f"Ebbtide {version('ebbtide')}",
            "asked_at": _moment(export.asked_at),
            "as_of": _moment(self._told.began),
            "format": export.format,
            "selection": {
                "first_day": export.first.isoformat(),
                "last_day": export.last.isoformat(),
                "data_types": list(export.types),
                "queues": [
                    {"id": public_id("que", queue), "name": self._told.queues.get(queue, "")} for queue in export.queues
                ],
            },
            "files": {
                "count": summary.files,
                "bytes": summary.size,
                "listed_in": FILES,
                "sha256": summary.digests[FILES].hex(),
            },
            "counts": {
                "listed_in": COUNTS,
                "sha256": summary.digests[COUNTS].hex(),
                "exported": {
                    kind: {"items": summary.totals[kind].items, "bytes": summary.totals[kind].bytes}
                    for kind in DataType
                    if kind in summary.totals
                },
                "left_out": {"cells": len(left), "items": sum(cell[3] for cell in left)},
            },
        }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _blocks(lines: Iterable[str]) -> Iterator[bytes]:
    """Put lines together into blocks, so that not each of them is a step of its own."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _WRITE_BYTES:
            yield "".join(held).encode()
            held, size = [], 0
    if held:
        yield "".join(held).encode()


def _add(zipped: ZipStream, name: str, content: Iterator[bytes], *, deflate: bool) -> None:
    if deflate:
        zipped.add(content, name, compress_type=ZIP_DEFLATED, compress_level=_LEVEL)
    else:
        zipped.add(content, name, compress_type=ZIP_STORED)

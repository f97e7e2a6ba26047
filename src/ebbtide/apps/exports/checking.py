"""Reading an archive back out of the store, as whoever gets it will: is it what was meant?

Every file is read to its end and held against the manifest, the manifests against their digests, and the report rows
are counted anew against the cells. Only then is an export called ready.
"""

import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import IO, BinaryIO

import polars as pl

from ebbtide.apps.exports.archive import Summary
from ebbtide.apps.exports.names import COUNTS, FILES, MANIFEST
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import Broken
from ebbtide.domain.identity import public_id

_READ_BYTES = 1024 * 1024
Counts = Counter[tuple[str, str, str]]
"""Items by (data type, Q's id, day)."""


def check(source: BinaryIO, *, summary: Summary, beat: Callable[[int], None]) -> None:
    """Read an archive to its end.

    Args:
        source: the archive.
        summary: what was written into it.
        beat: told how many bytes of the archive were read so far; ends the reading by raising.

    Raises:
        Broken: it is not what was meant.
        OSError: it could not be read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _check(archive, summary=summary, beat=lambda: beat(source.tell()))
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, ValueError, KeyError, pl.exceptions.PolarsError) as exc:
        raise Broken(f"The archive that was written cannot be read back ({type(exc).__name__}).") from exc


def _check(archive: zipfile.ZipFile, *, summary: Summary, beat: Callable[[], None]) -> None:
    for name, digest in summary.digests.items():
        _demand(_digest(archive, name, beat=beat)[1] == digest, f"{name} is not what was written")
    with archive.open(MANIFEST) as file:
        head = json.load(file)
    _demand(head["files"]["sha256"] == summary.digests[FILES].hex(), f"{MANIFEST} names another {FILES}")
    _demand(head["counts"]["sha256"] == summary.digests[COUNTS].hex(), f"{MANIFEST} names another {COUNTS}")
    there = set(archive.namelist()) - {MANIFEST, FILES, COUNTS}
    counts: Counts = Counter()
    with archive.open(FILES) as file:
        for line in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")):
            name = line["path"]
            _demand(name in there, f"{name} is not there, or twice")
            there.discard(name)
            counted = Counts()
            size, digest = _digest(archive, name, beat=beat)
            if line["queue_id"]:
                counted[line["data_type"], line["queue_id"], line["day"]] = 1
            elif name.startswith("segments/"):
                counted = _count_rows(archive, name)
            _demand((str(size), digest.hex()) == (line["bytes"], line["sha256"]), f"{name} is not what was written")
            if not name.startswith("events/"):
                _demand(str(counted.total()) == line["items"], f"{name} holds other than {line['items']} items")
            counts += counted
    _demand(not there, f"there are {len(there)} files that no manifest names")
    wanted: Counts = Counter()
    for data_type, queue, day, items, _size, state in summary.cells:
        if state == "exported":
            wanted[data_type, public_id("que", queue), day.isoformat()] = items
    _demand(counts == wanted, "files and cells do not count the same")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(f"The archive that was written is not whole: {otherwise}.")


def _digest(archive: zipfile.ZipFile, name: str, *, beat: Callable[[], None]) -> tuple[int, bytes]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as file:
        for block in _blocks(file):
            digest.update(block)
            size += len(block)
            beat()
    return size, digest.digest()


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_READ_BYTES):
        yield block


def _count_rows(archive: zipfile.ZipFile, name: str) -> Counts:
    counts: Counts = Counter()
    with archive.open(name) as file:
        if name.endswith(".parquet"):
            frame = pl.read_parquet(io.BytesIO(file.read()), columns=["day", "queue_id"])
            for day, queue, items in frame.group_by("day", "queue_id").len().iter_rows():
                counts[DataType.INSIGHTS, queue, _iso(day)] = items
        else:
            for row in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline="")):
                counts[DataType.INSIGHTS, row["queue_id"], row["day"]] += 1
    return counts


def _iso(day: date) -> str:
    return day.isoformat()

"""Import of report rows from a file: every row of it ends as exactly one of five things.

Reading and loading run side by side: the reader is a thread of its own that stays at most a few batches ahead, so
memory is flat and neither waits for the other.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ebbtide.apps.catalog.intake import RejectsFile
from ebbtide.apps.insights.intake.mapping import SegmentMap, load_map
from ebbtide.apps.insights.intake.reading import preflight
from ebbtide.apps.insights.intake.segments import Batch, read_segments
from ebbtide.apps.insights.loading import Counts, SegmentLoader, load_all
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.calendar import parse_zone

_AHEAD = 2

Progress = Callable[[int, int], None]
"""Told after each batch: bytes of the file done, bytes in all."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to: counts, and the file of rejects where there are any."""

    counts: Counts
    rejects: Path | None


def import_segments(
    org: Organization, *, file: Path, map_file: Path, now: datetime, rejects: Path, progress: Progress
) -> Imported:
    """Import report rows.

    Args:
        org: where they go.
        file: CSV or JSONL, also gzipped.
        map_file: TOML that says what its columns mean.
        now: the present moment (UTC).
        rejects: where rejected rows are written, with line number and reason; made only when there are any.
        progress: told how far it is.

    Raises:
        InputInvalid: file or map cannot be used; nothing was imported.
    """
    mapping = load_map(map_file)
    size = preflight(file, mapping).total_bytes
    loader = SegmentLoader(org.id, pepper=bytes(org.pepper))
    counts = Counts()
    with closing(RejectsFile(rejects)) as rejected:
        for batch, loaded in load_all(loader, _read_ahead(file, mapping=mapping, zone=org.zone, now=now)):
            rejected.write((reject.line, reject.reason, reject.row) for reject in batch.rejects)
            loaded.read, loaded.rejected = batch.read, len(batch.rejects)
            counts.add(loaded)
            progress(batch.position, size)
    return Imported(counts, rejected.path)


def _read_ahead(file: Path, *, mapping: SegmentMap, zone: str, now: datetime) -> Iterator[Batch]:
    """Read batches in a thread of their own."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(_AHEAD)
    over = threading.Event()

    def put(what: Batch | BaseException | None) -> bool:
        while not over.is_set():
            try:
                ready.put(what, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for batch in read_segments(file, mapping=mapping, zone=parse_zone(zone), now=now):
                if not put(batch):
                    return
            put(None)
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits for it
            put(exc)

    reader = threading.Thread(target=read, name="reader", daemon=True)
    reader.start()
    try:
        while (got := ready.get()) is not None:
            if isinstance(got, BaseException):
                raise got
            yield got
    finally:
        over.set()
        reader.join()

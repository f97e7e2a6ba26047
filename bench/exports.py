"""An export of rows and recordings, from its first byte until it can be downloaded, against a bare zip of its files.

The bare zip reads files that lie ready, packs them as the export does, and takes the SHA-256 of what came out; the
export also asks the database and the store, takes every recording's SHA-256, and reads the archive back.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from bench.measure import scratch, seconds
from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.catalog.selectors import queues
from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Selection
from ebbtide.apps.exports.services import By, ask
from ebbtide.apps.insights.intake.segments import EVENT_SCHEMA, SEGMENT_SCHEMA
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.media.services import Incoming, store_recordings
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.wiring import export_store, object_store
from ebbtide.domain.cell import DataType
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
BATCH = 10_000
DAYS, QUEUES = 20, 20
SMALL, LARGE, LARGE_ONES = 16 * 1024, 64 * 1024 * 1024, 3
MIB = 1024 * 1024


def measure(*, rows: int, recordings: int) -> list[str]:
    """Make an export of so many report rows and small recordings, and of a few large ones.

    Args:
        rows: report rows.
        recordings: how many of them have a small recording.
    """
    org = onboard("Exports", zone="Europe/Berlin", onboarded_on=date(2021, 1, 1), actor="bench")
    today = CLOCK.now().date()
    _fill(org, rows=rows, recordings=recordings, today=today)
    with acting_in(org.id):
        every = tuple(sorted(one.id for one in queues(org=org.id)))
    selection = Selection(
        first=today - timedelta(days=DAYS + 1), last=today, queues=every, types=tuple(DataType), format="csv"
    )
    export = ask(org.id, selection=selection, by=By("bench@example.org", CLOCK.now()))
    before = _peak_from_here_mib()
    took = seconds(lambda: make_export(org.id, number=export.id, clock=CLOCK, stop=lambda: False))
    grown = _status_mib("VmHWM:") - before
    with acting_in(org.id):
        export = Export.objects.get(id=export.id)
    if export.ready_at is None or export.items_done != rows + recordings + LARGE_ONES:
        raise SystemExit(f"{export.items_done} items, {export.reason!r}: no figure is worth anything")
    bare, size = _bare(export)
    held = f"{recordings:,} recordings of {SMALL // 1024} KiB, {LARGE_ONES} of {LARGE // MIB} MiB"
    return [
        f"{rows:,} rows of {QUEUES} Qs and {DAYS} days, {held}: {export.size / MIB:,.0f} MiB in {took:.1f} s",
        f"that is {export.items_done / took:,.0f} items/s, {size / MIB / took:,.0f} MiB/s of content",
        f"a bare zip of the same files with its SHA-256: {bare:.1f} s, so {bare / took:.2f} of its speed",
        f"{max(0.0, grown):,.0f} MiB more memory",
    ]


def _fill(org: Organization, *, rows: int, recordings: int, today: date) -> None:
    loader = SegmentLoader(org.id, pepper=bytes(org.pepper))
    noon = CLOCK.now().replace(hour=12, minute=0, second=0, microsecond=0)
    nothing = pl.DataFrame([], schema=EVENT_SCHEMA)
    for first in range(0, rows, BATCH):
        told = []
        for number in range(first, min(first + BATCH, rows)):
            age = 1 + number % DAYS
            told.append(
                dict.fromkeys(SEGMENT_SCHEMA)
                | {
                    "line": number + 2, "source_key": f"call-{number}", "interaction": f"c-{number // 2}",
                    "queue": f"Q {number // DAYS % QUEUES}", "day": today - timedelta(days=age), "channel": "voice",
                    "customer": f"+4930{number:08}", "agent": f"agent {number % 120}", "outcome": "answered",
                    "ended_at": noon - timedelta(days=age), "wait_s": 20, "talk_s": 160,
                }
            )  # fmt: skip
        loader.load(pl.DataFrame(told, schema=SEGMENT_SCHEMA), events=nothing)

    def recorded() -> Iterator[Incoming]:
        for number in range(recordings + LARGE_ONES):
            size = SMALL if number < recordings else LARGE
            segment = segment_id(f"call-{number % rows}", pepper=bytes(org.pepper))
            content = number.to_bytes(8, "big")
            yield Incoming(segment, DataType.AUDIO, partial(_sound, content, size // len(content)))

    done = store_recordings(org.id, incoming=recorded(), store=object_store(), reject=lambda _one, _why: None)
    if done.imported != recordings + LARGE_ONES:
        raise SystemExit(f"the recordings were not stored: {done}")


def _sound(content: bytes, times: int) -> list[bytes]:
    return [content * times]


def _bare(export: Export) -> tuple[float, int]:
    """Zip the same files without the product; gives the seconds, and how many bytes they have."""
    folder, target = scratch("unpacked"), scratch("bare.zip")
    with zipfile.ZipFile(export_store().reader(export.key)) as archive:
        members = archive.infolist()
        archive.extractall(folder)

    def packed() -> None:
        with zipfile.ZipFile(target, "w") as bare:
            for one in members:
                bare.write(folder / one.filename, one.filename, compress_type=one.compress_type)
        with target.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")

    return seconds(packed), sum(one.file_size for one in members)


def _peak_from_here_mib() -> float:
    """Forget the most this process has held (`man 5 proc`); gives what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status_mib("VmRSS:")


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"this system does not tell {name}")

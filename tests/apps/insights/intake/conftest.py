"""Small files and maps, and the shared data where it is there."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from ebbtide.apps.insights.intake.mapping import SegmentMap, load_map
from ebbtide.apps.insights.intake.segments import EVENT_SCHEMA, SEGMENT_SCHEMA, Batch, read_segments

ROOT = Path(__file__).parents[4]
DATA = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "docs" / "examples"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

PLAIN = """
[columns]
key = "id"
queue = "q"
[time]
ended_at = "end"
"""

Reader = Callable[..., "Read"]


class Read:
    """All batches of one file, put together."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        self.segments = pl.concat([pl.DataFrame(schema=SEGMENT_SCHEMA), *(batch.segments for batch in batches)])
        self.events = pl.concat([pl.DataFrame(schema=EVENT_SCHEMA), *(batch.events for batch in batches)])
        self.rejects = [reject for batch in batches for reject in batch.rejects]
        self.read = sum(batch.read for batch in batches)

    @property
    def row(self) -> dict[str, object]:
        """The only segment there is."""
        (row,) = self.segments.rows(named=True)
        return row

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(reject.line, reject.reason) for reject in self.rejects]


def read_all(
    path: Path, *, mapping: SegmentMap, zone: str = "UTC", now: datetime = NOW, batch_rows: int = 50_000
) -> Read:
    """Read a file and hold what every caller relies on."""
    read = Read(list(read_segments(path, mapping=mapping, zone=ZoneInfo(zone), now=now, batch_rows=batch_rows)))
    assert read.segments.schema == pl.Schema(SEGMENT_SCHEMA)
    assert read.read == read.segments.height + len(read.rejects)
    for batch in read.batches:
        assert batch.read == batch.segments.height + len(batch.rejects) <= batch_rows
        assert 0 < batch.position <= path.stat().st_size
    assert read.segments["day"].is_null().equals(read.segments["undatable"].is_not_null())
    for needed in ("source_key", "queue", "channel"):
        assert read.segments[needed].null_count() == 0
    return read


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Write a text and a map, read it, and hand back everything that came out."""

    def read(
        text: str | bytes, *, toml: str = PLAIN, name: str = "in.csv", zone: str = "UTC", batch_rows: int = 50_000
    ) -> Read:
        content = text.encode() if isinstance(text, str) else text
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        (tmp_path / "map.toml").write_text(toml, encoding="utf-8")
        return read_all(path, mapping=load_map(tmp_path / "map.toml"), zone=zone, batch_rows=batch_rows)

    return read


@pytest.fixture
def shared_data() -> Path:
    if not DATA.is_dir():
        pytest.skip("did not run: ../shared/data is absent")
    return DATA

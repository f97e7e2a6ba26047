"""Files into the database, whole: the bank's real calls, and files that end badly."""

import csv
import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ebbtide.apps.insights.intake.segments import Batch, read_segments
from ebbtide.apps.insights.services import Imported, import_segments
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import InputInvalid
from tests.cast import calls, centre, counted, everything, load

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAP = """
[columns]
key = "id"
queue = "q"
[time]
ended_at = "end"
"""

READ = "ebbtide.apps.insights.services.read_segments"

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def alice() -> Organization:
    return centre("Alice's", zone="Asia/Jerusalem")


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=date(2026, 1, 1), count=3))
    return org


def bring_in(org: Organization, file: Path, *, map_file: Path, rejects: Path) -> tuple[Imported, list[tuple[int, int]]]:
    heard: list[tuple[int, int]] = []
    done = import_segments(
        org,
        file=file,
        map_file=map_file,
        now=NOW,
        rejects=rejects,
        progress=lambda position, size: heard.append((position, size)),
    )
    return done, heard


@pytest.fixture
def plain_map(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    return path


def test_the_banks_real_calls_twice(alice: Organization, charlie: Organization, tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip("did not run: ../shared/data is absent")
    file = SHARED / "technion_bank_aug1999_d01-15.csv.gz"
    published = json.loads((SHARED / "technion_d01-15_expected.json").read_text())
    example = ROOT / "docs" / "examples" / "bank-calls.toml"
    neighbour = everything(charlie)
    done, heard = bring_in(alice, file, map_file=example, rejects=tmp_path / "r.csv")
    first = {"read": 23_668, "imported": 23_668, "already_there": 0, "late": 0, "undatable": 0, "rejected": 0}
    assert {name: count for name, count in done.counts.told().items() if name != "flagged"} == first
    assert done.counts.flagged > 0
    assert done.rejects is None
    assert not (tmp_path / "r.csv").exists()
    assert heard[-1] == (file.stat().st_size,) * 2
    with gzip.open(file, "rt", newline="", encoding="utf-8") as source:
        raw = list(csv.DictReader(source))
    by_queue = Counter(row["type"] for row in raw)
    there = everything(alice)
    assert {(q, key) for q, _, key in there.segments} == {(r["type"], f"{r['vru+line']}/{r['call_id']}") for r in raw}
    assert Counter(queue for queue, _, _ in there.segments) == by_queue
    assert sum(by_queue.values()) == published["rows"]
    cells = counted(alice)
    assert cells == Counter((day, queue, "insights") for queue, day, _ in there.segments)
    again, _ = bring_in(alice, file, map_file=example, rejects=tmp_path / "r.csv")
    second = first | {"imported": 0, "already_there": 23_668}
    assert {name: count for name, count in again.counts.told().items() if name != "flagged"} == second
    assert everything(alice) == there
    assert counted(alice) == cells
    assert everything(charlie) == neighbour


def test_rejects_are_told_to_their_owner_alone(alice: Organization, plain_map: Path, tmp_path: Path) -> None:
    file, rejects = tmp_path / "calls.csv", tmp_path / "rejects" / "r.csv"
    file.write_text(
        "id,q,end,customer\n"
        "a,Sales,2026-01-01T10:00:00Z,x\n"
        ",Sales,2026-01-01T10:00:00Z,+49301234\n"
        "c,,2026-01-01T10:00:00Z,x\n"
        "d,Sales,,x\n"
        "a,Sales,2026-01-01T10:00:00Z,x\n"
    )
    done, _ = bring_in(alice, file, map_file=plain_map, rejects=rejects)
    assert done.counts.told() == {
        "read": 5, "imported": 1, "already_there": 1, "late": 0, "undatable": 1, "rejected": 2, "flagged": 0,
    }  # fmt: skip
    assert done.rejects == rejects
    assert rejects.stat().st_mode & 0o777 == 0o600
    with rejects.open(newline="", encoding="utf-8") as told:
        rows = list(csv.DictReader(told))
    assert [(row["line"], row["row"]) for row in rows] == [
        ("3", ",Sales,2026-01-01T10:00:00Z,+49301234"),
        ("4", "c,,2026-01-01T10:00:00Z,x"),
    ]
    assert all(row["reason"] for row in rows)


def truncated(text: bytes) -> bytes:
    return gzip.compress(text)[:-20]


GOOD = b"id,q,end\n" + b"".join(b"%d,Sales,2026-01-01T10:00:00Z\n" % n for n in range(5_000))
BAD_FILES = {
    "truncated.csv.gz": truncated(GOOD),
    "no-gzip.csv.gz": GOOD,
    "checksum.csv.gz": gzip.compress(GOOD)[:-8] + b"\0" * 8,
    "empty.csv": b"",
    "empty.csv.gz": gzip.compress(b""),
    "latin.csv": GOOD + "9999,Größe,2026-01-01T10:00:00Z\n".encode("latin-1"),
    "utf16.csv": GOOD.decode().encode("utf-16"),
    "column.csv": GOOD.replace(b"id,q,end", b"id,queue,end"),
    "columns-twice.csv": GOOD.replace(b"id,q,end", b"id,id,end"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_used_changes_nothing(
    alice: Organization, charlie: Organization, plain_map: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(BAD_FILES[name])
    load(alice, calls("Sales", day=date(2026, 1, 1), count=2))
    before, neighbour, cells = everything(alice), everything(charlie), counted(alice)
    with pytest.raises(InputInvalid, match=name):
        bring_in(alice, file, map_file=plain_map, rejects=tmp_path / "rejects.csv")
    assert everything(alice) == before
    assert counted(alice) == cells
    assert not (tmp_path / "rejects.csv").exists()
    assert everything(charlie) == neighbour
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT count(*) FROM insights_identity")
        assert cursor.fetchone() == (2,)


def test_a_reader_that_breaks_is_heard_and_ends(
    alice: Organization, plain_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes while it is read: what was loaded stays, its own error is raised, nobody is left waiting."""
    file = tmp_path / "calls.csv"
    file.write_bytes(GOOD)

    def breaking(*args: object, **named: object) -> Iterator[Batch]:
        batches = read_segments(*args, **named, batch_rows=1_000)  # type: ignore[arg-type]
        for _ in range(3):
            yield next(batches)
        raise InputInvalid("calls.csv became shorter while it was read.", field="file")

    with monkeypatch.context() as patch:
        patch.setattr(READ, breaking)
        start = time.monotonic()
        with pytest.raises(InputInvalid, match="became shorter"):
            bring_in(alice, file, map_file=plain_map, rejects=tmp_path / "rejects.csv")
        assert time.monotonic() - start < 10
    there = len(everything(alice).segments)
    assert 0 <= there <= 3_000
    done, _ = bring_in(alice, file, map_file=plain_map, rejects=tmp_path / "rejects.csv")
    assert (done.counts.imported, done.counts.already_there) == (5_000 - there, there)
    assert len(everything(alice).segments) == 5_000


def test_a_consumer_that_breaks_stops_the_reader(
    alice: Organization, plain_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "calls.csv"
    file.write_bytes(GOOD)
    monkeypatch.setattr(READ, lambda *args, **named: read_segments(*args, **named, batch_rows=100))

    def full(_position: int, _size: int) -> None:
        raise InputInvalid("the terminal is gone")

    with pytest.raises(InputInvalid, match="terminal"):
        import_segments(alice, file=file, map_file=plain_map, now=NOW, rejects=tmp_path / "rejects.csv", progress=full)
    assert [thread.name for thread in threading.enumerate() if thread.name == "reader"] == []

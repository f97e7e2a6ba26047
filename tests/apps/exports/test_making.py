"""An export: what is in it, what its manifest says, and that nothing half is ever called ready."""

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from django.conf import settings

from ebbtide.apps.exports import archive as archives_
from ebbtide.apps.exports import making, taking
from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.services import By, cancel
from ebbtide.apps.exports.sweeping import due_exports, sweep_exports
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import export_store, object_store
from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.errors import CapExceeded, InputInvalid, StoreUnreachable, Taken
from ebbtide.engine.clock import FixedClock
from ebbtide.web.spreadsheet import plain_cell, safe_cell
from tests.apps.web.conftest import CLOCK, days_ago, job_for, queues_of
from tests.cast import everything, load

from .scene import archives, asked, made, never, opened, read, select

Orgs = tuple[Organization, Organization]


def sheet(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    with archive.open(name) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline="")))


def test_all_of_an_organization_and_nothing_of_another(orgs: Orgs) -> None:
    alice, charlie = orgs
    acting = {"source_key": "=cmd|'/c calc'!A1", "queue": "Sales", "day": days_ago(alice, 1), "customer": "'+49"}
    load(alice, [acting])
    job_for(alice, 30)
    before = everything(charlie), everything(alice)
    export = made(alice)
    assert export.ready_at, export.reason
    with opened(export) as archive:
        names = archive.namelist()
        assert all(name[0].isalnum() and ".." not in name and "\\" not in name for name in names)
        rows = [row for name in names if name.startswith("segments/") for row in sheet(archive, name)]
        lines = sheet(archive, "manifest.csv")
        counts = sheet(archive, "counts.csv")
        head = json.loads(archive.read("manifest.json"))
        sounds = [archive.read(line["path"]) for line in lines if line["data_type"] == "audio"]
        events = [row for name in names if name.startswith("events/") for row in sheet(archive, name)]
    assert {plain_cell(row["source_key"]) for row in rows} == {key for _, _, key in everything(alice).segments}
    ours = next(row for row in rows if "cmd" in row["source_key"])
    assert ours["source_key"].startswith("'=")
    assert ours["customer"] == "''+49"
    assert plain_cell(ours["customer"]) == "'+49"
    assert len(events) == everything(alice).events
    assert {row["queue"] for row in rows} == {"Sales", "Support"}
    stored = [b"".join(object_store().get(key)) for key in everything(alice).media if "/audio/" in key]
    assert sorted(sounds) == sorted(stored)
    assert head["counts"]["exported"]["insights"]["items"] == len(rows) == 19
    assert head["selection"]["data_types"] == list(DataType)
    totals = {kind: sum(int(one["items"]) for one in counts if one["data_type"] == kind) for kind in DataType}
    assert totals == {"insights": 19, "audio": 6, "transcript": 6, "desktop": 6}
    assert {one["state"] for one in counts} == {"exported"}
    assert {one["due"] for one in counts if one["day"] == str(days_ago(alice, 40))} == {str(days_ago(alice, 9))}
    assert head["files"]["count"] == len(lines) == len(names) - 3
    assert export.files == len(lines)
    assert (everything(charlie), everything(alice)) == before
    assert export.expires_at == export.ready_at + timedelta(days=7)


def test_a_part_of_it_as_parquet(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    monkeypatch.setattr(archives_, "PARQUET_ROWS", 2)
    sales = queues_of(alice)["Sales"]
    export = made(
        alice, format="parquet", queues=(sales,), types=(DataType.INSIGHTS,), first=days_ago(alice, 11),
        last=days_ago(alice, 11),
    )  # fmt: skip
    assert export.ready_at, export.reason
    day = days_ago(alice, 11)
    with opened(export) as archive:
        parts = [name for name in archive.namelist() if name.startswith("segments/")]
        assert parts == [f"segments/{day}.parquet", f"segments/{day}-2.parquet"]
        rows = pl.concat([pl.read_parquet(archive.read(name)) for name in parts])
    assert sorted(rows["source_key"]) == sorted(
        key for queue, on, key in everything(alice).segments if (queue, on) == ("Sales", day)
    )
    assert rows.schema["day"] == pl.Date
    assert rows.schema["ended_at"] == pl.Datetime("us", "UTC")
    assert rows["talk_s"].to_list() == [60, 60, 60]


def test_one_at_a_time_of_each_organization(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, charlie = orgs
    first = asked(alice)
    with pytest.raises(Taken, match="one at a time"):
        asked(alice)
    asked(charlie)
    assert next(number for _, number in due_exports(now=CLOCK.now())) == first.id
    assert make_export(alice.id, number=first.id, clock=CLOCK, stop=never)
    second = asked(alice)
    cancel(alice.id, export=second, by=By("alice", CLOCK.now()))
    with pytest.raises(InputInvalid, match="There is nothing"):
        asked(alice, first=days_ago(alice, 5), last=days_ago(alice, 4))
    monkeypatch.setattr(settings, "EBBTIDE_EXPORT_BYTES", 100)
    with pytest.raises(CapExceeded):
        asked(alice)


def test_an_archive_that_grows_too_large_fails_and_leaves_nothing(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    export = asked(alice)
    monkeypatch.setattr(settings, "EBBTIDE_EXPORT_BYTES", 4_000)
    make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    export = read(export)
    assert export.failed_at
    assert "grew beyond" in export.reason
    assert archives(alice) == set()
    assert sweep_exports(now=CLOCK.now()) == 1
    assert read(export).gone_at


def test_a_recording_that_is_another_is_not_exported(orgs: Orgs) -> None:
    alice, _charlie = orgs
    key = min(everything(alice).media)
    object_store().put(key, [b"somebody else's"])
    export = made(alice)
    assert not export.ready_at
    assert "is not what was stored under it" in export.reason
    assert archives(alice) == set()


def test_counts_that_disagree_are_not_exported(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    whole = taking._streamed

    def short(sql: str, batch: taking.Batch, *, org: int) -> Iterator[taking.Row]:
        rows = whole(sql, batch, org=org)
        if "insights_segment" in sql:
            next(rows)
        yield from rows

    monkeypatch.setattr(taking, "_streamed", short)
    export = made(alice)
    assert not export.ready_at
    assert export.failed_at
    assert "nothing is exported that does not add up" in export.reason


def test_what_is_read_back_otherwise_is_not_ready(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault is put into the archive's stream behind the digests' back."""
    alice, _charlie = orgs
    cells = archives_.Archive._count

    def lost(self: archives_.Archive, batch: taking.Batch, *, planned: dict[int, Amount]) -> None:
        cells(self, batch, planned=planned)
        kind, queue, day, items, size, state = self.summary.cells[-1]
        self.summary.cells[-1] = (kind, queue, day, items + 1, size, state)

    monkeypatch.setattr(archives_.Archive, "_count", lost)
    export = made(alice)
    assert not export.ready_at
    assert "files and cells do not count the same" in export.reason
    assert archives(alice) == set()


def test_a_worker_that_is_stopped_counts_no_attempt(orgs: Orgs) -> None:
    alice, _charlie = orgs
    export = asked(alice)
    asks = iter([False, False, True])
    assert make_export(alice.id, number=export.id, clock=CLOCK, stop=lambda: next(asks, True))
    export = read(export)
    assert (export.attempts, export.ready_at, export.failed_at) == (0, None, None)
    assert archives(alice) == set()
    assert make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    assert read(export).ready_at


def test_what_a_killed_worker_left_is_removed_before_it_begins_anew(
    orgs: Orgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, charlie = orgs
    export = asked(alice)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(making, "check", killed)  # the archive is whole in the store, and nobody has called it ready
    with pytest.raises(Killed):
        make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    (left,) = archives(alice)
    assert read(export).key == left
    monkeypatch.undo()
    assert due_exports(now=CLOCK.now()) == [(alice.id, export.id)]
    assert make_export(alice.id, number=export.id, clock=CLOCK, stop=never)
    export = read(export)
    assert export.ready_at
    assert export.attempts == 2
    assert archives(alice) == {export.key} != {left}
    assert archives(charlie) == set()


def test_a_store_that_does_not_answer_is_asked_again_later(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    export = asked(alice)
    clock = FixedClock(CLOCK.now())

    def refused(*_: object) -> None:
        raise StoreUnreachable("The object store is away.")

    for attempt in range(1, making.ATTEMPTS + 1):
        monkeypatch.setattr(object_store(), "get", refused)
        with pytest.raises(StoreUnreachable):
            make_export(alice.id, number=export.id, clock=clock, stop=never)
        found = read(export)
        assert found.attempts == attempt
        assert due_exports(now=clock.now()) == []
        assert found.retry_at
        clock.moment = found.retry_at
        assert due_exports(now=clock.now()) == [(alice.id, export.id)]
    make_export(alice.id, number=export.id, clock=clock, stop=never)
    found = read(export)
    assert found.failed_at
    assert found.reason == "The object store is away."
    assert archives(alice) == set()


def test_somebody_cancels_while_it_is_made(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _charlie = orgs
    export = asked(alice)
    monkeypatch.setattr(making, "_BEAT_S", 0.0)
    beats = 0

    def stop() -> bool:
        nonlocal beats
        beats += 1
        if beats == 4:
            cancel(alice.id, export=export, by=By("bob@example.org", CLOCK.now()))
        return False

    make_export(alice.id, number=export.id, clock=CLOCK, stop=stop)
    export = read(export)
    assert export.cancelled_by == "bob@example.org"
    assert not export.ready_at
    assert archives(alice) == set()
    assert sweep_exports(now=CLOCK.now()) == 1
    with pytest.raises(Taken):
        cancel(alice.id, export=export, by=By("bob@example.org", CLOCK.now()))


def test_after_a_week_it_is_gone(orgs: Orgs) -> None:
    alice, charlie = orgs
    export, other = made(alice), made(charlie)
    assert export.expires_at
    soon = export.expires_at - timedelta(seconds=1)
    assert sweep_exports(now=soon) == 0
    assert archives(alice) == {export.key}
    assert other.expires_at
    assert sweep_exports(now=export.expires_at) == 1
    gone = read(export)
    assert (gone.condemned_why, gone.key) == ("expired", "")
    assert gone.gone_at
    assert archives(alice) == set()
    assert archives(charlie) == {other.key}


def test_selections_are_of_one_organization(orgs: Orgs) -> None:
    alice, charlie = orgs
    foreign = tuple(queues_of(charlie).values())
    with pytest.raises(InputInvalid, match="There is nothing"):
        asked(alice, queues=foreign)
    assert select(alice).holds_recordings


def snippets() -> list[str]:
    text = (Path(__file__).parents[3] / "docs" / "exports.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_documents_check_tells_a_whole_archive_from_another(orgs: Orgs, tmp_path: Path) -> None:
    alice, _charlie = orgs
    export = made(alice)
    check, _ = snippets()
    file = tmp_path / "archive.zip"
    file.write_bytes(b"".join(export_store().get(export.key)))

    def said(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", check, path], capture_output=True, text=True, check=False)

    whole = said(file)
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.startswith(f"{export.files} files, all as they were exported")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + (b" " if name.startswith("audio/") else b""))
    assert said(other).returncode == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sales",
        "=1+1",
        "'=1",
        "''=1",
        "'",
        "''",
        "' =1",
        " =1",
        "\t1",
        "'\t1",
        "-5",
        "'s-Hertogenbosch",
        "\uff1d1",
        "'\uff1d1",
    ],
)
def test_the_documents_way_back_is_the_way_back(text: str) -> None:
    _, code = snippets()
    named: dict[str, Callable[[str], str]] = {}
    exec(code, named)  # noqa: S102 - ours
    written = safe_cell(text)
    assert isinstance(written, str)
    assert named["plain"](written) == plain_cell(written) == text
    assert named["plain"](text) == plain_cell(text)

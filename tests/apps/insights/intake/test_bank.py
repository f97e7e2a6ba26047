"""The bank's real calls, against a calculation made here with the standard library alone."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ebbtide.apps.insights.intake.mapping import load_map
from ebbtide.apps.insights.intake.reading import preflight

from .conftest import EXAMPLES, Read, read_all

BANK = "technion_bank_aug1999_d01-15.csv.gz"
CLOCKS = ("vru_entry", "vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")
HOME = ZoneInfo("Asia/Jerusalem")


@pytest.fixture(scope="module")
def bank() -> tuple[Read, list[dict[str, str]]]:
    path = EXAMPLES.parents[2] / "shared" / "data" / BANK
    if not path.is_file():
        pytest.skip("did not run: ../shared/data is absent")
    mapping = load_map(EXAMPLES / "bank-calls.toml")
    assert preflight(path, mapping).total_bytes == path.stat().st_size
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        raw = list(csv.DictReader(file))
    return read_all(path, mapping=mapping, zone="Asia/Jerusalem"), raw


def known(row: dict[str, str]) -> list[int]:
    texts = [row[name] for name in CLOCKS if name.startswith("vru") or row[name] != "0:00:00"]
    return [int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in (text.split(":") for text in texts)]


def end_of(row: dict[str, str]) -> datetime:
    """The end in wall time, found another way than the product does: a clock far behind the latest is tomorrow's."""
    clocks = known(row)
    late = max(clocks)
    if late - min(clocks) > 43_200:
        late = 86_400 + max(clock for clock in clocks if late - clock > 43_200)
    return datetime.fromisoformat(row["date"]) + timedelta(seconds=late)


def test_every_call_comes_in(bank: tuple[Read, list[dict[str, str]]]) -> None:
    read, raw = bank
    assert (read.read, read.segments.height, read.rejects) == (23_668, 23_668, [])
    assert read.segments["line"].to_list() == list(range(2, 23_670))
    assert read.segments["source_key"].to_list() == [f"{r['vru+line']}/{r['call_id']}" for r in raw]
    assert read.segments["source_key"].n_unique() == 23_668


def test_days_and_queues_equal_the_independent_count(bank: tuple[Read, list[dict[str, str]]]) -> None:
    read, raw = bank
    want = Counter((end_of(row).date(), row["type"]) for row in raw)
    assert Counter(read.segments.select("day", "queue").iter_rows()) == want
    ends = [end_of(row).replace(tzinfo=HOME).astimezone(UTC) for row in raw]
    assert [moment.astimezone(UTC) for moment in read.segments["ended_at"]] == ends


def test_counts_equal_the_published_ones(bank: tuple[Read, list[dict[str, str]]], shared_data: Path) -> None:
    """The published table counts by the date as written; 21 calls ended on the next."""
    read, raw = bank
    published = json.loads((shared_data / "technion_d01-15_expected.json").read_text())
    began = Counter((date.fromisoformat(row["date"]), row["type"]) for row in raw)
    stated = {
        (date.fromisoformat(day), queue): n
        for day, queues in published["by_day_and_type"].items()
        for queue, n in queues.items()
    }
    assert began == stated
    moved = sum((Counter(read.segments.select("day", "queue").iter_rows()) - began).values())
    passed = read.segments["flags"].fill_null("").str.split(",").list.contains("passed_midnight").sum()
    assert passed == sum(max(known(row)) - min(known(row)) > 43_200 for row in raw) == 21
    assert 0 < moved <= passed
    assert Counter(read.segments["outcome"]) == {
        "answered": published["outcome"]["AGENT"],
        "abandoned": published["outcome"]["HANG"],
        None: published["outcome"]["PHANTOM"],
    }
    assert read.segments["customer"].drop_nulls().n_unique() == published["distinct_customers_nonzero"]
    for ours, theirs in (("wait_s", "q_time"), ("talk_s", "ser_time")):
        seconds = read.segments[ours].filter(read.segments[ours] > 0)
        assert (len(seconds), seconds.max()) == (
            published["durations_s"][theirs]["n_gt0"],
            published["durations_s"][theirs]["max"],
        )


def test_the_dirty_rows_come_in_flagged(bank: tuple[Read, list[dict[str, str]]], shared_data: Path) -> None:
    read, _ = bank
    with gzip.open(shared_data / "technion_dirty_rows_d01-15.csv.gz", "rt", newline="", encoding="utf-8") as file:
        dirty = {f"{r['vru+line']}/{r['call_id']}": r["anomaly"].split("|") for r in csv.DictReader(file)}
    flags = {
        key: set(filter(None, (text or "").split(",")))
        for key, text in read.segments.select("source_key", "flags").iter_rows()
    }
    assert len(dirty) == 543
    means = {
        "not_agent_but_service_time": "talk_without_answer",
        "agent_outcome_zero_service": "answered_without_talk",
        "agent_outcome_no_service_stamps": "answered_without_talk",
        "agent_outcome_no_server": "missing_agent",
        "service_starts_60s_before_queue_exit": "skewed_clock",
        "vru_time_negative": "skewed_clock",
        "q_time_crosses_midnight": "passed_midnight",
        "ser_time_crosses_midnight": "passed_midnight",
    }
    for key, classes in dirty.items():
        expected = {means[name] for name in classes if name in means}
        assert expected <= flags[key], (key, classes, flags[key])
    counted = Counter(flag for found in flags.values() for flag in found)
    assert counted["talk_without_answer"] == 263
    assert counted["missing_agent"] == 160


def test_a_night_call_in_full(bank: tuple[Read, list[dict[str, str]]]) -> None:
    read, raw = bank
    place = next(i for i, row in enumerate(raw) if (row["vru+line"], row["call_id"]) == ("AA0206", "47700"))
    row = read.segments.row(place, named=True)
    assert row["day"] == date(1999, 8, 3)
    assert row["queued_at"] == datetime(1999, 8, 2, 20, 54, 44, tzinfo=UTC)
    assert row["answered_at"] == datetime(1999, 8, 2, 20, 58, 54, tzinfo=UTC)
    assert row["ended_at"] == datetime(1999, 8, 2, 21, 4, 25, tzinfo=UTC)
    assert (row["wait_s"], row["talk_s"], row["agent"], row["customer"]) == (250, 331, "AVNI", "314386806")
    assert json.loads(row["attributes"]) == {"priority": "1", "ivr_s": "4"}
    events = read.events.filter(read.events["line"] == row["line"]).select("kind", "at").rows()
    assert events == [
        ("ivr_entered", datetime(1999, 8, 2, 20, 54, 40, tzinfo=UTC)),
        ("ivr_left", datetime(1999, 8, 2, 20, 54, 44, tzinfo=UTC)),
    ]


def test_the_simulated_centre(shared_data: Path) -> None:
    path = shared_data / "simulated_call_centre_2021.csv.gz"
    mapping = load_map(EXAMPLES / "simulated-centre-2021.toml")
    preflight(path, mapping)
    read = read_all(path, mapping=mapping, zone="America/New_York")
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        raw = list(csv.DictReader(file))
    assert read.segments.height == len(raw) == 51_708
    assert [str(day) for day in read.segments["day"]] == [row["date"] for row in raw]
    assert read.segments["queue"].unique().to_list() == ["Calls"]
    home = ZoneInfo("America/New_York")
    for row, ended in list(zip(raw, read.segments["ended_at"], strict=True))[::997]:
        told = datetime.strptime(f"{row['date']} {row['call_ended']}", "%Y-%m-%d %I:%M:%S %p").replace(tzinfo=home)
        assert ended == told

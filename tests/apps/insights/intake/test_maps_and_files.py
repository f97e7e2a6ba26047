"""Maps and files that cannot be used: a clear message naming what and what to do, before anything is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ebbtide.apps.insights.intake.mapping import load_map
from ebbtide.apps.insights.intake.reading import preflight
from ebbtide.domain.errors import InputInvalid

from .conftest import EXAMPLES, PLAIN

GOOD = b"id,q,end\n1,A,2026-03-01T10:00:00Z\n"


def refused_map(tmp_path: Path, toml: str | bytes) -> InputInvalid:
    path = tmp_path / "map.toml"
    path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    with pytest.raises(InputInvalid) as caught:
        load_map(path)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_a_good_map(example: Path) -> None:
    load_map(example)


@pytest.mark.parametrize(
    ("toml", "field", "said"),
    [
        (PLAIN.replace("queue =", "que ="), "columns.que", "did you mean queue?"),
        (PLAIN.replace('queue = "q"', ""), "columns.queue", "is missing"),
        (PLAIN.replace('queue = "q"', 'queue = "q"\ncolor = "x"'), "columns.color", "is not a key"),
        ("zoen = 1\n" + PLAIN, "zoen", "is not a key"),
        (PLAIN + 'zoen = "UTC"\n', "time.zoen", "did you mean zone?"),
        (PLAIN.replace('key = "id"', ""), "columns.key", "is missing"),
        (PLAIN.replace('key = "id"', "key = []"), "columns.key", "a text or a list"),
        (PLAIN.replace('key = "id"', 'key = ["id", "id"]'), "columns.key", "twice"),
        (PLAIN.replace('key = "id"', 'key = ""'), "columns.key", "a text or a list"),
        (PLAIN.replace('ended_at = "end"', ""), "time.ended_at", "is missing"),
        ('format = "xml"\n' + PLAIN, "format", 'must be "csv" or "jsonl"'),
        ('delimiter = ",,"\n' + PLAIN, "delimiter", "one character"),
        ('header = ["id", "q"]\n' + PLAIN, "header", "'end'"),
        ("columns = 3\n[time]\nended_at = 'e'\n", "columns", "must be a table"),
        (PLAIN + 'zone = "Mars/Olympus"\n', "time.zone", "Europe/Berlin"),
        (PLAIN + 'zone = "../etc/passwd"\n', "time.zone", "Europe/Berlin"),
        (PLAIN + 'zone = "+25:00"\n', "time.zone", "no offset"),
        (PLAIN + 'format = "%H:%M:%S"\n', "time.date", "is missing"),
        (PLAIN + 'date = "d"\nformat = "iso"\n', "time.date", "take it out"),
        (PLAIN + 'format = "%Q"\n', "time.format", "%Q"),
        (PLAIN + 'format = "today"\n', "time.format", "no directive"),
        (PLAIN + 'format = "%I:%M %S"\ndate = "d"\n', "time.format", "%I needs %p"),
        (PLAIN + 'format = "%Y-%m %H:%M"\n', "time.format", "does not name a whole moment"),
        (PLAIN + 'date = "d"\ndate_format = "%Y"\n', "time.date_format", "does not name"),
        (PLAIN + '[time.formats]\nother = "iso"\n', "time.formats.other", "is not a key"),
        (PLAIN + '[time.never]\nother = ["0"]\n', "time.never.other", "not a column of moments"),
        (PLAIN + "skew_s = -1\n", "time.skew_s", "from 0 to 3600"),
        (PLAIN + "skew_s = true\n", "time.skew_s", "whole number"),
        (PLAIN + 'passes_midnight = "yes"\n', "time.passes_midnight", "true or false"),
        (PLAIN + '[constants]\nchannel = "fax"\n', "constants.channel", "voice"),
        (PLAIN + '[constants]\nqueue = "a\\u0000"\n', "constants.queue", "cannot be seen"),
        (PLAIN + '[values.outcome]\nA = "answered"\n', "values.outcome", "no column"),
        (PLAIN + '[missing]\nagent = ["-"]\n', "missing.agent", "no column"),
        (PLAIN + '[durations]\nwait_s = { column = "w", unit = "h" }\n', "durations.wait_s.unit", "use one of"),
        (PLAIN + '[durations]\nwait_s = { from = "end" }\n', "durations.wait_s", "must be a column"),
        (PLAIN + '[durations]\nwait = "w"\n', "durations.wait", "did you mean wait_s"),
        (PLAIN + '[events]\n"Ring!" = "end"\n', "events.Ring!", "small letters"),
        ("outcome_from_answer = true\n" + PLAIN, "outcome_from_answer", "needs time.answered_at"),
    ],
)
def test_a_map_that_is_wrong_is_refused_by_key(tmp_path: Path, toml: str, field: str, said: str) -> None:
    error = refused_map(tmp_path, toml)
    assert error.field == field
    assert said in error.message
    assert field in error.message


@pytest.mark.parametrize(
    ("toml", "said"), [("[columns", "not TOML"), (b"a = '\xe9'", "not UTF-8"), ("", "columns.key")]
)
def test_a_map_that_is_no_map(tmp_path: Path, toml: str | bytes, said: str) -> None:
    assert said in refused_map(tmp_path, toml).message


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_map(tmp_path / "absent.toml")


def refused_file(tmp_path: Path, content: bytes, *, name: str = "in.csv", toml: str = PLAIN) -> str:
    (tmp_path / "map.toml").write_text(toml, encoding="utf-8")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputInvalid) as caught:
        preflight(tmp_path / name, load_map(tmp_path / "map.toml"))
    assert name in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "in.csv", "0 bytes"),
        (b"", "in.csv.gz", "0 bytes"),
        (gzip.compress(b"", mtime=0), "in.csv.gz", "0 bytes unpacked"),
        (GOOD, "in.csv.gz", "not a gzip file"),
        (gzip.compress(GOOD, mtime=0)[:-9], "in.csv.gz", "cut off"),
        (gzip.compress(GOOD, mtime=0)[:12], "in.csv.gz", "cut off"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "in.csv.gz", "damaged"),
        (gzip.compress(GOOD, mtime=0) + b"tail", "in.csv.gz", "damaged"),
        (gzip.compress(GOOD, mtime=0)[:10] + b"\xff" * 20, "in.csv.gz", "damaged"),
        (GOOD + b"2,Caf\xe9,x\n", "in.csv", "line 3 is not UTF-8"),
        (b"id,q,end\r1,A,x\r2,Caf\xe9,x\r", "in.csv", "line 3 is not UTF-8"),
        (GOOD + "2,é".encode()[:-1], "in.csv", "line 3 ends within a character"),
        (GOOD + b"2,\0,x\n", "in.csv", "line 3 holds a NUL"),
        ("id,q,end\n".encode("utf-16"), "in.csv", "UTF-16"),
        (b"\n\n", "in.csv", "no header row"),
        (b'id,"q\n', "in.csv", "header cannot be read"),
        (b"id,q\n1,A\n", "in.csv", "has no column 'end'"),
        (b"id,q,end,q\n1,A,x,B\n", "in.csv", "more than one column 'q'"),
        (b'{"id": 1, "queue": "A"}\n', "in.jsonl", "none of the first 1 rows has 'q'"),
        (b'{"id": 1, "q": "A"}\n', "in.jsonl", "none of the first 1 rows has 'end'"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes, name: str, said: str) -> None:
    assert said in refused_file(tmp_path, content, name=name)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    message = refused_file(tmp_path, gzip.compress(b"x" * (40 << 20)), name="in.csv.gz")
    assert "longer than 16 MiB" in message


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_characters_torn_between_chunks_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("ebbtide.apps.insights.intake.reading.CHUNK", chunk)
    (tmp_path / "map.toml").write_text(PLAIN)
    (tmp_path / "in.csv").write_text("id,q,end\n1,Caf\u00e9 \u4e2d\U0001f600,x\n", encoding="utf-8")
    assert preflight(tmp_path / "in.csv", load_map(tmp_path / "map.toml")).columns == ("id", "q", "end")
    assert "line 3 is not UTF-8" in refused_file(tmp_path, "id,q,end\n1,\u4e2d,x\n2,".encode() + b"\xe4\xb8,x\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(PLAIN)
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputInvalid, match="cannot be read"):
            preflight(path, load_map(tmp_path / "map.toml"))


def test_a_good_file_passes(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(PLAIN)
    (tmp_path / "in.csv").write_bytes(GOOD)
    found = preflight(tmp_path / "in.csv", load_map(tmp_path / "map.toml"))
    assert (found.total_bytes, found.columns) == (len(GOOD), ("id", "q", "end"))

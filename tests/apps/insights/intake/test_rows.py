"""Rows: every line accounted for, keys and queues checked, dirt imported and flagged."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.apps.insights.intake.mapping import load_map

from .conftest import EXAMPLES, PLAIN, Reader, read_all

END = "2026-03-01T10:00:00Z"
TWO_KEYS = PLAIN.replace('key = "id"', 'key = ["id", "part"]')

DIRTY = st.text(alphabet=st.sampled_from('ab1,;"\n\r\t \x00\x1f\u00e9\u200b\ufeff\u2028./'), max_size=120)


def rows_by_hand(text: str) -> list[tuple[int, list[str] | None]]:
    """Line and fields of each record by the standard library; None where it finds the record broken."""
    lines = io.StringIO(text, newline="").readlines()
    found: list[tuple[int, list[str] | None]] = []
    reader = csv.reader(iter(lines), strict=True)
    while True:
        begun = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return found
        except csv.Error:
            found.append((begun, None))
            continue
        if row:
            found.append((begun, row))


@given(text=DIRTY, batch=st.integers(1, 5))
@settings(deadline=None, max_examples=300)
def test_every_row_of_arbitrary_text_is_accounted_for(text: str, batch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_text("id,q,end\n" + text, encoding="utf-8", newline="")
        (Path(folder) / "m.toml").write_text(PLAIN)
        read = read_all(path, mapping=load_map(Path(folder) / "m.toml"), batch_rows=batch)
    by_hand = rows_by_hand("id,q,end\n" + text)[1:]
    assert read.read == len(by_hand)
    lines = sorted([*read.segments["line"], *(reject.line for reject in read.rejects)])
    assert lines == [line for line, _ in by_hand]
    broken = {line for line, row in by_hand if row is None or len(row) != 3}
    assert broken <= {reject.line for reject in read.rejects}


CLEAN = st.text(alphabet=st.sampled_from("ab1 ;\t\u00e9\u200b./-"), max_size=8)


@given(rows=st.lists(st.lists(CLEAN, min_size=1, max_size=4), max_size=12), ends=st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=200)
def test_the_quick_way_and_the_exact_way_agree(rows: list[list[str]], ends: str) -> None:
    text = "id,q,end\n" + ends.join(",".join(row) for row in rows)
    results = []
    for prefix in ("", '"x","y",\n'):  # a quote anywhere sends the block the exact way
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "f.csv"
            path.write_text(text.replace("\n", "\n" + prefix, 1), encoding="utf-8", newline="")
            (Path(folder) / "m.toml").write_text(PLAIN)
            read = read_all(path, mapping=load_map(Path(folder) / "m.toml"))
        shift = 1 if prefix else 0
        kept = read.segments.filter(pl.col("line") > 1 + shift).with_columns(pl.col("line") - shift)
        refused = [(r.line - shift, r.reason, r.row) for r in read.rejects if r.line > 1 + shift]
        results.append((kept.rows(), refused))
    assert results[0] == results[1]


def test_lines_are_counted_across_quoted_line_breaks(reader: Reader) -> None:
    text = f'id,"q\n",end\n1,"A\r\n",{END}\n\n2,A,{END}\n3,"A\nB",{END}\n4,A\n5,A,{END}\n'
    read = reader(text, toml=PLAIN.replace('queue = "q"', 'queue = "q"'))
    assert read.segments["line"].to_list() == [3, 6, 10]
    assert read.reasons == [
        (7, "the queue holds a control or invisible character"),
        (9, "2 fields where the header has 3"),
    ]
    assert read.rejects[0].row == f'3,"A\nB",{END}'


def test_a_record_may_go_on_into_the_next_block(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebbtide.apps.insights.intake.source.CHUNK", 64)
    note = "x\n" * 200
    text = "id,q,end,note\n" + "".join(f'{i},A,{END},"{note}"\n{i}b,A,{END},plain\n' for i in range(5))
    read = reader(text, toml=PLAIN + '[attributes]\nnote = "note"\n')
    assert read.segments["source_key"].to_list() == [f"{i}{b}" for i in range(5) for b in ("", "b")]
    assert read.segments["line"].to_list() == [2 + i * 202 + extra for i in range(5) for extra in (0, 201)]
    assert json.loads(read.segments["attributes"][0]) == {"note": note.strip()}


def test_broken_quotes_cost_only_their_row(reader: Reader) -> None:
    read = reader(f'id,q,end\n1,A,{END}\n2,"A"x,{END}\n3,A,{END}\n4,"A,{END}\n')
    assert read.segments["source_key"].to_list() == ["1", "3"]
    assert [line for line, _ in read.reasons] == [3, 5]
    assert all(reason.startswith("broken quoting") for _, reason in read.reasons)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_ten_megabytes_costs_only_its_row(reader: Reader, quote: str) -> None:
    read = reader(f"id,q,end\n1,{quote}{'A' * 10_000_000}{quote},{END}\n2,A,{END}\n")
    assert read.reasons == [(2, f"a field longer than {csv.field_size_limit()} characters")]
    assert read.segments["source_key"].to_list() == ["2"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_long_row_of_short_fields_is_no_fault(reader: Reader, quote: str) -> None:
    notes = ["x" * 50_000] * 4
    header = ",".join(f"n{i}" for i in range(4))
    assert reader(f"id,q,end,{header}\n{quote}1{quote},A,{END},{','.join(notes)}\n").row["source_key"] == "1"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "no key: id is blank"),
        ("   ", "no key: id is blank"),
        ("../etc/passwd", "the key holds ../"),
        ("a/../b", "the key holds ../"),
        ("a..\\b", "the key holds ../"),
        ("..", "the key holds ../"),
        ("a\x00b", "the key holds a control or invisible character"),
        ("a\tb", "the key holds a control or invisible character"),
        ('"a\nb"', "the key holds a control or invisible character"),
        ('"a\r\n"', "the key holds a control or invisible character"),
        ("a\u202eb", "the key holds a control or invisible character"),
        ("a\u200bb", "the key holds a control or invisible character"),
        ("a" + "\u00e9" * 200, "the key is longer than 400 bytes"),
    ],
)
def test_keys_that_cannot_be_used(reader: Reader, key: str, reason: str) -> None:
    read = reader(f"id,q,end\n{key},A,{END}\nok,A,{END}\n")
    assert [reject.reason for reject in read.rejects] == [reason]
    assert read.segments["source_key"].to_list() == ["ok"]


@pytest.mark.parametrize("key", ["a..b", "SIP/100-0a", "=cmd|' /C calc'!A0", "100%", "\u00e9" * 200, "\u05d0\u05d1"])
def test_keys_that_look_odd_and_are_fine(reader: Reader, key: str) -> None:
    assert reader(f"id,q,end\n{key},A,{END}\n").row["source_key"] == key


def test_key_parts_are_joined_so_that_no_two_rows_share_one(reader: Reader) -> None:
    read = reader(f"id,part,q,end\na,b,A,{END}\na/b,c,A,{END}\na,b/c,A,{END}\n,c,A,{END}\na,,A,{END}\n", toml=TWO_KEYS)
    assert read.segments["source_key"].to_list() == ["a/b", "a/b/c"]
    assert [line for line, _ in read.reasons] == [3, 5, 6]


def test_rows_without_a_queue(reader: Reader) -> None:
    text = f"id,q,end\n1, ,{END}\n2, A ,{END}\n3,{'A' * 121},{END}\n4,NONE,{END}\n"
    missing = PLAIN + '[missing]\nqueue = ["NONE"]\n'
    read = reader(text, toml=missing)
    assert read.reasons == [(2, "no queue"), (4, "the queue is longer than 120 characters"), (5, "no queue")]
    assert read.row["queue"] == "A"
    read = reader(text, toml=missing + '[constants]\nqueue = "Rest"\n')
    assert read.segments["queue"].to_list() == ["Rest", "A", "Rest"]


FULL = """
[columns]
key = "id"
queue = "q"
channel = "chan"
direction = "dir"
outcome = "out"
agent = "agent"
[values.outcome]
OK = "answered"
SKIP = ""
[values.channel]
PHONE = "voice"
[time]
ended_at = "end"
[durations]
wait_s = "wait"
talk_s = { column = "talk", unit = "clock" }
"""


def full(reader: Reader, **texts: str) -> dict[str, object]:
    row = {"id": "1", "q": "A", "end": END, "chan": "", "dir": "", "out": "", "agent": "", "wait": "", "talk": ""}
    row |= texts
    return reader(",".join(row) + "\n" + ",".join(row.values()) + "\n", toml=FULL).row


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"chan": "PHONE"}, {"channel": "voice", "flags": None}),
        ({"chan": "Chat"}, {"channel": "chat", "flags": None}),
        ({"chan": ""}, {"channel": "voice", "flags": None}),
        ({"chan": "pigeon"}, {"channel": "other", "flags": "unknown_channel"}),
        ({"dir": "INBOUND"}, {"direction": "inbound", "flags": None}),
        ({"dir": "up"}, {"direction": None, "flags": "unknown_direction"}),
        ({"out": "OK", "agent": "Bob", "talk": "1:00"}, {"outcome": "answered", "talk_s": 60, "flags": None}),
        ({"out": "OK", "talk": "1:00:01"}, {"talk_s": 3601, "flags": "missing_agent"}),
        ({"out": "SKIP"}, {"outcome": None, "flags": None}),
        ({"out": "gone"}, {"outcome": None, "flags": "unknown_outcome"}),
        ({"out": "OK", "agent": "Bob"}, {"flags": "answered_without_talk"}),
        ({"out": "abandoned", "talk": "0:05"}, {"flags": "talk_without_answer"}),
        ({"wait": "0"}, {"wait_s": 0, "flags": None}),
        ({"wait": "12.6"}, {"wait_s": 13, "flags": None}),
        ({"wait": "-1"}, {"wait_s": None, "flags": "negative_duration"}),
        ({"wait": "2592000"}, {"wait_s": 2_592_000, "flags": None}),
        ({"wait": "2592001"}, {"wait_s": None, "flags": "odd_duration"}),
        ({"wait": "1e9"}, {"wait_s": None, "flags": "odd_duration"}),
        ({"wait": "NaN"}, {"wait_s": None, "flags": "unreadable_duration"}),
        ({"wait": "inf"}, {"wait_s": None, "flags": "unreadable_duration"}),
        ({"wait": "30 days"}, {"wait_s": None, "flags": "unreadable_duration"}),
        ({"agent": "x" * 500}, {"agent": "x" * 400, "flags": "cut_text"}),
    ],
)
def test_dirt_is_imported_and_flagged(reader: Reader, texts: dict[str, str], expected: dict[str, object]) -> None:
    row = full(reader, **texts)
    assert {name: row[name] for name in expected} == expected


def test_durations_from_instants(reader: Reader) -> None:
    toml = PLAIN.replace('ended_at = "end"', 'ended_at = "end"\nqueued_at = "a"\nanswered_at = "b"')
    toml += '[durations]\nwait_s = { from = "a", to = "b" }\ntalk_s = { from = "b", to = "end" }\n'
    read = reader(
        "id,q,a,b,end\n1,A,2026-03-01T09:00:00Z,2026-03-01T09:00:30Z,2026-03-01T10:00:00Z\n"
        "2,A,2026-03-01T09:00:02Z,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z\n"
        "3,A,2026-03-01T09:00:05Z,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z\n",
        toml=toml,
    )
    assert read.segments["wait_s"].to_list() == [30, 0, None]
    assert read.segments["talk_s"].to_list() == [3570, 3600, 3600]
    assert read.segments["flags"].to_list() == [None, None, "skewed_clock,negative_duration"]


def test_attributes_are_json_whatever_they_hold(reader: Reader) -> None:
    toml = PLAIN + '[attributes]\n"a \\"b\\"" = "x"\nn = "y"\n'
    read = reader(f'id,q,end,x,y\n1,A,{END},"q"" \\ \t\u00e9,{{}}",\n2,A,{END},,\n3,A,{END},,"1\n2"\n', toml=toml)
    told = [None if text is None else json.loads(text) for text in read.segments["attributes"]]
    assert told == [{'a "b"': 'q" \\ \t\u00e9,{}'}, None, {"n": "1\n2"}]


def test_a_file_without_a_header_row(reader: Reader) -> None:
    read = reader(f"1,A,{END}\n", toml='header = ["id", "q", "end"]\n' + PLAIN)
    assert (read.row["line"], read.row["source_key"]) == (1, "1")


def test_other_delimiters_and_a_byte_order_mark(reader: Reader) -> None:
    read = reader(f"\ufeffid;q;end\n1;A,B;{END}\n", toml='delimiter = ";"\n' + PLAIN)
    assert (read.row["source_key"], read.row["queue"]) == ("1", "A,B")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_all_three_line_ends(reader: Reader, ends: str) -> None:
    read = reader(ends.join(["id,q,end", f"1,A,{END}", "", f"2,A,{END}"]))
    assert read.segments.select("line", "source_key").rows() == [(2, "1"), (4, "2")]


# --- JSON lines -----------------------------------------------------------------------------------------------------

CONTACT = {
    "ContactId": "6d5c1b9e",
    "InitialContactId": "6d5c1b9e",
    "Channel": "VOICE",
    "InitiationMethod": "INBOUND",
    "InitiationTimestamp": "2026-03-29T00:58:00Z",
    "DisconnectTimestamp": "2026-03-29T01:10:05Z",
    "Queue": {"Name": "Billing", "EnqueueTimestamp": "2026-03-29T00:59:00Z", "Duration": 61},
    "Agent": {
        "Username": "bob",
        "ConnectedToAgentTimestamp": "2026-03-29T01:00:01Z",
        "AgentInteractionDuration": 604,
        "CustomerHoldDuration": 0,
        "AfterContactWorkDuration": 30,
        "AfterContactWorkEndTimestamp": "2026-03-29T01:10:35Z",
        "NumberOfHolds": 0,
    },
    "CustomerEndpoint": {"Address": "+15555550123", "Type": "TELEPHONE_NUMBER"},
}


def test_contacts_of_amazon_connect(reader: Reader) -> None:
    toml = (EXAMPLES / "amazon-connect.toml").read_text()
    abandoned = CONTACT | {"ContactId": "2", "Agent": None, "Channel": "TASK"}
    unqueued = CONTACT | {"ContactId": "3", "Queue": None}
    text = "".join(json.dumps(contact) + "\n" for contact in (CONTACT, abandoned, unqueued))
    read = reader(text, toml=toml, name="contacts.jsonl.gz", zone="America/New_York")
    assert read.reasons == [(3, "no queue")]
    first, second = read.segments.rows(named=True)
    assert first["ended_at"] == datetime(2026, 3, 29, 1, 10, 35, tzinfo=UTC)
    assert str(first["day"]) == "2026-03-28"
    told = [first[name] for name in ("queue", "channel", "direction", "outcome", "agent", "customer", "flags")]
    assert told == ["Billing", "voice", "inbound", "answered", "bob", "+15555550123", None]
    assert [first[name] for name in ("wait_s", "talk_s", "hold_s", "wrap_s")] == [61, 604, 0, 30]
    assert json.loads(first["attributes"]) == {"holds": "0"}
    assert [second[name] for name in ("channel", "outcome", "agent", "flags")] == ["other", "abandoned", None, None]
    kinds = read.events.filter(read.events["line"] == 1)["kind"].to_list()
    assert kinds == ["initiated"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "is not a JSON object"),
        ("1", "is not a JSON object"),
        ("{", "is not JSON"),
        ('{"id": NaN}', "is not JSON (NaN is no number)"),
        ('{"id": "\\ud800", "q": "A"}', "holds half a character (a lone surrogate)"),
        ('{"id": ' + "[" * 100_000, "is nested too deeply"),
        ('{"id": "a\\u0000b", "q": "A"}', "the key holds a control or invisible character"),
        ('{"id": "a", "q": "A\\u0000"}', "the queue holds a control or invisible character"),
        ('{"id": null, "q": "A"}', "no key: id is blank"),
    ],
)
def test_lines_that_are_no_rows(reader: Reader, line: str, reason: str) -> None:
    good = json.dumps({"id": 7, "q": "A", "end": END})
    read = reader(f"{good}\n\n{line}\n{good}\n", name="in.jsonl")
    ((number, said),) = read.reasons
    assert (number, said[: len(reason)]) == (3, reason)
    assert read.segments["line"].to_list() == [1, 4]


def test_scalars_of_all_kinds_are_texts(reader: Reader) -> None:
    toml = PLAIN.replace('"end"', '"t.end"\nformat = "epoch"')
    toml += '[attributes]\nb = "b"\nn = "n"\no = "o"\ntext = "text"\n'
    row = {"id": 1, "q": 600, "t": {"end": 1774745999}, "b": True, "o": {"k": [1, None]}, "text": "a\x00b"}
    line = json.dumps(row).replace('"b":', '"n": 1710053095.420, "b":')
    read = reader(line, toml=toml, name="in.ndjson")
    assert (read.row["source_key"], read.row["queue"]) == ("1", "600")
    told = json.loads(str(read.row["attributes"]))
    assert told == {"b": "true", "n": "1710053095.420", "o": '{"k":["1",null]}', "text": "ab"}


@given(lines=st.lists(st.one_of(st.text(max_size=30), st.just('{"id":"1","q":"A"}')), max_size=10))
@settings(deadline=None, max_examples=100)
def test_every_json_line_is_accounted_for(lines: list[str]) -> None:
    content = "\n".join(lines).encode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.jsonl"
        path.write_bytes(content or b"\n")
        (Path(folder) / "m.toml").write_text(PLAIN)
        read = read_all(path, mapping=load_map(Path(folder) / "m.toml"), batch_rows=3)
    assert read.read == sum(bool(line.strip()) for line in content.decode().removesuffix("\n").split("\n"))


def test_the_net_under_the_quick_way_gives_the_same_rows(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"id,q,end\n1,A,{END}\n2,,{END}\n"
    before = reader(text)
    monkeypatch.setattr("polars.read_csv", lambda *_, **__: pl.DataFrame())
    after = reader(text)
    assert before.segments.equals(after.segments)
    assert before.reasons == after.reasons

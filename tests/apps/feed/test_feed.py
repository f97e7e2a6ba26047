"""The feed: what becomes of each row and recording, sent once, twice, broken, late, by the wrong hands, all at once."""

import base64
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.feed import room, rows
from ebbtide.apps.orgs.database import OWNER, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.engine.clock import SystemClock
from tests.cast import centre, counted, everything

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()
NOW = CLOCK.now()
ENDED = NOW - timedelta(days=3)
SOUND = b"RIFF" + bytes(range(256)) * 4_000


@pytest.fixture
def alice(database: object) -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie(database: object) -> Organization:
    return centre("Charlie's")


@pytest.fixture
def feed(alice: Organization) -> Client:
    return feeding(alice)


def feeding(org: Organization, *, kind: TokenKind = TokenKind.FEED) -> Client:
    scopes = () if kind is TokenKind.FEED else set(Scope)
    made = make_token(org.id, name=kind, kind=kind, scopes=scopes, days=1, actor="t", now=NOW, rank=Rank())
    return Client(headers={"host": "localhost", "authorization": f"Bearer {made.secret}"})


def call(key: str, *, ended: datetime = ENDED, **more: Any) -> dict[str, Any]:
    return {"key": key, "queue": "Sales", "channel": "voice", "ended_at": ended.isoformat(), **more}


def send(client: Client, *told: Any, **headers: str) -> Any:
    body = json.dumps({"segments": told}).encode()
    return client.post("/feed/segments", body, content_type="application/json", headers=headers)


def ends(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["end"] for one in answer.json()["segments"]]


def put(client: Client, address: str, content: bytes = SOUND, *, digest: bytes | None = None, **headers: str) -> Any:
    told = base64.b64encode(digest or hashlib.sha256(content).digest()).decode()
    return client.put(
        f"/feed/media/{address}",
        content,
        content_type="application/octet-stream",
        headers={"content-digest": f"sha-256=:{told}:", **headers},
    )


def code(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def rows_of(org: Organization, columns: str) -> list[tuple[Any, ...]]:
    with acting_in(org.id) as cursor:
        cursor.execute(f"SELECT {columns} FROM insights_segment s ORDER BY source_key")  # noqa: S608 - a test's own
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def test_a_token_says_how_much_is_taken_at_once(alice: Organization, feed: Client) -> None:
    told = feed.get("/feed/").json()
    assert (told["organization"], told["most_segments"]) == (f"org_{alice.id}", 5_000)
    for stranger in (feeding(alice, kind=TokenKind.READ), Client(headers={"host": "localhost"})):
        assert code(stranger.get("/feed/")) == (401, "token_refused")
        assert code(send(stranger, call("a"))) == (401, "token_refused")
        assert code(put(stranger, "audio?key=a")) == (401, "token_refused")
    assert code(feed.get("/api/v1/segments")) == (401, "token_refused")
    assert code(feed.get("/feed/segments")) == (405, "method_not_allowed")
    assert code(feed.get("/feed/elsewhere")) == (404, "not_found")


def test_a_segment_comes_in_whole_and_once(alice: Organization, charlie: Organization, feed: Client) -> None:
    one = call(
        "1710053095.420",
        interaction="c-1",
        direction="inbound",
        customer="+49301",
        agent="Ann",
        outcome="answered",
        queued_at=(ENDED - timedelta(minutes=3)).isoformat(),
        wait_s=12,
        talk_s=160.4,
        attributes={"campaign": "spring", "score": 4, "none": None},
        events=[{"at": (ENDED - timedelta(minutes=3)).isoformat(), "kind": "ivr_entered"}],
    )
    answer = send(feed, one)
    assert ends(answer) == ["imported"]
    assert rows_of(alice, "source_key, interaction, agent, wait_s, talk_s, attributes::text, id::text") == [
        (
            "1710053095.420",
            "c-1",
            "Ann",
            12,
            160,
            '{"campaign":"spring","score":"4"}',
            answer.json()["segments"][0]["id"],
        )
    ]
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT kind FROM insights_event")
        assert cursor.fetchall() == [("ivr_entered",)]
    before = everything(alice)
    assert ends(send(feed, one)) == ["already_there"]
    assert everything(alice) == before
    assert everything(charlie).segments == frozenset()
    assert list(counted(alice).values()) == [1]


def test_each_row_is_answered_in_its_place(alice: Organization, feed: Client) -> None:
    answer = send(
        feed,
        call("a"),
        {"key": "b", "ended_at": ENDED.isoformat()},  # no Q
        call("a"),  # twice in one batch
        call("c", colour="red"),
        call("d") | {"ended_at": "yesterday"},
        call("e", ended=NOW + timedelta(days=9)),
        "no object",
        call("f", events=[{"at": "when?", "kind": "x"}]),
        call("g", talk_s=-4),
        call(""),
        call("h", customer={"number": 1}),
    )
    told = answer.json()
    assert ends(answer) == [
        "imported", "rejected", "already_there", "rejected", "undatable", "undatable", "rejected", "rejected",
        "imported", "rejected", "rejected",
    ]  # fmt: skip
    assert told["counts"] == {"already_there": 1, "imported": 2, "rejected": 6, "undatable": 2}
    wrong = {
        place: (one["field"], one["reason"]) for place, one in enumerate(told["segments"]) if one["end"] == "rejected"
    }
    assert wrong == {
        1: ("queue", "no queue"),
        3: ("colour", "there is no such member"),
        6: ("", "it is not an object"),
        7: ("events", "a moment cannot be read: write it as 2026-11-24T09:30:00Z"),
        9: ("key", "no key: key is blank"),
        10: ("customer", "it is a text, a number or null"),
    }
    assert "negative_duration" in told["segments"][8]["flags"]
    assert "unreadable end" in told["segments"][4]["reason"]
    assert [key for (key,) in rows_of(alice, "source_key")] == ["a", "g"]


def test_what_is_purged_stays_out(alice: Organization, charlie: Organization, feed: Client) -> None:
    old = NOW - timedelta(days=40)
    send(feed, call("there", ended=old), call("young"))
    with acting_in(alice.id, using=OWNER) as cursor:
        cursor.execute(
            "INSERT INTO catalog_purgedline (org_id, queue_id, data_type, before) "
            "SELECT org_id, id, 'insights', current_date - 30 FROM catalog_queue"
        )
    answer = send(feed, call("late", ended=old), call("in time"), call("there", ended=old))
    assert ends(answer) == ["late", "imported", "late"]
    assert ends(send(feeding(charlie), call("late", ended=old))) == ["imported"]
    assert code(put(feed, "audio?key=there")) == (409, "late_data")
    assert everything(alice).objects == frozenset()
    assert put(feed, "audio?key=young").status_code == 201


@pytest.mark.parametrize("zipped", [False, True])
def test_batches_come_plain_or_packed(alice: Organization, feed: Client, zipped: bool) -> None:
    body = json.dumps({"segments": [call("a")]}).encode()
    headers = {"content-encoding": "gzip"} if zipped else {}
    answer = feed.post(
        "/feed/segments", gzip.compress(body) if zipped else body, content_type="application/json", headers=headers
    )
    assert ends(answer) == ["imported"]


def test_what_is_no_batch_changes_nothing(alice: Organization, feed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebbtide.apps.feed.views.MOST_BYTES", 2_000)
    monkeypatch.setattr(rows, "MOST_ROWS", 3)
    good = json.dumps({"segments": [call("a")]}).encode()
    bomb = gzip.compress(b" " * 100_000)
    json_type = "application/json"
    for body, kind, packed, said in (
        (b"{", json_type, "", (422, "input_invalid")),
        (b"[]", json_type, "", (422, "input_invalid")), (b'{"segments": 1}', json_type, "", (422, "input_invalid")),
        (b'{"segments": [], "x": 1}', json_type, "", (422, "input_invalid")),
        (b'{"segments": [NaN]}', json_type, "", (422, "input_invalid")),
        (b'{"segments": ["\\ud800"]}', json_type, "", (422, "input_invalid")),
        (b'{"segments": ["\xff"]}', json_type, "", (422, "input_invalid")),
        (b"[" * 1_500, json_type, "", (422, "input_invalid")), (good, "text/plain", "", (415, "not_json")),
        (good, json_type, "br", (422, "input_invalid")), (good, json_type, "gzip", (422, "input_invalid")),
        (gzip.compress(good)[:-9], json_type, "gzip", (422, "input_invalid")),
        (bomb, json_type, "gzip", (413, "too_large")),
        (good + b" " * 3_000, json_type, "", (413, "too_large")),
        (json.dumps({"segments": [1, 2, 3, 4]}).encode(), json_type, "", (413, "too_large")),
    ):  # fmt: skip
        headers = {"content-encoding": packed} if packed else {}
        answer = feed.post("/feed/segments", body, content_type=kind, headers=headers)
        assert code(answer) == said, (body[:30], packed)
    assert ends(feed.post("/feed/segments", b'{"segments": []}', content_type=json_type)) == []
    assert everything(alice).segments == frozenset()


def test_recordings_come_in_whole_and_once(alice: Organization, charlie: Organization, feed: Client) -> None:
    number = send(feed, call("a", ended=ENDED)).json()["segments"][0]["id"]
    send(feeding(charlie), call("a"))
    first = put(feed, f"audio/{number}")
    assert (first.status_code, first.json()["end"]) == (201, "imported")
    assert first.json()["sha256"] == hashlib.sha256(SOUND).hexdigest()
    again = put(feed, "audio?key=a")
    assert (again.status_code, again.json()["end"]) == (200, "already_there")
    assert put(feed, "transcript?key=a", b"{}").status_code == 201
    there = everything(alice)
    assert (len(there.media), there.objects) == (2, there.media)
    assert everything(charlie).media == frozenset()
    (key,) = [key for key in there.media if "/audio/" in key]
    assert (Path(settings.EBBTIDE_DATA) / "objects" / key).read_bytes() == SOUND


def test_what_did_not_come_whole_leaves_nothing(alice: Organization, charlie: Organization, feed: Client) -> None:
    send(feed, call("a"), call("b") | {"ended_at": None})
    theirs = send(feeding(charlie), call("only theirs")).json()["segments"][0]["id"]
    wrong = hashlib.sha256(b"other").digest()
    for answer, said in (
        (put(feed, "audio?key=a", digest=wrong), (422, "input_invalid")),
        (put(feed, "audio?key=a", b"", **{"content-length": "0"}), (422, "input_invalid")),
        (feed.put("/feed/media/audio?key=a", SOUND), (422, "input_invalid")),
        (put(feed, "audio?key=nobody"), (404, "not_found")),
        (put(feed, f"audio/{theirs}"), (404, "not_found")),
        (put(feed, "audio/1"), (404, "not_found")),
        (put(feed, "audio?key="), (422, "input_invalid")),
        (put(feed, "audio?key=b"), (404, "not_found")),  # it cannot be dated
        (put(feed, "video?key=a"), (404, "not_found")),
        (put(feed, "audio?key=a", **{"content-length": "7"}), (422, "input_invalid")),
    ):
        assert code(answer) == said
    assert everything(alice).objects == frozenset()
    assert everything(charlie).media == frozenset()
    assert {one.name for one in Path(settings.EBBTIDE_DATA).iterdir()} <= {"objects"}


def test_a_recording_has_a_largest_size(alice: Organization, feed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send(feed, call("a"))
    monkeypatch.setattr(settings, "EBBTIDE_FEED_MEDIA_MIB", 1)
    assert code(put(feed, "audio?key=a", b"x" * (1024 * 1024 + 1))) == (413, "too_large")
    assert put(feed, "audio?key=a", b"x" * 1024 * 1024).status_code == 201


def test_whoever_finds_no_room_is_told_to_come_back(
    alice: Organization, feed: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PATIENCE_S", 0.01)
    with ExitStack() as stack:
        for _ in range(room.BATCHES_AT_ONCE):
            stack.enter_context(room.batches.taken())
        full = send(feed, call("a"))
        assert (code(full), full["Retry-After"]) == ((503, "busy"), "1")
    assert ends(send(feed, call("a"))) == ["imported"]
    with ExitStack() as stack:
        for _ in range(room.UPLOADS_AT_ONCE):
            stack.enter_context(room.uploads.taken())
        assert code(put(feed, "audio?key=a")) == (503, "busy")
    monkeypatch.setattr(room, "SPARE_BYTES", 10**18)
    full = put(feed, "audio?key=a")
    assert (code(full), full["Retry-After"]) == ((503, "busy"), "60")
    monkeypatch.undo()
    assert put(feed, "audio?key=a").status_code == 201


def test_a_feed_that_is_too_fast_is_slowed(alice: Organization, feed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_FEED_PER_MINUTE", 1)
    assert ends(send(feed, call("a"))) == ["imported"]
    slow = send(feed, call("b"))
    assert code(slow) == (429, "too_fast")
    assert int(slow["Retry-After"]) > 50


def test_the_same_batch_from_many_comes_in_once(alice: Organization, feed: Client) -> None:
    told = [call(f"k{number}") for number in range(200)]
    found: list[list[str]] = []

    def go() -> None:
        try:
            for _ in range(20):
                answer = send(feed, *told)
                if answer.status_code == 200:
                    found.append(ends(answer))
                    return
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert sum(one.count("imported") for one in found) == 200
    assert len(everything(alice).segments) == 200


def test_the_map_of_a_segment_is_sound() -> None:
    assert set(rows.segment_map().needed) >= {"key", "queue", "ended_at", "wait_s"}


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    connections.close_all()

"""kill -9 of the web server while programs feed it: what was answered as taken is there, and nothing is there twice."""

import base64
import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import object_store
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import centre
from tests.journeys.product import Product, free_port, kill, on_database, wait_for

ENDED = (datetime.now(UTC) - timedelta(days=2)).isoformat()
BATCH, BATCHES, SENDERS, KILLS = 100, 40, 3, 4


class Server:
    """The web server, which can be killed and started again on the same port."""

    def __init__(self, product: Product, *, log: Path) -> None:
        self.port = free_port()
        self._product, self._log = product, log
        self.start()

    def start(self) -> None:
        self.process = self._product.stay("web", "--port", str(self.port), log=self._log)
        wait_for(self._answers, within=60, why="the web server answers")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """kill -9, of all of it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        kill(self.process)


def token_of(org: Organization) -> str:
    return make_token(
        org.id, name="feed", kind=TokenKind.FEED, scopes=(), days=1, actor="t", now=SystemClock().now(), rank=Rank()
    ).secret


def ask(port: int, method: str, address: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    """One request; status 0 where there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, address, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def until_taken(send: Callable[[], tuple[int, Any]]) -> Any:
    """Send the same again until it is answered as taken."""
    while True:
        status, told = send()
        if status in {200, 201}:
            return told
        assert status in {0, 503}, (status, told)
        time.sleep(0.05)


@pytest.mark.long
def test_nothing_that_was_answered_is_lost(database: Urls, tmp_path: Path) -> None:
    alice, neighbour = centre("Alice's"), centre("Neighbour")
    secret = token_of(alice)
    bearer = {"Authorization": f"Bearer {secret}"}
    server = Server(on_database(database, tmp_path), log=tmp_path / "web.log")
    answered: list[str] = []
    recorded: dict[str, bytes] = {}
    wrong: list[BaseException] = []

    def feed(sender: int) -> None:
        try:
            for batch in range(sender, BATCHES, SENDERS):
                keys = [f"k-{batch}-{number}" for number in range(BATCH)]
                rows = [{"key": key, "queue": "Sales", "channel": "voice", "ended_at": ENDED} for key in keys]
                body = json.dumps({"segments": rows}).encode()
                told = until_taken(
                    lambda body=body: ask(  # type: ignore[misc]
                        server.port, "POST", "/feed/segments", body, {**bearer, "Content-Type": "application/json"}
                    )
                )
                assert {one["end"] for one in told["segments"]} <= {"imported", "already_there"}
                answered.extend(keys)
                content = f"{batch}".encode() * 200_000
                digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
                number = told["segments"][0]["id"]
                until_taken(
                    lambda number=number, content=content, digest=digest: ask(  # type: ignore[misc]
                        server.port,
                        "PUT",
                        f"/feed/media/audio/{number}",
                        content,
                        {**bearer, "Content-Digest": f"sha-256=:{digest}:"},
                    )
                )
                recorded[number] = content
        except BaseException as exc:  # noqa: BLE001 - told by the test
            wrong.append(exc)

    threads = [threading.Thread(target=feed, args=(sender,)) for sender in range(SENDERS)]
    try:
        for thread in threads:
            thread.start()
        for kills in range(1, KILLS + 1):
            wait_for(
                lambda kills=kills: wrong or len(recorded) >= kills * BATCHES // (KILLS + 1),  # type: ignore[misc]
                within=120,
                why="they feed",
            )
            there = set(answered)
            server.kill()
            assert there <= keys_of(alice), "what was answered is there while nobody serves"
            server.start()
        for thread in threads:
            thread.join(300)
    finally:
        server.kill()
    assert wrong == []
    assert len(answered) == BATCH * BATCHES
    assert keys_of(alice) == set(answered)
    store = object_store()
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT count(*) FROM insights_segment")
        assert cursor.fetchone()[0] == len(answered), "nothing is there twice"
        cursor.execute("SELECT segment_id::text, key FROM media_mediaobject")
        stored = dict(cursor.fetchall())
    assert {number: b"".join(store.get(key)) for number, key in stored.items()} == recorded
    assert keys_of(neighbour) == set()


def keys_of(org: Organization) -> set[str]:
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT source_key FROM insights_segment")
        return {key for (key,) in cursor.fetchall()}

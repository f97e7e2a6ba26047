"""The feed: batches of 1,000 segments over HTTP, against a web server of its own and PostgreSQL, all on this machine.

The senders are threads beside them and take their share of the machine, as the telephone system's would not; the figure
is what is left. Each row is answered, and the rows are counted afterwards.
"""

import base64
import hashlib
import http.client
import json
import os
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connections

from bench.measure import Urls
from bench.serving import PORT, Served
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
BATCH = 1_000
SENDERS = 2
DAYS = 3
MEDIA_MIB = 256


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Feed rows, then one large recording; tell the figures."""
    org = onboard("Feed", zone="Europe/Berlin", onboarded_on=date(2021, 1, 1), actor="bench")
    made = make_token(
        org.id, name="feed", kind=TokenKind.FEED, scopes=(), days=1, actor="bench", now=CLOCK.now(), rank=Rank()
    )
    connections.close_all()
    bodies = [_batch(number) for number in range(0, rows, BATCH)]
    with TemporaryDirectory() as folder, Served(urls, folder=Path(folder)) as server:
        _post(made.secret, [_batch(rows + BATCH)])  # the server has read its libraries
        shares = [bodies[sender::SENDERS] for sender in range(SENDERS)]
        waits: list[float] = []
        threads = [threading.Thread(target=_post, args=(made.secret, share, waits)) for share in shares]
        since = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - since
        with acting_in(org.id) as cursor:
            cursor.execute("SELECT count(*) FROM insights_segment")
            there = cursor.fetchone()[0]
        if there != rows + BATCH:
            raise SystemExit(f"{there} of {rows + BATCH} rows came in: no figure is worth anything")
        before = server.resident_mib()
        upload = _upload(made.secret, key=f"call-{rows + BATCH}")
        grown = server.peak_mib() - before
    waits.sort()
    return [
        f"{rows:,} segments in batches of {BATCH:,} by {SENDERS} senders: {rows / took:,.0f} segments/s (asked: 5,000)",
        f"an answer after {_ms(waits, 0.5)} (median), {_ms(waits, 0.95)} (p95)",
        f"a recording of {MEDIA_MIB} MiB: {MEDIA_MIB / upload:,.0f} MiB/s, {max(0, grown):,.0f} MiB more memory",
    ]


def _ms(waits: list[float], share: float) -> str:
    return f"{waits[min(len(waits) - 1, int(len(waits) * share))] * 1000:,.0f} ms"


def _batch(first: int) -> bytes:
    """A batch as a telephone system would send it."""
    now = datetime.now(UTC).replace(microsecond=0)
    told = []
    for number in range(first, first + BATCH):
        ended = now - timedelta(seconds=(number * 37) % (DAYS * 86_400))
        told.append(
            {
                "key": f"call-{number}",
                "interaction": f"c-{number // 2}",
                "queue": f"Q {number % 20}",
                "channel": "voice",
                "direction": "inbound",
                "customer": f"+4930{number:08}",
                "agent": f"agent {number % 120}",
                "queued_at": (ended - timedelta(seconds=200)).isoformat(),
                "answered_at": (ended - timedelta(seconds=180)).isoformat(),
                "ended_at": ended.isoformat(),
                "wait_s": 20,
                "talk_s": 160,
                "wrap_s": 20,
                "outcome": "answered",
                "events": [{"at": (ended - timedelta(seconds=210)).isoformat(), "kind": "ivr_entered"}],
            }
        )
    return json.dumps({"segments": told}).encode()


def _post(token: str, bodies: list[bytes], waits: list[float] | None = None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for body in bodies:
        while True:
            since = time.monotonic()
            connection.request("POST", "/feed/segments", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status == 503:
                time.sleep(0.05)
                continue
            if answer.status != 200 or json.loads(told)["counts"] != {"imported": BATCH}:
                raise SystemExit(f"{answer.status} {told[:300]!r}")
            if waits is not None:
                waits.append(time.monotonic() - since)
            break


def _upload(token: str, *, key: str) -> float:
    content = os.urandom(1024 * 1024) * MEDIA_MIB
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Digest": f"sha-256=:{digest}:"}
    since = time.monotonic()
    connection.request("PUT", f"/feed/media/audio?key={key}", content, headers)
    answer = connection.getresponse()
    if answer.status != 201:
        raise SystemExit(f"{answer.status} {answer.read()[:300]!r}")
    return time.monotonic() - since

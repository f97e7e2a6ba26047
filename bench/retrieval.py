"""The retrieval API over HTTP, through the product's own web server with one connection that is kept."""

import http.client
import json
import statistics
import time
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.db import connections

from bench.measure import Urls
from bench.serving import PORT, Served
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.retrieval.asked import Place
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.engine.clock import SystemClock

TURNS = 15
LIST_MS, BYTE_MS = 150, 50
AGO = 400


def through_the_server(urls: Urls, *, org: Organization, today: date) -> list[str]:
    """Time pages of lists as a whole, and a recording up to its first byte; expects the organization to have one.

    Args:
        urls: of the database.
        org: whose data are asked for.
        today: its own date.
    """
    made = make_token(
        org.id, name="read", kind=TokenKind.READ, scopes=set(Scope), days=1, actor="bench", now=SystemClock().now(),
        rank=Rank(),
    )  # fmt: skip
    connections.close_all()
    deep = Place(today - timedelta(days=AGO), ()).written()
    with Served(urls, folder=Path(settings.EBBTIDE_DATA)):
        asking = _Asking(made.secret)
        lines = [
            f"API through the web server, {name}: {asking.median_ms(path):.0f} ms (asked: {LIST_MS})"
            for name, path in (
                ("segments, first page", "segments"),
                (f"segments, the page {AGO} days back", f"segments?after={deep}"),
                ("interactions, first page", "interactions"),
                (f"interactions, the page {AGO} days back", f"interactions?after={deep}"),
            )
        ]
        lines.append(
            f"API through the web server, 1,000 segments a page: {asking.median_ms('segments?limit=1000'):.0f} ms"
        )
        (recording,) = json.loads(asking.ask("recordings")[1])["items"]
        content = f"recordings/{recording['id']}/content"
        for name, part in (("beginning", "bytes=0-"), ("middle", f"bytes={recording['bytes'] // 2}-")):
            first = asking.median_ms(content, part=part)
            lines.append(f"API through the web server, first byte from a recording's {name}: {first:.0f} ms "
                         f"(asked: {BYTE_MS})")  # fmt: skip
    return lines


class _Asking:
    """One connection, kept for all that is asked."""

    def __init__(self, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, path: str, *, part: str = "") -> tuple[float, bytes]:
        """Ask for something; gives the milliseconds up to its end (with `part` up to its first byte), and the whole."""
        since = time.monotonic()
        self._connection.request("GET", f"/api/v1/{path}", headers=self._headers | ({"Range": part} if part else {}))
        answer = self._connection.getresponse()
        body = answer.read(1 if part else None)
        took = (time.monotonic() - since) * 1000
        body += answer.read()
        if answer.status != (HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK) or answer.will_close:
            raise SystemExit(f"{path} answers {answer.status} {body[:300]!r}: no figure is worth anything")
        return took, body

    def median_ms(self, path: str, *, part: str = "") -> float:
        self.ask(path, part=part)  # what warms up
        return statistics.median(self.ask(path, part=part)[0] for _turn in range(TURNS))

"""A bad object store: a small HTTP proxy in front of a good one, which hangs, lies, is late, or loses the answer.

One request is treated badly, the next one of its kind after `arm`; all others go through as they are.
"""

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Mode = Literal["503", "slow down", "hang", "late", "lost", "lies", "partial", "cut off"]
MODES: tuple[Mode, ...] = ("503", "slow down", "hang", "late", "lost", "lies", "partial", "cut off")
HANG_S = 3.0
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
_KEY = re.compile(rb"<Object>\s*<Key>(.*?)</Key>", re.DOTALL)


class BadStore:
    """The proxy.

    Attributes:
        endpoint: where it listens.
        requests: method and path of all it has seen, as `DELETE /bucket/key`.
        treated: how many it has treated badly.
    """

    def __init__(self, *, behind: str) -> None:
        self.behind = urlsplit(behind).netloc
        self.requests: list[str] = []
        self.treated = 0
        self._mode: Mode | None = None
        self._deletes_alone = True
        self._times = 0
        self._lock = threading.Lock()
        self.delay = 0.0
        self.endpoint = ""

    def arm(self, mode: Mode, *, deletes_alone: bool = True, times: int = 1) -> None:
        """Treat the next requests badly: the next that delete, or the next whatever they are."""
        with self._lock:
            self._mode, self._deletes_alone, self._times = mode, deletes_alone, times

    def calm(self) -> None:
        """Treat all well again."""
        with self._lock:
            self._mode = None

    def take(self, method: str, path: str) -> Mode | None:
        """Note a request; gives how it is to be treated."""
        deletes = method == "DELETE" or (method == "POST" and "delete" in urlsplit(path).query)
        with self._lock:
            self.requests.append(f"{method} {path}")
            if self._mode is None or (self._deletes_alone and not deletes):
                return None
            mode, self.treated, self._times = self._mode, self.treated + 1, self._times - 1
            if self._times <= 0:
                self._mode = None
            return mode


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: BadStore


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None: ...

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.server.store
        mode = store.take(self.command, self.path)
        if store.delay:
            time.sleep(store.delay)
        if mode in _BEFORE:
            _BEFORE[mode](self, body)
            return
        status, headers, content = self._forward(body)
        if mode in _AFTER:
            _AFTER[mode](self, status, content)
            return
        self._answer(status, headers, content)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.store.behind, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body=body or None, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        found = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        connection.close()
        return answer.status, found, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - names of the standard library

    # -- before the store has heard of it

    def _later(self, code: str) -> None:
        self._answer(503, {}, f"<Error><Code>{code}</Code><Message>Later.</Message></Error>".encode())

    def _hang(self, _body: bytes) -> None:
        time.sleep(HANG_S)
        self.close_connection = True

    def _lie(self, body: bytes) -> None:
        if self.command == "DELETE":
            self._answer(204, {}, b"")
        else:
            self._result(body, b"<Deleted><Key>%s</Key></Deleted>")

    def _deny(self, body: bytes) -> None:
        self._result(body, b"<Error><Key>%s</Key><Code>AccessDenied</Code><Message>No.</Message></Error>")

    def _result(self, body: bytes, each: bytes) -> None:
        told = b"".join(each % key for key in _KEY.findall(body))
        self._answer(200, {}, b"<DeleteResult>" + told + b"</DeleteResult>")

    # -- when it is done

    def _lose(self, _status: int, _content: bytes) -> None:
        self.close_connection = True

    def _come_late(self, _status: int, _content: bytes) -> None:
        time.sleep(HANG_S)
        self.close_connection = True

    def _cut_off(self, status: int, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content) + 100))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.close_connection = True


_BEFORE: dict[str | None, Callable[[_Handler, bytes], None]] = {
    "503": lambda handler, _body: handler._later("ServiceUnavailable"),
    "slow down": lambda handler, _body: handler._later("SlowDown"),
    "hang": _Handler._hang,
    "lies": _Handler._lie,
    "partial": _Handler._deny,
}
_AFTER: dict[str | None, Callable[[_Handler, int, bytes], None]] = {
    "late": _Handler._come_late,
    "lost": _Handler._lose,
    "cut off": _Handler._cut_off,
}


@contextlib.contextmanager
def running(*, behind: str, address: str = "127.0.0.1") -> Iterator[BadStore]:
    """Run the proxy; it ends with the block."""
    store = BadStore(behind=behind)
    server = _Server((address, 0), _Handler)
    server.store = store
    store.endpoint = f"http://{address}:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()

"""Stands between the product and SeaweedFS, and does what a store does on a bad day."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)

DONE = b'<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</DeleteResult>'
_KEY = re.compile(rb"<Key>.*?</Key>")


class Deed(StrEnum):
    """What the store does with a request."""

    PASS = "passes it on"
    SLOW_DOWN = "says 503 SlowDown"
    HANG = "never answers"
    LOSE = "does it, and the answer is lost"
    INSIDE = "answers 200 with errors inside"
    LIE = "says that it is done, and does nothing"


@dataclass(frozen=True)
class Request:
    """One request, as it came: `deletes` where it is a bulk delete."""

    method: str
    path: str
    body: bytes

    @property
    def deletes(self) -> bool:
        return self.method == "POST" and "delete" in urlsplit(self.path).query


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        endpoint: its address.
        decide: what to do with a request; may be changed at any time.
        seen: the requests that came.
        at_once: how many bulk deletes were in hand at the same time, at most.
    """

    endpoint: str = ""
    decide: Callable[[Request], Deed] = lambda _request: Deed.PASS
    inside: Callable[[bytes], bytes] = lambda answer: answer
    seen: list[Request] = field(default_factory=list)
    at_once: int = 0


@contextmanager
def between(endpoint: str) -> Iterator[Proxy]:  # noqa: C901 - a handler with its server
    """Run a proxy before a store."""
    proxy, ended, lock, busy = Proxy(), threading.Event(), threading.Lock(), [0]
    target = urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError, TimeoutError):
                super().handle_one_request()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, body)
            with lock:
                proxy.seen.append(request)
                busy[0] += request.deletes
                proxy.at_once = max(proxy.at_once, busy[0])
            try:
                self._serve(request, deed=proxy.decide(request))
            finally:
                with lock:
                    busy[0] -= request.deletes

        def _serve(self, request: Request, *, deed: Deed) -> None:
            if deed is Deed.HANG:
                ended.wait(60)
                self.close_connection = True
                return
            if deed is Deed.SLOW_DOWN:
                self._answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
                return
            if deed is Deed.LIE:
                keys = b"".join(b"<Deleted>%s</Deleted>" % key for key in _KEY.findall(request.body))
                self._answer(200, {"Content-Type": "application/xml"}, DONE % keys)
                return
            upstream = http.client.HTTPConnection(target, timeout=30)
            upstream.request(request.method, request.path, body=request.body, headers=dict(self.headers))  # as signed
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            if deed is Deed.LOSE:
                self.close_connection = True
                return
            if deed is Deed.INSIDE:
                content = proxy.inside(content)
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOPS}
            if self.command == "HEAD":
                headers["Content-Length"] = answer.getheader("Content-Length", "0")
            self._answer(answer.status, headers, content)

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield proxy
    finally:
        ended.set()
        server.shutdown()
        serving.join()
        server.server_close()


_HOPS = {"content-length", "transfer-encoding", "connection"}

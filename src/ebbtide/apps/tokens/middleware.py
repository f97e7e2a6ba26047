"""What happens around requests of programs: whatever goes wrong, they are answered in their own way.

Django and the middleware above the views answer people, in pages: an address that leads nowhere, a method that is not
allowed, a host that is not ours, a fault. Under the addresses of programs those pages become problem details here.
"""

import hashlib
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.text import compress_string

from ebbtide.apps.tokens.admission import Program
from ebbtide.apps.tokens.problems import CONTENT_TYPE, problem

Answer = Callable[[HttpRequest], HttpResponse]

PREFIXES = ("/api/v1/", "/feed/")
"""Addresses of programs."""
_OK = 200
_WRONG = 400
_WORTH_PACKING = 500
_RANDOM_BYTES = 100
"""So that the length of what is packed tells nobody what it holds (BREACH)."""
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_SAID = {
    400: ("input_invalid", "The request cannot be understood."),
    403: ("refused", "This is not allowed."),
    404: ("not_found", "There is nothing here for you: check the address."),
    405: ("method_not_allowed", "This address does not take that method: see Allow."),
    413: ("too_large", "What was sent is larger than is taken at once."),
    503: ("unreachable", "Something this needs did not answer: try again later."),
}
_OTHER = ("error", "Something went wrong here: it is written down; try again later.")
_KEPT = ("Allow", "Retry-After", "Location")


def for_programs(request: HttpRequest) -> bool:
    """Whether a request is to an address of programs."""
    return request.path.startswith(PREFIXES)


def _finished(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Mark an answer by what is in it, send it only where it has changed, and pack it for whoever takes it packed."""
    if request.method != "GET":
        return answer
    etag = answer.headers.get("ETag") or f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    answer.headers["ETag"] = etag
    patch_vary_headers(answer, ["Accept-Encoding"])
    told = get_conditional_response(request, etag=etag, response=answer)
    if not isinstance(told, HttpResponse) or told is not answer:
        return told if isinstance(told, HttpResponse) else answer
    if len(answer.content) >= _WORTH_PACKING and _GZIP.search(request.headers.get("Accept-Encoding", "")):
        answer.content = compress_string(answer.content, max_random_bytes=_RANDOM_BYTES)
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["ETag"] = f"W/{etag}"
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer


def _headed(answer: HttpResponse) -> HttpResponse:
    """Take the content away and leave what is said of it."""
    length = answer.headers.get("Content-Length") or str(len(answer.content))
    answer.close()
    bare = HttpResponse(status=answer.status_code)
    for name, value in answer.headers.items():
        bare.headers[name] = value
    bare.headers["Content-Length"] = length
    return bare


class ProgramsMiddleware:
    """Answer programs in their own way; see the module."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, turn pages of errors into problems, and finish what worked."""
        if not for_programs(request):
            return self._get_response(request)
        wants_head = request.method == "HEAD"
        if wants_head:  # answered as GET is, without its content: no view has to know
            request.method = "GET"
        answer = self._get_response(request)
        if answer.status_code >= _WRONG and answer.headers.get("Content-Type") != CONTENT_TYPE:
            code, detail = _SAID.get(answer.status_code, _OTHER)
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            answer = problem(answer.status_code, code=code, detail=detail, headers=kept)
        elif answer.status_code == _OK and not answer.streaming:
            answer = _finished(request, answer)
        program = getattr(request, "program", None)
        if isinstance(program, Program):
            for name, value in program.allowance.headers.items():
                answer.headers.setdefault(name, value)
        if wants_head:
            answer = _headed(answer)
        # somebody's data: nobody in between keeps it, and browsers ask each time
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        answer.headers["X-Robots-Tag"] = "noindex"
        patch_vary_headers(answer, ["Authorization"])
        return answer

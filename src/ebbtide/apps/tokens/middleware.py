"""What happens around requests of programs: whatever goes wrong, they are answered in their own way.

Django and the middleware above the views answer people, in pages: an address that leads nowhere, a method that is not
allowed, a host that is not ours, a fault. Under the addresses of programs those pages become problem details here.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from ebbtide.apps.tokens.problems import CONTENT_TYPE, problem

Answer = Callable[[HttpRequest], HttpResponse]

PREFIXES = ("/api/v1/", "/feed/")
"""Addresses of programs."""
_WRONG = 400
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


class ProgramsMiddleware:
    """Answer programs in their own way; see the module."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, and turn pages of errors into problems."""
        answer = self._get_response(request)
        if not for_programs(request):
            return answer
        if answer.status_code >= _WRONG and answer.headers.get("Content-Type") != CONTENT_TYPE:
            code, detail = _SAID.get(answer.status_code, _OTHER)
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            answer = problem(answer.status_code, code=code, detail=detail, headers=kept)
        # somebody's data: nobody in between keeps it, and browsers ask each time
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        answer.headers["X-Robots-Tag"] = "noindex"
        patch_vary_headers(answer, ["Authorization"])
        return answer

"""What a person sees when something did not work: the one place that turns errors into pages.

404 pages say nothing of what was asked for: missing, foreign, malformed and unknown addresses look exactly the same.
Pages for our own faults (5xx) are rendered without the request, because reading the session may be what failed, and
without the message, because it can name hosts and roles; the log has it.
"""

import structlog
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ebbtide.domain.errors import EbbtideError

log = structlog.get_logger(__name__)

_PAGES = {400: "400.html", 403: "403.html", 404: "404.html", 409: "409.html", 422: "400.html", 503: "503.html"}
_OURS = 500
_LOCKED_OUT = 429


def error_page(request: HttpRequest, *, status: int, reason: str = "") -> HttpResponse:
    """Give the page of a status.

    Args:
        request: what was asked.
        status: HTTP status; one without a page of its own gets the page of 400 or 500.
        reason: one sentence for the person; not shown for 404 and from 500 on.
    """
    if status >= _OURS:
        return HttpResponse(render_to_string(_PAGES.get(status, "500.html")), status=status)
    shown = "" if status == 404 else reason
    return HttpResponse(
        render_to_string(_PAGES.get(status, "400.html"), {"reason": shown}, request=request), status=status
    )


def page_for(request: HttpRequest, *, error: EbbtideError) -> HttpResponse:
    """Give the page of an error of ours; those that need somebody to look are logged."""
    if error.http_status >= _OURS:
        log.error("page failed", error=error.code, reason=error.message)
    return error_page(request, status=error.http_status, reason=error.message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself found suspicious."""
    del exception
    return error_page(request, status=400)


def permission_denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    """Answer a missing permission with what is needed."""
    return error_page(request, status=403, reason=str(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    del exception
    return error_page(request, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours; Django has logged it."""
    return error_page(request, status=_OURS)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a valid token."""
    del reason  # words for developers
    said = _("The form was not accepted: it was opened too long ago, or before you signed in.")
    return error_page(request, status=403, reason=said)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: object) -> HttpResponse:
    """Answer one wrong password too many; always a page, whatever the request says it would like."""
    del response, credentials
    return HttpResponse(render_to_string("account/locked_out.html", request=request), status=_LOCKED_OUT)

"""Errors for programs: problem details (RFC 9457), the one place that writes them.

As pages do, answers for our own faults (5xx) say nothing of hosts and roles; the log has it.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from django.http import HttpResponse

from ebbtide.apps.tokens.admission import Allowance
from ebbtide.domain.errors import Busy, EbbtideError, Refused, TokenRefused, TooFast

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
_OURS = 500
_UNAVAILABLE = 503
_WAIT_S = 5
"""How long to wait where nothing better is known."""


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> HttpResponse:
    """Give the answer to a program that something did not work.

    Args:
        status: HTTP status.
        code: ours, as docs/errors.md lists them; what programs may rely on.
        detail: one sentence for a person.
        field: the parameter or member at fault.
        headers: of the answer.
        more: members beside these.
    """
    body: dict[str, object] = {
        "type": f"urn:ebbtide:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if field is not None:
        body["field"] = field
    return HttpResponse(
        json.dumps(body | dict(more or {}), ensure_ascii=False),
        status=status,
        content_type=CONTENT_TYPE,
        headers=dict(headers or {}),
    )


def problem_for(error: EbbtideError) -> HttpResponse:
    """Give the answer for an error of ours; those that need somebody to look are logged."""
    detail, headers = error.message, {}
    if isinstance(error, TokenRefused):
        headers["WWW-Authenticate"] = 'Bearer realm="Ebbtide"'
    if isinstance(error, TooFast) and isinstance(allowance := error.facts.get("allowance"), Allowance):
        headers |= allowance.headers
    elif error.http_status == _UNAVAILABLE:
        headers["Retry-After"] = str(error.facts.get("retry_s", _WAIT_S))
    if error.http_status >= _OURS and not isinstance(error, Busy | Refused):
        log.error("request of a program failed", error=error.code, reason=error.message)
        detail = (error.__doc__ or "").strip().partition("\n")[0]
    more = error.facts.get("more")
    return problem(
        error.http_status,
        code=error.code,
        detail=detail,
        field=error.field,
        headers=headers,
        more=more if isinstance(more, dict) else None,
    )

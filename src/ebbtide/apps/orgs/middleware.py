"""What happens around every request: it is handed the clock, and its errors become pages."""

from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse

from ebbtide.apps.orgs.database import translate
from ebbtide.apps.orgs.errors import page_for
from ebbtide.domain.errors import EbbtideError
from ebbtide.engine.clock import Clock, SystemClock

Answer = Callable[[HttpRequest], HttpResponse]


class ClockMiddleware:
    """Hand the clock to each request, as `request.clock`: views read the time nowhere else."""

    clock: Clock = SystemClock()

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        request.clock = self.clock  # type: ignore[attr-defined] # read back, typed, in access.py
        return self._get_response(request)


class ErrorMiddleware:
    """Answer our errors, and what the database says, with their page; faults in our code go on to Django."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Give the page of an error raised by a view."""
        if isinstance(exception, Error):
            exception = translate(exception) or exception
        return page_for(request, error=exception) if isinstance(exception, EbbtideError) else None

"""The door of the feed: a token that feeds, one method, and every error as a program reads it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.orgs.database import translate
from ebbtide.apps.tokens.admission import Program, admit
from ebbtide.apps.tokens.problems import problem_for
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.domain.errors import EbbtideError, InputInvalid

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Program, P], HttpResponse]


def feeding(method: str) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Let in who shows a live token that feeds; the view gets the request and the `Program`.

    Args:
        method: HTTP method accepted.
    """

    def wrap(view: View[P]) -> Callable[..., HttpResponse]:
        @csrf_exempt  # no cookie opens it
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method != method:
                return HttpResponseNotAllowed([method])
            try:
                program = admit(
                    request.headers.get("Authorization"),
                    kind=TokenKind.FEED,
                    per_minute=settings.EBBTIDE_FEED_PER_MINUTE,
                    now=now_of(request),
                )
                request.program = program  # type: ignore[attr-defined] # read by ProgramsMiddleware
                return view(request, program, *args, **kwargs)
            except EbbtideError as exc:
                return problem_for(exc)
            except UnreadablePostError:
                return problem_for(InputInvalid("It broke off on the way: send it again.", field="Content-Length"))
            except Error as exc:
                ours = translate(exc)
                if ours is None:
                    raise
                return problem_for(ours)

        return wrapped

    return wrap

"""The door of the retrieval API: every request shows a token, and is let in as its organization, to read alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Schema
from ninja.security import HttpBearer

from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.orgs.database import seeing_one_moment
from ebbtide.apps.retrieval.asked import refuse_unknown
from ebbtide.apps.tokens.admission import Program, admit
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind


class ByToken(HttpBearer):
    """Lets in who shows a live token that reads; puts the `Program` into `request.program`."""

    def __call__(self, request: HttpRequest) -> Any:
        """Let in, or refuse.

        Raises:
            TokenRefused: there is no such token.
            TooFast: it asks more often than it may.
        """
        program = admit(
            request.headers.get("Authorization"),
            kind=TokenKind.READ,
            per_minute=settings.EBBTIDE_API_PER_MINUTE,
            now=now_of(request),
        )
        request.program = program  # type: ignore[attr-defined] # read back, typed, below
        return program

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Never asked: `__call__` does it all."""
        raise NotImplementedError


def program_of(request: HttpRequest) -> Program:
    """Give the program that was let in."""
    program: Program = request.program  # type: ignore[attr-defined] # put there by ByToken
    return program


@contextmanager
def reading_in(request: HttpRequest, scope: Scope, *, known: type[Schema] = Schema) -> Iterator[int]:
    """Open what a request reads in: its organization as of one moment, and no way to write; gives its number.

    Raises:
        ScopeMissing: the token is not for this.
        InputInvalid: a parameter is unknown.
    """
    program = program_of(request)
    program.needs(scope)
    refuse_unknown(request, known=known)
    with seeing_one_moment(program.org.id):
        yield program.org.id

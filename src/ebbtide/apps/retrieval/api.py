"""The retrieval API: what is asked and answered at which address.

Reads alone, in a transaction that PostgreSQL itself holds to reading, in the token's own organization. Nothing of data
management is here: jobs, plans, runs and switches are managed by people on pages.
"""

from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import ValidationError

from ebbtide.apps.orgs.database import translate
from ebbtide.apps.retrieval import media, segments
from ebbtide.apps.retrieval.asked import (
    refuse_unknown,
)
from ebbtide.apps.retrieval.letting_in import ByToken, program_of
from ebbtide.apps.retrieval.shapes import (
    REFUSED,
    Whoami,
)
from ebbtide.apps.tokens.problems import problem, problem_for
from ebbtide.domain.errors import EbbtideError, InputInvalid
from ebbtide.domain.identity import public_id

_WHAT = """\
Reads what an organization has: segments and interactions, recordings, transcripts. Every request shows a token that
reads, made by people on the page **People → Tokens**, as `Authorization: Bearer TOKEN`.

Lists come in pages, oldest day first: follow `next` until it is null. Every list says of each Q since which day its
data is here (`retained_since`): what is older was purged, and what is missing since then never was. Ids of others look
exactly like ids that never were (404); what was your own and is purged is told as such (410).

Answers carry an ETag: send it back with the next request and get a 304 where nothing has changed. Content can be taken
in parts (`Range`). Everything is gzipped for who accepts it, but content.
"""

api = NinjaAPI(
    title="Ebbtide retrieval API",
    version="1",
    description=_WHAT,
    urls_namespace="retrieval",
    docs_url=None,  # a page of our own, without anything from elsewhere: see views.py
    openapi_url=None,
    auth=ByToken(),
)


@api.exception_handler(EbbtideError)
def _ours(request: HttpRequest, exc: EbbtideError) -> HttpResponse:
    """Answer our errors."""
    del request
    return problem_for(exc)


@api.exception_handler(Error)
def _databases(request: HttpRequest, exc: Error) -> HttpResponse:
    """Answer what the database says; faults in our code go on to Django, which logs them."""
    del request
    ours = translate(exc)
    if ours is None:
        raise exc
    return problem_for(ours)


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    """Answer what cannot be read, each with the parameter at fault; what was given is not repeated."""
    del request
    errors = [
        {"field": ".".join(str(part) for part in one["loc"][1:] if part != "filters"), "message": str(one["msg"])}
        for one in exc.errors
    ]
    first = errors[0] if errors else {"field": "", "message": ""}
    return problem(
        422,
        code=InputInvalid.code,
        detail=f"{first['field']}: {first['message']}",
        field=first["field"],
        more={"errors": errors},
    )


@api.get(
    "/",
    response={200: Whoami, **REFUSED},
    summary="Whose token this is",
    operation_id="whoami",
    url_name="api_whoami",
    tags=["Token"],
)
def whoami(request: HttpRequest) -> Any:
    """Say whose token it is and what it may do; needs no scope."""
    program = program_of(request)
    refuse_unknown(request, known=Schema)
    return {
        "organization": public_id("org", program.org.id),
        "name": program.org.name,
        "zone": program.org.zone,
        "token": public_id("tok", program.token),
        "scopes": sorted(program.scopes),
    }


api.add_router("", segments.router)
api.add_router("", media.router)

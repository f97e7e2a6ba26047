"""Pages behind the home page: what is stored by Q, and what is set aside."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ebbtide.apps.insights.selectors import AsideFilter
from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs.aside import ASIDE, ASIDE_CSV, aside_csv_rows, aside_filter, aside_page
from ebbtide.apps.runs.orphans import ORPHANS, orphan_rows, orphans_page
from ebbtide.apps.runs.storing import STORED, storage_page, stored_rows
from ebbtide.domain.identity import public_id
from ebbtide.web.context.kept import AsideRow, OrphanRow
from ebbtide.web.listing import Asked, asked_of, csv_answer, sorted_rows


@organization_page(Permission.DATA_VIEW)
def storage(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what each Q holds."""
    asked = asked_of(request.GET, table=STORED)
    with acting_in(visit.org.id):
        rows = stored_rows(org=visit.org.id)
    if asked.csv:
        name = f"ebbtide-{public_id('org', visit.org.id)}-storage"
        return csv_answer(STORED, sorted_rows(STORED, rows, asked=asked), name=name)
    return render(request, "pages/storage.html", {"page": storage_page(rows, asked=asked)})


@organization_page(Permission.DATA_VIEW)
def aside(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what is set aside."""
    org, asked = visit.org.id, asked_of(request.GET, table=ASIDE)
    with acting_in(org):
        narrowed = aside_filter(request.GET, org=org)
        if asked.csv:
            name = f"ebbtide-{public_id('org', org)}-set-aside"
            return csv_answer(ASIDE_CSV, _aside_rows(org, narrowed=narrowed, asked=asked), name=name)
        page = aside_page(org=org, narrowed=narrowed, asked=asked)
    return render(request, "pages/aside.html", {"page": page})


def _aside_rows(org: int, *, narrowed: AsideFilter, asked: Asked) -> Iterator[AsideRow]:
    with acting_in(org):
        yield from aside_csv_rows(org=org, narrowed=narrowed, asked=asked)


@organization_page(Permission.DATA_VIEW)
def orphans(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show objects without a row, and rows without their object."""
    org, asked = visit.org.id, asked_of(request.GET, table=ORPHANS)
    if asked.csv:
        return csv_answer(ORPHANS, _orphan_rows(org, asked=asked), name=f"ebbtide-{public_id('org', org)}-orphans")
    with acting_in(org):
        page = orphans_page(org, asked=asked)
    return render(request, "pages/orphans.html", {"page": page})


def _orphan_rows(org: int, *, asked: Asked) -> Iterator[OrphanRow]:
    with acting_in(org):
        yield from orphan_rows(org, asked=asked)

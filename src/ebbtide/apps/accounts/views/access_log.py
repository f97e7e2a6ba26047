"""The page "Access log": for admins alone, for it tells what each of their people did."""

import uuid
from collections.abc import Iterator
from datetime import date

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.access_log import Deed, Narrowed, accesses
from ebbtide.apps.accounts.access_table import ACCESSES, DEEDS, access_lines
from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.access_log import AccessFilter, AccessLine, AccessLogPage
from ebbtide.web.listing import Asked, asked_of, csv_answer, every_row, list_query


@organization_page(None)
def access_log(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show who listened to, read, downloaded and exported what; as CSV too.

    Raises:
        PermissionDenied: they are no admin there.
    """
    if not visit.access.is_admin:
        raise PermissionDenied(
            _("This needs the permission to see the access log of %(org)s, which its admins alone have.")
            % {"org": visit.org.name}
        )
    asked, narrowed = asked_of(request.GET, table=ACCESSES), _narrowed(request.GET)
    if asked.csv:
        return csv_answer(ACCESSES, _every_line(visit, narrowed, asked), name="ebbtide-access-log")
    with acting_in(visit.org.id):
        query = accesses(org=visit.org.id, zone=visit.org.zone, narrowed=narrowed)
        page = AccessLogPage(
            lines=list_query(ACCESSES, query, asked=asked, lines=access_lines),
            filter=AccessFilter(
                deed=narrowed.deed or "",
                data_type=narrowed.kind or "",
                segment=str(narrowed.segment or ""),
                since=narrowed.since,
                until=narrowed.until,
            ),
            deeds=tuple(DEEDS.items()),
        )
    return render(request, "pages/access_log.html", {"page": page})


def _every_line(visit: Visit, narrowed: Narrowed, asked: Asked) -> Iterator[AccessLine]:
    with acting_in(visit.org.id):
        query = accesses(org=visit.org.id, zone=visit.org.zone, narrowed=narrowed)
        yield from every_row(ACCESSES, query, asked=asked, lines=access_lines)


def _narrowed(query: QueryDict) -> Narrowed:
    deed, kind = query.get("deed", "").strip(), query.get("data_type", "").strip()
    if deed and deed not in set(Deed):
        raise InputInvalid(f"There is no deed {deed[:40]!r}: choose one of the list.", field="deed")
    if kind and kind not in set(DataType):
        raise InputInvalid(f"There is no data type {kind[:40]!r}: choose one of the list.", field="data_type")
    return Narrowed(
        deed=Deed(deed) if deed else None,
        kind=DataType(kind) if kind else None,
        segment=_segment(query.get("segment", "").strip()),
        since=_day(query, "since"),
        until=_day(query, "until"),
    )


def _segment(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as exc:
        raise InputInvalid(f"{text[:40]!r} is not the id of a segment: copy it from a line.", field="segment") from exc


def _day(query: QueryDict, name: str) -> date | None:
    text = query.get(name, "").strip()
    return parse_day(text, field=name) if text else None

"""The list of interactions, and one of them."""

from collections.abc import Iterator

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.access_log import Deed, Reader, record
from ebbtide.apps.interactions.asked import Sought, sought
from ebbtide.apps.interactions.pages import Rights, every_line, interaction_page, interactions_page
from ebbtide.apps.interactions.tables import INTERACTIONS, INTERACTIONS_CSV
from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.web.context.interactions import InteractionLine
from ebbtide.web.listing import asked_of, csv_answer

_UNACCEPTABLE = 422


def rights_of(visit: Visit) -> Rights:
    """Say what somebody may do beside seeing report rows."""
    may = visit.access.allows
    return Rights(
        listen=may(Permission.RECORDINGS_LISTEN),
        download=may(Permission.RECORDINGS_DOWNLOAD),
        runs=may(Permission.DATA_VIEW),
    )


@organization_page(Permission.INSIGHTS_VIEW)
def interactions(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the segments that fit, a page at a time; all of them as CSV."""
    org, today = visit.org, local_day(visit.now, zone=parse_zone(visit.org.zone))
    asked, rights = asked_of(request.GET, table=INTERACTIONS), rights_of(visit)
    with acting_in(org.id):
        queues = queue_lines(org=org.id)
        wanted, form = sought(request.GET, today=today, known=queues.keys())
        if wanted.text and not rights.listen:
            raise PermissionDenied(
                _("Searching what was said needs the permission to listen to recordings of %(org)s.")
                % {"org": org.name}
            )
        if asked.csv and not form.wrong.anything:
            reader = Reader(visit.user.email)
            record(org.id, reader=reader, deed=Deed.EXPORT, kind=DataType.INSIGHTS, now=visit.now, what="interactions")
        else:
            page = interactions_page(org, wanted=wanted, form=form, queues=queues, asked=asked, rights=rights)
            return render(
                request, "pages/interactions.html", {"page": page}, status=_UNACCEPTABLE if form.wrong.anything else 200
            )
    name = f"ebbtide-{public_id('org', org.id)}-interactions-{wanted.period.first}-{wanted.period.last}"
    rows = _every(visit, wanted, descending=asked.sort != "start")
    return csv_answer(INTERACTIONS_CSV, rows, name=name)


def _every(visit: Visit, wanted: Sought, *, descending: bool) -> Iterator[InteractionLine]:
    with acting_in(visit.org.id):
        queues = queue_lines(org=visit.org.id)
        yield from every_line(visit.org, wanted=wanted, queues=queues, descending=descending)


@organization_page(Permission.INSIGHTS_VIEW)
def interaction(request: HttpRequest, visit: Visit, seg: str) -> HttpResponse:
    """Show what happened in an interaction, and what is stored of it."""
    with acting_in(visit.org.id):
        page = interaction_page(visit.org, text=seg, now=visit.now, rights=rights_of(visit))
    return render(request, "pages/interaction.html", {"page": page})

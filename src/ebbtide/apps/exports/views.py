"""The page of exports: what to take, what is being made, and what can be had."""

from itertools import chain

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.exports import pages, services
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Chosen, allowed_types, chosen
from ebbtide.apps.exports.serving import archive_bytes, refuse_unless_had, stretch_of
from ebbtide.apps.exports.tables import EXPORTS, PAGE_TABLE
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.pages import QueueLines, queue_lines
from ebbtide.apps.runs.selectors import run_by_id
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import CapExceeded, InputInvalid, Taken
from ebbtide.domain.identity import public_id
from ebbtide.web.listing import asked_of, csv_answer

_UNACCEPTABLE, _CONFLICT, _PARTIAL, _BEYOND = 422, 409, 206, 416


@organization_page(Permission.INSIGHTS_VIEW, methods=(GET, POST))
def exports(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the form and the exports; sent, ask for one."""
    asked = asked_of(request.GET, table=EXPORTS if request.GET.get("csv") else PAGE_TABLE)
    if asked.csv:
        rows = pages.every_export(visit.org.id, allowed=_allowed(visit), asked=asked)
        return csv_answer(EXPORTS, rows, name=f"ebbtide-{public_id('org', visit.org.id)}-exports")
    status, sent = 200, request.method == POST
    with acting_in(visit.org.id):
        queues = queue_lines(org=visit.org.id)
        found = _chosen(request.POST if sent else request.GET, visit=visit, queues=queues, sent=sent)
    if sent:
        status = _ask(visit, found=found)
        if status == 200:
            return redirect("exports", org=visit.org.id)
    with acting_in(visit.org.id):
        page = pages.exports_page(visit.org.id, chosen=found, queues=queues, allowed=_allowed(visit), asked=asked)
    return render(request, "pages/exports.html", {"page": page}, status=status)


def _ask(visit: Visit, *, found: Chosen) -> int:
    """Ask for what is chosen; where it is refused, say so at the form and give the status."""
    if found.selection is None:
        return _UNACCEPTABLE
    try:
        services.ask(visit.org.id, selection=found.selection, by=_by(visit))
    except (InputInvalid, CapExceeded) as exc:
        found.wrong["form"] = exc.message
        return _UNACCEPTABLE
    except Taken as exc:
        found.wrong["form"] = exc.message
        return _CONFLICT
    return 200


@organization_page(Permission.INSIGHTS_VIEW)
def exports_weigh(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say how much is in what is chosen; the form asks for this at every change."""
    with acting_in(visit.org.id):
        found = _chosen(request.GET, visit=visit, queues=queue_lines(org=visit.org.id))
        weights = pages.weights_of(visit.org.id, chosen=found)
    return render(request, "components/export_weights.html", {"weights": weights, "wrong": found.wrong})


@organization_page(Permission.INSIGHTS_VIEW)
def export_progress(request: HttpRequest, visit: Visit, exp: str) -> HttpResponse:
    """Say how far an export is; the page asks for this every two seconds."""
    with acting_in(visit.org.id):
        export = services.find_export(exp, org=visit.org.id)
        line = pages.export_line(export, queues=queue_lines(org=visit.org.id), allowed=_allowed(visit))
    if not request.headers.get("HX-Request"):
        return redirect("exports", org=visit.org.id)
    answer = render(request, "components/export_progress.html", {"line": line})
    if line.state not in {"waiting", "making", "checking"}:
        answer["HX-Refresh"] = "true"
    return answer


@organization_page(Permission.INSIGHTS_VIEW)
def export_download(request: HttpRequest, visit: Visit, exp: str) -> HttpResponseBase:
    """Give the archive, or a stretch of it."""
    export = _find(visit, exp)
    refuse_unless_had(export, now=visit.now)
    tag = f'"{bytes(export.sha256 or b"").hex()}"'
    header = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag:
        header = ""
    stretch = stretch_of(header, size=export.size)
    if stretch is None:
        return HttpResponse(status=_BEYOND, headers={"Content-Range": f"bytes */{export.size}"})
    is_whole = stretch.length == export.size
    answer: HttpResponseBase
    status = 200 if is_whole else _PARTIAL
    if request.method == "HEAD":
        answer = HttpResponse(status=status)
    else:
        services.note_download(export, by=_by(visit))
        chunks = archive_bytes(export, stretch=stretch)
        first = next(chunks, b"")  # a store that does not answer is told as such, and not as an archive cut short
        answer = StreamingHttpResponse(chain([first], chunks), status=status)
    name = f"ebbtide-{public_id('org', export.org_id)}-{public_id('exp', export.id)}.zip"
    answer["Content-Type"] = "application/zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Content-Length"] = str(stretch.length)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = tag
    if not is_whole:
        answer["Content-Range"] = f"bytes {stretch.first}-{stretch.beyond - 1}/{export.size}"
    return answer


@organization_page(Permission.INSIGHTS_VIEW, methods=(POST,))
def export_cancel(request: HttpRequest, visit: Visit, exp: str) -> HttpResponse:
    """End an export that is being made."""
    services.cancel(visit.org.id, export=_find(visit, exp), by=_by(visit))
    messages.success(request, _("The export is cancelled; what was written of it is removed."))
    return redirect("exports", org=visit.org.id)


@organization_page(Permission.INSIGHTS_VIEW, methods=(POST,))
def export_delete(request: HttpRequest, visit: Visit, exp: str) -> HttpResponse:
    """Delete an archive before its time."""
    services.delete(visit.org.id, export=_find(visit, exp), by=_by(visit))
    messages.success(request, _("The archive is deleted."))
    return redirect("exports", org=visit.org.id)


@organization_page(Permission.DATA_VIEW)
def run_exports(request: HttpRequest, visit: Visit, run: str) -> HttpResponse:
    """Say which archives went with what a run took; the run's page asks for this."""
    with acting_in(visit.org.id):
        found = run_by_id(run, org=visit.org.id)
        told = pages.exports_of_run(found.id, org=visit.org.id)
    if not request.headers.get("HX-Request"):
        return redirect(reverse("run", kwargs={"org": visit.org.id, "run": found.id}))
    return render(request, "components/run_exports.html", {"told": told})


def _chosen(query: QueryDict, *, visit: Visit, queues: QueueLines, sent: bool = False) -> Chosen:
    org, zone = visit.org, parse_zone(visit.org.zone)
    return chosen(
        query,
        org=org,
        today=local_day(visit.now, zone=zone),
        night=local_day(next_night(visit.now, zone=zone, at=org.night_at), zone=zone),
        known=list(queues),
        allowed=_allowed(visit),
        sent=sent,
    )


def _allowed(visit: Visit) -> tuple[DataType, ...]:
    return allowed_types(may_download=visit.access.allows(Permission.RECORDINGS_DOWNLOAD))


def _find(visit: Visit, text: str) -> Export:
    """Find an export that this person may take away, end or delete.

    Raises:
        NotYours: there is none.
        PermissionDenied: there are recordings or transcripts in it.
    """
    with acting_in(visit.org.id):
        export = services.find_export(text, org=visit.org.id)
    if not pages.may_take(export, allowed=_allowed(visit)):
        raise PermissionDenied(
            _("This needs the permission to download recordings of %(org)s.") % {"org": visit.org.name}
        )
    return export


def _by(visit: Visit) -> services.By:
    return services.By(visit.user.email, visit.now)

"""Workers, the queue, the database and the store."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from ebbtide.apps.console.store import ask_store
from ebbtide.apps.console.workers import QUEUE, queued, workers_page
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, operator_page
from ebbtide.web.context.console.workers import StoreNote
from ebbtide.web.listing import asked_of, csv_answer, sorted_rows


@operator_page()
def workers(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show who runs the nights; the page asks for itself again every few seconds."""
    asked = asked_of(request.GET, table=QUEUE)
    if asked.csv:
        return csv_answer(QUEUE, sorted_rows(QUEUE, queued(now=visit.now), asked=asked), name="ebbtide-queue")
    page = workers_page(now=visit.now, asked=asked, store=StoreNote())
    return render(request, "pages/platform_workers.html", {"page": page})


@operator_page(methods=(GET, POST))
def store(request: HttpRequest, visit: OperatorVisit) -> HttpResponse:
    """Ask the object store whether it is there."""
    if request.method != POST:
        return redirect("platform_workers")
    note = ask_store()
    page = workers_page(now=visit.now, asked=asked_of(request.GET, table=QUEUE), store=note)
    return render(request, "pages/platform_workers.html", {"page": page})

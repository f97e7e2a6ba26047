"""Pages where jobs are looked at: the list, and a job's own page."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ebbtide.apps.editor import pages
from ebbtide.apps.editor.history import HISTORY, change_rows, changes
from ebbtide.apps.orgs.access import Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.domain.identity import public_id
from ebbtide.web.context.jobs import ChangeRow
from ebbtide.web.listing import Asked, asked_of, csv_answer, every_row, sorted_rows


@organization_page(Permission.DATA_VIEW)
def job_list(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the jobs."""
    asked = asked_of(request.GET, table=pages.JOBS)
    with acting_in(visit.org.id):
        rows = pages.job_list_rows(visit.org, now=visit.now)
        page = pages.jobs_page(visit.org, rows=rows, now=visit.now, asked=asked)
    if asked.csv:
        return csv_answer(pages.JOBS, sorted_rows(pages.JOBS, rows, asked=asked), name="ebbtide-jobs")
    return render(request, "pages/jobs.html", {"page": page})


@organization_page(Permission.DATA_VIEW)
def job_page(request: HttpRequest, visit: Visit, job: str) -> HttpResponseBase:
    """Show one job, also one that was deleted: runs and histories name it for ever."""
    reach = asked_of(request.GET, table=pages.REACH)
    history = asked_of(request.GET, table=HISTORY)
    with acting_in(visit.org.id):
        row = find_job(job, org=visit.org.id, deleted_too=True)
        name = f"ebbtide-{public_id('job', row.id)}"
        if reach.csv and row.deleted_at is None:
            where = pages.reach_rows(
                visit.org,
                job=to_domain(row),
                in_force=jobs(org=visit.org.id),
                queues=queue_lines(org=visit.org.id),
                now=visit.now,
            )
            return csv_answer(pages.REACH, sorted_rows(pages.REACH, where, asked=reach), name=f"{name}-reach")
        page = pages.job_page(visit.org, row=row, now=visit.now, reach_asked=reach, history_asked=history)
    if history.csv:
        return csv_answer(HISTORY, _every_change(visit.org.id, job=row.id, asked=history), name=f"{name}-history")
    return render(request, "pages/job.html", {"page": page})


def _every_change(org: int, *, job: int, asked: Asked) -> Iterator[ChangeRow]:
    with acting_in(org):
        lines = change_rows(org=org, job=job, queues=queue_lines(org=org))
        yield from every_row(HISTORY, changes(org=org, job=job), asked=asked, lines=lines)

"""Pages of retention jobs."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies import pages, services
from ebbtide.apps.policies.forms import JobForm
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.web.context.jobs import JobFormPage
from ebbtide.web.context.shared import JobLine, QueueLine

_UNACCEPTABLE, _CONFLICT = 422, 409


@organization_page(Permission.DATA_VIEW)
def job_list(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the jobs."""
    with acting_in(visit.org.id):
        page = pages.jobs_page(visit.org)
    return render(request, "pages/jobs.html", {"page": page})


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Make a job."""
    with acting_in(visit.org.id):
        queues, found = pages.queue_lines(org=visit.org.id), jobs(org=visit.org.id)
    form = JobForm(request.POST if request.method == POST else None, queues=_ids(queues))
    if request.method == POST and form.is_valid():
        held_back = _held_back(request, form, among=found, queues=queues, job=None)
        if held_back is not None:
            return held_back
        new = form.job
        row = services.create_job(
            visit.org.id, type=new.type, what=new.what, days=new.days, queues=new.queues, actor=visit.user.email
        )
        messages.success(request, _("Job %(id)s was created. It counts from the next night on.") % {"id": row.id})
        return redirect("jobs", org=visit.org.id)
    return _form(request, form, queues=queues, job=None)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_edit(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Change a job, if it still stands as the person saw it."""
    row, stands, found, queues = _look_up(visit, job)
    if request.method != POST:
        form = JobForm(queues=_ids(queues), editing=stands, initial=_initial(row, stands))
        return _form(request, form, queues=queues, job=stands)
    form = JobForm(request.POST, queues=_ids(queues), editing=stands)
    if not form.is_valid():
        return _form(request, form, queues=queues, job=stands)
    version = form.cleaned_data["version"] or 0
    if version == row.version:
        held_back = _held_back(request, form, among=found, queues=queues, job=stands)
        if held_back is not None:
            return held_back
    try:
        services.edit_job(
            visit.org.id,
            job_id=job,
            version=version,
            what=form.job.what,
            days=form.job.days,
            queues=form.job.queues,
            actor=visit.user.email,
        )
    except Taken:
        return _taken(request, visit, job)
    messages.success(request, _("Job %(id)s was saved. It counts so from the next night on.") % {"id": row.id})
    return redirect("jobs", org=visit.org.id)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_delete(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Ask, then take a job out of force."""
    if request.method == POST:
        services.delete_job(visit.org.id, job_id=job, actor=visit.user.email, now=visit.now)
        messages.success(request, _("%(job)s was deleted. No data was.") % {"job": job.replace("job_", _("Job "))})
        return redirect("jobs", org=visit.org.id)
    with acting_in(visit.org.id):
        page = pages.delete_page(to_domain(find_job(job, org=visit.org.id)), org=visit.org.id)
    return render(request, "pages/job_delete.html", {"page": page})


def _look_up(visit: Visit, job: str) -> tuple[RetentionJob, Job, list[Job], dict[int, QueueLine]]:
    with acting_in(visit.org.id):
        row = find_job(job, org=visit.org.id)
        return row, to_domain(row), jobs(org=visit.org.id), pages.queue_lines(org=visit.org.id)


def _ids(queues: Mapping[int, QueueLine]) -> dict[str, int]:
    return {public_id("que", number): number for number in queues}


def _initial(row: RetentionJob, job: Job) -> dict[str, object]:
    return {
        "type": job.type,
        "what": job.what,
        "days": str(job.days),
        "queues": [public_id("que", number) for number in sorted(job.queues)],
        "version": row.version,
    }


def _held_back(
    request: HttpRequest, form: JobForm, *, among: list[Job], queues: Mapping[int, QueueLine], job: Job | None
) -> HttpResponse | None:
    """Ask before saving what would have no effect; None where there is nothing to ask, or it has been answered."""
    notes = pages.ineffective_notes(form.job, among=among, queues=queues)
    consent = pages.consent_to(form.job, notes=notes)
    if not notes or request.POST.get("save_anyway") == consent:
        return None
    page = JobFormPage(
        job=_line(job, queues),
        queues=tuple(queues.values()),
        chosen=form.chosen,
        notes=notes,
        consent=consent,
        version=form.cleaned_data["version"],
    )
    return render(request, "pages/job_form.html", {"form": form, "page": page})


def _taken(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Tell the second of two people; what they typed stays in the form, over the job as it is now."""
    row, stands, _found, queues = _look_up(visit, job)
    form = JobForm(request.POST, queues=_ids(queues), editing=stands)
    form.add_error(
        None,
        _(
            "Somebody else has changed this job meanwhile; nothing was overwritten. Above is how it stands now, below "
            "what you entered: save again to replace theirs."
        ),
    )
    return _form(request, form, queues=queues, job=stands, version=row.version, status=_CONFLICT)


def _form(
    request: HttpRequest,
    form: JobForm,
    *,
    queues: Mapping[int, QueueLine],
    job: Job | None,
    version: int | None = None,
    status: int = 200,
) -> HttpResponse:
    if version is None:
        version = form.cleaned_data.get("version") if form.is_bound else form.initial.get("version")
    if form.is_bound and form.errors and status != _CONFLICT:
        status = _UNACCEPTABLE
    page = JobFormPage(job=_line(job, queues), queues=tuple(queues.values()), chosen=form.chosen, version=version)
    return render(request, "pages/job_form.html", {"form": form, "page": page}, status=status)


def _line(job: Job | None, queues: Mapping[int, QueueLine]) -> JobLine | None:
    return None if job is None else pages.job_line(job, queues=queues)

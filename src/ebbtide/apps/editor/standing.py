"""Pages where a job is paused, resumed, deleted or brought back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.editor.pages import delete_page
from ebbtide.apps.editor.panel import panel_of
from ebbtide.apps.editor.questions import Unanswered, answer_of, asking, question_of
from ebbtide.apps.editor.weighing import night_of
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies import services
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id
from ebbtide.web.context.jobs import JobReturnPage, SaveQuestion

_UNACCEPTABLE, _CONFLICT = 422, 409
_LONGEST = 9


def version_of(request: HttpRequest) -> int:
    """Read which state of the job the person saw; 0, which no job has, where that got lost."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else 0


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def job_pause(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Take a job out of force until it is resumed."""
    row = services.pause_job(
        visit.org.id, job_id=job, actor=visit.user.email, now=visit.now, version=version_of(request)
    )
    messages.success(request, _("Job %(id)s is paused. It takes nothing until it is resumed.") % {"id": row.id})
    return redirect("job", org=visit.org.id, job=row.id)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_delete(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Ask, then take a job out of force."""
    taken = False
    if request.method == POST:
        try:
            services.delete_job(
                visit.org.id, job_id=job, actor=visit.user.email, now=visit.now, version=version_of(request)
            )
        except Taken:
            taken = True
        else:
            messages.success(request, _("%(job)s was deleted. No data was.") % {"job": job.replace("job_", _("Job "))})
            return redirect("job", org=visit.org.id, job=job)
    with acting_in(visit.org.id):
        page = delete_page(find_job(job, org=visit.org.id), org=visit.org.id, taken=taken)
    return render(request, "pages/job_delete.html", {"page": page}, status=_CONFLICT if taken else 200)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_resume(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Show what a paused job would take, then put it back in force."""
    return _bring_back(request, visit, job, deleted=False)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_restore(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Show what a deleted job would take, then bring it back."""
    return _bring_back(request, visit, job, deleted=True)


def _bring_back(request: HttpRequest, visit: Visit, job: str, *, deleted: bool) -> HttpResponse:
    if request.method != POST:
        return _return_page(request, visit, job, deleted=deleted)
    night = night_of(visit.org, now=visit.now)
    with acting_in(visit.org.id):
        row = find_job(job, org=visit.org.id, deleted_too=deleted)
    check = asking(visit.org.id, new=to_domain(row), night=night, person=visit.user.pk, answer=answer_of(request.POST))
    version = version_of(request)
    actor = visit.user.email
    try:
        if deleted:
            comes_back_paused = row.paused_at is not None
            check = services.unasked if comes_back_paused else check
            row = services.restore_job(visit.org.id, job_id=job, actor=actor, version=version, check=check)
        else:
            row = services.resume_job(visit.org.id, job_id=job, actor=actor, version=version, check=check)
    except Unanswered as held:
        return _return_page(request, visit, job, deleted=deleted, question=held.question, status=_UNACCEPTABLE)
    except Taken:
        if _is_back(visit, job, deleted=deleted):
            raise
        return _return_page(request, visit, job, deleted=deleted, taken=True, status=_CONFLICT)
    if row.paused_at is not None:
        said = _("Job %(id)s is back. It is paused, as it was.")
    else:
        said = _("Job %(id)s is in force again. It counts from the next night on.")
    messages.success(request, said % {"id": row.id})
    return redirect("job", org=visit.org.id, job=row.id)


def _is_back(visit: Visit, job: str, *, deleted: bool) -> bool:
    with acting_in(visit.org.id):
        row = find_job(job, org=visit.org.id, deleted_too=deleted)
    return (row.deleted_at if deleted else row.paused_at) is None


def _return_page(
    request: HttpRequest,
    visit: Visit,
    job: str,
    *,
    deleted: bool,
    question: SaveQuestion | None = None,
    taken: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Show what a job would take once it is back, with what has to be answered for that.

    Raises:
        Taken: it is back already.
    """
    night = night_of(visit.org, now=visit.now)
    with acting_in(visit.org.id):
        row = find_job(job, org=visit.org.id, deleted_too=deleted)
        if (row.deleted_at if deleted else row.paused_at) is None:
            raise Taken(_("%(job)s is in force already.") % {"job": public_id("job", row.id)})
        stands, queues = to_domain(row), queue_lines(org=visit.org.id)
        stays_paused = deleted and row.paused_at is not None
        panel = None
        if not stays_paused:
            panel = panel_of(visit.org, job=stands, among=jobs(org=visit.org.id), queues=queues, night=night)
            question = question or question_of(visit.org, new=stands, night=night, person=visit.user.pk)
    page = JobReturnPage(
        job=job_line(stands, queues=queues, paused=row.paused_at is not None),
        version=row.version,
        deleted=deleted,
        panel=panel,
        question=question,
        taken=taken,
    )
    return render(request, "pages/job_return.html", {"page": page}, status=status)

"""Pages where a job is made or changed, with the preview beside the form."""

from collections.abc import Mapping
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.editor import panel as previews
from ebbtide.apps.editor.losses import report_losses
from ebbtide.apps.editor.questions import Unanswered, answer_of, asking
from ebbtide.apps.editor.weighing import night_of
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies import services
from ebbtide.apps.policies.forms import JobForm
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.web.context.jobs import JobFormPage, PreviewPanel, SaveQuestion
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, asked_of, csv_answer, sorted_rows

_UNACCEPTABLE, _CONFLICT = 422, 409


class _Desk:
    """What the editor of one job works with, read anew for each request.

    Attributes:
        row: the job as it is stored; None for a new one.
        stands: the same as the verdict knows it.
        among: the jobs in force.
        queues: every Q of the organization.
    """

    def __init__(self, visit: Visit, job: str | None) -> None:
        self.visit = visit
        self.night = night_of(visit.org, now=visit.now)
        with acting_in(visit.org.id):
            self.row: RetentionJob | None = None if job is None else find_job(job, org=visit.org.id)
            self.stands: Job | None = None if self.row is None else to_domain(self.row)
            self.among = jobs(org=visit.org.id)
            self.queues: Mapping[int, QueueLine] = queue_lines(org=visit.org.id)

    @property
    def paused(self) -> bool:
        """Whether the job is out of force."""
        return self.row is not None and self.row.paused_at is not None

    def form(self, sent: QueryDict | None = None) -> JobForm:
        """Give the form: as it was sent, else as the job stands."""
        initial: dict[str, object] = {}
        if self.row is not None and self.stands is not None:
            initial = {
                "type": self.stands.type,
                "what": self.stands.what,
                "days": str(self.stands.days),
                "queues": [public_id("que", number) for number in sorted(self.stands.queues)],
                "version": self.row.version,
            }
        ids = {public_id("que", number): number for number in self.queues}
        return JobForm(sent, queues=ids, editing=self.stands, initial=initial)

    def panel(self, form: JobForm, *, asked: Asked = previews.AS_IT_IS, whole: bool = False) -> PreviewPanel:
        """Give the preview of what is entered, or say what is missing."""
        job = self.stands
        if form.is_bound:
            if not form.is_valid():
                said = [str(error) for errors in form.errors.values() for error in errors]
                return previews.empty_panel(self.visit.org, night=self.night, missing=said)
            job = form.job
        if job is None:
            return previews.empty_panel(self.visit.org, night=self.night)
        with acting_in(self.visit.org.id):
            panel = previews.panel_of(
                self.visit.org,
                job=job,
                among=self.among,
                queues=self.queues,
                night=self.night,
                asked=asked,
                whole=whole,
                paused=self.paused,
            )
        return replace(panel, losses=report_losses(job, among=self.among, queues=self.queues, night=self.night))

    def page(
        self,
        request: HttpRequest,
        form: JobForm,
        *,
        panel: PreviewPanel | None = None,
        question: SaveQuestion | None = None,
        version: int | None = None,
        previewing: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        """Show the form with its preview."""
        if version is None:
            version = form.cleaned_data.get("version") if form.is_bound else form.initial.get("version")
        page = JobFormPage(
            job=None if self.stands is None else job_line(self.stands, queues=self.queues, paused=self.paused),
            queues=tuple(self.queues.values()),
            panel=panel or self.panel(form),
            chosen=form.chosen,
            question=question,
            version=version,
            previewing=previewing,
        )
        return render(request, "pages/job_form.html", {"form": form, "page": page}, status=status)

    def check(self, job: Job, *, request: HttpRequest) -> services.Check:
        """Give what is asked before the job is saved; nothing of a paused one, which takes nothing."""
        if self.paused:
            return services.unasked
        return asking(
            self.visit.org.id, new=job, night=self.night, person=self.visit.user.pk, answer=answer_of(request.POST)
        )


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Make a job; what was tried elsewhere can be handed over in the address, and is shown with its preview."""
    desk = _Desk(visit, None)
    if request.method != POST:
        tried = "days" in request.GET
        form = desk.form(request.GET if tried else None)
        return desk.page(request, form, panel=desk.panel(form), previewing=tried)
    form = desk.form(request.POST)
    if not form.is_valid():
        return desk.page(request, form, status=_UNACCEPTABLE)
    new = form.job
    try:
        row = services.create_job(
            visit.org.id,
            type=new.type,
            what=new.what,
            days=new.days,
            queues=new.queues,
            actor=visit.user.email,
            check=desk.check(new, request=request),
        )
    except Unanswered as held:
        return desk.page(request, form, question=held.question)
    messages.success(request, _("Job %(id)s was created. It counts from the next night on.") % {"id": row.id})
    return redirect("job", org=visit.org.id, job=row.id)


@organization_page(Permission.DATA_MANAGE, methods=(GET, POST))
def job_edit(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Change a job, if it still stands as the person saw it."""
    desk = _Desk(visit, job)
    if request.method != POST:
        return desk.page(request, desk.form())
    form = desk.form(request.POST)
    if not form.is_valid():
        return desk.page(request, form, status=_UNACCEPTABLE)
    new = form.job
    try:
        services.edit_job(
            visit.org.id,
            job_id=job,
            version=form.cleaned_data["version"] or 0,
            what=new.what,
            days=new.days,
            queues=new.queues,
            actor=visit.user.email,
            check=desk.check(new, request=request),
        )
    except Unanswered as held:
        return desk.page(request, form, question=held.question)
    except Taken:
        return _taken(request, visit, job)
    said = (
        _("Job %(id)s was saved. It stays paused.")
        if desk.paused
        else _("Job %(id)s was saved. It counts so from the next night on.")
    )
    messages.success(request, said % {"id": new.id})
    return redirect("job", org=visit.org.id, job=new.id)


def _taken(request: HttpRequest, visit: Visit, job: str) -> HttpResponse:
    """Tell the second of two people; what they typed stays in the form, over the job as it is now."""
    desk = _Desk(visit, job)
    form = desk.form(request.POST)
    panel = desk.panel(form)
    form.add_error(
        None,
        _(
            "Somebody else has changed this job meanwhile; nothing was overwritten. Above is how it stands now, below "
            "what you entered: save again to replace theirs."
        ),
    )
    version = desk.row.version if desk.row is not None else None
    return desk.page(request, form, panel=panel, version=version, status=_CONFLICT)


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def job_new_preview(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what a new job would come to."""
    return _preview(request, _Desk(visit, None))


@organization_page(Permission.DATA_MANAGE, methods=(POST,))
def job_preview(request: HttpRequest, visit: Visit, job: str) -> HttpResponseBase:
    """Show what a changed job would come to."""
    return _preview(request, _Desk(visit, job))


def _preview(request: HttpRequest, desk: _Desk) -> HttpResponseBase:
    """Answer scripts with the panel alone, and the button with the whole page; nothing is saved."""
    asked = asked_of(_wanted(request), table=previews.PREVIEW)
    form = desk.form(request.POST)
    if asked.csv and form.is_valid():
        with acting_in(desk.visit.org.id):
            lines = previews.every_line(
                desk.visit.org, job=form.job, among=desk.among, queues=desk.queues, night=desk.night
            )
        return csv_answer(
            previews.PREVIEW, sorted_rows(previews.PREVIEW, lines, asked=asked), name="ebbtide-job-preview"
        )
    panel = desk.panel(form, asked=asked, whole=previews.wants_whole(_wanted(request)))
    if request.headers.get("HX-Request") == "true":
        return render(request, "components/job_preview.html", {"panel": panel, "job": desk.row and desk.row.id})
    return desk.page(request, form, panel=panel, previewing=True)


def _wanted(request: HttpRequest) -> QueryDict:
    """Read what is asked of the table: of the button's address, else as it was before, out of the form."""
    wanted = QueryDict(mutable=True)
    for name in ("preview.sort", "preview.scope"):
        if request.POST.get(name):
            wanted[name] = request.POST[name]
    for name in request.GET:
        wanted[name] = request.GET[name]
    return wanted

"""Made-up but believable data for the pages of jobs: a template name and its context each, by the name of the case."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from ebbtide.apps.editor.history import HISTORY
from ebbtide.apps.editor.pages import JOBS, REACH
from ebbtide.apps.editor.panel import PREVIEW
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.period import Span
from ebbtide.web.context.jobs import (
    BookedNote,
    ChangeRow,
    DecidedNote,
    Difference,
    IneffectiveNote,
    JobDeletePage,
    JobFormPage,
    JobPage,
    JobReturnPage,
    JobRow,
    JobsPage,
    LostDays,
    PreviewLine,
    PreviewPanel,
    Quantity,
    ReachCell,
    ReachRow,
    ReportLoss,
    SaveQuestion,
)
from ebbtide.web.context.shared import JobLine
from ebbtide.web.listing import Listing, Table, asked_of, list_rows

from .samples import (
    ARMED,
    BLOCKED,
    CLAIMS_1,
    COMPLETED,
    DESKTOP_30,
    GIB,
    GLOBAL_400,
    IDLE_1500,
    MANY,
    MIB,
    NIGHT,
    NOW,
    QUEUES,
    SIMULATED,
    SIMULATING,
    frame,
)


class JobForm(forms.Form):
    type = forms.ChoiceField(label="Reach", choices=[("global", "Global"), ("queue", "Q")])
    queues = forms.MultipleChoiceField(label="Qs", choices=[(q.id, q.name) for q in MANY], required=False)
    what = forms.ChoiceField(label="Data", choices=[("all", "All"), ("desktop", "Desktop")], required=False)
    version = forms.IntegerField(required=False)
    days = forms.IntegerField(
        label="Delete what is older than",
        help_text="A whole number of days, 1 to 5,000. Every record is kept at least this many full days.",
        min_value=1,
        max_value=5000,
    )

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("type") == "queue" and not self.cleaned_data.get("queues"):
            self.add_error("queues", "Choose at least one Q.")
        return self.cleaned_data


NEW_NOTE = JobLine(id=None, type=JobType.QUEUE, what=What.ALL, days=500, queues=QUEUES[:2])
NOTES = (
    IneffectiveNote(this=True, idle=NEW_NOTE, because_of=(GLOBAL_400,)),
    IneffectiveNote(this=False, idle=IDLE_1500, because_of=(NEW_NOTE,)),
)


QUESTION = SaveQuestion(notes=NOTES, consent="11-13")


PAUSED = replace(DESKTOP_30, id=15, paused=True)
SPAN = Quantity(items=4_112, bytes=19 * GIB, oldest=date(2026, 10, 17), newest=date(2026, 10, 18))
NO_PANEL = PreviewPanel(night=NIGHT, armed=False)


def listed(table: Table[Any], rows: Any, query: str = "") -> Listing[Any]:
    return list_rows(table, rows, asked=asked_of(QueryDict(query), table=table))


def lines() -> list[PreviewLine]:
    return [
        PreviewLine(
            queue=queue,
            data_type=kind,
            job=None if queue.id < 6 else 11 if queue.id < 8 else None,
            this=queue.id < 6,
            amount=SPAN if queue.id != 8 else Quantity(),
            more=(12, 0, -40)[queue.id % 3],
        )
        for queue in QUEUES
        for kind in DataType
    ]


LOSSES = tuple(
    ReportLoss(span=span, first=date(2026, 9, 24), last=date(2026, 10, 23), lost=lost, at_times=at_times, needs=396)
    for span, lost, at_times in (
        (Span.TODAY, (), False),
        (
            Span.FOUR_WEEKS,
            tuple(
                LostDays(
                    first=date(2026, 9, 24), last=date(2026, 9, 23 + days), days=days, queues=QUEUES[: 1 + days],
                    every=every, newly=newly,
                )
                for days, every, newly in ((1, True, True), (6, False, True), (2, True, False), (3, False, False))
            ),
            False,
        ),
        (Span.YEAR, (), True),
    )
)  # fmt: skip
PANEL = PreviewPanel(
    night=NIGHT,
    armed=False,
    run=Quantity(items=12_408, bytes=31 * GIB, oldest=date(2025, 10, 18), newest=date(2026, 10, 23)),
    own=SPAN,
    newly=Quantity(items=240, bytes=GIB, oldest=date(2026, 10, 18), newest=date(2026, 10, 18)),
    gone=Quantity(items=1, bytes=MIB),
    nightly=Quantity(items=118, bytes=500 * MIB),
    by_type=((DataType.DESKTOP, Quantity(items=118, bytes=500 * MIB)),),
    lines=listed(PREVIEW, lines(), "preview.sort=-bytes&preview.scope=run"),
    losses=LOSSES,
)
NOTHING_DUE = PreviewPanel(night=NIGHT, armed=True, lines=listed(PREVIEW, ()))


def row(job: JobLine, items: int = 0) -> JobRow:
    changed = replace(job, changed_at=NOW - timedelta(days=2), changed_by="Alice Moreau")
    return JobRow(job=changed, sentence="Deletes something", tonight=Quantity(items=items, bytes=items * MIB))


REACH_ROWS = tuple(
    ReachRow(
        queue=queue,
        cells=tuple(
            ReachCell(data_type=kind, takes=kind is DataType.DESKTOP, other=CLAIMS_1 if queue.id == 3 else None)
            for kind in DataType
        ),
        tonight=SPAN if queue.id == 1 else Quantity(),
    )
    for queue in QUEUES
)
OLD, NEW = "Deletes all data of Sales older than 60 days", "Deletes all data of Sales older than 30 days"
EDITED = (
    Difference(label="Older than", before="60 days", after="30 days"),
    Difference(label="Qs added", before="", after="Sales, Motor insurance first notification of loss"),
)


def change(number: int, kind: Any, before: str, after: str, *differences: Difference) -> ChangeRow:
    at = NOW - timedelta(days=number)
    return ChangeRow(at=at, actor="Alice Moreau", kind=kind, before=before, after=after, differences=differences)


CHANGES = (
    change(1, "paused", NEW, f"{NEW} (paused)", Difference(label="State", before="in force", after="paused")),
    change(2, "changed", OLD, NEW, *EDITED),
    change(3, "changed", OLD, OLD),
    change(4, "restored", "", OLD),
    change(5, "deleted", OLD, ""),
    change(6, "created", "", OLD),
)


def job_page(job: JobLine, **more: Any) -> JobPage:
    values: dict[str, Any] = {
        "job": job,
        "state": ARMED,
        "version": 3,
        "night": NIGHT,
        "tonight": SPAN,
        "decides": 31,
        "of": 36,
        "last": DecidedNote(run=COMPLETED, planned=SPAN, purged=Quantity(items=4_000, bytes=18 * GIB)),
        "booked": BookedNote(
            purged=Quantity(items=90_114, bytes=300 * GIB), runs=41, first_run=3, last_run=903,
            first_on=date(2026, 10, 2), last_on=date(2026, 11, 22),
        ),
        "history": listed(HISTORY, CHANGES),
        "reach": listed(REACH, REACH_ROWS),
    }  # fmt: skip
    return JobPage(**{**values, **more})


def job_samples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case of the pages of jobs."""
    chosen = frozenset({1, 2})
    ok = {"type": "queue", "queues": ["1", "2"], "what": "all", "days": "500"}
    watching = frame("jobs", can_change=False)
    rows = (row(GLOBAL_400, 12), row(DESKTOP_30), row(CLAIMS_1, 1), row(IDLE_1500), row(PAUSED))
    return {
        "jobs": (
            "pages/jobs.html",
            {
                "frame": frame("jobs"),
                "page": JobsPage(state=SIMULATING, night=NIGHT, jobs=listed(JOBS, rows), job_count=5),
            },
        ),
        "jobs-none-fit": (
            "pages/jobs.html",
            {
                "frame": watching,
                "page": JobsPage(state=ARMED, night=NIGHT, jobs=listed(JOBS, rows, "jobs.find=x"), job_count=5),
            },
        ),
        "jobs-empty": (
            "pages/jobs.html",
            {
                "frame": frame("jobs"),
                "page": JobsPage(state=SIMULATING, night=NIGHT, jobs=listed(JOBS, ()), job_count=0),
            },
        ),
        "job": ("pages/job.html", {"frame": frame("jobs"), "page": job_page(replace(CLAIMS_1, queues=QUEUES))}),
        "job-idle": (
            "pages/job.html",
            {
                "frame": watching,
                "page": job_page(
                    IDLE_1500,
                    state=SIMULATING,
                    last=DecidedNote(run=SIMULATED, planned=SPAN, purged=Quantity()),
                    booked=BookedNote(),
                    tonight=Quantity(),
                    reach=listed(REACH, (), "reach.find=x"),
                ),
            },
        ),
        "job-paused": (
            "pages/job.html",
            {"frame": frame("jobs"), "page": job_page(PAUSED, paused_at=NOW, last=None, reach=listed(REACH, ()))},
        ),
        "job-deleted": (
            "pages/job.html",
            {
                "frame": frame("jobs"),
                "page": job_page(
                    GLOBAL_400, deleted_at=NOW, deleted_by="Alice Moreau", reach=None, history=listed(HISTORY, ())
                ),
            },
        ),
        "job-resume": (
            "pages/job_return.html",
            {"frame": frame("jobs"), "page": JobReturnPage(job=PAUSED, version=3, deleted=False, panel=PANEL)},
        ),
        "job-resume-asked": (
            "pages/job_return.html",
            {
                "frame": frame("jobs"),
                "page": JobReturnPage(
                    job=PAUSED,
                    version=3,
                    deleted=False,
                    panel=replace(PANEL, armed=True),
                    taken=True,
                    question=SaveQuestion(notes=NOTES, newly=SPAN, consent="x"),
                ),
            },
        ),
        "job-restore": (
            "pages/job_return.html",
            {
                "frame": frame("jobs"),
                "page": JobReturnPage(
                    job=PAUSED,
                    version=3,
                    deleted=True,
                    panel=NOTHING_DUE,
                    question=SaveQuestion(notes=NOTES, consent="x", wrong="It has changed."),
                ),
            },
        ),
        "job-restore-paused": (
            "pages/job_return.html",
            {"frame": frame("jobs"), "page": JobReturnPage(job=PAUSED, version=3, deleted=True)},
        ),
        "job-preview": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(initial=ok),
                "page": JobFormPage(job=DESKTOP_30, queues=QUEUES, chosen=chosen, panel=NOTHING_DUE, previewing=True),
            },
        ),
        "job-new": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(initial={"type": "global"}),
                "page": JobFormPage(job=None, queues=MANY, panel=NO_PANEL),
            },
        ),
        "job-edit": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(initial=ok),
                "page": JobFormPage(job=DESKTOP_30, queues=MANY, chosen=chosen, panel=PANEL),
            },
        ),
        "job-errors": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(data={"type": "queue", "days": "0"}),
                "page": JobFormPage(job=None, queues=QUEUES, panel=replace(NO_PANEL, missing=("Choose a Q.",))),
            },
        ),
        "job-ineffective": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(data=ok),
                "page": JobFormPage(
                    job=None, queues=QUEUES, chosen=chosen, question=QUESTION, panel=replace(PANEL, notes=NOTES)
                ),
            },
        ),
        "job-newly": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(data=ok),
                "page": JobFormPage(
                    job=DESKTOP_30,
                    queues=QUEUES,
                    chosen=chosen,
                    panel=replace(PANEL, armed=True, paused=True, stopped=BLOCKED.reason, whole=True),
                    question=SaveQuestion(
                        newly=Quantity(items=1, bytes=MIB), consent="x", typed="Nordlicht", wrong="That is not it."
                    ),
                ),
            },
        ),
        "job-delete": (
            "pages/job_delete.html",
            {"frame": frame("jobs"), "page": JobDeletePage(job=DESKTOP_30, version=2, wakes=(GLOBAL_400,))},
        ),
        "job-delete-last": (
            "pages/job_delete.html",
            {"frame": frame("jobs"), "page": JobDeletePage(job=GLOBAL_400, version=1, uncovered=True, taken=True)},
        ),
    }

"""Made-up but believable data for every page: a template name and its context each, by the name of the case."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.home import AsideLine, HomePage, MatrixCell, MatrixRow, StorageLine, TonightLine
from ebbtide.web.context.jobs import IneffectiveNote, JobDeletePage, JobFormPage, JobsPage
from ebbtide.web.context.runs import GuardNote, NumbersLine, PlanNote, ReasonLine, RunPage, RunsFilter, RunsPage
from ebbtide.web.context.shared import (
    Frame,
    JobLine,
    NavEntry,
    OrgLine,
    Pages,
    QueueLine,
    RunLine,
    StateNote,
    SwitchNote,
)

from . import costs
from .forecast import forecast_samples

NOW = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
MIB = 1024 * 1024
GIB = 1024 * MIB
ORG = OrgLine(id=7, name="Nordlicht Versicherungen Kundenservice", zone="Europe/Berlin")

NAMES = (
    "Sales", "Support", "Claims", "Billing", "Retention", "Complaints <Level 2>", "Nights & weekends", "Outbound",
    "Motor insurance first notification of loss",
)  # fmt: skip
QUEUES = tuple(QueueLine(id=n, name=name, archived=name == "Outbound") for n, name in enumerate(NAMES, 1))
MANY = tuple(QueueLine(id=n, name=f"{NAMES[n % 8]} {n:03}", archived=n > 310) for n in range(1, 321))

GLOBAL_400 = JobLine(id=11, type=JobType.GLOBAL, what=What.ALL, days=400)
DESKTOP_30 = JobLine(
    id=12,
    type=JobType.QUEUE,
    what=What.DESKTOP,
    days=30,
    queues=QUEUES[:1],
    changed_at=NOW - timedelta(hours=3),
    changed_by="Alice Moreau",
)
CLAIMS_1 = JobLine(
    id=14,
    type=JobType.QUEUE,
    what=What.ALL,
    days=1,
    queues=QUEUES[2:9],
    changed_at=NOW - timedelta(days=40),
    changed_by="Alice Moreau",
)
IDLE_1500 = JobLine(
    id=13,
    type=JobType.QUEUE,
    what=What.ALL,
    days=1500,
    queues=QUEUES[1:3],
    changed_at=NOW - timedelta(days=1),
    changed_by="Alice Moreau",
    overridden_by=(GLOBAL_400, CLAIMS_1),
)

SIMULATING = StateNote(kind="simulating")
ARMED = StateNote(kind="armed", since=datetime(2026, 10, 2, 9, 15, tzinfo=UTC))
BLOCKED = StateNote(
    kind="blocked",
    reason="The plan takes 412,077 of 1,329,280 items (31.0 %); a run may take 20 %. Look at the plan, and "
    "confirm it if its counts are right.",
    run=902,
)


def frame(section: str = "", **more: Any) -> Frame:
    nav = tuple(
        NavEntry(label=label, url=f"/o/7/{path}", icon=icon, key=label[0].lower(), here=section == label.lower())
        for label, path, icon in (("Home", "", "home"), ("Jobs", "jobs/", "list-check"), ("Runs", "runs/", "history"))
    )
    return Frame(org=ORG, now=NOW, nav=nav, can_switch=True, **more)


def run_line(number: int, outcome: RunOutcome | None, **more: Any) -> RunLine:
    started = NIGHT - timedelta(days=1 + 904 - number)
    values: dict[str, Any] = {
        "id": number,
        "on": started.date(),
        "started_at": started,
        "ended_at": None if outcome is None else started + timedelta(seconds=187),
        "trigger": "nightly",
        "live": outcome is not RunOutcome.SIMULATED,
        "outcome": outcome,
        "planned": 12_408,
        "planned_bytes": 31 * GIB,
    }
    return RunLine(**{**values, **more})


SIMULATED = run_line(904, RunOutcome.SIMULATED)
COMPLETED = run_line(903, RunOutcome.COMPLETED, purged=12_408, purged_bytes=31 * GIB)
STOPPED = run_line(902, RunOutcome.BLOCKED, planned=412_077, planned_bytes=903 * GIB)
INCOMPLETE = run_line(
    901,
    RunOutcome.INCOMPLETE,
    purged=9_120,
    purged_bytes=22 * GIB,
    kept=88,
    failed=3,
    not_reached=3_197,
    trigger="caught_up",
)
RUNNING = run_line(904, None, purged=310, purged_bytes=700 * MIB, trigger="operator")
FAILED = run_line(900, RunOutcome.FAILED, planned=0, planned_bytes=0)
QUIET = run_line(899, RunOutcome.COMPLETED, planned=0, planned_bytes=0)

TONIGHT = tuple(
    TonightLine(data_type=kind, items=items, bytes=size, oldest=oldest, newest=newest)
    for kind, items, size, oldest, newest in (
        (DataType.INSIGHTS, 4_112, 9 * MIB, date(2025, 10, 18), date(2025, 10, 18)),
        (DataType.AUDIO, 3_870, 12 * GIB, date(2025, 10, 17), date(2025, 10, 18)),
        (DataType.TRANSCRIPT, 0, 0, None, None),
        (DataType.DESKTOP, 4_426, 19 * GIB, date(2026, 10, 22), date(2026, 10, 23)),
    )
)
STORAGE = tuple(
    StorageLine(data_type=kind, items=items, bytes=size, percent=percent, oldest=date(2025, 10, 18))
    for kind, items, size, percent in (
        (DataType.INSIGHTS, 1_604_223, 4 * GIB, 0.1),
        (DataType.AUDIO, 1_290_008, 3_900 * GIB, 60.4),
        (DataType.TRANSCRIPT, 1_288_114, 61 * GIB, 0.9),
        (DataType.DESKTOP, 120_442, 2_492 * GIB, 38.6),
    )
)


def matrix(queues: tuple[QueueLine, ...]) -> tuple[MatrixRow, ...]:
    def decides(queue: QueueLine, kind: DataType) -> JobLine:
        if queue.id == 1 and kind is DataType.DESKTOP:
            return DESKTOP_30
        return CLAIMS_1 if queue.id == 3 else GLOBAL_400

    return tuple(
        MatrixRow(queue=queue, cells=tuple(MatrixCell(data_type=kind, job=decides(queue, kind)) for kind in DataType))
        for queue in queues
    )


def home(state: StateNote, **more: Any) -> HomePage:
    values: dict[str, Any] = {
        "state": state,
        "next_night": NIGHT,
        "last_run": SIMULATED,
        "tonight": TONIGHT,
        "tonight_items": 12_408,
        "tonight_bytes": 31 * GIB,
        "matrix": matrix(QUEUES),
        "storage": STORAGE,
        "storage_items": 4_302_787,
        "storage_bytes": 6_457 * GIB,
        "job_count": 4,
    }
    return HomePage(**{**values, **more})


FRESH = home(
    SIMULATING,
    last_run=None,
    tonight=(),
    tonight_items=0,
    tonight_bytes=0,
    matrix=(),
    storage=tuple(StorageLine(data_type=kind, items=0, bytes=0, percent=0) for kind in DataType),
    storage_items=0,
    storage_bytes=0,
    job_count=0,
)
FOREVER = tuple(
    MatrixRow(queue=queue, cells=tuple(MatrixCell(data_type=kind, job=None) for kind in DataType))
    for queue in QUEUES[:2]
)
ASIDE = (
    AsideLine(kind="undatable", reason="No instant at all", items=41),
    AsideLine(kind="undatable", reason="More than 48 hours in the future", items=3),
    AsideLine(kind="late", reason="Arrived for days that were already purged", items=1_208),
)

LINES = (
    NumbersLine(
        queue="Sales",
        data_type=DataType.DESKTOP,
        planned=4_426,
        planned_bytes=19 * GIB,
        purged=4_426,
        purged_bytes=19 * GIB,
        kept=0,
        failed=0,
        not_reached=0,
    ),
    NumbersLine(
        queue="Motor insurance first notification of loss",
        data_type=DataType.AUDIO,
        planned=7_982,
        planned_bytes=12 * GIB,
        purged=4_694,
        purged_bytes=3 * GIB,
        kept=88,
        failed=3,
        not_reached=3_197,
    ),
)
PLAN = PlanNote(
    id=555,
    digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    made_at=NIGHT - timedelta(days=1),
    cells=31,
    oldest=date(2025, 10, 17),
    newest=date(2026, 10, 23),
    jobs=(GLOBAL_400, DESKTOP_30),
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


def failed_login() -> AuthenticationForm:
    form = AuthenticationForm(data={"username": "alice", "password": ""})
    form.errors.clear()
    form.add_error(None, "The name and the password do not belong together. Both are case-sensitive.")
    return form


def samples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case: name -> (template, context)."""
    switch = SwitchNote(scope="platform", since=NOW - timedelta(hours=2), reason="Storage maintenance")
    runs = (SIMULATED, COMPLETED, STOPPED, INCOMPLETE, FAILED, QUIET)
    outside = Frame(org=None, now=NOW)
    platform = Frame(org=None, now=NOW, platform=True)
    orgs = [
        OrgLine(id=n, name=f"{name} Contact Centre", zone="America/New_York", armed=n % 2 == 0)
        for n, name in enumerate(NAMES)
    ]
    chosen = frozenset({1, 2})
    ok = {"type": "queue", "queues": ["1", "2"], "what": "all", "days": "500"}
    return {
        "login": ("registration/login.html", {"form": AuthenticationForm(), "next": "/"}),
        "login-failed": ("registration/login.html", {"form": failed_login(), "next": "/"}),
        "locked-out": ("registration/locked_out.html", {}),
        "org-choose": ("pages/org_choose.html", {"frame": outside, "orgs": orgs}),
        "org-choose-none": ("pages/org_choose.html", {"frame": outside, "orgs": []}),
        "home-simulating": ("pages/home.html", {"frame": frame("home"), "page": home(SIMULATING)}),
        "home-armed": (
            "pages/home.html",
            {"frame": frame("home", switch=switch), "page": home(ARMED, last_run=INCOMPLETE, aside=ASIDE)},
        ),
        "home-blocked": ("pages/home.html", {"frame": frame("home"), "page": home(BLOCKED, last_run=STOPPED)}),
        "home-fresh": ("pages/home.html", {"frame": frame("home"), "page": FRESH}),
        "home-quiet": (
            "pages/home.html",
            {
                "frame": frame("home", can_change=False),
                "page": home(
                    ARMED,
                    tonight_items=0,
                    last_run=QUIET,
                    matrix=FOREVER,
                    matrix_pages=Pages(number=2, count=3, total=140),
                ),
            },
        ),
        "jobs": (
            "pages/jobs.html",
            {
                "frame": frame("jobs"),
                "page": JobsPage(state=SIMULATING, jobs=(GLOBAL_400, DESKTOP_30, CLAIMS_1, IDLE_1500)),
            },
        ),
        "jobs-empty": ("pages/jobs.html", {"frame": frame("jobs"), "page": JobsPage(state=SIMULATING, jobs=())}),
        "job-new": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(initial={"type": "global"}),
                "page": JobFormPage(job=None, queues=MANY),
            },
        ),
        "job-edit": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(initial=ok),
                "page": JobFormPage(job=DESKTOP_30, queues=MANY, chosen=chosen),
            },
        ),
        "job-errors": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(data={"type": "queue", "days": "0"}),
                "page": JobFormPage(job=None, queues=QUEUES),
            },
        ),
        "job-ineffective": (
            "pages/job_form.html",
            {
                "frame": frame("jobs"),
                "form": JobForm(data=ok),
                "page": JobFormPage(job=None, queues=QUEUES, chosen=chosen, notes=NOTES, consent="11-13"),
            },
        ),
        "job-delete": (
            "pages/job_delete.html",
            {"frame": frame("jobs"), "page": JobDeletePage(job=DESKTOP_30, wakes=(GLOBAL_400,))},
        ),
        "job-delete-last": (
            "pages/job_delete.html",
            {"frame": frame("jobs"), "page": JobDeletePage(job=GLOBAL_400, uncovered=True)},
        ),
        "runs": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(
                    state=ARMED, next_night=NIGHT, runs=(RUNNING, *runs), older="outcome=blocked&before=run_899"
                ),
            },
        ),
        "runs-empty": (
            "pages/runs.html",
            {"frame": frame("runs"), "page": RunsPage(state=SIMULATING, next_night=NIGHT, runs=())},
        ),
        "runs-none-fit": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(
                    state=SIMULATING,
                    next_night=NIGHT,
                    runs=(),
                    filter=RunsFilter(outcome="failed", since=date(2026, 11, 1)),
                ),
            },
        ),
        "costs": ("pages/costs.html", {"frame": frame("costs"), "page": costs.costs()}),
        "costs-unpriced": ("pages/costs.html", {"frame": frame("costs"), "page": costs.costs(priced=False)}),
        "costs-fresh": ("pages/costs.html", {"frame": frame("costs"), "page": costs.FRESH}),
        "costs-closed": (
            "pages/costs_month.html",
            {
                "frame": frame("costs"),
                "page": costs.month_page(costs.OF_OCTOBER, QUEUES, next=costs.NOVEMBER),
                "rules": ["What is at rest at the start of a date is billed for it.", "The total is the sum."],
            },
        ),
        "costs-running": (
            "pages/costs_month.html",
            {
                "frame": frame("costs"),
                "page": costs.month_page(costs.statement(costs.NOVEMBER, priced=False), QUEUES[:1]),
                "rules": ["No rate card was in force: nothing has a price."],
            },
        ),
        "rate-card-first": (
            "pages/rate_card.html",
            {"frame": platform, "page": costs.card_page(), "form": costs.card_form()},
        ),
        "rate-card-tried": (
            "pages/rate_card.html",
            {
                "frame": platform,
                "page": costs.card_page(costs.CARD, costs.OWN, costs.BACK, effect=costs.EFFECT),
                "form": costs.card_form(),
            },
        ),
        "rate-card-errors": (
            "pages/rate_card.html",
            {
                "frame": platform,
                "page": costs.card_page(costs.CARD, nothing_closed=True),
                "form": costs.card_form(month="soon", price_audio="1,5", days_audio="0"),
            },
        ),
        "run-simulated": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=SIMULATED,
                    plan=PLAN,
                    lines=tuple(
                        NumbersLine(
                            queue=queue.name,
                            data_type=kind,
                            planned=776,
                            planned_bytes=2 * GIB,
                            purged=0,
                            purged_bytes=0,
                            kept=0,
                            failed=0,
                            not_reached=0,
                        )
                        for queue in QUEUES[:4]
                        for kind in DataType
                    ),
                ),
            },
        ),
        "run-incomplete": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=INCOMPLETE,
                    plan=PLAN,
                    lines=LINES,
                    reasons=(
                        ReasonLine(number="kept", reason="The job was changed while the run was under way", items=88),
                        ReasonLine(
                            number="failed", reason="The object store refused the deletion: AccessDenied", items=3
                        ),
                        ReasonLine(number="not_reached", reason="The night's time was up", items=3_197),
                    ),
                    already_gone=12,
                    verified=False,
                ),
            },
        ),
        "run-completed": (
            "pages/run.html",
            {"frame": frame("runs"), "page": RunPage(run=COMPLETED, plan=PLAN, lines=LINES[:1], verified=True)},
        ),
        "run-blocked": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=STOPPED,
                    plan=PLAN,
                    lines=tuple(
                        replace(line, purged=0, purged_bytes=0, kept=0, failed=0, not_reached=0) for line in LINES
                    ),
                    guard=GuardNote(
                        message=BLOCKED.reason,
                        limit=265_855,
                        selected=412_077,
                        population=1_329_280,
                        plan=555,
                        order="ebbtide run start org_7 --plan plan_555",
                    ),
                ),
            },
        ),
        "run-nothing": ("pages/run.html", {"frame": frame("runs"), "page": RunPage(run=QUIET, plan=None)}),
        **forecast_samples(frame("costs"), outside=outside),
        "error-400": ("400.html", {}),
        "error-403": ("403.html", {}),
        "error-404": ("404.html", {}),
        "error-409": ("409.html", {"reason": "Job 12 was changed by Alice Moreau a moment ago."}),
        "error-500": ("500.html", {}),
        "error-503": ("503.html", {}),
    }

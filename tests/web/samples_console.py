"""Made-up but believable data for the platform operator's pages."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import QueryDict

from ebbtide.apps.console.forms import OrgForm, PlatformThrottleForm, ReasonForm, SettingsForm, SwitchForm
from ebbtide.apps.console.organization import HISTORY, RUNS
from ebbtide.apps.console.runs import RUNS as ALL_RUNS
from ebbtide.apps.console.standings import ORGS
from ebbtide.apps.console.views.switch import TURNS
from ebbtide.apps.console.views.throttle import THROTTLES
from ebbtide.apps.console.workers import QUEUE
from ebbtide.apps.runs.throttling import ThrottleSet
from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.console.organization import (
    ChangeLine,
    Comparison,
    OnboardingHint,
    OrgNewPage,
    PlatformOrgPage,
    RunNowPage,
    Settings,
    TypeLine,
)
from ebbtide.web.context.console.runs import PlatformRunLine, PlatformRunPage, PlatformRunsPage, TypeNumbers
from ebbtide.web.context.console.standings import ConsolePage, Figures, Standing
from ebbtide.web.context.console.switch import SwitchPage, TurnLine
from ebbtide.web.context.console.throttle import ThrottleLine, ThrottleNote, ThrottlePage
from ebbtide.web.context.console.workers import OpenRun, ProbeNote, QueuedLine, StoreNote, WorkersPage
from ebbtide.web.context.runs import GuardNote, ReasonLine
from ebbtide.web.context.shared import Frame, NavEntry, OrgLine, SwitchNote
from ebbtide.web.listing import Listing, Table, asked_of, list_rows

from .samples import (
    DESKTOP_30,
    GIB,
    GLOBAL_400,
    IDLE_1500,
    INCOMPLETE,
    MIB,
    NIGHT,
    NOW,
    ORG,
    RUNNING,
    SIMULATED,
    STOPPED,
)

ARMED_ORG = replace(ORG, armed=True)
ELSEWHERE = OrgLine(id=9, name="Southern Cross <Travel> & Partners", zone="America/Argentina/Buenos_Aires")
SWITCH = SwitchNote(scope="platform", since=NOW - timedelta(hours=2), reason="Storage is failing")


def platform(here: str = "", switch: SwitchNote | None = None) -> Frame:
    nav = tuple(
        NavEntry(label=label, url=f"/platform/{path}", icon=icon, key=key, here=here == label)
        for label, path, icon, key in (
            ("Organizations", "", "building", "o"),
            ("Runs", "runs/", "history", "r"),
            ("Workers", "workers/", "cpu", "w"),
            ("Kill switch", "switch/", "hand-stop", "k"),
        )
    )
    return Frame(org=None, now=NOW, platform=True, nav=nav, switch=switch)


def standing(org: OrgLine, **more: Any) -> Standing:
    values: dict[str, Any] = {
        "org": org,
        "state": "armed" if org.armed else "simulating",
        "armed_at": NOW - timedelta(days=52) if org.armed else None,
        "run": 904,
        "on": date(2026, 11, 23),
        "outcome": RunOutcome.COMPLETED if org.armed else RunOutcome.SIMULATED,
        "ran_at": NOW - timedelta(hours=7),
        "night_at": NIGHT,
        "overdue": None,
        "due_since": None,
        "backlog": 0,
        "backlog_bytes": 0,
        "failures": 0,
        "items": 1_329_280,
        "bytes": 903 * GIB,
    }
    return Standing(**{**values, **more})


STANDINGS = (
    standing(ARMED_ORG),
    standing(ELSEWHERE, overdue=412, due_since=date(2025, 10, 7), backlog=12_408, backlog_bytes=31 * GIB),
    standing(
        replace(ARMED_ORG, id=10, name="Held back"),
        state="blocked",
        outcome=RunOutcome.BLOCKED,
        overdue=1,
        due_since=date(2026, 11, 22),
        backlog=412_077,
        backlog_bytes=903 * GIB,
        failures=3_200,
        trouble=("blocked", "overdue"),
    ),
    standing(
        replace(ORG, id=11, name="Brand new"), run=None, on=None, outcome=None, ran_at=None, backlog=None,
        backlog_bytes=None, items=None, bytes=None, trouble=("missed",),
    ),
    standing(replace(ARMED_ORG, id=12, name="By order"), state="stopped", overdue=0, due_since=date(2026, 11, 23)),
)  # fmt: skip
FIGURES = Figures(
    orgs=5,
    armed=3,
    simulating=2,
    troubled=2,
    overdue=1,
    overdue_org=STANDINGS[2].org,
    purged=12_408,
    purged_bytes=31 * GIB,
    items=5_317_120,
    bytes=3_612 * GIB,
)
QUIET = replace(FIGURES, troubled=0, overdue=None, overdue_org=None, purged=0, purged_bytes=0)
TYPES = (
    TypeLine(
        data_type=DataType.INSIGHTS, items=9_120, bytes=21 * MIB, oldest=date(2025, 9, 1), newest=date(2025, 10, 18)
    ),
    TypeLine(data_type=DataType.AUDIO, items=88, bytes=2 * GIB, oldest=date(2025, 10, 18), newest=date(2025, 10, 18)),
    TypeLine(data_type=DataType.TRANSCRIPT, items=0, bytes=0, oldest=None, newest=None),
    TypeLine(data_type=DataType.DESKTOP, items=0, bytes=0, oldest=None, newest=None),
)
SETTINGS = Settings(night_at=time(2), share_percent=20, items=None)
CHANGES = (
    ChangeLine(at=NOW - timedelta(days=52), what="armed", actor="operator olga@example.org", reason="As asked"),
    ChangeLine(at=NOW - timedelta(days=40), what="stopped", actor="operator olga@example.org", reason="Court order"),
    ChangeLine(at=NOW - timedelta(days=39), what="released", actor="operator olga@example.org", reason="Lifted"),
    ChangeLine(at=NOW - timedelta(days=3), what="disarmed", actor="operator olga@example.org", reason="Audit"),
    ChangeLine(
        at=NOW - timedelta(days=2),
        what="settings",
        actor="olga@example.org",
        before=SETTINGS,
        after=Settings(night_at=time(23, 30), share_percent=None, items=5_000),
    ),
)
TURNED = (
    TurnLine(at=NOW - timedelta(hours=2), on=True, reason="Storage is failing", actor="olga@example.org"),
    TurnLine(at=NOW - timedelta(days=90), on=False, reason="", actor=""),
)
QUEUED = tuple(
    QueuedLine(
        id=number,
        org=org,
        kind=kind,
        on=on,
        status=status,
        since=NOW - timedelta(minutes=number),
        run=run,
        worker=worker,
    )  # type: ignore[arg-type] # words of the shape
    for number, org, kind, on, status, run, worker in (
        (1, ARMED_ORG, "night", date(2026, 11, 23), "running", 904, "worker-1:4711"),
        (2, ELSEWHERE, "run", None, "waiting", None, ""),
        (3, ORG, "simulation", None, "failed", None, ""),
        (4, None, "night", date(2026, 11, 22), "stalled", None, ""),
    )
)


THROTTLED = (
    ThrottleLine(
        at=NOW - timedelta(hours=2),
        actor="olga@example.org",
        before=ThrottleNote(objects_per_second=1),
        after=ThrottleNote(rows_per_second=20_000, hours_from=time(22), hours_until=time(6)),
    ),
    ThrottleLine(
        at=NOW - timedelta(days=2),
        actor="olga@example.org",
        before=ThrottleNote(),
        after=ThrottleNote(objects_per_second=1),
    ),
)


def rows(table: Table[Any], found: Any) -> Listing[Any]:
    """A page of rows in the order they come in: those of organizations are sorted as something slighter."""
    empty = list_rows(table, (), asked=asked_of(QueryDict(""), table=table))
    return replace(empty, rows=tuple(found), total=len(found))


COMPARED = Comparison(
    compared_at=NOW - timedelta(hours=7),
    cells=12_430,
    objects=48_112,
    differences=(),
    failed_at=None,
    reason="",
    order="ebbtide reconcile --org org_3",
)


def org_page(one: Standing, **more: Any) -> PlatformOrgPage:
    values: dict[str, Any] = {
        "standing": one,
        "onboarded_on": date(2021, 5, 17),
        "created_at": NOW - timedelta(days=400),
        "settings": SETTINGS,
        "last": INCOMPLETE,
        "comparison": COMPARED,
        "types": TYPES,
        "due": 9_208,
        "due_bytes": 2 * GIB,
        "jobs": (GLOBAL_400, DESKTOP_30, IDLE_1500),
        "members": 14,
        "admins": ("alice@example.org", "amir@example.org"),
        "runs": rows(RUNS, (SIMULATED, INCOMPLETE, STOPPED)),
        "history": rows(HISTORY, CHANGES),
    }
    return PlatformOrgPage(**{**values, **more})


def workers_page(**more: Any) -> WorkersPage:
    values: dict[str, Any] = {
        "alive": 4,
        "silent": 1,
        "beat_at": NOW - timedelta(seconds=3),
        "due": 2,
        "next_night": NIGHT,
        "waiting": 1,
        "running": 1,
        "stalled": 1,
        "failed": 1,
        "queue": rows(QUEUE, QUEUED),
        "open_runs": (
            OpenRun(org=ARMED_ORG, run=RUNNING, carried=True, worker="worker-1:4711"),
            OpenRun(org=ELSEWHERE, run=replace(RUNNING, id=905), carried=False, worker="worker-2:12"),
        ),
        "clock_at": NOW - timedelta(minutes=1),
        "database_bytes": 903 * GIB,
        "partitions": 7_300,
        "locks": 30_720,
        "connections": 12,
        "most_connections": 60,
    }
    return WorkersPage(**{**values, **more})


def _run_page(run: Any, **more: Any) -> PlatformRunPage:
    values: dict[str, Any] = {
        "org": ARMED_ORG,
        "run": run,
        "types": (
            TypeNumbers(
                data_type=DataType.INSIGHTS, planned=12_000, planned_bytes=GIB, purged=9_000, purged_bytes=GIB, kept=80
            ),
            TypeNumbers(data_type=DataType.DESKTOP, planned=408, planned_bytes=30 * GIB, failed=3, not_reached=405),
        ),
        "reasons": (ReasonLine(number="failed", reason="AccessDenied", items=3),),
        "guard": None,
        "note": "",
        "worker": "worker-1:4711",
        "cancelled_at": None,
        "cancelled_by": "",
        "plan": 555,
        "population": 1_329_280,
    }
    return PlatformRunPage(**{**values, **more})


def _new(form: OrgForm, **hint: Any) -> dict[str, Any]:
    return {
        "frame": platform("Organizations"),
        "form": form,
        "page": OrgNewPage(
            zones=("UTC", "Europe/Berlin", "Asia/Kolkata"),
            hint=OnboardingHint(**hint),
            since=date(2022, 1, 1),
            days=400,
        ),
    }


def console_samples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every page of the console by the name of the case."""
    return {
        "platform": (
            "pages/platform.html",
            {
                "frame": platform("Organizations"),
                "page": ConsolePage(
                    figures=FIGURES, orgs=rows(ORGS, STANDINGS), shown="", workers_alive=True, requests=2
                ),
            },
        ),
        "platform-quiet": (
            "pages/platform.html",
            {
                "frame": platform("Organizations"),
                "page": ConsolePage(
                    figures=QUIET, orgs=rows(ORGS, STANDINGS[:1]), shown="armed", workers_alive=True, requests=0
                ),
            },
        ),
        "platform-alone": (
            "pages/platform.html",
            {
                "frame": platform("Organizations", switch=SWITCH),
                "page": ConsolePage(
                    figures=FIGURES, orgs=rows(ORGS, ()), shown="trouble", workers_alive=False, requests=0
                ),
            },
        ),
        "platform-empty": (
            "pages/platform.html",
            {
                "frame": platform("Organizations"),
                "page": ConsolePage(
                    figures=Figures(
                        orgs=0, armed=0, simulating=0, troubled=0, overdue=None, overdue_org=None, purged=0,
                        purged_bytes=0, items=0, bytes=0,
                    ),
                    orgs=rows(ORGS, ()),
                    shown="",
                    workers_alive=True,
                    requests=0,
                ),
            },
        ),
        "platform-org": (
            "pages/platform_org.html",
            {
                "frame": platform("Organizations"),
                "settings_form": SettingsForm.showing(SETTINGS),
                "page": org_page(STANDINGS[2], waiting_since=NOW - timedelta(minutes=2)),
            },
        ),
        "platform-org-stopped": (
            "pages/platform_org.html",
            {
                "frame": platform("Organizations"),
                "settings_form": SettingsForm(
                    {"night_at": "25:00", "share": "most", "share_percent": "", "count": "", "items": "x"}
                ),
                "page": org_page(
                    STANDINGS[4],
                    switch=replace(SWITCH, scope="organization"),
                    comparison=replace(
                        COMPARED,
                        differences=(("cell items", 2), ("object unknown", 14)),
                        failed_at=NOW - timedelta(hours=1),
                        reason="The object store does not answer: try again once it does.",
                    ),
                ),
            },
        ),
        "platform-org-new": (
            "pages/platform_org.html",
            {
                "frame": platform("Organizations"),
                "settings_form": SettingsForm.showing(SETTINGS),
                "page": org_page(
                    STANDINGS[3], last=None, comparison=None, due=0, due_bytes=0, jobs=(), members=0, admins=(),
                    runs=rows(RUNS, ()), history=rows(HISTORY, ()),
                ),
            },
        ),
        "platform-onboarding": ("pages/platform_org_new.html", _new(OrgForm())),
        "platform-onboarding-errors": (
            "pages/platform_org_new.html",
            _new(
                OrgForm({"name": "", "zone": "Mars/Base", "onboarded_on": "soon", "night_at": "9", "email": "nobody"}),
                dated=True,
            ),
        ),
        "platform-onboarding-hint": (
            "components/onboarding_hint.html",
            _new(OrgForm(), local_time=NOW, zone="Asia/Kolkata", default_job=400, dated=True),
        ),
        "platform-run-now": (
            "pages/platform_org_run.html",
            {
                "frame": platform("Organizations"),
                "page": RunNowPage(
                    standing=STANDINGS[0], due=9_208, due_bytes=2 * GIB, oldest=date(2025, 9, 1), stopped=False,
                    workers_alive=True, order="ebbtide run start org_7",
                ),
            },
        ),
        "platform-run-now-stopped": (
            "pages/platform_org_run.html",
            {
                "frame": platform("Organizations", switch=SWITCH),
                "page": RunNowPage(
                    standing=STANDINGS[0], due=0, due_bytes=0, oldest=None, stopped=True, workers_alive=False,
                    order="ebbtide run start org_7",
                ),
            },
        ),
        "platform-runs": (
            "pages/platform_runs.html",
            {
                "frame": platform("Runs"),
                "page": PlatformRunsPage(
                    runs=rows(
                        ALL_RUNS,
                        (
                            PlatformRunLine(org=ARMED_ORG, run=RUNNING, reason=""),
                            PlatformRunLine(org=ELSEWHERE, run=SIMULATED, reason=""),
                            PlatformRunLine(org=ARMED_ORG, run=STOPPED, reason="The plan takes more than it may."),
                        ),
                    ),
                    since=date(2026, 10, 23),
                    org=ARMED_ORG,
                ),
            },
        ),
        "platform-runs-none": (
            "pages/platform_runs.html",
            {"frame": platform("Runs"), "page": PlatformRunsPage(runs=rows(ALL_RUNS, ()), outcome="failed")},
        ),
        "platform-run": (
            "pages/platform_run.html",
            {"frame": platform("Runs"), "page": _run_page(INCOMPLETE, note="Stopped.")},
        ),
        "platform-run-blocked": (
            "pages/platform_run.html",
            {
                "frame": platform("Runs"),
                "page": _run_page(
                    STOPPED, types=(), reasons=(), worker="",
                    guard=GuardNote(message="The plan takes more than it may."),
                    cancelled_at=datetime(2026, 11, 23, 1, tzinfo=NOW.tzinfo),
                ),
            },
        ),
        "platform-switch": (
            "pages/platform_switch.html",
            {
                "frame": platform("Kill switch"),
                "form": SwitchForm({"reason": "", "typed": "stop"}),
                "page": SwitchPage(on=False, armed=3, running=1, turns=rows(TURNS, ())),
            },
        ),
        "platform-switch-on": (
            "pages/platform_switch.html",
            {
                "frame": platform("Kill switch", switch=SWITCH),
                "form": ReasonForm(),
                "page": SwitchPage(on=True, armed=1, running=0, turns=rows(TURNS, TURNED)),
            },
        ),
        "platform-throttle": (
            "pages/platform_throttle.html",
            {
                "frame": platform("Workers"),
                "form": PlatformThrottleForm({"rows": "most", "rows_per_second": "0", "objects": "none",
                                              "hours": "most", "hours_from": "22:00", "hours_until": "25:00"}),
                "page": ThrottlePage(stands=ThrottleNote(), running=0, own=0, turns=rows(THROTTLES, ())),
            },
        ),
        "platform-throttle-limited": (
            "pages/platform_throttle.html",
            {
                "frame": platform("Workers"),
                "form": PlatformThrottleForm.showing(
                    ThrottleSet(rows_per_second=20_000, hours_from=time(22), hours_until=time(6))
                ),
                "page": ThrottlePage(stands=THROTTLED[0].after, running=2, own=1, turns=rows(THROTTLES, THROTTLED)),
            },
        ),
        "platform-workers": (
            "pages/platform_workers.html",
            {
                "frame": platform("Workers"),
                "page": workers_page(
                    store=StoreNote(asked=True, reachable=True, took_ms=12),
                    probe=ProbeNote(identity="s3://recordings", probed_at=NOW, proves=True, passed=22, tried=25),
                ),
            },
        ),
        "platform-workers-none": (
            "pages/platform_workers.html",
            {
                "frame": platform("Workers"),
                "page": workers_page(
                    alive=0, silent=0, beat_at=None, next_night=None, queue=rows(QUEUE, ()), open_runs=(),
                    clock_at=None, waiting=0, running=0, stalled=0, failed=0, partitions=9_000,
                    probe=ProbeNote(
                        identity="s3://recordings", probed_at=NOW, proves=False, passed=20, tried=25,
                        missing=("copies: the bucket is copied elsewhere",),
                    ),
                    store=StoreNote(asked=True, reason="It did not answer within 5 seconds."),
                ),
            },
        ),
    }  # fmt: skip

"""Made-up data for the pages about switching deletion on and off."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.http import QueryDict

from ebbtide.apps.activation.forms import AskForm, ReasonForm
from ebbtide.apps.activation.tables import COMPARED, HISTORY, NIGHT, REQUESTS, by_type
from ebbtide.domain.cell import DataType
from ebbtide.web.context.activation import (
    AmountLine,
    AskPage,
    CheckLine,
    DeletionPage,
    EvidenceNote,
    HistoryLine,
    OrgDeletionPage,
    OrgState,
    RequestLine,
    RequestNote,
    RequestPage,
    RequestsPage,
    StepPage,
)
from ebbtide.web.context.shared import Frame, NavEntry, OrgLine, SwitchNote
from ebbtide.web.listing import Listing, Row, Table, asked_of, list_rows

from .samples import DESKTOP_30, GIB, GLOBAL_400, NOW, ORG, SIMULATED, STOPPED, frame
from .samples import NIGHT as TONIGHT

PLATFORM = Frame(
    org=None,
    now=NOW,
    platform=True,
    nav=(NavEntry(label="Requests", url="/platform/requests/", icon="inbox", key="q"),),
)


def listing(table: Table[Row], rows: tuple[Row, ...], query: str = "") -> Listing[Row]:
    return list_rows(table, rows, asked=asked_of(QueryDict(query), table=table))


AMOUNTS = tuple(
    AmountLine(
        queue=queue,
        data_type=kind,
        items=items,
        bytes=items * 3_000_000,
        oldest=date(2022, 3, 1),
        newest=date(2025, 10, 18),
        items_now=items + more,
        bytes_now=(items + more) * 3_000_000,
    )
    for queue, items, more in (("Sales", 120_455, 312), ("Complaints <Level 2>", 88, 0), ("Motor insurance", 9, -9))
    for kind in DataType
)
CAPPED = (
    "The plan takes 412,077 of 1,329,280 items (31.0 %); a run may take 20 %. Look at the plan, and confirm it if its "
    "counts are right."
)
EVIDENCE = EvidenceNote(
    run=904,
    plan=555,
    digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    made_at=NOW - timedelta(hours=6),
    as_of=date(2026, 11, 23),
    items=412_077,
    bytes=903 * GIB,
    cells=18_200,
    population=1_329_280,
    percent=31.0,
    oldest=date(2022, 3, 1),
    newest=date(2025, 10, 18),
    oldest_age=1728,
)
EMPTY = replace(EVIDENCE, items=0, bytes=0, cells=0, percent=0.0, oldest=None, newest=None, oldest_age=None)
HISTORY_LINES = tuple(
    HistoryLine(
        key=str(hours),
        at=NOW - timedelta(hours=hours),
        what=what,  # type: ignore[arg-type]
        label=label,
        who=who,
        reason=reason,
        request=3,
    )
    for hours, what, label, who, reason in (
        (2, "armed", "Switched on", "Platform operator", "Letter of 20 November"),
        (30, "declined", "Declined", "Platform operator", "Two Qs hold an open dispute"),
        (50, "asked", "Asked", "alice.moreau@nordlicht.example", ""),
        (70, "stopped", "Kill switch on", "alice.moreau@nordlicht.example", "Looking into job 12\nuntil Monday"),
    )
)
REQUEST = RequestNote(
    id=3,
    stands="open",
    stale="",
    note="Agreed with our data protection officer.\nCall me back: extension 4711.",
    asked_by="alice.moreau@nordlicht.example",
    asked_at=NOW - timedelta(hours=5),
)
DECLINED = replace(
    REQUEST,
    stands="declined",
    closed_by="Platform operator",
    closed_at=NOW - timedelta(hours=1),
    answer="Two Qs hold an open dispute.",
)
OLD = replace(REQUEST, stands="expired", stale="The simulation is 50 hours old; 48 are allowed.", note="")


def deletion(**more: Any) -> DeletionPage:
    values: dict[str, Any] = {
        "armed": False,
        "since": None,
        "stopped": None,
        "may_release": False,
        "next_night": TONIGHT,
        "request": None,
        "evidence": EVIDENCE,
        "waiting": False,
        "may_ask": True,
        "may_simulate": True,
        "types": by_type(AMOUNTS),
        "night": listing(NIGHT, AMOUNTS),
        "history": listing(HISTORY, HISTORY_LINES),
    }
    return DeletionPage(**{**values, **more})


NOTHING = listing(HISTORY, ())
FRESH = deletion(evidence=None, may_ask=False, types=(), night=None, history=NOTHING)
STATE = OrgState(org=ORG, since=None, stopped=None)
ARMED_STATE = OrgState(org=replace(ORG, armed=True), since=HISTORY_LINES[0], stopped=HISTORY_LINES[3])
CHECKS = (
    CheckLine(verdict="good", text="The simulation is less than 6 hours old; 48 are allowed."),
    CheckLine(
        verdict="bad", text="The retention jobs have changed since the simulation. The organization has to ask anew."
    ),
    CheckLine(verdict="warn", text="The first night will be blocked before its first deletion. " + CAPPED),
)


def request(**more: Any) -> RequestPage:
    values: dict[str, Any] = {
        "state": STATE,
        "request": REQUEST,
        "evidence": EVIDENCE,
        "items_now": 413_000,
        "bytes_now": 905 * GIB,
        "percent_now": 31.1,
        "checks": CHECKS,
        "may_arm": False,
        "night": listing(COMPARED, AMOUNTS),
        "jobs": (GLOBAL_400, DESKTOP_30),
        "runs": (SIMULATED, STOPPED),
        "history": listing(HISTORY, HISTORY_LINES),
        "share_cap": 20,
        "item_cap": None,
    }
    return RequestPage(**{**values, **more})


LISTED = tuple(
    RequestLine(
        id=number,
        org=OrgLine(id=number, name=name, zone="Europe/Berlin"),
        stands=stands,  # type: ignore[arg-type]
        asked_at=NOW - timedelta(hours=number),
        asked_by="alice.moreau@nordlicht.example",
        simulated_at=NOW - timedelta(hours=number + 1),
        items=412_077,
        bytes=903 * GIB,
        percent=31.0,
    )
    for number, (name, stands) in enumerate(
        (("Nordlicht", "open"), ("Harbour <2>", "expired"), ("Lantern", "armed"), ("Reef", "declined"),
         ("Shoal", "withdrawn")), 1
    )
)  # fmt: skip
STEP = StepPage(
    title="Switch deletion on?",
    org=ORG,
    said=("From the next night on, runs delete for good.",),
    warnings=("The platform's kill switch is on.",),
    button="Switch deletion on",
    back="/platform/requests/3/",
    back_label="Go back",
)


def activation_samples() -> dict[str, tuple[str, dict[str, Any]]]:
    switch = SwitchNote(scope="organization", since=NOW, reason="Looking into job 12")
    own = frame("deletion")

    def shown(page: DeletionPage, **more: Any) -> tuple[str, dict[str, Any]]:
        return "pages/deletion.html", {"frame": replace(own, **more), "page": page}

    def ask(form: AskForm) -> tuple[str, dict[str, Any]]:
        page = AskPage(evidence=EVIDENCE, types=by_type(AMOUNTS))
        return "pages/deletion_ask.html", {"frame": own, "form": form, "run": "run_904", "page": page}

    def step(page: StepPage, form: ReasonForm, frame_: Frame = PLATFORM) -> tuple[str, dict[str, Any]]:
        return "pages/deletion_step.html", {"frame": frame_, "page": page, "form": form}

    armed = deletion(armed=True, since=HISTORY_LINES[0], evidence=None, may_ask=False, types=(), night=None)
    none = replace(listing(REQUESTS, ()), rows=())
    return {
        "deletion-fresh": shown(FRESH),
        "deletion-fresh-viewer": shown(replace(FRESH, may_simulate=False), can_change=False),
        "deletion-ask": shown(deletion(evidence=replace(EVIDENCE, capped=CAPPED))),
        "deletion-nothing-due": shown(deletion(evidence=EMPTY, night=listing(NIGHT, ()), types=by_type(()))),
        "deletion-unfit": shown(
            deletion(
                may_ask=False, evidence=replace(EVIDENCE, unfit="The retention jobs have changed since the simulation.")
            )
        ),
        "deletion-waiting": shown(deletion(waiting=True, may_ask=False, may_simulate=False)),
        "deletion-open": shown(deletion(request=REQUEST, may_ask=False)),
        "deletion-declined": shown(deletion(request=DECLINED)),
        "deletion-expired": shown(deletion(request=OLD, night=listing(NIGHT, AMOUNTS, "night.find=nothing"))),
        "deletion-armed": shown(armed),
        "deletion-stopped": shown(replace(armed, stopped=HISTORY_LINES[3], may_release=True), switch=switch),
        "deletion-form": ask(AskForm(name=ORG.name, run="run_904")),
        "deletion-form-errors": ask(AskForm({"name": "nordlicht", "note": "x" * 2001}, name=ORG.name, run="run_904")),
        "step-arm": step(STEP, ReasonForm(name=ORG.name)),
        "step-errors": step(STEP, ReasonForm({"name": "no"}, name=ORG.name)),
        "step-refused": step(replace(STEP, refused="The request is closed."), ReasonForm()),
        "step-stop": step(replace(STEP, title="Stop all deletion now?", warnings=()), ReasonForm(), own),
        "requests": ("pages/requests.html", {
            "frame": PLATFORM, "page": RequestsPage(requests=listing(REQUESTS, LISTED), state="", open=1)}),
        "requests-none-open": ("pages/requests.html", {
            "frame": PLATFORM, "page": RequestsPage(requests=none, state="open", open=0)}),
        "requests-none": ("pages/requests.html", {
            "frame": PLATFORM, "page": RequestsPage(requests=none, state="", open=0)}),
        "request-open": ("pages/request.html", {"frame": PLATFORM, "page": request()}),
        "request-closed": ("pages/request.html", {
            "frame": PLATFORM,
            "page": request(state=ARMED_STATE, request=replace(DECLINED, stands="armed"), jobs=(), item_cap=5_000,
                            share_cap=None, night=listing(COMPARED, ()), evidence=EMPTY)}),
        "org-deletion": ("pages/org_deletion.html", {
            "frame": PLATFORM,
            "page": OrgDeletionPage(state=ARMED_STATE, request=None, history=listing(HISTORY, HISTORY_LINES))}),
        "org-deletion-fresh": ("pages/org_deletion.html", {
            "frame": PLATFORM, "page": OrgDeletionPage(state=STATE, request=3, history=NOTHING)}),
    }  # fmt: skip

"""Made-up but believable data for every page: a template name and its context each, by the name of the case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms

from ebbtide.domain.cell import Amount, DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.charts.ages import AgeBins
from ebbtide.web.charts.histogram import Bin, Line, draw_histogram
from ebbtide.web.context.home import (
    AgeCell,
    AgeChart,
    AgeRow,
    AgesCard,
    AsideLine,
    HomePage,
    MatrixCell,
    MatrixRow,
    RetentionLine,
    StartNote,
    StorageLine,
    TonightLine,
    TonightNote,
    UnitChoice,
)
from ebbtide.web.context.kept import (
    AsideChosen,
    AsidePage,
    AsideRow,
    OrphanRow,
    OrphansPage,
    StoragePage,
    StoredCell,
    StoredRow,
)
from ebbtide.web.context.runs import (
    AmountLine,
    DayLine,
    FirstNight,
    GuardNote,
    HorizonNote,
    NumbersLine,
    PlanCellLine,
    PlanFilter,
    PlanNote,
    ProgressNote,
    ReasonLine,
    RunPage,
    RunPlanPage,
    RunsFilter,
    RunsPage,
)
from ebbtide.web.context.shared import (
    Frame,
    JobLine,
    NavEntry,
    OrgLine,
    QueueLine,
    RunLine,
    StateNote,
    StoreLabel,
    SwitchNote,
)
from ebbtide.web.context.why import Because, PurgeLine, SegmentAnswer, TypeAnswer, WhyPage
from ebbtide.web.heatmap import heatmap
from ebbtide.web.listing import Asked, Column, Head, Listing, Row, Table, list_rows
from tests.web.account_samples import account_samples

from . import costs
from .exports import exports_samples
from .forecast import forecast_samples
from .insights import insights_samples

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


def listing(name: str, rows: tuple[Row, ...], heads: str, **more: Any) -> Listing[Row]:
    """A page of a table with neighbours on both sides; numbers are marked by a trailing #."""
    return Listing(
        name=name,
        heads=tuple(
            Head(
                name=head.strip("#"),
                label=head.strip("#"),
                number=head.endswith("#"),
                query=f"{name}.sort={place}",
                sorted="" if place else "ascending",
            )
            for place, head in enumerate(heads.split("|"))
        ),
        rows=rows,
        find=more.pop("find", ""),
        searchable=more.pop("searchable", True),
        previous=f"{name}.before=x",
        next=f"{name}.after=y",
        csv=f"csv={name}",
        kept=((f"{name}.sort", "-x"),),
        **more,
    )


def numbers(lines: tuple[NumbersLine, ...], **more: Any) -> Listing[NumbersLine]:
    return listing("numbers", lines, "Q|Data type|Planned#|Size#|Purged#|Kept#|Failed#|Not reached#", total=19, **more)


def runs_listing(runs: tuple[RunLine, ...]) -> Listing[RunLine]:
    heads = "Night of|Started|Outcome|Due#|Size#|Purged#|Kept#|Failed#|Not reached#"
    return listing("runs", runs, heads, searchable=False)


BY_DAY = {date(2024, 12, 28) + timedelta(days=n): Amount(n * n % 97, n * MIB) for n in range(0, 420, 3)}
DAYS = tuple(
    DayLine(day=day, planned=one.items, planned_bytes=one.bytes, purged=one.items // 2, purged_bytes=one.bytes // 2)
    for day, one in list(BY_DAY.items())[:3]
)


def course(**more: Any) -> dict[str, Any]:
    """What a run with days has on its page."""
    return {
        "days": listing("days", DAYS, "Day|Planned#|Size#|Purged#|Size purged#", searchable=False),
        "calendar": heatmap(BY_DAY, missed=[date(2025, 6, 1), date(2021, 5, 4)]),
        **more,
    }


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

SWITCHED = TonightNote(kind="blocked", reason="A kill switch is on (Storage maintenance).")
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


def first_page(name: str, columns: tuple[str, ...], rows: Sequence[Any]) -> Listing[Any]:
    """Rows as a page of a table with these heads; the first sorts it."""
    heads: tuple[Column[Any], ...] = tuple(
        Column(name=column.lower(), label=column, value=lambda _row: 0) for column in columns
    )
    table: Table[Any] = Table(name=name, columns=heads, sort=heads[0].name, text=str, row_key=id)
    return list_rows(table, rows, asked=Asked())


TYPES = ("Reporting data", "Audio recordings", "Transcripts", "Desktop recordings")


def matrix(queues: tuple[QueueLine, ...], *, kept: bool = False) -> Listing[MatrixRow]:
    def decides(queue: QueueLine, kind: DataType) -> JobLine:
        if queue.id == 1 and kind is DataType.DESKTOP:
            return DESKTOP_30
        return CLAIMS_1 if queue.id == 3 else GLOBAL_400

    def cell(queue: QueueLine, kind: DataType) -> MatrixCell:
        if kept or queue.id == 9:
            return MatrixCell(data_type=kind, job=None, items=12_004, bytes=5 * MIB)
        due = 1_204 if queue.id == 3 else 0
        return MatrixCell(
            data_type=kind, job=decides(queue, kind), items=due, bytes=due * MIB, due_items=due, due_bytes=due * MIB
        )

    rows = [MatrixRow(queue=queue, cells=tuple(cell(queue, kind) for kind in DataType)) for queue in queues]
    return first_page("matrix", ("Q", *TYPES), rows)


def age_chart(kind: DataType, *, lines: tuple[RetentionLine, ...], empty: bool = False) -> AgeChart:
    bins = AgeBins(10, 52)
    bars = [
        Bin(lower=0 if place > 45 else place % 7 * 100, upper=300 if place > 40 else 0, title=f"bar {place}")
        for place in range(bins.count)
    ]
    chart = draw_histogram(
        bars,
        lines=[Line(at=bins.line(line.days), label=f"{line.days} days", title="") for line in lines],
        across=[(place, str(days)) for place, days in bins.ticks()],
        step=200,
        label=str,
    )
    return AgeChart(
        data_type=kind,
        chart=None if empty else chart,
        items=0 if empty else 12_408,
        bytes=0 if empty else 3 * GIB,
        due_items=0 if empty else 1_204,
        due_bytes=0 if empty else GIB,
        oldest=None if empty else 512,
        lines=lines,
        forever=2 if lines else 9,
        queues=9,
    )


FIVE_LINES = tuple(RetentionLine(days=days, queues=1, outside=days > 520) for days in (30, 60, 90, 400, 1500))
AGES = AgesCard(
    unit="items",
    choices=(
        UnitChoice(unit="items", query="unit=items", chosen=True),
        UnitChoice(unit="bytes", query="unit=bytes", chosen=False),
    ),
    width=10,
    charts=(
        age_chart(DataType.INSIGHTS, lines=(RetentionLine(days=400, queues=7),)),
        age_chart(DataType.AUDIO, lines=(RetentionLine(days=400, queues=7),)),
        age_chart(DataType.TRANSCRIPT, lines=(), empty=True),
        age_chart(DataType.DESKTOP, lines=FIVE_LINES),
    ),
    listing=first_page(
        "ages",
        ("Age", *TYPES),
        [
            AgeRow(
                youngest=first,
                oldest=first + 9,
                cells=tuple(
                    AgeCell(data_type=kind, items=300, bytes=MIB, due_items=first // 4, due_bytes=MIB // 2)
                    for kind in DataType
                ),
            )
            for first in (1, 401)
        ],
    ),
    table_query="ages.sort=age",
)


def home(state: StateNote, **more: Any) -> HomePage:
    values: dict[str, Any] = {
        "state": state,
        "next_night": NIGHT,
        "last_run": SIMULATED,
        "tonight": TONIGHT,
        "tonight_items": 12_408,
        "tonight_bytes": 31 * GIB,
        "tonight_does": TonightNote(kind="reports" if state.kind == "simulating" else "deletes"),
        "ages": AGES,
        "matrix": matrix(QUEUES),
        "queue_count": len(QUEUES),
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
    matrix=matrix(()),
    queue_count=0,
    start=StartNote(job=None, job_count=0, queue_count=0, order="ebbtide import segments calls.csv"),
    storage=tuple(StorageLine(data_type=kind, items=0, bytes=0, percent=0) for kind in DataType),
    storage_items=0,
    storage_bytes=0,
    job_count=0,
)
ASIDE = (
    AsideLine(kind="undatable", reason="no instant", items=41, query="kind=undatable&reason=no+instant"),
    AsideLine(kind="undatable", reason="more than 48 h in the future", items=3, query="kind=undatable"),
    AsideLine(kind="late", reason="arrived for a day that was already purged", items=1_208, query="kind=late"),
)
SET_ASIDE = (
    AsideRow(
        id=1,
        kind="undatable",
        reason='unreadable end "32/13/2026"',
        queue=QUEUES[5],
        source_key="pbx-2/000123-<b>",
        segment="7d444840-9dc0-11d1-b245-5ffdce74fad2",
        day=None,
        queued_at=NOW - timedelta(hours=2),
        answered_at=None,
        ended_at=None,
        received_at=NOW,
    ),
    AsideRow(
        id=2,
        kind="undatable",
        reason="no instant",
        queue=None,
        source_key="pbx-2/000124",
        segment="7d444840-9dc0-11d1-b245-5ffdce74fad3",
        day=None,
        queued_at=None,
        answered_at=None,
        ended_at=None,
        received_at=NOW,
    ),
    AsideRow(
        id=3,
        kind="late",
        reason="its Q and day (2024-02-01) are purged",
        queue=QUEUES[0],
        source_key="",
        segment="7d444840-9dc0-11d1-b245-5ffdce74fad4",
        day=date(2024, 2, 1),
        queued_at=None,
        answered_at=None,
        ended_at=None,
        received_at=NOW,
    ),
)
ASIDE_HEADS = ("Came in", "Kind", "Why", "Q", "Source key", "Moments")


def aside_page(rows: Sequence[AsideRow], **more: Any) -> AsidePage:
    values: dict[str, Any] = {"groups": ASIDE, "undatable": 44, "late": 1_208, "chosen": AsideChosen()}
    return AsidePage(listing=first_page("aside", ASIDE_HEADS, rows), queues=QUEUES, **{**values, **more})


def orphans_page(rows: Sequence[OrphanRow], **more: Any) -> OrphansPage:
    heads = ("First seen", "What", "Key", "Bytes", "Times seen", "What becomes of it")
    return OrphansPage(listing=first_page("orphans", heads, rows), compared_at=NOW, objects=1_204, **more)


ORPHANED = tuple(
    OrphanRow(
        what="row" if fate == "missing" else "object",
        key=f"org_7/que_1/2025-10-18/audio/{number:032x}",
        first_seen_at=NOW - timedelta(days=number),
        last_seen_at=NOW,
        sightings=number + 1,
        fate=fate,
        bytes=None if fate == "missing" else 4_096,
        left_reason="AccessDenied" if fate == "goes" else "",
    )
    for number, fate in enumerate(("missing", "foreign", "unexplained", "goes", "waits"))
)


def storage_page(queues: tuple[QueueLine, ...]) -> StoragePage:
    cells = tuple(StoredCell(data_type=kind, items=40, bytes=GIB) for kind in DataType)
    rows = [
        StoredRow(queue=queue, cells=cells, items=160, bytes=4 * GIB, percent=11.1, oldest=date(2025, 10, 18))
        for queue in queues
    ]
    heads = ("Q", *TYPES, "Items", "All together", "Oldest day")
    return StoragePage(listing=first_page("storage", heads, rows), cells=cells, items=160, bytes=4 * GIB)


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


PLAN_CELLS = tuple(
    PlanCellLine(
        day=date(2025, 10, 17), data_type=kind, queue=queue, job=GLOBAL_400, items=1_204 * queue.id, bytes=3 * GIB
    )
    for queue in QUEUES[:3]
    for kind in DataType
)


def plan_cells(cells: tuple[PlanCellLine, ...]) -> Listing[PlanCellLine]:
    return listing("plan", cells, "Day|Data type|Q|Decided by|Days kept#|Items#|Size#", searchable=False)


PURGES = tuple(
    PurgeLine(run=number, job=GLOBAL_400, at=NIGHT - timedelta(days=1000 - number), items=7) for number in (901, 903)
)


def segment(number: int, state: Any, **more: Any) -> SegmentAnswer:
    values: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "found_by": "key",
        "state": state,
        "queue": QUEUES[number % 9],
        "day": date(2026, 10, 17),
        "channel": "voice",
        "ended_at": NOW - timedelta(days=36),
    }
    return SegmentAnswer(**{**values, **more})


HERE, SCREEN, DUE, KEPT_TYPE, NONE, GONE = (
    TypeAnswer(
        data_type=DataType.INSIGHTS,
        state="here",
        items=1,
        bytes=412,
        events=6,
        job=GLOBAL_400,
        night=date(2027, 11, 22),
        night_at=datetime(2027, 11, 22, 1, 0, tzinfo=UTC),
    ),
    TypeAnswer(
        data_type=DataType.DESKTOP,
        state="here",
        items=2,
        bytes=412 * MIB,
        job=DESKTOP_30,
        night=date(2026, 11, 24),
        night_at=NIGHT,
    ),
    TypeAnswer(
        data_type=DataType.DESKTOP,
        state="here",
        items=2,
        bytes=412 * MIB,
        job=DESKTOP_30,
        night=date(2026, 11, 17),
        night_at=NIGHT - timedelta(days=7),
        overdue=True,
        because=(
            Because(text="The last attempt did not succeed: AccessDenied. It is tried again each night.", run=903),
            Because(text="The platform's kill switch is on (Storage maintenance): nothing is deleted until it is off."),
        ),
    ),
    TypeAnswer(data_type=DataType.AUDIO, state="here", items=1, bytes=4 * MIB),
    TypeAnswer(data_type=DataType.TRANSCRIPT, state="none"),
    TypeAnswer(data_type=DataType.DESKTOP, state="gone", purges=PURGES),
)
SEGMENTS = (
    segment(1, "here", types=(HERE, KEPT_TYPE, NONE, SCREEN)),
    segment(2, "partly", found_by="interaction", types=(HERE, KEPT_TYPE, NONE, GONE)),
    segment(3, "here", found_by="interaction", types=(HERE, KEPT_TYPE, NONE, DUE)),
    segment(
        4,
        "gone",
        found_by="segment",
        channel="",
        ended_at=None,
        late_at=NOW,
        types=(replace(GONE, data_type=DataType.INSIGHTS, purges=PURGES[:1]), GONE),
    ),
    segment(5, "undatable", day=None, channel="", ended_at=None, reason="no instant"),
    segment(6, "late", channel="", ended_at=None, reason="its Q and day (2025-10-17) are purged", late_at=NOW),
    segment(7, "lost", channel="", ended_at=None, types=(TypeAnswer(data_type=DataType.INSIGHTS, state="none"),)),
)


class WhyForm(forms.Form):
    id = forms.CharField(label="Interaction or segment id", help_text="As your telephone system names it.")
    day = forms.DateField(label="Day, if you know it", required=False)


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
    return {
        **exports_samples(frame=frame("insights"), now=NOW, queues=QUEUES),
        **account_samples(now=NOW, frame=frame("people")),
        "org-choose": ("pages/org_choose.html", {"frame": outside, "orgs": orgs}),
        "org-choose-none": ("pages/org_choose.html", {"frame": outside, "orgs": []}),
        "home-simulating": ("pages/home.html", {"frame": frame("home"), "page": home(SIMULATING)}),
        "home-armed": (
            "pages/home.html",
            {
                "frame": frame("home", switch=switch),
                "page": home(ARMED, last_run=INCOMPLETE, aside=ASIDE, aside_items=1_252, tonight_does=SWITCHED),
            },
        ),
        "home-blocked": (
            "pages/home.html",
            {
                "frame": frame("home"),
                "page": home(
                    BLOCKED, last_run=STOPPED, tonight_does=TonightNote(kind="blocked", reason=BLOCKED.reason)
                ),
            },
        ),
        "home-asks": (
            "pages/home.html",
            {
                "frame": frame("home"),
                "page": home(ARMED, tonight_does=TonightNote(kind="asks", reason="Nothing ran for 40 hours.")),
            },
        ),
        "home-started": (
            "pages/home.html",
            {
                "frame": frame("home"),
                "page": replace(
                    FRESH,
                    job_count=1,
                    start=StartNote(job=GLOBAL_400, job_count=1, queue_count=3, order="ebbtide import"),
                ),
            },
        ),
        "home-fresh": ("pages/home.html", {"frame": frame("home"), "page": FRESH}),
        "home-quiet": (
            "pages/home.html",
            {
                "frame": frame("home", can_change=False),
                "page": home(
                    ARMED,
                    tonight_items=0,
                    last_run=QUIET,
                    matrix=matrix(QUEUES[:2], kept=True),
                ),
            },
        ),
        "storage": ("pages/storage.html", {"frame": frame("home"), "page": storage_page(QUEUES)}),
        "storage-empty": ("pages/storage.html", {"frame": frame("home"), "page": storage_page(())}),
        "orphans": ("pages/orphans.html", {"frame": frame("home"), "page": orphans_page(ORPHANED)}),
        "orphans-none": ("pages/orphans.html", {"frame": frame("home"), "page": orphans_page((), failed_at=NOW)}),
        "orphans-first": (
            "pages/orphans.html",
            {"frame": frame("home"), "page": replace(orphans_page(()), compared_at=None)},
        ),
        "aside": ("pages/aside.html", {"frame": frame("home"), "page": aside_page(SET_ASIDE)}),
        "aside-none-fit": (
            "pages/aside.html",
            {"frame": frame("home"), "page": aside_page((), chosen=AsideChosen(kind="late", queue=2))},
        ),
        "aside-empty": (
            "pages/aside.html",
            {"frame": frame("home"), "page": aside_page((), groups=(), undatable=0, late=0)},
        ),
        "runs": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(state=ARMED, next_night=NIGHT, runs=runs_listing((RUNNING, *runs))),
            },
        ),
        "runs-empty": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(
                    state=SIMULATING,
                    next_night=NIGHT,
                    runs=runs_listing(()),
                    first_night=FirstNight(
                        jobs=(GLOBAL_400, DESKTOP_30, CLAIMS_1) * 5,
                        takes=tuple(AmountLine(data_type=kind, items=3_102, bytes=9 * GIB) for kind in DataType),
                        items=12_408,
                        bytes=31 * GIB,
                        stored=4_302_787,
                    ),
                ),
            },
        ),
        "runs-empty-armed": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(
                    state=ARMED,
                    next_night=NIGHT,
                    runs=runs_listing(()),
                    first_night=FirstNight(jobs=(GLOBAL_400,), stored=5),
                ),
            },
        ),
        "runs-empty-stopped": (
            "pages/runs.html",
            {
                "frame": frame("runs", switch=switch, can_change=False),
                "page": RunsPage(state=ARMED, next_night=NIGHT, runs=runs_listing(()), first_night=FirstNight()),
            },
        ),
        "runs-none-fit": (
            "pages/runs.html",
            {
                "frame": frame("runs"),
                "page": RunsPage(
                    state=SIMULATING,
                    next_night=NIGHT,
                    runs=runs_listing(()),
                    filter=RunsFilter(outcome="failed", mode="live", trigger="operator", since=date(2026, 11, 1)),
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
                    **course(),
                    numbers=numbers(
                        tuple(
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
                        )
                    ),
                ),
            },
        ),
        "run-incomplete": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    store=StoreLabel(proves=False, probed_at=NOW, missing=("versions", "copies")),
                    run=INCOMPLETE,
                    plan=PLAN,
                    **course(purges=True, days_open=True),
                    numbers=numbers(LINES, find="motor"),
                    per_second=9.44,
                    bytes_per_second=12.5 * MIB,
                    reasons=listing(
                        "reasons",
                        (
                            ReasonLine(
                                number="kept", reason="The job was changed while the run was under way", items=88
                            ),
                            ReasonLine(
                                number="failed", reason="The object store refused the deletion: AccessDenied", items=3
                            ),
                            ReasonLine(number="not_reached", reason="The night's time was up", items=3_197),
                        ),
                        "Number|Reason|Items#",
                    ),
                    already_gone=12,
                    verified=False,
                    horizon=HorizonNote(files=0, files_until=None, log_until=None, backups_until=None),
                ),
            },
        ),
        "run-completed": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=COMPLETED,
                    plan=PLAN,
                    numbers=numbers(LINES[:1]),
                    verified=True,
                    horizon=HorizonNote(
                        files=2,
                        files_until=NOW + timedelta(days=1),
                        log_until=NOW + timedelta(days=2),
                        backups_until=NOW + timedelta(days=31),
                    ),
                    per_second=4410.0,
                    bytes_per_second=3.0 * GIB,
                ),
            },
        ),
        "run-blocked": (
            "pages/run.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=STOPPED,
                    plan=PLAN,
                    numbers=numbers(
                        tuple(
                            replace(line, purged=0, purged_bytes=0, kept=0, failed=0, not_reached=0) for line in LINES
                        )
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
        **{
            f"run-{state}": (
                "pages/run.html",
                {
                    "frame": frame("runs"),
                    "page": RunPage(
                        run=RUNNING,
                        plan=PLAN,
                        **course(purges=True),
                        numbers=numbers(LINES),
                        progress=ProgressNote(state=state, percent=2, done=310, done_bytes=700 * MIB, **more),  # type: ignore[arg-type]
                    ),
                },
            )
            for state, more in {
                "starting": {},
                "going": {
                    "per_second": 58.25,
                    "bytes_per_second": 93.5 * MIB,
                    "left_s": 2_600,
                    "day": date(2025, 10, 17),
                    "data_type": DataType.AUDIO,
                    "beat_s": 2,
                    "said": 0,
                },
                "reading_back": {"beat_s": 75},
                "stopping": {"beat_s": 3},
                "waiting": {"beat_s": 4_000},
            }.items()
        },
        "run-progress": (
            "components/run_progress.html",
            {
                "frame": frame("runs"),
                "page": RunPage(
                    run=RUNNING,
                    plan=PLAN,
                    progress=ProgressNote(state="going", percent=30, done=310, done_bytes=7, said=3, tell=True),
                ),
            },
        ),
        "run-plan": (
            "pages/run_plan.html",
            {
                "frame": frame("runs"),
                "page": RunPlanPage(
                    run=SIMULATED,
                    plan=PLAN,
                    cells=plan_cells(PLAN_CELLS),
                    filter=PlanFilter(queue=2, data_type="audio", since=date(2025, 1, 1), until=date(2026, 1, 1)),
                    queues=QUEUES,
                ),
            },
        ),
        "run-plan-none-fit": (
            "pages/run_plan.html",
            {
                "frame": frame("runs"),
                "page": RunPlanPage(run=COMPLETED, plan=PLAN, cells=plan_cells(()), filter=PlanFilter(queue=2)),
            },
        ),
        "run-plan-empty": (
            "pages/run_plan.html",
            {"frame": frame("runs"), "page": RunPlanPage(run=QUIET, plan=PLAN, cells=plan_cells(()))},
        ),
        "why": ("pages/why.html", {"frame": frame("why?"), "page": WhyPage(), "form": WhyForm()}),
        "why-refused": (
            "pages/why.html",
            {"frame": frame("why?"), "page": WhyPage(), "form": WhyForm({"id": "", "day": "x"})},
        ),
        "why-never": (
            "pages/why.html",
            {"frame": frame("why?"), "page": WhyPage(asked="0815"), "form": WhyForm({"id": "0815"})},
        ),
        "why-never-around": (
            "pages/why.html",
            {
                "frame": frame("why?"),
                "page": WhyPage(asked="0815", day=date(2026, 1, 2)),
                "form": WhyForm({"id": "0815", "day": "2026-01-02"}),
            },
        ),
        "why-found": (
            "pages/why.html",
            {
                "frame": frame("why?"),
                "page": WhyPage(asked="0815", segments=SEGMENTS, armed=True, more=True),
                "form": WhyForm({"id": "0815"}),
            },
        ),
        "why-found-simulating": (
            "pages/why.html",
            {
                "frame": frame("why?"),
                "page": WhyPage(asked="0815", segments=SEGMENTS[:1]),
                "form": WhyForm({"id": "0815"}),
            },
        ),
        "run-nothing": ("pages/run.html", {"frame": frame("runs"), "page": RunPage(run=QUIET, plan=None)}),
        **forecast_samples(frame("costs"), outside=outside),
        **insights_samples(frame("insights")),
        "error-400": ("400.html", {}),
        "error-403": ("403.html", {}),
        "error-404": ("404.html", {}),
        "error-409": ("409.html", {"reason": "Job 12 was changed by Alice Moreau a moment ago."}),
        "error-500": ("500.html", {}),
        "error-503": ("503.html", {}),
    }

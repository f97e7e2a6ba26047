"""Made-up but believable data for the reports."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from ebbtide.apps.reports.agents import AgentReport, shown_agents
from ebbtide.apps.reports.channels import ChannelReport, shown_channels
from ebbtide.apps.reports.charts import hours_chart, interval_charts
from ebbtide.apps.reports.reading import Report
from ebbtide.apps.reports.scope import Scope
from ebbtide.apps.reports.shown import shown
from ebbtide.apps.reports.tables import INTERVALS, QUEUES
from ebbtide.domain.job import JobType, What
from ebbtide.domain.measures import Handled, Sums
from ebbtide.domain.period import Period, Span
from ebbtide.web.context.insights import (
    AgentFigures,
    AgentInterval,
    AgentsPage,
    ChannelFigures,
    ChannelInterval,
    ChannelsPage,
    InsightsPage,
    IntervalFigures,
    PurgedNote,
    QueueFigures,
    ReportChosen,
    ReportHead,
    ShownInterval,
    ShownQueue,
    State,
)
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.listing import Asked, list_rows, shown_as

NAMES = ("Sales <EU>", "Support", "Fax")
LINES = tuple(QueueLine(id=n, name=name, archived=n == 3) for n, name in enumerate(NAMES, 1))
SOME = Sums(
    items=100, offered=96, answered=80, abandoned=9, flowed_out=4, callbacks=2, wait_s=2_000, waits=80, talk_s=16_000,
    talks=80, hold_s=400, holds=80, wrap_s=1_600, wraps=80, abandon_waits=9, answered_in=60, abandoned_in=2,
    longest_s=190,
)  # fmt: skip
LATER = date(2026, 11, 10)
PERIOD = Period(date(2026, 11, 1), date(2026, 11, 23))
NOTES = (
    PurgedNote(
        before=LATER,
        types=("insights",),
        queues=LINES[:1],
        every=False,
        job=JobLine(id=3, type=JobType.QUEUE, what=What.ALL, days=14),
        run=12,
        on=date(2026, 11, 24),
        state="partly",
    ),
    PurgedNote(
        before=date(2026, 11, 3),
        types=("insights",),
        queues=LINES,
        every=True,
        job=JobLine(id=1, type=JobType.GLOBAL, what=What.ALL, days=1),
        run=None,
        on=None,
        state="partly",
    ),
)


def intervals(states: Sequence[State]) -> list[IntervalFigures]:
    found = []
    for place, state in enumerate(states):
        day = PERIOD.first + timedelta(days=place)
        found.append(
            IntervalFigures(
                begin=datetime(day.year, day.month, day.day),  # noqa: DTZ001 - local, as reports have it
                first=day,
                last=day,
                label=day.isoformat(),
                state=state,
                lacks=() if state == "whole" else LINES[:1],
                sums=None if state == "purged" else SOME if place % 5 else Sums(),
            )
        )
    return found


HEAD = ("empty", "notes", "besides", "state", "left_out", "compared")
SCOPE = SimpleNamespace(asked=SimpleNamespace(unit="day"), whole=PERIOD)


def head(here: str, **more: Any) -> ReportHead:
    values: dict[str, Any] = {
        "here": here,
        "empty": False,
        "chosen": ReportChosen(
            span=Span.CUSTOM, since="2026-11-01", until="2026-11-23", by="", unit="day", units=("hour", "day"),
            queues=frozenset({1}), channel="voice",
        ),
        "period": PERIOD,
        "before": Period(date(2026, 10, 1), date(2026, 10, 31)),
        "until_hour": None,
        "queues": LINES,
        "channels": ("voice", "chat"),
        "notes": (),
        "besides": (),
        "state": "whole",
        "left_out": (),
        "compared": True,
    }  # fmt: skip
    return ReportHead(**{**values, **more})


def report(*, states: Sequence[State], queues: Sequence[QueueFigures], **more: Any) -> InsightsPage:
    rows = intervals(states)
    offered = {(weekday, hour): weekday * hour for weekday in range(7) for hour in range(8, 20)}
    read = cast("Report", SimpleNamespace(intervals=rows, scope=SCOPE, offered=offered))
    charts = interval_charts(read)
    named = {one: more.pop(one) for one in HEAD if one in more}
    state = named.get("state", "whole")
    values: dict[str, Any] = {
        "head": head("insights", **named),
        "total": () if state == "purged" else shown(SOME, before=SOME + SOME),
        "daily": "12.3",
        "whole_days": 14,
        "by_queue": shown_as(
            list_rows(QUEUES, queues, asked=Asked()),
            line=lambda one: ShownQueue(figures=one, shown=shown(one.sums, before=one.before)),
        ),
        "by_interval": shown_as(
            list_rows(INTERVALS, rows, asked=Asked()),
            line=lambda one: ShownInterval(figures=one, shown=shown(one.sums)),
        ),
        "stacked": charts[0] if charts else None,
        "level": charts[1] if charts else None,
        "hours": hours_chart(read),
        "thresholds": (10, 20, 30),
        "can_set": True,
    }  # fmt: skip
    return InsightsPage(**{**values, **more})


def mix(states: Sequence[State], **more: Any) -> ChannelsPage:
    """The page of channels, over intervals in such states."""
    gone = more.get("state") == "purged"
    rows = [
        ChannelInterval(
            begin=one.begin, first=one.first, last=one.last, label=one.label, state=one.state, lacks=one.lacks,
            offered=None if one.state == "purged" else {"voice": 60 + place, "chat": 7 * (place % 3), "sms": 1},
        )
        for place, one in enumerate(intervals(states))
    ]  # fmt: skip
    lines = [
        ChannelFigures(channel=channel, sums=SOME, of=288, compared=SOME, before=SOME + SOME)
        for channel in ("voice", "chat", "sms")
    ]
    read = ChannelReport(scope=cast("Scope", SCOPE), by_channel=[] if gone else lines, intervals=rows)
    return shown_channels(read, head=head("insights_channels", **more), channels=Asked(), intervals=Asked())


def crew(states: Sequence[State], **more: Any) -> AgentsPage:
    """The page of agents, over intervals in such states."""
    gone, key = more.get("state") == "purged", more.pop("key", "")
    one = Handled(
        handled=400, outbound=12, talks=398, talk_s=90_000, hold_s=4_000, wrap_s=12_000, busy_s=Fraction(7_000),
        span_s=Fraction(9_000),
    )  # fmt: skip
    rows = [
        AgentInterval(
            begin=each.begin, first=each.first, last=each.last, label=each.label, state=each.state, lacks=each.lacks,
            handled=None if each.state == "purged" else one if place % 4 else Handled(),
        )
        for place, each in enumerate(intervals(states))
    ]  # fmt: skip
    names = ("Ana <x>", "Ben") if not key else ("Ana <x>",)
    lines = [
        AgentFigures(key=f"{n:032x}", name=name, handled=one, compared=one, before=one + one)
        for n, name in enumerate(names)
    ]
    lines.append(AgentFigures(key="", name="", handled=Handled(handled=3), compared=None, before=None))
    read = AgentReport(
        scope=cast("Scope", SCOPE),
        agent=UUID(int=0) if key else None,
        by_agent=[] if gone else lines,
        total=None if gone else AgentFigures(key="", name="", handled=one, compared=one, before=one),
        intervals=rows,
        derivable=not key,
    )
    above = head("insights_agents", **more, agent=key)
    return shown_agents(read, head=above, agents=Asked(rest=(("range", "30"),)), intervals=Asked())


def figures(line: QueueLine, state: State) -> QueueFigures:
    return QueueFigures(
        queue=line,
        target=20,
        state=state,
        since=None if state == "whole" else LATER,
        sums=None if state == "purged" else SOME,
        before=Sums() if state == "whole" else None,
    )


def insights_samples(frame: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case of this page: name -> (template, context)."""
    whole = [figures(line, "whole") for line in LINES]
    mixed = [figures(line, state) for line, state in zip(LINES, ("partly", "whole", "purged"), strict=True)]
    gone = [figures(line, "purged") for line in LINES]
    pages = {
        "insights-whole": report(states=["whole"] * 23, queues=whole),
        "insights-partly": report(
            states=["purged"] * 2 + ["partly"] * 7 + ["whole"] * 14,
            queues=mixed,
            state="partly",
            notes=NOTES,
            besides=NOTES[1:],
            left_out=LINES[:1],
        ),
        "insights-purged": report(
            states=["purged"] * 23, queues=gone, state="purged", notes=NOTES[1:], left_out=LINES, compared=False,
            whole_days=0, hours=None, can_set=False,
        ),
        "insights-empty": report(states=["whole"], queues=[], empty=True, compared=False),
    }  # fmt: skip
    mixes = {
        "channels-whole": mix(["whole"] * 23),
        "channels-partly": mix(["purged"] * 2 + ["partly"] * 21, state="partly", notes=NOTES, left_out=LINES[:1]),
        "channels-purged": mix(["purged"] * 23, state="purged", notes=NOTES[1:], left_out=LINES, compared=False),
        "channels-empty": mix(["whole"], empty=True),
    }
    crews = {
        "agents-whole": crew(["whole"] * 23),
        "agents-partly": crew(["purged"] * 2 + ["partly"] * 21, state="partly", notes=NOTES, left_out=LINES[:1]),
        "agents-purged": crew(["purged"] * 23, state="purged", notes=NOTES[1:], left_out=LINES, compared=False),
        "agents-one": crew(["whole"] * 7, key="0" * 32),
        "agents-empty": crew(["whole"], empty=True),
    }
    shapes: list[tuple[str, Mapping[str, Any]]] = [
        ("pages/insights.html", pages),
        ("pages/insights_agents.html", crews),
        ("pages/insights_channels.html", mixes),
    ]
    return {
        name: (template, {"frame": frame, "page": page}) for template, some in shapes for name, page in some.items()
    }

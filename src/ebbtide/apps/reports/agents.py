"""The summary of agents: what each handled, and how long it took; read, and as it is shown.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.asked import ReportAsked
from ebbtide.apps.reports.charts import SHADES, across_of
from ebbtide.apps.reports.handled import Agent, Work, add_up_work, agent_sums, names_of
from ebbtide.apps.reports.head import head_of
from ebbtide.apps.reports.scope import Scope, scope_of, stretches
from ebbtide.apps.reports.shown import UNITS, Measure, exactly, measured
from ebbtide.apps.reports.stretches import stretch_columns
from ebbtide.apps.reports.sums import Kept, Stale, stale
from ebbtide.domain.errors import NotYours
from ebbtide.domain.measures import Handled
from ebbtide.web.charts.scales import round_step
from ebbtide.web.charts.stacked import Stack, Stacked, draw_stacked
from ebbtide.web.context.insights import (
    AgentFigures,
    AgentInterval,
    AgentsPage,
    ReportHead,
    ShownAgent,
    ShownAgentInterval,
)
from ebbtide.web.listing import Asked, Column, Table, list_rows, shown_as
from ebbtide.web.templatetags.ebbtide import count, span

_PARTS = 4
_HOUR, _MINUTE = 3600, 60
_HOURS_FROM = 4 * _HOUR
"""Seconds from which on the side of the chart is told in hours."""
AGENT_MEASURES: tuple[Measure[Handled], ...] = (
    Measure("handled", gettext_lazy("Handled"), "count", lambda one: one.handled),
    Measure("outbound", gettext_lazy("Outbound"), "count", lambda one: one.outbound),
    Measure("talk", gettext_lazy("Talk"), "seconds", lambda one: one.talk_s),
    Measure("hold", gettext_lazy("Hold"), "seconds", lambda one: one.hold_s),
    Measure("wrap_up", gettext_lazy("Wrap-up"), "seconds", lambda one: one.wrap_s),
    Measure("aht", gettext_lazy("AHT"), "seconds", lambda one: one.aht),
    Measure("occupancy", gettext_lazy("Occupancy"), "share", lambda one: one.occupancy),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """A summary of agents as it was read.

    Attributes:
        scope: what it is of.
        agent: of this one alone; None for all.
        by_agent: a line for each agent who handled something, by name; last what nobody knows whose it is.
        total: over all of them; None where all is purged.
        intervals: from the first to the last that has begun.
        derivable: whether occupancy could be derived at all.
    """

    scope: Scope
    agent: UUID | None
    by_agent: Sequence[AgentFigures]
    total: AgentFigures | None
    intervals: Sequence[AgentInterval]
    derivable: bool


def agent_asked(query: QueryDict) -> UUID | None:
    """Read from the address which agent is wanted; None for all.

    Raises:
        NotYours: that names nobody.
    """
    text = query.get("agent", "")
    if not text:
        return None
    try:
        return UUID(hex=text)
    except ValueError as exc:
        raise NotYours("There is no such agent here: choose one in the table of agents.", field="agent") from exc


def read_agents(org: Organization, *, asked: ReportAsked, agent: UUID | None, now: datetime) -> AgentReport:
    """Read a summary of agents.

    Args:
        org: the organization.
        asked: what is asked for.
        agent: of this one alone; None for all.
        now: the request's moment.
    """
    scope = scope_of(org, asked=asked, now=now)
    kept = agent_sums(bytes(org.pepper))
    found = stale(scope.wanted, period=scope.both, kept=kept)
    derivable = not asked.queues and not asked.channel and asked.unit != "hour"
    work = add_up_work(
        scope.wanted,
        kept=kept,
        period=asked.period,
        unit=asked.unit,
        found=found,
        compared=scope.compared,
        whole=scope.whole if derivable else None,
        agent=agent,
    )
    before = _before(scope, kept=kept, found=found, derivable=derivable, agent=agent)
    names = names_of(scope.wanted, kept=kept, period=asked.period, found=found, last=work.last)
    lines = list(_by_agent(work, before=before, names=names, among=bool(scope.compared)))
    return AgentReport(
        scope=scope,
        agent=agent,
        by_agent=lines,
        total=None if scope.state == "purged" else _total(lines, before=before),
        intervals=list(_by_interval(scope, work=work)),
        derivable=derivable,
    )


def _before(scope: Scope, *, kept: Kept, found: Stale, derivable: bool, agent: UUID | None) -> Mapping[Agent, Handled]:
    """Add up the period before, over the Qs that are compared."""
    if not scope.compared:
        return {}
    before = scope.asked.before
    return add_up_work(
        scope.only(scope.compared),
        kept=kept,
        period=before,
        unit="all",
        found=found,
        compared=(),
        whole=before if derivable and len(scope.compared) == len(scope.chosen) else None,
        agent=agent,
        until_hour=scope.until_hour,
    ).by_agent


def _by_agent(
    work: Work, *, before: Mapping[Agent, Handled], names: Mapping[UUID, str], among: bool
) -> Iterator[AgentFigures]:
    def line(who: Agent) -> AgentFigures:
        return AgentFigures(
            key="" if who is None else who.hex,
            name="" if who is None else names.get(who, ""),
            handled=work.by_agent[who],
            compared=work.compared.get(who, Handled()) if among else None,
            before=before.get(who, Handled()) if among else None,
        )

    lines = [line(who) for who in work.by_agent]
    yield from sorted(lines, key=lambda one: (not one.key, one.name.casefold(), one.key))


def _total(lines: Sequence[AgentFigures], *, before: Mapping[Agent, Handled]) -> AgentFigures:
    """Add up all agents; the period before is that of everybody, also of those who handled nothing in this one."""
    among = [one.compared for one in lines if one.compared is not None]
    return AgentFigures(
        key="",
        name="",
        handled=sum((one.handled for one in lines), Handled()),
        compared=sum(among, Handled()) if among or before else None,
        before=sum(before.values(), Handled()) if among or before else None,
    )


def _by_interval(scope: Scope, *, work: Work) -> Iterator[AgentInterval]:
    for one in stretches(scope):
        yield AgentInterval(
            begin=one.begin,
            first=one.first,
            last=one.last,
            label=one.label,
            state=one.state,
            lacks=one.lacks,
            handled=None if one.state == "purged" else work.by_begin.get(one.begin, Handled()),
        )


def _of_agent(measure: Measure[Handled], *, before: bool = False) -> Column[AgentFigures]:
    return Column(
        name=measure.name + UNITS[measure.kind] + ("_before" if before else ""),
        label=measure.label,
        value=lambda row: exactly(measure, row.before if before else row.handled),
        number=True,
    )


def _of_interval(measure: Measure[Handled]) -> Column[AgentInterval]:
    return Column(
        name=measure.name + UNITS[measure.kind],
        label=measure.label,
        value=lambda row: exactly(measure, row.handled),
        number=True,
    )


AGENTS: Table[AgentFigures] = Table(
    name="agents",
    columns=(
        # whoever is not known comes last
        Column(name="agent", label=gettext_lazy("Agent"), value=lambda row: row.name or None),
        *(_of_agent(one) for one in AGENT_MEASURES),
    ),
    sort="agent",
    text=lambda row: row.name,
    row_key=lambda row: row.key,
    size=25,
)
AGENTS_CSV: Table[AgentFigures] = Table(
    name="agents",
    columns=(
        Column(name="agent", label="", value=lambda row: row.name or None),
        *(_of_agent(one) for one in AGENT_MEASURES),
        *(_of_agent(one, before=True) for one in AGENT_MEASURES),
    ),
    sort="agent",
    text=lambda row: row.name,
)
INTERVALS: Table[AgentInterval] = Table(
    name="intervals",
    columns=(
        Column(name="begin", label=gettext_lazy("When"), value=lambda row: row.begin),
        *(_of_interval(one) for one in AGENT_MEASURES),
    ),
    sort="begin",
    row_key=lambda row: row.begin,
    size=31,
)
INTERVALS_CSV: Table[AgentInterval] = Table(
    name="intervals",
    columns=(
        *stretch_columns(AgentInterval),
        *(_of_interval(one) for one in AGENT_MEASURES),
    ),
    sort="begin",
)


def agents_page(org: Organization, *, report: AgentReport, agents: Asked, intervals: Asked) -> AgentsPage:
    """Give the page of agents.

    Args:
        org: the organization.
        report: as it was read.
        agents: what is asked of the table of agents.
        intervals: what is asked of the table of intervals.
    """
    scope, compared = report.scope, report.scope.compared
    head = head_of(
        org,
        scope=scope,
        here="insights_agents",
        state=scope.state,
        left_out=tuple(line for queue, line in scope.chosen.items() if queue not in compared),
        compared=bool(compared),
        agent="" if report.agent is None else report.agent.hex,
    )
    return shown_agents(report, head=head, agents=agents, intervals=intervals)


def shown_agents(report: AgentReport, *, head: ReportHead, agents: Asked, intervals: Asked) -> AgentsPage:
    """Give the page below its head; arguments as of `agents_page`."""
    total, whole = report.total, report.scope.whole
    return AgentsPage(
        head=head,
        name=next((one.name for one in report.by_agent), "") if report.agent is not None else "",
        count=sum(bool(one.key) for one in report.by_agent),
        total=()
        if total is None
        else measured(AGENT_MEASURES, total.handled, before=total.before, compared=total.compared),
        derivable=report.derivable,
        whole_days=0 if whole is None else whole.days,
        by_agent=shown_as(list_rows(AGENTS, report.by_agent, asked=agents), line=_line),
        by_interval=shown_as(list_rows(INTERVALS, report.intervals, asked=intervals), line=_interval_line),
        stacked=_chart(report),
        others="".join(
            f"{urlencode({name: value})}&"
            for name, value in agents.rest
            if name != "agent" and not name.startswith("intervals.")
        ),
    )


def _line(row: AgentFigures) -> ShownAgent:
    return ShownAgent(
        figures=row, shown=measured(AGENT_MEASURES, row.handled, before=row.before, compared=row.compared)
    )


def _interval_line(row: AgentInterval) -> ShownAgentInterval:
    return ShownAgentInterval(figures=row, shown=measured(AGENT_MEASURES, row.handled))


def _chart(report: AgentReport) -> Stacked | None:
    """Draw talk, hold and wrap-up by interval; None where nothing was handled."""
    rows = report.intervals
    most = max((one.handled.time_s for one in rows if one.handled is not None), default=0)
    if not most:
        return None
    unit = _HOUR if most >= _HOURS_FROM else _MINUTE
    words = _("%(n)s h") if unit == _HOUR else _("%(n)s min")
    return draw_stacked(
        [Stack(parts=_parts(one.handled or Handled()), title=_title(one), shade=SHADES[one.state]) for one in rows],
        across=list(across_of(rows, unit=report.scope.asked.unit)),
        step=round_step(-(-most // unit), parts=_PARTS) * unit,
        label=lambda seconds: words % {"n": count(seconds // unit)},
    )


def _parts(one: Handled) -> list[tuple[str, int]]:
    return [("talk", one.talk_s), ("hold", one.hold_s), ("wrap", one.wrap_s)]


def _title(one: AgentInterval) -> str:
    if one.handled is None:
        return _("%(when)s: purged") % {"when": one.label}
    said = _("%(when)s: %(handled)s handled; talk %(talk)s, hold %(hold)s, wrap-up %(wrap)s") % {
        "when": one.label,
        "handled": count(one.handled.handled),
        "talk": span(one.handled.talk_s),
        "hold": span(one.handled.hold_s),
        "wrap": span(one.handled.wrap_s),
    }
    return said if one.state == "whole" else f"{said}; {_('in part: the rest is purged')}"

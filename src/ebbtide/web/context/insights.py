"""What reports are given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.measures import Handled, Sums
from ebbtide.domain.period import Period, Span
from ebbtide.web.charts.hours import Hours
from ebbtide.web.charts.lines import Lines
from ebbtide.web.charts.stacked import Stacked
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.listing import Listing

State = Literal["whole", "partly", "purged"]
Unit = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A measure as people read it.

    Attributes:
        name: as in addresses.
        label: as people know it.
        text: the value; an em dash where there is none.
        change: against the period before; empty where nothing is compared.
        better: whether the change is for the better; None where it is neither.
    """

    name: str
    label: str
    text: str
    change: str = ""
    better: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """A Q in a report.

    Attributes:
        queue: which.
        target: its service target, in seconds.
        state: whether its data of the period is there.
        since: the first day that is; None where all of it is.
        sums: of the period; None where all of it is purged.
        before: of the period before; None where that, or this one, is not whole.
    """

    queue: QueueLine
    target: int
    state: State
    since: date | None
    sums: Sums | None
    before: Sums | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """An hour, day, week or month of a report, and what of it is there.

    Attributes:
        begin: its local beginning.
        first, last: the days of it that lie in the period.
        label: as people read it.
        state: whether the data of the Qs chosen is there.
        lacks: Qs of which it is not, or not all of it.
    """

    begin: datetime
    first: date
    last: date
    label: str
    state: State
    lacks: tuple[QueueLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalFigures(Stretch):
    """An interval of the summary of Qs; `sums` of what is there, None where nothing is."""

    sums: Sums | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQueue:
    """A row of the table of Qs: the Q, and its measures as they are read."""

    figures: QueueFigures
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownInterval:
    """A row of the table of intervals."""

    figures: IntervalFigures
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedNote:
    """What was purged, where a report reaches back to it.

    Attributes:
        before: the first day that is not purged.
        types: data types, of which `insights` alone is missing in a report.
        queues: Qs, by name.
        every: whether these are all Qs of the report.
        job: as it was then; None where nobody knows.
        run: number of the run; None where the book does not say.
        on: org-local date on which it was done.
        state: of the period: purged whole, in part, or (recordings alone) whole.
    """

    before: date
    types: tuple[str, ...]
    queues: tuple[QueueLine, ...]
    every: bool
    job: JobLine | None
    run: int | None
    on: date | None
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChosen:
    """What stands in the report's form.

    Attributes:
        span: the range.
        since, until: as typed, for a custom one.
        by: the interval asked for; empty for the usual one.
        unit: of the intervals.
        units: those that the range can be cut into.
        queues: numbers of the Qs ticked; empty for all.
        channel: empty for all.
        wrong: what is wrong with it.
    """

    span: Span
    since: str
    until: str
    by: str
    unit: Unit
    units: tuple[Unit, ...]
    queues: frozenset[int]
    channel: str
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHead:
    """What stands above every report: its form, its days, and what of them is purged.

    Attributes:
        here: the report, as the name of its address: insights | insights_agents | insights_channels.
        empty: whether the organization has never had report rows.
        chosen: what stands in the form.
        period, before: the days reported, and those compared with.
        until_hour: for a day compared up to this hour; None otherwise.
        queues: every Q, by name; archived ones last.
        channels: those to choose from; none where the report is of channels.
        notes: what was purged of the period's report rows.
        besides: what else was purged: nothing of it is missing here.
        state: of the period, over all Qs chosen.
        left_out: Qs that are not compared, because data of theirs is purged.
        compared: whether any Q is.
        agent: key of the agent the report is of; empty for all.
    """

    here: str
    empty: bool
    chosen: ReportChosen
    period: Period
    before: Period
    until_hour: int | None
    queues: tuple[QueueLine, ...]
    channels: tuple[str, ...]
    notes: tuple[PurgedNote, ...]
    besides: tuple[PurgedNote, ...]
    state: State
    left_out: tuple[QueueLine, ...]
    compared: bool
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage:
    """`pages/insights.html`, as `page`.

    Attributes:
        head: its form and what is purged.
        total: of all Qs chosen; empty where nothing is left.
        daily: segments offered a day, as people read it; over the days of which nothing is missing.
        whole_days: how many these are.
        by_queue: the table of Qs.
        by_interval: the table of intervals.
        stacked, level: the charts; None where nothing was offered.
        hours: the week of hours; None where no day is whole.
        thresholds: service targets to choose from, in seconds.
        can_set: whether the person may set them.
    """

    head: ReportHead
    total: tuple[Shown, ...]
    daily: str
    whole_days: int
    by_queue: Listing[ShownQueue]
    by_interval: Listing[ShownInterval]
    stacked: Stacked | None
    level: Lines | None
    hours: Hours | None
    thresholds: tuple[int, ...]
    can_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """A channel in a report.

    Attributes:
        channel: which.
        sums: of the period, of what is there.
        of: what was offered on all channels.
        compared: the same over the Qs that are compared; None where none is.
        before: of the period before, over the same; None where no Q is compared.
    """

    channel: str
    sums: Sums
    of: int
    compared: Sums | None
    before: Sums | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInterval(Stretch):
    """An interval of the mix of channels; `offered` by channel, None where all of it is purged."""

    offered: Mapping[str, int] | None

    @property
    def total(self) -> int | None:
        """Offered on all channels."""
        return None if self.offered is None else sum(self.offered.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChannel:
    """A row of the table of channels."""

    figures: ChannelFigures
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChannelInterval:
    """A row of the table of intervals: labels with what was offered, None where all of it is purged."""

    figures: ChannelInterval
    cells: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsPage:
    """`pages/insights_channels.html`, as `page`.

    Attributes:
        head: its form and what is purged.
        channels: those on which something was offered, in either period.
        by_channel: the table of channels.
        by_interval: the table of intervals.
        stacked, shares: the charts: numbers, and shares of each interval; None where nothing was offered.
    """

    head: ReportHead
    channels: tuple[str, ...]
    by_channel: Listing[ShownChannel]
    by_interval: Listing[ShownChannelInterval]
    stacked: Stacked | None
    shares: Stacked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFigures:
    """An agent in a report.

    Attributes:
        key: as in addresses: a keyed hash of the name; empty for what nobody knows whose it is.
        name: as it stands in the rows; empty likewise.
        handled: in the period, of what is there.
        compared: the same over the Qs that are compared; None where none is.
        before: in the period before, over the same; None where no Q is compared.
    """

    key: str
    name: str
    handled: Handled
    compared: Handled | None
    before: Handled | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInterval(Stretch):
    """An interval of the summary of agents; `handled` by all of them, None where nothing is left."""

    handled: Handled | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAgent:
    """A row of the table of agents."""

    figures: AgentFigures
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAgentInterval:
    """A row of the table of intervals."""

    figures: AgentInterval
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage:
    """`pages/insights_agents.html`, as `page`.

    Attributes:
        head: its form and what is purged.
        name: of the agent the report is of; empty for all, or where there is no such agent.
        count: how many agents handled something.
        total: over all of them; empty where nothing is left.
        derivable: whether occupancy could be derived, over days of which nothing is missing.
        whole_days: how many these are.
        by_agent: the table of agents.
        by_interval: the table of intervals.
        stacked: talk, hold and wrap-up by interval; None where nothing was handled.
        others: the address of the same report of all agents, and with `agent=KEY` behind it of one.
    """

    head: ReportHead
    name: str
    count: int
    total: tuple[Shown, ...]
    derivable: bool
    whole_days: int
    by_agent: Listing[ShownAgent]
    by_interval: Listing[ShownAgentInterval]
    stacked: Stacked | None
    others: str

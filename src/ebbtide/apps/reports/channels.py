"""The mix of channels: what was offered on each, what became of it, and its share; read, and as it is shown.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.asked import CHANNELS, ReportAsked
from ebbtide.apps.reports.charts import SHADES, across_of
from ebbtide.apps.reports.head import head_of
from ebbtide.apps.reports.scope import Scope, scope_of, stretches
from ebbtide.apps.reports.shown import MEASURES, UNITS, Measure, exact, exactly, percent, shown, written
from ebbtide.apps.reports.stretches import stretch_columns
from ebbtide.apps.reports.sums import Kept, Stale, add_up_channels, kept_for, stale
from ebbtide.domain.measures import Sums
from ebbtide.web.charts.scales import round_step
from ebbtide.web.charts.stacked import Stack, Stacked, draw_stacked
from ebbtide.web.context.insights import (
    ChannelFigures,
    ChannelInterval,
    ChannelsPage,
    ReportHead,
    Shown,
    ShownChannel,
    ShownChannelInterval,
)
from ebbtide.web.listing import Asked, Column, Table, list_rows, shown_as
from ebbtide.web.templatetags.ebbtide import CHANNELS as NAMES
from ebbtide.web.templatetags.ebbtide import count

_PARTS = 4
_PERMILLE = 1000
SHARE: Measure[Fraction] = Measure("share", gettext_lazy("Share"), "share", lambda share: share)
"""Of all that was offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """The mix of channels as it was read: a line for each channel, and one for each interval that has begun."""

    scope: Scope
    by_channel: Sequence[ChannelFigures]
    intervals: Sequence[ChannelInterval]


def read_channels(org: Organization, *, asked: ReportAsked, now: datetime) -> ChannelReport:
    """Read the mix of channels.

    Args:
        org: the organization.
        asked: what is asked for.
        now: the request's moment.
    """
    scope = scope_of(org, asked=asked, now=now)
    kept = kept_for(asked.unit, until_hour=scope.until_hour)
    found = stale(scope.wanted, period=scope.both, kept=kept)
    cells = add_up_channels(scope.wanted, kept=kept, period=asked.period, unit=asked.unit, found=found)
    return ChannelReport(
        scope=scope,
        by_channel=_by_channel(scope, kept=kept, cells=cells, found=found),
        intervals=list(_by_interval(scope, cells=cells)),
    )


def _by_channel(
    scope: Scope, *, kept: Kept, cells: Mapping[tuple[str, datetime], Sums], found: Stale
) -> list[ChannelFigures]:
    there = _joined(cells)
    among, now, before = scope.compared, there, dict[str, Sums]()
    if among:
        wanted = scope.only(among)
        asked = scope.asked
        before = _joined(
            add_up_channels(
                wanted, kept=kept, period=asked.before, unit="all", found=found, until_hour=scope.until_hour
            )
        )
        if len(among) < len(scope.chosen):  # both sides over the same Qs
            now = _joined(add_up_channels(wanted, kept=kept, period=asked.period, unit="all", found=found))
    of = sum(one.offered for one in there.values())
    return [
        ChannelFigures(
            channel=channel,
            sums=there.get(channel, Sums()),
            of=of,
            compared=now.get(channel, Sums()) if among else None,
            before=before.get(channel, Sums()) if among else None,
        )
        for channel in CHANNELS
        if there.get(channel, Sums()).items or before.get(channel, Sums()).items
    ]


def _joined(cells: Mapping[tuple[str, datetime], Sums]) -> dict[str, Sums]:
    found: dict[str, Sums] = {}
    for (channel, _begin), sums in cells.items():
        found[channel] = found.get(channel, Sums()) + sums
    return found


def _by_interval(scope: Scope, *, cells: Mapping[tuple[str, datetime], Sums]) -> Iterator[ChannelInterval]:
    offered: dict[datetime, dict[str, int]] = {}
    for (channel, begin), sums in cells.items():
        if sums.offered:
            offered.setdefault(begin, {})[channel] = sums.offered
    for one in stretches(scope):
        yield ChannelInterval(
            begin=one.begin,
            first=one.first,
            last=one.last,
            label=one.label,
            state=one.state,
            lacks=one.lacks,
            offered=None if one.state == "purged" else offered.get(one.begin, {}),
        )


def _share(row: ChannelFigures) -> Fraction | None:
    return Fraction(row.sums.offered, row.of) if row.of else None


def _measured(measure: Measure[Sums], *, before: bool = False) -> "Column[ChannelFigures]":
    return Column(
        name=measure.name + UNITS[measure.kind] + ("_before" if before else ""),
        label=measure.label,
        value=lambda row: exactly(measure, row.before if before else row.sums),
        number=True,
    )


def _offered(channel: str) -> "Column[ChannelInterval]":
    return Column(
        name=channel,
        label=NAMES[channel],
        value=lambda row: None if row.offered is None else row.offered.get(channel, 0),
        number=True,
    )


_SHARE: Column[ChannelFigures] = Column(
    name="share_percent",
    label=gettext_lazy("Share"),
    value=lambda row: exact(SHARE, _share(row)),
    number=True,
)
BY_CHANNEL: Table[ChannelFigures] = Table(
    name="channels",
    columns=(
        Column(name="channel", label=gettext_lazy("Channel"), value=lambda row: CHANNELS.index(row.channel)),
        _measured(MEASURES[0]),
        _SHARE,
        *(_measured(one) for one in MEASURES[1:]),
    ),
    sort="channel",
    row_key=lambda row: row.channel,
)
BY_CHANNEL_CSV: Table[ChannelFigures] = Table(
    name="channels",
    columns=(
        Column(name="channel", label="", value=lambda row: row.channel),
        Column(name="segments", label="", value=lambda row: row.sums.items),
        _measured(MEASURES[0]),
        _SHARE,
        *(_measured(one) for one in MEASURES[1:]),
        *(_measured(one, before=True) for one in MEASURES),
    ),
    sort="channel",
)
INTERVALS: Table[ChannelInterval] = Table(
    name="intervals",
    columns=(
        Column(name="begin", label=gettext_lazy("When"), value=lambda row: row.begin),
        Column(name="offered", label=gettext_lazy("Offered"), value=lambda row: row.total, number=True),
        *(_offered(channel) for channel in CHANNELS),
    ),
    sort="begin",
    row_key=lambda row: row.begin,
    size=31,
)
INTERVALS_CSV: Table[ChannelInterval] = Table(
    name="intervals",
    columns=(
        *stretch_columns(ChannelInterval),
        Column(name="offered", label="", value=lambda row: row.total),
        *(_offered(channel) for channel in CHANNELS),
    ),
    sort="begin",
)


def channels_page(org: Organization, *, report: ChannelReport, channels: Asked, intervals: Asked) -> ChannelsPage:
    """Give the page of the mix of channels.

    Args:
        org: the organization.
        report: as it was read.
        channels: what is asked of the table of channels.
        intervals: what is asked of the table of intervals.
    """
    scope, compared = report.scope, report.scope.compared
    head = head_of(
        org,
        scope=scope,
        here="insights_channels",
        state=scope.state,
        left_out=tuple(line for queue, line in scope.chosen.items() if queue not in compared),
        compared=bool(compared),
    )
    return shown_channels(report, head=head, channels=channels, intervals=intervals)


def shown_channels(report: ChannelReport, *, head: ReportHead, channels: Asked, intervals: Asked) -> ChannelsPage:
    """Give the page below its head; arguments as of `channels_page`."""
    charts = _charts(report)
    return ChannelsPage(
        head=head,
        channels=tuple(one.channel for one in report.by_channel),
        by_channel=shown_as(list_rows(BY_CHANNEL, report.by_channel, asked=channels), line=_line),
        by_interval=shown_as(list_rows(INTERVALS, report.intervals, asked=intervals), line=_interval_line),
        stacked=charts[0] if charts else None,
        shares=charts[1] if charts else None,
    )


def _line(row: ChannelFigures) -> ShownChannel:
    first, *rest = shown(row.sums, compared=row.compared, before=row.before)
    return ShownChannel(figures=row, shown=(first, _shown_share(row), *rest))


def _interval_line(row: ChannelInterval) -> ShownChannelInterval:
    values = [row.total, *(None if row.offered is None else row.offered.get(channel, 0) for channel in CHANNELS)]
    labels = [str(column.label) for column in INTERVALS.columns[1:]]
    return ShownChannelInterval(figures=row, cells=tuple(zip(labels, values, strict=True)))


def _shown_share(row: ChannelFigures) -> Shown:
    return Shown(name=SHARE.name, label=str(SHARE.label), text=written(SHARE, _share(row)))


def _charts(report: ChannelReport) -> tuple[Stacked, Stacked] | None:
    """Draw what was offered by channel, in numbers and in shares of each interval; None where nothing was."""
    rows = report.intervals
    most = max((one.total or 0 for one in rows), default=0)
    if not most:
        return None
    titles = [_title(one) for one in rows]
    across = list(across_of(rows, unit=report.scope.asked.unit))

    def stacks(values: Sequence[Mapping[str, int]]) -> list[Stack]:
        return [
            Stack(
                parts=[(channel, parts.get(channel, 0)) for channel in CHANNELS],
                title=title,
                shade=SHADES[one.state],
            )
            for one, title, parts in zip(rows, titles, values, strict=True)
        ]

    numbers = [one.offered or {} for one in rows]
    return (
        draw_stacked(stacks(numbers), across=across, step=round_step(most, parts=_PARTS), label=count),
        draw_stacked(
            stacks([_permille(one) for one in numbers]),
            across=across,
            step=_PERMILLE // _PARTS,
            label=lambda permille: percent(Fraction(permille, _PERMILLE), places=0),
        ),
    )


def _permille(offered: Mapping[str, int]) -> dict[str, int]:
    """Give shares in thousandths that make up a thousand: what rounding leaves goes to the greatest."""
    whole = sum(offered.values())
    if not whole:
        return {}
    found = {channel: value * _PERMILLE // whole for channel, value in offered.items()}
    found[max(offered, key=lambda channel: offered[channel])] += _PERMILLE - sum(found.values())
    return found


def _title(one: ChannelInterval) -> str:
    if one.offered is None:
        return _("%(when)s: purged") % {"when": one.label}
    parts = [f"{NAMES[channel]} {count(one.offered[channel])}" for channel in CHANNELS if one.offered.get(channel)]
    said = f"{one.label}: {', '.join(parts) or _('nothing offered')}"
    return said if one.state == "whole" else f"{said}; {_('in part: the rest is purged')}"

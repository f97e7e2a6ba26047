"""The charts of a report: what became of what was offered, the service level, and the week of hours."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from django.utils import dateformat
from django.utils.translation import gettext as _

from ebbtide.apps.reports.reading import Report
from ebbtide.apps.reports.shown import decimal, percent
from ebbtide.domain.measures import Sums
from ebbtide.domain.period import Period
from ebbtide.web.charts.hours import Hours, draw_hours
from ebbtide.web.charts.lines import Lines, Place, Row, draw_lines
from ebbtide.web.charts.scales import round_step
from ebbtide.web.charts.stacked import Stack, Stacked, draw_stacked, shades
from ebbtide.web.context.insights import IntervalFigures, Stretch
from ebbtide.web.templatetags.ebbtide import count

_PARTS = 4
_LABELS = 8
_PERMILLE = 1000
_TENTHS = 10
SHADES = {"whole": "", "partly": "partly", "purged": "purged"}


def interval_charts(report: Report) -> tuple[Stacked, Lines] | None:
    """Draw what became of what was offered, and the service level; None where nothing was."""
    rows = report.intervals
    if not any(one.sums is not None and one.sums.offered for one in rows):
        return None
    titles = [_title(one) for one in rows]
    tones = [SHADES[one.state] for one in rows]
    most = max(one.sums.offered for one in rows if one.sums is not None)
    across = list(across_of(rows, unit=report.scope.asked.unit))
    stacked = draw_stacked(
        [
            Stack(parts=_parts(one.sums or Sums()), title=title, shade=tone)
            for one, title, tone in zip(rows, titles, tones, strict=True)
        ],
        across=across,
        step=round_step(max(1, most), parts=_PARTS),
        label=count,
    )
    runs = list(_runs(rows))
    level = draw_lines(
        [Row(tone="service", points=run) for run in runs if len(run) > 1],
        last=len(rows),
        across=across,
        step=_PERMILLE // _PARTS,
        label=_mark,
        dots=[(*run[0], "service") for run in runs if len(run) == 1],
        most=_PERMILLE,
    )
    wide = 100 / len(rows)
    places = tuple(
        Place(x=round(place * wide, 3), width=round(wide, 3), title=title) for place, title in enumerate(titles)
    )
    return stacked, replace(level, places=places, shades=shades(tones))


def _mark(permille: int) -> str:
    """Write a mark of the side."""
    return f"{permille // _TENTHS}\N{NO-BREAK SPACE}%"


def _parts(sums: Sums) -> list[tuple[str, int]]:
    return [
        ("answered", sums.answered),
        ("callbacks", sums.callbacks),
        ("flowed-out", sums.flowed_out),
        ("other", sums.other),
        ("abandoned", sums.abandoned),
    ]


def _title(one: IntervalFigures) -> str:
    if one.sums is None:
        return _("%(when)s: purged") % {"when": one.label}
    said = _(
        "%(when)s: %(offered)s offered, %(answered)s answered, %(abandoned)s abandoned, service level %(level)s"
    ) % {
        "when": one.label,
        "offered": count(one.sums.offered),
        "answered": count(one.sums.answered),
        "abandoned": count(one.sums.abandoned),
        "level": percent(one.sums.service_level),
    }
    return said if one.state == "whole" else f"{said}; {_('in part: the rest is purged')}"


def _runs(rows: Sequence[IntervalFigures]) -> Iterator[list[tuple[float, int]]]:
    """Give the stretches over which there is a service level: between them nothing is drawn, and nothing is joined."""
    run: list[tuple[float, int]] = []
    for place, one in enumerate(rows):
        level = None if one.sums is None else one.sums.service_level
        if level is not None:
            run.append((place + 0.5, round(level * _PERMILLE)))
        elif run:
            yield run
            run = []
    if run:
        yield run


def across_of(rows: Sequence[Stretch], *, unit: str) -> Iterator[tuple[float, str]]:
    """Give the ticks along the foot: places in intervals, and words."""
    every = -(-len(rows) // _LABELS)
    if unit == "hour":
        every = next((step for step in (1, 3, 6, 12, 24, 48, 96) if step >= every), 168)
    form = {"hour": "H:i" if len(rows) <= 24 else "j M", "day": "j M", "week": "j M", "month": "M y"}[unit]
    if unit == "hour" and len(rows) > 24:
        every = max(24, every)
    for place in range(0, len(rows), every):
        # few bars are named below their middle, many where they begin
        yield place + 0.5 if len(rows) <= 2 * _LABELS else float(place), dateformat.format(rows[place].begin, form)


def hours_chart(report: Report) -> Hours | None:
    """Draw the week of hours: what was offered on average, over the days of which nothing is missing."""
    whole = report.scope.whole
    if whole is None or not report.offered:
        return None
    days = _weekdays(whole)
    monday = date(2024, 1, 1)
    names = {row: dateformat.format(monday + timedelta(days=row), "D") for row in range(7)}
    tenths = {
        (weekday, hour): max(1, round(Fraction(offered * _TENTHS, days[weekday])))
        for (weekday, hour), offered in report.offered.items()
    }

    def title(weekday: int, hour: int, value: int) -> str:
        del value
        average = decimal(Fraction(report.offered[weekday, hour], days[weekday]), places=1)
        return _("%(day)s %(hour)02d:00 to %(hour)02d:59: %(n)s on average") % {
            "day": names[weekday],
            "hour": hour,
            "n": average,
        }

    return draw_hours(tenths, names=names, title=title)


def _weekdays(period: Period) -> list[int]:
    """Count a period's Mondays, Tuesdays and so on."""
    weeks, rest = divmod(period.days, 7)
    over = {(period.first.weekday() + more) % 7 for more in range(rest)}
    return [weeks + (weekday in over) for weekday in range(7)]

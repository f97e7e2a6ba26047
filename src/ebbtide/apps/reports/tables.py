"""The two tables of a report, by Q and by interval, for the page and for a spreadsheet."""

from collections.abc import Callable

from django.utils.translation import gettext_lazy

from ebbtide.apps.reports.shown import MEASURES, UNITS, Measure, exactly
from ebbtide.apps.reports.stretches import COMPLETE, stretch_columns
from ebbtide.domain.measures import Sums
from ebbtide.web.context.insights import IntervalFigures, QueueFigures
from ebbtide.web.listing import Column, Table


def _of_queue(measure: Measure[Sums], *, before: bool = False) -> Callable[[QueueFigures], object]:
    def value(row: QueueFigures) -> object:
        return exactly(measure, row.before if before else row.sums)

    return value


def _of_interval(measure: Measure[Sums]) -> Callable[[IntervalFigures], object]:
    def value(row: IntervalFigures) -> object:
        return exactly(measure, row.sums)

    return value


def _items(sums: Sums | None) -> int | None:
    return None if sums is None else sums.items


QUEUES: Table[QueueFigures] = Table(
    name="queues",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name),
        *(Column(name=one.name, label=one.label, value=_of_queue(one), number=True) for one in MEASURES),
    ),
    sort="q",
    text=lambda row: row.queue.name,
    row_key=lambda row: row.queue.id,
)
QUEUES_CSV: Table[QueueFigures] = Table(
    name="queues",
    columns=(
        Column(name="q", label="", value=lambda row: row.queue.name),
        Column(name="complete", label="", value=lambda row: COMPLETE[row.state]),
        Column(name="data_from", label="", value=lambda row: row.since),
        Column(name="target_seconds", label="", value=lambda row: row.target),
        Column(name="segments", label="", value=lambda row: _items(row.sums)),
        *(Column(name=one.name + UNITS[one.kind], label="", value=_of_queue(one)) for one in MEASURES),
        *(
            Column(name=f"{one.name}{UNITS[one.kind]}_before", label="", value=_of_queue(one, before=True))
            for one in MEASURES
        ),
    ),
    sort="q",
    text=lambda row: row.queue.name,
)
INTERVALS: Table[IntervalFigures] = Table(
    name="intervals",
    columns=(
        Column(name="begin", label=gettext_lazy("When"), value=lambda row: row.begin),
        *(Column(name=one.name, label=one.label, value=_of_interval(one), number=True) for one in MEASURES),
    ),
    sort="begin",
    row_key=lambda row: row.begin,
    size=31,
)
INTERVALS_CSV: Table[IntervalFigures] = Table(
    name="intervals",
    columns=(
        *stretch_columns(IntervalFigures),
        Column(name="segments", label="", value=lambda row: _items(row.sums)),
        *(Column(name=one.name + UNITS[one.kind], label="", value=_of_interval(one)) for one in MEASURES),
    ),
    sort="begin",
)

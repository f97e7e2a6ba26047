"""The age charts of the home page, and the table behind them, from ages that are already added up."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ebbtide.apps.runs.ages import Ages
from ebbtide.apps.runs.matrix import Decided
from ebbtide.apps.runs.preview import Amount
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.charts.histogram import Bin, Histogram, Line, draw_histogram
from ebbtide.web.charts.scales import byte_step, round_step
from ebbtide.web.context.home import AgeCell, AgeChart, AgeRow, AgesCard, RetentionLine, Unit, UnitChoice
from ebbtide.web.listing import Asked, Column, Table, list_rows
from ebbtide.web.templatetags.ebbtide import DATA_TYPES, bytes_, count

_PARTS = 4
"""Grid lines of a chart, at most."""
_PLACES = {kind: place for place, kind in enumerate(DataType)}


def unit_of(query: QueryDict) -> Unit:
    """Read what the bars are to count.

    Raises:
        InputInvalid: it is no unit.
    """
    text = query.get("unit", "") or "items"
    if text == "items":
        return "items"
    if text == "bytes":
        return "bytes"
    raise InputInvalid(f"The charts cannot show {text[:40]!r}: choose items or bytes.", field="unit")


def _table(unit: Unit) -> Table[AgeRow]:
    def column(kind: DataType) -> Column[AgeRow]:
        def value(row: AgeRow) -> int:
            cell = row.cells[_PLACES[kind]]
            return cell.items if unit == "items" else cell.bytes

        return Column(name=str(kind), label=DATA_TYPES[kind], value=value, number=True)

    age: Column[AgeRow] = Column(name="age", label=gettext_lazy("Age in days"), value=lambda row: row.youngest)
    return Table(
        name="ages",
        columns=(age, *(column(kind) for kind in DataType)),
        sort="age",
        row_key=lambda row: row.youngest,
        size=60,
    )


AGES: dict[Unit, Table[AgeRow]] = {"items": _table("items"), "bytes": _table("bytes")}


@dataclass(frozen=True, slots=True)
class AgeCsvRow:
    """A row of the CSV: one data type of one span of ages."""

    row: AgeRow
    cell: AgeCell


AGES_CSV: Table[AgeCsvRow] = Table(
    name="ages",
    columns=(
        Column(name="data_type", label="", value=lambda one: str(one.cell.data_type)),
        Column(name="youngest_days", label="", value=lambda one: one.row.youngest),
        Column(name="oldest_days", label="", value=lambda one: one.row.oldest),
        Column(name="stored_items", label="", value=lambda one: one.cell.items),
        Column(name="stored_bytes", label="", value=lambda one: one.cell.bytes),
        Column(name="tonight_items", label="", value=lambda one: one.cell.due_items),
        Column(name="tonight_bytes", label="", value=lambda one: one.cell.due_bytes),
    ),
    sort="data_type",
)


def ages_card(ages: Ages, *, decided: Decided, unit: Unit, asked: Asked, query: QueryDict) -> AgesCard:
    """Give the charts, one per data type over the same ages, and their table.

    Args:
        ages: as added up.
        decided: who decides where, for the retention lines.
        unit: what the bars count.
        asked: what is asked of the table.
        query: of the page, so that the other unit's address keeps the rest.
    """
    rows = age_rows(ages)
    return AgesCard(
        unit=unit,
        choices=tuple(_choice(one, chosen=one == unit, query=query) for one in ("items", "bytes")),
        width=ages.bins.width,
        charts=tuple(_chart(kind, ages=ages, rows=rows, decided=decided, unit=unit) for kind in DataType),
        listing=list_rows(AGES[unit], rows, asked=asked) if asked.sort or asked.after or asked.before else None,
        table_query=_with(query, "ages.sort", "age"),
    )


def age_rows(ages: Ages) -> list[AgeRow]:
    """Give the spans of ages in which anything is stored, youngest first."""

    def cell(kind: DataType, place: int) -> AgeCell:
        there, goes = (found.get((kind, place)) or Amount() for found in (ages.stored, ages.due))
        return AgeCell(data_type=kind, items=there.items, bytes=there.bytes, due_items=goes.items, due_bytes=goes.bytes)

    places = sorted({place for _kind, place in ages.stored})
    return [
        AgeRow(
            youngest=ages.bins.span(place)[0],
            oldest=ages.bins.span(place)[1],
            cells=tuple(cell(kind, place) for kind in DataType),
        )
        for place in places
    ]


def age_csv_rows(ages: Ages) -> Iterator[AgeCsvRow]:
    """Give the same numbers, a data type at a time."""
    rows = age_rows(ages)
    return (AgeCsvRow(row, row.cells[_PLACES[kind]]) for kind in DataType for row in rows)


def _choice(unit: Unit, *, chosen: bool, query: QueryDict) -> UnitChoice:
    return UnitChoice(unit=unit, query=_with(query, "unit", unit), chosen=chosen)


def _with(query: QueryDict, name: str, value: str) -> str:
    asked = query.copy()
    asked[name] = value
    return asked.urlencode()


def _chart(kind: DataType, *, ages: Ages, rows: Sequence[AgeRow], decided: Decided, unit: Unit) -> AgeChart:
    periods = Counter(job.days for queue in decided.queues if (job := decided.retention.get((queue, kind))) is not None)
    lines = tuple(
        RetentionLine(days=days, queues=queues, outside=ages.bins.line(days) > ages.bins.count)
        for days, queues in sorted(periods.items())
    )
    there, goes = ages.stored_by_type()[kind], ages.due_by_type()[kind]
    return AgeChart(
        data_type=kind,
        chart=_drawn(kind, ages=ages, rows=rows, lines=lines, unit=unit) if there.items else None,
        items=there.items,
        bytes=there.bytes,
        due_items=goes.items,
        due_bytes=goes.bytes,
        oldest=None if there.oldest is None else max(0, (ages.on - there.oldest) // timedelta(days=1)),
        lines=lines,
        forever=len(decided.queues) - sum(periods.values()),
        queues=len(decided.queues),
    )


def _drawn(
    kind: DataType, *, ages: Ages, rows: Sequence[AgeRow], lines: Sequence[RetentionLine], unit: Unit
) -> Histogram:
    cells = {row.youngest: row.cells[_PLACES[kind]] for row in rows}
    spans = [ages.bins.span(place) for place in range(ages.bins.count)]
    bins = [_bin(cells.get(first), first=first, last=last, unit=unit) for first, last in spans]
    most = max(one.lower + one.upper for one in bins)
    return draw_histogram(
        bins,
        lines=[
            Line(at=ages.bins.line(line.days), label=_days(line.days), title=_line_title(line))
            for line in lines
            if not line.outside
        ],
        across=[(place, count(days)) for place, days in ages.bins.ticks()],
        step=round_step(most, parts=_PARTS) if unit == "items" else byte_step(most, parts=_PARTS),
        label=_short if unit == "items" else _short_bytes,
    )


def _bin(cell: AgeCell | None, *, first: int, last: int, unit: Unit) -> Bin:
    if cell is None:
        return Bin(lower=0, upper=0, title="")
    there, goes = (cell.items, cell.due_items) if unit == "items" else (cell.bytes, cell.due_bytes)
    return Bin(lower=there - goes, upper=goes, title=_bin_title(cell, first=first, last=last))


def _bin_title(cell: AgeCell, *, first: int, last: int) -> str:
    span = _days(last) if first == last else _("%(first)s to %(last)s days") % {"first": first, "last": last}
    told = _("%(span)s: %(stored)s") % {"span": span, "stored": _amount(cell.items, cell.bytes)}
    if not cell.due_items:
        return told
    return _("%(told)s; tonight takes %(due)s") % {"told": told, "due": _amount(cell.due_items, cell.due_bytes)}


def _amount(items: int, size: int) -> str:
    text = ngettext("%(items)s item, %(size)s", "%(items)s items, %(size)s", items)
    return text % {"items": count(items), "size": bytes_(size)}


def _days(days: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": count(days)}


def _line_title(line: RetentionLine) -> str:
    text = ngettext("%(days)s: decides over %(n)s Q", "%(days)s: decides over %(n)s Qs", line.queues)
    return text % {"days": _days(line.days), "n": count(line.queues)}


def _short(value: int) -> str:
    """Write a round number of items in few signs: 950, 20k, 1.5M."""
    for unit, sign in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= unit:
            return f"{value / unit:.10g}{sign}"
    return str(value)


def _short_bytes(value: int) -> str:
    """Write a round number of bytes in few signs: 20 MiB."""
    return bytes_(value).replace(".0", "") if value else "0"

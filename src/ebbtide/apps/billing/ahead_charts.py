"""The charts of the forecast page: what months cost, and what is at rest at their ends, behind and ahead."""

from collections.abc import Mapping, Sequence

from django.utils import dateformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ebbtide.apps.billing.stock import Stock
from ebbtide.domain.billing import MINOR_UNITS, Money, Month
from ebbtide.web.charts.lines import Lines, Mark, Row, draw_lines
from ebbtide.web.charts.scales import round_step
from ebbtide.web.context.forecast import MonthAhead
from ebbtide.web.templatetags.money import decimal_bytes, money

_PARTS = 4


def costs_chart(months: Sequence[MonthAhead], *, past: Mapping[Month, Money], budget: Money | None) -> Lines:
    """Draw what months cost and will cost.

    Args:
        months: those foretold, the running one first.
        past: closed months.
        budget: drawn as a level line; None for none.
    """
    currency = next((one.cost.currency for one in months if one.cost is not None), "")
    known = {month: money for month, money in past.items() if money.currency == currency}
    names, first = _axis(months, known)
    ahead = [(first + place, one.cost.minor if one.cost else 0) for place, one in enumerate(months)]
    behind = [(place, known[month].minor) for place, month in enumerate(names) if month in known]
    joint = behind[-1:] if behind and behind[-1][0] == first - 1 else []  # both lines meet in the last closed month
    ends = [value for _place, value in joint]
    rows = [
        Row(
            tone="ahead",
            points=[*joint, *ahead],
            low=[*ends, *(one.cost_low.minor if one.cost_low else 0 for one in months)],
            high=[*ends, *(one.cost_high.minor if one.cost_high else 0 for one in months)],
            dashed=True,
        )
    ]
    if months[0].armed_cost is not None:
        armed = [(first + place, one.armed_cost.minor if one.armed_cost else 0) for place, one in enumerate(months)]
        rows.append(Row(tone="armed", points=[*joint, *armed], dashed=True))
    if behind:
        rows.append(Row(tone="past", points=behind))
    fits = budget is not None and budget.currency == currency
    most = max(
        [row_value for row in rows for _place, row_value in row.points] + [budget.minor if budget and fits else 0]
    )
    return draw_lines(
        rows,
        last=len(names) - 1,
        across=_month_labels(names),
        step=round_step(max(1, most, *rows[0].high), parts=_PARTS),
        label=lambda minor: short_money(Money(currency, minor)),
        levels=[Mark(at=budget.minor, label=_("Budget"), tone="bad")] if budget is not None and fits else (),
        titles=[_title(month, known=known, months=months) for month in names],
    )


def _title(month: Month, *, known: Mapping[Month, Money], months: Sequence[MonthAhead]) -> str:
    name = dateformat.format(month.first, "F Y")
    ahead = next((one for one in months if one.month == month), None)
    if ahead is None or ahead.cost is None:
        return f"{name}: {money(known.get(month))}"
    said = _("%(month)s: %(cost)s expected, %(low)s to %(high)s") % {
        "month": name,
        "cost": money(ahead.cost),
        "low": money(ahead.cost_low),
        "high": money(ahead.cost_high),
    }
    return said if ahead.armed_cost is None else f"{said}; {_('once armed')} {money(ahead.armed_cost)}"


def bytes_chart(months: Sequence[MonthAhead], *, past: Mapping[Month, int], stock: Stock) -> Lines:
    """Draw what is and will be at rest at the ends of months.

    Args:
        months: those foretold, the running one first.
        past: bytes at the ends of months gone by.
        stock: what is at rest now.
    """
    names, first = _axis(months, past)
    today = stock.today
    now = first - 1 + today.day / months[0].month.days
    at_rest_now = sum(stock.by_type().values())
    shift = 0.0 if first else max(0.0, -now)  # without a past the running month's end is the first whole place
    points = [(now, at_rest_now), *((float(first + place), one.bytes) for place, one in enumerate(months))]
    points = [(place + shift, value) for place, value in points]
    rows = [
        Row(
            tone="ahead",
            points=points,
            low=[at_rest_now, *(one.bytes_low for one in months)],
            high=[at_rest_now, *(one.bytes_high for one in months)],
            dashed=True,
        )
    ]
    if months[0].armed_bytes is not None:
        armed = [(float(first + place) + shift, one.armed_bytes or 0) for place, one in enumerate(months)]
        rows.append(Row(tone="armed", points=[points[0], *armed], dashed=True))
    if past:
        behind = [(float(place), past[month]) for place, month in enumerate(names) if month in past]
        rows.append(Row(tone="past", points=[*behind, points[0]]))
    most = max([value for row in rows for _place, value in row.points] + list(rows[0].high))
    return draw_lines(
        rows,
        last=len(names) - 1 + shift,
        across=[(place + shift, text) for place, text in _month_labels(names)],
        step=round_step(max(1, most), parts=_PARTS),
        label=short_bytes,
        uprights=[Mark(at=points[0][0], label=_("today"))] if past else (),
        titles=() if shift else [_bytes_title(month, past=past, months=months) for month in names],
    )


def _bytes_title(month: Month, *, past: Mapping[Month, int], months: Sequence[MonthAhead]) -> str:
    name = dateformat.format(month.first, "F Y")
    ahead = next((one for one in months if one.month == month), None)
    if ahead is None:
        return f"{name}: {decimal_bytes(past.get(month))}"
    said = _("End of %(month)s: %(size)s expected, %(low)s to %(high)s") % {
        "month": name,
        "size": decimal_bytes(ahead.bytes),
        "low": decimal_bytes(ahead.bytes_low),
        "high": decimal_bytes(ahead.bytes_high),
    }
    return said if ahead.armed_bytes is None else f"{said}; {_('once armed')} {decimal_bytes(ahead.armed_bytes)}"


def _axis(months: Sequence[MonthAhead], past: Mapping[Month, object]) -> tuple[list[Month], int]:
    """Give the months along the foot, and the place of the running one."""
    names = [one.month for one in months]
    if past:
        while names[0] > min(past):
            names.insert(0, names[0].previous)
    return names, names.index(months[0].month)


def _month_labels(names: Sequence[Month]) -> list[tuple[float, str]]:
    every = 2 if len(names) <= 14 else 4
    return [
        (float(place), dateformat.format(month.first, "M" if month.number != 1 and place else "M y"))
        for place, month in enumerate(names)
        if place % every == 0
    ]


def short_money(value: Money) -> str:
    """Write an amount for an axis: without its smaller unit where it is whole."""
    decimals = MINOR_UNITS[value.currency] if value.amount % 1 else 0
    return f"{number_format(value.amount, decimal_pos=decimals, force_grouping=True)}\N{NO-BREAK SPACE}{value.currency}"


def short_bytes(size: int) -> str:
    """Write bytes for an axis."""
    return decimal_bytes(size).replace(".00", "")

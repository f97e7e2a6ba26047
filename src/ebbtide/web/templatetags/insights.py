"""How the words and numbers of reports look on a page."""

from collections.abc import Iterable

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from ebbtide.web.context.insights import Shown

register = template.Library()

SPANS = {
    "today": gettext_lazy("Today"),
    "7": gettext_lazy("Last 7 days"),
    "30": gettext_lazy("Last 30 days"),
    "month": gettext_lazy("Previous full month"),
    "year": gettext_lazy("12 full months"),
    "custom": gettext_lazy("Custom"),
}
UNITS = {
    "hour": gettext_lazy("Hour"),
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
}
_TENTHS = 10
_TONES = {True: " eb-better", False: " eb-worse", None: ""}


@register.filter
def span_name(value: str) -> str:
    """Give the name of a range."""
    return str(SPANS[value])


@register.filter
def unit_name(value: str) -> str:
    """Give the name of an interval."""
    return str(UNITS[value])


@register.filter
def tenths(value: int) -> str:
    """Write a number of tenths."""
    return number_format(value / _TENTHS, decimal_pos=1, force_grouping=True)


@register.simple_tag
def spans() -> list[str]:
    """Give the ranges, in the order to choose from."""
    return list(SPANS)


@register.simple_tag
def measure_cells(shown: Iterable[Shown]) -> SafeString:
    """Draw the cells of a table's row, each a measure with its change; by itself, as a page has a thousand of them."""
    return format_html_join(
        "\n",
        '<td class="eb-num" data-label="{}"><span>{}{}</span></td>',
        ((one.label, one.text, _change(one)) for one in shown),
    )


def _change(one: Shown) -> SafeString | str:
    if not one.change:
        return ""
    return format_html('<span class="eb-sub{}">{}</span>', _TONES[one.better], one.change)

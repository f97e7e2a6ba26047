"""How the words and numbers of reports look on a page."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy

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

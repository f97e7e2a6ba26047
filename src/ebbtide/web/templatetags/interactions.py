"""How the words and times of single interactions look on a page."""

from django import template
from django.utils.translation import gettext_lazy

from ebbtide.web.templatetags.ebbtide import NOTHING

register = template.Library()

OUTCOMES = {
    "answered": gettext_lazy("Answered"),
    "abandoned": gettext_lazy("Abandoned"),
    "flowed_out": gettext_lazy("Flowed out"),
    "callback": gettext_lazy("Callback"),
}
DIRECTIONS = {
    "inbound": gettext_lazy("inbound"),
    "outbound": gettext_lazy("outbound"),
    "internal": gettext_lazy("internal"),
}
PARTS = {
    "wait": gettext_lazy("Waited"),
    "talk": gettext_lazy("Talked"),
    "hold": gettext_lazy("On hold"),
    "wrap": gettext_lazy("Wrapped up"),
}
_MINUTE, _HOUR = 60, 3_600


@register.filter
def became(value: str) -> str:
    """Say what became of a segment."""
    return str(OUTCOMES[value])


@register.filter
def direction_name(value: str) -> str:
    """Name the direction of an interaction."""
    return str(DIRECTIONS[value])


@register.filter
def part_name(value: str) -> str:
    """Name a part of a segment's time."""
    return str(PARTS[value])


@register.filter
def clock(value: int | None) -> str:
    """Write seconds as a clock shows them (4:05, 1:02:03); a dash where they are not known."""
    if value is None:
        return NOTHING
    hours, rest = divmod(value, _HOUR)
    minutes, seconds = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def clock_ms(value: int) -> str:
    """Write milliseconds as a clock shows seconds."""
    return clock(value // 1_000)

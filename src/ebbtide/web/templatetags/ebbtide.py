"""How numbers, times and field words look on a page.

Why filters and not formatted strings from the views: a page keeps the exact value (for titles, sorting and machines)
beside what people read, and every page shows the same thing the same way.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.utils import dateformat
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from ebbtide.web.context.shared import QueueLine

register = template.Library()

NOTHING = "\N{EM DASH}"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
DATA_TYPES = {
    "insights": gettext_lazy("Reporting data"),
    "audio": gettext_lazy("Audio recordings"),
    "transcript": gettext_lazy("Transcripts"),
    "desktop": gettext_lazy("Desktop recordings"),
}
DATA_TYPE_ICONS = {
    "insights": "report-analytics",
    "audio": "microphone",
    "transcript": "file-text",
    "desktop": "device-desktop",
}
CHANNELS = {
    "voice": gettext_lazy("Voice"),
    "chat": gettext_lazy("Chat"),
    "email": gettext_lazy("E-mail"),
    "sms": gettext_lazy("SMS"),
    "other": gettext_lazy("Other channel"),
}
OUTCOMES = {
    "simulated": gettext_lazy("Simulated"),
    "completed": gettext_lazy("Completed"),
    "incomplete": gettext_lazy("Incomplete"),
    "failed": gettext_lazy("Failed"),
    "blocked": gettext_lazy("Blocked"),
}


@register.filter
def count(value: int | None) -> str:
    """Write a whole number with grouped digits; an em dash for None, which is not zero."""
    return NOTHING if value is None else number_format(value, decimal_pos=0, force_grouping=True)


@register.filter(name="bytes")
def bytes_(value: int | None) -> str:
    """Write a number of bytes in binary units with at most one decimal; an em dash for None."""
    if value is None:
        return NOTHING
    size, unit = float(value), 0
    # Round first, so that 1023.96 KiB reads 1.0 MiB and not 1,024.0 KiB.
    while round(size, 1) >= 1024 and unit < len(UNITS) - 1:
        size /= 1024
        unit += 1
    # number_format cuts digits off, it does not round.
    shown = number_format(round(size, 1), decimal_pos=1 if unit else 0, force_grouping=True)
    return f"{shown}\N{NO-BREAK SPACE}{UNITS[unit]}"


@register.filter
def day(value: date | None) -> str | SafeString:
    """Write an org-local date as a <time>; an em dash for None."""
    if value is None:
        return NOTHING
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), dateformat.format(value, "j M Y"))


@register.filter
def org_time(value: datetime | None, zone: str) -> str | SafeString:
    """Write an instant in the organization's zone, with that zone, as a <time>; an em dash for None.

    Args:
        value: aware instant.
        zone: IANA name.
    """
    if value is None:
        return NOTHING
    local = value.astimezone(ZoneInfo(zone))
    return format_html(
        '<time datetime="{}" title="{}">{} {}</time>',
        local.isoformat(timespec="seconds"),
        _exactly(local, zone=zone),
        dateformat.format(local, "j M Y, H:i"),
        _abbreviation(local),
    )


def _abbreviation(local: datetime) -> str:
    """Name the zone as people do (CET), or by its distance where it has only a number (UTC+10:30)."""
    name = local.tzname() or ""
    if name[:1] not in "+-":
        return name
    offset = local.isoformat()[-6:]
    return f"UTC{offset}"


def _exactly(local: datetime, *, zone: str) -> str:
    return f"{local.isoformat(sep=' ', timespec='seconds')} {zone}"


@register.simple_tag
def ago(value: datetime | None, *, now: datetime, zone: str) -> str | SafeString:
    """Write an instant as people say it, with the exact time as its title.

    Args:
        value: aware instant, past or future.
        now: aware instant it is seen from.
        zone: IANA name, for the title and for what counts as a day.
    """
    if value is None:
        return NOTHING
    local = value.astimezone(ZoneInfo(zone))
    distance = abs(now - value)
    if distance < timedelta(minutes=1):
        said = _("just now") if value <= now else _("in a moment")
    elif distance < timedelta(hours=1):
        said = _distance(value > now, int(distance.total_seconds() // 60), "minute")
    elif distance < timedelta(hours=24):
        said = _distance(value > now, int(distance.total_seconds() // 3600), "hour")
    else:
        said = days_ago(local.date(), now.astimezone(ZoneInfo(zone)).date())
    exact = local.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, _exactly(local, zone=zone), said)


def _distance(ahead: bool, number: int, unit: str) -> str:
    if unit == "minute":
        text = (
            ngettext("in %(n)d minute", "in %(n)d minutes", number)
            if ahead
            else ngettext("%(n)d minute ago", "%(n)d minutes ago", number)
        )
    else:
        text = (
            ngettext("in %(n)d hour", "in %(n)d hours", number)
            if ahead
            else ngettext("%(n)d hour ago", "%(n)d hours ago", number)
        )
    return text % {"n": number}


@register.filter
def days_ago(value: date | None, today: date) -> str:
    """Say how far a date lies from another, in days: today, yesterday, 3 days ago, in 2 days."""
    if value is None:
        return NOTHING
    days = (today - value).days
    near = {0: _("today"), 1: _("yesterday"), -1: _("tomorrow")}
    if days in near:
        return near[days]
    text = (
        ngettext("%(n)s day ago", "%(n)s days ago", days)
        if days > 0
        else ngettext("in %(n)s day", "in %(n)s days", -days)
    )
    return text % {"n": count(abs(days))}


@register.filter
def lasted(started_at: datetime, ended_at: datetime | None) -> str:
    """Say how long a run took: 42 s, 3 min 5 s, 1 h 2 min; an em dash while it goes on."""
    if ended_at is None:
        return NOTHING
    return span(round((ended_at - started_at).total_seconds()))


@register.filter
def span(seconds: int | None) -> str:
    """Write a number of seconds: 42 s, 3 min 5 s, 1 h 2 min; an em dash for None."""
    if seconds is None:
        return NOTHING
    seconds = max(0, seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes}
    return _("%(m)d min %(s)d s") % {"m": minutes, "s": rest} if minutes else _("%(s)d s") % {"s": rest}


@register.filter
def about(seconds: int | None) -> str:
    """Say about how long something will take: less than a minute, 4 minutes, 2 hours; an em dash for None."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return _("less than a minute")
    if seconds < 5400:
        return ngettext("%(n)d minute", "%(n)d minutes", round(seconds / 60)) % {"n": round(seconds / 60)}
    return ngettext("%(n)d hour", "%(n)d hours", round(seconds / 3600)) % {"n": round(seconds / 3600)}


@register.filter
def per_second(value: float | None) -> str:
    """Write how many a second, in whole numbers from ten on; an em dash for None."""
    if value is None:
        return NOTHING
    shown = number_format(round(value, 1), decimal_pos=0 if value >= 10 else 1, force_grouping=True)
    return _("%(n)s a second") % {"n": shown}


@register.filter
def data_type(value: str) -> str:
    """Give the name of a data type as people know it; an unknown one stays as it is."""
    return str(DATA_TYPES.get(str(value), value))


@register.filter
def data_type_icon(value: str) -> str:
    """Give the icon's name of a data type."""
    return DATA_TYPE_ICONS.get(str(value), "database")


@register.filter
def channel(value: str) -> str:
    """Give the name of a channel; an unknown one stays as it is."""
    return str(CHANNELS.get(value, value))


@register.filter
def outcome(value: str | None) -> str:
    """Give the name of a run's outcome; a run without one is still going."""
    return _("Running") if value is None else str(OUTCOMES.get(str(value), value))


@register.filter
def queue_names(queues: Iterable[QueueLine], most: int = 3) -> SafeString:
    """Name Qs in a sentence: "Sales and Support", "Sales, Support, Claims and 3 more".

    Args:
        queues: in the order to name them.
        most: how many to name before the rest is only counted.
    """
    every = list(queues)
    # "and 1 more" says less than the name it stands for.
    shown = every if len(every) <= most + 1 else every[:most]
    rest = len(every) - len(shown)
    parts = [format_html("<em>{}</em>", queue.name) for queue in shown]
    if rest:
        parts.append(format_html(pgettext("after a list of Qs", "{} more"), count(rest)))
    if len(parts) < 2:
        return parts[0] if parts else SafeString("")
    head = format_html_join(", ", "{}", ((part,) for part in parts[:-1]))
    return format_html(pgettext("joins the last two of a list", "{} and {}"), head, parts[-1])


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite.

    Args:
        name: as in `build_assets.ICONS`.
        label: what it says to people who do not see it; empty where the text beside it says the same.
    """
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="icon" width="20" height="20" {} focusable="false"><use href="{}#{}"></use></svg>',
        spoken,
        static("vendor/icons.svg"),
        name,
    )

"""Org-local days: when a night starts, and which days are older than N days.

Ages are counted in whole calendar days of the organization, never in hours: an hour is repeated or skipped twice a
year, a whole day once in a zone's history, and no such night may make anything go early. So every moment becomes a
date first, and only dates are compared.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NewType
from zoneinfo import ZoneInfo, available_timezones

from ebbtide.domain.errors import InputInvalid

Days = NewType("Days", int)
"""A retention period in whole org-local days, 1 to 5000."""

FUTURE_TOLERANCE = timedelta(hours=48)
"""A segment that ended later than this after now cannot be dated. Source: the product's definition of *undatable*."""


@cache
def parse_zone(name: str) -> ZoneInfo:
    """Find the time zone of that IANA name.

    Raises:
        InputInvalid: no zone has that name; the message shows how one looks.
    """
    if name not in available_timezones():
        raise InputInvalid(
            f"There is no time zone {name!r}: use an IANA name such as Europe/Berlin or America/New_York.", field="tz"
        )
    return ZoneInfo(name)


def parse_day(text: str, *, field: str) -> date:
    """Read an ISO date (YYYY-MM-DD).

    Raises:
        InputInvalid: it is not one.
    """
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:  # 20261123 and 2026-W48-1 are ISO dates too, and more likely a slip than meant
            raise ValueError(text)
    except ValueError as exc:
        raise InputInvalid(f"{text!r} is not a date: write it as YYYY-MM-DD.", field=field) from exc
    return day


def local_day(moment: datetime, *, zone: ZoneInfo) -> date:
    """Give the calendar date of an aware moment in a zone."""
    return moment.astimezone(zone).date()


def cutoff(on: date, *, days: Days) -> date:
    """Give the first day that is kept on date `on`: a day is due when it lies before it.

    "Older than N days on D" means day < D - N, so every record is kept N full local days after the day it ended on.
    """
    return on - timedelta(days=days) if on.toordinal() > days else date.min


def first_due(day: date, *, days: Days) -> date:
    """Give the first date on which a day is older than N days: the other way round from `cutoff`."""
    return day + timedelta(days=days + 1)


def night_start(on: date, *, zone: ZoneInfo, at: time) -> datetime:
    """Give the moment (UTC) at which the night of org-local date `on` starts.

    A start skipped by a clock change happens as much later as the clock jumped; one that is repeated happens the first
    time.
    """
    return datetime.combine(on, at, tzinfo=zone).astimezone(UTC)


def latest_night(now: datetime, *, zone: ZoneInfo, at: time) -> date:
    """Give the org-local date of the newest night that has started by `now`.

    A calendar date the zone never had (Apia, 2011-12-30) shares its moment with the next one and is passed over.
    """
    on = local_day(now, zone=zone) + timedelta(days=1)
    while night_start(on, zone=zone, at=at) > now:
        on -= timedelta(days=1)
    return on


def next_night(now: datetime, *, zone: ZoneInfo, at: time) -> datetime:
    """Give the moment (UTC) at which the next night starts, always after `now`."""
    on = latest_night(now, zone=zone, at=at) + timedelta(days=1)
    while (moment := night_start(on, zone=zone, at=at)) <= now:
        on += timedelta(days=1)
    return moment

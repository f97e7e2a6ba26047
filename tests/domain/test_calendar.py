"""Nights and days in zones that skip and repeat hours, half hours and a whole date.

What is expected is worked out here from the zone's own UTC offsets, minute by minute or by search, and shares nothing
with `ebbtide.domain.calendar`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.calendar import (
    Days,
    cutoff,
    latest_night,
    local_day,
    next_night,
    night_start,
    parse_day,
    parse_zone,
)
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.verdict import Due, decide
from tests.strategies import ZONES, moments, utc

MISSING = date(2011, 12, 30)
"""The date that Apia never had."""


@cache
def midnight(on: date, zone: str) -> datetime:
    """Find the first moment (UTC, to the second) whose local date in the zone is `on` or later, by search."""
    tz = ZoneInfo(zone)
    low = datetime.combine(on, time(), tzinfo=UTC) - timedelta(hours=36)
    high = low + timedelta(hours=72)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        local = middle + (tz.utcoffset(middle.astimezone(tz)) or timedelta())
        low, high = (low, middle) if local.date() >= on else (middle, high)
    return high


def minutes(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += timedelta(minutes=step)


nights = st.one_of(
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([time(0), time(0, 30), time(1, 30), time(2), time(2, 15), time(2, 30), time(3), time(23, 59)]),
)
ended = st.one_of(
    moments(utc(2011, 12, 1), utc(2012, 1, 31)),
    moments(utc(2026, 2, 20), utc(2026, 4, 20)),
    moments(utc(2026, 9, 20), utc(2026, 11, 20)),
    moments(utc(2024, 2, 26), utc(2024, 3, 3)),
    moments(utc(1999, 1, 1), utc(2037, 12, 31)),
)
zones = st.sampled_from(ZONES)
periods = st.one_of(st.integers(1, 10), st.sampled_from([30, 365, 366, 400])).map(Days)


@given(zones, ended, periods, nights, st.integers(-2, 3))
def test_nothing_goes_before_n_full_local_days(zone: str, end: datetime, days: Days, at: time, around: int) -> None:
    """After the day it ended on, N calendar days pass whole; the night that takes it starts after them."""
    tz = parse_zone(zone)
    job = Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=days)
    day = local_day(end, zone=tz)
    assert midnight(day, zone) - timedelta(seconds=1) <= end < midnight(day + timedelta(days=1), zone)
    on = day + timedelta(days=days + around)
    due = isinstance(decide(job, day=day, on=on), Due)
    kept_until = midnight(day + timedelta(days=days + 1), zone)
    if due:
        assert night_start(on, zone=tz, at=at) >= kept_until
    else:  # and it is not kept for longer than it must be: midnight of this night is within those days
        assert night_start(on, zone=tz, at=time(0)) <= kept_until


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("micro", [-1, 0, 1])
def test_the_day_changes_at_midnight_to_the_microsecond(zone: str, micro: int) -> None:
    tz = parse_zone(zone)
    moment = datetime(2026, 3, 29, tzinfo=tz).astimezone(UTC) + timedelta(microseconds=micro)
    assert local_day(moment, zone=tz) == date(2026, 3, 28 if micro < 0 else 29)


WALKS = [
    ("Europe/Berlin", date(2026, 3, 27), date(2026, 3, 31)),
    ("Europe/Berlin", date(2026, 10, 23), date(2026, 10, 27)),
    ("America/New_York", date(2026, 3, 6), date(2026, 3, 10)),
    ("America/New_York", date(2026, 10, 30), date(2026, 11, 3)),
    ("Australia/Lord_Howe", date(2026, 4, 3), date(2026, 4, 7)),
    ("Australia/Lord_Howe", date(2026, 10, 2), date(2026, 10, 6)),
    ("Pacific/Apia", date(2011, 12, 27), date(2012, 1, 2)),
    ("Asia/Kolkata", date(2026, 3, 27), date(2026, 3, 31)),
    ("America/Sao_Paulo", date(2018, 11, 2), date(2018, 11, 6)),  # midnight itself is skipped
    ("America/Sao_Paulo", date(2018, 2, 16), date(2018, 2, 20)),  # 23:00 to 24:00 is repeated
    ("America/Havana", date(2026, 3, 6), date(2026, 3, 10)),
    ("America/Havana", date(2026, 10, 30), date(2026, 11, 3)),  # midnight is repeated
    ("Pacific/Kwajalein", date(1993, 8, 19), date(1993, 8, 24)),  # another date that never was
    ("America/Juneau", date(1983, 10, 28), date(1983, 11, 1)),  # two hours repeated
]


@pytest.mark.parametrize(
    "at", [time(0), time(0, 30), time(1, 30), time(2), time(2, 15), time(2, 45), time(3), time(23, 30)]
)
@pytest.mark.parametrize(("zone", "first", "last"), WALKS)
def test_each_local_date_runs_exactly_once_as_time_goes_by(zone: str, first: date, last: date, at: time) -> None:
    tz = parse_zone(zone)
    ran: list[date] = []
    before: date | None = None
    for now in minutes(midnight(first, zone), midnight(last, zone), 15):
        on = latest_night(now, zone=tz, at=at)
        if before is not None:
            assert on >= before, f"at {now} the night went back from {before} to {on}"
            if on > before:
                ran.append(on)
        assert night_start(on, zone=tz, at=at) <= now < next_night(now, zone=tz, at=at)
        before = on
    lived = {local_day(now, zone=tz) for now in minutes(midnight(first, zone), midnight(last, zone), 15)} - {last}
    assert ran == sorted(set(ran))
    assert set(ran) - {first, last} == lived - {first}


@pytest.mark.parametrize(("zone", "first", "last"), WALKS)
def test_a_night_starts_on_its_own_date_or_when_that_was_skipped(zone: str, first: date, last: date) -> None:
    tz = parse_zone(zone)
    for offset in range((last - first).days):
        on = first + timedelta(days=offset)
        began = night_start(on, zone=tz, at=time(2))
        if midnight(on, zone) < midnight(on + timedelta(days=1), zone):
            assert local_day(began, zone=tz) == on
        else:
            assert began == night_start(on + timedelta(days=1), zone=tz, at=time(2))


@given(zones, moments(utc(2010, 1, 1), utc(2037, 12, 31)), nights)
def test_the_next_night_is_the_one_after_the_latest(zone: str, now: datetime, at: time) -> None:
    tz = parse_zone(zone)
    following = next_night(now, zone=tz, at=at)
    assert following > now
    assert latest_night(following - timedelta(microseconds=1), zone=tz, at=at) == latest_night(now, zone=tz, at=at)
    assert latest_night(following, zone=tz, at=at) > latest_night(now, zone=tz, at=at)
    assert following - now <= timedelta(hours=25) or zone == "Pacific/Apia"


@pytest.mark.parametrize(
    ("zone", "on", "at", "expected"),
    [
        # skipped: it happens as much later as the clock jumped
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), utc(2026, 3, 29, 1, 30)),
        ("America/New_York", date(2026, 3, 8), time(2), utc(2026, 3, 8, 7)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), utc(2026, 10, 3, 15, 45)),
        # repeated: the first time
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), utc(2026, 10, 25, 0, 30)),
        ("America/New_York", date(2026, 11, 1), time(1, 30), utc(2026, 11, 1, 5, 30)),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), utc(2026, 4, 4, 14, 45)),
        # no change, no daylight saving
        ("Asia/Kolkata", date(2026, 3, 29), time(2), utc(2026, 3, 28, 20, 30)),
        # the date that never was shares its moment with the next one
        ("Pacific/Apia", date(2011, 12, 30), time(2), utc(2011, 12, 30, 12)),
        ("Pacific/Apia", date(2011, 12, 31), time(2), utc(2011, 12, 30, 12)),
    ],
)
def test_a_start_in_a_skipped_or_repeated_hour(zone: str, on: date, at: time, expected: datetime) -> None:
    assert night_start(on, zone=parse_zone(zone), at=at) == expected


@pytest.mark.parametrize("at", [time(0), time(2), time(23, 59)])
def test_the_missing_date_has_no_night(at: time) -> None:
    tz = parse_zone("Pacific/Apia")
    around = minutes(utc(2011, 12, 29), utc(2012, 1, 1), 1)
    assert MISSING not in {latest_night(now, zone=tz, at=at) for now in around}


def test_the_missing_date_counts_as_one_of_the_days() -> None:
    """Ages are differences of dates ("older than N days on D": day < D - N), so the date that never was is counted."""
    job = Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=Days(2))
    assert not isinstance(decide(job, day=date(2011, 12, 29), on=date(2011, 12, 31)), Due)
    assert isinstance(decide(job, day=date(2011, 12, 29), on=date(2012, 1, 1)), Due)


@given(st.dates(), st.integers(1, 5000).map(Days))
def test_the_cutoff_is_n_days_back_or_the_first_date_there_is(on: date, days: Days) -> None:
    assert cutoff(on, days=days) == date.fromordinal(max(1, on.toordinal() - days))


def test_a_leap_day_is_a_day() -> None:
    assert cutoff(date(2024, 3, 1), days=Days(1)) == date(2024, 2, 29)
    assert cutoff(date(2023, 3, 1), days=Days(1)) == date(2023, 2, 28)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "europe/berlin", "../etc/passwd", "/etc/localtime",
                                  "Europe/Berlin\n",
                                  "UTC+2", "Europe/Berlin\x00", " Europe/Berlin", "CEST"])  # fmt: skip
def test_an_unknown_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(InputInvalid, match="such as Europe/Berlin") as refused:
        parse_zone(name)
    assert refused.value.field == "tz"


@pytest.mark.parametrize("name", [*ZONES, "UTC", "America/Argentina/ComodRivadavia"])
def test_iana_names_are_accepted(name: str) -> None:
    assert parse_zone(name).key == name


@pytest.mark.parametrize("text", ["", "2026", "2026-1-2", "20261123", "2026-W48-1", "2026-02-30", "2026-11-23T00:00",
                                  "23.11.2026", "2026-11-23 ", "0000-00-00", "\uff12026-11-2"])  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid, match="YYYY-MM-DD") as refused:
        parse_day(text, field="as-of")
    assert refused.value.field == "as-of"


@given(st.dates())
def test_a_date_is_read_back(day: date) -> None:
    assert parse_day(day.isoformat(), field="as-of") == day


def test_data_types_that_are_objects() -> None:
    assert [kind for kind in DataType if not kind.is_object] == [DataType.INSIGHTS]

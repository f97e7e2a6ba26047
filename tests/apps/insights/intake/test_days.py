"""The day a segment ended on: zones, DST nights, midnight, and moments that cannot be trusted."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ebbtide.apps.insights.intake.mapping import load_map
from ebbtide.apps.insights.intake.zones import SECOND_US, zone_table

from .conftest import NOW, PLAIN, Read, Reader, read_all

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Asia/Jerusalem",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "America/Sao_Paulo",
    "UTC",
)
WALL = "%Y-%m-%d %H:%M:%S"

# Wall times have no zone, so they are written as texts rather than made naive on purpose.
START = datetime.fromisoformat("1970-01-01")

walls = st.datetimes(
    min_value=datetime.fromisoformat("1972-01-08"), max_value=datetime.fromisoformat("2026-11-20")
).map(lambda moment: moment.replace(microsecond=0))


def later(wall: datetime, *, zone: ZoneInfo) -> datetime:
    """The later of the two readings a wall time may have, by the standard library."""
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def on_dst_nights(zone: str) -> list[datetime]:
    """Wall times round every change of a zone's offset from 2005 to 2026."""
    found = []
    moment, home = datetime(2005, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while moment.year < 2027:
        after = moment + timedelta(days=1)
        if moment.astimezone(home).utcoffset() != after.astimezone(home).utcoffset():
            start = moment.astimezone(home).replace(tzinfo=None, minute=0, second=0)
            found += [start + timedelta(minutes=15 * i) for i in range(-8, 24 * 4 + 12)]
        moment = after
    return found


def read_instant(reader: Reader, text: str, *, org: str = "UTC", time: str = "") -> dict[str, object]:
    return reader(f"id,q,end\n1,A,{text}\n", toml=PLAIN + time, zone=org).row


@pytest.mark.parametrize("zone", ZONES)
def test_tables_agree_with_the_standard_library_on_every_dst_night(zone: str) -> None:
    home, times = ZoneInfo(zone), on_dst_nights(zone)
    table = zone_table(home, until_year=2029)
    micros = [int((wall - START).total_seconds()) * SECOND_US for wall in times]
    read = table.to_utc(pl.Series(micros, dtype=pl.Int64))
    assert [datetime.fromtimestamp(m / SECOND_US, tz=UTC) for m in read.utc] == [later(w, zone=home) for w in times]
    for wall, skipped, repeated in zip(times, read.skipped, read.repeated, strict=True):
        first, second = (wall.replace(tzinfo=home, fold=fold).astimezone(UTC) for fold in (0, 1))
        assert repeated == (first < second)
        assert skipped == (first > second)


@given(wall=walls, zone=st.sampled_from(ZONES))
@example(wall=datetime.fromisoformat("2011-12-30T12:00"), zone="Pacific/Apia")
@example(wall=datetime.fromisoformat("2011-12-30"), zone="Pacific/Apia")
@example(wall=datetime.fromisoformat("2026-04-05T01:45"), zone="Australia/Lord_Howe")
def test_wall_times_and_back(wall: datetime, zone: str) -> None:
    home = ZoneInfo(zone)
    table = zone_table(home, until_year=2029)
    micros = pl.Series([int((wall - START).total_seconds()) * SECOND_US], dtype=pl.Int64)
    (moment,) = table.to_utc(micros).utc
    told = later(wall, zone=home)
    assert datetime.fromtimestamp(moment / SECOND_US, tz=UTC) == told
    (back,) = table.to_wall(pl.Series([moment], dtype=pl.Int64))
    assert START + timedelta(microseconds=back) == told.astimezone(home).replace(tzinfo=None)


@given(wall=walls, source=st.sampled_from(ZONES), org=st.sampled_from(ZONES))
@settings(deadline=None, max_examples=60)
def test_the_day_is_the_organizations_and_never_earlier(wall: datetime, source: str, org: str) -> None:
    row = read_one(f"1,A,{wall:{WALL}}", toml=PLAIN + f'format = "{WALL}"\nzone = "{source}"\n', org=org).row
    told = later(wall, zone=ZoneInfo(source))
    assert row["ended_at"] == told
    assert row["day"] == told.astimezone(ZoneInfo(org)).date()
    for fold in (0, 1):
        other = wall.replace(tzinfo=ZoneInfo(source), fold=fold).astimezone(ZoneInfo(org)).date()
        assert str(row["day"]) >= str(other)


def read_one(line: str, *, toml: str, org: str, header: str = "id,q,end") -> Read:
    """As the fixture, for properties, which may not use a fixture made once per function."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.toml").write_text(toml, encoding="utf-8")
        (Path(folder) / "f.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
        return read_all(Path(folder) / "f.csv", mapping=load_map(Path(folder) / "m.toml"), zone=org)


CLOCKS = """
[columns]
key = "id"
queue = "q"
[time]
date = "date"
ended_at = ["a", "b", "c"]
[time.never]
c = ["0:00:00"]
"""


@given(
    began=walls.map(lambda moment: moment.replace(hour=20 + moment.hour % 4)),
    steps=st.tuples(st.integers(0, 14_000), st.integers(0, 14_000)),
    zone=st.sampled_from(ZONES),
)
@settings(deadline=None, max_examples=80)
def test_calls_that_pass_midnight_end_the_next_day(began: datetime, steps: tuple[int, int], zone: str) -> None:
    moments = [began, began + timedelta(seconds=steps[0]), began + timedelta(seconds=sum(steps))]
    texts = [f"{moment.hour}:{moment:%M:%S}" for moment in moments]
    row = read_one(f"1,A,{began:%Y-%m-%d},{','.join(texts)}", toml=CLOCKS, org=zone, header="id,q,date,a,b,c").row
    end = moments[1] if texts[2] == "0:00:00" else moments[2]
    assert row["ended_at"] == later(end, zone=ZoneInfo(zone))
    assert row["day"] == later(end, zone=ZoneInfo(zone)).astimezone(ZoneInfo(zone)).date()
    assert ("passed_midnight" in str(row["flags"])) == (end.date() > began.date())


def clock_row(reader: Reader, *texts: str, toml: str = CLOCKS) -> dict[str, object]:
    return reader(f"id,q,date,a,b,c\n1,A,2026-03-04,{','.join(texts)}\n", toml=toml).row


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (("23:59:59", "0:00:00", "0:00:00"), date(2026, 3, 5)),  # b: a real midnight; c: never
        (("0:00:00", "12:00:00", ""), date(2026, 3, 4)),  # exactly 12 h: no sign of midnight
        (("0:00:00", "12:00:01", ""), date(2026, 3, 5)),
        (("0:00:00", "", "0:00:00"), date(2026, 3, 4)),
        (("20:00:00", "0:01:00", "9:00:00"), date(2026, 3, 5)),  # 13 h, through the night
    ],
)
def test_midnight_by_the_clock(reader: Reader, texts: tuple[str, ...], day: date) -> None:
    assert clock_row(reader, *texts)["day"] == day


def test_midnight_can_be_left_alone(reader: Reader) -> None:
    toml = CLOCKS.replace('date = "date"', 'date = "date"\npasses_midnight = false')
    assert clock_row(reader, "23:59:59", "0:10:00", "", toml=toml)["day"] == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("23:59:59", "0:1O:00", ""), 'unreadable end "0:1O:00"'),
        (("24:00:00", "1:00:00", ""), 'unreadable end "24:00:00"'),
        (("", "", "0:00:00"), "no instant"),
    ],
)
def test_an_unreadable_clock_leaves_no_day(reader: Reader, texts: tuple[str, ...], reason: str) -> None:
    row = clock_row(reader, *texts)
    assert (row["day"], row["undatable"]) == (None, reason)


def test_a_clock_that_is_no_end_still_decides_whether_midnight_was_passed(reader: Reader) -> None:
    toml = CLOCKS.replace('ended_at = ["a", "b", "c"]', 'ended_at = "c"\nqueued_at = "a"\nanswered_at = "b"')
    row = clock_row(reader, "23:5x:00", "", "0:10:00", toml=toml)
    assert (row["day"], row["undatable"]) == (None, 'unreadable time "23:5x:00"')
    assert clock_row(reader, "23:50:00", "", "0:10:00", toml=toml)["day"] == date(2026, 3, 5)


@pytest.mark.parametrize(("text", "reason"), [("", "no date"), ("2026-02-30", 'unreadable date "2026-02-30"')])
def test_clocks_without_a_date_leave_no_day(reader: Reader, text: str, reason: str) -> None:
    row = reader(f"id,q,date,a,b,c\n1,A,{text},9:00:00,,\n", toml=CLOCKS).row
    assert (row["day"], row["undatable"]) == (None, reason)


@pytest.mark.parametrize(
    ("text", "form", "told"),
    [
        ("2026-03-29T00:59:59Z", "iso", "2026-03-29T00:59:59+00:00"),
        ("2026-03-29 02:59:59.123456+02:00", "iso", "2026-03-29T00:59:59.123456+00:00"),
        ("2026-03-29T00:59:59-0430", "iso", "2026-03-29T05:29:59+00:00"),
        ("2026-03-29T00:59 +05", "iso", "2026-03-28T19:59:00+00:00"),
        ("2026-03-29T00:59:59", "iso", "2026-03-28T23:59:59+00:00"),
        ("1774745999", "epoch", "2026-03-29T00:59:59+00:00"),
        ("1774745999.25", "epoch", "2026-03-29T00:59:59.250000+00:00"),
        ("1774745999123", "epoch_ms", "2026-03-29T00:59:59.123000+00:00"),
        ("29/03/2026 12:59:59 AM", "%d/%m/%Y %I:%M:%S %p", "2026-03-28T23:59:59+00:00"),
        ("3/29/26 0:59", "%m/%d/%y %H:%M", "2026-03-28T23:59:00+00:00"),
        ("29-Mar-2026 00:59:59.5", "%d-%b-%Y %H:%M:%S.%f", "2026-03-28T23:59:59.500000+00:00"),
        ("29/Mar/2026:00:59:59 +0300", "%d/%b/%Y:%H:%M:%S %z", "2026-03-28T21:59:59+00:00"),
    ],
)
def test_ways_of_writing_a_moment(reader: Reader, text: str, form: str, told: str) -> None:
    row = read_instant(reader, text, time=f'format = "{form}"\nzone = "Europe/Berlin"\n')
    assert row["ended_at"] == datetime.fromisoformat(told)
    assert row["flags"] is None


def test_a_whole_day_that_never_was_goes_later(reader: Reader) -> None:
    row = read_instant(reader, "2011-12-30T12:00:00", org="Pacific/Apia")
    assert (row["day"], row["flags"]) == (date(2011, 12, 31), "nonexistent_time")


def test_a_repeated_hour_is_the_second_one(reader: Reader) -> None:
    row = read_instant(reader, "2026-10-25T02:30:00", org="Europe/Berlin")
    assert (row["ended_at"], row["flags"]) == (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "ambiguous_time")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01",
        "2026-03-01T00:00:00+99:00",
        "2026-03-01T00:00:00X",
        "10000-01-01T00:00:00Z",
        "yesterday",
        "NaN",
        "=1+1",
    ],
)
def test_an_unreadable_end_is_never_guessed(reader: Reader, text: str) -> None:
    row = read_instant(reader, text)
    assert (row["day"], row["undatable"], row["ended_at"]) == (None, f'unreadable end "{text}"', None)


@pytest.mark.parametrize("text", ["1e300", "nan", "inf", "-inf", "99999999999999999999", "1_000", "0x10"])
def test_a_number_that_is_no_moment(reader: Reader, text: str) -> None:
    row = read_instant(reader, text, time='format = "epoch"\n')
    assert (row["day"], row["undatable"]) == (None, f'unreadable end "{text}"')


@pytest.mark.parametrize("text", ["0", "-1", "31535999"])
def test_a_moment_before_1971_leaves_no_day(reader: Reader, text: str) -> None:
    row = read_instant(reader, text, time='format = "epoch"\n')
    assert (row["day"], row["undatable"]) == (None, f'end before 1971 "{text}"')


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_48_hours_ahead_is_the_line(reader: Reader, over: int) -> None:
    moment = NOW + timedelta(hours=48, microseconds=over)
    row = read_instant(reader, moment.isoformat())
    assert (row["day"] is None) == (over > 0)
    if over > 0:
        assert str(row["undatable"]).startswith("more than 48 h in the future")


def test_year_9999_is_the_future(reader: Reader) -> None:
    row = read_instant(reader, "9999-12-31T23:59:59.999999-00:00")
    assert row["undatable"] == 'more than 48 h in the future "9999-12-31T23:59:59Z"'


THREE = """
[columns]
key = "id"
queue = "q"
[time]
queued_at = "a"
answered_at = "b"
ended_at = "c"
[time.never]
c = ["never"]
"""


def three(reader: Reader, a: str, b: str, c: str) -> dict[str, object]:
    return reader(f"id,q,a,b,c\n1,A,{a},{b},{c}\n", toml=THREE).row


def test_a_missing_end_is_the_last_known_instant(reader: Reader) -> None:
    row = three(reader, "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "never")
    assert (row["day"], row["flags"]) == (date(2026, 3, 2), "ended_from_last_instant")
    assert row["ended_at"] == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_missing_end_beside_an_unreadable_instant_leaves_no_day(reader: Reader) -> None:
    row = three(reader, "2026-03-01T10:00:00Z", "soon", "")
    assert (row["day"], row["undatable"]) == (None, 'unreadable time "soon"')


def test_an_unreadable_instant_beside_a_good_end_is_flagged(reader: Reader) -> None:
    row = three(reader, "2026-03-01T10:00:00Z", "soon", "2026-03-01T10:00:09Z")
    assert (row["day"], row["answered_at"], row["flags"]) == (date(2026, 3, 1), None, "unreadable_time")


def test_an_end_before_the_answer_never_makes_the_day_earlier(reader: Reader) -> None:
    row = three(reader, "2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z", "2001-01-01T00:00:00Z")
    assert row["day"] == date(2026, 3, 1)
    assert row["flags"] == "skewed_clock,ended_from_last_instant"


@pytest.mark.parametrize(("second", "flags"), [("10:00:08", None), ("10:00:07", "skewed_clock")])
def test_two_seconds_of_skew_are_normal(reader: Reader, second: str, flags: str | None) -> None:
    row = three(reader, "2026-03-01T10:00:10Z", f"2026-03-01T{second}Z", "2026-03-01T10:01:00Z")
    assert row["flags"] == flags

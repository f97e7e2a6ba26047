"""The invented centres look like real ones, and a seed means the same centre every time."""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from ebbtide.apps.demo.calls import EVENT_COLUMNS, ROWS_PER_CHUNK, SEGMENT_COLUMNS, generate_days
from ebbtide.apps.demo.centre import HARBOUR, LANTERNFISH, Centre, QueueProfile, small_centre

# Numbers set aside for fiction in Germany and North America, and domains that nobody can own.
RESERVED = (
    r"\+493023125\d{3}",
    r"\+496990009\d{3}",
    r"\+494066969\d{3}",
    r"\+492214710\d{3}",
    r"\+498999998\d{3}",
    r"\+1\d{3}55501\d{2}",
    r"[a-z.]+\d+@example\.(com|net|org)",
)
FIRST, LAST = date(2025, 9, 1), date(2026, 8, 31)


def drawn(
    centre: Centre, *, first: date = FIRST, last: date = LAST, segments: int = 60_000, seed: int = 5
) -> tuple[pl.DataFrame, pl.DataFrame]:
    chunks = list(generate_days(centre, first=first, last=last, segments=segments, seed=seed))
    return pl.concat([segments for segments, _ in chunks]), pl.concat([events for _, events in chunks])


@cache
def year_of(centre: Centre) -> tuple[pl.DataFrame, pl.DataFrame]:
    return drawn(centre)


@pytest.fixture(scope="module", params=[HARBOUR, LANTERNFISH], ids=["harbour", "lanternfish"])
def centre(request: pytest.FixtureRequest) -> Centre:
    profile = request.param
    assert isinstance(profile, Centre)
    return profile


@pytest.fixture(scope="module")
def year(centre: Centre) -> tuple[pl.DataFrame, pl.DataFrame]:
    return year_of(centre)


@pytest.fixture(scope="module")
def segments(year: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    return year[0]


@pytest.fixture(scope="module")
def events(year: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    return year[1]


def test_the_frames_have_the_columns_the_loader_asks_for(segments: pl.DataFrame, events: pl.DataFrame) -> None:
    instant = pl.Datetime("us", "UTC")
    assert dict(segments.schema) == {
        "line": pl.Int64, "source_key": pl.Utf8, "interaction": pl.Utf8, "queue": pl.Utf8, "channel": pl.Utf8,
        "direction": pl.Utf8, "customer": pl.Utf8, "agent": pl.Utf8, "queued_at": instant, "answered_at": instant,
        "ended_at": instant, "day": pl.Date, "wait_s": pl.Int32, "talk_s": pl.Int32, "hold_s": pl.Int32,
        "wrap_s": pl.Int32, "outcome": pl.Utf8, "transfer": pl.Utf8, "disposition": pl.Utf8, "attributes": pl.Utf8,
        "flags": pl.Utf8, "undatable": pl.Utf8,
    }  # fmt: skip
    assert list(segments.columns) == list(SEGMENT_COLUMNS)
    assert dict(events.schema) == {"line": pl.Int64, "at": instant, "kind": pl.Utf8} == EVENT_COLUMNS


def test_values_are_those_the_loader_accepts(centre: Centre, segments: pl.DataFrame) -> None:
    assert set(segments["channel"]) <= {"voice", "chat", "email", "sms", "other"}
    assert set(segments["direction"]) == {"inbound", "outbound"}
    assert set(segments["outcome"]) == {"answered", "abandoned", "flowed_out", "callback"}
    assert set(segments["queue"]) == {queue.name for queue in centre.queues}
    assert set(segments["transfer"].drop_nulls()) <= set(segments["queue"])
    assert set(segments["agent"].drop_nulls()) <= set(centre.agents)
    assert segments["source_key"].n_unique() == segments.height
    never_missing = ("line", "source_key", "interaction", "queue", "channel", "queued_at", "ended_at", "day", "wait_s")
    assert all(segments[column].null_count() == 0 for column in never_missing)
    assert segments["undatable"].null_count() == segments.height
    for text in segments["attributes"].drop_nulls().head(2_000):
        assert isinstance(json.loads(text), dict)
        assert ": " not in text


def test_the_instants_of_a_segment_add_up(segments: pl.DataFrame) -> None:
    answered = pl.col("outcome") == "answered"
    seconds = pl.col("wait_s") + pl.col("talk_s").fill_null(0) + pl.col("hold_s").fill_null(0)
    assert segments.filter(pl.col("ended_at") != pl.col("queued_at") + pl.duration(seconds=seconds)).is_empty()
    for column in ("answered_at", "agent", "talk_s", "hold_s", "wrap_s"):
        assert segments.filter(pl.col(column).is_not_null() != answered).is_empty(), column
    assert segments.filter(pl.min_horizontal("wait_s", "hold_s") < 0).is_empty()


def test_about_as_many_as_asked_for(segments: pl.DataFrame) -> None:
    assert segments.height == pytest.approx(60_000, rel=0.03)
    assert segments["line"].to_list() == list(range(1, segments.height + 1))


def test_a_seed_means_the_same_centre() -> None:
    span = {"first": date(2026, 3, 20), "last": date(2026, 4, 5)}
    one, again, other = (drawn(HARBOUR, **span, segments=3_000, seed=seed) for seed in (1, 1, 2))
    assert one[0].equals(again[0])
    assert one[1].equals(again[1])
    assert not one[0].head(50).equals(other[0].head(50))


def test_neighbours_drawn_from_one_seed_are_not_twins() -> None:
    alice, bob = (
        drawn(small_centre(name=name), first=FIRST, last=FIRST, segments=200)[0]["queued_at"].to_list()
        for name in ("Alice", "Bob")
    )
    assert not set(alice) & set(bob)


def test_a_seed_does_not_drift_between_releases() -> None:
    segments, _ = drawn(small_centre(), first=FIRST, last=FIRST, segments=40, seed=11)
    first = segments.row(0, named=True)
    assert (first["source_key"], first["queued_at"].isoformat(), first["talk_s"]) == (
        "CORNER-20250901-2-00007/1",
        "2025-09-01T08:09:26.169000+00:00",
        98,
    )


def test_chunks_are_bounded_and_do_not_change_what_is_drawn() -> None:
    centre = small_centre()
    chunks = list(generate_days(centre, first=FIRST, last=FIRST, segments=100_000, seed=3))
    assert len(chunks) >= 3
    assert max(segments.height for segments, _ in chunks) <= ROWS_PER_CHUNK
    everything = pl.concat([segments for segments, _ in chunks])
    assert everything["source_key"].n_unique() == everything.height
    for segments, events in chunks:
        assert set(events["line"]) <= set(segments["line"])


def test_working_days_are_busy_and_weekends_quiet() -> None:
    segments, _ = year_of(HARBOUR)
    days = segments.filter(pl.col("channel") == "voice").group_by("day").len()
    by_weekday = dict(days.group_by(pl.col("day").dt.weekday()).agg(pl.col("len").mean()).iter_rows())
    working = sum(by_weekday[weekday] for weekday in range(1, 6)) / 5
    assert by_weekday[1] > 1.15 * by_weekday[5]
    assert 0.2 < by_weekday[6] / working < 0.6
    assert by_weekday[7] < by_weekday[6]


def test_a_working_day_has_two_humps() -> None:
    segments, _ = year_of(HARBOUR)
    local = pl.col("queued_at").dt.convert_time_zone("Europe/Berlin")
    hours = segments.filter((pl.col("queue") == "Claims") & (local.dt.weekday() <= 5))
    by_hour = dict(hours.group_by(local.dt.hour().alias("hour")).len().iter_rows())
    assert by_hour[10] > by_hour[12] < by_hour[14]
    assert by_hour[10] > by_hour[14] > by_hour[18]
    assert set(by_hour) <= set(range(7, 22))


def test_abandonment_grows_with_load() -> None:
    shares = []
    for load in (0.6, 0.8, 0.95, 1.1):
        queue = QueueProfile("Only", "voice", 100, 120, 240, load=load)
        segments, _ = drawn(small_centre(queues=[queue]), last=date(2025, 10, 31), segments=8_000)
        shares.append(segments.select((pl.col("outcome") == "abandoned").mean()).item())
    assert all(lower < higher for lower, higher in pairwise(shares))
    assert shares[0] < 0.05
    assert 0.15 < shares[-1] < 0.6


def test_peak_hours_lose_more_callers_than_the_evening() -> None:
    segments, _ = year_of(LANTERNFISH)
    hour = pl.col("queued_at").dt.convert_time_zone("America/New_York").dt.hour()
    live = segments.filter((pl.col("channel") == "voice") & (pl.col("direction") == "inbound"))
    peak, evening = (
        live.filter(hour.is_in(hours)).select((pl.col("outcome") == "abandoned").mean()).item()
        for hours in ([9, 10, 11], [17, 18, 19])
    )
    assert peak > 2 * evening
    assert 0.02 < live.select((pl.col("outcome") == "abandoned").mean()).item() < 0.2


def test_talk_times_are_log_normal() -> None:
    segments, _ = year_of(HARBOUR)
    claims = segments.filter((pl.col("queue") == "Claims") & (pl.col("talk_s") > 0))
    logs = pl.col("talk_s").log()
    median, spread, skew, kurtosis = claims.select(
        pl.col("talk_s").median(), logs.std().alias("std"), logs.skew().alias("skew"), logs.kurtosis().alias("tails")
    ).row(0)
    assert median == pytest.approx(260, rel=0.05)
    assert spread == pytest.approx(0.7, rel=0.05)
    # A log-normal is symmetric in its logarithm and has normal tails there.
    assert abs(skew) < 0.1
    assert abs(kurtosis) < 0.2


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Europe/Berlin", date(2026, 3, 27), date(2026, 3, 31)),
        ("Europe/Berlin", date(2025, 10, 24), date(2025, 10, 28)),
        ("America/New_York", date(2026, 3, 6), date(2026, 3, 10)),
        ("Australia/Lord_Howe", date(2026, 4, 3), date(2026, 4, 7)),
        ("Asia/Kolkata", date(2026, 1, 1), date(2026, 1, 4)),
        ("Pacific/Apia", date(2011, 12, 28), date(2012, 1, 2)),
    ],
)
def test_the_day_is_the_local_date_of_the_end(zone: str, first: date, last: date) -> None:
    queue = QueueProfile("Night and day", "voice", 100, 120, 900, always=1.0, opens=0, closes=24, saturday=1, sunday=1)
    segments, _ = drawn(small_centre(zone=zone, queues=[queue]), first=first, last=last, segments=4_000)
    local = ZoneInfo(zone)
    rows = segments.select("queued_at", "ended_at", "day").rows()
    assert all(ended.astimezone(local).date() == day for _, ended, day in rows)
    assert any(queued.astimezone(local).date() != day for queued, _, day in rows), "none passed midnight"
    assert first <= min(day for *_, day in rows) <= max(day for *_, day in rows) == last


def test_the_day_that_apia_skipped_has_no_calls() -> None:
    queue = QueueProfile("All hours", "voice", 100, 120, 60, always=1.0, saturday=1, sunday=1)
    segments, _ = drawn(
        small_centre(zone="Pacific/Apia", queues=[queue]),
        first=date(2011, 12, 28),
        last=date(2012, 1, 1),
        segments=2_000,
    )
    assert date(2011, 12, 30) not in set(segments["day"])
    assert {date(2011, 12, 29), date(2011, 12, 31)} <= set(segments["day"])


def test_a_transferred_interaction_goes_on_in_the_other_queue(centre: Centre, segments: pl.DataFrame) -> None:
    moved = segments.filter(pl.col("transfer").is_not_null())
    channels = {queue.name: queue.channel for queue in centre.queues}
    following = {row["source_key"]: row for row in segments.join(moved, on="interaction", how="semi").to_dicts()}
    found = 0
    for row in moved.head(1_500).iter_rows(named=True):
        interaction, leg = row["source_key"].split("/")
        after = following.get(f"{interaction}/{int(leg) + 1}")
        if after is None:
            assert row["day"] >= LAST - timedelta(days=2), "only the end of the span cuts an interaction short"
            continue
        found += 1
        assert after["interaction"] == row["interaction"] == interaction
        assert after["queue"] == row["transfer"] != row["queue"]
        assert after["customer"] == row["customer"]
        assert after["queued_at"] >= row["ended_at"]
        assert channels[after["queue"]] == row["channel"]
    assert found > 500


def test_who_asks_for_a_callback_is_called_back(segments: pl.DataFrame) -> None:
    asked = set(segments.filter(pl.col("outcome") == "callback")["interaction"])
    called = segments.filter(pl.col("direction") == "outbound")
    assert set(called["interaction"]) <= asked
    assert len(asked) - 5 <= called.height <= len(asked)
    assert set(called["outcome"]) == {"answered"}


def test_customers_come_again_and_none_is_real(centre: Centre, segments: pl.DataFrame) -> None:
    customers = segments["customer"].drop_nulls()
    often = customers.value_counts(sort=True)["count"]
    assert often[0] > 10 * often[len(often) // 2] >= 10
    assert often[0] < segments.height / 100
    assert customers.str.contains(f"^({'|'.join(RESERVED)})$").all()
    assert all(agent.endswith(".example") for agent in centre.agents)
    assert len(set(centre.agents)) == len(centre.agents)


def test_agents_work_shifts() -> None:
    for agent in range(len(HARBOUR.agents)):
        week = [[HARBOUR.on_shift(agent, weekday=day, hour=hour) for hour in range(24)] for day in range(7)]
        assert sum(any(day) for day in week) == 5
        assert all(sum(day) in {0, 8, 11} for day in week)
    segments, _ = year_of(HARBOUR)
    per_agent = segments.filter(pl.col("agent").is_not_null()).group_by("agent").agg(pl.col("day").n_unique())
    assert max(per_agent["day"]) < (LAST - FIRST).days * 0.9


def test_events_belong_to_their_segments(segments: pl.DataFrame, events: pl.DataFrame) -> None:
    joined = events.join(segments, on="line", how="left")
    assert joined["source_key"].null_count() == 0
    counts = events.group_by("line").len()["len"]
    assert max(counts) <= 4
    assert 0.3 < counts.len() / segments.height < 0.95
    assert {"ivr_entered", "hold_started", "hold_ended", "transferred", "wrapup_ended"} <= set(events["kind"])
    within = pl.col("at").is_between(pl.col("answered_at"), pl.col("ended_at"))
    assert joined.filter(pl.col("kind").is_in(["hold_started", "hold_ended"]) & ~within).is_empty()
    assert joined.filter((pl.col("kind") == "ivr_entered") & (pl.col("at") >= pl.col("queued_at"))).is_empty()
    assert events.equals(events.sort("line", "at", maintain_order=True))


def test_holidays_close_the_centre() -> None:
    segments, _ = drawn(HARBOUR, first=date(2025, 12, 20), last=date(2026, 1, 5), segments=4_000)
    arrived = pl.col("queued_at").dt.convert_time_zone("Europe/Berlin").dt.date()
    # A first leg only: whoever calls the roadside help at noon may still be handed on.
    christmas = segments.filter((arrived == date(2025, 12, 25)) & pl.col("source_key").str.ends_with("/1"))
    assert {"Roadside Assistance"} <= set(christmas["queue"]) <= {"Roadside Assistance", "Mail Room", "Complaints"}


@pytest.mark.parametrize(("last", "segments"), [(FIRST - timedelta(days=1), 10), (FIRST, 0)])
def test_an_empty_wish_is_refused(last: date, segments: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        next(generate_days(HARBOUR, first=FIRST, last=last, segments=segments, seed=1))


def test_a_small_centre_takes_names_or_profiles() -> None:
    centre = small_centre(name="Ada & Co", zone="Asia/Tokyo", queues=["Sales", "Web Chat", "E-mail"])
    assert [queue.channel for queue in centre.queues] == ["voice", "chat", "email"]
    segments, _ = drawn(centre, last=FIRST + timedelta(days=6), segments=300)
    assert segments["source_key"].str.starts_with("ADACO-2025").all()
    assert datetime(2025, 8, 31, tzinfo=UTC) < min(segments["queued_at"])

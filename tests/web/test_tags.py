"""Numbers, times and field words as people read them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.templatetags import ebbtide as tags

NOW = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (1536 * 1024, "1.5 MiB"),
        (1024**4, "1.0 TiB"),
        (5000 * 1024**5, "5,000.0 PiB"),
    ],
)
def test_bytes(value: int | None, shown: str) -> None:
    assert tags.bytes_(value).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_count_groups_and_tells_none_from_zero() -> None:
    assert tags.count(1234567) == "1,234,567"
    assert tags.count(0) == "0"
    assert tags.count(None) == "—"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "23 Nov 2026, 09:40 CET"),
        ("America/New_York", "23 Nov 2026, 03:40 EST"),
        ("Australia/Lord_Howe", "23 Nov 2026, 19:40 UTC+11:00"),
        ("Asia/Kolkata", "23 Nov 2026, 14:10 IST"),
        ("UTC", "23 Nov 2026, 08:40 UTC"),
    ],
)
def test_org_time_names_the_zone(zone: str, shown: str) -> None:
    html = tags.org_time(NOW, zone)
    assert f">{shown}</time>" in html
    assert f"{zone}" in html


def test_the_repeated_hour_is_told_apart() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "02:30 CEST" in tags.org_time(first, "Europe/Berlin")
    assert "02:30 CET" in tags.org_time(first + timedelta(hours=1), "Europe/Berlin")


@pytest.mark.parametrize(
    ("days", "shown"),
    [(0, "today"), (1, "yesterday"), (-1, "tomorrow"), (2, "2 days ago"), (1500, "1,500 days ago"), (-3, "in 3 days")],
)
def test_days_ago(days: int, shown: str) -> None:
    today = date(2026, 11, 23)
    assert tags.days_ago(today - timedelta(days=days), today) == shown


@pytest.mark.parametrize(
    ("distance", "shown"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=5), "in a moment"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=59), "in 59 minutes"),
        (timedelta(hours=-23), "23 hours ago"),
        (timedelta(hours=-25), "yesterday"),
        (timedelta(hours=49), "in 2 days"),
    ],
)
def test_ago(distance: timedelta, shown: str) -> None:
    assert f">{shown}</time>" in tags.ago(NOW + distance, now=NOW, zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, ""),
        (1, "<em>Q&amp;1</em>"),
        (2, "<em>Q&amp;1</em> and <em>Q&amp;2</em>"),
        (4, "<em>Q&amp;1</em>, <em>Q&amp;2</em>, <em>Q&amp;3</em> and <em>Q&amp;4</em>"),
        (5, "<em>Q&amp;1</em>, <em>Q&amp;2</em>, <em>Q&amp;3</em> and 2 more"),
    ],
)
def test_queue_names(number: int, shown: str) -> None:
    assert tags.queue_names([QueueLine(id=n, name=f"Q&{n}") for n in range(1, number + 1)]) == shown


def test_lasted() -> None:
    assert tags.lasted(NOW, NOW + timedelta(seconds=42)) == "42 s"
    assert tags.lasted(NOW, NOW + timedelta(seconds=185)) == "3 min 5 s"
    assert tags.lasted(NOW, NOW + timedelta(minutes=62)) == "1 h 2 min"
    assert tags.lasted(NOW, None) == "—"


def test_data_types_have_names_and_icons_each() -> None:
    assert set(tags.DATA_TYPES) == set(tags.DATA_TYPE_ICONS) == {kind.value for kind in DataType}
    assert tags.data_type("desktop") == "Desktop recordings"


def test_outcomes_have_names_each() -> None:
    assert set(tags.OUTCOMES) == {ending.value for ending in RunOutcome}
    assert tags.outcome(None) == "Running"

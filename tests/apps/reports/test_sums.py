"""The sums of reports: equal to the rows and to a calculation apart, and gone with their cell."""

import csv
import gzip
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import psycopg
import pytest

from ebbtide.apps.catalog.selectors import purged_lines
from ebbtide.apps.insights.hours import due_organizations, sum_up, sum_up_due
from ebbtide.apps.insights.services import import_segments
from ebbtide.apps.orgs.database import SWEEP, acting_in, seeing_one_moment
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.sums import (
    DAYS,
    HOURS,
    Stale,
    Wanted,
    add_up,
    add_up_channels,
    kept_for,
    offered_by_hour,
    stale,
)
from ebbtide.apps.runs.doctor import examine
from ebbtide.domain.cell import DataType
from ebbtide.domain.measures import DEFAULT_THRESHOLD, THRESHOLDS, Sums
from ebbtide.domain.period import Period
from ebbtide.pg.launcher import Urls
from tests.apps.web.conftest import CLOCK, days_ago, job_for, queues_of
from tests.cast import calls, centre, everything, load

from .apart import figures, rows_of, told
from .purging import purge

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = date(2026, 11, 23)
UNITS = ("all", "hour", "day", "week", "month")

pytestmark = pytest.mark.usefixtures("database")


def never() -> bool:
    return False


@pytest.fixture
def alice() -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's", zone="America/New_York")
    load(org, calls("Sales", day=TODAY - timedelta(days=3), count=3))
    return org


def invented(zone: str, *, seed: int, first: date, days: int, count: int) -> Iterator[Mapping[str, object]]:
    """Rows with every gap that rows can have, around midnights too."""
    draw = random.Random(seed)  # noqa: S311 - to be drawn again

    def maybe(value: object) -> object:
        return None if draw.random() < 0.15 else value

    for number in range(count):
        day = first + timedelta(days=draw.randrange(days))
        at = draw.choice([0, 1, 300, 86_100, 86_399, draw.randrange(86_400)])
        ended = datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(seconds=at)
        ended = min(ended, datetime.combine(day, time(23, 59, 59), tzinfo=ZoneInfo(zone)).astimezone(UTC))
        wait, talk = draw.choice([0, 5, 20, 21, 300, 301, draw.randrange(900)]), draw.randrange(600)
        yield {
            "source_key": f"{seed}-{number}",
            "queue": draw.choice(["Sales", "Support", "Fax"]),
            "day": day,
            "channel": draw.choice(["voice", "voice", "chat", "email"]),
            "direction": draw.choice([None, "inbound", "inbound", "internal", "outbound"]),
            "queued_at": maybe(ended - timedelta(seconds=wait + talk)),
            "answered_at": maybe(ended - timedelta(seconds=talk)),
            "ended_at": ended,
            "wait_s": maybe(wait),
            "talk_s": maybe(talk),
            "hold_s": maybe(draw.randrange(60)),
            "wrap_s": maybe(draw.randrange(60)),
            "outcome": draw.choice([None, "answered", "answered", "answered", "abandoned", "flowed_out", "callback"]),
        }


def wanted(org: Organization, *, targets: Mapping[int, int] | None = None, channel: str = "") -> Wanted:
    with acting_in(org.id):
        lines = {queue: day for (queue, kind), day in purged_lines(org=org.id).items() if kind is DataType.INSIGHTS}
    targets = targets or dict.fromkeys(queues_of(org).values(), DEFAULT_THRESHOLD)
    return Wanted(org=org.id, zone=org.zone, targets=targets, lines=lines, channel=channel)


def read(
    org: Organization, *, period: Period, unit: str, asked: Wanted | None = None
) -> tuple[Stale, dict[tuple[int, datetime], Sums]]:
    """Q by Q, and hold all of them together against that."""
    asked = asked or wanted(org)
    sums: dict[tuple[int, datetime], Sums] = {}
    kept = kept_for(unit)
    with seeing_one_moment(org.id):
        found = stale(asked, period=period, kept=kept)
        for queue, seconds in asked.targets.items():
            one = replace(asked, targets={queue: seconds})
            added = add_up(one, kept=kept, period=period, unit=unit, found=found)
            sums |= {(queue, begin): its for begin, its in added.by_begin.items()}
        together = add_up(asked, kept=kept, period=period, unit=unit, found=found)
    by_queue: dict[int, Sums] = {}
    by_begin: dict[datetime, Sums] = {}
    for (queue, begin), its in sums.items():
        by_queue[queue] = by_queue.get(queue, Sums()) + its
        by_begin[begin] = by_begin.get(begin, Sums()) + its
    assert (together.by_queue, together.by_begin) == (by_queue, by_begin)
    return found, sums


def channels_told(mix: Mapping[tuple[str, datetime], Sums]) -> dict[tuple[str, date], tuple[int, ...]]:
    return {
        (channel, begin.date()): (its.items, its.offered, its.answered, its.abandoned)
        for (channel, begin), its in mix.items()
    }


def channels_of(rows: pl.DataFrame, *, period: Period, unit: str) -> dict[tuple[str, date], tuple[int, ...]]:
    """The mix of channels, counted row by row in Python."""
    found: dict[tuple[str, date], Counter[str]] = {}
    for row in rows.filter(pl.col("day").is_between(period.first, period.last)).iter_rows(named=True):
        its = found.setdefault((row["channel"], row["day"] if unit == "day" else period.first), Counter())
        its["items"] += 1
        if row["direction"] != "outbound":
            its["offered"] += 1
            its[row["outcome"]] += 1
    return {key: (its["items"], its["offered"], its["answered"], its["abandoned"]) for key, its in found.items()}


def stored(database: Urls) -> Counter[tuple[int, date, int]]:
    """Segments counted by the sums that lie there, by (organization, day, Q), seen past all rules."""
    with psycopg.connect(database.superuser) as admin:
        rows, *others = (
            sorted(admin.execute(f"SELECT org_id, day, queue_id, sum(items) FROM {table} GROUP BY 1, 2, 3").fetchall())  # type: ignore[arg-type] # noqa: S608
            for table in ("insights_hour", "insights_day", "insights_agent")
        )
    assert others == [rows, rows]
    return Counter({(org, day, queue): int(items) for org, day, queue, items in rows})


@pytest.mark.parametrize("seed", range(3))
def test_sums_rows_and_a_calculation_apart_agree(alice: Organization, charlie: Organization, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - to be drawn again
    first, days = (date(2026, 10, 12), 42) if seed else (date(2026, 3, 20), 21)  # both changes of the clock
    load(alice, invented(alice.zone, seed=seed, first=first, days=days, count=900))
    period = Period(first + timedelta(days=2), first + timedelta(days=days - 3))
    targets = {queue: draw.choice(THRESHOLDS) for queue in queues_of(alice).values()}
    asked = wanted(alice, targets=targets)
    rows = rows_of(alice)
    apart = {unit: figures(rows, zone=alice.zone, period=period, targets=targets, unit=unit) for unit in UNITS}
    heat = Counter[tuple[int, int]]()
    for (_queue, begin), one in apart["hour"].items():
        assert isinstance(one["offered"], int)
        heat[begin.weekday(), begin.hour] += one["offered"]
    for state in ("rows", "sums", "both"):
        if state == "sums":
            assert sum_up(alice, now=NOW, stop=never)
        elif state == "both":  # more comes in for some days: their sums go, the others' stay
            load(alice, invented(alice.zone, seed=seed + 99, first=first + timedelta(days=4), days=3, count=40))
            rows = rows_of(alice)
            apart = {unit: figures(rows, zone=alice.zone, period=period, targets=targets, unit=unit) for unit in UNITS}
        for unit in UNITS:
            found, sums = read(alice, period=period, unit=unit, asked=asked)
            assert {key: told(one) for key, one in sums.items()} == apart[unit], (state, unit)
            assert bool(found.rows) == (state != "sums")
            assert found.gone == ()
        with seeing_one_moment(alice.id):
            weeks = [
                offered_by_hour(asked, kept=kept, period=period, found=stale(asked, period=period, kept=kept))
                for kept in (HOURS, DAYS)
            ]
        if state != "both":
            assert weeks == [+heat, +heat]
        for unit in ("day", "all"):
            with seeing_one_moment(alice.id):
                lacking = stale(asked, period=period, kept=DAYS)
                mix = add_up_channels(asked, kept=DAYS, period=period, unit=unit, found=lacking)
            assert channels_told(mix) == channels_of(rows, period=period, unit=unit), (state, unit)
        chat = wanted(alice, targets=targets, channel="chat")
        only = figures(
            rows.filter(pl.col("channel") == "chat"), zone=alice.zone, period=period, targets=targets, unit="day"
        )
        assert {key: told(one) for key, one in read(alice, period=period, unit="day", asked=chat)[1].items()} == only


def test_the_banks_real_calls(alice: Organization, charlie: Organization, tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip("did not run: ../shared/data is absent")
    bank = centre("The bank", zone="Asia/Jerusalem")
    file = SHARED / "technion_bank_aug1999_d01-15.csv.gz"
    import_segments(
        bank,
        file=file,
        map_file=ROOT / "docs" / "examples" / "bank-calls.toml",
        now=NOW,
        rejects=tmp_path / "r.csv",
        progress=lambda _position, _size: None,
    )
    period = Period(date(1999, 8, 1), date(1999, 8, 16))
    from_rows = {unit: read(bank, period=period, unit=unit)[1] for unit in UNITS}
    assert sum_up(bank, now=NOW, stop=never) > 80
    rows = rows_of(bank)
    for unit in UNITS:
        found, sums = read(bank, period=period, unit=unit)
        assert found == Stale((), ())
        assert sums == from_rows[unit]
        apart = figures(rows, zone=bank.zone, period=period, targets=wanted(bank).targets, unit=unit)
        assert {key: told(one) for key, one in sums.items()} == apart
    with seeing_one_moment(bank.id):
        lacking = stale(wanted(bank), period=period, kept=DAYS)
        mix = add_up_channels(wanted(bank), kept=DAYS, period=period, unit="day", found=lacking)
    assert channels_told(mix) == channels_of(rows, period=period, unit="day")
    # and from the file itself, with nothing of ours in between
    with gzip.open(file, "rt", newline="", encoding="utf-8") as source:
        raw = list(csv.DictReader(source))
    outcomes = Counter(row["outcome"] for row in raw)
    total = sum(mix.values(), Sums())
    assert {channel for channel, _begin in mix} == {"voice"}
    assert (total.offered, total.answered, total.abandoned, total.other) == (
        len(raw),
        outcomes["AGENT"],
        outcomes["HANG"],
        outcomes["PHANTOM"],
    )
    names = {number: name for name, number in queues_of(bank).items()}
    for (queue, _begin), sums in read(bank, period=period, unit="all")[1].items():
        own = [row for row in raw if row["type"] == names[queue]]
        answered = [row for row in own if row["outcome"] == "AGENT"]
        hung_up = [row for row in own if row["outcome"] == "HANG"]
        waits = [int(row["q_time"]) for row in answered]
        in_time = sum(wait <= 20 for wait in waits)
        assert sums.offered == len(own)
        assert (sums.answered, sums.abandoned) == (len(answered), len(hung_up))
        assert sums.asa == Fraction(sum(waits), len(waits))
        assert sums.aht == Fraction(sum(int(row["ser_time"]) for row in answered), len(answered))
        assert sums.longest_s == max(int(row["q_time"]) for row in own)
        late = sum(int(row["q_time"]) > 20 for row in hung_up)
        assert sums.service_level == Fraction(in_time, len(waits) + late)


def test_a_purge_takes_the_sums_along(alice: Organization, charlie: Organization, database: Urls) -> None:
    now = CLOCK.now()
    old, young = days_ago(alice, 40), days_ago(alice, 2)
    for org in (alice, charlie):
        for queue in ("Sales", "Support"):
            for day in (old, young):
                load(org, calls(queue, day=day, count=4, prefix=org.name))
        sum_up(org, now=now, stop=never)
    kept = everything(charlie)
    ours, before = queues_of(alice), stored(database)
    assert len([key for key in before if key[0] == alice.id]) == 4
    job_for(alice, 30, queues=frozenset({ours["Sales"]}))
    assert purge(alice).purged == 4
    gone = {(alice.id, old, ours["Sales"])}
    assert stored(database) == Counter({key: n for key, n in before.items() if key not in gone})
    assert everything(charlie) == kept
    assert not sum_up(alice, now=now, stop=never)
    assert (ours["Sales"], datetime.combine(old, time())) not in read(alice, period=Period(old, young), unit="day")[1]


def test_sums_go_with_any_change_of_their_cell(alice: Organization, charlie: Organization, database: Urls) -> None:
    day = TODAY - timedelta(days=2)
    for org in (alice, charlie):
        for queue in ("Sales", "Support"):
            load(org, calls(queue, day=day, count=3, prefix=f"{org.name}x"))
        sum_up(org, now=NOW, stop=never)
    ours, whole = queues_of(alice), stored(database)
    load(alice, calls("Sales", day=day, count=1, prefix="late"))
    assert stored(database) == whole - Counter({(alice.id, day, ours["Sales"]): 3})
    assert sum_up(alice, now=NOW, stop=never) == 1
    assert stored(database)[alice.id, day, ours["Sales"]] == 4
    with psycopg.connect(database.superuser) as admin:  # as no role of the product may
        admin.execute("SELECT set_config('ebbtide.org', %s, true)", [str(alice.id)])
        admin.execute("DELETE FROM catalog_cell WHERE org_id = %s AND queue_id = %s", [alice.id, ours["Support"]])
    assert (alice.id, day, ours["Support"]) not in stored(database)
    assert {key: n for key, n in stored(database).items() if key[0] == charlie.id} == {
        key: n for key, n in whole.items() if key[0] == charlie.id
    }


def test_sums_that_do_not_fit_their_cell_count_nothing(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    day = TODAY - timedelta(days=2)
    for org in (alice, charlie):
        load(org, calls("Sales", day=day, count=3, prefix="y"))
        sum_up(org, now=NOW, stop=never)
    queue, period = queues_of(alice)["Sales"], Period(day, TODAY)
    key = (queue, datetime.combine(day, time()))
    with psycopg.connect(database.superuser) as admin:
        for table in ("insights_hour", "insights_day"):
            admin.execute(f"UPDATE {table} SET items = items + 1, answered = 999 WHERE org_id = %s", [alice.id])  # type: ignore[arg-type] # noqa: S608
        admin.execute(
            "INSERT INTO insights_hour SELECT org_id, day + 1, queue_id, hour, channel, items, offered, answered, "
            "abandoned, flowed_out, callbacks, wait_s, waits, talk_s, talks, hold_s, holds, wrap_s, wraps, "
            "abandon_waits, longest_s, answered_in, abandoned_in FROM insights_hour WHERE org_id = %s",
            [alice.id],
        )
    found, sums = read(alice, period=period, unit="day")
    assert found == Stale(rows=((day, queue),), gone=())
    assert {one: its.answered for one, its in sums.items()} == {key: 3}
    found, hours = read(alice, period=period, unit="hour")
    assert found == Stale(rows=((day, queue),), gone=((day + timedelta(days=1), queue),))
    assert [its.answered for its in hours.values()] == [3]
    faults = next(one for one in examine(now=NOW) if one.invariant == "SUMS")
    assert not faults.ok
    assert len([one for one in faults.details if f"que_{queue}" in one]) == 2
    assert sum_up(alice, now=NOW, stop=never) == 1
    assert read(alice, period=period, unit="day")[1][key].answered == 3


def test_doctor_compares_sums_with_rows(alice: Organization, charlie: Organization, database: Urls) -> None:
    for org in (alice, charlie):
        load(org, calls("Sales", day=TODAY - timedelta(days=2), count=3, prefix="z"))
        sum_up(org, now=NOW, stop=never)
    assert next(one for one in examine(now=NOW) if one.invariant == "SUMS").ok
    with psycopg.connect(database.superuser) as admin:
        admin.execute("UPDATE insights_hour SET answered = answered + 1 WHERE org_id = %s", [alice.id])
    faults = next(one for one in examine(now=NOW) if one.invariant == "SUMS")
    assert not faults.ok
    assert f"org_{alice.id}" in faults.details[0]
    assert not any(f"org_{charlie.id}" in one for one in faults.details)


def test_who_is_due(alice: Organization, charlie: Organization, database: Urls) -> None:
    now, today = CLOCK.now(), days_ago(alice, 0)
    names = {alice.id, charlie.id}
    assert names <= {org.id for org in due_organizations(now)}
    load(alice, calls("Sales", day=today, count=2))
    assert sum_up_due(now=now, stop=never).failures == []
    assert not names & {org.id for org in due_organizations(now)}
    assert not [key for key in stored(database) if key[1] == today]  # the running day is not over
    assert names <= {org.id for org in due_organizations(now + timedelta(days=1))}
    with psycopg.connect(database.superuser) as admin:
        admin.execute("UPDATE insights_summing SET began_at = now()")
    load(alice, calls("Sales", day=today - timedelta(days=9), count=2))
    assert {org.id for org in due_organizations(now)} & names == {alice.id}


def test_a_pass_that_is_stopped_comes_again(alice: Organization, charlie: Organization) -> None:
    load(alice, calls("Sales", day=TODAY - timedelta(days=9), count=2))
    assert sum_up(alice, now=NOW, stop=lambda: True) == 0
    assert alice.id in {org.id for org in due_organizations(NOW)}


def test_thresholds_are_the_databases(alice: Organization) -> None:
    with acting_in(alice.id, using=SWEEP) as cursor:
        cursor.execute("SELECT pg_get_functiondef('insights_hours_of'::regproc)")
        body = cursor.fetchone()[0]
    for seconds in THRESHOLDS:
        assert body.count(f"s.wait_s <= {seconds})") == 2

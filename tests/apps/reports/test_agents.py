"""What agents handled: equal to the rows, to a calculation apart and to the bank's own file, and gone with its cell."""

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ebbtide.apps.insights.hours import due_organizations, sum_up
from ebbtide.apps.insights.services import import_segments
from ebbtide.apps.orgs.database import acting_in, seeing_one_moment
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.handled import Agent, add_up_work, agent_sums, names_of
from ebbtide.apps.reports.sums import Wanted, stale
from ebbtide.apps.runs.doctor import examine
from ebbtide.domain.measures import DEFAULT_THRESHOLD, Handled
from ebbtide.domain.period import Period, first_of_month
from ebbtide.pg.launcher import Urls
from tests.apps.web.conftest import CLOCK, days_ago, job_for, queues_of
from tests.cast import calls, centre, everything, load

from .purging import purge
from .test_sums import NOW, ROOT, SHARED, TODAY, invented, never

UNITS = ("all", "hour", "day", "week", "month")
Row = Mapping[str, object]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def alice() -> Organization:
    return centre("Alice's")


@pytest.fixture
def charlie() -> Organization:
    org = centre("Charlie's", zone="America/New_York")
    rows = calls("Sales", day=TODAY - timedelta(days=3), count=3)
    load(org, [row | {"agent": "Ana"} for row in rows])
    return org


def staffed(rows: Iterable[Row], *, seed: int) -> list[Row]:
    """The same rows, taken by agents, some by nobody knows whom."""
    draw = random.Random(seed)  # noqa: S311 - to be drawn again
    return [dict(row) | {"agent": draw.choice([None, "", "Ana", "Ben", "Cem <x>", "Dóra"])} for row in rows]


COLUMNS = (
    "queue_id", "day", "channel", "direction", "agent", "queued_at", "answered_at", "ended_at", "talk_s", "hold_s",
    "wrap_s", "outcome",
)  # fmt: skip


def rows_of(org: Organization) -> list[dict[str, object]]:
    with acting_in(org.id) as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM insights_segment")  # noqa: S608 - named above
        return [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]


@dataclass
class Apart:
    """Worked out apart: row by row, in Python."""

    by_agent: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_begin: dict[datetime, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    busy: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)


def begin_of(day: date, hour: int, *, unit: str, first: date) -> datetime:
    if unit == "hour":
        return datetime.combine(day, time(hour))
    begins = {"all": first, "day": day, "week": day - timedelta(days=day.weekday()), "month": first_of_month(day)}
    return datetime.combine(begins[unit], time())


def hour_of(row: Row, *, zone: str) -> int:
    at = row["queued_at"] or row["answered_at"] or row["ended_at"]
    assert isinstance(at, datetime)
    local = at.astimezone(ZoneInfo(zone))
    day = row["day"]
    assert isinstance(day, date)
    return 0 if local.date() < day else 23 if local.date() > day else local.hour


def number(value: object) -> int:
    assert value is None or isinstance(value, int)
    return value or 0


def apart(rows: Iterable[Row], *, zone: str, period: Period, unit: str) -> Apart:
    found = Apart()
    days: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in rows:
        day = row["day"]
        assert isinstance(day, date)
        if not period.first <= day <= period.last or row["outcome"] != "answered":
            continue
        name = str(row["agent"] or "")
        one = Counter({"handled": 1, "outbound": int(row["direction"] == "outbound")})
        if row["talk_s"] is not None:
            one += Counter({"talks": 1} | {each: number(row[each]) for each in ("talk_s", "hold_s", "wrap_s")})
        found.by_agent[name] += one
        found.by_begin[begin_of(day, hour_of(row, zone=zone), unit=unit, first=period.first)] += one
        if name:
            days[name, day].append(row)
    for (name, _day), taken in days.items():
        seconds, span = busy(taken)
        if span:
            before = found.busy.get(name, (Fraction(), Fraction()))
            found.busy[name] = (before[0] + seconds, before[1] + span)
    return found


def busy(taken: Sequence[Row]) -> tuple[Fraction, Fraction]:
    """An agent's day: seconds at contacts, and from the first to the last; nothing where it cannot be known."""
    begins, ends, seconds = [], [], 0
    for row in taken:
        answered, ended = row["answered_at"], row["ended_at"]
        if row["channel"] != "voice" or row["talk_s"] is None or (answered is None and ended is None):
            return Fraction(), Fraction()
        on_line = timedelta(seconds=number(row["talk_s"]) + number(row["hold_s"]))
        assert answered is None or isinstance(answered, datetime)
        assert ended is None or isinstance(ended, datetime)
        begins.append(answered if answered is not None else ended - on_line)  # type: ignore[operator] # one is there
        ends.append((ended or begins[-1] + on_line) + timedelta(seconds=number(row["wrap_s"])))
        seconds += int(on_line.total_seconds()) + number(row["wrap_s"])
    span = max(ends) - min(begins)
    exact = Fraction(span // timedelta(microseconds=1), 1_000_000)
    return (Fraction(seconds), exact) if len(taken) > 1 and seconds <= exact else (Fraction(), Fraction())


def wanted(org: Organization) -> Wanted:
    targets = dict.fromkeys(queues_of(org).values(), DEFAULT_THRESHOLD)
    return Wanted(org=org.id, zone=org.zone, targets=targets, lines={})


@dataclass
class Read:
    """The same as the product reads it, by names; `names` as they were looked up."""

    by_agent: dict[str, Handled]
    by_begin: Mapping[datetime, Handled]
    busy: dict[str, tuple[Fraction, Fraction]]
    busy_by_begin: Mapping[datetime, tuple[Fraction, Fraction]]
    names: dict[UUID, str]
    stale: int


def read(org: Organization, *, period: Period, unit: str, asked: Wanted | None = None, agent: Agent = None) -> Read:
    asked, kept = asked or wanted(org), agent_sums(bytes(org.pepper))
    with seeing_one_moment(org.id):
        found = stale(asked, period=period, kept=kept)
        work = add_up_work(
            asked, kept=kept, period=period, unit=unit, found=found, compared=asked.targets, whole=period, agent=agent
        )
        names = names_of(asked, kept=kept, period=period, found=found, last=work.last)
        days = add_up_work(
            asked,
            kept=kept,
            period=period,
            unit="day" if unit == "hour" else unit,
            found=found,
            compared=asked.targets,
            whole=period,
            agent=agent,
        )
    assert work.compared == work.by_agent

    def named(who: Agent) -> str:
        return "" if who is None else names[who]

    return Read(
        by_agent={named(who): one for who, one in work.by_agent.items()},
        by_begin=work.by_begin,
        busy={named(who): (one.busy_s, one.span_s) for who, one in days.by_agent.items() if one.span_s},
        busy_by_begin={begin: (one.busy_s, one.span_s) for begin, one in days.by_begin.items() if one.span_s},
        names=names,
        stale=len(found.rows),
    )


def compared_by_name(
    org: Organization, *, period: Period, unit: str, queue: int, names: Mapping[UUID, str]
) -> dict[str, Counter[str]]:
    asked, kept = wanted(org), agent_sums(bytes(org.pepper))
    with seeing_one_moment(org.id):
        found = stale(asked, period=period, kept=kept)
        work = add_up_work(asked, kept=kept, period=period, unit=unit, found=found, compared={queue}, whole=period)
    return {"" if who is None else names[who]: counted(one) for who, one in work.compared.items()}


def counted(one: Handled) -> Counter[str]:
    names = ("handled", "outbound", "talks", "talk_s", "hold_s", "wrap_s")
    return +Counter({name: getattr(one, name) for name in names})


@pytest.mark.parametrize("seed", range(2))
def test_sums_rows_and_a_calculation_apart_agree(alice: Organization, charlie: Organization, seed: int) -> None:
    first, days = (date(2026, 10, 12), 30) if seed else (date(2026, 3, 20), 21)  # both changes of the clock
    load(alice, staffed(invented(alice.zone, seed=seed, first=first, days=days, count=500), seed=seed))
    period = Period(first + timedelta(days=2), first + timedelta(days=days - 3))
    for state in ("rows", "sums", "both"):
        if state == "sums":
            assert sum_up(alice, now=NOW, stop=never)
        elif state == "both":
            more = invented(alice.zone, seed=seed + 99, first=first + timedelta(days=4), days=3, count=40)
            load(alice, staffed(more, seed=seed + 99))
        rows = rows_of(alice)
        for unit in UNITS:
            told, own = read(alice, period=period, unit=unit), apart(rows, zone=alice.zone, period=period, unit=unit)
            assert {name: counted(one) for name, one in told.by_agent.items()} == own.by_agent, (state, unit)
            assert {begin: counted(one) for begin, one in told.by_begin.items()} == own.by_begin, (state, unit)
            assert told.busy == own.busy
            assert bool(told.stale) == (state != "sums")
            total = sum((span for _busy, span in told.busy_by_begin.values()), Fraction())
            assert total == sum((span for _busy, span in own.busy.values()), Fraction())
        assert set(told.names.values()) == {"Ana", "Ben", "Cem <x>", "Dóra"}
        names = told.names
        ben = next(who for who, name in names.items() if name == "Ben")
        sales = queues_of(alice)["Sales"]
        chat = replace(wanted(alice), targets={sales: 20}, channel="chat")
        some = [row for row in rows if row["channel"] == "chat" and row["queue_id"] == sales]
        own = apart(some, zone=alice.zone, period=period, unit="day")
        told = read(alice, period=period, unit="day", asked=chat)
        assert {name: counted(one) for name, one in told.by_agent.items()} == own.by_agent
        assert told.busy == {}
        sales_alone = apart(
            [row for row in rows if row["queue_id"] == sales], zone=alice.zone, period=period, unit="day"
        )
        for unit in ("hour", "day"):  # beside all Qs, one of them by itself
            among = compared_by_name(alice, period=period, unit=unit, queue=sales, names=names)
            assert among == sales_alone.by_agent, (state, unit)
        alone = read(alice, period=period, unit="hour", agent=ben)
        own = apart([row for row in rows if row["agent"] == "Ben"], zone=alice.zone, period=period, unit="hour")
        assert {begin: counted(one) for begin, one in alone.by_begin.items()} == own.by_begin


def test_one_name_is_another_agent_in_each_organization(alice: Organization, charlie: Organization) -> None:
    day = TODAY - timedelta(days=3)
    load(alice, [row | {"agent": "Ana"} for row in calls("Sales", day=day, count=2, prefix="a")])
    keys = [set(read(org, period=Period(day, day), unit="day").names) for org in (alice, charlie)]
    assert len(keys[0]) == len(keys[1]) == 1
    assert not keys[0] & keys[1]


def test_the_banks_real_agents(alice: Organization, charlie: Organization, tmp_path: Path) -> None:
    """Against the file itself, by the standard library: counts, times, days and the time between first and last."""
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
    with gzip.open(file, "rt", newline="", encoding="utf-8") as source:
        raw = list(csv.DictReader(source))
    own: dict[str, Counter[str]] = defaultdict(Counter)
    for row in raw:
        if row["outcome"] == "AGENT":
            name = "" if row["server"] == "NO_SERVER" else row["server"]
            own[name] += Counter({"handled": 1, "talks": 1, "talk_s": int(row["ser_time"])})
    period = Period(date(1999, 8, 1), date(1999, 8, 16))
    from_rows = {unit: read(bank, period=period, unit=unit) for unit in UNITS}
    assert sum_up(bank, now=NOW, stop=never) > 80
    for unit in UNITS:
        told = read(bank, period=period, unit=unit)
        assert {name: counted(one) for name, one in told.by_agent.items()} == own
        assert told.by_begin == from_rows[unit].by_begin
        assert (told.busy, told.stale) == (from_rows[unit].busy, 0)
    assert len(own) > 20
    assert own[""]["handled"] > 100  # of which the file does not say who took them
    # one ordinary day, its clocks read here
    at = date(1999, 8, 3)
    day = read(bank, period=Period(at, at), unit="day")
    clocks: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in raw:
        if row["date"] == str(at) and row["outcome"] == "AGENT" and row["server"] != "NO_SERVER":
            begin, end = (
                (int(h) * 3600 + int(m) * 60 + int(s))
                for h, m, s in (row[n].split(":") for n in ("ser_start", "ser_exit"))
            )
            clocks[row["server"]].append((begin, end, int(row["ser_time"])))
    compared = 0
    for name, taken in clocks.items():
        if name in day.busy and all(begin and begin < end for begin, end, _talk in taken):
            seconds, span = day.busy[name]
            assert seconds == sum(talk for _begin, _end, talk in taken)
            assert span == max(end for _b, end, _t in taken) - min(begin for begin, _e, _t in taken)
            compared += 1
    assert compared > 8


def stored(database: Urls) -> Counter[tuple[int, date, int]]:
    with psycopg.connect(database.superuser) as admin:
        rows = admin.execute("SELECT org_id, day, queue_id, sum(items) FROM insights_agent GROUP BY 1, 2, 3").fetchall()
    return Counter({(org, day, queue): int(items) for org, day, queue, items in rows})


def test_they_go_with_their_cell(alice: Organization, charlie: Organization, database: Urls) -> None:
    now, old, young = CLOCK.now(), days_ago(alice, 40), days_ago(alice, 2)
    for org in (alice, charlie):
        for queue in ("Sales", "Support"):
            for day in (old, young):
                load(org, [row | {"agent": "Ana"} for row in calls(queue, day=day, count=4, prefix=org.name)])
        sum_up(org, now=now, stop=never)
    kept, before, ours = everything(charlie), stored(database), queues_of(alice)
    assert len([key for key in before if key[0] == alice.id]) == 4
    job_for(alice, 30, queues=frozenset({ours["Sales"]}))
    assert purge(alice).purged == 4
    gone = {(alice.id, old, ours["Sales"])}
    assert stored(database) == Counter({key: n for key, n in before.items() if key not in gone})
    load(alice, calls("Support", day=young, count=1, prefix="late"))
    gone.add((alice.id, young, ours["Support"]))
    assert stored(database) == Counter({key: n for key, n in before.items() if key not in gone})
    assert sum_up(alice, now=now, stop=never) == 1
    assert stored(database)[alice.id, young, ours["Support"]] == 5
    assert everything(charlie) == kept


def test_no_name_stands_in_them(alice: Organization, charlie: Organization, database: Urls) -> None:
    load(alice, [row | {"agent": "Zoltán"} for row in calls("Sales", day=TODAY - timedelta(days=2), count=4)])
    sum_up(alice, now=NOW, stop=never)
    with psycopg.connect(database.superuser) as admin:
        rows = admin.execute("SELECT insights_agent::text FROM insights_agent WHERE org_id = %s", [alice.id]).fetchall()
    assert rows
    assert not [row for row in rows if "Zolt" in str(row)]


def test_missing_ones_are_made_and_false_ones_noticed(
    alice: Organization, charlie: Organization, database: Urls
) -> None:
    day = TODAY - timedelta(days=2)
    for org in (alice, charlie):
        load(org, [row | {"agent": "Ana"} for row in calls("Sales", day=day, count=3, prefix="x")])
        sum_up(org, now=NOW, stop=never)
    assert next(one for one in examine(now=NOW) if one.invariant == "SUMS").ok
    with psycopg.connect(database.superuser) as admin:
        admin.execute("UPDATE insights_agent SET talk_s = talk_s + 1 WHERE org_id = %s", [alice.id])
    faults = next(one for one in examine(now=NOW) if one.invariant == "SUMS")
    assert [said for said in faults.details if f"org_{alice.id}" in said and "of agents" in said]
    assert not [said for said in faults.details if f"org_{charlie.id}" in said]
    with psycopg.connect(database.superuser) as admin:  # as after an upgrade: sums of hours alone
        admin.execute("TRUNCATE insights_summing")
        admin.execute("DELETE FROM insights_agent WHERE org_id = %s", [alice.id])
    assert alice.id in {org.id for org in due_organizations(NOW)}
    period = Period(day, day)
    from_rows = read(alice, period=period, unit="day")
    assert from_rows.stale == 1
    assert sum_up(alice, now=NOW, stop=never) == 1
    told = read(alice, period=period, unit="day")
    assert (told.by_agent, told.stale) == (from_rows.by_agent, 0)
    assert next(one for one in examine(now=NOW) if one.invariant == "SUMS").ok


def test_long_seconds_do_not_run_over(alice: Organization, charlie: Organization) -> None:
    day = TODAY - timedelta(days=2)
    most = 2_147_483_647
    load(alice, [row | {"agent": "Ana", "talk_s": most} for row in calls("Sales", day=day, count=3)])
    sum_up(alice, now=datetime(2026, 11, 23, 12, tzinfo=UTC), stop=never)
    assert read(alice, period=Period(day, day), unit="hour").by_agent["Ana"].talk_s == 3 * most

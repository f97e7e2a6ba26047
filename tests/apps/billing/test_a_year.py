"""A year, metered night by night, against what the rows and objects themselves weigh at each midnight.

The ordinary suite lives the first five months, with a purge, a pause and a new rate card in them; `-m long` all of it.

The other side knows no cell, no journal and no usage row: it weighs report rows and index rows of objects at the first
moment of every date, and reckons with fractions.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from ebbtide.apps.billing import selectors
from ebbtide.apps.billing.services import set_card
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.billing import Month, RateCard, month_of, starts_at
from ebbtide.domain.calendar import Days, local_day
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, load, record

from .past import card, happened, metered

CLOCK = SystemClock()
FIRST, MONTHS_LATER, YEAR_LATER = date(2025, 2, 20), date(2025, 7, 20), date(2026, 3, 1)
RETENTION = 45
PURGES = {date(2025, 6, 17), date(2025, 8, 31), date(2025, 10, 5), date(2025, 12, 1), date(2026, 2, 11)}
DOWN = (
    (date(2025, 4, 3), date(2025, 4, 9)),
    (date(2025, 9, 27), date(2025, 10, 8)),
    (date(2025, 12, 30), date(2026, 1, 2)),
)
CARDS = {
    Month(2025, 2): card("USD", insights="900000", audio="700000.5", transcript="31", desktop="1000000"),
    Month(2025, 6): card(
        "USD", included={DataType.INSIGHTS: 20, DataType.AUDIO: 33}, insights="999999", audio="123456.789", desktop="5"
    ),
    Month(2025, 11): card("JPY", included={DataType.AUDIO: 7, DataType.TRANSCRIPT: 400}, audio="1000000", desktop="77"),
}

Weight = dict[tuple[int, str, date], int]
"""Bytes by Q, data type and data day."""


def weigh(org: Organization) -> Weight:
    found: Weight = defaultdict(int)
    with acting_in(org.id) as cursor:
        cursor.execute(
            "SELECT queue_id, 'insights', day, bytes FROM insights_segment "
            "UNION ALL SELECT queue_id, kind, day, bytes FROM media_mediaobject"
        )
        for queue, kind, day, size in cursor.fetchall():
            found[queue, kind, day] += size
    return dict(found)


@dataclass
class Year:
    """What became of one centre in the simulated year."""

    org: Organization
    last: date
    at_rest: dict[date, Weight] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.org.zone)

    def moments(self, day: date) -> Iterator[datetime]:
        """The first moment of a date, then some of it, in order; never the first of the next."""
        begins, ends = starts_at(day, zone=self.zone), starts_at(day + timedelta(days=1), zone=self.zone)
        yield begins
        yield begins + (ends - begins) / 3
        yield ends - timedelta(microseconds=1)


def brings(year: Year, dice: random.Random, day: date) -> None:
    """Data of that day, or of some weeks before: late imports, perhaps for days that are purged already."""
    of = day - timedelta(days=dice.choice((0, 0, 1, 5, 60)))
    queue = dice.choice(("Sales", "Support"))
    prefix = f"c{day:%m%d}{dice.randrange(10_000)}"
    load(year.org, calls(queue, day=of, count=dice.randint(1, 3), prefix=prefix))
    for kind in DataType:
        if kind.is_object and dice.random() < 0.6:
            record(year.org, f"{prefix}-{queue}-{of}-0", kind=kind, content=dice.randbytes(dice.randint(1, 900)))


def purges(year: Year, on: date) -> int:
    plan = planning.make_plan(year.org.id, as_of=on, now=CLOCK.now())
    number = public_id("plan", plan.id)
    planning.confirm_plan(year.org.id, plan_id=number, actor="test", now=CLOCK.now())
    run = start_run(
        year.org.id,
        asked=Asked(trigger="manual", local_date=local_day(CLOCK.now(), zone=year.zone), plan_id=number),
        clock=CLOCK,
    )
    assert run.outcome == "completed", run.reason
    return int(run.purged)


def is_down(day: date, *, seed: int) -> bool:
    """Alice's worker stood still three times; at Charlie's somebody starts one every three weeks."""
    return any(first <= day <= last for first, last in DOWN) if seed == 0 else day.toordinal() % 23 != 0


def live(year: Year, database: Urls, *, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same year every time
    day, now = FIRST, weigh(year.org)
    while day <= year.last:
        year.at_rest[day] = now
        if day.day == 1:
            set_if_any(month_of(day), now=starts_at(day, zone=year.zone))
        for number, moment in enumerate(year.moments(day)):
            if number == 1 and day in PURGES:
                assert purges(year, day) > 0
            elif dice.random() < 0.08:
                brings(year, dice, day)
            else:
                continue
            happened(database, moment, org=year.org)
            now = weigh(year.org)
        if not is_down(
            day, seed=seed
        ):  # nearly all of the date is over: what came or went since midnight is reckoned back
            metered(year.org, starts_at(day, zone=year.zone) + timedelta(hours=22))
        day += timedelta(days=1)
    metered(year.org, starts_at(year.last, zone=year.zone))


def set_if_any(month: Month, *, now: datetime) -> None:
    found = CARDS.get(month)
    if found is not None:
        set_card(found, month=month, actor="test", now=now + timedelta(hours=14))


@pytest.fixture(params=[MONTHS_LATER, pytest.param(YEAR_LATER, marks=pytest.mark.long)], ids=["months", "year"])
def years(database: Urls, request: pytest.FixtureRequest) -> list[Year]:
    made = []
    with psycopg.connect(database.superuser, autocommit=True) as admin:  # a year of commits, and no crash to survive
        admin.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(admin.info.dbname))
        )
    connections.close_all()
    set_card(CARDS[Month(2025, 2)], month=Month(2025, 2), actor="test", now=datetime(2025, 2, 1, 12).astimezone())
    for seed, (name, zone) in enumerate((("Alice's", "Australia/Lord_Howe"), ("Charlie's", "America/New_York"))):
        year = Year(centre(name, zone=zone), request.param)
        orgs.arm(year.org.id, reason="ready", actor="test", now=CLOCK.now())
        with acting_in(year.org.id):
            Organization.objects.filter(id=year.org.id).update(share_cap_percent=None)
        create_job(
            year.org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(RETENTION), queues=frozenset(), actor="test"
        )
        live(year, database, seed=seed)
        made.append(year)
    return made


def card_in(month: Month) -> RateCard:
    return CARDS[max(since for since in CARDS if since <= month)]


def half_even(exact: Fraction) -> int:
    whole, rest = divmod(exact.numerator, exact.denominator)
    twice = 2 * rest - exact.denominator
    return whole + (twice > 0 or (twice == 0 and whole % 2 == 1))


def test_every_date_and_every_month_to_the_byte_and_the_cent(years: list[Year]) -> None:
    for year in years:
        assert sum(sum(weight.values()) > 0 for weight in year.at_rest.values()) > (year.last - FIRST).days * 0.9
        with acting_in(year.org.id):
            begins = selectors.first_metered(org=year.org.id)
            booked = selectors.usage_rows(org=year.org.id, first=FIRST, last=year.last)
        assert begins is not None
        assert all(not year.at_rest[FIRST + timedelta(days=n)] for n in range((begins - FIRST).days))
        expected: dict[tuple[date, int, str], int] = defaultdict(int)
        for on, weight in year.at_rest.items():
            for (queue, kind, _day), size in weight.items():
                expected[on, queue, kind] += size
        assert {(row.on, row.queue_id, row.data_type): row.bytes for row in booked if row.bytes} == dict(expected)
        for month in months(begins, last=year.last):
            compare(year, month)


def months(begins: date, *, last: date) -> Iterator[Month]:
    month = month_of(begins)
    while month < month_of(last):
        yield month
        month = month.next


def compare(year: Year, month: Month) -> None:
    prices = card_in(month)
    with acting_in(year.org.id):
        stored = selectors.closed_statement(org=year.org.id, month=month)
        assert stored is not None
        statement = selectors.read_statement(stored.content)
        assert statement == selectors.preview(org=year.org.id, month=month)
    assert statement.card == prices
    total = 0
    for line in statement.lines:
        price = prices.prices[line.data_type]
        whole: dict[int, int] = defaultdict(int)
        billed: dict[int, int] = defaultdict(int)
        for on, weight in year.at_rest.items():
            if month_of(on) != month:
                continue
            for (queue, kind, day), size in weight.items():
                if kind == line.data_type:
                    whole[queue] += size
                    age = (on - day).days
                    billed[queue] += size if price.included_days is None or age > price.included_days else 0
        assert {one.queue: one.byte_days for one in line.shares if one.byte_days} == {
            q: n for q, n in whole.items() if n
        }
        assert {one.queue: one.billed_byte_days for one in line.shares} == {
            one.queue: billed[one.queue] for one in line.shares
        }
        quantity = half_even(Fraction(sum(billed.values()) * 10**6, month.days * 10**9))
        assert line.quantity * 10**6 == quantity
        decimals = 0 if prices.currency == "JPY" else 2
        minor = half_even(Fraction(quantity, 10**6) * Fraction(price.per_gb_month) * 10**decimals)
        assert line.amount is not None
        assert line.amount.minor == minor
        assert sum(one.amount.minor for one in line.shares if one.amount is not None) == minor
        assert sum(one.quantity for one in line.shares) == line.quantity
        total += minor
    assert stored.total_minor == total

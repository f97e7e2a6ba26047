"""The books of billing: booked once, never changed, seen by their own organization, and what a purge does to a bill."""

import json
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connections

from ebbtide.apps.billing import selectors, services
from ebbtide.apps.billing.metering import due_organizations, meter_due
from ebbtide.apps.billing.models import ClosedStatement, MeteredDay, RateCardVersion
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.doctor.fences import examine
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.billing import Month, month_of, starts_at
from ebbtide.domain.calendar import Days, local_day
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import FixedClock, SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, load, record

from .past import card, happened, metered

CLOCK = SystemClock()
ZONE = ZoneInfo("Europe/Berlin")
FIRST, PURGED_ON, LAST = date(2026, 6, 1), date(2026, 6, 18), date(2026, 7, 1)
OF = date(2026, 5, 4)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)


def midnight(day: date) -> datetime:
    return starts_at(day, zone=ZONE)


@pytest.fixture
def alice(database: Urls) -> Organization:
    """A centre whose data came on 25 May, a card of 1 million USD a GB-month since May."""
    org = centre("Alice's")
    load(org, calls("Sales", day=OF, count=3))
    record(org, f"call-Sales-{OF}-0", kind=DataType.DESKTOP, content=b"x" * 500)
    happened(database, noon(date(2026, 5, 25)), org=org)
    prices = dict.fromkeys(map(str, DataType), "1000000")
    services.set_card(card(**prices), month=Month(2026, 5), actor="test", now=noon(date(2026, 5, 1)))
    return org


@pytest.fixture
def charlie(database: Urls) -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=OF, count=5))
    happened(database, noon(date(2026, 5, 25)), org=org)
    return org


def at_rest(org: Organization, first: date = FIRST, last: date = LAST) -> dict[tuple[date, str], int]:
    with acting_in(org.id):
        return {
            (one.on, str(one.data_type)): one.bytes for one in selectors.usage_days(org=org.id, first=first, last=last)
        }


def run(org: Organization, *, as_of: date) -> str:
    plan = planning.make_plan(org.id, as_of=as_of, now=CLOCK.now())
    number = public_id("plan", plan.id)
    planning.confirm_plan(org.id, plan_id=number, actor="test", now=CLOCK.now())
    asked = Asked(trigger="manual", local_date=local_day(CLOCK.now(), zone=ZONE), plan_id=number)
    return str(start_run(org.id, asked=asked, clock=CLOCK).outcome)


def retire(org: Organization, *, what: What = What.ALL) -> None:
    with acting_in(org.id):
        Organization.objects.filter(id=org.id).update(share_cap_percent=None)
    queues: frozenset[int] = frozenset()
    create_job(org.id, type=JobType.GLOBAL, what=what, days=Days(30), queues=queues, actor="test")


def test_a_purge_in_mid_month_bills_to_the_day(alice: Organization, charlie: Organization, database: Urls) -> None:
    retire(alice)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    assert run(alice, as_of=PURGED_ON) == "completed"
    happened(database, midnight(PURGED_ON) + timedelta(hours=2), org=alice)
    for org in (alice, charlie):
        metered(org, midnight(LAST))
    found = at_rest(alice)
    days = [on for (on, kind), size in found.items() if kind == "desktop" and size]
    assert days == [FIRST + timedelta(days=n) for n in range(18)]  # 1 to 18 June: the day it went is the last
    with acting_in(alice.id):
        stored = selectors.closed_statement(org=alice.id, month=Month(2026, 6))
        assert stored is not None
        desktop = selectors.read_statement(stored.content).lines[3]
        assert desktop.byte_days == 18 * 500
        assert desktop.quantity == Decimal(18 * 500 * 10**6 // (30 * 10**9)).scaleb(-6)
        (gone,) = [row for row in selectors.usage_rows(org=alice.id, first=FIRST, last=LAST) if row.gone_bytes == 500]
        assert gone.on == PURGED_ON + timedelta(days=1)
    assert {size for (_, kind), size in at_rest(charlie).items() if kind == "insights"} == {5 * 133}


def test_a_simulated_night_lowers_no_bill(alice: Organization, database: Urls) -> None:
    retire(alice)
    assert run(alice, as_of=PURGED_ON) == "simulated"
    happened(database, noon(PURGED_ON), org=alice)
    metered(alice, midnight(LAST))
    assert {size for (_, kind), size in at_rest(alice).items() if kind == "desktop"} == {500}


def test_what_waits_to_be_deleted_is_billed_until_it_is_gone(alice: Organization, database: Urls) -> None:
    """Report rows go after their recordings: a run that took the recording alone leaves the rows on the bill."""
    retire(alice)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    with psycopg.connect(database.superuser) as witness:  # the store keeps the object: the cell stays, whatever is due
        witness.execute("UPDATE orgs_organization SET stopped = true")
    assert run(alice, as_of=PURGED_ON) == "blocked"
    happened(database, noon(PURGED_ON), org=alice)
    metered(alice, midnight(LAST))
    assert {size for (_, kind), size in at_rest(alice).items() if kind == "insights"} == {3 * 133}


def test_a_date_is_booked_once(alice: Organization, charlie: Organization) -> None:
    assert metered(alice, midnight(LAST)) == 37  # 26 May to 1 July
    assert metered(alice, midnight(LAST)) == 0
    before = at_rest(alice)
    assert metered(alice, midnight(LAST) + timedelta(days=1)) == 1
    assert at_rest(alice) == before


def test_two_workers_at_once_book_each_date_once(alice: Organization) -> None:
    booked: list[int] = []

    def work() -> None:
        try:
            booked.append(metered(alice, midnight(LAST)))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(booked) == 37
    with acting_in(alice.id):
        assert MeteredDay.objects.filter(org_id=alice.id).count() == 37
        assert ClosedStatement.objects.filter(org_id=alice.id).count() == 2


def test_due_is_who_has_a_date_that_has_settled(alice: Organization, charlie: Organization) -> None:
    centre("Empty")
    metered(charlie, midnight(LAST))
    settled = FixedClock(midnight(LAST) + services.SETTLED_AFTER)
    assert due_organizations(midnight(LAST) + timedelta(minutes=59)) == [alice]
    assert due_organizations(settled.now()) == [alice]
    assert meter_due(clock=settled).booked == 37
    assert due_organizations(settled.now()) == []
    assert due_organizations(settled.now() + timedelta(days=1)) == [alice, charlie]


def test_a_month_left_open_by_a_crash_is_closed_later(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object, **_more: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(services, "close_month", crash)
        with pytest.raises(KeyboardInterrupt):
            metered(alice, midnight(date(2026, 6, 1)))
    settled = midnight(date(2026, 6, 1)) + services.SETTLED_AFTER
    assert alice in due_organizations(settled)
    services.meter(alice, clock=FixedClock(settled))
    assert due_organizations(settled) == [charlie]
    with acting_in(alice.id):
        assert selectors.closed_statement(org=alice.id, month=Month(2026, 5)) is not None


def test_a_failing_organization_stops_nobody(alice: Organization, charlie: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser) as witness:
        witness.execute("UPDATE orgs_organization SET zone = 'Moon/Tycho' WHERE id = %s", [alice.id])
    done = meter_due(clock=FixedClock(midnight(LAST) + services.SETTLED_AFTER))
    assert (done.booked, done.failures) == (37, [])
    assert at_rest(charlie)


# A closed month never moves


def closed(org: Organization, month: Month) -> tuple[str, bytes]:
    with acting_in(org.id):
        found = selectors.closed_statement(org=org.id, month=month)
        assert found is not None
        return found.content, bytes(found.sha256)


def test_a_closed_month_never_moves(alice: Organization, charlie: Organization, database: Urls) -> None:
    metered(alice, midnight(LAST))
    june = Month(2026, 6)
    before = closed(alice, june)
    with acting_in(alice.id):
        shown = selectors.statement(org=alice.id, month=june)
    load(alice, calls("Sales", day=OF, count=50, prefix="late"))  # imported for days of it, later
    retire(alice)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    assert run(alice, as_of=local_day(CLOCK.now(), zone=ZONE)) == "completed"  # all of it is purged
    with pytest.raises(InputInvalid, match="is over"):
        services.set_card(card(audio="5"), month=june, actor="test", now=CLOCK.now())
    services.set_card(card("EUR"), month=june, actor="test", now=noon(FIRST))  # even by a clock that was set back
    services.meter(alice, clock=CLOCK)
    services.close_open_months(alice.id, now=CLOCK.now())
    assert closed(alice, june) == before
    with acting_in(alice.id):
        assert selectors.statement(org=alice.id, month=june) == shown


CHANGES = [
    "UPDATE {} SET org_id = org_id",
    "DELETE FROM {}",
    "TRUNCATE {} CASCADE",
]
BOOKS = ("billing_meteredday", "billing_usage", "billing_ratecardversion", "billing_closedstatement")


def refused(url: str, org: int | None, statement: str, *values: object) -> str | None:
    with psycopg.connect(url) as connection:
        if org is not None:
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(org)])
        try:
            connection.execute(statement.encode(), values)
        except psycopg.Error as exc:
            return exc.sqlstate
    return None


def test_nobody_changes_a_book(alice: Organization, database: Urls) -> None:
    metered(alice, midnight(LAST))
    for book in BOOKS:
        for change in CHANGES:
            for url in (database.web, database.sweep):
                assert refused(url, alice.id, change.format(book)) == "42501", (book, change)
            for url in (database.owner, database.superuser):
                assert refused(url, alice.id, change.format(book)) == "EB403", (book, change)


def test_usage_is_booked_by_its_function_alone(alice: Organization, database: Urls) -> None:
    usage = (
        'INSERT INTO billing_usage (org_id, "on", data_type, queue_id, items, bytes, came_bytes, gone_bytes, days, '
        "day_bytes) VALUES (%s, '2026-06-01', 'audio', 1, 0, 0, 0, 0, '{}', '{}')"
    )
    head = (
        'INSERT INTO billing_meteredday (org_id, "on", starts_at, whole, items, bytes) '
        "VALUES (%s, '2026-06-01', now(), true, 0, 0)"
    )
    journal = (
        "INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes) "
        "VALUES (%s, now(), 'audio', 1, 1, 1)"
    )
    for url in (database.web, database.sweep):
        for statement in (usage, head, journal):
            assert refused(url, alice.id, statement, alice.id) == "42501"
        for change in ("DELETE FROM catalog_cellchange", "UPDATE catalog_cellchange SET bytes = 0"):
            assert refused(url, alice.id, change) == "42501"
    assert refused(database.web, alice.id, "SELECT billing_meter('2026-06-01', now())") == "42501"


def test_dates_are_booked_one_after_the_other_and_never_ahead(alice: Organization, database: Urls) -> None:
    ask: Callable[[str, str], str | None] = lambda day, starts: refused(  # noqa: E731
        database.sweep, alice.id, "SELECT billing_meter(%s, %s)", day, starts
    )
    metered(alice, midnight(date(2026, 6, 10)))
    assert ask("2026-06-10", "2026-06-09T22:00Z") is None  # again: nothing happens
    assert ask("2026-06-12", "2026-06-11T22:00Z") == "EB403"  # one was left out
    assert ask("2026-06-11", "2026-06-08T22:00Z") == "EB403"  # begins before the one before it
    assert ask("2026-06-11", "2099-06-10T22:00Z") == "EB403"  # has not begun


def test_a_month_is_not_closed_before_it_is_over(alice: Organization, database: Urls) -> None:
    metered(alice, midnight(date(2026, 6, 30)))
    content = json.dumps({"org": alice.id, "month": "2026-06", "currency": None, "total_minor": None})
    insert = (
        "INSERT INTO billing_closedstatement (org_id, month, byte_days, billed_byte_days, quantity, content, sha256, "
        "closed_at) VALUES (%s, '2026-06-01', 0, 0, 0, %s, sha256(convert_to(%s, 'UTF8')), now())"
    )
    assert refused(database.web, alice.id, insert, alice.id, content, content) == "42501"
    assert refused(database.sweep, alice.id, insert, alice.id, content, content) == "EB403"
    with acting_in(alice.id):
        assert selectors.closed_statement(org=alice.id, month=Month(2026, 6)) is None
    metered(alice, midnight(date(2026, 7, 1)))
    assert refused(database.sweep, alice.id, insert, alice.id, content, content) == "23505"


def test_a_statement_says_what_its_hash_and_its_head_say(alice: Organization, database: Urls) -> None:
    metered(alice, midnight(date(2026, 6, 30)))
    insert = (
        "INSERT INTO billing_closedstatement (org_id, month, currency, total_minor, byte_days, billed_byte_days, "
        "quantity, content, sha256, closed_at) "
        "VALUES (%s, '2026-05-01', %s, %s, 0, 0, 0, %s, sha256(convert_to(%s, 'UTF8')), now())"
    )
    good = json.dumps({"org": alice.id, "month": "2026-05", "currency": "USD", "total_minor": 7})
    with psycopg.connect(database.superuser) as witness:
        witness.execute("ALTER TABLE billing_closedstatement DISABLE TRIGGER append_only")
        witness.execute("DELETE FROM billing_closedstatement")
    for currency, minor, content, hashed in (
        ("USD", 7, good, good + " "),
        ("USD", 8, good, good),
        ("EUR", 7, good, good),
        ("USD", 7, good.replace("2026-05", "2026-04"), good.replace("2026-05", "2026-04")),
        ("USD", None, good, good),
    ):
        assert refused(database.sweep, alice.id, insert, alice.id, currency, minor, content, hashed) == "23514"
    assert refused(database.sweep, alice.id, insert, alice.id, "USD", 7, good, good) is None


# Who sees what


def test_books_are_their_own_organizations(alice: Organization, charlie: Organization, database: Urls) -> None:
    for org in (alice, charlie):
        metered(org, midnight(LAST))
    prices = dict.fromkeys(map(str, DataType), "7")
    services.set_card(card("CHF", **prices), month=Month(2026, 6), org=alice.id, actor="test", now=noon(FIRST))
    for url in (database.web, database.sweep):
        with psycopg.connect(url) as connection:
            for table in ("billing_meteredday", "billing_usage", "billing_closedstatement", "catalog_cellchange"):
                assert connection.execute(f"TABLE {table}".encode()).fetchall() == []
            assert connection.execute("SELECT count(*) FROM billing_ratecardversion").fetchone() == (0,)
            connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(charlie.id)])
            for table in ("billing_meteredday", "billing_usage", "billing_closedstatement"):
                found = connection.execute(f"SELECT DISTINCT org_id FROM {table}".encode()).fetchall()  # noqa: S608
                assert found == [(charlie.id,)]
            seen = connection.execute("SELECT DISTINCT org_id FROM billing_ratecardversion").fetchall()
            assert seen == [(None,)]  # the platform's card, and not what Alice's agreed on
    with as_platform():
        assert set(MeteredDay.objects.values_list("org_id", flat=True)) == {alice.id, charlie.id}
    statement = (
        "INSERT INTO billing_ratecardversion (org_id, month, currency, prices, made_at, made_by, note) "
        "VALUES (NULL, '2030-01-01', 'USD', (SELECT prices FROM billing_ratecardversion LIMIT 1), now(), 'x', '')"
    )
    assert refused(database.web, charlie.id, statement) == "42501"  # not the operator
    assert [one.details for one in examine() if not one.ok] == []


def test_desktop_recordings_have_no_included_days_in_the_database_either(database: Urls, alice: Organization) -> None:
    with psycopg.connect(database.web) as connection:
        connection.execute("SELECT set_config('ebbtide.platform', 'on', true)")
        with pytest.raises(psycopg.errors.CheckViolation, match="card_bills_desktop"):
            connection.execute(
                "INSERT INTO billing_ratecardversion (month, currency, prices, made_at, made_by, note) "
                "SELECT '2030-01-01', 'USD', jsonb_set(prices, '{desktop,included_days}', '30'), now(), 'x', '' "
                "FROM billing_ratecardversion"
            )


def test_cards_go_from_the_organizations_own_to_the_platforms(alice: Organization, charlie: Organization) -> None:
    now = noon(FIRST)
    services.set_card(card("CHF"), month=Month(2026, 7), org=alice.id, actor="test", now=now)
    services.set_card(None, month=Month(2026, 9), org=alice.id, actor="test", now=now)
    services.set_card(card("EUR"), month=Month(2026, 8), actor="test", now=now)
    services.set_card(card("GBP"), month=Month(2026, 8), actor="test", now=now)  # the newer of two wins

    def seen(org: Organization) -> list[str | None]:
        with acting_in(org.id):
            cards = [selectors.card_for(org=org.id, month=Month(2026, number)) for number in range(4, 11)]
        return [None if one is None else one.currency for one in cards]

    assert seen(alice) == [None, "USD", "USD", "CHF", "CHF", "GBP", "GBP"]
    assert seen(charlie) == [None, "USD", "USD", "USD", "GBP", "GBP", "GBP"]
    with pytest.raises(InputInvalid, match="not taken away"):
        services.set_card(None, month=Month(2026, 9), actor="test", now=now)
    with as_platform():
        assert RateCardVersion.objects.count() == 5


def test_a_month_without_a_card_is_closed_without_prices(alice: Organization, database: Urls) -> None:
    other = centre("Early")
    load(other, calls("Sales", day=date(2026, 3, 2), count=2))
    happened(database, noon(date(2026, 3, 10)), org=other)
    metered(other, midnight(date(2026, 6, 2)))
    with acting_in(other.id):
        march, may = (selectors.statement(org=other.id, month=Month(2026, number)) for number in (3, 5))
        stored = selectors.closed_statement(org=other.id, month=Month(2026, 3))
    assert (march.total, march.card) == (None, None)
    assert march.lines[0].byte_days > 0
    assert may.total is not None
    assert stored is not None
    assert (stored.currency, stored.total_minor) == (None, None)


def test_mended_cells_are_booked_as_they_are(alice: Organization, charlie: Organization, database: Urls) -> None:
    metered(alice, midnight(FIRST))
    with psycopg.connect(database.superuser) as witness:
        witness.execute(
            "UPDATE catalog_cell SET bytes = bytes + 7 WHERE org_id = %s AND data_type = 'desktop'", [alice.id]
        )
    happened(database, noon(FIRST), org=alice)
    metered(alice, midnight(FIRST + timedelta(days=2)))
    found = at_rest(alice)
    assert [found[FIRST + timedelta(days=n), "desktop"] for n in range(3)] == [500, 507, 507]
    with acting_in(alice.id):
        desktop = selectors.preview(org=alice.id, month=month_of(FIRST)).lines[3]
    assert desktop.byte_days == 500 + 507 + 507

"""Forecast, what-if, levers, budget and position of real organizations, with a neighbour beside them."""

import os
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from django.core import mail
from django.test.utils import override_settings

from ebbtide.apps.billing import budgets, services
from ebbtide.apps.billing.budgets import budget_of, check_budget, parse_amount, set_budget
from ebbtide.apps.billing.cost_panel import cost_panel
from ebbtide.apps.billing.models import Budget, BudgetAlert, Position
from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.billing.outlooks import as_it_stands, basis_of, cards_for, prospect
from ebbtide.apps.billing.saving import all_levers, cheapest_lever, what_if
from ebbtide.apps.billing.selectors import preview
from ebbtide.apps.billing.stock import forget_stocks
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.billing import Money, Month, month_of
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.job import Job, JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, load, record

from .past import card

CLOCK = SystemClock()
KB = 1000


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    forget_stocks()
    yield
    forget_stocks()


def today(org: Organization) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone))


def fill(org: Organization, *, days: int = 60, size: int = 100 * KB) -> None:
    """A desktop recording of `size` bytes each day in Sales, half of it in Support; reports beside them."""
    for age in range(days, 0, -1):
        day = today(org) - timedelta(days=age)
        for queue, part in (("Sales", size), ("Support", size // 2)):
            load(org, calls(queue, day=day, count=1))
            content = f"{org.id} {queue} {day}".encode().ljust(part, b".")
            record(org, f"call-{queue}-{day}-0", kind=DataType.DESKTOP, content=content)


def prices(**more: str) -> None:
    services.set_card(
        card(insights="0", desktop="1000000", **more), month=month_of(CLOCK.now().date()), actor="op", now=CLOCK.now()
    )


def build() -> Organization:
    alice, other = centre("Alice's"), centre("Charlie's", zone="America/New_York")
    fill(alice)
    fill(other, days=3, size=7 * KB)
    prices()
    return alice


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Organization]]:
    with stage(server, name=f"outlooks_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def database(staged: Stage[Organization], tmp_path: Path) -> Iterator[Urls]:
    with clone(staged, folder=tmp_path) as urls:
        yield urls


@pytest.fixture
def alice(staged: Stage[Organization], database: Urls) -> Organization:
    return deepcopy(staged.cast)


@pytest.fixture
def charlie(alice: Organization) -> Organization:
    with as_platform():
        return Organization.objects.get(name="Charlie's")


def global_job(org: Organization, days: int) -> Job:
    row = create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(days), queues=frozenset(), actor="test")
    return Job(row.id, JobType.GLOBAL, What.ALL, Days(days))


def test_the_pace_is_what_came_in_and_the_stock_what_is_there(alice: Organization, charlie: Organization) -> None:
    basis = basis_of(alice, now=CLOCK.now())
    desktop = [pace for (_q, kind), pace in zip(basis.stock.keys, basis.stock.paces, strict=True) if kind == "desktop"]
    assert sorted(pace.by_weekday for pace in desktop) == [(50 * KB,) * 7, (100 * KB,) * 7]
    assert basis.stock.by_type()[DataType.DESKTOP] == 60 * 150 * KB
    assert not any(pace.is_short for pace in basis.stock.paces)
    other = basis_of(charlie, now=CLOCK.now())
    assert other.stock.by_type()[DataType.DESKTOP] == 3 * (7 * KB + 3500)
    assert all(pace.is_short and pace.days == 3 for pace in other.stock.paces)


def test_as_it_stands_nothing_goes_until_armed(alice: Organization) -> None:
    global_job(alice, 30)
    basis = basis_of(alice, now=CLOCK.now())
    stands, armed = as_it_stands(basis), prospect(basis, among=basis.jobs)
    # a day is 150 kB; kept for 30 days, 31 days are at rest at the first moment of each date
    running, *later = [month.at_end.expected for month in armed.view[DataType.DESKTOP]]
    assert later == [31 * 150 * KB] * 12
    # on a month's last day its end may come before the next night: nothing has gone by then
    night_is_in_time = month_of(basis.stock.next_night) == basis.terms.running
    assert running == (31 if night_is_in_time else 61) * 150 * KB
    grown = [month.at_end.expected for month in stands.view[DataType.DESKTOP]]
    assert all(one > before for before, one in pairwise(grown))
    assert stands.settled is None
    assert armed.settled == Money("USD", 31 * 150 * 100)
    assert armed.costs[-1] == armed.settled
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    assert as_it_stands(basis_of(refreshed(alice.id), now=CLOCK.now())).view == armed.view
    orgs.stop_organization(alice.id, on=True, reason="stop", actor="test", now=CLOCK.now())
    assert as_it_stands(basis_of(refreshed(alice.id), now=CLOCK.now())).view == stands.view


def test_what_was_purged_still_tells_what_comes_in(alice: Organization) -> None:
    before = basis_of(alice, now=CLOCK.now()).stock.paces
    global_job(alice, 5)
    orgs.arm(alice.id, reason="ready", actor="test", now=CLOCK.now())
    with acting_in(alice.id):
        Organization.objects.filter(id=alice.id).update(share_cap_percent=None)
    run = start_run(alice.id, asked=Asked(trigger="manual", local_date=today(alice)), clock=CLOCK)
    assert run.outcome == "completed"
    forget_stocks()
    basis = basis_of(refreshed(alice.id), now=CLOCK.now())
    assert basis.stock.by_type()[DataType.DESKTOP] == 5 * 150 * KB
    assert basis.stock.paces == before


def test_the_running_month_goes_on_from_what_is_metered(alice: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser) as witness:  # as if all of it had come 40 days ago
        witness.execute("UPDATE catalog_cellchange SET at = at - interval '40 days'")
    services.meter(alice, clock=CLOCK)
    basis = basis_of(alice, now=CLOCK.now())
    now = today(alice)
    assert basis.terms.since in {now, now + timedelta(days=1)}
    with acting_in(alice.id):
        so_far = preview(org=alice.id, month=basis.terms.running)
    # on the first of a month nothing of it is metered yet
    billed = sum(line.billed_byte_days for line in so_far.lines if line.data_type is DataType.DESKTOP)
    assert basis.terms.metered.get(DataType.DESKTOP, 0) == billed
    left = (basis.terms.running.last - basis.terms.since).days + 1
    least = billed + left * 60 * 150 * KB
    ahead = as_it_stands(basis).view[DataType.DESKTOP][0].billed.expected
    assert least <= billed + ahead <= least + 150 * KB * left * left


def test_cards_of_later_months_count_unless_their_currency_is_another(alice: Organization) -> None:
    first = month_of(CLOCK.now().date())
    services.set_card(card(desktop="5"), month=first.next, actor="op", now=CLOCK.now())
    services.set_card(card("EUR", desktop="7"), month=first.next.next, org=alice.id, actor="op", now=CLOCK.now())
    with acting_in(alice.id):
        found = cards_for(org=alice.id, first=first, count=4)
    assert found is not None
    assert [one.prices[DataType.DESKTOP].per_gb_month for one in found] == [1_000_000, 5, 5, 5]
    assert {one.currency for one in found} == {"USD"}


def test_what_if_is_the_difference_of_two_forecasts(alice: Organization) -> None:
    stands = global_job(alice, 50)
    basis = basis_of(alice, now=CLOCK.now())
    queues = {queue for queue, _kind in basis.stock.keys}
    job = Job(10**9, JobType.QUEUE, What.DESKTOP, Days(20), frozenset({min(queues)}))
    changed, points = what_if(basis, before=[stands], after=[stands, job], job=job)
    now, then = prospect(basis, among=[stands]), prospect(basis, among=[stands, job])
    assert (changed.now.running, *changed.now.ahead) == now.costs
    assert (changed.after.running, *changed.after.ahead) == then.costs
    assert (changed.now.settled, changed.after.settled) == (now.settled, then.settled)
    assert changed.saving_year.minor == sum(one.minor for one in now.costs[1:]) - sum(
        one.minor for one in then.costs[1:]
    )
    own = (
        next(
            pace
            for key, pace in zip(basis.stock.keys, basis.stock.paces, strict=True)
            if key[0] == min(queues) and key[1] == "desktop"
        ).weekly
        // 7
    )
    assert changed.saving_month == Money("USD", 30 * own // KB * 100)
    assert changed.night.bytes == 30 * own  # of 50 days still there, those from the 21st on
    by_days = {point.days: point.settled.minor for point in points}
    assert by_days[Days(60)] == by_days[Days(5000)]
    assert cost_panel(basis, job=job).turn == "saves"
    assert cost_panel(basis, job=Job(stands.id, JobType.GLOBAL, What.ALL, Days(400))).turn == "costs"


def test_levers_name_what_lies_beyond_and_costs(alice: Organization) -> None:
    basis = basis_of(alice, now=CLOCK.now())
    found = all_levers(basis)
    beyond = (basis.stock.next_night - today(alice)).days + 60 - 30
    assert [(one.what, one.bytes) for one in found[Days(30)]] == [
        ("desktop", beyond * 100 * KB),
        ("desktop", beyond * 50 * KB),
    ]
    assert found[Days(30)][0].monthly == Money("USD", beyond * 100 * 100)
    assert found[Days(90)] == []
    best = cheapest_lever(found)
    assert best is not None
    assert (best.days, best.bytes) == (Days(30), beyond * 100 * KB)
    global_job(alice, 30)  # what the jobs take by themselves is no lever
    assert all_levers(basis_of(alice, now=CLOCK.now()))[Days(30)] == []
    assert cheapest_lever(all_levers(basis_of(alice, now=CLOCK.now()))) is None


def test_amounts_as_people_write_them() -> None:
    assert parse_amount(" 250.5 ", currency="USD") == Money("USD", 25_050)
    assert parse_amount("7", currency="JPY") == Money("JPY", 7)
    for text in ("0", "0.00", "1.005", "-5", "1e3", "1,5", "ten", "", "9" * 30, "٣"):
        with pytest.raises(InputInvalid):
            parse_amount(text, currency="USD")


def admin(email: str, *, org: Organization, is_admin: bool = True) -> User:
    user = User.objects.create(email=email, password="!")
    orgs.add_member(org.id, user=user, is_admin=is_admin)
    return user


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_admins_are_told_once_a_month_and_threshold(alice: Organization, charlie: Organization) -> None:
    admin("alice@example.org", org=alice)
    admin("anne@example.org", org=alice)
    admin("bob@example.org", org=alice, is_admin=False)
    admin("charlie@example.org", org=charlie)
    mail.outbox = []
    november, now = Month(2026, 11), CLOCK.now()

    def check(minor: int, month: Month = november, currency: str = "USD") -> list[int]:
        return check_budget(alice, month=month, forecast=Money(currency, minor), now=now)

    assert check(10**9) == []  # no budget, no word
    set_budget(alice.id, budget=Money("USD", 10_000), actor="alice@example.org", now=now)
    assert check(7_999) == []
    assert check(8_000) == [80]
    assert [one.to for one in mail.outbox] == [["alice@example.org"], ["anne@example.org"]]
    assert mail.outbox[0].subject == "Alice's: storage costs will reach 80 % of the budget"
    assert "expected to cost 80.00\N{NO-BREAK SPACE}USD in November 2026" in mail.outbox[0].body
    assert "The budget is 100.00\N{NO-BREAK SPACE}USD a month." in mail.outbox[0].body
    assert check(9_999) == []
    assert check(10_000) == [100]
    assert check(20_000) == []
    assert len(mail.outbox) == 4
    assert check(20_000, month=november.next) == [80, 100]  # both reached at once: one mail each
    assert len(mail.outbox) == 6
    assert check(20_000, month=november.next.next, currency="EUR") == []
    with acting_in(alice.id):
        assert BudgetAlert.objects.filter(org_id=alice.id).count() == 4
        assert set(BudgetAlert.objects.values_list("told", flat=True)) == {2}
    with acting_in(charlie.id):
        assert BudgetAlert.objects.count() == 0
        assert Budget.objects.count() == 0
        assert budget_of(org=charlie.id) is None


@override_settings(EMAIL_BACKEND="tests.apps.billing.test_outlooks.Broken")
def test_a_mail_that_cannot_be_sent_holds_nobody_up(alice: Organization) -> None:
    admin("alice@example.org", org=alice)
    set_budget(alice.id, budget=Money("USD", 1), actor="alice@example.org", now=CLOCK.now())
    early = CLOCK.now().replace(day=1) + timedelta(days=33)  # on a month's last day, unmetered, no cost of it is left
    assert look_ahead(alice, now=early) == [80, 100]
    with acting_in(alice.id):
        assert BudgetAlert.objects.count() == 2


class Broken:
    """A mail server that is not there."""

    def __init__(self, *_args: object, **_more: object) -> None:
        raise ConnectionRefusedError


def test_a_second_worker_finds_the_alert_written(alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    set_budget(alice.id, budget=Money("USD", 100), actor="a", now=CLOCK.now())
    forecast, month = Money("USD", 100), Month(2026, 11)
    written = {
        "month": month,
        "percent": 80,
        "budget": Money("USD", 100),
        "forecast": forecast,
        "told": 0,
        "now": CLOCK.now(),
    }
    assert budgets._write_down(alice.id, **written)  # type: ignore[arg-type]
    monkeypatch.setattr(BudgetAlert.objects, "using", lambda _alias: _Blind())
    assert not budgets._write_down(alice.id, **written)  # type: ignore[arg-type]


class _Blind:
    """Sees nothing, and writes as everybody: what a worker does whose look came a moment too early."""

    def filter(self, **_asked: object) -> "_Blind":
        return self

    def exists(self) -> bool:
        return False

    def create(self, **values: object) -> None:
        BudgetAlert(**values).save(using=SWEEP, force_insert=True)


def test_each_night_keeps_the_position(alice: Organization, charlie: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser) as witness:
        witness.execute("UPDATE catalog_cellchange SET at = at - interval '40 days'")
    global_job(charlie, 400)
    for org in (alice, charlie):
        services.meter(org, clock=CLOCK)
        look_ahead(org, now=CLOCK.now())
        look_ahead(org, now=CLOCK.now())  # twice is once
    with as_platform():
        first, second = Position.objects.order_by("org_id")
    assert (first.org_id, first.jobs, first.currency) == (alice.id, 0, "USD")
    assert first.bytes == sum(basis_of(alice, now=CLOCK.now()).stock.by_type().values())
    assert first.grown_bytes == 0
    assert first.weekly_bytes > 7 * 150 * KB
    assert first.later_minor > first.month_minor > 0
    assert first.old_bytes == first.old_minor == 0
    assert second.jobs == 1
    with acting_in(alice.id):
        assert [row.org_id for row in Position.objects.all()] == [alice.id]
    assert Decimal(first.later_minor) < 10**12


def test_numbers_stay_for_five_minutes(alice: Organization) -> None:
    """A slider asks many times: the cells are read once, and anew after five minutes."""
    now: datetime = CLOCK.now()
    first = basis_of(alice, now=now).stock
    load(alice, calls("Sales", day=today(alice), count=5, prefix="late"))
    assert basis_of(alice, now=now + timedelta(seconds=299)).stock is first
    later = basis_of(alice, now=now + timedelta(seconds=300)).stock
    assert later.by_type()[DataType.INSIGHTS] > first.by_type()[DataType.INSIGHTS]

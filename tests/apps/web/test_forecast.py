"""The pages that look ahead, asked by everybody: forecast, what-if, budget, and the operator's overview."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.test import Client

from ebbtide.apps.billing import services
from ebbtide.apps.billing.budgets import budget_of, set_budget
from ebbtide.apps.billing.models import Budget, BudgetAlert
from ebbtide.apps.billing.nightly import look_ahead
from ebbtide.apps.billing.stock import forget_stocks
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import User
from ebbtide.domain.billing import Money, month_of
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.pg.launcher import Urls
from tests.apps.billing.past import card
from tests.cast import centre, record

from .conftest import CLOCK, World, days_ago, person, signed_in, statements


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    forget_stocks()
    yield
    forget_stocks()


@pytest.fixture
def priced(world: World) -> World:
    """The world with prices, and a screen of 300 kB of 40 and of 11 days ago in Sales."""
    for org in (world.alice, world.charlie):
        for age in (40, 11):
            key = f"call-Sales-{days_ago(org, age)}-1"
            record(org, key, kind=DataType.DESKTOP, content=f"{org.id} {age}".encode().ljust(300_000, b"."))
    services.set_card(
        card(insights="0", desktop="1000000"), month=month_of(CLOCK.now().date()), actor="op", now=CLOCK.now()
    )
    return world


def base(world: World) -> str:
    return f"/o/{public_id('org', world.alice.id)}/costs/"


def words(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_the_forecast_in_few_statements(priced: World) -> None:
    alice = signed_in("alice")
    with statements() as asked:
        page = words(alice, base(priced) + "forecast/")
    assert len(asked) <= 20, "\n".join(one[:150] for one in asked)
    assert "Nights only simulate" in page
    assert "once armed" in page
    assert "less than four weeks" not in page or "guess" in page
    assert "Charlie" not in page


def test_tables_are_taken_away_whole(priced: World) -> None:
    alice = signed_in("alice")
    for table, head in (("ahead", "month,bytes,bytes low"), ("levers", "q,data,bytes"), ("alerts", "month,percent")):
        answer = alice.get(base(priced) + f"forecast/?csv={table}")
        assert answer["Content-Type"].startswith("text/csv")
        assert b"".join(answer.streaming_content).decode("utf-8-sig").replace('"', "").startswith(head)  # type: ignore[attr-defined]
    for query in ("beyond=31", "levers.sort=nothing"):
        assert alice.get(base(priced) + f"forecast/?{query}").status_code == 422


def test_a_job_is_tried_and_nothing_saved(priced: World) -> None:
    alice, sales = signed_in("alice"), public_id("que", priced.queues["Sales"])
    path = base(priced) + "what-if/"
    whole = words(alice, f"{path}?type=queue&queues={sales}&what=desktop&days=5")
    assert "<h1>Try a retention</h1>" in whole
    assert "in the first twelve months" in whole
    sent = {"type": "queue", "queues": [sales], "what": "desktop", "days": "5"}
    with statements() as asked:
        part = alice.post(path, sent, headers={"HX-Request": "true"}).content.decode()
    assert len(asked) <= 20
    assert part.lstrip().startswith('<div id="cost-figures"')
    assert "<h1" not in part
    mine = words(alice, f"{path}?type=global&days=400&job={public_id('job', priced.job)}")
    assert "Costs <strong>" in mine  # from 30 to 400 days
    with acting_in(priced.alice.id):
        assert budget_of(org=priced.alice.id) is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Say how far the job reaches"),
        ("days=30", "Say how far the job reaches"),
        ("type=queue&what=desktop", "Say how far the job reaches"),
        ("type=global&days=0", "Days must be a whole number from 1 to 5000"),
        ("type=global&days=5001", "Days must be a whole number from 1 to 5000"),
        ("type=queue&what=all&days=3", "A Q job names at least one Q"),
        ("type=queue&what=all&days=3&queues=que_999999", "There is no Q"),
        ("type=queue&days=3&queues=%00", "There is no Q"),
    ],
)
def test_what_is_missing_is_said(priced: World, query: str, said: str) -> None:
    assert said in words(signed_in("alice"), base(priced) + f"what-if/?{query}")


def test_foreign_qs_and_jobs_are_as_little_there_as_missing_ones(priced: World) -> None:
    alice, path = signed_in("alice"), base(priced) + "what-if/?type=global&days=30&job="
    for job in (public_id("job", priced.foreign_job), "job_999999", "job_0", "30", "%00"):
        assert alice.get(path + job).status_code == 404
    foreign = words(alice, base(priced) + f"what-if/?type=queue&what=all&days=3&queues=que_{priced.foreign_queue}")
    assert "There is no Q" in foreign


def test_the_budget_is_for_managers(priced: World) -> None:
    path = base(priced) + "budget/"
    assert signed_in("bob.view").post(path, {"amount": "5"}).status_code == 403
    assert signed_in("charlie").post(path, {"amount": "5"}).status_code == 404
    assert "id_amount" not in words(signed_in("bob.view"), base(priced) + "forecast/")
    assert signed_in("bob.manage").post(path, {"amount": " 250.5 "}).status_code == 302
    with acting_in(priced.alice.id):
        assert budget_of(org=priced.alice.id) == Money("USD", 25_050)
        assert Budget.objects.get().set_by == "bob.manage@example.org"
    for wrong in ("0", "1.005", "-3", "1e9", "=1", "ten", "9" * 50):
        answer = signed_in("alice").post(path, {"amount": wrong})
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.content.decode()
    assert 'value="250.50"' in words(signed_in("alice"), base(priced) + "forecast/")
    signed_in("alice").post(path, {"amount": ""})
    with acting_in(priced.alice.id):
        assert budget_of(org=priced.alice.id) is None
    with acting_in(priced.charlie.id):
        assert Budget.objects.count() == 0


def test_home_says_that_the_budget_will_not_do(priced: World) -> None:
    home, told = f"/o/{public_id('org', priced.alice.id)}/", "The budget will not be enough."
    alice = signed_in("alice")
    month = month_of(local_day(CLOCK.now(), zone=parse_zone(priced.alice.zone)))
    set_budget(priced.alice.id, budget=Money("USD", 100), actor="a", now=CLOCK.now())
    with acting_in(priced.alice.id, using=SWEEP):
        BudgetAlert.objects.using(SWEEP).create(
            org_id=priced.alice.id,
            month=month.first,
            percent=100,
            currency="USD",
            budget_minor=100,
            forecast_minor=150,
            told=1,
            at=CLOCK.now(),
        )
    assert told in words(alice, home)
    assert "150 % of the 1.00 USD" in words(alice, home)
    assert told not in words(alice, home + "jobs/")
    assert told not in words(signed_in("charlie"), f"/o/{public_id('org', priced.charlie.id)}/")
    assert "Alerts so far" in words(alice, base(priced) + "forecast/")
    set_budget(priced.alice.id, budget=Money("USD", 1_000), actor="a", now=CLOCK.now())  # raised: no banner any more
    assert told not in words(alice, home)


def test_the_operators_overview(priced: World, database: Urls) -> None:
    person("olga@example.org", org=priced.charlie)
    User.objects.filter(email="olga@example.org").update(is_operator=True)
    olga = signed_in("olga")
    assert "Nothing is metered yet" in words(olga, "/platform/costs/")
    with psycopg.connect(database.superuser) as witness:
        witness.execute("UPDATE catalog_cellchange SET at = at - interval '40 days'")
        witness.execute("UPDATE policies_retentionjob SET deleted_at = now() WHERE org_id = %s", [priced.charlie.id])
    for org in (priced.alice, priced.charlie):
        services.meter(org, clock=CLOCK)
        look_ahead(org, now=CLOCK.now())
    with statements() as asked:
        page = words(olga, "/platform/costs/")
    assert len(asked) <= 20
    assert "in 2 organizations" in page
    assert "Alice&#x27;s" in page
    idle = words(olga, "/platform/costs/?view=without_job&orgs.sort=-saving")
    assert "Alice&#x27;s" not in idle
    assert "Charlie&#x27;s" in idle
    assert olga.get("/platform/costs/?view=other").status_code == 422
    table = b"".join(olga.get("/platform/costs/?csv=orgs").streaming_content).decode()  # type: ignore[attr-defined]
    assert table.count("\n") == 3
    for name in ("alice", "bob", "charlie"):
        assert signed_in(name).get("/platform/costs/").status_code == 404
    assert signed_in(None).get("/platform/costs/").status_code == 302


def test_a_fresh_centre_without_data(priced: World) -> None:
    org = centre("Fresh", zone="Asia/Kolkata")
    person("fay@example.org", org=org, admin=True)
    assert "Nothing to foretell from yet" in words(signed_in("fay"), f"/o/{public_id('org', org.id)}/costs/forecast/")
    assert look_ahead(org, now=CLOCK.now() + timedelta(days=1)) == []

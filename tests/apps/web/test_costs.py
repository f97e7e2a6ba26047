"""The pages of costs and of rate cards: what they show to whom, as page, CSV and PDF."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client

from ebbtide.apps.billing.models import RateCardVersion
from ebbtide.apps.billing.services import meter, set_card
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.orgs.models import User
from ebbtide.domain.billing import Month, month_of
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.apps.billing.past import card, happened

from .conftest import CLOCK, World, days_ago, person, signed_in, statements
from .test_doors import said

BIG = dict.fromkeys(map(str, DataType), "999999")


def billed(world: World, database: Urls) -> Month:
    """Both centres with data since 70 days ago, a card since then, every date metered; gives the last closed month."""
    now = CLOCK.now()
    begins = now - timedelta(days=70)
    happened(database, begins)
    set_card(
        card(included={DataType.INSIGHTS: 30}, **BIG),
        month=month_of(begins.date()),
        actor="test",
        now=begins,
    )
    for org in (world.alice, world.charlie):
        meter(org, clock=CLOCK)
    return month_of(days_ago(world.alice, 0)).previous


@pytest.fixture
def month(world: World, database: Urls) -> Month:
    return billed(world, database)


@pytest.fixture
def olga(world: World) -> Client:
    person("olga@example.org", org=world.charlie, admin=True)
    User.objects.filter(email="olga@example.org").update(is_operator=True)
    return signed_in("olga")


def rows(answer: object) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_nothing_metered_yet(alice: Client, world: World) -> None:
    answer = alice.get(f"/o/org_{world.alice.id}/costs/")
    assert answer.status_code == 200
    assert "Nothing is metered yet" in answer.content.decode()
    assert alice.get(f"/o/org_{world.alice.id}/costs/2026-01/").status_code == 404


def test_costs_show_the_running_month_and_the_closed_ones(alice: Client, world: World, month: Month) -> None:
    with statements() as asked:
        answer = alice.get(f"/o/org_{world.alice.id}/costs/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert len(asked) <= 20
    assert f"{month.next.first:%B %Y}, so far" in text
    assert f"/o/org_{world.alice.id}/costs/{month}/" in text
    listed = rows(alice.get(f"/o/org_{world.alice.id}/costs/?csv=months"))
    assert [line["month"] for line in listed][:2] == [str(month.next), str(month)]
    assert listed[0]["closed"] == ""
    assert listed[1]["closed"] != ""


def test_a_statement_as_page_csv_and_pdf(alice: Client, world: World, month: Month) -> None:
    base = f"/o/org_{world.alice.id}/costs/{month}/"
    with statements() as asked:
        page = alice.get(base)
    assert len(asked) <= 20
    text = page.content.decode()
    shown = page.context["page"]
    assert "It never changes" in text
    assert shown.sha256 in text
    shares = rows(alice.get(base + "?csv=shares"))
    assert {line["q"] for line in shares} == {"Sales", "Support"}
    assert sum(round(float(line["amount"]) * 100) for line in shares) == shown.body.total.minor
    paper = alice.get(base + "statement.pdf")
    assert paper["Content-Type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    assert paper["Content-Disposition"] == f'attachment; filename="ebbtide-org_{world.alice.id}-{month}.pdf"'
    assert alice.get(base + "statement.pdf").content == paper.content


def test_the_running_month_is_a_preview(alice: Client, world: World, month: Month) -> None:
    text = alice.get(f"/o/org_{world.alice.id}/costs/{month.next}/").content.decode()
    assert "A preview:" in text
    assert "It never changes" not in text


def test_who_may_see_costs(world: World, month: Month) -> None:
    for path in ("costs/", f"costs/{month}/", f"costs/{month}/statement.pdf"):
        address = f"/o/org_{world.alice.id}/{path}"
        seen = {who: signed_in(who).get(address).status_code for who in ("alice", "bob", "bob.view", "charlie")}
        assert seen == {"alice": 200, "bob": 403, "bob.view": 200, "charlie": 404}, path
        assert signed_in(None).get(address).status_code == 302


ABSENT = ("1999-01", "2026-13", "2026-1", "x", "2026-01%00", "\u0662\u0660\u0662\u0666-01", "0000-01", "9999-12")


def test_months_that_are_not_there_look_the_same(alice: Client, world: World, month: Month) -> None:
    missing = alice.get(f"/o/org_{world.alice.id}/costs/1998-01/")
    for text in ABSENT:
        for end in ("", "statement.pdf"):
            answer = alice.get(f"/o/org_{world.alice.id}/costs/{text}/{end}")
            assert answer.status_code == missing.status_code == 404
            assert said(answer) == said(missing)


# Rate cards


def sent(**more: str) -> dict[str, str]:
    month = month_of(CLOCK.now().date())
    return {
        "month": str(month), "org": "", "currency": "EUR", "price_insights": "0.02", "price_audio": "0.03",
        "price_transcript": "0.02", "price_desktop": "0.05", "days_insights": "400", "days_audio": "400",
        "days_transcript": "", "note": "first", **more,
    }  # fmt: skip


def cards() -> int:
    with as_platform():
        return RateCardVersion.objects.count()


def test_the_operator_puts_a_card_in_force(olga: Client, world: World, database: Urls) -> None:
    assert olga.get("/platform/rate-card/").status_code == 200
    answer = olga.post("/platform/rate-card/", sent(save="1"))
    assert (answer.status_code, answer["Location"]) == (302, "/platform/rate-card/")
    page = olga.get("/platform/rate-card/").context["page"]
    (line,) = page.history.rows
    assert (line.currency, line.note, line.in_force, line.made_by) == ("EUR", "first", True, "olga@example.org")
    assert [one.included_days for one in line.prices] == [400, 400, None, None]
    assert rows(olga.get("/platform/rate-card/?csv=cards"))[0]["price desktop"] == "0.05"


def test_nobody_else_comes_near_it(world: World) -> None:
    for who in ("alice", "bob", "bob.view", "bob.manage", "charlie"):
        client = signed_in(who)
        assert client.get("/platform/rate-card/").status_code == 404
        assert client.post("/platform/rate-card/", sent(save="1")).status_code == 404
    assert signed_in(None).get("/platform/rate-card/").status_code == 302
    assert cards() == 0


IMPOSSIBLE = [
        ("month", "2020-01", "month"), ("month", "", "month"), ("month", "soon", "month"),
        ("currency", "XXX", "currency"), ("currency", "", "currency"),
        ("price_audio", "", "price_audio"), ("price_audio", "-1", "price_audio"), ("price_audio", "1,5", "price_audio"),
        ("price_audio", "NaN", "price_audio"), ("price_audio", "1e9", "price_audio"),
        ("price_audio", "9999999", "price_audio"), ("price_audio", "\u0664", "price_audio"),
        ("days_audio", "0", "days_audio"), ("days_audio", "5001", "days_audio"),
        ("days_audio", "4 weeks", "days_audio"), ("days_audio", "\u0664", "days_audio"),
        ("days_desktop", "400", "price_desktop"), ("org", "Nobody's", "org"), ("inherit", "on", "org"),
]  # fmt: skip


def test_a_card_that_cannot_be(olga: Client) -> None:
    for field, text, at in IMPOSSIBLE:
        answer = olga.post("/platform/rate-card/", sent(save="1", **{field: text}))
        assert answer.status_code == 422, (field, text)
        assert list(answer.context["form"].errors) == [at], (field, text)
        assert answer.context["form"]["price_desktop"].value() == "0.05"
    assert cards() == 0


def test_a_card_is_tried_on_the_last_month_and_changes_nothing(
    olga: Client, alice: Client, world: World, month: Month
) -> None:
    before = alice.get(f"/o/org_{world.alice.id}/costs/{month}/").context["page"].body
    twice = {f"price_{kind}": "1999998" for kind in DataType}
    effect = olga.post(
        "/platform/rate-card/", sent(preview="1", currency="USD", days_insights="30", days_audio="", **twice)
    )
    assert effect.status_code == 422  # more than a price may be
    same = {f"price_{kind}": "999999" for kind in DataType}
    answer = olga.post(
        "/platform/rate-card/", sent(preview="1", currency="USD", days_insights="30", days_audio="", **same)
    )
    found = answer.context["page"].effect
    assert found.organizations == 2
    assert found.difference.minor == 0
    free = (
        olga.post(
            "/platform/rate-card/",
            sent(preview="1", currency="USD", org=world.alice.name, days_insights="5000", days_audio="", **same),
        )
        .context["page"]
        .effect
    )
    assert free.organizations == 1
    assert free.before == before.total
    assert free.lines[0].after.minor == 0
    assert free.difference.minor == -before.lines[0].amount.minor
    assert cards() == 1
    assert alice.get(f"/o/org_{world.alice.id}/costs/{month}/").context["page"].body == before


def test_one_organization_has_a_card_of_its_own(olga: Client, alice: Client, world: World, month: Month) -> None:
    olga.post("/platform/rate-card/", sent(save="1", org=world.alice.name, currency="CHF"))
    page = alice.get(f"/o/org_{world.alice.id}/costs/").context["page"]
    assert (page.own_prices, page.running.currency) == (True, "CHF")
    charlie = signed_in("charlie").get(f"/o/org_{world.charlie.id}/costs/").context["page"]
    assert (charlie.own_prices, charlie.running.currency) == (False, "USD")
    answer = olga.post(
        "/platform/rate-card/", {"month": str(month.next), "org": world.alice.name, "inherit": "on", "save": "1"}
    )
    assert answer.status_code == 302
    page = alice.get(f"/o/org_{world.alice.id}/costs/").context["page"]
    assert (page.own_prices, page.running.currency) == (False, "USD")

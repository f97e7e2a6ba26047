"""The page of the platform's throttle: shown, changed, refused, told."""

from datetime import time

import pytest
from django.test import Client

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.runs.models import Platform, ThrottleTurn
from ebbtide.apps.runs.throttling import ThrottleSet, change_platform_throttle, limits_of, throttle_set
from ebbtide.engine.throttle import Hours, Limits

from .conftest import World, signed_in, statements
from .test_doors import assert_shielded, said

PAGE = "/platform/throttle/"
ASKED = {
    "rows": "most", "rows_per_second": "20,000", "objects": "none", "hours": "most", "hours_from": "22:00",
    "hours_until": "6:00",
}  # fmt: skip


@pytest.fixture
def olga(world: World) -> Client:
    """The platform's operator, member of no organization."""
    User.objects.create(email="olga@example.org", password="!", is_operator=True)
    return signed_in("olga")


def stood(answer: object) -> str:
    """What the page says that stood when it was made."""
    form = answer.context["form"]  # type: ignore[attr-defined]
    value: str = form["stood"].value()
    return value


def stands() -> ThrottleSet:
    return throttle_set(Platform.objects.get(id=1))


def test_it_is_changed_and_holds_for_every_organization_and_is_told(world: World, olga: Client) -> None:
    with acting_in(world.alice.id):
        Organization.objects.filter(id=world.alice.id).update(rows_per_second=500)
    page = olga.get(PAGE)
    assert "It has never been changed" in said(page)
    assert "1 organization has limits of its own" in said(page)
    assert olga.post(PAGE, ASKED | {"stood": stood(page)}).status_code == 302
    assert stands() == ThrottleSet(rows_per_second=20_000, hours_from=time(22), hours_until=time(6))
    hours = (Hours(time(22), time(6)),)
    assert limits_of(world.alice.id) == Limits(rows=500, hours=hours)
    assert limits_of(world.charlie.id) == Limits(rows=20_000, hours=hours)
    page = olga.get(PAGE)
    assert_shielded(page)
    assert "20,000 report rows a second" in said(page)
    assert "keep to it within seconds" in said(page)
    (turn,) = ThrottleTurn.objects.all()
    assert (turn.actor, turn.before["rows_per_second"], turn.after["rows_per_second"]) == (
        "olga@example.org",
        None,
        20_000,
    )
    csv = b"".join(olga.get(PAGE, {"csv": "throttles"}).streaming_content).decode()
    assert "not limited" in csv
    assert '"20000 rows/s, 22:00-06:00"' in csv


def test_lifting_it_is_a_change_like_any_other(olga: Client) -> None:
    change_platform_throttle(ThrottleSet(objects_per_second=1), actor="shell")
    page = olga.get(PAGE)
    none = dict.fromkeys(("rows", "objects", "hours"), "none")
    olga.post(PAGE, none | {"stood": stood(page)})
    assert stands() == ThrottleSet()
    assert olga.post(PAGE, none | {"stood": stood(olga.get(PAGE))}).status_code == 302
    assert ThrottleTurn.objects.count() == 2, "what stood so already is no change"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rows_per_second": "0"}, "whole number from 1"),
        ({"rows_per_second": ""}, "Give a number"),
        ({"rows_per_second": "-3"}, "whole number from 1"),
        ({"rows_per_second": "1e9"}, "whole number from 1"),
        ({"rows_per_second": "99999999999"}, "whole number from 1"),
        ({"hours_from": "6:00"}, "two different times"),
        ({"hours_until": "25:00"}, "25:00"),
        ({"hours_until": ""}, ""),
    ],
)
def test_what_cannot_be_kept_to_is_told_at_its_field_and_changes_nothing(
    olga: Client, wrong: dict[str, str], told: str
) -> None:
    answer = olga.post(PAGE, ASKED | {"stood": stood(olga.get(PAGE))} | wrong)
    assert answer.status_code == 422
    assert told in said(answer)
    assert 'value="20,000"' in answer.content.decode() or "rows_per_second" in wrong, "what was typed stays"
    assert stands() == ThrottleSet()
    assert not ThrottleTurn.objects.exists()


def test_whoever_was_second_is_told_and_overwrites_nothing(olga: Client) -> None:
    seen = stood(olga.get(PAGE))
    change_platform_throttle(ThrottleSet(objects_per_second=7), actor="shell")
    answer = olga.post(PAGE, ASKED | {"stood": seen}, follow=True)
    assert "Somebody else has changed it meanwhile" in said(answer)
    assert stands() == ThrottleSet(objects_per_second=7)
    olga.post(PAGE, ASKED)
    assert stands() == ThrottleSet(objects_per_second=7), "nor does a form that does not say what was seen"


def test_it_takes_few_statements(olga: Client) -> None:
    with statements() as taken:
        olga.get(PAGE)
    assert len(taken) <= 20

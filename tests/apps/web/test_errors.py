"""Errors become pages: the right status, the message where it helps, nothing where it would tell too much."""

import inspect

import pytest
from django.db import OperationalError, connections
from django.http import HttpRequest
from django.test import Client, RequestFactory

from ebbtide.apps.orgs.errors import page_for
from ebbtide.apps.runs import views
from ebbtide.domain import errors
from ebbtide.domain.errors import Broken, EbbtideError, Taken, Unreachable
from ebbtide.pg.launcher import Urls

from .conftest import World, signed_in

EVERY = [one for _name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, EbbtideError)]


def request() -> HttpRequest:
    return RequestFactory().get("/")


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_has_its_page(kind: type[EbbtideError]) -> None:
    answer = page_for(request(), error=kind("The host db-3.internal said no."))
    assert answer.status_code == kind.http_status
    page = answer.content.decode()
    assert "Go to home" in page
    shown = "db-3.internal" in page
    assert shown == (kind.http_status < 500 and kind.http_status != 404)


def test_messages_are_escaped() -> None:
    assert "<b>" not in page_for(request(), error=Taken("<b>bold</b>")).content.decode()


@pytest.mark.parametrize(
    ("error", "status"),
    [(Taken("first"), 409), (Unreachable("db-3"), 503), (Broken("odd"), 500), (OperationalError("db-3 gone"), 503)],
)
def test_an_error_in_a_view_becomes_its_page(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fails(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(views, "home_page", fails)
    answer = alice.get(f"/o/org_{world.alice.id}/")
    assert answer.status_code == status
    assert b"db-3" not in answer.content


def test_a_fault_of_ours_is_a_page_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object, **_more: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(views, "home_page", fails)
    alice = signed_in("alice")
    alice.raise_request_exception = False
    answer = alice.get(f"/o/org_{world.alice.id}/")
    assert answer.status_code == 500
    assert b"Something went wrong on our side" in answer.content
    assert b"secret detail" not in answer.content


def test_a_database_that_is_gone_is_told(database: Urls, world: World) -> None:
    alice = signed_in("alice")
    parts = connections["default"].settings_dict
    before = parts["HOST"]
    connections["default"].close()
    parts["HOST"] = "/nonexistent"
    try:
        answer = alice.get(f"/o/org_{world.alice.id}/")
    finally:
        parts["HOST"] = before
        connections["default"].close()
    assert answer.status_code == 503
    assert b"nonexistent" not in answer.content


def test_a_body_too_large_is_refused(world: World, alice: Client) -> None:
    answer = alice.post(f"/o/org_{world.alice.id}/jobs/new/", {"days": "9" * 10_000_000})
    assert answer.status_code in {400, 413}
    assert b"The request could not be accepted" in answer.content

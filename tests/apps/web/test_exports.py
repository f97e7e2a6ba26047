"""The page of exports: asked as people with different rights; what is given out, and how."""

from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from typing import cast

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.services import By, cancel
from ebbtide.apps.exports.serving import Stretch, stretch_of
from ebbtide.apps.exports.sweeping import sweep_exports
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.web.context.exports import ExportsPage

from .conftest import CLOCK, World, days_ago, person, signed_in, statements

OK, UNACCEPTABLE = HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.fixture
def analyst(world: World) -> Client:
    """Somebody who may see Insights, and not download recordings."""
    person("ann@example.org", org=world.alice, may=Permission.INSIGHTS_VIEW)
    return signed_in("ann")


def place(world: World, rest: str = "") -> str:
    return f"/o/org_{world.alice.id}/exports/{rest}"


def page_of(client: Client, world: World, query: str = "") -> ExportsPage:
    answer = client.get(f"{place(world)}?{query}")
    assert answer.status_code == OK
    return cast("ExportsPage", answer.context["page"])


def form(world: World, **more: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "first": str(days_ago(world.alice, 60)), "last": str(days_ago(world.alice, 0)), "format": "csv",
        "type": ["insights", "audio", "desktop"],
    }  # fmt: skip
    return {**usual, **more}


def clear(world: World) -> None:
    """Let nothing be made any more."""
    with acting_in(world.alice.id):
        export = Export.objects.get(id=world.export)
    cancel(world.alice.id, export=export, by=By("test", CLOCK.now()))
    sweep_exports(now=CLOCK.now())


@pytest.fixture
def ready(world: World) -> Export:
    make_export(world.alice.id, number=world.export, clock=CLOCK, stop=lambda: False)
    with acting_in(world.alice.id):
        export = Export.objects.get(id=world.export)
    assert export.ready_at
    return export


def body(answer: object) -> bytes:
    return b"".join(cast("Iterator[bytes]", cast("StreamingHttpResponse", answer).streaming_content))


def test_it_is_asked_for_weighed_and_made(world: World, alice: Client) -> None:
    clear(world)
    answer = alice.get(place(world, "weigh/"), form(world))
    assert "18" in answer.content.decode()  # 12 segments and 6 desktop recordings
    answer = alice.post(place(world), form(world))
    assert answer.status_code == HTTPStatus.FOUND
    page = page_of(alice, world)
    assert page.open
    assert (page.open.state, page.open.every, page.open.asked_by) == ("waiting", True, "alice@example.org")
    assert page.open.types == (DataType.INSIGHTS, DataType.AUDIO, DataType.DESKTOP)
    told = alice.get(place(world, f"exp_{page.open.id}/progress/"), headers={"HX-Request": "true"})
    assert "waiting for a worker" in told.content.decode()
    assert "HX-Refresh" not in told
    again = alice.post(place(world), form(world))
    assert again.status_code == HTTPStatus.CONFLICT
    assert "one at a time" in again.content.decode()
    make_export(world.alice.id, number=page.open.id, clock=CLOCK, stop=lambda: False)
    assert alice.get(place(world, f"exp_{page.open.id}/progress/"), headers={"HX-Request": "true"})["HX-Refresh"]
    page = page_of(alice, world)
    assert page.open is None
    assert [row.state for row in page.listing.rows] == ["ready", "cancelled"]
    with acting_in(world.alice.id):
        logged = set(
            DataAccess.objects.filter(what=public_id("exp", page.listing.rows[0].id)).values_list("action", "kind")
        )
    assert logged == {("export", "insights"), ("export", "desktop")}  # of audio there was nothing


def test_what_is_wrong_is_said_at_its_field(world: World, alice: Client) -> None:
    clear(world)
    for name, value, said in (
        ("first", "soon", "is not a date"),
        ("last", "1999-01-01", "lies before the first"),
        ("first", "2999-01-01", "lies before the first"),
        ("type", [], "at least one data type"),
        ("type", ["secrets"], "at least one data type"),
        ("format", "exe", "Choose one of csv, parquet"),
    ):
        answer = alice.post(place(world), form(world, **{name: value}))
        assert answer.status_code == UNACCEPTABLE, name
        wrong = answer.context["page"].form.wrong
        assert any(said in one for one in wrong.values()), wrong
    answer = alice.post(place(world), form(world, q=f"que_{world.foreign_queue}"))
    assert answer.status_code == UNACCEPTABLE
    answer = alice.post(
        place(world), form(world, first=str(days_ago(world.alice, 9)), last=str(days_ago(world.alice, 8)))
    )
    assert "There is nothing of these" in answer.content.decode()
    with acting_in(world.alice.id):
        assert Export.objects.count() == 1


def test_recordings_need_their_own_permission(world: World, analyst: Client, ready: Export) -> None:
    page = page_of(analyst, world)
    assert [one.open for one in page.form.types] == [True, False, False, False]
    assert [row.open_to for row in page.listing.rows] == [False]
    answer = analyst.post(place(world), form(world))
    assert answer.status_code == UNACCEPTABLE
    assert "permission to download recordings" in answer.content.decode()
    own = place(world, f"exp_{ready.id}/")
    assert analyst.get(f"{own}archive.zip").status_code == HTTPStatus.FORBIDDEN
    assert analyst.post(f"{own}delete/").status_code == HTTPStatus.FORBIDDEN
    assert analyst.post(place(world), form(world, type="insights")).status_code == HTTPStatus.FOUND
    with acting_in(world.alice.id):
        rows = Export.objects.get(ready_at__isnull=True)
    make_export(world.alice.id, number=rows.id, clock=CLOCK, stop=lambda: False)
    answer = analyst.get(place(world, f"exp_{rows.id}/archive.zip"))
    assert answer.status_code == OK
    assert body(answer)[:2] == b"PK"


def test_an_archive_is_given_out_whole_and_in_parts(world: World, alice: Client, ready: Export) -> None:
    where = place(world, f"exp_{ready.id}/archive.zip")
    whole = alice.get(where)
    content = body(whole)
    assert content == b"".join(export_store().get(ready.key))
    assert whole["Content-Type"] == "application/zip"
    assert whole["Content-Disposition"] == f'attachment; filename="ebbtide-org_{world.alice.id}-exp_{ready.id}.zip"'
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert int(whole["Content-Length"]) == len(content) == ready.size
    part = alice.get(where, headers={"Range": "bytes=100-199", "If-Range": whole["ETag"]})
    assert part.status_code == HTTPStatus.PARTIAL_CONTENT
    assert part["Content-Range"] == f"bytes 100-199/{ready.size}"
    assert body(part) == content[100:200]
    assert body(alice.get(where, headers={"Range": "bytes=-7"})) == content[-7:]
    assert body(alice.get(where, headers={"Range": "bytes=5-", "If-Range": '"another"'})) == content
    beyond = alice.get(where, headers={"Range": f"bytes={ready.size}-"})
    assert beyond.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert alice.head(where).status_code == OK
    with acting_in(world.alice.id):
        logged = list(
            DataAccess.objects.filter(action="download").order_by("kind").values_list("actor", "kind", "what")
        )
    assert logged == [("alice@example.org", str(kind), f"exp_{ready.id}") for kind in sorted(DataType)]


@pytest.mark.parametrize(
    ("header", "stretch"),
    [
        ("", Stretch(0, 10)),
        ("bytes=0-", Stretch(0, 10)),
        ("bytes=2-3", Stretch(2, 4)),
        ("bytes=2-99", Stretch(2, 10)),
        ("bytes=-4", Stretch(6, 10)),
        ("bytes=-99", Stretch(0, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=3-2", Stretch(0, 10)),
        ("bytes=-", Stretch(0, 10)),
        ("bytes=0-1,4-5", Stretch(0, 10)),
        ("lines=1-2", Stretch(0, 10)),
        ("bytes=٣-٤", Stretch(0, 10)),
    ],
)
def test_ranges(header: str, stretch: Stretch | None) -> None:
    assert stretch_of(header, size=10) == stretch


def test_what_is_deleted_cannot_be_had(world: World, alice: Client, ready: Export) -> None:
    where = place(world, f"exp_{ready.id}/")
    assert alice.post(f"{where}delete/").status_code == HTTPStatus.FOUND
    assert alice.get(f"{where}archive.zip").status_code == HTTPStatus.CONFLICT
    assert page_of(alice, world).listing.rows[0].state == "going"
    sweep_exports(now=CLOCK.now())
    row = page_of(alice, world).listing.rows[0]
    assert (row.state, row.why) == ("gone", "deleted")
    lines = alice.get(f"{place(world)}?csv=exports")
    assert b"gone" in body(lines)


def test_the_form_is_filled_with_what_is_about_to_go(world: World, alice: Client, analyst: Client) -> None:
    old = days_ago(world.alice, 40)
    everything = {DataType.INSIGHTS, DataType.DESKTOP}

    def told(page: ExportsPage) -> tuple[date, date, set[DataType], str, int]:
        chosen = {one.data_type for one in page.form.types if one.chosen}
        first, last = date.fromisoformat(page.form.first), date.fromisoformat(page.form.last)
        return first, last, chosen, page.form.why, page.form.weights.items

    night = told(page_of(alice, world, "tonight=1"))
    assert night == (old, old, everything, "night", 6)
    assert told(page_of(alice, world, f"job=job_{world.job}"))[:3] == night[:3]
    assert told(page_of(analyst, world, "tonight=1"))[2] == {DataType.INSIGHTS}
    sales = world.queues["Sales"]
    draft = page_of(alice, world, f"older=5&what=desktop&q=que_{sales}")
    assert told(draft) == (old, days_ago(world.alice, 11), {DataType.DESKTOP}, "job", 2)
    assert draft.form.chosen == {sales}
    assert page_of(alice, world, "older=4000").form.nothing
    for wrong in ("older=0", "older=5001", "older=soon", "older=1e3"):
        assert alice.get(f"{place(world)}?{wrong}").status_code == UNACCEPTABLE, wrong
    assert alice.get(f"{place(world)}?job=job_{world.foreign_job}").status_code == HTTPStatus.NOT_FOUND


def test_the_pages_that_are_about_deletion_lead_here(world: World, alice: Client) -> None:
    org = public_id("org", world.alice.id)
    assert f"/o/{org}/exports/?tonight=1" in alice.get(f"/o/{org}/").content.decode()
    assert f"/o/{org}/exports/?job=job_{world.job}" in alice.get(f"/o/{org}/jobs/job_{world.job}/").content.decode()
    preview = alice.post(f"/o/{org}/jobs/preview/", {"type": "global", "what": "all", "days": "5"})
    assert f"/o/{org}/exports/?older=5&amp;what=all" in preview.content.decode()
    viewer = signed_in("bob.view").get(f"/o/{org}/").content.decode()
    assert "exports/" not in viewer  # who may not see Insights is not sent there


def test_it_is_cheap(world: World, alice: Client, ready: Export) -> None:
    with statements() as asked:
        page_of(alice, world, f"first={days_ago(world.alice, 60)}&last={days_ago(world.alice, 0)}&type=insights")
    assert len(asked) <= 20, asked

"""Data that comes in while a night goes on: what is taken, what waits, what stays out. See docs/late-data.md.

The night is held up in the middle, over the recordings of its second day, while data comes in on another connection.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs import services
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.reconcile import reconcile
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.engine.clock import SystemClock
from tests import cast
from tests.apps.runs.test_sharing import PATIENCE, Gate
from tests.journeys.scenes import Size, booked, centre, picture

pytestmark = pytest.mark.usefixtures("database")

CLOCK = SystemClock()
SIZE = Size(calls=4, recorded=2)


@pytest.fixture(autouse=True)
def each_day_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_STRETCH", 60)


def racing(name: str) -> Organization:
    """An armed centre, read back with the secret its ids are made with."""
    return refreshed(centre(name, size=SIZE).id)


def day(org: Organization, back: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=back)


def start(org: Organization) -> Run:
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    return services.start_run(org.id, asked=asked, clock=CLOCK)


@contextmanager
def in_the_middle(org: Organization, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Run]]:
    """Hold a night up: its oldest day is gone, its second is being destroyed; gives what lets it go on to its end."""
    is_held, may_go = threading.Event(), threading.Event()
    second = str(day(org, 32))

    def at(keys: Sequence[str]) -> None:
        if second in keys[0]:
            is_held.set()
            assert may_go.wait(PATIENCE)

    def night() -> Run:
        try:
            return start(org)
        finally:
            connections.close_all()

    monkeypatch.setattr(services, "object_store", lambda: Gate(object_store(), at=at))
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(night)
        try:
            assert is_held.wait(PATIENCE)

            def let_go() -> Run:
                may_go.set()
                return going.result(PATIENCE)

            yield let_go
        finally:
            may_go.set()


def all_is_well() -> None:
    assert [found for found in examine(now=CLOCK.now()) if not found.ok] == []


def test_data_that_comes_in_while_a_night_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    org, neighbour = racing("Racing"), centre("Neighbour", size=SIZE, armed=False)
    untouched = picture(neighbour)
    with in_the_middle(org, monkeypatch) as let_go:
        gone, third, young = day(org, 33), day(org, 31), day(org, 29)
        new = {
            back: cast.calls("Sales", day=when, count=1, prefix="new")
            for back, when in ((33, gone), (31, third), (29, young))
        }
        told = {back: cast.load(org, rows) for back, rows in new.items()}
        assert (told[33].imported, told[33].late) == (0, 1), "its day is purged: it stays out"
        assert (told[31].imported, told[31].late) == (1, 0), "its day is due and still there: it comes in"
        assert (told[29].imported, told[29].late) == (1, 0)
        audio = cast.record(org, f"call-Sales-{gone}-0", kind=DataType.AUDIO)
        transcript = cast.record(org, f"call-Sales-{gone}-0", kind=DataType.TRANSCRIPT)
        assert (audio.late, transcript.late) == (1, 1), "late recordings and transcripts of a purged call stay out"
        assert cast.record(org, f"call-Support-{third}-3", kind=DataType.TRANSCRIPT).imported == 1
        run = let_go()
    assert run.outcome == "incomplete"
    per_day = SIZE.calls + SIZE.recorded
    assert run.kept == SIZE.calls + 1, "what grew since the plan counted it is left whole: a person saw other counts"
    assert run.failed == SIZE.calls, "rows wait for a transcript that no plan named"
    assert run.purged == SIZE.due - 2 * SIZE.calls
    assert per_day * 9 == SIZE.due
    again = start(org)
    assert (again.outcome, again.purged) == ("completed", 2 * SIZE.calls + 2), "the next plan counts all of it"
    assert booked(org) == SIZE.due + 2 + run.kept + run.failed
    assert picture(neighbour) == untouched
    all_is_well()


def test_a_call_that_moves_to_another_q_or_day(monkeypatch: pytest.MonkeyPatch) -> None:
    org = racing("Moving")
    with in_the_middle(org, monkeypatch) as let_go:
        gone, there, young = day(org, 33), day(org, 31), day(org, 29)

        def moved(key: str, *, queue: str, when: date) -> tuple[int, int, int]:
            counts = cast.load(org, [{"source_key": key, "queue": queue, "day": when}])
            return counts.imported, counts.already_there, counts.late

        assert moved(f"call-Sales-{gone}-0", queue="Sales", when=young) == (0, 0, 1), "no other day brings it back"
        assert moved(f"call-Sales-{gone}-0", queue="Support", when=young) == (0, 0, 1), "nor another Q"
        assert moved(f"call-Sales-{there}-0", queue="Support", when=young) == (0, 1, 0), "it stays where it is"
        assert moved(f"call-Sales-{young}-0", queue="Sales", when=gone) == (0, 0, 1), "none moves onto a purged day"
        run = let_go()
    assert (run.outcome, run.purged) == ("completed", SIZE.due)
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT count(*) FROM insights_segment WHERE day = %s", [young])
        assert cursor.fetchone() == (3 * SIZE.calls,), "no call came to another day"
    all_is_well()


def test_ingest_and_purge_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is held up: imports of old and new days go on all the while; whatever wins, the counts are exact."""
    org = racing("Storm")
    ended = threading.Event()

    def pour() -> int:
        taken = 0
        try:
            for number in range(200):
                if ended.is_set() and number > 5:
                    break
                rows = [
                    row
                    for back in (33, 32, 31, 29)
                    for row in cast.calls("Sales", day=day(org, back), count=1, prefix=f"storm{number}")
                ]
                taken += cast.load(org, rows).imported
        finally:
            connections.close_all()
        return taken

    with ThreadPoolExecutor(1) as pool:
        pouring = pool.submit(pour)
        first = start(org)
        ended.set()
        taken = pouring.result(PATIENCE)
    assert first.outcome in ("completed", "incomplete")
    assert reconcile(org, mend=False, now=CLOCK.now()).drifts == []
    again = start(org)
    assert again.outcome == "completed"
    young = sum(
        items for (when, _, kind), items in cast.counted(org).items() if kind == "insights" and when >= day(org, 30)
    )
    total = 5 * 3 * SIZE.calls + taken
    with acting_in(org.id) as cursor:
        cursor.execute(
            "SELECT coalesce(sum(items), 0)::int FROM ledger_entry WHERE outcome = 'purged' AND data_type = 'insights'"
        )
        (purged,) = cursor.fetchone()
    assert purged + young == total, "each call that came in was purged once, or is there"
    all_is_well()

"""Cells that take several batches, and objects that take several nights: the purged line never stops its own sweep."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs import services
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.planning import confirm_plan, make_plan
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import Failed, Outcome, RunOutcome
from ebbtide.engine import sweep
from ebbtide.engine.clock import FixedClock
from ebbtide.pg.launcher import Urls
from tests import cast


def run_confirmed(org: Organization, *, now: datetime) -> Run:
    plan = public_id("plan", make_plan(org.id, as_of=None, now=now).id)
    confirm_plan(org.id, plan_id=plan, actor="test", now=now)
    today = local_day(now, zone=parse_zone(org.zone))
    asked = services.Asked("manual", today, plan_id=plan)
    return services.start_run(org.id, asked=asked, clock=FixedClock(now))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def alice(database: Urls, now: datetime) -> Iterator[Organization]:
    """Two old days with five recorded calls each, one new day, everything older than 10 days due; and a neighbour."""
    org = cast.centre("Alice")
    charlie = cast.centre("Charlie")
    today = local_day(now, zone=parse_zone(org.zone))
    for each in (org, charlie):
        for back in (5, 20, 21):
            day = today - timedelta(days=back)
            cast.load(each, cast.calls("service", day=day, count=5))
            for number in range(5):
                cast.record(each, f"call-service-{day}-{number}", kind=DataType.AUDIO)
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="test")
    arm(org.id, reason="test", actor="test", now=now)
    neighbour = cast.everything(charlie)
    yield org
    assert cast.everything(charlie) == neighbour


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_cell_that_does_not_fit_into_one_batch_goes_whole(
    alice: Organization, now: datetime, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", batch)
    run = run_confirmed(alice, now=now)
    assert (run.outcome, run.reason, run.purged) == (RunOutcome.COMPLETED, "", 20)
    left = cast.everything(alice)
    assert (len(left.segments), left.media, len(left.objects)) == (5, left.objects, 5)


def test_an_object_that_fails_one_night_goes_the_next(
    alice: Organization, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 3)
    store = object_store()
    stuck = min(store.keys(f"org_{alice.id}"))
    destroy = store.destroy

    def failing(keys: Sequence[str]) -> Sequence[Outcome]:
        if stuck not in keys:
            return destroy(keys)
        found = iter(destroy([key for key in keys if key != stuck]))
        return [Failed("AccessDenied") if key == stuck else next(found) for key in keys]

    monkeypatch.setattr(store, "destroy", failing)
    run = run_confirmed(alice, now=now)
    assert (run.outcome, run.purged, run.failed) == (RunOutcome.INCOMPLETE, 14, 6)  # it, and the five rows of its cell
    monkeypatch.undo()
    run = run_confirmed(alice, now=now)
    assert (run.outcome, run.purged, run.failed) == (RunOutcome.COMPLETED, 6, 0)
    assert not set(store.keys(f"org_{alice.id}")) - cast.everything(alice).media

"""SIGTERM: a run ends after its batch, and goes on at the next start as if nothing had been."""

import json
import signal

import pytest

from ebbtide.domain.outcome import RunOutcome
from tests.journeys.product import Product, wait_for
from tests.journeys.scenes import FIVE_THOUSAND, Size, booked, centre, is_live, picture, runs_of

DUE = FIVE_THOUSAND.due


@pytest.mark.long
def test_a_stopped_run_goes_on_with_exact_counts(product: Product) -> None:
    quiet, stopped = centre("Quiet", size=FIVE_THOUSAND), centre("Stopped", size=FIVE_THOUSAND)
    neighbour = centre("Neighbour", size=Size(calls=5, recorded=2), armed=False)
    untouched = picture(neighbour)
    assert product.ask("run", "start", "Quiet")["purged"] == DUE

    running = product.start("run", "start", "Stopped", "--format", "json")
    wait_for(lambda: booked(stopped), within=30, why="the first batch of objects is booked")
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    told = json.loads(out)
    assert told["outcome"] is None
    assert "goes on when it is started again" in err
    assert 0 < booked(stopped) < DUE, "the stop came in the middle, or this test shows nothing"

    told = product.ask("run", "start", "Stopped")
    first, second = runs_of(stopped)
    assert (first.outcome, first.purged, first.failed, first.not_reached) == (RunOutcome.COMPLETED, DUE, 0, 0)
    assert (second.purged, told["purged"]) == (0, 0), "a second run right after a good one deletes nothing"
    assert picture(stopped) == picture(quiet)
    assert picture(neighbour) == untouched


def test_a_stopped_worker_ends_after_its_batch_and_another_goes_on(product: Product) -> None:
    org = centre("Stopped", size=FIVE_THOUSAND)
    # it takes some seconds so, and the stop comes in the middle
    assert product.run("org", "throttle", "Stopped", "--objects", "300").returncode == 0
    worker = product.start("worker")
    wait_for(lambda: is_live(org) and booked(org), within=60, why="the worker has booked its first batch")
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=30)
    assert worker.returncode == 0, err
    (run,) = runs_of(org)
    assert run.outcome is None
    assert 0 < booked(org) < DUE

    assert product.run("org", "throttle", "Stopped", "--objects", "none").returncode == 0
    report = product.ask("night")
    assert [one["outcome"] for one in report["runs"]] == ["completed"]
    (run,) = runs_of(org)
    assert (run.trigger, run.purged, run.failed, run.not_reached) == ("nightly", DUE, 0, 0)
    assert booked(org) == DUE

"""Several at once: each local date runs once, nothing is deleted twice, and who dies is relieved."""

import time

import pytest

from tests.journeys.product import Product, kill, wait_for
from tests.journeys.scenes import FIVE_THOUSAND, Size, booked, centre, is_carried, is_live, picture, runs_of

SMALL = Size(calls=20, recorded=10)


@pytest.mark.long
def test_two_nights_and_two_workers_run_each_date_once(product: Product) -> None:
    armed = [centre(f"Armed {number}", size=SMALL) for number in range(4)]
    watching = [centre(f"Watching {number}", size=SMALL, armed=False) for number in range(3)]
    before = [picture(org) for org in watching]

    workers = [product.start("worker"), product.start("worker")]
    nights = [product.start("night"), product.start("night")]
    for night in nights:
        _, err = night.communicate(timeout=60)
        assert night.returncode == 0, err
    wait_for(
        lambda: all(runs_of(org) and runs_of(org)[-1].outcome for org in [*armed, *watching]),
        within=60,
        why="every organization has its run",
    )
    for worker in workers:
        worker.terminate()
        _, err = worker.communicate(timeout=30)
        assert worker.returncode == 0, err

    for org in armed:
        (run,) = runs_of(org)
        assert (run.trigger, run.outcome, run.purged, run.failed) == ("nightly", "completed", SMALL.due, 0)
        assert booked(org) == SMALL.due
        assert picture(org) == picture(armed[0])
    for org, was in zip(watching, before, strict=True):
        (run,) = runs_of(org)
        assert (run.outcome, booked(org)) == ("simulated", 0)
        assert picture(org) == was


def test_a_killed_workers_run_is_taken_over_within_a_minute(product: Product) -> None:
    org = centre("Orphaned", size=FIVE_THOUSAND)
    first = product.start("worker")
    wait_for(lambda: is_live(org) and booked(org), within=60, why="the first worker is in the middle of the run")
    second = product.start("worker")
    kill(first)
    died = time.monotonic()
    wait_for(is_carried, within=60, why="the second worker takes the run over")
    wait_for(lambda: not is_live(org), within=30, why="it brings the run to its end")
    took = time.monotonic() - died
    second.terminate()
    _, err = second.communicate(timeout=30)
    assert second.returncode == 0, err
    (run,) = runs_of(org)
    assert (run.outcome, run.purged, run.failed) == ("completed", FIVE_THOUSAND.due, 0)
    assert booked(org) == FIVE_THOUSAND.due
    assert took < 60

"""kill -9 anywhere: started again, a run comes to the same end as one that nobody disturbed, to the last item."""

import time
from collections.abc import Callable, Iterable
from random import Random

import pytest

from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.outcome import RunOutcome
from tests.journeys.product import Product, kill, wait_for
from tests.journeys.scenes import (
    FIVE_THOUSAND,
    Size,
    booked,
    centre,
    claimed,
    is_carried,
    picture,
    recorded_due,
    runs_of,
)

Moment = Callable[[], bool]


def kill_at(
    product: Product, org: Organization, *, command: tuple[str, ...], moments: Iterable[Moment], seed: int
) -> list[int]:
    """Start the command again and again, and kill it at each of the moments and a random while later.

    Returns:
        What was in the book at each kill.
    """
    random = Random(seed)  # noqa: S311 - chooses moments, guards nothing
    book = []
    for moment in moments:
        process = product.start(*command)
        wait_for(
            lambda moment=moment: is_carried() and moment(), within=60, why=f"the moment comes; the book is at {book}"
        )
        time.sleep(random.uniform(0, 0.03))  # so that the kill falls anywhere around the moment, not on its poll
        kill(process)
        assert runs_of(org)[-1].outcome is None, f"the run was over before kill {len(book) + 1}: make it larger"
        book.append(booked(org))
    return book


def test_three_kills_change_nothing(product: Product) -> None:
    quiet, killed = centre("Quiet", size=FIVE_THOUSAND), centre("Killed", size=FIVE_THOUSAND)
    neighbour = centre("Neighbour", size=Size(calls=5, recorded=2), armed=False)
    untouched = picture(neighbour)
    assert product.ask("run", "start", "Quiet")["purged"] == FIVE_THOUSAND.due

    moments = (
        lambda: claimed(killed) > 0,  # decided on and written down; some are gone, none is booked
        lambda: booked(killed) >= 1_000,  # the first batch is closed
        lambda: True,  # taking up what was left
    )
    book = kill_at(product, killed, command=("run", "start", "Killed"), moments=moments, seed=1)
    assert book == sorted(book)
    assert book[0] < FIVE_THOUSAND.due

    assert product.run("run", "start", "Killed").returncode == 0
    run = runs_of(killed)[0]
    assert (run.outcome, run.purged, run.kept, run.failed, run.not_reached) == (
        RunOutcome.COMPLETED,
        FIVE_THOUSAND.due,
        0,
        0,
        0,
    )
    assert picture(killed) == picture(quiet)
    assert picture(neighbour) == untouched
    assert product.ask("reconcile")["ok"]


@pytest.mark.long
@pytest.mark.parametrize("seed", [7, 8])
def test_twenty_kills_of_the_worker_change_nothing(product: Product, seed: int) -> None:
    size = Size(calls=4_500, recorded=1_300)  # 52,200 due: 11,700 objects in 12 batches, then 40,500 rows
    quiet = centre("Quiet", size=size)
    neighbour = centre("Neighbour", size=Size(calls=5, recorded=2), armed=False)
    assert {one["outcome"] for one in product.ask("night")["runs"]} == {"completed", "simulated"}
    untouched = picture(neighbour)
    killed = centre("Killed", size=size)

    anywhere = [lambda: True] * 8
    growing = [lambda least=least: booked(killed) >= least for least in range(1_000, 12_000, 1_000)]
    among_rows = [lambda: recorded_due(killed) == 0]  # they go in one batch: a second kill could come too late
    book = kill_at(product, killed, command=("worker",), moments=[*anywhere, *growing, *among_rows], seed=seed)
    assert len(book) == 20
    assert book == sorted(book)

    (finished,) = product.ask("night")["runs"]
    assert (finished["outcome"], finished["purged"], finished["failed"], finished["not_reached"]) == (
        "completed",
        size.due,
        0,
        0,
    )
    assert len(runs_of(killed)) == 1
    assert picture(killed) == picture(quiet)
    assert picture(neighbour) == untouched
    assert product.ask("reconcile")["ok"]

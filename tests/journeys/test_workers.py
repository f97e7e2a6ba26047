"""Several worker processes carry one night of one organization together, on one host and on two; some of them die.

The object store is slow, so that the night is long enough for all of them to come. `tests/apps/runs/test_sharing.py`
is the small selection of this in the ordinary suite.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import WEB, connect
from ebbtide.apps.orgs.locks import workers_at
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.schema import migrate
from ebbtide.apps.runs.wiring import object_store
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.faults import proxy
from tests.faults.conftest import s3_settings, seaweedfs
from tests.journeys.hosts import by_address, hosts, served_by_address
from tests.journeys.product import Product, kill, on_database, plain_environment, wait_for
from tests.journeys.scenes import Size, booked, centre, picture, runs_of
from tests.stores import seaweed

__all__ = ["s3_settings", "seaweedfs"]

pytestmark = pytest.mark.long

SIZE = Size(calls=200, recorded=120)
SMALL = Size(calls=5, recorded=2)
STRETCH = "500"
Worker = "subprocess.Popen[bytes]"


@pytest.fixture
def slow_store(s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[proxy.BadStore]:
    """SeaweedFS behind a proxy on every address; slow once it is told to be."""
    with proxy.running(behind=s3_settings.endpoint, address="0.0.0.0") as store:  # noqa: S104 - hosts of the test's own
        store.endpoint = store.endpoint.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
        monkeypatch.setattr(settings, "EBBTIDE_OBJECTS_URL", f"s3://{seaweed.BUCKET}/workers-{os.getpid()}-{id(store)}")
        object_store.cache_clear()
        yield store
        object_store.cache_clear()


def at_it(run: Run) -> int:
    return workers_at(run.id, using=WEB)


def live(org: Organization) -> Run | None:
    found = [run for run in runs_of(org) if run.mode == "live" and run.outcome is None]
    return found[0] if found else None


def finished(org: Organization, *, within: float) -> Run:
    run: Run = wait_for(
        lambda: next((run for run in runs_of(org) if run.outcome is not None), None), within=within, why="the run ends"
    )
    return run


def batches_are_numbered_once(org: Organization, database: Urls) -> None:
    with psycopg.connect(database.superuser) as admin:
        shared = admin.execute(
            "SELECT batch FROM ledger_entry WHERE org_id = %s GROUP BY batch HAVING count(DISTINCT xmin::text) > 1",
            [org.id],
        ).fetchall()
    assert shared == []


def twins() -> tuple[Organization, Organization, Organization]:
    """One that nobody disturbs, a neighbour, and the one whose night is shared."""
    return centre("Quiet", size=SIZE), centre("Neighbour", size=SMALL, armed=False), centre("Shared", size=SIZE)


def test_three_workers_finish_one_night_though_some_are_killed(
    database: Urls, slow_store: proxy.BadStore, tmp_path: Path
) -> None:
    random = Random(1)  # noqa: S311 - chooses whom and when
    quiet, neighbour, org = twins()
    product = on_database(database, tmp_path)
    product = Product(tmp_path, {**product.environment, "EBBTIDE_STRETCH": STRETCH})
    assert product.ask("run", "start", "Quiet")["purged"] == SIZE.due
    untouched = picture(neighbour)
    slow_store.delay = 0.15
    numbers = iter(range(100))

    def worker() -> "subprocess.Popen[bytes]":
        return product.stay("worker", "--concurrency", "1", log=tmp_path / f"worker-{next(numbers)}")

    workers = [worker() for _ in range(3)]
    try:
        run: Run = wait_for(lambda: live(org), within=120, why="the night begins")
        wait_for(lambda: at_it(run) == 3 or live(org) is None, within=60, why="all three are at it")
        most, replaced = at_it(run), []
        for _ in range(2):
            if live(org) is None:
                break
            time.sleep(random.uniform(0, 1))
            victim = workers.pop(random.randrange(len(workers)))
            kill(victim)
            died = time.monotonic()
            workers.append(worker())
            wait_for(lambda: at_it(run) >= 3 or live(org) is None, within=60, why="the killed one is replaced")
            replaced.append(time.monotonic() - died)
        ended = finished(org, within=240)
    finally:
        for one in workers:
            one.terminate()
        for one in workers:
            one.wait(90)
    assert most == 3
    assert (ended.outcome, ended.purged, ended.kept, ended.failed, ended.not_reached) == (
        "completed",
        SIZE.due,
        0,
        0,
        0,
    )
    assert len(runs_of(org)) == 1
    assert booked(org) == SIZE.due
    batches_are_numbered_once(org, database)
    assert picture(org) == picture(quiet)
    assert picture(neighbour) == untouched
    assert max(replaced, default=0) < 60
    assert [found for found in examine(now=SystemClock().now()) if not found.ok] == []


@pytest.fixture
def elsewhere(server: Urls, slow_store: proxy.BadStore) -> Iterator[None]:
    """Connects the others' database again behind a test that has one of its own."""
    yield
    object_store.cache_clear()
    connections.close_all()
    connect(web=server.web, sweep=server.sweep, owner=server.owner)


@pytest.mark.usefixtures("elsewhere")
def test_two_hosts_finish_one_night_though_one_is_cut_off(slow_store: proxy.BadStore, tmp_path: Path) -> None:
    with hosts(2) as (first, second), served_by_address(tmp_path / "own", [first, second]) as urls:
        connections.close_all()
        connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
        migrate()
        with psycopg.connect(urls.superuser, autocommit=True) as admin:
            admin.execute("SELECT pg_reload_conf()")  # who may come by address
        quiet, neighbour, org = twins()
        product = on_database(urls, tmp_path)
        assert product.ask("run", "start", "Quiet")["purged"] == SIZE.due
        untouched = picture(neighbour)
        slow_store.delay = 0.15
        port = slow_store.endpoint.rpartition(":")[2]

        def worker(host: object) -> "subprocess.Popen[bytes]":
            assert host in (first, second)
            on = first if host is first else second
            environment = plain_environment() | {
                "DATABASE_URL": by_address(urls.web, on),
                "EBBTIDE_SWEEP_URL": by_address(urls.sweep, on),
                "EBBTIDE_OBJECTS_URL": settings.EBBTIDE_OBJECTS_URL,
                "AWS_ENDPOINT_URL": f"http://{on.at}:{port}",
                "EBBTIDE_STRETCH": STRETCH,
            }
            return on.start("worker", "--concurrency", "1", environment=environment, log=tmp_path / on.name)

        workers = [worker(first)]
        try:
            run: Run = wait_for(lambda: live(org), within=120, why="the first host begins the night")
            workers.append(worker(second))
            wait_for(lambda: at_it(run) == 2, within=60, why="the second host joins")
            assert clients(urls) >= {"10.213.1.2/32", "10.213.2.2/32"}, "they come by address"
            before = booked(org)
            first.cut()
            cut = time.monotonic()
            wait_for(lambda: "10.213.1.2/32" not in clients(urls), within=60, why="the lost host is noticed")
            noticed = time.monotonic() - cut
            ended = finished(org, within=240)
            first.mend()
        finally:
            for one in workers:
                one.terminate()
            for one in workers:
                one.wait(90)
        assert booked(org) > before
        assert (ended.outcome, ended.purged, ended.failed, ended.not_reached) == ("completed", SIZE.due, 0, 0)
        assert booked(org) == SIZE.due
        batches_are_numbered_once(org, urls)
        assert picture(org) == picture(quiet)
        assert picture(neighbour) == untouched
        assert noticed < 60
        assert [found for found in examine(now=SystemClock().now()) if not found.ok] == []


def clients(urls: Urls) -> set[str]:
    """Addresses that are connected to the database now."""
    with psycopg.connect(urls.superuser) as admin:
        return {
            row[0]
            for row in admin.execute(
                "SELECT DISTINCT client_addr::text FROM pg_stat_activity WHERE client_addr IS NOT NULL"
            )
        }

"""A whole live run over recordings (plan, guards, claims, deletion, book, verification) against bare deletes.

On each store in turn: the run, then bare obstore (list, delete the list) of as many objects; on S3 beside it boto3 with
DeleteObjects of a thousand keys in 16 threads, s5cmd, and rclone where it is installed. Every object has 4 KiB.
The rows of the index are written past the triggers; ingest has its own benchmark.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import obstore
import psycopg
from botocore.config import Config
from django.conf import settings
from tests.stores import seaweed

from bench import processors
from bench.measure import Urls, checkpoint, forget_peak, peak_mib, seconds
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.apps.runs import planning, probing, services
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.stores.objects import Objects

CLOCK = SystemClock()
BODY = b"\0" * 4096
DAYS, QUEUES = 10, 4
_WRITERS = 16


def measure(urls: Urls, *, objects: int) -> list[str]:
    """Measure on SeaweedFS and on a local folder."""
    with tempfile.TemporaryDirectory(prefix="ebbtide-bench-store-") as folder:
        with seaweed.running(Path(folder) / "seaweed") as server, _environment(server):
            lines = _on(urls, name="SeaweedFS", url=f"s3://{seaweed.BUCKET}/ours", objects=objects, server=server)
        return lines + _on(urls, name="a local folder", url=(Path(folder) / "local").as_uri(), objects=objects)


@contextmanager
def _environment(server: seaweed.Seaweed) -> Iterator[None]:
    told = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": seaweed.KEY,
        "AWS_SECRET_ACCESS_KEY": seaweed.SECRET,
        "AWS_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _on(urls: Urls, *, name: str, url: str, objects: int, server: seaweed.Seaweed | None = None) -> list[str]:
    settings.EBBTIDE_OBJECTS_URL = url
    object_store.cache_clear()
    org = _organization(name, urls=urls, objects=objects)
    probing.probe_now(clock=CLOCK)
    checkpoint(urls)
    before, spent = forget_peak(), processors.spent()
    ours = seconds(lambda: _run(org, objects=objects))
    cost, peak = processors.told(spent, seconds=ours), peak_mib()
    lines = [f"{name}: live run over {objects:,} objects of 4 KiB: {objects / ours:,.0f} objects/s; {cost}"]
    for how, taken, cost in _yardsticks(objects=objects, server=server):
        figures = "" if taken is None else f": {objects / taken:,.0f}/s, ratio {taken / ours:.2f}; {cost}"
        lines.append(f"{name}: {how}{figures}")
    return [
        *lines,
        f"{name}: memory of the process: {peak:,.0f} MiB, {peak - before:,.0f} of it by the run",
    ]


def _keys(org: int, queues: list[int], *, objects: int) -> list[tuple[str, int, int]]:
    """Keys with their queue and age in days: spread evenly over queues and days."""
    today = local_day(CLOCK.now(), zone=parse_zone("Europe/Berlin"))
    found = []
    for number in range(objects):
        queue, age = queues[number % QUEUES], 20 + number // QUEUES % DAYS
        day = today - timedelta(days=age)
        found.append((f"org_{org}/que_{queue}/{day}/audio/{uuid.uuid4().hex}", queue, age))
    return found


def _organization(name: str, *, urls: Urls, objects: int) -> Organization:
    """One organization, armed, whose recordings are all due but those of a day; a neighbour is the other store's."""
    org = onboard(f"On {name}", zone="Europe/Berlin", onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench")
    with acting_in(org.id) as cursor:
        cursor.execute(
            "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Q' || n FROM generate_series(1, %s) n RETURNING id",
            [org.id, QUEUES],
        )
        queues = sorted(row[0] for row in cursor.fetchall())
    keys = _keys(org.id, queues, objects=objects)
    object_store().put(f"org_{org.id}/mark", [b"x"])
    object_store().destroy([f"org_{org.id}/mark"])
    _write(object_store(), [key for key, _, _ in keys])
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        with admin.cursor().copy(
            "COPY media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason) "
            "FROM STDIN"
        ) as copy:
            for key, queue, age in keys:
                row = (org.id, queue, today - timedelta(days=age), "audio", key, len(BODY), b"", uuid.uuid4(), "")
                copy.write_row(row)
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, kind, count(*), sum(bytes) FROM media_mediaobject WHERE org_id = %s "
            "GROUP BY 1, 2, 3, 4",
            [org.id],
        )
        admin.execute("ANALYZE media_mediaobject, catalog_cell")
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(10), queues=frozenset(), actor="bench")
    orgs.arm(org.id, reason="bench", actor="bench", now=CLOCK.now())
    return org


def _write(store: Objects, keys: list[str]) -> None:
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(lambda key: obstore.put(store.opened.store, key, BODY), keys))


def _run(org: Organization, *, objects: int) -> None:
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="bench", now=CLOCK.now())
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    asked = services.Asked(trigger="manual", local_date=today, plan_id=public_id("plan", plan.id))
    run = services.start_run(org.id, asked=asked, clock=CLOCK)
    if (run.outcome, run.purged) != ("completed", objects):
        raise SystemExit(f"the run ended {run.outcome} with {run.purged} of {objects}: {run.reason}")


def _yardsticks(*, objects: int, server: seaweed.Seaweed | None) -> Iterator[tuple[str, float | None, str]]:
    """Delete as many objects in other ways; gives each way, its seconds or None where it is not there, its cost."""
    store = object_store()

    def bare() -> None:
        found = [meta["path"] for page in obstore.list(store.opened.store, "bare", chunk_size=1_000) for meta in page]
        obstore.delete(store.opened.store, found)

    ways: list[tuple[str, Callable[[], object] | None]] = [("bare obstore, the list of them", bare)]
    if server is not None:
        base = f"s3://{seaweed.BUCKET}/ours/bare"
        ways += [
            ("boto3, DeleteObjects of 1,000 in 16 threads", lambda: _boto3(_patient(server))),
            _tool("s5cmd", ["--endpoint-url", server.endpoint, "rm", f"{base}/*"]),
            _tool("rclone", [
                "delete", "--checkers", "16", "--transfers", "16",
                f":s3,provider=Other,env_auth=true,endpoint='{server.endpoint}':{seaweed.BUCKET}/ours/bare",
            ]),
        ]  # fmt: skip
    for how, deed in ways:
        if deed is None:
            yield how, None, ""
            continue
        _write(store, [f"bare/{number % 40}/audio/{uuid.uuid4().hex}" for number in range(objects)])
        spent = processors.spent()
        taken = seconds(deed)
        cost = processors.told(spent, seconds=taken)
        if any(page for page in obstore.list(store.opened.store, "bare")):
            raise SystemExit(f"{how} left something: no figure is worth anything")
        yield how, taken, cost


def _patient(server: seaweed.Seaweed) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=seaweed.OWNER,
        aws_secret_access_key=seaweed.SECRET,
        region_name="us-east-1",
        config=Config(max_pool_connections=16, read_timeout=60),
    )


def _boto3(client: Any) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=seaweed.BUCKET, Prefix="ours/bare/")
    parts = [[{"Key": found["Key"]} for found in page.get("Contents", [])] for page in pages]

    def delete(part: list[dict[str, str]]) -> None:
        client.delete_objects(Bucket=seaweed.BUCKET, Delete={"Objects": part, "Quiet": True})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(delete, parts))


def _tool(name: str, arguments: list[str]) -> tuple[str, Callable[[], object] | None]:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        return f"{name}: not measured, it is not installed", None
    # the server is spoken to without TLS, and a bundle of certificates in the environment is too much for rclone
    plain = {key: value for key, value in os.environ.items() if key != "AWS_CA_BUNDLE"}
    return name, lambda: subprocess.run([found, *arguments], check=True, stdout=sys.stderr, env=plain)

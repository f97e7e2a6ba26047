"""The operator's console over thousands of organizations that all have data, jobs, runs and trouble of their own."""

import statistics
from datetime import timedelta

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.orgs.models import User
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
QUEUES, DAYS, NIGHTS = 5, 50, 60
TURNS = 9
_BACKEND = "django.contrib.auth.backends.ModelBackend"
_PAGES = {
    "organizations": "/platform/",
    "organizations, longest overdue first": "/platform/?orgs.sort=-overdue",
    "organizations, by storage": "/platform/?orgs.sort=-storage",
    "organizations in trouble": "/platform/?state=trouble",
    "organizations, searched": "/platform/?orgs.find=77",
    "one organization": "/platform/orgs/org_17/",
    "runs of the last two weeks": "/platform/runs/",
    "the same, most failures first": "/platform/runs/?runs.sort=-failed",
    "the same, of organizations searched": "/platform/runs/?runs.find=77",
    "failed runs since ever": "/platform/runs/?outcome=failed&since=",
    "workers": "/platform/workers/",
    "kill switch": "/platform/switch/",
}
_BOOKKEEPING = ("SELECT current_setting", "SELECT set_config", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


def fill(urls: Urls, *, count: int) -> int:
    """Write organizations as superuser, past triggers: each with Qs, cells, jobs, a plan and a run a night.

    Each has a Global job, every second one a Q job over two Qs; every third is armed, one in fifty of its runs failed.
    """
    today = CLOCK.now().date()
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            """
            INSERT INTO orgs_organization (id, name, zone, onboarded_on, night_at, armed, armed_at, stopped,
                jobs_version, share_cap_percent, pepper)
            SELECT n, 'Centre ' || n,
                (ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney'])[1 + n %% 4],
                '2023-01-01', '02:00', n %% 3 = 0, CASE WHEN n %% 3 = 0 THEN now() END, false, 1, 20, '\\x00'
            FROM generate_series(1, %s) n
            """,
            [count],
        )
        admin.execute(
            "INSERT INTO catalog_queue (id, org_id, name) SELECT n * 10 + q, n, 'Q ' || q "
            "FROM generate_series(1, %s) n, generate_series(1, %s) q",
            [count, QUEUES],
        )
        admin.execute(
            "INSERT INTO policies_retentionjob (id, org_id, type, what, days, version) "
            "SELECT n, n, 'global', 'all', 400, 1 FROM generate_series(1, %(n)s) n "
            "UNION ALL SELECT 1000000 + n, n, 'queue', 'desktop', 30, 1 FROM generate_series(2, %(n)s, 2) n",
            {"n": count},
        )
        admin.execute(
            "INSERT INTO policies_jobqueue (org_id, job_id, queue_id) "
            "SELECT n, 1000000 + n, n * 10 + q FROM generate_series(2, %s, 2) n, generate_series(1, 2) q",
            [count],
        )
        admin.execute(
            """
            INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes)
            SELECT n, %(today)s::date - d * (CASE WHEN n %% 10 = 0 THEN 9 ELSE 7 END), kind, n * 10 + q, 5, 100000
            FROM generate_series(1, %(n)s) n, generate_series(1, %(days)s) d, generate_series(1, %(queues)s) q,
                unnest(ARRAY['insights', 'audio', 'transcript', 'desktop']) kind
            """,
            {"today": today, "n": count, "days": DAYS, "queues": QUEUES},
        )
        admin.execute(
            """
            INSERT INTO runs_plan (id, org_id, as_of, made_on, made_at, jobs_version, armed, cells, items, bytes,
                population, population_bytes, sha256, confirmed_by)
            SELECT d * %(n)s + n, n, %(first)s::date + d, %(first)s::date + d,
                %(first)s::date + d * interval '1 day', 1, n %% 3 = 0, 10, 50, 1000000, 5000, 100000000, '\\x00', ''
            FROM generate_series(0, %(nights)s - 1) d, generate_series(1, %(n)s) n
            """,
            {"n": count, "nights": NIGHTS, "first": today - timedelta(days=NIGHTS - 1)},
        )
        admin.execute(
            """
            INSERT INTO runs_run (id, org_id, plan_id, local_date, trigger, mode, outcome, reason, frozen_at,
                started_at, ended_at, worker, purged, purged_bytes, kept, failed, not_reached)
            SELECT p.id, p.org_id, p.id, p.as_of, 'nightly', CASE WHEN p.armed THEN 'live' ELSE 'simulated' END,
                CASE WHEN NOT p.armed THEN 'simulated' WHEN p.id % 50 = 0 THEN 'failed' ELSE 'completed' END, '',
                p.made_at, p.made_at, p.made_at + interval '1 minute', '',
                CASE WHEN p.armed THEN 50 ELSE 0 END, CASE WHEN p.armed THEN 1000000 ELSE 0 END, 0,
                CASE WHEN p.armed AND p.id % 50 = 0 THEN 7 ELSE 0 END, 0
            FROM runs_plan p ORDER BY p.id
            """
        )
        cells = admin.execute("SELECT count(*) FROM catalog_cell").fetchone()
        admin.execute("VACUUM ANALYZE")
    checkpoint(urls)
    return 0 if cells is None else int(cells[0])


def measure(urls: Urls, *, count: int) -> list[str]:
    """Ask for every page of the console, signed in as the operator."""
    cells = fill(urls, count=count)
    client = Client(headers={"host": "localhost"})
    olga = User(email="olga@example.org", is_operator=True)
    olga.set_unusable_password()
    olga.save()
    client.force_login(olga, backend=_BACKEND)
    lines = [f"the console over {count:,} organizations, {cells:,} cells, {count * NIGHTS:,} runs (asked: 150 ms, 20)"]
    return lines + [_page(client, name=name, path=path) for name, path in _PAGES.items()]


def _page(client: Client, *, name: str, path: str) -> str:
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answers {answer.status_code}: no figure is worth anything")
    with CaptureQueriesContext(connection) as captured:
        size = len(client.get(path).content)
    statements = sum(not one["sql"].startswith(_BOOKKEEPING) for one in captured.captured_queries)
    taken = [seconds(lambda: client.get(path)) * 1000 for _turn in range(TURNS)]
    return (
        f"{name}: {statistics.median(taken):.0f} ms (at best {min(taken):.0f}), {statements} statements, "
        f"{size / 1000:.0f} kB"
    )

"""Every page on a database of 5 M report rows: time in the server, statements, bytes; and thousands of organizations.

Pages are asked through the whole of Django, signed in, one after the other; what they send is not rendered. A page that
cannot be opened with what is here is named, so that none is forgotten.
"""

import re
import secrets
import statistics
from collections.abc import Iterator
from datetime import timedelta

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from bench.measure import Urls, seconds
from ebbtide.apps.catalog.services import recount
from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
DAYS, QUEUES, NEIGHBOURS = 500, 300, 9
TURNS = 5
ASKED_MS, ASKED_STATEMENTS = 150, 20
BACKEND = "django.contrib.auth.backends.ModelBackend"
_BOOKKEEPING = ("SELECT current_setting", "SELECT set_config", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
_OUTSIDE = re.compile(r"sign-|set-up|invitation|account|password")


def fill(urls: Urls, *, rows: int, orgs_besides: int) -> Organization:
    """Write one organization with half of all rows and objects, nine that share the rest, and many quiet ones.

    Written as superuser, past triggers, as in the benchmark of the purge; the cells are counted afterwards.
    """
    centres = [
        onboard(f"Centre {n}", zone="Europe/Berlin", onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench")
        for n in range(NEIGHBOURS + 1)
    ]
    for number in range(orgs_besides):
        onboard(
            f"Quiet {number}", zone="America/New_York", onboarded_on=CLOCK.now().date().replace(year=2023), actor="b"
        )
    first = []
    for org in centres:
        with acting_in(org.id) as cursor:
            cursor.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Queue ' || to_char(n, 'FM000') "
                "FROM generate_series(1, %s) n RETURNING id",
                [org.id, QUEUES],
            )
            first.append(min(row[0] for row in cursor.fetchall()))
    today = local_day(CLOCK.now(), zone=parse_zone("Europe/Berlin"))
    days = [today - timedelta(days=age) for age in range(DAYS, 0, -1)]
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SELECT insights_ensure_days(%s::date[])", [days])
        admin.execute("SET session_replication_role = replica")
        for day in days:
            admin.execute(
                """
                INSERT INTO insights_segment
                    (org_id, queue_id, day, id, source_key, interaction, channel, customer, agent, queued_at, ended_at,
                     talk_s, wait_s, outcome)
                SELECT o.org, o.first_queue + (random() * %(queues)s - 0.5)::int, %(day)s, gen_random_uuid(),
                    'bench-' || %(day)s || '-' || n, 'call-' || %(day)s || '-' || n, 'voice',
                    '+4930' || (random() * 1e7)::int, 'agent-' || (random() * 100)::int,
                    %(day)s::date + interval '11 hours', %(day)s::date + interval '12 hours',
                    (random() * 600)::int, (random() * 60)::int, 'answered'
                FROM (SELECT n, CASE WHEN random() < 0.5 THEN 1 ELSE 2 + (random() * %(others)s - 0.5)::int END AS who
                      FROM generate_series(1, %(count)s) n OFFSET 0) d
                JOIN unnest(%(orgs)s::int[], %(first)s::int[]) WITH ORDINALITY AS o (org, first_queue, place)
                    ON o.place = d.who
                ORDER BY o.org, 2
                """,
                {
                    "day": day,
                    "count": rows // DAYS,
                    "queues": QUEUES - 1,
                    "others": NEIGHBOURS - 1,
                    "orgs": [org.id for org in centres],
                    "first": first,
                },
            )
        admin.execute(
            "INSERT INTO insights_identity (org_id, id, queue_id, day) "
            "SELECT org_id, id, queue_id, day FROM insights_segment"
        )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, 'insights', count(*), sum(bytes) FROM insights_segment GROUP BY 1, 2, 3"
        )
        admin.execute(
            """
            INSERT INTO media_mediaobject (org_id, queue_id, day, kind, key, bytes, sha256, segment_id, left_reason)
            SELECT c.org_id, c.queue_id, c.day, k,
                concat('org_', c.org_id, '/que_', c.queue_id, '/', c.day, '/', k, '/', gen_random_uuid()),
                CASE k WHEN 'audio' THEN 480000 WHEN 'desktop' THEN 9000000 ELSE 4000 END, '\\x00',
                gen_random_uuid(), ''
            FROM catalog_cell c CROSS JOIN unnest(ARRAY['audio', 'transcript', 'desktop']) k
            WHERE c.org_id = %s
            """,
            [centres[0].id],
        )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, kind, count(*), sum(bytes) FROM media_mediaobject GROUP BY 1, 2, 3, 4"
        )
    for org in centres:
        recount(org.id)
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")  # as the server does by itself within a minute
    return centres[0]


def people(org: Organization) -> tuple[Client, Client]:
    """An admin of the organization and the platform's operator, signed in."""
    password = secrets.token_urlsafe(16)
    admin = orgs.create_user("alice@example.org", password=password)
    orgs.add_member(org.id, user=admin, is_admin=True)
    operator = orgs.create_user("olga@example.org", password=password, is_operator=True)
    clients = []
    for user in (admin, operator):
        client = Client(headers={"host": "localhost"})
        client.force_login(user, backend=BACKEND)
        clients.append(client)
    return clients[0], clients[1]


def addresses(resolver: URLResolver | None = None, *, before: str = "") -> Iterator[tuple[str, str]]:
    """Every address of the product by name."""
    for one in (resolver or get_resolver()).url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLPattern):
            if one.name:
                yield one.name, route
        elif one.namespace is None:  # programs' addresses have one, and are no pages
            yield from addresses(one, before=route)


def measure(urls: Urls, *, rows: int, orgs_besides: int) -> list[str]:
    """Ask for every page and tell what it took."""
    org = fill(urls, rows=rows, orgs_besides=orgs_besides)
    sum_up(org, now=CLOCK.now(), stop=lambda: False)  # as a worker does
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT id FROM catalog_queue WHERE org_id = %s ORDER BY id", [org.id])
        queues = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT count(*) FROM catalog_cell WHERE org_id = %s", [org.id])
        cells = cursor.fetchone()[0]
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(400), queues=frozenset(), actor="bench")
    job = create_job(
        org.id, type=JobType.QUEUE, what=What.DESKTOP, days=Days(30), queues=frozenset(queues[:150]), actor="bench"
    )
    run = start_run(
        org.id, asked=Asked(trigger="manual", local_date=local_day(CLOCK.now(), zone=parse_zone(org.zone))), clock=CLOCK
    )
    admin, operator = people(org)
    ids = {
        "org": public_id("org", org.id),
        "job": public_id("job", job.id),
        "run": public_id("run", run.id),
        "plan": public_id("plan", run.plan_id),
    }
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT source_key FROM insights_segment WHERE org_id = %s LIMIT 1", [org.id])
        key = cursor.fetchone()[0]
    queries = {"why": f"?id={key}", "job_preview": "?type=global&days=200"}
    lines = [
        f"{rows:,} report rows, {cells:,} cells of one organization, {orgs_besides + NEIGHBOURS + 1:,} organizations"
    ]
    for name, route in sorted(addresses(), key=lambda one: one[1]):
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", route)
        if _OUTSIDE.search(route) or not set(wanted) <= ids.keys():
            continue
        path = reverse(name, kwargs={part: ids[part] for part in wanted}) + queries.get(name, "")
        lines += _page(operator if route.startswith("platform/") else admin, name=name, path=path)
    return lines


def _page(client: Client, *, name: str, path: str) -> list[str]:
    answer = client.get(path)
    if answer.status_code != 200 or answer.get("Content-Disposition", "").startswith("attachment"):
        return [f"{name}: not measured ({answer.status_code})"]
    with CaptureQueriesContext(connection) as captured:
        size = len(client.get(path).content)
    statements = sum(not one["sql"].startswith(_BOOKKEEPING) for one in captured.captured_queries)
    taken = statistics.median(seconds(lambda: client.get(path)) for _turn in range(TURNS)) * 1000
    over = " TOO MUCH" if taken > ASKED_MS or statements > ASKED_STATEMENTS else ""
    return [f"{name}: {taken:.0f} ms, {statements} statements, {size / 1000:.0f} kB{over}"]

"""A whole live run (plan, guards, deletion, book, verification) against one bare big DELETE of the same rows.

The rows lie as they arrived: day by day, organizations and queues interleaved at random. Half of one organization's
rows are due; the others' rows in the same partitions must be passed by.
"""

from datetime import timedelta

import psycopg

from bench.measure import Urls, checkpoint, peak_mib, seconds
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.apps.runs import planning, services
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock

DAYS = 250
QUEUES = 20
BIG_SHARE = 0.4
NEIGHBOURS = 9
CLOCK = SystemClock()

_COLUMNS = "org_id, queue_id, day, id, source_key, channel, customer, agent, ended_at, talk_s, wait_s, outcome"
_ROWS = """
    SELECT o.org, o.first_queue + (random() * {queues} - 0.5)::int, d.day, gen_random_uuid(), 'bench-' || d.n,
        'voice', '+4930' || (random() * 1e7)::int, 'agent-' || (random() * 100)::int,
        d.day + interval '12 hours', (random() * 600)::int, (random() * 60)::int, 'answered'
    FROM (SELECT %(day)s::date AS day, n,
            CASE WHEN random() < {share} THEN 1 ELSE 2 + (random() * {others} - 0.5)::int END AS who
          FROM generate_series(1, %(count)s) n OFFSET 0) d
    JOIN unnest(%(orgs)s::int[], %(queues)s::int[]) WITH ORDINALITY AS o (org, first_queue, place) ON o.place = d.who
"""


def organizations() -> list[tuple[Organization, int]]:
    """One big organization and its neighbours, each with its queues; gives the first queue's number."""
    found = []
    for number in range(NEIGHBOURS + 1):
        org = onboard(
            f"Centre {number}", zone="Europe/Berlin", onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench"
        )
        with acting_in(org.id) as cursor:
            cursor.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Q' || n FROM generate_series(1, %s) n "
                "RETURNING id",
                [org.id, QUEUES],
            )
            found.append((org, min(row[0] for row in cursor.fetchall())))
    return found


def fill(urls: Urls, *, centres: list[tuple[Organization, int]], rows: int) -> None:
    """Write the same rows twice: into the product's tables with their cells, and into a bare table.

    Written as superuser, past row-level security and triggers, because only the layout matters here; the cells are
    counted afterwards. Ingest has its own benchmark.
    """
    today = local_day(CLOCK.now(), zone=parse_zone("Europe/Berlin"))
    days = [today - timedelta(days=age) for age in range(DAYS, 0, -1)]
    sql = _ROWS.format(queues=QUEUES - 1, share=BIG_SHARE, others=NEIGHBOURS - 1)
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SELECT insights_ensure_days(%s::date[])", [days])
        admin.execute("SET session_replication_role = replica")
        admin.execute("CREATE TABLE bare (LIKE insights_segment INCLUDING GENERATED, PRIMARY KEY (org_id, id))")
        for day in days:
            admin.execute(
                f"INSERT INTO insights_segment ({_COLUMNS}) {sql} ORDER BY random()",
                {
                    "day": day,
                    "count": rows // DAYS,
                    "orgs": [org.id for org, _ in centres],
                    "queues": [queue for _, queue in centres],
                },
            )
            admin.execute(
                f"INSERT INTO bare ({_COLUMNS}) SELECT {_COLUMNS} FROM insights_segment WHERE day = %s", [day]
            )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, 'insights', count(*), sum(bytes) FROM insights_segment GROUP BY 1, 2, 3"
        )
        admin.execute("ANALYZE bare")


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Run both ways once and tell the figures."""
    centres = organizations()
    fill(urls, centres=centres, rows=rows)
    org = centres[0][0]
    period = DAYS // 2
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(period), queues=frozenset(), actor="bench")
    orgs.arm(org.id, reason="bench", actor="bench", now=CLOCK.now())
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))

    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        checkpoint(urls)
        bare_rows = 0

        def big_delete() -> None:
            nonlocal bare_rows
            bare_rows = admin.execute(
                "DELETE FROM bare WHERE org_id = %s AND day < %s", [org.id, today - timedelta(days=period)]
            ).rowcount

        bare = seconds(big_delete)
        others = _others(admin, org=org.id)
        checkpoint(urls)
        before = peak_mib()
        wal = admin.execute("SELECT pg_current_wal_lsn()").fetchone()
        purged = 0

        def whole_run() -> None:
            nonlocal purged
            plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
            planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="bench", now=CLOCK.now())
            asked = services.Asked(trigger="manual", local_date=today, plan_id=public_id("plan", plan.id))
            run = services.start_run(org.id, asked=asked, clock=CLOCK)
            if run.outcome != "completed":
                raise SystemExit(f"the run ended {run.outcome}: {run.reason}")
            purged = run.purged

        ours = seconds(whole_run)
        written = admin.execute("SELECT pg_current_wal_lsn() - %s::pg_lsn", wal).fetchone()
        if purged != bare_rows or _others(admin, org=org.id) != others:
            raise SystemExit(f"the run took {purged} rows, the yardstick {bare_rows}: no figure is worth anything")
    return [
        f"live run, {purged:,} of {rows:,} rows as they arrived: {purged / ours:,.0f} rows/s",
        f"bare big DELETE of the same rows: {purged / bare:,.0f} rows/s",
        f"ratio {bare / ours:.2f} (asked here: 0.3)",
        f"WAL of the run: {(written[0] if written else 0) / purged:,.0f} B/row",
        f"peak memory of the process: {peak_mib():,.0f} MiB (asked: 300), {peak_mib() - before:,.0f} of it by the run",
    ]


def _others(admin: "psycopg.Connection[tuple[int, ...]]", *, org: int) -> int:
    row = admin.execute("SELECT count(*) FROM insights_segment WHERE org_id <> %s", [org]).fetchone()
    return row[0] if row else -1

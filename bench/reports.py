"""The 12-month summary of Qs, from sums and from rows: one organization with many segments beside others."""

import statistics
from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.http import QueryDict

from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.orgs.database import acting_in, seeing_one_moment
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.reports.asked import report_asked
from ebbtide.apps.reports.pages import insights_page
from ebbtide.apps.reports.reading import read_report
from ebbtide.apps.reports.tables import INTERVALS, QUEUES
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.engine.clock import SystemClock
from ebbtide.web.listing import asked_of

CLOCK = SystemClock()
QUEUES_EACH, DAYS, TURNS = 20, 800, 5
ASKED_MS = 300


def fill(urls: Urls, *, rows: int) -> Organization:
    """Write one organization with half of all rows, over 800 days, and nine with the rest; past triggers."""
    centres = [
        onboard(f"Centre {n}", zone="Europe/Berlin", onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench")
        for n in range(10)
    ]
    first = []
    for org in centres:
        with acting_in(org.id) as cursor:
            cursor.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Queue ' || n FROM generate_series(1, %s) n "
                "RETURNING id",
                [org.id, QUEUES_EACH],
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
                INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel, queued_at, ended_at,
                    wait_s, talk_s, hold_s, wrap_s, outcome)
                SELECT o.org, o.first_queue + (d.n %% %(queues)s), %(day)s, gen_random_uuid(), 'b-' || d.n, 'voice',
                    %(day)s::date + d.at, %(day)s::date + d.at, (random() * 300)::int, (random() * 600)::int,
                    (random() * 60)::int, 30, CASE WHEN random() < 0.1 THEN 'abandoned' ELSE 'answered' END
                FROM (SELECT n, interval '6 hours' + random() * interval '14 hours' AS at,
                        CASE WHEN random() < 0.5 THEN 1 ELSE 2 + (random() * 8.98 - 0.49)::int END AS who
                      FROM generate_series(1, %(count)s) n OFFSET 0) d
                JOIN unnest(%(orgs)s::int[], %(first)s::int[]) WITH ORDINALITY AS o (org, first_queue, place)
                    ON o.place = d.who
                ORDER BY 1, 2
                """,
                {
                    "day": day,
                    "count": rows // DAYS,
                    "queues": QUEUES_EACH,
                    "orgs": [org.id for org in centres],
                    "first": first,
                },
            )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, 'insights', count(*), sum(bytes) FROM insights_segment GROUP BY 1, 2, 3"
        )
        admin.execute("VACUUM ANALYZE")
    checkpoint(urls)
    return centres[0]


def measure(urls: Urls, *, rows: int) -> list[str]:
    """Time the report with everything its page shows, compared with the year before."""
    org = fill(urls, rows=rows)

    def report() -> object:
        query, now = QueryDict("range=year"), CLOCK.now()
        today = local_day(now, zone=parse_zone(org.zone))
        with seeing_one_moment(org.id):
            asked = report_asked(query, today=today, known=())
            read = read_report(org, asked=asked, now=now)
            return insights_page(
                org,
                report=read,
                queues=asked_of(query, table=QUEUES),
                intervals=asked_of(query, table=INTERVALS),
                can_set=False,
            )

    from_rows = seconds(report)
    taken = seconds(lambda: sum_up(org, now=CLOCK.now(), stop=lambda: False))
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE insights_hour")
        held = admin.execute("SELECT count(*), pg_total_relation_size('insights_hour') FROM insights_hour").fetchone()
        own = admin.execute("SELECT count(*) FROM insights_segment WHERE org_id = %s", [org.id]).fetchone()
    if held is None or own is None:
        raise SystemExit("nothing was counted: no figure is worth anything")
    return [
        f"{own[0]:,} segments of one organization among {rows:,}, {QUEUES_EACH} Qs, {DAYS} days",
        f"made {held[0]:,} sums of {held[1] / 2**20:.0f} MiB in {taken:.1f} s ({own[0] / taken:,.0f} segments/s)",
        f"12-month summary with its year before, from sums: {_median(report):.0f} ms (asked: {ASKED_MS})",
        f"the same from rows: {from_rows * 1000:,.0f} ms",
    ]


def _median(work: Callable[[], object]) -> float:
    return statistics.median(seconds(work) * 1000 for _turn in range(TURNS))
